"""Who acts: roles, actors, and which role may ask for which command."""

from dataclasses import dataclass
from enum import StrEnum

from returndesk.domain.stages import CommandKind


class Role(StrEnum):
    """What somebody may do. `system` is returndesk itself; `customer` is whoever opens a return's secret link."""

    REP = "rep"
    WAREHOUSE = "warehouse"
    FINANCE = "finance"
    MANAGER = "manager"
    ADMIN = "admin"
    CUSTOMER = "customer"
    SYSTEM = "system"


NOBODY_SIGNS_IN_AS = frozenset({Role.CUSTOMER, Role.SYSTEM})
"""Roles that no token and no user has: a link lets customers in, and returndesk lets itself in."""


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
CUSTOMER = Actor("customer", Role.CUSTOMER)
"""The customer of the return, whose link says which; one id for all of them, so that none says who."""

_DESK = frozenset({Role.REP, Role.MANAGER, Role.ADMIN})
_FLOOR = frozenset({Role.WAREHOUSE, Role.MANAGER, Role.ADMIN})
_CASH = frozenset({Role.FINANCE, Role.MANAGER, Role.ADMIN})
_HEAD = frozenset({Role.MANAGER, Role.ADMIN})
_LINK = frozenset({Role.CUSTOMER})

MAY: dict[CommandKind, frozenset[Role]] = {
    CommandKind.REQUEST: _DESK | _LINK,
    CommandKind.AUTHORIZATION: _DESK,
    CommandKind.DECLINE: _DESK,
    CommandKind.CANCELLATION: _DESK | _LINK,
    CommandKind.QUESTION: _DESK | _FLOOR,
    CommandKind.MESSAGE: _DESK | _LINK,
    CommandKind.SHIPMENT: _DESK | _LINK,
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
