"""Many processes at one payment and at one order line: exactly what is there is given, and nobody fails."""

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from payments_room import room
from sqlmodel import select

from returndesk.domain.orders import OrderInput
from returndesk.store.database import Database
from returndesk.store.orders import order_view, put_order
from returndesk.store.tables import Payment

ROOT = Path(__file__).parents[2]
RACE = """
import json, multiprocessing, sys
from returndesk.store.database import Database
from returndesk.store.payments import reserve
from returndesk.store.units import claim_units

url, payment_id, processes, times = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
forked = multiprocessing.get_context("fork")  # what is imported is imported once for all
start = forked.Barrier(processes, timeout=60)

def won(_):
    database = Database(url)
    with database.read() as session:
        session.connection()
    start.wait()
    won = 0
    for _ in range(times):
        with database.write() as session:
            won += reserve(session.connection(), payment_id, 100) if payment_id else claim_units(session.connection(), "A-1", 1, 3)
    return won

with forked.Pool(processes) as racers:
    print(json.dumps(racers.map(won, range(processes), chunksize=1)))
"""

pytestmark = pytest.mark.timeout(180)


def race(url: str, payment_id: str, *, processes: int, times: int) -> list[int]:
    """How often each process won, when all begin at once. One that fails fails the test."""
    command = [sys.executable, "-c", RACE, url, payment_id, str(processes), str(times)]
    done = subprocess.run(command, cwd=ROOT, text=True, capture_output=True, timeout=150, check=False)
    assert done.returncode == 0, done.stderr
    won: list[int] = json.loads(done.stdout)
    assert len(won) == processes
    return won


@pytest.fixture
def payment_id(database: Database) -> str:
    order = OrderInput.model_validate(
        {
            "currency": "GBP",
            "ordered_at": "2026-03-04T10:00:00Z",
            "customer": {"name": "Maud", "email": "maud@shop.example"},
            "lines": [{"line": 1, "sku": "A", "title": "Socks", "quantity": 10, "unit_price_minor": 100}],
            "payments": [{"processor": "stripe", "reference": "pi_1", "captured_minor": 1000}],
        }
    )
    with database.write() as session:
        put_order(session, "A-1", order, now=datetime(2026, 3, 9, tzinfo=UTC), secret=b"s")
        return session.exec(select(Payment.id)).one()


def test_eight_processes_reserve_exactly_what_a_payment_has(database: Database, payment_id: str) -> None:
    won = race(database.url, payment_id, processes=8, times=25)
    assert sum(won) == 10
    with database.read() as session:
        assert room(session, payment_id) == 0
        assert session.get_one(Payment, payment_id).reserved_minor == 1000


@pytest.mark.usefixtures("payment_id")
def test_two_processes_never_claim_one_unit_twice(database: Database) -> None:
    won = race(database.url, "", processes=2, times=10)
    assert sum(won) == 3
    with database.read() as session:
        assert order_view(session, "A-1").lines[0].claimed == 9
