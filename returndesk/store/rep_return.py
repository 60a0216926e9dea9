"""One return as the shop's people see it: everything about it on one page, read in one consistent state.

`knows_customer` False leaves out what is the customer's own: name and address, what they wrote, photos, and the mails.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlmodel import Session, col, select

from returndesk.domain.deciding import to_decide
from returndesk.domain.eligibility import judge
from returndesk.domain.errors import NotFound
from returndesk.domain.inputs import DeclineReason
from returndesk.domain.lots import Acceptance, Reception
from returndesk.domain.next_steps import next_step
from returndesk.domain.people import CLOCK, MAY, Actor, Role
from returndesk.domain.settlement import Amounts
from returndesk.domain.stages import TAKEN, TO_SEND, CommandKind, RefundStatus, Stage, allows
from returndesk.store import rep_talk, rests, tables
from returndesk.store.cases import Case, load_case
from returndesk.store.claims import Holder, holder, present
from returndesk.store.clock_accounts import ClockAccounts, accounts_of
from returndesk.store.eligibility import contradicted
from returndesk.store.lot_views import LotView
from returndesk.store.notes import NoteView, notes_of
from returndesk.store.orders import CustomerView, PaymentView, order_view
from returndesk.store.policies import PolicyBook
from returndesk.store.rep_talk import Event, Said
from returndesk.store.rests import Rest
from returndesk.store.settlement_preview import PreviewView, expected_preview
from returndesk.store.views import RefundView, ReturnView, return_view

AT_THE_STATION = frozenset(
    {
        CommandKind.RECEIPTS,
        CommandKind.CORRECTION,
        CommandKind.INSPECTIONS,
        CommandKind.GOODS_BACK,
        CommandKind.DISPOSITIONS,
    }
)
"""What is done with goods in hand: at the warehouse's station, not on this page."""


AMONG_TASKS = frozenset({CommandKind.TASK_DONE})
"""What is done where tasks are listed, not on this page."""


@dataclass(frozen=True)
class Item:
    """A lot. `proposal`: what the rules say of it, where it is to be decided; `may_say`: whether a person may say else."""

    lot: LotView
    proposal: Acceptance | None
    proposal_reasons: Sequence[str]
    may_say: bool


@dataclass(frozen=True)
class DecisionView:
    """One decision, with who answers for it."""

    number: int
    decided_at: datetime
    decided_by: str
    approved_by: str | None
    refused_by: str | None
    amounts: Amounts
    owed_without_refund_minor: int


@dataclass(frozen=True)
class MailView:
    """One mail to the customer: waiting where `settled_at` is None, else with what came of it."""

    number: int
    kind: str
    written_at: datetime
    due_at: datetime
    settled_at: datetime | None
    result: str | None


@dataclass(frozen=True)
class OpenTask:
    """What a person was asked for beside the return's next step."""

    queue: str
    owner: Role
    due_at: datetime


@dataclass(frozen=True)
class DeskPage:
    """A return for whoever works on it. `can`: what the stage allows and the role may, and what makes sense now.

    `sent_at`, `looked_for_at`: of a parcel that is on its way. `contradicted`: reasons for a no that the rules deny.
    `expected`: what it pays if all of it arrives as it was sold; None once somebody has seen it, or has decided.
    """

    view: ReturnView
    delivered_on: date | None
    customer: CustomerView | None
    items: Sequence[Item]
    clocks: ClockAccounts
    payments: Sequence[PaymentView]
    decisions: Sequence[DecisionView]
    rests: Sequence[Rest]
    mails: Sequence[MailView]
    said: Sequence[Said]
    notes: Sequence[NoteView]
    tasks: Sequence[OpenTask]
    events: Sequence[Event]
    step: str | None
    owner: Role | None
    step_due_at: datetime | None
    on_hold_since: datetime | None
    sent_at: datetime | None
    looked_for_at: datetime | None
    contradicted: frozenset[DeclineReason]
    expected: PreviewView | None
    others: Sequence[str]
    holder: Holder | None
    present: Sequence[str]
    can: frozenset[CommandKind]
    at_station: bool
    own_decision: bool

    @property
    def failed(self) -> Sequence[RefundView]:
        """The refunds that failed and that nothing replaces yet."""
        return [x for x in self.view.refunds if _failed(x)]


