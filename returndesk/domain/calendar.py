"""Business time: how much of it lies between two instants, and when a given amount of it is used up.

Guarantees, for every calendar and across every change of the clocks:
- exact: amounts are fractions, instants are whole microseconds UTC; no float anywhere;
- each working day counts as one business day whatever its length, and a part of it counts in proportion;
- `n <= between(start, add(start, n)) < n + 1 microsecond of work`, and no earlier instant has that;
- pieces tile the time they explain.

Opening spans are wall-clock times in the shop's zone. A wall time that happens twice (clocks go back) means
its first occurrence; one that never happens (clocks go forward) means the instant the clocks jumped. So spans
keep their order, never overlap, and last as long as they really do, an hour more or less on such a night.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from fractions import Fraction
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from returndesk.domain.errors import ConfigurationError, InvalidInput

Span = tuple[time, time]
"""Opening and closing wall time. A closing time of 00:00 is the midnight that ends the day."""

AMOUNT_MAX = 10_000
"""The most business days or hours anything may be given: about 40 years of days. More is a mistake."""
DAYS_WITHOUT_OPENING_MAX = 731
HOUR_US = 3_600_000_000
MICROSECOND = timedelta(microseconds=1)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY = timedelta(days=1)
_MIDNIGHT = time()


class ClosedBecause(StrEnum):
    """Why time does not count: outside that day's hours, no working day of the week, or a closed date."""

    NIGHT = "night"
    WEEKEND = "weekend"
    HOLIDAY = "holiday"


def utc(at: datetime) -> datetime:
    """The same instant in UTC. Raises `InvalidInput` (`naive_instant`) for a time without a zone."""
    if at.utcoffset() is None:
        raise InvalidInput("naive_instant", "An instant needs its zone: write it with an offset, or in UTC.")
    return at.astimezone(UTC)


@dataclass(frozen=True)
class Piece:
    """Time that is all open (`closed` None) or all closed for one reason. UTC, `end` exclusive."""

    start: datetime
    end: datetime
    closed: ClosedBecause | None


@dataclass(frozen=True)
class _Day:
    """One local day in microseconds since the epoch: where it begins and ends, and when it is open."""

    begin_us: int
    end_us: int
    spans_us: tuple[tuple[int, int], ...]
    length_us: int
    closed: ClosedBecause

    def worked_us(self, start_us: int, end_us: int) -> int:
        """Opening time of this day that lies between two instants."""
        return sum(max(0, min(closes, end_us) - max(opens, start_us)) for opens, closes in self.spans_us)

    def worked_until(self, start_us: int, work_us: int) -> int:
        """The first instant at which `work_us` of this day's opening time have passed since `start_us`."""
        for opens, closes in self.spans_us:
            from_us = max(opens, start_us)
            if closes - from_us >= work_us:
                return from_us + work_us
            work_us -= max(0, closes - from_us)
        raise AssertionError("asked for more than the day has left")


