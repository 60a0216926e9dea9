"""A refund for which Stripe needs something of the customer: they are told so, the clock waits, and nobody calls it sent.

Complaint: only some of a refund's five statuses are known, and this one is taken for done.
"""

from datetime import datetime, timedelta
from typing import Any

from live import Live, Sold

from returndesk.domain.people import Role

DAY = timedelta(days=1)
ASKED = "Your refund of £40.00 waits for your details"


async def waits(live: Live, sold: Sold) -> tuple[str, Any]:
    """A return whose refund waits for its customer's details, and the refund."""
    await live.fault("requires_action", sold)
    rma = await live.come_back(sold, 1)
    return rma, await live.refund_is(rma, "requires_action")


async def refund_clock(live: Live, rma: str) -> Any:
    """The refund clock as the API accounts for it."""
    clocks = (await live.get(f"returns/{rma}/clocks"))["clocks"]
    return next(clock for clock in clocks if clock["kind"] == "refund")


async def test_the_customer_is_asked_told_that_it_is_sent_and_told_that_it_is_paid(live: Live) -> None:
    sold = await live.dress()
    rma, refund = await waits(live, sold)
    view = await live.view(rma)
    assert (view["stage"], refund["submitted_at"]) == ("settling", None)
    assert {c["kind"]: c["state"] for c in view["clocks"]} == {"processing": "stopped", "refund": "paused"}
    assert (await refund_clock(live, rma))["pauses"] == [{"reason": "refund_details", "owner": "customer"}]
    expires_at = datetime.fromisoformat(refund["action_expires_at"])
    asked_at = datetime.fromisoformat(refund["needs_action_since"])
    assert timedelta(0) <= 45 * DAY - (expires_at - asked_at) < timedelta(minutes=1), "as Stripe said"
    asked = (await live.mailed(sold, 4))[-1]
    assert asked.subject == ASKED
    assert f"{(expires_at - DAY).day} " in asked.text
    page = (await live.http.get(view["status_url"])).text
    assert "Your refund waits for your details" in page
    assert "waits for you" in page
    assert "with the bank" not in page + asked.text
    assert set(await live.tasks(rma)) == {"settling"}, "there is nothing for finance to do yet"

    await live.knob(f"refunds/{refund['processor_reference']}/take_details")
    sent = await live.refund_is(rma, "pending")
    assert datetime.fromisoformat(sent["submitted_at"]) >= asked_at
    assert {c["state"] for c in (await live.view(rma))["clocks"]} == {"stopped"}
    assert (await live.mailed(sold, 5))[-1].subject == "Your refund of £40.00 is on its way"
    await live.knob(f"refunds/{refund['processor_reference']}/succeed")
    await live.reach(rma, "closed")
    assert (await live.mailed(sold, 6))[-1].subject == "We have refunded £40.00"
    assert await live.paid_back(sold) == [(4_000, "succeeded")]
    assert await live.tasks(rma) == {}


async def test_a_bank_that_takes_the_details_at_once_leaves_nothing_untold(live: Live) -> None:
    sold = await live.dress()
    rma, refund = await waits(live, sold)
    await live.knob(f"refunds/{refund['processor_reference']}/succeed")
    closed = await live.reach(rma, "closed")
    assert closed["refunds"][0]["submitted_at"] == closed["refunds"][0]["credited_at"]
    assert [m.subject for m in await live.mailed(sold, 5)][-2:] == [ASKED, "We have refunded £40.00"]


async def test_after_five_business_days_finance_reaches_the_customer(live: Live) -> None:
    friday = await live.friday_afternoon()
    sold = await live.dress()
    rma, refund = await waits(live, sold)
    assert (await live.tasks(rma))["settling"].due_at - friday < 7 * DAY + timedelta(minutes=5)
    await live.advance_to(friday + 6 * DAY, rma)
    assert set(await live.tasks(rma)) == {"settling"}, "on Thursday they have time still"
    await live.advance_to(friday + 7 * DAY + timedelta(minutes=5), rma)
    task = await live.until_task(rma, f"details_missing_{rma}-1")
    assert (task.queue, task.owner_role) == ("refunds", "finance")
    assert datetime.fromisoformat(task.details["expires"]) == datetime.fromisoformat(
        refund["action_expires_at"]
    )
    view = await live.view(rma)
    assert [c["breached_at"] for c in view["clocks"]] == [None, None], "it is the customer's turn"
    await live.advance(3 * DAY, rma)
    assert [m.subject for m in await live.mailed(sold, 4)].count(ASKED) == 1, "however often it is looked at"
    await live.knob(f"refunds/{refund['processor_reference']}/succeed")
    await live.reach(rma, "closed")
    assert await live.tasks(rma) == {}


