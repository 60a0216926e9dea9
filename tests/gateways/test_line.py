"""A command goes past thousands of deadlines that wait for a worker: on a real Temporal server."""

import asyncio
from uuid import uuid4

from live import until
from temporalio import workflow
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from returndesk.embedded.temporal_server import TemporalServer
from returndesk.gateways.line import LONG, Line
from returndesk.messages import return_workflow_id

WAITING = 3 * LONG
ran: list[str] = []


@workflow.defn(name="waits")
class Waits:
    """Stands for a return: it begins, and ends when somebody asks for something."""

    @workflow.init
    def __init__(self) -> None:
        self._asked = False

    @workflow.run
    async def run(self) -> None:
        ran.append(workflow.info().workflow_id)
        await workflow.wait_condition(lambda: self._asked)

    @workflow.update
    async def ask(self) -> None:
        self._asked = True
        ran.append("asked")


def worker(client: Client, queue: str) -> Worker:
    """One that does one thing after the other."""
    return Worker(
        client, task_queue=queue, workflows=[Waits], workflow_runner=UnsandboxedWorkflowRunner(),
        max_concurrent_workflow_tasks=2, max_concurrent_workflow_task_polls=2,
    )  # fmt: skip


async def looked(client: Client, queue: str, *, is_long: bool) -> None:
    """Until the line is as long as that, seen by somebody who looks for the first time."""

    async def seen() -> bool | None:
        return True if await Line(client, queue).is_long() is is_long else None

    await until(seen)


async def test_a_command_goes_past_what_waits(temporal: TemporalServer) -> None:
    client = await Client.connect(temporal.address, namespace=temporal.namespace)
    queue, rma = f"line-{uuid4().hex[:8]}", uuid4().hex
    ran.clear()
    target = await client.start_workflow("waits", id=return_workflow_id(rma), task_queue=queue)

    async def begun() -> bool | None:
        return True if ran else None

    async with worker(client, queue):
        await until(begun)
    line = Line(client, queue)
    assert not await line.is_long()
    for _ in range(WAITING):
        await client.start_workflow("waits", id=uuid4().hex, task_queue=queue)
    await looked(client, queue, is_long=True)
    ran.clear()
    await line.move_up(rma)
    command = asyncio.create_task(target.execute_update(Waits.ask))

    async def admitted() -> bool | None:
        """Whether the command stands in the line: one more waits."""
        return True if await Line(client, queue)._waiting() > WAITING else None

    await until(admitted)
    async with worker(client, queue):
        await command
        before = ran.index("asked")
        assert before <= WAITING // 4, f"{before} of {WAITING} went before the command"
        await looked(client, queue, is_long=False)


class Silent:
    """A Temporal that does not say."""

    namespace = "default"

    @property
    def workflow_service(self) -> "Silent":
        return self

    async def describe_task_queue(self, _: object) -> None:
        raise RPCError("unimplemented", RPCStatusCode.UNIMPLEMENTED, b"")

    update_workflow_execution_options = describe_task_queue


async def test_where_temporal_does_not_say_the_line_is_short_and_nothing_is_moved() -> None:
    line = Line(Silent())  # type: ignore[arg-type]
    assert not await line.is_long()
    await line.move_up("RMA-AAAA-AAAA")


async def test_a_return_that_does_not_run_cannot_be_moved_up_and_nothing_happens(
    temporal: TemporalServer,
) -> None:
    client = await Client.connect(temporal.address, namespace=temporal.namespace)
    await Line(client).move_up(uuid4().hex)
