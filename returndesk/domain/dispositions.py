"""What becomes of goods after the first word on it: what was on hold is restocked or scrapped one day.

Rejected goods are their customer's still, and go their own way back.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from returndesk.domain.errors import InvalidInput, Refused
from returndesk.domain.lots import Acceptance, Disposition, Lot, Reception
from returndesk.domain.parcels import split


@dataclass(frozen=True)
class Disposed:
    """Units of a lot, and what becomes of them; `quantity` None: all of the lot."""

    lot: int
    disposition: Disposition
    quantity: int | None = None


def dispose(lots: Sequence[Lot], changes: Sequence[Disposed]) -> list[Lot]:
    """The lots after these changes; part of a lot gets a lot of its own.

    Raises `InvalidInput` (`lot_not_here`, `more_than_in_lot`) and `Refused` (`lot_rejected`).
    """
    result = list(lots)
    for change in changes:
        lot = next((x for x in result if x.number == change.lot), None)
        if lot is None or lot.reception is not Reception.RECEIVED:
            raise InvalidInput(
                "lot_not_here",
                f"Lot {change.lot} is not among the goods that were received. Nothing was changed. "
                "Name a lot of this return that is here.",
                field="items",
            )
        if lot.acceptance is Acceptance.REJECTED:
            raise Refused(
                "lot_rejected",
                f"Lot {change.lot} was rejected: it belongs to the customer. Nothing was changed.",
                [f"lot_rejected:lot {change.lot}"],
            )
        if change.quantity is not None and change.quantity > lot.quantity:
            raise InvalidInput(
                "more_than_in_lot",
                f"Lot {change.lot} has {lot.quantity} units, and more were named. Nothing was changed.",
                field="items",
            )
        result, part = split(result, lot.number, change.quantity or lot.quantity)
        changed = replace(part, disposition=change.disposition)
        result = [changed if x.number == part.number else x for x in result]
    return result
