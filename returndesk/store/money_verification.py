"""Whether the money of a return is what its audit chain says: decisions, refunds and ledger entries (DESIGN 5).

The chain was sealed record by record, so what it says of an amount is held against the tables that pages, exports and
payments are made from. A finding names the row that says something else. Reads four tables for some hundred returns at
once, so a verification of all of them takes few statements and little memory.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, select

from returndesk.domain.audit import Finding
from returndesk.domain.errors import InvalidInput
from returndesk.domain.inputs import PaidHow
from returndesk.domain.money import format_plain
from returndesk.domain.settlement import Amounts
from returndesk.domain.stages import RefundStatus
from returndesk.store import ledger, tables
from returndesk.store.ledger import Sides
from returndesk.store.statements import table_of

_decisions, _refunds, _ledger = table_of(tables.Decision), table_of(tables.Refund), table_of(tables.Posting)
_d, _r, _l = _decisions.c, _refunds.c, _ledger.c
_DECISIONS: Any = select(
    _d.rma, _d.number, _d.goods_minor, _d.goods_tax_minor, _d.shipping_minor, _d.shipping_tax_minor,
    _d.owed_without_refund_minor,
)  # fmt: skip
_REFUNDS: Any = select(_r.rma, _r.id, _r.decision, _r.amount_minor, _r.currency, _r.status)
_LEDGER: Any = select(_l.rma, _l.entry, _l.account, _l.currency, _l.amount_minor)

REFUND = "refund_"
_FAILED = (RefundStatus.FAILED, RefundStatus.CANCELED)


@dataclass
class MoneyRows:
    """What the tables say of one return's money."""

    decisions: dict[int, Amounts] = field(default_factory=dict)
    without_payment: dict[int, int] = field(default_factory=dict)
    refunds: dict[str, Any] = field(default_factory=dict)
    ledger: dict[str, dict[tuple[str, str], int]] = field(default_factory=lambda: defaultdict(dict))


def money_rows(connection: Connection, first: str, last: str) -> Mapping[str, MoneyRows]:
    """What the tables say of the returns from the first RMA to the last one."""
    found: dict[str, MoneyRows] = defaultdict(MoneyRows)
    for row in connection.execute(_DECISIONS.where(_d.rma.between(first, last))):
        of = found[row.rma]
        of.decisions[row.number] = Amounts(
            row.goods_minor, row.goods_tax_minor, row.shipping_minor, row.shipping_tax_minor
        )
        of.without_payment[row.number] = row.owed_without_refund_minor
    for row in connection.execute(_REFUNDS.where(_r.rma.between(first, last))):
        found[row.rma].refunds[row.id] = row
    for row in connection.execute(_LEDGER.where(_l.rma.between(first, last))):
        found[row.rma].ledger[row.entry][row.account, row.currency] = row.amount_minor
    return found


# What the chain says --------------------------------------------------------------------------------


_NUMBERS = {"amount_minor", "total_minor", "decision"}


def _whole(value: Any) -> None:
    if type(value) is not int:
        raise TypeError("not a whole number")


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("not a text")
    return value


def _refund_in(details: Mapping[str, Any]) -> str | None:
    """The refund a record is about; None where it is about money that no refund carries."""
    return None if details["refund"] is None else _text(details["refund"])


