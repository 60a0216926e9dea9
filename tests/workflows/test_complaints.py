"""What users of other shops' software complain about, where no other test shows it. docs/complaints.md has the whole list."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from live import MOMENT, Live, Sold

from returndesk.domain.people import Role

DAY = timedelta(days=1)


async def says_paid(live: Live, sold: Sold, rma: str) -> bool:
    """Whether the customer was told, by mail or on their page, that they have the money."""
    view = await live.view(rma)
    page = (await live.http.get(view["status_url"])).text
    return "Refunded" in page or any(mail.subject.startswith("We have refunded") for mail in live.mails(sold))


@pytest.mark.parametrize("pending_reason", ["processing", "insufficient_funds", "charge_pending"])
async def test_a_pending_refund_is_nowhere_shown_as_done_whatever_it_waits_for(
    live: Live, pending_reason: str
) -> None:
    """woocommerce-gateway-stripe #4405, #1523; woocommerce-payments #1195: pending refunds shown as done."""
    sold = await live.dress()
    await live.fault("pending", sold, pending_reason=pending_reason)
    rma = await live.come_back(sold, 1)
    refund = await live.refund_is(rma, "pending")
    await live.mailed(sold, 4)
    assert (await live.view(rma))["stage"] == "settling"
    assert (refund["credited_at"], await says_paid(live, sold, rma)) == (None, False)
    await live.knob(f"refunds/{refund['processor_reference']}/succeed")
    await live.reach(rma, "closed")
    await live.mailed(sold, 5)
    assert await says_paid(live, sold, rma)


@pytest.mark.parametrize("ends", ["fail", "cancel"])
async def test_a_refund_that_failed_or_was_canceled_is_nowhere_shown_as_done(live: Live, ends: str) -> None:
    """woocommerce-gateway-stripe #4405: the order said refunded, the customer was mailed, and no money came."""
    sold = await live.dress()
    await live.fault("requires_action" if ends == "cancel" else "pending", sold)
    rma = await live.come_back(sold, 1)
    await live.until_task(rma, "settling")
    refund = await live.refund_is(rma, "requires_action" if ends == "cancel" else "pending")
    await live.mailed(sold, 4)
    await live.knob(f"refunds/{refund['processor_reference']}/{ends}")
    await live.until_task(rma, f"failed_{rma}-1")
    assert (await live.mailed(sold, 5))[-1].subject == "Your refund of £40.00 did not go through"
    assert (await live.view(rma))["stage"] == "settling"
    assert not await says_paid(live, sold, rma)


async def test_requested_three_received_two_refunded_two(live: Live) -> None:
    """spree #14678: requested 3, received 2, refunded 3. OCA/rma #418, #268 and saleor #16667: and stocked 3."""
    sold = await live.dress(3)
    rma = await live.request(sold, 3, authorize=True)
    await live.arrive(rma, 2)
    await live.inspect(rma, 2)
    closed = await live.reach(rma, "closed")
    assert await live.paid_back(sold) == [(8_000, "succeeded")]
    stocked = {x["disposition"]: x["quantity"] for x in closed["lots"] if x["disposition"]}
    assert stocked == {"restock": 2}, "what did not come is on no shelf"
    [line] = (await live.get(f"orders/{sold.reference}"))["lines"]
    assert (line["claimed"], line["granted"]) == (2, 2), "and may be asked for again"


async def test_an_expired_card_is_finances_task_and_no_blind_retry(live: Live) -> None:
    """The issuer usually reroutes it; where it does not, only a person knows a better way."""
    sold = await live.dress()
    rma = await live.come_back(sold, 1)
    closed = await live.reach(rma, "closed")
    await live.mailed(sold, 4)
    await live.is_quiet()
    refund = closed["refunds"][0]["processor_reference"]
    await live.knob(f"refunds/{refund}/fail", reason="expired_or_canceled_card")
    task = await live.until_task(rma, f"failed_{rma}-1")
    assert (task.queue, task.owner_role) == ("refunds", "finance")
    assert task.details["reason"] == "expired_or_canceled_card"
    await live.mailed(sold, 5)
    await live.advance(2 * DAY, rma)
    assert len(await live.refund_posts(sold)) == 1, "nobody asked for it again"


