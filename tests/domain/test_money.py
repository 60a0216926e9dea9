"""Money is exact: what is read, split and written loses nothing and invents nothing."""

from decimal import Decimal
from itertools import accumulate, pairwise

import pytest
from babel.numbers import list_currencies
from hypothesis import assume, given
from hypothesis import strategies as st

from returndesk.domain.errors import InvalidInput
from returndesk.domain.money import (
    AMOUNT_MAX_MINOR,
    CURRENCIES,
    allocate,
    exponent,
    format_plain,
    from_processor,
    parse_minor,
    to_processor,
    unit_slice,
)

amounts = st.integers(-AMOUNT_MAX_MINOR, AMOUNT_MAX_MINOR)
totals = st.integers(0, 10**9)
currencies = st.sampled_from(sorted(CURRENCIES))


def refusal_code(action: object, *arguments: object) -> str:
    assert callable(action)
    with pytest.raises(InvalidInput) as refused:
        action(*arguments)
    return refused.value.code


@given(amounts, currencies)
def test_what_is_written_is_read_back_to_the_unit(amount_minor: int, currency: str) -> None:
    text = format_plain(amount_minor, currency)

    assert parse_minor(text, currency) == amount_minor
    assert Decimal(text).scaleb(exponent(currency)) == amount_minor


@pytest.mark.parametrize(
    ("text", "currency", "amount_minor"),
    [
        ("12.34", "GBP", 1234),
        ("12", "GBP", 1200),
        ("12.3", "GBP", 1230),
        ("-0.05", "GBP", -5),
        (" 007.00 ", "GBP", 700),
        ("0", "GBP", 0),
        ("500", "JPY", 500),
        ("5.124", "KWD", 5124),
    ],
)
def test_an_amount_is_read_in_the_currencys_own_decimals(text: str, currency: str, amount_minor: int) -> None:
    assert parse_minor(text, currency) == amount_minor


@pytest.mark.parametrize(
    ("text", "currency", "code"),
    [
        ("12.345", "GBP", "too_many_decimals"),
        ("12.340", "GBP", "too_many_decimals"),
        ("1.0", "JPY", "too_many_decimals"),
        ("1,234.00", "GBP", "not_an_amount"),
        ("12,34", "GBP", "not_an_amount"),
        ("1e3", "GBP", "not_an_amount"),
        ("£5", "GBP", "not_an_amount"),
        ("", "GBP", "not_an_amount"),
        (".5", "GBP", "not_an_amount"),
        ("nan", "GBP", "not_an_amount"),
        ("١٢", "GBP", "not_an_amount"),
        (12.34, "GBP", "not_an_amount"),
        ("10000000000.00", "GBP", "amount_too_large"),
        ("9" * 5000, "GBP", "amount_too_large"),
        ("1", "gbp", "unknown_currency"),
        ("1", "XXX", "unknown_currency"),
    ],
)
def test_an_amount_that_is_not_exact_is_refused(text: object, currency: str, code: str) -> None:
    assert refusal_code(parse_minor, text, currency) == code


def test_an_error_never_repeats_what_was_typed() -> None:
    with pytest.raises(InvalidInput) as refused:
        parse_minor("ring Ann on 555", "GBP")

    assert "Ann" not in str(refused.value)


def test_the_table_knows_only_currencies_that_exist() -> None:
    assert set(CURRENCIES) - list_currencies() - {"XCG", "ZWL"} == set()
    assert {currency.exponent for currency in CURRENCIES.values()} == {0, 2, 3}


@given(totals, st.lists(st.integers(0, 10**6), min_size=1, max_size=12))
def test_what_is_allocated_sums_to_what_there_was(total: int, weights: list[int]) -> None:
    parts = allocate(total, weights)

    assert sum(parts) == total
    assert len(parts) == len(weights)
    whole = sum(weights)
    for part, weight in zip(parts, weights, strict=True):
        assert whole == 0 or abs(part * whole - total * weight) < whole


@given(totals, st.lists(st.integers(0, 10**6), min_size=1, max_size=12))
def test_only_the_largest_remainders_get_the_odd_units(total: int, weights: list[int]) -> None:
    whole = sum(weights)
    assume(whole > 0)

    parts = allocate(total, weights)

    # Each part's remainder, and its place: the earlier wins a tie.
    remainders = [(total * weight % whole, -place) for place, weight in enumerate(weights)]
    ups = [part * whole > total * weight for part, weight in zip(parts, weights, strict=True)]
    rounded_up = [remainder for remainder, up in zip(remainders, ups, strict=True) if up]
    rounded_down = [remainder for remainder, up in zip(remainders, ups, strict=True) if not up]
    assert not rounded_up or not rounded_down or min(rounded_up) > max(rounded_down)


def test_ties_go_to_the_earlier_and_weightless_parts_share_alike() -> None:
    assert allocate(100, [1, 1, 1]) == (34, 33, 33)
    assert allocate(5, [0, 0]) == (3, 2)
    assert allocate(5, [0, 7]) == (0, 5)
    assert refusal_code(allocate, -1, [1]) == "cannot_allocate"
    assert refusal_code(allocate, 1, []) == "cannot_allocate"
    assert refusal_code(allocate, 1, [1, -1]) == "cannot_allocate"


@given(totals, st.lists(st.integers(0, 9), min_size=1, max_size=12))
def test_units_returned_in_any_order_of_parcels_sum_to_the_line(total: int, parcels: list[int]) -> None:
    quantity = sum(parcels)
    assume(quantity > 0)
    ends = list(accumulate(parcels, initial=0))

    slices, left = [], total
    for taken, end in pairwise(ends):
        slices.append(unit_slice(left, quantity - taken, end - taken))
        left -= slices[-1]

    assert sum(slices) == total


@given(totals, st.integers(1, 60))
def test_the_units_of_a_line_differ_by_at_most_one_minor_unit(total: int, quantity: int) -> None:
    units: list[int] = []
    for taken in range(quantity):
        units.append(unit_slice(total - sum(units), quantity - taken, 1))

    assert max(units) - min(units) <= 1
    assert units[-1] == total - sum(units[:-1])
    assert tuple(units) == allocate(total, [1] * quantity)


@pytest.mark.parametrize("arguments", [(10, 1, 2), (10, 0, 1), (-1, 3, 1), (10, 3, -1)])
def test_more_units_than_a_line_has_are_refused(arguments: tuple[int, int, int]) -> None:
    assert refusal_code(unit_slice, *arguments) == "not_so_many_units"


@pytest.mark.parametrize(
    ("amount_minor", "currency", "sent"),
    [
        (1234, "GBP", 1234),
        (500, "JPY", 500),
        (5, "ISK", 500),
        (5, "UGX", 500),
        (300, "MGA", 3),
        (5120, "KWD", 5120),
        (1001, "HUF", 1001),
    ],
)
def test_the_processor_is_sent_what_it_counts_in(amount_minor: int, currency: str, sent: int) -> None:
    assert to_processor(amount_minor, currency) == sent
    assert from_processor(sent, currency.lower()) == amount_minor


def test_what_the_processor_cannot_pay_is_refused_and_not_rounded() -> None:
    assert refusal_code(to_processor, 5124, "KWD") == "amount_not_payable"
    assert refusal_code(to_processor, 250, "MGA") == "amount_not_payable"
    assert refusal_code(from_processor, 550, "ISK") == "amount_not_ours"
