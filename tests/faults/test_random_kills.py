"""kill -9 of any part at any moment with several returns in flight: a short campaign of each kind."""

import asyncio
import random

import pytest

from tests.faults.campaign import run
from tests.faults.shop import KINDS, Rep, Shop
from tests.faults.test_every_point import all_is_well

pytestmark = [pytest.mark.timeout(900), pytest.mark.long]


@pytest.mark.parametrize("part", ["temporal", "sandbox"])
async def test_a_server_killed_again_and_again_loses_and_doubles_nothing(shop: Shop, part: str) -> None:
    figures = await run(shop, returns=30, seed=11, parts=(part,))
    assert figures.kills[part] > 0


async def test_everything_killed_in_mid_run_goes_on_where_it_was(shop: Shop) -> None:
    """kill -9 of the supervisor and all its children at one moment, then a new start."""
    await shop.start()
    rep = Rep(shop, random.Random(7))
    driving = asyncio.gather(*(rep.sees_through(kind) for kind in KINDS * 2))
    await shop.until(lambda: shop.waiting().get("returns", 0) >= 4, 90, "no return was in flight")
    shop.kill_everything()
    await shop.start()
    done = await driving
    await rep.close()
    await shop.quiet()
    all_is_well(shop, list(done), mail_doubles_max=1)
