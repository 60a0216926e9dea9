"""The sandbox keeps Stripe's promises, and breaks them where a knob says so: what the client sees."""

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, cast
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
import stripe
from stripe_sandbox_running import RunningSandbox, running_sandbox, until


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[RunningSandbox]:
    with running_sandbox(tmp_path) as running:
        yield running


def test_a_payment_is_captured_and_its_charge_and_balance_can_be_read(sandbox: RunningSandbox) -> None:
    client = sandbox.client()

    payment = client.v1.payment_intents.create(
        {
            "amount": 1999,
            "currency": "GBP",
            "confirm": True,
            "payment_method": "pm_card_visa",
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
            "metadata": {"order": "1001"},
            "expand": ["latest_charge.balance_transaction"],
        }
    )

    assert (payment.status, payment.amount_received, payment.currency) == ("succeeded", 1999, "gbp")
    assert payment.metadata["order"] == "1001"
    charge = payment.latest_charge
    assert isinstance(charge, stripe.Charge)
    assert (charge.captured, charge.paid, charge.amount_refunded, charge.disputed) == (True, True, 0, False)
    assert isinstance(charge.balance_transaction, stripe.BalanceTransaction)
    assert charge.balance_transaction.net == 1999
    listed = client.v1.charges.list({"payment_intent": payment.id}).data
    assert [each.id for each in listed] == [charge.id]
    assert client.v1.accounts.retrieve_current().charges_enabled


def test_a_refund_is_confirmed_in_its_answer_with_the_reference_a_bank_asks_for(
    sandbox: RunningSandbox,
) -> None:
    payment = sandbox.pay(8000)

    refund = sandbox.refund(payment, 3000, reason="requested_by_customer", metadata={"refund": "r1"})

    assert (refund.status, refund.amount, refund.reason) == ("succeeded", 3000, "requested_by_customer")
    details = refund.destination_details
    assert details is not None
    assert details.card is not None
    assert details.card.reference_status == "available"
    assert details.card.reference_type == "acquirer_reference_number"
    assert details.card.reference
    charge = sandbox.client().v1.charges.retrieve(str(refund.charge), {"expand": ["refunds"]})
    assert (charge.amount_refunded, charge.refunded) == (3000, False)
    assert charge.refunds is not None
    assert [each.id for each in charge.refunds.data] == [refund.id]


def test_without_an_amount_a_refund_gives_back_all_that_is_left(sandbox: RunningSandbox) -> None:
    payment = sandbox.pay(8000)
    sandbox.refund(payment, 3000)

    rest = sandbox.client().v1.refunds.create({"payment_intent": payment})

    assert rest.amount == 5000
    assert sandbox.client().v1.charges.retrieve(str(rest.charge)).refunded


def test_more_than_is_left_is_refused_as_stripe_refuses_it(sandbox: RunningSandbox) -> None:
    payment = sandbox.pay(8000)
    sandbox.refund(payment, 3000)

    with pytest.raises(stripe.InvalidRequestError) as refused:
        sandbox.refund(payment, 5001)

    assert refused.value.http_status == 400
    assert (refused.value.param, refused.value.code) == ("amount", None)
    assert "Refund amount (£50.01) is greater than unrefunded amount on charge (£50.00)" in str(refused.value)
    assert [each["amount"] for each in sandbox.refunds(payment)] == [3000]


def test_a_charge_that_was_fully_refunded_says_so_by_its_code(sandbox: RunningSandbox) -> None:
    payment = sandbox.pay(8000)
    sandbox.refund(payment, 8000)

    with pytest.raises(stripe.InvalidRequestError) as refused:
        sandbox.refund(payment, 1)

    assert refused.value.code == "charge_already_refunded"


def test_a_payment_that_was_never_confirmed_has_nothing_to_refund(sandbox: RunningSandbox) -> None:
    payment = sandbox.client().v1.payment_intents.create({"amount": 100, "currency": "gbp"})

    with pytest.raises(stripe.InvalidRequestError, match="does not have a successful charge"):
        sandbox.refund(payment.id, 100)


def test_twenty_threads_refunding_ten_of_eighty_get_exactly_eight(sandbox: RunningSandbox) -> None:
    payment = sandbox.pay(80)

    def attempt(number: int) -> bool:
        try:
            return sandbox.refund(payment, 10, key=f"race-{number}").status == "succeeded"
        except stripe.InvalidRequestError:
            return False

    with ThreadPoolExecutor(20) as threads:
        succeeded = sum(threads.map(attempt, range(20)))

    assert succeeded == 8
    (state,) = sandbox.view(f"state?payment_intent={payment}")["payments"]
    assert (state["live_refunds_minor"], state["amount_refunded"], state["captured_minor"]) == (80, 80, 80)


