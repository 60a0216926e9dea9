"""Tables as files, in constant memory however long they are: CSV (RFC 4180, UTF-8) and XLSX.

What holds for both: no text is ever a formula, whoever wrote it; amounts are exact, with the decimals of their
currency; instants are ISO 8601 in UTC. A CSV text that a spreadsheet would take for a formula is given an apostrophe;
in XLSX a text is a text, also one of digits alone.
"""

import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from io import StringIO
from typing import Any, BinaryIO

from xlsxwriter import Workbook
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from returndesk.domain.money import exponent, format_plain


@dataclass(frozen=True)
class Money:
    """An amount in minor units of its currency. At most 15 digits, which a spreadsheet's number keeps exactly."""

    minor: int
    currency: str


Cell = str | int | Money | datetime | date | None
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
_LINES_AT_ONCE = 500
_WIDTHS = {"text": 18, "instant": 28, "day": 12}


def iso_utc(instant: datetime) -> str:
    """ISO 8601, UTC, to the microsecond."""
    if instant.utcoffset() is None or instant.utcoffset():
        raise ValueError("an instant that is written to a file is UTC")
    return instant.isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


def csv_chunks(head: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Iterator[str]:
    """The table as CSV, some hundred lines at a time."""
    text = StringIO()
    writer = csv.writer(text)
    writer.writerow(head)
    for number, row in enumerate(rows, start=1):
        writer.writerow([_csv(cell) for cell in row])
        if number % _LINES_AT_ONCE == 0:
            yield text.getvalue()
            text.seek(0)
            text.truncate()
    yield text.getvalue()


def _csv(cell: Cell) -> str:
    # By its type alone: a file has millions of cells.
    return _WRITTEN[type(cell)](cell)


def _harmless(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text


_WRITTEN: dict[type, Callable[[Any], str]] = {
    type(None): lambda _: "",
    Money: lambda amount: format_plain(amount.minor, amount.currency),
    str: _harmless,
    datetime: iso_utc,
    date: date.isoformat,
    int: str,
}


@dataclass(frozen=True)
class Sheet:
    """One sheet of a workbook, its rows taken one by one."""

    name: str
    head: Sequence[str]
    rows: Iterable[Sequence[Cell]]


def write_xlsx(file: BinaryIO, sheets: Iterable[Sheet]) -> None:
    """The sheets as a workbook. A row is written out before the next one is taken."""
    with Workbook(file, {"constant_memory": True, "default_date_format": "yyyy-mm-dd"}) as book:
        looks = _Looks(book)
        for sheet in sheets:
            _write_sheet(book.add_worksheet(sheet.name), sheet, looks)


class _Looks:
    """How a workbook shows its cells; a format for each number of decimals."""

    def __init__(self, book: Workbook) -> None:
        self.head = book.add_format({"bold": True})
        self.text = book.add_format({"num_format": "@"})
        self.day = book.add_format({"num_format": "yyyy-mm-dd"})
        self._book = book
        self._money: dict[int, Format] = {}

    def money(self, currency: str) -> Format:
        decimals = exponent(currency)
        if decimals not in self._money:
            zeros = f"0.{'0' * decimals}" if decimals else "0"
            self._money[decimals] = self._book.add_format({"num_format": zeros})
        return self._money[decimals]


def _write_sheet(page: Worksheet, sheet: Sheet, looks: _Looks) -> None:
    page.freeze_panes(1, 1)
    for column, name in enumerate(sheet.head):
        page.set_column(column, column, _WIDTHS.get(name.rpartition("_")[2].replace("at", "instant"), 18))
    page.write_row(0, 0, sheet.head, looks.head)
    for number, row in enumerate(sheet.rows, start=1):
        for column, cell in enumerate(row):
            _write(page, number, column, cell, looks)


def _write(page: Worksheet, row: int, column: int, cell: Cell, looks: _Looks) -> None:
    match cell:
        case None:
            return
        case Money():
            exact = Decimal(format_plain(cell.minor, cell.currency))
            page.write_number(row, column, exact, looks.money(cell.currency))
        case str():
            page.write_string(row, column, cell, looks.text)
        case datetime():
            page.write_string(row, column, iso_utc(cell))
        case date():
            page.write_datetime(row, column, cell, looks.day)
        case _:
            page.write_number(row, column, cell)
