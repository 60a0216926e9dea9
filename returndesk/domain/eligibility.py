"""Who may send back what, and what is taken back: chains of small validators that keep their reasons (policy 5).

A validator answers with coded reasons, never a bare False, and the worst of them is the answer. The sentences
customers read stand in `reasons`.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from returndesk.domain.errors import InvalidInput
from returndesk.domain.inputs import ReturnReason
from returndesk.domain.lots import NOT_ORDERED, UNASKED, Acceptance, Lot, Reception
from returndesk.domain.policy import Policy

# Whether it may come back ------------------------------------------------------------------------


class Answer(StrEnum):
    """What the rules say of a request."""

    ELIGIBLE = "eligible"
    NEEDS_PERSON = "needs_person"
    INELIGIBLE = "ineligible"


@dataclass(frozen=True)
class OrderFacts:
    """What the window is counted from. `delivered_on` is a local date; `ordered_at` an instant."""

    ordered_at: datetime
    delivered_on: date | None


@dataclass(frozen=True)
class RequestedLine:
    """One line of a request beside what the order says of it; `sold` None: the order has no such line.

    `available`: units of it that no return has.
    """

    line: int
    quantity: int
    reason: ReturnReason
    sold: int | None
    available: int = 0
    final_sale: bool = False


@dataclass(frozen=True)
class Plan:
    """A request with everything the rules may look at. `asked_at`: when it is asked for; the contact may be earlier."""

    policy: Policy
    order: OrderFacts
    lines: Sequence[RequestedLine]
    contacted_at: datetime
    asked_at: datetime


@dataclass(frozen=True)
class Reason:
    """What speaks against a request. One that a rep may not override is a fact, not a rule."""

    code: str
    line: int | None = None
    answer: Answer = Answer.INELIGIBLE
    overridable: bool = True

    def __str__(self) -> str:
        return self.code if self.line is None else f"{self.code}:line {self.line}"


@dataclass(frozen=True)
class Eligibility:
    """The answer, and every reason for it in the order of the chain."""

    answer: Answer
    reasons: tuple[Reason, ...]

    def reasons_of(self, answer: Answer) -> list[Reason]:
        """The reasons that lead to this answer."""
        return [reason for reason in self.reasons if reason.answer is answer]


SHOPS_FAULT = frozenset(
    {
        ReturnReason.DEFECTIVE,
        ReturnReason.DAMAGED_IN_TRANSIT,
        ReturnReason.WRONG_ITEM,
        ReturnReason.NOT_AS_DESCRIBED,
    }
)
"""Reasons for which the law may give a customer more than the shop's own rules do."""


def require_after_order(policy: Policy, ordered_at: datetime, contacted_at: datetime) -> None:
    """Nobody asks for a return of what they have not ordered. Raises `InvalidInput` (`contact_before_order`).

    To the minute: people write down no seconds.
    """
    if contacted_at >= ordered_at.replace(second=0, microsecond=0):
        return
    local = ordered_at.astimezone(ZoneInfo(policy.shop.zone))
    raise InvalidInput(
        "contact_before_order",
        f"The order is from {local.day} {local:%B %Y, %H:%M}, and the contact cannot have been before it. "
        "Nothing was changed. Give when the contact was.",
        "contacted_at",
    )


def window_ends_on(policy: Policy, order: OrderFacts) -> date | None:
    """The last local day on which the customer may make contact; None where there is no window."""
    if policy.returns.window_days == 0:
        return None
    ordered_on = order.ordered_at.astimezone(ZoneInfo(policy.shop.zone)).date()
    assumed = ordered_on + timedelta(days=policy.returns.delivery_assumed_after_days)
    return (order.delivered_on or assumed) + timedelta(days=policy.returns.window_days)


def _contact(plan: Plan) -> Iterator[Reason]:
    """The clocks and the window are counted from the contact: one said to be long ago is somebody's word."""
    days = plan.policy.eligibility.contact_backdated_days
    if days and plan.asked_at - plan.contacted_at > timedelta(days=days):
        yield Reason("contact_backdated", answer=Answer.NEEDS_PERSON)


