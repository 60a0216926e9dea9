"""The API over fresh books in one process: commands are carried out by the very activity that keeps the books,
without Temporal, and a processor that says what a test wants.
"""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from starlette.datastructures import State

from activities.records import Records
from api.app import application
from api.desk import Desk, Stamps
from returndesk.domain.errors import Unanswered
from returndesk.domain.people import PROCESSOR
from returndesk.domain.policy import Policy, Shop, read_policy
from returndesk.domain.stages import EventKind, RefundStatus
from returndesk.embedded.mailbox import MailboxReader
from returndesk.gateways.holiday_table import closed_days
from returndesk.gateways.photo_folder import PhotoFolder
from returndesk.links import Keyring, PublicLinks
from returndesk.messages import CommandRef, HintRef, Outcome, RefundAnswer, Step
from returndesk.ports import Clock
from returndesk.rendering import Renderer
from returndesk.store.database import Database
from returndesk.store.policies import PolicyBook

ROOT = Path(__file__).parents[1]
POLICY = read_policy((ROOT / "policy.toml").read_text())
KEYRING = Keyring(b"the key of a test")
WEBHOOK_SECRET = "whsec_of_a_test"


@dataclass
class InProcessDoor:
    """`processor_says`: what comes of a refund as soon as it is due. `is_silent`: no command has an outcome."""

    records: Records
    clock: Clock
    processor_says: RefundStatus = RefundStatus.SUCCEEDED
    is_silent: bool = False
    asked: list[CommandRef] = field(default_factory=list)

    async def ask(self, rma: str, command: CommandRef) -> Outcome:
        self.asked.append(command)
        if self.is_silent:
            raise Unanswered("no_outcome_yet", "There is no outcome yet.")
        stepped = self.records.transition(
            Step(
                command.command_id, rma, command.kind, self.clock.now(), command.actor_id, command.role,
                command.policy_version,
            )
        )  # fmt: skip
        for refund_id in stepped.state.refunds_due:
            self.answer(rma, refund_id)
        return stepped.outcome

    def answer(self, rma: str, refund_id: str) -> None:
        """The processor answers what is asked of a refund."""
        later = self.clock.now() + timedelta(minutes=15)
        look_again_at = None if self.processor_says is RefundStatus.SUCCEEDED else later
        answer = RefundAnswer(refund_id, self.processor_says, "re_1", look_again_at=look_again_at)
        self.records.transition(
            Step(
                f"refund:{refund_id}", rma, EventKind.REFUND_ANSWERED, self.clock.now(), PROCESSOR.id,
                PROCESSOR.role, None, answer,
            )
        )  # fmt: skip

    def time_passes(self, rma: str) -> None:
        """Let the clock's instant reach a return."""
        self.records.transition(
            Step("time", rma, EventKind.TIME_PASSED, self.clock.now(), "clock", PROCESSOR.role, None)
        )

    async def hint(self, rma: str, hint: HintRef) -> None:  # noqa: ARG002
        raise AssertionError("only the sweep sends hints")


class AnsweringTemporal:
    """As much of a Temporal client as `/readyz` asks."""

    def __init__(self) -> None:
        self.answers = True
        self.service_client = self

    async def check_health(self) -> bool:
        if not self.answers:
            raise RuntimeError("connection refused by temporal.internal")
        return True


@cache
def _renderer(shop: Shop) -> Renderer:
    """One for all desks of a shop: each compiles the templates for itself."""
    return Renderer(ROOT / "templates", shop)


def api_desk(database: Database, clock: Clock, mailbox: Path, policy: Policy = POLICY) -> Desk:
    """The API's desk over some books."""
    policies = PolicyBook(closed_days)
    door: Any = InProcessDoor(Records(database, policies, clock), clock)
    temporal: Any = AnsweringTemporal()
    return Desk(
        database=database,
        clock=clock,
        secret=KEYRING.secret,
        policies=policies,
        policy=policy,
        door=door,
        links=PublicLinks("https://returns.shop.example", KEYRING),
        renderer=_renderer(policy.shop),
        webhook_secret=WEBHOOK_SECRET,
        mailbox=MailboxReader(mailbox),
        files=PhotoFolder(mailbox.parent / "photos"),
        stamps=Stamps(database, clock),
        temporal=temporal,
    )


def opened(desk: Desk) -> AbstractAsyncContextManager[Desk]:
    """What `application` opens when it starts."""

    @asynccontextmanager
    async def manager() -> AsyncIterator[Desk]:
        yield desk

    return manager()


def app_over(desk: Desk) -> FastAPI:
    """The application over a desk, with nothing remembered of another. Only one at a time: a process builds it once,
    as putting all its routes together takes longer than most tests.
    """
    _opened_now[:] = [desk]
    app = _built()
    app.state = State()
    return app


_opened_now: list[Desk] = []


@cache
def _built() -> FastAPI:
    return application(lambda: opened(_opened_now[0]))
