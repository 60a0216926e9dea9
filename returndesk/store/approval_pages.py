"""What waits for a manager's yes: how much, why, against which rules, and how it would be paid.

What people wrote on the way to a decision is shown to the manager who has to answer for it, and to nobody else here.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlmodel import Session, col, select, tuple_

from returndesk.domain.clock import ClockState
from returndesk.domain.lots import Acceptance, Condition, Packaging, Reception
from returndesk.domain.people import RULES
from returndesk.domain.reasons import REASON_SENTENCES, UNKNOWN_GOODS
from returndesk.domain.stages import Stage
from returndesk.store import tables
from returndesk.store.case_rows import load_clocks_of
from returndesk.store.paging import from_cursor, to_cursor

PAGE: Final = 20
_WAITS: Final = (
    col(tables.Task.done_at).is_(None),
    tables.Task.queue == "approvals",
    tables.Task.kind == Stage.DECIDED,
)
"""The one task of a return whose decision waits. A warning about its clock stands in the same queue, and is no approval."""
_OVERRIDES: Final = ("overridden", "overruled", "regraded")


@dataclass(frozen=True)
class DecidedLot:
    """Units with the verdict that waits. `sentences` are the customer's reasons for a no."""

    title: str
    quantity: int
    reception: Reception
    condition: Condition | None
    packaging: Packaging | None
    acceptance: Acceptance
    sentences: Sequence[str]
    photos: Sequence[str]


@dataclass(frozen=True)
class AgainstRules:
    """Somebody went against the rules on the way here. `what`: `overridden`, `overruled` or `regraded`."""

    what: str
    at: datetime
    actor_id: str
    role: str
    rules: Sequence[str]
    why: str | None
    words: str | None


@dataclass(frozen=True)
class ClockLeft:
    """A clock of a list."""

    kind: str
    state: ClockState
    due_at: datetime | None
    breached_at: datetime | None


@dataclass(frozen=True)
class Payback:
    """One refund as it would be asked for."""

    amount_minor: int
    label: str | None


@dataclass(frozen=True)
class Approval:
    """One decision that waits for a manager. `is_own`: who looks decided it themselves."""

    rma: str
    order_reference: str
    channel: str
    currency: str
    contacted_at: datetime
    decided_at: datetime
    decided_by: str
    by_rules: bool
    is_own: bool
    goods_minor: int
    tax_minor: int
    shipping_minor: int
    total_minor: int
    limit_minor: int | None
    lots: Sequence[DecidedLot]
    against: Sequence[AgainstRules]
    paybacks: Sequence[Payback]
    owed_without_refund_minor: int
    clocks: Sequence[ClockLeft]


@dataclass(frozen=True)
class ApprovalPage:
    """A page of what waits, the most urgent first."""

    rows: Sequence[Approval]
    next_cursor: str | None


def approval_page(session: Session, me: str, cursor: str | None) -> ApprovalPage:
    """What waits for a manager's yes, as `me` sees it. Raises `InvalidInput` for a cursor that is none."""
    task = tables.Task
    query = (
        select(task.due_at, task.id, task.rma)
        .where(*_WAITS)
        .order_by(col(task.due_at), col(task.id))
        .limit(PAGE + 1)
    )
    if cursor is not None:
        query = query.where(tuple_(col(task.due_at), col(task.id)) > from_cursor(cursor))
    found = session.exec(query).all()
    shown = found[:PAGE]
    rmas = [rma for _, _, rma in shown if rma is not None]
    rows = _approvals(session, rmas, me)
    more = len(found) > PAGE
    return ApprovalPage(rows, to_cursor(shown[-1][0], shown[-1][1]) if more else None)


def approval_mark(session: Session) -> str:
    """What waits, as short as can be: when this changes, something is new."""
    task = tables.Task
    open_ones = (
        select(task.id, task.due_at).where(*_WAITS).order_by(col(task.due_at), col(task.id)).limit(PAGE + 1)
    )
    return repr([tuple(row) for row in session.exec(open_ones)])


