"""What runs, what answers and what waits. Every part is asked in turn, and nothing is changed, not even a file.

What should run and does not is started by `repair`.
"""

import asyncio
import os
import urllib.request
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlsplit

from sqlalchemy import make_url
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session, col, func, select
from temporalio.api.deployment.v1 import WorkerDeploymentOptions, WorkerDeploymentVersion
from temporalio.api.enums.v1 import TaskQueueType, WorkerVersioningMode
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import (
    DescribeNamespaceRequest,
    DescribeTaskQueueRequest,
    GetSystemInfoRequest,
)
from temporalio.client import Client, RPCError

from activities.sweep import COMMAND_AGE
from returndesk.domain.errors import ProcessorRefused, ReturndeskError, Unanswered
from returndesk.domain.stages import RefundStatus
from returndesk.installation import Installation
from returndesk.messages import TASK_QUEUE
from returndesk.repair import Progress, named, what_stopped
from returndesk.store import migrate, tables
from workflows.upkeep import DUTIES

ANSWER_SECONDS_MAX = 5.0
POLLED_WITHIN = timedelta(seconds=90)
"""A worker that has nothing to do asks for work again at least once a minute."""
EVENT_PATIENCE = timedelta(minutes=1)
NOTICE_PATIENCE = timedelta(minutes=10)
REFUND_PATIENCE = timedelta(hours=1)
RETENTION_MIN = timedelta(days=1)
SWEPT = "The upkeep's sweep carries them out as soon as it and a worker run."
NO_SUCH_PAYMENT = "pi_returndesk_doctor"
"""Asked after only to hear whether the processor answers and takes our key."""
UP = "Start it: returndesk up."
UNVERSIONED = "without a version"
VERSIONED = WorkerVersioningMode.WORKER_VERSIONING_MODE_VERSIONED
REPAIR = "Run: returndesk doctor --repair."


@dataclass(frozen=True)
class Finding:
    """One part: what was found, whether it is as it should be, and what to do where it is not."""

    part: str
    what: str
    answers: bool
    advice: str = ""


async def examine(installation: Installation, progress: Progress = lambda _done, _all: None) -> list[Finding]:
    """Every part of an installation, in the order in which they need each other.

    `progress` is told how many of the open returns were looked at.
    """
    i = installation
    books = await _asked("database", asyncio.to_thread(_database, i))
    return [
        _settings(i),
        _folder(i.data),
        await _asked("policy", asyncio.to_thread(_policy, i)),
        books,
        *await _temporal(i, progress if books.answers else None),
        await _asked("Stripe", asyncio.to_thread(_stripe, i)),
        await _asked("mail", _mail(i)),
        await _asked("photos", asyncio.to_thread(_photos, i)),
        await _asked("API", asyncio.to_thread(_api, i)),
        *(await asyncio.to_thread(_waiting, i) if books.answers else []),
    ]


async def _asked(part: str, answer: Awaitable[Finding]) -> Finding:
    """What a part says, or that it does not answer: with a type's name, never with its words."""
    try:
        async with asyncio.timeout(ANSWER_SECONDS_MAX):
            return await answer
    except ReturndeskError as error:
        return Finding(part, "cannot be used", False, error.sentence)
    except (OSError, RPCError, SQLAlchemyError) as error:
        return Finding(part, f"does not answer ({type(error).__name__})", False, UP)


# The parts ---------------------------------------------------------------------------------------


def _settings(installation: Installation) -> Finding:
    outside = installation.settings.outside
    said = ", ".join(f"{part} {'real' if real else 'embedded'}" for part, real in outside.items())
    return Finding("settings", said, True)


def _folder(folder: Path) -> Finding:
    if not folder.exists():
        return Finding("state folder", f"{folder} is not there yet", False, UP)
    if not os.access(folder, os.W_OK | os.X_OK):
        return Finding(
            "state folder", f"{folder} cannot be written", False, "Make it writable, or set RETURNDESK_DATA."
        )
    return Finding("state folder", f"{folder} can be written", True)


