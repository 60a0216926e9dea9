"""Where photos are kept: whole, under our names, for their owner only; and what is said where that does not work."""

import os
import stat
from pathlib import Path

import pytest

from returndesk.domain.errors import ConfigurationError, NotFound, Unavailable
from returndesk.gateways.photo_folder import PhotoFolder

PHOTO = bytes(range(256)) * 1_000


def test_what_was_kept_is_there_for_its_owner_only(tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    files = PhotoFolder(folder)
    files.keep("pho_1.jpg", PHOTO)
    assert files.fetch("pho_1.jpg") == PHOTO
    assert [path.name for path in folder.iterdir()] == ["pho_1.jpg"]
    assert stat.S_IMODE((folder / "pho_1.jpg").stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_file_that_is_gone_is_named_as_such(tmp_path: Path) -> None:
    with pytest.raises(NotFound) as lost:
        PhotoFolder(tmp_path / "photos").fetch("pho_1.jpg")
    assert lost.value.code == "photo_lost"


def test_a_file_that_could_not_be_written_whole_is_not_there_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = PhotoFolder(tmp_path)

    def full(_: int) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(Unavailable, match="No space left on device") as failed:
        files.keep("pho_1.jpg", PHOTO)
    assert failed.value.code == "photos_unavailable"
    assert list(tmp_path.iterdir()) == []


def test_the_folder_is_looked_at_before_the_first_photo(tmp_path: Path) -> None:
    folder = tmp_path / "state" / "photos"
    files = PhotoFolder(folder)
    with pytest.raises(ConfigurationError, match="Photos cannot be kept in"):
        files.check()
    folder.parent.mkdir()
    assert files.check() == f"in {folder}, which can be written and is made with the first"
    assert not folder.exists()
    files.keep("pho_1.jpg", PHOTO)
    assert files.check() == f"in {folder}, which can be written"
