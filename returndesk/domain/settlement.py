"""What a decision pays, line by line, and on which payments. Integer minor units throughout.

What a unit is worth comes from the order's stored line (price, discount, tax), never from today's prices
(DESIGN 5). Preview and payment use the same functions.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from returndesk.domain.lots import Acceptance, Condition, Lot
from returndesk.domain.money import unit_slice
from returndesk.domain.policy import Policy


@dataclass(frozen=True)
class LineWorth:
    """An order line as it was sold, and what of it was given back already. Amounts are of the whole line."""

    line: int
    quantity: int
    price_minor: int
    discount_minor: int
    tax_minor: int
    granted: int
    granted_minor: int = 0
    granted_tax_minor: int = 0

    def give_back(self, units: int) -> "LineShare":
        """What so many more units are worth: the last unit takes exactly what is left."""
        left = self.quantity - self.granted
        net = self.price_minor - self.discount_minor - self.granted_minor
        tax = self.tax_minor - self.granted_tax_minor
        return LineShare(self.line, units, unit_slice(net, left, units), unit_slice(tax, left, units))


@dataclass(frozen=True)
class LineShare:
    """What some units of a line are worth, the tax apart."""

    line: int
    units: int
    goods_minor: int
    tax_minor: int


@dataclass(frozen=True)
class ShippingWorth:
    """What the customer paid for delivery, tax apart, and whether it was already given back."""

    price_minor: int
    tax_minor: int
    granted: bool


@dataclass(frozen=True)
class Amounts:
    """A settlement's parts. The taxes are only what was charged on top of the prices; `lines` add up to the goods."""

    goods_minor: int = 0
    goods_tax_minor: int = 0
    shipping_minor: int = 0
    shipping_tax_minor: int = 0
    shipping_granted: bool = False
    lines: tuple[LineShare, ...] = field(default=(), compare=False)

    @property
    def goods_total_minor(self) -> int:
        """The goods with their tax."""
        return self.goods_minor + self.goods_tax_minor

    @property
    def shipping_total_minor(self) -> int:
        """The delivery with its tax."""
        return self.shipping_minor + self.shipping_tax_minor

    @property
    def total_minor(self) -> int:
        """What the customer gets back."""
        return self.goods_total_minor + self.shipping_total_minor


@dataclass(frozen=True)
class PaymentRoom:
    """A payment and how much of it may still be refunded."""

    payment_id: str
    room_minor: int


@dataclass(frozen=True)
class Share:
    """One refund of a settlement."""

    payment_id: str
    amount_minor: int


def accepted_units(lots: Iterable[Lot]) -> dict[int, int]:
    """Accepted units by order line."""
    units: dict[int, int] = {}
    for lot in lots:
        if lot.acceptance is Acceptance.ACCEPTED and lot.line is not None:
            units[lot.line] = units.get(lot.line, 0) + lot.quantity
    return units


def settle(
    policy: Policy, lots: Sequence[Lot], lines: Sequence[LineWorth], shipping: ShippingWorth
) -> Amounts:
    """What the accepted lots are worth, with the shipping where the policy gives it back."""
    units = accepted_units(lots)
    shares = tuple(line.give_back(units[line.line]) for line in lines if line.line in units)
    goods, tax = sum(x.goods_minor for x in shares), sum(x.tax_minor for x in shares)
    if not units or shipping.granted or not _shipping_goes_back(policy, lots, lines, units):
        return Amounts(goods, tax, lines=shares)
    return Amounts(goods, tax, shipping.price_minor, shipping.tax_minor, shipping_granted=True, lines=shares)


def _shipping_goes_back(
    policy: Policy, lots: Sequence[Lot], lines: Sequence[LineWorth], units: dict[int, int]
) -> bool:
    """The whole order is back, or everything accepted here was faulty."""
    rules = policy.decision.refund_shipping
    if "whole_order" in rules and all(x.granted + units.get(x.line, 0) == x.quantity for x in lines):
        return True
    accepted = [lot for lot in lots if lot.acceptance is Acceptance.ACCEPTED]
    return "faulty" in rules and all(lot.condition is Condition.DEFECTIVE for lot in accepted)


def share_out(amount_minor: int, payments: Sequence[PaymentRoom]) -> tuple[tuple[Share, ...], int]:
    """The fewest refunds that pay `amount_minor`, the roomiest payment first, and what no payment can take."""
    shares: list[Share] = []
    left = amount_minor
    for payment in sorted(payments, key=lambda p: (-p.room_minor, p.payment_id)):
        part = min(left, payment.room_minor)
        if part <= 0:
            break
        shares.append(Share(payment.payment_id, part))
        left -= part
    return tuple(shares), left
