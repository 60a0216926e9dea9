"""Workers of several builds on one server: work goes to the current one, and open returns go along.

The installation's own worker has no version: it is what ran before the shop took to versions.
"""

import shutil
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from itertools import groupby
from pathlib import Path
from uuid import uuid4

import pytest
import pytest_asyncio
from invariants import check
from live import SANDBOXED, Live, running, until
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.deployment.v1 import WorkerDeploymentVersion
from temporalio.api.enums.v1 import TaskQueueType, VersioningBehavior
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflow.v1 import WorkflowExecutionVersioningInfo
from temporalio.api.workflowservice.v1 import (
    DescribeTaskQueueRequest,
    DescribeTaskQueueResponse,
    ResetStickyTaskQueueRequest,
    SetWorkerDeploymentCurrentVersionRequest,
)
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from activities import notices, sweep
from returndesk.doctor import examine
from returndesk.embedded.temporal_server import TemporalServer, ensure_namespace, wait_ready
from returndesk.gateways.smtp import SmtpMailer
from returndesk.installation import Installation
from returndesk.messages import TASK_QUEUE, return_workflow_id, upkeep_workflow_id
from returndesk.settings import Settings
from returndesk.store.database import sqlite_url
from worker import THREADS, build_worker
from workflows.upkeep import DUTIES

DEPLOYMENT = "returndesk"
NOT_HEARD_OF_YET = {RPCStatusCode.NOT_FOUND, RPCStatusCode.FAILED_PRECONDITION}


@pytest_asyncio.fixture
async def shop(
    temporal: TemporalServer, _sqlite_template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Live]:
    """An installation whose worker has no version, in a namespace of its own; upkeep's turns are short."""
    for duty in (notices, sweep):
        monkeypatch.setattr(duty, "TURN", timedelta(seconds=1))
    books = tmp_path / "books.sqlite"
    shutil.copyfile(_sqlite_template, books)
    namespace = f"deploying-{uuid4().hex[:8]}"
    async with running(temporal, sqlite_url(books), tmp_path / "data", namespace=namespace) as live:
        yield live


async def test_an_open_return_moves_from_build_to_build_and_ends_when_the_old_workers_are_gone(
    shop: Live,
) -> None:
    sold = await shop.dress()
    rma = await shop.request(sold, 1)
    async with AsyncExitStack() as old, AsyncExitStack() as new:
        await old.enter_async_context(worker_of(shop.installation, "A"))
        await make_current(shop, "A")
        await let_go(shop, rma)
        await shop.does(rma, "authorization")
        assert await built_by(shop, rma) == ["", "A"]

        await new.enter_async_context(worker_of(shop.installation, "B"))
        assert await built_by(shop, rma) == ["", "A"], "a build that is only there gets nothing"
        await make_current(shop, "B")
        await let_go(shop, rma)
        await shop.arrive(rma, 1)
        assert await built_by(shop, rma) == ["", "A", "B"]

        await old.aclose()
        await shop.inspect(rma, 1)
        await shop.reach(rma, "closed")
        await shop.run_ended(rma)
        assert await built_by(shop, rma) == ["", "A", "B"]
        told = await versioning(shop, return_workflow_id(rma))
        assert told.behavior == VersioningBehavior.VERSIONING_BEHAVIOR_AUTO_UPGRADE
        assert told.deployment_version == WorkerDeploymentVersion(deployment_name=DEPLOYMENT, build_id="B")

        assert await shop.paid_back(sold) == [(4_000, "succeeded")]
        await shop.mailed(sold, 5)
        await shop.is_quiet()
        check(shop.database, shop.installation.stripe_base, shop.mailbox_reader)


async def test_the_upkeep_that_never_ends_moves_along_with_every_deploy(shop: Live) -> None:
    async with AsyncExitStack() as old, AsyncExitStack() as new:
        await old.enter_async_context(worker_of(shop.installation, "A"))
        await make_current(shop, "A")
        await upkeep_is_on(shop, "A")
        await new.enter_async_context(worker_of(shop.installation, "B"))
        await make_current(shop, "B")
        await upkeep_is_on(shop, "B")
        await old.aclose()
        sold = await shop.dress()
        await shop.request(sold, 1)
        await shop.mailed(sold, 1)


async def test_the_doctor_says_which_builds_ask_for_work_and_which_one_gets_it(shop: Live) -> None:
    assert await doctor_says(shop.installation) == "1 asked for work within 90 s"
    asked = "2 asked for work within 90 s: 1 of build A of returndesk, 1 without a version"
    async with worker_of(shop.installation, "A"):
        await until_polled(shop.client, 2)
        assert await doctor_says(shop.installation) == f"{asked}; work goes to those without a version"
        await make_current(shop, "A")
        assert await doctor_says(shop.installation) == f"{asked}; work goes to those of build A of returndesk"
        await make_current(shop, "")
        assert await doctor_says(shop.installation) == f"{asked}; work goes to those without a version"
        await shop.request(await shop.dress(), 1)


