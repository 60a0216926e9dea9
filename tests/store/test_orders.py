"""Orders in the books: sent again, changed, protected from change, and their units counted."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from threading import Barrier
from typing import Any

import pytest
from payments_room import room
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from returndesk.domain.errors import NotFound, Refused
from returndesk.domain.orders import OrderInput
from returndesk.domain.settlement import LineShare
from returndesk.store.database import Database
from returndesk.store.orders import Put, order_view, put_order
from returndesk.store.payments import (
    capture_refund,
    note_disputed,
    note_external,
    release,
    reserve,
    reverse_refund,
)
from returndesk.store.tables import Customer, Payment
from returndesk.store.units import claim_units, grant_shipping, grant_units, release_units

NOW = datetime(2026, 3, 9, 12, tzinfo=UTC)
CREATED, CHANGED, UNCHANGED = Put(True, False), Put(False, True), Put(False, False)


def order(**changed: Any) -> OrderInput:
    content = {
        "currency": "GBP",
        "ordered_at": "2026-03-04T10:00:00Z",
        "customer": {"reference": "C-1", "name": "Maud", "email": "maud@shop.example"},
        "lines": [
            {"line": 1, "sku": "A", "title": "Coat", "quantity": 3, "unit_price_minor": 1000},
            {"line": 2, "sku": "B", "title": "Hat", "quantity": 1, "unit_price_minor": 500},
        ],
        "shipping_minor": 395,
        "payments": [{"processor": "stripe", "reference": "pi_1", "captured_minor": 3895}],
    }
    return OrderInput.model_validate(content | changed)


def put(session: Session, sent: OrderInput, reference: str = "A-1") -> Put:
    return put_order(session, reference, sent, now=NOW, secret=b"s")


def line(number: int, **changed: Any) -> dict[str, Any]:
    return order().lines[number - 1].model_dump() | changed


def test_an_order_is_kept_as_it_was_sent(database: Database) -> None:
    with database.write() as session:
        assert put(session, order()) == CREATED
    with database.read() as session:
        view = order_view(session, "A-1")
    assert view.ordered_at == datetime(2026, 3, 4, 10, tzinfo=UTC)
    assert [(x.line, x.quantity, x.price_minor, x.claimed) for x in view.lines] == [
        (1, 3, 3000, 0),
        (2, 1, 500, 0),
    ]
    assert [(x.reference, x.captured_minor) for x in view.payments] == [("pi_1", 3895)]
    assert (view.customer.reference, view.customer.name) == ("C-1", "Maud")


def test_the_same_order_again_changes_nothing(database: Database) -> None:
    with database.write() as session:
        put(session, order())
        before = order_view(session, "A-1")
        assert put(session, order()) == UNCHANGED
        assert order_view(session, "A-1") == before


def test_an_order_that_is_not_there_is_not_found(database: Database) -> None:
    with database.read() as session, pytest.raises(NotFound) as missing:
        order_view(session, "A-1")
    assert missing.value.code == "order_not_found"


def test_an_order_without_returns_may_change_altogether(database: Database) -> None:
    sent = order(
        currency="EUR",
        shipping_minor=0,
        lines=[line(2, quantity=5), line(1, line=7)],
        payments=[{"processor": "stripe", "reference": "pi_2", "captured_minor": 1}],
    )
    with database.write() as session:
        put(session, order())
        assert put(session, sent) == CHANGED
    with database.read() as session:
        view = order_view(session, "A-1")
    assert (view.currency, view.shipping_minor) == ("EUR", 0)
    assert [(x.line, x.quantity) for x in view.lines] == [(2, 5), (7, 3)]
    assert [x.reference for x in view.payments] == ["pi_2"]


@pytest.mark.parametrize(
    "changed",
    [
        {"lines": [line(1, quantity=2), line(2)]},
        {"lines": [line(1, unit_price_minor=1), line(2)]},
        {"lines": [line(2)]},
        {"discount_minor": 5},
        {"shipping_minor": 0},
        {"currency": "EUR"},
        {"payments": []},
        {"payments": [{"processor": "stripe", "reference": "pi_1", "captured_minor": 1}]},
    ],
)
def test_what_a_return_was_built_on_does_not_change(database: Database, changed: dict[str, Any]) -> None:
    with database.write() as session:
        put(session, order())
        claim_units(session.connection(), "A-1", 1, 1)
        [payment_id] = session.exec(select(Payment.id))
        reserve(session.connection(), payment_id, 100)
        before = order_view(session, "A-1")
    with pytest.raises(Refused) as refused, database.write() as session:
        put(session, order(**changed))
    assert refused.value.code == "order_in_use"
    with database.read() as session:
        assert order_view(session, "A-1") == before


def test_beside_a_return_everything_else_may_change(database: Database) -> None:
    sent = order(
        delivered_on="2026-03-06",
        customer={"reference": "C-1", "name": "Maud Ellery", "email": "new@shop.example"},
        lines=[line(1), line(2, quantity=4)],
        payments=[
            order().payments[0].model_dump(),
            {"processor": "stripe", "reference": "pi_2", "captured_minor": 9},
        ],
    )
    with database.write() as session:
        put(session, order())
        claim_units(session.connection(), "A-1", 1, 2)
        assert put(session, sent) == CHANGED
    with database.read() as session:
        view = order_view(session, "A-1")
    assert view.delivered_on == date(2026, 3, 6)
    assert view.customer.name == "Maud Ellery"
    assert [(x.quantity, x.claimed) for x in view.lines] == [(3, 2), (4, 0)]
    assert len(view.payments) == 2


def test_orders_of_one_customer_reference_share_the_customer(database: Database) -> None:
    moved = {"reference": "C-1", "name": "Maud", "email": "moved@shop.example"}
    with database.write() as session:
        put(session, order())
        put(session, order(customer=moved, payments=[]), "A-2")
    with database.read() as session:
        assert order_view(session, "A-1").customer == order_view(session, "A-2").customer
        assert order_view(session, "A-1").customer.email == "moved@shop.example"


def test_a_customer_without_a_reference_leaves_nothing_behind_when_they_get_one(database: Database) -> None:
    nameless = {"name": "Maud", "email": "maud@shop.example"}
    with database.write() as session:
        put(session, order(customer=nameless))
        put(session, order(customer=nameless | {"name": "Maud E."}))
        put(session, order(customer=nameless | {"reference": "C-9"}))
        assert [x.reference for x in session.exec(select(Customer))] == ["C-9"]


def test_a_payment_belongs_to_one_order_only(database: Database) -> None:
    with database.write() as session:
        put(session, order())
    with pytest.raises(Refused) as refused, database.write() as session:
        put(session, order(), "A-2")
    assert refused.value.code == "payment_taken"
    with database.read() as session, pytest.raises(NotFound):
        order_view(session, "A-2")


def test_one_order_sent_twice_at_once_is_created_once(database: Database) -> None:
    barrier = Barrier(4)

    def send(_: int) -> Put:
        barrier.wait()
        with database.write() as session:
            return put(session, order())

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(send, range(4)), key=str) == [UNCHANGED] * 3 + [CREATED]


def test_units_are_claimed_released_and_granted_within_the_line(database: Database) -> None:
    with database.write() as session:
        put(session, order())
        assert not claim_units(session.connection(), "A-1", 1, 4)
        assert claim_units(session.connection(), "A-1", 1, 3)
        assert not claim_units(session.connection(), "A-1", 1, 1)
        grant_units(session.connection(), "A-1", LineShare(1, 2, 20, 0))
        with pytest.raises(LookupError):
            release_units(session.connection(), "A-1", 1, 2)
        release_units(session.connection(), "A-1", 1, 1)
        with pytest.raises(LookupError):
            grant_units(session.connection(), "A-1", LineShare(1, 1, 0, 0))
        assert not claim_units(session.connection(), "A-1", 9, 1)
    with database.read() as session:
        assert [(x.claimed, x.granted) for x in order_view(session, "A-1").lines] == [(2, 2), (0, 0)]


def test_the_delivery_is_given_back_once(database: Database) -> None:
    with database.write() as session:
        put(session, order())
        assert [grant_shipping(session.connection(), "A-1"), grant_shipping(session.connection(), "A-1")] == [
            True,
            False,
        ]


def test_a_payment_gives_back_what_it_captured_and_no_more(database: Database) -> None:
    """medusa #4052: more was given back than had been taken."""
    with database.write() as session:
        put(session, order())
        payment = session.exec(select(Payment.id)).one()
        assert not reserve(session.connection(), payment, 3896)
        assert reserve(session.connection(), payment, 3895)
        assert room(session, payment) == 0
        release(session.connection(), payment, 1000)
        capture_refund(session.connection(), payment, 2895)
        assert room(session, payment) == 1000
        reverse_refund(session.connection(), payment, 2895)
        assert room(session, payment) == 3895
        assert room(session, "nobody's") == 0


