"""Every query of the queue is answered from an index, on both databases: none reads the returns through, none sorts them."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import event, text

from returndesk.domain.people import Role
from returndesk.domain.stages import Stage
from returndesk.store.database import Database
from returndesk.store.paging import to_cursor
from returndesk.store.rep_queue import Part, Wanted, queue_page

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
CURSOR = to_cursor(NOW, "RMA-7K3M-Q9TX")
WANTED = [
    Wanted(),
    Wanted(cursor=CURSOR),
    Wanted(late=True),
    Wanted(stage=Stage.RECEIVED, late=True),
    Wanted(waits=Role.REP),
    Wanted(waits=Role.WAREHOUSE, cursor=CURSOR),
    Wanted(mine=True),
    Wanted(Part.CUSTOMER),
    Wanted(Part.CUSTOMER, stage=Stage.AUTHORIZED, cursor=CURSOR),
    Wanted(Part.ENDED),
    Wanted(Part.ENDED, stage=Stage.DECLINED, cursor=CURSOR),
]


@pytest.mark.parametrize("wanted", WANTED, ids=str)
def test_the_queue_reads_only_as_much_as_it_shows(database: Database, wanted: Wanted) -> None:
    asked: list[tuple[str, object]] = []

    def note(_connection: object, _cursor: object, statement: str, given: object, *_: object) -> None:
        if statement.lstrip().startswith("SELECT") and "FROM returns" in statement:
            asked.append((statement, given))

    event.listen(database.engine, "before_cursor_execute", note)
    with database.read() as session:
        queue_page(session, wanted, "rep-1", NOW, names=True)
    event.remove(database.engine, "before_cursor_execute", note)
    assert asked
    plans = [_plan(database, statement, given) for statement, given in asked]
    for (statement, _), plan in zip(asked, plans, strict=True):
        assert "Seq Scan on returns" not in plan, f"{statement}\n{plan}"
        assert not any(line.strip() == "SCAN returns" for line in plan.splitlines()), f"{statement}\n{plan}"
        if "ORDER BY" in statement and " JOIN " not in statement:  # few have been claimed or put on hold
            assert "Sort" not in plan, f"{statement}\n{plan}"
            assert "TEMP B-TREE" not in plan, f"{statement}\n{plan}"


def _plan(database: Database, statement: str, given: object) -> str:
    with database.engine.connect() as connection:
        if database.is_sqlite:
            rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", given).all()
            return "\n".join(row[3] for row in rows)
        # An empty table is read through however many indexes it has: say what would be done with a full one.
        connection.execute(text("SET LOCAL enable_seqscan = off"))
        connection.execute(text("SET LOCAL enable_bitmapscan = off"))
        connection.execute(text("SET LOCAL enable_sort = off"))
        rows = connection.exec_driver_sql(f"EXPLAIN {statement}", given).all()
        return "\n".join(row[0] for row in rows)
