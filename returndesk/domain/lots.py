"""Lots: the unit of everything physical.

A lot has two orthogonal axes, where it is (`Reception`) and what was decided of it (`Acceptance`). A decision
settles the lots that are there to be decided; what comes later is decided later.
"""

from dataclasses import dataclass
from enum import StrEnum


class Reception(StrEnum):
    """Where the goods are."""

    AWAITING = "awaiting"
    IN_TRANSIT = "in_transit"
    RECEIVED = "received"
    SHORT_SHIPPED = "short_shipped"
    WRONG_ITEM = "wrong_item"
    LOST = "lost"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


class Arrival(StrEnum):
    """How goods came that are here. Of those the return did not wait for, a person decides."""

    EXPECTED = "expected"
    LATE = "late"
    UNAUTHORIZED = "arrived_unauthorized"
    UNANNOUNCED = "arrived_unannounced"
    AFTER_DECLINE = "arrived_after_decline"
    AFTER_EXPIRY = "arrived_after_expiry"
    AFTER_CANCELLATION = "arrived_after_cancellation"


class Condition(StrEnum):
    """What the inspector saw of the goods (policy 5)."""

    ORIGINAL = "original"
    OPENED = "opened"
    USED = "used"
    DAMAGED = "damaged"
    DEFECTIVE = "defective"


class Packaging(StrEnum):
    """What the inspector saw of the packaging (policy 5)."""

    ORIGINAL = "original"
    OPENED = "opened"
    MISSING = "missing"


class Acceptance(StrEnum):
    """What was decided of a lot."""

    PENDING = "pending"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    MANUAL_REVIEW = "manual_review"


class Disposition(StrEnum):
    """What becomes of the goods; its history is append-only."""

    RESTOCK = "restock"
    REFURBISH = "refurbish"
    SCRAP = "scrap"
    DONATE = "donate"
    RETURN_TO_CUSTOMER = "return_to_customer"
    HOLD = "hold"


class WayBack(StrEnum):
    """How rejected goods left the shop."""

    SENT_BACK = "sent_back"
    HANDED_OVER = "handed_over"
    SCRAPPED = "scrapped"


ON_THE_WAY = frozenset({Reception.AWAITING, Reception.IN_TRANSIT})
"""Receptions in which goods may still arrive."""
GIVEN_UP = frozenset({Reception.SHORT_SHIPPED, Reception.LOST, Reception.EXPIRED, Reception.CANCELLED})
"""Receptions of goods that were not waited for any more. Their units are free; the goods may come all the same."""
HERE = frozenset({Reception.RECEIVED, Reception.WRONG_ITEM})
"""Receptions of goods that the shop holds."""
TO_DECIDE = HERE | {Reception.SHORT_SHIPPED, Reception.LOST}
"""Receptions of which a decision tells the customer something."""
UNASKED = frozenset(
    {
        Arrival.UNAUTHORIZED,
        Arrival.UNANNOUNCED,
        Arrival.AFTER_DECLINE,
        Arrival.AFTER_EXPIRY,
        Arrival.AFTER_CANCELLATION,
    }
)
"""Arrivals that the rules alone never accept."""
NOT_ORDERED = "wrong_item"
CLAIMED_ELSEWHERE = "claimed_elsewhere"


@dataclass(frozen=True)
class Lot:
    """`quantity` units of one order line (or of none: `line` is None for goods that were not ordered).

    `decision` is the number of the decision that settled it; None while it is to be decided. `left` says how
    rejected goods went away again.
    """

    number: int
    line: int | None
    quantity: int
    reason: str | None = None
    reception: Reception = Reception.AWAITING
    condition: Condition | None = None
    packaging: Packaging | None = None
    acceptance: Acceptance = Acceptance.PENDING
    reasons: tuple[str, ...] = ()
    disposition: Disposition | None = None
    arrival: Arrival | None = None
    decision: int | None = None
    left: WayBack | None = None
    parent: int | None = None
    photos: tuple[str, ...] = ()

    @property
    def inspected(self) -> bool:
        """Whether condition and packaging are both recorded."""
        return self.condition is not None and self.packaging is not None

    @property
    def goes_back(self) -> bool:
        """Whether the shop holds it and owes it to the customer."""
        return (
            self.decision is not None
            and self.disposition is Disposition.RETURN_TO_CUSTOMER
            and self.left is None
        )
