"""The injected `now`: the system's UTC, plus an offset from the store that only the embedded mode honours."""

import threading
from datetime import UTC, datetime, timedelta
from time import monotonic

from sqlmodel import Session, select

from returndesk.store import tables
from returndesk.store.database import Database

LOOK_EVERY_SECONDS = 0.2
_ROW = 1
_OFFSET = select(tables.MovedClock.offset_us).where(tables.MovedClock.id == _ROW)


class SystemClock:
    """The system's time: what runs in real use."""

    def now(self) -> datetime:
        """The current instant, UTC."""
        return datetime.now(UTC)

    def offset_us(self) -> int:
        """Nobody moves this clock."""
        return 0


class MovedClock:
    """The system's time plus the store's offset, so that processes share one time in demos and tests."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._offset_us = 0
        self._looked_at = float("-inf")
        self._lock = threading.Lock()

    def now(self) -> datetime:
        """The current instant, UTC, as far as this installation is concerned."""
        return datetime.now(UTC) + timedelta(microseconds=self.offset_us())

    def offset_us(self) -> int:
        """By how much the clock was moved; at most 0.2 s old."""
        with self._lock:
            if monotonic() - self._looked_at >= LOOK_EVERY_SECONDS:
                with self._database.read() as session:
                    self._offset_us = offset_us(session)
                self._looked_at = monotonic()
            return self._offset_us


def offset_us(session: Session) -> int:
    """The offset as it is kept."""
    offset: int | None = session.connection().scalar(_OFFSET)
    return offset or 0


def move(database: Database, by: timedelta) -> None:
    """Move the clock on. It never goes back."""
    if by < timedelta(0):
        raise ValueError("time only moves on")
    with database.write() as session:
        row = session.get(tables.MovedClock, _ROW, with_for_update=True)
        if row is None:
            row = tables.MovedClock(id=_ROW)
            session.add(row)
        row.offset_us += by // timedelta(microseconds=1)
