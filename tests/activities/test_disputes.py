"""Disputes: nobody is paid twice, finance answers the bank in time, and what the bank lets go can be refunded."""

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
import stripe
from live import Live, Sold, until
from sqlmodel import col, select

from returndesk.domain.people import Role
from returndesk.store import tables

ABOVE = 50_001


async def dispute(live: Live, sold: Sold, **more: Any) -> dict[str, Any]:
    """The customer's bank disputes the order's payment."""
    opened: dict[str, Any] = await live.knob("disputes", payment_intent=sold.payment, **more)
    return opened


async def disputed_minor(live: Live, sold: Sold) -> int:
    [payment] = (await live.get(f"orders/{sold.reference}"))["payments"]
    disputed: int = payment["disputed_minor"]
    return disputed


async def is_told(live: Live, rma: str, what: str) -> None:
    """Returns once the return has that on record, and rests again."""

    async def told() -> bool:
        return what in await live.timeline(rma)

    await until(told)
    await live.is_quiet()


def task_row(live: Live, rma: str, kind: str) -> tables.Task:
    """A return's task, whether it is done or not."""
    with live.database.read() as session:
        row = session.exec(select(tables.Task).where(tables.Task.rma == rma, col(tables.Task.kind) == kind))
        task = row.one()
        session.expunge(task)
    return task


async def awaiting_approval(live: Live, sold: Sold) -> str:
    """A return that is decided and reserved, and not paid yet."""
    rma = await live.come_back(sold, 1)
    assert (await live.view(rma))["stage"] == "decided"
    return rma


async def test_a_chargeback_after_the_refund_brings_finance_the_evidence_and_the_return_ends_again(
    live: Live,
) -> None:
    """Paid by us and by the bank would be paid twice (gumroad #4372)."""
    sold = await live.dress()
    rma = await live.come_back(sold, 1)
    refund = (await live.reach(rma, "closed"))["refunds"][0]
    await live.run_ended(rma)
    opened = await dispute(live, sold)
    task = await live.until_task(rma, f"dispute_{opened['id']}")
    assert (task.queue, task.owner_role) == ("disputes", "finance")
    evidence_due_at = datetime.fromtimestamp(opened["evidence_details"]["due_by"], task.due_at.tzinfo)
    assert task.due_at == evidence_due_at - timedelta(days=1)
    assert task.details["advice"] == "already_refunded_send_as_evidence"
    assert task.details["already_refunded"] == [
        {"refund": refund["id"], "amount_minor": 4_000, "processor_reference": refund["processor_reference"]}
    ]
    await live.run_ended(rma)
    assert (await live.view(rma))["stage"] == "closed"
    assert await disputed_minor(live, sold) == 4_000

    await live.knob("webhooks/redeliver")
    await live.is_quiet()
    assert (await live.timeline(rma)).count("disputed") == 1

    await live.knob(f"disputes/{opened['id']}/close", outcome="lost")
    await is_told(live, rma, "dispute_closed")
    await live.run_ended(rma)
    done = task_row(live, rma, f"dispute_{opened['id']}")
    assert (done.done_at is not None, done.done_by) == (True, "processor")
    assert await disputed_minor(live, sold) == 4_000, "the bank keeps it"
    assert len(live.mails(sold)) == 4, "the customer hears from the bank, not from us"


