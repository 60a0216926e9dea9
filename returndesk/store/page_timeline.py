"""What a customer reads of a return's audit records and notices: what happened, and what was promised last.

Only what is listed here reaches a page. What the shop keeps to itself (holds, warnings, disputes, who did what,
a decision before its manager said yes) never does.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Final

from sqlmodel import Session, col, select

from returndesk.domain.clock import PROCESSING, REFUND, ClockKind
from returndesk.domain.notice_facts import NoticeKind
from returndesk.store import tables
from returndesk.store.pages import PaidView, TimelineView

SHOWN: Final = frozenset(
    {
        "requested", "authorized", "declined", "cancelled", "asked", "message", "shipped", "looked_for", "lost",
        "received", "corrected", "inspected", "decided", "refund_pending", "refund_requires_action",
        "refund_succeeded", "refund_failed", "refund_canceled", "asked_again", "paid_by_hand", "goods_left",
        "goods_back_late", "expired", "breached", "recalculated",
    }
)  # fmt: skip
"""What a customer is shown."""
KEPT: Final = frozenset(
    {
        "overridden", "overruled", "regraded", "approval_asked", "approved", "refused", "held", "resumed", "warned", "reminded",
        "no_payment_for", "disputed", "dispute_closed", "contradicted", "disposition_changed", "refund_requested",
        "task_done",
        "refund_unknown",
    }
)  # fmt: skip
"""What the shop keeps to itself, or what an email says already."""
REVERSED: Final = "refund_reversed"
"""A refund that failed after the customer was told that it was paid."""
MAILED: Final = "mailed"
_WHICH: Final = {"paid_by_hand": "how", "goods_left": "way", "breached": "clock"}
"""The detail that picks the words."""


def records_of(session: Session, rma: str) -> Sequence[tables.AuditRecord]:
    """The audit chain of a return, in order."""
    record = tables.AuditRecord
    return session.exec(select(record).where(record.rma == rma).order_by(col(record.seq))).all()


def notices_of(session: Session, rma: str) -> Sequence[tables.Notice]:
    """The notices of a return, in order, sent or not."""
    notice = tables.Notice
    return session.exec(select(notice).where(notice.rma == rma).order_by(col(notice.number))).all()


def timeline(
    records: Sequence[tables.AuditRecord], notices: Sequence[tables.Notice], untold: Collection[int]
) -> list[TimelineView]:
    """What happened and what was mailed, in order of time. `untold` are decisions that no customer hears of."""
    decided_at = told_at(records)
    confirmed: set[str] = set()
    items = []
    for record in records:
        what, at, details = record.what, record.at, record.details
        if what not in SHOWN or (what == "decided" and details["decision"] in untold):
            continue
        if what == "decided":
            at = decided_at[details["decision"]]
        elif what == "refund_succeeded":
            confirmed.add(details["refund"])
        elif what == "refund_failed" and details["refund"] in confirmed:
            what = REVERSED
        which = details[_WHICH[what]] if what in _WHICH else None
        items.append(TimelineView(at, what, which, details.get("total_minor", details.get("amount_minor"))))
    items += [
        TimelineView(n.settled_at or n.written_at, MAILED, n.kind) for n in notices if n.result == "accepted"
    ]
    return sorted(items, key=lambda item: item.at)


def told_at(records: Sequence[tables.AuditRecord]) -> dict[int, datetime]:
    """When each decision was told, by its number: at once, or when its manager had said yes."""
    return {r.details["decision"]: r.at for r in records if r.what in ("decided", "approved")}


def paid_by_hand(records: Sequence[tables.AuditRecord]) -> list[PaidView]:
    """What the customer got another way than by a refund."""
    return [
        PaidView(r.at, r.details["amount_minor"], r.details["how"])
        for r in records
        if r.what == "paid_by_hand"
    ]


# Promises ----------------------------------------------------------------------------------------

_CLOCK_DATES: Final[dict[ClockKind, dict[NoticeKind, str]]] = {
    PROCESSING: {NoticeKind.RECEIVED: "processing_due_at", NoticeKind.CORRECTED: "processing_due_at"},
    REFUND: {
        NoticeKind.ACCEPTED: "refund_due_at",
        NoticeKind.PARTLY_ACCEPTED: "refund_due_at",
        NoticeKind.REFUND_FAILED: "new_date",
    },
}


def promised_by(notices: Sequence[tables.Notice], clock: ClockKind) -> datetime | None:
    """The date that the newest notice names for a clock's obligation; None where none did."""
    for notice in reversed(notices):
        kind = NoticeKind(notice.kind)
        if kind is NoticeKind.DELAY and notice.facts["clock"] == clock:
            return _instant(notice.facts["new_date"])
        if kind in _CLOCK_DATES[clock] and (at := notice.facts[_CLOCK_DATES[clock][kind]]):
            return _instant(at)
    return None


def new_date_of(notices: Sequence[tables.Notice], kind: NoticeKind) -> datetime | None:
    """The date that the newest notice of a kind gives."""
    found = [notice.facts["new_date"] for notice in notices if notice.kind == kind]
    return _instant(found[-1]) if found else None


def _instant(value: Any) -> datetime:
    return datetime.fromisoformat(value)