async def test_the_doctor_finds_workers_of_a_build_that_nobody_made_current(
    temporal: TemporalServer, tmp_path: Path
) -> None:
    namespace = f"deploying-{uuid4().hex[:8]}"
    await ensure_namespace(await Client.connect(temporal.address, namespace=namespace))
    await wait_ready(temporal.address, namespace)
    fresh = Installation(
        Settings(
            _env_file=None,  # type: ignore[call-arg]
            RETURNDESK_DATA=tmp_path / "state",
            TEMPORAL_ADDRESS=temporal.address,
            TEMPORAL_NAMESPACE=namespace,
        )
    )
    async with worker_of(fresh, "A"):
        await until_polled(await fresh.connect(), 1)
        [found] = [finding for finding in await examine(fresh) if finding.part == "worker"]
    assert not found.answers
    assert found.what == (
        "1 asked for work within 90 s: 1 of build A of returndesk; work goes to those without a version"
    )
    assert "docs/deploying.md" in found.advice


@asynccontextmanager
async def worker_of(of: Installation, build: str) -> AsyncIterator[None]:
    """An installation's worker of a build; leaving stops it in order."""
    announced = {"temporal_deployment": DEPLOYMENT, "temporal_build_id": build}
    installation = Installation(of.settings.model_copy(update=announced))
    installation.clock = of.clock
    client = await installation.connect()
    with ThreadPoolExecutor(THREADS) as threads:
        async with build_worker(installation, client, threads, workflow_runner=SANDBOXED):
            yield
    assert isinstance(installation.mailer, SmtpMailer), "no other is there"
    installation.mailer.close()
    installation.database.close()


async def make_current(live: Live, build: str) -> None:
    """Have all work go to a build, as `temporal worker deployment set-current-version` does; "" to none."""
    wish = SetWorkerDeploymentCurrentVersionRequest(
        namespace=live.client.namespace, deployment_name=DEPLOYMENT, build_id=build
    )

    async def taken() -> bool:
        try:
            await live.client.workflow_service.set_worker_deployment_current_version(wish)
        except RPCError as error:
            if error.status not in NOT_HEARD_OF_YET:
                raise
            return False
        return True

    async def there() -> bool:
        current = (await described(live.client)).versioning_info.current_deployment_version
        return current.build_id == build

    await until(taken)
    await until(there)


async def let_go(live: Live, rma: str) -> None:
    """Have a return's next step go by the queue that knows which build is current.

    The worker that has it in memory asks at a queue of its own, which hears of a new build a moment later.
    """
    execution = WorkflowExecution(workflow_id=return_workflow_id(rma))
    wish = ResetStickyTaskQueueRequest(namespace=live.client.namespace, execution=execution)
    await live.client.workflow_service.reset_sticky_task_queue(wish)


async def until_polled(client: Client, workers: int) -> None:
    """Returns once the server has heard of so many workers."""

    async def heard() -> bool:
        return len((await described(client)).pollers) == workers

    await until(heard)


async def described(client: Client) -> DescribeTaskQueueResponse:
    """Who asks for workflow tasks, and who gets them."""
    return await client.workflow_service.describe_task_queue(
        DescribeTaskQueueRequest(
            namespace=client.namespace,
            task_queue=TaskQueue(name=TASK_QUEUE),
            task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
        )
    )


async def built_by(live: Live, rma: str) -> list[str]:
    """The builds that carried a return out, in order; "" for a worker without a version."""
    done = [
        event.workflow_task_completed_event_attributes.deployment_version.build_id
        for event in await live.events(rma)
        if event.HasField("workflow_task_completed_event_attributes")
    ]
    return [build for build, _ in groupby(done)]


async def versioning(live: Live, workflow_id: str) -> WorkflowExecutionVersioningInfo:
    """What the server says of a workflow's version."""
    described = await live.client.get_workflow_handle(workflow_id).describe()
    return described.raw_description.workflow_execution_info.versioning_info


async def upkeep_is_on(live: Live, build: str) -> None:
    """Returns once every duty is looked after by a build."""
    for duty in DUTIES:

        async def moved(of: str = upkeep_workflow_id(duty)) -> bool:
            return (await versioning(live, of)).deployment_version.build_id == build

        await until(moved)


async def doctor_says(installation: Installation) -> str:
    """What the doctor finds of workers that are as they should be."""
    [found] = [finding for finding in await examine(installation) if finding.part == "worker"]
    assert found.answers
    return found.what
