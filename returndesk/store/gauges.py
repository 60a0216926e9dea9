"""What waits, in numbers."""

from collections.abc import Iterator

from sqlmodel import Session, col, func, select

from returndesk.store import tables


def gauges(session: Session) -> Iterator[tuple[str, str, dict[str, int]]]:
    """Each gauge with its one label and the counts by that label."""
    yield "returndesk_open_returns", "stage", dict(session.exec(
        select(tables.Return.stage, func.count())
        .where(col(tables.Return.ended_at).is_(None))
        .group_by(tables.Return.stage)
    ).all())  # fmt: skip
    yield "returndesk_refunds", "status", dict(session.exec(
        select(tables.Refund.status, func.count()).group_by(tables.Refund.status)
    ).all())  # fmt: skip
    yield "returndesk_open_tasks", "queue", dict(session.exec(
        select(tables.Task.queue, func.count())
        .where(col(tables.Task.done_at).is_(None))
        .group_by(tables.Task.queue)
    ).all())  # fmt: skip
    yield (
        "returndesk_waiting",
        "what",
        {
            "commands": session.exec(
                select(func.count()).where(col(tables.Command.stamped_at).is_(None))
            ).one(),
            "notices": session.exec(
                select(func.count()).where(col(tables.Notice.settled_at).is_(None))
            ).one(),
            "processor_events": session.exec(
                select(func.count()).where(col(tables.ProcessorEvent.handled_at).is_(None))
            ).one(),
        },
    )
