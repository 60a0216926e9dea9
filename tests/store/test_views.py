"""Lists are read by an index, on both databases: with 3,000 returns no list reads them all."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event, insert, text
from sqlmodel import SQLModel

from returndesk.domain.stages import RefundStatus, Stage
from returndesk.store import tables
from returndesk.store.database import Database
from returndesk.store.views import list_refunds, list_returns, list_tasks

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
MANY = 3_000
STAGES = ["requested", "authorized", "received", "closed", "closed", "closed", "closed", "closed"]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def books(request: pytest.FixtureRequest, new_database: Callable[[str], str]) -> Iterator[Database]:
    """A database of each kind with many returns, for all the tests here: they only read."""
    opened = Database(new_database(request.param))
    _fill(opened)
    yield opened
    opened.close()


def _fill(database: Database) -> None:
    """3,000 returns with a task and a refund each; three in eight are open."""
    stages = [STAGES[n % len(STAGES)] for n in range(MANY)]
    at = [NOW + timedelta(minutes=n) for n in range(MANY)]
    rows: dict[type[SQLModel], list[dict[str, Any]]] = {
        tables.Policy: [{"version": "v", "body": "", "recorded_at": NOW}],
        tables.Contact: [
            {"id": "con", "channel": "email", "contacted_at": NOW, "recorded_at": NOW, "actor_id": "r"}
        ],
        tables.Customer: [
            {"id": f"c{n}", "name": "Jane", "email": f"jane-{n}@shop.example"} for n in range(MANY)
        ],
        tables.Order: [
            {"reference": f"A-{n}", "customer_id": f"c{n}", "currency": "GBP", "ordered_at": NOW,
             "input_hash": "h", "recorded_at": NOW} for n in range(MANY)
        ],
        tables.Payment: [
            {"id": f"p{n}", "order_reference": f"A-{n}", "processor": "stripe", "reference": f"pi_{n}",
             "currency": "GBP", "captured_minor": 100} for n in range(MANY)
        ],
        tables.Return: [
            {"rma": f"R-{n}", "order_reference": f"A-{n}", "contact_id": "con", "policy_version": "v",
             "stage": stages[n], "channel": "email", "resolution": "refund", "currency": "GBP",
             "contacted_at": at[n], "recorded_at": at[n], "last_at": at[n],
             "next_due_at": None if stages[n] == "closed" else at[n],
             "ended_at": at[n] if stages[n] == "closed" else None} for n in range(MANY)
        ],
        tables.Task: [
            {"id": f"R-{n}/next", "rma": f"R-{n}", "queue": f"queue_{stages[n]}", "kind": "x", "owner_role": "rep",
             "created_at": at[n], "due_at": at[n], "done_at": at[n] if stages[n] == "closed" else None}
            for n in range(MANY)
        ],
        tables.Refund: [
            {"id": f"r{n}", "rma": f"R-{n}", "payment_id": f"p{n}", "amount_minor": 1, "currency": "GBP",
             "status": "succeeded" if n % 50 else "failed", "parameters_hash": "h", "decided_at": at[n]}
            for n in range(MANY)
        ],
    }  # fmt: skip
    with database.write() as session:
        for table, several in rows.items():
            session.execute(insert(table), several)
    with database.write() as session:
        session.execute(text("ANALYZE"))


def plans(database: Database, read: Any) -> str:
    """How the database goes about what is read."""
    asked: list[tuple[str, Any]] = []

    def note(_c: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: bool) -> None:
        asked.append((statement, parameters))

    with database.read() as session:
        event.listen(database.engine, "before_cursor_execute", note)
        read(session)
        event.remove(database.engine, "before_cursor_execute", note)
        found = []
        for statement, parameters in asked:
            if statement.startswith("SELECT"):
                explain = "EXPLAIN QUERY PLAN " if database.is_sqlite else "EXPLAIN "
                rows = session.connection().exec_driver_sql(explain + statement, parameters).all()
                found += [str(row[-1]) for row in rows]
    return "\n".join(found)


def reads_everything(plan: str, table: str) -> bool:
    lines = plan.splitlines()
    scans = [x for x in lines if f"Seq Scan on {table}" in x or (f"SCAN {table}" in x and "USING" not in x)]
    sorts = [x for x in lines if "USE TEMP B-TREE FOR ORDER BY" in x]
    return bool(scans or sorts)


NOTHING: dict[str, Any] = {"stage": None, "due_before": None, "q": None, "cursor": None, "limit": 50}


@pytest.mark.parametrize(
    "asked",
    [{}, {"stage": Stage.RECEIVED}, {"q": "A-7"}, {"q": "jane-7@shop.example"}],
    ids=["all", "by stage", "by order", "by email"],
)
def test_a_list_of_returns_reads_a_page(books: Database, asked: dict[str, Any]) -> None:
    plan = plans(books, lambda session: list_returns(session, **NOTHING | asked))
    # What was found by an order is few, and may be sorted.
    if "q" in asked:
        plan = plan.replace("USE TEMP B-TREE FOR ORDER BY", "")
    assert not reads_everything(plan, "returns"), plan
    assert not reads_everything(plan, "customers"), plan


def test_what_is_due_soon_is_found_among_the_open_ones(books: Database) -> None:
    soon = NOW + timedelta(minutes=60)
    plan = plans(books, lambda session: list_returns(session, **NOTHING | {"due_before": soon}))
    assert "ix_returns_open_due" in plan, plan


@pytest.mark.parametrize("queue", [None, "queue_received"])
def test_a_list_of_tasks_reads_a_page(books: Database, queue: str | None) -> None:
    plan = plans(books, lambda session: list_tasks(session, queue=queue, cursor=None, limit=50))
    assert "Seq Scan on tasks" not in plan, plan
    assert "SCAN tasks\n" not in plan + "\n", plan


@pytest.mark.parametrize("status", [None, RefundStatus.FAILED])
def test_a_list_of_refunds_reads_a_page(books: Database, status: RefundStatus | None) -> None:
    nothing: dict[str, Any] = {"decided_from": None, "decided_to": None, "cursor": None, "limit": 50}
    plan = plans(books, lambda session: list_refunds(session, status=status, **nothing))
    assert not reads_everything(plan, "refunds"), plan
