"""A case's rows: read into the domain's values, and written back in as few statements as they need.

The statements are built once, as constants: building one anew costs more than running it, and a transition
runs a dozen. Measured: 40 µs each instead of 90 to 320.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from fractions import Fraction
from functools import cache
from typing import Any

from sqlalchemy import Insert, Table, bindparam, insert, select, update
from sqlmodel import Session, SQLModel

from returndesk.domain.audit import Entry
from returndesk.domain.clock import Clock, ClockEvent, ClockEventKind, ClockKind, Unit
from returndesk.domain.lots import Acceptance, Condition, Disposition, Lot, Packaging, Reception
from returndesk.domain.notices import AnyFacts
from returndesk.domain.people import Actor
from returndesk.store import tables


def table_of(model: type[SQLModel]) -> Table:
    """The table behind a model."""
    table: Table = model.__table__  # type: ignore[attr-defined]
    return table


def append(session: Session, model: type[SQLModel], rows: Sequence[Mapping[str, Any]]) -> None:
    """Add rows, all with the same columns, to a table that only grows."""
    if rows:
        session.connection().execute(_inserting(model), list(rows))


@cache
def _inserting(model: type[SQLModel]) -> Insert:
    return insert(table_of(model))


def _updating(model: type[SQLModel], keys: Iterable[str], changed: Iterable[str]) -> Any:
    """An UPDATE by key; the parameters of keys are named `key_…`, those of values like their columns."""
    table = table_of(model)
    statement = update(table).values({name: bindparam(name) for name in changed})
    for key in keys:
        statement = statement.where(table.c[key] == bindparam(f"key_{key}"))
    return statement


# Commands ----------------------------------------------------------------------------------------

_commands = table_of(tables.Command)
_COMMAND = select(_commands.c.input, _commands.c.outcome, _commands.c.policy_version).where(
    _commands.c.id == bindparam("id")
)
_ANSWER_COMMAND = _updating(tables.Command, ["id"], ["outcome"])


@dataclass(frozen=True)
class Asking:
    """A command as a transition sees it."""

    input: dict[str, Any]
    outcome: dict[str, Any] | None
    policy_version: str


def load_command(session: Session, command_id: str) -> Asking:
    """What was asked, and what came of it if it was carried out before."""
    row = session.connection().execute(_COMMAND, {"id": command_id}).one()
    return Asking(row.input, row.outcome, row.policy_version)


def answer_command(session: Session, command_id: str, outcome: dict[str, Any]) -> None:
    """Keep what came of a command, in the transaction that carried it out."""
    session.connection().execute(_ANSWER_COMMAND, {"key_id": command_id, "outcome": outcome})


# Clocks ------------------------------------------------------------------------------------------

_clocks = table_of(tables.Clock)
_CLOCKS = select(_clocks).where(_clocks.c.rma == bindparam("rma")).order_by(_clocks.c.kind)
_SAVE_CLOCK = _updating(
    tables.Clock, ["rma", "kind"], ["events", "due_at", "warn_at", "warned_at", "breached_at"]
)


@dataclass(frozen=True)
class Standing:
    """A clock with the instants that were computed of it, and what was done about them."""

    clock: Clock
    due_at: datetime | None = None
    warn_at: datetime | None = None
    warned_at: datetime | None = None
    breached_at: datetime | None = None


def load_clocks(session: Session, rma: str) -> dict[ClockKind, Standing]:
    """A return's clocks by kind."""
    rows = session.connection().execute(_CLOCKS, {"rma": rma})
    return {
        row.kind: Standing(_read_clock(row), row.due_at, row.warn_at, row.warned_at, row.breached_at)
        for row in rows
    }


def save_clocks(
    session: Session, rma: str, before: Mapping[ClockKind, Standing], after: Mapping[ClockKind, Standing]
) -> None:
    """Write the clocks that changed."""
    changed = {kind: standing for kind, standing in after.items() if standing != before.get(kind)}
    added = [
        {"rma": rma, "kind": kind, "unit": s.clock.unit, "allotment": int(s.clock.allotment), **_values(s)}
        for kind, s in changed.items()
        if kind not in before
    ]
    append(session, tables.Clock, added)
    moved = [{"key_rma": rma, "key_kind": k, **_values(s)} for k, s in changed.items() if k in before]
    if moved:
        session.connection().execute(_SAVE_CLOCK, moved)


def _values(standing: Standing) -> dict[str, Any]:
    return {
        "events": [[e.kind, e.at.isoformat(), e.reason, e.owner] for e in standing.clock.events],
        "due_at": standing.due_at,
        "warn_at": standing.warn_at,
        "warned_at": standing.warned_at,
        "breached_at": standing.breached_at,
    }


