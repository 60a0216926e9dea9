"""The benchmarks of many returns at once, run for real with a few: what they count is right, and what they print."""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
RETURNS = 20
CACHED = 5
"""So that most returns are not in the worker's memory when something happens to them."""

pytestmark = pytest.mark.long


async def report(benchmark: str, *options: str) -> dict[str, Any]:
    """What a benchmark prints on standard output, which is one JSON object and nothing else."""
    running = await asyncio.create_subprocess_exec(
        sys.executable, f"benchmarks/{benchmark}.py", "--returns", str(RETURNS), "--json", *options,
        cwd=ROOT, env={**os.environ, "RETURNDESK_CACHED_RUNS": str(CACHED)},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    printed, progress = await running.communicate()
    assert running.returncode == 0, progress.decode()
    told: dict[str, Any] = json.loads(printed)
    return told


@pytest.fixture(scope="module")
async def reports() -> tuple[dict[str, Any], dict[str, Any]]:
    """Of `parked` and of `storm`, run beside each other; the storm's deadline is over when its returns are made, so nothing waits."""
    parked, storm = await asyncio.gather(
        report("parked", "--touches", "10"), report("storm", "--workers", "2", "--lead", "-300")
    )
    return parked, storm


async def test_parked_returns_answer_a_worker_that_was_killed(reports: tuple[dict[str, Any], ...]) -> None:
    parked, _ = reports
    assert set(parked) == {
        "returns", "parked_per_second", "restart_seconds", "touches", "touch_first_ms", "touch_p50_ms",
        "touch_p95_ms", "touch_max_ms", "resident_mib", "disk_mib", "load_average", "missed",
    }  # fmt: skip
    assert (parked["returns"], parked["touches"]) == (RETURNS, 10)
    assert 0 < parked["touch_p50_ms"] <= parked["touch_p95_ms"] <= parked["touch_max_ms"]
    assert set(parked["resident_mib"]) == {"parked", "restarted", "touched"}
    for seen in parked["resident_mib"].values():
        assert set(seen) == {"temporal", "sandbox", "worker", "api"}
        assert all(mib > 0 for mib in seen.values())
    assert set(parked["disk_mib"]) == {"books", "temporal", "mailbox"}
    assert all(mib > 0 for mib in parked["disk_mib"].values())


async def test_every_deadline_of_a_storm_is_handled_once(reports: tuple[dict[str, Any], ...]) -> None:
    _, storm = reports
    assert set(storm) == {
        "returns", "workers", "parked_per_second", "parked_before_deadline_seconds", "deadline", "handled",
        "mailed", "done_after_seconds", "commands", "times", "cpu_seconds", "resident_mib", "load_average", "missed",
    }  # fmt: skip
    assert (storm["returns"], storm["workers"]) == (RETURNS, 2)
    once = {"missing": 0, "twice": 0}
    assert storm["times"] == {"audit records": once, "notices": once, "tasks": once, "mails": once}
    assert storm["missed"][:2] == [
        "not all were parked before the deadline: give a longer --lead",
        f"late by {storm['handled']['max_seconds']} s, not 300",
    ]
    assert storm["commands"]["count"] >= 2
    assert 0 < storm["commands"]["p50_seconds"] <= storm["commands"]["p95_seconds"]
    for when in ("handled", "mailed"):
        late = storm[when]
        assert 0 < late["p50_seconds"] <= late["p95_seconds"] <= late["max_seconds"]
    assert storm["done_after_seconds"] >= storm["mailed"]["max_seconds"]
    assert set(storm["resident_mib"]) == {"temporal", "sandbox", "worker", "worker-2", "api"}
