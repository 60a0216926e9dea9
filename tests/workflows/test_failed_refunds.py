"""A refund that failed is no dead end: it is asked for again or paid by hand, once, and the books agree.

Complaints: a failed refund blocks the next one or corrupts totals (vendure #3152, #873, #3670; solidus #3831).
"""

import asyncio
from datetime import timedelta
from typing import Any

from live import Live, Sold
from sqlmodel import select

from returndesk.domain.people import Role
from returndesk.store import tables

DAY = timedelta(days=1)
ABOVE = 50_001


async def rejected_by_the_bank(live: Live, sold: Sold, **reason: str) -> str:
    """A return whose refund succeeded and then came back."""
    rma = await live.come_back(sold, 1)
    closed = await live.reach(rma, "closed")
    await live.is_quiet()
    await live.knob(f"refunds/{closed['refunds'][0]['processor_reference']}/fail", **reason)
    await live.until_task(rma, f"failed_{rma}-1")
    return rma


async def refused(live: Live, rma: str, what: str, body: dict[str, Any], **who: Any) -> tuple[int, str]:
    answer = await live.post(f"returns/{rma}/{what}", body, **who)
    return answer.status_code, answer.json()["code"]


def owed(live: Live, rma: str) -> int:
    """What the ledger says the shop owes the customer."""
    with live.database.read() as session:
        postings = session.exec(
            select(tables.Posting.amount_minor).where(
                tables.Posting.rma == rma, tables.Posting.account == "owed_to_customers"
            )
        ).all()
    return -sum(postings)


async def test_a_bank_rejection_ten_days_on_is_asked_for_again_and_paid(live: Live) -> None:
    sold = await live.dress()
    rma = await live.come_back(sold, 1)
    closed = await live.reach(rma, "closed")
    await live.run_ended(rma)
    await live.mailed(sold, 4)
    await live.advance(10 * DAY)
    await live.knob(
        f"refunds/{closed['refunds'][0]['processor_reference']}/fail", reason="lost_or_stolen_card"
    )
    await live.until_task(rma, f"failed_{rma}-1")
    failed = await live.view(rma)
    assert failed["stage"] == "settling"
    assert {c["kind"]: c["state"] for c in failed["clocks"]} == {"processing": "stopped", "refund": "running"}
    assert owed(live, rma) == 4_000
    await live.mailed(sold, 5)

    note = "Canary: the bank has a new card."
    await live.does(rma, "refund-again", {"refund": f"{rma}-1", "note": note}, role=Role.FINANCE)
    paid = await live.reach(rma, "closed")
    assert [(r["id"], r["status"], r["replaced_by"]) for r in paid["refunds"]] == [
        (f"{rma}-1", "failed", f"{rma}-2"),
        (f"{rma}-2", "succeeded", None),
    ]
    assert {c["state"] for c in paid["clocks"]} == {"stopped"}
    assert await live.paid_back(sold) == [(4_000, "failed"), (4_000, "succeeded")]
    assert owed(live, rma) == 0
    assert await live.tasks(rma) == {}
    await live.run_ended(rma)
    assert (await live.mailed(sold, 6))[-1].subject == "We have refunded £40.00"
    assert (await live.timeline(rma))[-2:] == ["asked_again", "refund_succeeded"]


async def test_a_refund_that_fails_again_can_be_asked_for_a_third_time(live: Live) -> None:
    sold = await live.dress()
    rma = await rejected_by_the_bank(live, sold)
    await live.does(rma, "refund-again", {"refund": f"{rma}-1"}, role=Role.FINANCE)
    closed = await live.reach(rma, "closed")
    await live.is_quiet()
    await live.knob(f"refunds/{closed['refunds'][1]['processor_reference']}/fail")
    await live.until_task(rma, f"failed_{rma}-2")
    assert await refused(live, rma, "refund-again", {"refund": f"{rma}-1"}) == (422, "already_replaced")
    await live.does(rma, "refund-again", {"refund": f"{rma}-2"}, role=Role.FINANCE)
    await live.reach(rma, "closed")
    assert [status for _, status in await live.paid_back(sold)] == ["failed", "failed", "succeeded"]
    assert owed(live, rma) == 0


