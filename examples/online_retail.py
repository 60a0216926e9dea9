"""Three months of a real retailer's credit notes, run as returns: every penny credited must be refunded, and no more.

Every invoice becomes an order that is paid through Stripe, and every matched credit note a return: request,
authorization, receipt, inspection, decision, refund and emails, over HTTP. In the end the refunds are read from Stripe
and compared with the credited lines. It runs on an installation of its own, with everything embedded.

    python examples/online_retail.py PATH… [--limit N] [--json] [--data FOLDER]

The contacts are made now, not when the credit notes were written years ago: every promise would be broken before
the return began, and the customers would be mailed delay notices. The policy (online_retail_policy.toml) has no
window, so what was bought long ago may come back. The file has ids for customers; their names and addresses are made up.

Data: UCI Online Retail (Chen, D., 2015), CC BY 4.0.
"""

import asyncio
import json
import os
import statistics
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from threading import local
from time import perf_counter
from typing import Annotated, Any, TypeVar
from zoneinfo import ZoneInfo

import httpx2
import stripe
import typer
import uvloop
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from sqlmodel import select

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from examples.credit_notes import CURRENCY, GoodsBack, Line, match, read_books
from returndesk.domain.errors import ReturndeskError
from returndesk.domain.money import format_plain
from returndesk.domain.people import Role
from returndesk.embedded.listening import free_ports
from returndesk.embedded.mailbox import MailboxReader
from returndesk.installation import SANDBOX_KEY, Installation
from returndesk.running import everything
from returndesk.settings import read_settings
from returndesk.store import tables, tokens

ATTRIBUTION = "Data: UCI Online Retail (Chen, D., 2015), CC BY 4.0."
POLICY = Path(__file__).with_name("online_retail_policy.toml")
PORTS = ("RETURNDESK_API_PORT", "RETURNDESK_STRIPE_PORT", "RETURNDESK_SMTP_PORT", "RETURNDESK_TEMPORAL_PORT")
PAYERS = 4
ORDERS_IN_FLIGHT = 4
RETURNS_IN_FLIGHT = 12
PATIENCE_SECONDS = 120
LOOK_EVERY_SECONDS = 0.1

Work = TypeVar("Work")


class NotAsExpected(Exception):
    """Something did not go as it should; the text says what."""


@dataclass
class Stages:
    """How long each stage took, one time per piece of work, in seconds."""

    seconds: dict[str, list[float]] = field(default_factory=dict)

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Count the block as one piece of work of a stage."""
        started = perf_counter()
        yield
        self.add(stage, perf_counter() - started)

    def add(self, stage: str, seconds: float) -> None:
        """Count one piece of work."""
        self.seconds.setdefault(stage, []).append(seconds)

    def report(self) -> dict[str, dict[str, float]]:
        """Count, median and 95th percentile of each stage."""
        return {stage: _figures(seconds) for stage, seconds in self.seconds.items()}


def _figures(seconds: Sequence[float]) -> dict[str, float]:
    cuts = statistics.quantiles([*seconds, seconds[0]], n=20)
    return {"count": len(seconds), "p50_ms": round(cuts[9] * 1000, 1), "p95_ms": round(cuts[18] * 1000, 1)}


@dataclass(frozen=True)
class Shop:
    """The running installation, and who asks: a rep for the desk's commands, the warehouse for its own."""

    installation: Installation
    http: httpx2.AsyncClient
    rep: dict[str, str]
    warehouse: dict[str, str]
    stages: Stages

    async def send(
        self, stage: str, method: str, path: str, who: dict[str, str], key: str, body: dict[str, Any]
    ) -> dict[str, Any]:
        """One timed request. Raises `NotAsExpected` unless it succeeds."""
        with self.stages.timed(stage):
            answer = await self.http.request(method, path, json=body, headers={**who, "Idempotency-Key": key})
        if answer.status_code not in (200, 201):
            raise NotAsExpected(f"{method} {path}: {answer.status_code} {answer.text}")
        said: dict[str, Any] = answer.json()
        return said


