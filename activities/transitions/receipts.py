"""Receipts: what a parcel held. The goods are here, so the clocks run again; also those of a return that had ended.

A parcel comes when it comes: before the yes, twice, late, with too much or too little in it. All of it is recorded.
"""

from datetime import datetime
from functools import partial

from activities.transitions.authorization import GOODS_IN_TRANSIT
from activities.transitions.facts import common, parcel_items, promised_by
from activities.transitions.shipment import LOOK_FOR_PARCEL
from returndesk.domain.clock import PROCESSING, REFUND
from returndesk.domain.errors import InvalidInput
from returndesk.domain.lots import CLAIMED_ELSEWHERE, HERE, ON_THE_WAY, Arrival, Lot, Reception
from returndesk.domain.notices import Received
from returndesk.domain.parcel_inputs import PackedItem, ReceiptsInput
from returndesk.domain.parcels import Packed, add_wrong_items, receive
from returndesk.domain.people import Role
from returndesk.domain.stages import ENDED
from returndesk.store.cases import Case
from returndesk.store.units import claim_free_units, order_terms, release_units

LOOK_INTO_DAYS = 1
"""Business days a rep has to find out whose goods are in a parcel, and the warehouse what becomes of those it found."""


def receipts(case: Case, asked: ReceiptsInput) -> None:
    """Record a parcel; what did not come and is not expected any more may be asked for again later."""
    received_at = _received_at(case, asked)
    before = {lot.number: lot for lot in case.lots}
    case.lots = receive(
        case.lots,
        _packed(case, asked.items),
        more_expected=asked.more_expected,
        claim=partial(claim_free_units, case.connection, case.row.order_reference),
        expected=_if_awaited(case),
        cancelled=_if_cancelled(case, received_at),
        expired=_if_expired(case, received_at),
    )
    for other in asked.wrong_items:
        case.lots = add_wrong_items(case.lots, other.quantity)
    changed = [lot for lot in case.lots if lot != before.get(lot.number)]
    for lot in changed:
        _free_or_ask(case, lot, before.get(lot.number))
    case.row.received_at = min(case.row.received_at or received_at, received_at)
    case.resume_clocks(GOODS_IN_TRANSIT, received_at)
    if case.row.looked_for_at is not None and all(x.reception is not Reception.IN_TRANSIT for x in case.lots):
        case.end_task(LOOK_FOR_PARCEL)
    case.record(
        "received",
        items=[[item.line, item.quantity] for item in asked.items],
        wrong_items=[[item.quantity, item.note] for item in asked.wrong_items] or None,
        arrivals=_unexpected(changed) or None,
        more_expected=asked.more_expected,
        received_at=received_at.isoformat() if asked.received_at else None,
        note=asked.note,
    )
    items, is_settled = parcel_items(case), case.row.decided_at is not None or case.stage in ENDED
    if not items or (is_settled and not any(lot.decision is None for lot in changed)):
        return  # an empty box for a return that has ended, or only what was paid for has turned up
    case.restart_clock(PROCESSING, "goods_arrived", received_at)
    case.restart_clock(REFUND, "goods_arrived", received_at)
    case.notice(
        Received(
            **common(case, items),
            received_at=received_at,
            processing_due_at=promised_by(case, PROCESSING),
            more_expected=asked.more_expected,
        )
    )


def _received_at(case: Case, asked: ReceiptsInput) -> datetime:
    """When the parcel came. Raises `InvalidInput` (`received_before_order`) for a time before anything was sold."""
    if asked.received_at is None:
        return case.now
    order = order_terms(case.connection, case.row.order_reference)
    assert order is not None, "a return keeps its order"
    if asked.received_at < order.ordered_at:
        raise InvalidInput(
            "received_before_order",
            "It cannot have been received before it was ordered. Nothing was changed. Give when it was received.",
            "received_at",
        )
    return min(asked.received_at, case.now)


def _if_awaited(case: Case) -> Arrival:
    return Arrival.EXPECTED if case.row.authorized_at is not None else Arrival.UNAUTHORIZED


def _if_cancelled(case: Case, received_at: datetime) -> Arrival:
    """How units arrive that count as cancelled: also those that nobody announced, and that were corrected away.

    What came before that, and was recorded only now, was awaited.
    """
    row = case.row
    ended_at = row.declined_at or row.cancelled_at
    if ended_at is None:
        return Arrival.UNANNOUNCED
    if received_at < ended_at:
        return _if_awaited(case)
    return Arrival.AFTER_DECLINE if row.declined_at is not None else Arrival.AFTER_CANCELLATION


def _if_expired(case: Case, received_at: datetime) -> Arrival:
    """How units arrive that are not waited for any more: what came while they were, and was recorded only now, was awaited."""
    is_before = case.row.expired_at is not None and received_at < case.row.expired_at
    return _if_awaited(case) if is_before else Arrival.AFTER_EXPIRY


def _packed(case: Case, items: tuple[PackedItem, ...]) -> list[Packed]:
    """What was in the parcel. Raises `InvalidInput` (`unknown_line`) for a line the order does not have."""
    lines = {line.line for line in case.order_lines}
    for item in items:
        if item.line not in lines:
            raise InvalidInput(
                "unknown_line",
                f"The order has no line {item.line}. Nothing was changed. "
                "Record goods that it never had under wrong_items.",
                field="items",
            )
    return [Packed(item.line, item.quantity) for item in items]


def _free_or_ask(case: Case, lot: Lot, was: Lot | None) -> None:
    if lot.reception is Reception.SHORT_SHIPPED and (was is None or was.reception in ON_THE_WAY):
        assert lot.line is not None, "only goods of an order line are awaited"
        release_units(case.connection, case.row.order_reference, lot.line, lot.quantity)
    elif lot.reasons == (CLAIMED_ELSEWHERE,) and was is None:
        due_at = case.rules.calendar.add(case.now, LOOK_INTO_DAYS)
        case.task(
            "claimed_elsewhere", f"claimed_elsewhere_{lot.number}", Role.REP, due_at,
            line=lot.line, quantity=lot.quantity,
        )  # fmt: skip
    elif lot.decision is not None:  # lost, paid for, and here after all
        due_at = case.rules.calendar.add(case.now, LOOK_INTO_DAYS)
        case.task(
            "found_goods", f"found_{lot.number}", Role.WAREHOUSE, due_at, line=lot.line, quantity=lot.quantity
        )


def _unexpected(changed: list[Lot]) -> list[list[object]]:
    return [
        [lot.number, lot.line, lot.quantity, lot.arrival]
        for lot in changed
        if lot.reception in HERE and lot.arrival is not Arrival.EXPECTED
    ]