def _approvals(session: Session, rmas: Sequence[str], me: str) -> list[Approval]:
    """The approvals of these returns, in their order: as many statements however many they are."""
    row, decision, refund = tables.Return, tables.Decision, tables.Refund
    pairs = session.exec(
        select(row, decision)
        .join(decision, (col(decision.rma) == col(row.rma)) & (col(decision.number) == col(row.decisions)))
        .where(col(row.rma).in_(rmas))
    ).all()
    cases = {case.rma: (case, decided) for case, decided in pairs}
    lots = _lots(session, cases)
    against = _against(session, rmas)
    limits = _limits(session, rmas)
    clocks = load_clocks_of(session.connection(), rmas)
    paybacks: dict[str, list[Payback]] = defaultdict(list)
    refunds = session.exec(
        select(refund.rma, refund.decision, refund.amount_minor, tables.Payment.label)
        .join(tables.Payment, col(tables.Payment.id) == col(refund.payment_id))
        .where(col(refund.rma).in_(rmas))
        .order_by(col(refund.amount_minor).desc(), col(tables.Payment.label))
    ).all()
    for rma, number, amount_minor, label in refunds:
        if rma in cases and number == cases[rma][1].number:
            paybacks[rma].append(Payback(amount_minor, label))
    return [
        Approval(
            rma=rma,
            order_reference=case.order_reference,
            channel=case.channel,
            currency=case.currency,
            contacted_at=case.contacted_at,
            decided_at=decided.decided_at,
            decided_by=decided.decided_by,
            by_rules=decided.decided_by == RULES.id,
            is_own=decided.decided_by == me,
            goods_minor=decided.goods_minor,
            tax_minor=decided.goods_tax_minor + decided.shipping_tax_minor,
            shipping_minor=decided.shipping_minor,
            total_minor=decided.goods_minor
            + decided.goods_tax_minor
            + decided.shipping_minor
            + decided.shipping_tax_minor,
            limit_minor=limits.get(rma),
            lots=lots[rma],
            against=against[rma],
            paybacks=paybacks[rma],
            owed_without_refund_minor=decided.owed_without_refund_minor,
            clocks=[
                ClockLeft(kind, x.clock.state, x.due_at, x.breached_at)
                for kind, x in clocks.get(rma, {}).items()
            ],
        )
        for rma, (case, decided) in ((rma, cases[rma]) for rma in rmas if rma in cases)
    ]


def _lots(
    session: Session, cases: Mapping[str, tuple[tables.Return, tables.Decision]]
) -> dict[str, list[DecidedLot]]:
    """The lots of the decision that waits, by return."""
    lot, line = tables.Lot, tables.OrderLine
    orders = {case.order_reference for case, _ in cases.values()}
    titles = {
        (order, number): title
        for order, number, title in session.exec(
            select(line.order_reference, line.line, line.title).where(col(line.order_reference).in_(orders))
        )
    }
    found: dict[str, list[DecidedLot]] = defaultdict(list)
    rows = session.exec(
        select(lot).where(col(lot.rma).in_(list(cases))).order_by(col(lot.rma), col(lot.number))
    ).all()
    for one in rows:
        case, decided = cases[one.rma]
        if one.decision != decided.number:
            continue
        found[one.rma].append(
            DecidedLot(
                title=titles.get((case.order_reference, one.line or 0), UNKNOWN_GOODS),
                quantity=one.quantity,
                reception=Reception(one.reception),
                condition=None if one.condition is None else Condition(one.condition),
                packaging=None if one.packaging is None else Packaging(one.packaging),
                acceptance=Acceptance(one.acceptance),
                sentences=[REASON_SENTENCES[code] for code in one.reasons if code in REASON_SENTENCES],
                photos=one.photos,
            )
        )
    return found


def _against(session: Session, rmas: Sequence[str]) -> dict[str, list[AgainstRules]]:
    """Every override on the way to the decision, with the words of who made it."""
    record, written = tables.AuditRecord, tables.Text
    rows = session.exec(
        select(record)
        .where(col(record.rma).in_(rmas), col(record.what).in_(_OVERRIDES))
        .order_by(col(record.rma), col(record.seq))
    ).all()
    notes = [one.details["note"] for one in rows if one.details.get("note")]
    texts = dict(session.exec(select(written.id, written.body).where(col(written.id).in_(notes))).all())
    found: dict[str, list[AgainstRules]] = defaultdict(list)
    for one in rows:
        found[one.rma].append(
            AgainstRules(
                one.what,
                one.at,
                one.actor_id,
                one.role,
                rules_of(one.what, one.details),
                one.details.get("why"),
                texts.get(one.details.get("note") or ""),
            )
        )
    return found


def rules_of(what: str, details: Mapping[str, Any]) -> list[str]:
    """Which rules an override went against, as codes: a request's reasons, a verdict, or a derived grade."""
    if what == "overridden":
        return [str(reason).partition(":")[0] for reason in details["reasons"]]
    if what == "overruled":
        return sorted({f"{said} → {verdict}" for _lot, said, verdict in details["lots"]})
    derived, counts = details["derived"], details["counts"]
    return [f"{was} → {now}" for was, now in zip(derived, counts, strict=True) if was != now]


def _limits(session: Session, rmas: Sequence[str]) -> dict[str, int]:
    """The limit above which the policy asks for a manager, as it was when the decision was made."""
    record = tables.AuditRecord
    rows = session.exec(
        select(record.rma, record.details)
        .where(col(record.rma).in_(rmas), record.what == "approval_asked")
        .order_by(col(record.rma), col(record.seq))
    ).all()
    return {rma: details["above_minor"] for rma, details in rows}
