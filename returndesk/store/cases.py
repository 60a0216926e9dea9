"""One return inside one transaction: loaded whole, changed by a transition, saved with its audit record.

`Case` is the only writer of a return's row, lots, clocks and refunds. The stage, the due times and the next
wake-up are derived on saving, never set.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

from sqlmodel import Session, col, select

from returndesk.domain import stages
from returndesk.domain.audit import Entry
from returndesk.domain.clock import (
    PROCESSING,
    REFUND,
    Clock,
    ClockEvent,
    ClockEventKind,
    ClockKind,
    ClockState,
    Unit,
)
from returndesk.domain.lots import (
    Acceptance,
    Condition,
    Disposition,
    Lot,
    Packaging,
    Reception,
)
from returndesk.domain.notices import AnyFacts
from returndesk.domain.people import Actor, Role
from returndesk.domain.stages import RefundStatus, Stage
from returndesk.messages import CaseState, Outcome
from returndesk.store import tables
from returndesk.store.policies import PolicyInForce

RulesOf = Callable[[Session, str], PolicyInForce]
"""How a case finds the policy version it was given."""


@dataclass(frozen=True)
class NextStep:
    """What a return at a stage waits for: a queue with an owner. `due` says how the due time is found."""

    queue: str
    owner: Role
    due: str


NEXT_STEP: dict[Stage, NextStep] = {
    Stage.REQUESTED: NextStep("authorizations", Role.REP, "clock"),
    Stage.AUTHORIZED: NextStep("awaiting_goods", Role.REP, "expiry"),
    Stage.RECEIVED: NextStep("inspections", Role.WAREHOUSE, "clock"),
    Stage.INSPECTED: NextStep("decisions", Role.REP, "clock"),
    Stage.DECIDED: NextStep("approvals", Role.MANAGER, "clock"),
    Stage.SETTLING: NextStep("refunds", Role.FINANCE, "clock"),
}
"""Every open return stands in exactly one of these queues (invariant 5)."""


@dataclass
class Case:
    """A return and everything a transition may look at or change. `now` is the case's own (DESIGN 2)."""

    session: Session
    row: tables.Return
    rules: PolicyInForce
    actor: Actor
    now: datetime
    key: str
    lots: list[Lot] = field(default_factory=list)
    clocks: dict[ClockKind, Clock] = field(default_factory=dict)
    refunds: list[tables.Refund] = field(default_factory=list)
    _records: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    _notices: int | None = None
    _is_new: bool = False

    # What a transition may say ------------------------------------------------------------------

    def record(self, what: str, **details: Any) -> None:
        """Note in the audit chain what happened. Ids, codes, counts, amounts and ISO instants only."""
        self._records.append((what, details))

    def notice(self, facts: AnyFacts) -> None:
        """Tell the customer; the mail leaves when this transaction is committed."""
        if self._notices is None:
            last = (
                self.session.exec(
                    select(tables.Notice.number)
                    .where(tables.Notice.rma == self.row.rma)
                    .order_by(col(tables.Notice.number).desc())
                    .limit(1)
                ).first()
                if not self._is_new
                else None
            )
            self._notices = last or 0
        self._notices += 1
        self.session.add(
            tables.Notice(
                rma=self.row.rma,
                number=self._notices,
                kind=facts.kind,
                facts=facts.snapshot(),
                written_at=self.now,
                due_at=self.now,
            )
        )

    def task(self, queue: str, kind: str, owner: Role, due_at: datetime, **details: Any) -> None:
        """File work for a person. The same kind twice on one return is the same task."""
        task_id = f"{self.row.rma}/{kind}"
        if self.session.get(tables.Task, task_id) is not None:
            return
        self.session.add(
            tables.Task(
                id=task_id,
                rma=self.row.rma,
                queue=queue,
                kind=kind,
                owner_role=owner,
                details=details,
                created_at=self.now,
                due_at=due_at,
            )
        )

    # Clocks -------------------------------------------------------------------------------------

    def start_clocks(self, contacted_at: datetime) -> None:
        """Both clocks of policy 5 start at the contact and run side by side."""
        rules = self.rules.policy.clocks
        allotments = {PROCESSING: rules.processing_business_days, REFUND: rules.refund_business_days}
        for kind, days in allotments.items():
            self.clocks[kind] = Clock(kind, Fraction(days)).start(contacted_at)

    def pause_clocks(self, reason: str, owner: str) -> None:
        """It is the customer's turn."""
        for kind, clock in self.clocks.items():
            if clock.state is not ClockState.STOPPED:
                self.clocks[kind] = clock.pause(self.now, reason, owner)

    def resume_clocks(self, reason: str) -> None:
        """What the clocks waited for has happened."""
        for kind, clock in self.clocks.items():
            self.clocks[kind] = clock.resume(self.now, reason, self.actor.id)

    def stop_clock(self, kind: ClockKind, reason: str) -> None:
        """The obligation is met, or nothing is owed any more."""
        self.clocks[kind] = self.clocks[kind].stop(self.now, reason, self.actor.id)

    def restart_clock(self, kind: ClockKind, reason: str) -> None:
        """The obligation stands again, where the clock stood."""
        self.clocks[kind] = self.clocks[kind].restart(self.now, reason, self.actor.id)

    def due_at(self, kind: ClockKind) -> datetime:
        """When the obligation is due; while its clock stands, when it would be if it ran again now."""
        clock, calendar = self.clocks[kind], self.rules.calendar
        due = clock.due_at(calendar)
        if due is not None:
            return due
        return calendar.add(self.now, max(clock.allotment - clock.used(calendar, self.now), Fraction(0)))

    # Saving -------------------------------------------------------------------------------------

    @property
    def stage(self) -> Stage:
        """The stage, derived from the facts as they are now."""
        row = self.row
        milestones = stages.Milestones(
            authorized=row.authorized_at is not None,
            expired=row.expired_at is not None,
            decided=row.decided_at is not None,
            awaiting_approval=row.awaiting_approval,
            owed_without_refund_minor=row.owed_without_refund_minor,
        )
        return stages.derive(milestones, self.lots, [RefundStatus(x.status) for x in self.refunds])

    def save(self) -> CaseState:
        """Write everything back, with the audit records; answers what the run needs to know."""
        stage = self.stage
        row = self.row
        row.stage = stage
        row.last_at = self.now
        row.ended_at = (row.ended_at or self.now) if stage in stages.ENDED else None
        if self.clocks[PROCESSING].state is not ClockState.STOPPED:
            row.processing_due_at = self.due_at(PROCESSING)
        if self.clocks[REFUND].state is not ClockState.STOPPED:
            row.refund_due_at = self.due_at(REFUND)
        clock_rows = self._save_clocks()
        row.next_due_at = min((c.due_at for c in clock_rows if c.due_at is not None), default=None)
        self._save_lots()
        self._save_next_step(stage)
        self._save_audit()
        return self._state(clock_rows)

    def state(self) -> CaseState:
        """What a run needs to know of the return as it is in the store."""
        rows = self.session.exec(select(tables.Clock).where(tables.Clock.rma == self.row.rma)).all()
        return self._state(list(rows))

    def _state(self, clock_rows: list[tables.Clock]) -> CaseState:
        stage = Stage(self.row.stage)
        due = [r for r in self.refunds if _needs_the_processor(r)]
        now_due = tuple(r.id for r in due if r.look_again_at is None or r.look_again_at <= self.now)
        ended = stage in stages.ENDED
        later = [r.look_again_at for r in due if r.id not in now_due]
        return CaseState(
            stage=stage,
            policy_version=self.row.policy_version,
            last_at=self.row.last_at,
            wake_at=None if ended else self._wake_at(clock_rows, later),
            refunds_due=() if self.row.awaiting_approval else now_due,
            ended=ended,
        )

    def _wake_at(self, clock_rows: list[tables.Clock], others: list[datetime | None]) -> datetime | None:
        instants = list(others)
        for clock in clock_rows:
            instants.append(clock.warn_at if clock.warned_at is None else None)
            instants.append(clock.due_at if clock.breached_at is None else None)
        if self.row.stage == Stage.AUTHORIZED:
            instants += [self.row.reminder_at, self.row.expires_at]
        earliest = min((at for at in instants if at is not None), default=None)
        return None if earliest is None else earliest + jitter(self.row.rma)

    def _save_clocks(self) -> list[tables.Clock]:
        calendar, share = self.rules.calendar, self.rules.policy.clocks.warn_share
        rows: list[tables.Clock] = []
        for kind, clock in self.clocks.items():
            row = None if self._is_new else self.session.get(tables.Clock, (self.row.rma, kind))
            if row is None:
                row = tables.Clock(
                    rma=self.row.rma, kind=kind, unit=clock.unit, allotment=int(clock.allotment)
                )
                self.session.add(row)
            known = self._events_known(kind)
            for seq, event in enumerate(clock.events[known:], start=known + 1):
                self.session.add(
                    tables.ClockEvent(
                        rma=self.row.rma, clock=kind, seq=seq, event=event.kind, at=event.at,
                        reason=event.reason, owner=event.owner,
                    )
                )  # fmt: skip
            row.due_at = clock.due_at(calendar)
            row.warn_at = clock.warn_at(calendar, share)
            rows.append(row)
        return rows

    def _events_known(self, kind: ClockKind) -> int:
        return self._clock_events_loaded.get(kind, 0)

    _clock_events_loaded: dict[ClockKind, int] = field(default_factory=dict)
    _lots_loaded: dict[int, Lot] = field(default_factory=dict)

    def _save_lots(self) -> None:
        for lot in self.lots:
            before = self._lots_loaded.get(lot.number)
            if before == lot:
                continue
            values = _lot_values(lot)
            row = None if before is None else self.session.get(tables.Lot, (self.row.rma, lot.number))
            if row is None:
                self.session.add(tables.Lot(rma=self.row.rma, number=lot.number, **values))
            else:
                for name, value in values.items():
                    setattr(row, name, value)
            if lot.disposition is not None and (before is None or before.disposition != lot.disposition):
                self._save_disposition(lot.number, lot.disposition)

    def _save_disposition(self, number: int, disposition: Disposition) -> None:
        earlier = self.session.exec(
            select(tables.DispositionChange.seq).where(
                tables.DispositionChange.rma == self.row.rma, tables.DispositionChange.lot == number
            )
        ).all()
        self.session.add(
            tables.DispositionChange(
                rma=self.row.rma, lot=number, seq=len(earlier) + 1, disposition=disposition,
                at=self.now, actor_id=self.actor.id,
            )
        )  # fmt: skip

    def _save_next_step(self, stage: Stage) -> None:
        task_id = f"{self.row.rma}/next"
        task = None if self._is_new else self.session.get(tables.Task, task_id)
        step = NEXT_STEP.get(stage)
        if step is None:
            if task is not None and task.done_at is None:
                task.done_at, task.done_by = self.now, self.actor.id
            return
        due_at = self.row.next_due_at or self.row.refund_due_at or self.now
        if step.due == "expiry" and self.row.expires_at is not None:
            due_at = self.row.expires_at
        if task is None:
            task = tables.Task(
                id=task_id, rma=self.row.rma, queue=step.queue, kind=stage, owner_role=step.owner,
                created_at=self.now, due_at=due_at,
            )  # fmt: skip
            self.session.add(task)
        task.queue, task.kind, task.owner_role = step.queue, stage, step.owner
        task.due_at, task.done_at, task.done_by = due_at, None, None

    def _save_audit(self) -> None:
        for what, details in self._records:
            self.row.audit_count += 1
            entry = Entry(
                rma=self.row.rma,
                seq=self.row.audit_count,
                at=self.now,
                actor_id=self.actor.id,
                role=self.actor.role,
                what=what,
                key=self.key,
                policy_version=self.row.policy_version,
                details=details,
            )
            self.row.audit_head = entry.hash_after(self.row.audit_head)
            self.session.add(
                tables.AuditRecord(
                    rma=entry.rma, seq=entry.seq, at=entry.at, actor_id=entry.actor_id, role=entry.role,
                    what=what, key=entry.key, policy_version=entry.policy_version, details=details,
                    hash=self.row.audit_head,
                )
            )  # fmt: skip
        self._records.clear()

    def outcome(self) -> Outcome:
        """The answer to a command that was carried out."""
        row = self.row
        return Outcome(True, Stage(row.stage), "", (), "", row.processing_due_at, row.refund_due_at)


