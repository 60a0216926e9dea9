"""20,000 random clock cases agree with a count made another way (`make oracle` asks a million), and the count finds faults."""

from collections import Counter
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from returndesk.domain import calendar, clock
from returndesk.domain.calendar import BusinessCalendar, ClosedBecause
from returndesk.domain.clock import Clock, ClockState
from tests.oracle.agreement import CASES_A_SHOP, shop_of_cases

SEED = 20_000
SHOPS = 50
SHOPS_UNTIL_A_FAULT_IS_FOUND = 40


@pytest.mark.long
def test_twenty_thousand_random_clock_cases_agree_with_a_count_made_another_way() -> None:
    found: list[str] = []
    seen: Counter[str] = Counter()
    for number in range(SHOPS):
        disagreements, compared = shop_of_cases(SEED, number)
        found += disagreements
        seen += compared

    assert not found, "\n".join(found[:20])
    assert seen["cases"] == SHOPS * CASES_A_SHOP == 20_000
    assert seen["workclock between"] > 4_000
    assert sum(what.startswith("zone ") for what in seen) > 15


def later_of_two(self: BusinessCalendar, on: Any, at: Any) -> int:
    return max(RIGHT_WALL_US(self, on, at), RIGHT_WALL_US(self, on, at.replace(fold=1)))


def without_half_days(self: BusinessCalendar, on: Any) -> Any:
    return () if on in self.closed else self.week[on.weekday()]


def never_a_holiday(*_: Any, working: bool) -> ClosedBecause:
    return ClosedBecause.NIGHT if working else ClosedBecause.WEEKEND


def from_the_beginning(self: Clock, at: datetime, *_: Any) -> Clock:
    return Clock(self.kind, self.allotment, self.unit).start(at) if self.state is ClockState.STOPPED else self


def all_pauses(self: Any, event: Any) -> Any:
    after = RIGHT_AFTER(self, event)
    return replace(after, state=ClockState.RUNNING, pauses=()) if event.kind == "resumed" else after


def wall_time_of_the_pause(self: Clock, business: BusinessCalendar) -> datetime | None:
    due_at = RIGHT_DUE_AT(self, business)
    paused = [(s.end - s.start) for s in self.explain(business, self.events[-1].at) if s.pauses]
    return due_at and sum(paused, start=due_at)


def without_what_is_over(self: Any, start_us: int, work_us: int) -> int:
    opened_us: int = self.spans_us[0][0]
    return opened_us + work_us


RIGHT_WALL_US = BusinessCalendar._wall_us
RIGHT_AFTER = clock._Standing.after
RIGHT_DUE_AT = Clock.due_at


@pytest.mark.parametrize(
    ("where", "name", "wrong", "noticed"),
    [
        (BusinessCalendar, "_wall_us", later_of_two, "between"),
        (BusinessCalendar, "_spans", without_half_days, "between"),
        (BusinessCalendar, "_closed_because", never_a_holiday, "explain: open or closed"),
        (Clock, "restart", from_the_beginning, "used"),
        (clock._Standing, "after", all_pauses, "pauses"),
        (Clock, "due_at", wall_time_of_the_pause, "due_at"),
        (calendar._Day, "worked_until", without_what_is_over, "add"),
    ],
)
def test_a_planted_fault_is_noticed(
    where: type, name: str, wrong: Any, noticed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(where, name, wrong)

    found: list[str] = []
    for number in range(SHOPS_UNTIL_A_FAULT_IS_FOUND):
        found, _ = shop_of_cases(SEED, number, cases=40)
        if any(f": {noticed}: " in line for line in found):
            return
    pytest.fail("the oracle saw nothing wrong")