def desk_page(session: Session, case: Case, actor: Actor, now: datetime, *, knows_customer: bool) -> DeskPage:
    """The page of a return for `actor`."""
    rma = case.row.rma
    view = return_view(session, rma)
    order = order_view(session, view.order_reference)
    texts = rep_talk.Texts(session, rma)
    events = rep_talk.events(session, rma, texts, knows_customer=knows_customer)
    step = next_step(view.stage, case.row.on_hold_since, case.row.awaiting_answer_since)
    decisions = _decisions(session, rma)
    connection = session.connection()
    allowed = _can(case, view, actor)
    return DeskPage(
        view=view,
        delivered_on=order.delivered_on,
        customer=order.customer if knows_customer else None,
        items=_items(case, view, knows_customer=knows_customer),
        clocks=accounts_of(case),
        payments=order.payments,
        decisions=decisions,
        rests=rests.unsettled(connection, rma),
        mails=_mails(session, rma),
        said=rep_talk.said(texts, _unread(session, rma)) if knows_customer else (),
        notes=notes_of(session, rma).items,
        tasks=_tasks(session, rma),
        events=events,
        step=None if step is None else step.queue,
        owner=None if step is None else step.owner,
        step_due_at=_step_due_at(session, rma),
        on_hold_since=case.row.on_hold_since,
        sent_at=case.row.sent_at,
        looked_for_at=case.row.looked_for_at,
        contradicted=contradicted(case) if CommandKind.DECLINE in allowed else frozenset(),
        expected=expected_preview(case) if view.stage in _NOT_SEEN else None,
        others=_others(session, view),
        holder=holder(connection, rma),
        present=present(connection, [rma], actor.id, now).get(rma, ()),
        can=allowed - AT_THE_STATION - AMONG_TASKS,
        at_station=bool(allowed & AT_THE_STATION),
        own_decision=bool(decisions) and decisions[-1].decided_by == actor.id,
    )


def desk_mark(session: Session, rma: str, me: str, now: datetime) -> str:
    """What the page of a return shows, as short as can be: when this changes, something of it is new."""
    row = session.get(tables.Return, rma)
    if row is None:
        return "nothing"
    notice, note, task, photo = tables.Notice, tables.Note, tables.Task, tables.Attachment
    settled = session.exec(
        select(notice.number, notice.result, notice.attempts)
        .where(notice.rma == rma)
        .order_by(col(notice.number))
    ).all()
    others = [
        session.exec(select(note.id).where(note.rma == rma).order_by(note.id)).all(),
        session.exec(
            select(task.id).where(task.rma == rma, col(task.done_at).is_(None)).order_by(task.id)
        ).all(),
        session.exec(select(photo.id).where(photo.rma == rma).order_by(photo.id)).all(),
    ]
    connection = session.connection()
    who = (holder(connection, rma), present(connection, [rma], me, now))
    return repr((row.audit_count, row.stage, settled, others, who))


def case_to_read(session: Session, policies: PolicyBook, rma: str, now: datetime) -> Case:
    """A return as a transition would see it, only to be read. Raises `NotFound`."""
    case = load_case(session.connection(), rma, policies.of, actor=CLOCK, now=now, key="desk", to_read=True)
    if case is None:
        raise NotFound("return_not_found", "There is no return with this RMA number. Check it on the slip.")
    return case


# What can be done --------------------------------------------------------------------------------


