"""Builds and runs the Temporal worker: registration only, no logic."""

import asyncio
import signal
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta

from temporalio.client import Client
from temporalio.common import VersioningBehavior, WorkerDeploymentVersion, WorkflowIDConflictPolicy
from temporalio.worker import UnsandboxedWorkflowRunner, Worker, WorkerDeploymentConfig, WorkflowRunner

from activities.bustle import Bustle
from activities.failures import SilentFailures
from activities.notices import Notices
from activities.records import Records
from activities.refunds import Refunds
from activities.sweep import Sweep
from returndesk.gateways.temporal import TemporalDoor
from returndesk.installation import Installation
from returndesk.messages import TASK_QUEUE, UPKEEP_WORKFLOW, UpkeepInput, upkeep_workflow_id
from returndesk.settings import Settings
from returndesk.threads import take_short_turns
from workflows.returns import ReturnWorkflow
from workflows.upkeep import DUTIES, UpkeepWorkflow

THREADS = 24
AT_A_TIME = 16
"""So many returns are carried on at a time; the others wait in Temporal's line, where a person's command goes first."""
GRACE = timedelta(seconds=10)
TO_WHO_KNOWS_IT = timedelta(seconds=2)
"""How long work on a return waits for the worker that has it in memory, which may just have died; then any takes it."""


@dataclass(frozen=True)
class Duties:
    """The activities' classes, bound to what implements their ports."""

    records: Records
    refunds: Refunds
    notices: Notices
    sweep: Sweep


def build_duties(installation: Installation, client: Client) -> Duties:
    """Bind the ports."""
    i, bustle = installation, Bustle()
    return Duties(
        Records(i.database, i.policies, i.clock, bustle),
        Refunds(i.database, i.gateway, i.clock),
        Notices(i.database, i.mailer, i.renderer, i.links, i.clock, i.mail_domain, bustle),
        Sweep(i.database, TemporalDoor(client), i.gateway, i.clock),
    )


def build_worker(
    installation: Installation,
    client: Client,
    threads: ThreadPoolExecutor,
    *,
    workflow_runner: WorkflowRunner | None = None,
) -> Worker:
    """The worker, ready to run. The tests give it the sandboxed runner (decision 0010)."""
    duties = build_duties(installation, client)
    return Worker(
        client,
        task_queue=TASK_QUEUE,
        workflows=[ReturnWorkflow, UpkeepWorkflow],
        activities=[
            duties.records.load,
            duties.records.transition,
            duties.refunds.advance,
            duties.notices.deliver,
            duties.sweep.run,
        ],
        activity_executor=threads,
        max_concurrent_activities=THREADS // 2,
        max_concurrent_local_activities=THREADS // 2,
        max_concurrent_workflow_tasks=AT_A_TIME,
        interceptors=[SilentFailures()],
        workflow_runner=workflow_runner or UnsandboxedWorkflowRunner(),
        max_cached_workflows=installation.settings.cached_runs,
        sticky_queue_schedule_to_start_timeout=TO_WHO_KNOWS_IT,
        graceful_shutdown_timeout=GRACE,
        max_workflow_task_external_storage_concurrency=1,  # nothing is stored outside: no tasks for looking
        deployment_config=_deployment(installation.settings),
    )


def _deployment(settings: Settings) -> WorkerDeploymentConfig | None:
    """Which build of which deployment the worker is; None where it has no version (docs/deploying.md)."""
    if settings.temporal_deployment is None or settings.temporal_build_id is None:
        return None
    return WorkerDeploymentConfig(
        version=WorkerDeploymentVersion(settings.temporal_deployment, settings.temporal_build_id),
        use_worker_versioning=True,
        default_versioning_behavior=VersioningBehavior.AUTO_UPGRADE,
    )


async def start_upkeep(client: Client) -> None:
    """See to it that every duty has its one long-lived workflow."""
    for duty in DUTIES:
        await client.start_workflow(
            UPKEEP_WORKFLOW,
            UpkeepInput(duty),
            id=upkeep_workflow_id(duty),
            task_queue=TASK_QUEUE,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        )


async def run(installation: Installation, *, upkeep: bool = True) -> None:
    """Work until a signal says stop."""
    take_short_turns()
    client = await installation.connect()
    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    with ThreadPoolExecutor(THREADS, thread_name_prefix="activity") as threads:
        async with build_worker(installation, client, threads):
            if upkeep:
                await start_upkeep(client)
            await stopping.wait()
