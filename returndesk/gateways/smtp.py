"""Hands messages to an SMTP server over a connection that is kept from one message to the next.

Of the server's answers only the status number leaves this module, for their texts quote addresses. TLS,
where the URL asks for it, is verified. A message is called refused only when the server cannot have it;
where the connection ends between the final dot and the answer, the outcome is `unsure` and never guessed.
Where there is no server, or it does not let us in (wrong password, no such host), it is `unreachable`: the mail waits
until the owner mends it.
"""

import contextlib
import re
import smtplib
import ssl
from dataclasses import dataclass
from email.headerregistry import AddressHeader
from email.message import EmailMessage
from ipaddress import ip_address
from threading import Lock
from typing import Final, Literal
from urllib.parse import unquote, urlsplit

from returndesk.domain.errors import ConfigurationError, InvalidInput
from returndesk.domain.mail import Delivery, Outcome

_NOT_THE_MESSAGE: Final = frozenset({421, 503, 530, 534, 535, 538})
"""Statuses that speak of the connection or its sign-in, whatever the message (RFC 5321, RFC 4954)."""
_TIMEOUT_SECONDS: Final = 20.0
_FINAL_TIMEOUT_SECONDS: Final = 120.0
"""Longer for the answer to the final dot: giving up early there means sending twice (RFC 5321, 4.5.3.2.6)."""

Security = Literal["plain", "starttls", "tls"]

_SCHEMES: Final[dict[str, tuple[Security, int]]] = {
    "smtp": ("plain", 25),
    "smtp+plain": ("plain", 25),
    "smtp+starttls": ("starttls", 587),
    "smtps": ("tls", 465),
}


@dataclass(frozen=True)
class _Server:
    host: str
    port: int
    security: Security
    username: str | None
    password: str | None

    @property
    def loopback(self) -> bool:
        with contextlib.suppress(ValueError):
            return ip_address(self.host).is_loopback
        return self.host == "localhost"


def _read_url(url: str) -> _Server:
    """The server a URL means. Raises `ConfigurationError` without repeating the URL: it holds a password."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ConfigurationError("smtp_url_invalid", "SMTP_URL is not a URL with a valid port.") from None
    if parts.scheme not in _SCHEMES or not parts.hostname or parts.path not in ("", "/") or parts.query:
        raise ConfigurationError(
            "smtp_url_invalid",
            "SMTP_URL must look like smtps://user:password@host:465 or "
            "smtp+starttls://user:password@host:587 (smtp://127.0.0.1:2525 on this machine).",
        )
    username = unquote(parts.username) if parts.username else None
    password = unquote(parts.password) if parts.password else None
    if (username is None) != (password is None):
        raise ConfigurationError("smtp_url_invalid", "SMTP_URL needs both a user and a password, or neither.")
    security, usual_port = _SCHEMES[parts.scheme]
    server = _Server(parts.hostname, port or usual_port, security, username, password)
    if parts.scheme == "smtp" and not server.loopback:
        raise ConfigurationError(
            "smtp_not_encrypted",
            "SMTP_URL starts with smtp://, which sends customers' mail unencrypted. Use smtp+starttls:// or "
            "smtps://, or smtp+plain:// where the network itself is trusted.",
        )
    if security == "plain" and username and not server.loopback:
        raise ConfigurationError("smtp_not_encrypted", "SMTP_URL would send its password unencrypted.")
    return server


class _RefusedError(Exception):
    """The server's no to one message, before it had all of it. Carries the status number alone."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class _DiedAfterDotError(Exception):
    """No answer to the final dot."""


