"""Which purchases a retailer's credit notes give back; on lines of our own making, and on the real file where it is."""

from pathlib import Path

import pytest

from examples.credit_notes import (
    NO_CUSTOMER,
    NO_EARLIER_PURCHASE,
    NOT_ENOUGH_UNITS_LEFT,
    Matching,
    match,
    read_books,
)
from returndesk.domain.errors import InvalidInput

REAL_FILE = Path(__file__).parents[3] / "shared/data/online-retail/2010-12_2011-02.csv.gz"
HEADER = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country"


@pytest.fixture
def matching(tmp_path: Path, request: pytest.FixtureRequest) -> Matching:
    """The matching of the lines a test is parametrized with."""
    file = tmp_path / "lines.csv"
    rows = [
        f"{number},{code},A thing,{units},{at},{price},{who},X"
        for number, code, units, at, price, who in request.param
    ]
    file.write_text("\n".join([HEADER, *rows]), encoding="utf-8")
    return match(read_books([file]))


def lines(*rows: tuple[str, str, int, str, str, str]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("matching", [rows], indirect=True)


def returns_of(matching: Matching) -> list[tuple[str, str, dict[int, int], int]]:
    return [(back.credit_note, back.invoice, back.units, back.worth_minor) for back in matching.returns]


@lines(
    ("1", "CUP", 3, "2010-12-01 08:00:00", "2.55", "17850.0"),
    ("2", "CUP", 3, "2010-12-02 08:00:00", "2.55", "17850.0"),
    ("C3", "CUP", -2, "2010-12-03 08:00:00", "2.55", "17850.0"),
)
def test_a_credited_line_gives_back_the_earliest_purchase(matching: Matching) -> None:
    assert returns_of(matching) == [("C3", "1", {1: 2}, 510)]
    assert matching.not_run == {}


@lines(
    ("1", "CUP", 3, "2010-12-01 08:00:00", "2.55", "7"),
    ("2", "CUP", 5, "2010-12-02 08:00:00", "2.55", "7"),
    ("C3", "CUP", -2, "2010-12-03 08:00:00", "2.55", "7"),
    ("C4", "CUP", -2, "2010-12-04 08:00:00", "2.55", "7"),
)
def test_a_purchase_with_too_few_units_left_is_passed_over_and_never_split(matching: Matching) -> None:
    assert returns_of(matching) == [("C3", "1", {1: 2}, 510), ("C4", "2", {1: 2}, 510)]


@lines(
    ("1", "CUP", 3, "2010-12-01 08:00:00", "2.55", "7"),
    ("C3", "CUP", -2, "2010-12-03 08:00:00", "2.55", "7"),
    ("C4", "CUP", -2, "2010-12-04 08:00:00", "2.55", "7"),
)
def test_more_units_than_are_left_are_not_run(matching: Matching) -> None:
    assert [back.credit_note for back in matching.returns] == ["C3"]
    assert matching.not_run == {NOT_ENOUGH_UNITS_LEFT: 1}


@lines(
    ("1", "CUP", 9, "2010-12-01 08:00:00", "2.55", "7"),
    ("C2", "CUP", -1, "2010-12-01 07:59:00", "2.55", "7"),
    ("C3", "CUP", -1, "2010-12-02 08:00:00", "2.50", "7"),
    ("C4", "CUP", -1, "2010-12-02 08:00:00", "2.55", "8"),
    ("C5", "JUG", -1, "2010-12-02 08:00:00", "2.55", "7"),
)
def test_another_customer_product_or_price_or_a_later_purchase_is_no_match(matching: Matching) -> None:
    assert matching.returns == ()
    assert matching.not_run == {NO_EARLIER_PURCHASE: 4}


@lines(
    ("1", "CUP", 1, "2010-12-01 08:00:00", "2.55", ""),
    ("C2", "CUP", -1, "2010-12-02 08:00:00", "2.55", ""),
)
def test_nobody_knows_whose_purchase_a_credit_without_a_customer_gives_back(matching: Matching) -> None:
    assert matching.not_run == {NO_CUSTOMER: 1}


@lines(
    ("1", "POST", 1, "2010-12-01 08:00:00", "0.00", "7"),
    ("1", "CUP", -4, "2010-12-01 08:00:00", "1.00", "7"),
    ("1", "CUP", 2, "2010-12-01 08:00:00", "1.00", "7"),
    ("1", "JUG", 2, "2010-12-01 08:00:00", "3.10", "7"),
    ("2", "CUP", 2, "2010-12-01 09:00:00", "1.00", "7"),
    ("C3", "CUP", -1, "2010-12-01 08:00:00", "1.00", "7"),
    ("C3", "JUG", -2, "2010-12-01 08:00:00", "3.10", "7"),
    ("C3", "CUP", -1, "2010-12-01 08:00:00", "1.00", "7"),
    ("C4", "CUP", -2, "2010-12-01 09:00:00", "1.00", "7"),
)
def test_a_credit_note_is_one_return_for_each_invoice_of_lines_that_were_sold_for_money(
    matching: Matching,
) -> None:
    assert returns_of(matching) == [("C3", "1", {1: 2, 2: 2}, 820), ("C4", "2", {1: 2}, 200)]


@pytest.mark.skipif(not REAL_FILE.exists(), reason="the Online Retail file does not lie beside this checkout")
def test_the_real_file_holds_the_returns_it_is_known_for() -> None:
    books = read_books([REAL_FILE])
    matching = match(books)
    assert len(books.invoices) == 3_745
    assert len(matching.returns) == 561
    assert sum(len(back.credited_minor) for back in matching.returns) == 1_066
    assert sum(back.worth_minor for back in matching.returns) == 10_261_839
    assert matching.not_run == {NO_CUSTOMER: 99, NO_EARLIER_PURCHASE: 719, NOT_ENOUGH_UNITS_LEFT: 20}


def test_a_file_that_is_something_else_is_a_sentence(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text("# Online Retail\n", encoding="utf-8")
    with pytest.raises(InvalidInput, match=r"README\.md is not a table of the retailer's lines"):
        read_books([readme])
