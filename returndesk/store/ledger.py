"""The ledger: double entry, append-only, each entry balanced in its own currency.

An entry's name is a business fact (`granted:…`, `refunded:…`, `reversed:…`, `paid:…`), so writing it twice is an error.
Debits are positive, credits negative.
"""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection

from returndesk.domain.inputs import PaidHow
from returndesk.domain.settlement import Amounts
from returndesk.store import tables
from returndesk.store.return_rows import RefundRow
from returndesk.store.statements import append


class Account(StrEnum):
    """What an amount stands for."""

    GOODS_RETURNED = "goods_returned"
    TAX_RETURNED = "tax_returned"
    SHIPPING_RETURNED = "shipping_returned"
    OWED_TO_CUSTOMERS = "owed_to_customers"
    PROCESSOR = "processor"
    PAID_BY_HAND = "paid_by_hand"
    REFUNDED_ELSEWHERE = "refunded_elsewhere"
    CHARGED_BACK = "charged_back"


_PAID_FROM = {
    PaidHow.BANK_TRANSFER: Account.PAID_BY_HAND,
    PaidHow.CASH: Account.PAID_BY_HAND,
    PaidHow.DASHBOARD: Account.REFUNDED_ELSEWHERE,
    PaidHow.CHARGEBACK: Account.CHARGED_BACK,
}


# What each kind of entry has on which account: written by the functions below, and compared by whoever verifies the books.

Sides = dict[Account, int]
"""An entry's postings: debits above 0, credits below; together nothing."""


def settlement_sides(amounts: Amounts, sign: int = 1) -> Sides:
    """The sides of a settlement: 1 where it is granted, -1 where it is withdrawn."""
    return _those_with_money({
        Account.GOODS_RETURNED: sign * amounts.goods_minor,
        Account.TAX_RETURNED: sign * (amounts.goods_tax_minor + amounts.shipping_tax_minor),
        Account.SHIPPING_RETURNED: sign * amounts.shipping_minor,
        Account.OWED_TO_CUSTOMERS: -sign * amounts.total_minor,
    })  # fmt: skip


def refund_sides(amount_minor: int, sign: int = 1) -> Sides:
    """The sides of a confirmed refund; -1 where it came back."""
    return _those_with_money(
        {Account.OWED_TO_CUSTOMERS: sign * amount_minor, Account.PROCESSOR: -sign * amount_minor}
    )


def paid_sides(amount_minor: int, how: PaidHow) -> Sides:
    """The sides of what was paid another way than by a refund of ours."""
    return _those_with_money({Account.OWED_TO_CUSTOMERS: amount_minor, _PAID_FROM[how]: -amount_minor})


def _those_with_money(sides: Sides) -> Sides:
    return {account: minor for account, minor in sides.items() if minor}


def _post(connection: Connection, entry: str, rma: str, currency: str, at: datetime, sides: Sides) -> None:
    if sum(sides.values()) != 0:
        raise AssertionError(f"ledger entry {entry} does not balance")
    common = {"entry": entry, "rma": rma, "currency": currency, "at": at}
    rows = [{**common, "account": account, "amount_minor": minor} for account, minor in sides.items()]
    append(connection, tables.Posting, rows)


def granted(
    connection: Connection, rma: str, decision: int, currency: str, at: datetime, amounts: Amounts
) -> None:
    """The shop decided: it owes the customer the settlement."""
    _post(connection, granted_name(rma, decision), rma, currency, at, settlement_sides(amounts))


def withdrawn(
    connection: Connection, rma: str, decision: int, currency: str, at: datetime, amounts: Amounts
) -> None:
    """A settlement was not approved: the shop does not owe it."""
    _post(connection, withdrawn_name(rma, decision), rma, currency, at, settlement_sides(amounts, -1))


def refunded(connection: Connection, refund: RefundRow, at: datetime) -> None:
    """The processor confirmed a refund: the shop owes that much less."""
    name = refunded_name(refund.id)
    _post(connection, name, refund.rma, refund.currency, at, refund_sides(refund.amount_minor))


def reversed_(connection: Connection, refund: RefundRow, at: datetime) -> None:
    """A confirmed refund came back: the shop owes it again."""
    name = reversed_name(refund.id)
    _post(connection, name, refund.rma, refund.currency, at, refund_sides(refund.amount_minor, -1))


def paid(
    connection: Connection,
    command_id: str,
    rma: str,
    currency: str,
    at: datetime,
    amount_minor: int,
    how: PaidHow,
) -> None:
    """The customer has money another way than by a refund of ours: the shop owes that much less."""
    _post(connection, paid_name(command_id), rma, currency, at, paid_sides(amount_minor, how))


# What each entry is called: a business fact.


def granted_name(rma: str, decision: int) -> str:
    """The entry of a decision."""
    return f"granted:{rma}:{decision}"


def withdrawn_name(rma: str, decision: int) -> str:
    """The entry of a decision that a manager refused."""
    return f"withdrawn:{rma}:{decision}"


def refunded_name(refund_id: str) -> str:
    """The entry of a confirmed refund."""
    return f"refunded:{refund_id}"


def reversed_name(refund_id: str) -> str:
    """The entry of a confirmed refund that came back."""
    return f"reversed:{refund_id}"


def paid_name(command_id: str) -> str:
    """The entry of the command under which it was recorded that something was paid."""
    return f"paid:{command_id}"
