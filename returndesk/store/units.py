"""What returns take of an order: units of its lines, and once the price of its delivery.

One unit is claimed by one return only, however many processes ask at once: the counters are changed only by
conditional UPDATEs on the line's own row, and the CHECKs stand behind them.
"""

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, bindparam, select, update

from returndesk.domain.settlement import LineShare, LineWorth, ShippingWorth
from returndesk.store import tables
from returndesk.store.statements import table_of

_orders = table_of(tables.Order)
_lines = table_of(tables.OrderLine)


@dataclass(frozen=True)
class OrderTerms:
    """An order without its customer, lines and payments. Amounts in minor units, net of `tax_included`."""

    reference: str
    currency: str
    ordered_at: datetime
    delivered_on: date | None
    shipping_minor: int
    shipping_tax_minor: int
    shipping_granted: bool

    @property
    def shipping_worth(self) -> ShippingWorth:
        """What a settlement counts with."""
        return ShippingWorth(self.shipping_minor, self.shipping_tax_minor, self.shipping_granted)


@dataclass(frozen=True)
class SoldLine:
    """An order line as it was sold, and what returns have of it. Amounts are of the whole line."""

    line: int
    title: str
    quantity: int
    price_minor: int
    discount_minor: int
    tax_minor: int
    final_sale: bool
    claimed: int
    granted: int
    granted_minor: int
    granted_tax_minor: int

    @property
    def worth(self) -> LineWorth:
        """What a settlement counts with."""
        return LineWorth(
            self.line, self.quantity, self.price_minor, self.discount_minor, self.tax_minor,
            self.granted, self.granted_minor, self.granted_tax_minor,
        )  # fmt: skip


_TERMS = select(*(_orders.c[name] for name in OrderTerms.__dataclass_fields__)).where(
    _orders.c.reference == bindparam("reference")
)
_TERMS_LOCKED = _TERMS.with_for_update(key_share=True)  # a new return refers to the order meanwhile
_LINES = (
    select(*(_lines.c[name] for name in SoldLine.__dataclass_fields__))
    .where(_lines.c.order_reference == bindparam("reference"))
    .order_by(_lines.c.line)
)
_FREE = select(_lines.c.quantity - _lines.c.claimed).where(
    _lines.c.order_reference == bindparam("reference"), _lines.c.line == bindparam("line")
)
_claimed = _lines.c.claimed + bindparam("claim")
_granted = _lines.c.granted + bindparam("grant")
_COUNT = (
    update(_lines)
    .where(
        _lines.c.order_reference == bindparam("key_reference"),
        _lines.c.line == bindparam("key_line"),
        _granted >= 0,
        _granted <= _claimed,
        _claimed <= _lines.c.quantity,
    )
    .values(
        claimed=_claimed,
        granted=_granted,
        granted_minor=_lines.c.granted_minor + bindparam("goods"),
        granted_tax_minor=_lines.c.granted_tax_minor + bindparam("tax"),
    )
)
"""The counters of a line: given back ≤ claimed ≤ sold, whatever changes."""
_SHIPPING = (
    update(_orders)
    .where(
        _orders.c.reference == bindparam("key_reference"), _orders.c.shipping_granted != bindparam("granted")
    )
    .values(shipping_granted=bindparam("granted"))
)


def order_terms(connection: Connection, reference: str, *, locked: bool = False) -> OrderTerms | None:
    """An order's terms, its row locked against other writers where asked; None where there is no such order."""
    row = connection.execute(_TERMS_LOCKED if locked else _TERMS, {"reference": reference}).first()
    return None if row is None else OrderTerms(*row)


def sold_lines(connection: Connection, order_reference: str) -> list[SoldLine]:
    """The lines of an order, in order."""
    return [SoldLine(*row) for row in connection.execute(_LINES, {"reference": order_reference})]


def claim_units(connection: Connection, order_reference: str, line: int, quantity: int) -> bool:
    """Give units of a line to a return; False, and nothing changed, when not that many are free."""
    return _counted(connection, order_reference, line, claim=_positive(quantity))


def release_units(connection: Connection, order_reference: str, line: int, quantity: int) -> None:
    """Units a return claimed are free again. Given back ones never are: that is a defect, and an error."""
    if not _counted(connection, order_reference, line, claim=-_positive(quantity)):
        raise LookupError(f"line {line}: {quantity} more units released than were claimed")


def claim_free_units(connection: Connection, order_reference: str, line: int, quantity: int) -> int:
    """Give up to so many units of a line to a return; how many were free. A line the order lacks has none."""
    while True:
        free = connection.scalar(_FREE, {"reference": order_reference, "line": line}) or 0
        taken = min(free, _positive(quantity))
        if taken == 0 or claim_units(connection, order_reference, line, taken):
            return taken


def grant_units(connection: Connection, order_reference: str, share: LineShare) -> None:
    """Claimed units were given back, for so much. More than were claimed is a defect, and an error."""
    if not _counted(
        connection, order_reference, share.line,
        grant=_positive(share.units), goods=share.goods_minor, tax=share.tax_minor,
    ):  # fmt: skip
        raise LookupError(f"line {share.line}: {share.units} more units granted than were claimed")


def take_back_grant(connection: Connection, order_reference: str, share: LineShare) -> None:
    """What was granted is not given back after all; the units stay claimed."""
    if not _counted(
        connection, order_reference, share.line,
        grant=-_positive(share.units), goods=-share.goods_minor, tax=-share.tax_minor,
    ):  # fmt: skip
        raise LookupError(f"line {share.line}: {share.units} units were not granted")


def grant_shipping(connection: Connection, order_reference: str) -> bool:
    """Give the delivery's price back, once: False when it was given back before."""
    return _set_shipping(connection, order_reference, granted=True)


def take_back_shipping(connection: Connection, order_reference: str) -> bool:
    """The delivery's price is not given back after all."""
    return _set_shipping(connection, order_reference, granted=False)


def _set_shipping(connection: Connection, order_reference: str, *, granted: bool) -> bool:
    return connection.execute(_SHIPPING, {"key_reference": order_reference, "granted": granted}).rowcount == 1


def _positive(quantity: int) -> int:
    if quantity <= 0:
        raise ValueError("only a quantity above 0 is counted")
    return quantity


def _counted(
    connection: Connection,
    reference: str,
    line: int,
    *,
    claim: int = 0,
    grant: int = 0,
    goods: int = 0,
    tax: int = 0,
) -> bool:
    changes = {"key_reference": reference, "key_line": line}
    amounts = {"claim": claim, "grant": grant, "goods": goods, "tax": tax}
    return connection.execute(_COUNT, {**changes, **amounts}).rowcount == 1
