"""Decline and cancellation: a return that ends before its goods were here. Its units may be asked for again."""

from dataclasses import replace

from activities.transitions.facts import common
from returndesk.domain.clock import PROCESSING
from returndesk.domain.inputs import CancellationInput, DeclineInput
from returndesk.domain.lots import ON_THE_WAY, Acceptance, Reception
from returndesk.domain.notice_facts import NoticeItem
from returndesk.domain.notices import Cancelled, Rejected
from returndesk.store.cases import Case
from returndesk.store.units import release_units


def decline(case: Case, asked: DeclineInput) -> None:
    """The shop's no, before anything was sent. The customer is told every reason."""
    reasons = tuple(asked.reasons)
    let_go(case, Reception.CANCELLED)
    case.lots = [replace(lot, acceptance=Acceptance.REJECTED, reasons=reasons) for lot in case.lots]
    case.row.declined_at = case.now
    was_late = case.clocks[PROCESSING].breached
    case.stop_clocks("declined")
    case.record("declined", reasons=list(reasons), note=asked.note)
    told = common(case)
    items = tuple(_refused(item, reasons) for item in told["items"])
    case.notice(Rejected(**common(case, items), decided_at=case.now, is_late=was_late, goods_arrived=False))


def cancellation(case: Case, asked: CancellationInput) -> None:
    """The customer keeps the goods. A parcel that comes all the same is the warehouse's to ask about."""
    let_go(case, Reception.CANCELLED)
    case.row.cancelled_at = case.now
    case.stop_clocks("cancelled")
    case.record("cancelled", note=asked.note)
    may_be_sent = case.row.authorized_at is not None
    case.notice(Cancelled(**common(case), cancelled_at=case.now, may_be_sent=may_be_sent))


def let_go(case: Case, reception: Reception) -> None:
    """Goods that were awaited will not come: other returns may have their units."""
    for at, lot in enumerate(case.lots):
        if lot.reception in ON_THE_WAY and lot.line is not None:
            release_units(case.connection, case.row.order_reference, lot.line, lot.quantity)
            case.lots[at] = replace(lot, reception=reception)


def _refused(item: NoticeItem, reasons: tuple[str, ...]) -> NoticeItem:
    return NoticeItem(title=item.title, quantity=item.quantity, verdict=Acceptance.REJECTED, reasons=reasons)
