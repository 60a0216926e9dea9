"""Children of `returndesk up`: started in order, kept alive, stopped in reverse; and what they need here.

Guarantees: no child outlives this process, not even its kill -9 (see `leash`); one run at a time holds a
state folder, by a lock the kernel lets go of with its holder; a child that dies is started again after a
growing pause, and that is said; whatever is missing or taken is told in a sentence that names what to do.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import shutil
import signal
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from returndesk.domain.errors import ConfigurationError, ReturndeskError
from returndesk.embedded import leash

Say = Callable[[str], None]

FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 30.0
SETTLED_SECONDS = 60.0
FAILURES_MAX = 8
LOG_BYTES_MAX = 10 * 1024 * 1024


class Interrupted(ReturndeskError):
    """A signal asked for a stop while things were being started: not a fault of anybody's."""


@dataclass(frozen=True)
class Child:
    """One program to run: `ready` returns once it can be used; `environment` is added to ours."""

    name: str
    command: Sequence[str]
    log: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    ready: Callable[[], Awaitable[None]] | None = None
    ready_seconds: float = 60.0
    stop_seconds: float = 10.0


class Supervisor:
    """Runs children for as long as it is wanted.

    An async context manager: `start` each child in turn, then `run_until_signal`; leaving it stops them.
    Needs the event loop of the main thread: the kernel ties a child's life to the thread that started it.
    """

    def __init__(self, say: Say) -> None:
        self._say = say
        self._running: dict[str, _Running] = {}
        self._keepers: dict[str, asyncio.Task[None]] = {}
        self._ending = asyncio.Event()
        self._failure: ConfigurationError | None = None

    async def __aenter__(self) -> Supervisor:
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, self._signalled)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().remove_signal_handler(number)

    def pids(self) -> dict[str, int]:
        """The process id of every child that runs now, by its name."""
        return {name: running.process.pid for name, running in self._running.items()}

    async def start(self, child: Child) -> None:
        """Start `child` and return when it is ready; from then on it is started again whenever it dies.

        Raises ConfigurationError when the program is missing, or ends or stays silent before it is ready, and
        Interrupted when a signal asks us to stop meanwhile.
        """
        running = await _spawn(child)
        self._running[child.name] = running
        await self._until_ready(running)
        self._keepers[child.name] = asyncio.create_task(self._keep(running), name=f"keep {child.name}")

    async def run_until_signal(self) -> None:
        """Wait for SIGINT or SIGTERM; raises ConfigurationError when a child cannot be kept alive."""
        await self._ending.wait()
        if self._failure:
            raise self._failure

    async def stop(self) -> None:
        """End every child, the last started first: SIGTERM, and after its time limit SIGKILL."""
        self._ending.set()
        for keeper in self._keepers.values():
            keeper.cancel()
        await asyncio.gather(*self._keepers.values(), return_exceptions=True)
        while self._running:
            name, running = self._running.popitem()
            if not await running.end():
                self._say(f"{name} did not stop within {running.child.stop_seconds:g} s and was killed.")

    def _signalled(self) -> None:
        """The first signal asks for an orderly stop, a second one ends the children at once."""
        if self._ending.is_set():
            for running in self._running.values():
                running.kill()
        self._ending.set()

    async def _until_ready(self, running: _Running) -> None:
        ready = asyncio.create_task(running.until_ready())
        exited = asyncio.create_task(running.process.wait())
        ending = asyncio.create_task(self._ending.wait())
        try:
            await asyncio.wait({ready, exited, ending}, return_when=asyncio.FIRST_COMPLETED)
            if ending.done():
                raise Interrupted("interrupted", f"Stopped before {running.child.name} was ready.")
            if ready.done():
                ready.result()
                return
            raise running.ended_early()
        finally:
            for task in (ready, exited, ending):
                task.cancel()
            await asyncio.gather(ready, exited, ending, return_exceptions=True)

    async def _keep(self, running: _Running) -> None:
        """Start the child again each time it ends; the pause doubles until one has lived for a minute."""
        failures = 0
        while True:
            started = time.monotonic()
            await running.process.wait()
            failures = 1 if time.monotonic() - started > SETTLED_SECONDS else failures + 1
            if failures > FAILURES_MAX:
                self._give_up(running)
                return
            pause = min(FIRST_PAUSE_SECONDS * 2 ** (failures - 1), LONGEST_PAUSE_SECONDS)
            self._say(f"{running.how_it_ended()}; starting it again in {pause:g} s.")
            await asyncio.sleep(pause)
            running = await _spawn(running.child)
            self._running[running.child.name] = running
            try:
                await self._until_ready(running)
                self._say(f"{running.child.name} runs again.")
            except ConfigurationError:
                running.kill()

    def _give_up(self, running: _Running) -> None:
        self._failure = ConfigurationError(
            "child_fails",
            f"{running.how_it_ended()}, {FAILURES_MAX + 1} times in a row: see {running.child.log}.",
        )
        self._ending.set()


