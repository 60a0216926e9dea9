"""The queue of returns: one list, sorted by what is due next, in three parts that nothing is in two of.

`ours`: a clock runs, and the shop owes somebody something by then, or it is on hold, and somebody is to look into it.
`customer`: every clock stands, so it is the customer's turn; whoever waits longest comes first. `ended`: what ended
last comes first.

A page costs the same however many returns there are: it is read from partial indexes, a short range for each stage,
and the ranges are merged.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from heapq import merge
from itertools import islice
from typing import Any

from sqlalchemy import bindparam
from sqlalchemy import select as sa_select
from sqlmodel import Session, col, func, select, tuple_

from returndesk.domain.attainment import Ended, ended
from returndesk.domain.clock import ClockState
from returndesk.domain.next_steps import NEXT_STEP, ON_HOLD, next_step
from returndesk.domain.people import Role
from returndesk.domain.stages import ENDED, Stage
from returndesk.store.case_rows import Standing, load_clocks_of
from returndesk.store.claims import Holder, holders, present
from returndesk.store.paging import from_cursor, to_cursor
from returndesk.store.statements import table_of
from returndesk.store.tables import Claim, Customer, Order, Return, Task

PAGE = 50
COUNTED_TO = 100
"""Nobody needs to know how many more than that there are, and counting all of them would cost."""


class Part(StrEnum):
    """Which part of the queue: whose turn it is, or that it has ended."""

    OURS = "ours"
    CUSTOMER = "customer"
    ENDED = "ended"


@dataclass(frozen=True)
class Wanted:
    """Which returns somebody wants to see. `waits`: for whose work; `mine`: only what they have claimed."""

    part: Part = Part.OURS
    stage: Stage | None = None
    waits: Role | None = None
    mine: bool = False
    late: bool = False
    cursor: str | None = None

    @property
    def is_everything(self) -> bool:
        """Whether nothing is left out of the part."""
        return self == replace(Wanted(self.part), cursor=self.cursor)


@dataclass(frozen=True)
class QueueClock:
    """A clock as a list shows it. `is_void`: it stopped because nothing was owed any more."""

    kind: str
    state: ClockState
    due_at: datetime | None
    breached_at: datetime | None
    is_void: bool = False


@dataclass(frozen=True)
class QueueRow:
    """A return as the queue shows it. `customer` is None for who may not know the name.

    `step` and `owner`: what it waits for (a queue's name), and whose work that is; None once it has ended.
    `look_by`: of what is on hold, by when somebody looks into it where no clock says so.
    """

    rma: str
    order_reference: str
    customer: str | None
    stage: Stage
    contacted_at: datetime
    expires_at: datetime | None
    asked_at: datetime | None
    sent_at: datetime | None
    look_by: datetime | None
    ended_at: datetime | None
    clocks: Sequence[QueueClock]
    step: str | None
    owner: Role | None
    needs_person: Sequence[str]
    holder: Holder | None
    present: Sequence[str]


@dataclass(frozen=True)
class QueuePage:
    """A page of the queue. `late` and `mine`, of its part, are counted no further than `COUNTED_TO`."""

    rows: Sequence[QueueRow]
    next_cursor: str | None
    late: int
    mine: int


_Key = tuple[datetime, str]
_Query = Any
"""A SELECT of keys: SQLModel and SQLAlchemy name its type differently."""


def queue_page(session: Session, wanted: Wanted, me: str, now: datetime, *, names: bool) -> QueuePage:
    """A page of the queue as `me` sees it. Raises `InvalidInput` for a cursor that is none."""
    keys, more = _keys(session, wanted, me, now)
    return QueuePage(
        rows=_rows(session, [rma for _, rma in keys], me, now, names=names),
        next_cursor=to_cursor(*keys[-1]) if more else None,
        late=_counted(session, select(Return.rma).where(*_late(now))),
        mine=_counted(session, _claimed(select(Return.rma).where(*_in_part(Wanted(wanted.part), now)), me)),
    )


def queue_mark(session: Session, wanted: Wanted, me: str, now: datetime) -> str:
    """What a page of the queue shows, as short as can be: when this changes, something of it is new."""
    keys, _ = _keys(session, wanted, me, now)
    rmas = [rma for _, rma in keys]
    connection = session.connection()
    row = Return
    moved = session.execute(
        select(row.rma, row.last_at, row.stage).where(col(row.rma).in_(rmas)).order_by(row.rma)
    ).all()
    who = sorted((rma, x.actor_id) for rma, x in holders(connection, rmas).items())
    return repr((rmas, moved, who, sorted(present(connection, rmas, me, now).items())))


# Which returns -----------------------------------------------------------------------------------


def _keys(session: Session, wanted: Wanted, me: str, now: datetime) -> tuple[list[_Key], bool]:
    """The keys of a page in their order, and whether there are more behind it."""
    ranges = [_range(session, query, wanted) for query in _queries(wanted, me, now)]
    keys = list(islice(merge(*ranges, reverse=wanted.part is Part.ENDED), PAGE + 1))
    return keys[:PAGE], len(keys) > PAGE


def _range(session: Session, query: _Query, wanted: Wanted) -> Iterator[_Key]:
    """The first keys of a query, behind the cursor."""
    at, rma = _sorted_by(wanted.part), col(Return.rma)
    down = wanted.part is Part.ENDED
    if wanted.cursor is not None:
        after, keys = from_cursor(wanted.cursor), tuple_(at, rma)
        query = query.where(keys < after if down else keys > after)
    order = (at.desc(), rma.desc()) if down else (at, rma)
    return ((row[0], row[1]) for row in session.execute(query.order_by(*order).limit(PAGE + 1)))


def _sorted_by(part: Part) -> Any:
    return {
        Part.OURS: col(Return.next_due_at),
        Part.CUSTOMER: col(Return.contacted_at),
        Part.ENDED: col(Return.ended_at),
    }[part]


def _queries(wanted: Wanted, me: str, now: datetime) -> Iterable[_Query]:
    """One query for each range of an index that holds some of the returns wanted."""
    query: _Query = select(_sorted_by(wanted.part), col(Return.rma)).where(*_in_part(wanted, now))
    stages = _stages(wanted)
    if wanted.mine:
        claimed = _claimed(query, me).where(col(Return.stage).in_(stages))
        return [claimed if wanted.waits is None else claimed.where(_waits_for(wanted.waits))]
    if wanted.waits is None:
        return [query.where(Return.stage == stage) for stage in stages]
    is_held = col(Return.on_hold_since).is_not(None)
    queries = [
        query.where(Return.stage == stage, ~is_held)
        for stage in stages
        if NEXT_STEP[stage].owner is wanted.waits
    ]
    if wanted.waits is Role.REP:
        on_hold = query.join(Task, col(Task.rma) == col(Return.rma)).where(
            Task.queue == ON_HOLD.queue, col(Task.done_at).is_(None)
        )
        queries.append(on_hold.where(col(Return.stage).in_(stages)))  # few, and found by their task
    return queries


def _claimed(query: _Query, me: str) -> _Query:
    """Those that `me` has claimed."""
    return query.join(Claim, col(Claim.rma) == col(Return.rma)).where(Claim.actor_id == me)


def _stages(wanted: Wanted) -> list[Stage]:
    of_part = ENDED if wanted.part is Part.ENDED else NEXT_STEP.keys()
    return [stage for stage in Stage if stage in of_part and wanted.stage in (None, stage)]


def _waits_for(role: Role) -> Any:
    """Whose work it is; what is on hold is a rep's."""
    is_held = col(Return.on_hold_since).is_not(None)
    theirs = col(Return.stage).in_([stage for stage, step in NEXT_STEP.items() if step.owner is role])
    return (is_held | theirs) if role is Role.REP else (~is_held & theirs)


def _in_part(wanted: Wanted, now: datetime) -> list[Any]:
    """As the partial indexes have it."""
    if wanted.part is Part.ENDED:
        return [col(Return.ended_at).is_not(None)]
    if wanted.part is Part.CUSTOMER:
        return [col(Return.ended_at).is_(None), col(Return.next_due_at).is_(None)]
    if wanted.late:
        return [*_late(now), col(Return.next_due_at).is_not(None)]
    return [col(Return.ended_at).is_(None), col(Return.next_due_at).is_not(None)]


def _late(now: datetime) -> list[Any]:
    return [col(Return.ended_at).is_(None), col(Return.next_due_at) < now]


def _counted(session: Session, query: _Query) -> int:
    """How many rows a query has, up to `COUNTED_TO`."""
    return session.scalar(select(func.count()).select_from(query.limit(COUNTED_TO).subquery())) or 0


# What is shown of them ---------------------------------------------------------------------------


def _rows(session: Session, rmas: Sequence[str], me: str, now: datetime, *, names: bool) -> list[QueueRow]:
    connection = session.connection()
    clocks = load_clocks_of(connection, rmas)
    who, here = holders(connection, rmas), present(connection, rmas, me, now)
    rows = {row.rma: row for row in connection.execute(_SHOWN, {"rmas": list(rmas)})}
    return [
        _row(rows[rma], clocks[rma].values(), who.get(rma), here.get(rma, ()), names=names) for rma in rmas
    ]


_returns, _orders, _customers = table_of(Return), table_of(Order), table_of(Customer)
_SHOWN = (
    sa_select(
        *(
            _returns.c[name]
            for name in (
                "rma", "order_reference", "stage", "contacted_at", "expires_at", "awaiting_answer_since",
                "on_hold_since", "next_due_at", "sent_at", "ended_at", "needs_person",
            )
        ),
        _customers.c.name,
    )
    .join_from(_returns, _orders, _orders.c.reference == _returns.c.order_reference)
    .join(_customers, _customers.c.id == _orders.c.customer_id)
    .where(_returns.c.rma.in_(bindparam("rmas", expanding=True)))
)  # fmt: skip
"""What a row needs and no more: a page is fifty of them."""


def _row(
    row: Any,
    clocks: Iterable[Standing],
    holder: Holder | None,
    others: Sequence[str],
    *,
    names: bool,
) -> QueueRow:
    stage, standings = Stage(row.stage), list(clocks)
    step = next_step(stage, row.on_hold_since, row.awaiting_answer_since)
    return QueueRow(
        rma=row.rma,
        order_reference=row.order_reference,
        customer=row.name if names else None,
        stage=stage,
        contacted_at=row.contacted_at,
        expires_at=row.expires_at,
        asked_at=row.awaiting_answer_since,
        sent_at=row.sent_at,
        look_by=row.next_due_at if step is ON_HOLD and not any(x.due_at for x in standings) else None,
        ended_at=row.ended_at,
        clocks=[
            QueueClock(
                x.clock.kind,
                x.clock.state,
                x.due_at,
                x.breached_at,
                is_void=ended(x.clock) is Ended.FELL_AWAY,
            )
            for x in standings
        ],
        step=None if step is None else step.queue,
        owner=None if step is None else step.owner,
        needs_person=tuple(row.needs_person),
        holder=holder,
        present=others,
    )
