"""Webhooks of the sandbox, as an endpoint hears them and the official library verifies them."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import stripe
from stripe_sandbox_running import Listener, MovableClock, RunningSandbox, running_sandbox, until

from returndesk.embedded.stripe_sandbox.webhooks import Endpoint
from returndesk.embedded.stripe_sandbox.work import API_VERSION

SECRET = "whsec_contract"
REFUND_EVENTS = ["refund.created", "refund.updated", "refund.failed"]
DISPUTE_EVENTS = [
    f"charge.dispute.{what}" for what in ("created", "funds_withdrawn", "funds_reinstated", "closed")
]


@pytest.fixture
def listener() -> Iterator[Listener]:
    with Listener() as listening:
        yield listening


@pytest.fixture
def sandbox(tmp_path: Path, listener: Listener) -> Iterator[RunningSandbox]:
    with running_sandbox(tmp_path, webhook_endpoint=Endpoint(listener.url, SECRET)) as running:
        yield running


def test_the_official_library_verifies_what_arrives(sandbox: RunningSandbox, listener: Listener) -> None:
    refund = sandbox.refund(sandbox.pay(), 10, key="refund:1")

    heard = listener.wait_for(4)

    assert listener.types() == [
        "charge.refunded",
        "charge.succeeded",
        "payment_intent.succeeded",
        "refund.created",
    ]
    for each in heard:
        event = stripe.Webhook.construct_event(each.payload, each.signature, SECRET)
        assert event.api_version == API_VERSION == stripe.api_version
        if event.type == "refund.created":
            assert event.data.object["id"] == refund.id
            assert event.request is not None
            assert event.request.idempotency_key == "refund:1"
        with pytest.raises(stripe.SignatureVerificationError):
            stripe.Webhook.construct_event(each.payload, each.signature, "whsec_other")
        with pytest.raises(stripe.SignatureVerificationError):
            stripe.Webhook.construct_event(each.payload + b" ", each.signature, SECRET)


def test_the_signature_tells_the_sandboxs_time(tmp_path: Path, listener: Listener) -> None:
    long_ago = MovableClock()
    long_ago.advance(seconds=-400)
    with running_sandbox(tmp_path, long_ago, webhook_endpoint=Endpoint(listener.url, SECRET)) as sandbox:
        sandbox.pay()
        heard = listener.wait_for(2)[0]

    with pytest.raises(stripe.SignatureVerificationError, match="outside the tolerance"):
        stripe.Webhook.construct_event(heard.payload, heard.signature, SECRET)


def test_only_the_types_asked_for_are_sent(sandbox: RunningSandbox, listener: Listener) -> None:
    sandbox.knob("webhook_endpoint", url=listener.url, secret=SECRET, events=REFUND_EVENTS)

    refund = sandbox.refund(sandbox.pay(), 10)
    sandbox.knob(f"refunds/{refund.id}/fail", reason="declined")

    listener.wait_for(3)
    assert listener.types() == ["refund.created", "refund.failed", "refund.updated"]
    every = {event.type for event in sandbox.client().v1.events.list({"limit": 100}).data}
    assert every > set(REFUND_EVENTS)


def test_a_dispute_is_told_when_it_opens_and_when_it_closes(
    sandbox: RunningSandbox, listener: Listener
) -> None:
    sandbox.knob(
        "webhook_endpoint",
        url=listener.url,
        secret=SECRET,
        events=DISPUTE_EVENTS,
    )
    dispute = sandbox.knob("disputes", payment_intent=sandbox.pay())
    sandbox.knob(f"disputes/{dispute['id']}/close", outcome="won")

    told = {heard.event["type"]: heard.event["data"]["object"]["status"] for heard in listener.wait_for(4)}

    assert told == dict(zip(DISPUTE_EVENTS, ["needs_response", "needs_response", "won", "won"], strict=True))


def test_what_was_refused_is_sent_again_until_it_is_taken(
    sandbox: RunningSandbox, listener: Listener
) -> None:
    listener.answers = [500, 500]
    sandbox.knob("webhook_endpoint", url=listener.url, secret=SECRET, events=["refund.created"])
    refund = sandbox.refund(sandbox.pay(), 10)

    for attempt in (1, 2):
        until(lambda: sandbox.view("webhooks")[0]["attempts"] == attempt)  # noqa: B023 (called at once)
        sandbox.clock.advance(minutes=5)
    heard = listener.wait_for(3)

    assert {each.event["id"] for each in heard} == {heard[0].event["id"]}
    assert heard[0].event["data"]["object"]["id"] == refund.id
    sandbox.knob("webhooks", paused=True)
    (delivery,) = sandbox.view("webhooks")
    assert [each["answer"] for each in delivery["answers"]] == ["500", "500", "200"]
    assert delivery["delivered_at"] is not None


def test_an_event_is_not_given_up_because_the_clock_was_moved_while_it_was_sent(
    sandbox: RunningSandbox, listener: Listener
) -> None:
    listener.answers, listener.meanwhile = [400], lambda: sandbox.clock.advance(days=4)
    sandbox.knob("webhook_endpoint", url=listener.url, secret=SECRET, events=["refund.created"])
    sandbox.refund(sandbox.pay(), 10)

    until(lambda: sandbox.view("webhooks")[0]["attempts"] == 1)
    listener.meanwhile = lambda: None
    sandbox.clock.advance(seconds=5)
    listener.wait_for(2)
    until(lambda: sandbox.view("webhooks")[0]["delivered_at"] is not None)


def test_an_event_written_before_a_stop_is_delivered_after_it(tmp_path: Path, listener: Listener) -> None:
    with running_sandbox(tmp_path, webhook_endpoint=Endpoint(listener.url, SECRET)) as first:
        first.knob("webhooks", paused=True)
        first.pay()
    with running_sandbox(tmp_path) as second:
        assert listener.heard == []
        second.knob("webhooks", paused=False)
        listener.wait_for(2)


def test_webhooks_can_be_duplicated_shuffled_and_sent_again(
    sandbox: RunningSandbox, listener: Listener
) -> None:
    sandbox.knob("webhooks", paused=True, shuffle=True, duplicates=1)
    sandbox.knob("webhook_endpoint", url=listener.url, secret=SECRET, events=["refund.created"])
    payment = sandbox.pay()
    made = [sandbox.refund(payment, 10).id for _ in range(20)]

    sandbox.knob("webhooks", paused=False)
    heard = [each.event["data"]["object"]["id"] for each in listener.wait_for(40)]

    assert Counter(heard) == Counter(made * 2)
    assert list(dict.fromkeys(heard)) != made
    sandbox.knob("webhooks", shuffle=False, duplicates=0)
    event = listener.heard[0].event["id"]
    assert sandbox.knob("webhooks/redeliver", event=event) == {"redelivered": 1}
    assert listener.wait_for(41)[-1].event["id"] == event


def test_an_event_says_what_changed(sandbox: RunningSandbox) -> None:
    refund = sandbox.refund(sandbox.pay(), 10)
    sandbox.knob(f"refunds/{refund.id}/fail", reason="declined")

    (updated,) = sandbox.client().v1.events.list({"type": "refund.updated"}).data

    assert updated.data.object["status"] == "failed"
    assert updated.data.previous_attributes is not None
    assert updated.data.previous_attributes["status"] == "succeeded"
