"""The manager's pages read no more than they show, however many tasks and records there are."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime

import pytest
from sqlalchemy import event, text
from sqlmodel import Session

from returndesk.domain.people import Actor, Role
from returndesk.store.approval_pages import approval_page
from returndesk.store.cause_pages import Period, causes_page
from returndesk.store.database import Database
from returndesk.store.paging import to_cursor
from returndesk.store.task_pages import TaskFilters, about_of, task_page

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
CURSOR = to_cursor(NOW, "RMA-7K3M-Q9TX/next")
ME = Actor("manager-1", Role.MANAGER)
PERIOD = Period(date(2026, 2, 1), date(2026, 3, 4), "Europe/London")
LOOKS: dict[str, Callable[[Session], object]] = {
    "all tasks": lambda s: task_page(s, TaskFilters(), ME, NOW),
    "a role's": lambda s: task_page(s, TaskFilters(Role.REP, cursor=CURSOR), ME, NOW),
    "a role's late": lambda s: task_page(s, TaskFilters(Role.FINANCE, late=True), ME, NOW),
    "a queue's": lambda s: task_page(s, TaskFilters(queue="late", cursor=CURSOR), ME, NOW),
    "mine": lambda s: task_page(s, TaskFilters(taken_by="manager-1"), ME, NOW),
    "approvals": lambda s: approval_page(s, "manager-1", CURSOR),
    "causes": lambda s: causes_page(s, PERIOD, None),
}


@contextmanager
def asked(database: Database) -> Iterator[list[tuple[str, object]]]:
    found: list[tuple[str, object]] = []

    def note(_connection: object, _cursor: object, statement: str, given: object, *_: object) -> None:
        if statement.lstrip().startswith("SELECT"):
            found.append((statement, given))

    event.listen(database.engine, "before_cursor_execute", note)
    yield found
    event.remove(database.engine, "before_cursor_execute", note)


@pytest.mark.parametrize("look", LOOKS)
def test_nothing_is_read_through(database: Database, look: str) -> None:
    with asked(database) as statements, database.read() as session:
        LOOKS[look](session)
    assert statements
    for statement, given in statements:
        plan = plan_of(database, statement, given)
        for table in ("tasks", "audit", "returns"):
            assert f"Seq Scan on {table}" not in plan, f"{statement}\n{plan}"
            assert not any(line.strip() == f"SCAN {table}" for line in plan.splitlines()), (
                f"{statement}\n{plan}"
            )


def plan_of(database: Database, statement: str, given: object) -> str:
    with database.engine.connect() as connection:
        if database.is_sqlite:
            rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", given).all()
            return "\n".join(row[3] for row in rows)
        # An empty table is read through however many indexes it has: say what would be done with a full one.
        connection.execute(text("SET LOCAL enable_seqscan = off"))
        rows = connection.exec_driver_sql(f"EXPLAIN {statement}", given).all()
        return "\n".join(row[0] for row in rows)


@pytest.mark.parametrize(
    ("task_id", "kind", "queue", "about"),
    [
        ("RMA-7K3M-Q9TX/next", "received", "inspections", "inspections"),
        ("RMA-7K3M-Q9TX/breach_refund", "breach_refund", "late", "breach"),
        ("RMA-7K3M-Q9TX/goods_back_late", "goods_back_late", "late", "goods_back_late"),
        ("RMA-7K3M-Q9TX/goods_back_2", "goods_back_2", "goods_back", "goods_back"),
        ("RMA-7K3M-Q9TX/read_con_1", "read_con_1", "messages", "read"),
        ("RMA-7K3M-Q9TX/something", "something", "refunds", "refunds"),
    ],
)
def test_a_task_says_what_it_is_about(task_id: str, kind: str, queue: str, about: str) -> None:
    assert about_of(task_id, kind, queue) == about
