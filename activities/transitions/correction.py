"""Correction and loss: goods that were recorded as here and are not, and goods that will not come."""

from dataclasses import replace

from activities.transitions.authorization import GOODS_IN_TRANSIT
from activities.transitions.facts import common, items_of, parcel_items, promised_by, title_of
from activities.transitions.refund_answers import tend_clock
from activities.transitions.shipment import LOOK_FOR_PARCEL
from returndesk.domain.clock import PROCESSING
from returndesk.domain.eligibility import judge
from returndesk.domain.inputs import CorrectionInput, LossInput
from returndesk.domain.lots import GIVEN_UP, ON_THE_WAY, TO_DECIDE, Lot, Reception
from returndesk.domain.notice_facts import NoticeItem
from returndesk.domain.notices import Corrected, Lost
from returndesk.domain.parcels import lose, unreceive
from returndesk.domain.stages import ENDED, Stage
from returndesk.store.cases import Case
from returndesk.store.decisions import newest_standing
from returndesk.store.units import release_units

WAIT_AGAIN_DAYS = 5
"""Business days the customer has at least, once they know that their parcel is not here after all."""


def correction(case: Case, asked: CorrectionInput) -> None:
    """Units recorded as received were not here: each is where it was before, and the customer is told."""
    gone: list[Lot] = []
    for item in asked.items:
        was = next((lot for lot in case.lots if lot.number == item.lot), None)
        case.lots, lot = unreceive(case.lots, item.lot, item.quantity, was_sent=case.row.sent_at is not None)
        if lot.reception is Reception.SHORT_SHIPPED:
            lot = _as_decided(case, lot)
        gone.append(lot)
        if was is not None and was.reception is Reception.WRONG_ITEM and was.number == lot.number:
            case.end_task(f"claimed_elsewhere_{lot.number}")
        was_claimed = was is not None and was.reception is Reception.RECEIVED
        if was_claimed and lot.reception in GIVEN_UP:
            assert lot.line is not None, "only wrong items have no order line"
            release_units(case.connection, case.row.order_reference, lot.line, lot.quantity)
    case.record(
        "corrected",
        lots=[[lot.number, lot.line, lot.quantity, lot.reception] for lot in gone],
        reason=asked.reason,
        note=asked.note,
    )
    _waits_again(case)
    items = tuple(NoticeItem(title=title_of(case, lot), quantity=lot.quantity) for lot in gone)
    here = tuple(item for item in parcel_items(case) if item.quantity)
    case.notice(
        Corrected(
            **common(case, items),
            corrected_at=case.now,
            here=here,
            processing_due_at=promised_by(case, PROCESSING) if here else None,
            send_by=case.row.expires_at if case.stage is Stage.AUTHORIZED else None,
        )
    )


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
