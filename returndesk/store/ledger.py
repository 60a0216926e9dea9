"""The ledger: double entry, append-only, each entry balanced in its own currency.

An entry's name is a business fact (`granted:…`, `refunded:…`, `reversed:…`), so writing it twice is an error.
Debits are positive, credits negative.
"""

from datetime import datetime
from enum import StrEnum

from sqlmodel import Session

from returndesk.domain.settlement import Amounts
from returndesk.store import tables


class Account(StrEnum):
    """What an amount stands for."""

    GOODS_RETURNED = "goods_returned"
    TAX_RETURNED = "tax_returned"
    SHIPPING_RETURNED = "shipping_returned"
    OWED_TO_CUSTOMERS = "owed_to_customers"
    PROCESSOR = "processor"


def _post(
    session: Session, entry: str, rma: str, currency: str, at: datetime, postings: dict[Account, int]
) -> None:
    if sum(postings.values()) != 0:
        raise AssertionError(f"ledger entry {entry} does not balance")
    for account, amount_minor in postings.items():
        if amount_minor:
            session.add(
                tables.Posting(
                    entry=entry, account=account, rma=rma, currency=currency, amount_minor=amount_minor, at=at
                )
            )


def granted(session: Session, rma: str, currency: str, at: datetime, amounts: Amounts) -> None:
    """The shop decided: it owes the customer the settlement."""
    _post(session, f"granted:{rma}", rma, currency, at, {
        Account.GOODS_RETURNED: amounts.goods_minor,
        Account.TAX_RETURNED: amounts.goods_tax_minor + amounts.shipping_tax_minor,
        Account.SHIPPING_RETURNED: amounts.shipping_minor,
        Account.OWED_TO_CUSTOMERS: -amounts.total_minor,
    })  # fmt: skip


def refunded(session: Session, refund: tables.Refund, at: datetime) -> None:
    """The processor confirmed a refund: the shop owes that much less."""
    _post(session, f"refunded:{refund.id}", refund.rma, refund.currency, at, {
        Account.OWED_TO_CUSTOMERS: refund.amount_minor,
        Account.PROCESSOR: -refund.amount_minor,
    })  # fmt: skip


def reversed_(session: Session, refund: tables.Refund, at: datetime) -> None:
    """A confirmed refund came back: the shop owes it again."""
    _post(session, f"reversed:{refund.id}", refund.rma, refund.currency, at, {
        Account.PROCESSOR: refund.amount_minor,
        Account.OWED_TO_CUSTOMERS: -refund.amount_minor,
    })  # fmt: skip
