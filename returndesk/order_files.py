"""Orders from a CSV file: each order wholly or not at all, and every refusal with its line and reason.

A row is one line of an order; an order's rows stand anywhere in the file. What belongs to the whole order (its
date, customer, shipping…) stands in its first row, and is the same or left empty in the others. Each different
`payment_reference` is a payment of its own. Amounts are decimal text in the order's currency (12.34), files are
UTF-8, instants ISO 8601; one without an offset is in the shop's zone. A template is `examples/orders.csv`.

Orders are written a batch a transaction, each in a savepoint of its own: an interrupted import leaves whole orders
behind, and the same file again goes on where it stopped. Reasons name columns, never what stood in them.
"""

import csv
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from returndesk.domain.errors import InvalidInput, Refused
from returndesk.domain.mistakes import REFERENCE, Mistake, mistakes
from returndesk.domain.money import exponent, parse_minor
from returndesk.domain.orders import OrderInput
from returndesk.store.database import Database
from returndesk.store.orders import put_order

_NEEDED = (
    "order_reference", "ordered_at", "currency", "customer_name", "customer_email", "line", "sku", "title",
    "quantity", "unit_price",
)  # fmt: skip
_WHOLE_ORDER = (
    "ordered_at", "delivered_on", "currency", "customer_reference", "customer_name", "customer_email",
    "customer_phone", "customer_address", "tax_included", "order_discount", "shipping", "shipping_tax",
)  # fmt: skip
_PAYMENT = ("payment_processor", "payment_reference", "payment_captured", "payment_label")
COLUMNS = (*dict.fromkeys(_NEEDED + _WHOLE_ORDER + _PAYMENT), "line_discount", "line_tax", "final_sale")
"""Every column a file may have; all but the first ten may be missing."""

