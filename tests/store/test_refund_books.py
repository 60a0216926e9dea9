"""The books as they stood at the end of any day, held against a table written by hand; on both databases."""

from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from finance_books import Written, at, write

from returndesk.domain.refund_books import BUCKETS, OPEN, Instants, Standing, end_of
from returndesk.domain.stages import RefundStatus
from returndesk.gateways.holiday_table import closed_days
from returndesk.store.database import Database
from returndesk.store.finance_pages import RefundsPage, refunds_page
from returndesk.store.policies import PolicyBook
from returndesk.store.refund_books import all_keys
from returndesk.store.refund_conditions import Asked
from returndesk.store.refund_sums import sums

LONDON = ZoneInfo("Europe/London")

REFUNDS = [
    Written(1, "2 10:00", submitted="2 10:05", credited="2 10:05"),
    Written(2, "3 09:00", submitted="3 09:01", credited="9 12:00", amount_minor=2_000),
    Written(
        3, "3 09:00", submitted="3 23:59", failed="5 08:00", replaced="6 12:00", replaced_by="RMA-TEST-0004-1",
        status=RefundStatus.FAILED, amount_minor=4_000, reason="expired_or_canceled_card",
        audit=[("decided", "3 09:00", {"decision": 1}),
               ("refund_unknown", "3 09:01", {"refund": "RMA-TEST-0003-1"}),
               ("refund_requires_action", "3 23:59", {"refund": "RMA-TEST-0003-1"}),
               ("refund_failed", "5 08:00", {"refund": "RMA-TEST-0003-1"})],
    ),
    Written(4, "6 12:00", submitted="6 12:00", credited="6 12:01", amount_minor=4_000),
    Written(
        5, "2026-02-27T10:00:00+00:00", replaced="4 10:00", replaced_by="not_approved", status=RefundStatus.CANCELED,
        amount_minor=60_000,
        audit=[("decided", "2026-02-27T10:00:00+00:00", {"decision": 1}),
               ("approval_asked", "2026-02-27T10:00:00+00:00", {"above_minor": 50_000}),
               ("refused", "4 10:00", {"decision": 1})],
    ),
    Written(6, "1 10:00", submitted="1 10:00", credited="1 10:00", failed="8 10:00", late="10 10:00",
            status=RefundStatus.FAILED, amount_minor=8_000, reason="unknown"),
    Written(7, "4 12:00", status=RefundStatus.REQUESTED, amount_minor=16_000, currency="EUR"),
]  # fmt: skip

STOOD = {
    # the end of the day: refund → where it stood, by hand from the instants above
    "2026-03-01": {5: "to_send", 6: "credited"},
    "2026-03-02": {1: "credited", 5: "to_send", 6: "credited"},
    "2026-03-03": {1: "credited", 2: "submitted", 3: "submitted", 5: "to_send", 6: "credited"},
    "2026-03-04": {1: "credited", 2: "submitted", 3: "submitted", 5: "withdrawn", 6: "credited", 7: "to_send"},
    "2026-03-05": {1: "credited", 2: "submitted", 3: "failed", 5: "withdrawn", 6: "credited", 7: "to_send"},
    "2026-03-06": {1: "credited", 2: "submitted", 3: "replaced", 4: "credited", 5: "withdrawn", 6: "credited",
                   7: "to_send"},
    "2026-03-08": {1: "credited", 2: "submitted", 3: "replaced", 4: "credited", 5: "withdrawn", 6: "failed",
                   7: "to_send"},
    "2026-03-09": {1: "credited", 2: "credited", 3: "replaced", 4: "credited", 5: "withdrawn", 6: "failed",
                   7: "to_send"},
}  # fmt: skip


@pytest.fixture
def books(database: Database) -> Database:
    write(database, *REFUNDS)
    return database


def _asked(day: str, **changed: Any) -> Asked:
    end = end_of(date.fromisoformat(day), LONDON)
    return Asked(end, date.fromisoformat(day), LONDON, **({"is_now": False, "standings": ()} | changed))


def _page(books: Database, asked: Asked, limit: int = 50) -> RefundsPage:
    with books.read() as session:
        return refunds_page(session, PolicyBook(closed_days), asked, after=None, limit=limit)


def _numbers(page: RefundsPage) -> list[int]:
    return [int(line.rma[-4:]) for line in page.lines]


def test_every_refund_stands_where_it_stood_at_the_end_of_the_day(books: Database) -> None:
    for day, expected in STOOD.items():
        stood = {int(line.rma[-4:]): line.standing.value for line in _page(books, _asked(day)).lines}
        assert stood == expected, day


def test_a_list_of_one_standing_is_that_of_the_table(books: Database) -> None:
    for day, stood in STOOD.items():
        for standing in Standing:
            listed = _numbers(_page(books, _asked(day, standings=(standing,))))
            assert sorted(listed) == [n for n, where in stood.items() if where == standing], (day, standing)


def test_of_now_the_lists_are_those_of_the_last_day(books: Database) -> None:
    for standing in Standing:
        now = _asked("2026-03-20", standings=(standing,), is_now=True)
        then = _asked("2026-03-20", standings=(standing,))
        assert _numbers(_page(books, now)) == _numbers(_page(books, then))
    is_open = _asked("2026-03-20", standings=OPEN, is_now=True)
    assert _numbers(_page(books, is_open)) == [6, 7]  # what waits longest comes first