def test_one_key_sent_by_twenty_threads_makes_one_refund(sandbox: RunningSandbox) -> None:
    payment = sandbox.pay(8000)

    with ThreadPoolExecutor(20) as threads:
        made = set(threads.map(lambda _: sandbox.refund(payment, 10, key="one").id, range(20)))

    assert len(made) == 1
    assert len(sandbox.refunds(payment)) == 1


def test_a_key_sent_again_replays_the_first_answer_and_says_so(sandbox: RunningSandbox) -> None:
    payment = sandbox.pay()

    first, second = (sandbox.refund(payment, 10, key="k") for _ in range(2))

    assert first.id == second.id
    assert first.last_response is not None
    assert second.last_response is not None
    assert "idempotent-replayed" not in first.last_response.headers
    assert second.last_response.headers["idempotent-replayed"] == "true"
    assert second.last_response.headers["original-request"] == first.last_response.request_id
    assert second.last_response.request_id != first.last_response.request_id


def test_a_key_belongs_to_the_api_key_it_was_sent_with(sandbox: RunningSandbox) -> None:
    payment = sandbox.pay()
    wanted: stripe.params.RefundCreateParams = {"payment_intent": payment, "amount": 10}

    ids = {
        sandbox.client(api_key).v1.refunds.create(wanted, {"idempotency_key": "k"}).id
        for api_key in ("sk_test_one", "sk_test_two")
    }

    assert len(ids) == 2


def test_a_key_sent_with_other_parameters_is_an_idempotency_error(sandbox: RunningSandbox) -> None:
    payment = sandbox.pay()
    sandbox.refund(payment, 10, key="k")

    with pytest.raises(stripe.IdempotencyError) as refused:
        sandbox.refund(payment, 11, key="k")

    assert refused.value.http_status == 400
    assert len(sandbox.refunds(payment)) == 1


def test_a_key_sent_to_another_endpoint_is_an_idempotency_error(sandbox: RunningSandbox) -> None:
    payment = sandbox.pay()
    refund = sandbox.refund(payment, 10, key="k")

    with pytest.raises(stripe.IdempotencyError, match="same endpoint"):
        sandbox.client().v1.refunds.update(refund.id, {"metadata": {"a": "b"}}, {"idempotency_key": "k"})


@pytest.mark.parametrize("wrong", [{"amount": -5}, {"charge": "ch_too"}, {"expand": ["colour"]}])
def test_a_validation_error_is_not_stored_so_the_key_still_works(sandbox: RunningSandbox, wrong: Any) -> None:
    payment = sandbox.pay()

    with pytest.raises(stripe.InvalidRequestError):
        sandbox.client().v1.refunds.create({"payment_intent": payment} | wrong, {"idempotency_key": "k"})

    assert sandbox.refunds(payment) == []
    assert sandbox.refund(payment, 10, key="k").status == "succeeded"


def test_a_refusal_after_execution_began_is_stored_and_replayed(sandbox: RunningSandbox) -> None:
    payment = sandbox.pay(100)
    first = sandbox.refund(payment, 100)
    with pytest.raises(stripe.InvalidRequestError):
        sandbox.refund(payment, 50, key="k")
    sandbox.knob(f"refunds/{first.id}/fail")

    with pytest.raises(stripe.InvalidRequestError) as replayed:
        sandbox.refund(payment, 50, key="k")

    assert replayed.value.headers is not None
    assert replayed.value.headers["idempotent-replayed"] == "true"


def test_a_key_in_flight_is_a_conflict_that_is_not_stored(sandbox: RunningSandbox) -> None:
    payment = sandbox.pay()
    sandbox.fault("delay", seconds=1.0)

    with ThreadPoolExecutor(1) as thread:
        slow = thread.submit(sandbox.refund, payment, 10, "k")
        until(lambda: sandbox.view("faults") == [])
        with pytest.raises(stripe.APIError) as conflict:
            sandbox.refund(payment, 10, key="k")
        answered = slow.result()

    assert type(conflict.value) is stripe.APIError
    assert conflict.value.http_status == 409
    assert conflict.value.error is not None
    assert conflict.value.error.code == "idempotency_key_in_use"
    assert sandbox.refund(payment, 10, key="k").id == answered.id
    assert len(sandbox.refunds(payment)) == 1