ADDRESS_SEPARATOR = "|"
_BATCH = 50
_FLAGS = {"": None, "true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_REFERENCE_MAX = 64


@dataclass(frozen=True)
class ImportReport:
    """What came of a file. `imported` orders are new or changed; `refused` has a line of the file and a reason."""

    imported: int
    unchanged: int
    refused: list[tuple[int, str]]


@dataclass(frozen=True)
class _Row:
    line: int
    cells: dict[str, str]


@dataclass
class _Draft:
    """An order's rows, and what is wrong with them so far."""

    rows: list[_Row] = field(default_factory=list)
    reasons: list[tuple[int, str]] = field(default_factory=list)


def import_orders(
    database: Database,
    path: Path,
    *,
    zone: ZoneInfo,
    now: datetime,
    secret: bytes,
    progress: Callable[[int, int], None],
) -> ImportReport:
    """Bring a file's orders into the books. `progress` is told how many orders are done, and of how many.

    Raises `InvalidInput` (`orders_unreadable`, `orders_columns`) when the file as a whole cannot be read: then
    nothing was imported.
    """
    drafts, refused = _drafts(path)
    orders: list[tuple[int, str, OrderInput]] = []
    for reference, draft in drafts.items():
        order = _order(draft, zone)
        if order is not None:
            orders.append((draft.rows[0].line, reference, order))
        refused += draft.reasons
    imported = unchanged = 0
    for start in range(0, len(orders), _BATCH):
        batch = orders[start : start + _BATCH]
        new, same, taken = _write(database, batch, now, secret)
        imported, unchanged, refused = imported + new, unchanged + same, refused + taken
        progress(start + len(batch), len(orders))
    return ImportReport(imported, unchanged, sorted(refused))


def _write(
    database: Database, batch: Sequence[tuple[int, str, OrderInput]], now: datetime, secret: bytes
) -> tuple[int, int, list[tuple[int, str]]]:
    imported = unchanged = 0
    refused: list[tuple[int, str]] = []
    with database.write() as session:
        for line, reference, order in batch:
            try:
                with session.begin_nested():
                    done = put_order(session, reference, order, now=now, secret=secret)
            except Refused as refusal:
                refused.append((line, refusal.sentence))
                continue
            imported += done.created or done.changed
            unchanged += not (done.created or done.changed)
    return imported, unchanged, refused


def _drafts(path: Path) -> tuple[dict[str, _Draft], list[tuple[int, str]]]:
    """The file's orders as they first appear, and the rows that belong to none."""
    drafts: dict[str, _Draft] = {}
    homeless: list[tuple[int, str]] = []
    for row, is_whole in _rows(path):
        reference = row.cells.get("order_reference", "")
        if len(reference) > _REFERENCE_MAX or not re.match(REFERENCE, reference):
            homeless.append((row.line, "order_reference: it is missing or not an order's reference."))
            continue
        draft = drafts.setdefault(reference, _Draft())
        draft.rows.append(row)
        if not is_whole:
            draft.reasons.append((row.line, "The row has more or fewer cells than the header."))
    return drafts, homeless


def _rows(path: Path) -> Iterator[tuple[_Row, bool]]:
    """Every row with the line it begins at, and whether it has as many cells as the header."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            header = [name.strip() for name in next(reader, [])]
            _check_header(header)
            line = reader.line_num + 1
            for cells in reader:
                if any(cell.strip() for cell in cells):
                    row = {name: cell.strip() for name, cell in zip(header, cells, strict=False)}
                    yield _Row(line, row), len(cells) == len(header)
                line = reader.line_num + 1
    except UnicodeDecodeError:
        raise InvalidInput("orders_unreadable", "The file is not UTF-8. Save it as CSV UTF-8.") from None
    except csv.Error:
        raise InvalidInput(
            "orders_unreadable", "The file is not CSV: a quote is not closed, or a cell is huge."
        ) from None
    except OSError as error:
        raise InvalidInput("orders_unreadable", f"The file cannot be read: {error.strerror}.") from None


def _check_header(header: Sequence[str]) -> None:
    missing = [name for name in _NEEDED if name not in header]
    if missing:
        raise InvalidInput("orders_columns", f"The file lacks the columns {', '.join(missing)}.")
    if len(set(header)) < len(header) or not set(header) <= set(COLUMNS):
        raise InvalidInput(
            "orders_columns",
            f"The file has a column twice, or one that is not known. Known are: {', '.join(COLUMNS)}.",
        )


def _order(draft: _Draft, zone: ZoneInfo) -> OrderInput | None:
    """The order a draft stands for; None, and the draft has the reasons, when there is none."""
    reading = _Reading(draft, zone)
    content = reading.order()
    if draft.reasons:
        return None
    try:
        return OrderInput.model_validate(content)
    except ValidationError as error:
        for mistake in mistakes(error.errors()):
            draft.reasons.append(reading.located(mistake))
    return None


class _Reading:
    """Turns a draft's cells into what `OrderInput` takes, noting in the draft what cannot be."""

    def __init__(self, draft: _Draft, zone: ZoneInfo) -> None:
        self._draft = draft
        self._zone = zone
        self._first = draft.rows[0]
        self._payment_rows: list[_Row] = []
        self._currency = self._first.cells.get("currency", "")

    def order(self) -> dict[str, Any]:
        """The whole order."""
        try:
            exponent(self._currency)
        except InvalidInput as error:
            self._note(self._first, "currency", error.sentence)
            return {}
        first = self._first
        for row in self._draft.rows[1:]:
            for name in _WHOLE_ORDER:
                if row.cells.get(name, "") not in ("", first.cells.get(name, "")):
                    self._note(row, name, f"it differs from the order's first row, line {first.line}.")
        return {
            "currency": self._currency,
            "ordered_at": self._instant(first.cells.get("ordered_at", "")),
            "delivered_on": first.cells.get("delivered_on") or None,
            "tax_included": self._flag(first, "tax_included", default=True),
            "customer": self._customer(),
            "lines": [self._line(row) for row in self._draft.rows],
            "discount_minor": self._minor(first, "order_discount"),
            "shipping_minor": self._minor(first, "shipping"),
            "shipping_tax_minor": self._minor(first, "shipping_tax"),
            "payments": self._payments(),
        }

    def located(self, mistake: Mistake) -> tuple[int, str]:
        """The file's line and the column's name for a mistake in the order."""
        row, name = self._first, ""
        match mistake.path:
            case ("lines", int(position), *rest):
                row = self._draft.rows[position]
                name = str(rest[0]) if rest else ""
                name = f"line_{name}" if name in ("discount_minor", "tax_minor") else name
            case ("payments", int(position), part, *_):
                row, name = self._payment_rows[position], f"payment_{part}"
            case ("customer", part, *_):
                name = f"customer_{part}"
            case ("discount_minor",):
                name = "order_discount"
            case (part, *_):
                name = str(part)
        column = name.removesuffix("_minor")
        return row.line, f"{column}: {mistake.problem}" if column else mistake.problem

    def _customer(self) -> dict[str, Any]:
        cells = self._first.cells
        address = cells.get("customer_address", "").split(ADDRESS_SEPARATOR)
        return {
            "reference": cells.get("customer_reference") or None,
            "name": cells.get("customer_name", ""),
            "email": cells.get("customer_email", ""),
            "phone": cells.get("customer_phone") or None,
            "address": [part.strip() for part in address if part.strip()],
        }

    def _line(self, row: _Row) -> dict[str, Any]:
        return {
            "line": self._whole(row, "line"),
            "sku": row.cells.get("sku", ""),
            "title": row.cells.get("title", ""),
            "quantity": self._whole(row, "quantity"),
            "unit_price_minor": self._minor(row, "unit_price", needed=True),
            "discount_minor": self._minor(row, "line_discount"),
            "tax_minor": self._minor(row, "line_tax"),
            "final_sale": self._flag(row, "final_sale", default=False),
        }

    def _payments(self) -> list[dict[str, Any]]:
        found: dict[str, _Row] = {}
        for row in self._draft.rows:
            reference = row.cells.get("payment_reference", "")
            known = found.setdefault(reference, row)
            if any(row.cells.get(name, "") not in ("", known.cells.get(name, "")) for name in _PAYMENT):
                self._note(
                    row, "payment_reference", f"this payment differs from its first row, line {known.line}."
                )
            if not reference and any(row.cells.get(name) for name in _PAYMENT):
                self._note(row, "payment_reference", "it is missing.")
        found.pop("", None)
        self._payment_rows = list(found.values())
        return [
            {
                "processor": row.cells.get("payment_processor") or "stripe",
                "reference": reference,
                "captured_minor": self._minor(row, "payment_captured", needed=True),
                "label": row.cells.get("payment_label") or None,
            }
            for reference, row in found.items()
        ]

    def _instant(self, text: str) -> object:
        try:
            read = datetime.fromisoformat(text)
        except ValueError:
            return text  # refused with the sentence for it
        return read if read.tzinfo else read.replace(tzinfo=self._zone)

    def _minor(self, row: _Row, column: str, *, needed: bool = False) -> int:
        text = row.cells.get(column, "")
        if not text and not needed:
            return 0
        try:
            return parse_minor(text, self._currency)
        except InvalidInput as error:
            self._note(row, column, error.sentence)
            return 0

    def _whole(self, row: _Row, column: str) -> int:
        text = row.cells.get(column, "")
        if re.fullmatch(r"[0-9]{1,9}", text):
            return int(text)
        self._note(row, column, "write a whole number.")
        return 0

    def _flag(self, row: _Row, column: str, *, default: bool) -> bool:
        text = row.cells.get(column, "").lower()
        if text not in _FLAGS:
            self._note(row, column, "write true or false.")
        flag = _FLAGS.get(text)
        return default if flag is None else flag

    def _note(self, row: _Row, column: str, sentence: str) -> None:
        self._draft.reasons.append((row.line, f"{column}: {sentence}"))