@dataclass(frozen=True)
class BusinessCalendar:
    """When a shop works. `week` has the opening spans of Monday to Sunday, in order and not overlapping.

    `closed` are dates without work (public holidays and extra ones). `special` gives single dates spans of
    their own, as for half days, and wins over both. `known_years`, when given, are the years `closed` is
    complete for: asking for a day of another one raises instead of counting its holidays as work.
    Raises `ConfigurationError`: `calendar_zone_unknown`, `calendar_spans_invalid`.
    """

    zone: str
    week: tuple[tuple[Span, ...], ...]
    closed: frozenset[date] = frozenset()
    special: Mapping[date, tuple[Span, ...]] = field(default_factory=dict, hash=False)
    known_years: frozenset[int] | None = None
    _days: dict[date, _Day] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        try:
            ZoneInfo(self.zone)
        except (ZoneInfoNotFoundError, ValueError):
            raise ConfigurationError(
                "calendar_zone_unknown",
                "The calendar's zone is not a time zone; write one like Europe/London.",
            ) from None
        if len(self.week) != 7:
            raise ConfigurationError("calendar_spans_invalid", "A week has seven days, Monday first.")
        for spans in (*self.week, *self.special.values()):
            _check_spans(spans)

    def between(self, start: datetime, end: datetime) -> Fraction:
        """Business days from `start` to `end`.

        Raises `InvalidInput`: `naive_instant`, `backwards` (`end` is before `start`).
        """
        worked: dict[int, int] = {}
        for day, worked_us in self._worked(start, end):
            worked[day.length_us] = worked.get(day.length_us, 0) + worked_us
        return sum((Fraction(us, length_us) for length_us, us in worked.items()), Fraction())

    def add(self, start: datetime, days: Fraction | int) -> datetime:
        """The instant, UTC, when `days` business days after `start` are used up; up to the next microsecond.

        Raises `InvalidInput` (`naive_instant`, `amount_out_of_range`) and `ConfigurationError`
        (`calendar_never_opens`, `calendar_year_unknown`).
        """
        start_us, left = _us(start), _amount(days)
        for day in self._days_ahead(start):
            remaining_us = day.worked_us(start_us, day.end_us)
            if remaining_us >= left * day.length_us:
                work_us = -(-left * day.length_us // 1)
                return _instant(day.worked_until(start_us, work_us) if work_us else start_us)
            left -= Fraction(remaining_us, day.length_us)
        raise AssertionError("the days ahead never end")

    def hours_between(self, start: datetime, end: datetime) -> Fraction:
        """Business hours from `start` to `end`. Raises as `between`."""
        return Fraction(sum(worked_us for _, worked_us in self._worked(start, end)), HOUR_US)

    def add_hours(self, start: datetime, hours: Fraction | int) -> datetime:
        """The instant, UTC, when `hours` business hours after `start` are used up. Raises as `add`."""
        start_us, left_us = _us(start), -(-_amount(hours) * HOUR_US // 1)
        for day in self._days_ahead(start):
            remaining_us = day.worked_us(start_us, day.end_us)
            if remaining_us >= left_us:
                return _instant(day.worked_until(start_us, left_us) if left_us else start_us)
            left_us -= remaining_us
        raise AssertionError("the days ahead never end")

    def pieces(self, start: datetime, end: datetime) -> list[Piece]:
        """The time from `start` to `end`, tiled by open or closed and why. Raises as `between`."""
        tiles: list[tuple[int, int, ClosedBecause | None]] = []
        start_us, end_us = _ordered_us(start, end)
        for day in self._days_from(start, end):
            for from_us, to_us, closed in _tiles(day):
                from_us, to_us = max(from_us, start_us), min(to_us, end_us)
                if from_us >= to_us:
                    continue
                if tiles and tiles[-1][2] is closed and tiles[-1][1] == from_us:
                    from_us = tiles.pop()[0]
                tiles.append((from_us, to_us, closed))
        return [Piece(_instant(from_us), _instant(to_us), closed) for from_us, to_us, closed in tiles]

    def _worked(self, start: datetime, end: datetime) -> Iterator[tuple[_Day, int]]:
        start_us, end_us = _ordered_us(start, end)
        for day in self._days_from(start, end):
            worked_us = day.worked_us(start_us, end_us)
            if worked_us:
                yield day, worked_us

    def _days_from(self, start: datetime, end: datetime) -> Iterator[_Day]:
        on, end_us = self._date(start), _us(end)
        while True:
            day = self._day(on)
            yield day
            if day.end_us >= end_us:
                return
            on += _DAY

    def _days_ahead(self, start: datetime) -> Iterator[_Day]:
        """Working days without end. Raises `ConfigurationError` when none comes for two years."""
        on = last_opened = self._date(start)
        while on - last_opened <= timedelta(days=DAYS_WITHOUT_OPENING_MAX):
            day = self._day(on)
            if day.spans_us:
                last_opened = on
                yield day
            on += _DAY
        raise ConfigurationError(
            "calendar_never_opens",
            f"The calendar has no opening hours within {DAYS_WITHOUT_OPENING_MAX} days: give it some.",
        )

    def _day(self, on: date) -> _Day:
        known = self._days.get(on)
        if known is None:
            known = self._days[on] = self._resolve(on)
        return known

    def _date(self, at: datetime) -> date:
        return utc(at).astimezone(ZoneInfo(self.zone)).date()

    def _resolve(self, on: date) -> _Day:
        if self.known_years is not None and on.year not in self.known_years:
            raise ConfigurationError(
                "calendar_year_unknown", f"The calendar knows no holidays of {on.year}: give it that year's."
            )
        spans_us = [
            (self._wall_us(on, opens), self._wall_us(on + _DAY if closes == _MIDNIGHT else on, closes))
            for opens, closes in self._spans(on)
        ]
        spans_us = [(opens, closes) for opens, closes in spans_us if opens < closes]
        return _Day(
            begin_us=self._wall_us(on, _MIDNIGHT),
            end_us=self._wall_us(on + _DAY, _MIDNIGHT),
            spans_us=tuple(spans_us),
            length_us=sum(closes - opens for opens, closes in spans_us),
            closed=self._closed_because(on, working=bool(self._spans(on))),
        )

    def _spans(self, on: date) -> tuple[Span, ...]:
        if on in self.special:
            return self.special[on]
        return () if on in self.closed else self.week[on.weekday()]

    def _closed_because(self, on: date, *, working: bool) -> ClosedBecause:
        if working:
            return ClosedBecause.NIGHT
        return ClosedBecause.HOLIDAY if self.week[on.weekday()] else ClosedBecause.WEEKEND

    def _wall_us(self, on: date, at: time) -> int:
        """The instant of a local wall time, by the rule in the module's docstring."""
        zone = ZoneInfo(self.zone)
        wall = datetime.combine(on, at, tzinfo=zone)
        before = _us(wall)
        if _instant(before).astimezone(zone).replace(tzinfo=None) == wall.replace(tzinfo=None):
            return before
        # PEP 495: of a wall time that never happens, the two readings lie on either side of the jump.
        low, high = _us(wall.replace(fold=1)), before
        offset_before = _instant(low).astimezone(zone).utcoffset()
        while high - low > 1:
            middle = (low + high) // 2
            if _instant(middle).astimezone(zone).utcoffset() == offset_before:
                low = middle
            else:
                high = middle
        return high


def _tiles(day: _Day) -> Iterator[tuple[int, int, ClosedBecause | None]]:
    at_us = day.begin_us
    for opens, closes in day.spans_us:
        yield at_us, opens, day.closed
        yield opens, closes, None
        at_us = closes
    yield at_us, day.end_us, day.closed


def _check_spans(spans: tuple[Span, ...]) -> None:
    open_before = None
    for opens, closes in spans:
        ends = time.max if closes == _MIDNIGHT else closes
        if opens >= ends or (open_before is not None and opens < open_before):
            raise ConfigurationError(
                "calendar_spans_invalid",
                "Each opening span must end after it starts, and start after the one before it ended.",
            )
        open_before = ends


def _us(at: datetime) -> int:
    return (utc(at) - _EPOCH) // MICROSECOND


def _instant(at_us: int) -> datetime:
    return _EPOCH + timedelta(microseconds=at_us)


def _ordered_us(start: datetime, end: datetime) -> tuple[int, int]:
    start_us, end_us = _us(start), _us(end)
    if end_us < start_us:
        raise InvalidInput("backwards", "The end is before the start.")
    return start_us, end_us


def _amount(amount: Fraction | int) -> Fraction:
    if not isinstance(amount, Fraction | int) or not 0 <= amount <= AMOUNT_MAX:
        raise InvalidInput(
            "amount_out_of_range", f"An amount of business time is an exact number from 0 to {AMOUNT_MAX}."
        )
    return Fraction(amount)
