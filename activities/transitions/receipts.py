"""Receipts: what a parcel held. The goods are here, so the clocks run again."""

from activities.transitions.authorization import GOODS_IN_TRANSIT
from activities.transitions.facts import by_line, common
from returndesk.domain.clock import PROCESSING
from returndesk.domain.inputs import ReceiptsInput
from returndesk.domain.lots import ON_THE_WAY, Arrived, Lot, Reception, receive
from returndesk.domain.notices import Received
from returndesk.store.cases import Case
from returndesk.store.units import release_units


def receipts(case: Case, asked: ReceiptsInput) -> None:
    """Record a parcel; what did not come and is not expected any more may be asked for again later."""
    before = {lot.number: lot for lot in case.lots}
    arrived = [Arrived(item.line, item.quantity) for item in asked.items]
    case.lots = receive(case.lots, arrived, more_expected=asked.more_expected)
    for lot in case.lots:
        was = before.get(lot.number)
        if lot.reception is Reception.SHORT_SHIPPED and (was is None or was.reception in ON_THE_WAY):
            assert lot.line is not None, "only goods of an order line are awaited"
            release_units(case.connection, case.row.order_reference, lot.line, lot.quantity)
    case.row.received_at = case.row.received_at or case.now
    case.resume_clocks(GOODS_IN_TRANSIT)
    case.record(
        "received",
        items=[[item.line, item.quantity] for item in asked.items],
        more_expected=asked.more_expected,
        note=asked.note,
    )
    case.notice(
        Received(
            **common(case, by_line(case, _arrived_units, with_expected=True)),
            received_at=case.now,
            processing_due_at=case.due_at(PROCESSING),
            more_expected=asked.more_expected,
        )
    )


def _arrived_units(lot: Lot) -> int:
    return lot.quantity if lot.reception is Reception.RECEIVED else 0
