"""A long random campaign: returns in flight, and any part killed with -9 at any moment, all of them at once too.

`python -m tests.faults.campaign --returns N --seed S` prints its seed and its figures; the same seed kills the same
parts at the same moments of its own plan again (how far each return was then is the machine's affair).
"""

import argparse
import asyncio
import json
import random
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from tests import invariants
from tests.faults.shop import KINDS, Done, Rep, Shop

PARTS = ("worker", "api", "temporal", "sandbox", "everything")
PAUSE_SECONDS = (0.5, 5.0)
IN_FLIGHT = 6
HIT_AGAIN = 0.25
BACK_SECONDS_MAX = 30.0


@dataclass
class Figures:
    """What a campaign did. Amounts are in minor units, as Stripe has them."""

    seed: int
    returns: int = 0
    kills: Counter[str] = field(default_factory=Counter)
    refunded_minor: int = 0
    mails_twice: int = 0
    seconds: float = 0.0


async def run(shop: Shop, returns: int, seed: int, parts: tuple[str, ...] = PARTS) -> Figures:
    """See so many returns through while parts are killed; raises AssertionError where an invariant breaks."""
    chance, figures, begun = random.Random(seed), Figures(seed), time.monotonic()
    await shop.start()
    killing = asyncio.create_task(_kill(shop, parts, random.Random(seed + 1), figures))
    rep = Rep(shop, chance)
    try:
        done = await _seen_through(rep, returns, chance, killing)
    finally:
        killing.cancel()
        with suppress(asyncio.CancelledError):
            await killing
        await rep.close()
    if not shop.runs:
        await shop.start()
    await shop.quiet()
    _judge(shop, done, figures)
    figures.returns, figures.seconds = len(done), round(time.monotonic() - begun, 1)
    return figures


async def _seen_through(
    rep: Rep, returns: int, chance: random.Random, killing: asyncio.Task[None]
) -> list[Done]:
    gate = asyncio.Semaphore(IN_FLIGHT)

    async def one(number: int) -> Done:
        async with gate:
            return await rep.sees_through(KINDS[number % len(KINDS)])

    driving = asyncio.ensure_future(asyncio.gather(*map(one, range(returns))))
    both: set[asyncio.Future[Any]] = {driving, killing}
    await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
    if killing.done():
        driving.cancel()
        killing.result()
    return list(await driving)


async def _kill(shop: Shop, parts: tuple[str, ...], chance: random.Random, figures: Figures) -> None:
    """One part after another. One time in four the next comes whatever has become of the last, which may still be coming up;

    else once that runs again: on a busy machine it would hardly ever.
    """
    while True:
        await asyncio.sleep(chance.uniform(*PAUSE_SECONDS))
        if not shop.runs:  # it gives up on a part that ends nine times within a minute each
            await shop.start()
        part = chance.choice(parts)
        figures.kills[part] += 1
        if part == "everything":
            shop.kill_everything()
            await shop.start()
        else:
            killed = shop.kill(part)
            if chance.random() >= HIT_AGAIN:
                with suppress(AssertionError):
                    await shop.until(partial(shop.is_back, part, killed), BACK_SECONDS_MAX, "it is not back")


def _judge(shop: Shop, done: list[Done], figures: Figures) -> None:
    # Who is killed may have had a mail between its final dot and the commit, as mailer or as mail server.
    mailing = sum(figures.kills[part] for part in ("worker", "sandbox", "everything"))
    shop.check(mail_doubles_max=mailing)
    state = invariants.processor_state(shop.sandbox_url)
    refunded = {d.rma: d.refunded_minor(state) for d in done}
    assert refunded == {d.rma: d.due_minor for d in done}
    figures.refunded_minor = sum(refunded.values())
    mails = Counter(message.message_id for message in shop.mailbox.messages(limit=invariants.MAILS_READ_MAX))
    figures.mails_twice = sum(count - 1 for count in mails.values())


def main() -> None:
    """Run a campaign and print its figures as JSON."""
    asked = argparse.ArgumentParser(
        description="Kill parts of an installation at random and see that nothing is lost."
    )
    asked.add_argument("--returns", type=int, default=200)
    asked.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**9))
    wanted = asked.parse_args()
    sys.stdout.write(f"seed {wanted.seed}\n")
    with tempfile.TemporaryDirectory(prefix="campaign") as folder:
        shop = Shop(Path(folder) / "shop")
        try:
            figures = asyncio.run(run(shop, wanted.returns, wanted.seed))
        finally:
            shop.stop()
    sys.stdout.write(f"{json.dumps(vars(figures))}\n")


if __name__ == "__main__":
    main()
