"""Finance's figures: promises kept, how long each step takes, why refunds fail.

They are counted from the books when somebody asks, once for everybody who asks the same within a minute: the page says
when. Nothing else of them is kept.
"""

import asyncio
from collections import OrderedDict, defaultdict
from dataclasses import dataclass, field
from datetime import date, timedelta
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from api.desk import Desk, desk_of
from api.desk_pages import problem_of, show
from api.finance import Finance
from returndesk.domain.clock import PROCESSING, REFUND
from returndesk.domain.errors import InvalidInput
from returndesk.domain.refund_books import day_of, read_day
from returndesk.store.figures import (
    Cohort,
    Figures,
    How,
    Per,
    Question,
    figures,
    period_of,
    periods,
    returns_of,
)
from returndesk.store.figures import Counted as CountedReturn

router = APIRouter(include_in_schema=False)

GOOD_FOR = timedelta(minutes=1)
PERIODS = 12
PERIODS_MAX = 60
_KEPT_MAX = 50
BEHIND_MAX = 500
"""Returns that are shown behind a number."""


@dataclass
class Counted:
    """The figures of the last minute. One for each app; whoever asks the same meanwhile waits for the one count."""

    known: OrderedDict[Question, Figures] = field(default_factory=OrderedDict)
    locks: defaultdict[Question, asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock))

    async def of(self, desk: Desk, question: Question) -> Figures:
        """The figures, a minute old at most."""
        async with self.locks[question]:
            found = self.known.get(question)
            if found is None or not timedelta() <= desk.clock.now() - found.counted_at < GOOD_FOR:
                found = await asyncio.to_thread(_count, desk, question)
                self.known[question] = found
                self.known.move_to_end(question)
                while len(self.known) > _KEPT_MAX:
                    self.locks.pop(self.known.popitem(last=False)[0], None)
            return found


def _count(desk: Desk, question: Question) -> Figures:
    with desk.database.reading() as connection:
        return figures(connection, question, ZoneInfo(desk.policy.shop.zone), desk.clock.now())


@dataclass(frozen=True)
class FiguresView:
    """The figures, and the question as it was typed."""

    typed: dict[str, str]
    figures: Figures | None


@router.get("/desk/figures")
async def all_figures(request: Request, actor: Finance) -> HTMLResponse:
    """What finance counts, of the returns of some days."""
    desk = desk_of(request)
    query = request.query_params
    typed = {name: query.get(name, "").strip() for name in ("by", "per", "from", "to")}
    try:
        today = day_of(desk.clock.now(), ZoneInfo(desk.policy.shop.zone))
        question = _question(typed, today)
    except InvalidInput as error:
        return show(
            request,
            actor,
            "finance/figures",
            FiguresView(typed, None),
            problem=problem_of(error),
            typed=typed,
        )
    state = request.app.state
    if not hasattr(state, "figures"):
        state.figures = Counted()
    counted = await state.figures.of(desk, question)
    typed |= {
        "by": question.cohort,
        "per": question.per,
        "from": question.first.isoformat(),
        "to": question.last.isoformat(),
    }
    return show(request, actor, "finance/figures", FiguresView(typed, counted))


@dataclass(frozen=True)
class BehindView:
    """The returns behind one number; `is_cut`: there are more than are shown."""

    figure: tuple[str, str]
    question: Question
    figures_url: str
    returns: list[CountedReturn]
    is_cut: bool


@router.get("/desk/figures/returns")
def behind(request: Request, actor: Finance) -> HTMLResponse:
    """The returns that one of the figures counts. Raises `InvalidInput` where the address asks for no figure."""
    desk = desk_of(request)
    query = request.query_params
    typed = {name: query.get(name, "").strip() for name in ("by", "per", "from", "to")}
    zone, now = ZoneInfo(desk.policy.shop.zone), desk.clock.now()
    question = _question(typed, day_of(now, zone))
    kind = next((x for x in (PROCESSING, REFUND) if x == query.get("clock", "")), None)
    if kind is None or query.get("how", "") not in list(How):
        raise InvalidInput(
            "unknown_figure", "The figures have no such number. Follow one of their links.", "how"
        )
    how = How(query["how"])
    with desk.database.reading() as connection:
        found = returns_of(connection, question, zone, now, kind, how, BEHIND_MAX + 1)
    named = urlencode({name: value for name, value in typed.items() if value})
    view = BehindView(
        (kind, how),
        question,
        f"/desk/figures?{named}" if named else "/desk/figures",
        found[:BEHIND_MAX],
        len(found) > BEHIND_MAX,
    )
    return show(request, actor, "finance/behind", view)


def _question(typed: dict[str, str], today: date) -> Question:
    """What is asked. Raises `InvalidInput` for the field to correct."""
    try:
        cohort, per = Cohort(typed["by"] or Cohort.RETURN), Per(typed["per"] or Per.WEEK)
    except ValueError:
        raise InvalidInput("unknown_choice", "Choose one of the words in the lists.", "by") from None
    last = read_day(typed["to"], "to") or today
    first = read_day(typed["from"], "from") or _before(period_of(last, per), per, PERIODS - 1)
    if first > last:
        raise InvalidInput("days_backwards", "The first day is after the last one.", "to")
    question = Question(cohort, per, first, last)
    if len(periods(question)) > PERIODS_MAX:
        raise InvalidInput("too_many_periods", f"Ask for at most {PERIODS_MAX} {per}s at a time.", "from")
    return question


def _before(period: date, per: Per, count: int) -> date:
    for _ in range(count):
        period = period_of(period - timedelta(days=1), per)
    return period