def test_a_lost_answer_is_carried_out_and_the_same_key_gets_it(sandbox: RunningSandbox) -> None:
    payment = sandbox.pay()
    sandbox.fault("lose_answer")

    with pytest.raises(stripe.APIConnectionError):
        sandbox.refund(payment, 10, key="k")

    (carried_out,) = sandbox.refunds(payment)
    assert sandbox.refund(payment, 10, key="k").id == carried_out["id"]
    assert [each["answered"] for each in sandbox.view("requests")[-2:]] == [False, True]


def test_the_clients_own_retries_survive_a_lost_answer_with_one_refund(sandbox: RunningSandbox) -> None:
    payment = sandbox.pay()
    sandbox.fault("lose_answer")
    patient = stripe.StripeClient("sk_test_x", base_addresses={"api": sandbox.url}, max_network_retries=2)

    patient.v1.refunds.create({"payment_intent": payment, "amount": 10})

    assert len(sandbox.refunds(payment)) == 1


def test_a_key_is_forgotten_after_24_hours_and_then_pays_again(sandbox: RunningSandbox) -> None:
    payment = sandbox.pay()
    first = sandbox.refund(payment, 10, key="k")

    sandbox.clock.advance(hours=23, minutes=59)
    assert sandbox.refund(payment, 10, key="k").id == first.id
    sandbox.clock.advance(minutes=1)
    assert sandbox.refund(payment, 10, key="k").id != first.id


def test_keys_can_be_pruned_at_once(sandbox: RunningSandbox) -> None:
    payment = sandbox.pay()
    first = sandbox.refund(payment, 10, key="k")

    assert sandbox.knob("prune_keys")["pruned"] >= 1

    assert sandbox.refund(payment, 10, key="k").id != first.id


def test_429_comes_before_the_idempotency_layer(sandbox: RunningSandbox) -> None:
    payment = sandbox.pay()
    sandbox.refund(payment, 10, key="known")
    sandbox.fault("rate_limit", count=2)

    for key in ("known", "new"):
        with pytest.raises(stripe.RateLimitError):
            sandbox.refund(payment, 10, key=key)

    assert sandbox.refund(payment, 10, key="new").status == "succeeded"


def test_a_conflict_by_knob_leaves_the_key_free(sandbox: RunningSandbox) -> None:
    payment = sandbox.pay()
    sandbox.fault("conflict")

    with pytest.raises(stripe.APIError, match="in-progress"):
        sandbox.refund(payment, 10, key="k")

    assert sandbox.refund(payment, 10, key="k").status == "succeeded"


@pytest.mark.parametrize(
    ("fault", "replayed", "refunds"),
    [("server_error_before", False, 1), ("server_error_during", True, 0), ("server_error_after", True, 1)],
)
def test_a_500_is_replayed_once_execution_began_whether_or_not_it_paid(
    sandbox: RunningSandbox, fault: str, replayed: bool, refunds: int
) -> None:
    payment = sandbox.pay()
    sandbox.fault(fault)
    with pytest.raises(stripe.APIError) as failed:
        sandbox.refund(payment, 10, key="k")
    assert failed.value.http_status == 500

    if replayed:
        with pytest.raises(stripe.APIError) as again:
            sandbox.refund(payment, 10, key="k")
        assert again.value.http_status == 500
        assert again.value.headers is not None
        assert again.value.headers["idempotent-replayed"] == "true"
    else:
        assert sandbox.refund(payment, 10, key="k").status == "succeeded"
    assert len(sandbox.refunds(payment)) == refunds


def test_a_fault_waits_for_the_request_it_is_meant_for(sandbox: RunningSandbox) -> None:
    payment, other = sandbox.pay(), sandbox.pay()
    sandbox.fault("rate_limit", match={"metadata": {"refund": "r7"}})
    sandbox.fault("rate_limit", match={"payment_intent": other})
    sandbox.fault("rate_limit", match={"idempotency_key_prefix": "refund:9"})
    sandbox.fault("rate_limit", match={"method": "GET", "path": "/v1/refunds"})

    assert sandbox.refund(payment, 10, key="refund:1", metadata={"refund": "r1"}).status == "succeeded"
    with pytest.raises(stripe.RateLimitError):
        sandbox.refund(payment, 10, metadata={"refund": "r7"})
    with pytest.raises(stripe.RateLimitError):
        sandbox.refund(other, 10)
    with pytest.raises(stripe.RateLimitError):
        sandbox.refund(payment, 10, key="refund:9:2")
    with pytest.raises(stripe.RateLimitError):
        sandbox.client().v1.refunds.list({"payment_intent": payment})
    assert sandbox.view("faults") == []


