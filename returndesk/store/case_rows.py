"""A case's rows: read into the domain's values, and written back in as few statements as they need."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from fractions import Fraction
from typing import Any

from sqlalchemy import Connection, bindparam, case, select

from returndesk.domain.attainment import ended
from returndesk.domain.audit import Entry
from returndesk.domain.clock import Clock, ClockEvent, ClockEventKind, ClockKind, Unit
from returndesk.domain.lots import (
    Acceptance,
    Arrival,
    Condition,
    Disposition,
    Lot,
    Packaging,
    Reception,
    WayBack,
)
from returndesk.domain.notices import AnyFacts
from returndesk.domain.people import Actor
from returndesk.store import tables
from returndesk.store.return_rows import ReturnRow
from returndesk.store.statements import append, table_of, updating

# Commands ----------------------------------------------------------------------------------------

_commands = table_of(tables.Command)
_COMMAND = (
    select(_commands.c.input, _commands.c.outcome, _commands.c.policy_version)
    .where(_commands.c.id == bindparam("id"))
    .with_for_update()
)
_ANSWER_COMMAND = updating(tables.Command, ["id"], ["outcome"])


@dataclass(frozen=True)
class Asking:
    """A command as a transition sees it."""

    input: dict[str, Any]
    outcome: dict[str, Any] | None
    policy_version: str


def load_command(connection: Connection, command_id: str) -> Asking:
    """What was asked, and what came of it if it was carried out before.

    Locked before anything else: whoever carries it out a second time waits for the first, and sees its outcome.
    """
    row = connection.execute(_COMMAND, {"id": command_id}).one()
    return Asking(row.input, row.outcome, row.policy_version)


def answer_command(connection: Connection, command_id: str, outcome: dict[str, Any]) -> None:
    """Keep what came of a command, in the transaction that carried it out."""
    connection.execute(_ANSWER_COMMAND, {"key_id": command_id, "outcome": outcome})


# Clocks ------------------------------------------------------------------------------------------

_clocks = table_of(tables.Clock)
_CLOCKS = select(_clocks).where(_clocks.c.rma == bindparam("rma")).order_by(_clocks.c.kind)
_CLOCKS_OF = (
    select(_clocks).where(_clocks.c.rma.in_(bindparam("rmas", expanding=True))).order_by(_clocks.c.kind)
)
_SAVE_CLOCK = updating(
    tables.Clock, ["rma", "kind"], ["events", "due_at", "warn_at", "warned_at", "breached_at", "ended"]
)


@dataclass(frozen=True)
class Standing:
    """A clock with the instants that were computed of it, and what was done about them."""

    clock: Clock
    due_at: datetime | None = None
    warn_at: datetime | None = None
    warned_at: datetime | None = None
    breached_at: datetime | None = None


def load_clocks(connection: Connection, rma: str) -> dict[ClockKind, Standing]:
    """A return's clocks by kind."""
    return {row.kind: _standing(row) for row in connection.execute(_CLOCKS, {"rma": rma})}


def load_clocks_of(connection: Connection, rmas: Sequence[str]) -> dict[str, dict[ClockKind, Standing]]:
    """The clocks of some returns, by return and kind."""
    found: dict[str, dict[ClockKind, Standing]] = {rma: {} for rma in rmas}
    for row in connection.execute(_CLOCKS_OF, {"rmas": list(rmas)}):
        found[row.rma][row.kind] = _standing(row)
    return found


def _standing(row: Any) -> Standing:
    return Standing(_read_clock(row), row.due_at, row.warn_at, row.warned_at, row.breached_at)


def save_clocks(
    connection: Connection,
    rma: str,
    before: Mapping[ClockKind, Standing],
    after: Mapping[ClockKind, Standing],
) -> None:
    """Write the clocks that changed."""
    changed = {kind: standing for kind, standing in after.items() if standing != before.get(kind)}
    added = [
        {"rma": rma, "kind": kind, "unit": s.clock.unit, "allotment": int(s.clock.allotment), **_values(s)}
        for kind, s in changed.items()
        if kind not in before
    ]
    append(connection, tables.Clock, added)
    moved = [{"key_rma": rma, "key_kind": k, **_values(s)} for k, s in changed.items() if k in before]
    if moved:
        connection.execute(_SAVE_CLOCK, moved)


