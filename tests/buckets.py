"""An S3 server for tests: moto's, in a process of its own, that answers on loopback."""

import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

import boto3

from returndesk.embedded.listening import free_port

KEY, SECRET = "AKIAOFATEST", "the secret of a test's bucket"
START_SECONDS_MAX = 30.0


@contextmanager
def bucket_server(bucket: str) -> Iterator[str]:
    """The server's address, once it has this bucket."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait(server, address)
        client = boto3.client(
            "s3",
            endpoint_url=address,
            region_name="eu-west-2",
            aws_access_key_id=KEY,
            aws_secret_access_key=SECRET,
        )
        client.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-2"})
        yield address
    finally:
        server.terminate()
        server.wait()


def _wait(server: "subprocess.Popen[bytes]", address: str) -> None:
    give_up_at = time.monotonic() + START_SECONDS_MAX
    while True:
        try:
            urllib.request.urlopen(f"{address}/moto-api/", timeout=5).close()
        except OSError:
            assert server.poll() is None, "the server ended"
            assert time.monotonic() < give_up_at, "the server did not answer in time"
            time.sleep(0.05)
        else:
            return
