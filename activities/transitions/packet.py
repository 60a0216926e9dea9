"""The escalation packet: what somebody who is handed a late return needs to know without looking anything up.

Ids, codes, counts and instants only: a task holds no name and no word of a person.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from returndesk.domain.clock import ClockKind, SpanKind
from returndesk.domain.eligibility import judge
from returndesk.domain.lots import HERE, Acceptance, Lot
from returndesk.store.cases import Case

HOUR = timedelta(hours=1)


def packet(case: Case, kind: ClockKind, queue: str) -> dict[str, Any]:
    """How an obligation stands at the case's now. Business days and hours with two decimals.

    `here` are the units that the shop has, decided or not; `granted_minor` is what all decisions grant together.
    """
    row, clock = case.row, case.clocks[kind]
    paused = [span for span in clock.explain(case.rules.calendar, case.now) if span.kind is SpanKind.PAUSED]
    here = [lot for lot in case.lots if lot.reception in HERE and lot.left is None]
    to_decide = [lot for lot in here if lot.decision is None]
    return {
        "clock": kind,
        "stage": case.stage,
        "stood_in": queue,
        "order": row.order_reference,
        "currency": row.currency,
        "granted_minor": row.goods_minor + row.goods_tax_minor + row.shipping_minor + row.shipping_tax_minor,
        "contacted_at": row.contacted_at.isoformat(),
        "channel": row.channel,
        "last_at": row.last_at.isoformat(),
        "days_given": _decimals(clock.allotment),
        "days_used": _decimals(clock.used(case.rules.calendar, case.now)),
        "hours_waiting_for_customer": _decimals(sum(((x.end - x.start) / HOUR for x in paused), 0.0)),
        "units": {
            "undecided": _units(case.undecided),
            "here": _units(here),
            "to_inspect": _units(lot for lot in to_decide if lot.line is not None and not lot.inspected),
        },
        "for_a_person": sorted(
            {code for lot in to_decide for said, codes in [judge(case.rules.policy, lot)]
             if said is Acceptance.MANUAL_REVIEW for code in codes}
        ),
        "refunds": [[x.id, x.status, x.failure_reason] for x in case.live_refunds],
        "on_hold_since": _iso(row.on_hold_since),
        "awaiting_approval": row.awaiting_approval,
    }  # fmt: skip


def _units(lots: Iterable[Lot]) -> int:
    return sum(lot.quantity for lot in lots)


def _decimals(amount: Any) -> str:
    return f"{float(amount):.2f}"


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()
