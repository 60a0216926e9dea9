"""What goes on as long as the shop does: mail that leaves, and the sweep that finds what was left lying."""

from datetime import timedelta
from typing import Any

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities import failures
    from activities.notices import Notices
    from activities.sweep import Sweep
    from returndesk.messages import UPKEEP_WORKFLOW, UpkeepInput

TURN_TIMEOUT = timedelta(minutes=10)
HEARTBEAT_TIMEOUT = timedelta(seconds=40)
DUTIES: dict[str, Any] = {"notices": Notices.deliver, "sweep": Sweep.run}


@workflow.defn(name=UPKEEP_WORKFLOW)
class UpkeepWorkflow:
    """One duty, turn after turn, for ever; a turn whose worker died is taken over by another."""

    @workflow.run
    async def run(self, of: UpkeepInput) -> None:
        """Run turns until the history is long, then go on with a fresh one."""
        while not workflow.info().is_continue_as_new_suggested():
            await workflow.execute_activity(
                DUTIES[of.duty],
                start_to_close_timeout=TURN_TIMEOUT,
                heartbeat_timeout=HEARTBEAT_TIMEOUT,
                retry_policy=failures.UPKEEP,
            )
        workflow.continue_as_new(of)
