"""Who may send back what, and what the rules say of what came: by hand, from policy 5 and DESIGN 4."""

from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from returndesk.domain.eligibility import (
    OrderFacts,
    RequestedLine,
    ineligible,
    judge,
    verdict,
    window_ends_on,
)
from returndesk.domain.lots import Acceptance, Arrival, Condition, Lot, Packaging, Reception
from returndesk.domain.policy import Policy, read_policy
from returndesk.domain.reasons import REASON_SENTENCES

TEXT = (Path(__file__).parents[2] / "policy.toml").read_text()
POLICY = read_policy(TEXT)
LINE = [RequestedLine(1, 1, available=1)]


def policy(*changes: tuple[str, str]) -> Policy:
    text = TEXT
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return read_policy(text)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def said(rules: Policy, order: OrderFacts, contacted_at: str, lines: list[RequestedLine] = LINE) -> list[str]:
    return [str(reason) for reason in ineligible(rules, order, lines, utc(contacted_at))]


DELIVERED = OrderFacts(utc("2026-03-01T10:00"), date(2026, 3, 4))


def test_the_window_is_thirty_days_from_delivery() -> None:
    assert window_ends_on(POLICY, DELIVERED) == date(2026, 4, 3)


def test_without_a_delivery_it_counts_from_the_orders_date_and_five_days() -> None:
    assert window_ends_on(POLICY, OrderFacts(utc("2026-03-01T10:00"), None)) == date(2026, 4, 5)


def test_the_orders_date_is_the_shops_own_date() -> None:
    half_past_midnight_in_london = utc("2026-06-30T23:30")
    assert window_ends_on(POLICY, OrderFacts(half_past_midnight_in_london, None)) == date(2026, 8, 5)


@pytest.mark.parametrize(
    ("contacted_at", "reasons"),
    [
        ("2026-03-04T00:00", []),
        # The last day, 3 April, is a day of British Summer Time: it ends at 23:00 UTC.
        ("2026-04-03T22:59:59", []),
        ("2026-04-03T23:00", ["window_passed"]),
        ("2026-04-04T00:00", ["window_passed"]),
    ],
)
def test_the_window_ends_with_the_last_day_in_the_shops_zone(contacted_at: str, reasons: list[str]) -> None:
    assert said(POLICY, DELIVERED, contacted_at) == reasons


@pytest.mark.parametrize(
    ("delivered", "last_instant"),
    [
        (date(2026, 2, 26), "2026-03-28T23:59:59"),  # ends the day before the clocks go forward
        (date(2026, 2, 27), "2026-03-29T22:59:59"),  # a day of 23 hours
        (date(2026, 9, 24), "2026-10-24T22:59:59"),
        (date(2026, 9, 25), "2026-10-25T23:59:59"),  # a day of 25 hours
    ],
)
def test_days_are_counted_as_days_where_the_clocks_change(delivered: date, last_instant: str) -> None:
    order = OrderFacts(utc("2026-02-20T10:00"), delivered)
    last = utc(last_instant)
    assert ineligible(POLICY, order, LINE, last) == []
    after = datetime.fromtimestamp(last.timestamp() + 1, UTC)
    assert [reason.code for reason in ineligible(POLICY, order, LINE, after)] == ["window_passed"]


def test_another_shops_zone_has_another_midnight() -> None:
    tokyo = policy(("Europe/London", "Asia/Tokyo"))
    assert said(tokyo, DELIVERED, "2026-04-03T14:59:59") == []
    assert said(tokyo, DELIVERED, "2026-04-03T15:00") == ["window_passed"]


def test_a_window_of_zero_is_no_window() -> None:
    endless = policy(("window_days = 30", "window_days = 0"))
    assert window_ends_on(endless, DELIVERED) is None
    assert said(endless, DELIVERED, "2036-01-01T00:00") == []


def test_every_reason_is_given_in_the_policys_order() -> None:
    lines = [
        RequestedLine(1, 1, available=1, final_sale=True),
        RequestedLine(2, 3, available=2),
        RequestedLine(3, 1, available=None),
        RequestedLine(4, 2, available=2),
    ]
    reasons = ineligible(POLICY, DELIVERED, lines, utc("2026-06-01T00:00"))
    assert [str(reason) for reason in reasons] == [
        "window_passed",
        "already_returned:line 2",
        "unknown_line:line 3",
        "final_sale:line 1",
    ]
    assert {r.code: r.overridable for r in reasons} == {
        "window_passed": True,
        "final_sale": True,
        "already_returned": False,
        "unknown_line": False,
    }
    assert all(reason.code in REASON_SENTENCES for reason in reasons)


