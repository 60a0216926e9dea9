"""Photos in a bucket of S3, or of anything that speaks its API.

Requests are signed and time-limited, failures are tried again by the client itself: keeping the same bytes under the
same key twice changes nothing. Of the server's answers only codes leave this module.
"""

from dataclasses import dataclass
from typing import Any, Final

import boto3
import structlog
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from returndesk.domain.errors import ConfigurationError, NotFound, Unavailable

_ATTEMPTS_MAX: Final = 3
_CONNECT_SECONDS: Final = 3.0
_READ_SECONDS: Final = 20.0
_CONNECTIONS: Final = 16
_GONE: Final = frozenset({"NoSuchKey", "404"})

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Access:
    """Who we are and where the bucket is. What is None is looked for where AWS's own tools look for it."""

    access_key_id: str | None = None
    secret_access_key: str | None = None
    session_token: str | None = None
    region: str | None = None
    endpoint_url: str | None = None


class S3Bucket:
    """`ports.Files` in a bucket, under a prefix. Raises `ConfigurationError` where nobody says who we are."""

    def __init__(self, bucket: str, prefix: str, access: Access) -> None:
        self._bucket = bucket
        self._prefix = f"{prefix}/" if prefix else ""
        self._client = _client(access)

    def keep(self, key: str, content: bytes) -> None:
        """Put an object; it is there once all of it is."""
        try:
            self._client.put_object(Bucket=self._bucket, Key=self._prefix + key, Body=content)
        except (BotoCoreError, ClientError) as error:
            raise _unavailable(error) from None

    def fetch(self, key: str) -> bytes:
        """An object's bytes."""
        try:
            found = self._client.get_object(Bucket=self._bucket, Key=self._prefix + key)
            content: bytes = found["Body"].read()
        except (BotoCoreError, ClientError) as error:
            if _code(error) in _GONE:
                raise NotFound(
                    "photo_lost",
                    "The books know this photo, and its file is gone. Restore it from the backup.",
                ) from None
            raise _unavailable(error) from None
        return content

    def check(self) -> str:
        """Whether the bucket is there, and lets us in."""
        try:
            self._client.head_bucket(Bucket=self._bucket)
        except (BotoCoreError, ClientError) as error:
            raise ConfigurationError(
                "photos_unwritable",
                f"The bucket of RETURNDESK_PHOTOS cannot be used ({_code(error)}): see that it is there, that the AWS_ "
                "variables name its server and region, and that the key may list, read and write it.",
            ) from None
        return f"in the bucket {self._bucket}, which answers"


def _client(access: Access) -> Any:
    config = Config(
        connect_timeout=_CONNECT_SECONDS,
        read_timeout=_READ_SECONDS,
        retries={"mode": "standard", "total_max_attempts": _ATTEMPTS_MAX},
        max_pool_connections=_CONNECTIONS,
        # What AWS alone understands is left out, so that other servers answer too.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        s3={"addressing_style": "path" if access.endpoint_url else "auto"},
    )
    try:
        session = boto3.session.Session(
            access.access_key_id, access.secret_access_key, access.session_token, access.region
        )
        if session.get_credentials() is None:
            raise ConfigurationError(
                "photos_half_set",
                "RETURNDESK_PHOTOS is set, and nothing says who may use the bucket: set AWS_ACCESS_KEY_ID and "
                "AWS_SECRET_ACCESS_KEY, or give the machine a role.",
            )
        return session.client("s3", config=config, endpoint_url=access.endpoint_url)
    except (BotoCoreError, ValueError) as error:
        raise ConfigurationError(
            "photos_half_set",
            f"RETURNDESK_PHOTOS is set, and the AWS_ variables do not fit ({type(error).__name__}).",
        ) from None


def _code(error: Exception) -> str:
    """What went wrong, in the server's own code or by its kind."""
    if isinstance(error, ClientError):
        return str(error.response.get("Error", {}).get("Code", "unknown"))
    return type(error).__name__


def _unavailable(error: Exception) -> Unavailable:
    _log.error("photos_unavailable", code=_code(error))
    return Unavailable(
        "photos_unavailable",
        "Photos cannot be kept or shown just now: the bucket does not answer as it should. Nothing was changed. "
        "Ask whoever runs returndesk to see to it, and send the same request again.",
    )
