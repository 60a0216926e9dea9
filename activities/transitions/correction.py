"""Correction and loss: receipts that were wrong about what is here or missing, and goods that will not come."""

from dataclasses import replace

from activities.transitions.authorization import GOODS_IN_TRANSIT
from activities.transitions.facts import common, items_of, parcel_items, promised_by, title_of
from activities.transitions.refund_answers import tend_clock
from activities.transitions.shipment import LOOK_FOR_PARCEL
from returndesk.domain.clock import PROCESSING
from returndesk.domain.eligibility import judge
from returndesk.domain.errors import InvalidInput
from returndesk.domain.lots import GIVEN_UP, HERE, ON_THE_WAY, TO_DECIDE, Lot, Reception
from returndesk.domain.notice_facts import NoticeItem
from returndesk.domain.notices import Corrected, Lost
from returndesk.domain.parcel_inputs import CorrectionInput, LossInput
from returndesk.domain.parcels import await_again, lose, unreceive
from returndesk.domain.stages import ENDED, Stage
from returndesk.store.cases import Case
from returndesk.store.decisions import newest_standing
from returndesk.store.units import claim_free_units, claim_units, release_units

WAIT_AGAIN_DAYS = 5
"""Business days the customer has at least, once they know that their parcel is not here after all."""


def correction(case: Case, asked: CorrectionInput) -> None:
    """A receipt was wrong: what it said of these units is undone, each is where it was before, and the customer is told.

    Where nothing of a line is here any more, what that receipt had counted as missing is waited for again too.
    """
    gone: list[Lot] = []
    again: list[Lot] = []
    for item in asked.items:
        missing = next((x for x in case.lots if x.number == item.lot and _is_missing(x)), None)
        if missing is None:
            gone.append(_not_here(case, item.lot, item.quantity))
        else:
            again.append(_not_missing(case, missing, item.quantity))
    again += _counted_with(case, gone)
    case.record(
        "corrected",
        lots=[[lot.number, lot.line, lot.quantity, lot.reception] for lot in [*gone, *again]],
        reason=asked.reason,
        note=asked.note,
    )
    _waits_again(case)
    here = tuple(item for item in parcel_items(case) if item.quantity)
    case.notice(
        Corrected(
            **common(case, _items(case, [*gone, *again])),
            corrected_at=case.now,
            noted_here=_items(case, gone) if again else None,
            waited_again=_items(case, again),
            here=here,
            processing_due_at=promised_by(case, PROCESSING) if here else None,
            send_by=case.row.expires_at if case.stage is Stage.AUTHORIZED else None,
        )
    )


def _items(case: Case, lots: list[Lot]) -> tuple[NoticeItem, ...]:
    """Units by what they are called."""
    units: dict[str, int] = {}
    for lot in lots:
        title = title_of(case, lot)
        units[title] = units.get(title, 0) + lot.quantity
    return tuple(NoticeItem(title=title, quantity=quantity) for title, quantity in units.items())


def _not_here(case: Case, number: int, quantity: int) -> Lot:
    """Units recorded as received were not here; those that nobody waits for are free again."""
    was = next((lot for lot in case.lots if lot.number == number), None)
    case.lots, lot = unreceive(case.lots, number, quantity, was_sent=case.row.sent_at is not None)
    if lot.reception is Reception.SHORT_SHIPPED:
        lot = _as_decided(case, lot)
    if was is not None and was.reception is Reception.WRONG_ITEM and was.number == lot.number:
        case.end_task(f"claimed_elsewhere_{lot.number}")
    was_claimed = was is not None and was.reception is Reception.RECEIVED
    if was_claimed and lot.reception in GIVEN_UP:
        assert lot.line is not None, "only wrong items have no order line"
        release_units(case.connection, case.row.order_reference, lot.line, lot.quantity)
    return lot


def _is_missing(lot: Lot) -> bool:
    return lot.reception is Reception.SHORT_SHIPPED


