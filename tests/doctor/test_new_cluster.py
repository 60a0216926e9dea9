"""Temporal's database is gone, and another cluster stands in its place. The books bring every return back (DESIGN 2)."""

import shutil
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
import pytest_asyncio
from invariants import check
from live import MOMENT, Live, running, temporal_server

from returndesk.doctor import examine
from returndesk.embedded.temporal_server import TemporalServer
from returndesk.repair import repair
from returndesk.store.database import sqlite_url

DAY = timedelta(days=1)
ATTEMPTS = 5


@pytest_asyncio.fixture
async def books(_sqlite_template: Path, tmp_path: Path) -> AsyncIterator[str]:
    """A database of this test's own."""
    path = tmp_path / "books.sqlite"
    shutil.copyfile(_sqlite_template, path)
    yield sqlite_url(path)


@pytest.mark.long
async def test_a_new_cluster_loses_no_deadline_and_pays_each_refund_once(
    temporal: TemporalServer, books: str, tmp_path: Path
) -> None:
    def shop(server: TemporalServer) -> AbstractAsyncContextManager[Live]:
        """The same books, state folder and processor, whichever Temporal there is."""
        return running(server, books, tmp_path / "data", namespace=f"shop-{uuid4().hex[:8]}")

    async with shop(temporal) as live:
        lost, pending, late = [await live.dress() for _ in range(3)]
        await live.fault("lose_answer", lost, count=ATTEMPTS)
        rma_lost = await live.come_back(lost, 1)
        await live.refund_is(rma_lost, "unknown")
        await live.fault("pending", pending)
        rma_pending = await live.come_back(pending, 1)
        refund = await live.refund_is(rma_pending, "pending")
        await live.knob("webhooks", paused=True)
        await live.knob(f"refunds/{refund['processor_reference']}/succeed")
        rma_late = await live.request(late, 1)
        rma_away = await live.request(await live.dress(), 1, authorize=True)
        rma_closed = await live.come_back(await live.dress(), 1)
        await live.reach(rma_closed, "closed")
        await live.mailed(late, 1)

    (tmp_path / "temporal").mkdir()
    async with temporal_server(tmp_path / "temporal") as another, shop(another) as live:
        [found] = [x for x in await examine(live.installation) if x.part == "returns"]
        assert (found.answers, found.what.split(":")[0]) == (False, "4 of 4 open do not run")
        [said] = await repair(live.installation)
        assert said.startswith("4 of 4 open returns did not run: started RMA-")
        assert rma_closed not in said
        assert (await repair(live.installation))[0].startswith("Nothing was to be done: 4 open returns")

        await live.advance(timedelta(minutes=17), rma_lost)
        await live.reach(rma_lost, "closed")
        assert await live.paid_back(lost) == [(4_000, "succeeded")]
        await live.advance(DAY + MOMENT, rma_pending, rma_late, rma_away)
        await live.reach(rma_pending, "closed")
        assert await live.paid_back(pending) == [(4_000, "succeeded")]
        await live.advance(29 * DAY, rma_late, rma_away)
        assert (await live.until_task(rma_late, "breach_refund")).owner_role == "manager"
        await live.reach(rma_away, "expired")
        assert len(await live.mailed(late, 3)) == 3, "asked, and told of both delays"
        await live.knob("webhooks", paused=False)
        await live.is_quiet()
        check(live.database, live.installation.stripe_base, live.mailbox_reader)
