"""A worker that is told to stop while returns are in flight, as a deploy tells it, and its successor."""

import asyncio
import random

import pytest
from sqlmodel import col, func, select

from returndesk.store import tables
from tests.faults.shop import KINDS, Done, Kind, Rep, Shop
from tests.faults.test_every_point import all_is_well

DEPLOYS = 3

pytestmark = [pytest.mark.timeout(900), pytest.mark.long]


async def test_workers_replaced_in_mid_return_lose_nothing_and_answer_what_was_asked_meanwhile(
    shop: Shop,
) -> None:
    """Every command gets its answer, everything is paid once, and no mail leaves twice."""
    await shop.start()
    rep = Rep(shop, random.Random(8))
    deployed = asyncio.Event()

    async def one_after_the_other(kind: Kind) -> list[Done]:
        done = [await rep.sees_through(kind)]
        while not deployed.is_set():
            done.append(await rep.sees_through(kind))
        return done

    driving = asyncio.gather(*(one_after_the_other(kind) for kind in KINDS * 2))
    for _ in range(DEPLOYS):
        before = answered(shop)
        await shop.until(lambda before=before: answered(shop) > before, 90, "the worker answered nothing")
        await shop.replace("worker")
    deployed.set()
    done = [each for several in await driving for each in several]
    await rep.close()
    await shop.quiet()
    all_is_well(shop, done, mail_doubles_max=0)
    log = (shop.folder / "up.log").read_text().splitlines()
    ends = [line.partition(";")[0] for line in log if line.startswith("worker ended")]
    assert ends == ["worker ended with exit code 0"] * DEPLOYS, "each one stopped in order"


def answered(shop: Shop) -> int:
    """How many commands have their outcome."""
    with shop.database.read() as session:
        return session.exec(select(func.count()).where(col(tables.Command.stamped_at).is_not(None))).one()