async def test_two_people_who_ask_again_at_once_pay_once(live: Live) -> None:
    sold = await live.dress()
    rma = await rejected_by_the_bank(live, sold)
    body = {"refund": f"{rma}-1"}
    answers = await asyncio.gather(
        live.post(f"returns/{rma}/refund-again", body, role=Role.FINANCE, who=1),
        live.post(f"returns/{rma}/refund-again", body, role=Role.FINANCE, who=2),
        live.post(f"returns/{rma}/paid-by-hand", body | {"reference": "SEPA 1"}, role=Role.FINANCE, who=1),
    )
    assert sorted(answer.status_code for answer in answers)[0] == 200
    assert [answer.status_code for answer in answers].count(200) == 1
    await live.reach(rma, "closed")
    assert owed(live, rma) == 0
    live_refunds = [status for _, status in await live.paid_back(sold)].count("succeeded")
    assert live_refunds == (0 if answers[2].status_code == 200 else 1)


async def test_money_paid_by_hand_settles_the_return_and_the_customer_is_told_how(live: Live) -> None:
    sold = await live.dress()
    rma = await rejected_by_the_bank(live, sold)
    body = {"refund": f"{rma}-1", "reference": "SEPA 4417", "note": "Canary: by phone."}
    answer = await live.does(rma, "paid-by-hand", body, role=Role.FINANCE)
    assert answer["stage"] == "closed"
    view = await live.view(rma)
    assert {c["state"] for c in view["clocks"]} == {"stopped"}
    assert view["refunds"][0]["replaced_by"] == answer["command_id"]
    await live.run_ended(rma)
    assert await live.tasks(rma) == {}
    mail = (await live.mailed(sold, 6))[-1]
    assert mail.subject == "We have paid you £40.00 by bank transfer"
    assert "by this reference: SEPA 4417" in mail.text
    assert "Canary" not in mail.text + mail.html
    assert await live.paid_back(sold) == [(4_000, "failed")]
    assert owed(live, rma) == 0
    shown = str(await live.get(f"returns/{rma}/timeline"))
    assert "SEPA 4417" not in shown
    assert "Canary" not in shown


async def test_a_part_by_hand_and_the_rest_as_a_refund(live: Live) -> None:
    sold = await live.dress()
    rma = await rejected_by_the_bank(live, sold)
    part = {"refund": f"{rma}-1", "amount_minor": 1_500, "how": "cash", "reference": "Till 7"}
    assert await refused(live, rma, "paid-by-hand", part | {"amount_minor": 4_001}) == (422, "over_amount")
    await live.does(rma, "paid-by-hand", part, role=Role.FINANCE)
    view = await live.view(rma)
    assert (view["stage"], view["owed_without_refund_minor"]) == ("settling", 2_500)
    assert {"running"} == {c["state"] for c in view["clocks"] if c["kind"] == "refund"}
    assert (await live.until_task(rma, f"pay_rest_{rma}-1")).details["amount_minor"] == 2_500
    assert "£25.00 of this return is still to come" in (await live.mailed(sold, 6))[-1].text
    await live.does(rma, "refund-again", role=Role.FINANCE)
    await live.reach(rma, "closed")
    assert await live.paid_back(sold) == [(4_000, "failed"), (2_500, "succeeded")]
    assert owed(live, rma) == 0
    assert await live.tasks(rma) == {}


async def test_what_no_payment_can_take_is_paid_by_hand(live: Live) -> None:
    sold = await live.order([{"quantity": 1, "unit_price_minor": 4_000}], paid_minor=1_000)
    rma = await live.come_back(sold, 1)
    await live.refund_is(rma, "succeeded")
    view = await live.view(rma)
    assert (view["stage"], view["owed_without_refund_minor"]) == ("settling", 3_000)
    assert await refused(live, rma, "refund-again", {}) == (422, "no_room")
    await live.does(rma, "paid-by-hand", {"reference": "SEPA 1"}, role=Role.FINANCE)
    closed = await live.reach(rma, "closed")
    assert {c["state"] for c in closed["clocks"]} == {"stopped"}
    assert await live.tasks(rma) == {}
    assert owed(live, rma) == 0
    assert await refused(live, rma, "paid-by-hand", {"reference": "SEPA 2"}) == (409, "not_allowed_at_stage")


