"""Finance's figures, held against a count by hand; on both databases."""

from dataclasses import replace
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest
from finance_books import Written, at, write
from sqlmodel import select

from returndesk.domain.attainment import Ended, attainment, ended
from returndesk.domain.clock import PROCESSING, REFUND, Clock
from returndesk.domain.stages import RefundStatus
from returndesk.store import tables
from returndesk.store.database import Database
from returndesk.store.figures import Cohort, Figures, Kept, Per, Question, figures, periods, spread

LONDON = ZoneInfo("Europe/London")
MARCH = Question(Cohort.RETURN, Per.WEEK, date(2026, 3, 2), date(2026, 3, 15))
NOW = at("20 12:00")

# Contacts on Monday 2, Wednesday 4 and Monday 9 March: two weeks. How the two obligations of each ended, by hand.
RETURNS = [
    (Written(1, "3 09:00", submitted="3 09:00", credited="3 10:00", contacted="2 09:00"), "kept", "kept"),
    (Written(2, "6 09:00", submitted="6 09:00", credited="8 09:00", contacted="4 09:00", processing_late="5 09:00"),
     "kept", "kept"),
    (Written(3, "9 12:00", status=RefundStatus.REQUESTED, contacted="9 09:00", due="18 12:00"), "kept", None),
    (Written(4, "9 12:00", status=RefundStatus.REQUESTED, contacted="9 10:00", due="25 12:00"), "fell_away", None),
    (Written(5, "10 12:00", submitted="10 12:00", failed="12 12:00", status=RefundStatus.FAILED, amount_minor=700,
             reason="lost_or_stolen_card", contacted="9 10:00", late="11 09:00"), "kept", "kept"),
]  # fmt: skip


@pytest.fixture
def books(database: Database) -> Database:
    write(database, *(written for written, _, _ in RETURNS))
    with database.write() as session:
        for written, processing, refund in RETURNS:
            for clock in session.exec(select(tables.Clock).where(tables.Clock.rma == written.rma)):
                clock.ended = processing if clock.kind == PROCESSING else refund
                session.add(clock)
            row = session.get_one(tables.Return, written.rma)
            row.authorized_at = row.contacted_at + timedelta(hours=written.number)
            session.add(row)
    return database


def _counted(books: Database, question: Question) -> Figures:
    with books.reading() as connection:
        return figures(connection, question, LONDON, NOW)


def test_what_is_overdue_counts_as_late_and_what_fell_away_nowhere(books: Database) -> None:
    counted = _counted(books, MARCH)
    first, second = date(2026, 3, 2), date(2026, 3, 9)
    assert counted.periods == [first, second]
    assert counted.kept[PROCESSING] == {
        first: Kept(met=1, breached=1),
        second: Kept(met=2, fell_away=1),
    }
    # 3 is open and overdue since the 18th, 4 is due on the 25th, 5 was kept but late
    assert counted.kept[REFUND] == {first: Kept(met=2), second: Kept(breached=2, open=1)}
    assert counted.kept[REFUND][second].percent == 0.0
    assert counted.total(PROCESSING).percent == 75.0
    assert counted.total(REFUND).percent == 50.0


def test_steps_have_the_median_and_the_90th_percentile_of_who_made_them(books: Database) -> None:
    counted = _counted(books, MARCH)
    assert counted.returns == 5
    authorized = counted.steps["contacted", "authorized"]
    assert (authorized.count, authorized.median, authorized.p90) == (
        5,
        timedelta(hours=3),
        timedelta(hours=5),
    )
    credited = counted.steps["contacted", "credited"]
    # 1 took 25 hours, 2 took four days; 5 failed, so nothing of it is credited
    assert (credited.count, credited.median, credited.p90) == (2, timedelta(hours=25), timedelta(days=4))
    assert counted.whole_way[date(2026, 3, 9)].count == 0
    assert counted.steps["received", "inspected"].count == 0


def test_why_refunds_failed(books: Database) -> None:
    failures = _counted(books, MARCH).failures
    assert [(x.reason, x.currency, x.count, x.amount_minor) for x in failures] == [
        ("lost_or_stolen_card", "GBP", 1, 700)
    ]


def test_the_cohort_is_by_contact_or_by_order(books: Database) -> None:
    with books.write() as session:
        order = session.get_one(tables.Order, "DA-5")
        order.ordered_at = at("2026-02-20T10:00:00+00:00")
        session.add(order)
    by_order = replace(MARCH, cohort=Cohort.ORDER)
    assert _counted(books, by_order).returns == 4
    assert _counted(books, replace(by_order, first=date(2026, 2, 1), per=Per.MONTH)).returns == 5
    assert _counted(books, replace(MARCH, last=date(2026, 3, 4))).returns == 2


def test_periods_are_whole_weeks_and_months() -> None:
    assert periods(replace(MARCH, first=date(2026, 3, 4))) == [date(2026, 3, 2), date(2026, 3, 9)]
    year = Question(Cohort.RETURN, Per.MONTH, date(2025, 12, 31), date(2026, 3, 1))
    assert periods(year) == [date(2025, 12, 1), date(2026, 1, 1), date(2026, 2, 1), date(2026, 3, 1)]


def test_ranks_are_of_times_that_were_taken() -> None:
    days = [n * 86_400_000_000 for n in (9, 1, 3, 7, 5, 10, 2, 8, 4, 6)]
    assert (spread(days).median, spread(days).p90) == (timedelta(days=5), timedelta(days=9))
    assert spread([]).median is None
    assert attainment(0, 0) is None


def test_a_promise_was_kept_where_one_of_its_stops_says_so() -> None:
    clock = Clock(REFUND, 7).start(at("2 09:00"))
    assert ended(clock) is None
    paid = clock.stop(at("3 09:00"), "refund_submitted", "processor")
    assert ended(paid) is Ended.KEPT
    again = paid.restart(at("4 09:00"), "goods_arrived")
    assert ended(again) is None
    assert ended(again.stop(at("5 09:00"), "corrected", "warehouse-1")) is Ended.KEPT
    assert ended(clock.stop(at("3 09:00"), "nothing_due", "rules")) is Ended.FELL_AWAY
