"""Records golden histories: what the workflow decided, event by event, in returns of every kind.

    make histories [KINDS="declined sent"]

A change to the workflow must still carry on every return that began before it. Whoever changes what the workflow
does on purpose (with `workflow.patched`) adds new histories here and keeps the old ones for as long as returns
that began under them may be open.
"""

import asyncio
import json
import re
import shutil
import sys
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from live import Live, running, temporal_server

from returndesk.store import migrate
from returndesk.store.database import Database, sqlite_url

HISTORIES = Path(__file__).parent / "histories"
DAY = timedelta(days=1)


async def plain(live: Live) -> str:
    """Five commands; the processor confirms in its answer."""
    sold = await live.dress(2)
    rma = await live.request(sold, 2)
    await live.does(rma, "authorization")
    await live.arrive(rma, 2)
    await live.inspect(rma, 2, decide=False)
    await live.does(rma, "decision")
    await live.reach(rma, "closed")
    return rma


async def partial(live: Live) -> str:
    """Two parcels, one used unit, one that never came."""
    sold = await live.dress(4)
    rma = await live.request(sold, 4, authorize=True)
    await live.arrive(rma, 1, more_expected=True)
    await live.advance(2 * DAY, rma)
    await live.arrive(rma, 2)
    await live.inspect(rma, 2)
    await live.inspect(rma, 1, condition="used")
    await live.reach(rma, "closed")
    return rma


async def rejected(live: Live) -> str:
    """Used goods go back; no money moves."""
    sold = await live.dress()
    rma = await live.request(sold, 1, authorize=True)
    await live.arrive(rma, 1)
    await live.inspect(rma, 1, condition="used")
    await live.reach(rma, "closed")
    return rma


async def expired(live: Live) -> str:
    """A reminder after 14 days, the end after 28."""
    rma = await live.request(await live.dress(), 1, authorize=True)
    await live.advance(29 * DAY, rma)
    await live.reach(rma, "expired")
    return rma


async def declined(live: Live) -> str:
    """The shop says no to the request."""
    rma = await live.request(await live.dress(), 1)
    await live.does(rma, "decline", {"reasons": ["hygiene"]})
    await live.run_ended(rma)
    return rma


async def cancelled(live: Live) -> str:
    """The customer keeps the goods after all."""
    rma = await live.request(await live.dress(), 1, authorize=True)
    await live.does(rma, "cancellation")
    await live.run_ended(rma)
    return rma


async def sent(live: Live) -> str:
    """Sent, looked for when it did not come, and then it came."""
    rma = await live.request(await live.dress(), 1, authorize=True)
    await live.does(rma, "shipment", {"tracking": "JD0002"})
    await live.advance(29 * DAY, rma)
    await live.until_task(rma, "look_for_parcel")
    await live.arrive(rma, 1)
    await live.inspect(rma, 1)
    await live.reach(rma, "closed")
    return rma


async def late(live: Live) -> str:
    """Warned of and breached before anybody looked at it, then carried out."""
    rma = await live.request(await live.dress(), 1)
    await live.advance(20 * DAY, rma)
    await live.until_task(rma, "breach_refund")
    await live.does(rma, "authorization")
    await live.arrive(rma, 1)
    await live.inspect(rma, 1)
    await live.reach(rma, "closed")
    return rma


async def approved(live: Live) -> str:
    """Above the limit; a manager lets it go."""
    rma = await live.come_back(await live.dress(price_minor=60_000), 1)
    await live.does(rma, "approval")
    await live.reach(rma, "closed")
    return rma


async def lost_answer(live: Live) -> str:
    """The first answer is lost; the same key again gets the same refund."""
    sold = await live.dress()
    await live.fault("lose_answer", sold)
    rma = await live.come_back(sold, 1)
    await live.reach(rma, "closed")
    return rma


async def unknown(live: Live) -> str:
    """A replayed error: looked for twice, proven absent, sent under another key."""
    sold = await live.dress()
    await live.fault("server_error_during", sold)
    rma = await live.come_back(sold, 1)
    await live.refund_is(rma, "unknown")
    await live.advance(timedelta(minutes=12), rma)
    await live.is_seen_absent(rma)
    await live.advance(timedelta(minutes=12), rma)
    await live.reach(rma, "closed")
    return rma


async def late_failure(live: Live) -> str:
    """The bank's no after the return had closed: a second run, and its refund clock."""
    sold = await live.dress()
    rma = await live.come_back(sold, 1)
    closed = await live.reach(rma, "closed")
    await live.is_quiet()
    await live.knob(f"refunds/{closed['refunds'][0]['processor_reference']}/fail")
    await live.until_task(rma, f"failed_{rma}-1")
    await live.advance(14 * DAY, rma)
    await live.until_task(rma, "breach_refund")
    return rma


async def pending(live: Live) -> str:
    """On its way first; the processor's hint brings the end."""
    sold = await live.dress()
    await live.fault("pending", sold)
    rma = await live.come_back(sold, 1)
    refund = await live.refund_is(rma, "pending")
    await live.knob(f"refunds/{refund['processor_reference']}/succeed")
    await live.reach(rma, "closed")
    return rma


async def hints_together(live: Live) -> str:
    """The return had ended; of the three hints that make it run again two wait together."""
    rma = await live.come_back(await live.dress(), 1)
    await live.reach(rma, "closed")
    await live.run_ended(rma)
    await live.is_quiet()
    await live.hints_together(rma, 2)
    return rma


