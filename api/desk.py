"""What the routes share: the books, the door to the returns, and the stamps on commands."""

import asyncio
from dataclasses import dataclass, field

import structlog
from fastapi import Request
from temporalio.client import Client

from returndesk.domain.policy import Policy
from returndesk.embedded.mailbox import MailboxReader
from returndesk.links import PublicLinks
from returndesk.messages import Outcome
from returndesk.ports import Clock, Files, ReturnDoor
from returndesk.rendering import Renderer
from returndesk.store.commands import stamp
from returndesk.store.database import Database
from returndesk.store.policies import PolicyBook

_log = structlog.get_logger("api")
STAMP_EVERY_SECONDS = 0.1


@dataclass
class Stamps:
    """Outcomes on their way into the books, together every tenth of a second.

    One that is lost with its process is asked for again by the sweep, and answers the same.
    """

    database: Database
    clock: Clock
    _waiting: list[tuple[str, Outcome]] = field(default_factory=list)

    def add(self, command_id: str, outcome: Outcome) -> None:
        """Stamp a command soon."""
        self._waiting.append((command_id, outcome))

    async def run(self) -> None:
        """Flush for ever."""
        while True:
            await asyncio.sleep(STAMP_EVERY_SECONDS)
            await self.flush()

    async def flush(self) -> None:
        """Write down what waits; what cannot be written is left to the sweep."""
        if not self._waiting:
            return
        batch, self._waiting = self._waiting, []
        try:
            await asyncio.to_thread(stamp, self.database, batch, self.clock.now())
        except Exception as error:
            _log.warning("stamps_not_written", count=len(batch), error=type(error).__name__)


@dataclass(frozen=True)
class Desk:
    """Everything a route may need."""

    database: Database
    clock: Clock
    secret: bytes
    policies: PolicyBook
    policy: Policy
    door: ReturnDoor
    links: PublicLinks
    renderer: Renderer
    webhook_secret: str
    mailbox: MailboxReader | None
    files: Files
    stamps: Stamps
    temporal: Client


def desk_of(request: Request) -> Desk:
    """The desk of the application that answers."""
    desk: Desk = request.app.state.desk
    return desk
