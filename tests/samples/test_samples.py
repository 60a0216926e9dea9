"""`returndesk up` as a new user starts it: the sample returns, what is left open for them, and a second start after they used it."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Timer

import httpx2
import pytest
from live import temporal_binary

from returndesk.embedded import leash
from returndesk.embedded.listening import free_ports

pytestmark = [pytest.mark.timeout(900), pytest.mark.long]

PORTS = ("RETURNDESK_API_PORT", "RETURNDESK_STRIPE_PORT", "RETURNDESK_SMTP_PORT", "RETURNDESK_TEMPORAL_PORT")
SECONDS_MAX = 400.0
ASK_TO_END = "Ctrl-C stops everything."
RIGHT = "Each one stands as it should, by what Stripe and the mailbox say."


@contextmanager
def up(folder: Path, ports: dict[str, str], *more: str) -> Iterator[subprocess.Popen[str]]:
    """`returndesk up`, which is ended after a while."""
    started = subprocess.Popen(
        leash.held([sys.executable, "-m", "returndesk", "up", *more]),
        env={**os.environ, **ports, "RETURNDESK_DATA": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    timer = Timer(SECONDS_MAX, started.kill)
    timer.start()
    try:
        yield started
    finally:
        started.terminate()
        started.communicate()
        timer.cancel()


def said_until(started: subprocess.Popen[str], words: str) -> str:
    """What it says until it says that, or ends."""
    assert started.stdout is not None
    said = []
    for line in started.stdout:
        said.append(line)
        if words in line:
            break
    return "".join(said)


def test_the_samples_live_through_their_lives_and_what_is_left_open_is_theirs_who_use_it(
    tmp_path: Path,
) -> None:
    temporal_binary()
    folder = tmp_path / "state"
    ports = dict(zip(PORTS, map(str, free_ports(len(PORTS))), strict=True))
    with up(folder, ports) as first:
        said = said_until(first, ASK_TO_END)
        assert (
            "11 sample returns: 5 closed, 1 expired, 1 requested, 1 authorized, 1 received, 1 decided, 1 settling. "
            "Stripe refunded 343.82 GBP; 36 mails.\n"
        ) in said
        assert RIGHT in said
        rma = {
            name: re.findall(rf"^{name}: .*\n  (RMA-\S+), order", said, re.MULTILINE)[0]
            for name in ("to answer", "on its way")
        }
        # Somebody goes on with two of them.
        for name, path, body in (
            ("to answer", "authorization", {}),
            ("on its way", "receipts", {"items": [{"line": 1, "quantity": 3}]}),
        ):
            role = {"authorization": "rep", "receipts": "warehouse"}[path]
            token = (folder / "tokens" / role).read_text().strip()
            answer = httpx2.post(
                f"http://127.0.0.1:{ports['RETURNDESK_API_PORT']}/api/v1/returns/{rma[name]}/{path}",
                json=body,
                headers={"Authorization": f"Bearer {token}", "Idempotency-Key": f"try-{path}"},
                timeout=30,
            )
            assert answer.status_code == 200, answer.text

    with up(folder, ports, "--once") as second:
        said = said_until(second, "nothing: it is read to its end")
        assert second.wait(30) == 0
    assert "11 sample returns: 5 closed, 1 expired, 1 authorized, 2 received, 1 decided, 1 settling." in said
    assert "Stripe says: asked once, and it came back." in said
    assert "SAMPLE-1007, SAMPLE-1008, SAMPLE-1009, SAMPLE-1010, SAMPLE-1011 are left open" in said
    assert RIGHT in said
    moved = re.findall(r"^\w{3} \d\d \w{3} \d\d:\d\d  ", said.partition("plain: one of")[0], re.MULTILINE)
    assert moved == [], "nothing was gone on with, and no clock moved"
