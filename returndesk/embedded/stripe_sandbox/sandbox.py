"""The sandbox's running state: its records, its clock, what is armed, and which keys are being worked on."""

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime

from returndesk.embedded.stripe_sandbox.faults import Faults
from returndesk.embedded.stripe_sandbox.records import Records
from returndesk.embedded.stripe_sandbox.refunds import turn_due_refunds
from returndesk.embedded.stripe_sandbox.work import Work


@dataclass(slots=True)
class Sandbox:
    """Everything one running sandbox shares; an empty ``api_keys`` lets in every test key."""

    records: Records
    now: Callable[[], datetime]
    faults: Faults
    api_keys: Collection[str] = ()
    keys_in_flight: set[tuple[str, str]] = field(default_factory=set)
    wake: asyncio.Event = field(default_factory=asyncio.Event)

    def work(self, *, request_id: str | None = None, idempotency_key: str | None = None) -> Work:
        """A piece of work at this instant of the sandbox's clock."""
        return Work(self.records, int(self.now().timestamp()), request_id, idempotency_key)

    def turn(self) -> None:
        """Let what was due by now have happened before anybody looks."""
        work = self.work()
        if self.records.row("SELECT 1 FROM flips WHERE at <= ? LIMIT 1", work.at) is None:
            return
        with self.records.transaction():
            turn_due_refunds(work)
        self.wake.set()
