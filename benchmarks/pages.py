"""How soon the desks' pages are there when the shop has 100,000 returns, and what an export of all of it takes.

Fills a database of each kind, a fifth of the returns open; starts the real API in a process; asks for each page over one
kept connection, one request after the other, each with another return or day where the page is about one. The time is
from the request to the last byte, on loopback. A page that answers anything but 200 ends the run. `first` is the first
request of a page in a fresh process. Nothing but this machine is used; the state is thrown away.

    python benchmarks/pages.py [--returns N] [--requests N] [--database sqlite] [--json]
"""

import http.client
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import cycle
from pathlib import Path
from time import monotonic, perf_counter, sleep
from typing import Annotated

import typer

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.apart import cpu_seconds
from benchmarks.page_books import DATABASES, Books, days_back, fill
from benchmarks.reporting import percentiles, say, show
from returndesk.domain.people import Role
from returndesk.embedded.listening import free_ports

P95_MS_MAX = 100
EXPORT_RSS_GROWTH_MIB_MAX = 64
START_SECONDS = 60
ANSWER_SECONDS_MAX = 600
"""A workbook sends its first byte when its last row is written."""
_ROOT = Path(__file__).resolve().parent.parent

PAGES: Sequence[tuple[Role, str]] = (
    (Role.FINANCE, "/desk/refunds"),
    (Role.FINANCE, "/desk/refunds?state=failed"),
    (Role.FINANCE, "/desk/refunds?age=14"),
    (Role.FINANCE, "/desk/refunds?state=credited"),
    (Role.FINANCE, "/desk/refunds?state=all"),
    (Role.FINANCE, "/desk/refunds?state=all&late=yes"),
    (Role.FINANCE, "/desk/refunds?state=all&from={day}"),
    (Role.FINANCE, "/desk/refunds?as_of={day}"),
    (Role.FINANCE, "/desk/refunds?state=all&as_of={day}"),
    (Role.FINANCE, "/desk/refunds?state=all&late=yes&as_of={day}"),
    (Role.FINANCE, "/desk/refunds?state=all&q={rma}"),
    (Role.FINANCE, "/desk/refunds/{rma}"),
    (Role.FINANCE, "/desk/figures"),
    (Role.FINANCE, "/desk/figures?by=order&per=month"),
    (Role.FINANCE, "/desk/audit"),
    (Role.WAREHOUSE, "/desk/station"),
    (Role.WAREHOUSE, "/desk/station/list/expected"),
    (Role.WAREHOUSE, "/desk/station/list/inspect"),
    (Role.WAREHOUSE, "/desk/station/list/goods-back"),
    (Role.WAREHOUSE, "/desk/station/{rma}"),
    (Role.WAREHOUSE, "/desk/station/{rma}/label"),
    (Role.REP, "/desk/returns"),
    (Role.REP, "/desk/returns?stage=received"),
    (Role.REP, "/desk/returns?waits=rep"),
    (Role.REP, "/desk/returns?waits=warehouse&late=yes"),
    (Role.REP, "/desk/returns?mine=yes"),
    (Role.REP, "/desk/returns?part=customer"),
    (Role.REP, "/desk/returns?part=ended"),
    (Role.REP, "/desk/returns?part=ended&stage=declined"),
    (Role.REP, "/desk/find?q=nobody%40nowhere.example"),
    (Role.REP, "/desk/find?q=07700%20900123"),
    (Role.REP, "/desk/find?q=zzzz"),
    (Role.REP, "/desk/find?q=ma"),
    (Role.REP, "/desk/find?q=000"),
    (Role.REP, "/desk/returns/{rma}"),
    (Role.REP, "/desk/tasks"),
    (Role.WAREHOUSE, "/desk/tasks"),
    (Role.FINANCE, "/desk/tasks"),
    (Role.MANAGER, "/desk/tasks"),
    (Role.MANAGER, "/desk/approvals"),
    (Role.MANAGER, "/desk/causes"),
    (Role.FINANCE, "/api/v1/refunds"),
    (Role.REP, "/api/v1/returns"),
    (Role.REP, "/api/v1/tasks"),
)
"""The pages that are measured: by whom, and where. `{rma}` is another return each time, `{day}` another day of the year."""
EXPORTS = ("/desk/refunds.csv?state=all", "/desk/refunds.xlsx?state=all")


