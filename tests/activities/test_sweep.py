"""The sweep's stamps: what was acted upon is stamped, together; what was not is found again."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlmodel import col, select
from temporalio.testing import ActivityEnvironment

from activities.sweep import Sweep
from returndesk.domain.errors import Unanswered
from returndesk.messages import HintRef
from returndesk.store import tables
from returndesk.store.database import Database
from returndesk.store.processor_events import Event, keep

RMA = "RMA-7K3M-Q9TX"
SENT = [HintRef(f"{RMA}-1", f"evt_{number}", "v") for number in (1, 2, 3)]


@pytest.fixture(scope="module", autouse=True)
def _the_invariants_hold() -> None:
    """These tests need no running installation."""


class Door:
    """Takes hints, until one that it loses or never answers."""

    def __init__(self) -> None:
        self.taken: list[HintRef] = []
        self.loses: str | None = None
        self.hangs_at: str | None = None
        self.hangs = asyncio.Event()

    async def hint(self, rma: str, hint: HintRef) -> None:
        assert rma == RMA
        if hint.event_id == self.hangs_at:
            self.hangs.set()
            await asyncio.Event().wait()
        if hint.event_id == self.loses:
            raise Unanswered("no_outcome_yet", "Not now.")
        self.taken.append(hint)


@pytest.fixture
def door() -> Door:
    return Door()


@pytest.fixture
def swept(database: Database, clock: Any, door: Any) -> Sweep:
    """A sweep over books with a pending refund, of which three events say that it was paid."""
    now: datetime = clock.now()
    money = {"currency": "GBP", "order_reference": "A-1"}
    with database.write() as session:
        for row in (
            tables.Customer(id="c", name="Jane", email="jane@shop.example"),
            tables.Policy(version="v", body="", recorded_at=now),
            tables.Contact(id="con", channel="email", contacted_at=now, recorded_at=now, actor_id="rep-1"),
            tables.Order(reference="A-1", customer_id="c", currency="GBP", ordered_at=now, input_hash="h",
                         recorded_at=now),
            tables.Payment(id="p", processor="stripe", reference="pi_1", captured_minor=4_000, **money),
            tables.Return(rma=RMA, contact_id="con", policy_version="v", stage="settling", channel="email",
                          resolution="refund", contacted_at=now, recorded_at=now, last_at=now, **money),
            tables.Refund(id=f"{RMA}-1", rma=RMA, payment_id="p", amount_minor=4_000, currency="GBP",
                          status="pending", parameters_hash="h", decided_at=now),
        ):  # fmt: skip
            session.add(row)
            session.flush()
    for number, hint in enumerate(SENT):
        at = now + timedelta(seconds=number)
        event = Event(
            hint.event_id, "refund.updated", "re_1", at, "pi_1", hint.refund_id, "succeeded", 4_000, "ARN1"
        )
        keep(database, event)
    no_gateway: Any = None
    return Sweep(database, door, no_gateway, clock)


def stamped(database: Database) -> dict[str, str | None]:
    with database.read() as session:
        events = session.exec(
            select(tables.ProcessorEvent).where(col(tables.ProcessorEvent.handled_at).is_not(None))
        )
        return {event.id: event.result for event in events}


async def test_a_hint_that_is_lost_is_sent_again_and_the_others_are_not(
    swept: Sweep, door: Door, database: Database
) -> None:
    door.loses = "evt_2"
    assert await ActivityEnvironment().run(swept.events) == 2
    assert stamped(database) == {"evt_1": "sent", "evt_3": "sent"}
    door.loses = None
    assert await ActivityEnvironment().run(swept.events) == 1
    assert await ActivityEnvironment().run(swept.events) == 0
    assert sorted(door.taken, key=lambda hint: hint.event_id) == SENT


async def test_a_turn_that_is_cancelled_stamps_what_it_has_sent(
    swept: Sweep, door: Door, database: Database
) -> None:
    door.hangs_at = "evt_2"
    turn = asyncio.ensure_future(ActivityEnvironment().run(swept.events))
    await door.hangs.wait()
    turn.cancel()
    with pytest.raises(asyncio.CancelledError):
        await turn
    assert door.taken == SENT[:1]
    assert stamped(database) == {"evt_1": "sent"}
