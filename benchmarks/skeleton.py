"""The bare skeleton: what Temporal alone costs for a return.

Its workflow produces the very same events as `workflows/returns.py` on the plain way, in the same order, with dicts
of the same fields as payloads. Nothing else is there: no store, no API, no payments, no sandbox around the
workflow, the SDK's own JSON converter, coroutines for activities. It is tuned as well as the product is.
"""

import asyncio
from datetime import timedelta
from typing import Any

from temporalio import activity, workflow
from temporalio.client import Client, WithStartWorkflowOperation
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

TASK_QUEUE = "skeleton"
COMMANDS = ("request", "authorization", "receipts", "inspections", "decision")
STEP_TIMEOUT = timedelta(seconds=5)
CACHED_RUNS = 1_000

_STAGES = dict(zip(COMMANDS, ("requested", "authorized", "received", "inspected", "settling"), strict=True))
_VERSION = "2026-11+bd3c81c0"
_DUE = "2026-11-27T17:30:00Z"


def _state(stage: str | None, rma: str) -> dict[str, Any]:
    return {
        "stage": stage,
        "policy_version": _VERSION,
        "last_at": _DUE,
        "wake_at": _DUE,
        "refunds_due": [f"{rma}-1"] if stage == "settling" else [],
        "ended": stage in (None, "closed"),
    }


@activity.defn(name="skeleton.load")
async def load(of: dict[str, Any]) -> dict[str, Any]:
    """Answer as `records.load` does for a return that is not there yet."""
    return {"state": _state(None, of["rma"]), "clock_offset_us": 0}


@activity.defn(name="skeleton.transition")
async def transition(step: dict[str, Any]) -> dict[str, Any]:
    """Answer as `records.transition` does."""
    stage = _STAGES.get(step["what"], "closed")
    outcome = {
        "accepted": True,
        "stage": stage,
        "code": "",
        "reasons": [],
        "sentence": "",
        "processing_due_at": _DUE,
        "refund_due_at": _DUE,
    }
    return {"state": _state(stage, step["rma"]), "outcome": outcome}


@activity.defn(name="skeleton.refund")
async def refund(errand: dict[str, Any]) -> dict[str, Any]:
    """Answer as `refunds.advance` does."""
    return {
        "refund_id": errand["refund_id"],
        "status": "succeeded",
        "processor_reference": "re_oGdSYUxkiEFsDAgImh7msTWv",
        "failure_reason": None,
        "bank_reference": "74229424029192256215266",
        "refused_code": None,
        "look_again_at": None,
        "needs_person": False,
    }


@workflow.defn(name="skeleton")
class Skeleton:
    """Loads, takes five commands, has one refund made, ends."""

    @workflow.init
    def __init__(self, of: dict[str, Any]) -> None:
        self._rma: str = of["rma"]
        self._case: dict[str, Any] | None = None
        self._transitions = asyncio.Lock()
        self._alarm: asyncio.Task[None] | None = None

    @workflow.run
    async def run(self, of: dict[str, Any]) -> None:
        """Until the refund is answered."""
        loaded = await workflow.execute_local_activity(load, of, start_to_close_timeout=STEP_TIMEOUT)
        self._case = case = loaded["state"]
        while case["stage"] != "closed" or not workflow.all_handlers_finished():
            if case["refunds_due"]:
                answer = await workflow.execute_activity(
                    refund,
                    {"refund_id": case["refunds_due"][0], "rma": self._rma, "policy_version": _VERSION},
                    start_to_close_timeout=timedelta(seconds=60),
                )
                await self._step("refund_answered", f"refund:{self._rma}", answer)
            elif case["stage"] is not None and self._alarm is None:
                self._alarm = asyncio.create_task(workflow.sleep(timedelta(days=4), summary="next deadline"))
            else:
                await workflow.wait_condition(self._something_to_do)
            case = self._case

    @workflow.update
    async def request(self, command: dict[str, Any]) -> dict[str, Any]:
        """The first command."""
        return await self._asked(command)

    @workflow.update
    async def authorization(self, command: dict[str, Any]) -> dict[str, Any]:
        """The second command."""
        return await self._asked(command)

    @workflow.update
    async def receipts(self, command: dict[str, Any]) -> dict[str, Any]:
        """The third command."""
        return await self._asked(command)

    @workflow.update
    async def inspections(self, command: dict[str, Any]) -> dict[str, Any]:
        """The fourth command."""
        return await self._asked(command)

    @workflow.update
    async def decision(self, command: dict[str, Any]) -> dict[str, Any]:
        """The fifth command."""
        return await self._asked(command)

    async def _asked(self, command: dict[str, Any]) -> dict[str, Any]:
        await workflow.wait_condition(lambda: self._case is not None)
        return await self._step(command["kind"], command["command_id"])

    async def _step(self, what: str, key: str, answer: dict[str, Any] | None = None) -> dict[str, Any]:
        async with self._transitions:
            stepped = await workflow.execute_local_activity(
                transition,
                {
                    "key": key,
                    "rma": self._rma,
                    "what": what,
                    "now": workflow.now().isoformat(),
                    "answer": answer,
                },
                start_to_close_timeout=STEP_TIMEOUT,
            )
            self._case = stepped["state"]
            outcome: dict[str, Any] = stepped["outcome"]
            return outcome

    def _something_to_do(self) -> bool:
        case = self._case
        if case is None or case["stage"] is None:
            return False
        return bool(case["refunds_due"]) or self._alarm is None or case["stage"] == "closed"


async def command(client: Client, rma: str, kind: str) -> None:
    """One command as the SDK's client sends it: the first with the start, the rest as plain updates."""
    said = {
        "command_id": f"cmd_{rma}_{kind}",
        "kind": kind,
        "actor_id": "rep-1",
        "role": "rep",
        "policy_version": _VERSION,
    }
    if kind != COMMANDS[0]:
        await client.get_workflow_handle(rma).execute_update(kind, said, id=said["command_id"])
        return
    await client.execute_update_with_start_workflow(
        kind,
        said,
        id=said["command_id"],
        start_workflow_operation=WithStartWorkflowOperation(
            "skeleton",
            {"rma": rma},
            id=rma,
            task_queue=TASK_QUEUE,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        ),
    )


async def work(address: str, namespace: str) -> None:
    """Run the skeleton's worker until this process is ended."""
    client = await Client.connect(address, namespace=namespace)
    await Worker(
        client,
        task_queue=TASK_QUEUE,
        workflows=[Skeleton],
        activities=[load, transition, refund],
        workflow_runner=UnsandboxedWorkflowRunner(),
        max_cached_workflows=CACHED_RUNS,
        max_workflow_task_external_storage_concurrency=1,  # as the product's
    ).run()
