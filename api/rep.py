"""The rep's desk: the queue of returns, and finding whatever a customer names."""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Annotated, TypeVar
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from api.desk import desk_of
from api.desk_pages import EVERYBODY, NO_STORE, show
from api.identity import require
from api.live import mark, stream
from returndesk.domain.errors import InvalidInput
from returndesk.domain.next_steps import NEXT_STEP
from returndesk.domain.people import MAY, Actor, Role
from returndesk.domain.stages import ENDED, CommandKind, Stage
from returndesk.store.finding import Found, FoundOrder, find
from returndesk.store.rep_queue import COUNTED_TO, Part, QueuePage, QueueRow, Wanted, queue_mark, queue_page

router = APIRouter(include_in_schema=False)

KNOWS_CUSTOMERS = MAY[CommandKind.REQUEST]
"""Who works with customers, and so may know their names."""
READERS = (Role.REP, Role.FINANCE, Role.MANAGER, Role.ADMIN)
"""Who reads returns here; the warehouse has its station."""
Reader = Annotated[Actor, require(*READERS)]
Anybody = Annotated[Actor, require(*EVERYBODY)]
_Code = TypeVar("_Code", bound=StrEnum)


@dataclass(frozen=True)
class Toggle:
    """A filter that is on or off: where it leads, and how many returns are like that."""

    words: str
    key: str
    url: str
    count: str
    is_on: bool


@dataclass(frozen=True)
class QueueView:
    """The queue with its filters. `query` is the address's own, and `seen` what it shows, for what listens to it."""

    wanted: Wanted
    seen: str
    rows: list[QueueRow]
    stages: list[Stage]
    my_role: Role
    names: bool
    may_start: bool
    toggles: list[Toggle]
    toggled: list[str]
    query: str
    part_url: str
    next_url: str
    first_url: str


@dataclass(frozen=True)
class FoundView:
    """What somebody looked for, and the orders it may mean."""

    typed: str
    orders: list[FoundOrder]
    is_more: bool
    names: bool
    may_start: bool


@router.get("/desk/returns", response_class=HTMLResponse)
def queue(request: Request, actor: Reader) -> HTMLResponse:
    """The queue, by what is due next."""
    desk, wanted = desk_of(request), _wanted(request)
    names = actor.role in KNOWS_CUSTOMERS
    with desk.database.read() as session:
        seen = mark(queue_mark(session, wanted, actor.id, desk.clock.now()))
        found = queue_page(session, wanted, actor.id, desk.clock.now(), names=names)
    asked = _query(wanted)
    page = QueueView(
        wanted=wanted,
        seen=seen,
        rows=list(found.rows),
        stages=[x for x in Stage if x in (ENDED if wanted.part is Part.ENDED else NEXT_STEP)],
        my_role=Role.MANAGER if actor.role is Role.ADMIN else actor.role,
        names=names,
        may_start=names,
        toggles=_toggles(wanted, found),
        toggled=[name for name in ("mine", "late") if name in asked],
        query=_address("", asked | _given("after", wanted.cursor)),
        part_url=_address("/desk/returns", _query(Wanted(wanted.part))),
        next_url=_address("/desk/returns", asked | {"after": found.next_cursor}) if found.next_cursor else "",
        first_url=_address("/desk/returns", asked) if wanted.cursor else "",
    )
    return show(request, actor, "rep/queue", page)


@router.get("/desk/live/returns")
async def queue_lives(request: Request, actor: Reader) -> Response:
    """Says when something of a page of the queue is new."""
    clock, wanted = desk_of(request).clock, _wanted(request)
    return await stream(request, lambda session: queue_mark(session, wanted, actor.id, clock.now()))


@router.get("/desk/find", response_class=HTMLResponse)
def finding(request: Request, actor: Anybody, q: Annotated[str, Query(max_length=254)] = "") -> Response:
    """What somebody typed: straight there where only one thing is meant, else what it may be."""
    by_person = actor.role in KNOWS_CUSTOMERS
    typed = q.replace("\x00", "").strip()
    with desk_of(request).database.read() as session:
        found = find(session, typed, by_person=by_person) if typed else Found()
    there = _only_one(found, may_start=by_person)
    if there is not None:
        return _on(there)
    page = FoundView(typed, list(found.orders), found.is_more, names=by_person, may_start=by_person)
    return show(request, actor, "rep/found", page)


def _only_one(found: Found, *, may_start: bool) -> str | None:
    """Where to go where only one thing can be meant: the return under way, or else the order."""
    if found.rma is not None:
        return f"/desk/returns/{found.rma}"
    if len(found.orders) != 1:
        return None
    order = found.orders[0]
    under_way = [x for x in order.returns if x.is_open]
    named = under_way if may_start else order.returns
    if len(named) == 1:
        return f"/desk/returns/{named[0].rma}"
    return _address("/desk/returns/new", {"order": order.reference}) if may_start and not named else None


def _on(url: str) -> Response:
    return RedirectResponse(url, 303, NO_STORE)


# The address of a queue --------------------------------------------------------------------------


def _wanted(request: Request) -> Wanted:
    """What the address asks for. Raises `InvalidInput` where it cannot be meant."""
    asked = request.query_params
    part = _one_of(Part, asked.get("part"), "part") or Part.OURS
    return Wanted(
        part=part,
        stage=_one_of(Stage, asked.get("stage"), "stage"),
        waits=_one_of(Role, asked.get("waits"), "waits") if part is Part.OURS else None,
        mine=asked.get("mine") == "yes",
        late=asked.get("late") == "yes" and part is Part.OURS,
        cursor=asked.get("after") or None,
    )


def _one_of(codes: type[_Code], value: str | None, field: str) -> _Code | None:
    if not value:
        return None
    try:
        return codes(value)
    except ValueError:
        raise InvalidInput("unknown_filter", f"{field}: one of {', '.join(codes)}.", field) from None


def _toggles(wanted: Wanted, found: QueuePage) -> list[Toggle]:
    mine, late = (
        replace(wanted, mine=not wanted.mine, cursor=None),
        replace(wanted, late=not wanted.late, cursor=None),
    )
    toggles = [Toggle("Mine", "m", _address("/desk/returns", _query(mine)), _up_to(found.mine), wanted.mine)]
    if wanted.part is Part.OURS:
        url = _address("/desk/returns", _query(late))
        toggles.append(Toggle("Late", "l", url, _up_to(found.late), wanted.late))
    return toggles


def _query(wanted: Wanted) -> dict[str, str]:
    """A queue's address without its cursor; what is as usual is left out."""
    return (
        _given("part", None if wanted.part is Part.OURS else wanted.part)
        | _given("stage", wanted.stage)
        | _given("waits", wanted.waits)
        | _given("mine", "yes" if wanted.mine else None)
        | _given("late", "yes" if wanted.late else None)
    )


def _given(name: str, value: str | None) -> dict[str, str]:
    return {} if value is None else {name: str(value)}


def _address(path: str, query: dict[str, str]) -> str:
    return f"{path}?{urlencode(query)}" if query else path


def _up_to(count: int) -> str:
    """A count that was not finished says so; none at all says nothing."""
    if not count:
        return ""
    return f"{COUNTED_TO - 1}+" if count >= COUNTED_TO else str(count)
