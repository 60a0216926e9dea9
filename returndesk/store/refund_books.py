"""The refunds as they stood at an instant: which ones, in which order, and their sums.

A sum of what failed is of what is owed of it still: a part that was paid by hand is not in it. Every condition is made
of a refund's own instants and answered from `ix_refunds_books` or one of the small indexes, so a list of any day over
100,000 returns is found without reading the refunds themselves. The sums are of the very conditions of the list.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    case,
    func,
    literal,
    or_,
    select,
    tuple_,
    union,
)

from returndesk.domain.clock import REFUND
from returndesk.domain.refund_books import BUCKETS, GONE, OPEN, Bucket, Standing, decided_within
from returndesk.store import tables
from returndesk.store.refund_finding import refunds_named
from returndesk.store.statements import table_of

_refunds = table_of(tables.Refund)
_r = _refunds.c
_clocks = table_of(tables.Clock)
_returns = table_of(tables.Return)
_rests = table_of(tables.Rest)


@dataclass(frozen=True)
class Asked:
    """Which refunds, as the books stood before `at` on the shop's day `day`. Empty `standings`: all of them.

    Open ones are listed with what waits longest on top, unless `newest_first`; everything else newest first. `is_now`: `at` is now, so whatever is written down has happened.
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


@dataclass(frozen=True)
class Sum:
    """How many refunds, and how much together, in one currency."""

    currency: str
    count: int
    amount_minor: int


@dataclass(frozen=True)
class StandingSum:
    """What stood in one way, in one currency; of what failed, what is owed of it."""

    standing: Standing
    sum: Sum


@dataclass(frozen=True)
class Ageing:
    """What was open, by standing, age and currency."""

    standing: Standing
    bucket: Bucket
    sum: Sum


Key = tuple[datetime, str]
"""A refund's place in the list: when it was decided, and its id."""


def keys(connection: Connection, asked: Asked, after: Key | None, limit: int) -> list[Key]:
    """The next refunds of the list, by place."""
    order = (_r.decided_at, _r.id) if asked.oldest_first else (_r.decided_at.desc(), _r.id.desc())
    query = _listed(connection, asked, select(_r.decided_at, _r.id)).order_by(*order).limit(limit)
    if after is not None:
        place = tuple_(_r.decided_at, _r.id)
        query = query.where(place > after if asked.oldest_first else place < after)
    return [(row.decided_at, row.id) for row in connection.execute(query)]


def all_keys(connection_of: Any, asked: Asked, limit: int) -> Iterator[list[Key]]:
    """The whole list, `limit` at a time, each on a connection of its own: nothing is held open in between."""
    after = None
    while True:
        with connection_of() as connection:
            found = keys(connection, asked, after, limit)
            if found:
                yield found
        if len(found) < limit:
            return
        after = found[-1]


def sums(connection: Connection, asked: Asked) -> list[StandingSum]:
    """What the whole list amounts to, by standing and currency: what stands in different ways is never added up.

    Nearly all refunds are credited, and each stands in one way: theirs is what the others leave of the whole, which
    the index gives without a look at how any of it stands.
    """
    wanted = asked.standings or tuple(Standing)
    found: dict[tuple[Standing, str], Sum] = {}
    if wanted == (Standing.CREDITED,):
        found = {(Standing.CREDITED, x.currency): x for x in _whole(connection, asked)}
    else:
        stands = _stands(asked)
        for part in (OPEN, GONE):
            some = [standing for standing in part if standing in wanted]
            for (stood, currency), one in _added_up(connection, asked, some, stands).items() if some else ():
                found[Standing(stood), currency] = one
        if Standing.CREDITED in wanted:
            for whole in _whole(connection, asked):
                others = [x for (_, currency), x in found.items() if currency == whole.currency]
                count = whole.count - sum(x.count for x in others)
                minor = whole.amount_minor - sum(x.amount_minor for x in others)
                found[Standing.CREDITED, whole.currency] = Sum(whole.currency, count, minor)
    if Standing.FAILED in wanted:
        for (_, currency), minor in _paid_in_part(connection, asked, with_age=True).items():
            one = found[Standing.FAILED, currency]
            found[Standing.FAILED, currency] = Sum(currency, one.count, one.amount_minor - minor)
    order = list(Standing)
    return sorted(
        (StandingSum(standing, one) for (standing, _), one in found.items() if one.count),
        key=lambda one: (order.index(one.standing), one.sum.currency),
    )


def _whole(connection: Connection, asked: Asked) -> Iterable[Sum]:
    """What the whole list amounts to, by currency alone."""
    return _added_up(connection, asked, asked.standings).values()


def _added_up(
    connection: Connection,
    asked: Asked,
    standings: Sequence[Standing],
    *by: ColumnElement[str],
    with_age: bool = True,
) -> dict[tuple[str, ...], Sum]:
    """Counts and amounts of those that stood in one of these ways, by these columns and the currency."""
    found: dict[tuple[str, ...], Sum] = {}
    for late in _lateness(connection, asked):
        query = (
            select(*by, _r.currency, func.count(), func.sum(_r.amount_minor))
            .where(*_conditions(connection, asked, standings, with_age=with_age), *late)
            .group_by(_r.currency, *by)
        )
        for *key, currency, count, minor in connection.execute(query):
            place = (*key, currency)
            before = found.get(place, Sum(currency, 0, 0))
            found[place] = Sum(currency, before.count + count, before.amount_minor + int(minor))
    return found


