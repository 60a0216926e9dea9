"""The way into Temporal: a connected client, and the door through which everything comes to a return."""

import asyncio
from datetime import timedelta

from temporalio.client import (
    Client,
    RPCError,
    RPCStatusCode,
    RPCTimeoutOrCancelledError,
    WithStartWorkflowOperation,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.common import Priority, WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.contrib.pydantic import PydanticJSONPlainPayloadConverter
from temporalio.converter import (
    CompositePayloadConverter,
    DataConverter,
    DefaultPayloadConverter,
    JSONPlainPayloadConverter,
)
from temporalio.exceptions import ApplicationError

from returndesk.domain.errors import Unanswered
from returndesk.domain.stages import CommandKind
from returndesk.gateways.line import FIRST, Line
from returndesk.messages import (
    HINT_SIGNAL,
    RETURN_WORKFLOW,
    TASK_QUEUE,
    CommandRef,
    HintRef,
    Outcome,
    ReturnInput,
    return_workflow_id,
)

_JSON = PydanticJSONPlainPayloadConverter()
_CONVERTERS = tuple(
    _JSON if isinstance(converter, JSONPlainPayloadConverter) else converter
    for converter in DefaultPayloadConverter.default_encoding_payload_converters
)


class _Payloads(CompositePayloadConverter):
    """Pydantic's payloads with one JSON converter for all: a fresh one rebuilds every message's schema.

    Temporal makes one of these for every activation.
    """

    def __init__(self) -> None:
        super().__init__(*_CONVERTERS)


DATA_CONVERTER = DataConverter(payload_converter_class=_Payloads)

ANSWER_TIMEOUT = timedelta(seconds=10)
_ABORTED_TRIES = 3
_NOT_NOW = frozenset({RPCStatusCode.UNAVAILABLE, RPCStatusCode.ABORTED, RPCStatusCode.RESOURCE_EXHAUSTED})


class TemporalDoor:
    """Commands and hints on their way to a return: to its run, or with a start where there is none."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._line = Line(client)

    async def ask(self, rma: str, command: CommandRef) -> Outcome:
        """Have a command carried out. The update's id is the command's: sent twice, it is one update."""
        for attempt in range(1, _ABORTED_TRIES + 1):
            try:
                async with asyncio.timeout(ANSWER_TIMEOUT.total_seconds()):
                    return await self._update(rma, command)
            except WorkflowUpdateFailedError as error:
                return _refused(error)
            except (TimeoutError, RPCTimeoutOrCancelledError, WorkflowUpdateRPCTimeoutOrCancelledError):
                break
            except RPCError as error:
                if error.status not in _NOT_NOW or attempt == _ABORTED_TRIES:
                    break
        raise Unanswered("no_outcome_yet", "There is no outcome yet. What was asked is written down.")

    async def _update(self, rma: str, command: CommandRef) -> Outcome:
        """To the run that is there, which costs the server less; with a start where there is none."""
        goes_first = await self._line.is_long()
        if command.kind is not CommandKind.REQUEST:
            if goes_first:
                await self._line.move_up(rma)
            try:
                return await self._update_running(rma, command)
            except RPCError as error:
                if error.status is not RPCStatusCode.NOT_FOUND:
                    raise
        outcome: Outcome = await self._client.execute_update_with_start_workflow(
            command.kind,
            command,
            id=command.command_id,
            result_type=Outcome,
            start_workflow_operation=WithStartWorkflowOperation(
                RETURN_WORKFLOW,
                ReturnInput(rma),
                id=return_workflow_id(rma),
                task_queue=TASK_QUEUE,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
                priority=FIRST if goes_first else Priority.default,
            ),
        )
        return outcome

    async def _update_running(self, rma: str, command: CommandRef) -> Outcome:
        outcome: Outcome = await self._client.get_workflow_handle(return_workflow_id(rma)).execute_update(
            command.kind, command, id=command.command_id, result_type=Outcome
        )
        return outcome

    async def hint(self, rma: str, hint: HintRef) -> None:
        """Tell a return that the processor said something."""
        await self._client.start_workflow(
            RETURN_WORKFLOW,
            ReturnInput(rma),
            id=return_workflow_id(rma),
            task_queue=TASK_QUEUE,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
            start_signal=HINT_SIGNAL,
            start_signal_args=[hint],
        )


def _refused(error: WorkflowUpdateFailedError) -> Outcome:
    cause = error.cause
    code = cause.type if isinstance(cause, ApplicationError) and cause.type else "internal"
    if code == "not_allowed_at_stage":
        return Outcome(
            False, None, code, (), str(cause.message) if isinstance(cause, ApplicationError) else ""
        )
    while isinstance(cause, BaseException) and cause.__cause__ is not None:
        cause = cause.__cause__
    if isinstance(cause, ApplicationError) and cause.type:
        code = cause.type
    return Outcome(False, None, code, (), "This could not be carried out. Nothing was changed.")