async def pay(shop: Shop, invoices: Iterable[Sequence[Line]], done: Callable[[], None]) -> dict[str, str]:
    """Pay each invoice with one payment, by the official client; the payments' ids by invoice."""
    mine = local()

    def one(lines: Sequence[Line]) -> tuple[str, str]:
        if not hasattr(mine, "processor"):
            mine.processor = _processor(shop.installation)
        with shop.stages.timed("payment"):
            payment = mine.processor.v1.payment_intents.create(
                {
                    "amount": sum(line.worth_minor for line in lines),
                    "currency": CURRENCY.lower(),
                    "confirm": True,
                    "payment_method": "pm_card_visa",
                }
            )
        return lines[0].document, payment.id

    def all_of_them() -> dict[str, str]:
        payments = {}
        with ThreadPoolExecutor(PAYERS) as payers:
            for invoice, payment in payers.map(one, invoices):
                payments[invoice] = payment
                done()
        return payments

    return await asyncio.to_thread(all_of_them)


def _processor(installation: Installation) -> stripe.StripeClient:
    return stripe.StripeClient(SANDBOX_KEY, base_addresses={"api": installation.stripe_base})


async def put_order(shop: Shop, lines: Sequence[Line], payment: str) -> None:
    """Bring one invoice's positive lines in as an order."""
    invoice = lines[0].document
    await shop.send(
        "order", "PUT", f"/api/v1/orders/{invoice}", shop.rep, invoice, _order(shop, lines, payment)
    )


def _order(shop: Shop, lines: Sequence[Line], payment: str) -> dict[str, Any]:
    zone = ZoneInfo(shop.installation.policy.shop.zone)
    customer = lines[0].customer or f"guest-{lines[0].document}"
    return {
        "currency": CURRENCY,
        "ordered_at": min(line.at for line in lines).replace(tzinfo=zone).isoformat(),
        "customer": {
            "reference": customer,
            "name": f"Customer {customer}",
            "email": f"customer-{customer}@example.org",
        },
        "lines": [
            {
                "line": line.number,
                "sku": line.product,
                "title": line.title,
                "quantity": line.units,
                "unit_price_minor": line.unit_price_minor,
            }
            for line in lines
        ],
        "payments": [
            {
                "processor": "stripe",
                "reference": payment,
                "captured_minor": sum(line.worth_minor for line in lines),
                "label": "Visa ending 4242",
            }
        ],
    }


async def run_return(shop: Shop, back: GoodsBack) -> str:
    """One return, from the contact to its end; its RMA number."""
    goods = [{"line": line, "quantity": units} for line, units in sorted(back.units.items())]
    request = {
        "order_reference": back.invoice,
        "channel": "email",
        "items": [{**item, "reason": "other"} for item in goods],
        "resolution": "refund",
    }
    seen = [{**item, "condition": "original", "packaging": "original"} for item in goods]
    key = f"{back.credit_note}-{back.invoice}"
    asked = await shop.send("request", "POST", "/api/v1/returns", shop.rep, key + "-request", request)
    rma = str(asked["rma"])
    for command, who, body in (
        ("authorization", shop.rep, {}),
        ("receipts", shop.warehouse, {"items": goods}),
        ("inspections", shop.warehouse, {"items": seen}),
        ("decision", shop.rep, {}),
    ):
        path = f"/api/v1/returns/{rma}/{command}"
        await shop.send(command, "POST", path, who, f"{key}-{command}", body)
    with shop.stages.timed("refund and close"):
        await _until_closed(shop, rma)
    return rma


async def _until_closed(shop: Shop, rma: str) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            answer = await shop.http.get(f"/api/v1/returns/{rma}", headers=shop.rep)
            if answer.json()["stage"] == "closed":
                return
            await asyncio.sleep(LOOK_EVERY_SECONDS)


async def several(work: Sequence[Work], at_a_time: int, do: Callable[[Work], Awaitable[None]]) -> None:
    """Do all of it, so many pieces at a time."""
    waiting = iter(work)

    async def lane() -> None:
        for piece in waiting:
            await do(piece)

    await asyncio.gather(*(lane() for _ in range(at_a_time)))


