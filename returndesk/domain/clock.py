"""A policy deadline as a list of events: how much of it is used, when it is due, and where every hour went.

Guarantees: events are in order of time and only ever added; a clock runs again only when every pause has
ended; each pause has a reason and an owner; a breach stays a breach; a restarted clock goes on where it
stood; spans explain the whole time since the start without gaps or overlaps, and what they count sums to what
is used.

A clock asks no calendar of its own: whoever computes hands one in (policy 5, "within 5 business days").
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from fractions import Fraction
from functools import reduce
from itertools import pairwise

from returndesk.domain.calendar import HOUR_US, MICROSECOND, BusinessCalendar, ClosedBecause, utc
from returndesk.domain.errors import InvalidInput, NotAllowedAtStage

ClockKind = str
"""Which obligation a clock measures. Open: legal clocks may stand beside the policy's two."""

PROCESSING: ClockKind = "processing"
REFUND: ClockKind = "refund"


class Unit(StrEnum):
    """What an allotment counts: business days, business hours, or plain hours that pass day and night."""

    BUSINESS_DAYS = "business_days"
    BUSINESS_HOURS = "business_hours"
    PLAIN = "plain"


class ClockEventKind(StrEnum):
    """What can happen to a clock."""

    STARTED = "started"
    PAUSED = "paused"
    RESUMED = "resumed"
    STOPPED = "stopped"
    RESTARTED = "restarted"
    BREACHED = "breached"


class ClockState(StrEnum):
    """Whether time counts now. `idle` is a clock that has not started."""

    IDLE = "idle"
    RUNNING = "running"
    PAUSED = "paused"
    STOPPED = "stopped"


class SpanKind(StrEnum):
    """What a span of time was for a clock. A closed span is one in which it ran but nobody works."""

    COUNTED = "counted"
    CLOSED = "closed"
    PAUSED = "paused"
    STOPPED = "stopped"


@dataclass(frozen=True)
class ClockEvent:
    """One thing that happened to a clock. A pause and its end share the reason."""

    kind: ClockEventKind
    at: datetime
    reason: str | None = None
    owner: str | None = None


@dataclass(frozen=True)
class Pause:
    """Why a clock stands still, and who ends that."""

    reason: str
    owner: str


@dataclass(frozen=True)
class Span:
    """One stretch of a clock's time, UTC, `end` exclusive. `counted` is in the clock's unit (plain: hours).

    `pauses` are all that overlapped in a paused span; `closed` says why a closed one did not count.
    """

    start: datetime
    end: datetime
    kind: SpanKind
    counted: Fraction = Fraction()
    pauses: tuple[Pause, ...] = ()
    closed: ClosedBecause | None = None


@dataclass(frozen=True)
class _Standing:
    """How a clock stands after some of its events."""

    state: ClockState = ClockState.IDLE
    pauses: tuple[Pause, ...] = ()

    def after(self, event: ClockEvent) -> "_Standing":
        match event.kind:
            case ClockEventKind.STARTED | ClockEventKind.RESTARTED:
                return _Standing(ClockState.RUNNING)
            case ClockEventKind.STOPPED:
                return _Standing(ClockState.STOPPED)
            case ClockEventKind.PAUSED:
                pauses = (*self.pauses, Pause(event.reason or "", event.owner or ""))
                return _Standing(ClockState.PAUSED, pauses)
            case ClockEventKind.RESUMED:
                pauses = tuple(pause for pause in self.pauses if pause.reason != event.reason)
                return _Standing(ClockState.PAUSED if pauses else ClockState.RUNNING, pauses)
            case ClockEventKind.BREACHED:
                return self


