"""The line of returns that wait for a worker, and how somebody's command gets past it (record 0021).

Temporal hands out work by the priority of its workflow, and within one priority by age. Where thousands of deadlines
passed at one instant, a command would wait behind them all; so its return is moved up first.
"""

import time
from contextlib import suppress

from google.protobuf.field_mask_pb2 import FieldMask
from temporalio.api.common.v1 import Priority as RunPriority
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflow.v1 import WorkflowExecutionOptions
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest, UpdateWorkflowExecutionOptionsRequest
from temporalio.client import Client, RPCError
from temporalio.common import Priority

from returndesk.messages import TASK_QUEUE, return_workflow_id

LONG = 20
"""So many returns that wait take a worker about a second."""
LOOK_EVERY_SECONDS = 1.0
_HIGHEST = 1
FIRST = Priority(priority_key=_HIGHEST)
"""Before everything else: of Temporal's five priorities, all work has the third."""


class Line:
    """How long it is is asked once a second at most, and only while there are commands."""

    def __init__(self, client: Client, task_queue: str = TASK_QUEUE) -> None:
        self._client = client
        self._task_queue = task_queue
        self._looked_at = -LOOK_EVERY_SECONDS
        self._is_long = False

    async def is_long(self) -> bool:
        """Whether a command would wait for long. Where Temporal does not say, it is taken as short."""
        now = time.monotonic()
        if now - self._looked_at >= LOOK_EVERY_SECONDS:
            self._looked_at, self._is_long = now, False
            with suppress(RPCError):
                self._is_long = await self._waiting() >= LONG
        return self._is_long

    async def move_up(self, rma: str) -> None:
        """Let the run of a return go first from now on; where there is none, or Temporal cannot, nothing changes."""
        with suppress(RPCError):
            await self._client.workflow_service.update_workflow_execution_options(
                UpdateWorkflowExecutionOptionsRequest(
                    namespace=self._client.namespace,
                    workflow_execution=WorkflowExecution(workflow_id=return_workflow_id(rma)),
                    workflow_execution_options=WorkflowExecutionOptions(
                        priority=RunPriority(priority_key=_HIGHEST)
                    ),
                    update_mask=FieldMask(paths=["priority.priority_key"]),
                )
            )

    async def _waiting(self) -> int:
        described = await self._client.workflow_service.describe_task_queue(
            DescribeTaskQueueRequest(
                namespace=self._client.namespace,
                task_queue=TaskQueue(name=self._task_queue),
                task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
                report_stats=True,
            )
        )
        return described.stats.approximate_backlog_count