class SmtpMailer:
    """A `Mailer` for one SMTP server; safe to share between threads, one message at a time.

    `url`: `smtps://`, `smtp+starttls://`, `smtp://` on loopback, or `smtp+plain://` on a trusted network,
    with `user:password@` where the server wants it. `tls` replaces the system's trusted roots.
    """

    def __init__(self, url: str, *, tls: ssl.SSLContext | None = None) -> None:
        self._server = _read_url(url)
        self._tls = tls or ssl.create_default_context()
        self._connection: smtplib.SMTP | None = None
        self._lock = Lock()

    def send(self, message: EmailMessage) -> Delivery:
        """Hand one message to the server, From's address as sender and To's as recipient.

        Raises `InvalidInput` (`header_injection`, `address_unusable`) for a message that must not be sent.
        """
        sender, recipient = _envelope(message)
        content = message.as_bytes(policy=message.policy.clone(linesep="\r\n"))
        with self._lock:
            kept = self._connection is not None
            delivery = self._attempt(sender, recipient, content)
            if kept and self._connection is None and delivery.outcome is Outcome.REFUSED_NOW:
                # Servers hang up on idle connections; nothing was taken, so a fresh one may try.
                delivery = self._attempt(sender, recipient, content)
            return delivery

    def close(self) -> None:
        """Say goodbye to the server; a later `send` connects again."""
        with self._lock:
            self._drop(politely=True)

    def _attempt(self, sender: str, recipient: str, content: bytes) -> Delivery:
        try:
            connection = self._connected()
        except smtplib.SMTPResponseException as refusal:
            return self._lost(Outcome.UNREACHABLE, refusal.smtp_code)
        except (smtplib.SMTPException, OSError):
            return self._lost(Outcome.UNREACHABLE)
        try:
            return Delivery(Outcome.ACCEPTED, _transact(connection, sender, recipient, content))
        except _DiedAfterDotError:
            return self._lost(Outcome.UNSURE)
        except _RefusedError as refusal:
            return self._refused(connection, refusal.status)
        except smtplib.SMTPNotSupportedError:
            return Delivery(Outcome.REFUSED_FOR_GOOD)
        except (smtplib.SMTPException, OSError):
            return self._lost(Outcome.REFUSED_NOW)

    def _refused(self, connection: smtplib.SMTP, status: int) -> Delivery:
        try:
            connection.rset()
        except (smtplib.SMTPException, OSError):
            self._drop()
        if status in _NOT_THE_MESSAGE:
            return self._lost(Outcome.REFUSED_NOW, status)
        return Delivery(Outcome.REFUSED_FOR_GOOD if 500 <= status < 600 else Outcome.REFUSED_NOW, status)

    def _lost(self, outcome: Outcome, status: int | None = None) -> Delivery:
        self._drop()
        return Delivery(outcome, status if status and status > 0 else None)

    def _connected(self) -> smtplib.SMTP:
        if self._connection is not None:
            return self._connection
        server = self._server
        # Our name in EHLO is looked up in the DNS otherwise, which may take seconds for nothing.
        our_name = "[127.0.0.1]" if server.loopback else None
        connection: smtplib.SMTP
        if server.security == "tls":
            connection = smtplib.SMTP_SSL(
                server.host, server.port, our_name, timeout=_TIMEOUT_SECONDS, context=self._tls
            )
        else:
            connection = smtplib.SMTP(server.host, server.port, our_name, timeout=_TIMEOUT_SECONDS)
        self._connection = connection
        connection.ehlo_or_helo_if_needed()
        if server.security == "starttls":
            connection.starttls(context=self._tls)
            connection.ehlo_or_helo_if_needed()
        if server.username is not None and server.password is not None:
            connection.login(server.username, server.password)
        return connection

    def _drop(self, *, politely: bool = False) -> None:
        connection, self._connection = self._connection, None
        if connection is None:
            return
        with contextlib.suppress(smtplib.SMTPException, OSError):
            if politely:
                connection.quit()
        connection.close()


def _envelope(message: EmailMessage) -> tuple[str, str]:
    """Sender and recipient, from headers that hold exactly one address each."""
    if any("\r" in str(value) or "\n" in str(value) for _, value in message.raw_items()):
        raise InvalidInput("header_injection", "A header of this message has a line break in it.")
    return _address(message["From"]), _address(message["To"])


def _address(header: object) -> str:
    if isinstance(header, AddressHeader) and len(header.addresses) == 1 and header.addresses[0].domain:
        return header.addresses[0].addr_spec
    raise InvalidInput("address_unusable", "A message has one sender and one recipient.")


def _transact(connection: smtplib.SMTP, sender: str, recipient: str, content: bytes) -> int:
    """One MAIL, RCPT, DATA; the status with which the server took the message.

    `smtplib.SMTP.sendmail` cannot be used: it does not tell a connection that died before the final dot from
    one that died after it.
    """
    options = [f"size={len(content)}"] if connection.has_extn("size") else []
    if not (sender + recipient).isascii():
        if not connection.has_extn("smtputf8"):
            raise smtplib.SMTPNotSupportedError
        connection.command_encoding = "utf-8"
        options.append("SMTPUTF8")
    try:
        _expect(connection.mail(sender, options)[0], 250)
        _expect(connection.rcpt(recipient)[0], 250, 251)
    finally:
        connection.command_encoding = "ascii"
    _expect(connection.docmd("DATA")[0], 354)
    dotted = re.sub(rb"(?m)^\.", b"..", content)
    connection.send(dotted + (b"" if dotted.endswith(b"\r\n") else b"\r\n") + b".\r\n")
    try:
        if connection.sock:
            connection.sock.settimeout(_FINAL_TIMEOUT_SECONDS)
        status = connection.getreply()[0]
        if connection.sock:
            connection.sock.settimeout(_TIMEOUT_SECONDS)
    except (smtplib.SMTPException, OSError):
        raise _DiedAfterDotError from None
    if status < 200:
        raise _DiedAfterDotError
    _expect(status, 250)
    return status


def _expect(status: int, *good: int) -> None:
    if status not in good:
        raise _RefusedError(status)
