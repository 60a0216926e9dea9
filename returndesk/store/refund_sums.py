"""What finance's list amounts to: counts and amounts by standing, age and currency.

A sum of what failed is of what is owed of it still: a part that was paid by hand is not in it. The sums are of the very
conditions of the list.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, func, select

from returndesk.domain.refund_books import BUCKETS, GONE, OPEN, Bucket, Standing
from returndesk.store import tables
from returndesk.store.refund_conditions import Asked, Conditions, age_of, rest_was_owed, stands
from returndesk.store.statements import table_of

_refunds = table_of(tables.Refund)
_r = _refunds.c
_rests = table_of(tables.Rest)


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


_Stood = tuple[Standing, str]
"""A standing and a currency."""


def totals(connection: Connection, asked: Asked) -> tuple[list[StandingSum], list[Ageing]]:
    """What the whole list amounts to, and what of it is open, whatever its age.

    The first by standing and currency: what stands in different ways is never added up.
    """
    of = Conditions(connection, asked)
    open_ones = _added_up(of, OPEN, stands(asked), age_of(asked), with_age=False)
    known = None if asked.bucket else _by_standing(open_ones)
    return _sums(of, known), _ageing(of, open_ones)


def sums(connection: Connection, asked: Asked) -> list[StandingSum]:
    """What the whole list amounts to, by standing and currency: what stands in different ways is never added up."""
    return _sums(Conditions(connection, asked), None)


def _sums(of: Conditions, open_ones: Mapping[_Stood, Sum] | None) -> list[StandingSum]:
    """Nearly all refunds are credited, and each stands in one way: theirs is what the others leave of the whole, which
    the index gives without a look at how any of it stands. `open_ones` are those of the list, where they are known.
    """
    wanted = of.asked.standings or tuple(Standing)
    found: dict[_Stood, Sum] = {}
    if wanted == (Standing.CREDITED,):
        found = {(Standing.CREDITED, x.currency): x for x in _whole(of)}
    else:
        for part in (OPEN, GONE):
            some = [standing for standing in part if standing in wanted]
            if some and part is OPEN and open_ones is not None:
                found |= {place: one for place, one in open_ones.items() if place[0] in some}
            elif some:
                found |= _by_standing(_added_up(of, some, stands(of.asked)))
        if Standing.CREDITED in wanted:
            for whole in _whole(of):
                others = [x for (_, currency), x in found.items() if currency == whole.currency]
                count = whole.count - sum(x.count for x in others)
                minor = whole.amount_minor - sum(x.amount_minor for x in others)
                found[Standing.CREDITED, whole.currency] = Sum(whole.currency, count, minor)
    if Standing.FAILED in wanted:
        for (_, currency), minor in _paid_in_part(of, with_age=True).items():
            one = found[Standing.FAILED, currency]
            found[Standing.FAILED, currency] = Sum(currency, one.count, one.amount_minor - minor)
    order = list(Standing)
    return sorted(
        (StandingSum(standing, one) for (standing, _), one in found.items() if one.count),
        key=lambda one: (order.index(one.standing), one.sum.currency),
    )


def _by_standing(parts: Mapping[tuple[str, ...], Sum]) -> dict[_Stood, Sum]:
    """Sums by standing, something else and currency as sums by standing and currency."""
    found: dict[_Stood, Sum] = {}
    for (stood, *_), part in parts.items():
        place = (Standing(stood), part.currency)
        before = found.get(place, Sum(part.currency, 0, 0))
        found[place] = Sum(part.currency, before.count + part.count, before.amount_minor + part.amount_minor)
    return found


def _whole(of: Conditions) -> Iterable[Sum]:
    """What the whole list amounts to, by currency alone."""
    return _added_up(of, of.asked.standings).values()


def _added_up(
    of: Conditions,
    standings: Sequence[Standing],
    *by: ColumnElement[str],
    with_age: bool = True,
) -> dict[tuple[str, ...], Sum]:
    """Counts and amounts of those that stood in one of these ways, by these columns and the currency."""
    found: dict[tuple[str, ...], Sum] = {}
    for late in of.lateness:
        query = (
            select(*by, _r.currency, func.count(), func.sum(_r.amount_minor))
            .where(*of.of(standings, with_age=with_age), *late)
            .group_by(_r.currency, *by)
        )
        for *key, currency, count, minor in of.connection.execute(query):
            place = (*key, currency)
            before = found.get(place, Sum(currency, 0, 0))
            found[place] = Sum(currency, before.count + count, before.amount_minor + int(minor))
    return found


def _paid_in_part(of: Conditions, *, with_age: bool) -> dict[tuple[str, str], int]:
    """What was paid by hand of refunds that failed and are owed still, by age and currency."""
    are_there = select(_rests.c.rma).where(*rest_was_owed(of.asked), _rests.c.refund_id.is_not(None)).limit(1)
    if of.connection.execute(are_there).first() is None:
        return {}
    query = (
        select(age_of(of.asked), _r.currency, func.sum(_r.amount_minor - _rests.c.amount_minor))
        .select_from(_rests)
        .join(_refunds, _r.id == _rests.c.refund_id)
        .where(
            *rest_was_owed(of.asked),
            *of.of((Standing.FAILED,), with_age=with_age),
            *of.late,
        )
        .group_by("bucket", _r.currency)
    )
    return {(code, currency): int(minor) for code, currency, minor in of.connection.execute(query)}


def _ageing(of: Conditions, open_ones: Mapping[tuple[str, ...], Sum]) -> list[Ageing]:
    by_code = {b.code: b for b in BUCKETS}
    paid = _paid_in_part(of, with_age=False)
    found = []
    for (stood, code, currency), one in open_ones.items():
        part = paid.get((code, currency), 0) if stood == Standing.FAILED else 0
        found.append(
            Ageing(Standing(stood), by_code[code], Sum(currency, one.count, one.amount_minor - part))
        )
    return found