@dataclass(frozen=True)
class PageTime:
    """One page on one database, in milliseconds. `cpu_ms`: what the process itself computed for one request."""

    page: str
    role: Role
    first_ms: float
    p50_ms: float
    p95_ms: float
    max_ms: float
    cpu_ms: float


@dataclass(frozen=True)
class ExportTaken:
    """One export of everything. `resident_growth_mib`: how much more memory the process had at its peak than before.

    `pages_p95_ms`: how soon `/desk/refunds` was there meanwhile.
    """

    export: str
    seconds: float
    first_byte_seconds: float
    mib: float
    resident_before_mib: int
    resident_growth_mib: int
    pages_p95_ms: float


@dataclass(frozen=True)
class Measured:
    """Everything of one database."""

    database: str
    returns: int
    rows: int
    fill_seconds: float
    verify_seconds: float
    pages: list[PageTime]
    exports: list[ExportTaken]
    load_average: float


class Asking:
    """One kept connection to the API."""

    def __init__(self, port: int, books: Books) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWER_SECONDS_MAX)
        self._tokens = books.tokens
        self._rmas, self._days = cycle(books.rmas), days_back(books.now)

    def seconds(self, role: Role, page: str) -> float:
        """How long one request took. Raises `RuntimeError` unless it is answered 200."""
        path = page.format(rma=next(self._rmas), day=next(self._days))
        started = perf_counter()
        answer = self.opened(role, path)
        answer.read()
        return perf_counter() - started

    def opened(self, role: Role, path: str) -> http.client.HTTPResponse:
        """An answer whose body is still to be read."""
        self._connection.request("GET", path, headers={"Authorization": f"Bearer {self._tokens[role]}"})
        answer = self._connection.getresponse()
        if answer.status != 200:
            raise RuntimeError(f"{path}: {answer.status} {answer.read()[:400].decode(errors='replace')}")
        return answer

    def close(self) -> None:
        """Hang up."""
        self._connection.close()


@contextmanager
def api_over(books: Books, folder: Path) -> Iterator[tuple[int, int]]:
    """The real API over the books: its port and its process's id. It is ended at the end."""
    (port,) = free_ports(1)
    environment = {
        **os.environ, "RETURNDESK_DATABASE_URL": books.url, "RETURNDESK_SECRET": "a secret of a benchmark, 32 long",
        "RETURNDESK_DATA": str(folder), "RETURNDESK_API_PORT": str(port),
    }  # fmt: skip
    command = [sys.executable, "-m", "benchmarks.page_server"]
    with subprocess.Popen(command, cwd=_ROOT, env=environment) as process:
        try:
            _wait_for(port, process)
            yield port, process.pid
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    until = monotonic() + START_SECONDS
    while monotonic() < until:
        if process.poll() is not None:
            raise RuntimeError(f"the API ended with {process.returncode} before it answered")
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/healthz")
            if connection.getresponse().status == 200:
                return
        except OSError:
            sleep(0.1)
    raise TimeoutError("the API did not answer within a minute")


def page_times(asking: Asking, pid: int, pages: Sequence[tuple[Role, str]], requests: int) -> list[PageTime]:
    """Each page, so many times."""
    found = []
    for role, page in pages:
        first = asking.seconds(role, page)
        before = cpu_seconds(pid)
        seconds = [asking.seconds(role, page) for _ in range(requests)]
        cpu = (cpu_seconds(pid) - before) / requests
        p50, p95 = percentiles(seconds)
        first_ms, max_ms, cpu_ms = (round(x * 1000, 1) for x in (first, max(seconds), cpu))
        found.append(PageTime(page, role, first_ms, p50, p95, max_ms, cpu_ms))
        say(f"{role} {page}: p50 {p50} ms, p95 {p95} ms, first {first_ms} ms, cpu {cpu_ms} ms")
    return found


