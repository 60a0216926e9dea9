"""A shop in one process, in which the cases of docs/returns.md are played.

The API, the books, the rules, the protocol of refunds, the sweep and the mail are the product's own, and the Stripe
sandbox answers over HTTP. Only Temporal is not there: what `workflows/returns.py` would do next is done at once.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from in_process import ROOT, api_desk, app_over
from starlette.testclient import TestClient
from stripe_sandbox_running import MovableClock, RunningSandbox, running_sandbox
from temporalio.testing import ActivityEnvironment

from activities import failures
from activities.notices import Notices
from activities.records import Records
from activities.refunds import Refunds
from activities.sweep import Sweep
from api.desk import Desk
from returndesk.domain.calendar import BusinessCalendar
from returndesk.domain.errors import Unanswered
from returndesk.domain.mail import Delivery, Outcome
from returndesk.domain.people import CLOCK, PROCESSOR, Actor, Role
from returndesk.domain.policy import read_policy
from returndesk.domain.stages import CommandKind, EventKind, RefundStatus
from returndesk.gateways.stripe import StripeGateway
from returndesk.installation import SANDBOX_KEY
from returndesk.messages import CaseState, CommandRef, HintRef, RefundAnswer, RefundErrand, ReturnInput, Step
from returndesk.messages import Outcome as CommandOutcome
from returndesk.store import tokens
from returndesk.store.database import Database
from returndesk.store.processor_events import Event, keep
from workflows.returns import ASK_AGAIN_AFTER

MONDAY = datetime(2026, 6, 1, 8, tzinfo=UTC)
"""Nine o'clock in London: seven weeks without a holiday begin."""


@dataclass
class ShopClock(MovableClock):
    """The one clock of the shop and its processor."""

    at: datetime = MONDAY

    def offset_us(self) -> int:
        """Nobody moved it: it stands where the play put it."""
        return 0


@dataclass
class Postbag:
    """A mail server: takes everything, unless it `refuses` for good, and shows the subjects."""

    refuses: bool = False
    taken: list[tuple[str, str]] = field(default_factory=list)

    def send(self, message: EmailMessage) -> Delivery:
        """Take one message, or refuse it."""
        if self.refuses:
            return Delivery(Outcome.REFUSED_FOR_GOOD, 550)
        self.taken.append((message["X-RMA"], message["Subject"]))
        return Delivery(Outcome.ACCEPTED, 250)


@dataclass
class Door:
    """What a return's workflow does, without Temporal: one transition, then whatever the books say is due."""

    records: Records
    refunds: Refunds
    clock: ShopClock

    async def ask(self, rma: str, command: CommandRef) -> CommandOutcome:
        """Carry out a command."""
        return self._step(
            rma, command.kind, Actor(command.actor_id, command.role), command.command_id,
            policy_version=command.policy_version,
        )  # fmt: skip

    async def hint(self, rma: str, hint: HintRef) -> None:
        """Look at what the processor spoke of."""
        if hint.dispute_id is not None:
            key = f"dispute:{hint.dispute_id}"
            self._step(rma, EventKind.PROCESSOR_HINT, PROCESSOR, key, dispute_id=hint.dispute_id)
        if hint.refund_id is not None:
            self._advance(rma, hint.refund_id)

    def state(self, rma: str) -> CaseState:
        """What a run holds of its return."""
        return self.records.load(ReturnInput(rma)).state

    def time_passes(self, rma: str) -> None:
        """The return's deadline has come."""
        self._step(rma, EventKind.TIME_PASSED, CLOCK, "time")

    def _step(
        self, rma: str, what: CommandKind | EventKind, actor: Actor, key: str, **more: Any
    ) -> CommandOutcome:
        version = more.pop("policy_version", None)
        stepped = self.records.transition(
            Step(key, rma, what, self.clock.now(), actor.id, actor.role, version, **more)
        )
        for refund_id in stepped.state.refunds_due:
            self._advance(rma, refund_id)
        return stepped.outcome

    def _advance(self, rma: str, refund_id: str) -> None:
        errand = RefundErrand(refund_id, rma, PROCESSOR.id, PROCESSOR.role, None)
        later = self.clock.now() + ASK_AGAIN_AFTER
        answer = RefundAnswer(refund_id, RefundStatus.UNKNOWN, look_again_at=later)
        for _ in range(failures.REFUND_CALL.maximum_attempts):
            with suppress(Unanswered):
                answer = self.refunds.advance(errand)
                break
        self._step(rma, EventKind.REFUND_ANSWERED, PROCESSOR, f"refund:{refund_id}", answer=answer)