async def test_a_dispute_before_the_refund_is_an_outcome_with_a_task_and_once_won_the_refund_goes_out(
    live: Live,
) -> None:
    """A dispute that is won unlocks the payment (woocommerce-payments #4931)."""
    sold = await live.dress(price_minor=ABOVE)
    rma = await awaiting_approval(live, sold)
    opened = await dispute(live, sold)
    task = await live.until_task(rma, f"dispute_{opened['id']}")
    assert task.details["advice"] == "refund_not_sent_yet"
    assert task.details["not_refunded"] == [
        {"refund": f"{rma}-1", "amount_minor": ABOVE, "status": "requested"}
    ]

    await live.does(rma, "approval", role=Role.MANAGER)
    refund = await live.refund_is(rma, "failed")
    assert refund["failure_reason"] == "charge_disputed"
    assert len(await live.refund_posts(sold)) == 1, "a no is no reason to try again"
    assert (await live.until_task(rma, f"failed_{rma}-1")).owner_role == "finance"
    mail = (await live.mailed(sold, 4))[-1]
    assert mail.subject == "Your refund of £500.01 waits: there is a dispute about your payment"

    again = await live.post(f"returns/{rma}/refund-again", {"refund": f"{rma}-1"}, role=Role.FINANCE)
    assert (again.status_code, again.json()["code"], again.json()["reasons"]) == (
        422, "no_room", ["payment_disputed"],
    )  # fmt: skip
    by_hand = {"refund": f"{rma}-1", "reference": "SEPA 1"}
    refused = await live.post(f"returns/{rma}/paid-by-hand", by_hand, role=Role.MANAGER)
    assert (refused.status_code, refused.json()["code"]) == (422, "payment_disputed")

    await live.knob(f"disputes/{opened['id']}/close", outcome="won")
    await is_told(live, rma, "dispute_closed")
    assert await disputed_minor(live, sold) == 0
    assert f"dispute_{opened['id']}" not in await live.tasks(rma)
    await live.does(rma, "refund-again", {"refund": f"{rma}-1"}, role=Role.FINANCE)
    await live.reach(rma, "closed")
    assert await live.paid_back(sold) == [(ABOVE, "succeeded")]
    assert f"failed_{rma}-1" not in await live.tasks(rma)


async def test_what_is_decided_while_the_payment_is_disputed_is_not_promised_to_it(live: Live) -> None:
    sold = await live.dress()
    opened = await dispute(live, sold)
    await live.is_quiet()
    assert await disputed_minor(live, sold) == 4_000
    rma = await live.come_back(sold, 1)
    view = await live.reach(rma, "settling")
    assert (view["refunds"], view["owed_without_refund_minor"]) == ([], 4_000)
    assert set(await live.tasks(rma)) >= {"pay_by_hand", f"dispute_{opened['id']}"}
    await live.knob(f"disputes/{opened['id']}/close", outcome="won")
    await is_told(live, rma, "dispute_closed")
    await live.does(rma, "refund-again", role=Role.FINANCE)
    await live.reach(rma, "closed")
    assert await live.paid_back(sold) == [(4_000, "succeeded")]
    assert not {"pay_by_hand", f"dispute_{opened['id']}"} & set(await live.tasks(rma))


async def test_a_lost_dispute_settles_what_was_owed_and_the_customer_reads_where_the_money_came_from(
    live: Live,
) -> None:
    sold = await live.dress()
    opened = await dispute(live, sold)
    await live.is_quiet()
    rma = await live.come_back(sold, 1)
    await live.reach(rma, "settling")
    too_early = await live.post(
        f"returns/{rma}/paid-by-hand", {"how": "chargeback", "reference": opened["id"]}
    )
    assert (too_early.status_code, too_early.json()["code"]) == (422, "no_dispute_lost")
    await live.knob(f"disputes/{opened['id']}/close", outcome="lost")
    await is_told(live, rma, "dispute_closed")
    await live.does(rma, "paid-by-hand", {"how": "chargeback", "reference": opened["id"]})
    closed = await live.reach(rma, "closed")
    assert {clock["state"] for clock in closed["clocks"]} == {"stopped"}
    assert (await live.mailed(sold, 4))[-1].subject == "Your bank has given you £40.00 for your return"
    assert await live.paid_back(sold) == []
    with live.database.read() as session:
        accounts = session.exec(
            select(tables.Posting.account, tables.Posting.amount_minor).where(
                tables.Posting.rma == rma, col(tables.Posting.entry).startswith("paid:")
            )
        ).all()
    assert dict(accounts) == {"owed_to_customers": 4_000, "charged_back": -4_000}