async def wait_for_mail(shop: Shop, done: Callable[[int, int], None]) -> int:
    """Wait until every email that was written down is in the mailbox; how many never came."""
    domain = shop.installation.mail_domain
    with shop.installation.database.read() as session:
        notices = session.exec(select(tables.Notice)).all()
        written_at = {f"<{notice.rma}.{notice.number}@{domain}>": notice.written_at for notice in notices}
    mailbox = MailboxReader(shop.installation.data / "mailbox.db")
    arrived, last, quiet_since = set[str](), 0, perf_counter()
    while len(arrived) < len(written_at) and perf_counter() - quiet_since < PATIENCE_SECONDS:
        for mail in await asyncio.to_thread(mailbox.messages, after=last):
            last, quiet_since = mail.number, perf_counter()
            if mail.message_id in written_at and mail.message_id not in arrived:
                arrived.add(mail.message_id)
                shop.stages.add("email", (mail.received_at - written_at[mail.message_id]).total_seconds())
        done(len(arrived), len(written_at))
        await asyncio.sleep(LOOK_EVERY_SECONDS)
    return len(written_at) - len(arrived)


def refunded_by_rma(installation: Installation) -> dict[str, int]:
    """What Stripe says went back, by RMA number."""
    refunded: dict[str, int] = {}
    pages = _processor(installation).v1.refunds.list({"limit": 100})
    for refund in pages.auto_paging_iter():
        if refund.status == "succeeded":
            assert refund.metadata is not None, "every refund of ours names its return"
            rma = refund.metadata["rma"]
            refunded[rma] = refunded.get(rma, 0) + refund.amount
    return refunded


@dataclass(frozen=True)
class Report:
    """What came of it. Amounts in pence; `failures` says in a sentence each what went wrong."""

    returns_run: int
    lines_run: int
    refunded_minor: int
    credit_notes_minor: int
    not_run: dict[str, int]
    failures: list[str]
    seconds: float
    stages: dict[str, dict[str, float]]

    @property
    def is_good(self) -> bool:
        """Whether nothing failed and every penny agrees."""
        return not self.failures and self.refunded_minor == self.credit_notes_minor

    def as_json(self) -> str:
        """One object."""
        said = {**asdict(self), "failed": len(self.failures)}
        return json.dumps(said)

    def as_text(self) -> str:
        """A table of the stages, the totals, and what was left out."""
        rows = [f"{'stage':16} {'count':>6} {'p50 ms':>9} {'p95 ms':>9}"]
        rows += [
            f"{stage:16} {of['count']:>6} {of['p50_ms']:>9} {of['p95_ms']:>9}"
            for stage, of in self.stages.items()
        ]
        left_out = ", ".join(f"{count} {reason.replace('_', ' ')}" for reason, count in self.not_run.items())
        return "\n".join([
            *rows,
            "",
            f"{self.returns_run} returns of {self.lines_run} credited lines in {self.seconds:.0f} s, {len(self.failures)} failed.",
            f"Credited: {format_plain(self.credit_notes_minor, CURRENCY)} {CURRENCY}; "
            f"refunded, says Stripe: {format_plain(self.refunded_minor, CURRENCY)} {CURRENCY}.",
            f"Credited lines that were not run: {left_out}.",
            ATTRIBUTION,
        ])  # fmt: skip


async def run(installation: Installation, paths: Sequence[Path], limit: int | None, bars: Progress) -> Report:
    """Run everything, and compare."""
    started = perf_counter()
    books = read_books(paths)
    matching = match(books)
    returns = matching.returns[:limit]
    wanted = {back.invoice for back in returns}
    invoices = [lines for lines in books.invoices.values() if limit is None or lines[0].document in wanted]
    async with everything(installation, bars.console.print), _client(installation) as http:
        shop = _shop(installation, http)
        await _bring_in(shop, invoices, bars)
        rmas, failures = await _run_all(shop, returns, bars)
        bar = bars.add_task("emails", total=None)
        missing = await wait_for_mail(shop, lambda sent, all_: bars.update(bar, completed=sent, total=all_))
        refunded = await asyncio.to_thread(refunded_by_rma, installation)
    failures += [f"{missing} emails never came"] if missing else []
    failures += [
        f"{back.credit_note} credits {back.worth_minor}, but {refunded.get(rma, 0)} was refunded"
        for rma, back in rmas.items()
        if refunded.get(rma, 0) != back.worth_minor
    ]
    return Report(
        returns_run=len(rmas),
        lines_run=sum(len(back.credited_minor) for back in returns),
        refunded_minor=sum(refunded.values()),
        credit_notes_minor=sum(back.worth_minor for back in returns),
        not_run=matching.not_run,
        failures=failures,
        seconds=round(perf_counter() - started, 1),
        stages=shop.stages.report(),
    )