async def test_details_that_never_come_leave_the_money_owed_and_the_clock_where_it_stood(live: Live) -> None:
    friday = await live.friday_afternoon()
    sold = await live.dress()
    rma, refund = await waits(live, sold)
    await live.advance_to(friday + 44 * DAY, rma)
    assert (await refund_clock(live, rma))["state"] == "paused"
    await live.advance_to(friday + 46 * DAY, rma)
    assert (await live.refund_is(rma, "canceled"))["failed_at"] is not None
    assert set(await live.tasks(rma)) == {f"failed_{rma}-1", "settling"}
    failed = (await live.mailed(sold, 5))[-1]
    assert failed.subject == "Your refund of £40.00 did not go through"
    assert "waited for some details from you, and was not sent" in failed.text
    clock = await refund_clock(live, rma)
    assert (clock["state"], clock["breached_at"]) == ("running", None)
    assert float(clock["used"]["decimal"]) < 3, "45 days were the customer's"
    assert await live.paid_back(sold) == [(4_000, "canceled")]
    again = {"refund": f"{rma}-1", "reference": "SEPA 1"}
    await live.does(rma, "paid-by-hand", again, role=Role.FINANCE)
    await live.reach(rma, "closed")
    assert refund["id"] == f"{rma}-1"


async def test_it_is_neither_asked_for_again_nor_paid_by_hand_while_it_waits(live: Live) -> None:
    sold = await live.dress()
    rma, refund = await waits(live, sold)
    for what, more in (("refund-again", {}), ("paid-by-hand", {"reference": "SEPA 1"})):
        answer = await live.post(f"returns/{rma}/{what}", {"refund": f"{rma}-1"} | more)
        assert (answer.status_code, answer.json()["code"]) == (422, "refund_not_failed")
    await live.knob(f"refunds/{refund['processor_reference']}/cancel")
    await live.refund_is(rma, "canceled")
    await live.fault("requires_action", sold)
    await live.does(rma, "refund-again", {"refund": f"{rma}-1"}, role=Role.FINANCE)
    await live.mailed(sold, 6)
    second = (await live.view(rma))["refunds"][1]
    assert second["status"] == "requires_action"
    assert {c["state"] for c in (await live.view(rma))["clocks"]} == {"stopped", "paused"}
    await live.knob(f"refunds/{second['processor_reference']}/succeed")
    await live.reach(rma, "closed")
    assert await live.paid_back(sold) == [(4_000, "canceled"), (4_000, "succeeded")]


async def test_a_refund_that_was_sent_and_then_needs_details_waits_too(live: Live) -> None:
    sold = await live.dress()
    await live.fault("pending", sold)
    rma = await live.come_back(sold, 1)
    refund = await live.refund_is(rma, "pending")
    await live.mailed(sold, 4)
    await live.knob(f"refunds/{refund['processor_reference']}/require_action")
    await live.refund_is(rma, "requires_action")
    assert {c["state"] for c in (await live.view(rma))["clocks"]} == {"stopped", "paused"}
    assert (await live.mailed(sold, 5))[-1].subject == ASKED
    await live.knob(f"refunds/{refund['processor_reference']}/fail")
    await live.refund_is(rma, "failed")
    assert {c["state"] for c in (await live.view(rma))["clocks"]} == {"stopped", "running"}


async def test_goods_that_come_while_it_waits_set_the_clock_running(live: Live) -> None:
    sold = await live.dress(2)
    await live.fault("requires_action", sold)
    rma = await live.request(sold, 2, authorize=True)
    await live.arrive(rma, 1)
    await live.inspect(rma, 1)
    refund = await live.refund_is(rma, "requires_action")
    assert (await refund_clock(live, rma))["state"] == "paused"
    await live.arrive(rma, 1)
    assert (await refund_clock(live, rma))["state"] == "running", "the shop has something to do again"
    await live.inspect(rma, 1)
    await live.mailed(sold, 7)
    assert (await refund_clock(live, rma))["state"] == "paused"
    await live.knob(f"refunds/{refund['processor_reference']}/succeed")
    await live.reach(rma, "closed")
    assert {c["state"] for c in (await live.view(rma))["clocks"]} == {"stopped"}
