"""What goes back: examples computed by hand, and that any way back gives exactly what was paid."""

from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from returndesk.domain.lots import Acceptance, Condition, Lot, Packaging, Reception
from returndesk.domain.policy import Policy, read_policy
from returndesk.domain.settlement import (
    Amounts,
    LineWorth,
    PaymentRoom,
    Share,
    ShippingWorth,
    accepted_units,
    settle,
    share_out,
)

TEXT = (Path(__file__).parents[2] / "policy.toml").read_text()
POLICY = read_policy(TEXT)
SHIPPING = ShippingWorth(395, 0, granted=False)
NO_SHIPPING = ShippingWorth(0, 0, granted=False)


def shipping_rules(written: str) -> Policy:
    old = 'refund_shipping = ["whole_order", "faulty"]'
    assert old in TEXT
    return read_policy(TEXT.replace(old, f"refund_shipping = {written}"))


def lot(
    line: int | None,
    quantity: int,
    acceptance: Acceptance = Acceptance.ACCEPTED,
    condition: Condition = Condition.ORIGINAL,
    number: int = 1,
) -> Lot:
    return Lot(number, line, quantity, None, Reception.RECEIVED, condition, Packaging.ORIGINAL, acceptance)


COATS = LineWorth(1, 3, price_minor=3000, discount_minor=0, tax_minor=0, granted=0)
HAT = LineWorth(2, 1, price_minor=500, discount_minor=0, tax_minor=0, granted=0)


def test_two_of_three_coats_are_worth_two_coats() -> None:
    assert settle(POLICY, [lot(1, 2)], [COATS, HAT], SHIPPING) == Amounts(goods_minor=2000)


def test_only_accepted_units_are_paid_for() -> None:
    lots = [
        lot(1, 1),
        lot(1, 1, Acceptance.REJECTED, number=2),
        lot(1, 1, Acceptance.PENDING, number=3),
        lot(2, 1, Acceptance.MANUAL_REVIEW, number=4),
        lot(None, 5, number=5),
    ]
    assert accepted_units(lots) == {1: 1}
    assert settle(POLICY, lots, [COATS, HAT], SHIPPING).total_minor == 1000


def test_a_discount_goes_back_with_the_units_that_had_it() -> None:
    shirts = LineWorth(1, 3, price_minor=8850, discount_minor=885, tax_minor=0, granted=0)  # 29.50 less 2.95
    assert settle(POLICY, [lot(1, 1)], [shirts, HAT], NO_SHIPPING).total_minor == 2655
    assert settle(POLICY, [lot(1, 2)], [shirts, HAT], NO_SHIPPING).total_minor == 5310


def test_what_does_not_divide_is_given_back_to_the_penny_over_three_returns() -> None:
    socks = LineWorth(1, 3, price_minor=1000, discount_minor=100, tax_minor=50, granted=0)
    given = [(0, 0, 0), (1, 300, 17), (2, 600, 34)]  # units, of 1000 - 100, of 50
    paid = [
        settle(
            POLICY,
            [lot(1, 1)],
            [replace(socks, granted=units, granted_minor=goods, granted_tax_minor=tax), HAT],
            NO_SHIPPING,
        ).total_minor
        for units, goods, tax in given
    ]
    # goods 300 300 300, tax 17 17 16
    assert paid == [317, 317, 316]
    assert sum(paid) == 1000 - 100 + 50


def test_tax_on_top_goes_back_beside_the_goods() -> None:
    coat = LineWorth(1, 1, price_minor=18000, discount_minor=0, tax_minor=1440, granted=0)
    back = settle(POLICY, [lot(1, 1)], [coat], ShippingWorth(1200, 96, granted=False))
    assert back == Amounts(18000, 1440, 1200, 96, shipping_granted=True)
    assert (back.goods_total_minor, back.shipping_total_minor, back.total_minor) == (19440, 1296, 20736)


