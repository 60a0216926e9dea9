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


def _post(
    connection: Connection, entry: str, rma: str, currency: str, at: datetime, postings: dict[Account, int]
) -> None:
    if sum(postings.values()) != 0:
        raise AssertionError(f"ledger entry {entry} does not balance")
    common = {"entry": entry, "rma": rma, "currency": currency, "at": at}
    rows = [
        {**common, "account": account, "amount_minor": minor} for account, minor in postings.items() if minor
    ]
    append(connection, tables.Posting, rows)


def granted(
    connection: Connection, rma: str, decision: int, currency: str, at: datetime, amounts: Amounts
) -> None:
    """The shop decided: it owes the customer the settlement."""
    _post(connection, f"granted:{rma}:{decision}", rma, currency, at, _settlement(amounts, 1))


def withdrawn(
    connection: Connection, rma: str, decision: int, currency: str, at: datetime, amounts: Amounts
) -> None:
    """A settlement was not approved: the shop does not owe it."""
    _post(connection, f"withdrawn:{rma}:{decision}", rma, currency, at, _settlement(amounts, -1))


def _settlement(amounts: Amounts, sign: int) -> dict[Account, int]:
    return {
        Account.GOODS_RETURNED: sign * amounts.goods_minor,
        Account.TAX_RETURNED: sign * (amounts.goods_tax_minor + amounts.shipping_tax_minor),
        Account.SHIPPING_RETURNED: sign * amounts.shipping_minor,
        Account.OWED_TO_CUSTOMERS: -sign * amounts.total_minor,
    }


def refunded(connection: Connection, refund: RefundRow, at: datetime) -> None:
    """The processor confirmed a refund: the shop owes that much less."""
    _post(connection, f"refunded:{refund.id}", refund.rma, refund.currency, at, {
        Account.OWED_TO_CUSTOMERS: refund.amount_minor,
        Account.PROCESSOR: -refund.amount_minor,
    })  # fmt: skip


def reversed_(connection: Connection, refund: RefundRow, at: datetime) -> None:
    """A confirmed refund came back: the shop owes it again."""
    _post(connection, f"reversed:{refund.id}", refund.rma, refund.currency, at, {
        Account.PROCESSOR: refund.amount_minor,
        Account.OWED_TO_CUSTOMERS: -refund.amount_minor,
    })  # fmt: skip


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
    _post(connection, f"paid:{command_id}", rma, currency, at, {
        Account.OWED_TO_CUSTOMERS: amount_minor,
        _PAID_FROM[how]: -amount_minor,
    })  # fmt: skip