def export_taken(port: int, pid: int, books: Books, path: str) -> ExportTaken:
    """One export of everything, while somebody else looks at the list."""
    before = _peak_mib(pid, reset=True)
    looked: list[float] = []
    done = threading.Event()

    def look() -> None:
        other = Asking(port, books)
        while not done.is_set():
            looked.append(other.seconds(Role.FINANCE, "/desk/refunds"))
        other.close()

    looking = threading.Thread(target=look)
    asking = Asking(port, books)
    looking.start()
    started = perf_counter()
    try:
        answer = asking.opened(Role.FINANCE, path)
        size = len(answer.read(1))
        first = perf_counter() - started
        while chunk := answer.read(1 << 16):
            size += len(chunk)
        seconds = perf_counter() - started
    finally:
        done.set()
        looking.join()
    asking.close()
    _, p95 = percentiles(looked) if len(looked) > 1 else (0.0, 0.0)
    grown = _peak_mib(pid) - before
    say(
        f"{path}: first byte {first:.1f} s, all {seconds:.1f} s, {size / 2**20:.1f} MiB, {grown} MiB more memory; "
        f"pages meanwhile p95 {p95} ms"
    )
    return ExportTaken(path, round(seconds, 1), round(first, 2), round(size / 2**20, 1), before, grown, p95)


def _peak_mib(pid: int, *, reset: bool = False) -> int:
    """The most memory a process had resident, since the last time this was reset (Linux)."""
    if reset:
        Path(f"/proc/{pid}/clear_refs").write_text("5")
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) // 1024


def measured(kind: str, returns: int, requests: int) -> Measured:
    """Fill one database and measure its pages and exports."""
    with tempfile.TemporaryDirectory(prefix="returndesk-pages-") as name:
        folder = Path(name)
        with DATABASES[kind](folder) as url:
            books = fill(url, returns)
            say(
                f"{kind}: {books.rows} rows in {books.fill_seconds:.0f} s, verified in {books.verify_seconds:.0f} s"
            )
            with api_over(books, folder) as (port, pid):
                asking = Asking(port, books)
                pages = page_times(asking, pid, PAGES, requests)
                asking.close()
                exports = [export_taken(port, pid, books, path) for path in EXPORTS]
    return Measured(
        kind, returns, books.rows, round(books.fill_seconds), round(books.verify_seconds), pages, exports,
        round(os.getloadavg()[0], 1),
    )  # fmt: skip


def main(
    returns: Annotated[int, typer.Option(min=100, help="How many returns there are.")] = 100_000,
    requests: Annotated[int, typer.Option(min=20, help="How often each page is asked for.")] = 100,
    database: Annotated[str, typer.Option(help="sqlite, postgresql or both.")] = "both",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Measure the pages and exports; ends with 1 where one is slower or bigger than it may be."""
    kinds = list(DATABASES) if database == "both" else [database]
    reports = [measured(kind, returns, requests) for kind in kinds]
    rows = []
    for one in reports:
        rows.append((one.database, f"{one.returns} returns, {one.rows} rows, load {one.load_average}"))
        rows += [
            (
                f"  {p.page} ({p.role})",
                f"p50 {p.p50_ms} ms, p95 {p.p95_ms} ms, max {p.max_ms} ms, first {p.first_ms} ms, cpu {p.cpu_ms} ms",
            )
            for p in one.pages
        ]
        rows += [
            (
                f"  {e.export}",
                f"first byte {e.first_byte_seconds} s, all {e.seconds} s, {e.mib} MiB, +{e.resident_growth_mib} MiB resident, pages p95 {e.pages_p95_ms} ms",
            )
            for e in one.exports
        ]
    show({"databases": [asdict(one) for one in reports]}, rows, as_json=as_json)
    slow = [f"{one.database} {p.page}" for one in reports for p in one.pages if p.p95_ms > P95_MS_MAX]
    big = [
        f"{one.database} {e.export}"
        for one in reports
        for e in one.exports
        if e.resident_growth_mib > EXPORT_RSS_GROWTH_MIB_MAX
    ]
    if slow or big:
        say(
            f"Slower than {P95_MS_MAX} ms or bigger than {EXPORT_RSS_GROWTH_MIB_MAX} MiB: {', '.join(slow + big)}"
        )
        raise typer.Exit(1)


if __name__ == "__main__":
    typer.run(main)
