"""Many open returns: orders as an import writes them, then a request for each over HTTP, several at a time."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import timedelta
from itertools import islice
from time import monotonic
from typing import Any

from rich.progress import Progress
from sqlalchemy import ColumnElement
from sqlmodel import SQLModel, col, func, select

from benchmarks.desk import Desk, order_body, request_body
from benchmarks.http_client import Connection
from returndesk.domain.orders import OrderInput
from returndesk.installation import Installation
from returndesk.store import tables
from returndesk.store.orders import put_order

ORDERS_AT_A_TIME = 100
LOOK_EVERY_SECONDS = 0.25
PATIENCE_SECONDS = 180


def sell(installation: Installation, count: int, progress: Progress) -> None:
    """So many orders, numbered from 0."""
    now, secret = installation.clock.now(), installation.keyring.secret
    bought = (now - timedelta(days=10)).isoformat()
    numbers = iter(progress.track(range(count), description="orders"))
    while batch := list(islice(numbers, ORDERS_AT_A_TIME)):
        with installation.database.write() as session:
            for number in batch:
                order = OrderInput.model_validate(order_body(f"pi_bench_{number}", bought))
                put_order(session, _order(number), order, now=now, secret=secret)


def _order(number: int) -> str:
    return f"BENCH-{number}"


async def park(
    installation: Installation,
    desk: Desk,
    numbers: Sequence[int],
    *,
    in_flight: int,
    progress: Progress,
    **asked: Any,
) -> list[str]:
    """Ask for the return of each of these orders, with `asked` beside what every request says, and have all mail sent.

    The RMAs of the returns, none of which has anything left to do now.
    """
    bar = progress.add_task("parking", total=len(numbers))
    work, rmas = iter(numbers), list[str]()

    async def lane() -> None:
        connection = await Connection.open(desk.port)
        for number in work:
            request = {**request_body(_order(number)), **asked}
            answer = await connection.ask("/api/v1/returns", desk.rep, request)
            rmas.append(str(answer["rma"]))
            progress.advance(bar)
        connection.close()

    await asyncio.gather(*(lane() for _ in range(in_flight)))
    await until_none(lambda: unfinished(installation), progress, "mails", len(numbers))
    return rmas


def unfinished(installation: Installation) -> int:
    """Commands without a stamp, and mails that have not left."""
    return count(installation, tables.Command, col(tables.Command.stamped_at).is_(None)) + count(
        installation, tables.Notice, col(tables.Notice.settled_at).is_(None)
    )


def count(installation: Installation, table: type[SQLModel], *conditions: ColumnElement[bool]) -> int:
    """How many rows the books have."""
    with installation.database.read() as session:
        return session.exec(select(func.count()).select_from(table).where(*conditions)).one()


async def until_none(look: Callable[[], int], progress: Progress, of_what: str, total: int) -> None:
    """Return when `look` finds nothing left. Raises `TimeoutError` when three minutes change nothing."""
    bar = progress.add_task(of_what, total=total)
    before, since = -1, monotonic()
    while left := await asyncio.to_thread(look):
        progress.update(bar, completed=max(total - left, 0))
        if left != before:
            before, since = left, monotonic()
        if monotonic() - since > PATIENCE_SECONDS:
            raise TimeoutError(f"{of_what}: {left} are left, and nothing moves")
        await asyncio.sleep(LOOK_EVERY_SECONDS)
    progress.update(bar, completed=total)