@dataclass
class _Told:
    """What one return's chain says of its money. Amounts without a currency are in the return's own."""

    rma: str
    currency: str
    granted: dict[int, int] = field(default_factory=dict)
    without_payment: dict[int, int] = field(default_factory=dict)
    refused: set[int] = field(default_factory=set)
    refunds: dict[str, tuple[int, str]] = field(default_factory=dict)
    statuses: dict[str, RefundStatus] = field(default_factory=dict)
    again: list[tuple[str | None, Sequence[str], int]] = field(default_factory=list)
    by_hand: list[tuple[str | None, int]] = field(default_factory=list)
    entries: dict[str, Sides] = field(default_factory=dict)
    _unplaced_minor: int = 0

    def hear(self, what: str, key: str, details: Mapping[str, Any]) -> None:
        """One record of the chain. Raises what reading raises, and takes nothing in, where it cannot be read."""
        for name in _NUMBERS & details.keys():
            _whole(details[name])
        match what:
            case "no_payment_for":
                self._unplaced_minor = details["amount_minor"]
            case "decided":
                self.granted[details["decision"]] = details["total_minor"]
                self.without_payment[details["decision"]] = self._unplaced_minor
                self._unplaced_minor = 0
            case "refused":
                self.refused.add(details["decision"])
            case "asked_again":
                self.again.append(
                    (_refund_in(details), list(map(_text, details["refunds"])), details["amount_minor"])
                )
            case "paid_by_hand":
                sides = ledger.paid_sides(details["amount_minor"], PaidHow(details["how"]))
                self.by_hand.append((_refund_in(details), details["amount_minor"]))
                self.entries[ledger.paid_name(key)] = sides
            case _ if what.startswith(REFUND):
                self._refund(
                    _text(details["refund"]), RefundStatus(what.removeprefix(REFUND)), details["amount_minor"],
                    _text(details["currency"]),
                )  # fmt: skip

    def _refund(self, refund: str, status: RefundStatus, amount_minor: int, currency: str) -> None:
        self.refunds[refund] = (amount_minor, currency)
        if status is RefundStatus.SUCCEEDED:
            self.entries[ledger.refunded_name(refund)] = ledger.refund_sides(amount_minor)
        elif status in _FAILED and self.statuses.get(refund) is RefundStatus.SUCCEEDED:
            self.entries[ledger.reversed_name(refund)] = ledger.refund_sides(amount_minor, -1)
        self.statuses[refund] = status

    def status_of(self, refund: str, decision: int) -> RefundStatus:
        """How a refund stands, for all the chain says."""
        told = self.statuses.get(refund)
        if told is not None:
            return told
        return RefundStatus.CANCELED if decision in self.refused else RefundStatus.REQUESTED

    def all_entries(self, decisions: Mapping[int, Amounts]) -> dict[str, Sides]:
        """Every entry that has to be in the ledger. A decision's sides are those of its row, where that is whole."""
        entries = dict(self.entries)
        for number, total_minor in self.granted.items():
            amounts = decisions.get(number)
            if amounts is None or amounts.total_minor != total_minor:
                amounts = Amounts(goods_minor=total_minor)
            if total_minor:
                entries[ledger.granted_name(self.rma, number)] = ledger.settlement_sides(amounts)
                if number in self.refused:
                    name = ledger.withdrawn_name(self.rma, number)
                    entries[name] = ledger.settlement_sides(amounts, -1)
        return entries


def verify_money(
    rma: str, currency: str, owed_minor: int, chain: Iterable[tables.AuditRecord], rows: MoneyRows
) -> Iterator[Finding]:
    """What of one return's money is not what its chain says. `owed_minor`: what its row says is owed without a refund."""
    told = _Told(rma, currency)
    for record in chain:
        try:
            told.hear(record.what, record.key, record.details)
        except (AttributeError, KeyError, TypeError, ValueError):
            yield Finding(rma, record.seq, "unreadable", "this record does not say what money it is about.")
    yield from _decisions_of(told, rows)
    wrong = set[str]()
    for finding in _refunds_of(told, rows):
        wrong.add(finding.place)
        yield finding
    yield from _sums_of(told, rows, wrong)
    yield from _ledger_of(told, rows)
    if (should_be := _owed(told, rows)) != owed_minor:
        yield Finding(
            rma, None, "owed_differs",
            f"the return's row says that {_amount(owed_minor, currency)} is owed for which there is no refund, "
            f"the audit chain {_amount(should_be, currency)}.",
            "the return's row",
        )  # fmt: skip


# Held against the tables ----------------------------------------------------------------------------


def _decisions_of(told: _Told, rows: MoneyRows) -> Iterator[Finding]:
    for number in sorted(told.granted.keys() | rows.decisions.keys()):
        place, said = f"decision {number}", told.granted.get(number)
        amounts = rows.decisions.get(number)
        if amounts is None:
            yield Finding(
                told.rma, None, "decision_missing", "the audit chain has it, the decisions do not.", place
            )
        elif said is None:
            yield Finding(
                told.rma, None, "decision_added", "it is among the decisions, not in the audit chain.", place
            )
        elif amounts.total_minor != said:
            yield _differs(
                told, "decision_differs", place, "grants", amounts.total_minor, told.currency, said, told.currency
            )  # fmt: skip
        elif rows.without_payment[number] != told.without_payment[number]:
            yield _differs(
                told, "decision_differs", place, "says that no payment could take", rows.without_payment[number],
                told.currency, told.without_payment[number], told.currency,
            )  # fmt: skip


def _refunds_of(told: _Told, rows: MoneyRows) -> Iterator[Finding]:
    for refund, row in sorted(rows.refunds.items()):
        place = _refund_place(refund)
        minor, currency = told.refunds.get(refund, (row.amount_minor, row.currency))
        if (minor, currency) != (row.amount_minor, row.currency):
            yield _differs(
                told, "refund_differs", place, "says", row.amount_minor, row.currency, minor, currency
            )  # fmt: skip
        status = told.status_of(refund, row.decision)
        if row.status != status:
            yield Finding(
                told.rma, None, "refund_status_differs",
                f"its row says {_words(row.status)}, the audit chain {_words(status)}.", place,
            )  # fmt: skip
    asked_again = {refund for _, refunds, _ in told.again for refund in refunds}
    for refund in sorted((told.refunds.keys() | asked_again) - rows.refunds.keys()):
        yield Finding(
            told.rma, None, "refund_missing", "the audit chain has it, the refunds do not.", _refund_place(refund)
        )  # fmt: skip


