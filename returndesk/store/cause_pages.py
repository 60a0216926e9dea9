"""Why promises were missed, and which rules people go against: counted from the audit records of a period.

A breach is counted where it stood when it happened: in which queue, so for whose work it waited.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from statistics import median
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import text
from sqlmodel import Session, col, select

from returndesk.domain.clock import PROCESSING, REFUND
from returndesk.domain.next_steps import AWAITING_CUSTOMER, NEXT_STEP, ON_HOLD
from returndesk.store import tables
from returndesk.store.approval_pages import rules_of

RECORDS_MAX: Final = 20_000
"""Of each kind in one look; the page says where there are more."""
SHOWN: Final = 20
_STEPS: Final = (*NEXT_STEP.values(), AWAITING_CUSTOMER, ON_HOLD)
_OWNERS: Final = {step.queue: step.owner for step in _STEPS}
UNKNOWN: Final = "unknown"
_CAUSE: Final = text(f"audit.{tables.CAUSES}")


@dataclass(frozen=True)
class Period:
    """Whole local days, the first and the last included."""

    first: date
    last: date
    zone: str

    @property
    def begins_at(self) -> datetime:
        """Its first instant."""
        return datetime.combine(self.first, datetime.min.time(), ZoneInfo(self.zone))

    @property
    def ends_at(self) -> datetime:
        """The first instant after it."""
        return datetime.combine(self.last + timedelta(days=1), datetime.min.time(), ZoneInfo(self.zone))

    def weeks(self) -> list[date]:
        """The Mondays of its weeks."""
        monday = self.first - timedelta(days=self.first.weekday())
        return [monday + timedelta(weeks=n) for n in range((self.last - monday).days // 7 + 1)]

    def week_of(self, at: datetime) -> date:
        """The Monday of an instant's week."""
        on = at.astimezone(ZoneInfo(self.zone)).date()
        return on - timedelta(days=on.weekday())


@dataclass(frozen=True)
class Breach:
    """A promise that was missed. `hours_waiting`: how long the clock had stood still for the customer until then."""

    at: datetime
    rma: str
    clock: str
    channel: str
    stood_in: str
    owner: str
    hours_waiting: float
    on_hold: bool


@dataclass(frozen=True)
class Place:
    """Where breaches happened. Counts are of decisions and of refunds."""

    queue: str
    owner: str
    decisions: int
    refunds: int
    on_hold: int
    median_hours_waiting: float

    @property
    def count(self) -> int:
        """All of them."""
        return self.decisions + self.refunds


@dataclass(frozen=True)
class Counts:
    """Breaches of decisions and of refunds, under some name."""

    name: str
    decisions: int
    refunds: int


@dataclass(frozen=True)
class Overrides:
    """How often a rule was gone against for a reason, and by whom. `rmas`: the newest of them."""

    what: str
    rule: str
    why: str | None
    count: int
    people: Sequence[tuple[str, int]]
    rmas: Sequence[str]


@dataclass(frozen=True)
class CausesPage:
    """The causes of a period; `is_cut`: there were more records than are counted."""

    breaches: int
    places: Sequence[Place]
    weeks: Sequence[tuple[date, int, int]]
    channels: Sequence[Counts]
    owners: Sequence[Counts]
    newest: Sequence[Breach]
    overrides: Sequence[Overrides]
    overridden: int
    is_cut: bool


def causes_page(session: Session, period: Period, channel: str | None) -> CausesPage:
    """What went wrong in a period, and what was decided against the rules; of one channel, or of all."""
    breaches = _breaches(session, period, channel)
    overrides, overridden = _overrides(session, period, channel)
    weeks = Counter((period.week_of(x.at), x.clock) for x in breaches)
    return CausesPage(
        breaches=len(breaches),
        places=_places(breaches),
        weeks=[(w, weeks[w, PROCESSING], weeks[w, REFUND]) for w in period.weeks()],
        channels=_counts((x.channel, x.clock) for x in breaches),
        owners=_counts((x.owner, x.clock) for x in breaches),
        newest=sorted(breaches, key=lambda x: x.at, reverse=True)[:SHOWN],
        overrides=overrides,
        overridden=overridden,
        is_cut=len(breaches) == RECORDS_MAX or overridden >= RECORDS_MAX,
    )


