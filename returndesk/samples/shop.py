"""The sample shop: orders of our own making, and what happens to each one's return, as data.

Nothing here is real but the prices' arithmetic: what each return must refund is written down by hand, so that
the run can be compared with what the processor says it paid.
"""

from datetime import time

from returndesk.domain.people import Role
from returndesk.domain.stages import Stage
from returndesk.samples.model import Sample, Step, arrived, asked, seen

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
            asked(0, time(9, 30), "phone", 1, 1, "too_small", note="Would like the large next season."),
            Step(0, time(9, 50), "the rep authorizes it", Stage.AUTHORIZED, ("authorized",),
                 Role.REP, "/authorization", {}),
            arrived(3, time(10, 15), 1, 1, "the parcel is here"),
            seen(3, time(15, 0), "as new: the rules accept it", Stage.CLOSED, ("accepted", "refunded"),
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
            asked(0, time(10, 5), "email", 1, 3, "changed_mind", authorize=True),
            arrived(2, time(11, 40), 1, 2, "the parcel is here, and holds two"),
            seen(4, time(9, 20), "two accepted, one never came", Stage.CLOSED, ("partly_accepted", "refunded"),
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
            asked(0, time(11, 30), "chat", 1, 1, "changed_mind", authorize=True),
            arrived(2, time(13, 10), 1, 1, "the parcel is here"),
            seen(2, time(16, 5), "worn, and no box: the rules reject it", Stage.CLOSED, ("rejected",),
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
            asked(0, time(13, 45), "phone", 1, 1, "not_as_described", authorize=True),
            arrived(2, time(9, 40), 1, 1, "the parcel is here, and waits"),
            Step(7, time(13, 0), "five working days are used up", Stage.RECEIVED, ("delay",)),
            seen(7, time(15, 30), "accepted, late", Stage.CLOSED, ("accepted", "refunded"),
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
            asked(0, time(14, 20), "email", 1, 1, "defective", authorize=True),
            arrived(3, time(9, 5), 1, 1, "the parcel is here"),
            seen(3, time(11, 0), "the switch is dead: a person has to decide", Stage.INSPECTED, (),
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
            asked(0, time(15, 10), "online", 1, 1, "changed_mind", authorize=True),
            Step(10, time(16, 0), "14 days without a parcel", Stage.AUTHORIZED, ("reminder",)),
            Step(20, time(16, 0), "28 days without a parcel", Stage.EXPIRED, ("expired",)),
        ),
        refund_minor=0,
        ends=Stage.EXPIRED,
    ),
    Sample(
        name="to answer",
        shows="left open: a rep says yes or no to it",
        order_reference="SAMPLE-1007",
        customer={
            "reference": "S-7",
            "name": "Callum Reeve",
            "email": "callum.reeve@example.org",
            "address": ["3 Weir Bank", "Bath BA2 6TD", "United Kingdom"],
        },
        order={
            "lines": [
                {"line": 1, "sku": "JKT-RAI-M", "title": "Rain jacket, medium", "quantity": 1,
                 "unit_price_minor": 7_900, "tax_minor": 1_317},
                {"line": 2, "sku": "HAT-FEL-58", "title": "Felt hat, 58", "quantity": 1,
                 "unit_price_minor": 3_600, "tax_minor": 600},
            ],
            "shipping_minor": 495,
        },
        captured_minor=11_995,
        card="pm_card_visa",
        label="Visa ending 4242",
        steps=(
            asked(21, time(9, 15), "email", 1, 1, "too_large", note="Asks whether the small is in stock."),
        ),
        refund_minor=0,
        ends=Stage.REQUESTED,
        is_left_open=True,
    ),
    Sample(
        name="on its way",
        shows="left open: the warehouse scans the parcel and counts it",
        order_reference="SAMPLE-1008",
        customer={
            "reference": "S-8",
            "name": "Niamh Corrigan",
            "email": "niamh.corrigan@example.org",
            "address": ["27 Quay Street", "Derry BT48 6PR", "United Kingdom"],
        },
        order={
            "lines": [
                {"line": 1, "sku": "CUS-LIN", "title": "Linen cushion", "quantity": 4,
                 "unit_price_minor": 2_200, "tax_minor": 1_467},
            ],
            "shipping_minor": 495,
        },
        captured_minor=9_295,
        card="pm_card_mastercard",
        label="Mastercard ending 4444",
        steps=(
            asked(21, time(10, 10), "phone", 1, 3, "changed_mind", authorize=True),
            Step(22, time(9, 10), "the customer has sent it", Stage.AUTHORIZED, ("on_its_way",), Role.REP, "/shipment",
                 {"tracking": "SAMPLE0000000018"}),
        ),
        refund_minor=0,
        ends=Stage.AUTHORIZED,
        is_left_open=True,
    ),
    Sample(
        name="to inspect",
        shows="left open: the warehouse says what condition it is in",
        order_reference="SAMPLE-1009",
        customer={
            "reference": "S-9",
            "name": "Gareth Oyelaran",
            "email": "gareth.oyelaran@example.org",
            "address": ["5 Tannery Yard", "Leicester LE1 5WW", "United Kingdom"],
        },
        order={
            "lines": [
                {"line": 1, "sku": "KET-STE", "title": "Steel kettle", "quantity": 1,
                 "unit_price_minor": 5_400, "tax_minor": 900},
            ],
            "shipping_minor": 495,
        },
        captured_minor=5_895,
        card="pm_card_visa",
        label="Visa ending 4242",
        steps=(
            asked(21, time(11, 5), "chat", 1, 1, "not_as_described", authorize=True),
            arrived(22, time(10, 20), 1, 1, "the parcel is here, and waits"),
        ),
        refund_minor=0,
        ends=Stage.RECEIVED,
        is_left_open=True,
    ),
    Sample(
        name="to approve",
        shows="left open: a manager lets a large refund go, or does not",
        order_reference="SAMPLE-1010",
        customer={
            "reference": "S-10",
            "name": "Lydia Marchetti",
            "email": "lydia.marchetti@example.org",
            "address": ["The Old Forge", "Ludlow SY8 1AZ", "United Kingdom"],
        },
        order={
            "lines": [
                {"line": 1, "sku": "CHR-OAK", "title": "Oak chair", "quantity": 2,
                 "unit_price_minor": 32_000, "tax_minor": 10_667},
            ],
            "shipping_minor": 2_995,
        },
        captured_minor=66_995,
        card="pm_card_amex",
        label="American Express ending 8431",
        steps=(
            asked(21, time(12, 30), "phone", 1, 2, "not_as_described", authorize=True),
            arrived(22, time(11, 30), 1, 2, "two boxes are here"),
            seen(22, time(14, 0), "as new: the rules accept it, a manager has to approve", Stage.DECIDED, (),
                  line=1, quantity=2, condition="original", packaging="original"),
        ),
        refund_minor=0,
        ends=Stage.DECIDED,
        is_left_open=True,
    ),
    Sample(
        name="came back",
        shows="left open: the bank sent the refund back; finance pays it again, or another way",
        order_reference="SAMPLE-1011",
        customer={
            "reference": "S-11",
            "name": "Esme Thackray",
            "email": "esme.thackray@example.org",
            "address": ["61 Sheaf Bank", "Sheffield S2 3DA", "United Kingdom"],
        },
        order={
            "lines": [
                {"line": 1, "sku": "BAG-CAN", "title": "Canvas bag", "quantity": 1,
                 "unit_price_minor": 4_800, "tax_minor": 800},
                {"line": 2, "sku": "SCF-COT", "title": "Cotton scarf", "quantity": 1,
                 "unit_price_minor": 1_800, "tax_minor": 300},
            ],
            "shipping_minor": 495,
        },
        captured_minor=7_095,
        card="pm_card_refundFail",
        label="Visa ending 5126",
        steps=(
            asked(21, time(13, 40), "email", 1, 1, "changed_mind", authorize=True),
            arrived(22, time(12, 15), 1, 1, "the parcel is here"),
            seen(22, time(15, 30), "as new: the rules accept it", Stage.CLOSED, ("accepted", "refunded"),
                  line=1, quantity=1, condition="original", packaging="original"),
            Step(22, time(15, 50), "the bank sends the money back", Stage.SETTLING, ("refund_failed",)),
        ),
        refund_minor=0,  # 48.00 were paid, and came back
        ends=Stage.SETTLING,
        is_left_open=True,
    ),
)  # fmt: skip
