"""Finding on both databases: by any word that people give of a name, by the end of an order's number, always from an index."""

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import event, text

from returndesk.domain.orders import OrderInput
from returndesk.store import migrate
from returndesk.store.database import Database
from returndesk.store.finding import find
from returndesk.store.orders import put_order

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
PEOPLE = {
    "SAMPLE-1001": "Grace Wu",
    "SAMPLE-1002": "Mary Ann Hill",
    "SHOP-2001-B": "Siobh\u00e1n O\u2019Neil",
    "2001": "Prince",
}


@pytest.fixture
def shop(database: Database) -> Database:
    for number, (reference, name) in enumerate(PEOPLE.items()):
        order = {
            "currency": "GBP", "ordered_at": NOW, "customer": {"name": name, "email": f"p{number}@customer.example"},
            "lines": [{"line": 1, "sku": "S", "title": "Gown", "quantity": 1, "unit_price_minor": 900}],
        }  # fmt: skip
        with database.write() as session:
            put_order(session, reference, OrderInput.model_validate(order), now=NOW, secret=b"s")
    return database


def found(database: Database, typed: str, *, by_person: bool = True) -> set[str]:
    with database.read() as session:
        return {order.reference for order in find(session, typed, by_person=by_person).orders}


@pytest.mark.parametrize(
    ("typed", "references"),
    [
        ("Wu", {"SAMPLE-1001"}), ("gra", {"SAMPLE-1001"}), ("Grace W", {"SAMPLE-1001"}), ("Hill", {"SAMPLE-1002"}),
        ("ann", {"SAMPLE-1002"}), ("ann hill", {"SAMPLE-1002"}), ("O'Neil", {"SHOP-2001-B"}), ("o\u2019n", {"SHOP-2001-B"}),
        ("prin", {"2001"}), ("w", set()), ("race", set()), ("1001", {"SAMPLE-1001"}), ("-1002", {"SAMPLE-1002"}),
        ("sample 1001", {"SAMPLE-1001"}), ("2001b", {"SHOP-2001-B"}), ("2001", {"2001"}), ("01", set()), ("MPLE", set()),
    ],
)  # fmt: skip
def test_people_and_orders_are_found_by_what_is_said_of_them(
    shop: Database, typed: str, references: set[str]
) -> None:
    assert found(shop, typed) == references


def test_who_may_not_know_customers_finds_orders_only(shop: Database) -> None:
    assert found(shop, "Wu", by_person=False) == set()
    assert found(shop, "1001", by_person=False) == {"SAMPLE-1001"}


def test_what_was_there_before_is_found_too(shop: Database) -> None:
    """A database of the revision before gets its keys when it is brought up to date."""
    with shop.write() as session:
        connection = session.connection()
        for index in ("ix_customers_second_name_key", "ix_customers_last_name_key", "ix_orders_end_key"):
            connection.execute(text(f"DROP INDEX {index}"))
        for table, column in (
            ("customers", "second_name_key"),
            ("customers", "last_name_key"),
            ("orders", "end_key"),
        ):
            connection.execute(text(f"ALTER TABLE {table} DROP COLUMN {column}"))
        connection.execute(text("UPDATE alembic_version SET version_num = '0009_rests'"))
    assert migrate.upgrade(shop) == ["0010_finding", "0011_on_hold"]
    for typed, references in {
        "Hill": {"SAMPLE-1002"},
        "O'Neil": {"SHOP-2001-B"},
        "1001": {"SAMPLE-1001"},
    }.items():
        assert found(shop, typed) == references


@pytest.mark.parametrize("typed", ["Wu", "Mary Ann", "1001", "p1@customer.example", "07700 900123"])
def test_no_way_of_finding_reads_a_table_through(shop: Database, typed: str) -> None:
    asked: list[tuple[str, Any]] = []

    def note(_connection: object, _cursor: object, statement: str, given: Any, *_: object) -> None:
        if statement.lstrip().startswith("SELECT"):
            asked.append((statement, given))

    event.listen(shop.engine, "before_cursor_execute", note)
    found(shop, typed)
    event.remove(shop.engine, "before_cursor_execute", note)
    assert asked
    for statement, given in asked:
        plan = _plan(shop, statement, given)
        assert "Seq Scan" not in plan, f"{statement}\n{plan}"
        assert not any(line.strip().startswith("SCAN") for line in plan.splitlines()), f"{statement}\n{plan}"


def _plan(database: Database, statement: str, given: Any) -> str:
    with database.engine.connect() as connection:
        if database.is_sqlite:
            rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", given).all()
            return "\n".join(row[3] for row in rows)
        connection.execute(
            text("SET LOCAL enable_seqscan = off")
        )  # so small a table is read through otherwise
        rows = connection.exec_driver_sql(f"EXPLAIN {statement}", given).all()
        return "\n".join(row[0] for row in rows)
