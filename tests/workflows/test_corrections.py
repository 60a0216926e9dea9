"""What was recorded as here and was not: it is where it was before, and the customer is told of the mistake."""

from datetime import timedelta

from live import MOMENT, Live

DAY = timedelta(days=1)


async def test_a_parcel_that_was_not_here_is_waited_for_again(live: Live) -> None:
    sold = await live.dress(2)
    rma = await live.request(sold, 2, authorize=True)
    await live.mailed(sold, 1)
    await live.arrive(rma, 2)
    await live.mailed(sold, 2)
    body = {"items": [{"lot": 1, "quantity": 2}], "reason": "other_return", "note": "Canary: the next box."}
    assert (await live.does(rma, "correction", body))["stage"] == "authorized"
    view = await live.view(rma)
    assert [(x["quantity"], x["reception"]) for x in view["lots"]] == [(2, "awaiting")]
    assert {clock["state"] for clock in view["clocks"]} == {"paused"}
    told = (await live.mailed(sold, 3))[-1]
    assert told.subject == f"Your return {rma}: a correction"
    assert "That was our mistake" in told.text
    assert "we wait for them until" in told.text
    assert "Canary" not in told.text + told.html
    await live.arrive(rma, 2)
    await live.inspect(rma, 2)
    await live.reach(rma, "closed")
    assert await live.paid_back(sold) == [(8_000, "succeeded")]


async def test_one_unit_counted_too_many_is_taken_off_and_its_inspection_with_it(live: Live) -> None:
    sold = await live.dress(2)
    rma = await live.request(sold, 2, authorize=True)
    await live.arrive(rma, 2)
    await live.inspect(rma, 2, decide=False)
    body = {"items": [{"lot": 1, "quantity": 1}], "reason": "miscounted"}
    assert (await live.does(rma, "correction", body))["stage"] == "received", "the other one is awaited"
    assert (await live.does(rma, "receipts", {}))["stage"] == "inspected", "it did not come"
    await live.does(rma, "decision")
    await live.reach(rma, "closed")
    assert await live.paid_back(sold) == [(4_000, "succeeded")]


async def test_a_late_parcel_that_was_not_here_lets_the_return_end_again(live: Live) -> None:
    friday = await live.friday_afternoon()
    sold = await live.dress()
    rma = await live.request(sold, 1, authorize=True)
    await live.advance_to(friday + 28 * DAY + MOMENT, rma)
    await live.reach(rma, "expired")
    await live.run_ended(rma)
    await live.arrive(rma, 1)
    body = {"items": [{"lot": 1, "quantity": 1}], "reason": "scanned_twice"}
    assert (await live.does(rma, "correction", body))["stage"] == "expired"
    await live.run_ended(rma)
    assert {clock["state"] for clock in (await live.view(rma))["clocks"]} == {"stopped"}
    assert await live.request(sold, 1), "its unit is free again"


async def test_what_is_decided_is_not_corrected(live: Live) -> None:
    sold = await live.order([{"quantity": 1, "unit_price_minor": 60_000}], paid_minor=60_000)
    rma = await live.request(sold, 1, authorize=True)
    await live.arrive(rma, 1)
    assert (await live.inspect(rma, 1))["stage"] == "decided"
    body = {"items": [{"lot": 1, "quantity": 1}], "reason": "miscounted"}
    answer = await live.post(f"returns/{rma}/correction", body)
    assert (answer.status_code, answer.json()["code"]) == (422, "already_decided")
    await live.does(rma, "approval", who=2)
    await live.reach(rma, "closed")


async def test_who_has_still_to_send_something_is_not_told_that_nothing_is_to_be_done(live: Live) -> None:
    sold = await live.dress(2)
    rma = await live.request(sold, 2, authorize=True)
    await live.arrive(rma, 2)
    await live.mailed(sold, 2)
    body = {"items": [{"lot": 1, "quantity": 1}], "reason": "miscounted"}
    await live.does(rma, "correction", body)
    told = (await live.mailed(sold, 3))[-1]
    assert "there is nothing you need to do" not in told.text
    assert "reply to this email and we will look for it" in told.text


async def test_a_parcel_that_was_sent_and_was_not_here_is_looked_for_again_and_does_not_expire(
    live: Live,
) -> None:
    friday = await live.friday_afternoon()
    sold = await live.dress()
    rma = await live.request(sold, 1, authorize=True)
    await live.does(rma, "shipment", {"tracking": "JD0002"})
    await live.advance_to(friday + 28 * DAY + MOMENT, rma)
    await live.until_task(rma, "look_for_parcel")
    await live.arrive(rma, 1)
    body = {"items": [{"lot": 1, "quantity": 1}], "reason": "other_return"}
    assert (await live.does(rma, "correction", body))["stage"] == "authorized"
    assert (await live.view(rma))["lots"][0]["reception"] == "in_transit"
    await live.advance_to(friday + 42 * DAY, rma)
    await live.until_task(rma, "look_for_parcel")
    assert (await live.timeline(rma)).count("looked_for") == 2
    await live.does(rma, "loss")


