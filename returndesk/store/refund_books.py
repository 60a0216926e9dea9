"""The refunds as they stood at an instant: which ones, in which order, and what is owed beside them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, or_, select, tuple_, union

from returndesk.domain.clock import REFUND
from returndesk.store import tables
from returndesk.store.refund_conditions import Asked, Conditions, rest_was_owed
from returndesk.store.statements import table_of

_refunds = table_of(tables.Refund)
_r = _refunds.c
_clocks = table_of(tables.Clock)
_rests = table_of(tables.Rest)

Key = tuple[datetime, str]
"""A refund's place in the list: when it was decided, and its id."""


def keys(connection: Connection, asked: Asked, after: Key | None, limit: int) -> list[Key]:
    """The next refunds of the list, by place."""
    order = (_r.decided_at, _r.id) if asked.oldest_first else (_r.decided_at.desc(), _r.id.desc())
    query = (
        select(_r.decided_at, _r.id)
        .where(*Conditions(connection, asked).listed)
        .order_by(*order)
        .limit(limit)
    )
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
        .where(*rest_was_owed(asked), rests.refund_id.is_(None))
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
