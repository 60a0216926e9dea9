"""The webhook: what is signed for us and now is kept once, and nothing else is."""

import hashlib
import hmac
import json
from datetime import timedelta
from typing import Any

from in_process import WEBHOOK_SECRET
from sqlmodel import select
from starlette.testclient import TestClient

from returndesk.store import tables

EVENT = {
    "id": "evt_1",
    "type": "refund.updated",
    "data": {
        "object": {
            "id": "re_1",
            "payment_intent": "pi_1",
            "status": "failed",
            "amount": 2000,
            "metadata": {"refund_id": "RMA-7K3M-Q9TX-1"},
            "destination_details": {"card": {"reference": "ARN1"}},
        }
    },
}


def sent(
    api: Any,
    http: TestClient,
    event: object,
    *,
    late: timedelta = timedelta(0),
    secret: str = WEBHOOK_SECRET,
    body: bytes | None = None,
) -> Any:
    """The answer to an event, signed `late` ago as Stripe signs."""
    written = body if body is not None else json.dumps(event).encode()
    at = int((api.clock.now() - late).timestamp())
    signature = hmac.new(secret.encode(), f"{at}.".encode() + written, hashlib.sha256).hexdigest()
    return http.post(
        "/webhooks/stripe", content=written, headers={"Stripe-Signature": f"t={at},v1={signature}"}
    )


def kept(api: Any) -> list[tables.ProcessorEvent]:
    with api.database.read() as session:
        rows = list(session.exec(select(tables.ProcessorEvent)))
        session.expunge_all()
    return rows


def test_an_event_is_kept_by_its_ids_status_and_amount(api: Any, http: TestClient) -> None:
    assert sent(api, http, EVENT).status_code == 202
    [row] = kept(api)
    assert (row.id, row.type, row.object_reference, row.payment_reference) == (
        "evt_1", "refund.updated", "re_1", "pi_1",
    )  # fmt: skip
    assert (row.refund_id, row.status, row.amount_minor, row.bank_reference) == (
        "RMA-7K3M-Q9TX-1", "failed", 2000, "ARN1",
    )  # fmt: skip
    assert (row.received_at, row.handled_at) == (api.clock.now(), None)


def test_an_event_that_comes_again_is_taken_and_kept_once(api: Any, http: TestClient) -> None:
    assert [sent(api, http, EVENT).status_code for _ in range(3)] == [202, 202, 202]
    changed = EVENT | {"type": "refund.failed"}
    assert sent(api, http, changed).status_code == 202
    assert [row.type for row in kept(api)] == ["refund.updated"]


def test_five_minutes_early_or_late_is_now(api: Any, http: TestClient) -> None:
    for minutes in (5, -5):
        assert sent(api, http, EVENT, late=timedelta(minutes=minutes)).status_code == 202


def test_a_stale_and_a_future_event_are_not_kept(api: Any, http: TestClient) -> None:
    for seconds in (301, -301, 10**6):
        answer = sent(api, http, EVENT, late=timedelta(seconds=seconds))
        assert (answer.status_code, answer.json()["code"]) == (422, "signature_stale")
    assert kept(api) == []


def test_what_nobody_of_ours_signed_is_not_kept(api: Any, http: TestClient) -> None:
    body, at = json.dumps(EVENT).encode(), int(api.clock.now().timestamp())
    forged = [
        sent(api, http, EVENT, secret="whsec_of_somebody_else"),
        http.post("/webhooks/stripe", content=body),
        *(
            http.post("/webhooks/stripe", content=body, headers={"Stripe-Signature": signature})
            for signature in ("", "t", "v1=", f"t={at}", f"t={at},v1=00", "t=now,v1=00", f"t={at},v0=00")
        ),
    ]
    assert {(x.status_code, x.json()["code"]) for x in forged} == {(422, "signature_invalid")}
    assert kept(api) == []


def test_a_changed_byte_breaks_the_signature(api: Any, http: TestClient) -> None:
    body, at = json.dumps(EVENT), int(api.clock.now().timestamp())
    signature = hmac.new(WEBHOOK_SECRET.encode(), f"{at}.{body}".encode(), hashlib.sha256).hexdigest()
    answer = http.post(
        "/webhooks/stripe",
        content=body.replace("2000", "9000"),
        headers={"Stripe-Signature": f"t={at},v1={signature}"},
    )
    assert answer.json()["code"] == "signature_invalid"
    assert kept(api) == []


def test_signed_nonsense_is_refused_and_not_kept(api: Any, http: TestClient) -> None:
    for body in (b"", b"canary", b"\xff", b"[1]", b"7", b"null", b"{}", b'{"type": "refund.updated"}'):
        answer = sent(api, http, None, body=body)
        assert answer.status_code == 422, body
        assert "canary" not in answer.text
    assert kept(api) == []


def test_an_event_of_a_kind_nobody_asks_for_is_taken_and_forgotten(api: Any, http: TestClient) -> None:
    assert sent(api, http, EVENT | {"type": "customer.created"}).status_code == 202
    assert kept(api) == []


def test_a_dispute_is_kept_too(api: Any, http: TestClient) -> None:
    event = {
        "id": "evt_2", "type": "charge.dispute.created",
        "data": {"object": {"id": "dp_1", "payment_intent": "pi_1", "status": "needs_response", "amount": 5}},
    }  # fmt: skip
    assert sent(api, http, event).status_code == 202
    assert [(row.object_reference, row.refund_id) for row in kept(api)] == [("dp_1", None)]


def test_an_event_that_says_little_is_kept_as_little(api: Any, http: TestClient) -> None:
    for number, said in enumerate(({}, {"data": None}, {"data": {}}, {"data": {"object": {}}})):
        assert sent(api, http, {"id": f"evt_{number}", "type": "refund.created", **said}).status_code == 202
    assert len(kept(api)) == 4
