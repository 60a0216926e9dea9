"""What many open returns cost while they wait for their goods, and how soon one answers after the worker was killed.

An installation as `returndesk up` runs it. Every return is asked for and authorized over HTTP, and its mail is sent;
then nothing happens to it any more. The worker is killed -9 and started again by the supervisor, as in real use.
As soon as it asks Temporal for work, parcels arrive for a sample of the returns, one after the other: the first
thing that any of them hears of since. Nothing but this machine is used; the state is thrown away.

    python benchmarks/parked.py [--returns N] [--touches N] [--in-flight N] [--json]
"""

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter
from typing import Annotated

import typer
import uvloop
from rich.progress import Progress
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.apart import disk_mib, installation_apart, resident_mib
from benchmarks.desk import GOODS, Desk, open_desk
from benchmarks.http_client import Connection
from benchmarks.parking import LOOK_EVERY_SECONDS, park, sell
from benchmarks.reporting import bars, percentiles, show
from returndesk.embedded.processes import Supervisor
from returndesk.installation import Installation
from returndesk.messages import TASK_QUEUE
from returndesk.running import everything

WORKER_MIB_MAX = 500
TOUCH_P95_MS_MAX = 300


@dataclass(frozen=True)
class Report:
    """What was measured. `resident_mib` by process: with all returns parked, after the worker's new start, at the end."""

    returns: int
    parked_per_second: float
    restart_seconds: float
    touches: int
    touch_first_ms: float
    touch_p50_ms: float
    touch_p95_ms: float
    touch_max_ms: float
    resident_mib: dict[str, dict[str, int]]
    disk_mib: dict[str, float]
    load_average: float

    def missed(self) -> list[str]:
        """The targets that were not reached."""
        most = max(seen["worker"] for seen in self.resident_mib.values())
        missed = [f"worker: {most} MiB, not {WORKER_MIB_MAX}"] if most >= WORKER_MIB_MAX else []
        if self.touch_p95_ms > TOUCH_P95_MS_MAX:
            missed.append(f"first touch: {self.touch_p95_ms} ms, not {TOUCH_P95_MS_MAX}")
        return missed

    def rows(self) -> list[tuple[str, str]]:
        """The same for people."""
        memory = [
            (f"resident, {when}", ", ".join(f"{name} {mib} MiB" for name, mib in seen.items()))
            for when, seen in self.resident_mib.items()
        ]
        return [
            ("open returns", f"{self.returns:,}, parked at {self.parked_per_second} a second"),
            *memory,
            ("on disk", ", ".join(f"{name} {mib} MiB" for name, mib in self.disk_mib.items())),
            ("worker killed and back", f"{self.restart_seconds} s"),
            (f"first touch of {self.touches}, p50 / p95", f"{self.touch_p50_ms} / {self.touch_p95_ms} ms"),
            ("the very first, the slowest", f"{self.touch_first_ms} ms, {self.touch_max_ms} ms"),
            ("load average before", f"{self.load_average}"),
            ("targets missed", "; ".join(self.missed()) or "none"),
        ]


async def bench(
    installation: Installation, returns: int, touches: int, in_flight: int, progress: Progress
) -> Report:
    """Run everything."""
    load_average = round(os.getloadavg()[0], 1)
    async with everything(installation, progress.console.print) as supervisor:
        desk = open_desk(installation)
        sell(installation, returns, progress)
        started = perf_counter()
        rmas = await park(
            installation, desk, range(returns), in_flight=in_flight, progress=progress, authorize=True
        )
        parking_seconds = perf_counter() - started
        progress.console.print(f"{returns} returns are parked.")
        resident = {"parked": resident_mib(supervisor.pids())}
        restart_seconds = await kill_worker(supervisor, await installation.connect())
        resident["restarted"] = resident_mib(supervisor.pids())
        seconds = await touch(desk, rmas[:: max(returns // touches, 1)][:touches], progress)
        resident["touched"] = resident_mib(supervisor.pids())
        p50, p95 = percentiles(seconds)
        return Report(
            returns=len(rmas),
            parked_per_second=round(returns / parking_seconds, 1),
            restart_seconds=round(restart_seconds, 1),
            touches=len(seconds),
            touch_first_ms=round(seconds[0] * 1000, 1),
            touch_p50_ms=p50,
            touch_p95_ms=p95,
            touch_max_ms=round(max(seconds) * 1000, 1),
            resident_mib=resident,
            disk_mib=disk_mib(installation.data),
            load_average=load_average,
        )


async def kill_worker(supervisor: Supervisor, client: Client) -> float:
    """Kill the worker -9; how many seconds later its successor asked Temporal for work."""
    killed, at = supervisor.pids()["worker"], perf_counter()
    os.kill(killed, signal.SIGKILL)
    while True:
        pid = supervisor.pids()["worker"]
        if pid != killed and await _asks_for_work(client, pid):
            return perf_counter() - at
        await asyncio.sleep(LOOK_EVERY_SECONDS)


async def _asks_for_work(client: Client, pid: int) -> bool:
    queue = DescribeTaskQueueRequest(
        namespace=client.namespace,
        task_queue=TaskQueue(name=TASK_QUEUE),
        task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
    )
    described = await client.workflow_service.describe_task_queue(queue)
    return any(poller.identity.startswith(f"{pid}@") for poller in described.pollers)


async def touch(desk: Desk, rmas: Sequence[str], progress: Progress) -> list[float]:
    """A parcel arrives for each return; the seconds until that was answered."""
    seconds = []
    connection = await Connection.open(desk.port)
    for rma in progress.track(rmas, description="touching"):
        started = perf_counter()
        await connection.ask(f"/api/v1/returns/{rma}/receipts", desk.warehouse, {"items": [GOODS]})
        seconds.append(perf_counter() - started)
    connection.close()
    return seconds


def main(
    returns: Annotated[int, typer.Option(min=2, help="Open returns.")] = 10_000,
    touches: Annotated[int, typer.Option(min=2, help="Of them, so many hear of something.")] = 200,
    in_flight: Annotated[int, typer.Option(min=1, help="Made at a time.")] = 16,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Park open returns, kill the worker, and see what they cost and how soon they answer."""
    with installation_apart() as installation, bars() as progress:
        report = uvloop.run(bench(installation, returns, touches, in_flight, progress))
    show({**asdict(report), "missed": report.missed()}, report.rows(), as_json=as_json)


if __name__ == "__main__":
    typer.run(main)
