"""The ledger: every entry balances, and is written once."""

from collections import defaultdict

import pytest
from one_return import NOW, RMA, add_return
from sqlalchemy.exc import IntegrityError
from sqlmodel import select

from returndesk.domain.settlement import Amounts
from returndesk.domain.stages import RefundStatus
from returndesk.store import ledger, tables
from returndesk.store.database import Database
from returndesk.store.return_rows import RefundRow

AMOUNTS = Amounts(18000, 1440, 1200, 96, shipping_granted=True)


@pytest.fixture
def books(database: Database) -> Database:
    """Books with a return that postings may refer to."""
    with database.write() as session:
        add_return(session, "USD")
    return database


def refund() -> RefundRow:
    return RefundRow(
        id=f"{RMA}-1", rma=RMA, payment_id="p", amount_minor=20736, currency="USD", status=RefundStatus.SUCCEEDED,
        parameters_hash="h", decided_at=NOW,
    )  # fmt: skip


def balances(database: Database) -> dict[str, int]:
    sums: defaultdict[str, int] = defaultdict(int)
    entries: defaultdict[str, int] = defaultdict(int)
    with database.read() as session:
        for row in session.exec(select(tables.Posting)):
            assert row.amount_minor != 0
            assert row.currency == "USD"
            sums[row.account] += row.amount_minor
            entries[row.entry] += row.amount_minor
    assert not any(entries.values()), "every entry balances"
    return dict(sums)


def test_what_is_granted_is_owed_with_its_tax_apart(books: Database) -> None:
    with books.write() as session:
        ledger.granted(session.connection(), RMA, 1, "USD", NOW, AMOUNTS)
    assert balances(books) == {
        "goods_returned": 18000, "tax_returned": 1536, "shipping_returned": 1200, "owed_to_customers": -20736,
    }  # fmt: skip


def test_a_refund_pays_what_is_owed_and_a_reversal_owes_it_again(books: Database) -> None:
    with books.write() as session:
        ledger.granted(session.connection(), RMA, 1, "USD", NOW, AMOUNTS)
        ledger.refunded(session.connection(), refund(), NOW)
    assert balances(books)["owed_to_customers"] == 0
    assert balances(books)["processor"] == -20736
    with books.write() as session:
        ledger.reversed_(session.connection(), refund(), NOW)
    assert balances(books)["owed_to_customers"] == -20736
    assert balances(books)["processor"] == 0


@pytest.mark.parametrize("entry", ["granted", "refunded", "reversed"])
def test_no_entry_is_written_twice(books: Database, entry: str) -> None:
    def post() -> None:
        with books.write() as session:
            if entry == "granted":
                ledger.granted(session.connection(), RMA, 1, "USD", NOW, AMOUNTS)
            else:
                {"refunded": ledger.refunded, "reversed": ledger.reversed_}[entry](
                    session.connection(), refund(), NOW
                )

    post()
    before = balances(books)
    with pytest.raises(IntegrityError):
        post()
    assert balances(books) == before
