"""How many complete returns a second, and how that compares with what Temporal alone can do here.

A complete return is five commands over HTTP, each asked for by somebody, until the processor has confirmed the
refund and the run has ended. The skeleton (skeleton.py) does the same events with nothing else, on the same
server, in turns with the product: the box is as busy for one as for the other. While one side is measured the other
one's worker only waits at the server; what that costs is measured too, as `idle`. Mail is written down during the
measurement and sent after it. Nothing but this machine is used; the state is thrown away.

    python benchmarks/throughput.py [--returns N] [--rounds N] [--in-flight N] [--json]
"""

import asyncio
import json
import os
import statistics
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter
from typing import Annotated

import stripe
import typer
import uvloop
from sqlmodel import col, func, select
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.apart import cpu_seconds, installation_apart, resident_mib
from benchmarks.desk import WORTH_MINOR
from benchmarks.driving import ProductSide, Side, SkeletonSide, product_side
from benchmarks.reporting import percentiles, say
from returndesk.embedded.processes import Child, Supervisor
from returndesk.installation import SANDBOX_KEY, Installation
from returndesk.messages import TASK_QUEUE, UPKEEP_WORKFLOW, UpkeepInput, upkeep_workflow_id
from returndesk.running import everything
from returndesk.settings import ROOT
from returndesk.store import tables

WARM_UP = 24
IDLE_RETURNS = 12


@dataclass(frozen=True)
class Round:
    """One measurement of one side. `cpu_ms` is processor time a return, by process."""

    side: str
    returns: int
    seconds: float
    returns_per_second: float
    command_p50_ms: float
    command_p95_ms: float
    cpu_ms: dict[str, float]


@dataclass(frozen=True)
class Histories:
    """The events that runs left: how many, and of which kinds in which order on the usual way."""

    usual: tuple[str, ...]
    mean: float
    most: int


class Bench:
    """Both sides, and the processes that work for them."""

    def __init__(self, product: ProductSide, skeleton: SkeletonSide, pids: dict[str, int]) -> None:
        self.product = product
        self.skeleton = skeleton
        self._pids = pids

    async def measure(self, name: str, side: Side, returns: int, in_flight: int) -> Round:
        """Do so many returns, so many at a time."""
        side.seconds.clear()
        before, started = self._cpu_seconds(), perf_counter()
        await drive(side, returns, in_flight)
        seconds = perf_counter() - started
        after = self._cpu_seconds()
        idle = "skeleton" if name == "product" else "worker"
        spent = {
            ("idle" if process == idle else "worker" if process == "skeleton" else process): round(
                (after[process] - before[process]) / returns * 1000, 2
            )
            for process in before
        }
        p50, p95 = percentiles(side.seconds)
        return Round(name, returns, round(seconds, 2), round(returns / seconds, 2), p50, p95, spent)

    def resident_mib(self) -> dict[str, int]:
        """Resident memory of the product's processes."""
        ours = {name: pid for name, pid in self._pids.items() if name not in ("skeleton", "client")}
        mib = resident_mib(ours)
        return {**mib, "all": sum(mib.values())}

    def _cpu_seconds(self) -> dict[str, float]:
        return {name: cpu_seconds(pid) for name, pid in self._pids.items()}


async def drive(side: Side, returns: int, in_flight: int) -> None:
    """Let lanes take returns until all are done."""
    work: Iterator[int] = iter(range(returns))
    await asyncio.gather(*(side.lane(work) for _ in range(in_flight)))


async def histories(client: Client, workflows: Sequence[str]) -> Histories:
    """Read the runs' histories."""
    kinds = []
    for workflow in workflows:
        events = client.get_workflow_handle(workflow).fetch_history_events()
        kinds.append(tuple([EventType.Name(e.event_type) async for e in events]))
    usual = statistics.mode(kinds)
    return Histories(usual, statistics.fmean(map(len, kinds)), max(map(len, kinds)))


async def start_duty(client: Client, duty: str) -> None:
    """Have the product's worker do a duty that it was started without."""
    await client.start_workflow(
        UPKEEP_WORKFLOW,
        UpkeepInput(duty),
        id=upkeep_workflow_id(duty),
        task_queue=TASK_QUEUE,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
    )