@dataclass(frozen=True)
class Clock:
    """One obligation of one return: `allotment` of `unit` (plain: hours), and what happened to it.

    Transitions return a new clock. One that changes nothing (pausing twice for one reason, ending a pause
    that is not, stopping a stopped clock, restarting one that has not stopped, breaching twice) returns this
    one. They raise `InvalidInput` (`naive_instant`, `clock_backwards`, `pause_unexplained`) and
    `NotAllowedAtStage` (`clock_not_started`, `clock_started`, `clock_stopped`). A clock itself raises
    `InvalidInput` (`allotment_invalid`, `clock_backwards`) where what was stored is none.
    """

    kind: ClockKind
    allotment: Fraction
    unit: Unit = Unit.BUSINESS_DAYS
    events: tuple[ClockEvent, ...] = ()

    def __post_init__(self) -> None:
        if not isinstance(self.allotment, Fraction | int) or self.allotment <= 0:
            raise InvalidInput("allotment_invalid", "A clock is given an exact amount of time above 0.")
        if any(later.at < earlier.at for earlier, later in pairwise(self.events)):
            raise InvalidInput("clock_backwards", "The clock's events are not in order of time.")

    @property
    def state(self) -> ClockState:
        """Whether time counts now."""
        return self._standing.state

    @property
    def pauses(self) -> tuple[Pause, ...]:
        """What the clock waits for now."""
        return self._standing.pauses

    @property
    def breached(self) -> bool:
        """Whether the deadline was ever missed."""
        return any(event.kind is ClockEventKind.BREACHED for event in self.events)

    def start(self, at: datetime, reason: str | None = None, owner: str | None = None) -> "Clock":
        """Start the clock; `at` may be long ago, as when a contact is recorded later."""
        at = utc(at)
        if self.events and self.events[0].at == at:
            return self
        if self.events:
            raise NotAllowedAtStage("clock_started", "This clock has started already, at another time.")
        return self._add(ClockEventKind.STARTED, at, reason, owner)

    def pause(self, at: datetime, reason: str, owner: str) -> "Clock":
        """Stand still for one more reason. A stopped clock cannot wait for anybody."""
        if not reason or not owner:
            raise InvalidInput("pause_unexplained", "A pause needs a reason and an owner.")
        self._require_started()
        if self.state is ClockState.STOPPED:
            raise NotAllowedAtStage("clock_stopped", "This clock has stopped: there is nothing to pause.")
        if any(pause.reason == reason for pause in self.pauses):
            return self
        return self._add(ClockEventKind.PAUSED, at, reason, owner)

    def resume(self, at: datetime, reason: str, owner: str | None = None) -> "Clock":
        """End the pause with this reason; the clock runs if it was the last. `owner` is who ended it."""
        self._require_started()
        if all(pause.reason != reason for pause in self.pauses):
            return self
        return self._add(ClockEventKind.RESUMED, at, reason, owner)

    def stop(self, at: datetime, reason: str | None = None, owner: str | None = None) -> "Clock":
        """The obligation is met or fell away; open pauses end with it."""
        self._require_started()
        if self.state is ClockState.STOPPED:
            return self
        return self._add(ClockEventKind.STOPPED, at, reason, owner)

    def restart(self, at: datetime, reason: str | None = None, owner: str | None = None) -> "Clock":
        """Run again from where it stood when it stopped, as after a failed refund."""
        self._require_started()
        if self.state is not ClockState.STOPPED:
            return self
        return self._add(ClockEventKind.RESTARTED, at, reason, owner)

    def breach(self, at: datetime, reason: str | None = None, owner: str | None = None) -> "Clock":
        """Record that the deadline was missed; also of a clock that was stopped too late."""
        self._require_started()
        if self.breached:
            return self
        return self._add(ClockEventKind.BREACHED, at, reason, owner)

    def used(self, calendar: BusinessCalendar, at: datetime) -> Fraction:
        """How much of the allotment is used at an instant, in the clock's unit; 0 before the start."""
        return sum((self._measure(calendar, start, end) for start, end in self._runs(at)), Fraction())

    def left(self, calendar: BusinessCalendar, at: datetime) -> Fraction:
        """How much of the allotment is left at an instant, in the clock's unit; below 0 when it is late."""
        return self.allotment - self.used(calendar, at)

    def due_at(self, calendar: BusinessCalendar) -> datetime | None:
        """When the allotment is or was used up; None while the clock is not running."""
        return self._used_up_at(calendar, Fraction(self.allotment))

    def warn_at(self, calendar: BusinessCalendar, share: Fraction = Fraction(4, 5)) -> datetime | None:
        """When `share` of the allotment is or was used up; None while the clock is not running."""
        return self._used_up_at(calendar, self.allotment * share)

    def explain(self, calendar: BusinessCalendar, at: datetime) -> list[Span]:
        """Every span from the start to `at`, in order and without gaps."""
        spans: list[Span] = []
        for start, end, standing in self._stretches(at):
            if standing.state is ClockState.RUNNING:
                spans += self._explain_run(calendar, start, end)
            elif standing.state is ClockState.PAUSED:
                spans.append(Span(start, end, SpanKind.PAUSED, pauses=standing.pauses))
            else:
                spans.append(Span(start, end, SpanKind.STOPPED))
        return spans

    def waits(self, until: datetime) -> list[Span]:
        """Only the spans in which it stood still up to `until`: what the shop waited for. Asks no calendar."""
        return [
            Span(start, end, SpanKind.PAUSED, pauses=standing.pauses)
            for start, end, standing in self._stretches(until)
            if standing.state is ClockState.PAUSED
        ]

    def before(self, at: datetime) -> "Clock":
        """The clock as it was before an instant: what happened to it later is not there."""
        known = tuple(event for event in self.events if event.at < at)
        return self if len(known) == len(self.events) else replace(self, events=known)

    @property
    def _standing(self) -> _Standing:
        return reduce(_Standing.after, self.events, _Standing())

    def _require_started(self) -> None:
        if not self.events:
            raise NotAllowedAtStage("clock_not_started", "This clock has not started.")

    def _add(self, kind: ClockEventKind, at: datetime, reason: str | None, owner: str | None) -> "Clock":
        at = utc(at)
        if self.events and at < self.events[-1].at:
            raise InvalidInput("clock_backwards", "This happened before something the clock already knows.")
        return replace(self, events=(*self.events, ClockEvent(kind, at, reason, owner)))

    def _stretches(self, until: datetime) -> Iterator[tuple[datetime, datetime, _Standing]]:
        """The time from the start to `until`, cut where the standing changed."""
        until = utc(until)
        standing, since = _Standing(), until
        for event in self.events:
            after = standing.after(event)
            if standing.state is ClockState.IDLE:
                standing, since = after, event.at
            elif after != standing:
                if since < min(event.at, until):
                    yield since, min(event.at, until), standing
                standing, since = after, event.at
        if since < until:
            yield since, until, standing

    def _runs(self, until: datetime) -> Iterator[tuple[datetime, datetime]]:
        for start, end, standing in self._stretches(until):
            if standing.state is ClockState.RUNNING:
                yield start, end

    def _used_up_at(self, calendar: BusinessCalendar, left: Fraction) -> datetime | None:
        if self.state is not ClockState.RUNNING:
            return None
        last = self.events[-1].at
        for start, end in self._runs(last):
            used = self._measure(calendar, start, end)
            if used >= left:
                return self._advance(calendar, start, left)
            left -= used
        return self._advance(calendar, last, left)

    def _measure(self, calendar: BusinessCalendar, start: datetime, end: datetime) -> Fraction:
        match self.unit:
            case Unit.BUSINESS_DAYS:
                return calendar.between(start, end)
            case Unit.BUSINESS_HOURS:
                return calendar.hours_between(start, end)
            case Unit.PLAIN:
                return Fraction((end - start) // MICROSECOND, HOUR_US)

    def _advance(self, calendar: BusinessCalendar, start: datetime, amount: Fraction) -> datetime:
        match self.unit:
            case Unit.BUSINESS_DAYS:
                return calendar.add(start, amount)
            case Unit.BUSINESS_HOURS:
                return calendar.add_hours(start, amount)
            case Unit.PLAIN:
                return start + -(-amount * HOUR_US // 1) * MICROSECOND

    def _explain_run(self, calendar: BusinessCalendar, start: datetime, end: datetime) -> list[Span]:
        if self.unit is Unit.PLAIN:
            return [Span(start, end, SpanKind.COUNTED, self._measure(calendar, start, end))]
        return [
            Span(
                piece.start,
                piece.end,
                SpanKind.CLOSED if piece.closed else SpanKind.COUNTED,
                counted=self._measure(calendar, piece.start, piece.end),
                closed=piece.closed,
            )
            for piece in calendar.pieces(start, end)
        ]
