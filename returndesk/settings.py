"""Every setting, from the environment or a `.env` file; built only where a process starts.

Anything set wins over the embedded part. A half-set real configuration is an error, never a silent fall-back
to the sandbox (DESIGN 6).
"""

import re
from ipaddress import ip_network
from pathlib import Path
from typing import Self

from pydantic import AliasChoices, Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from returndesk.domain.errors import ConfigurationError

ROOT = Path(__file__).resolve().parent.parent

BUCKET = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:/([A-Za-z0-9._/-]*))?")
"""Where photos are kept: a bucket's name (S3's own rules), and what the keys in it begin with."""


class Settings(BaseSettings):
    """The environment. Empty values count as not set."""

    model_config = SettingsConfigDict(
        env_file=".env", extra="ignore", env_ignore_empty=True, hide_input_in_errors=True
    )

    data: Path = Field(default=Path(".state"), validation_alias="RETURNDESK_DATA")
    database_url: str | None = Field(default=None, validation_alias="RETURNDESK_DATABASE_URL")
    policy_path: Path = Field(default=ROOT / "policy.toml", validation_alias="RETURNDESK_POLICY")
    public_url: str | None = Field(default=None, validation_alias="RETURNDESK_PUBLIC_URL")
    secret: str | None = Field(default=None, min_length=32, validation_alias="RETURNDESK_SECRET")
    api_host: str = Field(default="127.0.0.1", validation_alias="RETURNDESK_API_HOST")
    api_port: int = Field(default=8400, ge=0, le=65535, validation_alias="RETURNDESK_API_PORT")
    trusted_proxies: str | None = Field(default=None, validation_alias="RETURNDESK_TRUSTED_PROXIES")
    stripe_port: int = Field(default=8401, ge=0, le=65535, validation_alias="RETURNDESK_STRIPE_PORT")
    smtp_port: int = Field(default=8402, ge=0, le=65535, validation_alias="RETURNDESK_SMTP_PORT")
    temporal_port: int = Field(default=8403, ge=0, le=65535, validation_alias="RETURNDESK_TEMPORAL_PORT")
    cached_runs: int = Field(default=1_000, ge=1, validation_alias="RETURNDESK_CACHED_RUNS")

    temporal_address: str | None = Field(default=None, validation_alias="TEMPORAL_ADDRESS")
    temporal_namespace: str = Field(default="default", validation_alias="TEMPORAL_NAMESPACE")
    temporal_api_key: str | None = Field(default=None, validation_alias="TEMPORAL_API_KEY")
    temporal_tls_cert: Path | None = Field(default=None, validation_alias="TEMPORAL_TLS_CLIENT_CERT_PATH")
    temporal_tls_key: Path | None = Field(default=None, validation_alias="TEMPORAL_TLS_CLIENT_KEY_PATH")
    temporal_tls_ca: Path | None = Field(default=None, validation_alias="TEMPORAL_TLS_SERVER_CA_CERT_PATH")
    temporal_tls: bool = Field(default=False, validation_alias="TEMPORAL_TLS")
    temporal_deployment: str | None = Field(default=None, validation_alias="TEMPORAL_DEPLOYMENT_NAME")
    temporal_build_id: str | None = Field(default=None, validation_alias="TEMPORAL_WORKER_BUILD_ID")

    stripe_api_key: str | None = Field(default=None, validation_alias="STRIPE_API_KEY")
    stripe_api_base: str | None = Field(default=None, validation_alias="STRIPE_API_BASE")
    stripe_webhook_secret: str | None = Field(default=None, validation_alias="STRIPE_WEBHOOK_SECRET")
    smtp_url: str | None = Field(default=None, validation_alias="SMTP_URL")

    photos: str | None = Field(default=None, validation_alias="RETURNDESK_PHOTOS")
    aws_access_key_id: str | None = Field(default=None, validation_alias="AWS_ACCESS_KEY_ID")
    aws_secret_access_key: str | None = Field(default=None, validation_alias="AWS_SECRET_ACCESS_KEY")
    aws_session_token: str | None = Field(default=None, validation_alias="AWS_SESSION_TOKEN")
    aws_region: str | None = Field(
        default=None, validation_alias=AliasChoices("AWS_REGION", "AWS_DEFAULT_REGION")
    )
    aws_endpoint_url: str | None = Field(
        default=None, validation_alias=AliasChoices("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
    )

    @model_validator(mode="after")
    def _nothing_half_set(self) -> Self:
        if self.stripe_api_base and not self.stripe_api_key:
            raise ValueError("STRIPE_API_BASE is set and STRIPE_API_KEY is not: set both, or neither.")
        if self.stripe_webhook_secret and not self.stripe_api_key:
            raise ValueError("STRIPE_WEBHOOK_SECRET is set and STRIPE_API_KEY is not: set both, or neither.")
        of_temporal = {
            "TEMPORAL_API_KEY": self.temporal_api_key,
            "TEMPORAL_TLS": self.temporal_tls,
            "TEMPORAL_TLS_SERVER_CA_CERT_PATH": self.temporal_tls_ca,
            "TEMPORAL_TLS_CLIENT_CERT_PATH": self.temporal_tls_cert,
            "TEMPORAL_DEPLOYMENT_NAME": self.temporal_deployment,
            "TEMPORAL_WORKER_BUILD_ID": self.temporal_build_id,
        }
        alone = [name for name, given in of_temporal.items() if given and not self.temporal_address]
        if alone:
            raise ValueError(f"{alone[0]} is set and TEMPORAL_ADDRESS is not: set both, or neither.")
        if bool(self.temporal_deployment) != bool(self.temporal_build_id):
            raise ValueError(
                "Of TEMPORAL_DEPLOYMENT_NAME and TEMPORAL_WORKER_BUILD_ID one is missing: set both, or neither "
                "for workers without versions."
            )
        if self.temporal_deployment and re.search(r"[.:]|^__", self.temporal_deployment):
            raise ValueError(  # Temporal refuses it poll by poll, which would look like a worker with nothing to do
                "TEMPORAL_DEPLOYMENT_NAME cannot be used: it must have no . and no : in it, nor begin with __."
            )
        if self.smtp_url and not self.public_url:
            raise ValueError(
                "SMTP_URL is set and RETURNDESK_PUBLIC_URL is not: the links in the mails would lead customers "
                "to this machine. Set it to where the pages are seen from outside."
            )
        if bool(self.temporal_tls_cert) != bool(self.temporal_tls_key):
            raise ValueError(
                "Of TEMPORAL_TLS_CLIENT_CERT_PATH and TEMPORAL_TLS_CLIENT_KEY_PATH one is missing."
            )
        if self.database_url and not self.secret:
            raise ValueError(
                "RETURNDESK_SECRET is not set, and the database is real: its links and hashes need a key that "
                "does not lie in one machine's folder. Set it to at least 32 random characters and keep it."
            )
        return self

    @field_validator("trusted_proxies")
    @classmethod
    def _named_proxies(cls, given: str | None) -> str | None:
        for name in (given or "").split(","):
            try:
                if given is not None:
                    ip_network(name.strip())
            except ValueError:  # `*` too: then everybody would say themselves where they come from
                raise ValueError(
                    "It is not a list of addresses and networks, as in 10.0.0.4,10.1.0.0/24: those that your own "
                    "proxies call from."
                ) from None
        return given

    @model_validator(mode="after")
    def _photos_whole(self) -> Self:
        if self.photos is None:  # other programs have AWS_ variables too
            return self
        if BUCKET.fullmatch(self.photos) is None:
            raise ValueError("RETURNDESK_PHOTOS is neither s3://bucket nor s3://bucket/prefix.")
        if bool(self.aws_access_key_id) != bool(self.aws_secret_access_key):
            raise ValueError("Of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY one is missing.")
        if self.aws_session_token and not self.aws_access_key_id:
            raise ValueError("AWS_SESSION_TOKEN is set and AWS_ACCESS_KEY_ID is not: set both, or neither.")
        return self

    @property
    def bucket(self) -> tuple[str, str] | None:
        """The bucket for photos and the prefix of their keys; None where a folder keeps them."""
        found = BUCKET.fullmatch(self.photos or "")
        return None if found is None else (found[1], (found[2] or "").strip("/"))

    @property
    def outside(self) -> dict[str, bool]:
        """Which outside part is real (True) and which is embedded."""
        return {
            "the database": self.database_url is not None,
            "Temporal": self.temporal_address is not None,
            "Stripe": self.stripe_api_key is not None,
            "mail": self.smtp_url is not None,
            "photo storage": self.photos is not None,
        }

    @property
    def all_embedded(self) -> bool:
        """Only then are samples loaded and clocks moved."""
        return not any(self.outside.values())


def read_settings() -> Settings:
    """The settings as they are. Raises `ConfigurationError` with a line a mistake."""
    try:
        return Settings()
    except ValidationError as error:
        lines = []
        for mistake in error.errors(include_input=False, include_url=False):
            name = ".".join(map(str, mistake["loc"]))
            text = mistake["msg"].removeprefix("Value error, ")
            lines.append(f"  {name}: {text}" if name else f"  {text}")
        raise ConfigurationError(
            "settings_invalid", "The settings have mistakes:\n" + "\n".join(lines)
        ) from None