async def test_a_refund_nobody_knows_the_fate_of_is_not_paid_another_way(live: Live) -> None:
    sold = await live.dress()
    await live.fault("lose_answer", sold, count=5)
    rma = await live.come_back(sold, 1)
    await live.refund_is(rma, "unknown")
    for what, more in (("refund-again", {}), ("paid-by-hand", {"reference": "SEPA 1"})):
        assert await refused(live, rma, what, {"refund": f"{rma}-1"} | more) == (422, "refund_not_failed")
        assert await refused(live, rma, what, more) == (422, "nothing_owed")
        other = {"refund": "RMA-7K3M-Q9TX-1"} | more
        assert await refused(live, rma, what, other) == (422, "unknown_refund")
    await live.advance(timedelta(minutes=17), rma)
    await live.reach(rma, "closed")
    assert await live.paid_back(sold) == [(4_000, "succeeded")]


async def test_a_refund_made_in_the_dashboard_between_reservation_and_call_is_not_paid_again(
    live: Live,
) -> None:
    """It is reserved and waits for its approval, when somebody refunds a part of the payment at Stripe (pretix #343)."""
    sold = await live.dress(price_minor=ABOVE)
    rma = await live.come_back(sold, 1)
    await live.knob("dashboard_refund", payment_intent=sold.payment, amount=10_000)
    await live.is_quiet()
    await live.does(rma, "approval", role=Role.MANAGER, who=1)
    assert (await live.refund_is(rma, "failed"))["failure_reason"] == "over_amount"
    again = {"refund": f"{rma}-1"}
    assert await refused(live, rma, "refund-again", again, role=Role.FINANCE) == (422, "no_room")
    there = again | {"amount_minor": 10_000, "how": "dashboard", "reference": "re_dashboard"}
    assert await refused(live, rma, "paid-by-hand", there, role=Role.FINANCE) == (403, "needs_manager")
    await live.does(rma, "paid-by-hand", there, role=Role.MANAGER, who=2)
    await live.does(rma, "refund-again", role=Role.FINANCE)
    await live.reach(rma, "closed")
    assert await live.paid_back(sold) == [(10_000, "succeeded"), (40_001, "succeeded")]
    assert owed(live, rma) == 0


async def test_above_the_limit_who_decided_does_not_pay_by_hand(live: Live) -> None:
    sold = await live.dress(price_minor=ABOVE)
    rma = await live.request(sold, 1, authorize=True)
    await live.arrive(rma, 1)
    await live.inspect(rma, 1, decide=False)
    await live.does(rma, "decision", role=Role.MANAGER, who=1)
    await live.does(rma, "approval", role=Role.MANAGER, who=2)
    closed = await live.reach(rma, "closed")
    await live.is_quiet()
    await live.knob(f"refunds/{closed['refunds'][0]['processor_reference']}/fail")
    await live.until_task(rma, f"failed_{rma}-1")
    body = {"refund": f"{rma}-1", "reference": "SEPA 1"}
    assert await refused(live, rma, "paid-by-hand", body, role=Role.FINANCE) == (403, "needs_manager")
    assert await refused(live, rma, "paid-by-hand", body, role=Role.MANAGER, who=1) == (403, "own_decision")
    await live.does(rma, "paid-by-hand", body, role=Role.MANAGER, who=2)
    await live.reach(rma, "closed")
    assert await live.paid_back(sold) == [(ABOVE, "failed")]


async def test_another_payment_of_the_order_can_be_named(live: Live) -> None:
    old_card, new_card = await live.pay(3_000), await live.pay(5_000)
    payments = [
        {"processor": "stripe", "reference": reference, "captured_minor": captured_minor}
        for reference, captured_minor in ((old_card, 3_000), (new_card, 5_000))
    ]
    sold = await live.order([{"quantity": 2, "unit_price_minor": 4_000}], paid_minor=8_000, payments=payments)
    rma = await live.come_back(sold, 1)
    closed = await live.reach(rma, "closed")
    await live.is_quiet()
    await live.knob(f"refunds/{closed['refunds'][0]['processor_reference']}/fail")
    await live.until_task(rma, f"failed_{rma}-1")
    body = {"refund": f"{rma}-1"}
    nobodys = body | {"payment": "pi_nobodys"}
    assert await refused(live, rma, "refund-again", nobodys) == (422, "unknown_payment")
    too_small = body | {"payment": old_card}
    assert await refused(live, rma, "refund-again", too_small) == (422, "no_room")
    await live.does(rma, "refund-again", body | {"payment": new_card}, role=Role.FINANCE)
    await live.reach(rma, "closed")
    refunds = (await live.oracle(f"state?payment_intent={new_card}"))["refunds"]
    assert [(r["amount"], r["status"]) for r in refunds] == [(4_000, "failed"), (4_000, "succeeded")]
