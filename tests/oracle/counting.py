"""The oracle of the clock campaign: a count so simple-minded that it can be believed.

Nothing of the product is imported here, and nothing is done as the product does it. The product computes with a
day's opening spans as instants; this walks through every minute of some weeks, once and in order, looks at the
clock on the shop's wall and listens to bells. A clock's life is played as flags going up and down, with no calendar
in it. Amounts come from counting minutes before an instant, deadlines are never computed: one that was claimed is
looked at from both sides.

No library does this part: `workclock` counts hours and knows neither days of unequal length nor single half days,
and pandas' business hours know one set of spans for every day and no change of the clocks.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from itertools import accumulate
from zoneinfo import ZoneInfo

MINUTE_US = 60_000_000
HOUR_US = 60 * MINUTE_US
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
OPEN = "open"
MIDNIGHT = 1440

Spans = Sequence[tuple[int, int]]
"""Opening and closing times of a day in minutes on the wall; 1440 is the midnight that ends it."""


def instant(at_us: int) -> datetime:
    return EPOCH + timedelta(microseconds=at_us)


@dataclass(frozen=True)
class Shop:
    """When a shop works, as its owner would say it. Monday first."""

    zone: str
    week: Sequence[Spans]
    closed: frozenset[date]
    special: Mapping[date, Spans]

    def spans(self, on: date) -> Spans:
        if on in self.special:
            return self.special[on]
        return () if on in self.closed else self.week[on.weekday()]

    def why_closed(self, on: date) -> str:
        if self.spans(on):
            return "night"
        return "holiday" if self.week[on.weekday()] else "weekend"


class Walk:
    """Every minute from `first_us` on, looked at once.

    A day's opening and closing times are bells. Each rings in the first minute in which the wall shows its time or
    a later one, and what has rung has rung: going back to an earlier hour, or to the evening before, does not ring
    it again. The shop is open after an odd number of bells.
    """

    def __init__(self, shop: Shop, first_us: int, minutes: int) -> None:
        self._first_us = first_us
        self._minutes = minutes
        self._what: list[str] = []
        self._day: list[int] = []
        self._days: list[date] = []
        self._walk(shop)
        whats = sorted(set(self._what) | {OPEN})
        self._before = {
            what: [0, *accumulate(seen == what for seen in self._what)] for what in whats
        }  # minutes of each sort before each minute
        starts = [bisect_left(self._day, number) for number in range(len(self._days))]
        self._open_before_day = [self._before[OPEN][at] for at in [*starts, minutes]]
        self._length = [
            later - earlier
            for earlier, later in zip(self._open_before_day, self._open_before_day[1:], strict=False)
        ]
        self._working_days_before = [0, *accumulate(length > 0 for length in self._length)]
        self._edges_us = [
            first_us + n * MINUTE_US
            for n in range(1, minutes)
            if self._what[n] != self._what[n - 1] or self._day[n] != self._day[n - 1]
        ]

    def _walk(self, shop: Shop) -> None:
        zone, at, minute = ZoneInfo(shop.zone), instant(self._first_us), timedelta(minutes=1)
        today = date.min
        for _ in range(self._minutes):
            wall = at.astimezone(zone)
            if wall.date() > today:
                today, rung = wall.date(), 0
                bells = [bell for span in shop.spans(today) for bell in span]
                closed = shop.why_closed(today)
                self._days.append(today)
            if wall.date() == today:
                shown = wall.hour * 60 + wall.minute
                while rung < len(bells) and bells[rung] <= shown:
                    rung += 1
            self._what.append(OPEN if rung % 2 else closed)
            self._day.append(len(self._days) - 1)
            at += minute

    def passed_us(self, what: str, until_us: int) -> int:
        """How much open (or by that reason closed) time passed before an instant."""
        minute, rest_us = divmod(until_us - self._first_us, MINUTE_US)
        counted = self._before[what][minute] if what in self._before else 0
        return counted * MINUTE_US + (rest_us if self._what[minute] == what else 0)

    def days(self, until_us: int) -> Fraction:
        """How many working days passed before an instant; the day it is in counts for the part that is over."""
        day = self._day[(until_us - self._first_us) // MINUTE_US]
        whole, length = self._working_days_before[day], self._length[day]
        if not length:
            return Fraction(whole)
        over_us = self.passed_us(OPEN, until_us) - self._open_before_day[day] * MINUTE_US
        return whole + Fraction(over_us, length * MINUTE_US)

    def amount(self, unit: str, start_us: int, end_us: int) -> Fraction:
        """What lies between two instants, in a clock's unit."""
        if unit == "plain":
            return Fraction(end_us - start_us, HOUR_US)
        if unit == "business_hours":
            return Fraction(self.passed_us(OPEN, end_us) - self.passed_us(OPEN, start_us), HOUR_US)
        return self.days(end_us) - self.days(start_us)

    def edges_us(self, start_us: int, end_us: int) -> list[int]:
        """The instants between two at which something about the shop changes."""
        return self._edges_us[bisect_left(self._edges_us, start_us) : bisect_right(self._edges_us, end_us)]


@dataclass(frozen=True)
class Step:
    """Something that is tried with a clock: start, pause, resume, stop, restart or breach."""

    at_us: int
    what: str
    reason: str = ""


@dataclass(frozen=True)
class Stretch:
    """Time during which a clock ran, stood still for some reasons, or had stopped."""

    start_us: int
    end_us: int
    stopped: bool
    waits_for: frozenset[str]

    @property
    def runs(self) -> bool:
        return not self.stopped and not self.waits_for


class Life:
    """What was tried with a clock, played as flags: one a reason, and one for stopped."""

    def __init__(self, steps: Sequence[Step]) -> None:
        self.steps = steps
        self._flags: list[tuple[int, bool, frozenset[str]]] = []
        stopped, waits_for = False, set[str]()
        for step in steps:
            if step.what == "pause" and not stopped:
                waits_for.add(step.reason)
            elif step.what == "resume":
                waits_for.discard(step.reason)
            elif step.what == "stop":
                stopped = True
                waits_for.clear()
            elif step.what == "restart":
                stopped = False
            self._flags.append((step.at_us, stopped, frozenset(waits_for)))

    @property
    def breached(self) -> bool:
        return any(step.what == "breach" for step in self.steps)

    @property
    def now(self) -> Stretch:
        at_us, stopped, waits_for = self._flags[-1]
        return Stretch(at_us, at_us, stopped, waits_for)

    def stretches(self, until_us: int) -> Iterator[Stretch]:
        ends_us = [flag[0] for flag in self._flags[1:]] + [until_us]
        for (start_us, stopped, waits_for), end_us in zip(self._flags, ends_us, strict=True):
            if start_us < min(end_us, until_us):
                yield Stretch(start_us, min(end_us, until_us), stopped, waits_for)

    def used(self, walk: Walk, unit: str, until_us: int) -> Fraction:
        """How much was used before an instant."""
        return sum(
            (walk.amount(unit, x.start_us, x.end_us) for x in self.stretches(until_us) if x.runs), Fraction()
        )
