"""What an open return waits for: at each stage one queue with an owner, and why clocks stand meanwhile."""

from dataclasses import dataclass
from datetime import datetime

from returndesk.domain.people import Role
from returndesk.domain.stages import Stage


@dataclass(frozen=True)
class NextStep:
    """What a return at a stage waits for: a queue with an owner. `due` says how the due time is found."""

    queue: str
    owner: Role
    due: str


AWAITING_GOODS = NextStep("awaiting_goods", Role.REP, "expiry")
"""Where a return stands while the customer is to send the goods."""
AWAITING_CUSTOMER = NextStep("awaiting_customer", Role.REP, "answer")
"""Where a return stands, at any stage, while the shop waits for an answer."""
ON_HOLD = NextStep("on_hold", Role.REP, "clock")
"""Where a return stands, at any stage, while somebody looks into it."""
AWAITING_DETAILS = NextStep("refunds", Role.FINANCE, "details")
"""Where a return stands while the processor waits for the customer's details."""
AWAITING_ANSWER = "awaiting_answer"
"""Why the clocks stand meanwhile."""
REFUND_DETAILS = "refund_details"
"""Why the refund clock stands while all that is left is what the processor asked of the customer (decision 0012)."""
HOLD_DAYS = 2
"""Business days in which somebody looks into what is on hold while no clock runs that would say when."""
ANSWER_DAYS = 5
"""Business days after which somebody asks the customer again."""

NEXT_STEP: dict[Stage, NextStep] = {
    Stage.REQUESTED: NextStep("authorizations", Role.REP, "clock"),
    Stage.AUTHORIZED: AWAITING_GOODS,
    Stage.RECEIVED: NextStep("inspections", Role.WAREHOUSE, "clock"),
    Stage.INSPECTED: NextStep("decisions", Role.REP, "clock"),
    Stage.DECIDED: NextStep("approvals", Role.MANAGER, "clock"),
    Stage.SETTLING: NextStep("refunds", Role.FINANCE, "clock"),
}
"""Every open return stands in exactly one of these queues (invariant 5)."""


def next_step(
    stage: Stage, on_hold_since: datetime | None, awaiting_answer_since: datetime | None
) -> NextStep | None:
    """What a return waits for; None where it has ended."""
    step = NEXT_STEP.get(stage)
    if step is None:
        return None
    if on_hold_since is not None:
        return ON_HOLD
    return step if awaiting_answer_since is None else AWAITING_CUSTOMER
