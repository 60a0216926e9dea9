"""The manager's desk: tasks of every queue for everybody, what waits for approval, and the causes of what went wrong."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from http import HTTPStatus
from typing import Annotated
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.datastructures import FormData

from api.desk import Desk, desk_of
from api.desk_pages import EVERYBODY, NO_STORE, FormProblem, form_of, problem_of, send, show, text_in
from api.identity import local_path, require
from api.live import mark, stream
from api.tasks import their_task
from returndesk.domain.errors import InvalidInput, ReturndeskError
from returndesk.domain.inputs import ApprovalInput, Channel, RefusalInput, TaskDoneInput
from returndesk.domain.people import MAY, Actor, Role
from returndesk.domain.rma import parse
from returndesk.domain.stages import CommandKind
from returndesk.store import task_holding
from returndesk.store.approval_pages import ApprovalPage, approval_mark, approval_page
from returndesk.store.cause_pages import CausesPage, Period, causes_page
from returndesk.store.task_pages import (
    COUNTED_TO,
    QUEUES,
    ROLES,
    TaskFilters,
    TaskPage,
    task_mark,
    task_page,
)

router = APIRouter(include_in_schema=False)

Anybody = Annotated[Actor, require(*EVERYBODY)]
Head = Annotated[Actor, require(Role.MANAGER, Role.ADMIN)]
After = Annotated[str | None, Query(max_length=200)]

DAYS = 28
"""What causes are looked at where nobody says which: four weeks."""
DAYS_MAX = 400

# Tasks -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class TasksView:
    """The list with its filters. `own`: whose tasks come first for who looks; `query`: the address's own.

    `seen`: what it shows, for its stream.
    """

    seen: str
    wanted: TaskFilters
    own: Role
    page: TaskPage
    late: str
    roles: tuple[Role, ...]
    queues: tuple[str, ...]
    query: str
    late_url: str
    mine_url: str
    next_url: str
    first_url: str


@router.get("/desk/tasks", response_class=HTMLResponse)
def tasks(request: Request, actor: Anybody, after: After = None) -> HTMLResponse:
    """What waits for a person, most urgent first: one's own role's, or anybody's."""
    return _tasks(request, actor, after)


def _tasks(
    request: Request, actor: Actor, after: str | None = None, problem: FormProblem | None = None
) -> HTMLResponse:
    desk = desk_of(request)
    wanted, own = replace(_wanted(request, actor), cursor=after), _own(actor)
    with desk.database.read() as session:
        seen = mark(task_mark(session, wanted, desk.clock.now()))
        page = task_page(session, wanted, actor, desk.clock.now())
    view = TasksView(
        seen=seen,
        wanted=wanted,
        own=own,
        page=page,
        late=f"{page.late - 1}+" if page.late == COUNTED_TO else str(page.late),
        roles=ROLES,
        queues=QUEUES,
        query=_query(wanted, own, cursor=after),
        late_url=f"/desk/tasks{_query(replace(wanted, late=not wanted.late), own)}",
        mine_url=f"/desk/tasks{'' if wanted.taken_by else '?whose=me'}",
        next_url=""
        if page.next_cursor is None
        else f"/desk/tasks{_query(wanted, own, cursor=page.next_cursor)}",
        first_url=f"/desk/tasks{_query(wanted, own)}" if after else "",
    )
    return show(request, actor, "manager/tasks", view, problem=problem)


@router.post("/desk/tasks/taken")
async def take(request: Request, actor: Anybody) -> Response:
    """Have a task, so that the others see it; also in the place of who has it, where that is what was pressed."""

    def do(desk: Desk, form: FormData) -> None:
        task = their_task(desk, text_in(form, "task") or "", actor)
        take_over = form.get("over") == "yes"
        with desk.database.transaction() as connection:
            task_holding.take(connection, task.id, actor, desk.clock.now(), take_over=take_over)

    return await _hold(request, actor, do)


