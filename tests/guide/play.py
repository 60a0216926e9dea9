"""A play: one odd case, step by step, and what can be read of it afterwards in the books and in the mail."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from sqlmodel import col, select

from activities.transitions.disputes import BEFORE_EVIDENCE_IS_DUE
from returndesk.domain.apart import DEADLINES_APART
from returndesk.domain.money import format_plain
from returndesk.domain.people import Role
from returndesk.store import tables
from tests.guide.shop import Shop

DRESS_MINOR = 4_000
HAT_MINOR = 1_500
ANY_RMA = "RMA-…"
OWN_IDS = re.compile(r"_(RMA-\S+|du_\w+|con_\w+|\d+)$")
"""What a task's kind ends with where it names one refund, dispute, message or lot."""


@dataclass(frozen=True)
class Work:
    """A task as a person sees it: `what` is its kind where the queue alone does not say it."""

    queue: str
    owner: str
    due: str
    what: str = ""

    @property
    def name(self) -> str:
        """The queue, and which of its tasks."""
        return f"`{self.queue}`" + (f" ({self.what})" if self.what else "")

    def __str__(self) -> str:
        return f"{self.name}: {self.owner}, {self.due}"


class Told(NamedTuple):
    """One row of a case: what happened, and what came of it. What is as it was before is left out.

    `mails`: each notice's kind and subject. `work`: what people have to do now, with what they had before and have
    no more (`done`).
    """

    happens: str
    stage: str
    goods: tuple[str, ...]
    clocks: str
    refunds: tuple[str, ...]
    mails: tuple[tuple[str, str], ...]
    work: tuple[Work, ...]
    done: tuple[Work, ...]


