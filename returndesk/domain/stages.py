"""One table says what may happen at which stage; the stage itself is derived, never set.

    requested ─authorize─▶ authorized ─receive─▶ received ─inspect─▶ inspected ─decide─▶ decided ─▶ settling ─▶ closed
        └ decline              └ expire, cancel

`ALLOWED` is the only place that knows which command or event a stage takes. A command it does not list
is refused with a sentence; an event it does not list changes nothing.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum

from returndesk.domain.lots import ON_THE_WAY, Lot, Reception


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
    RECEIPTS = "receipts"
    INSPECTIONS = "inspections"
    DECISION = "decision"
    APPROVAL = "approval"
    REFUND_AGAIN = "refund-again"
    PAID_BY_HAND = "paid-by-hand"


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
SUBMITTED = frozenset({RefundStatus.PENDING, RefundStatus.REQUIRES_ACTION, RefundStatus.SUCCEEDED})
"""Refunds the processor took: the shop's part is done (the refund clock stops)."""

ENDED = frozenset({Stage.CLOSED, Stage.DECLINED, Stage.EXPIRED, Stage.CANCELLED})
"""Stages in which nothing is left to do, unless something late happens."""

_ANY_EVENT = frozenset(EventKind)
_TALK = frozenset({CommandKind.QUESTION, CommandKind.MESSAGE})
_MONEY_EVENTS = frozenset({EventKind.REFUND_ANSWERED, EventKind.PROCESSOR_HINT})

ALLOWED: dict[Stage | None, frozenset[CommandKind | EventKind]] = {
    None: frozenset({CommandKind.REQUEST}),
    Stage.REQUESTED: frozenset({CommandKind.AUTHORIZATION, CommandKind.DECLINE, CommandKind.CANCELLATION})
    | _TALK
    | _ANY_EVENT,
    Stage.AUTHORIZED: frozenset({CommandKind.SHIPMENT, CommandKind.RECEIPTS, CommandKind.CANCELLATION})
    | _TALK
    | _ANY_EVENT,
    Stage.RECEIVED: frozenset({CommandKind.RECEIPTS, CommandKind.INSPECTIONS}) | _TALK | _ANY_EVENT,
    Stage.INSPECTED: frozenset({CommandKind.RECEIPTS, CommandKind.DECISION}) | _TALK | _ANY_EVENT,
    Stage.DECIDED: frozenset({CommandKind.APPROVAL}) | _TALK | _ANY_EVENT,
    Stage.SETTLING: frozenset({CommandKind.REFUND_AGAIN, CommandKind.PAID_BY_HAND}) | _TALK | _ANY_EVENT,
    Stage.SETTLED: _TALK | _ANY_EVENT,
    Stage.CLOSED: _MONEY_EVENTS,
    Stage.DECLINED: frozenset(),
    Stage.EXPIRED: frozenset(),
    Stage.CANCELLED: frozenset(),
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
    cancelled: bool
    expired: bool
    decided: bool
    awaiting_approval: bool
    owed_without_refund_minor: int = 0


def derive(milestones: Milestones, lots: Sequence[Lot], refunds: Collection[RefundStatus]) -> Stage:
    """The stage of a return, from its facts alone. Of refunds only those count that were not replaced."""
    if milestones.decided:
        return _after_decision(milestones, refunds)
    if milestones.declined:
        return Stage.DECLINED
    if milestones.cancelled:
        return Stage.CANCELLED
    if milestones.expired:
        return Stage.EXPIRED
    if not milestones.authorized:
        return Stage.REQUESTED
    received = [lot for lot in lots if lot.reception is Reception.RECEIVED]
    if any(not lot.inspected for lot in received):
        return Stage.RECEIVED
    if any(lot.reception in ON_THE_WAY for lot in lots):
        return Stage.RECEIVED if received else Stage.AUTHORIZED
    return Stage.INSPECTED


def _after_decision(milestones: Milestones, refunds: Collection[RefundStatus]) -> Stage:
    if milestones.awaiting_approval:
        return Stage.DECIDED
    if milestones.owed_without_refund_minor:
        return Stage.SETTLING
    if all(status is RefundStatus.SUCCEEDED for status in refunds):
        return Stage.CLOSED
    return Stage.SETTLING
