"""What a settlement would pay, and on which payments: counted as a decision counts it, and nothing written."""

from collections.abc import Sequence
from dataclasses import replace

from pydantic import BaseModel
from sqlalchemy import Connection

from returndesk.domain.deciding import verdicts
from returndesk.domain.inputs import DecidedItem
from returndesk.domain.lots import ON_THE_WAY, Acceptance, Condition, Lot, Packaging, Reception
from returndesk.domain.policy import Policy
from returndesk.domain.settlement import PaymentRoom, settle, share_out
from returndesk.store.cases import Case
from returndesk.store.payments import refundable
from returndesk.store.units import OrderTerms, SoldLine, order_terms


class ShareView(BaseModel):
    """One refund of a settlement; `label` is how the customer knows the payment."""

    label: str | None
    amount_minor: int


class PreviewView(BaseModel):
    """What would go back, in minor units of `currency`."""

    currency: str
    goods_minor: int
    goods_tax_minor: int
    shipping_minor: int
    shipping_tax_minor: int
    total_minor: int
    refunds: list[ShareView]
    owed_without_refund_minor: int


def settlement_preview(
    connection: Connection,
    policy: Policy,
    order: OrderTerms,
    lines: Sequence[SoldLine],
    lots: Sequence[Lot],
) -> PreviewView:
    """What these lots would pay back now, by their acceptance."""
    amounts = settle(policy, lots, [line.worth for line in lines], order.shipping_worth)
    payments = {x.id: x for x in refundable(connection, order.reference, order.currency)}
    shares, left = share_out(
        amounts.total_minor, [PaymentRoom(x.id, x.room_minor) for x in payments.values()]
    )
    return PreviewView(
        currency=order.currency,
        goods_minor=amounts.goods_minor,
        goods_tax_minor=amounts.goods_tax_minor,
        shipping_minor=amounts.shipping_minor,
        shipping_tax_minor=amounts.shipping_tax_minor,
        total_minor=amounts.total_minor,
        refunds=[
            ShareView(label=payments[share.payment_id].label, amount_minor=share.amount_minor)
            for share in shares
        ],
        owed_without_refund_minor=left,
    )


def expected_preview(case: Case) -> PreviewView | None:
    """What a return would pay if all that is still to be seen comes, as it was sold; None where nothing is to come."""
    of_order = [lot for lot in case.undecided if lot.line is not None]
    unseen = [
        replace(
            lot,
            reception=Reception.RECEIVED,
            condition=Condition.ORIGINAL,
            packaging=Packaging.ORIGINAL,
            acceptance=Acceptance.ACCEPTED,
        )
        for lot in of_order
        if lot.reception in ON_THE_WAY or (lot.reception is Reception.RECEIVED and not lot.inspected)
    ]
    seen = [lot for lot in of_order if lot.inspected and lot.acceptance is Acceptance.ACCEPTED]
    lots = unseen and [*unseen, *seen]
    order = order_terms(case.connection, case.row.order_reference)
    assert order is not None, "a return keeps its order"
    if not lots:
        return None
    return settlement_preview(case.connection, case.rules.policy, order, case.order_lines, lots)


def decision_preview(case: Case, items: Sequence[DecidedItem]) -> PreviewView:
    """What a decision would pay back if it were made now. Raises what the decision would."""
    said = verdicts(case.rules.policy, case.lots, items)
    order = order_terms(case.connection, case.row.order_reference)
    assert order is not None, "a return keeps its order"
    return settlement_preview(case.connection, case.rules.policy, order, case.order_lines, said.lots)