def _window(plan: Plan) -> Iterator[Reason]:
    ends_on = window_ends_on(plan.policy, plan.order)
    contacted_on = plan.contacted_at.astimezone(ZoneInfo(plan.policy.shop.zone)).date()
    if ends_on is None or contacted_on <= ends_on:
        return
    doubtful = timedelta(days=plan.policy.eligibility.delivery_unknown_days)
    if plan.order.delivered_on is None and contacted_on <= ends_on + doubtful:
        yield Reason("delivery_unknown", answer=Answer.NEEDS_PERSON)
    else:
        yield Reason("window_passed", answer=_unless_at_fault(plan, *plan.lines))


def _lines(plan: Plan) -> Iterator[Reason]:
    for asked in plan.lines:
        if asked.sold is None:
            yield Reason("unknown_line", asked.line, overridable=False)


def _quantities(plan: Plan) -> Iterator[Reason]:
    for asked in plan.lines:
        if asked.sold is not None and asked.quantity > asked.sold:
            yield Reason("more_than_ordered", asked.line, overridable=False)


def _already_returned(plan: Plan) -> Iterator[Reason]:
    for asked in plan.lines:
        if asked.sold is not None and asked.available < asked.quantity <= asked.sold:
            yield Reason("already_returned", asked.line, overridable=False)


def _final_sale(plan: Plan) -> Iterator[Reason]:
    for asked in plan.lines:
        if asked.final_sale:
            yield Reason("final_sale", asked.line, _unless_at_fault(plan, asked))


def _unless_at_fault(plan: Plan, *lines: RequestedLine) -> Answer:
    """Where all of it may be the shop's own fault, the policy may have a person look before it is refused."""
    if plan.policy.eligibility.faults_need_person and all(asked.reason in SHOPS_FAULT for asked in lines):
        return Answer.NEEDS_PERSON
    return Answer.INELIGIBLE


REQUEST_CHAIN: tuple[Callable[[Plan], Iterator[Reason]], ...] = (
    _contact,
    _window,
    _lines,
    _quantities,
    _already_returned,
    _final_sale,
)
"""What a request is held against, in the order of the policy."""


def examine(plan: Plan) -> Eligibility:
    """The answer to a request: the worst that any validator says, with every reason kept."""
    reasons = tuple(reason for validator in REQUEST_CHAIN for reason in validator(plan))
    answers = {reason.answer for reason in reasons}
    worst = next((a for a in (Answer.INELIGIBLE, Answer.NEEDS_PERSON) if a in answers), Answer.ELIGIBLE)
    return Eligibility(worst, reasons)


# Whether it is taken back ------------------------------------------------------------------------

Said = tuple[Acceptance, str]
"""A validator's word on a lot, and the code of its reason."""


def _arrival(_policy: Policy, lot: Lot) -> Iterator[Said]:
    if lot.reception is Reception.WRONG_ITEM:
        for reason in lot.reasons or (NOT_ORDERED,):
            yield Acceptance.REJECTED, reason
    elif lot.reception is Reception.LOST:
        yield Acceptance.MANUAL_REVIEW, "lost"
    elif lot.reception is not Reception.RECEIVED:
        yield Acceptance.REJECTED, "not_received"
    elif lot.arrival in UNASKED:
        yield Acceptance.MANUAL_REVIEW, lot.arrival


def _condition(policy: Policy, lot: Lot) -> Iterator[Said]:
    if lot.reception is Reception.RECEIVED and lot.condition is not None:
        yield policy.conditions[lot.condition], f"condition_{lot.condition}"


def _packaging(policy: Policy, lot: Lot) -> Iterator[Said]:
    if lot.reception is Reception.RECEIVED and lot.packaging is not None:
        yield policy.packaging[lot.packaging], f"packaging_{lot.packaging}"


LOT_CHAIN: tuple[Callable[[Policy, Lot], Iterator[Said]], ...] = (_arrival, _condition, _packaging)
"""What a lot is held against."""


def judge(policy: Policy, lot: Lot) -> tuple[Acceptance, tuple[str, ...]]:
    """The rules' verdict on a lot, the strictest of the chain, and the reasons for it; none where it is accepted.

    Goods that are here and were not inspected yet are pending.
    """
    if lot.reception is Reception.RECEIVED and not lot.inspected:
        return Acceptance.PENDING, ()
    said = [each for validator in LOT_CHAIN for each in validator(policy, lot)]
    for verdict in (Acceptance.REJECTED, Acceptance.MANUAL_REVIEW):
        reasons = tuple(code for acceptance, code in said if acceptance is verdict)
        if reasons:
            return verdict, reasons
    return Acceptance.ACCEPTED, ()
