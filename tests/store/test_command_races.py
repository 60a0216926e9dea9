"""One command carried out by two at once, as when an attempt was given up while its database was slow: it counts once."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from in_process import api_desk
from sqlalchemy import text, update
from sqlmodel import select

from returndesk.domain.orders import OrderInput
from returndesk.domain.people import Actor, Role
from returndesk.domain.stages import CommandKind
from returndesk.messages import Outcome, Step
from returndesk.store import tables
from returndesk.store.commands import Asked, Contact, Written, new_id, write_down
from returndesk.store.database import Database
from returndesk.store.orders import put_order
from returndesk.store.statements import table_of
from returndesk.store.units import order_terms

RMA = "RMA-7K3M-Q9TX"
WAIT_SECONDS_MAX = 20.0
ORDER = OrderInput.model_validate(
    {
        "currency": "GBP",
        "ordered_at": "2026-03-01T10:00:00Z",
        "customer": {"name": "Maud", "email": "maud@shop.example"},
        "lines": [{"line": 1, "sku": "A", "title": "Socks", "quantity": 2, "unit_price_minor": 100}],
        "payments": [{"processor": "stripe", "reference": "pi_1", "captured_minor": 200}],
    }
)
_HELD = update(table_of(tables.OrderLine)).values(final_sale=False)
_WAITING = text(
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
)


class Books:
    """A PostgreSQL's books, and commands that are carried out on them without Temporal."""

    def __init__(self, database: Database, clock: Any, folder: Path) -> None:
        self.database = database
        self.clock = clock
        self.desk = api_desk(database, clock, folder / "mailbox.db")
        with database.write() as session:
            put_order(session, "A-1", ORDER, now=clock.now(), secret=b"s")
            self.desk.policies.remember(session, self.desk.policy, clock.now())

    def written(self, kind: CommandKind, rma: str, input: dict[str, Any]) -> Written:
        """A command that nobody has carried out yet."""
        contact = Contact(new_id("con"), "A-1", "email", self.clock.now())
        if kind is CommandKind.REQUEST:
            input = {**input, "contact_id": contact.id}
        asked = Asked(
            kind=kind, actor=Actor("admin-1", Role.ADMIN), idempotency_key=new_id("key"), input_hash="h", rma=rma,
            policy_version=self.desk.policy.version, input=input, texts={},
            contact=contact if kind is CommandKind.REQUEST else None,
        )  # fmt: skip
        return write_down(self.database, asked, self.clock.now())

    def carry_out(self, command: Written) -> Outcome:
        """What the worker does with it."""
        ref = command.ref
        step = Step(
            ref.command_id,
            command.rma,
            ref.kind,
            self.clock.now(),
            ref.actor_id,
            ref.role,
            ref.policy_version,
        )
        return self.desk.door.records.transition(step).outcome

    def twice_at_once(self, command: Written) -> list[Outcome]:
        """Two carry it out: the first is stopped before its end, and the second comes meanwhile."""
        with ThreadPoolExecutor(2) as threads:
            with self.database.transaction() as connection:
                connection.execute(_HELD)
                outcomes = [threads.submit(self.carry_out, command)]
                self._wait(1)
                outcomes.append(threads.submit(self.carry_out, command))
                self._wait(2)
            return [outcome.result(WAIT_SECONDS_MAX) for outcome in outcomes]

    def _wait(self, count: int) -> None:
        give_up_at = monotonic() + WAIT_SECONDS_MAX
        while monotonic() < give_up_at:
            with self.database.reading() as connection:
                if connection.scalar(_WAITING) == count:
                    return
        pytest.fail("they do not wait for each other")

    def lots(self, rma: str) -> list[tuple[int, str]]:
        with self.database.read() as session:
            row = tables.Lot
            return sorted(session.exec(select(row.quantity, row.reception).where(row.rma == rma)).all())


@pytest.fixture
def books(postgresql_database_url: str, clock: Any, tmp_path: Path) -> Any:
    database = Database(postgresql_database_url)
    yield Books(database, clock, tmp_path)
    database.close()


REQUESTED = {
    "order_reference": "A-1", "channel": "email", "authorize": True,
    "items": [{"line": 1, "quantity": 2, "reason": "too_small"}],
}  # fmt: skip


def test_a_parcel_that_is_recorded_by_two_at_once_holds_what_it_held(books: Books) -> None:
    assert books.carry_out(books.written(CommandKind.REQUEST, RMA, REQUESTED)).accepted
    parcel = books.written(CommandKind.RECEIPTS, RMA, {"items": [{"line": 1, "quantity": 1}]})
    first, second = books.twice_at_once(parcel)
    assert first == second
    assert books.lots(RMA) == [(1, "received"), (1, "short_shipped")]


def test_a_return_that_is_requested_by_two_at_once_is_one_and_both_hear_of_it(books: Books) -> None:
    command = books.written(CommandKind.REQUEST, RMA, REQUESTED)
    first, second = books.twice_at_once(command)
    assert first.accepted
    assert first == second


def test_a_request_does_not_wait_for_a_decision_of_the_same_order(books: Books) -> None:
    """It would hold units the decision waits for, and wait for the order the decision holds."""
    command = books.written(CommandKind.REQUEST, RMA, REQUESTED)
    with ThreadPoolExecutor(1) as threads, books.database.transaction() as connection:
        order_terms(connection, "A-1", locked=True)
        assert threads.submit(books.carry_out, command).result(WAIT_SECONDS_MAX).accepted