async def answered(live: Live) -> str:
    """The shop asks, the customer answers, the return goes on."""
    rma = await live.request(await live.dress(), 1)
    await live.does(rma, "question", {"note": "Which one?"})
    await live.advance(9 * DAY, rma)
    await live.does(rma, "message", {"channel": "email", "note": "The blue one."})
    await live.does(rma, "authorization")
    await live.arrive(rma, 1)
    await live.inspect(rma, 1)
    await live.reach(rma, "closed")
    return rma


async def refused(live: Live) -> str:
    """A manager does not let it go, and then does; held and resumed on the way."""
    sold = await live.order([{"quantity": 1, "unit_price_minor": 60_000}], paid_minor=60_000)
    rma = await live.request(sold, 1, authorize=True)
    await live.arrive(rma, 1)
    await live.inspect(rma, 1)
    await live.does(rma, "refusal", {"note": "Look again."}, who=2)
    await live.does(rma, "hold", {"reason": "other"})
    await live.does(rma, "resumption", {"decide": False})
    await live.does(rma, "decision", who=1)
    await live.does(rma, "approval", who=2)
    await live.reach(rma, "closed")
    return rma


async def late_parcel(live: Live) -> str:
    """After the return had expired a parcel comes, is taken back out of the books, and comes again: a run of its own."""
    rma = await live.request(await live.dress(), 1, authorize=True)
    await live.advance(29 * DAY, rma)
    await live.reach(rma, "expired")
    await live.run_ended(rma)
    await live.arrive(rma, 1)
    await live.does(rma, "correction", {"items": [{"lot": 1, "quantity": 1}], "reason": "miscounted"})
    await live.run_ended(rma)
    await live.arrive(rma, 1)
    await live.inspect(rma, 1)
    await live.does(rma, "decision", {"items": [{"line": 1, "acceptance": "accepted"}]})
    await live.reach(rma, "closed")
    await live.run_ended(rma)
    return rma


async def goods_went_back(live: Live) -> str:
    """Closed, and the run waits on: the goods leave after their date."""
    rma = await live.request(await live.dress(), 1, authorize=True)
    await live.arrive(rma, 1)
    await live.inspect(rma, 1, condition="used")
    await live.reach(rma, "closed")
    await live.advance(14 * DAY, rma)
    await live.until_task(rma, "goods_back_late")
    await live.does(rma, "goods-back", {"way": "sent_back"})
    await live.run_ended(rma)
    return rma


async def rejected_by_the_bank(live: Live) -> str:
    """Closed, and then the bank sends the refund back."""
    rma = await live.come_back(await live.dress(), 1)
    closed = await live.reach(rma, "closed")
    await live.is_quiet()
    await live.knob(f"refunds/{closed['refunds'][0]['processor_reference']}/fail")
    await live.until_task(rma, f"failed_{rma}-1")
    return rma


async def asked_again(live: Live) -> str:
    """What the bank sent back is asked for anew."""
    rma = await rejected_by_the_bank(live)
    await live.does(rma, "refund-again", {"refund": f"{rma}-1"})
    await live.reach(rma, "closed")
    await live.run_ended(rma)
    return rma


async def paid_by_hand(live: Live) -> str:
    """What the bank sent back is paid by transfer."""
    rma = await rejected_by_the_bank(live)
    await live.does(rma, "paid-by-hand", {"refund": f"{rma}-1", "reference": "SEPA 1"})
    await live.run_ended(rma)
    return rma


async def disputed(live: Live) -> str:
    """A chargeback after the return had closed: a run of its own."""
    sold = await live.dress()
    rma = await live.come_back(sold, 1)
    await live.reach(rma, "closed")
    await live.run_ended(rma)
    dispute = await live.knob("disputes", payment_intent=sold.payment)
    await live.until_task(rma, f"dispute_{dispute['id']}")
    await live.run_ended(rma)
    return rma


KINDS: tuple[Callable[[Live], Awaitable[str]], ...] = (
    plain, partial, rejected, expired, declined, cancelled, sent, late, approved, lost_answer, unknown, late_failure,
    pending, hints_together, asked_again, paid_by_hand, disputed, answered, refused, late_parcel, goods_went_back,
)  # fmt: skip


def without_places(history: dict[str, Any]) -> str:
    """The history as it is kept: nothing in it says which machine it comes from."""
    text = json.dumps(history, indent=1, sort_keys=True)
    text = re.sub(r'("(?:identity|stackTrace)": )"(?:[^"\\]|\\.)*"', r'\1"recorded"', text)
    return re.sub(r'"\d+@[^"]*"', '"recorded"', text) + "\n"


async def main(wanted: Sequence[str]) -> None:
    """Record all kinds, or the named ones, into `histories/`."""
    folder = Path(tempfile.mkdtemp(prefix="returndesk-histories-"))
    url = sqlite_url(folder / "books.sqlite")
    database = Database(url)
    migrate.upgrade(database)
    database.close()
    HISTORIES.mkdir(exist_ok=True)
    (folder / "temporal").mkdir()
    async with temporal_server(folder / "temporal") as server:
        async with running(server, url, folder / "data", namespace="histories") as live:
            for kind in [kind for kind in KINDS if not wanted or kind.__name__ in wanted]:
                rma = await kind(live)
                history = (await live.history(rma)).to_json_dict()
                path = HISTORIES / f"{kind.__name__}.json"
                path.write_text(without_places({"workflowId": f"return/{rma}", **history}))
                print(f"{path.name}: {len(history['events'])} events")  # noqa: T201 (a command's answer)
    shutil.rmtree(folder)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
