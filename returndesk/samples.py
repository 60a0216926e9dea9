"""The sample shop: orders of our own making, and what happens to each one's return, as data.

Nothing here is real but the prices' arithmetic: what each return must refund is written down by hand, so that
the run can be compared with what the processor says it paid.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from returndesk.domain.people import Role
from returndesk.domain.stages import Stage

ORDERED_DAYS_BEFORE = 9
"""Calendar days from a sample order to the first day of the samples, which can so be read from any order."""
_DELIVERED_DAYS_BEFORE = 5
_ORDERED_AT = time(19, 24, tzinfo=UTC)


@dataclass(frozen=True)
class Step:
    """What somebody does on working day `day` (0: the first) at `at`, shop time, or what time alone brings.

    `path` is the address under the return ("" asks for the return itself); None where nobody does anything.
    Afterwards the return is at `stage` and its customer has had the mails named in `mails`, in that order.
    """

    day: int
    at: time
    words: str
    stage: Stage
    mails: tuple[str, ...]
    role: Role = Role.REP
    path: str | None = None
    body: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Sample:
    """One order and its return. `refund_minor` is what must come back to the customer, worked out by hand."""

    name: str
    shows: str
    order_reference: str
    customer: Mapping[str, Any]
    order: Mapping[str, Any]
    captured_minor: int
    card: str
    label: str
    steps: Sequence[Step]
    refund_minor: int
    ends: Stage = Stage.CLOSED
    loses_answer: bool = False

    def order_body(self, first_day: date, payment_reference: str) -> dict[str, Any]:
        """The order as the shop's system would send it."""
        ordered_on = first_day - timedelta(days=ORDERED_DAYS_BEFORE)
        return {
            "currency": "GBP",
            "ordered_at": datetime.combine(ordered_on, _ORDERED_AT).isoformat(),
            "delivered_on": (first_day - timedelta(days=_DELIVERED_DAYS_BEFORE)).isoformat(),
            "customer": self.customer,
            **self.order,
            "payments": [
                {
                    "processor": "stripe",
                    "reference": payment_reference,
                    "captured_minor": self.captured_minor,
                    "label": self.label,
                }
            ],
        }


def _asked(day: int, at: time, channel: str, line: int, quantity: int, reason: str, **more: Any) -> Step:
    body = {"channel": channel, "items": [{"line": line, "quantity": quantity, "reason": reason}], **more}
    authorized = more.get("authorize", False)
    return Step(
        day,
        at,
        "the rep asks for a return and authorizes it" if authorized else "the rep asks for a return",
        Stage.AUTHORIZED if authorized else Stage.REQUESTED,
        ("authorized",) if authorized else ("requested",),
        Role.REP,
        "",
        body,
    )


def _arrived(day: int, at: time, line: int, quantity: int, words: str) -> Step:
    body = {"items": [{"line": line, "quantity": quantity}]}
    return Step(day, at, words, Stage.RECEIVED, ("received",), Role.WAREHOUSE, "/receipts", body)


def _seen(
    day: int,
    at: time,
    words: str,
    stage: Stage,
    mails: tuple[str, ...],
    **item: Any,
) -> Step:
    return Step(day, at, words, stage, mails, Role.WAREHOUSE, "/inspections", {"items": [item]})


