"""The sandbox's answers and our requests, held against Stripe's own description of its API."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast
from urllib.request import Request, urlopen

import pytest
import stripe
from stripe_description import complaints, stripe_mock
from stripe_sandbox_running import RunningSandbox, running_sandbox


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[RunningSandbox]:
    with running_sandbox(tmp_path) as running:
        yield running


def read(sandbox: RunningSandbox, path: str) -> Any:
    request = Request(f"{sandbox.url}/v1/{path}", headers={"Authorization": "Bearer sk_test_x"})
    with urlopen(request, timeout=10) as answer:
        return json.load(answer)


def refund_in_every_status(sandbox: RunningSandbox) -> dict[str, str]:
    """One refund in each status there is, by status."""
    payment = sandbox.pay(1000)
    ids = {"succeeded": sandbox.refund(payment, 10, metadata={"refund": "r1"}).id}
    for fault in ("pending", "requires_action"):
        sandbox.fault(fault)
        ids[fault] = sandbox.refund(payment, 10).id
    for status, knob in (("failed", "fail"), ("canceled", "cancel")):
        sandbox.fault("pending")
        ids[status] = sandbox.refund(payment, 10).id
        sandbox.knob(f"refunds/{ids[status]}/{knob}")
    return ids


def test_the_description_finds_what_is_wrong_with_an_object(sandbox: RunningSandbox) -> None:
    refund = dict(read(sandbox, f"refunds/{sandbox.refund(sandbox.pay(), 10).id}"))

    assert complaints("refund", refund) == []
    assert complaints("refund", refund | {"amount": "10"}) != []
    assert complaints("refund", refund | {"colour": "red"}) != []
    assert complaints("refund", refund | {"pending_reason": "because"}) != []


def test_refunds_are_as_stripe_describes_them_in_every_status(sandbox: RunningSandbox) -> None:
    for status, id in refund_in_every_status(sandbox).items():
        refund = read(
            sandbox, f"refunds/{id}?expand[]=charge&expand[]=balance_transaction&expand[]=payment_intent"
        )
        assert refund["status"] == status
        assert complaints("refund", refund) == []


def test_payments_charges_disputes_and_the_balance_are_as_stripe_describes_them(
    sandbox: RunningSandbox,
) -> None:
    refund_in_every_status(sandbox)
    payment = sandbox.pay(1000)
    refund = sandbox.refund(payment, 10)
    dispute = sandbox.knob("disputes", payment_intent=payment)
    charge = str(refund.charge)
    unconfirmed = sandbox.client().v1.payment_intents.create({"amount": 100, "currency": "jpy"}).id

    for kind, path in (
        ("payment_intent", f"payment_intents/{payment}?expand[]=latest_charge"),
        ("payment_intent", f"payment_intents/{unconfirmed}"),
        ("charge", f"charges/{charge}?expand[]=refunds&expand[]=balance_transaction"),
        ("dispute", f"disputes/{dispute['id']}?expand[]=charge"),
        ("balance_transaction", f"balance_transactions/{refund.balance_transaction}"),
        ("account", "account"),
    ):
        assert complaints(kind, read(sandbox, path)) == []
    for kind in ("payment_intent", "charge", "refund", "dispute", "event"):
        page = read(sandbox, f"{kind}s?limit=100")
        assert set(page) == {"object", "data", "has_more", "url"}
        assert page["data"]
        assert [complaints(kind, each) for each in page["data"]] == [[]] * len(page["data"])
    for event in read(sandbox, "events?limit=100")["data"]:
        told = event["data"]["object"]
        assert complaints(told["object"], told) == []


def test_errors_are_as_stripe_describes_them(sandbox: RunningSandbox) -> None:
    payment = sandbox.pay(100)
    sandbox.refund(payment, 100, key="k")
    sandbox.fault("conflict", match={"idempotency_key_prefix": "busy"})
    sandbox.fault("server_error_before", match={"idempotency_key_prefix": "broken"})
    for amount_minor, key in ((100, "new"), (0, "zero"), (99, "k"), (1, "busy"), (1, "broken")):
        with pytest.raises(stripe.StripeError) as refused:
            sandbox.refund(payment, amount_minor, key=key)
        assert complaints("error", cast("Any", refused.value.json_body)) == []
        assert refused.value.request_id


@pytest.fixture
def described() -> Iterator[stripe.StripeClient]:
    """The official client to a running stripe-mock, which accepts only what Stripe's description allows."""
    process = subprocess.Popen(
        [stripe_mock(), "-http-addr", "127.0.0.1:0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    try:
        line = next(line for line in process.stdout if "Listening for HTTP at address" in line)
        yield stripe.StripeClient("sk_test_x", base_addresses={"api": f"http://{line.split()[-1]}"})
    finally:
        process.kill()
        process.communicate()


def test_stripe_mock_refuses_what_stripe_would(described: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError):
        described.v1.refunds.create(cast("Any", {"charge": "ch_1", "colour": "red"}))


def test_every_request_the_sandbox_serves_is_one_that_stripe_accepts(described: stripe.StripeClient) -> None:
    api = described.v1
    keyed: stripe.RequestOptions = {"idempotency_key": "refund:1"}

    api.payment_intents.create(
        {
            "amount": 1000,
            "currency": "gbp",
            "confirm": True,
            "payment_method": "pm_card_visa",
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
            "capture_method": "automatic",
            "description": "d",
            "error_on_requires_action": True,
            "off_session": True,
            "return_url": "https://shop.example",
            "statement_descriptor": "s",
            "statement_descriptor_suffix": "s",
            "metadata": {"order": "1"},
            "expand": ["latest_charge.balance_transaction"],
        },
        keyed,
    )
    refund = api.refunds.create(
        {
            "payment_intent": "pi_1",
            "amount": 10,
            "reason": "requested_by_customer",
            "metadata": {"refund": "r1"},
            "expand": ["balance_transaction", "charge"],
        },
        keyed,
    )
    api.refunds.create({"charge": "ch_1"})
    api.refunds.retrieve(refund.id, {"expand": ["charge", "payment_intent", "failure_balance_transaction"]})
    api.refunds.update(refund.id, {"metadata": {"note": ""}})
    api.refunds.cancel(refund.id)
    api.refunds.list(
        {
            "payment_intent": "pi_1",
            "charge": "ch_1",
            "limit": 100,
            "starting_after": "re_1",
            "created": {"gte": 1},
        }
    )
    api.payment_intents.retrieve("pi_1", {"expand": ["latest_charge"]})
    api.payment_intents.list({"limit": 3, "created": 1})
    api.charges.retrieve("ch_1", {"expand": ["refunds"]})
    api.charges.list({"payment_intent": "pi_1", "ending_before": "ch_2", "expand": ["data.refunds"]})
    api.balance_transactions.retrieve("txn_1")
    api.disputes.retrieve("dp_1")
    api.disputes.list({"charge": "ch_1", "payment_intent": "pi_1"})
    api.events.retrieve("evt_1")
    api.events.list({"type": "refund.created", "types": ["refund.failed"], "limit": 5})
    api.accounts.retrieve_current()
