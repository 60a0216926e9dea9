"""What finance counts: whether the shop kept its promises, how long each step took, and why refunds failed.

A figure is always of a cohort: the returns whose customer made contact, or whose order was placed, on days of the shop's
from the first to the last, both included; told by the week or the month of that day. Nothing is estimated: medians and
90th percentiles are of the times themselves (nearest rank), and how many there were stands beside them.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Select, and_, func, or_, select

from returndesk.domain.attainment import Ended, attainment
from returndesk.domain.clock import PROCESSING, REFUND, ClockKind
from returndesk.domain.refund_books import end_of, start_of
from returndesk.domain.stages import Stage
from returndesk.store import tables
from returndesk.store.statements import table_of
from returndesk.store.types import microseconds

_returns, _orders = table_of(tables.Return), table_of(tables.Order)
_clocks, _refunds = table_of(tables.Clock), table_of(tables.Refund)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Cohort(StrEnum):
    """By which day a return is counted."""

    RETURN = "return"
    ORDER = "order"


class Per(StrEnum):
    """How long a period of the figures is. Weeks begin on Monday."""

    WEEK = "week"
    MONTH = "month"


@dataclass(frozen=True)
class Question:
    """Which returns, and told by what."""

    cohort: Cohort
    per: Per
    first: date
    last: date


STEPS = (
    ("contacted", "authorized"), ("authorized", "received"), ("received", "inspected"), ("inspected", "decided"),
    ("decided", "submitted"), ("submitted", "credited"), ("contacted", "credited"),
)  # fmt: skip
"""The steps of a return, from its contact to the money; the last one is all of it."""


@dataclass(frozen=True)
class Spread:
    """How long something took: of so many, the median and the 90th percentile."""

    count: int
    median: timedelta | None
    p90: timedelta | None


@dataclass
class Kept:
    """One obligation in one period. `open` ones are not due yet; what fell away counts nowhere."""

    met: int = 0
    breached: int = 0
    open: int = 0
    fell_away: int = 0

    @property
    def percent(self) -> float | None:
        """Met of met and breached."""
        return attainment(self.met, self.breached)


@dataclass(frozen=True)
class Failure:
    """Why refunds failed, how many, and how much of them in one currency."""

    reason: str
    currency: str
    count: int
    amount_minor: int


@dataclass(frozen=True)
class Figures:
    """The answer. `periods` are the days that weeks or months begin with, in order."""

    question: Question
    counted_at: datetime
    returns: int
    periods: Sequence[date]
    kept: Mapping[ClockKind, Mapping[date, Kept]]
    steps: Mapping[tuple[str, str], Spread]
    whole_way: Mapping[date, Spread]
    failures: Sequence[Failure]

    def total(self, kind: ClockKind) -> Kept:
        """One obligation over all periods."""
        all_ = self.kept[kind].values()
        return Kept(
            sum(x.met for x in all_), sum(x.breached for x in all_), sum(x.open for x in all_),
            sum(x.fell_away for x in all_),
        )  # fmt: skip


def period_of(day: date, per: Per) -> date:
    """The first day of the week (Monday) or month that a day is in."""
    return day - timedelta(days=day.weekday()) if per is Per.WEEK else day.replace(day=1)


def periods(question: Question) -> list[date]:
    """Every period that a day from the first to the last is in."""
    found, day = [], period_of(question.first, question.per)
    while day <= question.last:
        found.append(day)
        day = period_of(day + timedelta(days=7 if question.per is Per.WEEK else 31), question.per)
    return found


def spread(times: Sequence[int]) -> Spread:
    """Median and 90th percentile of microseconds by nearest rank: both are times that were really taken."""
    if not times:
        return Spread(0, None, None)
    ordered = sorted(times)
    ranks = (-(-len(ordered) // 2) - 1, -(-len(ordered) * 9 // 10) - 1)
    median, p90 = (timedelta(microseconds=ordered[rank]) for rank in ranks)
    return Spread(len(ordered), median, p90)


def figures(connection: Connection, question: Question, zone: ZoneInfo, now: datetime) -> Figures:
    """Count it."""
    cohort = _CohortRows(question, zone)
    tally = _Tally(question, zone)
    for row in connection.execute(cohort.of(_ways(cohort.anchor))):
        tally.way(row)
    tally.count_ways()
    for row in connection.execute(cohort.of(_obligations(cohort.anchor))):
        tally.obligation(row, _microseconds(now))
    failed = connection.execute(cohort.of(_failed()))
    return Figures(
        question=question,
        counted_at=now,
        returns=tally.returns,
        periods=tally.periods,
        kept={kind: dict(zip(tally.periods, kept, strict=True)) for kind, kept in tally.kept.items()},
        steps={step: spread(times) for step, times in tally.steps.items()},
        whole_way={p: spread(times) for p, times in zip(tally.periods, tally.whole_way, strict=True)},
        failures=sorted(
            (
                Failure(reason or "unknown", currency, count, int(minor))
                for reason, currency, count, minor in failed
            ),
            key=lambda x: (-x.count, x.reason, x.currency),
        ),
    )


# Which returns a number is of -----------------------------------------------------------------------


class How(StrEnum):
    """How an obligation stands in the figures: `Kept` counts them."""

    MET = "met"
    LATE = "late"
    OPEN = "open"
    FELL_AWAY = "fell_away"


@dataclass(frozen=True)
class Counted:
    """One return behind a number. `due_at` is there while its clock runs; `late_at`: since when it is late."""

    rma: str
    order_reference: str
    stage: Stage
    contacted_at: datetime
    due_at: datetime | None
    late_at: datetime | None


def returns_of(
    connection: Connection, question: Question, zone: ZoneInfo, now: datetime, kind: ClockKind, how: How, limit: int
) -> list[Counted]:  # fmt: skip
    """The returns that a number of the figures counts, in the order of their contacts; `limit` of them at most."""
    c, r = _clocks.c, _returns.c
    cohort = _CohortRows(question, zone)
    is_late = or_(c.breached_at.is_not(None), and_(c.due_at.is_not(None), c.due_at < now))
    counted = {
        How.LATE: is_late,
        How.MET: and_(~is_late, c.ended == Ended.KEPT),
        How.FELL_AWAY: and_(~is_late, c.ended == Ended.FELL_AWAY),
        How.OPEN: and_(~is_late, c.ended.is_(None)),
    }[how]
    query = (
        select(r.rma, r.order_reference, r.stage, r.contacted_at, c.due_at, c.breached_at)
        .select_from(_returns)
        .join(_clocks, and_(c.rma == r.rma, c.kind == kind))
        .where(counted)
        .order_by(r.contacted_at, r.rma)
        .limit(limit)
    )
    return [
        Counted(
            rma, order, Stage(stage), contacted_at, due_at,
            breached_at or (due_at if how is How.LATE else None),
        )
        for rma, order, stage, contacted_at, due_at, breached_at in connection.execute(cohort.of(query))
    ]  # fmt: skip


# What is read: instants as microseconds, from indexes alone -------------------------------------------


class _CohortRows:
    """The returns of a question, and by which instant each is counted."""

    def __init__(self, question: Question, zone: ZoneInfo) -> None:
        self._by_order = question.cohort is Cohort.ORDER
        self.anchor = _orders.c.ordered_at if self._by_order else _returns.c.contacted_at
        self._since, self._until = start_of(question.first, zone), end_of(question.last, zone)

    def of(self, query: Select[Any]) -> Select[Any]:
        """What a query finds, of these returns only."""
        if self._by_order:
            query = query.join(_orders, _orders.c.reference == _returns.c.order_reference)
        return query.where(self.anchor >= self._since, self.anchor < self._until)


def _ways(anchor: Any) -> Select[Any]:
    """Each return with the instants of its way, once for each refund that stands for itself, or once."""
    r, f = _returns.c, _refunds.c
    instants = (
        anchor, r.contacted_at, r.authorized_at, r.received_at, r.inspected_at, r.decided_at,
        f.submitted_at, f.credited_at, f.failed_at,
    )  # fmt: skip
    return (
        select(r.rma, *(microseconds(instant) for instant in instants))
        .select_from(_returns)
        .outerjoin(_refunds, and_(f.rma == r.rma, f.replaced_at.is_(None)))
    )


def _obligations(anchor: Any) -> Select[Any]:
    c = _clocks.c
    return (
        select(c.kind, c.ended, microseconds(anchor), c.breached_at.is_not(None), microseconds(c.due_at))
        .select_from(_returns)
        .join(_clocks, c.rma == _returns.c.rma)
    )


def _failed() -> Select[Any]:
    return (
        select(
            _refunds.c.failure_reason, _refunds.c.currency, func.count(), func.sum(_refunds.c.amount_minor)
        )
        .select_from(_refunds)
        .join(_returns, _returns.c.rma == _refunds.c.rma)
        .where(_refunds.c.failed_at.is_not(None))
        .group_by(_refunds.c.failure_reason, _refunds.c.currency)
    )


# What is counted -----------------------------------------------------------------------------------

_WAY = ("anchor", "contacted", "authorized", "received", "inspected", "decided", "submitted", "credited")
"""What `_ways` reads of a return, in its order."""
_CONTACTED, _SUBMITTED, _CREDITED = (_WAY.index(name) for name in ("contacted", "submitted", "credited"))
_PLACES = [(_WAY.index(start), _WAY.index(end)) for start, end in STEPS]


class _Tally:
    """Counts one row after the other; by period in the periods' order."""

    def __init__(self, question: Question, zone: ZoneInfo) -> None:
        self.periods = periods(question)
        self._begins = [_microseconds(start_of(day, zone)) for day in self.periods]
        self._ways: dict[str, list[int | None]] = {}
        self.kept = {kind: [Kept() for _ in self.periods] for kind in (PROCESSING, REFUND)}
        self.steps: dict[tuple[str, str], list[int]] = {step: [] for step in STEPS}
        self.whole_way: list[list[int]] = [[] for _ in self.periods]

    @property
    def returns(self) -> int:
        """How many there are."""
        return len(self._ways)

    def way(self, row: Any) -> None:
        """One return with one of its refunds: it is submitted and credited when the last of them was."""
        rma, *instants, failed_at = row
        if failed_at is not None:
            instants[_SUBMITTED] = instants[_CREDITED] = None
        known = self._ways.setdefault(rma, instants)
        if known is not instants:
            for place in (_SUBMITTED, _CREDITED):
                one, other = known[place], instants[place]
                known[place] = None if one is None or other is None else max(one, other)

    def count_ways(self) -> None:
        """How long each step of each return took, once all are here."""
        for way in self._ways.values():
            for (start, end), times in zip(_PLACES, self.steps.values(), strict=True):
                before, after = way[start], way[end]
                # A second parcel may arrive after the first was decided: such a step has no time of its own.
                if before is not None and after is not None and before <= after:
                    times.append(after - before)
            if (credited := way[_CREDITED]) is not None:
                self.whole_way[self._at(way[0])].append(credited - (way[_CONTACTED] or 0))

    def obligation(self, row: Any, now: int) -> None:
        """One clock of one return."""
        kind, how, anchor, is_breached, due_at = row
        kept = self.kept[kind][self._at(anchor)]
        if is_breached or (due_at is not None and due_at < now):
            kept.breached += 1
        elif how == Ended.KEPT:
            kept.met += 1
        elif how == Ended.FELL_AWAY:
            kept.fell_away += 1
        else:
            kept.open += 1

    def _at(self, instant: Any) -> int:
        return bisect_right(self._begins, instant) - 1


def _microseconds(instant: datetime) -> int:
    return (instant - _EPOCH) // timedelta(microseconds=1)
