"""What happens to lots: sent, lost, received, inspected, corrected. No event ever makes or loses a unit.

Events split lots: the remainder keeps its number, the part that something happened to gets a new one.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from returndesk.domain.errors import InvalidInput
from returndesk.domain.lots import (
    CLAIMED_ELSEWHERE,
    GIVEN_UP,
    HERE,
    NOT_ORDERED,
    ON_THE_WAY,
    Acceptance,
    Arrival,
    Condition,
    Disposition,
    Lot,
    Packaging,
    Reception,
)

_AFTER = {
    Reception.SHORT_SHIPPED: Arrival.LATE,
    Reception.LOST: Arrival.LATE,
    Reception.EXPIRED: Arrival.AFTER_EXPIRY,
}


@dataclass(frozen=True)
class Packed:
    """Units of one line in one parcel."""

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


Claim = Callable[[int, int], int]
"""Claims up to so many more units of an order line; answers how many were free."""
Change = Callable[[Lot], Lot]


def split(lots: Sequence[Lot], number: int, quantity: int) -> tuple[list[Lot], Lot]:
    """The lots with `quantity` units of lot `number` in a lot of their own, and that lot.

    The remainder keeps its number; the part taken gets a new one, unless all of it was taken.
    """
    whole = next(lot for lot in lots if lot.number == number)
    if quantity == whole.quantity:
        return list(lots), whole
    if not 0 < quantity < whole.quantity:
        raise ValueError(f"lot {number} has {whole.quantity} units, {quantity} cannot be taken")
    part = replace(whole, number=_next_number(lots), quantity=quantity, parent=whole.number)
    rest = replace(whole, quantity=whole.quantity - quantity)
    return [rest if lot.number == number else lot for lot in lots] + [part], part


def _next_number(lots: Sequence[Lot]) -> int:
    return max((lot.number for lot in lots), default=0) + 1


def _replaced(lots: Sequence[Lot], changed: Lot) -> list[Lot]:
    return [changed if lot.number == changed.number else lot for lot in lots]


def _change_units(
    lots: Sequence[Lot], line: int, quantity: int, which: Callable[[Lot], bool], change: Change
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


def receive(
    lots: Sequence[Lot],
    arrived: Sequence[Packed],
    *,
    more_expected: bool,
    claim: Claim,
    expected: Arrival = Arrival.EXPECTED,
    cancelled: Arrival = Arrival.AFTER_CANCELLATION,
    expired: Arrival = Arrival.AFTER_EXPIRY,
) -> list[Lot]:
    """The lots after a parcel. What did not come and is not expected any more is short-shipped.

    Units that were sent come first, then those that were waited for, then lost ones that were paid for, then those that had
    been given up and those nobody announced, as many as `claim` finds free. The rest belongs to another return: it is here,
    and not this return's to give back. `expected`, `cancelled` and `expired` say how such units count as arrived.
    """
    result, after = list(lots), {**_AFTER, Reception.CANCELLED: cancelled, Reception.EXPIRED: expired}
    for parcel in arrived:
        result, left = _change_units(
            result, parcel.line, parcel.quantity, _was_sent, lambda lot: _received(lot, expected)
        )
        result, left = _change_units(
            result, parcel.line, left, _is_awaited, lambda lot: _received(lot, expected)
        )
        result, left = _change_units(result, parcel.line, left, _was_paid_for, _found)
        free = claim(parcel.line, left) if left else 0
        left -= free
        result, unknown = _change_units(
            result, parcel.line, free, _was_given_up, lambda lot: _received(lot, after[lot.reception])
        )
        if unknown:
            result.append(
                Lot(
                    _next_number(result), parcel.line, unknown,
                    reception=Reception.RECEIVED, arrival=Arrival.UNANNOUNCED,
                )
            )  # fmt: skip
        if left:
            result.append(_not_ours(result, parcel.line, left, CLAIMED_ELSEWHERE))
    if more_expected:
        return result
    return [replace(x, reception=Reception.SHORT_SHIPPED) if _is_awaited(x) else x for x in result]


def add_wrong_items(lots: Sequence[Lot], quantity: int) -> list[Lot]:
    """The lots with goods that this order never had."""
    return [*lots, _not_ours(lots, None, quantity, NOT_ORDERED)]


def _not_ours(lots: Sequence[Lot], line: int | None, quantity: int, reason: str) -> Lot:
    return Lot(
        _next_number(lots), line, quantity,
        reception=Reception.WRONG_ITEM, arrival=Arrival.UNANNOUNCED, reasons=(reason,),
    )  # fmt: skip


def _is_awaited(lot: Lot) -> bool:
    return lot.reception in ON_THE_WAY


def _was_sent(lot: Lot) -> bool:
    return lot.reception is Reception.IN_TRANSIT


def _was_paid_for(lot: Lot) -> bool:
    return lot.reception is Reception.LOST and lot.acceptance is Acceptance.ACCEPTED


def _was_given_up(lot: Lot) -> bool:
    return lot.reception in GIVEN_UP


def _received(lot: Lot, arrival: Arrival) -> Lot:
    return replace(
        lot,
        reception=Reception.RECEIVED,
        arrival=arrival,
        acceptance=Acceptance.PENDING,
        reasons=(),
        decision=None,
    )


def _found(lot: Lot) -> Lot:
    """The customer has the money for it: nothing is decided again, and somebody sees to the goods."""
    return replace(lot, reception=Reception.RECEIVED, arrival=Arrival.LATE, disposition=Disposition.HOLD)


def send(lots: Sequence[Lot], sent: Sequence[Packed]) -> list[Lot]:
    """The lots after the customer sent some; none named means all that are still awaited.

    Raises `InvalidInput` (`more_than_awaited`) when a line has fewer units to be sent than were, and
    (`nothing_awaited`) when nothing is waited for that was not sent.
    """
    if all(lot.reception is not Reception.AWAITING for lot in lots):
        raise InvalidInput(
            "nothing_awaited", "Nothing is waited for that was not sent or received. Nothing was changed."
        )
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


def lose(lots: Sequence[Lot]) -> list[Lot]:
    """The lots once a parcel is known to be lost.

    Raises `InvalidInput` (`nothing_in_transit`) where none is on its way.
    """
    if all(lot.reception is not Reception.IN_TRANSIT for lot in lots):
        raise InvalidInput(
            "nothing_in_transit",
            "Nothing of this return is known to be on its way. Record its sending first. Nothing was changed.",
        )
    return [replace(x, reception=Reception.LOST) if x.reception is Reception.IN_TRANSIT else x for x in lots]


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


_BEFORE_IT_CAME = {
    Arrival.EXPECTED: Reception.AWAITING,
    Arrival.UNAUTHORIZED: Reception.AWAITING,
    Arrival.LATE: Reception.SHORT_SHIPPED,
    Arrival.AFTER_EXPIRY: Reception.EXPIRED,
    Arrival.AFTER_DECLINE: Reception.CANCELLED,
    Arrival.AFTER_CANCELLATION: Reception.CANCELLED,
    Arrival.UNANNOUNCED: Reception.CANCELLED,
}


def unreceive(
    lots: Sequence[Lot], number: int, quantity: int, *, was_sent: bool = False
) -> tuple[list[Lot], Lot]:
    """The lots when units recorded as received were not here, each back where it was; and the lot of those units.

    `was_sent`: the customer has proven that what was expected is on its way.
    Raises `InvalidInput`: `unknown_lot`, `already_decided`, `more_than_received`.
    """
    lot = next((x for x in lots if x.number == number and x.reception in HERE), None)
    if lot is None:
        raise InvalidInput(
            "unknown_lot",
            f"Lot {number} is neither here nor missing, so there is nothing to correct. Nothing was changed.",
            field="items",
        )
    if lot.decision is not None:
        raise InvalidInput(
            "already_decided",
            f"Lot {number} is decided already, and the customer was told. Nothing was changed.",
            field="items",
        )
    if quantity > lot.quantity:
        raise InvalidInput(
            "more_than_received",
            f"Lot {number} has {lot.quantity} units. Nothing was changed.",
            field="items",
        )
    assert lot.arrival is not None, "what is here has arrived"
    result, part = split(lots, number, quantity)
    was = Reception.CANCELLED if lot.reception is Reception.WRONG_ITEM else _BEFORE_IT_CAME[lot.arrival]
    if was is Reception.AWAITING and was_sent:
        was = Reception.IN_TRANSIT
    gone = replace(
        part, reception=was, arrival=None, condition=None, packaging=None, disposition=None,
        acceptance=Acceptance.PENDING, reasons=(), photos=(),
    )  # fmt: skip
    return _replaced(result, gone), gone


def await_again(
    lots: Sequence[Lot], number: int, quantity: int, *, was_sent: bool = False
) -> tuple[list[Lot], Lot]:
    """The lots when units recorded as missing were counted wrong: they are waited for again. And the lot of those units.

    `was_sent` as in `unreceive`. Whoever asks claims the units first: what is missing is free.
    Raises `InvalidInput`: `already_decided`, `more_than_missing`.
    """
    lot = next(x for x in lots if x.number == number and x.reception is Reception.SHORT_SHIPPED)
    if lot.decision is not None:
        raise InvalidInput(
            "already_decided",
            "It was decided without these units, and the customer was told. Nothing was changed. If they are here, "
            "record that they came.",
            field="items",
        )
    if quantity > lot.quantity:
        raise InvalidInput(
            "more_than_missing",
            f"Only {lot.quantity} of these are missing. Nothing was changed.",
            field="items",
        )
    result, part = split(lots, number, quantity)
    again = replace(
        part, reception=Reception.IN_TRANSIT if was_sent else Reception.AWAITING,
        acceptance=Acceptance.PENDING, reasons=(),
    )  # fmt: skip
    return _replaced(result, again), again
