"""Photos in a folder of this machine, readable by their owner only.

A file appears under its name only when all of it is on the disk: what a crash leaves begins with a dot and is never
read. Every process that answers requests needs the same folder.
"""

import os
from contextlib import suppress
from pathlib import Path

import structlog

from returndesk.domain.errors import ConfigurationError, NotFound, Unavailable

_log = structlog.get_logger(__name__)


class PhotoFolder:
    """`ports.Files` on a disk. The folder is made with the first photo."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, key: str, content: bytes) -> None:
        """Write a file, force it to the disk, and only then give it its name."""
        unfinished = self._folder / f".{key}"
        try:
            self._make_folder()
            try:
                _write(unfinished, content)
                unfinished.rename(self._folder / key)
            except OSError:
                with suppress(OSError):
                    unfinished.unlink()
                raise
            _force(self._folder)
        except OSError as error:
            raise _unavailable(error) from None

    def fetch(self, key: str) -> bytes:
        """A file's bytes."""
        try:
            return (self._folder / key).read_bytes()
        except FileNotFoundError:
            raise NotFound(
                "photo_lost", "The books know this photo, and its file is gone. Restore it from the backup."
            ) from None
        except OSError as error:
            raise _unavailable(error) from None

    def check(self) -> str:
        """Whether the folder, or the one it is to be made in, can be written."""
        is_there = self._folder.exists()
        place = self._folder if is_there else self._folder.parent
        if not os.access(place, os.R_OK | os.W_OK | os.X_OK):
            raise ConfigurationError(
                "photos_unwritable",
                f"Photos cannot be kept in {self._folder}: see that {place} is there and can be written.",
            )
        return f"in {self._folder}, which can be written" + (
            "" if is_there else " and is made with the first"
        )

    def _make_folder(self) -> None:
        if not self._folder.is_dir():
            self._folder.mkdir(mode=0o700, exist_ok=True)
            _force(self._folder.parent)


def _write(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _force(folder: Path) -> None:
    """A name survives a power failure only once its folder is on the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _unavailable(error: OSError) -> Unavailable:
    _log.error("photos_unavailable", error=type(error).__name__, errno=error.errno)
    return Unavailable(
        "photos_unavailable",
        f"Photos cannot be kept or shown just now ({error.strerror}). Nothing was changed. Ask whoever runs "
        "returndesk to see to it, and send the same request again.",
    )
