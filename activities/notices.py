"""Notices: sends what transitions wrote down. Mail trouble delays no money.

At least once, always with one Message-ID; twice only where the server left it open whether it took the mail, or where
a worker that lost Temporal still sends while another took its turn over.
Notices of one return leave in the order in which they were written. While the mail server is away, all wait, and leave
soon after it is back. While many returns move at once they go first, and mail leaves a few a second (record 0020).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock

import structlog
from sqlalchemy.orm import aliased
from sqlmodel import col, exists, select
from temporalio import activity

from activities.bustle import Bustle
from activities.letters import Letters
from activities.post_office import PostOffice
from returndesk.domain.errors import InvalidInput
from returndesk.domain.mail import Delivery, Outcome, Recipient, retry_after
from returndesk.domain.notice_facts import NoticeKind
from returndesk.domain.notices import read_facts
from returndesk.domain.people import Role
from returndesk.domain.stages import ENDED, Stage
from returndesk.links import PublicLinks
from returndesk.logs import places
from returndesk.ports import Clock, Mailer
from returndesk.rendering import Links, Renderer
from returndesk.store import tables
from returndesk.store.database import Database

_log = structlog.get_logger("notices")

BATCH = 50
IDLE_SECONDS = 0.5
GIVES_WAY = timedelta(seconds=0.25)
"""How long each mail waits while many returns move: none for long, and all of them when that is over."""
TURN = timedelta(minutes=5)
"""How long one activity attempt goes on before it hands over, so that its workflow's history stays short."""

ONLY_WHILE: dict[NoticeKind, frozenset[Stage]] = {
    NoticeKind.REQUESTED: frozenset(Stage) - {Stage.DECLINED, Stage.CANCELLED},
    NoticeKind.AUTHORIZED: frozenset(Stage) - {Stage.CANCELLED, Stage.EXPIRED},
    NoticeKind.NOT_ARRIVED: frozenset({Stage.AUTHORIZED}),
    NoticeKind.LOST: frozenset({Stage.AUTHORIZED, Stage.RECEIVED, Stage.INSPECTED}),
    NoticeKind.REMINDER: frozenset({Stage.AUTHORIZED}),
    NoticeKind.REFUND_NEEDS_YOU: frozenset(Stage) - ENDED,
    NoticeKind.DELAY: frozenset(Stage) - {Stage.CLOSED, Stage.CANCELLED, Stage.EXPIRED, Stage.DECLINED},
}
"""Notices that would not be true any more at another stage: they are not sent then (`_Waiting.is_true` has the others)."""


@dataclass(frozen=True)
class _Waiting:
    notice: tables.Notice
    stage: Stage
    asked_since: datetime | None
    """Since when the shop waits for an answer."""
    is_corrected: bool
    """Whether a later notice corrects what was received."""
    recipient: Recipient
    text: str | None
    """What a person wrote that the mail quotes."""

    @property
    def is_true(self) -> bool:
        """Whether what it says still holds: nobody is asked what they answered, or told of goods that are not here."""
        kind = NoticeKind(self.notice.kind)
        if kind is NoticeKind.QUESTION:
            return self.asked_since is not None and self.notice.written_at >= self.asked_since
        if kind is NoticeKind.RECEIVED and self.is_corrected:
            return False
        return self.stage in ONLY_WHILE.get(kind, frozenset(Stage))