def _sums_of(told: _Told, rows: MoneyRows, wrong: set[str]) -> Iterator[Finding]:
    """Refunds that no answer of the processor is written of yet: what was granted is what they come to."""
    again = {refund for _, refunds, _ in told.again for refund in refunds}
    groups: list[tuple[str, Sequence[str], int]] = [
        (
            f"the refunds of decision {number}",
            [x for x, row in rows.refunds.items() if row.decision == number and x not in again],
            granted - told.without_payment[number],
        )
        for number, granted in told.granted.items()
    ]
    groups += [(f"the refunds asked for instead of {was}" if was else "the refunds asked for again", refunds, minor)
               for was, refunds, minor in told.again]  # fmt: skip
    for place, refunds, should_be in groups:
        come_to = sum(rows.refunds[x].amount_minor for x in refunds if x in rows.refunds)
        if come_to != should_be and not any(_refund_place(x) in wrong for x in refunds):
            yield Finding(
                told.rma, None, "refunds_differ",
                f"they come to {_amount(come_to, told.currency)}, the audit chain says "
                f"{_amount(should_be, told.currency)}.",
                place,
            )  # fmt: skip


def _ledger_of(told: _Told, rows: MoneyRows) -> Iterator[Finding]:
    expected = told.all_entries(rows.decisions)
    for entry in sorted(expected.keys() | rows.ledger.keys()):
        place, there = f"ledger entry {entry}", rows.ledger.get(entry)
        if there is None:
            yield Finding(
                told.rma, None, "ledger_missing", "the audit chain calls for it, and it is not here.", place
            )
            continue
        sums: dict[str, int] = defaultdict(int)
        for (_, currency), minor in there.items():
            sums[currency] += minor
        uneven = ", ".join(_amount(minor, currency) for currency, minor in sorted(sums.items()) if minor)
        if uneven:
            yield Finding(
                told.rma, None, "ledger_unbalanced",
                f"it does not balance: its sides come to {uneven} instead of nothing.{_sides_that_differ(told, expected.get(entry), there)}",
                place,
            )  # fmt: skip
        elif entry not in expected:
            yield Finding(told.rma, None, "ledger_added", "nothing in the audit chain calls for it.", place)
        elif differ := _sides_that_differ(told, expected[entry], there):
            yield Finding(told.rma, None, "ledger_differs", differ.strip(), place)


def _sides_that_differ(told: _Told, expected: Sides | None, there: Mapping[tuple[str, str], int]) -> str:
    if expected is None:
        return ""
    should_be = {(str(account), told.currency): minor for account, minor in expected.items()}
    said = [
        f"“{_words(account)}” has {_amount(there.get((account, currency), 0), currency)}, not "
        f"{_amount(should_be.get((account, currency), 0), currency)}"
        for account, currency in sorted(should_be.keys() | there.keys())
        if should_be.get((account, currency), 0) != there.get((account, currency), 0)
    ]
    return f" Held against the audit chain, {' and '.join(said)}." if said else ""


def _owed(told: _Told, rows: MoneyRows) -> int:
    """What is owed for which no payment had the room, after all that was asked for again or paid another way."""
    owed_minor = sum(
        minor for number, minor in told.without_payment.items() if number not in told.refused
    ) - sum(minor for refund, _, minor in told.again if refund is None)
    for refund, paid_minor in told.by_hand:
        if refund is not None and refund in told.refunds:
            owed_minor += told.refunds[refund][0]
        elif refund is not None and refund in rows.refunds:
            owed_minor += rows.refunds[refund].amount_minor
        owed_minor -= paid_minor
    return owed_minor


# Words ----------------------------------------------------------------------------------------------


def _differs(
    told: _Told, code: str, place: str, says: str, minor: int, currency: str, should_be: int, in_currency: str
) -> Finding:
    sentence = (
        f"its row {says} {_amount(minor, currency)}, the audit chain {_amount(should_be, in_currency)}."
    )
    return Finding(told.rma, None, code, sentence, place)


def _refund_place(refund: str) -> str:
    return f"refund {refund}"


def _amount(minor: int, currency: str) -> str:
    try:
        return f"{format_plain(minor, currency)} {currency}"
    except InvalidInput:  # a currency that was tampered with
        return f"{minor} of “{currency}”"


def _words(code: str) -> str:
    return code.replace("_", " ")