def _read_clock(row: Any) -> Clock:
    events = tuple(
        ClockEvent(ClockEventKind(kind), datetime.fromisoformat(at), reason, owner)
        for kind, at, reason, owner in row.events
    )
    return Clock(row.kind, Fraction(row.allotment), Unit(row.unit), events)


# Lots --------------------------------------------------------------------------------------------

_lots = table_of(tables.Lot)
_LOTS = select(_lots).where(_lots.c.rma == bindparam("rma")).order_by(_lots.c.number)
_SAVE_LOT = _updating(
    tables.Lot, ["rma", "number"], [c.name for c in _lots.c if c.name not in ("rma", "number")]
)


def load_lots(session: Session, rma: str) -> list[Lot]:
    """A return's lots, by number."""
    return [_lot(row) for row in session.connection().execute(_LOTS, {"rma": rma})]


def save_lots(session: Session, rma: str, before: Sequence[Lot], after: Sequence[Lot]) -> None:
    """Write the lots that changed."""
    known = {lot.number: lot for lot in before}
    append(
        session,
        tables.Lot,
        [{"rma": rma, "number": x.number, **_lot_values(x)} for x in after if x.number not in known],
    )
    changed = [lot for lot in after if lot.number in known and known[lot.number] != lot]
    if changed:
        session.connection().execute(
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
        condition=None if row.condition is None else Condition(row.condition),
        packaging=None if row.packaging is None else Packaging(row.packaging),
        acceptance=Acceptance(row.acceptance),
        reasons=tuple(row.reasons),
        disposition=None if row.disposition is None else Disposition(row.disposition),
        parent=row.parent,
    )


def _lot_values(lot: Lot) -> dict[str, Any]:
    return {
        "line": lot.line,
        "quantity": lot.quantity,
        "reason": lot.reason,
        "reception": lot.reception,
        "condition": lot.condition,
        "packaging": lot.packaging,
        "acceptance": lot.acceptance,
        "reasons": list(lot.reasons),
        "disposition": lot.disposition,
        "parent": lot.parent,
    }


# The order, audit, notices, the next step --------------------------------------------------------

_lines = table_of(tables.OrderLine)
_ORDER_LINES = (
    select(_lines).where(_lines.c.order_reference == bindparam("reference")).order_by(_lines.c.line)
)


@dataclass(frozen=True)
class SoldLine:
    """An order line as it was sold, and what returns have of it. Amounts are of the whole line."""

    line: int
    title: str
    quantity: int
    price_minor: int
    discount_minor: int
    tax_minor: int
    final_sale: bool
    claimed: int
    granted: int


def load_order_lines(session: Session, order_reference: str) -> list[SoldLine]:
    """The lines of an order, in order."""
    rows = session.connection().execute(_ORDER_LINES, {"reference": order_reference})
    return [
        SoldLine(
            r.line, r.title, r.quantity, r.price_minor, r.discount_minor, r.tax_minor, r.final_sale,
            r.claimed, r.granted,
        )
        for r in rows
    ]  # fmt: skip


def audit_records(
    row: tables.Return, said: Sequence[tuple[str, dict[str, Any]]], actor: Actor, now: datetime, key: str
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


def notice_rows(row: tables.Return, facts: Sequence[AnyFacts], now: datetime) -> list[dict[str, Any]]:
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
_MOVE_TASK = _updating(tables.Task, ["id"], ["queue", "kind", "owner_role", "due_at", "done_at", "done_by"])
_END_TASK = _updating(tables.Task, ["id"], ["done_at", "done_by"]).where(_tasks.c.done_at.is_(None))


def _next_step_id(rma: str) -> str:
    return f"{rma}/next"


def put_next_step(
    session: Session, rma: str, values: dict[str, Any], *, created_at: datetime, is_new: bool
) -> None:
    """What the return waits for now: one row a return, in the queue of whoever is to act."""
    task_id = _next_step_id(rma)
    if is_new:
        row = {"id": task_id, "rma": rma, "details": {}, "created_at": created_at, **values}
        append(session, tables.Task, [row])
    else:
        session.connection().execute(_MOVE_TASK, {"key_id": task_id, **values})


def end_next_step(session: Session, rma: str, now: datetime, actor_id: str) -> None:
    """The return waits for nothing any more."""
    session.connection().execute(
        _END_TASK, {"key_id": _next_step_id(rma), "done_at": now, "done_by": actor_id}
    )
