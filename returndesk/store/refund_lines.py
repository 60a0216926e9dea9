"""What finance reads of one refund: its three instants, where it stood, and whether it was in time and why.

A line says how things were at the instant that was asked for. What came later is not in it.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

from sqlalchemy import Connection, RowMapping, and_, func, select

from returndesk.domain.clock import PROCESSING, REFUND, Clock, ClockEventKind, ClockState, Unit
from returndesk.domain.refund_books import OPEN, Instants, Standing, age_days
from returndesk.domain.stages import RefundStatus
from returndesk.store import rests, tables
from returndesk.store.case_rows import read_events
from returndesk.store.policies import PolicyBook
from returndesk.store.refund_books import Key
from returndesk.store.refund_conditions import Asked
from returndesk.store.statements import table_of

_refunds, _returns, _payments = table_of(tables.Refund), table_of(tables.Return), table_of(tables.Payment)
_decisions, _audit = table_of(tables.Decision), table_of(tables.AuditRecord)
_clock, _processing = table_of(tables.Clock).alias("clock"), table_of(tables.Clock).alias("processing")


@dataclass(frozen=True)
class Wait:
    """For what a return's refund clock stood still, and how long, all such pauses together."""

    reasons: tuple[str, ...]
    time: timedelta

    @property
    def hours(self) -> int:
        """Whole hours, rounded down."""
        return int(self.time // timedelta(hours=1))


@dataclass(frozen=True)
class Lateness:
    """The refund clock of a refund's return. `late_at`: it ran out while this refund was still to be paid.

    `due_at`: when it runs out, or would have when it stopped; None while it waits for the customer. `ran_out_at`: since
    when the return is late, whatever of it was to be paid. `decided_late_at` where the decision came late.
    """

    state: ClockState
    due_at: datetime | None
    late_at: datetime | None
    ran_out_at: datetime | None
    decided_late_at: datetime | None
    waits: tuple[Wait, ...]

    @property
    def waited(self) -> timedelta:
        """How long it stood still in all."""
        return sum((wait.time for wait in self.waits), timedelta())


@dataclass(frozen=True)
class ByHand:
    """What was paid another way of a refund that failed, and by which reference it is found."""

    at: datetime
    amount_minor: int
    how: str
    reference: str


@dataclass(frozen=True)
class RefundLine:
    """One refund as it stood. `age_days` is there while it is open; `held_back` says why it is not sent.

    `owed_minor`: what the customer does not have of it; 0 once it is credited, or another refund stands for it, which is
    then `instead`. `asked_at`: when it was asked for, of one that stands for an earlier one. `is_to_decide`: it was not
    approved, and nothing was decided since.
    """

    id: str
    rma: str
    order_reference: str
    channel: str
    policy_version: str
    amount_minor: int
    owed_minor: int
    currency: str
    standing: Standing
    status: RefundStatus
    is_to_decide: bool
    held_back: str | None
    instants: Instants
    asked_at: datetime | None
    needs_action_since: datetime | None
    action_expires_at: datetime | None
    contacted_at: datetime
    age_days: int | None
    failure_reason: str | None
    replaced_by: str | None
    instead: str | None
    by_hand: tuple[ByHand, ...]
    processor: str
    payment_reference: str
    processor_reference: str | None
    bank_reference: str | None
    decided_by: str
    approved_by: str | None
    lateness: Lateness


_later = table_of(tables.Decision).alias("later")
_DECIDED_AGAIN = (
    select(func.min(_later.c.decided_at))
    .where(_later.c.rma == _refunds.c.rma, _later.c.number > _refunds.c.decision)
    .scalar_subquery()
)
_LINES = (
    select(
        _refunds, _returns.c.refund_due_at, _DECIDED_AGAIN.label("decided_again_at"), _returns.c.order_reference, _returns.c.channel, _returns.c.policy_version, _returns.c.contacted_at,
        _returns.c.awaiting_approval, _returns.c.decisions, _returns.c.on_hold_since, _payments.c.processor,
        _payments.c.reference.label("payment_reference"), _decisions.c.decided_by, _decisions.c.approved_by,
        _clock.c.kind, _clock.c.allotment, _clock.c.unit, _clock.c.events, _clock.c.due_at,
        _processing.c.breached_at.label("decided_late_at"),
    )
    .join(_returns, _returns.c.rma == _refunds.c.rma)
    .join(_payments, _payments.c.id == _refunds.c.payment_id)
    .join(_decisions, and_(_decisions.c.rma == _refunds.c.rma, _decisions.c.number == _refunds.c.decision))
    .join(_clock, and_(_clock.c.rma == _refunds.c.rma, _clock.c.kind == REFUND))
    .join(_processing, and_(_processing.c.rma == _refunds.c.rma, _processing.c.kind == PROCESSING))
)  # fmt: skip

ON_HOLD, WITH_MANAGER = "on_hold", "with_manager"


def lines(
    connection: Connection, policies: PolicyBook, asked: Asked, places: Sequence[Key]
) -> list[RefundLine]:
    """The refunds at these places of the list, in its order, as they stood."""
    ids = [refund_id for _, refund_id in places]
    rows = {row["id"]: row for row in connection.execute(_LINES.where(_refunds.c.id.in_(ids))).mappings()}
    stood = {x: _instants(row) for x, row in rows.items()}
    if not asked.is_now:  # what happened at this very instant has happened
        stood = {x: instants.before(asked.at) for x, instants in stood.items()}
    moving = {rows[x]["rma"] for x, instants in stood.items() if instants.standing in _MOVING}
    told = {} if asked.is_now else _told(connection, moving, asked.at)
    left = _left(connection, asked, rows)
    return [_line(connection, policies, asked, rows[x], stood[x], told, left.get(x, _WHOLE)) for x in ids]


_MOVING = (Standing.TO_SEND, Standing.SUBMITTED)
"""Where the instants do not say all: what the processor answered, and whether somebody holds it back."""
_SETTLED = {Standing.CREDITED: RefundStatus.SUCCEEDED, Standing.WITHDRAWN: RefundStatus.CANCELED}


def _instants(row: RowMapping) -> Instants:
    return Instants(
        row["decided_at"], row["submitted_at"], row["credited_at"], row["failed_at"], row["replaced_at"], row["late_at"]
    )  # fmt: skip


def _line(
    connection: Connection,
    policies: PolicyBook,
    asked: Asked,
    row: RowMapping,
    instants: Instants,
    told: Mapping[str, "_Told"],
    left: "_Left",
) -> RefundLine:
    standing = instants.standing
    if asked.is_now:
        status, held_back = RefundStatus(row["status"]), _held_back_now(row)
    elif standing in _MOVING:
        of_return = told.get(row["rma"], _NOTHING_TOLD)
        status = of_return.statuses.get(row["id"], RefundStatus.REQUESTED)
        held_back = of_return.held_back(row["decision"])
    else:  # a refund that failed or was canceled stays so
        status, held_back = _SETTLED.get(standing) or RefundStatus(row["status"]), None
    waits_since = row["needs_action_since"]
    asks = waits_since is not None and waits_since < asked.at
    is_open = standing in OPEN
    replaced_by = row["replaced_by"] if instants.replaced_at else None
    owed_minor = left.owed_minor if left.owed_minor is not None else row["amount_minor"]
    lateness = _lateness(connection, policies, asked, row, instants)
    again_at = row["decided_again_at"]
    is_decided_again = again_at is not None and (asked.is_now or again_at < asked.at)
    is_undecided = standing is Standing.WITHDRAWN and not is_decided_again
    return RefundLine(
        id=row["id"],
        rma=row["rma"],
        order_reference=row["order_reference"],
        channel=row["channel"],
        policy_version=row["policy_version"],
        amount_minor=row["amount_minor"],
        owed_minor=owed_minor if is_open else 0,
        currency=row["currency"],
        standing=standing,
        status=status,
        is_to_decide=is_undecided and lateness.state is not ClockState.STOPPED,
        held_back=held_back if standing is Standing.TO_SEND else None,
        instants=instants,
        asked_at=row["asked_at"],
        needs_action_since=waits_since if asks else None,
        action_expires_at=row["action_expires_at"] if asks else None,
        contacted_at=row["contacted_at"],
        age_days=age_days(instants.decided_at, asked.day, asked.zone) if is_open else None,
        failure_reason=row["failure_reason"] if instants.failed_at else None,
        replaced_by=replaced_by,
        instead=left.asked_again or (replaced_by if standing is Standing.REPLACED and not left.by_hand else None),
        by_hand=left.by_hand,
        processor=row["processor"],
        payment_reference=row["payment_reference"],
        processor_reference=row["processor_reference"] if asked.is_now or instants.submitted_at or instants.failed_at else None,
        bank_reference=row["bank_reference"] if asked.is_now or instants.credited_at else None,
        decided_by=row["decided_by"],
        approved_by=row["approved_by"],
        lateness=lateness,
    )  # fmt: skip


def _held_back_now(row: RowMapping) -> str | None:
    if row["awaiting_approval"] and row["decision"] == row["decisions"]:
        return WITH_MANAGER
    return ON_HOLD if row["on_hold_since"] is not None else None


# What is left of a refund that failed ---------------------------------------------------------------


@dataclass(frozen=True)
class _Left:
    """`owed_minor` None: all of it. `asked_again`: the refund that stands for what a payment by hand had left."""

    owed_minor: int | None = None
    by_hand: tuple[ByHand, ...] = ()
    asked_again: str | None = None


_WHOLE = _Left()


def _left(connection: Connection, asked: Asked, rows: Mapping[str, RowMapping]) -> dict[str, _Left]:
    """What was paid by hand of these refunds and what was owed then, of those that were paid so at all."""
    failed = {x: row for x, row in rows.items() if row["failed_at"] and row["replaced_by"]}
    if not failed:
        return {}
    of_refunds = rests.of_refunds(connection, list(failed))
    paid = {
        x: [
            one
            for one in rests.hand_payments(
                of_refunds.get(x, ()), row["amount_minor"], row["replaced_by"], row["replaced_at"]
            )
            if asked.is_now or one.at < asked.at
        ]
        for x, row in failed.items()
    }
    references = rests.references(
        connection, {failed[x]["rma"] for x, some in paid.items() if some},
        {one.command_id for some in paid.values() for one in some},
    )  # fmt: skip
    at = None if asked.is_now else asked.at
    return {
        x: _Left(
            rests.owed_minor(of_refunds.get(x, ()), at, failed[x]["amount_minor"]),
            tuple(
                ByHand(one.at, one.amount_minor, *references.get(one.command_id, ("", ""))) for one in some
            ),
            rests.asked_again(of_refunds.get(x, ()), at),
        )
        for x, some in paid.items()
        if some
    }


# In time, or why not ------------------------------------------------------------------------------


def _lateness(
    connection: Connection, policies: PolicyBook, asked: Asked, row: RowMapping, instants: Instants
) -> Lateness:
    stored = Clock(row["kind"], Fraction(row["allotment"]), Unit(row["unit"]), read_events(row["events"]))
    clock = stored.before(asked.at)
    due_at, decided_late_at = row["due_at"], row["decided_late_at"]
    if clock is not stored:  # what it was due at was counted anew since
        due_at = _due_at(connection, policies, row["policy_version"], clock)
    ran_out_at = next((x.at for x in clock.events if x.kind is ClockEventKind.BREACHED), None)
    if ran_out_at is None and due_at is not None and due_at < asked.at:
        ran_out_at = due_at
    late_at = instants.late_at
    if late_at is None and due_at is not None and due_at < asked.at:
        late_at = instants.late_since(due_at)
    if clock.state is ClockState.STOPPED:
        due_at = row["refund_due_at"] if clock is stored else _was_due_at(connection, policies, row, clock)
    return Lateness(
        state=clock.state,
        due_at=due_at,
        late_at=late_at,
        ran_out_at=ran_out_at,
        decided_late_at=None if decided_late_at is None or decided_late_at >= asked.at else decided_late_at,
        waits=_waits(clock, asked.at),
    )


def _due_at(connection: Connection, policies: PolicyBook, version: str, clock: Clock) -> datetime | None:
    if clock.state is not ClockState.RUNNING:
        return None
    return clock.due_at(policies.of(connection, version).calendar)


def _was_due_at(
    connection: Connection, policies: PolicyBook, row: RowMapping, clock: Clock
) -> datetime | None:
    """When a stopped clock would have run out, had it run on."""
    stopped = max(n for n, event in enumerate(clock.events) if event.kind is ClockEventKind.STOPPED)
    return _due_at(connection, policies, row["policy_version"], replace(clock, events=clock.events[:stopped]))


def _waits(clock: Clock, until: datetime) -> tuple[Wait, ...]:
    together: dict[tuple[str, ...], timedelta] = defaultdict(timedelta)
    for span in clock.waits(until):
        together[tuple(sorted(pause.reason for pause in span.pauses))] += span.end - span.start
    return tuple(Wait(reasons, time) for reasons, time in together.items())


# What the audit chain had told by then --------------------------------------------------------------


@dataclass
class _Told:
    """What the records of one return say up to an instant."""

    statuses: dict[str, RefundStatus]
    with_manager: set[int]
    is_held: bool = False
    decision: int = 0

    def held_back(self, decision: int) -> str | None:
        if decision in self.with_manager:
            return WITH_MANAGER
        return ON_HOLD if self.is_held else None

    def hear(self, what: str, details: Mapping[str, Any]) -> None:
        match what:
            case "decided":
                self.decision = details["decision"]
            case "approval_asked":
                self.with_manager.add(self.decision)
            case "approved" | "refused":
                self.with_manager.discard(details["decision"])
            case "held":
                self.is_held = True
            case "resumed":
                self.is_held = False
            case _:
                self.statuses[details["refund"]] = RefundStatus(what.removeprefix("refund_"))


_NOTHING_TOLD = _Told({}, set())
_HEARD = (
    "decided", "approval_asked", "approved", "refused", "held", "resumed",
    *(f"refund_{status}" for status in RefundStatus),
)  # fmt: skip


def _told(connection: Connection, rmas: set[str], at: datetime) -> dict[str, _Told]:
    query = (
        select(_audit.c.rma, _audit.c.what, _audit.c.details)
        .where(_audit.c.rma.in_(rmas), _audit.c.at < at, _audit.c.what.in_(_HEARD))
        .order_by(_audit.c.rma, _audit.c.seq)
    )
    found: dict[str, _Told] = {}
    for rma, what, details in connection.execute(query):
        found.setdefault(rma, _Told({}, set())).hear(what, details)
    return found
