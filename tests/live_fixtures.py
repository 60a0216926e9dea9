"""The running installation as fixtures, once for SQLite and once for PostgreSQL (`-k sqlite` picks one)."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest
import pytest_asyncio
from invariants import check
from live import Live, running, temporal_server

from returndesk.embedded.temporal_server import TemporalServer
from returndesk.store import migrate
from returndesk.store.database import Database, sqlite_url


@pytest_asyncio.fixture(scope="session")
async def temporal(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[TemporalServer]:
    """One Temporal server for all installations."""
    async with temporal_server(tmp_path_factory.mktemp("temporal")) as server:
        yield server


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def live_database_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A fresh, migrated database of each kind in turn."""
    if request.param == "sqlite":
        template: Path = request.getfixturevalue("_sqlite_template")
        path = tmp_path_factory.mktemp("live") / "books.sqlite"
        shutil.copyfile(template, path)
        return sqlite_url(path)
    server: str = request.getfixturevalue("postgres_server")
    name = f"live_{uuid4().hex}"
    administration = Database(server.format(name="postgres"))
    with administration.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    administration.close()
    url = server.format(name=name)
    database = Database(url)
    migrate.upgrade(database)
    database.close()
    return url


@pytest_asyncio.fixture(scope="session")
async def live(
    temporal: TemporalServer, live_database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Live]:
    """A running installation of each kind in turn."""
    async with running(
        temporal, live_database_url, tmp_path_factory.mktemp("data"), namespace=f"live-{uuid4().hex[:8]}"
    ) as started:
        yield started


@pytest_asyncio.fixture(scope="module", autouse=True)
async def _the_invariants_hold(live: Live) -> AsyncIterator[None]:
    yield
    await live.is_quiet()
    await asyncio.to_thread(check, live.database, live.installation.stripe_base, live.mailbox_reader)