async def drain_mail(installation: Installation, client: Client) -> tuple[int, float]:
    """Send all mail that waits; how many, in how many seconds."""

    def waiting() -> int:
        with installation.database.read() as session:
            unsent = (
                select(func.count()).select_from(tables.Notice).where(col(tables.Notice.settled_at).is_(None))
            )
            return session.exec(unsent).one()

    count, started = waiting(), perf_counter()
    await start_duty(client, "notices")
    while waiting():
        await asyncio.sleep(0.1)
    return count, perf_counter() - started


def refunded_minor(installation: Installation) -> int:
    """What the processor says was refunded."""
    processor = stripe.StripeClient(SANDBOX_KEY, base_addresses={"api": installation.stripe_base})
    pages = processor.v1.refunds.list({"limit": 100})
    return sum(refund.amount for refund in pages.auto_paging_iter() if refund.status == "succeeded")


async def bench(installation: Installation, returns: int, rounds: int, in_flight: int) -> dict[str, object]:
    """Run everything; the report."""
    worker = ("benchmarks.one_worker", "product")
    async with everything(installation, say, worker=worker) as supervisor:
        await supervisor.start(_skeleton_worker(installation))
        client = await installation.connect()
        plain = await Client.connect(installation.temporal_address, namespace=client.namespace)
        say("Paying and importing orders …")
        product = await product_side(installation, client, WARM_UP + IDLE_RETURNS + returns * rounds)
        await start_duty(client, "sweep")
        return await _measure(
            installation, supervisor, product, SkeletonSide(plain), returns, rounds, in_flight
        )


async def _measure(
    installation: Installation,
    supervisor: Supervisor,
    product: ProductSide,
    skeleton: SkeletonSide,
    returns: int,
    rounds: int,
    in_flight: int,
) -> dict[str, object]:
    on = Bench(product, skeleton, {**supervisor.pids(), "client": os.getpid()})
    sides: dict[str, Side] = {"product": product, "skeleton": skeleton}
    for side in sides.values():
        await drive(side, WARM_UP, in_flight)
    idle = {name: await on.measure(name, side, IDLE_RETURNS, 1) for name, side in sides.items()}
    measured = []
    for _ in range(rounds):
        for name, side in sides.items():
            measured.append(await on.measure(name, side, returns, in_flight))
            say(f"{name:9} {measured[-1].returns_per_second:6.2f} returns/s")
    ours, bare = await histories(skeleton.client, product.ran), await histories(skeleton.client, skeleton.ran)
    assert ours.usual == bare.usual, "the skeleton does not do what the product does"
    mails, mail_seconds = await drain_mail(installation, product.client)
    refunded = refunded_minor(installation)
    assert refunded == len(product.ran) * WORTH_MINOR, "the processor did not confirm every refund"
    rate = {name: _rate([r for r in measured if r.side == name]) for name in sides}
    return {
        "returns_per_second": rate["product"],
        "skeleton_per_second": rate["skeleton"],
        "ratio": round(rate["product"] / rate["skeleton"], 3),
        "events_per_return": len(ours.usual),
        "events_mean": {"product": ours.mean, "skeleton": bare.mean},
        "in_flight": in_flight,
        "idle": {name: asdict(of) for name, of in idle.items()},
        "rounds": [asdict(one) for one in measured],
        "mails": mails,
        "mails_per_second": round(mails / mail_seconds, 1),
        "resident_mib": on.resident_mib(),
    }


def _rate(rounds: Sequence[Round]) -> float:
    """Returns a second over all rounds of a side."""
    return round(sum(r.returns for r in rounds) / sum(r.seconds for r in rounds), 2)


def _skeleton_worker(installation: Installation) -> Child:
    return Child(
        "skeleton",
        [sys.executable, "-m", "benchmarks.one_worker", "skeleton"],
        installation.data / "logs" / "skeleton.log",
        {"PYTHONPATH": str(ROOT)},
    )


def main(
    returns: Annotated[int, typer.Option(min=1, help="In a round.")] = 200,
    rounds: Annotated[int, typer.Option(min=1, help="Of each side, in turns.")] = 3,
    in_flight: Annotated[int, typer.Option(min=1, help="Returns at a time.")] = 16,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Measure complete returns a second against the bare skeleton."""
    with installation_apart() as installation:
        report = uvloop.run(bench(installation, returns, rounds, in_flight))
    print(json.dumps(report, indent=None if as_json else 2))


if __name__ == "__main__":
    typer.run(main)