def test_yen_have_no_pence() -> None:
    scarves = LineWorth(1, 2, price_minor=10801, discount_minor=0, tax_minor=0, granted=0)
    first = settle(POLICY, [lot(1, 1)], [scarves], ShippingWorth(800, 0, granted=False))
    last = settle(
        POLICY,
        [lot(1, 1)],
        [replace(scarves, granted=1, granted_minor=5401)],
        ShippingWorth(800, 0, granted=False),
    )
    assert (first.total_minor, last.total_minor) == (5401, 5400 + 800)


@pytest.mark.parametrize(
    ("rules", "lots", "lines", "granted", "shipping_minor"),
    [
        ('["whole_order", "faulty"]', [lot(1, 3), lot(2, 1, number=2)], [COATS, HAT], False, 395),
        ('["whole_order", "faulty"]', [lot(1, 3)], [COATS, HAT], False, 0),
        (
            '["whole_order", "faulty"]',
            [lot(1, 3)],
            [COATS, replace(HAT, granted=1, granted_minor=500)],
            False,
            395,
        ),
        (
            '["whole_order", "faulty"]',
            [lot(1, 3)],
            [COATS, replace(HAT, granted=1, granted_minor=500)],
            True,
            0,
        ),
        ('["faulty"]', [lot(1, 3), lot(2, 1, number=2)], [COATS, HAT], False, 0),
        ('["faulty"]', [lot(1, 1, condition=Condition.DEFECTIVE)], [COATS, HAT], False, 395),
        ('["whole_order"]', [lot(1, 1, condition=Condition.DEFECTIVE)], [COATS, HAT], False, 0),
        ("[]", [lot(1, 3), lot(2, 1, number=2)], [COATS, HAT], False, 0),
        (
            '["faulty"]',
            [lot(1, 1, condition=Condition.DEFECTIVE), lot(2, 1, number=2)],
            [COATS, HAT],
            False,
            0,
        ),
        (
            '["faulty"]',
            [lot(1, 1, condition=Condition.DEFECTIVE), lot(2, 1, Acceptance.REJECTED, number=2)],
            [COATS, HAT],
            False,
            395,
        ),
        (
            '["whole_order", "faulty"]',
            [lot(1, 1, Acceptance.REJECTED, Condition.DEFECTIVE)],
            [COATS, HAT],
            False,
            0,
        ),
    ],
)
def test_shipping_goes_back_where_the_policy_says_so_and_once(
    rules: str, lots: list[Lot], lines: list[LineWorth], granted: bool, shipping_minor: int
) -> None:
    back = settle(shipping_rules(rules), lots, lines, replace(SHIPPING, granted=granted))
    assert back.shipping_minor == shipping_minor
    assert back.shipping_granted is (shipping_minor > 0)


def test_a_part_that_comes_back_takes_neither_the_coupon_nor_free_delivery_from_what_is_kept() -> None:
    """Three coats were free of delivery and had 9.00 off. With one back the order would have had neither: its customer
    gets what that coat cost them, and keeps the terms of the others.
    """
    coats = LineWorth(1, 3, price_minor=9000, discount_minor=900, tax_minor=0, granted=0)
    assert settle(POLICY, [lot(1, 1)], [coats], NO_SHIPPING) == Amounts(goods_minor=2700)
    kept = replace(coats, granted=1, granted_minor=2700)
    assert settle(POLICY, [lot(1, 2)], [kept], NO_SHIPPING).total_minor == 9000 - 900 - 2700


def test_nothing_accepted_is_nothing_back() -> None:
    assert settle(POLICY, [lot(1, 3, Acceptance.REJECTED)], [COATS], SHIPPING) == Amounts()


@dataclass(frozen=True)
class Bought:
    lines: list[LineWorth]
    shipping: ShippingWorth

    @property
    def paid_minor(self) -> int:
        goods = sum(x.price_minor - x.discount_minor + x.tax_minor for x in self.lines)
        return goods + self.shipping.price_minor + self.shipping.tax_minor