def test_a_pending_refund_counts_at_once_and_succeeds_later(sandbox: RunningSandbox) -> None:
    payment = sandbox.pay(100)
    sandbox.fault("pending", pending_reason="insufficient_funds")
    pending = sandbox.refund(payment, 100)
    assert (pending.status, pending.pending_reason) == ("pending", "insufficient_funds")
    with pytest.raises(stripe.InvalidRequestError):
        sandbox.refund(payment, 1)

    sandbox.knob(f"refunds/{pending.id}/succeed")

    now = sandbox.client().v1.refunds.retrieve(pending.id)
    assert now.status == "succeeded"
    assert getattr(now, "pending_reason", None) is None
    assert now.destination_details is not None
    assert now.destination_details.card is not None
    assert now.destination_details.card.reference


def test_a_refund_that_fails_late_gives_its_money_back_to_the_charge(sandbox: RunningSandbox) -> None:
    payment = sandbox.pay(100)
    refund = sandbox.refund(payment, 100)

    sandbox.knob(f"refunds/{refund.id}/fail", reason="lost_or_stolen_card")

    failed = sandbox.client().v1.refunds.retrieve(
        refund.id, {"expand": ["failure_balance_transaction", "charge"]}
    )
    assert (failed.status, failed.failure_reason) == ("failed", "lost_or_stolen_card")
    assert isinstance(failed.failure_balance_transaction, stripe.BalanceTransaction)
    assert failed.failure_balance_transaction.amount == 100
    assert isinstance(failed.charge, stripe.Charge)
    assert (failed.charge.amount_refunded, failed.charge.refunded) == (0, False)
    assert sandbox.refund(payment, 100).status == "succeeded"


@pytest.mark.parametrize(
    ("card", "begins", "ends"),
    [("pm_card_refundFail", "succeeded", "failed"), ("pm_card_pendingRefund", "pending", "succeeded")],
)
def test_the_test_cards_refunds_turn_some_time_later(
    sandbox: RunningSandbox, card: str, begins: str, ends: str
) -> None:
    refund = sandbox.refund(sandbox.pay(100, card), 100)
    assert refund.status == begins

    sandbox.clock.advance(seconds=5)

    assert sandbox.client().v1.refunds.retrieve(refund.id).status == ends


def test_only_a_refund_that_waits_for_the_customer_can_be_canceled(sandbox: RunningSandbox) -> None:
    payment, client = sandbox.pay(100), sandbox.client()
    sandbox.fault("requires_action")
    waiting = sandbox.refund(payment, 60)
    done = sandbox.refund(payment, 40)

    canceled = client.v1.refunds.cancel(waiting.id)

    assert canceled.status == "canceled"
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.refunds.cancel(done.id)
    assert sandbox.refund(payment, 60).status == "succeeded"


def test_metadata_can_be_set_changed_and_unset(sandbox: RunningSandbox) -> None:
    client = sandbox.client()
    refund = sandbox.refund(sandbox.pay(), 10, metadata={"refund": "r1", "rma": "x"})

    changed = client.v1.refunds.update(refund.id, {"metadata": {"rma": "", "note": "n"}})
    assert changed.metadata is not None
    assert changed.metadata.to_dict() == {"refund": "r1", "note": "n"}

    emptied = client.v1.refunds.update(refund.id, {"metadata": ""})
    assert emptied.metadata is not None
    assert emptied.metadata.to_dict() == {}


def test_a_disputed_charge_cannot_be_refunded_until_the_dispute_is_won(sandbox: RunningSandbox) -> None:
    payment, client = sandbox.pay(100), sandbox.client()
    sandbox.fault("pending")
    pending = sandbox.refund(payment, 10)

    dispute = sandbox.knob("disputes", payment_intent=payment, amount=100)

    with pytest.raises(stripe.InvalidRequestError) as refused:
        sandbox.refund(payment, 10)
    assert refused.value.code == "charge_disputed"
    failed = client.v1.refunds.retrieve(pending.id)
    assert (failed.status, failed.failure_reason) == ("failed", "charge_for_pending_refund_disputed")
    assert [each.id for each in client.v1.disputes.list({"payment_intent": payment}).data] == [dispute["id"]]
    sandbox.knob(f"disputes/{dispute['id']}/close", outcome="won")
    assert client.v1.disputes.retrieve(dispute["id"]).status == "won"
    assert sandbox.refund(payment, 10).status == "succeeded"


