"""Who may send back what, as chains of small validators that keep their reasons (policy 5).

A validator answers with coded reasons, never a bare False. The sentences customers read stand in `notices`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from returndesk.domain.lots import UNASKED, Acceptance, Condition, Lot, Packaging, Reception
from returndesk.domain.policy import Policy


@dataclass(frozen=True)
class OrderFacts:
    """What the window is counted from. `delivered_on` is a local date; `ordered_at` an instant."""

    ordered_at: datetime
    delivered_on: date | None


@dataclass(frozen=True)
class RequestedLine:
    """One line of a request beside what the order says of it; `available` None: the order has no such line."""

    line: int
    quantity: int
    available: int | None
    final_sale: bool = False


@dataclass(frozen=True)
class Reason:
    """Why a request is ineligible. One that a rep may not override is a fact, not a rule."""

    code: str
    line: int | None = None
    overridable: bool = True

    def __str__(self) -> str:
        return self.code if self.line is None else f"{self.code}:line {self.line}"


def window_ends_on(policy: Policy, order: OrderFacts) -> date | None:
    """The last local day on which the customer may make contact; None where there is no window."""
    if policy.returns.window_days == 0:
        return None
    ordered_on = order.ordered_at.astimezone(ZoneInfo(policy.shop.zone)).date()
    assumed = ordered_on + timedelta(days=policy.returns.delivery_assumed_after_days)
    return (order.delivered_on or assumed) + timedelta(days=policy.returns.window_days)


def _window(policy: Policy, order: OrderFacts, contacted_at: datetime) -> list[Reason]:
    ends_on = window_ends_on(policy, order)
    if ends_on is None or contacted_at.astimezone(ZoneInfo(policy.shop.zone)).date() <= ends_on:
        return []
    return [Reason("window_passed")]


def _quantities(lines: Sequence[RequestedLine]) -> list[Reason]:
    reasons: list[Reason] = []
    for asked in lines:
        if asked.available is None:
            reasons.append(Reason("unknown_line", asked.line, overridable=False))
        elif asked.quantity > asked.available:
            reasons.append(Reason("already_returned", asked.line, overridable=False))
    return reasons


def _final_sale(lines: Sequence[RequestedLine]) -> list[Reason]:
    return [Reason("final_sale", asked.line) for asked in lines if asked.final_sale]


def ineligible(
    policy: Policy, order: OrderFacts, lines: Sequence[RequestedLine], contacted_at: datetime
) -> list[Reason]:
    """Every reason against a request, in the order of the policy; empty when it is eligible."""
    return _window(policy, order, contacted_at) + _quantities(lines) + _final_sale(lines)


_WORST = (Acceptance.REJECTED, Acceptance.MANUAL_REVIEW, Acceptance.ACCEPTED)


def verdict(policy: Policy, condition: Condition, packaging: Packaging) -> tuple[Acceptance, tuple[str, ...]]:
    """What the rules say of goods in this state, and why: the stricter of condition and packaging."""
    findings = {
        f"condition_{condition}": policy.conditions[condition],
        f"packaging_{packaging}": policy.packaging[packaging],
    }
    for outcome in _WORST:
        reasons = tuple(code for code, said in findings.items() if said is outcome)
        if reasons:
            return outcome, () if outcome is Acceptance.ACCEPTED else reasons
    raise AssertionError("every condition and packaging has a verdict")


def judge(policy: Policy, lot: Lot) -> tuple[Acceptance, tuple[str, ...]]:
    """The rules' verdict on a lot. Goods that did not come are rejected as `not_received`.

    Of goods the return did not wait for, and of a lost parcel, a person decides.
    """
    if lot.reception is Reception.WRONG_ITEM:
        return Acceptance.REJECTED, lot.reasons
    if lot.reception is Reception.LOST:
        return Acceptance.MANUAL_REVIEW, ("lost",)
    if lot.reception is not Reception.RECEIVED:
        return Acceptance.REJECTED, ("not_received",)
    if lot.condition is None or lot.packaging is None:
        return Acceptance.PENDING, ()
    said, reasons = verdict(policy, lot.condition, lot.packaging)
    if said is Acceptance.ACCEPTED and lot.arrival in UNASKED:
        return Acceptance.MANUAL_REVIEW, (lot.arrival,)
    return said, reasons
