"""Runs one part of an installation as it is, but with short patience, and kills it -9 where it is told.

`python -m tests.faults.part up|worker|api|sandbox`. In the folder `RETURNDESK_FAULTS`, `<part>.points` names the
points at which its lives end, one a line: its n-th life ends at the n-th, the life after the last goes on. Every
commit, and every call to the processor, the mail server and Temporal, is a point before it and one after it.
`<part>.seen` gets the name of each point when it is passed first, `<part>.deaths` that of each at which a life ended.
Nothing in the product knows of this: its functions are wrapped here.
"""

import asyncio
import ctypes
import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

FOLDER = Path(os.environ["RETURNDESK_FAULTS"])
NOT_THE_CALLER = ("contextlib.py", "part.py")
PR_SET_PDEATHSIG = 1


class Lives:
    """What the lives of one part share on disk: where they end, where one ended, what was passed."""

    def __init__(self, part: str) -> None:
        self._points, self._seen, self._deaths = (
            FOLDER / f"{part}.{what}" for what in ("points", "seen", "deaths")
        )
        self._known: set[str] = set()
        self._lock = threading.Lock()

    @property
    def are_numbered(self) -> bool:
        """Whether this part is to have several lives."""
        return self._points.exists()

    def passes(self, point: str) -> None:
        """A point is reached: die there, or go on."""
        with self._lock:
            if point not in self._known:
                self._known.add(point)
                if point not in _lines(self._seen):
                    _append(self._seen, point)
            points, died = _lines(self._points), len(_lines(self._deaths))
            if died < len(points) and points[died] == point:
                _append(self._deaths, point)
                os.kill(os.getpid(), signal.SIGKILL)


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def _append(path: Path, line: str) -> None:
    with path.open("a") as file:
        file.write(f"{line}\n")


def _watch(lives: Lives) -> None:
    """Make every commit and every call to the outside a point."""
    from returndesk.gateways.smtp import SmtpMailer
    from returndesk.gateways.stripe import StripeGateway
    from returndesk.gateways.temporal import TemporalDoor
    from returndesk.store.database import Database

    for name in ("write", "transaction"):
        setattr(Database, name, _around_commit(lives, getattr(Database, name)))
    for owner, name in ((StripeGateway, "create_refund"), (SmtpMailer, "send")):
        setattr(owner, name, _around(lives, getattr(owner, name)))
    for name in ("ask", "hint"):
        setattr(TemporalDoor, name, _around_later(lives, getattr(TemporalDoor, name)))


def _around_commit(lives: Lives, transaction: Callable[[Any], AbstractContextManager[Any]]) -> Any:
    @contextmanager
    def watched(database: Any) -> Iterator[Any]:
        where = _caller()
        with transaction(database) as books:
            yield books
            lives.passes(f"before the commit of {where}")
        lives.passes(f"after the commit of {where}")

    return watched


def _caller() -> str:
    """Who commits: the function around the transaction, and for a transition of a return which one."""
    frame = sys._getframe(2)
    while Path(frame.f_code.co_filename).name in NOT_THE_CALLER and frame.f_back is not None:
        frame = frame.f_back
    what = getattr(frame.f_locals.get("step"), "what", "")
    return f"{Path(frame.f_code.co_filename).stem}.{frame.f_code.co_name} {what}".strip()


def _around(lives: Lives, call: Callable[..., Any]) -> Callable[..., Any]:
    def wrapped(*arguments: Any) -> Any:
        lives.passes(f"before {call.__qualname__}")
        answer = call(*arguments)
        lives.passes(f"after {call.__qualname__}")
        return answer

    return wrapped


def _around_later(lives: Lives, call: Callable[..., Coroutine[Any, Any, Any]]) -> Callable[..., Any]:
    async def wrapped(*arguments: Any) -> Any:
        lives.passes(f"before {call.__qualname__}")
        answer = await call(*arguments)
        lives.passes(f"after {call.__qualname__}")
        return answer

    return wrapped


def _hurry() -> None:
    """Seconds instead of minutes until somebody else takes over what a killed process was doing."""
    from temporalio.client import WithStartWorkflowOperation
    from temporalio.common import RetryPolicy
    from temporalio.worker import Worker

    import worker
    from activities import failures, sweep
    from returndesk.domain import mail
    from returndesk.gateways import temporal
    from workflows import returns, upkeep

    changes: dict[Any, dict[str, Any]] = {
        worker: {
            "Worker": partial(Worker, sticky_queue_schedule_to_start_timeout=timedelta(seconds=1)),
        },
        temporal: {
            "WithStartWorkflowOperation": partial(
                WithStartWorkflowOperation, task_timeout=timedelta(seconds=3)
            )
        },
        returns: {"REFUND_CALL_TIMEOUT": timedelta(seconds=5), "ASK_AGAIN_AFTER": timedelta(seconds=3)},
        upkeep: {"HEARTBEAT_TIMEOUT": timedelta(seconds=2)},
        failures: {"UPKEEP": RetryPolicy(initial_interval=timedelta(seconds=1), backoff_coefficient=1.0)},
        sweep: {"COMMAND_AGE": timedelta(seconds=4), "ANSWER_GRACE": timedelta(seconds=8)},
        mail: {"RETRY_FIRST": timedelta(seconds=1)},
    }
    for module, values in changes.items():
        for name, value in values.items():
            assert hasattr(module, name), f"{module.__name__} has no {name} any more"
            setattr(module, name, value)


def _run(part: str) -> NoReturn:
    sys.argv = ["returndesk", part]
    from returndesk.cli import main

    main()
    sys.exit(0)


def _live_and_die(part: str, lives: Lives) -> NoReturn:
    """One life after another, each a fork of this process, which has loaded everything already."""
    child = 0
    signal.signal(signal.SIGTERM, lambda *_: os.kill(child, signal.SIGTERM))
    while True:
        child = os.fork()
        if child == 0:
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            _run(part)
        _, status = os.waitpid(child, 0)
        if not (os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL):
            sys.exit(os.waitstatus_to_exitcode(status))


async def _up() -> None:
    """All parts, as `returndesk up` runs them, each through this module; `pids` tells which process is which."""
    from returndesk import running
    from returndesk.installation import Installation
    from returndesk.settings import read_settings

    real_child = running._child

    def child(installation: Installation, name: str, *rest: Any) -> Any:
        made = real_child(installation, name, *rest)
        object.__setattr__(made, "command", [sys.executable, "-m", "tests.faults.part", name])
        return made

    vars(running)["_child"] = child
    async with running.everything(Installation(read_settings()), _say) as supervisor:
        watching = asyncio.create_task(_tell_pids(supervisor))
        await supervisor.run_until_signal()
        watching.cancel()


def _say(sentence: str) -> None:
    sys.stdout.write(f"{sentence}\n")
    sys.stdout.flush()


async def _tell_pids(supervisor: Any) -> None:
    while True:
        draft = FOLDER / "pids.draft"
        draft.write_text(json.dumps(supervisor.pids()))
        draft.replace(FOLDER / "pids")
        await asyncio.sleep(0.1)


def main(part: str) -> None:
    """Run `part` until it ends."""
    if part == "up":
        asyncio.run(_up())
        return
    lives = Lives(part)
    _hurry()
    _watch(lives)
    if lives.are_numbered:
        import returndesk.running  # noqa: F401 (loaded once, before the lives begin)

        _live_and_die(part, lives)
    _run(part)


if __name__ == "__main__":
    main(sys.argv[1])