async def test_a_refund_that_the_bank_sends_back_a_month_later_is_owed_again(live: Live) -> None:
    """Succeeded is not final: a bank may send it back for 30 days, and the ledger is reversed."""
    sold = await live.dress()
    rma = await live.come_back(sold, 1)
    closed = await live.reach(rma, "closed")
    await live.run_ended(rma)
    await live.mailed(sold, 4)
    await live.advance(30 * DAY)
    await live.knob(f"refunds/{closed['refunds'][0]['processor_reference']}/fail")
    await live.until_task(rma, f"failed_{rma}-1")
    assert await live.ledger(rma) == {"granted": -4_000, "refunded": 4_000, "reversed": -4_000}
    assert (await live.mailed(sold, 5))[-1].subject.startswith("A correction: your refund of £40.00")
    assert (await live.view(rma))["stage"] == "settling"


async def test_finance_sees_when_a_refund_was_decided_submitted_and_credited(live: Live) -> None:
    """Three instants, and the reference by which a bank can trace it: there once the money is."""
    friday = await live.friday_afternoon()
    sold = await live.order([{"quantity": 1, "unit_price_minor": 60_000}], paid_minor=60_000)
    await live.fault("pending", sold)
    rma = await live.come_back(sold, 1)
    await live.advance_to(friday + DAY, rma)
    await live.does(rma, "approval", role=Role.MANAGER)
    refund = await live.refund_is(rma, "pending")
    assert (refund["credited_at"], refund["bank_reference"]) == (None, None)
    await live.advance_to(friday + 4 * DAY, rma)
    await live.knob(f"refunds/{refund['processor_reference']}/succeed")
    refund = await live.refund_is(rma, "succeeded")
    await live.reach(rma, "closed")
    names = ("decided_at", "submitted_at", "credited_at")
    for name, expected in zip(names, (friday, friday + DAY, friday + 4 * DAY), strict=True):
        assert timedelta(0) <= datetime.fromisoformat(refund[name]) - expected < MOMENT, name
    assert refund["bank_reference"]


async def test_an_order_that_was_paid_twice_gives_the_goods_back_once(live: Live) -> None:
    """saleor-dashboard #4349: with a duplicate payment no refund was possible at all."""
    first, second = await live.pay(4_000), await live.pay(4_000)
    payments = [
        {"processor": "stripe", "reference": reference, "captured_minor": 4_000}
        for reference in (first, second)
    ]
    sold = await live.order([{"quantity": 1, "unit_price_minor": 4_000}], paid_minor=4_000, payments=payments)
    rma = await live.come_back(sold, 1)
    await live.reach(rma, "closed")
    found: list[dict[str, Any]] = []
    for reference in (first, second):
        found += (await live.oracle(f"state?payment_intent={reference}"))["refunds"]
    assert [(refund["amount"], refund["status"]) for refund in found] == [(4_000, "succeeded")]


async def test_dinars_have_three_decimals_in_the_refund_and_in_the_mail(live: Live) -> None:
    """woocommerce-gateway-stripe #435, gumroad #3749: amounts a hundred times too much or too little."""
    line = {"quantity": 2, "unit_price_minor": 12_340}
    sold = await live.order([line], paid_minor=24_680, currency="KWD")
    rma = await live.come_back(sold, 1)
    closed = await live.reach(rma, "closed")
    assert (closed["refunds"][0]["amount_minor"], closed["currency"]) == (12_340, "KWD")
    assert await live.paid_back(sold) == [(12_340, "succeeded")]
    assert (await live.mailed(sold, 4))[-1].subject == "We have refunded KWD12.340"


async def test_an_amount_that_stripe_cannot_pay_is_finances_task_and_no_dead_end(live: Live) -> None:
    """Stripe pays dinars in steps of ten fils, and a third of this discount is not one."""
    line = {"quantity": 3, "unit_price_minor": 1_000, "discount_minor": 10}
    sold = await live.order([line], paid_minor=2_990, currency="KWD")
    rma = await live.come_back(sold, 1)
    assert (await live.refund_is(rma, "failed"))["failure_reason"] == "amount_not_payable"
    task = await live.until_task(rma, f"failed_{rma}-1")
    assert (task.queue, task.owner_role) == ("refunds", "finance")
    body = {"refund": f"{rma}-1", "reference": "Wire 1"}
    await live.does(rma, "paid-by-hand", body, role=Role.FINANCE)
    await live.reach(rma, "closed")
    assert await live.paid_back(sold) == []
