"""Moves the embedded clock: the offset that every process honours, and every open return's workflow with it.

Only where everything is embedded: a real shop's time is nobody's to move.
"""

import asyncio
import re
from collections.abc import Callable
from datetime import timedelta

from sqlmodel import col, select
from temporalio.client import Client, RPCError, RPCStatusCode, WorkflowQueryFailedError
from temporalio.testing import TimeSkipper, TimeSkippingConfig

from returndesk.clocks import LOOK_EVERY_SECONDS, move
from returndesk.domain.errors import ConfigurationError, InvalidInput
from returndesk.installation import Installation
from returndesk.messages import CLOCK_OFFSET_QUERY, return_workflow_id
from returndesk.ports import Clock
from returndesk.store import tables

MOVES_AT_ONCE = 20
MOVE_TIMEOUT_SECONDS = 20.0
WORTH_MOVING = timedelta(seconds=1)
"""A fast-forward that is over before the server looks at it (4 µs were seen) runs on to the next timer."""

_UNITS = {"d": "days", "h": "hours", "m": "minutes"}


def read_duration(text: str) -> timedelta:
    """A duration such as `5d`, `36h` or `1d12h`. Raises `InvalidInput` (`duration_invalid`)."""
    parts = re.findall(r"(\d+)([dhm])", text)
    if not parts or "".join(n + u for n, u in parts) != text.strip():
        raise InvalidInput("duration_invalid", "Write how far, such as 5d, 36h or 1d12h.")
    try:
        return sum((timedelta(**{_UNITS[u]: int(n)}) for n, u in parts), timedelta(0))
    except (
        OverflowError,
        ValueError,
    ):  # further than years are counted, or more digits than numbers are read with
        raise InvalidInput("duration_invalid", "That is too far. Write how far, such as 5d.") from None


async def advance(
    installation: Installation,
    by: timedelta,
    say: Callable[[str], None] = lambda _sentence: None,
    *,
    client: Client | None = None,
) -> list[str]:
    """Move time on by `by`; answers the RMAs whose workflow could not be moved along.

    Every open return is brought to the clock's now, from wherever a move that was cut off has left it: moving by
    nothing mends that.

    A workflow waits for nothing but time or people, so moving takes milliseconds; one whose activity is being
    tried again cannot move and is named after 20 seconds.
    """
    if not installation.settings.all_embedded:
        raise ConfigurationError(
            "clock_not_ours",
            "The clock is only moved where every outside part is embedded. Nothing was changed.",
        )
    skipper = TimeSkipper(client or await installation.connect(), config=TimeSkippingConfig(enabled=False))
    await asyncio.to_thread(move, installation.database, by)
    await asyncio.sleep(LOOK_EVERY_SECONDS)  # until every process has seen it
    open_returns = await asyncio.to_thread(_open_returns, installation)
    gate = asyncio.Semaphore(MOVES_AT_ONCE)

    async def one(rma: str) -> str | None:
        async with gate:
            return None if await _moved(skipper, rma, installation.clock) else rma

    stuck = [rma for rma in await asyncio.gather(*map(one, open_returns)) if rma is not None]
    say(f"Moved the clock by {by}, with {len(open_returns) - len(stuck)} open returns.")
    return stuck


def _open_returns(installation: Installation) -> list[str]:
    with installation.database.read() as session:
        return list(
            session.exec(
                select(tables.Return.rma)
                .where(col(tables.Return.ended_at).is_(None))
                .order_by(col(tables.Return.next_due_at))
            ).all()
        )


async def _moved(skipper: TimeSkipper, rma: str, clock: Clock) -> bool:
    """Bring one return to the clock's now; False where it does not get there."""
    handle = skipper.client.get_workflow_handle(return_workflow_id(rma))
    try:
        async with asyncio.timeout(MOVE_TIMEOUT_SECONDS):
            offset_us: int | None = await handle.query(CLOCK_OFFSET_QUERY)
            if offset_us is None:
                return True  # it will load the clock as it is
            its_now = await skipper.get_current_time(handle) + timedelta(microseconds=offset_us)
            behind = clock.now() - its_now
            if behind > WORTH_MOVING:
                await skipper.fast_forward(handle, behind)
    except (TimeoutError, WorkflowQueryFailedError):
        return False
    except RPCError as error:
        return error.status is RPCStatusCode.NOT_FOUND  # it ended meanwhile
    return True