SAMPLES: tuple[Sample, ...] = (
    Sample(
        name="plain",
        shows="one of two dresses goes back; the rules decide",
        order_reference="SAMPLE-1001",
        customer={
            "reference": "S-1",
            "name": "Maud Ellery",
            "email": "maud.ellery@example.org",
            "address": ["12 Kirk Street", "Leeds LS1 4AB", "United Kingdom"],
        },
        order={
            "lines": [
                {"line": 1, "sku": "DRS-LIN-M", "title": "Linen dress, medium", "quantity": 2,
                 "unit_price_minor": 6400, "discount_minor": 1280, "tax_minor": 1920},
                {"line": 2, "sku": "SCF-COT", "title": "Cotton scarf", "quantity": 1,
                 "unit_price_minor": 1800, "tax_minor": 300},
            ],
            "shipping_minor": 495,
        },
        captured_minor=13_815,
        card="pm_card_visa",
        label="Visa ending 4242",
        steps=(
            _asked(0, time(9, 30), "phone", 1, 1, "too_small", note="Would like the large next season."),
            Step(0, time(9, 50), "the rep authorizes it", Stage.AUTHORIZED, ("authorized",),
                 Role.REP, "/authorization", {}),
            _arrived(3, time(10, 15), 1, 1, "the parcel is here"),
            _seen(3, time(15, 0), "as new: the rules accept it", Stage.CLOSED, ("accepted", "refunded"),
                  line=1, quantity=1, condition="original", packaging="original"),
        ),
        refund_minor=5_760,  # half of 128.00 - 12.80; the delivery stays, as the order does
    ),
    Sample(
        name="partial",
        shows="three shirts announced, two in the parcel; tax on top",
        order_reference="SAMPLE-1002",
        customer={
            "reference": "S-2",
            "name": "Tobias Finch",
            "email": "tobias.finch@example.org",
            "address": ["4 Mill Row", "York YO1 7HH", "United Kingdom"],
        },
        order={
            "tax_included": False,
            "lines": [
                {"line": 1, "sku": "SHT-OXF-L", "title": "Oxford shirt, large", "quantity": 3,
                 "unit_price_minor": 2950, "discount_minor": 885, "tax_minor": 1593},
                {"line": 2, "sku": "BLT-LEA-95", "title": "Leather belt, 95 cm", "quantity": 1,
                 "unit_price_minor": 2400, "tax_minor": 480},
            ],
            "shipping_minor": 395,
            "shipping_tax_minor": 79,
        },
        captured_minor=12_912,
        card="pm_card_mastercard",
        label="Mastercard ending 4444",
        steps=(
            _asked(0, time(10, 5), "email", 1, 3, "changed_mind", authorize=True),
            _arrived(2, time(11, 40), 1, 2, "the parcel is here, and holds two"),
            _seen(4, time(9, 20), "two accepted, one never came", Stage.CLOSED, ("partly_accepted", "refunded"),
                  line=1, quantity=2, condition="original", packaging="original"),
        ),
        refund_minor=6_372,  # two thirds of 88.50 - 8.85 + 15.93
    ),
    Sample(
        name="rejected",
        shows="worn shoes without their box; the rules say no",
        order_reference="SAMPLE-1003",
        customer={
            "reference": "S-3",
            "name": "Ines Calloway",
            "email": "ines.calloway@example.org",
            "address": ["Flat 2, 31 Harbour Road", "Bristol BS1 5UH", "United Kingdom"],
        },
        order={
            "lines": [
                {"line": 1, "sku": "SHO-DRB-42", "title": "Derby shoes, 42", "quantity": 1,
                 "unit_price_minor": 11_900, "discount_minor": 1_190, "tax_minor": 1_785},
            ],
            "shipping_minor": 495,
        },
        captured_minor=11_205,
        card="pm_card_visa",
        label="Visa ending 4242",
        steps=(
            _asked(0, time(11, 30), "chat", 1, 1, "changed_mind", authorize=True),
            _arrived(2, time(13, 10), 1, 1, "the parcel is here"),
            _seen(2, time(16, 5), "worn, and no box: the rules reject it", Stage.CLOSED, ("rejected",),
                  line=1, quantity=1, condition="used", packaging="missing"),
        ),
        refund_minor=0,
    ),
    Sample(
        name="late",
        shows="nobody inspects for five working days; the customer hears of it from us",
        order_reference="SAMPLE-1004",
        customer={
            "reference": "S-4",
            "name": "Ruth Adeyemi",
            "email": "ruth.adeyemi@example.org",
            "address": ["8 Abbey Close", "Durham DH1 3QP", "United Kingdom"],
        },
        order={
            "lines": [
                {"line": 1, "sku": "COA-WOL-12", "title": "Wool coat, 12", "quantity": 1,
                 "unit_price_minor": 18_900, "discount_minor": 1_890, "tax_minor": 2_835},
            ],
            "shipping_minor": 495,
        },
        captured_minor=17_505,
        card="pm_card_amex",
        label="American Express ending 8431",
        steps=(
            _asked(0, time(13, 45), "phone", 1, 1, "not_as_described", authorize=True),
            _arrived(2, time(9, 40), 1, 1, "the parcel is here, and waits"),
            Step(7, time(13, 0), "five working days are used up", Stage.RECEIVED, ("delay",)),
            _seen(7, time(15, 30), "accepted, late", Stage.CLOSED, ("accepted", "refunded"),
                  line=1, quantity=1, condition="original", packaging="original"),
        ),
        refund_minor=17_505,  # the whole order is back, so its delivery is too
    ),
    Sample(
        name="lost answer",
        shows="Stripe pays, and its answer is lost on the way",
        order_reference="SAMPLE-1005",
        customer={
            "reference": "S-5",
            "name": "Owen Prydderch",
            "email": "owen.prydderch@example.org",
            "address": ["Ty Gwyn", "Aberaeron SA46 0AT", "United Kingdom"],
        },
        order={
            "lines": [
                {"line": 1, "sku": "LMP-CER", "title": "Ceramic table lamp", "quantity": 2,
                 "unit_price_minor": 4_250, "tax_minor": 1_417},
            ],
            "shipping_minor": 495,
        },
        captured_minor=8_995,
        card="pm_card_visa",
        label="Visa ending 4242",
        steps=(
            _asked(0, time(14, 20), "email", 1, 1, "defective", authorize=True),
            _arrived(3, time(9, 5), 1, 1, "the parcel is here"),
            _seen(3, time(11, 0), "the switch is dead: a person has to decide", Stage.INSPECTED, (),
                  line=1, quantity=1, condition="defective", packaging="opened", disposition="scrap"),
            Step(3, time(11, 25), "the rep accepts it; the answer to the refund is lost once", Stage.CLOSED,
                 ("accepted", "refunded"), Role.REP, "/decision",
                 {"items": [{"line": 1, "acceptance": "accepted"}]}),
        ),
        refund_minor=4_745,  # one lamp, and the delivery because it was faulty
        loses_answer=True,
    ),
    Sample(
        name="never sent",
        shows="authorized, and no parcel comes: a reminder, then the end",
        order_reference="SAMPLE-1006",
        customer={
            "reference": "S-6",
            "name": "Beatrix Lund",
            "email": "beatrix.lund@example.org",
            "address": ["19 Priory Lane", "Norwich NR2 1AA", "United Kingdom"],
        },
        order={
            "lines": [
                {"line": 1, "sku": "RUG-WOV", "title": "Woven rug, 120 by 170 cm", "quantity": 1,
                 "unit_price_minor": 8_500, "tax_minor": 1_417},
            ],
            "shipping_minor": 795,
        },
        captured_minor=9_295,
        card="pm_card_visa",
        label="Visa ending 4242",
        steps=(
            _asked(0, time(15, 10), "online", 1, 1, "changed_mind", authorize=True),
            Step(10, time(16, 0), "14 days without a parcel", Stage.AUTHORIZED, ("reminder",)),
            Step(20, time(16, 0), "28 days without a parcel", Stage.EXPIRED, ("expired",)),
        ),
        refund_minor=0,
        ends=Stage.EXPIRED,
    ),
)  # fmt: skip
