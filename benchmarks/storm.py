"""Thousands of deadlines at one instant: how late each is handled, and that none is handled twice.

An installation as `returndesk up` runs it, on real time. Every return is asked for over HTTP, by a customer who got
in touch at one and the same instant, under a policy whose shop is open day and night (storm_policy.toml). So the
promise to decide is broken for all of them at once: each gets an audit record, a task for a manager and a mail with
the new date. What time does to a return is spread over four minutes by design; they count as lateness here.
Meanwhile somebody puts a return of another day on hold and lets it go on, again and again, as a person would who works
through the storm: how long each command takes to its outcome is measured too.
The counts are read from the books and from the mailbox. The state is thrown away.

    python benchmarks/storm.py [--returns N] [--workers N] [--in-flight N] [--lead SECONDS] [--json]
"""

import asyncio
import os
import statistics
import sys
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter
from typing import Annotated, Self

import typer
import uvloop
from rich.progress import Progress
from sqlmodel import col, select

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.apart import cpu_seconds, installation_apart, resident_mib
from benchmarks.desk import Desk, open_desk
from benchmarks.http_client import Connection
from benchmarks.parking import count, park, sell, unfinished, until_none
from benchmarks.reporting import bars, show
from returndesk.domain.clock import PROCESSING
from returndesk.domain.notice_facts import NoticeKind
from returndesk.embedded.mailbox import MailboxReader
from returndesk.embedded.processes import Supervisor
from returndesk.installation import Installation
from returndesk.running import everything
from returndesk.store import tables

POLICY = Path(__file__).with_name("storm_policy.toml")
LATE_SECONDS_MAX = 300
A_DAY = timedelta(days=1)
"""The policy's promise, in a shop that never closes."""
HOURS_LATER = timedelta(hours=3)
"""Later than the longest run, and late enough in the clock for its warning to be due at once."""
WARM_UP_MAX = 200
A_COMMAND_EVERY_SECONDS = 1.0
COMMANDS_P95_SECONDS_MAX = 1.0
RESERVE = 1.5
"""How much longer than the first returns let expect the parking may take."""
RESERVE_SECONDS = 30
MAILS_AT_A_TIME = 500


@dataclass(frozen=True)
class Seconds:
    """How long something took, often."""

    count: int
    p50_seconds: float
    p95_seconds: float
    max_seconds: float

    @classmethod
    def of(cls, took: Sequence[float]) -> Self:
        """By each time that it took; at least two."""
        cuts = statistics.quantiles(took, n=20, method="inclusive")
        return cls(len(took), round(cuts[9], 2), round(cuts[18], 2), round(max(took), 2))

    def __str__(self) -> str:
        return f"{self.p50_seconds} / {self.p95_seconds} / {self.max_seconds} s"


@dataclass(frozen=True)
class Times:
    """For how many returns something that belongs to the deadline never happened, and for how many more than once."""

    missing: int
    twice: int


@dataclass(frozen=True)
class Report:
    """What was measured.

    `handled`: by the instant in each audit record; `mailed`: by the mailbox. `done_after_seconds`: when the last record
    was in the books and the last mail out. `commands`: of somebody who worked meanwhile. `times`: of the audit records, notices, tasks and mails of the deadline.
    """

    returns: int
    workers: int
    parked_per_second: float
    parked_before_deadline_seconds: float
    deadline: str
    handled: Seconds
    mailed: Seconds
    done_after_seconds: float
    commands: Seconds
    times: dict[str, Times]
    cpu_seconds: dict[str, float]
    resident_mib: dict[str, int]
    load_average: float

    def missed(self) -> list[str]:
        """The targets that were not reached."""
        missed = [
            f"{what}: {times.missing} missing, {times.twice} twice"
            for what, times in self.times.items()
            if times.missing or times.twice
        ]
        if self.parked_before_deadline_seconds < 0:
            missed.append("not all were parked before the deadline: give a longer --lead")
        if self.handled.max_seconds > LATE_SECONDS_MAX:
            missed.append(f"late by {self.handled.max_seconds} s, not {LATE_SECONDS_MAX}")
        if self.commands.p95_seconds > COMMANDS_P95_SECONDS_MAX:
            missed.append(f"commands: p95 {self.commands.p95_seconds} s, not {COMMANDS_P95_SECONDS_MAX}")
        return missed

    def rows(self) -> list[tuple[str, str]]:
        """The same for people."""
        return [
            ("deadlines at one instant", f"{self.returns:,}, with {self.workers} worker(s)"),
            (
                "parked",
                f"at {self.parked_per_second} a second, {self.parked_before_deadline_seconds} s before",
            ),
            ("handled late by, p50 / p95 / max", str(self.handled)),
            ("mailed late by, p50 / p95 / max", str(self.mailed)),
            ("all done after", f"{self.done_after_seconds} s"),
            (f"{self.commands.count} commands meanwhile, p50 / p95 / max", str(self.commands)),
            *((what, f"{t.missing} missing, {t.twice} twice") for what, t in self.times.items()),
            ("processor time", ", ".join(f"{name} {s} s" for name, s in self.cpu_seconds.items())),
            ("resident", ", ".join(f"{name} {mib} MiB" for name, mib in self.resident_mib.items())),
            ("load average before", f"{self.load_average}"),
            ("targets missed", "; ".join(self.missed()) or "none"),
        ]


