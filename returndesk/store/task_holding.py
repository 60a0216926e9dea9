"""Who has a task, seen by the others, so that two people do not do the same; and the end of one that is about no return.

Taken once and by one, and closed once, whatever happens at once: the row itself decides.
"""

from datetime import UTC, datetime

from sqlalchemy import Connection, bindparam, select, update

from returndesk.domain.errors import Refused
from returndesk.domain.people import Actor, Role
from returndesk.domain.tasks import DONE_ALREADY
from returndesk.store import tables
from returndesk.store.commands import new_id
from returndesk.store.database import Database
from returndesk.store.statements import table_of

_tasks = table_of(tables.Task)
_c = _tasks.c
_ROW = select(_c.taken_by, _c.taken_at, _c.done_at).where(_c.id == bindparam("key_id"))
_OPEN_ONE = update(_tasks).where(_c.id == bindparam("key_id"), _c.done_at.is_(None))
_TAKE = _OPEN_ONE.values(taken_by=bindparam("by"), taken_at=bindparam("now"))
_TAKE_OVER = _TAKE.where(_c.taken_by.is_not_distinct_from(bindparam("whose")))
_RELEASE = _OPEN_ONE.where(_c.taken_by == bindparam("whose")).values(taken_by=None, taken_at=None)
_HEADS = (Role.MANAGER, Role.ADMIN)


def take(connection: Connection, task_id: str, actor: Actor, now: datetime, *, take_over: bool) -> None:
    """Have a task from now on; who has it already keeps since when.

    Raises `Refused` (`task_taken`, with who since when) where another has it and `take_over` is not asked for, and
    (`task_done`) where nobody needs to have it any more.
    """
    whose = _whose(connection, task_id)
    if whose == actor.id:
        return
    if whose is not None and not take_over:
        raise _taken(connection, task_id)
    values = {"key_id": task_id, "whose": whose, "by": actor.id, "now": now}
    if connection.execute(_TAKE_OVER, values).rowcount == 0:
        raise _taken(connection, task_id)  # by somebody who was quicker


def release(connection: Connection, task_id: str, actor: Actor) -> None:
    """Have it no more; a manager may also free what another has. Raises `Refused` like `take`."""
    whose = _whose(connection, task_id)
    if whose is None:
        return
    if whose != actor.id and actor.role not in _HEADS:
        raise _taken(connection, task_id)
    connection.execute(_RELEASE, {"key_id": task_id, "whose": whose})


def close(database: Database, task_id: str, actor: Actor, now: datetime, note: str | None) -> None:
    """Write down who has done a task of no return, unless somebody has; its own row is the record."""
    with database.write() as session:
        row = session.get_one(tables.Task, task_id, with_for_update=True)
        assert row.rma is None, "what is about a return is its run's to close"
        if row.done_at is not None:
            return
        row.done_at, row.done_by = now, actor.id
        if note is not None:
            text = tables.Text(id=new_id("txt"), body=note, actor_id=actor.id, recorded_at=now)
            row.details = row.details | {"done_note": text.id}
            session.add(text)


def _whose(connection: Connection, task_id: str) -> str | None:
    row = connection.execute(_ROW, {"key_id": task_id}).one()
    if row.done_at is not None:
        raise Refused(DONE_ALREADY, "This task is done. Nobody needs to have it.")
    taken_by: str | None = row.taken_by
    return taken_by


def _taken(connection: Connection, task_id: str) -> Refused:
    row = connection.execute(_ROW, {"key_id": task_id}).one()
    if row.taken_by is None:
        return Refused(DONE_ALREADY, "This task was done or freed a moment ago. Look at it again.")
    since = row.taken_at.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
    return Refused(
        "task_taken",
        f"{row.taken_by} has had this task since {since}. Nothing was changed. Ask them, or take it over.",
    )
