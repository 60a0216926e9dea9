"""Photos that people send: cleaned in a process of their own (`photo_cleaning`), a few at a time."""

import asyncio
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import structlog

from returndesk.domain.errors import InvalidInput

SENT_BYTES_MAX: Final = 10 * 1024 * 1024
SENT_AS: Final = ("image/jpeg", "image/png", "image/webp")
KEPT_AS: Final = "image/jpeg"

_PROGRAM: Final = Path(__file__).with_name("photo_cleaning.py")
_UNREADABLE, _TOO_MANY_PIXELS = 3, 4
"""How the program says no."""
_SECONDS_MAX: Final = 60.0
_CLEANERS: Final = ThreadPoolExecutor(2, "photos")
"""Threads of their own: those that wait here must not keep the books waiting."""

_log = structlog.get_logger(__name__)


async def clean(sent: bytes) -> bytes:
    """The photo as a JPEG of pixels and nothing else, at most 2,000 px a side.

    Raises `InvalidInput`: `photo_unreadable` where it is no whole JPEG, PNG or WebP, `photo_too_many_pixels` above
    50 megapixels.
    """
    return await asyncio.get_running_loop().run_in_executor(_CLEANERS, _cleaned, sent)


def _cleaned(sent: bytes) -> bytes:
    ended, photo = _run(sent)
    if ended == 0:
        return photo
    if ended == _TOO_MANY_PIXELS:
        raise InvalidInput(
            "photo_too_many_pixels",
            "The photo has more than 50 megapixels. Nothing was kept. Send a smaller one.",
        )
    if ended is not None and 0 < ended < _UNREADABLE:
        raise RuntimeError("the program that cleans photos cannot start")
    if ended != _UNREADABLE:  # it was killed: no memory, no time, or a decoder broke
        _log.warning("photo_broke_its_cleaner", ended=ended, size_bytes=len(sent))
    raise InvalidInput(
        "photo_unreadable",
        "This is not a whole JPEG, PNG or WebP photo. Nothing was kept. Take it again; a photo in another format "
        "(HEIC) has to be saved as JPEG first.",
    )


def _run(sent: bytes) -> tuple[int | None, bytes]:
    """How the program ended (None: it took too long, and was stopped) and what it wrote."""
    # -P: beside the program lie modules of ours that it must not take for others.
    command = [sys.executable, "-P", str(_PROGRAM)]
    try:
        done = subprocess.run(
            command,
            input=sent,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=_SECONDS_MAX,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return None, b""
    return done.returncode, done.stdout
