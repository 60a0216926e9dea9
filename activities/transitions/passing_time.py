"""What time alone does to a return: warnings, breaches with an honest delay notice, the reminder and expiry."""

from datetime import datetime
from typing import Literal

from activities.transitions.ending import let_go, stop_clocks_at_end
from activities.transitions.facts import common, items_at, items_of, promised_by
from activities.transitions.goods_back import goods_are_late
from activities.transitions.packet import packet
from activities.transitions.shipment import look_for_parcel
from returndesk.domain.clock import PROCESSING, REFUND, ClockKind
from returndesk.domain.lots import Reception
from returndesk.domain.next_steps import NEXT_STEP
from returndesk.domain.notices import Delay, Expired, Reminder
from returndesk.domain.people import Role
from returndesk.domain.stages import ENDED, Stage
from returndesk.store.cases import Case


def time_passed(case: Case) -> None:
    """Everything that is due at the case's now."""
    clocks_passed(case)
    row = case.row
    if row.goods_back_late_at is None and row.goods_back_by is not None and row.goods_back_by <= case.now:
        goods_are_late(case)
    if case.stage is not Stage.AUTHORIZED:
        return
    if row.expires_at is not None and row.expires_at <= case.now:
        if all(lot.reception is not Reception.IN_TRANSIT for lot in case.lots):
            _expire(case)
        elif row.looked_for_at is None:
            look_for_parcel(case)
    elif row.reminder_at is not None and row.reminder_at <= case.now:
        _remind(case)


def clocks_passed(case: Case) -> None:
    """Warn the desk at the policy's share of a clock; at its end tell a manager and the customer."""
    for kind in (PROCESSING, REFUND):
        standing = case.standings[kind]
        due_at, warn_at = standing.due_at, standing.warn_at
        if due_at is not None and standing.breached_at is None and due_at <= case.now:
            _breach(case, kind, due_at)
        elif warn_at is not None and standing.warned_at is None and warn_at <= case.now:
            case.warned(kind)
            step = NEXT_STEP[case.stage]
            case.record("warned", clock=kind)
            facts = packet(case, kind, step.queue)
            case.task(step.queue, f"warn_{kind}", step.owner, due_at or case.now, **facts)


def _breach(case: Case, kind: ClockKind, promised_at: datetime) -> None:
    """Policy 3, Transparency: the customer hears of it from us, once, with a date we can keep."""
    days = case.rules.policy.clocks.delay_business_days
    new_date = case.rules.calendar.add(max(promised_at, case.now), days)
    queue = NEXT_STEP[case.stage].queue
    case.end_task(f"warn_{kind}")  # what it warned of has come to pass: the breach's own task says so
    case.breach_clock(kind, promised_at, queue)
    facts = packet(case, kind, queue) | {"due": promised_at.isoformat()}
    why = {name: facts[name] for name in ("stood_in", "hours_waiting_for_customer", "on_hold_since")}
    case.record("breached", clock=kind, due=promised_at.isoformat(), new_date=new_date.isoformat(), **why)
    case.task("late", f"breach_{kind}", Role.MANAGER, new_date, **facts)
    which: Literal["processing", "refund"] = "processing" if kind == PROCESSING else "refund"
    is_decided = case.stage is Stage.SETTLING
    case.notice(
        Delay(
            **common(case),
            clock=which,
            promised_at=promised_at,
            new_date=new_date,
            is_decided=is_decided,
        )
    )


def _remind(case: Case) -> None:
    row = case.row
    assert row.authorized_at is not None, "only authorized returns wait for goods"
    assert row.expires_at is not None, "only authorized returns wait for goods"
    row.reminder_at = None
    case.record("reminded")
    awaited = items_at(case, Reception.AWAITING)
    case.notice(Reminder(**common(case, awaited), authorized_at=row.authorized_at, send_by=row.expires_at))


def _expire(case: Case) -> None:
    row = case.row
    assert row.authorized_at is not None, "only authorized returns wait for goods"
    assert row.expires_at is not None, "only authorized returns wait for goods"
    gone = items_of(case, let_go(case, Reception.EXPIRED))
    row.expired_at = case.now
    stop_clocks_at_end(case, "expired")
    case.record("expired")
    due_at = None if case.stage in ENDED else promised_by(case, PROCESSING)
    case.notice(
        Expired(
            **common(case, gone),
            authorized_at=row.authorized_at,
            send_by=row.expires_at,
            processing_due_at=due_at,
        )
    )
