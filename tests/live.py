"""An installation that really runs, for tests: Temporal's server, the worker, the API on HTTP, Stripe, mail.

Nothing stands in for anything: the worker and the API are the product's own, the Stripe sandbox is the oracle of
what was paid, and the mailbox of what customers were told. Only waits are short and the clock can be moved.
"""

import asyncio
import os
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import httpx2
import pytest
import stripe
import uvicorn
from sqlmodel import col, select
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowHistory
from temporalio.common import RetryPolicy
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import TimeSkipper, TimeSkippingConfig
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from activities import failures, notices, sweep
from api.app import create_app
from returndesk.clocks import MovedClock, move
from returndesk.domain.apart import DEADLINES_APART
from returndesk.domain.errors import ConfigurationError
from returndesk.domain.people import NOBODY_SIGNS_IN_AS, Role
from returndesk.embedded.listening import free_port, free_ports
from returndesk.embedded.mailbox import Mailbox, MailboxReader
from returndesk.embedded.processes import Child, Supervisor
from returndesk.embedded.stripe_sandbox.app import build_server
from returndesk.embedded.stripe_sandbox.app import create_app as create_sandbox
from returndesk.embedded.stripe_sandbox.webhooks import Endpoint
from returndesk.embedded.temporal_find import TemporalBinary, find
from returndesk.embedded.temporal_server import TemporalServer, ensure_namespace, wait_ready
from returndesk.gateways import stripe as stripe_gateway
from returndesk.gateways.smtp import SmtpMailer
from returndesk.gateways.temporal import TemporalDoor
from returndesk.installation import SANDBOX_KEY, Installation
from returndesk.messages import HintRef, return_workflow_id
from returndesk.running import WEBHOOKS
from returndesk.settings import Settings
from returndesk.store import tables, tokens
from worker import THREADS, build_worker, start_upkeep

SANDBOXED = SandboxedWorkflowRunner(restrictions=SandboxRestrictions.default.with_passthrough_all_modules())
"""Everything but the workflow file passed through: it finds what is not deterministic (decision 0010)."""

PROCESSOR_TIMEOUT_SECONDS = 2
"""How long the worker waits for Stripe here; a test that delays an answer need not wait for 25."""
WAIT_SECONDS_MAX = 60.0
"""Long enough for a busy machine; what comes to be sooner is not waited for."""
MOVE_SECONDS_MAX = 60.0
LOOKS_MAX = 9
LOOK_SECONDS = 1.5
FRIDAY = 4
T = TypeVar("T")


@contextmanager
def ended_meanwhile() -> Iterator[None]:
    """A return that a webhook has brought to its end needs no moving."""
    try:
        yield
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise


@dataclass(frozen=True)
class Mail:
    """What a customer reads."""

    subject: str
    text: str
    html: str


@dataclass(frozen=True)
class Sold:
    """An order with its payment and the address its customer reads mail at."""

    reference: str
    payment: str
    email: str


def temporal_binary() -> TemporalBinary:
    """Temporal's own server, from the cache or PATH; the test is skipped where there is none."""
    folders = os.environ.get("PATH", "").split(os.pathsep)
    environ = {
        "PATH": os.pathsep.join(x for x in folders if not (Path(x) / "go").exists()),
        "HOME": os.environ.get("HOME", ""),
        "XDG_CACHE_HOME": os.environ.get("XDG_CACHE_HOME", ""),
        "HTTPS_PROXY": f"http://127.0.0.1:{free_port()}",
    }
    try:
        binary = find(print, environ=environ)
    except ConfigurationError as error:
        pytest.skip(error.sentence)
    assert binary is not None, "no TEMPORAL_ADDRESS was passed on"
    return binary


@asynccontextmanager
async def temporal_server(folder: Path) -> AsyncIterator[TemporalServer]:
    """The server on a state folder, until the block ends."""
    binary = await asyncio.to_thread(temporal_binary)
    server = TemporalServer(binary, folder, free_port())
    server.prepare()
    child = Child("temporal", server.command(), folder / "log", server.environment(), server.wait_ready)
    async with Supervisor(print) as supervisor:
        await supervisor.start(child)
        yield server


MOMENT = DEADLINES_APART + timedelta(seconds=30)
"""More than what a deadline waits for others."""


