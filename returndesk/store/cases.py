"""One return inside one transaction: loaded whole, changed by a transition, saved with its audit record.

`Case` is the only writer of a return's row, lots, clocks and refunds. The stage, the due times and the next
wake-up are derived on saving, never set.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fractions import Fraction
from functools import cached_property
from typing import Any

from sqlmodel import Session

from returndesk.domain import stages
from returndesk.domain.clock import PROCESSING, REFUND, Clock, ClockKind, ClockState
from returndesk.domain.lots import Lot
from returndesk.domain.notices import AnyFacts
from returndesk.domain.people import Actor, Role
from returndesk.domain.stages import RefundStatus, Stage
from returndesk.messages import CaseState, Outcome
from returndesk.store import case_rows, tables
from returndesk.store.policies import PolicyInForce

RulesOf = Callable[[Session, str], PolicyInForce]
"""How a case finds the policy version it was given."""


@dataclass(frozen=True)
class NextStep:
    """What a return at a stage waits for: a queue with an owner. `due` says how the due time is found."""

    queue: str
    owner: Role
    due: str


AT_LEAST_APART = timedelta(seconds=1)
"""Between two looks at what time has changed: whatever a transition left due cannot make a run spin."""

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
    clock_rows: dict[ClockKind, tables.Clock] = field(default_factory=dict)
    refunds: list[tables.Refund] = field(default_factory=list)
    is_new: bool = False
    _lots_before: list[Lot] = field(default_factory=list)
    _clocks_before: dict[ClockKind, Clock] = field(default_factory=dict)
    _records: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    _notices: list[AnyFacts] = field(default_factory=list)

    @cached_property
    def order_lines(self) -> list[tables.OrderLine]:
        """The lines of the order, in order, as this transaction first saw them."""
        return case_rows.load_order_lines(self.session, self.row.order_reference)

    # What a transition may say ------------------------------------------------------------------

    def record(self, what: str, **details: Any) -> None:
        """Note in the audit chain what happened. Ids, codes, counts, amounts and ISO instants only."""
        self._records.append((what, details))

    def notice(self, facts: AnyFacts) -> None:
        """Tell the customer; the mail leaves when this transaction is committed."""
        self._notices.append(facts)

    def task(self, queue: str, kind: str, owner: Role, due_at: datetime, **details: Any) -> None:
        """File work for a person. The same kind twice on one return is the same task."""
        task_id = f"{self.row.rma}/{kind}"
        if self.session.get(tables.Task, task_id) is None:
            self.session.add(
                tables.Task(
                    id=task_id, rma=self.row.rma, queue=queue, kind=kind, owner_role=owner,
                    details=details, created_at=self.now, due_at=due_at,
                )
            )  # fmt: skip

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
        if clock is self._clocks_before.get(kind) and self.clock_rows[kind].due_at is not None:
            return self.clock_rows[kind].due_at or self.now
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
        row = self.row
        row.stage = stage = self.stage
        row.last_at = self.now
        row.ended_at = (row.ended_at or self.now) if stage in stages.ENDED else None
        self._save_clocks()
        audit = case_rows.audit_records(row, self._records, self.actor, self.now, self.key)
        notices = case_rows.notice_rows(row, self._notices, self.now)
        if self.is_new:
            self.session.add(row)
        self.session.flush()  # the return's row first: everything else refers to it
        if self.is_new:
            case_rows.append(
                self.session, tables.Clock, [clock.model_dump() for clock in self.clock_rows.values()]
            )
        case_rows.append(self.session, tables.AuditRecord, audit)
        case_rows.append(self.session, tables.Notice, notices)
        case_rows.save_lots(self.session, row.rma, self._lots_before, self.lots, self.now, self.actor.id)
        self._save_next_step(stage)
        return self.state()

    def _save_clocks(self) -> None:
        row, calendar, share = self.row, self.rules.calendar, self.rules.policy.clocks.warn_share
        for kind, clock in self.clocks.items():
            if clock is self._clocks_before.get(kind):
                continue
            if clock.state is not ClockState.STOPPED:
                setattr(row, f"{kind}_due_at", self.due_at(kind))
            known = self.clock_rows.get(kind)
            if known is None:
                known = self.clock_rows[kind] = case_rows.new_clock(row.rma, clock)
            known.events = case_rows.event_values(clock)
            known.due_at = clock.due_at(calendar)
            known.warn_at = clock.warn_at(calendar, share)
        row.next_due_at = min(
            (clock.due_at for clock in self.clock_rows.values() if clock.due_at is not None), default=None
        )

    def _save_next_step(self, stage: Stage) -> None:
        step = NEXT_STEP.get(stage)
        if step is None:
            case_rows.end_next_step(self.session, self.row.rma, self.now, self.actor.id)
            return
        due_at = self.row.next_due_at or self.row.refund_due_at or self.now
        if step.due == "expiry" and self.row.expires_at is not None:
            due_at = self.row.expires_at
        values = {
            "queue": step.queue, "kind": stage, "owner_role": step.owner, "due_at": due_at,
            "done_at": None, "done_by": None,
        }  # fmt: skip
        case_rows.put_next_step(self.session, self.row.rma, values, created_at=self.now, is_new=self.is_new)

    # What the workflow is told ------------------------------------------------------------------

    def state(self) -> CaseState:
        """What a run needs to know of the return."""
        stage = Stage(self.row.stage)
        due = [r for r in self.refunds if _needs_the_processor(r)]
        now_due = tuple(r.id for r in due if r.look_again_at is None or r.look_again_at <= self.now)
        ended = stage in stages.ENDED
        return CaseState(
            stage=stage,
            policy_version=self.row.policy_version,
            last_at=self.row.last_at,
            wake_at=None if ended else self._wake_at([r.look_again_at for r in due if r.id not in now_due]),
            refunds_due=() if self.row.awaiting_approval else now_due,
            ended=ended,
        )

    def _wake_at(self, others: list[datetime | None]) -> datetime | None:
        instants = list(others)
        for clock in self.clock_rows.values():
            instants.append(clock.warn_at if clock.warned_at is None else None)
            instants.append(clock.due_at if clock.breached_at is None else None)
        if self.row.stage == Stage.AUTHORIZED:
            instants += [self.row.reminder_at, self.row.expires_at]
        earliest = min((at for at in instants if at is not None), default=None)
        if earliest is None:
            return None
        return max(earliest + jitter(self.row.rma), self.row.last_at + AT_LEAST_APART)

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
    lots = case_rows.load_lots(session, rma)
    clock_rows = case_rows.load_clocks(session, rma)
    clocks = {kind: case_rows.read_clock(clock) for kind, clock in clock_rows.items()}
    return Case(
        session,
        row,
        rules_of(session, row.policy_version),
        actor,
        max(now, row.last_at),
        key,
        lots=lots,
        clocks=clocks,
        clock_rows=clock_rows,
        refunds=case_rows.load_refunds(session, rma) if row.decided_at is not None else [],
        _lots_before=list(lots),
        _clocks_before=dict(clocks),
    )


def new_case(session: Session, row: tables.Return, rules: PolicyInForce, actor: Actor, key: str) -> Case:
    """A return that is only now coming to be."""
    return Case(session, row, rules, actor, row.recorded_at, key, is_new=True)


def _needs_the_processor(refund: tables.Refund) -> bool:
    return RefundStatus(refund.status) in stages.TO_SEND | {
        RefundStatus.PENDING,
        RefundStatus.REQUIRES_ACTION,
    }
