"""The database: SQLite or PostgreSQL behind one small class.

Writes on SQLite begin IMMEDIATE (a deferred transaction that upgrades fails under load) at synchronous FULL;
WAL only where the library has no WAL-reset defect (3.51.3 and later). Sync engines: measured faster here.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from types import ModuleType
from typing import Any

from sqlalchemy import Connection, Engine, event, make_url
from sqlmodel import Session, create_engine

try:
    from pysqlite3 import dbapi2 as sqlite_module
except ImportError:  # no wheel for this platform: the standard library's, without WAL where it is old
    import sqlite3 as sqlite_module

_BUSY_TIMEOUT_MS = 2_000
_WAL_SAFE_SINCE = (3, 51, 3)


def sqlite_url(path: Path) -> str:
    """The URL of a SQLite database file."""
    return f"sqlite:///{path}"


class Database:
    """Sessions for reading and for writing. One instance a process."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.is_sqlite = make_url(url).get_backend_name() == "sqlite"
        self.engine = _sqlite_engine(url, sqlite_module) if self.is_sqlite else _postgres_engine(url)
        # PostgreSQL's default shows each statement another state; what is read together must be of one.
        isolation = {} if self.is_sqlite else {"isolation_level": "REPEATABLE READ"}
        self._reading = self.engine.execution_options(reading=True, **isolation)
        # Within a process writers queue here instead of polling SQLite's lock.
        self._writing = threading.Lock() if self.is_sqlite else nullcontext()

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session for reading one consistent state; nothing it changes is kept."""
        with Session(self._reading, autoflush=False) as session:
            yield session
            session.rollback()

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A session that commits when the block ends and rolls back when it raises. Never around a network call."""
        with self._writing, Session(self.engine, autoflush=False, expire_on_commit=False) as session:
            yield session
            session.commit()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection for reading one consistent state, where a session's objects would cost more than the rows."""
        with self._reading.connect() as connection:
            yield connection

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """A connection that commits when the block ends and rolls back when it raises. Never around a network call."""
        with self._writing, self.engine.begin() as connection:
            yield connection

    def close(self) -> None:
        """Give the connections back."""
        self.engine.dispose()


def _postgres_engine(url: str) -> Engine:
    return create_engine(url, pool_size=20, max_overflow=10, pool_pre_ping=True)


def _sqlite_engine(url: str, module: ModuleType) -> Engine:
    engine = create_engine(
        url, module=module, connect_args={"check_same_thread": False}, pool_size=40, max_overflow=20
    )
    wal = module.sqlite_version_info >= _WAL_SAFE_SINCE

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # SQLAlchemy says BEGIN, below
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {_BUSY_TIMEOUT_MS}")
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.execute("PRAGMA synchronous = FULL")
        if wal:
            cursor.execute("PRAGMA journal_mode = WAL")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        reading = connection.get_execution_options().get("reading", False)
        connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")

    return engine
