"""What users of other software complain about in its clocks, and what naive code gets wrong. Counted by hand.

The week of Monday 2 November 2026 in London, open 9:00 to 17:30 with no lunch, unless a test says otherwise.
The complaints: frappe/erpnext #16729, #47029, #47172, #47884, #49414, #51111, #52489; frappe/helpdesk #2212, #2449.
"""

from datetime import UTC, date, datetime, time, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

from returndesk.domain.calendar import BusinessCalendar, ClosedBecause, Span
from returndesk.domain.clock import PROCESSING, REFUND, Clock, SpanKind, Unit

LONDON = ZoneInfo("Europe/London")
OFFICE: tuple[Span, ...] = ((time(9), time(17, 30)),)
SHOP = BusinessCalendar("Europe/London", (OFFICE,) * 5 + ((), ()))
WAITING = "awaiting_answer"


def november(day: int, hour: int = 9, minute: int = 0) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=LONDON)


def clock(days: int, at: datetime) -> Clock:
    return Clock(PROCESSING, Fraction(days)).start(at)


def waited(running: Clock, since: datetime, until: datetime, reason: str = WAITING) -> Clock:
    return running.pause(since, reason, "customer").resume(until, reason, "rep-1")


# Hold time and working hours (erpnext) -------------------------------------------------------------


def test_a_pause_takes_out_only_the_business_time_it_overlapped() -> None:
    """A pause of 45 hours, Monday 15:30 to Wednesday 12:30, took two hours, a day and three and a half out."""
    paused = waited(clock(5, november(2)), november(2, 15, 30), november(4, 12, 30))

    assert paused.used(SHOP, november(4, 12, 30)) == Fraction(13, 17)  # 6½ h of 8½ h
    # Five days were due on Friday at 17:30. One day and 5½ h later: Monday is the one, Tuesday to 14:30 the other.
    assert clock(5, november(2)).due_at(SHOP) == november(6, 17, 30)
    assert paused.due_at(SHOP) == november(10, 14, 30)


def test_a_pause_from_closing_to_opening_moves_no_deadline() -> None:
    """#49414: its 15½ hours, added to the start, would make this a day late."""
    running = clock(1, november(2))

    assert waited(running, november(2, 17, 30), november(3, 9)).due_at(SHOP) == running.due_at(SHOP)


def test_a_pause_over_the_weekend_moves_no_deadline() -> None:
    running = clock(5, november(4))

    assert waited(running, november(6, 17, 30), november(9, 9)).due_at(SHOP) == running.due_at(SHOP)


def test_a_pause_moves_the_deadline_once() -> None:
    """#52489: the hold was added to where the count began and again to where it ended."""
    paused = waited(clock(2, november(2)), november(2, 10), november(2, 12))

    assert paused.due_at(SHOP) == november(4, 11)  # two hours of Wednesday


def test_a_deadline_after_a_pause_lies_in_opening_hours() -> None:
    """#47029: a hold, added to the deadline, led it out of the day: 17:00 and two hours."""
    paused = waited(clock(1, november(2, 17)), november(3, 12), november(3, 14))

    assert paused.due_at(SHOP) == november(4, 10, 30)  # 17:00 on the 3rd, and two hours of which ½ h is left


def test_a_pause_that_began_before_the_shop_opened_counts_from_when_it_opened() -> None:
    """#2449: the request came on a Sunday, and the shop asked back at once, until Monday at noon."""
    paused = waited(clock(1, november(1, 15)), november(1, 16), november(2, 12))

    assert paused.used(SHOP, november(2, 12)) == 0
    assert paused.due_at(SHOP) == november(3, 12)


def test_what_is_over_shows_the_time_without_the_pause() -> None:
    """#16729: opened at 10:00, held from 11:00 to 12:00, closed at 13:00: two hours, not three."""
    held = Clock("callback", Fraction(8), Unit.BUSINESS_HOURS).start(november(2, 10))
    over = waited(held, november(2, 11), november(2, 12)).stop(november(2, 13))

    assert over.used(SHOP, november(20)) == 2


def test_a_lunch_break_is_nobodys_time() -> None:
    """#2212: a question in the break is not late for the break's sake."""
    lunch = BusinessCalendar("Europe/London", (((time(9), time(12)), (time(13), time(17)),),) * 5 + ((), ()))  # fmt: skip
    asked = Clock("callback", Fraction(1), Unit.BUSINESS_HOURS).start(november(2, 12, 15))

    assert asked.due_at(lunch) == november(2, 14)
    assert waited(asked, november(2, 12, 20), november(2, 12, 50)).due_at(lunch) == november(2, 14)


