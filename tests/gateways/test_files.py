"""Where photos are kept: whole, under our names, for their owner only; and what is said where that does not work.

The bucket is one of moto's server, in a process of its own, spoken to over HTTP.
"""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from buckets import KEY, SECRET, bucket_server

from returndesk.domain.errors import ConfigurationError, NotFound, Unavailable
from returndesk.embedded.listening import free_port
from returndesk.gateways.photo_folder import PhotoFolder
from returndesk.gateways.s3 import Access, S3Bucket
from returndesk.installation import Installation
from returndesk.ports import Files
from returndesk.settings import Settings

PHOTO = bytes(range(256)) * 1_000


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    """The address of an S3 server with a bucket `photos`."""
    with bucket_server("photos") as address:
        yield address


@pytest.fixture(params=["folder", "bucket"])
def files(request: pytest.FixtureRequest, tmp_path: Path) -> Files:
    """Either place, before its first photo."""
    if request.param == "folder":
        return PhotoFolder(tmp_path / "photos")
    return S3Bucket("photos", tmp_path.name, access(request.getfixturevalue("s3")))


def access(address: str, secret: str = SECRET) -> Access:
    return Access(KEY, secret, None, "eu-west-2", address)


def test_what_was_kept_is_there(files: Files) -> None:
    assert files.check()
    files.keep("pho_1.jpg", PHOTO)
    files.keep("pho_2.jpg", b"")
    assert (files.fetch("pho_1.jpg"), files.fetch("pho_2.jpg")) == (PHOTO, b"")


def test_a_file_that_is_gone_is_named_as_such(files: Files) -> None:
    with pytest.raises(NotFound) as lost:
        files.fetch("pho_1.jpg")
    assert lost.value.code == "photo_lost"


def test_the_settings_say_which_place_it_is(s3: str, tmp_path: Path) -> None:
    given = {"RETURNDESK_DATA": tmp_path, "AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET,
             "AWS_REGION": "eu-west-2", "AWS_ENDPOINT_URL": s3}  # fmt: skip
    folder = Installation(Settings(_env_file=None, **given))
    bucket = Installation(Settings(_env_file=None, RETURNDESK_PHOTOS="s3://photos/of-the-shop", **given))
    for installation in (folder, bucket):
        installation.files.keep("pho_7.jpg", PHOTO)
    assert (tmp_path / "photos" / "pho_7.jpg").read_bytes() == PHOTO
    assert S3Bucket("photos", "of-the-shop", access(s3)).fetch("pho_7.jpg") == PHOTO


# The folder ---------------------------------------------------------------------------------------


def test_what_was_kept_is_there_for_its_owner_only(tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    files = PhotoFolder(folder)
    files.keep("pho_1.jpg", PHOTO)
    assert files.fetch("pho_1.jpg") == PHOTO
    assert [path.name for path in folder.iterdir()] == ["pho_1.jpg"]
    assert stat.S_IMODE((folder / "pho_1.jpg").stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


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


# The bucket ---------------------------------------------------------------------------------------


def test_a_bucket_keeps_photos_under_its_prefix(s3: str) -> None:
    for prefix in ("", "shop/returns"):
        S3Bucket("photos", prefix, access(s3)).keep("pho_9.jpg", PHOTO)
    client = boto3.client(
        "s3", endpoint_url=s3, region_name="eu-west-2", aws_access_key_id=KEY, aws_secret_access_key=SECRET
    )
    keys = {found["Key"] for found in client.list_objects_v2(Bucket="photos")["Contents"]}
    assert keys >= {"pho_9.jpg", "shop/returns/pho_9.jpg"}
    assert S3Bucket("photos", "", access(s3)).check() == "in the bucket photos, which answers"


def test_a_bucket_that_is_not_there_is_found_out_before_the_first_photo(s3: str) -> None:
    files = S3Bucket("no-such-bucket", "", access(s3))
    with pytest.raises(ConfigurationError, match="RETURNDESK_PHOTOS cannot be used"):
        files.check()
    with pytest.raises(Unavailable) as failed:
        files.keep("pho_1.jpg", PHOTO)
    assert failed.value.code == "photos_unavailable"
    with pytest.raises(Unavailable):
        files.fetch("pho_1.jpg")


def test_a_server_that_does_not_answer_is_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    files = S3Bucket("photos", "", access(f"http://127.0.0.1:{free_port()}"))
    with pytest.raises(Unavailable, match="does not answer as it should"):
        files.keep("pho_1.jpg", PHOTO)
    with pytest.raises(ConfigurationError, match="EndpointConnectionError"):
        files.check()


def test_without_a_key_there_is_no_bucket(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(ConfigurationError, match="set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"):
        S3Bucket("photos", "", Access(region="eu-west-2"))
    with pytest.raises(ConfigurationError, match="do not fit"):
        S3Bucket("photos", "", access("not an address"))
