"""What the pages show by which a customer asks for a return: what the order has, and what would come of a request.

Nothing of an order is read before a letter to its own address has opened it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlmodel import Session, col, select

from returndesk.domain.eligibility import Answer, OrderFacts, window_ends_on
from returndesk.domain.errors import NotFound
from returndesk.domain.inputs import RequestInput, ReturnReason
from returndesk.domain.policy import AuthorizeWhen
from returndesk.domain.reasons import REASON_SENTENCES
from returndesk.domain.stages import Stage
from returndesk.store import tables
from returndesk.store.eligibility import dry_run
from returndesk.store.policies import PolicyInForce
from returndesk.store.settlement_preview import PreviewView
from returndesk.store.units import order_terms, sold_lines


@dataclass(frozen=True)
class StartLine:
    """A line of the order; `free`: units that no return has."""

    line: int
    title: str
    quantity: int
    free: int
    final_sale: bool


@dataclass(frozen=True)
class EarlierReturn:
    """A return of the same order."""

    rma: str
    stage: Stage
    url: str


@dataclass(frozen=True)
class ChoosePage:
    """The order's lines, to choose from. `here` is the page's address, and `closes_on` the last day of the window."""

    here: str
    order_reference: str
    lines: Sequence[StartLine]
    returns: Sequence[EarlierReturn]
    closes_on: date | None
    is_closed: bool


@dataclass(frozen=True)
class PlannedLine:
    """Units that a customer wants to send back, why, and what the rules say against it."""

    title: str
    quantity: int
    reason: ReturnReason
    sentences: Sequence[str]


@dataclass(frozen=True)
class PlannedPage:
    """What would come of a request. `fields` are the form's own, to be sent again; amounts as in `PreviewView`.

    `is_authorized`: the goods may be sent as soon as it is asked for; else there is an answer by `answer_by`.
    """

    here: str
    order_reference: str
    lines: Sequence[PlannedLine]
    sentences: Sequence[str]
    answer: Answer
    preview: PreviewView | None
    is_authorized: bool
    answer_by: datetime
    fields: Mapping[str, str]


def choose_page(
    session: Session,
    rules: PolicyInForce,
    order_reference: str,
    now: datetime,
    *,
    here: str,
    address_of: Callable[[str], str],
) -> ChoosePage:
    """What the order has; `address_of` says where the page of a return is. Raises `NotFound`."""
    connection = session.connection()
    order = order_terms(connection, order_reference)
    if order is None:
        raise NotFound("not_found", "There is nothing here. Use the whole link from the email.")
    row = tables.Return
    returns = session.exec(
        select(row.rma, row.stage)
        .where(row.order_reference == order_reference)
        .order_by(col(row.recorded_at), col(row.rma))
    ).all()
    closes_on = window_ends_on(rules.policy, OrderFacts(order.ordered_at, order.delivered_on))
    return ChoosePage(
        here=here,
        order_reference=order_reference,
        lines=[
            StartLine(x.line, x.title, x.quantity, x.quantity - x.claimed, x.final_sale)
            for x in sold_lines(connection, order_reference)
        ],
        returns=[EarlierReturn(rma, Stage(stage), address_of(rma)) for rma, stage in returns],
        closes_on=closes_on,
        is_closed=closes_on is not None
        and now.astimezone(ZoneInfo(rules.policy.shop.zone)).date() > closes_on,
    )


def planned_page(
    session: Session,
    rules: PolicyInForce,
    asked: RequestInput,
    now: datetime,
    *,
    here: str,
    fields: Mapping[str, str],
) -> PlannedPage:
    """The rules' answer to a request before it is made, and what it would give back."""
    connection = session.connection()
    found = dry_run(connection, rules.policy, asked, now)
    titles = {line.line: line.title for line in sold_lines(connection, asked.order_reference)}
    sentences: dict[int | None, list[str]] = {}
    for reason in found.reasons:
        if reason.code in REASON_SENTENCES:
            sentences.setdefault(reason.line, []).append(REASON_SENTENCES[reason.code])
    by_rules = rules.policy.self_service.authorize is AuthorizeWhen.WHEN_CLEAR
    return PlannedPage(
        here=here,
        order_reference=asked.order_reference,
        lines=[
            PlannedLine(titles[x.line], x.quantity, x.reason, sentences.get(x.line, []))
            for x in asked.items
            if x.line in titles
        ],
        sentences=sentences.get(None, []),
        answer=found.answer,
        preview=found.preview,
        is_authorized=by_rules and found.answer is Answer.ELIGIBLE,
        answer_by=rules.calendar.add(now, rules.policy.clocks.processing_business_days),
        fields=fields,
    )