def test_an_inquiry_takes_no_money_and_leaves_the_charge_refundable(sandbox: RunningSandbox) -> None:
    payment, client = sandbox.pay(100), sandbox.client()
    inquiry = sandbox.knob("disputes", payment_intent=payment, inquiry=True)
    kept = client.v1.disputes.retrieve(inquiry["id"])
    assert (kept.status, kept.is_charge_refundable) == ("warning_needs_response", True)
    assert kept.balance_transactions == []
    assert sandbox.refund(payment, 10).status == "succeeded"
    sandbox.knob(f"disputes/{inquiry['id']}/close", outcome="warning_closed")
    assert client.v1.disputes.retrieve(inquiry["id"]).status == "warning_closed"


def test_a_refund_from_the_dashboard_lowers_what_is_left(sandbox: RunningSandbox) -> None:
    payment = sandbox.pay(100)

    made = sandbox.knob("dashboard_refund", payment_intent=payment, amount=70)

    assert [each.id for each in sandbox.client().v1.refunds.list({"payment_intent": payment}).data] == [
        made["id"]
    ]
    with pytest.raises(stripe.InvalidRequestError):
        sandbox.refund(payment, 31)


def test_lists_go_newest_first_and_page_both_ways(sandbox: RunningSandbox) -> None:
    payment, client = sandbox.pay(), sandbox.client()
    made = [sandbox.refund(payment, 10).id for _ in range(5)]
    newest_first = made[::-1]

    page = client.v1.refunds.list({"payment_intent": payment, "limit": 2})
    assert ([each.id for each in page.data], page.has_more) == (newest_first[:2], True)
    every = client.v1.refunds.list({"payment_intent": payment, "limit": 2}).auto_paging_iter()
    assert [each.id for each in every] == newest_first
    back = client.v1.refunds.list({"limit": 2, "ending_before": newest_first[3], "expand": ["data.charge"]})
    assert ([each.id for each in back.data], back.has_more) == (newest_first[1:3], True)
    assert all(isinstance(each.charge, stripe.Charge) for each in back.data)
    charge = client.v1.refunds.retrieve(made[0]).charge
    last = client.v1.refunds.list({"starting_after": newest_first[3], "charge": str(charge)})
    assert ([each.id for each in last.data], last.has_more) == (newest_first[4:], False)


@pytest.mark.parametrize(
    ("wanted", "param"),
    [
        ({"amount": "1.5"}, "amount"),
        ({"amount": 0}, "amount"),
        ({"reason": "because"}, "reason"),
        ({"colour": "red"}, "colour"),
        ({"metadata": {"k" * 41: "v"}}, "metadata"),
        ({"metadata": {"k": "v" * 501}}, "metadata[k]"),
        ({"expand": ["customer.name"]}, "expand"),
    ],
)
def test_bad_parameters_are_named(sandbox: RunningSandbox, wanted: Any, param: str) -> None:
    payment = sandbox.pay()

    with pytest.raises(stripe.InvalidRequestError) as refused:
        sandbox.client().v1.refunds.create(cast("Any", {"payment_intent": payment, **wanted}))

    assert (refused.value.http_status, refused.value.param) == (400, param)
    assert sandbox.refunds(payment) == []


def test_strangers_are_turned_away(sandbox: RunningSandbox, tmp_path: Path) -> None:
    with pytest.raises(stripe.AuthenticationError):
        sandbox.client("sk_live_real").v1.refunds.list()
    with running_sandbox(tmp_path / "..", api_keys={"sk_test_mine"}) as strict:
        assert strict.client("sk_test_mine").v1.refunds.list().data == []
        with pytest.raises(stripe.AuthenticationError):
            strict.client("sk_test_other").v1.refunds.list()


def test_what_does_not_exist_is_a_404_in_stripes_words(sandbox: RunningSandbox) -> None:
    client = sandbox.client()

    with pytest.raises(stripe.InvalidRequestError) as missing:
        client.v1.refunds.retrieve("re_none")
    assert (missing.value.http_status, missing.value.code) == (404, "resource_missing")
    with pytest.raises(stripe.InvalidRequestError, match="Unrecognized request URL") as unknown:
        client.v1.customers.list()
    assert unknown.value.http_status == 404


