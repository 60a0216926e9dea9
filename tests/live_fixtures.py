"""The running installation as fixtures, once for SQLite and once for PostgreSQL (`-k sqlite` picks one)."""

import asyncio
from collections.abc import AsyncIterator, Callable
from uuid import uuid4

import pytest
import pytest_asyncio
from beside import LIVE
from invariants import check
from live import Live, running, temporal_server

from returndesk.embedded.temporal_server import TemporalServer


@pytest_asyncio.fixture(scope="session")
async def temporal(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[TemporalServer]:
    """One Temporal server for all installations."""
    async with temporal_server(tmp_path_factory.mktemp("temporal")) as server:
        yield server


@pytest.fixture(scope="session", params=["sqlite", "postgresql"], ids=lambda kind: f"{LIVE}{kind}")
def live_database_url(request: pytest.FixtureRequest, new_database: Callable[[str], str]) -> str:
    """A fresh, migrated database of each kind in turn."""
    return new_database(request.param)


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