def _paid_in_part(connection: Connection, asked: Asked, *, with_age: bool) -> dict[tuple[str, str], int]:
    """What was paid by hand of refunds that failed and are owed still, by age and currency."""
    are_there = select(_rests.c.rma).where(*_owed_then(asked), _rests.c.refund_id.is_not(None)).limit(1)
    if connection.execute(are_there).first() is None:
        return {}
    query = (
        select(_bucket(asked), _r.currency, func.sum(_r.amount_minor - _rests.c.amount_minor))
        .select_from(_rests)
        .join(_refunds, _r.id == _rests.c.refund_id)
        .where(
            *_owed_then(asked),
            *_conditions(connection, asked, (Standing.FAILED,), with_age=with_age),
            *_late(connection, asked),
        )
        .group_by("bucket", _r.currency)
    )
    return {(code, currency): int(minor) for code, currency, minor in connection.execute(query)}


def _owed_then(asked: Asked) -> list[ColumnElement[bool]]:
    """The condition that a rest was owed."""
    if asked.is_now:
        return [_rests.c.ended_at.is_(None)]
    return [_rests.c.begun_at < asked.at, _not_yet(asked, _rests.c.ended_at)]


@dataclass(frozen=True)
class Uncarried:
    """What a return owes that no refund carries, as no payment had the room."""

    rma: str
    currency: str
    amount_minor: int


def uncarried(connection: Connection, asked: Asked) -> list[Uncarried]:
    """All of it, the oldest first: it is owed beside the refunds, and in none of their sums."""
    rests = _rests.c
    query = (
        select(rests.rma, rests.currency, func.sum(rests.amount_minor))
        .where(*_owed_then(asked), rests.refund_id.is_(None))
        .group_by(rests.rma, rests.currency)
        .order_by(func.min(rests.begun_at), rests.rma)
    )
    return [Uncarried(rma, currency, int(minor)) for rma, currency, minor in connection.execute(query)]


def late_without_refund(connection: Connection, at: datetime, limit: int) -> list[str]:
    """Returns whose refund clock has run out while there is nothing to pay yet: still to be decided, or to be again."""
    c = _clocks.c
    overdue = select(c.rma).where(
        c.kind == REFUND, c.due_at.is_not(None), c.breached_at.is_(None), c.due_at < at
    )
    late = select(c.rma).where(c.breached_at.is_not(None), c.ended.is_(None), c.kind == REFUND)
    found = union(overdue, late).subquery()
    to_pay = or_(_r.submitted_at.is_(None), _r.failed_at.is_not(None))
    has_refund = select(_r.id).where(_r.rma == found.c.rma, _r.replaced_at.is_(None), to_pay).exists()
    is_owed = select(_rests.c.rma).where(_rests.c.rma == found.c.rma, _rests.c.ended_at.is_(None)).exists()
    query = select(found.c.rma).where(~has_refund, ~is_owed).order_by(found.c.rma).limit(limit)
    return list(connection.scalars(query))


def _bucket(asked: Asked) -> ColumnElement[str]:
    bounds = [(_r.decided_at >= since, literal(b.code)) for b, since in _begins(asked)]
    return case(*bounds, else_=literal(BUCKETS[-1].code)).label("bucket")


def ageing(connection: Connection, asked: Asked) -> list[Ageing]:
    """What is open of what is asked for, whatever its age: by standing, age and currency."""
    by_code = {b.code: b for b in BUCKETS}
    paid = _paid_in_part(connection, asked, with_age=False)
    open_ones = _added_up(connection, asked, OPEN, _stands(asked), _bucket(asked), with_age=False)
    found = []
    for (stands, code, currency), one in open_ones.items():
        part = paid.get((code, currency), 0) if stands == Standing.FAILED else 0
        found.append(
            Ageing(Standing(stands), by_code[code], Sum(currency, one.count, one.amount_minor - part))
        )
    return found


def _begins(asked: Asked) -> Iterator[tuple[Bucket, datetime]]:
    for bucket in BUCKETS:
        since, _ = decided_within(bucket, asked.day, asked.zone)
        if since is not None:
            yield bucket, since


def _listed(connection: Connection, asked: Asked, query: Select[Any]) -> Select[Any]:
    return query.where(
        *_conditions(connection, asked, asked.standings, with_age=True), *_late(connection, asked)
    )


def _conditions(
    connection: Connection, asked: Asked, standings: Sequence[Standing], *, with_age: bool
) -> list[ColumnElement[bool]]:
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
        found.append(_r.id.in_(refunds_named(connection, asked.text)))
    return found


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


def _stands(asked: Asked) -> ColumnElement[str]:
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


def _late(connection: Connection, asked: Asked) -> list[ColumnElement[bool]]:
    """The condition of lateness, where it is asked for."""
    if not asked.is_late:
        return []
    return [or_(*(and_(*late) for late in _lateness(connection, asked)))]


def _lateness(connection: Connection, asked: Asked) -> list[list[ColumnElement[bool]]]:
    """The ways to be late, of which a refund is in one at most; a single way without a condition where nobody asks.

    Late, and what is overdue though nobody has written that down yet: so the same day reads the same tomorrow. A sum adds
    up one after the other, each from an index of its own.
    """
    if not asked.is_late:
        return [[]]
    overdue = select(_clocks.c.rma).where(
        _clocks.c.kind == REFUND,
        _clocks.c.due_at.is_not(None),
        _clocks.c.breached_at.is_(None),
        _clocks.c.due_at < asked.at,
    )
    written = _by_then(asked, _r.late_at)
    if connection.execute(overdue.limit(1)).first() is None:
        return [[written]]
    of_overdue = _refunds.alias()
    owed = or_(_stood(asked, Standing.TO_SEND), _stood(asked, Standing.FAILED))
    ids = select(of_overdue.c.id).where(of_overdue.c.rma.in_(overdue))
    return [[written], [_not_yet(asked, _r.late_at), owed, _r.id.in_(ids)]]
