"""The list of tasks: every queue for everybody, one's own role first, the most urgent on top.

A page is read from a partial index of open tasks, however many there are. A task's details are ids, codes and counts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from sqlmodel import Session, col, select, tuple_

from returndesk.domain.people import Actor, Role
from returndesk.domain.tasks import ends_with, is_of
from returndesk.store.found_parcels import PARCEL_WITHOUT_RETURN
from returndesk.store.paging import from_cursor, to_cursor
from returndesk.store.tables import Return, Task, Text

PAGE: Final = 50
COUNTED_TO: Final = 100
"""Nobody needs to know how many more than that are late, and counting all of them would cost."""
QUEUES: Final = (
    "late", "authorizations", "messages", "inspections", "decisions", "approvals", "refunds", "disputes",
    "goods_back", "lost_parcels", "found_goods", "unannounced_parcels", "claimed_elsewhere", "contact_customer", "on_hold",
    "awaiting_customer", "awaiting_goods",
)  # fmt: skip
"""Every queue that a task can stand in."""
_KINDS: Final = (
    "breach", "warn", "read", "look_for_parcel", "claimed_elsewhere", "found", "look_into", "details_missing", "failed",
    "pay_by_hand", "pay_rest", "dispute", "goods_back_late", "goods_back", "mail_refused", "contradicted", "parcel_without_return",
)  # fmt: skip
"""What a task is about, by how its kind begins; most end with the id of what it is about."""
ROLES: Final = (Role.REP, Role.WAREHOUSE, Role.FINANCE, Role.MANAGER)
"""Who has tasks. An admin looks after the managers'."""


@dataclass(frozen=True)
class TaskFilters:
    """Which tasks somebody wants to see. `role` None: those of everybody; `taken_by`: only what that person has."""

    role: Role | None = None
    queue: str | None = None
    late: bool = False
    taken_by: str | None = None
    cursor: str | None = None


@dataclass(frozen=True)
class TaskRow:
    """A task in the list. `about`: a queue's name for the step a return waits for, else the beginning of its kind.

    `packet`: what whoever is handed a late return needs to know, where the task has one. `ends_with`: what ends it
    by itself; None where a person's word does. `is_theirs`: whoever looks may take it, and close what is closed by hand.
    `words`: what the warehouse wrote of a parcel without a return; it may name a person.
    """

    id: str
    rma: str | None
    about: str
    queue: str
    owner_role: Role
    created_at: datetime
    due_at: datetime
    details: Mapping[str, Any]
    currency: str | None
    stage: str | None
    packet: Mapping[str, Any] | None
    taken_by: str | None
    ends_with: str | None
    is_theirs: bool
    words: str | None


@dataclass(frozen=True)
class TaskPage:
    """A page of tasks. `late`: how many of them are late, counted no further than `COUNTED_TO`."""

    rows: Sequence[TaskRow]
    next_cursor: str | None
    late: int


def task_page(session: Session, wanted: TaskFilters, me: Actor, now: datetime) -> TaskPage:
    """A page of open tasks as `me` sees it. Raises `InvalidInput` for a cursor that is none."""
    query = (
        select(Task, Return.currency, Return.stage)
        .outerjoin(Return, col(Return.rma) == col(Task.rma))
        .where(*_wanted(wanted, now))
        .order_by(col(Task.due_at), col(Task.id))
        .limit(PAGE + 1)
    )
    if wanted.cursor is not None:
        query = query.where(tuple_(col(Task.due_at), col(Task.id)) > from_cursor(wanted.cursor))
    found = session.exec(query).all()
    words = _words_of(session, [task for task, *_ in found[:PAGE]])
    rows = [_row(task, currency, stage, words.get(task.id), me) for task, currency, stage in found[:PAGE]]
    more = len(found) > PAGE
    late = replace(wanted, late=True)
    counted = session.exec(select(Task.id).where(*_wanted(late, now)).limit(COUNTED_TO)).all()
    return TaskPage(rows, to_cursor(rows[-1].due_at, rows[-1].id) if more else None, len(counted))


def messages_to_read(session: Session) -> int:
    """How many messages of customers wait to be read, counted no further than `COUNTED_TO`."""
    unread = [col(Task.done_at).is_(None), col(Task.queue) == "messages"]
    return len(session.exec(select(Task.id).where(*unread).limit(COUNTED_TO)).all())


def task_mark(session: Session, wanted: TaskFilters, now: datetime) -> str:
    """What a page of tasks shows, as short as can be: when this changes, something of it is new."""
    query = (
        select(Task.id, Task.queue, Task.due_at, Task.taken_by)
        .where(*_wanted(wanted, now))
        .order_by(col(Task.due_at), col(Task.id))
        .limit(PAGE + 1)
    )
    if wanted.cursor is not None:
        query = query.where(tuple_(col(Task.due_at), col(Task.id)) > from_cursor(wanted.cursor))
    return repr([tuple(row) for row in session.exec(query)])


def _wanted(wanted: TaskFilters, now: datetime) -> list[Any]:
    """The conditions of the filters."""
    conditions: list[Any] = [col(Task.done_at).is_(None)]
    if wanted.role is not None:
        conditions.append(col(Task.owner_role) == wanted.role)
    if wanted.queue is not None:
        conditions.append(col(Task.queue) == wanted.queue)
    if wanted.taken_by is not None:
        conditions.append(col(Task.taken_by) == wanted.taken_by)
    if wanted.late:
        conditions.append(col(Task.due_at) < now)
    return conditions


def _words_of(session: Session, tasks: Sequence[Task]) -> dict[str, str]:
    """What was written of parcels without a return, by task."""
    named = {task.details.get("text"): task.id for task in tasks if task.kind == PARCEL_WITHOUT_RETURN}
    found = session.exec(select(Text.id, Text.body).where(col(Text.id).in_([x for x in named if x])))
    return {named[text_id]: body for text_id, body in found}


def _row(task: Task, currency: str | None, stage: str | None, words: str | None, me: Actor) -> TaskRow:
    about = about_of(task.id, task.kind, task.queue)
    return TaskRow(
        id=task.id,
        rma=task.rma,
        about=about,
        queue=task.queue,
        owner_role=Role(task.owner_role),
        created_at=task.created_at,
        due_at=task.due_at,
        details=task.details,
        currency=currency,
        stage=stage,
        packet=_packet(task.details) if about in ("breach", "warn") else None,
        taken_by=task.taken_by,
        ends_with=ends_with(task.id, task.kind),
        is_theirs=is_of(me.role, task.owner_role),
        words=words,
    )


_ADDED = {"order": None, "granted_minor": 0, "currency": None}
"""What the packets of tasks that were filed before 27 November 2026 do not have."""


def _packet(details: Mapping[str, Any]) -> dict[str, Any] | None:
    """An escalation packet with its instants as instants; None of a task without one."""
    if "clock" not in details:
        return None
    instants = {name: details.get(name) for name in ("contacted_at", "on_hold_since")}
    return {**_ADDED, **details, **{name: at and datetime.fromisoformat(at) for name, at in instants.items()}}


def about_of(task_id: str, kind: str, queue: str) -> str:
    """What a task is about: the step a return waits for is told by its queue, anything else by its kind."""
    if task_id.endswith("/next"):
        return queue
    fitting = [known for known in _KINDS if kind == known or kind.startswith(f"{known}_")]
    return max(fitting, key=len, default=queue)
