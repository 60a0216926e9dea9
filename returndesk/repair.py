"""What should be running, and starting it where it does not.

Every open return has its workflow, and so has each duty of the upkeep. They are looked for by their ids, one by
one: a lost Temporal database, a namespace whose histories are gone or a run that somebody terminated costs nothing
but being started again, for a run loads its return from the books.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from sqlmodel import col, or_, select
from temporalio.client import Client, RPCError, WorkflowExecutionStatus
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCStatusCode

from returndesk.domain.stages import RefundStatus
from returndesk.installation import Installation
from returndesk.messages import (
    RETURN_WORKFLOW,
    TASK_QUEUE,
    UPKEEP_WORKFLOW,
    ReturnInput,
    UpkeepInput,
    return_workflow_id,
    upkeep_workflow_id,
)
from returndesk.store import tables
from returndesk.store.database import Database
from workflows.upkeep import DUTIES

ANSWER_TIMEOUT = timedelta(seconds=10)
AT_ONCE = 20
NAMED_MAX = 20
UNANSWERED = (
    RefundStatus.REQUESTED,
    RefundStatus.UNKNOWN,
    RefundStatus.PENDING,
    RefundStatus.REQUIRES_ACTION,
)
"""Refunds of which the processor has still to say what became of them."""

Progress = Callable[[int, int], None]
"""Told how many were looked at or started, and of how many."""


@dataclass(frozen=True)
class Stopped:
    """What does not run and should: RMAs and duties; `open_returns` is how many returns were looked at."""

    duties: list[str]
    returns: list[str]
    open_returns: int

    def __bool__(self) -> bool:
        return bool(self.duties or self.returns)


async def repair(installation: Installation, progress: Progress = lambda _done, _all: None) -> list[str]:
    """Start what should run and does not; a sentence for each thing found and done.

    Raises `ConfigurationError` where Temporal does not answer.
    """
    client = await installation.connect()
    stopped = await what_stopped(client, installation.database, progress)
    if not stopped:
        return [
            f"Nothing was to be done: {_returns(stopped.open_returns)} and the upkeep run. Nothing was changed."
        ]
    said = [
        f"The upkeep's {duty} did not run: started it."
        for duty in stopped.duties
        if await _started(client, UPKEEP_WORKFLOW, UpkeepInput(duty), upkeep_workflow_id(duty))
    ]
    started: list[str] = []
    for batch in _batches(stopped.returns):
        answers = await asyncio.gather(
            *(_started(client, RETURN_WORKFLOW, ReturnInput(x), return_workflow_id(x)) for x in batch)
        )
        started += [rma for rma, is_new in zip(batch, answers, strict=True) if is_new]
        progress(len(started), len(stopped.returns))
    if started:
        of = _returns(stopped.open_returns)
        said.append(f"{len(started)} of {of} did not run: started {named(started)}.")
    return said or ["What did not run was started meanwhile by somebody else. Nothing was changed."]


async def what_stopped(
    client: Client, database: Database, progress: Progress = lambda _done, _all: None
) -> Stopped:
    """Look for every workflow that should run, a few at a time."""
    rmas = await asyncio.to_thread(_open_returns, database)
    stopped: list[str] = []
    looked_at = 0
    for batch in _batches(rmas):
        runs = await asyncio.gather(*(_runs(client, return_workflow_id(rma)) for rma in batch))
        stopped += [rma for rma, is_running in zip(batch, runs, strict=True) if not is_running]
        looked_at += len(batch)
        progress(looked_at, len(rmas))
    duties = [duty for duty in DUTIES if not await _runs(client, upkeep_workflow_id(duty))]
    return Stopped(duties, stopped, len(rmas))


def named(rmas: list[str]) -> str:
    """Some RMAs by name, and how many more there are."""
    more = len(rmas) - NAMED_MAX
    return ", ".join(rmas[:NAMED_MAX]) + (f" and {more} more" if more > 0 else "")


def _returns(count: int) -> str:
    return f"{count} open return{'' if count == 1 else 's'}"


def _batches(rmas: list[str]) -> list[list[str]]:
    return [rmas[first : first + AT_ONCE] for first in range(0, len(rmas), AT_ONCE)]


async def _runs(client: Client, workflow_id: str) -> bool:
    try:
        described = await client.get_workflow_handle(workflow_id).describe(rpc_timeout=ANSWER_TIMEOUT)
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        return False
    return described.status is WorkflowExecutionStatus.RUNNING


async def _started(client: Client, workflow: str, of: ReturnInput | UpkeepInput, workflow_id: str) -> bool:
    """Start it; False where it runs already."""
    try:
        await client.start_workflow(
            workflow, of, id=workflow_id, task_queue=TASK_QUEUE, rpc_timeout=ANSWER_TIMEOUT
        )
    except WorkflowAlreadyStartedError:
        return False
    return True


def _open_returns(database: Database) -> list[str]:
    """Those that have not ended, and those of which the processor owes a word; the most urgent first."""
    row, refund = tables.Return, tables.Refund
    unanswered = select(refund.rma).where(col(refund.status).in_(UNANSWERED))
    query = (
        select(row.rma)
        .where(or_(col(row.ended_at).is_(None), col(row.rma).in_(unanswered)))
        .order_by(col(row.next_due_at), col(row.rma))
    )
    with database.read() as session:
        return list(session.exec(query))