def test_two_pauses_at_once_take_their_time_out_once() -> None:
    overlapping = clock(5, november(2)).pause(november(2, 12), "goods_in_transit", "customer")
    overlapping = waited(overlapping, november(2, 13), november(2, 16)).resume(november(2, 15), "nothing")
    overlapping = overlapping.resume(november(2, 17), "goods_in_transit", "warehouse-1")

    assert overlapping.used(SHOP, november(2, 17, 30)) == Fraction(7, 17)  # 9:00 to 12:00, 17:00 to 17:30


# Who may hide behind what --------------------------------------------------------------------------


def test_a_late_clock_is_not_made_punctual_by_a_pause() -> None:
    late = clock(1, november(2)).breach(november(2, 17, 30), "due", "rep")
    paused = waited(late, november(3), november(20))

    assert paused.breached
    assert paused.due_at(SHOP) == november(2, 17, 30)
    assert paused.left(SHOP, november(20, 13, 15)) == -Fraction(1, 2)


def test_a_return_that_is_opened_again_goes_on_where_its_clock_stood() -> None:
    """Three of seven days were used when the refund went out; the bank sent it back two weeks later."""
    opened = Clock(REFUND, Fraction(7)).start(november(2)).stop(november(4, 17, 30), "submitted")
    opened = opened.restart(november(18, 12), "refund_failed")

    assert opened.used(SHOP, november(18, 12)) == 3
    assert opened.due_at(SHOP) == november(24, 12)  # of the 18th 5½ h, three days, and 3 h of the 24th


# When nobody works ---------------------------------------------------------------------------------


def test_a_contact_out_of_hours_starts_its_clock_and_uses_nothing_until_the_shop_opens() -> None:
    friday_night = clock(5, november(6, 22, 41))

    assert friday_night.used(SHOP, november(9)) == 0
    assert friday_night.due_at(SHOP) == november(13, 17, 30)
    assert [span.closed for span in friday_night.explain(SHOP, november(9))] == [
        ClosedBecause.NIGHT, ClosedBecause.WEEKEND, ClosedBecause.NIGHT,
    ]  # fmt: skip


def test_a_holiday_added_in_mid_case_moves_nothing_until_somebody_counts_with_it() -> None:
    running = clock(5, november(2))
    added = BusinessCalendar("Europe/London", SHOP.week, frozenset({date(2026, 11, 5)}))

    assert running.due_at(SHOP) == november(6, 17, 30)
    assert running.due_at(added) == november(9, 17, 30)


def test_five_days_are_five_days_in_the_week_in_which_the_clocks_change() -> None:
    """By plain hours, 120 of them, it would be an hour early on the wall."""
    friday = datetime(2026, 10, 23, 12, tzinfo=LONDON)

    assert clock(5, friday).due_at(SHOP) == datetime(2026, 10, 30, 12, tzinfo=UTC)


def test_a_night_shift_on_the_night_with_an_hour_more_is_one_day() -> None:
    night = BusinessCalendar("Europe/London", (((time(0), time(4)), (time(20), time(0))),) * 7)
    saturday = datetime(2026, 10, 24, 20, tzinfo=LONDON)
    running = clock(2, saturday)

    # Half of Saturday until midnight; Sunday, of nine hours; half of Monday's eight.
    assert running.due_at(night) == datetime(2026, 10, 26, 4, tzinfo=UTC)
    [counted] = [
        span
        for span in running.explain(night, datetime(2026, 10, 25, 12, tzinfo=UTC))
        if span.kind is SpanKind.COUNTED
    ]
    assert counted.end - counted.start == timedelta(hours=9), "from eight to four, with an hour twice"
    assert counted.counted == Fraction(1, 2) + Fraction(5, 9)


def test_half_a_half_day_is_half_a_day() -> None:
    half = BusinessCalendar("Europe/London", SHOP.week, special={date(2026, 11, 4): ((time(9), time(13)),)})

    assert clock(1, november(4, 11)).due_at(half) == november(5, 13, 15)


def test_a_day_whose_only_hour_the_clocks_left_out_is_no_holiday() -> None:
    early = BusinessCalendar("Europe/London", (((time(1, 15), time(1, 45)),),) * 7)
    sunday = datetime(2026, 3, 29, 0, 30, tzinfo=UTC)

    pieces = early.pieces(sunday, datetime(2026, 3, 29, 12, tzinfo=UTC))

    assert [piece.closed for piece in pieces] == [ClosedBecause.NIGHT]
