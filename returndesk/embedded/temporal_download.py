"""Lets the Temporal SDK download its own server; run as a program so that it can be bounded and killed.

`python -m returndesk.embedded.temporal_download FOLDER` leaves the executable in FOLDER and exits with 0, or
exits with UNREACHABLE after a moment where there is no way to the download site.
"""

import asyncio
import socket
import sys
from urllib.request import getproxies

from temporalio.testing import WorkflowEnvironment

UNREACHABLE = 3
SITE = ("temporal.download", 443)
REACH_SECONDS = 3


async def download(folder: str) -> None:
    """Download the server that suits this SDK into `folder`; starting it once is how the SDK offers that."""
    environment = await WorkflowEnvironment.start_local(download_dest_dir=folder)
    await environment.shutdown()


def reachable() -> bool:
    """Whether the download site, or a proxy that may lead to it, is there."""
    if getproxies().get("https"):
        return True
    try:
        socket.create_connection(SITE, timeout=REACH_SECONDS).close()
    except OSError:
        return False
    return True


if __name__ == "__main__":
    if not reachable():
        sys.exit(UNREACHABLE)
    asyncio.run(download(sys.argv[1]))