@router.post("/desk/tasks/released")
async def release(request: Request, actor: Anybody) -> Response:
    """Have it no more."""

    def do(desk: Desk, form: FormData) -> None:
        task = their_task(desk, text_in(form, "task") or "", actor)
        with desk.database.transaction() as connection:
            task_holding.release(connection, task.id, actor)

    return await _hold(request, actor, do)


async def _hold(request: Request, actor: Actor, do: Callable[[Desk, FormData], None]) -> Response:
    form = await form_of(request)
    try:
        await asyncio.to_thread(do, desk_of(request), form)
    except ReturndeskError as error:
        return await asyncio.to_thread(_tasks, request, actor, None, problem_of(error))
    return RedirectResponse(_back(form), HTTPStatus.SEE_OTHER, NO_STORE)


@router.post("/desk/tasks/done")
async def done(request: Request, actor: Annotated[Actor, require(*MAY[CommandKind.TASK_DONE])]) -> Response:
    """Close a task that nothing but a person's word closes."""
    form = await form_of(request)

    async def again(problem: FormProblem, _typed: Mapping[str, str]) -> Response:
        return await asyncio.to_thread(_tasks, request, actor, None, problem)

    try:
        task = await asyncio.to_thread(their_task, desk_of(request), text_in(form, "task") or "", actor)
        if task.rma is None:
            desk = desk_of(request)
            await asyncio.to_thread(task_holding.close, desk.database, task.id, actor, desk.clock.now(), None)
            return RedirectResponse(_back(form), HTTPStatus.SEE_OTHER, NO_STORE)
    except ReturndeskError as error:
        return await again(problem_of(error), {})
    return await send(
        request, actor, CommandKind.TASK_DONE, task.rma,
        lambda _form: TaskDoneInput(task=task.id), back=_back(form), again=again,
    )  # fmt: skip


def _back(form: FormData) -> str:
    """The list as it was filtered."""
    back = text_in(form, "back") or ""
    return back if local_path(back) and back.startswith("/desk/tasks?") else "/desk/tasks"


@router.get("/desk/live/tasks")
async def tasks_live(request: Request, actor: Anybody, after: After = None) -> Response:
    """Says when something of a page of tasks is new."""
    clock, wanted = desk_of(request).clock, replace(_wanted(request, actor), cursor=after)
    return await stream(request, lambda session: task_mark(session, wanted, clock.now()))


def _own(actor: Actor) -> Role:
    return actor.role if actor.role in ROLES else Role.MANAGER


def _wanted(request: Request, actor: Actor) -> TaskFilters:
    """The filters of an address; what it does not know is passed over."""
    whose, queue = request.query_params.get("whose", ""), request.query_params.get("queue", "")
    roles = {role.value: role for role in ROLES}
    role = None if whose in ("all", "me") else roles.get(whose, _own(actor))
    return TaskFilters(
        role,
        queue if queue in QUEUES else None,
        late=request.query_params.get("late") == "yes",
        taken_by=actor.id if whose == "me" else None,
    )


def _whose(wanted: TaskFilters, own: Role) -> str:
    if wanted.taken_by is not None:
        return "me"
    if wanted.role is None:
        return "all"
    return "" if wanted.role is own else wanted.role


def _query(wanted: TaskFilters, own: Role, cursor: str | None = None) -> str:
    asked = {
        "whose": _whose(wanted, own),
        "queue": wanted.queue or "",
        "late": "yes" if wanted.late else "",
        "after": cursor or "",
    }
    text = urlencode({name: value for name, value in asked.items() if value})
    return f"?{text}" if text else ""


# Approvals ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ApprovalsView:
    """What waits for a yes. `seen`: what the page shows, for its stream."""

    seen: str
    page: ApprovalPage
    next_url: str
    first_url: str


@router.get("/desk/approvals", response_class=HTMLResponse)
async def approvals(request: Request, actor: Head, after: After = None) -> HTMLResponse:
    """Decisions above the limit: how much, why, and the yes or no."""
    return await asyncio.to_thread(_approvals, request, actor, after)


@router.get("/desk/live/approvals")
async def approvals_live(request: Request, _actor: Head) -> Response:
    """Says when something new waits."""
    return await stream(request, approval_mark)


