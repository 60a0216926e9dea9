"""The embedded Temporal server itself: the real program on a real file."""

import asyncio
import os
import signal
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from temporalio import workflow
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client
from temporalio.testing import TimeSkipper, TimeSkippingConfig
from temporalio.worker import Worker

from returndesk.domain.errors import ConfigurationError
from returndesk.embedded.listening import free_port
from returndesk.embedded.processes import Child, Supervisor
from returndesk.embedded.temporal_find import TemporalBinary, find
from returndesk.embedded.temporal_server import RETENTION, TemporalServer, wait_ready

QUEUE = "tests"
MOVE_SECONDS = 20


@workflow.defn
class Waits:
    """Waits so many days, and says when it began and when it went on."""

    @workflow.run
    async def run(self, days: int) -> list[str]:
        began = workflow.now()
        await workflow.sleep(timedelta(days=days))
        return [began.isoformat(), workflow.now().isoformat()]

    @workflow.update
    async def now(self) -> str:
        return workflow.now().isoformat()


@pytest.fixture(scope="module")
def binary() -> TemporalBinary:
    """A server that is here already: tests do not download and do not build one."""
    folders = os.environ.get("PATH", "").split(os.pathsep)
    without_go = os.pathsep.join(folder for folder in folders if not (Path(folder) / "go").exists())
    nowhere = f"http://127.0.0.1:{free_port()}"
    environ = {key: value for key, value in os.environ.items() if key != "TEMPORAL_ADDRESS"}
    try:
        found = find(print, environ={**environ, "PATH": without_go, "HTTPS_PROXY": nowhere})
    except ConfigurationError as error:
        pytest.skip(error.sentence)
    assert found is not None
    return found


@asynccontextmanager
async def running(
    binary: TemporalBinary, folder: Path, namespace: str = "default"
) -> AsyncIterator[tuple[Supervisor, TemporalServer]]:
    server = TemporalServer(binary, folder, free_port(), namespace)
    server.prepare()
    async with Supervisor(print) as supervisor:
        log = folder / "temporal.log"
        child = Child("temporal", server.command(), log, server.environment(), server.wait_ready)
        await supervisor.start(child)
        yield supervisor, server


def test_workflows_and_moved_clocks_outlive_kill_9_and_a_new_start(
    binary: TemporalBinary, tmp_path: Path
) -> None:
    """The second start listens elsewhere, and the folder's name has characters a URI would trip over."""
    folder = tmp_path / "state of 100%?#"
    folder.mkdir()

    async def first() -> None:
        async with running(binary, folder) as (supervisor, server):
            client = await Client.connect(server.address)
            async with Worker(client, task_queue=QUEUE, workflows=[Waits]):
                await client.start_workflow(Waits.run, 3, id="return/1", task_queue=QUEUE)
                await move(client, "return/1", timedelta(days=2))
            os.kill(supervisor.pids()["temporal"], signal.SIGKILL)

    async def second() -> list[str]:
        async with running(binary, folder) as (_, server):
            client = await Client.connect(server.address)
            handle = client.get_workflow_handle_for(Waits.run, "return/1")
            async with Worker(client, task_queue=QUEUE, workflows=[Waits]):
                assert (
                    await handle.execute_update(Waits.now) > (datetime.now(UTC) + timedelta(1.9)).isoformat()
                )
                await move(client, "return/1", timedelta(days=2))
                return await handle.result()

    asyncio.run(first())
    began, went_on = (datetime.fromisoformat(instant) for instant in asyncio.run(second()))
    assert timedelta(days=3) <= went_on - began < timedelta(days=3, minutes=5)
    assert (folder / "temporal.sqlite").exists()


def test_a_workflow_run_again_tells_real_time(binary: TemporalBinary, tmp_path: Path) -> None:
    async def main() -> str:
        async with running(binary, tmp_path) as (_, server):
            client = await Client.connect(server.address)
            async with Worker(client, task_queue=QUEUE, workflows=[Waits]):
                handle = await client.start_workflow(Waits.run, 3, id="return/1", task_queue=QUEUE)
                await move(client, "return/1", timedelta(days=5))
                await handle.result()
                again = await client.start_workflow(Waits.run, 3, id="return/1", task_queue=QUEUE)
                return await again.execute_update(Waits.now)

    told = datetime.fromisoformat(asyncio.run(main()))
    assert abs(told - datetime.now(UTC)) < timedelta(minutes=1)


def test_the_namespace_that_is_asked_for_is_made_and_keeps_a_week(
    binary: TemporalBinary, tmp_path: Path
) -> None:
    async def main() -> timedelta:
        async with running(binary, tmp_path, "shop") as (_, server):
            client = await Client.connect(server.address, namespace="shop")
            request = DescribeNamespaceRequest(namespace="shop")
            known = await client.workflow_service.describe_namespace(request)
            return known.config.workflow_execution_retention_ttl.ToTimedelta()

    assert asyncio.run(main()) == RETENTION


def test_sigterm_ends_it_cleanly_and_soon(binary: TemporalBinary, tmp_path: Path) -> None:
    said: list[str] = []

    async def main() -> None:
        server = TemporalServer(binary, tmp_path, free_port())
        server.prepare()
        async with Supervisor(said.append) as supervisor:
            log = tmp_path / "temporal.log"
            await supervisor.start(Child("temporal", server.command(), log, ready=server.wait_ready))

    asyncio.run(main())
    assert said == []
    assert "panic" not in (tmp_path / "temporal.log").read_text()


def test_a_first_start_that_was_cut_off_begins_afresh(binary: TemporalBinary, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "temporal.sqlite")) as database, database:
        database.execute("CREATE TABLE namespaces (name TEXT)")

    async def main() -> None:
        async with running(binary, tmp_path) as (_, server):
            await wait_ready(server.address, "default", 5)

    asyncio.run(main())


def test_a_server_that_does_not_answer_is_a_sentence() -> None:
    port = free_port()
    with pytest.raises(ConfigurationError) as refused:
        asyncio.run(wait_ready(f"127.0.0.1:{port}", "default", 0.5))
    assert f"127.0.0.1:{port} did not answer" in refused.value.sentence
    assert "TEMPORAL_ADDRESS" in refused.value.sentence


def test_the_command_line_is_run_on_the_same_file_with_time_skipping(tmp_path: Path) -> None:
    server = TemporalServer(TemporalBinary(Path("temporal"), "cli", "1.32.0"), tmp_path, 7233, "shop")
    command = " ".join(server.command())
    assert command.startswith("temporal server start-dev --headless")
    assert f"--db-filename {tmp_path}/temporal.sqlite" in command
    assert "--dynamic-config-value frontend.WorkflowTimeSkippingEnabled=true" in command
    assert "synchronous=2" in command


async def move(client: Client, workflow_id: str, by: timedelta) -> None:
    skipper = TimeSkipper(client, config=TimeSkippingConfig(enabled=False))
    handle = client.get_workflow_handle(workflow_id)
    await asyncio.wait_for(skipper.fast_forward(handle, by), MOVE_SECONDS)
