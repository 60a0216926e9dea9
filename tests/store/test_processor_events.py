"""The webhook inbox: kept once, oldest first, stamped once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import Any

from returndesk.store import tables
from returndesk.store.database import Database
from returndesk.store.processor_events import Event, handled, keep, waiting

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)


def event(number: int, **said: Any) -> Event:
    return Event(f"evt_{number}", "refund.updated", "re_1", NOW + timedelta(seconds=number), **said)


def waiting_ids(database: Database, limit: int = 100) -> list[str]:
    with database.reading() as connection:
        return [one.id for one in waiting(connection, limit)]


def test_an_event_is_kept_once_also_when_it_comes_twice_at_once(database: Database) -> None:
    start = Barrier(3)

    def arrive(_: int) -> bool:
        start.wait()
        return keep(database, event(1))

    with ThreadPoolExecutor(3) as pool:
        assert sorted(pool.map(arrive, range(3))) == [False, False, True]
    assert waiting_ids(database) == ["evt_1"]


def test_the_oldest_come_first_and_no_more_than_asked_for(database: Database) -> None:
    for number in (3, 1, 2):
        keep(database, event(number))
    assert waiting_ids(database) == ["evt_1", "evt_2", "evt_3"]
    assert waiting_ids(database, 2) == ["evt_1", "evt_2"]


def test_what_was_acted_upon_waits_no_more_and_keeps_its_first_result(database: Database) -> None:
    keep(database, event(1))
    handled(database, [("evt_1", "sent")], NOW)
    handled(database, [("evt_1", "nothing_new"), ("evt_2", "not_ours")], NOW + timedelta(hours=1))
    assert waiting_ids(database) == []
    assert not keep(database, event(1)), "an event that was handled does not come alive again"
    with database.read() as session:
        row = session.get_one(tables.ProcessorEvent, "evt_1")
        assert (row.result, row.handled_at) == ("sent", NOW)


def test_an_event_about_nobodys_payment_says_so(database: Database) -> None:
    keep(database, event(1, payment_reference="pi_unknown", refund_id="unknown", bank_reference="ARN"))
    with database.reading() as connection:
        [one] = waiting(connection, 10)
    assert (one.payment_id, one.refund_id, one.rma, one.refund_status) == (None, "", "", None)
    assert one.is_refund
    assert not one.tells_bank_reference
