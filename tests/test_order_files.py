"""A CSV file of orders comes in wholly or says why not, line by line, and never repeats what stood in it."""

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from returndesk.domain.errors import InvalidInput
from returndesk.order_files import COLUMNS, ImportReport, import_orders
from returndesk.store.database import Database
from returndesk.store.orders import order_view

TEMPLATE = Path(__file__).parents[1] / "examples" / "orders.csv"
NOW = datetime(2026, 3, 9, 12, tzinfo=UTC)
GOOD = {
    "order_reference": "A-1", "ordered_at": "2026-07-01 10:00", "currency": "GBP", "customer_name": "Jane Canary",
    "customer_email": "jane@canary.example", "line": "1", "sku": "S", "title": "T", "quantity": "2",
    "unit_price": "9.99",
}  # fmt: skip


def bring_in(database: Database, path: Path) -> ImportReport:
    return import_orders(
        database, path, zone=ZoneInfo("Europe/London"), now=NOW, secret=b"s", progress=lambda _done, _of: None
    )


def write(path: Path, *rows: dict[str, str]) -> Path:
    lines = [",".join(COLUMNS)] + [",".join(f'"{row.get(name, "")}"' for name in COLUMNS) for row in rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_the_template_comes_in_and_a_second_time_changes_nothing(database: Database) -> None:
    assert bring_in(database, TEMPLATE) == ImportReport(6, 0, [])
    assert bring_in(database, TEMPLATE) == ImportReport(0, 6, [])


def test_the_templates_orders_are_worth_what_was_paid_for_them(database: Database) -> None:
    bring_in(database, TEMPLATE)
    with database.read() as session:
        views = [order_view(session, f"DA-100{number}") for number in range(1, 7)]
    for view in views:
        lines = sum(x.price_minor - x.discount_minor + x.tax_minor for x in view.lines)
        paid = sum(x.captured_minor for x in view.payments)
        assert paid in (0, lines + view.shipping_minor + view.shipping_tax_minor), view.reference
    two, three, yen, cash, split = views[1], views[2], views[3], views[4], views[5]
    assert [x.discount_minor for x in two.lines] == [885 + 667, 400 + 167, 166]
    assert two.lines[2].final_sale
    assert (three.lines[0].tax_minor, three.shipping_tax_minor) == (1440, 96)
    assert (yen.currency, yen.lines[0].price_minor) == ("JPY", 10800)
    assert cash.payments == []
    assert [x.captured_minor for x in split.payments] == [10000, 2750]
    assert cash.customer.id == views[0].customer.id


def test_an_order_with_one_bad_row_is_refused_whole_and_the_others_come_in(
    database: Database, tmp_path: Path
) -> None:
    path = write(
        tmp_path / "orders.csv",
        GOOD,
        GOOD | {"order_reference": "A-2"},
        {
            "order_reference": "A-1",
            "line": "2",
            "sku": "S",
            "title": "T",
            "quantity": "1.5",
            "unit_price": "1",
        },
        {"order_reference": "jane@canary.example"},
    )
    report = bring_in(database, path)
    assert report == ImportReport(
        1,
        0,
        [
            (4, "quantity: write a whole number."),
            (5, "order_reference: it is missing or not an order's reference."),
        ],
    )


@pytest.mark.parametrize(
    ("changed", "column"),
    [
        ({"unit_price": "9.999"}, "unit_price"),
        ({"unit_price": ""}, "unit_price"),
        ({"unit_price": "-1"}, "unit_price"),
        ({"line_discount": "20"}, "The discount"),
        ({"order_discount": "20"}, "order_discount"),
        ({"customer_email": "jane.canary"}, "customer_email"),
        ({"customer_name": ""}, "customer_name"),
        ({"currency": "canary"}, "currency"),
        ({"ordered_at": "canary"}, "ordered_at"),
        ({"delivered_on": "01/07/2026"}, "delivered_on"),
        ({"tax_included": "canary"}, "tax_included"),
        ({"payment_captured": "5"}, "payment_reference"),
        ({"payment_reference": "pi_1", "payment_captured": "0"}, "payment_captured"),
        (
            {"payment_reference": "pi_1", "payment_captured": "1", "payment_processor": "canary"},
            "payment_processor",
        ),
        ({"line": "0"}, "line"),
    ],
)
def test_a_refusal_names_the_line_and_the_column_and_nothing_else(
    database: Database, tmp_path: Path, changed: dict[str, str], column: str
) -> None:
    [(line, reason)] = bring_in(database, write(tmp_path / "orders.csv", GOOD | changed)).refused
    assert line == 2
    assert reason.startswith(column)
    assert "canary" not in reason.lower()


def test_rows_that_contradict_the_orders_first_row_are_refused(database: Database, tmp_path: Path) -> None:
    path = write(tmp_path / "orders.csv", GOOD, GOOD | {"line": "2", "shipping": "3"})
    assert bring_in(database, path).refused == [
        (3, "shipping: it differs from the order's first row, line 2.")
    ]


def test_an_instant_without_an_offset_is_the_shops(database: Database, tmp_path: Path) -> None:
    bring_in(database, write(tmp_path / "orders.csv", GOOD))
    with database.read() as session:
        assert order_view(session, "A-1").ordered_at == datetime(2026, 7, 1, 9, tzinfo=UTC)


def test_a_payment_of_another_order_refuses_only_the_second(database: Database, tmp_path: Path) -> None:
    paid = GOOD | {"payment_reference": "pi_1", "payment_captured": "19.98"}
    report = bring_in(database, write(tmp_path / "orders.csv", paid, paid | {"order_reference": "A-2"}))
    assert report.imported == 1
    assert [line for line, _ in report.refused] == [3]
    with database.read() as session, pytest.raises(Exception, match="no such order"):
        order_view(session, "A-2")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "lacks the columns"),
        (b"order_reference,line\nA,1\n", "lacks the columns"),
        ((",".join(COLUMNS) + ",mood\n").encode(), "not known"),
        (",".join(COLUMNS).encode() + b"\n\xff\xfe", "not UTF-8"),
        (",".join(COLUMNS).encode() + b'\n"A-1', "not CSV"),
    ],
)
def test_a_file_that_cannot_be_read_says_what_to_do(
    database: Database, tmp_path: Path, content: bytes, sentence: str
) -> None:
    path = tmp_path / "orders.csv"
    path.write_bytes(content)
    with pytest.raises(InvalidInput, match=sentence):
        bring_in(database, path)


def test_a_spreadsheets_byte_order_mark_is_no_part_of_the_first_column(
    database: Database, tmp_path: Path
) -> None:
    path = write(tmp_path / "orders.csv", GOOD)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert bring_in(database, path).imported == 1
