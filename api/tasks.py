"""Tasks: work that waits for a person, by queue; who has which, and which are done."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from api.commands import CommandPending, IdempotencyKey, answer, ask
from api.desk import Desk, desk_of
from api.identity import require
from api.problems import problems
from returndesk.domain.errors import Refused
from returndesk.domain.input_fields import Note
from returndesk.domain.inputs import TaskDoneInput
from returndesk.domain.people import MAY, Actor, Role
from returndesk.domain.stages import CommandKind
from returndesk.domain.tasks import DONE_ALREADY, is_of
from returndesk.store import task_holding, views

router = APIRouter(prefix="/api/v1", tags=["tasks"])

Everybody = Annotated[Actor, require(Role.REP, Role.WAREHOUSE, Role.FINANCE, Role.MANAGER, Role.ADMIN)]
About = Annotated[
    str,
    Path(
        max_length=20, pattern=r"^[A-Za-z0-9-]+$", description="The part of the task's id before the slash."
    ),
]
Which = Annotated[
    str,
    Path(
        max_length=80, pattern=r"^[A-Za-z0-9_-]+$", description="The part of the task's id behind the slash."
    ),
]


class _Body(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class TaskDoneBody(_Body):
    """What came of it, for the record."""

    note: Note | None = None


class TaskTakenBody(_Body):
    """`take_over`: also where another has it."""

    take_over: Annotated[bool, Field(strict=True)] = False


@router.get("/tasks", responses=problems(401, 403, 422))
def list_tasks(
    request: Request,
    _actor: Everybody,
    queue: Annotated[
        str | None, Query(max_length=40, pattern="^[a-z_]+$", description="inspections, late, refunds, …")
    ] = None,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> views.TaskList:
    """Open tasks, most urgent first."""
    with desk_of(request).database.read() as session:
        return views.list_tasks(session, queue=queue, cursor=cursor, limit=limit)


@router.post(
    "/tasks/{about}/{which}/done",
    response_model=views.TaskView,
    responses={
        202: {"model": CommandPending, "description": "Written down; no outcome yet."},
        **problems(400, 401, 403, 404, 409, 413, 422),
    },
)
async def task_is_done(
    about: About,
    which: Which,
    body: TaskDoneBody,
    request: Request,
    key: IdempotencyKey,
    actor: Annotated[Actor, require(*MAY[CommandKind.TASK_DONE])],
) -> Response:
    """Close a task that nothing else closes (`can_be_done`); who did and when is on the return's record, where it
    is about one.

    Done before, it answers who did. 409 `task_not_yours_to_close` says what ends the task.
    """
    desk, task_id = desk_of(request), f"{about}/{which}"
    task = await asyncio.to_thread(their_task, desk, task_id, actor)
    if task.done_at is None and task.rma is None:
        await asyncio.to_thread(
            task_holding.close, desk.database, task_id, actor, desk.clock.now(), body.note
        )
    elif task.done_at is None and task.rma is not None:
        asked = TaskDoneInput(task=task_id, note=body.note)
        written, outcome = await ask(desk, CommandKind.TASK_DONE, task.rma, asked, actor=actor, key=key)
        if outcome is None or not (outcome.accepted or outcome.code == DONE_ALREADY):
            return answer(request, written, outcome)
    task = await asyncio.to_thread(their_task, desk, task_id, actor)
    return Response(task.model_dump_json(), media_type="application/json")


@router.post("/tasks/{about}/{which}/taken", responses=problems(400, 401, 403, 404, 409, 413, 422))
def take_task(
    about: About, which: Which, body: TaskTakenBody, request: Request, actor: Everybody
) -> views.TaskView:
    """Have a task, so that others see that somebody does. 409 `task_taken` says who has it, and since when."""
    desk, task_id = desk_of(request), f"{about}/{which}"
    their_task(desk, task_id, actor)
    with desk.database.transaction() as connection:
        task_holding.take(connection, task_id, actor, desk.clock.now(), take_over=body.take_over)
    return their_task(desk, task_id, actor)


@router.post("/tasks/{about}/{which}/released", responses=problems(400, 401, 403, 404, 409, 413, 422))
def release_task(about: About, which: Which, request: Request, actor: Everybody) -> views.TaskView:
    """Have it no more. A manager can free what another has."""
    desk, task_id = desk_of(request), f"{about}/{which}"
    their_task(desk, task_id, actor)
    with desk.database.transaction() as connection:
        task_holding.release(connection, task_id, actor)
    return their_task(desk, task_id, actor)


def their_task(desk: Desk, task_id: str, actor: Actor) -> views.TaskView:
    """A task of somebody's own role. Raises `NotFound`, and `Refused` (`not_your_task`)."""
    with desk.database.read() as session:
        task = views.task_view(session, task_id)
    if not is_of(actor.role, task.owner_role):
        raise Refused(
            "not_your_task", f"This is a task for {task.owner_role}, or a manager. Nothing was changed."
        )
    return task
