"""An installation in processes of its own, whose parts are killed with -9, and a rep who does not give up.

`Shop` runs `python -m tests.faults.part up`; the rep sends each request with one Idempotency-Key until it has its
answer, as the API's clients are told to do. `processed` then waits until nothing is in flight.
"""

import asyncio
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2 as httpx
from sqlmodel import col, func, select

import tests.invariants as invariants
from returndesk.domain.people import Role
from returndesk.embedded import leash
from returndesk.embedded.listening import free_ports
from returndesk.embedded.mailbox import MailboxReader
from returndesk.installation import SANDBOX_KEY
from returndesk.store import tables, tokens
from returndesk.store.database import Database, sqlite_url
from returndesk.store.migrate import upgrade

ROOT = Path(__file__).parents[2]
START_SECONDS_MAX = 180.0
REQUEST_SECONDS_MAX = 180.0
QUIET_SECONDS_MAX = 180.0
LOOK_EVERY_SECONDS = 0.1
PORTS = ("RETURNDESK_API_PORT", "RETURNDESK_STRIPE_PORT", "RETURNDESK_SMTP_PORT", "RETURNDESK_TEMPORAL_PORT")

_PORT_OF = dict(zip(("api", "sandbox", "mailbox", "temporal"), PORTS, strict=True))


