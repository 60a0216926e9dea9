"""One return inside one transaction: loaded whole, changed by a transition, saved with its audit record.

`Case` is the only writer of a return's row, lots, clocks and refunds. The stage, the due times and the next
wake-up are derived on saving, never set.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from fractions import Fraction
from functools import cached_property
from typing import Any

from sqlalchemy import Connection

from returndesk.domain import next_steps, stages
from returndesk.domain.apart import DEADLINES_APART, LOOKS_APART, jitter
from returndesk.domain.clock import PROCESSING, REFUND, Clock, ClockKind, ClockState
from returndesk.domain.lots import Lot, Reception
from returndesk.domain.notices import AnyFacts
from returndesk.domain.people import Actor, Role
from returndesk.domain.stages import RefundStatus, Stage
from returndesk.messages import CaseState, Outcome
from returndesk.store import case_rows, decisions, rests, return_rows, tables, units
from returndesk.store.case_rows import Standing
from returndesk.store.claims import end_claim
from returndesk.store.decisions import Decided
from returndesk.store.policies import PolicyInForce
from returndesk.store.return_rows import RefundRow, ReturnRow
from returndesk.store.statements import append

RulesOf = Callable[[Connection, str], PolicyInForce]
"""How a case finds the policy version it was given."""


AT_LEAST_APART = timedelta(seconds=1)
"""Between two looks at what time has changed: whatever a transition left due cannot make a run spin."""


@dataclass
class Case:
    """A return and everything a transition may look at or change. `now` is the case's own (DESIGN 2)."""

    connection: Connection
    row: ReturnRow
    rules: PolicyInForce
    actor: Actor
    now: datetime
    key: str
    lots: list[Lot] = field(default_factory=list)
    standings: dict[ClockKind, Standing] = field(default_factory=dict)
    refunds: list[RefundRow] = field(default_factory=list)
    _row_before: ReturnRow | None = None
    _refunds_before: list[RefundRow] = field(default_factory=list)
    _lots_before: list[Lot] = field(default_factory=list)
    _standings_before: dict[ClockKind, Standing] = field(default_factory=dict)
    _records: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    _notices: list[AnyFacts] = field(default_factory=list)
    _tasks: list[dict[str, Any]] = field(default_factory=list)
    _ended_tasks: list[str] = field(default_factory=list)
    _decided: Decided | None = None

    @cached_property
    def order_lines(self) -> list[units.SoldLine]:
        """The lines of the order, in order, as this transaction first saw them."""
        return units.sold_lines(self.connection, self.row.order_reference)

    @property
    def undecided(self) -> list[Lot]:
        """The lots that no decision has settled yet."""
        return [lot for lot in self.lots if lot.decision is None]

    @property
    def live_refunds(self) -> list[RefundRow]:
        """The refunds by which the shop pays, or still has to: a failed one that was replaced is none."""
        return [refund for refund in self.refunds if refund.replaced_by is None]

    @property
    def awaiting_decision(self) -> int | None:
        """The decision that waits for a manager: nothing of it is paid, told or sent back yet."""
        return self.row.decisions if self.row.awaiting_approval else None

    @property
    def clocks(self) -> dict[ClockKind, Clock]:
        """The clocks by kind, as they are now."""
        return {kind: standing.clock for kind, standing in self.standings.items()}

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
        if all(task["id"] != task_id for task in self._tasks):
            self._tasks.append(
                {
                    "id": task_id, "rma": self.row.rma, "queue": queue, "kind": kind, "owner_role": owner,
                    "details": details, "created_at": self.now, "due_at": due_at,
                }
            )  # fmt: skip

    def end_task(self, kind: str) -> None:
        """What a person was asked for is done, or not needed any more."""
        self._ended_tasks.append(f"{self.row.rma}/{kind}")

    def decide(self, decided: Decided) -> None:
        """Write down a decision, or who approved or refused it."""
        self._decided = decided

    def newest_decision(self) -> Decided:
        """The decision that was taken last, with what it grants."""
        return decisions.load(self.connection, self.row.rma, self.row.decisions)

    # Clocks -------------------------------------------------------------------------------------

    def start_clocks(self, contacted_at: datetime) -> None:
        """Both clocks of policy 5 start at the contact and run side by side."""
        rules = self.rules.policy.clocks
        allotments = {PROCESSING: rules.processing_business_days, REFUND: rules.refund_business_days}
        for kind, days in allotments.items():
            self._set(Clock(kind, Fraction(days)).start(contacted_at))

    def pause_clocks(self, reason: str, owner: str) -> None:
        """It is the customer's turn."""
        for clock in self.clocks.values():
            if clock.state is not ClockState.STOPPED:
                self._set(clock.pause(self.now, reason, owner))

    def resume_clocks(self, reason: str, at: datetime | None = None) -> None:
        """What the clocks waited for has happened; `at` where it happened before now."""
        for clock in self.clocks.values():
            resumed_at = max(at or self.now, clock.events[-1].at)
            self._set(clock.resume(resumed_at, reason, self.actor.id))

    def stop_clock(self, kind: ClockKind, reason: str) -> None:
        """The obligation is met, or nothing is owed any more: nobody has to be hurried about it."""
        standing = self.standings[kind]
        self._set(standing.clock.stop(self.now, reason, self.actor.id))
        self._hurry_nobody(kind)

    def _hurry_nobody(self, kind: ClockKind) -> None:
        standing = self.standings[kind]
        if standing.warned_at is not None:
            self.end_task(f"warn_{kind}")
        if standing.breached_at is not None:
            self.end_task(f"breach_{kind}")

    def await_details(self) -> None:
        """The shop has done its part of the refund, and the customer has one to do: the clock waits, where it stands.

        One that had stopped waits too: the processor had taken the money, and found that it cannot send it yet.
        """
        if self.standings[REFUND].clock.state is ClockState.STOPPED:
            self.restart_clock(REFUND, next_steps.REFUND_DETAILS)
        self._set(self.standings[REFUND].clock.pause(self.now, next_steps.REFUND_DETAILS, "customer"))
        self._hurry_nobody(REFUND)

    def stop_clocks(self, reason: str) -> None:
        """Nothing is owed any more."""
        for kind in list(self.standings):
            self.stop_clock(kind, reason)

    def restart_clock(self, kind: ClockKind, reason: str, at: datetime | None = None) -> None:
        """The obligation stands again, where the clock stood; `at` where that was so before now.

        While a question is open it waits like the others.

        Whatever the customer has still to do for another refund, the shop has something to do as well.
        """
        before = self.standings[kind].clock
        clock = before.restart(max(at or self.now, before.events[-1].at), reason, self.actor.id)
        if clock is not before and self.row.awaiting_answer_since is not None:
            clock = clock.pause(clock.events[-1].at, next_steps.AWAITING_ANSWER, "customer")
        self._set(clock.resume(self.now, next_steps.REFUND_DETAILS, self.actor.id))

    def breach_clock(self, kind: ClockKind, at: datetime, owner: str) -> None:
        """The obligation was missed at `at`, while it stood in the queue `owner`."""
        clock = self.standings[kind].clock
        self._set(clock.breach(max(at, clock.events[-1].at), "due", owner))
        standing = self.standings[kind]
        # A warning after the breach would help nobody.
        self.standings[kind] = replace(standing, breached_at=at, warned_at=standing.warned_at or self.now)

    def warned(self, kind: ClockKind) -> None:
        """The desk was told that this obligation is nearly due."""
        self.standings[kind] = replace(self.standings[kind], warned_at=self.now)

    def take_over(self, rules: PolicyInForce) -> None:
        """Go on under another policy: every clock's instants are counted anew."""
        self.rules = rules
        self.row.policy_version = rules.policy.version
        for clock in self.clocks.values():
            self._set(clock, anew=True)

    def due_at(self, kind: ClockKind) -> datetime:
        """When the obligation is due; while its clock stands, when it would be if it ran again now."""
        standing, calendar = self.standings[kind], self.rules.calendar
        if standing.due_at is not None:
            return standing.due_at
        clock = standing.clock
        return calendar.add(self.now, max(clock.left(calendar, self.now), Fraction(0)))

    def _set(self, clock: Clock, *, anew: bool = False) -> None:
        """A clock as it is from now on, with the instants that follow from it."""
        before = self.standings.get(clock.kind, Standing(clock))
        if clock is before.clock and clock.kind in self.standings and not anew:
            return
        calendar, share = self.rules.calendar, self.rules.policy.clocks.warn_share
        self.standings[clock.kind] = replace(
            before, clock=clock, due_at=clock.due_at(calendar), warn_at=clock.warn_at(calendar, share)
        )
        if clock.state is not ClockState.STOPPED:
            setattr(self.row, f"{clock.kind}_due_at", self.due_at(clock.kind))

    # Saving -------------------------------------------------------------------------------------

    @property
    def stage(self) -> Stage:
        """The stage, derived from the facts as they are now."""
        row = self.row
        milestones = stages.Milestones(
            authorized=row.authorized_at is not None,
            declined=row.declined_at is not None,
            expired=row.expired_at is not None,
            decided=row.decided_at is not None,
            awaiting_approval=row.awaiting_approval,
            owed_without_refund_minor=row.owed_without_refund_minor,
        )
        return stages.derive(milestones, self.lots, [refund.status for refund in self.live_refunds])

    def save(self) -> CaseState:
        """Write everything back, with the audit records; answers what the run needs to know."""
        row, connection = self.row, self.connection
        row.stage = self.stage
        row.last_at = self.now
        row.ended_at = (row.ended_at or self.now) if row.stage in stages.ENDED else None
        if row.ended_at is not None:
            row.awaiting_answer_since = row.on_hold_since = None
        row.needs_person = row.needs_person if row.stage is Stage.REQUESTED else []
        self._mark_refunds()
        row.next_due_at = min((s.due_at for s in self.standings.values() if s.due_at), default=None)
        if row.next_due_at is None and row.on_hold_since is not None:  # a hold is the shop's turn
            row.next_due_at = self.rules.calendar.add(row.on_hold_since, next_steps.HOLD_DAYS)
        audit = case_rows.audit_records(row, self._records, self.actor, self.now, self.key)
        notices = case_rows.notice_rows(row, self._notices, self.now)
        goods = case_rows.dispositions(
            row.rma, row.audit_count, self._lots_before, self.lots, self.now, self.actor.id
        )
        return_rows.save_return(connection, self._row_before, row)  # first: everything else refers to it
        return_rows.save_refunds(connection, self._refunds_before, self.refunds)
        if self._decided is not None:
            decisions.save(connection, row.rma, self._decided)
        case_rows.save_clocks(connection, row.rma, self._standings_before, self.standings)
        append(connection, tables.AuditRecord, audit)
        append(connection, tables.Notice, notices)
        case_rows.save_lots(connection, row.rma, self._lots_before, self.lots)
        append(connection, tables.DispositionChange, goods)
        case_rows.file_tasks(connection, self._tasks)
        case_rows.end_tasks(connection, self._ended_tasks, self.now, self.actor.id)
        self._save_next_step()
        return self.state()

    def _mark_refunds(self) -> None:
        """Since when a refund is late, and since when nothing of it is owed: what finance reads of any day."""
        breached_at = self.standings[REFUND].breached_at if self.refunds else None
        replaced = [x for x in self.refunds if x.replaced_by is not None and x.replaced_at is None]
        owed_in_part = (
            {x.refund_id for x in rests.unsettled(self.connection, self.row.rma)} if replaced else ()
        )
        for refund in replaced:
            refund.replaced_at = None if refund.id in owed_in_part else self.now
        for refund in self.refunds:
            refund.late_at = refund.late_at or refund.instants.late_since(breached_at)

    def _save_next_step(self) -> None:
        row = self.row
        step = next_steps.next_step(row.stage, row.on_hold_since, row.awaiting_answer_since)
        if step is None:
            case_rows.end_next_step(self.connection, row.rma, self.now, self.actor.id)
            end_claim(self.connection, row.rma)
            return
        due_at = row.next_due_at or row.refund_due_at or self.now
        if step is next_steps.AWAITING_CUSTOMER and row.awaiting_answer_since is not None:
            due_at = self.rules.calendar.add(row.awaiting_answer_since, next_steps.ANSWER_DAYS)
        elif step.due == "expiry" and row.expires_at is not None:
            due_at = row.expires_at
        elif step is not next_steps.ON_HOLD and any(
            x.reason == next_steps.REFUND_DETAILS for x in self.clocks[REFUND].pauses
        ):
            step = next_steps.AWAITING_DETAILS
            due_at = min(self.details_late_at(x) for x in self.live_refunds if x.needs_details)
        values = {
            "queue": step.queue, "kind": row.stage, "owner_role": step.owner, "due_at": due_at,
            "done_at": None, "done_by": None,
            "details": {"needs_person": row.needs_person} if row.needs_person else {},
        }  # fmt: skip
        case_rows.put_next_step(
            self.connection, row.rma, values, created_at=self.now, is_new=self._row_before is None
        )

    def details_late_at(self, refund: RefundRow) -> datetime:
        """When somebody asks a customer why they have not given the processor what it needs."""
        assert refund.needs_action_since is not None, "only of refunds that wait for the customer"
        return self.rules.calendar.add(refund.needs_action_since, next_steps.ANSWER_DAYS)

    # What the workflow is told ------------------------------------------------------------------

    def state(self) -> CaseState:
        """What a run needs to know of the return."""
        stage = self.row.stage
        due = [r for r in self.refunds if self._is_to_be_asked_of(r)]
        now_due = tuple(r.id for r in due if r.look_again_at is None or r.look_again_at <= self.now)
        wake_at = self._wake_at([r.look_again_at for r in due if r.id not in now_due])
        return CaseState(
            stage=stage,
            policy_version=self.row.policy_version,
            last_at=self.row.last_at,
            wake_at=wake_at,
            refunds_due=now_due,
            ended=stage in stages.ENDED and wake_at is None,
        )

    def _is_to_be_asked_of(self, refund: RefundRow) -> bool:
        is_held = self.row.on_hold_since is not None or refund.decision == self.awaiting_decision
        if refund.status is RefundStatus.REQUESTED and is_held:
            return False
        return refund.status in _AT_THE_PROCESSOR

    def _wake_at(self, look_again_at: list[datetime | None]) -> datetime | None:
        """When something is to be done that nobody asks for: after a refund, or about a deadline, each a little apart."""
        row, instants = self.row, list[datetime | None]()
        for standing in self.standings.values():
            instants.append(standing.warn_at if standing.warned_at is None else None)
            instants.append(standing.due_at if standing.breached_at is None else None)
        if row.stage == Stage.AUTHORIZED:
            is_looked_for = row.looked_for_at is not None and any(
                lot.reception is Reception.IN_TRANSIT for lot in self.lots
            )
            instants += [row.reminder_at, None if is_looked_for else row.expires_at]
        if row.goods_back_late_at is None:
            instants.append(row.goods_back_by)
        apart = [at + jitter(row.rma, DEADLINES_APART) for at in instants if at is not None]
        apart += [at + jitter(row.rma, LOOKS_APART) for at in look_again_at if at is not None]
        return max(min(apart), row.last_at + AT_LEAST_APART) if apart else None

    def outcome(self) -> Outcome:
        """The answer to a command that was carried out."""
        row = self.row
        return Outcome(True, row.stage, "", (), "", row.processing_due_at, row.refund_due_at)


