"""What the customer proves to have sent: nobody is reminded of it, it does not expire, it is looked for."""

import re
from datetime import timedelta

from live import MOMENT, Live

DAY = timedelta(days=1)
TRACKING = "CANARY-JD0002-4417"


async def test_a_parcel_that_was_sent_is_not_reminded_of_and_is_looked_for_instead_of_expiring(
    live: Live,
) -> None:
    friday = await live.friday_afternoon()
    sold = await live.dress(2)
    rma = await live.request(sold, 2, authorize=True)
    await live.mailed(sold, 1)
    answer = await live.does(rma, "shipment", {"tracking": TRACKING})
    assert answer["stage"] == "authorized"
    assert [x["reception"] for x in (await live.view(rma))["lots"]] == ["in_transit"]
    noted = (await live.mailed(sold, 2))[-1]
    assert noted.subject == f"Your return {rma}: we know it is on its way"
    assert TRACKING not in noted.text + noted.html

    await live.advance_to(friday + 27 * DAY, rma)
    assert await live.timeline(rma) == ["requested", "authorized", "shipped"], "no reminder"
    await live.advance_to(friday + 28 * DAY + MOMENT, rma)
    task = await live.until_task(rma, "look_for_parcel")
    assert (task.queue, task.owner_role) == ("lost_parcels", "rep")
    looking = (await live.mailed(sold, 3))[-1]
    assert looking.subject == f"Your return {rma}: we are looking for your parcel"
    assert "Your return stays open." in looking.text
    await live.advance_to(friday + 40 * DAY, rma)
    assert (await live.view(rma))["stage"] == "authorized", "it does not expire"
    assert await live.timeline(rma) == ["requested", "authorized", "shipped", "looked_for"], "once"

    await live.arrive(rma, 2)
    assert "look_for_parcel" not in await live.tasks(rma), "it is here"
    await live.inspect(rma, 2)
    await live.reach(rma, "closed")
    assert await live.paid_back(sold) == [(8_000, "succeeded")]


async def test_what_was_not_sent_is_still_reminded_of(live: Live) -> None:
    friday = await live.friday_afternoon()
    sold = await live.dress(3)
    rma = await live.request(sold, 3, authorize=True)
    await live.does(rma, "shipment", {"note": "Receipt shown.", "items": [{"line": 1, "quantity": 1}]})
    lots = [(x["quantity"], x["reception"]) for x in (await live.view(rma))["lots"]]
    assert sorted(lots) == [(1, "in_transit"), (2, "awaiting")]
    noted = (await live.mailed(sold, 2))[-1].text
    assert re.search(r"sent it on .+ Still to be sent, by .+ \S 2\s", " ".join(noted.split())), "and the rest"
    assert "nothing you need to do" not in noted
    await live.advance_to(friday + 14 * DAY + MOMENT, rma)
    assert (await live.timeline(rma))[-1] == "reminded"
    reminder = (await live.mailed(sold, 3))[-1]
    assert re.search(r"^- .+ \S 2\r?$", reminder.text, re.MULTILINE), "only of what was not sent"
    too_many = await live.post(
        f"returns/{rma}/shipment", {"note": "More.", "items": [{"line": 1, "quantity": 3}]}
    )
    assert (too_many.status_code, too_many.json()["code"]) == (422, "more_than_awaited")
    early = await live.post(f"returns/{rma}/shipment", {"note": "x", "sent_at": "2199-01-01T00:00:00Z"})
    assert (early.status_code, early.json()["code"]) == (422, "sent_in_future")
    await live.arrive(rma, 3)
    await live.inspect(rma, 3)
    await live.reach(rma, "closed")


async def test_a_shipment_for_a_return_that_waits_for_nothing_is_refused(live: Live) -> None:
    sold = await live.dress()
    rma = await live.request(sold, 1, authorize=True)
    await live.arrive(rma, 1)
    answer = await live.post(f"returns/{rma}/shipment", {"tracking": TRACKING})
    assert (answer.status_code, answer.json()["code"]) == (422, "nothing_awaited")


async def test_who_sent_a_parcel_that_is_lost_hears_of_it_and_by_when_it_is_decided(live: Live) -> None:
    """The mail before said that the shop looks for it and writes again."""
    sold = await live.dress()
    rma = await live.request(sold, 1, authorize=True)
    await live.does(rma, "shipment", {"tracking": TRACKING})
    await live.mailed(sold, 2)
    await live.does(rma, "loss", {"note": "Canary: the carrier gave up."})
    told = (await live.mailed(sold, 3))[-1]
    assert told.subject == f"Your return {rma}: your parcel seems to be lost"
    assert "we decide what that means for your refund, and tell you by" in told.text
    assert "Canary" not in told.text + told.html
    await live.does(rma, "decision", {"items": [{"line": 1, "acceptance": "accepted"}]})
    await live.reach(rma, "closed")
    said = (await live.mailed(sold, 5))[-2]
    assert "as it should be" not in said.text, "nobody has seen it"


async def test_while_the_rest_is_with_the_customer_a_lost_part_is_not_the_shops_turn(live: Live) -> None:
    friday = await live.friday_afternoon()
    sold = await live.dress(2)
    rma = await live.request(sold, 2, authorize=True)
    await live.does(rma, "shipment", {"note": "x", "items": [{"line": 1, "quantity": 1}]})
    assert (await live.does(rma, "loss"))["stage"] == "authorized"
    assert {clock["state"] for clock in (await live.view(rma))["clocks"]} == {"paused"}
    assert "when the rest of your return is here" in (await live.mailed(sold, 3))[-1].text
    await live.advance_to(friday + 28 * DAY + MOMENT, rma)
    view = await live.reach(rma, "inspected")
    assert {clock["state"] for clock in view["clocks"]} == {"running"}, "the lost part is to be decided"
    expired = (await live.mailed(sold, 5))[-1].text
    assert "About the rest of your return you hear from us by" in expired
    assert "breached" not in await live.timeline(rma)
    await live.does(rma, "decision", {"items": [{"line": 1, "acceptance": "rejected"}]})
    await live.reach(rma, "closed")
    assert await live.paid_back(sold) == []
