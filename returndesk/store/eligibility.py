"""A request beside the books: what the rules look at, and a dry run of them that writes nothing.

The dry run is the request's own chain and the decision's own settlement, so what it says is what will happen.
"""

from collections.abc import Sequence
from datetime import date, datetime

from pydantic import BaseModel
from sqlalchemy import Connection

from returndesk.domain.eligibility import (
    Answer,
    Eligibility,
    OrderFacts,
    Plan,
    RequestedLine,
    examine,
    require_after_order,
    window_ends_on,
)
from returndesk.domain.inputs import DeclineReason, RequestInput, ReturnReason
from returndesk.domain.lots import Acceptance, Condition, Lot, Packaging, Reception
from returndesk.domain.policy import Policy
from returndesk.store.cases import Case
from returndesk.store.settlement_preview import PreviewView, settlement_preview
from returndesk.store.units import OrderTerms, SoldLine, order_terms, sold_lines


class ReasonView(BaseModel):
    """What speaks against a request. A rep may override only what is a rule and no fact."""

    code: str
    line: int | None
    answer: Answer
    overridable: bool


class EligibilityView(BaseModel):
    """The rules' answer to a planned request. No `preview` where the order cannot have what is asked back."""

    answer: Answer
    reasons: list[ReasonView]
    window_ends_on: date | None
    preview: PreviewView | None


def plan(
    policy: Policy,
    order: OrderTerms,
    lines: Sequence[SoldLine],
    asked: RequestInput,
    contacted_at: datetime,
    asked_at: datetime,
) -> Plan:
    """A request with what the books have of its order. Raises `InvalidInput` (`contact_before_order`)."""
    if asked.contacted_at is not None:
        require_after_order(policy, order.ordered_at, contacted_at)
    sold = {line.line: line for line in lines}
    return Plan(
        policy,
        OrderFacts(order.ordered_at, order.delivered_on),
        [
            RequestedLine(item.line, item.quantity, item.reason, None)
            if (of := sold.get(item.line)) is None
            else RequestedLine(
                item.line, item.quantity, item.reason, of.quantity, of.quantity - of.claimed, of.final_sale
            )
            for item in asked.items
        ],
        contacted_at,
        asked_at,
    )


def contradicted(case: Case) -> frozenset[DeclineReason]:
    """The reasons for a no that the rules themselves contradict, for this return as it was asked for.

    Only what the rules can tell: whether it was asked for in time, and whether any of it was a final sale. Where
    nobody knows when it was delivered, a person may say either.
    """
    row, policy = case.row, case.rules.policy
    order = order_terms(case.connection, row.order_reference)
    assert order is not None, "a return keeps its order"
    sold = {line.line: line for line in case.order_lines}
    asked = [
        RequestedLine(lot.line, lot.quantity, _reason(lot.reason), of.quantity, final_sale=of.final_sale)
        for lot in case.lots
        if lot.line is not None and lot.reason is not None and (of := sold.get(lot.line)) is not None
    ]
    facts = OrderFacts(order.ordered_at, order.delivered_on)
    found = examine(Plan(policy, facts, asked, row.contacted_at, row.recorded_at))
    codes = {reason.code for reason in found.reasons}
    in_time = codes.isdisjoint({DeclineReason.WINDOW_PASSED, "delivery_unknown"})
    return frozenset(
        reason
        for reason, is_untrue in (
            (DeclineReason.WINDOW_PASSED, in_time),
            (DeclineReason.FINAL_SALE, DeclineReason.FINAL_SALE not in codes),
        )
        if is_untrue
    )


def dry_run(connection: Connection, policy: Policy, asked: RequestInput, now: datetime) -> EligibilityView:
    """What would come of a request now. Raises `InvalidInput` (`contact_in_future`, `contact_before_order`)."""
    contacted_at = asked.came_at(now)
    order = order_terms(connection, asked.order_reference)
    if order is None:
        unknown = ReasonView(code="unknown_order", line=None, answer=Answer.INELIGIBLE, overridable=False)
        return EligibilityView(answer=Answer.INELIGIBLE, reasons=[unknown], window_ends_on=None, preview=None)
    lines = sold_lines(connection, order.reference)
    planned = plan(policy, order, lines, asked, contacted_at, now)
    found = examine(planned)
    return EligibilityView(
        answer=found.answer,
        reasons=[ReasonView(**vars(reason)) for reason in found.reasons],
        window_ends_on=window_ends_on(policy, planned.order),
        preview=_preview(connection, policy, order, lines, asked) if _is_possible(found) else None,
    )


def _is_possible(found: Eligibility) -> bool:
    return all(reason.overridable for reason in found.reasons)


def _preview(
    connection: Connection, policy: Policy, order: OrderTerms, lines: Sequence[SoldLine], asked: RequestInput
) -> PreviewView:
    lots = [
        Lot(
            number, item.line, item.quantity, item.reason, Reception.RECEIVED, Condition.ORIGINAL,
            Packaging.ORIGINAL, Acceptance.ACCEPTED,
        )
        for number, item in enumerate(asked.items, start=1)
    ]  # fmt: skip
    return settlement_preview(connection, policy, order, lines, lots)


def _reason(kept: str) -> ReturnReason:
    """A reason as it was kept; one that nobody gives any more is another."""
    return ReturnReason(kept) if kept in set(ReturnReason) else ReturnReason.OTHER