def test_a_web_page_in_a_browser_here_cannot_turn_a_knob(sandbox: RunningSandbox) -> None:
    request = Request(f"{sandbox.url}/_sandbox/prune_keys", b"{}", {"Origin": "https://shop.example"})

    with pytest.raises(HTTPError) as refused:
        urlopen(request, timeout=10)

    with refused.value as answer:
        assert answer.status == 403


def test_the_requests_view_shows_every_post_with_key_parameters_and_status(sandbox: RunningSandbox) -> None:
    payment = sandbox.pay()
    sandbox.fault("rate_limit")
    with pytest.raises(stripe.RateLimitError):
        sandbox.refund(payment, 10, key="k", metadata={"refund": "r1"})
    sandbox.refund(payment, 10, key="k", metadata={"refund": "r1"})
    sandbox.refund(payment, 10, key="k", metadata={"refund": "r1"})

    seen = [each for each in sandbox.view("requests") if each["path"] == "/v1/refunds"]

    assert [(each["status"], each["replayed"]) for each in seen] == [(429, False), (200, False), (200, True)]
    assert {each["idempotency_key"] for each in seen} == {"k"}
    assert seen[0]["params"] == {"payment_intent": payment, "amount": "10", "metadata": {"refund": "r1"}}


def test_a_sandbox_goes_on_where_it_was_stopped_with_its_keys_and_its_armed_faults(tmp_path: Path) -> None:
    with running_sandbox(tmp_path) as first:
        payment = first.pay()
        made = first.refund(payment, 10, key="k")
        first.fault("lose_answer", count=2)

    with running_sandbox(tmp_path) as second:
        assert len(second.view("faults")) == 1
        with pytest.raises(stripe.APIConnectionError):
            second.refund(payment, 10, key="k")
        second.knob("faults", "DELETE")
        assert second.refund(payment, 10, key="k").id == made.id


SANDBOX_PROCESS = """
import asyncio, socket, sys
from datetime import UTC, datetime
from pathlib import Path
from returndesk.embedded.stripe_sandbox.app import build_server, create_app
listening = socket.create_server(("127.0.0.1", 0))
print(listening.getsockname()[1], flush=True)
server = build_server(create_app(Path(sys.argv[1]), now=lambda: datetime.now(UTC)))
asyncio.run(server.serve(sockets=[listening]))
"""


@contextmanager
def sandbox_process(database: Path) -> Iterator[tuple["subprocess.Popen[str]", stripe.StripeClient]]:
    process = subprocess.Popen(
        [sys.executable, "-c", SANDBOX_PROCESS, str(database)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert process.stdout is not None
    try:
        url = f"http://127.0.0.1:{process.stdout.readline().strip()}"
        yield process, stripe.StripeClient("sk_test_x", base_addresses={"api": url})
    finally:
        process.kill()
        process.communicate()


def test_kill_9_in_the_middle_of_refunds_loses_nothing_and_doubles_nothing(tmp_path: Path) -> None:
    database, answered = tmp_path / "stripe.sqlite", dict[str, str]()
    keys = [f"refund:{number}" for number in range(60)]
    with sandbox_process(database) as (_, client):
        payment = client.v1.payment_intents.create(
            {"amount": 600, "currency": "gbp", "confirm": True, "payment_method": "pm_card_visa"}
        ).id

    def refund_until_killed(client: stripe.StripeClient, key: str) -> None:
        with suppress(stripe.APIConnectionError):
            made = client.v1.refunds.create(
                {"payment_intent": payment, "amount": 10}, {"idempotency_key": key}
            )
            assert answered.setdefault(key, made.id) == made.id, "a key was answered with two refunds"

    for kill_at in (15, 30, 45):
        with sandbox_process(database) as (process, client), ThreadPoolExecutor(4) as threads:
            sent = [threads.submit(refund_until_killed, client, key) for key in keys]
            until(lambda kill_at=kill_at: len(answered) >= kill_at)  # type: ignore[misc]
            process.kill()
        for each in sent:
            each.result()
    with sandbox_process(database) as (_, client):
        for key in keys:
            refund_until_killed(client, key)
        kept = [each.id for each in client.v1.refunds.list({"limit": 100}).data]

    assert sorted(kept) == sorted(answered.values())
    assert len(kept) == len(keys)
