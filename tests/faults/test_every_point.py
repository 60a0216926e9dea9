"""kill -9 before and after every commit and every call to the outside, one by one, with returns in flight.

The points are not listed here: a first batch of returns shows which ones the plain way passes, and then a life of
the worker, or of the API, ends at each of them.
"""

import asyncio
import random
from collections.abc import Callable

import pytest

from tests import invariants
from tests.faults.shop import KINDS, Done, Rep, Shop

pytestmark = [pytest.mark.timeout(900), pytest.mark.long]


async def test_a_worker_killed_at_every_point_pays_once_and_forgets_nothing(shop: Shop) -> None:
    """vendure #3680: money moved, and the books were rolled back."""
    died_at = await kill_at_every_point(shop, "worker")
    assert {
        "after the commit of records.transition request",
        "before the commit of records.transition decision",
        "after StripeGateway.create_refund",
        "before the commit of records.transition refund_answered",
        "after SmtpMailer.send",
        "before the commit of notices._settle",
    } <= set(died_at)


@pytest.mark.parametrize("shop", ["postgresql"], indirect=True)
async def test_a_worker_on_postgresql_killed_around_the_money_pays_once(shop: Shop) -> None:
    money = ("decision", "refund")
    died_at = await kill_at_every_point(shop, "worker", lambda point: any(word in point for word in money))
    assert len(died_at) >= 8


async def test_an_api_killed_at_every_point_pays_once_and_forgets_nothing(shop: Shop) -> None:
    died_at = await kill_at_every_point(shop, "api")
    assert {
        "before the commit of commands.write_down",
        "after the commit of commands.write_down",
        "after TemporalDoor.ask",
        "before the commit of commands.stamp",
        "after the commit of processor_events.keep",
    } <= set(died_at)


async def kill_at_every_point(
    shop: Shop, part: str, where: Callable[[str], bool] = lambda _point: True
) -> list[str]:
    """See returns through until a life of the part has ended at every point there is; which they were."""
    shop.number_lives(part, [])
    await shop.start()
    rep = Rep(shop, random.Random(part))
    done = await batch(rep)
    await shop.quiet()
    # What is only passed at a start comes last: then the life before has just ended.
    points = sorted(filter(where, shop.seen(part)), key=lambda point: "lifespan" in point)
    shop.number_lives(part, points)
    while len(shop.deaths(part)) < len(points):
        before = len(shop.deaths(part))
        done += await batch(rep)
        await shop.quiet()
        assert len(shop.deaths(part)) > before, f"{part} never passed {points[before]} again"
    await rep.close()
    # Each end of a worker, wherever it is, may fall between one mail's final dot and the commit after it.
    all_is_well(shop, done, mail_doubles_max=len(points) if part == "worker" else 0)
    return points


async def batch(rep: Rep) -> list[Done]:
    """One return of each kind, all at once."""
    return list(await asyncio.gather(*(rep.sees_through(kind) for kind in KINDS)))


def all_is_well(shop: Shop, done: list[Done], *, mail_doubles_max: int) -> None:
    """Every invariant holds, and Stripe refunded each return what it was due."""
    shop.check(mail_doubles_max=mail_doubles_max)
    state = invariants.processor_state(shop.sandbox_url)
    assert {d.rma: d.refunded_minor(state) for d in done} == {d.rma: d.due_minor for d in done}