class Shop:
    """One installation on a folder; `start` and `kill_everything` may alternate."""

    def __init__(self, folder: Path, database_url: str | None = None) -> None:
        self.folder = folder
        self.state = folder / "state"
        self.state.mkdir(parents=True, mode=0o700)
        self._ports = dict(zip(PORTS, free_ports(4), strict=True))
        self._real = (
            {"RETURNDESK_DATABASE_URL": database_url, "RETURNDESK_SECRET": "s" * 32} if database_url else {}
        )
        self._up: subprocess.Popen[bytes] | None = None
        self.database = Database(database_url or sqlite_url(self.state / "returndesk.db"))
        self.mailbox = MailboxReader(self.state / "mailbox.db")
        self.sandbox_url = f"http://127.0.0.1:{self._ports['RETURNDESK_STRIPE_PORT']}"
        self.api_url = f"http://127.0.0.1:{self._ports['RETURNDESK_API_PORT']}"
        upgrade(self.database)
        with self.database.write() as session:
            self.token = tokens.create(session, Role.ADMIN, "admin-1", datetime.now(UTC))

    async def start(self) -> None:
        """Start everything and return when the API answers."""
        (self.folder / "pids").unlink(missing_ok=True)
        environment = {name: str(port) for name, port in self._ports.items()} | self._real
        with (self.folder / "up.log").open("ab") as log:
            self._up = subprocess.Popen(
                leash.held([sys.executable, "-m", "tests.faults.part", "up"]),
                cwd=ROOT,
                env={
                    **os.environ,
                    **environment,
                    "RETURNDESK_DATA": str(self.state),
                    "RETURNDESK_FAULTS": str(self.folder),
                },
                stdout=log,
                stderr=log,
            )
        await self.until(lambda: "api" in self.pids(), START_SECONDS_MAX, "the installation did not start")

    @property
    def runs(self) -> bool:
        """Whether its supervisor does."""
        return self._up is not None and self._up.poll() is None

    def pids(self) -> dict[str, int]:
        """Every part that runs, by its name, while the supervisor does."""
        assert self._up is not None, "start it first"
        assert self._up.poll() is None, (
            f"it ended with {self._up.returncode}: {(self.folder / 'up.log').read_text()[-2000:]}"
        )
        try:
            told: dict[str, int] = json.loads((self.folder / "pids").read_text())
        except FileNotFoundError:
            return {}
        return told

    def kill(self, part: str) -> int | None:
        """Kill one part -9; the supervisor starts it again. Answers the process that was killed."""
        pid = self.pids().get(part)
        if pid is not None:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return pid

    async def replace(self, part: str) -> None:
        """End one part in order, as a deploy does, and return when its successor runs."""
        before = self.pids()[part]
        os.kill(before, signal.SIGTERM)
        await self.until(lambda: self.pids().get(part) != before, 90, f"{part} was not replaced")

    def is_back(self, part: str, killed: int | None) -> bool:
        """Whether a part runs again after that process of it was killed, and answers where it has a port."""
        if not self.runs or self.pids().get(part) in (None, killed):
            return False
        port = self._ports.get(_PORT_OF.get(part, ""))
        if port is None:
            return True
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
        return False

    def kill_everything(self) -> None:
        """Kill every part and the supervisor -9, all in the same moment."""
        assert self._up is not None, "start it first"
        for pid in [self._up.pid, *self.pids().values()]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._up.wait()

    def stop(self) -> None:
        """End it in order."""
        if self._up is not None and self._up.poll() is None:
            self._up.terminate()
            try:
                self._up.wait(30)
            except subprocess.TimeoutExpired:
                self._up.kill()
                self._up.wait()
        self.database.close()

    # Where lives of a part end -------------------------------------------------------------------

    def number_lives(self, part: str, points: list[str]) -> None:
        """Say where a part's lives end. Before the start, with none, it says that there will be points."""
        (self.folder / f"{part}.points").write_text("".join(f"{point}\n" for point in points))

    def seen(self, part: str) -> list[str]:
        """The points a part has passed so far, in the order in which it did so first."""
        return self._lines(part, "seen")

    def deaths(self, part: str) -> list[str]:
        """The points at which lives of a part have ended so far."""
        return self._lines(part, "deaths")

    def _lines(self, part: str, what: str) -> list[str]:
        path = self.folder / f"{part}.{what}"
        return path.read_text().splitlines() if path.exists() else []

    # Looking -------------------------------------------------------------------------------------

    async def until(self, condition: Callable[[], bool], seconds: float, otherwise: str) -> None:
        """Wait for a condition; an AssertionError with `otherwise` when it does not come to be."""
        give_up_at = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < give_up_at, f"{otherwise} within {seconds:g} s"
            await asyncio.sleep(LOOK_EVERY_SECONDS)

    async def quiet(self) -> None:
        """Return when every return is over, and no command, notice or event waits."""
        try:
            await self.until(lambda: not self.waiting(), QUIET_SECONDS_MAX, "it did not become quiet")
        except AssertionError as error:
            raise AssertionError(f"{error}: {self.waiting()} wait in {self.folder}") from None

    def waiting(self) -> dict[str, int]:
        """How many returns, commands, notices, webhooks and kept events of the processor are not done with."""
        ends = {
            "returns": tables.Return.ended_at,
            "commands": tables.Command.stamped_at,
            "notices": tables.Notice.settled_at,
            "events": tables.ProcessorEvent.handled_at,
        }
        with self.database.read() as session:
            found = {
                name: session.exec(select(func.count()).where(col(end).is_(None))).one()
                for name, end in ends.items()
            }
        with suppress(OSError):  # while the sandbox is down it has nothing to tell
            found["webhooks"] = invariants.webhooks_on_their_way(self.sandbox_url)
        return {name: count for name, count in found.items() if count}

    def check(self, *, mail_doubles_max: int) -> None:
        """Every invariant, now that it is quiet."""
        invariants.check(self.database, self.sandbox_url, self.mailbox, mail_doubles_max=mail_doubles_max)


@dataclass(frozen=True)
class Kind:
    """One way for a return to go. Amounts are in minor units of GBP."""

    name: str
    payments: tuple[int, ...]
    rejected: int = 0
    decide: bool = False


KINDS = (
    Kind("plain", (5000,)),
    Kind("decided by the rules", (5000,), decide=True),
    Kind("partly rejected", (5000,), rejected=1),
    Kind("paid in two parts", (2000, 3000)),
)
UNIT_MINOR, UNITS, SHIPPING_MINOR = 2250, 2, 500


@dataclass(frozen=True)
class Done:
    """A return that was seen through: what Stripe must have refunded for it, by payment."""

    rma: str
    kind: Kind
    payments: tuple[str, ...]

    @property
    def due_minor(self) -> int:
        """All of it, or the units that were not rejected."""
        if not self.kind.rejected:
            return UNITS * UNIT_MINOR + SHIPPING_MINOR
        return (UNITS - self.kind.rejected) * UNIT_MINOR

    def refunded_minor(self, state: dict[str, Any]) -> int:
        """What the processor refunded on its payments."""
        return sum(
            refund["amount"]
            for refund in state["refunds"]
            if refund["payment_intent"] in self.payments and refund["status"] == "succeeded"
        )