def _policy(installation: Installation) -> Finding:
    policy = installation.policy
    installation.policies.calendar(policy)
    return Finding("policy", f"{policy.version} of {installation.settings.policy_path}", True)


def _database(installation: Installation) -> Finding:
    database = installation.database
    kind = "SQLite" if database.is_sqlite else "PostgreSQL"
    file = make_url(database.url).database
    if database.is_sqlite and file and not Path(file).exists():  # opening it would make it
        return Finding("database", "there is none yet", False, UP)
    known = migrate.state(database)
    if known.pending:
        missing = ", ".join(known.pending)
        return Finding("database", f"{kind} answers and lacks {missing}", False, "Run: returndesk migrate.")
    return Finding("database", f"{kind} answers, at {known.current}", True)


async def _temporal(installation: Installation, progress: Progress | None) -> list[Finding]:
    """The server, whether a worker asks it for work, and what should run; None: there are no books to compare with."""
    try:
        async with asyncio.timeout(ANSWER_SECONDS_MAX):
            client = await installation.connect()
    except (ReturndeskError, TimeoutError):
        return [Finding("Temporal", f"does not answer at {installation.temporal_address}", False, UP)]
    return [
        await _asked("Temporal", _server(client)),
        await _asked("worker", _worker(client)),
        *(await _running(installation, client, progress) if progress else []),
    ]


async def _server(client: Client) -> Finding:
    info = await client.workflow_service.get_system_info(GetSystemInfoRequest())
    namespace = await client.workflow_service.describe_namespace(
        DescribeNamespaceRequest(namespace=client.namespace)
    )
    kept = namespace.config.workflow_execution_retention_ttl.ToTimedelta()
    said = f"server {info.server_version}, namespace {client.namespace}, histories kept for {kept.days} days"
    advice = "" if kept >= RETENTION_MIN else "Have the namespace keep histories for a day or more."
    return Finding("Temporal", said, not advice, advice)


async def _worker(client: Client) -> Finding:
    queue = await client.workflow_service.describe_task_queue(
        DescribeTaskQueueRequest(
            namespace=client.namespace,
            task_queue=TaskQueue(name=TASK_QUEUE),
            task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
        )
    )
    lately = datetime.now(UTC) - POLLED_WITHIN
    asked = Counter(
        _build(poller.deployment_options)
        for poller in queue.pollers
        if poller.last_access_time.ToDatetime(UTC) >= lately
    )
    if not asked:
        return Finding(
            "worker", f"nobody asks for work on {TASK_QUEUE}", False, "Start one: returndesk worker."
        )
    said = f"{asked.total()} asked for work within {POLLED_WITHIN.seconds} s"
    current = _build(queue.versioning_info.current_deployment_version)
    if asked.keys() | {current} == {UNVERSIONED}:
        return Finding("worker", said, True)
    builds = ", ".join(f"{count} {build}" for build, count in sorted(asked.items()))
    said = f"{said}: {builds}; work goes to those {current}"
    if not asked[current]:
        advice = "None of those asks for it: start them, or make another build current (docs/deploying.md)."
        return Finding("worker", said, False, advice)
    return Finding("worker", said, True)


def _build(of: WorkerDeploymentOptions | WorkerDeploymentVersion) -> str:
    """How a worker's build is named: the server gives work to the workers of the current one only."""
    versioned = getattr(of, "worker_versioning_mode", VERSIONED) == VERSIONED
    return f"of build {of.build_id} of {of.deployment_name}" if versioned and of.build_id else UNVERSIONED


async def _running(installation: Installation, client: Client, progress: Progress) -> list[Finding]:
    """However many returns are open: each look has its own time, all of them together have none."""
    try:
        stopped = await what_stopped(client, installation.database, progress)
    except RPCError as error:
        return [Finding("returns", f"cannot be looked for ({type(error).__name__})", False, UP)]
    duties = f"{' and '.join(stopped.duties or DUTIES)} {'do not run' if stopped.duties else 'run'}"
    said = f"{stopped.open_returns} open, each with its workflow"
    if stopped.returns:
        said = f"{len(stopped.returns)} of {stopped.open_returns} open do not run: {named(stopped.returns)}"
    return [
        Finding("upkeep", duties, not stopped.duties, REPAIR if stopped.duties else ""),
        Finding("returns", said, not stopped.returns, REPAIR if stopped.returns else ""),
    ]


