"""What waits at the warehouse's station: parcels on their way, goods to inspect, to send back, and found again.

Lists are keyset pages over partial indexes, whatever lies in the books beside them. Goods, counts and dates; no person.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select, tuple_
from sqlmodel import Session, col

from returndesk.domain.lots import Arrival, Disposition, Reception
from returndesk.domain.stages import Stage
from returndesk.store import tables
from returndesk.store.paging import from_cursor, to_cursor

SHOWN_MAX = 12
"""How many of each kind the station shows; the rest is behind a link."""
PAGE_MAX = 50


class Waiting(StrEnum):
    """What may wait at a station."""

    EXPECTED = "expected"
    ANNOUNCED = "announced"
    INSPECT = "inspect"
    GOODS_BACK = "goods-back"
    FOUND = "found"


@dataclass(frozen=True)
class WaitingReturn:
    """One return that waits; `units` of it, and `at`: by when it is to be done or sent, or when it should arrive."""

    rma: str
    order_reference: str
    at: datetime
    units: int
    is_looked_for: bool = False


@dataclass(frozen=True)
class WaitingList:
    """Those that wait for one thing, the most urgent first. `next_cursor`: there are more."""

    what: Waiting
    rows: Sequence[WaitingReturn]
    next_cursor: str | None


@dataclass(frozen=True)
class StationPage:
    """Everything that waits."""

    lists: Sequence[WaitingList]


def station_page(session: Session, on_the_way_days: int) -> StationPage:
    """The head of every list. `on_the_way_days`: how long a parcel is assumed to take."""
    return StationPage([waiting(session, what, on_the_way_days, limit=SHOWN_MAX) for what in Waiting])


def waiting(
    session: Session, what: Waiting, on_the_way_days: int, *, limit: int = PAGE_MAX, cursor: str | None = None
) -> WaitingList:
    """A page of those that wait for one thing. Raises `InvalidInput` for a cursor that is none."""
    if what is Waiting.EXPECTED:
        return _expected(session, on_the_way_days, limit, cursor)
    if what is Waiting.ANNOUNCED:
        return _announced(session, limit, cursor)
    found = session.execute(_page(_TASKS[what], _task.due_at, _task.id, limit, cursor)).all()
    shown = found[:limit]
    units = _units(session, {rma for _, _, rma, _ in shown}, _COUNTED[what])
    rows = [WaitingReturn(rma, order, due_at, units.get(rma, 0)) for _, due_at, rma, order in shown]
    more = to_cursor(shown[-1][1], shown[-1][0]) if len(found) > limit else None
    return WaitingList(what, rows, more)


def _expected(session: Session, on_the_way_days: int, limit: int, cursor: str | None) -> WaitingList:
    """Parcels that customers sent, the oldest first: `at` is when they should be here."""
    found = session.execute(_page(_ON_THE_WAY, _return.sent_at, _return.rma, limit, cursor)).all()
    shown = found[:limit]
    units = _units(session, {rma for rma, *_ in shown}, col(tables.Lot.reception) == Reception.IN_TRANSIT)
    takes = timedelta(days=on_the_way_days)
    rows = [
        WaitingReturn(rma, order, sent_at + takes, units.get(rma, 0), looked_for_at is not None)
        for rma, sent_at, order, looked_for_at in shown
    ]
    more = to_cursor(shown[-1][1], shown[-1][0]) if len(found) > limit else None
    return WaitingList(Waiting.EXPECTED, rows, more)


def _announced(session: Session, limit: int, cursor: str | None) -> WaitingList:
    """Returns that have their yes and of which nobody has said that they were sent: `at` is until when they may be.

    In the order in which they were asked for, which is what there is an index for.
    """
    found = session.execute(_page(_NOT_SENT, _return.recorded_at, _return.rma, limit, cursor)).all()
    shown = found[:limit]
    units = _units(session, {rma for rma, *_ in shown}, col(tables.Lot.reception) == Reception.AWAITING)
    rows = [WaitingReturn(rma, order, until, units.get(rma, 0)) for rma, _, order, until in shown]
    more = to_cursor(shown[-1][1], shown[-1][0]) if len(found) > limit else None
    return WaitingList(Waiting.ANNOUNCED, rows, more)


_Query = Select[*tuple[Any, ...]]
_task, _return = tables.Task, tables.Return
_ON_THE_WAY: _Query = select(
    col(_return.rma), col(_return.sent_at), col(_return.order_reference), col(_return.looked_for_at)
).where(
    col(_return.stage) == Stage.AUTHORIZED,
    col(_return.sent_at).is_not(None),
)

_NOT_SENT: _Query = select(
    col(_return.rma), col(_return.recorded_at), col(_return.order_reference), col(_return.expires_at)
).where(
    col(_return.stage) == Stage.AUTHORIZED,
    col(_return.sent_at).is_(None),
)


def _open_tasks(queue: str, kind: str | None = None) -> _Query:
    query: _Query = (
        select(col(_task.id), col(_task.due_at), col(_return.rma), col(_return.order_reference))
        .join(_return, col(_return.rma) == col(_task.rma))
        .where(col(_task.done_at).is_(None), col(_task.queue) == queue)
    )
    return query if kind is None else query.where(col(_task.kind) == kind)


_TASKS = {
    Waiting.INSPECT: _open_tasks("inspections", Stage.RECEIVED),
    Waiting.GOODS_BACK: _open_tasks("goods_back"),
    Waiting.FOUND: _open_tasks("found_goods"),
}
_lot = tables.Lot
_COUNTED: dict[Waiting, ColumnElement[bool]] = {
    Waiting.INSPECT: (col(_lot.reception) == Reception.RECEIVED) & col(_lot.condition).is_(None),
    Waiting.GOODS_BACK: (col(_lot.disposition) == Disposition.RETURN_TO_CUSTOMER) & col(_lot.left).is_(None),
    Waiting.FOUND: (col(_lot.disposition) == Disposition.HOLD) & (col(_lot.arrival) == Arrival.LATE),
}


def _page(query: _Query, at: Any, row_id: Any, limit: int, cursor: str | None) -> _Query:
    ordered = query.order_by(col(at), col(row_id)).limit(limit + 1)
    return ordered if cursor is None else ordered.where(tuple_(col(at), col(row_id)) > from_cursor(cursor))


def _units(session: Session, rmas: Iterable[str], which: ColumnElement[bool]) -> dict[str, int]:
    """How many units of each return are in such lots."""
    counted = session.execute(
        select(col(_lot.rma), func.sum(_lot.quantity))
        .where(col(_lot.rma).in_(list(rmas)), which)
        .group_by(col(_lot.rma))
    )
    return {rma: int(units) for rma, units in counted}
