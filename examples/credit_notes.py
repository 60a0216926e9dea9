"""A retailer's invoices and credit notes, and which credited line gives back which purchase.

The file is the UCI "Online Retail" table: one row a line, InvoiceNo with a C in front for a credit note. A credited
line is matched with the earliest purchase line of the same customer, product and price, made not later than the
credit, that has all the units left (one purchase line, no splitting). All lines of one credit note that give back
purchases of one invoice are one return. Prices are read exactly; no float touches them.
"""

import csv
import gzip
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from returndesk.domain.errors import InvalidInput
from returndesk.domain.money import parse_minor

CURRENCY = "GBP"

_COLUMNS = {"InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID"}

NO_CUSTOMER = "no_customer"
NO_EARLIER_PURCHASE = "no_earlier_purchase"
NOT_ENOUGH_UNITS_LEFT = "not_enough_units_left"


@dataclass(frozen=True)
class Line:
    """A line of an invoice or of a credit note; `number` counts from 1 on each. Units and prices are positive."""

    document: str
    number: int
    product: str
    title: str
    units: int
    unit_price_minor: int
    customer: str
    at: datetime

    @property
    def worth_minor(self) -> int:
        """What all its units cost."""
        return self.units * self.unit_price_minor


@dataclass(frozen=True)
class GoodsBack:
    """What one credit note gives back of one invoice: units by the invoice's line."""

    credit_note: str
    invoice: str
    units: dict[int, int] = field(default_factory=dict)
    credited_minor: list[int] = field(default_factory=list)

    @property
    def worth_minor(self) -> int:
        """What the credit note pays back for it."""
        return sum(self.credited_minor)


@dataclass(frozen=True)
class Matching:
    """The returns to run, and why some credited lines are none."""

    returns: tuple[GoodsBack, ...]
    not_run: dict[str, int]


@dataclass(frozen=True)
class Books:
    """The invoices' positive lines, by invoice, and the credit notes' lines, both as the files have them."""

    invoices: dict[str, list[Line]]
    credits: list[Line]


def read_books(paths: Iterable[Path]) -> Books:
    """Read the files, plain or gzipped. Lines with nothing sold or for free are no purchases."""
    invoices: dict[str, list[Line]] = defaultdict(list)
    credited: list[Line] = []
    lines_on: Counter[str] = Counter()
    for row in _rows(paths):
        document, units = row["InvoiceNo"], int(row["Quantity"])
        is_credit = document.startswith("C")
        price = parse_minor(row["UnitPrice"], CURRENCY)
        if not is_credit and (units <= 0 or price <= 0):
            continue
        lines_on[document] += 1
        line = Line(
            document=document,
            number=lines_on[document],
            product=row["StockCode"],
            title=row["Description"].strip() or row["StockCode"],
            units=abs(units),
            unit_price_minor=price,
            customer=row["CustomerID"].removesuffix(".0"),
            at=datetime.fromisoformat(row["InvoiceDate"]),
        )
        (credited if is_credit else invoices[document]).append(line)
    return Books(dict(invoices), credited)


def _rows(paths: Iterable[Path]) -> Iterator[dict[str, str]]:
    for path in paths:
        opening = gzip.open if path.suffix == ".gz" else open
        with opening(path, "rt", encoding="utf-8", newline="") as file:
            table = csv.DictReader(file)
            missing = _COLUMNS - set(table.fieldnames or ())
            if missing:
                raise InvalidInput(
                    "not_retail_lines",
                    f"{path.name} is not a table of the retailer's lines: it has no column "
                    f"{', '.join(sorted(missing))}. Nothing was run. Give the .csv or .csv.gz file itself.",
                )
            yield from table


def match(books: Books) -> Matching:
    """Find the purchase of every credited line, the credits in the order in which they were given."""
    purchases = _purchases(books.invoices.values())
    left = {line: line.units for lines in purchases.values() for line in lines}
    returns: dict[tuple[str, str], GoodsBack] = {}
    not_run: Counter[str] = Counter()
    for credit in sorted(books.credits, key=lambda line: line.at):
        if not credit.customer:
            not_run[NO_CUSTOMER] += 1
            continue
        earlier = [line for line in purchases.get(_key(credit), ()) if line.at <= credit.at]
        purchase = next((line for line in earlier if left[line] >= credit.units), None)
        if purchase is None:
            not_run[NOT_ENOUGH_UNITS_LEFT if earlier else NO_EARLIER_PURCHASE] += 1
            continue
        left[purchase] -= credit.units
        key = (credit.document, purchase.document)
        back = returns.setdefault(key, GoodsBack(*key))
        back.units[purchase.number] = back.units.get(purchase.number, 0) + credit.units
        back.credited_minor.append(credit.worth_minor)
    return Matching(tuple(returns.values()), dict(not_run))


def _purchases(invoices: Iterable[Sequence[Line]]) -> dict[tuple[str, str, int], list[Line]]:
    """All purchase lines by who bought what at which price, the earliest first."""
    by_key: dict[tuple[str, str, int], list[Line]] = defaultdict(list)
    for lines in invoices:
        for line in lines:
            by_key[_key(line)].append(line)
    for lines in by_key.values():
        lines.sort(key=lambda line: line.at)
    return by_key


def _key(line: Line) -> tuple[str, str, int]:
    return line.customer, line.product, line.unit_price_minor
