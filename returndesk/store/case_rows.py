"""A case's rows: read into the domain's values, and written back in as few statements as they need."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from fractions import Fraction
from typing import Any

from sqlmodel import Session, SQLModel, col, insert, select, update

from returndesk.domain.audit import Entry
from returndesk.domain.clock import Clock, ClockEvent, ClockEventKind, ClockKind, Unit
from returndesk.domain.lots import Acceptance, Condition, Disposition, Lot, Packaging, Reception
from returndesk.domain.notices import AnyFacts
from returndesk.domain.people import Actor
from returndesk.store import tables


def append(session: Session, table: type[SQLModel], rows: Sequence[Mapping[str, Any]]) -> None:
    """Add rows to a table that only grows."""
    if rows:
        session.connection().execute(insert(table), list(rows))


# Clocks ------------------------------------------------------------------------------------------


def load_clocks(session: Session, rma: str) -> dict[ClockKind, tables.Clock]:
    """The rows of a return's clocks, by kind."""
    rows = session.exec(select(tables.Clock).where(tables.Clock.rma == rma).order_by(tables.Clock.kind))
    return {row.kind: row for row in rows}


def new_clock(rma: str, clock: Clock) -> tables.Clock:
    """The row of a clock that was started."""
    return tables.Clock(rma=rma, kind=clock.kind, unit=clock.unit, allotment=int(clock.allotment))


def read_clock(row: tables.Clock) -> Clock:
    """The clock a row stands for."""
    events = tuple(
        ClockEvent(ClockEventKind(str(kind)), datetime.fromisoformat(str(at)), reason, owner)
        for kind, at, reason, owner in row.events
    )
    return Clock(row.kind, Fraction(row.allotment), Unit(row.unit), events)


def event_values(clock: Clock) -> list[list[str | None]]:
    """A clock's events as they are stored."""
    return [[e.kind, e.at.isoformat(), e.reason, e.owner] for e in clock.events]


# Lots --------------------------------------------------------------------------------------------


def load_lots(session: Session, rma: str) -> list[Lot]:
    """A return's lots, by number."""
    rows = session.exec(select(tables.Lot).where(tables.Lot.rma == rma).order_by(col(tables.Lot.number)))
    return [_lot(row) for row in rows]


def save_lots(
    session: Session, rma: str, before: Sequence[Lot], after: Sequence[Lot], now: datetime, actor_id: str
) -> None:
    """Write the lots that changed, and what became of goods."""
    known = {lot.number: lot for lot in before}
    added = [_lot_values(rma, lot) for lot in after if lot.number not in known]
    append(session, tables.Lot, added)
    for lot in after:
        was = known.get(lot.number)
        if was is not None and was != lot:
            session.connection().execute(
                update(tables.Lot)
                .where(col(tables.Lot.rma) == rma, col(tables.Lot.number) == lot.number)
                .values(_lot_values(rma, lot))
            )
        if lot.disposition is not None and (was is None or was.disposition != lot.disposition):
            _add_disposition(session, rma, lot.number, lot.disposition, now, actor_id)


def _add_disposition(
    session: Session, rma: str, number: int, disposition: Disposition, now: datetime, actor_id: str
) -> None:
    changes = tables.DispositionChange
    earlier = session.exec(select(changes.seq).where(changes.rma == rma, changes.lot == number)).all()
    row = {
        "rma": rma, "lot": number, "seq": len(earlier) + 1, "disposition": disposition, "at": now,
        "actor_id": actor_id,
    }  # fmt: skip
    append(session, changes, [row])


def _lot(row: tables.Lot) -> Lot:
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


def _lot_values(rma: str, lot: Lot) -> dict[str, Any]:
    return {
        "rma": rma,
        "number": lot.number,
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


# The order, refunds, audit, notices, the next step ----------------------------------------------------------


def load_order_lines(session: Session, order_reference: str) -> list[tables.OrderLine]:
    """The lines of an order, in order."""
    lines = tables.OrderLine
    return list(
        session.exec(select(lines).where(lines.order_reference == order_reference).order_by(col(lines.line)))
    )


def load_refunds(session: Session, rma: str) -> list[tables.Refund]:
    """A return's refunds, in the order they were granted."""
    return list(
        session.exec(select(tables.Refund).where(tables.Refund.rma == rma).order_by(tables.Refund.id))
    )


def audit_records(
    row: tables.Return, said: Sequence[tuple[str, dict[str, Any]]], actor: Actor, now: datetime, key: str
) -> list[dict[str, Any]]:
    """The next records of the return's chain; its count and head move with them."""
    records = []
    for what, details in said:
        row.audit_count += 1
        entry = Entry(
            row.rma, row.audit_count, now, actor.id, actor.role, what, key, row.policy_version, details
        )
        row.audit_head = entry.hash_after(row.audit_head)
        records.append({
            "rma": entry.rma, "seq": entry.seq, "at": now, "actor_id": actor.id, "role": actor.role,
            "what": what, "key": key, "policy_version": entry.policy_version, "details": details,
            "hash": row.audit_head,
        })  # fmt: skip
    return records


def notice_rows(row: tables.Return, facts: Sequence[AnyFacts], now: datetime) -> list[dict[str, Any]]:
    """The next notices of the return."""
    rows = []
    for fact in facts:
        row.notice_count += 1
        rows.append({
            "rma": row.rma, "number": row.notice_count, "kind": fact.kind, "facts": fact.snapshot(),
            "written_at": now, "due_at": now, "attempts": 0,
        })  # fmt: skip
    return rows


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
        session.connection().execute(update(tables.Task).where(col(tables.Task.id) == task_id).values(values))


def end_next_step(session: Session, rma: str, now: datetime, actor_id: str) -> None:
    """The return waits for nothing any more."""
    session.connection().execute(
        update(tables.Task)
        .where(col(tables.Task.id) == _next_step_id(rma), col(tables.Task.done_at).is_(None))
        .values(done_at=now, done_by=actor_id)
    )
