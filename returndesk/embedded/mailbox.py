"""Stands in for the shop's mail provider: takes SMTP on loopback, keeps every message in one SQLite file.

Guarantees: a message is answered with 250 only after it is on disk, so a kill -9 loses none that the sender
believes delivered; messages keep their bytes, their envelope and their order; nothing of one is ever logged.
Tests can have it refuse messages, or break the connection around the answer, as real servers do.
"""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.parser import BytesHeaderParser
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiosmtpd.smtp import SMTP, Envelope, Session

if TYPE_CHECKING:
    import sqlite3 as sqlite
else:
    try:
        from pysqlite3 import dbapi2 as sqlite  # brings a SQLite that is sound in WAL mode
    except ImportError:
        import sqlite3 as sqlite

WAL_SOUND_SINCE = (3, 51, 3)
BUSY_SECONDS = 5
SIZE_MAX_BYTES = 32 * 1024 * 1024

_SCHEMA = """
CREATE TABLE IF NOT EXISTS messages (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    message_id TEXT NOT NULL,
    envelope_from TEXT NOT NULL,
    envelope_to TEXT NOT NULL,
    received_at TEXT NOT NULL,
    raw BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS recipients (
    address TEXT NOT NULL,
    number INTEGER NOT NULL REFERENCES messages (number),
    PRIMARY KEY (address, number)
) WITHOUT ROWID;
"""


@dataclass(frozen=True)
class Attachment:
    """A file that came with a message."""

    filename: str
    content_type: str
    content: bytes


@dataclass(frozen=True)
class StoredMessage:
    """One message as it arrived; `number` grows with arrival, `received_at` is UTC."""

    number: int
    message_id: str
    envelope_from: str
    envelope_to: tuple[str, ...]
    received_at: datetime
    raw: bytes

    @cached_property
    def parsed(self) -> EmailMessage:
        """The message as the standard library understands it."""
        return message_from_bytes(self.raw, policy=policy.default)

    @property
    def subject(self) -> str:
        """The decoded subject line."""
        return str(self.parsed.get("Subject", ""))

    @property
    def to(self) -> str:
        """The To header; who it really went to is `envelope_to`."""
        return str(self.parsed.get("To", ""))

    @property
    def text(self) -> str | None:
        """The plain text part."""
        return self._body("plain")

    @property
    def html(self) -> str | None:
        """The HTML part."""
        return self._body("html")

    @property
    def attachments(self) -> list[Attachment]:
        """The attached files."""
        return [
            Attachment(part.get_filename() or "", part.get_content_type(), _bytes(part))
            for part in self.parsed.iter_attachments()
        ]

    def _body(self, kind: str) -> str | None:
        part = self.parsed.get_body(preferencelist=(kind,))
        return None if part is None else str(part.get_content())


class MailboxReader:
    """Reads a mailbox's file, from any process; an absent file is an empty mailbox."""

    def __init__(self, database: Path) -> None:
        self._database = database

    def messages(
        self, after: int | None = None, to: str | None = None, limit: int = 1_000
    ) -> list[StoredMessage]:
        """The first `limit` messages above number `after`, to the envelope recipient `to`, oldest first."""
        return self._select("m.number > :after", "m.number", after=after or 0, to=to, limit=limit)

    def latest(
        self, before: int | None = None, to: str | None = None, limit: int = 50
    ) -> list[StoredMessage]:
        """The newest `limit` messages numbered below `before`, newest first: a page of the mailbox."""
        condition = "(:before IS NULL OR m.number < :before)"
        return self._select(condition, "m.number DESC", before=before, to=to, limit=limit)

    def message(self, number: int) -> StoredMessage | None:
        """The one message of that number."""
        found = self._select("m.number = :number", "m.number", number=number, to=None, limit=1)
        return found[0] if found else None

    def _select(self, condition: str, order: str, **values: Any) -> list[StoredMessage]:
        if not self._database.exists():
            return []
        values["to"] = values["to"].lower() if values["to"] else None
        with closing(_connect(self._database)) as database:
            rows = database.execute(
                "SELECT m.number, message_id, envelope_from, envelope_to, received_at, raw FROM messages m "
                f"WHERE {condition} AND (:to IS NULL OR m.number IN "
                "(SELECT r.number FROM recipients r WHERE r.address = :to)) "
                f"ORDER BY {order} LIMIT :limit",
                values,
            ).fetchall()
        return [
            StoredMessage(
                number, message_id, sender, tuple(json.loads(to)), datetime.fromisoformat(received_at), raw
            )
            for number, message_id, sender, to, received_at, raw in rows
        ]


