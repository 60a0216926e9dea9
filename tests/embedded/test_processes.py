"""Supervision, seen from outside: real children, real signals, real kill -9."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from returndesk.domain.errors import ConfigurationError
from returndesk.embedded.listening import check_port, free_port, free_ports
from returndesk.embedded.processes import Child, Supervisor, hold_folder

ROOT = Path(__file__).parents[2]
LIMIT_SECONDS = 60

PARENT = """
import asyncio, sys
from pathlib import Path
from returndesk.embedded.processes import Child, Supervisor, hold_folder

def say(sentence):
    print(sentence, flush=True)

async def main(folder):
    with hold_folder(folder):
        async with Supervisor(say) as supervisor:
            for name in ("first", "second"):
                await supervisor.start(Child(name, ["sh", "-c", CHILD], folder / f"{name}.log"))
            say("up " + " ".join(str(pid) for pid in supervisor.pids().values()))
            await supervisor.run_until_signal()
        say("down")

CHILD = sys.argv[2]
asyncio.run(main(Path(sys.argv[1])))
"""
SLEEPS = "exec sleep 1000"


def test_children_die_with_their_parent_even_when_it_is_killed(tmp_path: Path) -> None:
    parent, pids = run_parent(tmp_path, SLEEPS)
    parent.kill()
    parent.wait(LIMIT_SECONDS)
    eventually(lambda: not any(alive(pid) for pid in pids))


def test_a_folder_can_be_held_again_at_once_after_kill_9(tmp_path: Path) -> None:
    parent, _ = run_parent(tmp_path, SLEEPS)
    parent.kill()
    parent.wait(LIMIT_SECONDS)
    with hold_folder(tmp_path):
        pass


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_every_child_and_leaves_no_traceback(tmp_path: Path, number: signal.Signals) -> None:
    parent, pids = run_parent(tmp_path, SLEEPS)
    parent.send_signal(number)
    out, err = parent.communicate(timeout=LIMIT_SECONDS)
    assert (parent.returncode, out, err) == (0, "down\n", "")
    assert not any(alive(pid) for pid in pids)


def test_children_are_stopped_in_reverse_order(tmp_path: Path) -> None:
    order = tmp_path / "order"

    async def main() -> None:
        async with Supervisor(print) as supervisor:
            for name in ("first", "second"):
                script = (
                    f"trap 'echo {name} >> {order}; exit' TERM; touch {name}.up; while :; do sleep 0.05; done"
                )
                up = tmp_path / f"{name}.up"
                child = Child(
                    name, ["sh", "-c", f"cd {tmp_path}; {script}"], tmp_path / "log", ready=there(up)
                )
                await supervisor.start(child)

    asyncio.run(main())
    assert order.read_text().split() == ["second", "first"]


def test_a_child_that_will_not_stop_is_killed_after_its_limit(tmp_path: Path) -> None:
    said: list[str] = []

    async def main() -> int:
        async with Supervisor(said.append) as supervisor:
            stubborn = f"trap '' TERM; touch {tmp_path}/up; while :; do sleep 0.05; done"
            child = Child(
                "worker",
                ["sh", "-c", stubborn],
                tmp_path / "log",
                ready=there(tmp_path / "up"),
                stop_seconds=0.3,
            )
            await supervisor.start(child)
            return supervisor.pids()["worker"]

    pid = asyncio.run(main())
    assert not alive(pid)
    assert said == ["worker did not stop within 0.3 s and was killed."]


def test_a_child_that_was_killed_runs_again(tmp_path: Path) -> None:
    said: list[str] = []

    async def main() -> None:
        async with Supervisor(said.append) as supervisor:
            await supervisor.start(Child("worker", ["sleep", "1000"], tmp_path / "log"))
            before = supervisor.pids()["worker"]
            os.kill(before, signal.SIGKILL)
            async with asyncio.timeout(LIMIT_SECONDS):
                while "worker runs again." not in said:
                    await asyncio.sleep(0.02)
            assert supervisor.pids()["worker"] != before

    asyncio.run(main())
    assert said == ["worker was ended by SIGKILL; starting it again in 0.5 s.", "worker runs again."]


def test_a_child_that_ends_before_it_is_ready_is_a_sentence_with_its_log(tmp_path: Path) -> None:
    log = tmp_path / "api.log"
    child = Child("api", ["sh", "-c", "echo no; exit 3"], log, ready=there(tmp_path / "never"))
    refused = starting(child)
    assert refused.sentence == f"api ended with exit code 3 before it was ready: {log} has its last words."
    assert log.read_text() == "no\n"


def test_a_child_that_never_gets_ready_is_a_sentence(tmp_path: Path) -> None:
    child = Child(
        "api", ["sleep", "99"], tmp_path / "log", ready=there(tmp_path / "never"), ready_seconds=0.2
    )
    assert starting(child).code == "child_silent"


def test_a_missing_tool_is_a_sentence_that_names_it(tmp_path: Path) -> None:
    refused = starting(Child("search", ["no-such-tool"], tmp_path / "log"))
    assert refused.sentence == "search needs the program no-such-tool, which is not there: install it."


def test_a_busy_port_is_a_sentence_with_its_holder_and_its_variable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigurationError) as refused:
            check_port("127.0.0.1", port, "the pages", "RETURNDESK_PUBLIC_URL")
    assert refused.value.sentence.startswith(f"Port {port} for the pages is taken")
    assert refused.value.sentence.endswith("set RETURNDESK_PUBLIC_URL to a free port.")
    if sys.platform == "linux":
        assert f"(process {os.getpid()})" in refused.value.sentence


def test_a_free_port_passes_and_is_free() -> None:
    check_port("127.0.0.1", free_port(), "the pages", "PORT")
    assert len(set(free_ports(20))) == 20


def test_a_port_that_was_offered_is_offered_to_nobody_else() -> None:
    """Neither here nor in another process, though nobody listens there yet."""
    program = (
        "from returndesk.embedded.listening import free_ports; print(*free_ports(5_000), flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as other:
        assert other.stdin is not None
        assert other.stdout is not None
        theirs = {int(port) for port in other.stdout.readline().split()}
        assert len(theirs) == 5_000
        ours = [free_ports(1_000) for _ in range(3)]
        other.stdin.close()
    assert len(theirs.union(*ours)) == 8_000


def test_ports_are_offered_where_the_file_of_their_locks_cannot_be_had(tmp_path: Path) -> None:
    (tmp_path / f"returndesk-ports-{os.getuid()}").symlink_to(tmp_path / "elsewhere")
    program = "from returndesk.embedded.listening import free_ports; print(len(free_ports(5)))"
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    told = subprocess.run(
        [sys.executable, "-c", program], env=environment, cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert told.stdout == "5\n"
    assert not (tmp_path / "elsewhere").exists()


def test_two_runs_do_not_share_a_folder(tmp_path: Path) -> None:
    holder, _ = run_parent(tmp_path, SLEEPS)
    try:
        with pytest.raises(ConfigurationError) as refused, hold_folder(tmp_path):
            pass
    finally:
        holder.kill()
        holder.wait(LIMIT_SECONDS)
    assert f"in use by another run (process {holder.pid})" in refused.value.sentence


def test_an_unwritable_folder_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError) as refused, hold_folder(tmp_path / "file" / "state"):
        pass
    assert "cannot be written" in refused.value.sentence
    assert "set RETURNDESK_DATA to another folder" in refused.value.sentence


def starting(child: Child) -> ConfigurationError:
    async def main() -> None:
        async with Supervisor(print) as supervisor:
            await supervisor.start(child)

    with pytest.raises(ConfigurationError) as refused:
        asyncio.run(main())
    return refused.value


def run_parent(folder: Path, child: str) -> tuple[subprocess.Popen[str], list[int]]:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(folder), child],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout is not None
    word, *pids = parent.stdout.readline().split()
    assert word == "up"
    return parent, [int(pid) for pid in pids]


def there(path: Path) -> Callable[[], Awaitable[None]]:
    async def ready() -> None:
        while not path.exists():
            await asyncio.sleep(0.01)

    return ready


def alive(pid: int) -> bool:
    """Whether it runs; one that nobody has buried yet does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def eventually(condition: Callable[[], bool]) -> None:
    ends = time.monotonic() + LIMIT_SECONDS
    while not condition():
        assert time.monotonic() < ends, "it did not come true in time"
        time.sleep(0.02)
