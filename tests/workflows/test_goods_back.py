"""Rejected goods are the customer's: they leave by the date that was promised, or a manager and the customer hear of it."""

from datetime import timedelta

from live import MOMENT, Live, Sold

DAY = timedelta(days=1)


async def rejected(live: Live, quantity: int = 1) -> tuple[str, Sold]:
    sold = await live.dress(quantity)
    rma = await live.request(sold, quantity, authorize=True)
    await live.arrive(rma, quantity)
    await live.inspect(rma, quantity, condition="used")
    await live.reach(rma, "closed")
    await live.mailed(sold, 3)
    return rma, sold


async def test_goods_that_were_sent_back_are_off_the_list_and_the_customer_has_the_number(live: Live) -> None:
    rma, sold = await rejected(live)
    assert (await live.tasks(rma))["goods_back_1"].owner_role == "warehouse"
    await live.does(rma, "goods-back", {"way": "sent_back", "tracking": "JD000271"})
    told = (await live.mailed(sold, 4))[-1]
    assert told.subject == f"Your return {rma}: your goods are on their way back to you"
    assert "Its tracking number: JD000271" in told.text
    assert "goods_back_1" not in await live.tasks(rma)
    await live.run_ended(rma)
    again = await live.post(f"returns/{rma}/goods-back", {"way": "handed_over"})
    assert (again.status_code, again.json()["code"]) == (422, "nothing_to_send_back")
    assert await live.request(sold, 1), "what the customer has again may be asked for again"


async def test_goods_that_did_not_leave_in_time_are_a_managers_and_the_customer_has_a_new_date(
    live: Live,
) -> None:
    friday = await live.friday_afternoon()
    rma, sold = await rejected(live)
    early = await live.post(f"returns/{rma}/goods-back", {"way": "scrapped"})
    assert (early.status_code, early.json()["code"]) == (422, "too_early_to_scrap")
    await live.advance_to(friday + 7 * DAY + 10 * MOMENT, rma)
    late = await live.until_task(rma, "goods_back_late")
    assert (late.queue, late.owner_role) == ("late", "manager")
    told = (await live.mailed(sold, 4))[-1]
    assert told.subject == f"We are late with your goods from return {rma}"
    await live.does(rma, "goods-back", {"way": "scrapped", "note": "Nobody came for it."})
    said = (await live.mailed(sold, 5))[-1]
    assert said.subject == f"Your return {rma}: what we did not accept"
    assert {"goods_back_1", "goods_back_late"}.isdisjoint(await live.tasks(rma))
    await live.run_ended(rma)
    assert (await live.view(rma))["lots"][0]["disposition"] == "scrap"


async def test_some_of_them_may_leave_before_the_others(live: Live) -> None:
    sold = await live.order(
        [{"quantity": 1, "unit_price_minor": 4_000}, {"quantity": 1, "unit_price_minor": 2_000}],
        paid_minor=6_000,
    )
    rma = await live.request(sold, 1, 1, authorize=True)
    await live.arrive(rma, 1, 1)
    await live.inspect(rma, 1, 1, condition="used")
    await live.reach(rma, "closed")
    wrong = await live.post(f"returns/{rma}/goods-back", {"way": "handed_over", "lots": [2, 9]})
    assert wrong.json()["code"] == "nothing_to_send_back"
    await live.does(rma, "goods-back", {"way": "handed_over", "lots": [2]})
    assert "goods_back_1" in await live.tasks(rma)
    await live.does(rma, "goods-back", {"way": "sent_back"})
    assert "goods_back_1" not in await live.tasks(rma)
    await live.run_ended(rma)