async def bench(
    installation: Installation,
    returns: int,
    workers: int,
    in_flight: int,
    lead_seconds: float | None,
    progress: Progress,
) -> Report:
    """Run everything."""
    load_average = round(os.getloadavg()[0], 1)
    async with everything(installation, progress.console.print, workers=workers) as supervisor:
        desk = open_desk(installation)
        sell(installation, returns + _first(returns, in_flight), progress)
        first, seconds = await _park_the_first(installation, desk, returns, in_flight, progress)
        if lead_seconds is None:
            lead_seconds = seconds / len(first) * returns * RESERVE + RESERVE_SECONDS
        started = installation.clock.now().replace(microsecond=0)
        contacted_at = started + timedelta(seconds=lead_seconds) - A_DAY
        rmas, deadline = await _park(installation, desk, range(returns), contacted_at, in_flight, progress)
        parked_at = installation.clock.now()
        before = (deadline - parked_at).total_seconds()
        progress.console.print(f"All are parked, {before:.0f} seconds before the deadline.")
        await asyncio.sleep(max(before, 0))
        cpu = _cpu_seconds(supervisor)
        is_over = asyncio.Event()
        working = asyncio.create_task(_work_through_it(desk, first[0], is_over))
        await until_none(lambda: _standing(installation, deadline, "breached_at"), progress, "storm", returns)
        is_over.set()
        commands = await working
        await until_none(lambda: unfinished(installation), progress, "mails", returns)
        done_at = installation.clock.now()
        audit, notices, tasks = _books(installation)
        mails = _mails(installation, notices)
        wanted = set(rmas)
        return Report(
            returns=len(rmas),
            workers=workers,
            parked_per_second=round(returns / (parked_at - started).total_seconds(), 1),
            parked_before_deadline_seconds=round(before, 1),
            deadline=deadline.isoformat(),
            handled=_lateness(deadline, [at for _, at in audit]),
            mailed=_lateness(deadline, [at for _, at in mails]),
            done_after_seconds=round((done_at - deadline).total_seconds(), 1),
            commands=commands,
            times={
                "audit records": _times(wanted, (rma for rma, _ in audit)),
                "notices": _times(wanted, (rma for rma, _ in notices)),
                "tasks": _times(wanted, tasks),
                "mails": _times(wanted, (rma for rma, _ in mails)),
            },
            cpu_seconds={n: round(s - cpu[n], 1) for n, s in _cpu_seconds(supervisor).items()},
            resident_mib=resident_mib(supervisor.pids()),
            load_average=load_average,
        )


async def _park(
    installation: Installation,
    desk: Desk,
    numbers: Sequence[int],
    contacted_at: datetime,
    in_flight: int,
    progress: Progress,
) -> tuple[list[str], datetime]:
    """Returns of one contact that are all warned of by now, and their deadline."""
    deadline = installation.policies.calendar(installation.policy).add(contacted_at, 1)
    rmas = await park(
        installation, desk, numbers, in_flight=in_flight, progress=progress,
        contacted_at=contacted_at.isoformat(),
    )  # fmt: skip
    await until_none(
        lambda: _standing(installation, deadline, "warned_at"), progress, "warnings", len(numbers)
    )
    return rmas, deadline


