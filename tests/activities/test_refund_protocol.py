"""Whatever Stripe does to an answer, each refund is paid once: read from Stripe's own records."""

from datetime import timedelta

import pytest
from live import PROCESSOR_TIMEOUT_SECONDS, Live, Sold

ATTEMPTS = 5
"""How often one call is tried before the refund is unknown for a while."""
PROOF = timedelta(minutes=12)
"""More than the ten minutes between two listings, with a return's own jitter of up to one."""
ASKED_AGAIN = timedelta(minutes=17)
"""More than the quarter of an hour after which an unknown refund is asked after."""


async def ends_well(live: Live, rma: str, sold: Sold) -> None:
    """It was paid once, the return closes, and one mail says so."""
    await live.reach(rma, "closed")
    assert await live.paid_back(sold) == [(4_000, "succeeded")]
    await live.is_quiet()
    subjects = [mail.subject for mail in live.mails(sold)]
    assert subjects.count("We have refunded £40.00") == 1
    assert (await live.timeline(rma)).count("refund_succeeded") == 1


async def keys(live: Live, sold: Sold) -> set[str]:
    """The idempotency keys Stripe was sent for an order's refunds, without the refund's id."""
    posts = await live.refund_posts(sold)
    return {post["idempotency_key"].partition("-1")[2] for post in posts}


@pytest.mark.parametrize(
    ("fault", "count"),
    [
        ("lose_answer", 1),
        ("lose_answer", 3),
        ("conflict", 2),
        ("rate_limit", 1),
        ("server_error_before", 2),
        ("server_error_after", 1),
    ],
)
async def test_trouble_at_stripe_never_pays_twice(live: Live, fault: str, count: int) -> None:
    sold = await live.dress()
    await live.fault(fault, sold, count=count)
    rma = await live.come_back(sold, 1)
    await ends_well(live, rma, sold)
    assert await keys(live, sold) == {""}, "the same key again, or none"
    assert len(await live.refund_posts(sold)) > 1


async def test_an_answer_that_comes_after_we_stopped_waiting_is_not_paid_again(live: Live) -> None:
    sold = await live.dress()
    await live.fault("delay", sold, seconds=PROCESSOR_TIMEOUT_SECONDS + 1)
    rma = await live.come_back(sold, 1)
    await ends_well(live, rma, sold)
    assert await keys(live, sold) == {""}


async def test_a_replayed_error_is_proven_absent_by_two_listings_before_another_key_is_used(
    live: Live,
) -> None:
    sold = await live.dress()
    await live.fault("server_error_during", sold)
    rma = await live.come_back(sold, 1)
    await live.refund_is(rma, "unknown")
    await live.advance(PROOF, rma)
    await live.is_seen_absent(rma)
    assert await keys(live, sold) == {""}, "one listing proves nothing"
    await live.advance(PROOF, rma)
    await ends_well(live, rma, sold)
    assert await keys(live, sold) == {"", ":2"}


async def test_a_key_that_stripe_may_have_forgotten_is_never_sent_again(live: Live) -> None:
    """Sent again it would pay a second time; the listing has the refund, and it is adopted."""
    sold = await live.dress()
    await live.fault("lose_answer", sold, count=ATTEMPTS)
    rma = await live.come_back(sold, 1)
    await live.refund_is(rma, "unknown")
    posts = len(await live.refund_posts(sold))
    await live.knob("prune_keys")
    await live.advance(timedelta(hours=21), rma)
    await ends_well(live, rma, sold)
    assert len(await live.refund_posts(sold)) == posts, "it was found, not sent"


async def test_a_refund_that_cannot_be_proven_becomes_a_persons_task_and_is_paid_once_proven(
    live: Live,
) -> None:
    sold = await live.dress()
    await live.fault("server_error_before", sold, count=ATTEMPTS)
    rma = await live.come_back(sold, 1)
    await live.refund_is(rma, "unknown")
    await live.knob("prune_keys")
    await live.advance(timedelta(hours=21), rma)
    task = await live.until_task(rma, f"look_into_{rma}-1")
    assert (task.queue, task.owner_role) == ("refunds", "finance")
    assert await live.paid_back(sold) == []
    view = await live.view(rma)
    assert (view["stage"], view["refunds"][0]["status"]) == ("settling", "unknown")
    await live.advance(PROOF, rma)
    await ends_well(live, rma, sold)
    assert await keys(live, sold) == {"", ":2"}


async def test_stripes_no_is_an_outcome_with_a_task_and_no_customer_is_told_of_money(live: Live) -> None:
    """Somebody refunded the payment from Stripe's dashboard meanwhile: there is nothing left to pay back.

    Asking again and again changes nothing (lago-api #6257).
    """
    sold = await live.dress()
    await live.knob("webhooks", paused=True)
    await live.knob("dashboard_refund", payment_intent=sold.payment, amount=4_000)
    rma = await live.come_back(sold, 1)
    refund = await live.refund_is(rma, "failed")
    await live.knob("webhooks", paused=False)
    assert refund["failure_reason"] == "charge_already_refunded"
    task = await live.until_task(rma, f"failed_{rma}-1")
    assert (task.queue, task.owner_role) == ("refunds", "finance")
    assert (await live.view(rma))["stage"] == "settling"
    await live.is_quiet()
    assert not [m for m in live.mails(sold) if m.subject.startswith("We have refunded")]
    assert await live.paid_back(sold) == [(4_000, "succeeded")], "the dashboard's own"
