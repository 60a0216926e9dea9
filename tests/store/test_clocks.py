"""The embedded clock: every process sees how far it was moved, and it never goes back."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from returndesk import clocks
from returndesk.clocks import MovedClock, SystemClock, move, offset_us
from returndesk.store.database import Database


def test_the_systems_clock_is_moved_by_nobody() -> None:
    clock = SystemClock()
    before = datetime.now(UTC)
    assert before <= clock.now() <= datetime.now(UTC)
    assert clock.offset_us() == 0


def test_every_process_sees_how_far_the_clock_was_moved(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    instant = 100.0
    monkeypatch.setattr(clocks, "monotonic", lambda: instant)
    one, other = MovedClock(database), MovedClock(database)
    assert one.offset_us() == other.offset_us() == 0
    move(database, timedelta(days=5))
    move(database, timedelta(microseconds=1))
    instant += 0.2
    assert one.offset_us() == other.offset_us() == 5 * 86_400_000_000 + 1
    assert one.now() - datetime.now(UTC) > timedelta(days=4, hours=23)


def test_time_moves_on_only(database: Database) -> None:
    with pytest.raises(ValueError, match="only moves on"):
        move(database, timedelta(microseconds=-1))
    with database.read() as session:
        assert offset_us(session) == 0


def test_moves_at_once_all_count(database: Database) -> None:
    move(database, timedelta(0))
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: move(database, timedelta(hours=1)), range(12)))
    with database.read() as session:
        assert offset_us(session) == 12 * 3_600_000_000