A, R, M = Acceptance.ACCEPTED, Acceptance.REJECTED, Acceptance.MANUAL_REVIEW
# DESIGN 4: packaging missing or condition used or damaged: rejected; opened or packaging opened: manual_review;
# defective: manual_review. The stricter of the two.
VERDICTS = {
    ("original", "original"): (A, ()),
    ("original", "opened"): (M, ("packaging_opened",)),
    ("original", "missing"): (R, ("packaging_missing",)),
    ("opened", "original"): (M, ("condition_opened",)),
    ("opened", "opened"): (M, ("condition_opened", "packaging_opened")),
    ("opened", "missing"): (R, ("packaging_missing",)),
    ("used", "original"): (R, ("condition_used",)),
    ("used", "opened"): (R, ("condition_used",)),
    ("used", "missing"): (R, ("condition_used", "packaging_missing")),
    ("damaged", "original"): (R, ("condition_damaged",)),
    ("damaged", "opened"): (R, ("condition_damaged",)),
    ("damaged", "missing"): (R, ("condition_damaged", "packaging_missing")),
    ("defective", "original"): (M, ("condition_defective",)),
    ("defective", "opened"): (M, ("condition_defective", "packaging_opened")),
    ("defective", "missing"): (R, ("packaging_missing",)),
}


@pytest.mark.parametrize("condition", Condition)
@pytest.mark.parametrize("packaging", Packaging)
def test_the_verdict_on_every_condition_and_packaging(condition: Condition, packaging: Packaging) -> None:
    assert verdict(POLICY, condition, packaging) == VERDICTS[condition, packaging]


@pytest.mark.parametrize("condition", Condition)
@pytest.mark.parametrize("packaging", Packaging)
def test_every_reason_of_a_verdict_has_a_sentence(condition: Condition, packaging: Packaging) -> None:
    assert {f"condition_{condition}", f"packaging_{packaging}"} <= set(REASON_SENTENCES)


def test_goods_that_did_not_come_are_rejected_as_not_received() -> None:
    elsewhere = {Reception.RECEIVED, Reception.WRONG_ITEM, Reception.LOST}
    for reception in set(Reception) - elsewhere:
        lot = Lot(1, 1, 1, None, reception, Condition.ORIGINAL, Packaging.ORIGINAL)
        assert judge(POLICY, lot) == (R, ("not_received",))


def test_of_a_lost_parcel_a_person_decides() -> None:
    assert judge(POLICY, Lot(1, 1, 1, None, Reception.LOST)) == (M, ("lost",))


@pytest.mark.parametrize("why", ["wrong_item", "claimed_elsewhere"])
def test_what_is_not_this_returns_is_rejected_for_what_it_is(why: str) -> None:
    assert judge(POLICY, Lot(1, None, 1, None, Reception.WRONG_ITEM, reasons=(why,))) == (R, (why,))


@pytest.mark.parametrize(
    ("arrival", "verdict"),
    [
        (Arrival.EXPECTED, (A, ())),
        (Arrival.LATE, (A, ())),
        (Arrival.UNAUTHORIZED, (M, ("arrived_unauthorized",))),
        (Arrival.UNANNOUNCED, (M, ("arrived_unannounced",))),
        (Arrival.AFTER_DECLINE, (M, ("arrived_after_decline",))),
        (Arrival.AFTER_EXPIRY, (M, ("arrived_after_expiry",))),
        (Arrival.AFTER_CANCELLATION, (M, ("arrived_after_cancellation",))),
    ],
)
def test_the_rules_alone_take_back_only_what_was_waited_for(
    arrival: Arrival, verdict: tuple[Acceptance, tuple[str, ...]]
) -> None:
    lot = Lot(1, 1, 1, None, Reception.RECEIVED, Condition.ORIGINAL, Packaging.ORIGINAL, arrival=arrival)
    assert judge(POLICY, lot) == verdict
    used = replace(lot, condition=Condition.USED)
    assert judge(POLICY, used) == (R, ("condition_used",)), "what is used stays so, however it came"


@pytest.mark.parametrize(
    ("condition", "packaging"), [(None, None), (Condition.USED, None), (None, Packaging.MISSING)]
)
def test_goods_nobody_has_seen_are_not_judged(
    condition: Condition | None, packaging: Packaging | None
) -> None:
    lot = Lot(1, 1, 1, None, Reception.RECEIVED, condition, packaging)
    assert judge(POLICY, lot) == (Acceptance.PENDING, ())


def test_received_goods_are_judged_by_the_table() -> None:
    lot = Lot(1, 1, 1, None, Reception.RECEIVED, Condition.USED, Packaging.MISSING)
    assert judge(POLICY, lot) == (R, ("condition_used", "packaging_missing"))


def test_another_shop_may_take_back_what_is_opened() -> None:
    kind = policy(('opened = "manual_review"', 'opened = "accepted"'))
    assert verdict(kind, Condition.OPENED, Packaging.OPENED) == (A, ())