async def _park_the_first(
    installation: Installation, desk: Desk, returns: int, in_flight: int, progress: Progress
) -> tuple[list[str], float]:
    """Some returns that are due hours later, and are no part of the storm; the seconds that it took."""
    numbers, started = range(returns, returns + _first(returns, in_flight)), perf_counter()
    contacted_at = installation.clock.now() - A_DAY + HOURS_LATER
    rmas, _ = await _park(installation, desk, numbers, contacted_at, in_flight, progress)
    return rmas, perf_counter() - started


async def _work_through_it(desk: Desk, rma: str, is_over: asyncio.Event) -> Seconds:
    """Hold a return and let it go on until the storm is over, at least once."""
    connection, took = await Connection.open(desk.port), list[float]()
    while not is_over.is_set() or not took:
        for what, body in (("hold", {"reason": "other"}), ("resumption", {"decide": False})):
            started = perf_counter()
            await connection.ask(f"/api/v1/returns/{rma}/{what}", desk.rep, body)
            took.append(perf_counter() - started)
            await asyncio.sleep(A_COMMAND_EVERY_SECONDS)
    connection.close()
    return Seconds.of(took)


def _first(returns: int, in_flight: int) -> int:
    return min(WARM_UP_MAX, max(returns // 10, in_flight))


def _standing(installation: Installation, deadline: datetime, undone: str) -> int:
    """How many clocks with this deadline something was not done about yet: `warned_at`, `breached_at`."""
    clock = tables.Clock
    return count(
        installation,
        clock,
        col(clock.kind) == PROCESSING,
        col(clock.due_at) == deadline,
        getattr(clock, undone).is_(None),
    )


def _cpu_seconds(supervisor: Supervisor) -> dict[str, float]:
    pids = {**supervisor.pids(), "client": os.getpid()}
    return {name: cpu_seconds(pid) for name, pid in pids.items()}


Dated = list[tuple[str, datetime]]
"""RMAs, each with an instant."""


def _books(installation: Installation) -> tuple[Dated, list[tuple[str, int]], list[str]]:
    """What the books have of the deadline: audit records, notices by number, tasks."""
    audit, notice, task = tables.AuditRecord, tables.Notice, tables.Task
    with installation.database.read() as session:
        return (
            list(session.exec(select(audit.rma, audit.at).where(audit.what == "breached"))),
            list(session.exec(select(notice.rma, notice.number).where(notice.kind == NoticeKind.DELAY))),
            [str(rma) for rma in session.exec(select(task.rma).where(task.kind == f"breach_{PROCESSING}"))],
        )


def _mails(installation: Installation, notices: Iterable[tuple[str, int]]) -> Dated:
    """The mails of these notices that the mailbox took, by their Message-IDs."""
    wanted = {f"<{rma}.{number}@{installation.mail_domain}>": rma for rma, number in notices}
    reader, found, after = MailboxReader(installation.data / "mailbox.db"), Dated(), 0
    while messages := reader.messages(after, limit=MAILS_AT_A_TIME):
        found += [(wanted[m.message_id], m.received_at) for m in messages if m.message_id in wanted]
        after = messages[-1].number
    return found


def _lateness(deadline: datetime, instants: Iterable[datetime]) -> Seconds:
    return Seconds.of([(at - deadline).total_seconds() for at in instants])


def _times(wanted: Collection[str], found: Iterable[str]) -> Times:
    often = Counter(found)
    return Times(
        missing=sum(rma not in often for rma in wanted), twice=sum(times > 1 for times in often.values())
    )


def _policy() -> str:
    """The storm's policy, with the days around today open whatever holiday they are."""
    today = datetime.now(UTC).date()
    days = [f'{today + A_DAY * days} = ["00:00-23:59"]' for days in range(-2, 4)]
    return "\n".join([POLICY.read_text(), "[calendar.special_days]", *days])


def main(
    returns: Annotated[int, typer.Option(min=2, help="Open returns with the same deadline.")] = 10_000,
    workers: Annotated[int, typer.Option(min=1, help="Worker processes.")] = 1,
    in_flight: Annotated[int, typer.Option(min=1, help="Made at a time.")] = 16,
    lead: Annotated[
        float | None,
        typer.Option(
            help="Seconds from the first return to the deadline; without it, what the parking is expected to take."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Break thousands of promises at one instant, and see how late each is handled."""
    with installation_apart(_policy()) as installation, bars() as progress:
        report = uvloop.run(bench(installation, returns, workers, in_flight, lead, progress))
    show({**asdict(report), "missed": report.missed()}, report.rows(), as_json=as_json)


if __name__ == "__main__":
    typer.run(main)
