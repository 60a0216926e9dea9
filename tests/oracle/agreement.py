"""Holds the product's calendar and clock against the oracles, case by case."""

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime, time, timedelta
from fractions import Fraction
from random import Random
from zoneinfo import ZoneInfo

from workclock import Holidays, Schedule, WorkDay

from returndesk.domain.calendar import BusinessCalendar
from returndesk.domain.clock import Clock, ClockState, SpanKind, Unit
from returndesk.domain.errors import NotAllowedAtStage
from tests.oracle.cases import Case, World, a_case, a_world
from tests.oracle.counting import EPOCH, HOUR_US, OPEN, Spans, Step, Stretch, instant

CASES_A_SHOP = 400
OWNER = "customer"
Passed = Callable[[int], Fraction]
_MICROSECOND = timedelta(microseconds=1)


def shop_of_cases(seed: int, number: int, cases: int = CASES_A_SHOP) -> tuple[list[str], Counter[str]]:
    """What one random shop's cases disagree about, and how much was compared."""
    chance = Random(f"{seed}/{number}")
    world = a_world(chance)
    product = Comparison(world)
    found: list[str] = []
    product.seen.update({"shops": 1, f"zone {world.shop.zone}": 1})
    for case_number in range(cases):
        case = a_case(chance, world)
        product.seen["cases"] += 1
        try:
            wrong = list(product.disagreements(case))
        except Exception as error:  # whatever the product raises, it should have answered
            wrong = [f"{type(error).__name__}: {error}"]
        found += [
            f"seed {seed}, shop {number} ({world.shop.zone}), case {case_number}: {what}" for what in wrong
        ]
    return found, product.seen


