"""The sample run beside a person who uses the sample shop: it goes on with its own returns only, and never in silence."""

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from api.desk import Desk
from returndesk.domain.people import Role
from returndesk.domain.stages import Stage
from returndesk.samples import run as sample_run
from returndesk.samples.progress import Progress
from returndesk.samples.run import SampleRun, SampleTrouble
from returndesk.samples.shop import SAMPLES
from returndesk.store import tokens

PLAIN = SAMPLES[0]


def run_over(database: Any, said: list[str]) -> SampleRun:
    installation: Any = SimpleNamespace(database=database)
    return SampleRun(installation, {}, said.append, lambda _progress: None)


@pytest.fixture
def asks(api: Desk, http: Any) -> Callable[[str], str]:
    """Somebody asks for a return of the first sample's order, under a key of theirs."""
    with api.database.write() as session:
        secret = tokens.create(session, Role.REP, "rep-1", api.clock.now())
    headers = {"Authorization": f"Bearer {secret}"}
    order = {
        "currency": "GBP", "ordered_at": "2026-02-20T10:00:00Z",
        "customer": {"name": "N", "email": "n@customer.example"},
        "lines": [{"line": 1, "sku": "S", "title": "Dress", "quantity": 2, "unit_price_minor": 4_000}],
    }  # fmt: skip
    http.put(f"/api/v1/orders/{PLAIN.order_reference}", json=order, headers=headers)

    def ask(key: str) -> str:
        body = {"order_reference": PLAIN.order_reference, "channel": "phone",
                "items": [{"line": 1, "quantity": 1, "reason": "other"}]}  # fmt: skip
        answer = http.post("/api/v1/returns", json=body, headers=headers | {"Idempotency-Key": key})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["rma"])

    return ask


def test_a_sample_is_the_return_that_its_own_key_asked_for(api: Desk, asks: Callable[[str], str]) -> None:
    run = run_over(api.database, [])
    asks("try-1")
    assert run._own_return(PLAIN) is None
    own = asks(f"sample:{PLAIN.order_reference}:0")
    assert run._own_return(PLAIN) == own
    other = run_over(api.database, [])
    assert other._own_return(SAMPLES[1]) is None


class Standing:
    """A sample that stays where it is while time goes by, ten seconds a look."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, stage: Stage) -> None:
        self.now, self.stage = 0.0, stage
        monkeypatch.setattr(sample_run.time, "monotonic", lambda: self.now)
        monkeypatch.setattr(sample_run.asyncio, "sleep", self._sleep)
        monkeypatch.setattr(SampleRun, "_find", self._find)

    async def _sleep(self, _seconds: float) -> None:
        self.now += 6

    async def _find(self, progress: Progress) -> None:
        progress.stage = self.stage


async def test_a_sample_that_takes_its_time_says_so_long_before_it_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Standing(monkeypatch, Stage.REQUESTED)
    said: list[str] = []
    progress = Progress(PLAIN, rma="RMA-7K3M-Q9TX")
    with pytest.raises(SampleTrouble):
        await run_over(None, said)._until_past(progress, PLAIN.steps[1])
    assert len(said) >= 6
    assert said[0].startswith("Sample 'plain' takes its time: requested 12 s after")


async def test_a_sample_that_somebody_has_taken_over_is_not_gone_on_with(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def is_theirs_now(_run: SampleRun, progress: Progress) -> None:
        progress.is_theirs = True

    monkeypatch.setattr(SampleRun, "_find", is_theirs_now)
    left_open = next(sample for sample in SAMPLES if sample.is_left_open)
    progress = Progress(left_open)
    await run_over(None, [])._carry_out(datetime(2026, 3, 4, tzinfo=UTC), progress, left_open.steps[0])
    assert (progress.trouble, progress.at) == ([], None), "nobody asked, and no clock was moved"


async def test_a_sample_that_a_person_has_ended_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    standing = Standing(monkeypatch, Stage.CANCELLED)
    progress = Progress(PLAIN, rma="RMA-7K3M-Q9TX")
    with pytest.raises(SampleTrouble, match="is cancelled: somebody ended it"):
        await run_over(None, [])._until_past(progress, PLAIN.steps[1])
    assert standing.now == 0
    assert progress.mailed == Counter()