async def test_what_was_not_sent_after_a_correction_expires(live: Live) -> None:
    """One of two was said to have come, so the other was not waited for; then neither had."""
    friday = await live.friday_afternoon()
    sold = await live.dress(2)
    rma = await live.request(sold, 2, authorize=True)
    await live.arrive(rma, 1)
    [here] = [lot for lot in (await live.view(rma))["lots"] if lot["reception"] == "received"]
    body = {"items": [{"lot": here["lot"], "quantity": 1}], "reason": "other_return"}
    assert (await live.does(rma, "correction", body))["stage"] == "authorized"
    await live.advance_to(friday + 28 * DAY + MOMENT, rma)
    await live.reach(rma, "expired")
    await live.run_ended(rma)
    assert await live.request(sold, 2)


async def test_what_was_never_announced_and_never_here_is_not_called_cancelled_when_it_comes(
    live: Live,
) -> None:
    sold = await live.dress(2)
    rma = await live.request(sold, 1, authorize=True)
    await live.arrive(rma, 2)
    [extra] = [lot for lot in (await live.view(rma))["lots"] if lot["arrival"] == "arrived_unannounced"]
    body = {"items": [{"lot": extra["lot"], "quantity": 1}], "reason": "miscounted"}
    await live.does(rma, "correction", body)
    await live.arrive(rma, 1)
    arrivals = sorted(lot["arrival"] for lot in (await live.view(rma))["lots"])
    assert arrivals == ["arrived_unannounced", "expected"]


async def test_a_wrong_short_count_is_undone_with_what_it_called_missing(live: Live) -> None:
    """One of two was counted, and nothing is late for it once both are counted right."""
    sold = await live.dress(2)
    rma = await live.request(sold, 2, authorize=True)
    await live.arrive(rma, 1)
    await live.mailed(sold, 2)
    [here] = [lot for lot in (await live.view(rma))["lots"] if lot["reception"] == "received"]
    body = {"items": [{"lot": here["lot"], "quantity": 1}], "reason": "miscounted"}
    assert (await live.does(rma, "correction", body))["stage"] == "authorized"
    view = await live.view(rma)
    assert [(x["quantity"], x["reception"]) for x in view["lots"]] == [(1, "awaiting"), (1, "awaiting")]
    told = (await live.mailed(sold, 3))[-1]
    assert "That was our mistake: it has not." in told.text
    assert "We had noted that this was missing. That was our mistake too" in told.text
    await live.arrive(rma, 2)
    assert {lot["arrival"] for lot in (await live.view(rma))["lots"]} == {"expected"}


async def test_a_box_that_was_not_empty_is_counted_again_and_nothing_is_late(live: Live) -> None:
    sold = await live.dress(2)
    rma = await live.request(sold, 2, authorize=True)
    await live.does(rma, "receipts", {})
    await live.mailed(sold, 2)
    body = {"items": [{"lot": 1, "quantity": 2}], "reason": "miscounted"}
    assert (await live.does(rma, "correction", body))["stage"] == "authorized"
    view = await live.view(rma)
    assert [(x["quantity"], x["reception"]) for x in view["lots"]] == [(2, "awaiting")]
    assert {clock["state"] for clock in view["clocks"]} == {"paused"}
    told = (await live.mailed(sold, 3))[-1]
    assert (
        "We had noted that this was missing. That was our mistake: we had not counted it right" in told.text
    )
    assert "reached us" not in told.text
    await live.arrive(rma, 2)
    await live.inspect(rma, 2)
    await live.reach(rma, "closed")
    assert {lot["arrival"] for lot in (await live.view(rma))["lots"]} == {"expected"}
    assert await live.paid_back(sold) == [(8_000, "succeeded")]


async def test_what_is_missing_and_asked_for_again_elsewhere_is_not_waited_for_twice(live: Live) -> None:
    sold = await live.dress(1)
    rma = await live.request(sold, 1, authorize=True)
    await live.does(rma, "receipts", {})
    await live.request(sold, 1)
    body = {"items": [{"lot": 1, "quantity": 1}], "reason": "miscounted"}
    answer = await live.post(f"returns/{rma}/correction", body)
    assert (answer.status_code, answer.json()["code"]) == (422, "claimed_elsewhere")
