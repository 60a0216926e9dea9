"""The clock campaign: random lives of clocks in random shops, each held against a count that was made another way.

    python -m tests.oracle.campaign [--cases N] [--seed S] [--shop N] [--jobs N]

Ends with 1 where anything disagrees, and names each disagreement by seed, shop and case: `--shop` asks that shop again.
"""

import argparse
import os
import sys
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import partial
from time import monotonic
from typing import TextIO

from tests.oracle.agreement import CASES_A_SHOP, shop_of_cases

SHOWN_MAX = 20
SAY_EVERY_SECONDS = 5.0


def main() -> int:
    asked = _asked()
    shops = [asked.shop] if asked.shop is not None else range(-(-asked.cases // CASES_A_SHOP))
    begun, said_at = monotonic(), 0.0
    found: list[str] = []
    seen: Counter[str] = Counter()
    with ProcessPoolExecutor(asked.jobs) as pool:
        for done in as_completed(pool.submit(partial(shop_of_cases, asked.seed), shop) for shop in shops):
            disagreements, compared = done.result()
            for line in disagreements[: max(SHOWN_MAX - len(found), 0)]:
                _say(line)
            found += disagreements
            seen += compared
            seconds = monotonic() - begun
            if seconds - said_at >= SAY_EVERY_SECONDS:
                said_at = seconds
                left = seconds / seen["shops"] * (len(shops) - seen["shops"])
                _say(
                    f"{seen['cases']:>9,} cases, {len(found)} disagreements, about {left:.0f} s left",
                    sys.stderr,
                )
    _report(seen, found, monotonic() - begun, asked)
    return 1 if found else 0


def _report(seen: Counter[str], found: list[str], seconds: float, asked: argparse.Namespace) -> None:
    zones = sorted(what for what in seen if what.startswith("zone "))
    comparisons = {what: n for what, n in seen.items() if what not in ("cases", "shops", *zones)}
    for what, count in sorted(comparisons.items()):
        _say(f"  {what:24} {count:>12,}")
    _say(
        f"{seen['cases']:,} clock cases in {seen['shops']:,} shops of {len(zones)} zones, seed {asked.seed}: "
        f"{sum(comparisons.values()):,} comparisons in {seconds:.0f} seconds on {asked.jobs} cores, "
        f"{len(found)} disagreements."
    )


def _say(line: str, where: TextIO = sys.stdout) -> None:
    where.write(f"{line}\n")
    where.flush()


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Hold the business calendar and the clocks against an oracle."
    )
    parser.add_argument("--cases", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--shop", type=int, help="only this shop of the seed")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