def test_money_gone_elsewhere_lowers_the_room_and_noting_it_never_fails(database: Database) -> None:
    with database.write() as session:
        put(session, order())
        payment = session.exec(select(Payment.id)).one()
        assert reserve(session.connection(), payment, 3000)
        note_external(session.connection(), payment, 500)
        note_disputed(session.connection(), payment, 300)
        assert room(session, payment) == 95
        assert not reserve(session.connection(), payment, 96)
        note_external(session.connection(), payment, 3895)
        assert room(session, payment) == 0


def test_more_than_was_reserved_is_never_released_or_refunded(database: Database) -> None:
    with database.write() as session:
        put(session, order())
        payment = session.exec(select(Payment.id)).one()
        reserve(session.connection(), payment, 100)
    for move in (release, capture_refund, reverse_refund):
        with pytest.raises(IntegrityError), database.write() as session:
            move(session, payment, 101)
    with database.read() as session:
        row = session.exec(select(Payment).where(col(Payment.id) == payment)).one()
        assert (row.reserved_minor, row.refunded_minor) == (100, 0)


@pytest.mark.parametrize("amount_minor", [0, -1])
def test_no_amount_is_moved_backwards(database: Database, amount_minor: int) -> None:
    with database.write() as session:
        put(session, order())
        payment = session.exec(select(Payment.id)).one()
        for move in (reserve, release, capture_refund, reverse_refund):
            with pytest.raises(ValueError, match="above 0"):
                move(session, payment, amount_minor)
