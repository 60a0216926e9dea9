"""A policy clock: what it used, when it is due, and an account of every hour (policy 5)."""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from fractions import Fraction
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from returndesk.domain.calendar import BusinessCalendar, ClosedBecause
from returndesk.domain.clock import (
    PROCESSING,
    REFUND,
    Clock,
    ClockEvent,
    ClockEventKind,
    ClockState,
    Pause,
    SpanKind,
    Unit,
)
from returndesk.domain.errors import InvalidInput, NotAllowedAtStage

MICROSECOND = timedelta(microseconds=1)
LONDON = ZoneInfo("Europe/London")
SHOP = BusinessCalendar(
    "Europe/London", (((time(9), time(17, 30)),),) * 5 + ((), ()), frozenset({date(2026, 8, 31)})
)
# For the oracle: UTC, two spans a day, a half day and a holiday; easy to count by minutes.
SPANS = {0: [(540, 720), (780, 1050)], 1: [(540, 1050)], 2: [(540, 1050)], 3: [(600, 1080)], 4: [(540, 720)]}
HOLIDAY = date(2026, 11, 4)
UTC_SHOP = BusinessCalendar(
    "UTC",
    tuple(
        tuple((time(a // 60, a % 60), time(b // 60, b % 60)) for a, b in SPANS.get(weekday, []))
        for weekday in range(7)
    ),
    frozenset({HOLIDAY}),
)
MONDAY = datetime(2026, 11, 2, 9, tzinfo=UTC)


def november(day: int, hour: int = 9, minute: int = 0) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=LONDON)


def processing(at: datetime) -> Clock:
    return Clock(PROCESSING, Fraction(5)).start(at)


def test_a_contact_on_friday_afternoon_is_due_five_business_days_on() -> None:
    clock = processing(datetime(2026, 8, 28, 17, tzinfo=LONDON))

    assert clock.due_at(SHOP) == datetime(2026, 9, 7, 17, tzinfo=LONDON)
    # Four days: half an hour of Friday, Tuesday to Thursday, and 8 h of the next Friday's 8½ h.
    assert clock.warn_at(SHOP) == datetime(2026, 9, 4, 17, tzinfo=LONDON)


def test_overlapping_pauses_hold_the_clock_until_the_last_has_ended() -> None:
    clock = processing(november(2)).pause(november(3), "goods_in_transit", "customer")
    clock = clock.pause(november(4), "awaiting_answer", "customer").resume(november(5), "goods_in_transit")

    assert clock.state is ClockState.PAUSED
    assert clock.pauses == (Pause("awaiting_answer", "customer"),)
    assert clock.due_at(SHOP) is None
    assert clock.warn_at(SHOP) is None

    clock = clock.resume(november(6), "awaiting_answer")

    assert clock.used(SHOP, november(6)) == 1
    assert clock.due_at(SHOP) == november(11, 17, 30)  # Friday, Monday, Tuesday, Wednesday
    assert clock.warn_at(SHOP) == november(10, 17, 30)


def test_a_pause_that_ends_in_the_night_costs_the_customer_nothing() -> None:
    clock = processing(november(2)).pause(november(2, 18), "goods_in_transit", "customer")

    assert clock.resume(november(3, 8), "goods_in_transit").due_at(SHOP) == november(6, 17, 30)


def test_a_failed_refund_starts_its_clock_again_where_it_stood() -> None:
    clock = Clock(REFUND, Fraction(7)).start(november(2)).stop(november(4), "processor_took_it")

    assert clock.state is ClockState.STOPPED
    assert clock.due_at(SHOP) is None
    assert clock.used(SHOP, november(20)) == 2

    clock = clock.restart(november(16), "refund_failed")

    assert clock.state is ClockState.RUNNING
    assert clock.due_at(SHOP) == november(20, 17, 30)


def test_stopping_ends_every_pause() -> None:
    clock = processing(november(2)).pause(november(3), "goods_in_transit", "customer").stop(november(4))

    assert clock.restart(november(5)).state is ClockState.RUNNING
    assert clock.restart(november(5)).pauses == ()


def test_a_breach_stays_a_breach() -> None:
    clock = processing(november(2)).breach(november(9))

    assert clock.breach(november(10)) == clock
    assert clock.stop(november(10)).restart(november(11)).breached
    assert not processing(november(2)).breached


def test_a_missed_deadline_is_still_known() -> None:
    clock = processing(november(2)).breach(november(10))

    assert clock.due_at(SHOP) == november(6, 17, 30)

    late = clock.pause(november(12), "awaiting_answer", "customer").resume(november(13), "awaiting_answer")
    assert late.due_at(SHOP) == november(6, 17, 30)


def test_an_allotment_used_up_the_moment_a_pause_begins_is_due_then() -> None:
    clock = processing(november(2)).pause(november(6, 17, 30), "awaiting_answer", "customer")

    assert clock.resume(november(12), "awaiting_answer").due_at(SHOP) == november(6, 17, 30)


def test_plain_hours_pass_day_and_night() -> None:
    clock = Clock("statutory", Fraction(36), Unit.PLAIN).start(november(6, 16))

    assert clock.due_at(SHOP) == november(8, 4)
    assert clock.used(SHOP, november(7, 16, 30)) == Fraction(49, 2)
    assert [span.kind for span in clock.explain(SHOP, november(9))] == [SpanKind.COUNTED]


def test_business_hours_pass_only_while_the_shop_works() -> None:
    clock = Clock("callback", Fraction(2), Unit.BUSINESS_HOURS).start(november(6, 16, 30))

    assert clock.due_at(SHOP) == november(9, 10)


def test_a_page_can_account_for_every_hour() -> None:
    clock = processing(november(6, 13, 15)).pause(november(9, 13, 15), "goods_in_transit", "customer")
    clock = clock.resume(november(10, 12), "goods_in_transit", "warehouse").stop(november(10, 17, 30))

    spans = clock.explain(SHOP, november(10, 19))

    half = Fraction(1, 2)
    assert [(span.kind, span.closed, span.counted, span.end) for span in spans] == [
        (SpanKind.COUNTED, None, half, november(6, 17, 30)),
        (SpanKind.CLOSED, ClosedBecause.NIGHT, 0, november(7, 0)),
        (SpanKind.CLOSED, ClosedBecause.WEEKEND, 0, november(9, 0)),
        (SpanKind.CLOSED, ClosedBecause.NIGHT, 0, november(9, 9)),
        (SpanKind.COUNTED, None, half, november(9, 13, 15)),
        (SpanKind.PAUSED, None, 0, november(10, 12)),
        (SpanKind.COUNTED, None, Fraction(11, 17), november(10, 17, 30)),
        (SpanKind.STOPPED, None, 0, november(10, 19)),
    ]
    assert spans[5].pauses == (Pause("goods_in_transit", "customer"),)


def test_what_changes_nothing_adds_no_event() -> None:
    clock = processing(november(2))
    paused = clock.pause(november(3), "goods_in_transit", "customer")
    stopped = paused.stop(november(4))

    assert clock.start(november(2)) is clock
    assert clock.resume(november(3), "goods_in_transit") is clock
    assert clock.restart(november(3)) is clock
    assert paused.pause(november(4), "goods_in_transit", "customer") is paused
    assert stopped.stop(november(5)) is stopped
    assert stopped.resume(november(5), "goods_in_transit") is stopped


@pytest.mark.parametrize(
    ("code", "transition"),
    [
        ("clock_not_started", lambda: Clock(REFUND, Fraction(7)).stop(november(2))),
        ("clock_not_started", lambda: Clock(REFUND, Fraction(7)).pause(november(2), "r", "o")),
        ("clock_not_started", lambda: Clock(REFUND, Fraction(7)).breach(november(2))),
        ("clock_started", lambda: processing(november(2)).start(november(3))),
        ("clock_stopped", lambda: processing(november(2)).stop(november(3)).pause(november(4), "r", "o")),
        ("clock_backwards", lambda: processing(november(2)).stop(november(1))),
        ("pause_unexplained", lambda: processing(november(2)).pause(november(3), "", "rep")),
        ("pause_unexplained", lambda: processing(november(2)).pause(november(3), "awaiting_answer", "")),
        ("naive_instant", lambda: processing(datetime(2026, 11, 2, 9))),  # noqa: DTZ001
        ("allotment_invalid", lambda: Clock(REFUND, Fraction(0))),
        ("allotment_invalid", lambda: Clock(REFUND, 7.0)),  # type: ignore[arg-type]
    ],
)
def test_what_cannot_happen_to_a_clock_is_refused(code: str, transition: Callable[[], Clock]) -> None:
    with pytest.raises((InvalidInput, NotAllowedAtStage)) as refused:
        transition()

    assert refused.value.code == code


def test_stored_events_out_of_order_are_refused() -> None:
    events = (
        ClockEvent(ClockEventKind.STARTED, november(3)),
        ClockEvent(ClockEventKind.STOPPED, november(2)),
    )

    with pytest.raises(InvalidInput):
        Clock(REFUND, Fraction(7), events=events)


Steps = list[tuple[int, str, str]]
steps = st.lists(
    st.tuples(
        st.integers(0, 2000),
        st.sampled_from(["pause", "resume", "pause", "resume", "stop", "restart", "breach"]),
        st.sampled_from(["goods_in_transit", "awaiting_answer"]),
    ),
    max_size=9,
)


def lived(steps: Steps, unit: Unit = Unit.BUSINESS_DAYS, allotment: Fraction = Fraction(7, 2)) -> Clock:
    """A clock that all these things happened to, some minutes after each other."""
    clock = Clock(REFUND, allotment, unit).start(MONDAY)
    at = MONDAY
    for minutes, transition, reason in steps:
        at += timedelta(minutes=minutes)
        if transition == "pause" and clock.state is not ClockState.STOPPED:
            clock = clock.pause(at, reason, "customer")
        elif transition == "resume":
            clock = clock.resume(at, reason)
        elif transition != "pause":
            clock = getattr(clock, transition)(at)
    return clock


def counted_by_minutes(steps: Steps, until: datetime) -> Fraction:
    """The oracle: walks minute by minute with two sets of flags; knows no clock and no calendar."""
    waiting: set[str] = set()
    stopped = False
    due = [(MONDAY, "", "")]
    for minutes, transition, reason in steps:
        due.append((due[-1][0] + timedelta(minutes=minutes), transition, reason))
    used, at = Fraction(), MONDAY
    while at < until:
        while due and due[0][0] <= at:
            _, transition, reason = due.pop(0)
            if transition == "pause" and not stopped:
                waiting.add(reason)
            elif transition == "resume":
                waiting.discard(reason)
            elif transition == "stop":
                stopped = True
                waiting.clear()
            elif transition == "restart":
                stopped = False
        spans = [] if at.date() == HOLIDAY else SPANS.get(at.weekday(), [])
        minute = at.hour * 60 + at.minute
        if not stopped and not waiting and any(a <= minute < b for a, b in spans):
            used += Fraction(1, sum(b - a for a, b in spans))
        at += timedelta(minutes=1)
    return used


@settings(max_examples=60, deadline=None)
@given(steps, st.integers(-100, 15_000))
def test_what_is_used_is_what_a_count_of_minutes_finds(steps: Steps, minutes: int) -> None:
    until = MONDAY + timedelta(minutes=minutes)

    assert lived(steps).used(UTC_SHOP, until) == counted_by_minutes(steps, until)


@settings(max_examples=200, deadline=None)
@given(steps, st.sampled_from(Unit), st.fractions(Fraction(1, 100), 9, max_denominator=1000))
def test_a_deadline_is_the_first_microsecond_at_which_all_is_used_up(
    steps: Steps, unit: Unit, allotment: Fraction
) -> None:
    clock = lived(steps, unit, allotment)

    due_at = clock.due_at(UTC_SHOP)

    assert (due_at is None) == (clock.state is not ClockState.RUNNING)
    if due_at is not None:
        assert clock.used(UTC_SHOP, due_at) >= clock.allotment > clock.used(UTC_SHOP, due_at - MICROSECOND)
        warn_at = clock.warn_at(UTC_SHOP)
        assert warn_at is not None
        assert warn_at < due_at


@settings(max_examples=150, deadline=None)
@given(steps, st.integers(0, 15_000), st.sampled_from(Unit))
def test_spans_tile_the_time_and_count_what_is_used(steps: Steps, minutes: int, unit: Unit) -> None:
    clock, at = lived(steps, unit), MONDAY + timedelta(minutes=minutes)

    spans = clock.explain(UTC_SHOP, at)

    if at > MONDAY:
        assert (spans[0].start, spans[-1].end) == (MONDAY, at)
    assert all(earlier.end == later.start for earlier, later in pairwise(spans))
    assert sum(span.counted for span in spans) == clock.used(UTC_SHOP, at)
    for span in spans:
        assert span.start < span.end
        assert bool(span.pauses) == (span.kind is SpanKind.PAUSED)
        assert bool(span.closed) == (span.kind is SpanKind.CLOSED)
        assert bool(span.counted) == (span.kind is SpanKind.COUNTED)


@settings(max_examples=100, deadline=None)
@given(steps, st.integers(0, 15_000), st.integers(0, 15_000))
def test_what_is_used_never_shrinks(steps: Steps, first: int, second: int) -> None:
    clock = lived(steps)
    earlier, later = (MONDAY + timedelta(minutes=m) for m in sorted((first, second)))

    assert clock.used(UTC_SHOP, earlier) <= clock.used(UTC_SHOP, later)
