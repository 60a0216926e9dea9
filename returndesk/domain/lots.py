"""Lots: the unit of everything physical. Events split lots; no split ever makes or loses a unit.

A lot has two orthogonal axes, where it is (`Reception`) and what was decided of it (`Acceptance`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial

from returndesk.domain.errors import InvalidInput


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


ON_THE_WAY = frozenset({Reception.AWAITING, Reception.IN_TRANSIT})
"""Receptions in which goods may still arrive."""


@dataclass(frozen=True)
class Lot:
    """`quantity` units of one order line (or of none: `line` is None for goods that were not ordered)."""

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
    parent: int | None = None
    photos: tuple[str, ...] = ()

    @property
    def inspected(self) -> bool:
        """Whether condition and packaging are both recorded."""
        return self.condition is not None and self.packaging is not None


@dataclass(frozen=True)
class Arrived:
    """Units of one line that a parcel held."""

    line: int
    quantity: int


@dataclass(frozen=True)
class Finding:
    """What an inspector saw of `quantity` units of one line."""

    line: int
    quantity: int
    condition: Condition
    packaging: Packaging
    disposition: Disposition | None = None
    photos: tuple[str, ...] = ()


def split(lots: Sequence[Lot], number: int, quantity: int) -> tuple[list[Lot], Lot]:
    """The lots with `quantity` units of lot `number` in a lot of their own, and that lot.

    The remainder keeps its number; the part taken gets a new one, unless all of it was taken.
    """
    whole = next(lot for lot in lots if lot.number == number)
    if quantity == whole.quantity:
        return list(lots), whole
    if not 0 < quantity < whole.quantity:
        raise ValueError(f"lot {number} has {whole.quantity} units, {quantity} cannot be taken")
    part = replace(whole, number=max(lot.number for lot in lots) + 1, quantity=quantity, parent=whole.number)
    rest = replace(whole, quantity=whole.quantity - quantity)
    return [rest if lot.number == number else lot for lot in lots] + [part], part


def _replaced(lots: Sequence[Lot], changed: Lot) -> list[Lot]:
    return [changed if lot.number == changed.number else lot for lot in lots]


def _change_units(
    lots: Sequence[Lot], line: int, quantity: int, which: Callable[[Lot], bool], change: Callable[[Lot], Lot]
) -> tuple[list[Lot], int]:
    """The lots with so many units of a line changed, split where need be; and how many units were not there."""
    result, left = list(lots), quantity
    for lot in [x for x in lots if x.line == line and which(x)]:
        taken = min(left, lot.quantity)
        if taken == 0:
            break
        result, part = split(result, lot.number, taken)
        result = _replaced(result, change(part))
        left -= taken
    return result, left


def receive(lots: Sequence[Lot], arrived: Sequence[Arrived], *, more_expected: bool) -> list[Lot]:
    """The lots after a parcel. What did not come and is not expected any more is short-shipped.

    Raises `InvalidInput` (`more_than_requested`) when a line has fewer units on the way than arrived.
    """
    result = list(lots)
    for arrival in arrived:
        result, left = _change_units(
            result,
            arrival.line,
            arrival.quantity,
            lambda lot: lot.reception in ON_THE_WAY,
            lambda part: replace(part, reception=Reception.RECEIVED),
        )
        if left:
            raise InvalidInput(
                "more_than_requested",
                f"Line {arrival.line}: {left} more arrived than this return has on the way. "
                "Record what was requested, and set the rest aside for the rep.",
                field="items",
            )
    if more_expected:
        return result
    return [replace(x, reception=Reception.SHORT_SHIPPED) if x.reception in ON_THE_WAY else x for x in result]


def send(lots: Sequence[Lot], sent: Sequence[Arrived]) -> list[Lot]:
    """The lots after the customer sent some; none named means all that are still awaited.

    Raises `InvalidInput` (`more_than_awaited`) when a line has fewer units to be sent than were.
    """
    if not sent:
        return [
            replace(x, reception=Reception.IN_TRANSIT) if x.reception is Reception.AWAITING else x
            for x in lots
        ]
    result = list(lots)
    for parcel in sent:
        result, left = _change_units(
            result,
            parcel.line,
            parcel.quantity,
            lambda lot: lot.reception is Reception.AWAITING,
            lambda part: replace(part, reception=Reception.IN_TRANSIT),
        )
        if left:
            raise InvalidInput(
                "more_than_awaited",
                f"Line {parcel.line}: {left} more were sent than this return still waits for. "
                "Nothing was changed. Record what was asked for.",
                field="items",
            )
    return result


def _seen(finding: Finding, lot: Lot) -> Lot:
    return replace(
        lot,
        condition=finding.condition,
        packaging=finding.packaging,
        disposition=finding.disposition or lot.disposition,
        photos=tuple(dict.fromkeys(lot.photos + finding.photos)),
    )


def inspect(lots: Sequence[Lot], findings: Sequence[Finding]) -> list[Lot]:
    """The lots after an inspection; mixed grades in one line split it.

    Raises `InvalidInput` (`more_than_received`) when a line has fewer uninspected units than were found.
    """
    result = list(lots)
    for finding in findings:
        result, left = _change_units(
            result,
            finding.line,
            finding.quantity,
            lambda lot: lot.reception is Reception.RECEIVED and not lot.inspected,
            partial(_seen, finding),
        )
        if left:
            raise InvalidInput(
                "more_than_received",
                f"Line {finding.line}: {left} more inspected than are waiting for it. "
                "Record the receipt of the others first.",
                field="items",
            )
    return result