def _not_missing(case: Case, missing: Lot, quantity: int) -> Lot:
    """Units recorded as missing are waited for again. Raises `InvalidInput` where another return has them by now."""
    case.lots, lot = await_again(case.lots, missing.number, quantity, was_sent=case.row.sent_at is not None)
    assert lot.line is not None, "only goods of an order line are awaited"
    if not claim_units(case.connection, case.row.order_reference, lot.line, quantity):
        raise InvalidInput(
            "claimed_elsewhere",
            "These units are asked for in another return by now. Nothing was changed. If they are here, record that "
            "they came.",
            field="items",
        )
    return lot


def _counted_with(case: Case, gone: list[Lot]) -> list[Lot]:
    """What was counted as missing beside units that were not here either: nobody has counted it."""
    waited_for = {lot.line for lot in gone if lot.reception in ON_THE_WAY}
    here = {lot.line for lot in case.undecided if lot.reception in HERE}
    again = []
    for missing in [lot for lot in case.undecided if _is_missing(lot)]:
        assert missing.line is not None, "only goods of an order line are awaited"
        nobody_counted = bool(waited_for) and (missing.line in waited_for or not here)
        if nobody_counted and missing.line not in here:
            free = claim_free_units(case.connection, case.row.order_reference, missing.line, missing.quantity)
            if free:
                case.lots, lot = await_again(
                    case.lots, missing.number, free, was_sent=case.row.sent_at is not None
                )
                again.append(lot)
    return again


def _as_decided(case: Case, lot: Lot) -> Lot:
    """What had not come when it was decided is decided still: nobody has to say so again."""
    decision = newest_standing(case.connection, case.row.rma)
    if decision is None:
        return lot
    acceptance, reasons = judge(case.rules.policy, lot)
    decided = replace(lot, acceptance=acceptance, reasons=reasons, decision=decision)
    case.lots = [decided if x.number == lot.number else x for x in case.lots]
    return decided


def _waits_again(case: Case) -> None:
    """Where nothing is here any more, the clocks stand as they did before the parcel."""
    stage = case.stage
    if stage is Stage.AUTHORIZED:
        case.pause_clocks(GOODS_IN_TRANSIT, "customer")
        assert case.row.expires_at is not None, "authorized returns have a date"
        case.row.expires_at = max(case.row.expires_at, case.rules.calendar.add(case.now, WAIT_AGAIN_DAYS))
        case.row.looked_for_at = None
        if all(lot.reception is not Reception.AWAITING for lot in case.lots):
            case.row.reminder_at = None
    elif stage in ENDED:
        case.stop_clocks("corrected")
    elif all(lot.reception not in ON_THE_WAY | TO_DECIDE for lot in case.undecided):
        case.stop_clock(PROCESSING, "corrected")
        tend_clock(case, "corrected")


def loss(case: Case, asked: LossInput) -> None:
    """A parcel is lost, as far as anybody can tell: its units are free, and a person decides what it means.

    Who was told that it is looked for (`NotArrived`) was promised to hear what came of it.
    """
    before = {lot.number: lot for lot in case.lots}
    case.lots = lose(case.lots)
    lost = [lot for lot in case.lots if lot != before[lot.number]]
    for lot in lost:
        assert lot.line is not None, "only goods of an order line are sent"
        release_units(case.connection, case.row.order_reference, lot.line, lot.quantity)
    rest_is_awaited = case.stage is Stage.AUTHORIZED
    if not rest_is_awaited:
        case.resume_clocks(GOODS_IN_TRANSIT)
    case.end_task(LOOK_FOR_PARCEL)
    case.record("lost", lots=[[lot.number, lot.line, lot.quantity] for lot in lost], note=asked.note)
    due_at = None if rest_is_awaited else promised_by(case, PROCESSING)
    case.notice(Lost(**common(case, items_of(case, lost)), processing_due_at=due_at))
