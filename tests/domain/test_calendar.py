"""Business time agrees with a count by hand, with a minute-by-minute count and with another library."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from fractions import Fraction
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from workclock import Holidays, Schedule, WorkDay

from returndesk.domain.calendar import BusinessCalendar, ClosedBecause, Span
from returndesk.domain.errors import ConfigurationError, InvalidInput

MICROSECOND = timedelta(microseconds=1)
HOUR_US = 3_600_000_000
LONDON = ZoneInfo("Europe/London")
OFFICE: tuple[Span, ...] = ((time(9), time(17, 30)),)
SHOP = BusinessCalendar(
    zone="Europe/London",
    week=(OFFICE,) * 5 + ((), ()),
    closed=frozenset({date(2026, 8, 31), date(2026, 12, 25), date(2026, 12, 28)}),
    special={date(2026, 12, 24): ((time(9), time(13)),)},
)

# Where the clocks change: at night, at midnight, by half an hour, and by leaving out a whole day.
CHANGES = [
    ("Europe/London", date(2026, 3, 29)),
    ("Europe/London", date(2026, 10, 25)),
    ("America/New_York", date(2026, 11, 1)),
    ("America/Santiago", date(2026, 4, 4)),
    ("America/Santiago", date(2026, 9, 6)),
    ("Australia/Lord_Howe", date(2026, 4, 5)),
    ("Australia/Lord_Howe", date(2026, 10, 4)),
    ("Pacific/Apia", date(2011, 12, 30)),
    ("Asia/Kolkata", date(2026, 6, 1)),
]


def london(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=LONDON)  # type: ignore[arg-type,misc]


def only(weekday: int, *spans: Span, zone: str = "Europe/London") -> BusinessCalendar:
    return BusinessCalendar(zone, tuple(spans if day == weekday else () for day in range(7)))


@dataclass(frozen=True)
class Spec:
    """A calendar as plain data, for the oracle to count from; spans in minutes of the day."""

    zone: str
    week: list[list[tuple[int, int]]]
    closed: set[date]
    special: dict[date, list[tuple[int, int]]]
    near: date

    def calendar(self) -> BusinessCalendar:
        return BusinessCalendar(
            self.zone,
            tuple(_as_times(spans) for spans in self.week),
            frozenset(self.closed),
            {on: _as_times(spans) for on, spans in self.special.items()},
        )


def _as_times(spans: list[tuple[int, int]]) -> tuple[Span, ...]:
    def at(minute: int) -> time:
        return time(minute // 60 % 24, minute % 60)

    return tuple((at(opens), at(closes)) for opens, closes in spans)


def spans_of_a_day(least: int = 0) -> st.SearchStrategy[list[tuple[int, int]]]:
    """Up to three spans; many begin or end in the hours in which clocks change."""
    minute = st.one_of(st.integers(0, 1440), st.integers(0, 16).map(lambda quarter: quarter * 15))
    edges = st.lists(minute, min_size=2 * least, max_size=6, unique=True).map(sorted)
    return edges.map(lambda e: list(zip(e[0::2], e[1::2], strict=False)))


@st.composite
def specs(draw: st.DrawFn) -> Spec:
    zone, near = draw(st.sampled_from(CHANGES))
    around = st.integers(-6, 6).map(lambda days: near + timedelta(days=days))
    week = [*draw(st.lists(spans_of_a_day(), min_size=6, max_size=6)), draw(spans_of_a_day(least=1))]
    draw(st.randoms(use_true_random=False)).shuffle(week)
    closed = draw(st.sets(around, max_size=3))
    return Spec(zone, week, closed, draw(st.dictionaries(around, spans_of_a_day(), max_size=2)), near)


@st.composite
def specs_with_two_instants(draw: st.DrawFn) -> tuple[Spec, datetime, datetime]:
    spec = draw(specs())
    noon = datetime(spec.near.year, spec.near.month, spec.near.day, 12, tzinfo=UTC)
    minutes = sorted(draw(st.tuples(st.integers(-7000, 7000), st.integers(-7000, 7000))))
    return spec, noon + timedelta(minutes=minutes[0]), noon + timedelta(minutes=minutes[1])


@dataclass
class MinuteCount:
    """The oracle: walks through UTC minute by minute and looks at the clock on the wall."""

    spec: Spec
    zone: ZoneInfo = field(init=False)

    def __post_init__(self) -> None:
        self.zone = ZoneInfo(self.spec.zone)

    def open_minutes(self, start: datetime, end: datetime) -> Iterator[tuple[datetime, date]]:
        at = start
        while at < end:
            wall = at.astimezone(self.zone)
            minute = wall.hour * 60 + wall.minute
            spans = self.spans(wall.date())
            if wall.fold:
                # The second time round, only what is open to the end of the repeated hour still is.
                over = self.minutes_left_repeated(at) + minute
                is_open = any(opens < over <= closes for opens, closes in spans)
            else:
                is_open = any(opens <= minute < closes for opens, closes in spans)
            if is_open:
                yield at, wall.date()
            at += timedelta(minutes=1)

    def spans(self, on: date) -> list[tuple[int, int]]:
        if on in self.spec.special:
            return self.spec.special[on]
        return [] if on in self.spec.closed else self.spec.week[on.weekday()]

    def minutes_left_repeated(self, at: datetime) -> int:
        minutes = 1
        while (at + timedelta(minutes=minutes)).astimezone(self.zone).fold:
            minutes += 1
        return minutes

    def hours(self, start: datetime, end: datetime) -> Fraction:
        return Fraction(sum(1 for _ in self.open_minutes(start, end)), 60)

    def days(self, start: datetime, end: datetime) -> Fraction:
        whole: dict[date, int] = {}
        for _, on in self.open_minutes(start - timedelta(days=2), end + timedelta(days=2)):
            whole[on] = whole.get(on, 0) + 1
        return sum((Fraction(1, whole[on]) for _, on in self.open_minutes(start, end)), Fraction())


@settings(max_examples=60, deadline=None)
@given(specs_with_two_instants())
def test_business_time_is_what_a_count_of_minutes_finds(case: tuple[Spec, datetime, datetime]) -> None:
    spec, start, end = case
    calendar, count = spec.calendar(), MinuteCount(spec)

    assert calendar.hours_between(start, end) == count.hours(start, end)
    assert calendar.between(start, end) == count.days(start, end)


@settings(max_examples=200, deadline=None)
@given(specs_with_two_instants(), st.fractions(0, 12, max_denominator=10_000))
def test_a_deadline_is_the_first_microsecond_at_which_the_days_are_used_up(
    case: tuple[Spec, datetime, datetime], days: Fraction
) -> None:
    spec, start, _ = case
    calendar = spec.calendar()

    due_at = calendar.add(start, days)

    assert calendar.between(start, due_at) >= days
    assert due_at == start or calendar.between(start, due_at - MICROSECOND) < days


@settings(max_examples=200, deadline=None)
@given(specs_with_two_instants(), st.fractions(0, 100, max_denominator=10_000))
def test_business_hours_keep_the_same_law(case: tuple[Spec, datetime, datetime], hours: Fraction) -> None:
    spec, start, _ = case
    calendar = spec.calendar()

    due_at = calendar.add_hours(start, hours)

    assert hours <= calendar.hours_between(start, due_at) < hours + Fraction(1, HOUR_US)
    assert due_at == start or calendar.hours_between(start, due_at - MICROSECOND) < hours


@settings(max_examples=100, deadline=None)
@given(specs_with_two_instants(), st.integers(0, 14_000))
def test_time_adds_up_and_never_runs_backwards(case: tuple[Spec, datetime, datetime], minutes: int) -> None:
    spec, start, end = case
    calendar, middle = spec.calendar(), min(start + timedelta(minutes=minutes), end)

    before, after = calendar.between(start, middle), calendar.between(middle, end)

    assert before >= 0
    assert after >= 0
    assert before + after == calendar.between(start, end)


@settings(max_examples=100, deadline=None)
@given(specs_with_two_instants())
def test_pieces_tile_the_time_and_hold_all_of_its_work(case: tuple[Spec, datetime, datetime]) -> None:
    spec, start, end = case
    assume(start < end)
    calendar = spec.calendar()

    pieces = calendar.pieces(start, end)

    assert (pieces[0].start, pieces[-1].end) == (start, end)
    assert all(earlier.end == later.start for earlier, later in pairwise(pieces))
    assert all(earlier.closed is not later.closed for earlier, later in pairwise(pieces))
    open_us = sum((p.end - p.start) // MICROSECOND for p in pieces if p.closed is None)
    assert Fraction(open_us, HOUR_US) == calendar.hours_between(start, end)


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(["Europe/London", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata"]),
    st.lists(st.integers(4 * 60, 1439), min_size=2, max_size=6, unique=True).map(sorted),
    st.sets(st.dates(date(2026, 1, 1), date(2027, 12, 31)), max_size=20),
    st.integers(0, 365 * 24 * HOUR_US).map(lambda us: datetime(2026, 1, 1, tzinfo=UTC) + us * MICROSECOND),
    st.timedeltas(timedelta(), timedelta(days=300)),
)
def test_hours_agree_with_another_library(
    zone: str, edges: list[int], holidays: set[date], start: datetime, elapsed: timedelta
) -> None:
    spans = _as_times(list(zip(edges[0::2], edges[1::2], strict=False)))
    calendar = BusinessCalendar(zone, (spans,) * 5 + ((), ()), frozenset(holidays))
    other = Schedule([*(WorkDay(*span) for span in spans), Holidays(holidays)], time_zone=zone)

    hours = calendar.hours_between(start, start + elapsed)

    assert hours == Fraction(other.between(start, start + elapsed) // MICROSECOND, HOUR_US)
    assert calendar.add_hours(start, hours) == other.add(start, other.between(start, start + elapsed))


def test_five_days_from_friday_afternoon_step_over_the_august_bank_holiday() -> None:
    # Friday: half an hour. Monday is the holiday. Tuesday to Friday: four days. Monday: 8 h of 8½ h.
    assert SHOP.add(london(2026, 8, 28, 17), 5) == london(2026, 9, 7, 17)
    assert SHOP.between(london(2026, 8, 28, 17), london(2026, 8, 31, 23)) == Fraction(1, 17)


def test_five_days_over_the_october_change_end_at_the_same_time_on_the_wall() -> None:
    # 12:15 is 11:15 UTC on Friday 23 October and 12:15 UTC a week later.
    due_at = SHOP.add(london(2026, 10, 23, 12, 15), 5)

    assert due_at == datetime(2026, 10, 30, 12, 15, tzinfo=UTC)


def test_a_contact_at_the_weekend_counts_from_monday_morning() -> None:
    assert SHOP.add(london(2026, 9, 5, 11), 1) == london(2026, 9, 7, 17, 30)
    assert SHOP.add(london(2026, 9, 5, 11), Fraction(1, 2)) == london(2026, 9, 7, 13, 15)
    assert SHOP.add(london(2026, 9, 5, 11), 0) == london(2026, 9, 5, 11)


def test_half_of_a_half_day_is_half_a_day() -> None:
    # Christmas Eve closes at 13:00; 25 to 28 December are closed; half of Tuesday's 8½ h is 4 h 15.
    assert SHOP.add(london(2026, 12, 24, 11), 1) == london(2026, 12, 29, 13, 15)
    assert SHOP.hours_between(london(2026, 12, 24, 0), london(2026, 12, 25, 0)) == 4


def test_a_special_day_opens_a_shop_on_a_holiday() -> None:
    on = date(2026, 8, 31)
    calendar = BusinessCalendar("Europe/London", SHOP.week, SHOP.closed, {on: ((time(10), time(14)),)})

    assert calendar.add(london(2026, 8, 29, 12), 1) == london(2026, 8, 31, 14)


def test_a_span_that_begins_in_the_hour_that_is_skipped_begins_when_the_clocks_jump() -> None:
    night = only(6, (time(1, 30), time(2, 30)))

    # On 29 March London goes from 01:00 GMT to 02:00 BST.
    assert night.hours_between(london(2026, 3, 29, 0), london(2026, 3, 30, 0)) == Fraction(1, 2)
    assert night.add_hours(london(2026, 3, 29, 0), Fraction(1, 2)) == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)


def test_a_span_over_the_hour_that_comes_twice_lasts_an_hour_longer() -> None:
    night = only(6, (time(0, 30), time(3)))
    ends_within = only(6, (time(0, 30), time(1, 30)))

    assert night.hours_between(london(2026, 10, 25, 0), london(2026, 10, 26, 0)) == Fraction(7, 2)
    assert night.between(london(2026, 10, 25, 0), london(2026, 10, 26, 0)) == 1
    assert ends_within.hours_between(london(2026, 10, 25, 0), london(2026, 10, 26, 0)) == 1


def test_a_day_that_a_zone_left_out_is_no_working_day() -> None:
    samoa = BusinessCalendar("Pacific/Apia", (OFFICE,) * 7)
    thursday = datetime(2011, 12, 29, 9, tzinfo=ZoneInfo("Pacific/Apia"))

    assert samoa.add(thursday, 2) == datetime(2011, 12, 31, 17, 30, tzinfo=ZoneInfo("Pacific/Apia"))


def test_a_shop_may_close_at_midnight_and_never_close() -> None:
    always = BusinessCalendar("Europe/London", (((time(0), time(0)),),) * 7)

    assert always.hours_between(london(2026, 10, 25, 0), london(2026, 10, 26, 0)) == 25
    assert [piece.closed for piece in always.pieces(london(2026, 8, 1), london(2026, 8, 9))] == [None]


def test_a_page_can_say_why_nobody_worked() -> None:
    pieces = SHOP.pieces(london(2026, 8, 28, 17), london(2026, 9, 1, 10))

    assert [(piece.closed, piece.end) for piece in pieces] == [
        (None, london(2026, 8, 28, 17, 30)),
        (ClosedBecause.NIGHT, london(2026, 8, 29)),
        (ClosedBecause.WEEKEND, london(2026, 8, 31)),
        (ClosedBecause.HOLIDAY, london(2026, 9, 1)),
        (ClosedBecause.NIGHT, london(2026, 9, 1, 9)),
        (None, london(2026, 9, 1, 10)),
    ]


def test_a_deadline_years_away_is_still_right() -> None:
    # 521 weeks, and Thursday, Friday and Monday; three of those days are closed.
    assert SHOP.between(london(2026, 1, 1), london(2036, 1, 1)) == 521 * 5 + 3 - 3
    assert SHOP.add(london(2026, 1, 1), 2605) == london(2035, 12, 31, 17, 30)


NAIVE = datetime(2026, 9, 1, 9)  # noqa: DTZ001
AWARE = london(2026, 9, 1, 9)


@pytest.mark.parametrize(
    ("code", "question"),
    [
        ("naive_instant", lambda: SHOP.between(NAIVE, AWARE)),
        ("naive_instant", lambda: SHOP.between(AWARE, NAIVE)),
        ("naive_instant", lambda: SHOP.add(NAIVE, 1)),
        ("backwards", lambda: SHOP.between(AWARE, AWARE - MICROSECOND)),
        ("backwards", lambda: SHOP.pieces(AWARE, AWARE - MICROSECOND)),
        ("amount_out_of_range", lambda: SHOP.add(AWARE, -1)),
        ("amount_out_of_range", lambda: SHOP.add(AWARE, 1.5)),  # type: ignore[arg-type]
        ("amount_out_of_range", lambda: SHOP.add_hours(AWARE, 10_001)),
    ],
)
def test_what_cannot_be_meant_is_refused(code: str, question: Callable[[], object]) -> None:
    with pytest.raises(InvalidInput) as refused:
        question()

    assert refused.value.code == code


def test_a_calendar_that_never_opens_says_so() -> None:
    with pytest.raises(ConfigurationError) as refused:
        BusinessCalendar("Europe/London", ((),) * 7).add(london(2026, 9, 1), 1)

    assert refused.value.code == "calendar_never_opens"


def test_a_year_without_known_holidays_is_not_counted_as_all_work() -> None:
    calendar = BusinessCalendar("Europe/London", SHOP.week, known_years=frozenset({2026}))

    assert calendar.add(london(2026, 1, 1), 1) == london(2026, 1, 1, 17, 30)
    assert calendar.between(london(2026, 12, 31, 9), london(2027, 1, 1)) == 1
    with pytest.raises(ConfigurationError) as refused:
        calendar.add(london(2026, 12, 31, 9), 2)
    assert refused.value.code == "calendar_year_unknown"


@pytest.mark.parametrize(
    ("zone", "spans", "code"),
    [
        ("Europe/Londinium", OFFICE, "calendar_zone_unknown"),
        ("../etc/passwd", OFFICE, "calendar_zone_unknown"),
        ("Europe/London", ((time(9), time(9)),), "calendar_spans_invalid"),
        ("Europe/London", ((time(17), time(9)),), "calendar_spans_invalid"),
        ("Europe/London", ((time(9), time(12)), (time(11), time(17))), "calendar_spans_invalid"),
    ],
)
def test_a_calendar_that_makes_no_sense_is_refused(zone: str, spans: tuple[Span, ...], code: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        BusinessCalendar(zone, (spans,) * 7)

    assert refused.value.code == code