def _values(standing: Standing) -> dict[str, Any]:
    return {
        "events": [[e.kind, e.at.isoformat(), e.reason, e.owner] for e in standing.clock.events],
        "due_at": standing.due_at,
        "warn_at": standing.warn_at,
        "warned_at": standing.warned_at,
        "breached_at": standing.breached_at,
        "ended": ended(standing.clock),
    }


def _read_clock(row: Any) -> Clock:
    return Clock(row.kind, Fraction(row.allotment), Unit(row.unit), read_events(row.events))


def read_events(stored: Sequence[Sequence[Any]]) -> tuple[ClockEvent, ...]:
    """The events of a row of `tables.Clock`."""
    return tuple(
        ClockEvent(ClockEventKind(kind), datetime.fromisoformat(at), reason, owner)
        for kind, at, reason, owner in stored
    )


# Lots --------------------------------------------------------------------------------------------

_lots = table_of(tables.Lot)
_LOTS = select(_lots).where(_lots.c.rma == bindparam("rma")).order_by(_lots.c.number)
_SAVE_LOT = updating(
    tables.Lot, ["rma", "number"], [c.name for c in _lots.c if c.name not in ("rma", "number")]
)


def load_lots(connection: Connection, rma: str) -> list[Lot]:
    """A return's lots, by number."""
    return [_lot(row) for row in connection.execute(_LOTS, {"rma": rma})]


def save_lots(connection: Connection, rma: str, before: Sequence[Lot], after: Sequence[Lot]) -> None:
    """Write the lots that changed."""
    known = {lot.number: lot for lot in before}
    append(
        connection,
        tables.Lot,
        [{"rma": rma, "number": x.number, **_lot_values(x)} for x in after if x.number not in known],
    )
    changed = [lot for lot in after if lot.number in known and known[lot.number] != lot]
    if changed:
        connection.execute(
            _SAVE_LOT, [{"key_rma": rma, "key_number": x.number, **_lot_values(x)} for x in changed]
        )


def dispositions(
    rma: str, seq: int, before: Sequence[Lot], after: Sequence[Lot], now: datetime, actor_id: str
) -> list[dict[str, Any]]:
    """What became of goods; `seq` is the audit record that says why."""
    known = {lot.number: lot.disposition for lot in before}
    return [
        {
            "rma": rma, "lot": lot.number, "seq": seq, "disposition": lot.disposition, "at": now,
            "actor_id": actor_id,
        }
        for lot in after
        if lot.disposition is not None and lot.disposition != known.get(lot.number)
    ]  # fmt: skip


def _lot(row: Any) -> Lot:
    return Lot(
        number=row.number,
        line=row.line,
        quantity=row.quantity,
        reason=row.reason,
        reception=Reception(row.reception),
        arrival=None if row.arrival is None else Arrival(row.arrival),
        condition=None if row.condition is None else Condition(row.condition),
        packaging=None if row.packaging is None else Packaging(row.packaging),
        acceptance=Acceptance(row.acceptance),
        reasons=tuple(row.reasons),
        disposition=None if row.disposition is None else Disposition(row.disposition),
        decision=row.decision,
        left=None if row.left is None else WayBack(row.left),
        parent=row.parent,
        photos=tuple(row.photos),
    )


def _lot_values(lot: Lot) -> dict[str, Any]:
    return {
        "line": lot.line,
        "quantity": lot.quantity,
        "reason": lot.reason,
        "reception": lot.reception,
        "arrival": lot.arrival,
        "condition": lot.condition,
        "packaging": lot.packaging,
        "acceptance": lot.acceptance,
        "reasons": list(lot.reasons),
        "disposition": lot.disposition,
        "decision": lot.decision,
        "left": lot.left,
        "parent": lot.parent,
        "photos": list(lot.photos),
    }


# Audit, notices, the next step -------------------------------------------------------------------


