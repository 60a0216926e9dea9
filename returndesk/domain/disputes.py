"""Disputes: the customer's bank takes a payment's money back, and decides later whose it is.

Money that a dispute holds cannot be refunded, and what was refunded of it is paid twice if the dispute is lost.
Statuses are the processor's own words (docs.stripe.com/api/disputes); one that is not known here is an open dispute.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

LOST: Final = "lost"
LET_GO: Final = frozenset({"won", "warning_closed", "prevented"})
"""Statuses with which a dispute is over, and the shop has its money."""

REFUSED_FOR_DISPUTE: Final = frozenset(
    {"charge_disputed", "refund_disputed_payment", "charge_for_pending_refund_disputed"}
)
"""Why a refund fails while its payment is disputed."""


@dataclass(frozen=True)
class Dispute:
    """A dispute as the processor shows it. `evidence_due_at`, UTC: by when the shop may answer, where it may.

    `is_refundable`: a mere inquiry, which a refund would settle.
    """

    id: str
    status: str
    amount_minor: int
    is_refundable: bool = False
    evidence_due_at: datetime | None = None

    @property
    def is_over(self) -> bool:
        """Whether the bank has decided."""
        return self.status == LOST or self.status in LET_GO

    @property
    def held_minor(self) -> int:
        """How much of the payment it keeps from being refunded, in minor units."""
        if self.status in LET_GO or (self.is_refundable and self.status != LOST):
            return 0
        return self.amount_minor
