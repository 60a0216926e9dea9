"""What a rep sees of an order before a return of it is started: its lines, with what can still come back."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlmodel import Session, col, select

from returndesk.domain.stages import Stage
from returndesk.store import tables
from returndesk.store.orders import CustomerView, order_view


@dataclass(frozen=True)
class LineToReturn:
    """A line of the order. `left`: units that no return has."""

    line: int
    title: str
    sku: str
    quantity: int
    left: int
    net_minor: int
    final_sale: bool


@dataclass(frozen=True)
class EarlierReturn:
    """A return of the same order. `granted_minor`: what its decisions give back."""

    rma: str
    stage: Stage
    contacted_at: datetime
    is_open: bool
    granted_minor: int


@dataclass(frozen=True)
class OrderToReturn:
    """An order with all that a return of it begins with."""

    reference: str
    currency: str
    ordered_at: datetime
    delivered_on: date | None
    customer: CustomerView
    lines: Sequence[LineToReturn]
    earlier: Sequence[EarlierReturn]


def order_to_return(session: Session, reference: str) -> OrderToReturn:
    """An order as a rep needs it to start a return. Raises `NotFound` (`order_not_found`)."""
    order = order_view(session, reference)
    row = tables.Return
    earlier = session.exec(
        select(row).where(row.order_reference == reference).order_by(col(row.recorded_at).desc())
    )
    return OrderToReturn(
        reference=order.reference,
        currency=order.currency,
        ordered_at=order.ordered_at,
        delivered_on=order.delivered_on,
        customer=order.customer,
        lines=[
            LineToReturn(
                x.line,
                x.title,
                x.sku,
                x.quantity,
                x.quantity - x.claimed,
                x.price_minor - x.discount_minor,
                x.final_sale,
            )
            for x in order.lines
        ],
        earlier=[
            EarlierReturn(
                x.rma,
                Stage(x.stage),
                x.contacted_at,
                x.ended_at is None,
                x.goods_minor + x.goods_tax_minor + x.shipping_minor + x.shipping_tax_minor,
            )
            for x in earlier
        ],
    )
