"""Photos of a return that really runs: they stay with their lots, and many at once hold nobody up."""

import asyncio
import time

from live import Live
from pictures import PIXELS_ONLY, picture, segments, talkative

from returndesk.domain.people import Role

GRADES = [("original", "original"), ("used", "opened")]
ANSWER_SECONDS_MAX = 1.0


async def test_photos_stay_with_the_lots_they_show_to_the_end(live: Live) -> None:
    rma = await live.request(await live.dress(3), 3, authorize=True)
    label = await live.photo(rma, talkative("Klompendorf"), Role.REP)
    await live.arrive(rma, 2, more_expected=True)
    fine, worn = [await live.photo(rma, talkative("Klompendorf", orientation=6)) for _ in GRADES]
    items = [
        {"line": 1, "quantity": 1, "condition": condition, "packaging": packaging, "photos": [label, photo]}
        for (condition, packaging), photo in zip(GRADES, (fine, worn), strict=True)
    ]
    await live.does(rma, "inspections", {"items": items, "decide": False}, role=Role.WAREHOUSE)
    await live.does(rma, "receipts", {"items": []})  # the third one did not come
    await live.does(rma, "decision", {"items": [{"line": 1, "acceptance": "accepted"}]}, role=Role.REP)
    await live.reach(rma, "closed")
    lots = {lot["condition"]: lot["photos"] for lot in (await live.view(rma))["lots"]}
    assert lots == {"original": [label, fine], "used": [label, worn], None: []}
    items = (await live.get(f"returns/{rma}/photos"))["items"]
    assert [item["id"] for item in items] == [label, fine, worn]
    shown = await live.download(f"photos/{worn}", Role.REP)
    assert set(segments(shown.content)) == PIXELS_ONLY
    assert (await live.download(f"photos/{worn}", Role.FINANCE)).status_code == 403
    assert (await live.download(f"returns/{rma}/photos", Role.FINANCE)).status_code == 403


async def test_a_photo_may_come_when_a_return_has_ended(live: Live) -> None:
    rma = await live.request(await live.dress(), 1)
    await live.does(rma, "cancellation")
    late = await live.photo(rma, picture())
    assert [item["id"] for item in (await live.get(f"returns/{rma}/photos"))["items"]] == [late]


async def test_the_api_answers_while_large_photos_are_cleaned(live: Live) -> None:
    rma = await live.request(await live.dress(), 1)
    large = picture(7_000, 7_000)
    sending = [asyncio.create_task(live.photo(rma, large, key=f"{rma}-{number}")) for number in range(4)]
    waited = []
    while not all(task.done() for task in sending):
        asked_at = time.monotonic()
        assert (await live.http.get("/healthz")).status_code == 200
        waited.append(time.monotonic() - asked_at)
        await asyncio.sleep(0.01)
    assert len(set(await asyncio.gather(*sending))) == 4
    assert max(waited) < ANSWER_SECONDS_MAX


async def test_a_photo_that_is_sent_twice_at_once_is_one(live: Live) -> None:
    rma = await live.request(await live.dress(), 1)
    both = await asyncio.gather(*(live.photo(rma, picture(), key=f"{rma}-twice") for _ in range(2)))
    assert len(set(both)) == 1
    assert len((await live.get(f"returns/{rma}/photos"))["items"]) == 1
