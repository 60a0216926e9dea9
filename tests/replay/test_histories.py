"""Every return that ever began can still be carried on: the recorded histories replay on today's workflow."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from live import SANDBOXED
from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer

from workflows.returns import ReturnWorkflow

HISTORIES = sorted((Path(__file__).parent / "histories").glob("*.json"))
KINDS = {
    "approved", "asked_again", "cancelled", "declined", "disputed", "expired", "late", "late_failure", "lost_answer", "paid_by_hand", "partial", "pending", "plain", "rejected",
    "sent", "unknown",
}  # fmt: skip


def read(path: Path) -> dict[str, Any]:
    history: dict[str, Any] = json.loads(path.read_text())
    return history


def replayer() -> Replayer:
    return Replayer(
        workflows=[ReturnWorkflow],
        data_converter=pydantic_data_converter,
        workflow_runner=SANDBOXED,
    )


@pytest.mark.parametrize("path", HISTORIES, ids=lambda path: path.stem)
async def test_a_return_that_began_under_an_earlier_version_can_be_carried_on(path: Path) -> None:
    recorded = read(path)
    await replayer().replay_workflow(WorkflowHistory.from_json(recorded["workflowId"], recorded))


def test_there_is_a_history_of_every_kind_of_return() -> None:
    assert {path.stem for path in HISTORIES} >= KINDS


def test_the_plain_way_was_recorded_with_its_five_updates_and_one_payment() -> None:
    [plain] = [path for path in HISTORIES if path.stem == "plain"]
    types = Counter(event["eventType"] for event in read(plain)["events"])
    assert types["EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_COMPLETED"] == 5
    assert types["EVENT_TYPE_ACTIVITY_TASK_SCHEDULED"] == 1