async def test_money_beside_a_small_dispute_is_paid_by_hand_only_where_somebody_says_so(live: Live) -> None:
    """The bank asks for 5.00 of 40.00; while it does, Stripe refunds nothing of the payment."""
    sold = await live.dress()
    await dispute(live, sold, amount=500)
    await live.is_quiet()
    rma = await live.come_back(sold, 1)
    assert (await live.refund_is(rma, "failed"))["amount_minor"] == 3_500
    assert (await live.view(rma))["owed_without_refund_minor"] == 500
    body = {"refund": f"{rma}-1", "reference": "SEPA 1"}
    answer = await live.post(f"returns/{rma}/paid-by-hand", body, role=Role.FINANCE)
    assert answer.json()["code"] == "payment_disputed"
    await live.does(rma, "paid-by-hand", body | {"despite_dispute": True}, role=Role.FINANCE)
    assert (await live.view(rma))["stage"] == "settling", "what is disputed is still open"
    [record] = [
        x for x in (await live.get(f"returns/{rma}/timeline"))["items"] if x["what"] == "paid_by_hand"
    ]
    assert (record["details"]["amount_minor"], record["details"]["despite_dispute"]) == (3_500, True)


async def test_a_dispute_of_a_pending_refunds_payment_fails_it_and_finance_hears_of_both(live: Live) -> None:
    sold = await live.dress()
    await live.fault("pending", sold)
    rma = await live.come_back(sold, 1)
    await live.refund_is(rma, "pending")
    opened = await dispute(live, sold)
    refund = await live.refund_is(rma, "failed")
    assert refund["failure_reason"] == "charge_for_pending_refund_disputed"
    await live.until_task(rma, f"dispute_{opened['id']}")
    await live.until_task(rma, f"failed_{rma}-1")


async def test_an_inquiry_holds_no_money_and_ends_without_a_word_to_the_customer(live: Live) -> None:
    sold = await live.dress()
    opened = await dispute(live, sold, inquiry=True)
    await live.is_quiet()
    rma = await live.come_back(sold, 1)
    await live.reach(rma, "closed")
    assert await live.paid_back(sold) == [(4_000, "succeeded")]
    await live.until_task(rma, f"dispute_{opened['id']}")
    await live.knob(f"disputes/{opened['id']}/close", outcome="warning_closed")
    await is_told(live, rma, "dispute_closed")
    await live.run_ended(rma)
    assert f"dispute_{opened['id']}" not in await live.tasks(rma)
    assert len(live.mails(sold)) == 4


async def test_events_of_a_dispute_that_come_twice_and_in_any_order_leave_it_as_the_bank_has_it(
    live: Live,
) -> None:
    sold = await live.dress()
    rma = await live.come_back(sold, 1)
    await live.reach(rma, "closed")
    await live.knob("webhooks", paused=True)
    opened = await dispute(live, sold)
    await live.knob(f"disputes/{opened['id']}/close", outcome="won")
    await live.knob("webhooks", paused=False, duplicates=3, shuffle=True)
    await is_told(live, rma, "dispute_closed")
    await live.knob("webhooks", duplicates=0, shuffle=False)
    await live.is_quiet()
    what = await live.timeline(rma)
    assert (what.count("disputed"), what.count("dispute_closed")) == (1, 1)
    assert await disputed_minor(live, sold) == 0
    assert f"dispute_{opened['id']}" not in await live.tasks(rma)


@pytest.mark.parametrize("status", ["needs_response", "lost"])
async def test_a_dispute_that_only_an_event_knows_of_changes_nothing(live: Live, status: str) -> None:
    """Rightly signed, and not true: what is disputed is read from Stripe, never from an event."""
    sold = await live.dress()
    rma = await live.come_back(sold, 1)
    await live.reach(rma, "closed")
    said = {
        "id": f"du_{rma}", "payment_intent": sold.payment, "status": status, "amount": 4_000,
        "object": "dispute", "currency": "gbp",
    }  # fmt: skip
    body = json.dumps(
        {"id": f"evt_du_{status}_{rma}", "type": "charge.dispute.created", "data": {"object": said}}
    )
    at, secret = int(live.now().timestamp()), live.installation.webhook_secret
    signature = stripe.WebhookSignature._compute_signature(f"{at}.{body}", secret)
    headers = {"Stripe-Signature": f"t={at},v1={signature}"}
    answer = await live.http.post("/webhooks/stripe", content=body, headers=headers)
    assert answer.status_code == 202
    await live.is_quiet()
    await live.run_ended(rma)
    assert await disputed_minor(live, sold) == 0
    assert "disputed" not in await live.timeline(rma)
