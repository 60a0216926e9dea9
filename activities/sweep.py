"""The sweep: what was written down but not carried out is asked for again; what the processor said is acted upon.

A kill between a commit and what follows it loses nothing, because everything starts as a row (DESIGN 2).
"""

import asyncio
from contextlib import suppress
from datetime import timedelta

import structlog
from temporalio import activity

from activities.failures import code_of
from returndesk.domain.stages import RefundStatus
from returndesk.messages import CommandRef, HintRef
from returndesk.ports import Clock, PaymentGateway, ReturnDoor
from returndesk.store import disputes
from returndesk.store.commands import stamp, unstamped
from returndesk.store.database import Database
from returndesk.store.payments import note_external
from returndesk.store.processor_events import Waiting, handled, waiting

_log = structlog.get_logger("sweep")

IDLE_SECONDS = 1.0
TURN = timedelta(minutes=5)
COMMAND_AGE = timedelta(seconds=15)
"""The API waits 10 seconds for an outcome; only then is a command nobody's."""
ANSWER_GRACE = timedelta(seconds=45)
"""An event about a refund whose call has not answered yet may be that very call's."""
BATCH = 100
_GONE = frozenset({RefundStatus.FAILED, RefundStatus.CANCELED})


class Sweep:
    """The activity that finds what was left lying."""

    def __init__(self, database: Database, door: ReturnDoor, gateway: PaymentGateway, clock: Clock) -> None:
        self._database = database
        self._door = door
        self._gateway = gateway
        self._clock = clock

    @activity.defn(name="sweep.run")
    async def run(self) -> None:
        """Look every second, until the turn is over or the worker stops."""
        until = self._clock.now() + TURN
        while self._clock.now() < until and not activity.is_worker_shutdown():
            activity.heartbeat()
            found = await self.commands() + await self.events()
            if not found:
                with suppress(TimeoutError):
                    await asyncio.wait_for(activity.wait_for_worker_shutdown(), IDLE_SECONDS)

    async def commands(self) -> int:
        """Send unstamped commands again, per return in order, under their own ids; how many were found."""
        left = await asyncio.to_thread(self._unstamped)
        stuck: set[str] = set()
        for rma, command in left:
            if rma in stuck:
                continue
            activity.heartbeat()
            try:
                outcome = await self._door.ask(rma, command)
            except Exception as error:
                stuck.add(rma)
                _log.warning("command_not_carried_out", command=command.command_id, code=code_of(error))
                continue
            stamped = [(command.command_id, outcome)]
            await asyncio.to_thread(stamp, self._database, stamped, self._clock.now())
        return len(left) if not stuck else 0

    def _unstamped(self) -> list[tuple[str, CommandRef]]:
        with self._database.reading() as connection:
            return unstamped(connection, self._clock.now() - COMMAND_AGE, BATCH)

    async def events(self) -> int:
        """Act on what the processor said, where it tells something new; how many were settled."""
        settled: list[tuple[str, str]] = []
        try:
            for event in await asyncio.to_thread(self._waiting):
                activity.heartbeat()
                result = self._judge(event)
                if result is None:
                    continue
                try:
                    await self._act(event, result)
                except Exception as error:
                    _log.warning("event_not_acted_upon", event_id=event.id, code=code_of(error))
                    continue
                settled.append((event.id, result))
        finally:  # also of a turn that is cancelled
            if settled:
                await asyncio.to_thread(handled, self._database, settled, self._clock.now())
        return len(settled)

    async def _act(self, event: Waiting, result: str) -> None:
        if result == "sent":
            await self._door.hint(event.rma, HintRef(event.refund_id, event.id, event.policy_version))
        elif result == "disputed":
            for rma, policy_version in await asyncio.to_thread(self._note_disputes, event):
                hint = HintRef(None, event.id, policy_version, dispute_id=event.object_reference)
                await self._door.hint(rma, hint)
        elif result == "elsewhere":
            await asyncio.to_thread(self._count_refunds_made_elsewhere, event)

    def _count_refunds_made_elsewhere(self, event: Waiting) -> None:
        """They lower what may still be refunded here (DESIGN 5); the processor's list says what they add up to."""
        assert event.payment_id is not None, "only events of our payments get here"
        listed = self._gateway.list_refunds(event.payment_reference)
        live = [x for x in listed if x.refund_id is None and x.status not in _GONE]
        with self._database.transaction() as connection:
            note_external(connection, event.payment_id, sum(x.amount_minor for x in live))

    def _note_disputes(self, event: Waiting) -> list[tuple[str, str]]:
        """Keep what the processor itself says of the payment's disputes; the returns that are to be told."""
        assert event.payment_id is not None, "only events of our payments get here"
        listed = self._gateway.list_disputes(event.payment_reference)
        with self._database.transaction() as connection:
            disputes.note(connection, event.payment_id, listed, self._clock.now())
            return disputes.concerned(connection, event.payment_id)

    def _waiting(self) -> list[Waiting]:
        with self._database.reading() as connection:
            return waiting(connection, BATCH)

    def _judge(self, event: Waiting) -> str | None:
        """What to do with an event; None: wait a little, our own call may be about to say the same."""
        if event.payment_id is None:
            return "not_ours"
        if event.is_dispute:
            return "disputed"
        if event.refund_status is None:
            return "elsewhere" if event.is_refund else "nothing_to_do"
        if event.refund_status in (RefundStatus.REQUESTED, RefundStatus.UNKNOWN):
            return None if self._clock.now() - event.received_at < ANSWER_GRACE else "sent"
        if event.status == event.refund_status and not event.tells_bank_reference:
            return "nothing_new"
        return "sent"