@dataclass
class Shop:
    """The shop, and what the plays do with it."""

    http: TestClient
    desk: Desk
    door: Door
    sandbox: RunningSandbox
    clock: ShopClock
    sweep: Sweep
    notices: Notices
    postbag: Postbag
    asked: int = 0
    _tokens: dict[Role, str] = field(default_factory=dict)

    def new_week(self) -> None:
        """Another case begins: it is Monday again, the policy says what its file says, and mail arrives."""
        app: Any = self.http.app
        app.state.desk, self.clock.at, self.postbag.refuses = self.desk, MONDAY, False

    def order_reference(self) -> str:
        """A reference that no order has."""
        self.asked += 1
        return f"ORDER-{self.asked}"

    def get(self, path: str) -> Any:
        """What a GET under /api/v1 shows an admin."""
        answer = self.http.get(f"/api/v1{path}", headers=self._headers(Role.ADMIN))
        assert answer.status_code == 200, answer.text
        return answer.json()

    def put(self, path: str, body: dict[str, Any]) -> None:
        """A PUT by an admin, which must be taken."""
        answer = self.http.put(f"/api/v1{path}", json=body, headers=self._headers(Role.ADMIN))
        assert answer.status_code in (200, 201), answer.text

    def post(self, path: str, body: dict[str, Any], role: Role) -> Any:
        """A command by somebody with a role, which must be carried out; the mail it calls for leaves."""
        self.asked += 1
        headers = self._headers(role) | {"Idempotency-Key": f"play-{self.asked}"}
        answer = self.http.post(f"/api/v1{path}", json=body, headers=headers)
        assert answer.status_code in (200, 201), answer.text
        self.post_goes()
        return answer.json()

    def _headers(self, role: Role) -> dict[str, str]:
        if role not in self._tokens:
            with self.desk.database.write() as session:
                self._tokens[role] = tokens.create(session, role, f"{role}-1", self.clock.now())
        return {"Authorization": f"Bearer {self._tokens[role]}"}

    def post_goes(self) -> None:
        """Every mail that is due leaves."""
        while self.notices.send_due():
            pass

    def advance_to(self, instant: datetime, rma: str) -> None:
        """Let time pass: the return wakes at each of its deadlines on the way."""
        while (wake_at := self.door.state(rma).wake_at) is not None and wake_at <= instant:
            self.clock.at = max(wake_at, self.clock.at)
            self.door.time_passes(rma)
            self.post_goes()
        self.clock.at = max(instant, self.clock.at)

    def processor_turns(self, knob: str, event: str, **body: Any) -> Any:
        """Something happens at the processor, and its event is acted upon."""
        said = self.sandbox.knob(knob, **body)
        metadata = said.get("metadata") or {}
        kept = Event(
            f"evt_{self.asked}_{said['id']}_{said['status']}", event, said["id"], self.clock.now(),
            said["payment_intent"], metadata.get("refund_id"), said["status"], said["amount"],
        )  # fmt: skip
        assert keep(self.desk.database, kept)
        self.asked += 1
        asyncio.run(ActivityEnvironment().run(self.sweep.events))
        self.post_goes()
        return said

    def change_policy(self, old: str, new: str) -> None:
        """The policy file says something else from here, and the API was started again."""
        text = (ROOT / "policy.toml").read_text()
        assert old in text
        policy = read_policy(text.replace(old, new))
        app: Any = self.http.app
        app.state.desk = replace(self.desk, policy=policy)
        with self.desk.database.write() as session:
            self.desk.policies.remember(session, policy, self.clock.now())

    @property
    def calendar(self) -> BusinessCalendar:
        """The business calendar of today's policy."""
        with self.desk.database.reading() as connection:
            return self.desk.policies.of(connection, self.desk.policy.version).calendar

    def within(self, since: datetime, due_at: datetime) -> str:
        """How long somebody has: in business days where it was counted in them, else in hours."""
        days = self.calendar.between(since, due_at)
        if days.denominator == 1 and self.calendar.add(since, days) == due_at:
            return "within 1 business day" if days == 1 else f"within {days} business days"
        hours = (due_at - since) // timedelta(hours=1)
        return f"within {hours} hours"


@contextmanager
def open_shop(database_url: str, folder: Path) -> Iterator[Shop]:
    """A shop over fresh books, on Monday morning, until the block ends."""
    clock, database, postbag = ShopClock(), Database(database_url), Postbag()
    with running_sandbox(folder, clock) as sandbox:
        desk = api_desk(database, clock, folder / "mailbox.db")
        gateway = StripeGateway(SANDBOX_KEY, sandbox.url)
        door = Door(Records(database, desk.policies, clock), Refunds(database, gateway, clock), clock)
        desk = replace(desk, door=door)
        sweep = Sweep(database, door, gateway, clock)
        notices = Notices(database, postbag, desk.renderer, desk.links, clock, "shop.example")
        with TestClient(app_over(desk)) as http:
            yield Shop(http, desk, door, sandbox, clock, sweep, notices, postbag)
    database.close()