def _breaches(session: Session, period: Period, channel: str | None) -> list[Breach]:
    record, case = tables.AuditRecord, tables.Return
    query = (
        select(record.at, record.rma, record.details, case.channel)
        .join(case, col(case.rma) == col(record.rma))
        .where(_CAUSE, record.what == "breached", record.at >= period.begins_at, record.at < period.ends_at)
        .order_by(col(record.at), col(record.rma), col(record.seq))
        .limit(RECORDS_MAX)
    )
    if channel is not None:
        query = query.where(case.channel == channel)
    return [_breach(*row) for row in session.exec(query)]


def _breach(at: datetime, rma: str, details: Mapping[str, Any], channel: str) -> Breach:
    """By its audit record; those of the first version do not say where it stood."""
    stood_in = details.get("stood_in", UNKNOWN)
    return Breach(
        at=at,
        rma=rma,
        clock=details["clock"],
        channel=channel,
        stood_in=stood_in,
        owner=UNKNOWN if stood_in == UNKNOWN else _OWNERS[stood_in].value,
        hours_waiting=float(details.get("hours_waiting_for_customer", 0)),
        on_hold=details.get("on_hold_since") is not None,
    )


def _places(breaches: Sequence[Breach]) -> list[Place]:
    """By where they stood, the most frequent first."""
    by_queue: dict[str, list[Breach]] = {}
    for one in breaches:
        by_queue.setdefault(one.stood_in, []).append(one)
    places = [
        Place(
            queue=queue,
            owner=some[0].owner,
            decisions=sum(x.clock == PROCESSING for x in some),
            refunds=sum(x.clock == REFUND for x in some),
            on_hold=sum(x.on_hold for x in some),
            median_hours_waiting=median(x.hours_waiting for x in some),
        )
        for queue, some in by_queue.items()
    ]
    return sorted(places, key=lambda place: (-place.count, place.queue))


def _counts(named: Iterable[tuple[str, str]]) -> list[Counts]:
    found = Counter(named)
    names = sorted({name for name, _ in found}, key=lambda n: (-found[n, PROCESSING] - found[n, REFUND], n))
    return [Counts(name, found[name, PROCESSING], found[name, REFUND]) for name in names]


def _overrides(session: Session, period: Period, channel: str | None) -> tuple[list[Overrides], int]:
    """Overrides by rule and reason, the most frequent first; and how many there were."""
    record, case = tables.AuditRecord, tables.Return
    query = (
        select(record.what, record.rma, record.actor_id, record.details)
        .join(case, col(case.rma) == col(record.rma))
        .where(_CAUSE, record.what != "breached", record.at >= period.begins_at, record.at < period.ends_at)
        .order_by(col(record.at).desc(), col(record.rma), col(record.seq))
        .limit(RECORDS_MAX)
    )
    if channel is not None:
        query = query.where(case.channel == channel)
    rows = session.exec(query).all()
    groups: dict[tuple[str, str, str | None], list[tuple[str, str]]] = {}
    for what, rma, actor_id, details in rows:
        for rule in rules_of(what, details):
            groups.setdefault((what, rule, details.get("why")), []).append((rma, actor_id))
    found = [
        Overrides(
            what,
            rule,
            why,
            len(some),
            Counter(actor_id for _, actor_id in some).most_common(),
            list(dict.fromkeys(rma for rma, _ in some))[:3],
        )
        for (what, rule, why), some in groups.items()
    ]
    return sorted(found, key=lambda x: (-x.count, x.what, x.rule, x.why or "")), len(rows)