@st.composite
def orders(draw: st.DrawFn) -> Bought:
    lines = []
    for number in range(1, draw(st.integers(1, 4)) + 1):
        price = draw(st.integers(0, 100_000))
        discount = draw(st.integers(0, price))
        lines.append(
            LineWorth(number, draw(st.integers(1, 7)), price, discount, draw(st.integers(0, 20_000)), 0)
        )
    return Bought(lines, ShippingWorth(draw(st.integers(0, 2_000)), draw(st.integers(0, 400)), False))


def with_grant(lines: list[LineWorth], amounts: Amounts, sign: int = 1) -> list[LineWorth]:
    shares = {x.line: x for x in amounts.lines}
    return [
        replace(
            line,
            granted=line.granted + sign * shares[line.line].units,
            granted_minor=line.granted_minor + sign * shares[line.line].goods_minor,
            granted_tax_minor=line.granted_tax_minor + sign * shares[line.line].tax_minor,
        )
        if line.line in shares
        else line
        for line in lines
    ]


@given(orders(), st.randoms(use_true_random=False), st.integers(0, 3))
def test_however_an_order_comes_back_exactly_what_was_paid_goes_back(
    bought: Bought, chance: Random, refusals: int
) -> None:
    """Some decisions are refused by a manager, and others are taken while they wait."""
    units = [line.line for line in bought.lines for _ in range(line.quantity)]
    chance.shuffle(units)
    lines, shipping, back = bought.lines, bought.shipping, 0
    waiting: list[tuple[list[int], Amounts]] = []
    while units or waiting:
        if not units:
            coming, amounts = waiting.pop(0)
            lines, units = with_grant(lines, amounts, -1), coming
            shipping = replace(shipping, granted=shipping.granted and not amounts.shipping_granted)
            continue
        count = chance.randint(1, len(units))
        coming, units = units[:count], units[count:]
        lots = [
            lot(line, coming.count(line), number=n) for n, line in enumerate(sorted(set(coming)), start=1)
        ]
        amounts = settle(POLICY, lots, lines, shipping)
        parts = (amounts.goods_minor, amounts.goods_tax_minor, amounts.shipping_minor)
        assert min(*parts, amounts.shipping_tax_minor) >= 0
        lines = with_grant(lines, amounts)
        shipping = replace(shipping, granted=shipping.granted or amounts.shipping_granted)
        if refusals:
            refusals -= 1
            waiting.append((coming, amounts))
            continue
        back += amounts.total_minor
        assert back <= bought.paid_minor
    assert back == bought.paid_minor


def test_the_roomiest_payment_is_refunded_first() -> None:
    rooms = [PaymentRoom("card", 10_000), PaymentRoom("gift", 2_750)]
    assert share_out(9_000, rooms) == ((Share("card", 9_000),), 0)
    assert share_out(12_000, rooms) == ((Share("card", 10_000), Share("gift", 2_000)), 0)
    assert share_out(13_000, rooms) == ((Share("card", 10_000), Share("gift", 2_750)), 250)
    assert share_out(0, rooms) == ((), 0)
    assert share_out(5, []) == ((), 5)


ROOMS = st.lists(st.integers(0, 50), max_size=5)


@given(st.integers(0, 200), ROOMS)
def test_refunds_are_as_few_as_can_be_and_never_more_than_a_payment_has(
    amount: int, rooms: list[int]
) -> None:
    shares, left = share_out(amount, [PaymentRoom(str(n), room) for n, room in enumerate(rooms)])
    assert sum(share.amount_minor for share in shares) + left == amount
    assert left == max(0, amount - sum(rooms))
    assert len({share.payment_id for share in shares}) == len(shares)
    assert all(0 < share.amount_minor <= rooms[int(share.payment_id)] for share in shares)
    fewest = next(n for n in range(6) if sum(sorted(rooms, reverse=True)[:n]) >= amount - left)
    assert len(shares) == fewest