@dataclass
class Play:
    """One return, from Monday on. `then` tells what came of everything since the last time."""

    shop: Shop
    rma: str = ""
    payment: str = ""
    told: list[Told] = field(default_factory=list)
    _work: dict[str, tuple[Work, datetime]] = field(default_factory=dict)
    _mails: int = 0
    _goods: tuple[str, ...] = ()
    _refunds: tuple[str, ...] = ()
    _clocks: str = ""
    _order: str = ""
    _evidence_due_at: datetime | None = None

    def __post_init__(self) -> None:
        self.shop.new_week()

    # What people, the processor and time do -------------------------------------------------------

    def order(
        self,
        dresses: int = 1,
        hats: int = 0,
        *,
        price_minor: int = DRESS_MINOR,
        captured_minor: int | None = None,
    ) -> None:
        """An order that was paid by card, all of it unless `captured_minor` says less, and delivered three days ago."""
        lines = [("Dress", dresses, price_minor), ("Hat", hats, HAT_MINOR)]
        if captured_minor is None:
            captured_minor = sum(quantity * minor for _, quantity, minor in lines)
        self._order = self.shop.order_reference()
        self.payment = self.shop.sandbox.pay(captured_minor)
        body = {
            "currency": "GBP",
            "ordered_at": (self.shop.clock.now() - timedelta(days=7)).isoformat(),
            "delivered_on": (self.shop.clock.now() - timedelta(days=3)).date().isoformat(),
            "customer": {"name": "Ada", "email": "ada@customer.example", "address": ["1 Road", "Leeds"]},
            "lines": [
                {"line": n, "sku": title, "title": title, "quantity": quantity, "unit_price_minor": minor}
                for n, (title, quantity, minor) in enumerate(lines, start=1)
                if quantity
            ],
            "payments": [
                {"processor": "stripe", "reference": self.payment, "captured_minor": captured_minor}
            ],
        }
        self.shop.put(f"/orders/{self._order}", body)

    def request(self, dresses: int, *, authorize: bool = False) -> None:
        """A rep asks for a return of so many dresses. The first one asked for is the one that is told of."""
        items = [{**item, "reason": "too_small"} for item in counted(dresses)]
        body = {"order_reference": self._order, "channel": "phone", "items": items, "authorize": authorize}
        asked = self.shop.post("/returns", body, Role.REP)
        self.rma = self.rma or asked["rma"]

    def authorized(self, dresses: int = 1, **order: Any) -> None:
        """A return of dresses that the shop has said yes to, on the day of the contact."""
        self.order(dresses, **order)
        self.request(dresses, authorize=True)

    def inspected(self, dresses: int = 1, *, condition: str = "original", **order: Any) -> None:
        """A return of dresses that came two days later and was inspected; the rules decide where they can."""
        self.authorized(dresses, **order)
        self.days_pass(2)
        self.arrive(dresses)
        self.inspect(dresses, condition=condition)

    def does(self, what: str, body: dict[str, Any] | None = None, *, role: Role = Role.REP) -> None:
        """Somebody with a role gives a command to this return."""
        self.shop.post(f"/returns/{self.rma}/{what}", body or {}, role)

    def arrive(self, dresses: int = 0, hats: int = 0, **more: Any) -> None:
        """The warehouse records a parcel."""
        self.does("receipts", {"items": counted(dresses, hats), **more}, role=Role.WAREHOUSE)

    def inspect(self, dresses: int = 0, hats: int = 0, *, condition: str = "original", **more: Any) -> None:
        """The warehouse inspects some, in their original packaging."""
        items = [{**item, "condition": condition, "packaging": "original"} for item in counted(dresses, hats)]
        self.does("inspections", {"items": items, **more}, role=Role.WAREHOUSE)

    def decide(self, **verdicts: str) -> None:
        """A rep decides; `dress` or `hat` says accepted or rejected where the rules do not."""
        lines = {"dress": 1, "hat": 2}
        items = [{"line": lines[name], "acceptance": verdict} for name, verdict in verdicts.items()]
        self.does("decision", {"items": items})

    def days_pass(self, days: int) -> None:
        """So many days pass, weekends included, and a moment more: deadlines of many returns are kept a little apart."""
        self.shop.advance_to(self.shop.clock.now() + timedelta(days=days) + DEADLINES_APART, self.rma)

    def working_days_pass(self, days: int) -> None:
        """So many business days pass, and a moment more."""
        later = self.shop.calendar.add(self.shop.clock.now(), days)
        self.shop.advance_to(later + DEADLINES_APART, self.rma)

    def fault(self, fault: str, **more: Any) -> None:
        """Something goes wrong with the next request to the processor."""
        self.shop.sandbox.fault(fault, match={"payment_intent": self.payment}, **more)

    def refund_turns(self, how: str, **body: Any) -> None:
        """The bank has the last word on the newest refund: succeed, fail."""
        refund = self.view()["refunds"][-1]["processor_reference"]
        self.shop.processor_turns(f"refunds/{refund}/{how}", "refund.updated", **body)

    def dispute(self) -> str:
        """The customer's bank disputes the payment; the dispute's id."""
        said = self.shop.processor_turns("disputes", "charge.dispute.created", payment_intent=self.payment)
        self._evidence_due_at = datetime.fromtimestamp(said["evidence_details"]["due_by"], UTC)
        dispute_id: str = said["id"]
        return dispute_id

    def dispute_ends(self, dispute_id: str, outcome: str) -> None:
        """The bank decides it."""
        self.shop.processor_turns(f"disputes/{dispute_id}/close", "charge.dispute.closed", outcome=outcome)

    def refunded_elsewhere(self, amount_minor: int) -> None:
        """Somebody refunds a part in the processor's dashboard."""
        self.shop.processor_turns(
            "dashboard_refund", "refund.created", payment_intent=self.payment, amount=amount_minor
        )

    # What is told of it -----------------------------------------------------------------------------

    def view(self) -> Any:
        """The return as the API shows it."""
        return self.shop.get(f"/returns/{self.rma}")

    def begins(self, given: str) -> None:
        """Where the case begins. What came before is only named; its mail is not told."""
        assert not self.told, "a case begins once"
        self.told.append(self._look(f"*{given}*")._replace(mails=()))

    def then(self, happens: str) -> None:
        """Tell what came of everything since the last time."""
        self.told.append(self._look(happens))

    def _look(self, happens: str) -> Told:
        view = self.view()
        mails, work = self._sent(), self._open_work(view)
        goods, clocks, refunds = goods_of(view), clocks_of(view), refunds_of(view)
        told = Told(
            happens,
            stage=view["stage"],
            goods=() if goods == self._goods else goods,
            clocks="" if clocks == self._clocks else clocks,
            refunds=tuple(x for n, x in enumerate(refunds) if x != next(iter(self._refunds[n:]), "")),
            mails=tuple(mails[self._mails :]),
            work=tuple(task for id, (task, due_at) in work.items() if self._is_new(id, task, due_at)),
            done=tuple(
                task for id, (task, _) in self._work.items() if id not in work and not is_next_step(id)
            ),
        )
        self._mails, self._work, self._goods = len(mails), work, goods
        self._refunds, self._clocks = refunds, clocks
        return told

    def _is_new(self, task_id: str, task: Work, due_at: datetime) -> bool:
        if task_id not in self._work:
            return True
        before, was_due_at = self._work[task_id]
        return (before.queue, before.owner, was_due_at) != (task.queue, task.owner, due_at)

    def _sent(self) -> list[tuple[str, str]]:
        """Every notice that was mailed, with the subject that the customer read."""
        with self.shop.desk.database.read() as session:
            kinds = session.exec(
                select(tables.Notice.kind)
                .where(tables.Notice.rma == self.rma, tables.Notice.result == "accepted")
                .order_by(col(tables.Notice.number))
            ).all()
        taken = self.shop.postbag.taken
        subjects = [subject.replace(self.rma, ANY_RMA) for rma, subject in taken if rma == self.rma]
        return list(zip(kinds, subjects, strict=True))

    def _open_work(self, view: Any) -> dict[str, tuple[Work, datetime]]:
        with self.shop.desk.database.read() as session:
            rows = session.exec(
                select(tables.Task)
                .where(tables.Task.rma == self.rma, col(tables.Task.done_at).is_(None))
                .order_by(col(tables.Task.created_at), col(tables.Task.id))
            ).all()
            return {row.id: (self._work_of(row, view), row.due_at) for row in rows}

    def _work_of(self, row: tables.Task, view: Any) -> Work:
        kind = OWN_IDS.sub("", row.kind)
        says_no_more = is_next_step(row.id) or row.queue.startswith(kind)
        what = "" if says_no_more else words(kind)
        return Work(row.queue, row.owner_role, self._due(row, view), what)

    def _due(self, row: tables.Task, view: Any) -> str:
        """When a task is due, in words that hold for every return."""
        clocks = {clock["kind"]: clock["due_at"] for clock in view["clocks"]}
        dates = {
            clocks["processing"]: "by the decision date",
            clocks["refund"] or (is_next_step(row.id) and view["refund_due_at"]): "by the refund date",
            view["expires_at"]: "by the last day for sending",
        }
        for at, said in dates.items():
            if at and datetime.fromisoformat(at) == row.due_at:
                return said
        if self._evidence_due_at is not None and row.due_at == self._evidence_due_at - BEFORE_EVIDENCE_IS_DUE:
            return "a day before the bank's own date"
        waiting = [x["needs_action_since"] for x in view["refunds"] if x["status"] == "requires_action"]
        asked_at = view["awaiting_answer_since"] or next(iter(waiting), None)
        since = datetime.fromisoformat(asked_at) if is_next_step(row.id) and asked_at else row.created_at
        return self.shop.within(since, row.due_at)


