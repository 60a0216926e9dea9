"""A database that is locked for longer than anybody waits, and one that drops its connections."""

import asyncio
import random

import pytest
from sqlalchemy import text

from tests.faults.shop import KINDS, Rep, Shop
from tests.faults.test_every_point import all_is_well

LOCKED_SECONDS = 3.0
"""Longer than SQLite waits for a lock (2 seconds), shorter than a local activity may take with its retries."""

pytestmark = [pytest.mark.timeout(900), pytest.mark.long]


async def test_a_database_locked_for_seconds_delays_a_return_and_loses_nothing(shop: Shop) -> None:
    await shop.start()
    rep = Rep(shop, random.Random(5))
    driving = asyncio.gather(*(rep.sees_through(kind) for kind in KINDS))
    for _ in range(2):
        await shop.until(lambda: shop.waiting() != {}, 90, "nothing was in flight")
        with shop.database.write() as another_process:
            another_process.execute(text("UPDATE returns SET rma = rma"))
            await asyncio.wait({driving}, timeout=LOCKED_SECONDS)
    done = await driving
    await rep.close()
    await shop.quiet()
    all_is_well(shop, list(done), mail_doubles_max=2)


@pytest.mark.parametrize("shop", ["postgresql"], indirect=True)
async def test_connections_that_the_server_ends_lose_nothing(shop: Shop) -> None:
    await shop.start()
    rep = Rep(shop, random.Random(6))
    driving = asyncio.ensure_future(asyncio.gather(*(rep.sees_through(kind) for kind in KINDS * 2)))
    ended = 0
    while not driving.done():
        with shop.database.write() as session:
            ended += len(session.execute(text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )).all())  # fmt: skip
        await asyncio.wait({driving}, timeout=0.3)
    await rep.close()
    await shop.quiet()
    assert ended > 0
    all_is_well(shop, driving.result(), mail_doubles_max=ended)