class Rep:
    """Sends each request until it is answered, always with the same key."""

    def __init__(self, shop: Shop, chance: random.Random) -> None:
        self._shop = shop
        self._chance = chance
        self._http = httpx.AsyncClient(timeout=15)

    async def close(self) -> None:
        """Give the connections back."""
        await self._http.aclose()

    async def sees_through(self, kind: Kind) -> Done:
        """One return, from the order to the decision."""
        reference = f"ORD-{self._key()}"
        payments = [await self._pay(minor) for minor in kind.payments]
        await self._send("PUT", f"/api/v1/orders/{reference}", _order(kind, payments))
        asked = {
            "order_reference": reference, "channel": "phone", "resolution": "refund",
            "items": [{"line": 1, "quantity": UNITS, "reason": "too_small"}],
        }  # fmt: skip
        rma = (await self._send("POST", "/api/v1/returns", asked))["rma"]
        one, all_units = f"/api/v1/returns/{rma}", [{"line": 1, "quantity": UNITS}]
        await self._send("POST", f"{one}/authorization", {})
        await self._send("POST", f"{one}/receipts", {"items": all_units})
        await self._send("POST", f"{one}/inspections", {"items": _seen(kind), "decide": kind.decide})
        if not kind.decide:
            await self._send("POST", f"{one}/decision", {})
        return Done(rma, kind, tuple(payments))

    def _key(self) -> str:
        return f"{self._chance.getrandbits(64):016x}"

    async def _pay(self, minor: int) -> str:
        body = {"amount": minor, "currency": "gbp", "confirm": "true", "payment_method": "pm_card_visa"}
        headers = {"Authorization": f"Bearer {SANDBOX_KEY}", "Idempotency-Key": self._key()}
        url = f"{self._shop.sandbox_url}/v1/payment_intents"
        answer = await self._answered(lambda: self._http.post(url, data=body, headers=headers))
        return str(answer["id"])

    async def _send(self, method: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self._shop.token}", "Idempotency-Key": self._key()}
        url = f"{self._shop.api_url}{path}"
        return await self._answered(lambda: self._http.request(method, url, json=body, headers=headers))

    async def _answered(self, send: Callable[[], Any]) -> dict[str, Any]:
        give_up_at, last = time.monotonic() + REQUEST_SECONDS_MAX, "no answer at all"
        while time.monotonic() < give_up_at:
            with suppress(httpx.TransportError):
                answer = await send()
                last = f"{answer.status_code} {answer.text}"
                if answer.status_code in (200, 201):
                    told: dict[str, Any] = answer.json()
                    return told
                assert answer.status_code == 202 or answer.status_code >= 500, f"the rep was told {last}"
            await asyncio.sleep(LOOK_EVERY_SECONDS)
        raise AssertionError(f"the rep gave up after {REQUEST_SECONDS_MAX:g} s: {last}")


def _seen(kind: Kind) -> list[dict[str, Any]]:
    seen = {"original": UNITS - kind.rejected, "damaged": kind.rejected}
    return [
        {"line": 1, "quantity": units, "condition": condition, "packaging": "original"}
        for condition, units in seen.items()
        if units
    ]


def _order(kind: Kind, payments: list[str]) -> dict[str, Any]:
    yesterday = datetime.now(UTC) - timedelta(days=1)
    return {
        "currency": "GBP",
        "ordered_at": yesterday.replace(microsecond=0).isoformat(),
        "customer": {"name": "Ada Example", "email": "ada@customer.example", "address": ["1 Road", "Leeds"]},
        "lines": [
            {"line": 1, "sku": "A", "title": "Blue dress", "quantity": UNITS, "unit_price_minor": UNIT_MINOR}
        ],
        "shipping_minor": SHIPPING_MINOR,
        "payments": [
            {"processor": "stripe", "reference": reference, "captured_minor": minor, "label": "Visa"}
            for reference, minor in zip(payments, kind.payments, strict=True)
        ],
    }