def is_next_step(task_id: str) -> bool:
    """Whether a task is the one that every open return has: the queue it stands in."""
    return task_id.endswith("/next")


def counted(dresses: int, hats: int = 0) -> list[dict[str, Any]]:
    """The items of a body: line 1 is dresses, line 2 hats."""
    return [{"line": n, "quantity": q} for n, q in ((1, dresses), (2, hats)) if q]


def words(code: str) -> str:
    """A code as a person says it."""
    return code.replace("_", " ")


def goods_of(view: Any) -> tuple[str, ...]:
    """Where the goods are, in words; lots that share everything are one."""
    several = len({lot["title"] for lot in view["lots"]}) > 1
    counts: dict[tuple[str, str], int] = {}
    for lot in view["lots"]:
        what = f"{(lot['title'] or 'other goods').lower()}: " if several else ""
        said = what, ", ".join(lot_words(lot))
        counts[said] = counts.get(said, 0) + lot["quantity"]
    return tuple(f"{what}{count} {said}" for (what, said), count in counts.items())


def lot_words(lot: Any) -> list[str]:
    """A lot's fate: where it is, what was seen, what was decided, what becomes of it."""
    said = [words(lot["reception"])]
    if lot["condition"] not in (None, "original"):
        said.append(words(lot["condition"]))
    if lot["acceptance"] != "pending":
        why = ", ".join(words(code) for code in lot["reasons"])
        said.append(words(lot["acceptance"]) + (f" ({why})" if why else ""))
    fate = lot["left"] or lot["disposition"]
    return [*said, words(fate)] if fate else said


def clocks_of(view: Any) -> str:
    """What the clocks do."""
    verbs = {"running": "runs", "paused": "waits", "stopped": "has stopped"}
    together = {"running": "run", "paused": "wait", "stopped": "have stopped"}
    states = {clock["kind"]: clock["state"] for clock in view["clocks"]}
    if states["processing"] == states["refund"]:
        return f"both clocks {together[states['refund']]}"
    return ", ".join(f"the {kind} clock {verbs[state]}" for kind, state in states.items())


def refunds_of(view: Any) -> tuple[str, ...]:
    """Each refund with its amount and status, as the processor's answer has it."""
    refunds = [
        f"refund of {format_plain(r['amount_minor'], r['currency'])} {words(r['status'])}"
        + (f" ({words(r['failure_reason'])})" if r["failure_reason"] else "")
        for r in view["refunds"]
    ]
    return tuple(refunds)


Case = Callable[[Play], None]