def test_the_sums_are_those_of_the_list(books: Database) -> None:
    page = _page(books, _asked("2026-03-05", standings=OPEN), limit=1)
    assert [(s.currency, s.count, s.amount_minor) for s in page.owed] == [
        ("EUR", 1, 16_000),
        ("GBP", 2, 6_000),
    ]
    assert [(x.standing, x.sum.currency, x.sum.amount_minor) for x in page.sums] == [
        ("to_send", "EUR", 16_000),
        ("submitted", "GBP", 2_000),
        ("failed", "GBP", 4_000),
    ]
    assert page.next_key is not None
    assert page.open_counts == {Standing.TO_SEND: 1, Standing.SUBMITTED: 1, Standing.FAILED: 1}


def test_what_is_open_is_aged_by_days_of_the_shop(books: Database) -> None:
    page = _page(books, _asked("2026-03-05", standings=OPEN))
    # 2 and 3 were decided on the 3rd, two days before; 7 on the 4th, one day before
    assert [(bucket.code, counts) for bucket, counts in page.aged if any(counts)] == [
        ("1", [1, 0, 0]),
        ("3", [0, 1, 1]),
    ]
    in_bucket = _asked("2026-03-05", standings=OPEN, bucket=BUCKETS[1])
    assert _numbers(_page(books, in_bucket)) == [2, 3]
    assert [line.age_days for line in page.lines] == [2, 2, 1]


def test_a_refund_is_late_from_when_its_clock_ran_out(books: Database) -> None:
    assert _numbers(_page(books, _asked("2026-03-09", is_late=True))) == []
    late = _page(books, _asked("2026-03-10", is_late=True))
    assert _numbers(late) == [6]
    assert late.lines[0].lateness.late_at == at("10 10:00")


def test_overdue_counts_as_late_before_anybody_wrote_it_down(database: Database) -> None:
    write(database, Written(1, "9 10:00", status=RefundStatus.REQUESTED, due="10 10:00"))
    for is_now in (True, False):
        before = _asked("2026-03-09", is_late=True, is_now=is_now)
        assert _numbers(_page(database, before)) == []
        after = _page(database, _asked("2026-03-10", is_late=True, is_now=is_now, standings=OPEN))
        assert _numbers(after) == [1]
    written_down = _page(database, _asked("2026-03-10", is_now=True))
    assert written_down.lines[0].lateness.late_at == at("10 10:00")


def test_a_line_says_what_was_known_then(books: Database) -> None:
    third = next(x for x in _page(books, _asked("2026-03-04")).lines if x.rma == "RMA-TEST-0003")
    assert (third.status, third.failure_reason, third.instants.failed_at) == ("requires_action", None, None)
    fifth = next(x for x in _page(books, _asked("2026-03-03")).lines if x.rma == "RMA-TEST-0005")
    assert (fifth.held_back, fifth.bank_reference) == ("with_manager", None)


def test_for_what_the_clock_stood_still_and_how_long(database: Database) -> None:
    waits = [
        ("paused", "2 09:00", "goods_in_transit", "customer"),
        ("paused", "4 09:00", "awaiting_answer", "customer"),
        ("resumed", "5 10:00", "awaiting_answer", None),
        ("resumed", "9 09:00", "goods_in_transit", None),
    ]
    write(
        database, Written(1, "10 10:00", submitted="10 10:00", refund_events=waits, processing_late="9 12:00")
    )
    line = _page(database, _asked("2026-03-12")).lines[0]
    # 7 days in all, of which 25 hours for both
    assert [(w.reasons, w.hours) for w in line.lateness.waits] == [
        (("goods_in_transit",), 143),
        (("awaiting_answer", "goods_in_transit"), 25),
    ]
    assert line.lateness.decided_late_at == at("9 12:00")


def test_a_reference_finds_its_refund(books: Database) -> None:
    found = {
        "rma-test-0003-1": [3], "re_2": [2], "ARN4": [4], "pi_7": [7], "DA-5": [5], "nothing": [], "DA-": [],
    }  # fmt: skip
    for text, numbers in found.items():
        assert _numbers(_page(books, _asked("2026-03-31", text=text))) == numbers, text


def test_days_of_decision_narrow_the_list_and_its_sums(books: Database) -> None:
    asked = _asked("2026-03-31", decided_from=at("3 00:00"), decided_to=at("5 00:00"))
    page = _page(books, asked)
    assert _numbers(page) == [7, 3, 2]
    assert page.count == 3


def test_pages_follow_each_other_without_a_gap_or_a_double(books: Database) -> None:
    for asked in (_asked("2026-03-31"), _asked("2026-03-05", standings=OPEN)):
        pages = list(all_keys(books.reading, asked, 2))
        together = [key for page in pages for key in page]
        with books.reading() as connection:
            assert len(set(together)) == len(together) == sum(s.sum.count for s in sums(connection, asked))
        assert together == sorted(together, reverse=not asked.oldest_first)


def test_a_breach_makes_only_what_was_still_to_be_paid_late() -> None:
    breached = at("10 10:00")
    paid_before = Instants(at("1 10:00"), submitted_at=at("2 10:00"))
    paid_after = Instants(at("1 10:00"), submitted_at=at("11 10:00"))
    failed = Instants(at("1 10:00"), submitted_at=at("2 10:00"), failed_at=at("3 10:00"))
    replaced_before = Instants(at("1 10:00"), failed_at=at("3 10:00"), replaced_at=at("4 10:00"))
    assert [x.late_since(breached) for x in (paid_before, paid_after, failed, replaced_before)] == [
        None, breached, breached, None,
    ]  # fmt: skip
    assert paid_after.late_since(None) is None
