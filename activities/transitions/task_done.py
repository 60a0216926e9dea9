"""Task done: a person says so, and it is on the return's record who did and when."""

from returndesk.domain import tasks
from returndesk.domain.errors import Refused
from returndesk.domain.inputs import TaskDoneInput
from returndesk.store.case_rows import find_task
from returndesk.store.cases import Case


def task_done(case: Case, asked: TaskDoneInput) -> None:
    """Close a task that only a person can. What ends by itself is left to end by itself."""
    task = find_task(case.connection, asked.task)
    if task is None or task.rma != case.row.rma:
        raise Refused("task_not_found", "This return has no such task.")
    if not tasks.is_of(case.actor.role, task.owner_role):
        raise Refused(
            "not_your_task",
            f"This is a task for {task.owner_role}. Nothing was changed. A manager can close it too.",
        )
    ends_with = tasks.ends_with(task.id, task.kind)
    if ends_with is not None:
        raise Refused(
            "task_not_yours_to_close", f"This task ends by itself when {ends_with}. Nothing was changed."
        )
    if task.done_at is not None:
        raise Refused(tasks.DONE_ALREADY, "This task is done already.")
    which = task.id.removeprefix(f"{case.row.rma}/")
    case.end_task(which)
    case.record("task_done", task=which, queue=task.queue, note=asked.note)