@router.post("/desk/approvals/{rma}/approval")
async def approve(
    rma: str, request: Request, actor: Annotated[Actor, require(*MAY[CommandKind.APPROVAL])]
) -> Response:
    """The yes."""
    return await _answer(request, actor, CommandKind.APPROVAL, rma)


@router.post("/desk/approvals/{rma}/refusal")
async def refuse(
    rma: str, request: Request, actor: Annotated[Actor, require(*MAY[CommandKind.REFUSAL])]
) -> Response:
    """The no, with what whoever decides again should know."""
    return await _answer(request, actor, CommandKind.REFUSAL, rma)


async def _answer(request: Request, actor: Actor, kind: CommandKind, rma: str) -> Response:
    number = parse(rma)
    name = f"{kind}-{number}"

    async def again(problem: FormProblem, typed: Mapping[str, str]) -> Response:
        fields = {name if field == "note" else field: said for field, said in problem.fields.items()}
        return await asyncio.to_thread(
            _approvals, request, actor, None, replace(problem, fields=fields), typed
        )

    def read(form: FormData) -> ApprovalInput | RefusalInput:
        note = text_in(form, name)
        if kind is CommandKind.APPROVAL:
            return ApprovalInput(note=note)
        if note is None:
            raise InvalidInput("no_reason", "Write why, for whoever decides again.", name)
        return RefusalInput(note=note)

    return await send(request, actor, kind, number, read, back="/desk/approvals", again=again)


def _approvals(
    request: Request,
    actor: Actor,
    after: str | None,
    problem: FormProblem | None = None,
    typed: Mapping[str, str] | None = None,
) -> HTMLResponse:
    with desk_of(request).database.read() as session:
        seen = mark(approval_mark(session))
        page = approval_page(session, actor.id, after)
    view = ApprovalsView(
        seen,
        page,
        "" if page.next_cursor is None else f"/desk/approvals?{urlencode({'after': page.next_cursor})}",
        "/desk/approvals" if after else "",
    )
    return show(request, actor, "manager/approvals", view, problem=problem, typed=typed)


# Causes ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class CausesView:
    """The causes of a period; none where the address names no days that can be."""

    causes: CausesPage | None
    typed: Mapping[str, str]
    channels: tuple[Channel, ...]


@router.get("/desk/causes", response_class=HTMLResponse)
def causes(
    request: Request, actor: Annotated[Actor, require(Role.FINANCE, Role.MANAGER, Role.ADMIN)]
) -> HTMLResponse:
    """Where missed promises stood, and which rules were gone against, in a period."""
    desk = desk_of(request)
    zone = desk.policy.shop.zone
    today = desk.clock.now().astimezone(ZoneInfo(zone)).date()
    names = ("from", "to", "channel")
    given = {name: request.query_params.get(name, "").strip() for name in names}
    typed = {"from": given["from"] or str(today - timedelta(days=DAYS - 1)), "to": given["to"] or str(today)}
    channel = given["channel"] if given["channel"] in list(Channel) else None
    typed["channel"] = channel or ""
    try:
        period = Period(_day(typed["from"], "from"), _day(typed["to"], "to"), zone)
        if not period.first <= period.last < period.first + timedelta(days=DAYS_MAX):
            raise InvalidInput(
                "bad_period", f"The last day comes after the first, at most {DAYS_MAX} days later.", "to"
            )
        with desk.database.read() as session:
            found = causes_page(session, period, channel)
    except InvalidInput as error:
        view = CausesView(None, typed, tuple(Channel))
        return show(request, actor, "manager/causes", view, problem=problem_of(error), typed=typed)
    return show(request, actor, "manager/causes", CausesView(found, typed, tuple(Channel)))


def _day(text: str, field: str) -> date:
    try:
        found = date.fromisoformat(text)
    except ValueError:
        found = date.min
    if not 2000 <= found.year <= 2100:
        raise InvalidInput("bad_day", "Write a day as in 2026-11-27.", field)
    return found
