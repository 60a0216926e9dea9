"""The facts that notices are made of, read off a case. Ids, titles of goods, amounts and instants: no person."""

from collections.abc import Callable
from math import ceil
from typing import TypedDict

from returndesk.domain.clock import ClockKind
from returndesk.domain.lots import Acceptance, Lot, Reception
from returndesk.domain.notices import NoticeItem
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
    return by_line(case, lambda lot: lot.quantity)


def by_line(
    case: Case, count: Callable[[Lot], int], *, with_expected: bool = False
) -> tuple[NoticeItem, ...]:
    """An item a line: `count` says how many of a lot's units it is about."""
    items = []
    for line in case.order_lines:
        lots = [lot for lot in case.lots if lot.line == line.line]
        if lots:
            expected = sum(lot.quantity for lot in lots) if with_expected else None
            items.append(NoticeItem(title=line.title, quantity=sum(map(count, lots)), expected=expected))
    return tuple(items)


def items_at(case: Case, reception: Reception) -> tuple[NoticeItem, ...]:
    """The units that are there: awaited, in transit; lines without any are left out."""
    items = by_line(case, lambda lot: lot.quantity if lot.reception is reception else 0)
    return tuple(item for item in items if item.quantity)


def decided_items(case: Case) -> tuple[NoticeItem, ...]:
    """Every lot with its verdict and reasons; lots of one line that share both are one item."""
    titles = {x.line: x.title for x in case.order_lines}
    groups: dict[tuple[int, Acceptance, tuple[str, ...]], int] = {}
    for lot in case.lots:
        if lot.line is not None:
            key = (lot.line, lot.acceptance, lot.reasons)
            groups[key] = groups.get(key, 0) + lot.quantity
    return tuple(
        NoticeItem(
            title=titles[line],
            quantity=quantity,
            verdict=Acceptance.ACCEPTED if acceptance is Acceptance.ACCEPTED else Acceptance.REJECTED,
            reasons=reasons,
        )
        for (line, acceptance, reasons), quantity in groups.items()
    )


def accepted_items(case: Case) -> tuple[NoticeItem, ...]:
    """What the customer is paid for."""
    return tuple(item for item in decided_items(case) if item.verdict is Acceptance.ACCEPTED)


def days_left(case: Case, kind: ClockKind) -> int:
    """Business days a clock has left, in whole days rounded up; at least one."""
    clock = case.clocks[kind]
    return max(ceil(clock.allotment - clock.used(case.rules.calendar, case.now)), 1)
