"""Who acts: roles, actors, and which role may ask for which command."""

from dataclasses import dataclass
from enum import StrEnum

from returndesk.domain.stages import CommandKind


class Role(StrEnum):
    """What somebody may do. `system` is returndesk itself."""

    REP = "rep"
    WAREHOUSE = "warehouse"
    FINANCE = "finance"
    MANAGER = "manager"
    ADMIN = "admin"
    SYSTEM = "system"


@dataclass(frozen=True)
class Actor:
    """Somebody, by id and role. The id is never a name or an address."""

    id: str
    role: Role


RULES = Actor("rules", Role.SYSTEM)
"""The policy's rules, where nobody was asked."""
CLOCK = Actor("clock", Role.SYSTEM)
"""Time that passed."""
PROCESSOR = Actor("processor", Role.SYSTEM)
"""The payment processor's word."""

_DESK = frozenset({Role.REP, Role.MANAGER, Role.ADMIN})
_FLOOR = frozenset({Role.WAREHOUSE, Role.MANAGER, Role.ADMIN})
_CASH = frozenset({Role.FINANCE, Role.MANAGER, Role.ADMIN})
_HEAD = frozenset({Role.MANAGER, Role.ADMIN})

MAY: dict[CommandKind, frozenset[Role]] = {
    CommandKind.REQUEST: _DESK,
    CommandKind.AUTHORIZATION: _DESK,
    CommandKind.DECLINE: _DESK,
    CommandKind.CANCELLATION: _DESK,
    CommandKind.QUESTION: _DESK | _FLOOR,
    CommandKind.MESSAGE: _DESK,
    CommandKind.SHIPMENT: _DESK,
    CommandKind.LOSS: _DESK,
    CommandKind.RECEIPTS: _FLOOR,
    CommandKind.CORRECTION: _FLOOR,
    CommandKind.INSPECTIONS: _FLOOR,
    CommandKind.DECISION: _DESK,
    CommandKind.APPROVAL: _HEAD,
    CommandKind.REFUSAL: _HEAD,
    CommandKind.GOODS_BACK: _FLOOR,
    CommandKind.HOLD: _DESK,
    CommandKind.RESUMPTION: _DESK,
    CommandKind.RECALCULATION: _HEAD,
    CommandKind.DISPOSITIONS: _FLOOR,
    CommandKind.REFUND_AGAIN: _CASH,
    CommandKind.PAID_BY_HAND: _CASH,
    CommandKind.TASK_DONE: _DESK | _FLOOR | _CASH,  # and of them only whose task it is: `domain.tasks`
}
"""DESIGN 3's table, the column 'who'. An admin may do what a manager may."""
