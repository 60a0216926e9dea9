"""One table says what may happen at which stage; the stage itself is derived, never set.

    requested ─authorize─▶ authorized ─receive─▶ received ─inspect─▶ inspected ─decide─▶ decided ─▶ settling ─▶ closed
        └ decline              └ expire, cancel

`ALLOWED` is the only place that knows which command or event a stage takes. A command it does not list
is refused with a sentence; an event it does not list changes nothing.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum

from returndesk.domain.lots import HERE, ON_THE_WAY, TO_DECIDE, Lot, Reception


class Stage(StrEnum):
    """How far a return has come."""

    REQUESTED = "requested"
    AUTHORIZED = "authorized"
    RECEIVED = "received"
    INSPECTED = "inspected"
    DECIDED = "decided"
    SETTLING = "settling"
    SETTLED = "settled"
    CLOSED = "closed"
    DECLINED = "declined"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


class CommandKind(StrEnum):
    """What somebody may ask for."""

    REQUEST = "request"
    AUTHORIZATION = "authorization"
    DECLINE = "decline"
    CANCELLATION = "cancellation"
    QUESTION = "question"
    MESSAGE = "message"
    SHIPMENT = "shipment"
    LOSS = "loss"
    RECEIPTS = "receipts"
    CORRECTION = "correction"
    INSPECTIONS = "inspections"
    DECISION = "decision"
    APPROVAL = "approval"
    REFUSAL = "refusal"
    GOODS_BACK = "goods-back"
    HOLD = "hold"
    RESUMPTION = "resumption"
    RECALCULATION = "recalculation"
    DISPOSITIONS = "dispositions"
    REFUND_AGAIN = "refund-again"
    PAID_BY_HAND = "paid-by-hand"
    TASK_DONE = "task-done"


class EventKind(StrEnum):
    """What happens without anybody asking."""

    TIME_PASSED = "time_passed"
    REFUND_ANSWERED = "refund_answered"
    PROCESSOR_HINT = "processor_hint"


class RefundStatus(StrEnum):
    """Where a refund stands: ours before the call, the processor's after it."""

    REQUESTED = "requested"
    UNKNOWN = "unknown"
    PENDING = "pending"
    REQUIRES_ACTION = "requires_action"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"


TO_SEND = frozenset({RefundStatus.REQUESTED, RefundStatus.UNKNOWN})
"""Refunds whose answer we do not have."""
SUBMITTED = frozenset({RefundStatus.PENDING, RefundStatus.SUCCEEDED})
"""Refunds the processor took and needs nothing more for: the shop's part is done (the refund clock stops)."""
TAKEN = SUBMITTED | {RefundStatus.REQUIRES_ACTION}
"""Refunds the processor took; of some it needs something of the customer first (the refund clock waits)."""

ENDED = frozenset({Stage.CLOSED, Stage.DECLINED, Stage.EXPIRED, Stage.CANCELLED})
"""Stages in which nothing is left to do, unless something late happens."""

_Takes = frozenset[CommandKind | EventKind]
_ANY_EVENT: _Takes = frozenset(EventKind)
_MONEY_EVENTS: _Takes = frozenset({EventKind.REFUND_ANSWERED, EventKind.PROCESSOR_HINT})
_WHILE_OPEN: _Takes = _ANY_EVENT | {
    CommandKind.QUESTION,
    CommandKind.MESSAGE,
    CommandKind.RECEIPTS,  # a parcel comes when it comes
    CommandKind.HOLD,
    CommandKind.RESUMPTION,
    CommandKind.RECALCULATION,
    CommandKind.TASK_DONE,
}
_GOODS: _Takes = frozenset({CommandKind.GOODS_BACK, CommandKind.DISPOSITIONS})
"""What is done with goods that are here."""
_MONEY: _Takes = frozenset({CommandKind.REFUND_AGAIN, CommandKind.PAID_BY_HAND})
"""What finance does about money that is owed still; while a manager has to approve, none of it is."""
_LATE: _Takes = frozenset(
    {CommandKind.RECEIPTS, CommandKind.MESSAGE, CommandKind.TASK_DONE, EventKind.TIME_PASSED}
)
"""What still happens to a return that has ended: it runs again."""

