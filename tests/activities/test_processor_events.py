"""What Stripe says later: pending refunds, late failures, events that come twice, late, shuffled or forged."""

import json
from datetime import timedelta
from typing import Any

import pytest
import stripe
from live import MOMENT, Live, Sold

from returndesk.gateways.temporal import TemporalDoor
from returndesk.messages import HintRef

DAY = timedelta(days=1)


async def refund_of(live: Live, sold: Sold) -> dict[str, Any]:
    """The order's one refund in Stripe's own records."""
    [refund] = (await live.oracle(f"state?payment_intent={sold.payment}"))["refunds"]
    found: dict[str, Any] = refund
    return found


async def test_a_pending_refund_is_on_its_way_first_and_refunded_when_the_bank_says_so(live: Live) -> None:
    sold = await live.dress()
    await live.fault("pending", sold)
    rma = await live.come_back(sold, 1)
    await live.refund_is(rma, "pending")
    on_its_way = (await live.mailed(sold, 4))[-1]
    assert on_its_way.subject.startswith("Your refund of £40.00 is on its way")
    pending = await live.view(rma)
    assert pending["stage"] == "settling"
    assert [c["state"] for c in pending["clocks"]] == ["stopped", "stopped"], "the shop has done its part"
    await live.knob(f"refunds/{(await refund_of(live, sold))['id']}/succeed")
    await live.reach(rma, "closed")
    assert (await live.mailed(sold, 5))[-1].subject == "We have refunded £40.00"


async def test_a_pending_refund_is_asked_after_even_where_no_event_comes(live: Live) -> None:
    """craftcms/commerce-stripe #134: a refund that was paid stayed open."""
    sold = await live.dress()
    await live.fault("pending", sold)
    rma = await live.come_back(sold, 1)
    await live.refund_is(rma, "pending")
    await live.is_quiet()
    await live.knob("webhooks", paused=True)
    await live.knob(f"refunds/{(await refund_of(live, sold))['id']}/succeed")
    await live.advance(DAY + timedelta(minutes=2), rma)
    await live.reach(rma, "closed")
    await live.knob("webhooks", paused=False)


async def test_a_refund_that_fails_days_later_is_reversed_once_and_its_clock_runs_again(live: Live) -> None:
    friday = await live.friday_afternoon()
    sold = await live.dress()
    rma = await live.come_back(sold, 1)
    await live.reach(rma, "closed")
    await live.mailed(sold, 4)
    await live.advance(3 * DAY)
    await live.knob("webhooks", duplicates=2, shuffle=True)
    refund = await refund_of(live, sold)
    await live.knob(f"refunds/{refund['id']}/fail", reason="lost_or_stolen_card")

    task = await live.until_task(rma, f"failed_{rma}-1")
    assert (task.queue, task.owner_role) == ("refunds", "finance")
    failed = await live.view(rma)
    assert failed["stage"] == "settling"
    assert failed["refunds"][0]["failure_reason"] == "lost_or_stolen_card"
    assert {c["kind"]: c["state"] for c in failed["clocks"]} == {"processing": "stopped", "refund": "running"}
    correction = (await live.mailed(sold, 5))[-1]
    assert "We told you that your refund of £40.00 was paid." in correction.text
    assert "find another way to pay you" in correction.text
    assert (await live.timeline(rma)).count("refund_failed") == 1

    await live.knob("webhooks/redeliver")
    await live.knob("webhooks", duplicates=0, shuffle=False)
    await live.is_quiet()
    assert (await live.timeline(rma)).count("refund_failed") == 1
    assert len(live.mails(sold)) == 5
    assert await live.ledger(rma) == {"granted": -4_000, "refunded": 4_000, "reversed": -4_000}

    # Seven days from Friday 15:00, of which a moment was used: it failed on Monday at 15:00.
    await live.advance_to(friday + 12 * DAY - timedelta(minutes=2), rma)
    assert "breached" not in await live.timeline(rma)
    await live.advance_to(friday + 12 * DAY + MOMENT, rma)
    assert (await live.until_task(rma, "breach_refund")).owner_role == "manager"


async def test_events_that_come_twice_and_in_any_order_count_once(live: Live) -> None:
    """woocommerce-gateway-stripe #838, #2724: a webhook and the answer, each booked."""
    await live.knob("webhooks", paused=True)
    sold = await live.dress()
    await live.fault("pending", sold)
    rma = await live.come_back(sold, 1)
    await live.refund_is(rma, "pending")
    await live.knob(f"refunds/{(await refund_of(live, sold))['id']}/succeed")
    await live.knob("webhooks", paused=False, duplicates=3, shuffle=True)
    await live.reach(rma, "closed")
    await live.mailed(sold, 5)
    await live.knob("webhooks/redeliver")
    await live.knob("webhooks", duplicates=0, shuffle=False)
    await live.is_quiet()
    what = await live.timeline(rma)
    assert (what.count("refund_pending"), what.count("refund_succeeded")) == (1, 1)
    assert len(live.mails(sold)) == 5


