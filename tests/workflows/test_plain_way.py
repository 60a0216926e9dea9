"""The plain way, over HTTP: what each step answers, what the customer is told, what history it costs."""

import re

from live import Live, request_of
from temporalio.api.enums.v1 import EventType

EVENTS_MAX = 45
"""DESIGN 3's budget for five updates with the processor confirming in its answer."""


async def test_five_commands_lead_from_the_request_to_the_money(live: Live) -> None:
    """A real return with its own number (vendure #3576; solidus #1093; OCA/rma #473), and a mail at every step
    (polar #8190; nopCommerce #1797; opencart #1570).
    """
    line = {"quantity": 2, "unit_price_minor": 2_250, "title": "Blue dress"}
    sold = await live.order([line], paid_minor=5_000, shipping_minor=500)
    asked = await live.post("returns", request_of(sold, 2))
    rma = asked.json()["rma"]
    assert re.fullmatch(r"RMA-[2-9A-Z]{4}-[2-9A-Z]{4}", rma)
    assert asked.headers["location"] == f"/api/v1/returns/{rma}"
    assert (await live.does(rma, "authorization"))["stage"] == "authorized"
    assert (await live.arrive(rma, 2))["stage"] == "received"
    assert (await live.inspect(rma, 2, decide=False))["stage"] == "inspected"
    assert (await live.does(rma, "decision"))["stage"] == "settling"
    closed = await live.reach(rma, "closed")

    assert await live.paid_back(sold) == [(5_000, "succeeded")]
    assert (closed["goods_minor"], closed["shipping_minor"]) == (4_500, 500)
    assert closed["refunds"][0]["credited_at"] is not None
    assert await live.timeline(rma) == [
        "requested", "authorized", "received", "inspected", "decided", "refund_succeeded",
    ]  # fmt: skip
    mails = await live.mailed(sold, 5)
    assert [mail.subject for mail in mails[3:]] == [
        f"Your return {rma} is accepted: we are refunding £50.00",
        "We have refunded £50.00",
    ]
    assert all("Blue dress" in mail.text and "Blue dress" in mail.html for mail in mails[:4])
    assert len(await live.events(rma)) <= EVENTS_MAX


async def test_what_is_missing_or_used_is_not_paid_for(live: Live) -> None:
    """Three were asked for: one comes back as it was, one used, one not at all."""
    sold = await live.dress(3, 1_500)
    rma = await live.request(sold, 3, authorize=True)
    await live.arrive(rma, 2)
    await live.inspect(rma, 1)
    await live.inspect(rma, 1, condition="used")
    closed = await live.reach(rma, "closed")
    lots = {(lot["acceptance"], *lot["reasons"]): lot["quantity"] for lot in closed["lots"]}
    assert lots == {
        ("accepted",): 1,
        ("rejected", "condition_used"): 1,
        ("rejected", "not_received"): 1,
    }
    assert await live.paid_back(sold) == [(1_500, "succeeded")]
    verdict = (await live.mailed(sold, 4))[2].text
    assert "We found signs of use" in verdict
    assert "It was not in the parcel that reached us." in verdict
    assert "£15.00" in verdict
    again = await live.request(sold, 2)
    assert again != rma, "what was not granted can be asked for again"


async def test_what_is_rejected_goes_back_and_costs_nothing(live: Live) -> None:
    sold = await live.dress()
    rma = await live.request(sold, 1, authorize=True)
    await live.arrive(rma, 1)
    await live.inspect(rma, 1, condition="damaged")
    closed = await live.reach(rma, "closed")
    assert closed["lots"][0]["disposition"] == "return_to_customer"
    assert await live.paid_back(sold) == []
    assert (await live.until_task(rma, "goods_back_1")).owner_role == "warehouse"
    assert "We found damage" in (await live.mailed(sold, 3))[-1].text


async def test_a_refused_command_on_a_loaded_return_adds_nothing_to_its_history(live: Live) -> None:
    sold = await live.dress()
    rma = await live.request(sold, 1)
    before = len(await live.events(rma))
    refused = await live.post(f"returns/{rma}/decision", {})
    assert (refused.status_code, refused.json()["code"]) == (409, "not_allowed_at_stage")
    after = [event.event_type for event in await live.events(rma)]
    assert len(after) == before
    assert EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_REJECTED not in after


async def test_a_request_against_the_rules_gets_no_rma_and_a_rep_may_override_it(live: Live) -> None:
    line = {"quantity": 1, "unit_price_minor": 900, "final_sale": True}
    sold = await live.order([line], paid_minor=900)
    refused = await live.post("returns", request_of(sold, 1))
    assert (refused.status_code, refused.json()["reasons"]) == (422, ["final_sale:line 1"])
    assert "rma" not in refused.json()
    assert await live.request(sold, 1, override={"reason": "goodwill"})
    assert len(await live.mailed(sold, 1)) == 1
