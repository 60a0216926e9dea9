"""The facts that transitions and their notices rest on, read off a case. Ids, titles of goods, amounts and instants: no person."""

from collections.abc import Callable, Sequence
from datetime import datetime
from math import ceil
from typing import TypedDict

from returndesk.domain.clock import ClockKind
from returndesk.domain.errors import Refused
from returndesk.domain.lots import (
    CLAIMED_ELSEWHERE,
    ON_THE_WAY,
    TO_DECIDE,
    Acceptance,
    Arrival,
    Lot,
    Reception,
)
from returndesk.domain.notice_facts import NoticeItem
from returndesk.domain.reasons import UNKNOWN_GOODS
from returndesk.store.cases import Case


class Common(TypedDict):
    """What every notice says."""

    rma: str
    order_reference: str
    currency: str
    items: tuple[NoticeItem, ...]


def common(case: Case, items: tuple[NoticeItem, ...] | None = None) -> Common:
    """The return and its goods; `items` where a notice is about some of them only."""
    return Common(
        rma=case.row.rma,
        order_reference=case.row.order_reference,
        currency=case.row.currency,
        items=items if items is not None else all_items(case),
    )


def all_items(case: Case) -> tuple[NoticeItem, ...]:
    """Every line of the return with the units that were asked for."""
    return items_of(case, case.lots)


def parcel_items(case: Case) -> tuple[NoticeItem, ...]:
    """What is here and to be decided, beside what was to come; and what came that is not this return's, and why."""
    ours = [lot for lot in case.undecided if lot.reception in TO_DECIDE | ON_THE_WAY]
    lines = _by_line(
        case,
        [lot for lot in ours if lot.reception is not Reception.WRONG_ITEM],
        lambda lot: lot.quantity if lot.reception is Reception.RECEIVED else 0,
        with_expected=True,
    )
    others = [lot for lot in ours if lot.reception is Reception.WRONG_ITEM]
    return lines + tuple(
        NoticeItem(title=title_of(case, lot), quantity=lot.quantity, expected=0, reasons=lot.reasons)
        for lot in others
    )


def items_of(case: Case, lots: Sequence[Lot]) -> tuple[NoticeItem, ...]:
    """The units of these lots; lines without any are left out."""
    return _by_line(case, lots, lambda lot: lot.quantity)


def items_at(case: Case, reception: Reception) -> tuple[NoticeItem, ...]:
    """The units that are there: awaited, in transit."""
    return items_of(case, [lot for lot in case.lots if lot.reception is reception])


def _by_line(
    case: Case, lots: Sequence[Lot], count: Callable[[Lot], int], *, with_expected: bool = False
) -> tuple[NoticeItem, ...]:
    """An item a line: `count` says how many of a lot's units it is about."""
    items = []
    for line in case.order_lines:
        of_line = [lot for lot in lots if lot.line == line.line]
        if of_line:
            announced = (x.quantity for x in of_line if x.arrival is not Arrival.UNANNOUNCED)
            expected = sum(announced) if with_expected else None
            items.append(NoticeItem(title=line.title, quantity=sum(map(count, of_line)), expected=expected))
    return tuple(items)


def title_of(case: Case, lot: Lot) -> str:
    """How a lot is named to the customer."""
    return next((x.title for x in case.order_lines if x.line == lot.line), UNKNOWN_GOODS)


def decided_items(case: Case, decision: int) -> tuple[NoticeItem, ...]:
    """Every lot of a decision with its verdict and reasons; lots of one line that share both are one item.

    Units that are counted in another return are no verdict on this one: they are named only where they are all.
    """
    lots = [lot for lot in case.lots if lot.decision == decision]
    groups: dict[tuple[str, Acceptance, tuple[str, ...]], int] = {}
    for lot in [lot for lot in lots if lot.reasons != (CLAIMED_ELSEWHERE,)] or lots:
        key = (title_of(case, lot), lot.acceptance, lot.reasons)
        groups[key] = groups.get(key, 0) + lot.quantity
    return tuple(
        NoticeItem(
            title=title,
            quantity=quantity,
            verdict=Acceptance.ACCEPTED if acceptance is Acceptance.ACCEPTED else Acceptance.REJECTED,
            reasons=reasons,
        )
        for (title, acceptance, reasons), quantity in groups.items()
    )


def accepted_items(case: Case, decision: int) -> tuple[NoticeItem, ...]:
    """What the customer is paid for by a decision."""
    return tuple(item for item in decided_items(case, decision) if item.verdict is Acceptance.ACCEPTED)


def days_left(case: Case, kind: ClockKind) -> int:
    """Business days a clock has left, in whole days rounded up; at least one."""
    clock = case.clocks[kind]
    return max(ceil(clock.allotment - clock.used(case.rules.calendar, case.now)), 1)


def promised_by(case: Case, kind: ClockKind) -> datetime:
    """What a customer is promised: when the clock is due or, where that has passed, the delay's time from now (policy 3)."""
    due_at = case.due_at(kind)
    days = case.rules.policy.clocks.delay_business_days
    return due_at if due_at > case.now else case.rules.calendar.add(case.now, days)


def not_on_hold(case: Case) -> None:
    """While somebody looks into a return, nobody decides anything of it. Raises `Refused` (`on_hold`).

    A manager may still refuse what was decided, and finance note what was paid another way: neither pays anything.
    """
    if case.row.on_hold_since is not None:
        raise Refused(
            "on_hold", "This return is on hold. Nothing was changed. Let it go on first, then decide."
        )