def _can(case: Case, view: ReturnView, actor: Actor) -> frozenset[CommandKind]:
    """What the stage allows and the role may, less what the return's own facts rule out."""
    lots, row = case.lots, case.row
    owed = bool(row.owed_without_refund_minor) or any(_failed(x) for x in view.refunds)
    makes_sense = {
        CommandKind.HOLD: row.on_hold_since is None,
        CommandKind.RESUMPTION: row.on_hold_since is not None,
        CommandKind.SHIPMENT: any(x.reception is Reception.AWAITING for x in lots),
        CommandKind.LOSS: any(x.reception is Reception.IN_TRANSIT for x in lots),
        CommandKind.AUTHORIZATION: row.on_hold_since is None,
        CommandKind.DECLINE: row.on_hold_since is None,
        CommandKind.DECISION: row.on_hold_since is None,
        CommandKind.APPROVAL: row.on_hold_since is None,
        CommandKind.REFUND_AGAIN: owed,
        CommandKind.PAID_BY_HAND: owed,
    }
    return frozenset(
        kind
        for kind in CommandKind
        if actor.role in MAY[kind] and allows(view.stage, kind) and makes_sense.get(kind, True)
    )


def _failed(refund: RefundView) -> bool:
    return refund.replaced_by is None and refund.status in _FAILED


_FAILED = frozenset(RefundStatus) - TAKEN - TO_SEND
_NOT_SEEN = frozenset({Stage.REQUESTED, Stage.AUTHORIZED, Stage.RECEIVED})


# What is shown -----------------------------------------------------------------------------------


def _items(case: Case, view: ReturnView, *, knows_customer: bool) -> list[Item]:
    deciding = {lot.number: lot for lot in to_decide(case.lots)} if view.stage is Stage.INSPECTED else {}
    items = []
    for shown in view.lots:
        lot = deciding.get(shown.lot)
        proposal, why = (None, ()) if lot is None else judge(case.rules.policy, lot)
        may_say = lot is not None and lot.line is not None and lot.reception in _TO_SAY
        photos = shown.photos if knows_customer else []
        items.append(Item(shown.model_copy(update={"photos": photos}), proposal, why, may_say))
    return items


_TO_SAY = frozenset({Reception.RECEIVED, Reception.LOST})
"""Of what else came, or did not, the rules alone decide."""


def _decisions(session: Session, rma: str) -> list[DecisionView]:
    row = tables.Decision
    return [
        DecisionView(
            x.number,
            x.decided_at,
            x.decided_by,
            x.approved_by,
            x.refused_by,
            Amounts(x.goods_minor, x.goods_tax_minor, x.shipping_minor, x.shipping_tax_minor),
            x.owed_without_refund_minor,
        )
        for x in session.exec(select(row).where(row.rma == rma).order_by(col(row.number)))
    ]


def _mails(session: Session, rma: str) -> list[MailView]:
    row = tables.Notice
    return [
        MailView(x.number, x.kind, x.written_at, x.due_at, x.settled_at, x.result)
        for x in session.exec(select(row).where(row.rma == rma).order_by(col(row.number)))
    ]


def _tasks(session: Session, rma: str) -> list[OpenTask]:
    """What is open, most urgent first; the next step is said above all else."""
    row = tables.Task
    open_ones = select(row).where(row.rma == rma, col(row.done_at).is_(None), row.id != f"{rma}/next")
    return [
        OpenTask(x.queue, Role(x.owner_role), x.due_at)
        for x in session.exec(open_ones.order_by(col(row.due_at)))
    ]


def _unread(session: Session, rma: str) -> frozenset[str]:
    """The ids of what the customer wrote and nobody has said they read."""
    task = tables.Task
    query = select(task.details).where(task.rma == rma, task.queue == "messages", col(task.done_at).is_(None))
    return frozenset(details["text"] for details in session.exec(query))


def _step_due_at(session: Session, rma: str) -> datetime | None:
    step = session.get(tables.Task, f"{rma}/next")
    return None if step is None or step.done_at is not None else step.due_at


def _others(session: Session, view: ReturnView) -> Sequence[str]:
    """The other returns of the order."""
    row = tables.Return
    query = select(row.rma).where(row.order_reference == view.order_reference, row.rma != view.rma)
    return session.exec(query.order_by(col(row.recorded_at))).all()
