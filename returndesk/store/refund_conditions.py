"""Which refunds a list is of, as conditions: made of a refund's own instants.

They are answered from `ix_refunds_books` or one of the small indexes, so a list of any day over 100,000 returns is found
without reading the refunds themselves.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Connection, and_, case, literal, or_, select

from returndesk.domain.clock import REFUND
from returndesk.domain.refund_books import BUCKETS, GONE, OPEN, Bucket, Standing, decided_within
from returndesk.store import tables
from returndesk.store.refund_finding import refunds_named
from returndesk.store.statements import table_of

_refunds = table_of(tables.Refund)
_r = _refunds.c
_clocks = table_of(tables.Clock)
_rests = table_of(tables.Rest)


@dataclass(frozen=True)
class Asked:
    """Which refunds, as the books stood before `at` on the shop's day `day`. Empty `standings`: all of them.

    Open ones are listed with what waits longest on top, unless `newest_first`; everything else newest first.
    `is_now`: `at` is now, so whatever is written down has happened.
    """

    at: datetime
    day: date
    zone: ZoneInfo
    is_now: bool = True
    standings: tuple[Standing, ...] = OPEN
    decided_from: datetime | None = None
    decided_to: datetime | None = None
    is_late: bool = False
    bucket: Bucket | None = None
    text: str | None = None
    newest_first: bool = False

    @property
    def is_of_all_owed(self) -> bool:
        """Whether what failed is in it and nothing but a standing, a day and lateness is asked for: all that is owed."""
        narrows = (self.decided_from, self.decided_to, self.bucket, self.text)
        return Standing.FAILED in (self.standings or OPEN) and all(x is None for x in narrows)

    @property
    def oldest_first(self) -> bool:
        """Whether what waits longest is on top."""
        return not self.newest_first and bool(self.standings) and set(self.standings) <= set(OPEN)


class Conditions:
    """The conditions of a list. What they need of the books is read once for all queries that use them."""

    def __init__(self, connection: Connection, asked: Asked) -> None:
        self.connection, self.asked = connection, asked

    @property
    def listed(self) -> list[ColumnElement[bool]]:
        """What is in the list."""
        return [*self.of(self.asked.standings), *self.late]

    def of(self, standings: Sequence[Standing], *, with_age: bool = True) -> list[ColumnElement[bool]]:
        """What stood in one of these ways and is what is asked for, but for lateness; of any age, where that is left out."""
        asked = self.asked
        found = _standing(asked, standings)
        if not asked.is_now:
            found += [_r.decided_at < asked.at, or_(_r.asked_at.is_(None), _r.asked_at < asked.at)]
        if asked.decided_from is not None:
            found.append(_r.decided_at >= asked.decided_from)
        if asked.decided_to is not None:
            found.append(_r.decided_at < asked.decided_to)
        if with_age and asked.bucket is not None:
            since, until = decided_within(asked.bucket, asked.day, asked.zone)
            found.append(_r.decided_at < until)
            if since is not None:
                found.append(_r.decided_at >= since)
        if asked.text is not None:
            found.append(_r.id.in_(self._named))
        return found

    @cached_property
    def late(self) -> list[ColumnElement[bool]]:
        """The condition of lateness, where it is asked for."""
        return [or_(*(and_(*late) for late in self.lateness))] if self.asked.is_late else []

    @cached_property
    def lateness(self) -> list[list[ColumnElement[bool]]]:
        """The ways to be late, of which a refund is in one at most; a single way without a condition where nobody asks.

        Late, and what is overdue though nobody has written that down yet: so the same day reads the same tomorrow. A sum
        adds up one after the other, each from an index of its own.
        """
        asked = self.asked
        if not asked.is_late:
            return [[]]
        overdue = select(_clocks.c.rma).where(
            _clocks.c.kind == REFUND,
            _clocks.c.due_at.is_not(None),
            _clocks.c.breached_at.is_(None),
            _clocks.c.due_at < asked.at,
        )
        written = _by_then(asked, _r.late_at)
        if self.connection.execute(overdue.limit(1)).first() is None:
            return [[written]]
        of_overdue = _refunds.alias()
        owed = or_(_stood(asked, Standing.TO_SEND), _stood(asked, Standing.FAILED))
        ids = select(of_overdue.c.id).where(of_overdue.c.rma.in_(overdue))
        return [[written], [_not_yet(asked, _r.late_at), owed, _r.id.in_(ids)]]

    @cached_property
    def _named(self) -> list[str]:
        return refunds_named(self.connection, self.asked.text or "")


def rest_was_owed(asked: Asked) -> list[ColumnElement[bool]]:
    """The condition that a rest was owed."""
    if asked.is_now:
        return [_rests.c.ended_at.is_(None)]
    return [_rests.c.begun_at < asked.at, _not_yet(asked, _rests.c.ended_at)]


def age_of(asked: Asked) -> ColumnElement[str]:
    """How old a refund was, as the code of a bucket."""
    bounds = [(_r.decided_at >= since, literal(b.code)) for b, since in _begins(asked)]
    return case(*bounds, else_=literal(BUCKETS[-1].code)).label("bucket")


def _begins(asked: Asked) -> Iterator[tuple[Bucket, datetime]]:
    for bucket in BUCKETS:
        since, _ = decided_within(bucket, asked.day, asked.zone)
        if since is not None:
            yield bucket, since


# How a refund stood -------------------------------------------------------------------------------


def _standing(asked: Asked, standings: Sequence[Standing]) -> list[ColumnElement[bool]]:
    """The condition that a refund stood in one of these ways."""
    wanted = set(standings)
    if not wanted or wanted == set(Standing):
        return []
    if wanted == set(GONE):
        return [_by_then(asked, _r.replaced_at)]
    if wanted == set(OPEN):
        # Not replaced, and not credited for good: of now these are the very words of the small index.
        return [
            _not_yet(asked, _r.replaced_at),
            or_(_not_yet(asked, _r.credited_at), _by_then(asked, _r.failed_at)),
        ]
    return [or_(*(_stood(asked, standing) for standing in Standing if standing in wanted))]


def stands(asked: Asked) -> ColumnElement[str]:
    """In which way a refund stood: each in one, the same that `_stood` asks after."""
    replaced, failed, credited, submitted = (
        _by_then(asked, x) for x in (_r.replaced_at, _r.failed_at, _r.credited_at, _r.submitted_at)
    )
    return case(
        (and_(replaced, failed), literal(Standing.REPLACED.value)),
        (replaced, literal(Standing.WITHDRAWN.value)),
        (failed, literal(Standing.FAILED.value)),
        (credited, literal(Standing.CREDITED.value)),
        (submitted, literal(Standing.SUBMITTED.value)),
        else_=literal(Standing.TO_SEND.value),
    ).label("standing")


def _stood(asked: Asked, standing: Standing) -> ColumnElement[bool]:
    submitted, credited = (_by_then(asked, x) for x in (_r.submitted_at, _r.credited_at))
    failed, replaced = (_by_then(asked, x) for x in (_r.failed_at, _r.replaced_at))
    unreplaced, unfailed = (_not_yet(asked, x) for x in (_r.replaced_at, _r.failed_at))
    uncredited, unsubmitted = (_not_yet(asked, x) for x in (_r.credited_at, _r.submitted_at))
    return {
        Standing.TO_SEND: and_(unreplaced, uncredited, unfailed, unsubmitted),
        Standing.SUBMITTED: and_(unreplaced, uncredited, unfailed, submitted),
        Standing.FAILED: and_(unreplaced, failed),
        Standing.CREDITED: and_(unreplaced, unfailed, credited),
        Standing.REPLACED: and_(replaced, failed),
        Standing.WITHDRAWN: and_(replaced, unfailed),
    }[standing]


def _by_then(asked: Asked, column: ColumnElement[Any]) -> ColumnElement[bool]:
    return column.is_not(None) if asked.is_now else column < asked.at


def _not_yet(asked: Asked, column: ColumnElement[Any]) -> ColumnElement[bool]:
    return column.is_(None) if asked.is_now else or_(column.is_(None), column >= asked.at)