@dataclass
class _Running:
    child: Child
    process: asyncio.subprocess.Process

    async def until_ready(self) -> None:
        if self.child.ready is None:
            return
        try:
            await asyncio.wait_for(self.child.ready(), self.child.ready_seconds)
        except TimeoutError:
            raise ConfigurationError(
                "child_silent",
                f"{self.child.name} was not ready in {self.child.ready_seconds:g} s: see {self.child.log}.",
            ) from None

    async def end(self) -> bool:
        """Stop it; False when it had to be killed."""
        with suppress(ProcessLookupError):
            self.process.terminate()
        try:
            await asyncio.wait_for(self.process.wait(), self.child.stop_seconds)
        except TimeoutError:
            self.kill()
            await self.process.wait()
            return False
        return True

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            self.process.kill()

    def how_it_ended(self) -> str:
        code = self.process.returncode or 0
        if code < 0:
            return f"{self.child.name} was ended by {signal.Signals(-code).name}"
        return f"{self.child.name} ended with exit code {code}"

    def ended_early(self) -> ConfigurationError:
        return ConfigurationError(
            "child_ended", f"{self.how_it_ended()} before it was ready: {self.child.log} has its last words."
        )


async def _spawn(child: Child) -> _Running:
    """Start it in a process group of its own, so that Ctrl-C reaches us alone and we stop things in order."""
    _make_room(child.log)
    program = child.command[0]
    if shutil.which(program) is None:
        raise ConfigurationError(
            "tool_missing", f"{child.name} needs the program {program}, which is not there: install it."
        )
    with child.log.open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            *leash.held(child.command),
            env={**os.environ, **child.environment},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    return _Running(child, process)


def _make_room(log: Path) -> None:
    """Keep one older log beside the present one, so that logs do not fill the disk."""
    if log.exists() and log.stat().st_size > LOG_BYTES_MAX:
        log.replace(log.with_suffix(".old.log"))


@contextmanager
def hold_folder(folder: Path, variable: str = "RETURNDESK_DATA") -> Iterator[None]:
    """Make `folder` if it is missing and keep it for this process alone while the block runs.

    Raises ConfigurationError when it cannot be written or another run holds it. The lock is the kernel's: it
    ends with its holder however that ends, and the number in the file only serves the sentence.
    """
    path = folder / "lock"
    with ExitStack() as stack:
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = stack.enter_context(path.open("a+", encoding="ascii"))
        except OSError as error:
            raise ConfigurationError(
                "folder_unwritable",
                f"The folder {folder} cannot be written ({os.strerror(error.errno or 0)}): "
                f"make it writable, or set {variable} to another folder.",
            ) from None
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise ConfigurationError(
                "folder_taken",
                f"The folder {folder} is in use by another run (process {lock.read().strip() or 'unknown'}): "
                f"stop that one first, or set {variable} to another folder.",
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield
