"""What is owed without a refund: settled in order, of its own decision where it is taken back, and what became of it."""

from datetime import datetime, timedelta

import pytest
from one_return import NOW, RMA, add_return

from returndesk.store import rests, tables
from returndesk.store.database import Database
from returndesk.store.rests import Rest, asked_again

LATER = NOW + timedelta(days=1)


@pytest.fixture
def books(database: Database) -> Database:
    """A return that owes 5.00 and 7.00 of two decisions, and 3.00 that are left of the second one's refund."""
    with database.write() as session:
        add_return(session, "GBP")
        session.flush()
        session.add(tables.Payment(id="p", order_reference="A-1", processor="stripe", reference="pi_1",
                                   captured_minor=9_000, currency="GBP", position=1))  # fmt: skip
        session.flush()
        session.add(tables.Refund(id=f"{RMA}-1", rma=RMA, payment_id="p", amount_minor=900, currency="GBP",
                                  status="failed", parameters_hash="h", decided_at=NOW, decision=2))  # fmt: skip
        session.flush()
        connection = session.connection()
        rests.owe(connection, RMA, "GBP", NOW, 500, 1)
        rests.owe(connection, RMA, "GBP", NOW, 300, 2, f"{RMA}-1")
        rests.owe(connection, RMA, "GBP", NOW, 700, 2)
    return database


def owed(database: Database) -> list[tuple[int, int, str | None]]:
    with database.read() as session:
        found = rests.unsettled(session.connection(), RMA)
    return [(rest.decision, rest.amount_minor, rest.refund_id) for rest in found]


def settle(database: Database, amount_minor: int, decision: int | None = None) -> None:
    with database.write() as session:
        rests.settle(session.connection(), RMA, LATER, amount_minor, "cmd_1", decision)


def test_the_oldest_debt_is_settled_first_and_what_a_part_leaves_is_owed_still(books: Database) -> None:
    settle(books, 600)
    assert owed(books) == [(2, 700, None), (2, 200, f"{RMA}-1")]
    settle(books, 900)
    assert owed(books) == []


def test_what_is_taken_back_is_of_its_own_decision_and_no_part_of_a_refund(books: Database) -> None:
    settle(books, 700, decision=2)
    assert owed(books) == [(1, 500, None), (2, 300, f"{RMA}-1")]


def rest(amount_minor: int, ended_at: datetime | None, ended_by: str | None) -> Rest:
    return Rest(RMA, 1, f"{RMA}-1", 1, amount_minor, "GBP", NOW, ended_at, ended_by)


@pytest.mark.parametrize(
    ("last", "at", "refund"),
    [
        (rest(500, LATER, f"{RMA}-2"), None, f"{RMA}-2"),
        (rest(500, LATER, f"{RMA}-2"), LATER + timedelta(seconds=1), f"{RMA}-2"),
        (rest(500, LATER, f"{RMA}-2"), LATER, None),  # the books of a day end before the next begins
        (rest(500, LATER, "cmd_2"), None, None),  # paid by hand
        (rest(500, None, None), None, None),
    ],
)
def test_what_was_asked_for_instead_of_a_rest_is_known_from_then_on(
    last: Rest, at: datetime | None, refund: str | None
) -> None:
    before = rest(900, NOW, "cmd_1")
    assert asked_again([before, last], at) == refund
    assert asked_again([], at) is None