class Notices:
    """The activity that hands mail over."""

    def __init__(
        self,
        database: Database,
        mailer: Mailer,
        renderer: Renderer,
        links: PublicLinks,
        clock: Clock,
        domain: str,
        bustle: Bustle | None = None,
    ) -> None:
        self._database = database
        self._bustle = bustle or Bustle()
        self._post = PostOffice(mailer, clock)
        self._renderer = renderer
        self._links = links
        self._clock = clock
        self._domain = domain
        self._letters = Letters(database, self._post, renderer, links, clock, domain)
        self._sending = Lock()

    @activity.defn(name="notices.deliver", no_thread_cancel_exception=True)
    def deliver(self) -> None:
        """Send what is due, and wait for more, until the turn is over or the worker stops.

        A turn that is called off ends between two mails: one that was handed over is noted, or it would go out again.
        """
        until = self._clock.now() + TURN
        while self._clock.now() < until and not (activity.is_worker_shutdown() or activity.is_cancelled()):
            activity.heartbeat()
            if self.send_due() == 0:
                activity.wait_for_worker_shutdown_sync(timedelta(seconds=IDLE_SECONDS))

    def send_due(self) -> int:
        """Send a batch of what is due now, letters too; for how many something came of it: none while another turn sends,
        or while the mail server is away.

        A turn that Temporal lost sight of, as after a restart, still goes on here when its successor begins.
        """
        if not self._sending.acquire(blocking=False):
            return 0
        try:
            return self._send_due()
        finally:
            self._sending.release()

    def _send_due(self) -> int:
        if self._post.is_closed:
            return 0
        waiting = self._due()
        for tried, one in enumerate(waiting):
            if activity.in_activity():
                self._give_way()
                activity.heartbeat()
                if activity.is_cancelled():
                    return tried
            delivery = self._send(one)
            if delivery is not None and delivery.outcome is Outcome.UNREACHABLE:
                return tried
            self._settle(one, delivery)
        return len(waiting) + self._letters.send_due(BATCH)

    def _give_way(self) -> None:
        """Let returns go first. A worker that stops is not waited for."""
        if self._bustle.is_high:
            activity.wait_for_worker_shutdown_sync(GIVES_WAY)

    def _due(self) -> list[_Waiting]:
        notice, earlier, later = tables.Notice, aliased(tables.Notice), aliased(tables.Notice)
        before_it = exists().where(
            col(earlier.rma) == col(notice.rma),
            col(earlier.number) < col(notice.number),
            col(earlier.settled_at).is_(None),
        )
        corrected = exists().where(
            col(later.rma) == col(notice.rma),
            col(later.number) > col(notice.number),
            col(later.kind) == NoticeKind.CORRECTED,
        )
        query = (
            select(notice, tables.Return, tables.Customer, corrected)
            .join(tables.Return, col(tables.Return.rma) == col(notice.rma))
            .join(tables.Order, col(tables.Order.reference) == col(tables.Return.order_reference))
            .join(tables.Customer, col(tables.Customer.id) == col(tables.Order.customer_id))
            .where(col(notice.settled_at).is_(None), notice.due_at <= self._clock.now(), ~before_it)
            .order_by(col(notice.due_at))
            .limit(BATCH)
        )
        with self._database.read() as session:
            rows = session.exec(query).all()
            quoted = [n.facts["text_id"] for n, *_ in rows if n.facts.get("text_id")]
            texts = dict(
                session.exec(
                    select(tables.Text.id, tables.Text.body).where(col(tables.Text.id).in_(quoted))
                ).all()
                if quoted
                else ()
            )
            session.expunge_all()
        return [
            _Waiting(
                notice=n,
                stage=Stage(case.stage),
                asked_since=case.awaiting_answer_since,
                is_corrected=is_corrected,
                recipient=Recipient(customer.name, customer.email),
                text=texts.get(n.facts.get("text_id") or ""),
            )
            for n, case, customer, is_corrected in rows
        ]

    def _send(self, waiting: _Waiting) -> Delivery | None:
        """What came of handing it over; None where it is not true any more."""
        notice = waiting.notice
        if not waiting.is_true:
            return None
        links = Links(self._links.status(notice.rma), self._links.slip(notice.rma))
        try:
            message = self._renderer.notice(
                read_facts(notice.facts),
                waiting.recipient,
                links=links,
                now=self._clock.now(),
                message_id=f"<{notice.rma}.{notice.number}@{self._domain}>",
                date=notice.written_at,
                text=waiting.text,
            )
        except InvalidInput:
            return Delivery(Outcome.REFUSED_FOR_GOOD)
        except Exception as error:  # one notice that cannot be rendered holds up no other
            _log.error("notice_unreadable", rma=notice.rma, number=notice.number, kind=notice.kind,
                       error=type(error).__name__, where=places(error))  # fmt: skip
            return Delivery(Outcome.REFUSED_NOW)
        return self._post.send(message)

    def _settle(self, waiting: _Waiting, delivery: Delivery | None) -> None:
        now = self._clock.now()
        with self._database.write() as session:
            notice = session.get_one(tables.Notice, (waiting.notice.rma, waiting.notice.number))
            if delivery is None:
                notice.result, notice.settled_at = "superseded", now
                return
            notice.attempts += 1
            notice.smtp_code = delivery.status
            notice.result = delivery.outcome
            if delivery.outcome is Outcome.ACCEPTED:
                notice.settled_at = now
            elif delivery.outcome is Outcome.REFUSED_FOR_GOOD:
                notice.settled_at = now
                session.add(_unreachable(notice, now))
            else:
                notice.due_at = now + retry_after(notice.attempts)


def _unreachable(notice: tables.Notice, now: datetime) -> tables.Task:
    """The customer did not hear of it: a rep reaches them another way."""
    return tables.Task(
        id=f"{notice.rma}/mail_refused_{notice.number}",
        rma=notice.rma,
        queue="contact_customer",
        kind="mail_refused",
        owner_role=Role.REP,
        details={"notice": notice.number, "kind": notice.kind, "smtp_code": notice.smtp_code},
        created_at=now,
        due_at=now + timedelta(days=1),
    )
