"""Every return that ever began can still be carried on: the recorded histories replay on today's workflow."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from live import SANDBOXED
from temporalio import workflow
from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer

from workflows.returns import ReturnWorkflow

FOLDER = Path(__file__).parent / "histories"
HISTORIES = sorted(FOLDER.glob("*.json"))
KINDS = {
    "answered", "goods_went_back", "late_parcel", "refused",
    "approved", "asked_again", "cancelled", "declined", "disputed", "expired", "hints_one_by_one", "hints_together", "late", "late_failure", "lost_answer", "paid_by_hand",
    "partial", "pending", "plain", "rejected", "sent", "unknown",
}  # fmt: skip
BEFORE, AFTER = "hints_one_by_one", "hints_together"
"""One case, recorded before and after hints that wait together got one look."""


def read(path: Path) -> dict[str, Any]:
    history: dict[str, Any] = json.loads(path.read_text())
    return history


def events(kept: str) -> Counter[str]:
    """How many events of each type a kept history has."""
    return Counter(event["eventType"] for event in read(FOLDER / f"{kept}.json")["events"])


def replayer() -> Replayer:
    return Replayer(
        workflows=[ReturnWorkflow],
        data_converter=pydantic_data_converter,
        workflow_runner=SANDBOXED,
        debug_mode=True,  # or a busy machine's two seconds pass for a workflow that never yields
    )


@pytest.mark.parametrize("path", HISTORIES, ids=lambda path: path.stem)
async def test_a_return_that_began_under_an_earlier_version_can_be_carried_on(path: Path) -> None:
    recorded = read(path)
    await replayer().replay_workflow(WorkflowHistory.from_json(recorded["workflowId"], recorded))


def test_there_is_a_history_of_every_kind_of_return() -> None:
    assert {path.stem for path in HISTORIES} >= KINDS


def test_the_plain_way_was_recorded_with_its_five_updates_and_one_payment() -> None:
    types = events("plain")
    assert types["EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_COMPLETED"] == 5
    assert types["EVENT_TYPE_ACTIVITY_TASK_SCHEDULED"] == 1
    assert not types["EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES"], "the plain way passes no guard"


def test_of_three_hints_two_waited_together_and_got_a_look_each_before_and_one_after() -> None:
    hints, looks = "EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED", "EVENT_TYPE_ACTIVITY_TASK_SCHEDULED"
    assert [(events(kept)[hints], events(kept)[looks]) for kept in (BEFORE, AFTER)] == [(3, 3), (3, 2)]
    guards = [
        event for event in read(FOLDER / f"{AFTER}.json")["events"]
        if event.get("markerRecordedEventAttributes", {}).get("markerName") == "core_patch"
    ]  # fmt: skip
    assert len(guards) == 1


@pytest.mark.parametrize(("kept", "held"), [(BEFORE, True), (AFTER, False)], ids=["open", "shut"])
async def test_a_guard_held_open_or_shut_cannot_carry_on_what_went_the_other_way(
    monkeypatch: pytest.MonkeyPatch, kept: str, held: bool
) -> None:
    """So the guard is needed, and the two histories show what it guards."""
    monkeypatch.setattr(workflow, "patched", lambda _guard: held)
    recorded = read(FOLDER / f"{kept}.json")
    with pytest.raises(workflow.NondeterminismError):
        await replayer().replay_workflow(WorkflowHistory.from_json(recorded["workflowId"], recorded))
