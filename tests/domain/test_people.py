"""Who may ask for what: DESIGN 3's column 'who', written out by hand."""

import pytest

from returndesk.domain.people import MAY, Role
from returndesk.domain.stages import CommandKind

BY_HAND = {
    "request": {"rep", "manager", "admin", "customer"},
    "authorization": {"rep", "manager", "admin"},
    "decline": {"rep", "manager", "admin"},
    "cancellation": {"rep", "manager", "admin", "customer"},
    "question": {"rep", "warehouse", "manager", "admin"},
    "message": {"rep", "manager", "admin", "customer"},
    "shipment": {"rep", "manager", "admin", "customer"},
    "loss": {"rep", "manager", "admin"},
    "receipts": {"warehouse", "manager", "admin"},
    "correction": {"warehouse", "manager", "admin"},
    "inspections": {"warehouse", "manager", "admin"},
    "decision": {"rep", "manager", "admin"},
    "approval": {"manager", "admin"},
    "refusal": {"manager", "admin"},
    "goods-back": {"warehouse", "manager", "admin"},
    "hold": {"rep", "manager", "admin"},
    "resumption": {"rep", "manager", "admin"},
    "recalculation": {"manager", "admin"},
    "dispositions": {"warehouse", "manager", "admin"},
    "refund-again": {"finance", "manager", "admin"},
    "paid-by-hand": {"finance", "manager", "admin"},
    "task-done": {"rep", "warehouse", "finance", "manager", "admin"},
}


@pytest.mark.parametrize("kind", CommandKind)
@pytest.mark.parametrize("role", Role)
def test_each_role_may_ask_for_what_the_design_says(kind: CommandKind, role: Role) -> None:
    assert (role in MAY[kind]) is (role in BY_HAND[kind])


def test_returndesk_itself_asks_for_nothing_and_finance_only_for_money_to_be_paid_or_its_own_tasks() -> None:
    """PrestaShop #24521, craftcms/commerce #188: who handles goods could refund."""
    assert not any(Role.SYSTEM in roles for roles in MAY.values())
    finance = {kind for kind, roles in MAY.items() if Role.FINANCE in roles}
    assert finance == {"refund-again", "paid-by-hand", "task-done"}