ALLOWED: dict[Stage | None, _Takes] = {
    None: frozenset({CommandKind.REQUEST}),
    Stage.REQUESTED: _WHILE_OPEN | {CommandKind.AUTHORIZATION, CommandKind.DECLINE, CommandKind.CANCELLATION},
    Stage.AUTHORIZED: _WHILE_OPEN | {CommandKind.SHIPMENT, CommandKind.LOSS, CommandKind.CANCELLATION},
    Stage.RECEIVED: _WHILE_OPEN
    | _GOODS
    | _MONEY
    | {CommandKind.SHIPMENT, CommandKind.LOSS, CommandKind.CORRECTION, CommandKind.INSPECTIONS},
    Stage.INSPECTED: _WHILE_OPEN | _GOODS | _MONEY | {CommandKind.CORRECTION, CommandKind.DECISION},
    Stage.DECIDED: _WHILE_OPEN | _GOODS | {CommandKind.CORRECTION, CommandKind.APPROVAL, CommandKind.REFUSAL},
    Stage.SETTLING: _WHILE_OPEN | _GOODS | _MONEY,
    Stage.SETTLED: _WHILE_OPEN | _GOODS,
    Stage.CLOSED: _LATE | _MONEY_EVENTS | _GOODS,
    Stage.DECLINED: _LATE,
    Stage.EXPIRED: _LATE,
    Stage.CANCELLED: _LATE,
}


def allows(stage: Stage | None, what: CommandKind | EventKind) -> bool:
    """Whether `what` may happen to a return at `stage` (None: there is no return yet)."""
    return what in ALLOWED[stage]


def refusal(stage: Stage | None, what: CommandKind | EventKind) -> str:
    """The sentence for a person whose command is refused at `stage`."""
    if stage is None:
        return "There is no such return."
    takes = sorted(kind for kind in ALLOWED[stage] if isinstance(kind, CommandKind))
    possible = f"Now possible: {', '.join(takes)}." if takes else "Nothing can be asked of it now."
    return f"This return is {stage}: {what} is not possible. Nothing was changed. {possible}"


@dataclass(frozen=True)
class Milestones:
    """The facts beside lots and refunds that the stage is derived from."""

    authorized: bool
    declined: bool
    expired: bool
    decided: bool
    awaiting_approval: bool
    owed_without_refund_minor: int = 0


def derive(milestones: Milestones, lots: Sequence[Lot], refunds: Collection[RefundStatus]) -> Stage:
    """The stage of a return, from its facts alone. `refunds` are those that are still owed or were paid."""
    if milestones.awaiting_approval:
        return Stage.DECIDED
    undecided = [lot for lot in lots if lot.decision is None]
    if any(lot.reception is Reception.RECEIVED and not lot.inspected for lot in undecided):
        return Stage.RECEIVED
    if any(lot.reception in ON_THE_WAY for lot in undecided):
        if any(lot.reception in HERE for lot in undecided):
            return Stage.RECEIVED
        return Stage.AUTHORIZED if milestones.authorized else Stage.REQUESTED
    if any(lot.reception in TO_DECIDE for lot in undecided):
        return Stage.INSPECTED
    if milestones.decided:
        return _after_decision(milestones, refunds)
    if milestones.declined:
        return Stage.DECLINED
    return Stage.EXPIRED if milestones.expired else Stage.CANCELLED


def _after_decision(milestones: Milestones, refunds: Collection[RefundStatus]) -> Stage:
    if milestones.owed_without_refund_minor:
        return Stage.SETTLING
    if all(status is RefundStatus.SUCCEEDED for status in refunds):
        return Stage.CLOSED
    return Stage.SETTLING
