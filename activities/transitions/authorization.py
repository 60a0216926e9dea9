"""Authorization: the shop's yes. From here it is the customer's turn, so both clocks wait for the goods."""

from datetime import datetime, timedelta

from activities.transitions.facts import common, days_left, not_on_hold
from activities.transitions.talk import goes_on
from returndesk.domain.clock import PROCESSING, REFUND
from returndesk.domain.inputs import AuthorizationInput
from returndesk.domain.notices import Authorized
from returndesk.store.cases import Case

GOODS_IN_TRANSIT = "goods_in_transit"


def authorization(case: Case, asked: AuthorizationInput) -> None:
    """A rep says yes to a request that waited."""
    not_on_hold(case)
    authorize(case, note=asked.note)


def authorize(case: Case, note: str | None = None, asked_at: datetime | None = None) -> None:
    """Mail the instructions with the slip, and give the goods their time to come back.

    `asked_at`: when the customer asked, where no other mail has told them that we know.
    """
    goes_on(case)
    rules, row = case.rules.policy.returns, case.row
    row.authorized_at = case.now
    row.reminder_at = case.now + timedelta(days=rules.reminder_after_days)
    row.expires_at = case.now + timedelta(days=rules.expiry_after_days)
    decision_days, refund_days = days_left(case, PROCESSING), days_left(case, REFUND)
    case.pause_clocks(GOODS_IN_TRANSIT, "customer")
    case.record(
        "authorized", send_by=row.expires_at.isoformat(), note=note, looked_at=row.needs_person or None
    )
    case.notice(
        Authorized(
            **common(case),
            send_by=row.expires_at,
            decision_days=decision_days,
            refund_days=refund_days,
            asked_at=asked_at,
        )
    )
