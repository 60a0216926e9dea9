"""The made-up year of returns is one that could have been: whole chains, a balanced ledger, stages that follow from facts.

And what is exported of it takes the same memory however much there is.
"""

import tracemalloc
from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import islice
from zoneinfo import ZoneInfo

from in_process import POLICY
from sqlmodel import col, func, select

from benchmarks.bulk import Loader
from benchmarks.lives import MIX, Shop
from returndesk.domain.people import CLOCK
from returndesk.domain.refund_books import day_of
from returndesk.gateways.holiday_table import closed_days
from returndesk.spreadsheets import csv_chunks
from returndesk.store import tables
from returndesk.store.audit_verification import verify
from returndesk.store.cases import load_case
from returndesk.store.database import Database
from returndesk.store.policies import PolicyBook
from returndesk.store.refund_conditions import Asked
from returndesk.store.refund_export import HEAD, export_rows

NOW = datetime(2026, 11, 27, 10, tzinfo=UTC)
ZONE = ZoneInfo(POLICY.shop.zone)


def _filled(database: Database, returns: int) -> PolicyBook:
    policies = PolicyBook(closed_days)
    with database.write() as session:
        rules = policies.remember(session, POLICY, NOW)
    loader = Loader(database)
    assert len(set(Shop(loader, rules, NOW, returns=returns).fill())) == returns
    loader.settle()
    return policies


def test_every_made_up_return_could_have_been(database: Database) -> None:
    policies = _filled(database, 400)
    with database.read() as session:
        assert verify(session) == []
        rmas = session.exec(select(tables.Return.rma)).all()
        stages = set()
        for rma in rmas:
            case = load_case(
                session.connection(), rma, policies.of, actor=CLOCK, now=NOW, key="k", to_read=True
            )
            assert case is not None
            assert case.stage == case.row.stage, rma
            stages.add(case.row.stage)
        assert len(stages) == 10 <= len(MIX)
        unbalanced = (
            select(tables.Posting.entry).group_by(tables.Posting.entry).having(func.sum(tables.Posting.amount_minor) != 0)
        )  # fmt: skip
        assert session.exec(unbalanced).all() == []
        is_open = session.exec(select(func.count()).where(col(tables.Return.ended_at).is_(None))).one()
        assert 50 <= is_open <= 110  # a fifth of 400
        for refund in session.exec(select(tables.Refund)):
            after = [refund.submitted_at, refund.credited_at, refund.failed_at]
            assert all(at is None or refund.decided_at <= at <= NOW for at in after), refund.id


def test_an_export_takes_the_same_memory_however_long_it_is(sqlite_database_url: str) -> None:
    database = Database(sqlite_database_url)
    policies = _filled(database, 4_000)
    asked = Asked(NOW, day_of(NOW, ZONE), ZONE, is_now=False, standings=())

    def peak(limit: int | None) -> tuple[int, int]:
        rows = islice(export_rows(database, policies, asked), limit)
        tracemalloc.start()
        lines = _drained(csv_chunks(HEAD, rows))
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return lines, most

    peak(10)  # what is built once: statements, formats
    few, of_few = peak(1_000)
    all_, of_all = peak(None)
    database.close()
    assert few == 1_001
    assert all_ > 2_500
    assert of_all < of_few * 1.3


def _drained(chunks: Iterable[str]) -> int:
    return sum(chunk.count("\r\n") for chunk in chunks)
