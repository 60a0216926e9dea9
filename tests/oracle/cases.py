"""Random shops, and random lives of clocks in them. The same seed gives the same ones again."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from functools import lru_cache
from random import Random
from zoneinfo import ZoneInfo

from tests.oracle.counting import EPOCH, HOUR_US, MIDNIGHT, MINUTE_US, Life, Shop, Spans, Step, Walk

ZONES = (
    "Europe/London", "Europe/Dublin", "Europe/Berlin", "Africa/Casablanca", "Africa/Cairo", "Asia/Beirut",
    "America/New_York", "America/St_Johns", "America/Havana", "America/Scoresbysund", "Atlantic/Azores",
    "America/Santiago", "America/Asuncion", "Australia/Adelaide", "Australia/Lord_Howe", "Pacific/Auckland",
    "Pacific/Chatham", "Antarctica/Troll",
    "UTC", "Asia/Tokyo", "Asia/Kolkata", "Asia/Kathmandu", "Asia/Pyongyang", "Asia/Tehran",
    "Pacific/Apia", "Pacific/Fakaofo", "Pacific/Kiritimati", "Pacific/Kwajalein",
)  # fmt: skip
"""North and south, half an hour and two hours of summer time, at midnight and twice a year more, negative, none;
and places that left out a day."""
LEFT_OUT_A_DAY = {
    "Pacific/Apia": date(2011, 12, 30),
    "Pacific/Fakaofo": date(2011, 12, 30),
    "Pacific/Kiritimati": date(1994, 12, 31),
    "Pacific/Kwajalein": date(1993, 8, 21),
}
YEARS = (1993, 2037)
WINDOW_DAYS = 36
MARGIN_DAYS = 3
"""The first and last days of a walk are only there to be walked through."""
DAY_US = 24 * HOUR_US
UNITS = ("business_days",) * 5 + ("business_hours",) * 3 + ("plain",)
REASONS = ("goods_in_transit", "awaiting_answer", "customs")
AFTERWARDS = ("pause",) * 6 + ("resume",) * 5 + ("stop", "restart", "restart", "breach")


@dataclass(frozen=True)
class Case:
    """A clock's life, when somebody looks at it, and two instants with amounts of time to ask the calendar about."""

    life: Life
    unit: str
    allotment: Fraction
    share: Fraction
    look_us: int
    start_us: int
    end_us: int
    days: Fraction
    hours: Fraction
    in_shops_zone: bool


@dataclass(frozen=True)
class World:
    """A shop and its walk; instants of cases lie between `first_us` and `last_us`.

    workclock is asked about usual hours only, and not where a zone left out a day: it works on that day, a day later.
    """

    shop: Shop
    walk: Walk
    first_us: int
    last_us: int
    suits_workclock: bool