class Mailbox:
    """The receiving side: an SMTP server in a thread of its own; `now` gives the UTC instants of arrival."""

    def __init__(self, database: Path, now: Callable[[], datetime]) -> None:
        self._path = database
        self._now = now
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._faults = _Faults()
        self._stopping = asyncio.Event()

    def start(self, host: str = "127.0.0.1", port: int = 0) -> int:
        """Listen, and return the port (port 0 lets the system choose). Raises OSError when it is taken."""
        # aiosmtpd logs addresses and whole lines of messages at INFO and DEBUG.
        logging.getLogger("mail.log").setLevel(logging.WARNING)
        listener = socket.create_server((host, port))
        self._stopping = asyncio.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, args=(listener,), name="mailbox", daemon=True)
        # The socket listens already: who connects before the thread serves just waits a moment.
        self._thread.start()
        return int(listener.getsockname()[1])

    def stop(self) -> None:
        """Break every connection and let go of the port and the file."""
        if self._thread is None or self._loop is None:
            return
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join()
        self._loop.close()
        self._thread = self._loop = None

    def _run(self, listener: socket.socket) -> None:
        assert self._loop is not None
        self._loop.run_until_complete(self._serve(listener))

    def refuse(self, count: int, code: int, recipient: str | None = None) -> None:
        """Answer the next `count` messages with `code`; with `recipient`, that address alone, at its RCPT."""
        self._faults.add(_Fault(count, code=code, recipient=recipient.lower() if recipient else None))

    def drop(self, count: int, *, stored: bool) -> None:
        """Instead of answering the next `count` messages break the connection, having kept them or not."""
        self._faults.add(_Fault(count, drops=True, stored=stored))

    async def _serve(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        connections: set[_Connection] = set()
        with closing(_connect(self._path)) as database:
            database.executescript(_SCHEMA)
            handler = _Handler(database, self._now, self._faults)
            server = await loop.create_server(lambda: _Connection(handler, connections, loop), sock=listener)
            await self._stopping.wait()
            server.close()
            for connection in tuple(connections):
                connection.abort()
            # Aborting cancels what serves the connection; let that come to its end.
            if serving := asyncio.all_tasks() - {asyncio.current_task()}:
                await asyncio.wait(serving)


@dataclass
class _Fault:
    left: int
    code: int = 0
    recipient: str | None = None
    drops: bool = False
    stored: bool = False


class _Faults:
    """What tests have asked to go wrong; set from one thread, used up in another."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[_Fault] = []

    def add(self, fault: _Fault) -> None:
        with self._lock:
            self._waiting.append(fault)

    def take(self, recipient: str | None = None) -> _Fault | None:
        """Use up one of the oldest fault for this recipient, or for a whole message."""
        with self._lock:
            fault = next((each for each in self._waiting if each.recipient == recipient), None)
            if fault is not None:
                fault.left -= 1
                if not fault.left:
                    self._waiting.remove(fault)
            return fault


class _Handler:
    """What aiosmtpd asks at each step of a message."""

    def __init__(self, database: sqlite.Connection, now: Callable[[], datetime], faults: _Faults) -> None:
        self._database = database
        self._now = now
        self._faults = faults

    async def handle_EHLO(  # noqa: N802 - aiosmtpd's name
        self, _server: SMTP, session: Session, _envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        """Offer PIPELINING (RFC 2920): commands are read one by one however many arrive together."""
        session.host_name = hostname
        return [*responses[:-1], "250-PIPELINING", responses[-1]]

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        """Take the recipient, unless a test said otherwise."""
        if fault := self._faults.take(address.lower()):
            return f"{fault.code} {fault.code // 100}.1.1 Recipient refused"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        """Keep the message, then say so."""
        fault = self._faults.take()
        if fault and not fault.drops:
            return f"{fault.code} {fault.code // 100}.0.0 Message refused"
        if fault is None or fault.stored:
            try:
                self._keep(envelope)
            except sqlite.Error:
                return "452 4.3.1 The mailbox cannot write its file"
        if fault and server.transport:
            server.transport.abort()  # type: ignore[attr-defined]
            await asyncio.Event().wait()  # aiosmtpd cancels this when it notices
        return "250 2.0.0 Kept"

    def _keep(self, envelope: Envelope) -> None:
        raw = envelope.original_content or b""
        message_id = str(BytesHeaderParser().parsebytes(raw).get("Message-ID", "")).strip()
        recipients = json.dumps(envelope.rcpt_tos)
        with self._database:
            number = self._database.execute(
                "INSERT INTO messages (message_id, envelope_from, envelope_to, received_at, raw) "
                "VALUES (?, ?, ?, ?, ?)",
                (message_id, envelope.mail_from or "", recipients, self._now().isoformat(), raw),
            ).lastrowid
            self._database.executemany(
                "INSERT INTO recipients (address, number) VALUES (?, ?)",
                [(address, number) for address in {each.lower() for each in envelope.rcpt_tos}],
            )


class _Connection(SMTP):
    """One client's connection, known to the mailbox so that stopping does not wait for it."""

    def __init__(
        self, handler: _Handler, connections: set[_Connection], loop: asyncio.AbstractEventLoop
    ) -> None:
        # Without a host name aiosmtpd looks one up in the DNS.
        super().__init__(
            handler,
            hostname="mailbox.localhost",
            ident="returndesk mailbox",
            data_size_limit=SIZE_MAX_BYTES,
            enable_SMTPUTF8=True,
            loop=loop,
        )
        self._connections = connections

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._connections.add(self)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        self._connections.discard(self)
        super().connection_lost(error)

    def abort(self) -> None:
        if self.transport:
            self.transport.abort()  # type: ignore[attr-defined]


def _bytes(part: EmailMessage) -> bytes:
    content = part.get_payload(decode=True)
    return content if isinstance(content, bytes) else b""


def _connect(path: Path) -> sqlite.Connection:
    database = sqlite.connect(path, timeout=BUSY_SECONDS)
    if sqlite.sqlite_version_info >= WAL_SOUND_SINCE:
        database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = FULL")
    return database
