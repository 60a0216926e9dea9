"""Reasons: codes everywhere but in the words of the customer's language. Here, and only here, a code becomes a sentence."""

from collections.abc import Mapping
from typing import Final

REASON_SENTENCES: Final[Mapping[str, str]] = {
    # What the inspector saw (policy 5: "original condition and packaging").
    "condition_opened": "It had been opened; we can only take back what is in its original condition.",
    "condition_used": "We found signs of use; we can only take back what is in its original condition.",
    "condition_damaged": "We found damage; we can only take back what is in its original condition.",
    "condition_defective": "We found a fault.",
    "condition_original": "We could not accept it in the condition it came back in.",
    "packaging_original": "We could not accept it in the packaging it came back in.",
    "packaging_opened": "The packaging had been opened; we can only take back what is unopened.",
    "packaging_missing": "The original packaging was missing.",
    # What came, and what did not.
    "not_received": "It was not in the parcel that reached us.",
    "wrong_item": "What reached us is not what this order contained.",
    "claimed_elsewhere": "It belongs to another return of yours, and we count it there.",
    "lost": "It was lost on its way to us.",
    "arrived_unauthorized": "It reached us before we had agreed to take it back.",
    "arrived_unannounced": "It was not part of what you asked to return.",
    "arrived_after_decline": "We had told you that we cannot take it back.",
    "arrived_after_expiry": "It reached us after the time for sending it had passed.",
    "arrived_after_cancellation": "The return had been cancelled before it reached us.",
    # Whether it could come back at all.
    "window_passed": "The time for returning it had passed when you contacted us.",
    "delivery_unknown": "We do not know when it reached you, so a person has to look at the dates.",
    "final_sale": "It was sold as final sale, which cannot be returned.",
    "already_returned": "It has already been returned.",
    "more_than_ordered": "More of it was asked for than the order contained.",
    "unknown_line": "It is not part of this order.",
    "not_from_us": "It was not bought from us.",
    "made_to_order": "It was made to order, which cannot be returned.",
    "hygiene": "For reasons of hygiene it cannot be returned once it has been unsealed.",
}
"""What the customer reads for each coded reason: a whole sentence that stands beside the item's title."""

UNKNOWN_GOODS: Final = "Something that is not part of this order"
"""How goods are named to the customer that their order never had."""
