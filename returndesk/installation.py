"""One installation, put together from its settings: the only place that binds ports to what implements them.

The composition roots (worker, API, command line) each build one where their process starts.
"""

import os
import secrets
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from temporalio.client import Client, TLSConfig

from returndesk.clocks import MovedClock, SystemClock
from returndesk.domain.errors import ConfigurationError
from returndesk.domain.policy import Policy, read_policy
from returndesk.gateways.holiday_table import closed_days
from returndesk.gateways.photo_folder import PhotoFolder
from returndesk.gateways.temporal import DATA_CONVERTER
from returndesk.links import Keyring, PublicLinks
from returndesk.ports import Clock, Files, Mailer, PaymentGateway
from returndesk.rendering import Renderer
from returndesk.settings import ROOT, Settings
from returndesk.store.database import Database, sqlite_url
from returndesk.store.policies import PolicyBook

SANDBOX_KEY = "sk_test_returndesk_sandbox"
SECRET_FILE = "secret.key"  # noqa: S105 (a file name)
WEBHOOK_SECRET_FILE = "webhook.key"  # noqa: S105 (a file name)


@dataclass
class Installation:
    """Everything a process needs, made when it is first asked for."""

    settings: Settings

    @property
    def data(self) -> Path:
        """The state folder."""
        return self.settings.data.absolute()

    @cached_property
    def database(self) -> Database:
        """The books."""
        return Database(self.settings.database_url or sqlite_url(self.data / "returndesk.db"))

    @cached_property
    def clock(self) -> Clock:
        """The one `now` outside a case."""
        return MovedClock(self.database) if self.settings.all_embedded else SystemClock()

    @cached_property
    def policy(self) -> Policy:
        """The policy that new returns begin under."""
        try:
            return read_policy(self.settings.policy_path.read_text())
        except OSError as error:
            raise ConfigurationError(
                "policy_unreadable", f"The policy file cannot be read ({error.strerror}): RETURNDESK_POLICY."
            ) from None

    @cached_property
    def policies(self) -> PolicyBook:
        """All policies that cases began under."""
        return PolicyBook(closed_days)

    @cached_property
    def gateway(self) -> PaymentGateway:
        """Stripe, or the sandbox where nothing of Stripe is configured."""
        from returndesk.gateways.stripe import StripeGateway  # slow to import, and only the worker needs it

        if self.settings.stripe_api_key is None:
            return StripeGateway(SANDBOX_KEY, self.stripe_base)
        return StripeGateway(self.settings.stripe_api_key, self.settings.stripe_api_base)

    @property
    def stripe_base(self) -> str:
        """Where the sandbox answers."""
        return f"http://127.0.0.1:{self.settings.stripe_port}"

    @cached_property
    def webhook_secret(self) -> str:
        """What the processor signs its events with."""
        if self.settings.stripe_webhook_secret is not None:
            return self.settings.stripe_webhook_secret
        # A real Stripe without it: no event is signed with this, so none is believed, and refunds are fetched.
        return f"whsec_{self._kept_secret(WEBHOOK_SECRET_FILE)}"

    @cached_property
    def keyring(self) -> Keyring:
        """The installation's own secret."""
        return Keyring((self.settings.secret or self._kept_secret(SECRET_FILE)).encode())

    @cached_property
    def links(self) -> PublicLinks:
        """The pages' addresses."""
        fallback = f"http://{self.settings.api_host}:{self.settings.api_port}"
        return PublicLinks((self.settings.public_url or fallback).rstrip("/"), self.keyring)

    @cached_property
    def renderer(self) -> Renderer:
        """Emails and pages in the shop's name."""
        return Renderer(ROOT / "templates", self.policy.shop)

    @cached_property
    def mailer(self) -> Mailer:
        """The SMTP server, or the mailbox."""
        from returndesk.gateways.smtp import SmtpMailer

        return SmtpMailer(self.settings.smtp_url or f"smtp://127.0.0.1:{self.settings.smtp_port}")

    @cached_property
    def files(self) -> Files:
        """Where photos are kept: a bucket, or a folder where none is configured."""
        s = self.settings
        if s.bucket is None:
            return PhotoFolder(self.data / "photos")
        from returndesk.gateways.s3 import Access, S3Bucket  # slow to import, and few need it

        access = Access(
            s.aws_access_key_id,
            s.aws_secret_access_key,
            s.aws_session_token,
            s.aws_region,
            s.aws_endpoint_url,
        )
        return S3Bucket(*s.bucket, access)

    @property
    def mail_domain(self) -> str:
        """The right side of every Message-ID."""
        return self.policy.shop.reply_to.rpartition("@")[2]

    @property
    def temporal_address(self) -> str:
        """Where Temporal answers."""
        return self.settings.temporal_address or f"127.0.0.1:{self.settings.temporal_port}"

    async def connect(self) -> Client:
        """A Temporal client. Raises `ConfigurationError` where nobody answers."""
        s = self.settings
        try:
            return await Client.connect(
                self.temporal_address,
                namespace=s.temporal_namespace,
                api_key=s.temporal_api_key,
                tls=self._tls(),
                data_converter=DATA_CONVERTER,
            )
        except RuntimeError:
            raise ConfigurationError(
                "temporal_silent",
                f"Temporal does not answer at {self.temporal_address}. Start it, or correct TEMPORAL_ADDRESS.",
            ) from None

    def _tls(self) -> TLSConfig | bool:
        s = self.settings
        if s.temporal_tls_cert is None and s.temporal_tls_ca is None:
            return s.temporal_tls or s.temporal_api_key is not None
        return TLSConfig(
            server_root_ca_cert=s.temporal_tls_ca.read_bytes() if s.temporal_tls_ca else None,
            client_cert=s.temporal_tls_cert.read_bytes() if s.temporal_tls_cert else None,
            client_private_key=s.temporal_tls_key.read_bytes() if s.temporal_tls_key else None,
        )

    def _kept_secret(self, name: str) -> str:
        """A secret of the embedded mode: made once, kept in the state folder, readable by its owner only."""
        path = self.data / name
        try:
            self.data.mkdir(parents=True, exist_ok=True)
            fresh = path.with_suffix(f".{os.getpid()}")
            descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w") as file:
                file.write(secrets.token_hex(32))
            with suppress(FileExistsError):  # the first one to come keeps its secret
                os.link(fresh, path)
            fresh.unlink()
            return path.read_text()
        except OSError as error:
            raise ConfigurationError(
                "folder_unwritable",
                f"The state folder {self.data} cannot be written ({error.strerror}). Set RETURNDESK_DATA to "
                "a folder that can.",
            ) from None