def jitter(rma: str) -> timedelta:
    """Up to a minute, always the same for one return: it keeps equal deadlines of many returns apart."""
    return timedelta(milliseconds=sum(ord(c) * 7919**i for i, c in enumerate(rma)) % 60_000)


def load_case(
    session: Session, rma: str, rules_of: RulesOf, *, actor: Actor, now: datetime, key: str
) -> Case | None:
    """The return as it stands, its row locked against other writers; None where there is none."""
    row = session.get(tables.Return, rma, with_for_update=True)
    if row is None:
        return None
    rules = rules_of(session, row.policy_version)
    lots = [_lot(x) for x in session.exec(
        select(tables.Lot).where(tables.Lot.rma == rma).order_by(col(tables.Lot.number)))]  # fmt: skip
    refunds = list(session.exec(
        select(tables.Refund).where(tables.Refund.rma == rma).order_by(tables.Refund.id)))  # fmt: skip
    clocks = _load_clocks(session, rma)
    case = Case(session, row, rules, actor, max(now, row.last_at), key, lots, clocks, refunds)
    case._clock_events_loaded = {kind: len(clock.events) for kind, clock in clocks.items()}
    case._lots_loaded = {lot.number: lot for lot in lots}
    return case


def new_case(session: Session, row: tables.Return, rules: PolicyInForce, actor: Actor, key: str) -> Case:
    """A return that is only now coming to be. Its row goes first: everything else refers to it."""
    session.add(row)
    session.flush()
    return Case(session, row, rules, actor, row.recorded_at, key, _is_new=True)


def _load_clocks(session: Session, rma: str) -> dict[ClockKind, Clock]:
    events: dict[ClockKind, list[ClockEvent]] = {}
    for e in session.exec(
        select(tables.ClockEvent)
        .where(tables.ClockEvent.rma == rma)
        .order_by(tables.ClockEvent.clock, col(tables.ClockEvent.seq))
    ):
        events.setdefault(e.clock, []).append(ClockEvent(ClockEventKind(e.event), e.at, e.reason, e.owner))
    return {
        row.kind: Clock(row.kind, Fraction(row.allotment), Unit(row.unit), tuple(events.get(row.kind, ())))
        for row in session.exec(select(tables.Clock).where(tables.Clock.rma == rma))
    }


def _needs_the_processor(refund: tables.Refund) -> bool:
    return RefundStatus(refund.status) in stages.TO_SEND | {RefundStatus.PENDING}


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


def _lot_values(lot: Lot) -> Mapping[str, Any]:
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
