"""An order as the shop's system sends it, and what its lines were worth.

Guarantees: every amount is an integer of minor units, every count and length has a limit, nothing is converted
silently (a number in quotes or with a decimal point is refused), and no sentence about a mistake repeats the input.

What is given back for a line is its price less its discounts, plus the tax charged on top. Where prices include
the tax (`tax_included`, the default), the tax amounts sent are information of the shop's: they are checked, and 0
is kept as the tax on top, for lines and shipping alike. An order's own discount is spread over its lines in
proportion to what each costs after its own discount.

The captured payments are not compared with the order's total: orders are paid in parts, or carry services that
are not lines. What a payment can give back is limited by what it captured, and a line by what it was sold for.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from returndesk.domain.errors import InvalidInput
from returndesk.domain.mistakes import CURRENCY, EMAIL, REFERENCE, WORDS
from returndesk.domain.money import AMOUNT_MAX_MINOR, allocate, exponent

QUANTITY_MAX = 1_000_000
LINES_MAX = 5_000
_YEARS = range(1970, 2200)


def _written(value: object) -> object:
    """Instants and dates come as text, never as a number of seconds that might as well be milliseconds."""
    if isinstance(value, str) and re.match(r"\d{4}-\d\d-\d\d", value):
        return value
    if isinstance(value, date):
        return value
    raise InvalidInput("not_a_date", "Write it as in 2026-03-04, and an instant as in 2026-03-04T10:15:00Z.")


def _likely(value: date) -> date:
    if value.year not in _YEARS:
        raise InvalidInput("unlikely_date", f"The year is from {_YEARS[0]} to {_YEARS[-1]}.")
    return value


def _utc(value: datetime) -> datetime:
    return value.astimezone(UTC)


def _known_currency(code: str) -> str:
    exponent(code)
    return code


Minor = Annotated[int, Field(strict=True, ge=0, le=AMOUNT_MAX_MINOR)]
Flag = Annotated[bool, Field(strict=True)]
Instant = Annotated[AwareDatetime, BeforeValidator(_written), AfterValidator(_likely), AfterValidator(_utc)]
Day = Annotated[date, BeforeValidator(_written), AfterValidator(_likely)]
Reference = Annotated[str, StringConstraints(max_length=64, pattern=REFERENCE)]
PaymentReference = Annotated[str, StringConstraints(max_length=128, pattern=REFERENCE)]
Email = Annotated[str, StringConstraints(strip_whitespace=True, max_length=254, pattern=EMAIL)]
CurrencyCode = Annotated[str, StringConstraints(pattern=CURRENCY), AfterValidator(_known_currency)]
ShortWords = Annotated[str, StringConstraints(strip_whitespace=True, max_length=80, pattern=WORDS)]
Words = Annotated[str, StringConstraints(strip_whitespace=True, max_length=300, pattern=WORDS)]


class _Input(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class CustomerInput(_Input):
    """Who bought. `reference` is the shop's own id of the person: orders with the same one share a customer."""

    reference: Reference | None = None
    name: Words
    email: Email
    phone: ShortWords | None = None
    address: tuple[Words, ...] = Field(default=(), max_length=10)


class LineInput(_Input):
    """One line. `unit_price_minor` is of one unit; `discount_minor` and `tax_minor` are of the whole line."""

    line: Annotated[int, Field(strict=True, ge=1, le=1_000_000)]
    sku: ShortWords
    title: Words
    quantity: Annotated[int, Field(strict=True, ge=1, le=QUANTITY_MAX)]
    unit_price_minor: Minor
    discount_minor: Minor = 0
    tax_minor: Minor = 0
    final_sale: Flag = False

    @property
    def price_minor(self) -> int:
        """The price of the whole line, before discounts."""
        return self.quantity * self.unit_price_minor

    @model_validator(mode="after")
    def _discount_fits(self) -> Self:
        if self.price_minor > AMOUNT_MAX_MINOR:
            raise InvalidInput(
                "amount_too_large", f"A line costs at most {AMOUNT_MAX_MINOR} minor units in all."
            )
        if self.discount_minor > self.price_minor:
            raise InvalidInput("discount_too_large", "The discount is more than the whole line costs.")
        return self


class PaymentInput(_Input):
    """Money the processor captured. `reference` is the processor's id; `label` what a customer knows it by."""

    processor: Literal["stripe"]
    reference: PaymentReference
    captured_minor: Annotated[int, Field(strict=True, ge=1, le=AMOUNT_MAX_MINOR)]
    label: ShortWords | None = None


class OrderInput(_Input):
    """What was sold to whom, and how it was paid. The order's own reference stands in its address."""

    currency: CurrencyCode
    ordered_at: Instant
    delivered_on: Day | None = None
    tax_included: Flag = True
    customer: CustomerInput
    lines: list[LineInput] = Field(min_length=1, max_length=LINES_MAX)
    discount_minor: Minor = 0
    shipping_minor: Minor = 0
    shipping_tax_minor: Minor = 0
    payments: tuple[PaymentInput, ...] = Field(default=(), max_length=20)

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        if len({line.line for line in self.lines}) < len(self.lines):
            raise InvalidInput("line_twice", "Two lines have the same number.", "lines")
        if len({payment.reference for payment in self.payments}) < len(self.payments):
            raise InvalidInput("payment_twice", "Two payments have the same reference.", "payments")
        if sum(_weights(self.lines)) < self.discount_minor:
            raise InvalidInput(
                "discount_too_large", "The discount is more than all lines cost.", "discount_minor"
            )
        if sum(line.price_minor + line.tax_minor for line in self.lines) > AMOUNT_MAX_MINOR:
            raise InvalidInput(
                "amount_too_large", f"An order costs at most {AMOUNT_MAX_MINOR} minor units.", "lines"
            )
        # Where the buyer lives it may be another day already.
        if self.delivered_on and self.delivered_on < self.ordered_at.date() - timedelta(days=1):
            raise InvalidInput(
                "delivered_too_early", "It was delivered before it was ordered.", "delivered_on"
            )
        return self

    @property
    def shipping_tax_on_top_minor(self) -> int:
        """The tax charged on the shipping beside its price."""
        return 0 if self.tax_included else self.shipping_tax_minor


@dataclass(frozen=True)
class SoldLine:
    """A line's worth. All amounts are of the whole line; `discount_minor` has its part of the order's discount,
    `tax_minor` is only what was charged on top.
    """

    line: int
    sku: str
    title: str
    quantity: int
    price_minor: int
    discount_minor: int
    tax_minor: int
    final_sale: bool


def sold_lines(order: OrderInput) -> tuple[SoldLine, ...]:
    """The order's lines as the books keep them; discounts sum to the ones sent, to the minor unit."""
    spread = allocate(order.discount_minor, _weights(order.lines)) if order.discount_minor else None
    return tuple(
        SoldLine(
            line.line,
            line.sku,
            line.title,
            line.quantity,
            line.price_minor,
            line.discount_minor + (spread[position] if spread else 0),
            0 if order.tax_included else line.tax_minor,
            line.final_sale,
        )
        for position, line in enumerate(order.lines)
    )


def _weights(lines: Sequence[LineInput]) -> list[int]:
    return [line.price_minor - line.discount_minor for line in lines]
