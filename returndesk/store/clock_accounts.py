"""What became of every hour since a return's contact: its clocks, counted, closed, paused or stopped (DESIGN 4).

Everything is computed with the calendar of the policy the case was given, so the account of an old return does
not change with today's policy file. Reasons, owners and kinds are codes and ids: no names, no free text.
"""

from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from pydantic import BaseModel, Field
from sqlmodel import Session

from returndesk.domain.calendar import BusinessCalendar, ClosedBecause
from returndesk.domain.clock import Clock, ClockEventKind, ClockState, Span, SpanKind, Unit
from returndesk.domain.errors import NotFound
from returndesk.domain.people import CLOCK
from returndesk.store.case_rows import Standing
from returndesk.store.cases import Case, load_case
from returndesk.store.policies import PolicyBook

_DECIMALS = 4
_MINUTE = timedelta(minutes=1)


class AmountView(BaseModel):
    """Time in the clock's unit (plain: hours)."""

    exact: str = Field(description="A whole number or a fraction: these add up.", examples=["41/17"])
    decimal: str = Field(description="The same, to four decimals, for people.", examples=["2.4117"])


class ClockEventView(BaseModel):
    """Something that happened to a clock. A pause and its end share the reason; `owner` is a role's or an actor's id."""

    kind: ClockEventKind
    at: datetime
    reason: str | None
    owner: str | None


class PauseView(BaseModel):
    """Why a clock stands still, and who ends that."""

    reason: str
    owner: str


class SpanView(BaseModel):
    """One stretch of time, `end` exclusive. `closed` says why nobody worked; `pauses` are all that overlapped."""

    start: datetime
    end: datetime
    kind: SpanKind
    counted: AmountView
    pauses: list[PauseView]
    closed: ClosedBecause | None


class ClockAccount(BaseModel):
    """One clock. Its spans cover the time from its start to `until` without a gap, and sum to `used`.

    `left` is below 0 when it is late. `due_at` and `warn_at` are null unless it runs; a breach stays.
    """

    kind: str
    unit: Unit
    allotment: int
    used: AmountView
    left: AmountView
    state: ClockState
    pauses: list[PauseView]
    due_at: datetime | None
    warn_at: datetime | None
    breached_at: datetime | None
    events: list[ClockEventView]
    spans: list[SpanView]


class ClockAccounts(BaseModel):
    """A return's clocks under the policy it was given. `until` is now, or when the return ended."""

    rma: str
    policy_version: str
    zone: str = Field(description="The shop's, for showing the instants.", examples=["Europe/London"])
    contacted_at: datetime
    until: datetime
    elapsed_minutes: int = Field(
        description="Plain time from the contact to `until`: no pause and no closed door shortens it."
    )
    clocks: list[ClockAccount]


def clock_accounts(session: Session, policies: PolicyBook, rma: str, now: datetime) -> ClockAccounts:
    """Every hour of a return's clocks up to `now`, or to its end. Raises `NotFound`."""
    case = load_case(session.connection(), rma, policies.of, actor=CLOCK, now=now, key="clocks", to_read=True)
    if case is None:
        raise NotFound("return_not_found", "There is no return with this RMA number. Check it on the slip.")
    return accounts_of(case)


def accounts_of(case: Case) -> ClockAccounts:
    """The same of a return that was read already."""
    until = _until(case)
    return ClockAccounts(
        rma=case.row.rma,
        policy_version=case.row.policy_version,
        zone=case.rules.calendar.zone,
        contacted_at=case.row.contacted_at,
        until=until,
        elapsed_minutes=max(until - case.row.contacted_at, timedelta()) // _MINUTE,
        clocks=[_account(standing, case.rules.calendar, until) for standing in case.standings.values()],
    )


def _until(case: Case) -> datetime:
    return case.row.ended_at or case.now


def _account(standing: Standing, calendar: BusinessCalendar, until: datetime) -> ClockAccount:
    clock = standing.clock
    used, left = clock.used(calendar, until), clock.left(calendar, until)
    return ClockAccount(
        kind=clock.kind,
        unit=clock.unit,
        allotment=int(clock.allotment),
        used=_amount(used),
        left=AmountView(exact=str(left), decimal=_decimal(left, up=True)),
        state=clock.state,
        pauses=[PauseView(**vars(pause)) for pause in clock.pauses],
        due_at=standing.due_at,
        warn_at=standing.warn_at,
        breached_at=standing.breached_at,
        events=_events(clock),
        spans=[_span(span) for span in clock.explain(calendar, until)],
    )


def _events(clock: Clock) -> list[ClockEventView]:
    return [ClockEventView(**vars(event)) for event in clock.events]


def _span(span: Span) -> SpanView:
    return SpanView(
        start=span.start,
        end=span.end,
        kind=span.kind,
        counted=_amount(span.counted),
        pauses=[PauseView(**vars(pause)) for pause in span.pauses],
        closed=span.closed,
    )


def _amount(amount: Fraction) -> AmountView:
    return AmountView(exact=str(amount), decimal=_decimal(amount))


def _decimal(amount: Fraction, *, up: bool = False) -> str:
    """Rounded down, so that nothing reads as used up that is not; what is left `up`, so that the two add up."""
    scaled = amount * 10**_DECIMALS
    return str(Decimal(-(-scaled // 1) if up else scaled // 1).scaleb(-_DECIMALS))