async def test_hints_that_wait_together_are_answered_by_one_look(live: Live) -> None:
    """Stripe says everything several times: four hints come while it is being asked for the first one's sake."""
    sold = await live.dress()
    rma = await live.come_back(sold, 1)
    await live.reach(rma, "closed")
    await live.run_ended(rma)
    assert await live.hints_together(rma, 4) == 2
    assert (await live.view(rma))["stage"] == "closed"
    assert await live.paid_back(sold) == [(4_000, "succeeded")]
    assert len(await live.refund_posts(sold)) == 1


@pytest.mark.parametrize("trick", ["wrong secret", "stale", "early", "no signature", "changed body"])
async def test_a_forged_event_changes_nothing(live: Live, trick: str) -> None:
    """It says that a paid refund failed; believed, the customer would be paid again."""
    sold = await live.dress()
    rma = await live.come_back(sold, 1)
    await live.reach(rma, "closed")
    await live.is_quiet()
    refund = await refund_of(live, sold) | {"status": "failed"}
    body = json.dumps({"id": f"evt_{rma}_{trick[:2]}", "type": "refund.failed", "data": {"object": refund}})
    signed_at = int(live.now().timestamp()) + {"stale": -301, "early": 330}.get(trick, 0)
    secret = "whsec_other" if trick == "wrong secret" else live.installation.webhook_secret
    signature = stripe.WebhookSignature._compute_signature(f"{signed_at}.{body}", secret)
    headers = {} if trick == "no signature" else {"Stripe-Signature": f"t={signed_at},v1={signature}"}
    sent = body.replace("evt_", "evt_2") if trick == "changed body" else body
    answer = await live.http.post("/webhooks/stripe", content=sent, headers=headers)
    assert answer.status_code == 422
    assert answer.json()["code"] in ("signature_invalid", "signature_stale")
    assert live.events_kept(refund["id"], "refund.failed") == 0
    assert (await live.view(rma))["stage"] == "closed"
    assert await live.paid_back(sold) == [(4_000, "succeeded")]


async def test_a_rightly_signed_event_is_only_a_reason_to_look(live: Live) -> None:
    """Even one that is signed and lies changes nothing: the refund itself is fetched from Stripe."""
    sold = await live.dress()
    rma = await live.come_back(sold, 1)
    await live.reach(rma, "closed")
    refund = await refund_of(live, sold) | {"status": "failed"}
    body = json.dumps({"id": f"evt_{rma}", "type": "refund.failed", "data": {"object": refund}})
    signed_at = int(live.now().timestamp())
    signature = stripe.WebhookSignature._compute_signature(
        f"{signed_at}.{body}", live.installation.webhook_secret
    )
    headers = {"Stripe-Signature": f"t={signed_at},v1={signature}"}
    answer = await live.http.post("/webhooks/stripe", content=body, headers=headers)
    assert answer.status_code == 202
    assert live.events_kept(refund["id"], "refund.failed") == 1
    await live.is_quiet()
    await live.run_ended(rma)
    assert (await live.view(rma))["stage"] == "closed"
    assert "refund_failed" not in await live.timeline(rma)


async def test_an_event_about_a_refund_that_waits_for_a_manager_sends_nothing(live: Live) -> None:
    """Rightly signed, and about a refund that Stripe does not have: as after a restore of older books."""
    sold = await live.dress(price_minor=50_001)
    rma = await live.come_back(sold, 1)
    assert (await live.view(rma))["stage"] == "decided"
    hint = HintRef(f"{rma}-1", f"evt_{rma}", live.installation.policy.version)
    await TemporalDoor(live.client).hint(rma, hint)
    await live.advance(timedelta(minutes=1), rma)
    await live.does(rma, "message", {"channel": "email", "note": "And?"})
    assert await live.refund_posts(sold) == []
    await live.does(rma, "refusal", {"note": "Not this one."}, who=2)
    await TemporalDoor(live.client).hint(rma, hint)
    await live.advance(timedelta(minutes=1), rma)
    await live.does(rma, "message", {"channel": "email", "note": "Well?"})
    assert await live.refund_posts(sold) == []
    assert (await live.view(rma))["refunds"][0]["status"] == "canceled"


async def test_a_hint_sends_no_refund_that_is_on_hold(live: Live) -> None:
    sold = await live.dress()
    rma = await live.come_back(sold, 1)
    closed = await live.reach(rma, "closed")
    await live.is_quiet()
    await live.knob(f"refunds/{closed['refunds'][0]['processor_reference']}/fail")
    await live.until_task(rma, f"failed_{rma}-1")
    await live.is_quiet()
    await live.does(rma, "hold", {"reason": "suspected_fraud"})
    await live.does(rma, "refund-again", {"refund": f"{rma}-1"})
    hint = HintRef(f"{rma}-2", f"evt_{rma}", live.installation.policy.version)
    await TemporalDoor(live.client).hint(rma, hint)
    await live.advance(timedelta(minutes=1), rma)
    await live.does(rma, "message", {"channel": "email", "note": "And?"})
    assert len(await live.refund_posts(sold)) == 1
    await live.does(rma, "resumption")
    await live.reach(rma, "closed")
