"""A hold is the shop's own: the clocks run on, and nothing is decided, approved or sent until it is lifted."""

from datetime import timedelta

from live import Live

DAY = timedelta(days=1)


async def test_the_clocks_run_on_and_the_rules_decide_nothing_meanwhile(live: Live) -> None:
    friday = await live.friday_afternoon()
    sold = await live.dress()
    rma = await live.request(sold, 1, authorize=True)
    await live.arrive(rma, 1)
    await live.does(rma, "hold", {"reason": "suspected_fraud", "note": "Canary: third this month."})
    held = (await live.tasks(rma))["received"]
    assert (held.queue, held.owner_role) == ("on_hold", "rep")
    twice = await live.post(f"returns/{rma}/hold", {"reason": "legal"})
    assert (twice.status_code, twice.json()["code"]) == (422, "on_hold")
    assert (await live.inspect(rma, 1))["stage"] == "inspected"
    by_hand = await live.post(f"returns/{rma}/decision", {})
    assert (by_hand.status_code, by_hand.json()["code"]) == (422, "on_hold")
    assert {clock["state"] for clock in (await live.view(rma))["clocks"]} == {"running"}

    await live.advance_to(friday + 12 * DAY, rma)
    await live.until_task(rma, "breach_processing")
    assert "breached" in await live.timeline(rma), "a hold is the shop's own time"
    await live.does(rma, "resumption")
    await live.reach(rma, "closed")
    assert await live.paid_back(sold) == [(4_000, "succeeded")]
    assert "Canary" not in "".join(mail.text + mail.html for mail in live.mails(sold))


async def test_a_hold_keeps_a_refund_from_being_approved(live: Live) -> None:
    sold = await live.order([{"quantity": 1, "unit_price_minor": 60_000}], paid_minor=60_000)
    rma = await live.request(sold, 1, authorize=True)
    await live.arrive(rma, 1)
    await live.inspect(rma, 1)
    await live.does(rma, "hold", {"reason": "legal"})
    answer = await live.post(f"returns/{rma}/approval", {}, who=2)
    assert (answer.status_code, answer.json()["code"]) == (422, "on_hold")
    await live.does(rma, "resumption")
    await live.does(rma, "approval", who=2)
    await live.reach(rma, "closed")


async def test_only_a_return_on_hold_can_go_on(live: Live) -> None:
    sold = await live.dress()
    rma = await live.request(sold, 1)
    answer = await live.post(f"returns/{rma}/resumption", {})
    assert (answer.status_code, answer.json()["code"]) == (422, "not_on_hold")
