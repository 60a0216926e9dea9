"""Installations for the fault tests: one a test, stopped whatever happened."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.shop import Shop


@pytest.fixture
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shop]:
    """An installation that is not started yet; on PostgreSQL where its parameter says so."""
    on_postgresql = getattr(request, "param", "sqlite") == "postgresql"
    made = Shop(
        tmp_path / "shop", request.getfixturevalue("postgresql_database_url") if on_postgresql else None
    )
    yield made
    made.stop()