def _client(installation: Installation) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(base_url=f"http://127.0.0.1:{installation.settings.api_port}", timeout=60)


def _shop(installation: Installation, http: httpx2.AsyncClient) -> Shop:
    with installation.database.write() as session:
        rep, warehouse = (
            {"Authorization": f"Bearer {tokens.create(session, role, f'{role}-1', installation.clock.now())}"}
            for role in (Role.REP, Role.WAREHOUSE)
        )
    return Shop(installation, http, rep, warehouse, Stages())


async def _bring_in(shop: Shop, invoices: Sequence[Sequence[Line]], bars: Progress) -> None:
    bar = bars.add_task("payments", total=len(invoices))
    payments = await pay(shop, invoices, lambda: bars.advance(bar))
    bar = bars.add_task("orders", total=len(invoices))

    async def one(lines: Sequence[Line]) -> None:
        await put_order(shop, lines, payments[lines[0].document])
        bars.advance(bar)

    await several(invoices, ORDERS_IN_FLIGHT, one)


async def _run_all(
    shop: Shop, returns: Sequence[GoodsBack], bars: Progress
) -> tuple[dict[str, GoodsBack], list[str]]:
    """The returns that ran to their end, by RMA number, and what went wrong with others."""
    bar = bars.add_task("returns", total=len(returns))
    rmas: dict[str, GoodsBack] = {}
    failures: list[str] = []

    async def one(back: GoodsBack) -> None:
        try:
            rmas[await run_return(shop, back)] = back
        except (NotAsExpected, httpx2.HTTPError, TimeoutError) as error:
            failures.append(f"{back.credit_note}: {error!r}")
        bars.advance(bar)

    await several(returns, RETURNS_IN_FLIGHT, one)
    return rmas, failures


def main(
    paths: Annotated[
        list[Path], typer.Argument(exists=True, dir_okay=False, help="CSV files, gzipped or not.")
    ],
    limit: Annotated[
        int | None, typer.Option(min=1, help="Only so many returns, and only the orders they need.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    data: Annotated[
        Path | None, typer.Option(help="A new folder to keep the state in; thrown away otherwise.")
    ] = None,
) -> None:
    """Run a real retailer's credit notes as returns and compare what Stripe refunded, to the penny."""
    if data is not None and data.exists() and any(data.iterdir()):
        raise typer.BadParameter(f"{data} is not empty: name a new folder.", param_hint="--data")
    console = Console(stderr=True)
    columns = (TextColumn("{task.description:10}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with tempfile.TemporaryDirectory(prefix="returndesk-example-") as passing:
        _set_apart(data or Path(passing))
        try:
            with Progress(*columns, console=console) as bars:
                report = uvloop.run(run(Installation(read_settings()), paths, limit, bars))
        except (ReturndeskError, NotAsExpected) as error:
            console.print(str(error))
            raise typer.Exit(1) from None
    for failure in report.failures:
        console.print(failure)
    print(report.as_json() if as_json else report.as_text())
    raise typer.Exit(0 if report.is_good else 1)


def _set_apart(folder: Path) -> None:
    """Settings of an installation of its own: free ports, this folder, this policy."""
    os.environ.update({name: str(port) for name, port in zip(PORTS, free_ports(len(PORTS)), strict=True)})
    os.environ["RETURNDESK_DATA"] = str(folder)
    os.environ["RETURNDESK_POLICY"] = str(POLICY)


if __name__ == "__main__":
    typer.run(main)