def audit_records(
    row: ReturnRow, said: Sequence[tuple[str, dict[str, Any]]], actor: Actor, now: datetime, key: str
) -> list[dict[str, Any]]:
    """The next records of the return's chain; its count and head move with them."""
    entry = Entry(row.rma, row.audit_count, now, actor.id, actor.role, "", key, row.policy_version, {})
    head, records = row.audit_head, []
    for what, details in said:
        entry = replace(entry, seq=entry.seq + 1, what=what, details=details)
        head = entry.hash_after(head)
        records.append({**vars(entry), "hash": head})
    row.audit_count, row.audit_head = entry.seq, head
    return records


def notice_rows(row: ReturnRow, facts: Sequence[AnyFacts], now: datetime) -> list[dict[str, Any]]:
    """The next notices of the return."""
    first = row.notice_count + 1
    row.notice_count += len(facts)
    return [
        {
            "rma": row.rma, "number": number, "kind": fact.kind, "facts": fact.snapshot(),
            "written_at": now, "due_at": now, "attempts": 0,
        }
        for number, fact in enumerate(facts, start=first)
    ]  # fmt: skip


_tasks = table_of(tables.Task)
_MOVED = _tasks.c.kind != bindparam("kind")
_MOVE_TASK = updating(
    tables.Task, ["id"], ["queue", "kind", "owner_role", "details", "due_at", "done_at", "done_by"]
).values(
    taken_by=case((_MOVED, None), else_=_tasks.c.taken_by),  # who had the step before has not the next one
    taken_at=case((_MOVED, None), else_=_tasks.c.taken_at),
)
_END_TASK = updating(tables.Task, ["id"], ["done_at", "done_by"]).where(_tasks.c.done_at.is_(None))


def _next_step_id(rma: str) -> str:
    return f"{rma}/next"


def put_next_step(
    connection: Connection, rma: str, values: dict[str, Any], *, created_at: datetime, is_new: bool
) -> None:
    """What the return waits for now: one row a return, in the queue of whoever is to act."""
    task_id = _next_step_id(rma)
    if is_new:
        row = {"id": task_id, "rma": rma, "created_at": created_at, **values}
        append(connection, tables.Task, [row])
    else:
        connection.execute(_MOVE_TASK, {"key_id": task_id, **values})


_TASK = select(
    _tasks.c.id, _tasks.c.rma, _tasks.c.kind, _tasks.c.queue, _tasks.c.owner_role, _tasks.c.done_at
).where(_tasks.c.id == bindparam("id"))
_OPEN_AGAIN = updating(
    tables.Task, ["id"], ["details", "due_at", "done_at", "done_by", "taken_by", "taken_at"]
)
_NOBODYS = {"done_at": None, "done_by": None, "taken_by": None, "taken_at": None}


def file_tasks(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Add work for people; what is open already stays as it is, and what was done opens again."""
    new = []
    for row in rows:
        filed = connection.execute(_TASK, {"id": row["id"]}).first()
        if filed is None:
            new.append(row)
        elif filed.done_at is not None:
            again = {"details": row["details"], "due_at": row["due_at"], **_NOBODYS}
            connection.execute(_OPEN_AGAIN, {"key_id": row["id"], **again})
    append(connection, tables.Task, new)


def find_task(connection: Connection, task_id: str) -> Any | None:
    """A task's id, RMA, kind, queue, owner role and when it was done; None where there is none."""
    return connection.execute(_TASK, {"id": task_id}).first()


def is_filed(connection: Connection, task_id: str) -> bool:
    """Whether a person was asked for this, done or not."""
    return find_task(connection, task_id) is not None


def end_tasks(connection: Connection, task_ids: Sequence[str], now: datetime, actor_id: str) -> None:
    """People need not do this any more; what was done already keeps who did it."""
    if task_ids:
        connection.execute(_END_TASK, [{"key_id": x, "done_at": now, "done_by": actor_id} for x in task_ids])


def end_next_step(connection: Connection, rma: str, now: datetime, actor_id: str) -> None:
    """The return waits for nothing any more."""
    end_tasks(connection, [_next_step_id(rma)], now, actor_id)