def _stripe(installation: Installation) -> Finding:
    which = "Stripe" if installation.settings.stripe_api_key else "the sandbox"
    try:
        installation.gateway.list_refunds(NO_SUCH_PAYMENT)
    except Unanswered as error:
        advice = UP if installation.settings.stripe_api_key is None else error.sentence
        return Finding("Stripe", f"{which} does not answer as it should ({error.code})", False, advice)
    except ProcessorRefused:
        pass  # it has no such payment, as it should be
    return Finding("Stripe", f"{which} answers and takes the key", True)


async def _mail(installation: Installation) -> Finding:
    s = installation.settings
    parts = urlsplit(s.smtp_url or f"smtp://127.0.0.1:{s.smtp_port}")
    port = parts.port or {"smtps": 465, "smtp+starttls": 587}.get(parts.scheme, 25)
    _, writer = await asyncio.open_connection(parts.hostname, port)
    writer.close()
    return Finding("mail", f"{'the server' if s.smtp_url else 'the mailbox'} takes connections", True)


def _photos(installation: Installation) -> Finding:
    return Finding("photos", installation.files.check(), True)


def _api(installation: Installation) -> Finding:
    s = installation.settings
    url = f"http://{s.api_host}:{s.api_port}/readyz"
    try:
        urllib.request.urlopen(url, timeout=ANSWER_SECONDS_MAX).close()
    except HTTPError as error:
        return Finding("API", f"answers {error.code} at {url}", False, "Look at the parts above.")
    return Finding("API", f"answers at {url}", True)


# What waits --------------------------------------------------------------------------------------


def _waiting(installation: Installation) -> list[Finding]:
    now = installation.clock.now()
    with installation.database.read() as session:
        return [check(session, now) for check in _WAITING]


def _count(session: Session, *conditions: object) -> int:
    return session.exec(select(func.count()).where(*conditions)).one()  # type: ignore[arg-type]


def _commands(session: Session, now: datetime) -> Finding:
    c = tables.Command
    waiting = _count(session, col(c.stamped_at).is_(None), c.recorded_at < now - COMMAND_AGE)
    said = f"{waiting} without an outcome for more than {COMMAND_AGE.seconds} s"
    return Finding("commands", said, not waiting, SWEPT if waiting else "")


def _events(session: Session, now: datetime) -> Finding:
    e = tables.ProcessorEvent
    waiting = _count(session, col(e.handled_at).is_(None), e.received_at < now - EVENT_PATIENCE)
    said = f"{waiting} of the processor's not acted upon for more than a minute"
    return Finding("events", said, not waiting, SWEPT if waiting else "")


def _notices(session: Session, now: datetime) -> Finding:
    n = tables.Notice
    waiting = _count(session, col(n.settled_at).is_(None), n.written_at < now - NOTICE_PATIENCE)
    t = tables.Task
    failed = _count(session, t.kind == "mail_refused", col(t.done_at).is_(None))
    said = f"{waiting} waiting for more than 10 minutes, {failed} refused for good that a rep is to tell"
    return Finding("notices", said, not waiting, "See whether the mail server takes mail." if waiting else "")


def _refunds(session: Session, now: datetime) -> Finding:
    r = tables.Refund
    unheard = col(r.status).in_([RefundStatus.REQUESTED, RefundStatus.UNKNOWN])
    stuck = _count(
        session, col(r.rma) == tables.Return.rma, ~col(tables.Return.awaiting_approval), unheard,
        r.decided_at < now - REFUND_PATIENCE,
    )  # fmt: skip
    said = f"{stuck} without the processor's word for more than an hour"
    return Finding(
        "refunds", said, not stuck, "See whether Stripe answers, and the queue refunds." if stuck else ""
    )


_WAITING: tuple[Callable[[Session, datetime], Finding], ...] = (
    _commands,
    _events,
    _notices,
    _refunds,
)