class Comparison:
    """One shop as the product knows it, beside the walk and, where it can, another library. `seen` counts."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.seen: Counter[str] = Counter()
        self.calendar = a_calendar(world)
        self.zone = ZoneInfo(world.shop.zone)
        self.other = another_librarys(world) if world.suits_workclock else None

    def disagreements(self, case: Case) -> Iterator[str]:
        yield from self._of_the_calendar(case)
        yield from self._of_the_clock(case)

    # The calendar ----------------------------------------------------------------------------------

    def _of_the_calendar(self, case: Case) -> Iterator[str]:
        walk, calendar = self.world.walk, self.calendar
        start, end = self._at(case.start_us, case), self._at(case.end_us, case)
        yield from self._same(
            "between", calendar.between(start, end), walk.amount("business_days", case.start_us, case.end_us)
        )
        hours = calendar.hours_between(start, end)
        yield from self._same(
            "hours_between", hours, walk.amount("business_hours", case.start_us, case.end_us)
        )
        yield from self._first_at(
            "add", calendar.add(start, case.days), case.start_us, case.days,
            lambda at_us: walk.amount("business_days", case.start_us, at_us),
        )  # fmt: skip
        added = calendar.add_hours(start, case.hours)
        yield from self._first_at(
            "add_hours", added, case.start_us, case.hours,
            lambda at_us: walk.amount("business_hours", case.start_us, at_us),
        )  # fmt: skip
        if self.other is not None:
            theirs = self.other.between(start, end)
            yield from self._same("workclock between", hours, Fraction(theirs // _MICROSECOND, HOUR_US))
            if theirs:
                there, here = self.other.add(start, theirs), calendar.add_hours(start, hours)
                yield from self._same("workclock add", _us(here), _us(there))

    # The clock -------------------------------------------------------------------------------------

    def _of_the_clock(self, case: Case) -> Iterator[str]:
        life, walk, look = case.life, self.world.walk, self._at(case.look_us, case)
        clock = self._lived(case)
        now = life.now
        state = (
            ClockState.STOPPED if now.stopped else ClockState.PAUSED if now.waits_for else ClockState.RUNNING
        )
        yield from self._same("state", (clock.state, clock.breached), (state, life.breached))
        yield from self._same("pauses", sorted((p.reason, p.owner) for p in clock.pauses),
                              [(reason, OWNER) for reason in sorted(now.waits_for)])  # fmt: skip
        used = life.used(walk, case.unit, case.look_us)
        yield from self._same("used", clock.used(self.calendar, look), used)
        yield from self._explained(clock, case, used)
        for what, at, amount in (
            ("due_at", clock.due_at(self.calendar), case.allotment),
            ("warn_at", clock.warn_at(self.calendar, case.share), case.allotment * case.share),
        ):
            if not now.runs:
                yield from self._same(what, at, None)
            elif at is None:
                yield f"{what}: none, of a clock that runs"
            else:
                yield from self._first_at(
                    what, at, life.steps[0].at_us, amount,
                    lambda at_us: life.used(walk, case.unit, at_us),
                )  # fmt: skip

    def _lived(self, case: Case) -> Clock:
        clock = Clock("refund", case.allotment, Unit(case.unit))
        for step in case.life.steps:
            clock = self._after(clock, step, self._at(step.at_us, case))
        return clock

    def _after(self, clock: Clock, step: Step, at: datetime) -> Clock:
        match step.what:
            case "pause":
                try:
                    return clock.pause(at, step.reason, OWNER)
                except NotAllowedAtStage:
                    return clock  # a stopped one; that it was one is seen in what it is afterwards
            case "resume":
                return clock.resume(at, step.reason)
            case "start":
                return clock.start(at).start(at)
            case "stop":
                return clock.stop(at)
            case "restart":
                return clock.restart(at)
            case _:
                return clock.breach(at)

    def _explained(self, clock: Clock, case: Case, used: Fraction) -> Iterator[str]:
        """The spans tile the time since the start, are what they say from end to end, and sum to what is used."""
        spans = clock.explain(self.calendar, self._at(case.look_us, case))
        began_us, walk = case.life.steps[0].at_us, self.world.walk
        if case.look_us <= began_us:
            yield from self._same("explain: before the start", spans, [])
            return
        edges = [_us(span.start) for span in spans] + [case.look_us]
        ends = [began_us] + [_us(span.end) for span in spans]
        yield from self._same("explain: tiles", edges, ends)
        yield from self._same("explain: sum", sum((s.counted for s in spans), Fraction()), used)
        stretches = list(case.life.stretches(case.look_us))
        for span in spans:
            start_us, end_us = _us(span.start), _us(span.end)
            whole = [x for x in stretches if start_us < x.end_us and x.start_us < end_us]
            said = (span.kind, {p.reason for p in span.pauses}, span.counted)
            for stretch in whole:
                if (kind := _kind(stretch)) is not None:
                    yield from self._same("explain: span", said, (kind, stretch.waits_for, 0))
                    continue
                what = OPEN if span.kind is SpanKind.COUNTED else str(span.closed)
                if case.unit != "plain" and span.kind in (SpanKind.COUNTED, SpanKind.CLOSED):
                    passed_us = walk.passed_us(what, end_us) - walk.passed_us(what, start_us)
                    yield from self._same("explain: open or closed", passed_us, end_us - start_us)
                counted = walk.amount(case.unit, start_us, end_us)
                yield from self._same("explain: counted", said[1:], (set(), counted))

    # What every comparison needs -------------------------------------------------------------------

    def _at(self, at_us: int, case: Case) -> datetime:
        at = instant(at_us)
        return at.astimezone(self.zone) if case.in_shops_zone else at

    def _same(self, what: str, ours: object, theirs: object) -> Iterator[str]:
        self.seen[what] += 1
        if ours != theirs:
            yield f"{what}: the product says {ours}, the count {theirs}"

    def _first_at(
        self, what: str, at: datetime, start_us: int, amount: Fraction, passed: Passed
    ) -> Iterator[str]:
        """`at` is the first microsecond at which so much has passed: so much has, and one before it had not."""
        self.seen[what] += 1
        at_us = _us(at)
        if at_us < start_us:
            yield f"{what}: {at} is before the start"
        elif at_us > self.world.last_us:
            if passed(self.world.last_us) >= amount:
                yield f"{what}: {at}, but {amount} had passed by {instant(self.world.last_us)}"
        elif passed(at_us) < amount:
            yield f"{what}: {at} is too early: {passed(at_us)} of {amount}"
        elif at_us > start_us and passed(at_us - 1) >= amount:
            yield f"{what}: {at} is not the first microsecond at which {amount} have passed"


def _kind(stretch: Stretch) -> SpanKind | None:
    if stretch.stopped:
        return SpanKind.STOPPED
    return SpanKind.PAUSED if stretch.waits_for else None


def a_calendar(world: World) -> BusinessCalendar:
    """The shop as the product is told of it."""
    shop = world.shop
    return BusinessCalendar(
        shop.zone,
        tuple(_times(spans) for spans in shop.week),
        shop.closed,
        {on: _times(spans) for on, spans in shop.special.items()},
    )


def another_librarys(world: World) -> Schedule:
    """The shop as workclock is told of it: hours by day of the week, and holidays."""
    shop = world.shop
    hours: dict[tuple[time, time], list[int]] = {}
    for weekday, spans in enumerate(shop.week):
        for span in _times(spans):
            hours.setdefault(span, []).append(weekday)
    rules = [WorkDay(*span, days=days) for span, days in hours.items()]
    return Schedule([*rules, Holidays(shop.closed)], time_zone=shop.zone)


def _times(spans: Spans) -> tuple[tuple[time, time], ...]:
    def at(minute: int) -> time:
        return time(minute // 60 % 24, minute % 60)

    return tuple((at(opens), at(closes)) for opens, closes in spans)


def _us(at: datetime) -> int:
    return (at - EPOCH) // _MICROSECOND
