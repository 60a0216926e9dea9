"""Decline and cancellation: a return that ends before its goods were here. Its units may be asked for again."""

from dataclasses import replace

from activities.transitions.authorization import GOODS_IN_TRANSIT
from activities.transitions.facts import common, items_of, not_on_hold
from activities.transitions.shipment import LOOK_FOR_PARCEL
from returndesk.domain.clock import PROCESSING
from returndesk.domain.eligibility import Answer
from returndesk.domain.errors import Refused
from returndesk.domain.inputs import CancellationInput, DeclineInput, DeclineReason
from returndesk.domain.lots import ON_THE_WAY, Acceptance, Lot, Reception
from returndesk.domain.notice_facts import NoticeItem
from returndesk.domain.notices import Cancelled, Rejected
from returndesk.domain.stages import ENDED
from returndesk.store.cases import Case
from returndesk.store.eligibility import contradicted
from returndesk.store.units import release_units

_NOT_SO = {
    DeclineReason.WINDOW_PASSED: "it was asked for in time",
    DeclineReason.FINAL_SALE: "none of it was sold as final sale",
}
"""What the rules say of a reason that they contradict."""


def decline(case: Case, asked: DeclineInput) -> None:
    """The shop's no, before anything was sent. The customer is told every reason.

    One that the shop's own rules contradict would be untrue: it is given only by who says so, and stays theirs.
    """
    not_on_hold(case)
    reasons = tuple(asked.reasons)
    denied = contradicted(case) if _NOT_SO.keys() & set(reasons) else frozenset()
    untrue = [reason for reason in reasons if reason in denied]
    if untrue and not asked.despite_rules:
        raise Refused(
            "contradicts_rules",
            "By the shop's own rules this is not so, and the customer would be told it: "
            f"{', '.join(_NOT_SO[reason] for reason in untrue)}. Nothing was changed. Choose another reason, or say "
            "that you know and decline all the same.",
            [str(reason) for reason in untrue],
        )
    gone = let_go(case, Reception.CANCELLED)
    for lot in gone:
        _put(case, replace(lot, acceptance=Acceptance.REJECTED, reasons=reasons))
    case.row.declined_at = case.now
    was_late = case.clocks[PROCESSING].breached
    case.stop_clocks("declined")
    if untrue:
        lots = [[lot.number, Answer.ELIGIBLE, reason] for lot in gone for reason in untrue]
        case.record("overruled", lots=lots, note=asked.note)
    case.record("declined", reasons=list(reasons), note=asked.note)
    items = tuple(_refused(item, reasons) for item in items_of(case, gone))
    case.notice(Rejected(**common(case, items), decided_at=case.now, is_late=was_late, goods_arrived=False))


def cancellation(case: Case, asked: CancellationInput) -> None:
    """The customer keeps the goods. A parcel that comes all the same is the warehouse's to ask about."""
    gone = let_go(case, Reception.CANCELLED)
    case.end_task(LOOK_FOR_PARCEL)
    case.row.cancelled_at = case.now
    stop_clocks_at_end(case, "cancelled")
    case.record("cancelled", note=asked.note)
    may_be_sent = case.row.authorized_at is not None
    case.notice(
        Cancelled(**common(case, items_of(case, gone)), cancelled_at=case.now, may_be_sent=may_be_sent)
    )


def let_go(case: Case, reception: Reception) -> list[Lot]:
    """Goods that were awaited, or missed in a parcel that was not here, will not come: other returns may have their
    units. The lots that were let go.
    """
    gone = []
    for lot in case.undecided:
        if lot.reception in ON_THE_WAY and lot.line is not None:
            release_units(case.connection, case.row.order_reference, lot.line, lot.quantity)
        elif lot.reception is not Reception.SHORT_SHIPPED:
            continue
        gone.append(replace(lot, reception=reception))
        _put(case, gone[-1])
    return gone


def stop_clocks_at_end(case: Case, reason: str) -> None:
    """Nothing is owed any more; but where a parcel was lost, somebody has to say what that means, and in time."""
    if case.stage in ENDED:
        case.stop_clocks(reason)
    else:
        case.resume_clocks(GOODS_IN_TRANSIT)


def _put(case: Case, lot: Lot) -> None:
    case.lots = [lot if x.number == lot.number else x for x in case.lots]


def _refused(item: NoticeItem, reasons: tuple[str, ...]) -> NoticeItem:
    return NoticeItem(title=item.title, quantity=item.quantity, verdict=Acceptance.REJECTED, reasons=reasons)