async def until_answered(send: Callable[[], Awaitable[httpx2.Response]]) -> httpx2.Response:
    """The answer to a command: sent again, under its key, while there is no outcome yet (202), as a client does."""

    async def answered() -> httpx2.Response | None:
        answer = await send()
        return None if answer.status_code == 202 else answer

    return await until(answered)


async def until(condition: Callable[[], Awaitable[T | None]], seconds: float = WAIT_SECONDS_MAX) -> T:
    """What the condition answers once that is true; fails when it does not come to be."""
    give_up_at = time.monotonic() + seconds
    while not (answer := await condition()):
        assert time.monotonic() < give_up_at, "it did not come to be"
        await asyncio.sleep(0.03)
    return answer


class Live:
    """A running installation, and what tests do with it."""

    def __init__(
        self, installation: Installation, client: Client, http: httpx2.AsyncClient, mailbox: Mailbox
    ) -> None:
        self.installation = installation
        self.client = client
        self.http = http
        self.mailbox = mailbox
        self.database = installation.database
        self.clocks: list[MovedClock] = []
        # Asked again, under its key, where a kept connection was just let go.
        self._stripe = stripe.StripeClient(
            SANDBOX_KEY, base_addresses={"api": installation.stripe_base}, max_network_retries=2
        )
        self._skipper = TimeSkipper(client, config=TimeSkippingConfig(enabled=False))
        self.mailbox_reader = MailboxReader(installation.data / "mailbox.db")
        with self.database.write() as session:
            self._tokens: dict[tuple[Role, int], str] = {
                (role, who): tokens.create(session, role, f"{role}-{who}", datetime.now(UTC))
                for role in Role
                if role not in NOBODY_SIGNS_IN_AS
                for who in (1, 2)
            }

    # Orders and returns --------------------------------------------------------------------------

    async def pay(self, amount_minor: int, currency: str = "GBP", card: str = "pm_card_visa") -> str:
        """A captured payment's id, made with the official client."""
        created = await asyncio.to_thread(
            self._stripe.v1.payment_intents.create,
            {"amount": amount_minor, "currency": currency.lower(), "confirm": True, "payment_method": card},
        )
        return created.id

    async def order(
        self, lines: list[dict[str, Any]], *, paid_minor: int, card: str = "pm_card_visa", **more: Any
    ) -> Sold:
        """An order that was paid; a line needs a quantity and a unit_price_minor."""
        tag = uuid4().hex[:10]
        currency = more.get("currency", "GBP")
        sold = Sold(f"ORD-{tag}", await self.pay(paid_minor, currency, card), f"{tag}@customer.example")
        body = {
            "currency": currency,
            "ordered_at": (self.now() - timedelta(days=4)).isoformat(),
            "customer": {"name": f"Customer {tag}", "email": sold.email, "address": ["1 Road", "Leeds"]},
            "lines": [
                {"line": number, "sku": f"SKU-{number}", "title": f"Dress {number}", **line}
                for number, line in enumerate(lines, start=1)
            ],
            "payments": [
                {
                    "processor": "stripe",
                    "reference": sold.payment,
                    "captured_minor": paid_minor,
                    "label": "Visa ending 4242",
                }
            ],
            **more,
        }
        answer = await self.http.put(
            f"/api/v1/orders/{sold.reference}", json=body, headers=self._headers(Role.ADMIN, 1)
        )
        assert answer.status_code in (200, 201), answer.text
        return sold

    async def dress(self, quantity: int = 1, price_minor: int = 4_000, card: str = "pm_card_visa") -> Sold:
        """The plainest order: some of one dress, paid by card."""
        line = {"quantity": quantity, "unit_price_minor": price_minor}
        return await self.order([line], paid_minor=quantity * price_minor, card=card)

    async def post(
        self, path: str, body: dict[str, Any], role: Role = Role.ADMIN, who: int = 1, key: str | None = None
    ) -> httpx2.Response:
        """A POST under /api/v1, by a role's first or second person, under a key of its own, until it has an outcome."""
        headers = self._headers(role, who) | {"Idempotency-Key": key or uuid4().hex}
        return await until_answered(lambda: self.http.post(f"/api/v1/{path}", json=body, headers=headers))

    async def photo(self, rma: str, photo: bytes, role: Role = Role.WAREHOUSE, key: str | None = None) -> str:
        """Send a photo to a return; its id."""
        headers = self._headers(role, 1) | {
            "Idempotency-Key": key or uuid4().hex,
            "Content-Type": "image/jpeg",
        }
        answer = await self.http.post(f"/api/v1/returns/{rma}/photos", content=photo, headers=headers)
        assert answer.status_code == 201, answer.text
        photo_id: str = answer.json()["id"]
        return photo_id

    async def download(self, path: str, role: Role = Role.ADMIN) -> httpx2.Response:
        """Whatever a GET under /api/v1 answers."""
        return await self.http.get(f"/api/v1/{path}", headers=self._headers(role, 1))

    async def get(self, path: str) -> Any:
        """What a GET under /api/v1 shows."""
        answer = await self.http.get(f"/api/v1/{path}", headers=self._headers(Role.ADMIN, 1))
        assert answer.status_code == 200, answer.text
        return answer.json()

    def _headers(self, role: Role, who: int) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._tokens[role, who]}"}

    async def request(self, sold: Sold, *quantities: int, **more: Any) -> str:
        """A request for so many units of line 1, 2, …; its RMA."""
        answer = await self.post("returns", request_of(sold, *quantities, **more))
        assert answer.status_code == 201, answer.text
        rma: str = answer.json()["rma"]
        return rma

    async def does(self, rma: str, what: str, body: dict[str, Any] | None = None, **who: Any) -> Any:
        """A command on a return, which must be carried out."""
        answer = await self.post(f"returns/{rma}/{what}", body or {}, **who)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def arrive(self, rma: str, *quantities: int, **more: Any) -> Any:
        """A parcel with so many units of line 1, 2, …"""
        items = [{"line": n, "quantity": q} for n, q in enumerate(quantities, start=1) if q]
        return await self.does(rma, "receipts", {"items": items, **more})

    async def inspect(self, rma: str, *quantities: int, condition: str = "original", **more: Any) -> Any:
        """An inspection of so many units of line 1, 2, … in their original packaging."""
        items = [
            {"line": n, "quantity": q, "condition": condition, "packaging": "original"}
            for n, q in enumerate(quantities, start=1)
            if q
        ]
        return await self.does(rma, "inspections", {"items": items, **more})

    async def come_back(self, sold: Sold, *quantities: int, **more: Any) -> str:
        """A return up to the rules' decision: from here the money moves by itself."""
        rma = await self.request(sold, *quantities, authorize=True, **more)
        await self.arrive(rma, *quantities)
        await self.inspect(rma, *quantities)
        return rma

    async def view(self, rma: str) -> Any:
        """The return as the API shows it."""
        return await self.get(f"returns/{rma}")

    async def reach(self, rma: str, stage: str) -> Any:
        """The return once it is at a stage."""

        async def there() -> Any:
            seen = await self.view(rma)
            return seen if seen["stage"] == stage else None

        return await until(there)

    async def refund_is(self, rma: str, status: str) -> Any:
        """The return's one refund, once it stands so."""

        async def there() -> Any:
            refunds = (await self.view(rma))["refunds"]
            return refunds[0] if refunds and refunds[0]["status"] == status else None

        return await until(there)

    async def tasks(self, rma: str) -> dict[str, Any]:
        """The return's open tasks, by kind."""
        with self.database.read() as session:
            rows = session.exec(
                select(tables.Task).where(tables.Task.rma == rma, col(tables.Task.done_at).is_(None))
            ).all()
            session.expunge_all()
        return {row.kind: row for row in rows}

    async def until_task(self, rma: str, kind: str) -> tables.Task:
        """The return's open task of that kind, once there is one."""

        async def there() -> tables.Task | None:
            return (await self.tasks(rma)).get(kind)

        return await until(there)

    async def timeline(self, rma: str) -> list[str]:
        """What happened to a return, in order; that mails were sent is left out."""
        items = (await self.get(f"returns/{rma}/timeline"))["items"]
        return [item["what"] for item in items if item["what"] != "mailed"]

    # The oracle and the mailbox ------------------------------------------------------------------

    async def knob(self, path: str, **body: Any) -> Any:
        """Turn one of the sandbox's knobs."""
        answer = await self.http.post(f"{self.installation.stripe_base}/_sandbox/{path}", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def fault(self, fault: str, sold: Sold, **more: Any) -> None:
        """Something goes wrong with the next refunds of an order."""
        await self.knob("faults", fault=fault, match={"payment_intent": sold.payment}, **more)

    async def oracle(self, what: str) -> Any:
        """One of the sandbox's views of what really happened."""
        answer = await self.http.get(f"{self.installation.stripe_base}/_sandbox/{what}")
        return answer.json()

    async def paid_back(self, sold: Sold) -> list[tuple[int, str]]:
        """Every refund of an order in Stripe's own records: amount and status."""
        found = (await self.oracle(f"state?payment_intent={sold.payment}"))["refunds"]
        return [(refund["amount"], refund["status"]) for refund in found]

    async def refund_posts(self, sold: Sold) -> list[dict[str, Any]]:
        """Every POST of a refund of an order that Stripe read."""
        every = await self.oracle("requests")
        return [x for x in every if x["params"].get("payment_intent") == sold.payment]

    async def hints_together(self, rma: str, count: int) -> int:
        """So many hints of an ended return's refund that wait together; how often Stripe was asked after it.

        One hint more comes first: the return runs again, its look takes a while, and the others come meanwhile.
        """
        [refund] = (await self.view(rma))["refunds"]
        path = f"/v1/refunds/{refund['processor_reference']}"
        looks_at_it = {"method": "GET", "path": path}
        await self.knob("faults", fault="delay", seconds=LOOK_SECONDS, count=LOOKS_MAX, match=looks_at_it)

        async def looks() -> int:
            [armed] = [x for x in await self.oracle("faults") if x["match"]["path"] == path]
            begun: int = LOOKS_MAX - armed["remaining"]
            return begun

        door, policy = TemporalDoor(self.client), self.installation.policy.version
        await door.hint(rma, HintRef(refund["id"], f"evt_{rma}_0", policy))
        await until(looks)
        others = (HintRef(refund["id"], f"evt_{rma}_{number}", policy) for number in range(1, count + 1))
        await asyncio.gather(*(door.hint(rma, hint) for hint in others))
        assert await looks() == 1, "they came too late to wait together"
        await self.run_ended(rma)
        return await looks()

    async def is_seen_absent(self, rma: str) -> None:
        """Returns once one complete listing did not have the return's refund."""

        async def seen() -> bool:
            with self.database.read() as session:
                absent_at = select(tables.Refund.absent_at).where(tables.Refund.rma == rma)
                return session.exec(absent_at).one() is not None

        await until(seen)

    def events_kept(self, refund: str, kind: str) -> int:
        """How many events of a kind the inbox has of one of Stripe's refunds."""
        with self.database.read() as session:
            return len(
                session.exec(
                    select(tables.ProcessorEvent.id).where(
                        tables.ProcessorEvent.object_reference == refund, tables.ProcessorEvent.type == kind
                    )
                ).all()
            )

    async def ledger(self, rma: str) -> dict[str, int]:
        """What each of the return's entries moved on the account of what is owed to customers."""
        with self.database.read() as session:
            postings = session.exec(
                select(tables.Posting.entry, tables.Posting.amount_minor).where(
                    tables.Posting.rma == rma, tables.Posting.account == "owed_to_customers"
                )
            ).all()
        return {entry.partition(":")[0]: amount_minor for entry, amount_minor in postings}

    async def mail_was_refused(self, rma: str) -> None:
        """Returns once a mail of the return was refused for now and waits."""

        async def waits() -> bool:
            with self.database.read() as session:
                due = select(tables.Notice.due_at).where(
                    tables.Notice.rma == rma, tables.Notice.result == "refused_now"
                )
                return any(due_at > self.now() for due_at in session.exec(due))

        await until(waits)

    def mails(self, sold: Sold) -> list[Mail]:
        """What the customer of an order was sent, oldest first."""
        found = self.mailbox_reader.messages(to=sold.email)
        return [Mail(mail.subject, mail.text or "", mail.html or "") for mail in found]

    async def mailed(self, sold: Sold, count: int) -> list[Mail]:
        """What a customer was sent, once it is so many mails."""

        async def there() -> list[Mail] | None:
            sent = self.mails(sold)
            assert len(sent) <= count, [mail.subject for mail in sent]
            return sent if len(sent) == count else None

        return await until(there)

    # Temporal and time ---------------------------------------------------------------------------

    async def history(self, rma: str) -> WorkflowHistory:
        """The history of a return's newest run."""
        return await self.client.get_workflow_handle(return_workflow_id(rma)).fetch_history()

    async def run_ended(self, rma: str) -> None:
        """Returns once nothing runs for the return."""
        handle = self.client.get_workflow_handle(return_workflow_id(rma))

        async def ended() -> bool:
            return (await handle.describe()).status is not WorkflowExecutionStatus.RUNNING

        await until(ended)

    async def events(self, rma: str) -> list[HistoryEvent]:
        """The events of a return's newest run."""
        return list((await self.history(rma)).events)

    def now(self) -> datetime:
        """What time it is for the shop."""
        return self.installation.clock.now()

    async def advance(self, by: timedelta, *rmas: str) -> None:
        """Move the shop's clock on, and these returns with it."""
        await asyncio.to_thread(move, self.database, by)
        for clock in self.clocks:
            await until(self._told_by(clock))
        for rma in rmas:
            handle = self.client.get_workflow_handle(return_workflow_id(rma))
            with ended_meanwhile():
                async with asyncio.timeout(MOVE_SECONDS_MAX):
                    await self._skipper.fast_forward(handle, by)

    async def advance_to(self, instant: datetime, *rmas: str) -> None:
        """Move the shop's clock to an instant, and these returns with it."""
        await self.advance(instant - self.now(), *rmas)

    async def is_quiet(self) -> None:
        """Returns once every event is here and acted upon, every command has its outcome, every mail is settled."""
        try:
            await until(self._every_event_is_here)
        except AssertionError:
            lost = [one for one in await self.oracle("webhooks") if not one["delivered_at"]]
            raise AssertionError(f"webhooks that did not arrive: {lost}") from None
        await until(self._nothing_waits)

    async def _every_event_is_here(self) -> bool:
        return all(delivery["delivered_at"] for delivery in await self.oracle("webhooks"))

    async def _nothing_waits(self) -> bool:
        with self.database.read() as session:
            waiting = [
                session.exec(select(column).where(unsettled.is_(None)).limit(1)).first()
                for column, unsettled in (
                    (tables.Command.id, col(tables.Command.stamped_at)),
                    (tables.Notice.rma, col(tables.Notice.settled_at)),
                    (tables.ProcessorEvent.id, col(tables.ProcessorEvent.handled_at)),
                )
            ]
        return waiting == [None, None, None]

    async def friday_afternoon(self) -> datetime:
        """Move the shop's clock to three o'clock in London on a Friday with no holiday in the seven weeks after."""
        day = self.now() + timedelta(days=1)
        while day.weekday() != FRIDAY or not (6, 10) <= (day.month, day.day) <= (7, 10):
            day += timedelta(days=1)
        friday = day.replace(hour=14, minute=0, second=0, microsecond=0)  # BST is an hour ahead of UTC
        await self.advance_to(friday)
        return friday

    def _told_by(self, clock: MovedClock) -> Callable[[], Awaitable[bool]]:
        with self.database.read() as session:
            offset_us = session.exec(select(tables.MovedClock.offset_us)).one()

        async def told() -> bool:
            return clock.offset_us() == offset_us

        return told


def request_of(sold: Sold, *quantities: int, **more: Any) -> dict[str, Any]:
    """The body that asks to send so many units of line 1, 2, … back."""
    return {
        "order_reference": sold.reference,
        "channel": "phone",
        "items": [
            {"line": number, "quantity": quantity, "reason": "too_small"}
            for number, quantity in enumerate(quantities, start=1)
            if quantity
        ],
        "resolution": "refund",
        **more,
    }


# How it is started -------------------------------------------------------------------------------


@asynccontextmanager
async def running(
    server: TemporalServer, database_url: str, folder: Path, *, namespace: str
) -> AsyncIterator[Live]:
    """Everything but Temporal's server, on a migrated database, in a namespace of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    settings = _settings(server, database_url, folder, namespace)
    ours, workers, apis = (_installation(settings) for _ in range(3))
    await ensure_namespace(await Client.connect(server.address, namespace=namespace))
    await wait_ready(server.address, namespace)
    mailbox = Mailbox(folder / "mailbox.db", ours.clock.now)
    mailbox.start(port=settings.smtp_port)
    sandbox = create_sandbox(folder / "stripe.db", now=ours.clock.now, webhook_endpoint=_endpoint(ours))
    api = _api(apis)
    client = await workers.connect()
    with pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor(THREADS) as threads:
        _shorten_waits(patch)
        with in_thread(build_server(sandbox, port=settings.stripe_port)):
            async with build_worker(workers, client, threads, workflow_runner=SANDBOXED):
                await start_upkeep(client)
                with in_thread(api):
                    async with _client_of(apis) as http:
                        live = Live(ours, client, http, mailbox)
                        live.clocks = [
                            i.clock for i in (ours, workers, apis) if isinstance(i.clock, MovedClock)
                        ]
                        yield live
    assert isinstance(workers.mailer, SmtpMailer), "no other is there"
    workers.mailer.close()
    mailbox.stop()
    for installation in (ours, workers):
        installation.database.close()


@asynccontextmanager
async def changed_policy(live: Live, text: str) -> AsyncIterator[None]:
    """The shop's policy file says `text`, and the API was started with it, until the block ends.

    Database, worker and what is in flight stay as they are, as when a shop changes its file.
    """
    path = live.installation.data / f"policy-{uuid4().hex[:8]}.toml"
    path.write_text(text)
    settings = live.installation.settings
    public_url = f"http://127.0.0.1:{settings.api_port}"
    changed = {"policy_path": path, "api_port": free_port(), "public_url": public_url}
    apis = _installation(settings.model_copy(update=changed))
    assert isinstance(apis.clock, MovedClock)
    with in_thread(_api(apis)):
        async with _client_of(apis) as http:
            before, live.http = live.http, http
            live.clocks.append(apis.clock)
            try:
                yield
            finally:
                live.http = before
                live.clocks.remove(apis.clock)


def _api(installation: Installation) -> uvicorn.Server:
    return uvicorn.Server(
        uvicorn.Config(
            create_app(installation), port=installation.settings.api_port, log_config=None, access_log=False, ws="none",
            timeout_graceful_shutdown=3, timeout_keep_alive=65,
        )
    )  # fmt: skip


def _client_of(installation: Installation) -> httpx2.AsyncClient:
    base = f"http://127.0.0.1:{installation.settings.api_port}"
    return httpx2.AsyncClient(base_url=base, timeout=30)


def _settings(server: TemporalServer, database_url: str, folder: Path, namespace: str) -> Settings:
    api_port, stripe_port, smtp_port = free_ports(3)
    return Settings(
        _env_file=None,  # type: ignore[call-arg]
        RETURNDESK_DATA=folder,
        RETURNDESK_DATABASE_URL=database_url,
        RETURNDESK_SECRET="a secret of a test's installation",
        RETURNDESK_API_PORT=api_port,
        RETURNDESK_STRIPE_PORT=stripe_port,
        RETURNDESK_SMTP_PORT=smtp_port,
        TEMPORAL_ADDRESS=server.address,
        TEMPORAL_NAMESPACE=namespace,
    )


def _installation(settings: Settings) -> Installation:
    """One process's view of the installation, with a clock that can be moved whatever the database is."""
    installation = Installation(settings)
    installation.clock = MovedClock(installation.database)
    return installation


def _endpoint(installation: Installation) -> Endpoint:
    url = f"http://127.0.0.1:{installation.settings.api_port}/webhooks/stripe"
    return Endpoint(url, installation.webhook_secret, WEBHOOKS)


def _shorten_waits(patch: pytest.MonkeyPatch) -> None:
    """The same waits as in real use, only shorter: what is done in them is the product's own."""
    patch.setattr(sweep, "IDLE_SECONDS", 0.1)
    patch.setattr(notices, "IDLE_SECONDS", 0.1)
    patch.setattr(stripe_gateway, "TIMEOUT_SECONDS", PROCESSOR_TIMEOUT_SECONDS)
    quick = RetryPolicy(
        initial_interval=timedelta(milliseconds=100),
        maximum_interval=timedelta(seconds=1),
        maximum_attempts=failures.REFUND_CALL.maximum_attempts,
    )
    patch.setattr(failures, "REFUND_CALL", quick)


@contextmanager
def in_thread(server: uvicorn.Server) -> Iterator[None]:
    """A server in a thread of its own, with an event loop of its own."""
    thread = threading.Thread(target=server.run)
    thread.start()
    give_up_at = time.monotonic() + WAIT_SECONDS_MAX
    while not server.started:
        assert thread.is_alive(), "the server did not start"
        assert time.monotonic() < give_up_at, "the server did not start in time"
        time.sleep(0.01)
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(WAIT_SECONDS_MAX)
        assert not thread.is_alive(), "the server did not stop"