def a_world(chance: Random) -> World:
    """A shop around a date on which something may happen to its clocks."""
    zone = chance.choice(ZONES)
    near = _a_date(chance, zone)
    around = [near + timedelta(days=n) for n in range(-WINDOW_DAYS // 2, WINDOW_DAYS // 2)]
    is_plain = chance.random() < 0.4
    week = _plain_week(chance) if is_plain else _odd_week(chance)
    closed = frozenset(chance.sample(around, chance.choice((0, 0, 1, 2, 4))))
    special: dict[date, Spans] = {}
    if not is_plain:
        special = {on: _spans(chance) for on in chance.sample(around, chance.choice((0, 0, 1, 2, 3)))}
        if chance.random() < 0.5:
            special[near] = _spans(chance)
    shop = Shop(zone, week, closed, special)
    noon = datetime(near.year, near.month, near.day, 12, tzinfo=UTC)
    first_us = (noon - EPOCH) // timedelta(microseconds=1) - WINDOW_DAYS // 2 * DAY_US
    walk = Walk(shop, first_us, WINDOW_DAYS * 24 * 60)
    margin_us = MARGIN_DAYS * DAY_US
    return World(
        shop,
        walk,
        first_us + margin_us,
        first_us + WINDOW_DAYS * DAY_US - margin_us,
        is_plain and LEFT_OUT_A_DAY.get(zone) not in around,
    )


def a_case(chance: Random, world: World) -> Case:
    """A life of up to nine events, most of them within a few days."""
    length_us = chance.choice(
        (DAY_US // 2, 3 * DAY_US, 3 * DAY_US, 8 * DAY_US, world.last_us - world.first_us)
    )
    low_us = chance.randint(world.first_us, world.last_us - length_us)
    edges_us = world.walk.edges_us(low_us, low_us + length_us)

    def an_instant() -> int:
        if edges_us and chance.random() < 0.5:
            near_us = chance.choice(edges_us) + chance.choice((-1, 0, 0, 0, 1, 17 * MINUTE_US))
            return min(max(near_us, world.first_us), world.last_us)
        return chance.randint(low_us, low_us + length_us)

    instants = sorted(an_instant() for _ in range(chance.choice((1, 2, 3, 4, 5, 7, 9))))
    if chance.random() < 0.2 and len(instants) > 2:
        instants[1] = instants[2]
    steps = [Step(instants[0], "start")]
    steps += [Step(at_us, chance.choice(AFTERWARDS), chance.choice(REASONS)) for at_us in instants[1:]]
    unit = chance.choice(UNITS)
    start_us, end_us = sorted((an_instant(), an_instant()))
    return Case(
        life=Life(steps),
        unit=unit,
        allotment=_allotment(chance, unit),
        share=chance.choice((Fraction(4, 5), Fraction(4, 5), Fraction(1, 2), Fraction(99, 100))),
        look_us=an_instant(),
        start_us=start_us,
        end_us=end_us,
        days=_part(chance, world.walk.days(world.last_us) - world.walk.days(start_us)),
        hours=_part(chance, world.walk.amount("business_hours", start_us, world.last_us)),
        in_shops_zone=chance.random() < 0.5,
    )


def _a_date(chance: Random, zone: str) -> date:
    if zone in LEFT_OUT_A_DAY and chance.random() < 0.5:
        return LEFT_OUT_A_DAY[zone]
    year = chance.randint(*YEARS)
    changes = _changes(zone, year)
    if changes and chance.random() < 0.8:
        return chance.choice(changes)
    return date(year, 1, 1) + timedelta(days=chance.randrange(365))


@lru_cache(maxsize=2_000)
def _changes(zone: str, year: int) -> Sequence[date]:
    """The dates on which a zone's offset is another at noon than it was the day before."""
    noons = [datetime(year, 1, 1, 12, tzinfo=UTC) + timedelta(days=n) for n in range(366)]
    offsets = [noon.astimezone(ZoneInfo(zone)).utcoffset() for noon in noons]
    return [noons[n].date() for n in range(1, 366) if offsets[n] != offsets[n - 1]]


def _plain_week(chance: Random) -> Sequence[Spans]:
    """Hours in which no zone changes its clocks: another library is asked about these too."""
    edges = sorted(chance.sample(range(6 * 60, 22 * 60, 5), chance.choice((2, 2, 4, 6))))
    usual = list(zip(edges[0::2], edges[1::2], strict=True))
    saturday: Spans = [(9 * 60, 13 * 60)] if chance.random() < 0.3 else []
    return [usual] * 5 + [saturday, []]


def _odd_week(chance: Random) -> Sequence[Spans]:
    week = [_spans(chance) for _ in range(7)]
    if not any(week):
        week[chance.randrange(7)] = [(0, MIDNIGHT)]
    return week


def _spans(chance: Random) -> Spans:
    """Up to three spans, each minute possible; many begin or end at night, where clocks change, or at midnight."""
    count = chance.choice((0, 1, 1, 1, 2, 2, 3))
    edges: set[int] = set()
    while len(edges) < 2 * count:
        edges.add(
            chance.choice(
                (chance.randint(0, MIDNIGHT), 15 * chance.randint(0, 16), 15 * chance.randint(88, 96))
            )
        )
    ordered = sorted(edges)
    return list(zip(ordered[0::2], ordered[1::2], strict=True))


def _allotment(chance: Random, unit: str) -> Fraction:
    whole = chance.randint(1, 7) if unit == "business_days" else chance.randint(1, 60)
    return Fraction(whole) if chance.random() < 0.5 else Fraction(chance.randint(1, whole * 1_000), 1_000)


def _part(chance: Random, of: Fraction) -> Fraction:
    """Some of what there is: a whole number of it, nothing, all, or any part, exactly."""
    kind = chance.random()
    if kind < 0.3:
        return Fraction(chance.randint(0, int(of)))
    if kind < 0.35:
        return of
    return of * Fraction(chance.randint(0, 1_000_003), 1_000_003)