def load_case(
    connection: Connection,
    rma: str,
    rules_of: RulesOf,
    *,
    actor: Actor,
    now: datetime,
    key: str,
    to_read: bool = False,
) -> Case | None:
    """The return as it stands, its row locked against other writers unless it is only `to_read`; or None."""
    row = return_rows.load_return(connection, rma, locked=not to_read)
    if row is None:
        return None
    lots = case_rows.load_lots(connection, rma)
    standings = case_rows.load_clocks(connection, rma)
    refunds = return_rows.load_refunds(connection, rma) if row.decided_at is not None else []
    return Case(
        connection,
        row,
        rules_of(connection, row.policy_version),
        actor,
        max(now, row.last_at),
        key,
        lots=lots,
        standings=standings,
        refunds=refunds,
        _row_before=replace(row),
        _refunds_before=return_rows.copies(refunds),
        _lots_before=list(lots),
        _standings_before=dict(standings),
    )


def new_case(connection: Connection, row: ReturnRow, rules: PolicyInForce, actor: Actor, key: str) -> Case:
    """A return that is only now coming to be."""
    return Case(connection, row, rules, actor, row.recorded_at, key)


_AT_THE_PROCESSOR = stages.TO_SEND | (stages.TAKEN - {RefundStatus.SUCCEEDED})
