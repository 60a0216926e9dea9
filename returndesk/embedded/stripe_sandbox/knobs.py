"""What only a sandbox has, under /_sandbox, for programs on this machine alone.

Things that go wrong, banks that decide, and the oracle's view of every refund and request; docs/sandbox.md
shows each with an example.
"""

import json
from collections.abc import Awaitable, Callable, Mapping
from ipaddress import ip_address
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from returndesk.embedded.stripe_sandbox import refunds, webhooks
from returndesk.embedded.stripe_sandbox.disputes import RESULTS, close_dispute, open_dispute
from returndesk.embedded.stripe_sandbox.errors import Invalid, Refusal, missing_resource
from returndesk.embedded.stripe_sandbox.faults import Armed, Fault, Match
from returndesk.embedded.stripe_sandbox.payments import charge_to_refund
from returndesk.embedded.stripe_sandbox.records import Document
from returndesk.embedded.stripe_sandbox.sandbox import Sandbox
from returndesk.embedded.stripe_sandbox.work import Work

COUNT_MAX = 1_000_000
DELAY_MAX = 600.0


class Knobs:
    """The routes under /_sandbox, on one sandbox."""

    def __init__(self, sandbox: Callable[[], Sandbox]) -> None:
        self._sandbox = sandbox

    def routes(self) -> list[Route]:
        """Every knob and every view."""
        posts: dict[str, Callable[[Sandbox, Request, dict[str, Any]], Any]] = {
            "faults": _arm,
            "prune_keys": _prune_keys,
            "dashboard_refund": _dashboard_refund,
            "refunds/{id}/succeed": _succeed,
            "refunds/{id}/fail": _fail,
            "refunds/{id}/cancel": _cancel,
            "refunds/{id}/require_action": _require_action,
            "refunds/{id}/take_details": _take_details,
            "disputes": _open_dispute,
            "disputes/{id}/close": _close_dispute,
            "webhook_endpoint": _set_endpoint,
            "webhooks": _disturb_webhooks,
            "webhooks/redeliver": _redeliver,
        }
        gets: dict[str, Callable[[Sandbox, Request, dict[str, Any]], Any]] = {
            "faults": lambda sandbox, _request, _body: sandbox.faults.listed(),
            "state": _state,
            "requests": _requests,
            "webhooks": lambda sandbox, _request, _body: webhooks.deliveries(sandbox),
        }
        return [
            *(
                Route(f"/_sandbox/{path}", self._serving(knob), methods=["POST"])
                for path, knob in posts.items()
            ),
            *(
                Route(f"/_sandbox/{path}", self._serving(view), methods=["GET"])
                for path, view in gets.items()
            ),
            Route("/_sandbox/faults", self._serving(_disarm), methods=["DELETE"]),
        ]

    def _serving(
        self, knob: Callable[[Sandbox, Request, dict[str, Any]], Any]
    ) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            _refuse_strangers(request)
            body = _json_object(await request.body())
            sandbox = self._sandbox()
            sandbox.turn()
            answer = knob(sandbox, request, body)
            sandbox.wake.set()
            return JSONResponse(answer)

        return endpoint


def _refuse_strangers(request: Request) -> None:
    """Only programs on this machine: not another host, and not a web page in a browser here."""
    here = request.client is not None and ip_address(request.client.host).is_loopback
    if not here or "origin" in request.headers:
        raise Refusal(403, "The sandbox's knobs are for programs on this machine only.")


def _json_object(raw: bytes) -> dict[str, Any]:
    try:
        body = json.loads(raw or b"{}")
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise Invalid("Send a JSON object, or nothing.")
    return body


def _take(
    body: Mapping[str, Any], known: Mapping[str, type | tuple[type, ...]], *required: str
) -> dict[str, Any]:
    """The members of a knob's body, each of its type; says which is missing, unknown or wrong."""
    for name in required:
        if name not in body:
            raise Invalid(f"Missing member: {name}.", param=name)
    for name, value in body.items():
        if name not in known:
            raise Invalid(f"Unknown member: {name}. Known here: {', '.join(known)}.", param=name)
        if not isinstance(value, known[name]) or (isinstance(value, bool) and known[name] is not bool):
            raise Invalid(f"{name} is of the wrong type.", param=name)
    return dict(body)


def _arm(sandbox: Sandbox, _request: Request, body: dict[str, Any]) -> Any:
    wanted = _take(
        body,
        {"fault": str, "count": int, "seconds": (int, float), "pending_reason": str, "match": dict},
        "fault",
    )
    if wanted["fault"] not in set(Fault):
        raise Invalid(f"Unknown fault. Known: {', '.join(Fault)}.", param="fault")
    count, seconds = wanted.get("count", 1), float(wanted.get("seconds", 0))
    reason = wanted.get("pending_reason", "processing")
    if not 1 <= count <= COUNT_MAX:
        raise Invalid(f"count must be between 1 and {COUNT_MAX}.", param="count")
    if not 0 <= seconds <= DELAY_MAX:
        raise Invalid(f"seconds must be between 0 and {DELAY_MAX:.0f}.", param="seconds")
    if reason not in refunds.PENDING_REASONS:
        raise Invalid(f"pending_reason must be one of {', '.join(refunds.PENDING_REASONS)}.")
    match = _take(
        wanted.get("match", {}),
        {"method": str, "path": str, "payment_intent": str, "idempotency_key_prefix": str, "metadata": dict},
    )
    sandbox.faults.arm(Armed(Fault(wanted["fault"]), Match(**match), count, seconds, reason))
    return sandbox.faults.listed()


def _disarm(sandbox: Sandbox, _request: Request, body: dict[str, Any]) -> Any:
    _take(body, {})
    sandbox.faults.disarm_all()
    return sandbox.faults.listed()


def _prune_keys(sandbox: Sandbox, _request: Request, body: dict[str, Any]) -> Any:
    _take(body, {})
    counted = sandbox.records.row("SELECT count(*) AS keys FROM idempotency")
    sandbox.records.run("DELETE FROM idempotency")
    return {"pruned": counted["keys"] if counted else 0}


def _found(work: Work, kind: str, id: str) -> Document:
    found = work.records.find(kind, id)
    if found is None:
        raise missing_resource(kind, id, param="id")
    return found


def _carry_out(sandbox: Sandbox, change: Callable[[Work], Document]) -> Document:
    with sandbox.records.transaction():
        return change(sandbox.work())


def _dashboard_refund(sandbox: Sandbox, _request: Request, body: dict[str, Any]) -> Any:
    wanted = _take(body, {"payment_intent": str, "amount": int, "reason": str}, "payment_intent")
    if wanted.get("amount", 1) < 1:
        raise Invalid("amount must be positive, in minor units.", param="amount")
    return _carry_out(sandbox, lambda work: refunds.create_refund(work, wanted))


def _succeed(sandbox: Sandbox, request: Request, body: dict[str, Any]) -> Any:
    _take(body, {})
    id = request.path_params["id"]
    return _carry_out(sandbox, lambda work: refunds.succeed(work, _found(work, "refund", id)))


def _fail(sandbox: Sandbox, request: Request, body: dict[str, Any]) -> Any:
    reason = _take(body, {"reason": str}).get("reason", "expired_or_canceled_card")
    if reason not in refunds.FAILURE_REASONS:
        raise Invalid(f"reason must be one of {', '.join(refunds.FAILURE_REASONS)}.", param="reason")
    id = request.path_params["id"]
    return _carry_out(sandbox, lambda work: refunds.fail(work, _found(work, "refund", id), reason))


def _cancel(sandbox: Sandbox, request: Request, body: dict[str, Any]) -> Any:
    _take(body, {})
    id = request.path_params["id"]
    return _carry_out(sandbox, lambda work: refunds.cancel(work, _found(work, "refund", id)))


def _require_action(sandbox: Sandbox, request: Request, body: dict[str, Any]) -> Any:
    _take(body, {})
    id = request.path_params["id"]
    return _carry_out(sandbox, lambda work: refunds.require_action(work, _found(work, "refund", id)))


def _take_details(sandbox: Sandbox, request: Request, body: dict[str, Any]) -> Any:
    _take(body, {})
    id = request.path_params["id"]
    return _carry_out(sandbox, lambda work: refunds.take_details(work, _found(work, "refund", id)))


def _open_dispute(sandbox: Sandbox, _request: Request, body: dict[str, Any]) -> Any:
    wanted = _take(
        body, {"payment_intent": str, "charge": str, "amount": int, "reason": str, "inquiry": bool}
    )

    def open_it(work: Work) -> Document:
        charge = charge_to_refund(work, wanted)
        amount_minor: int = wanted.get("amount") or charge["amount_captured"]
        if not 1 <= amount_minor <= charge["amount_captured"]:
            raise Invalid("amount must be between 1 and what was captured.", param="amount")
        inquiry = wanted.get("inquiry", False)
        return open_dispute(work, charge, amount_minor, wanted.get("reason", "fraudulent"), inquiry=inquiry)

    return _carry_out(sandbox, open_it)


def _close_dispute(sandbox: Sandbox, request: Request, body: dict[str, Any]) -> Any:
    outcome = _take(body, {"outcome": str}, "outcome")["outcome"]
    if outcome not in RESULTS:
        raise Invalid(f"outcome must be one of {', '.join(RESULTS)}.", param="outcome")
    id = request.path_params["id"]
    return _carry_out(sandbox, lambda work: close_dispute(work, _found(work, "dispute", id), outcome))


def _set_endpoint(sandbox: Sandbox, _request: Request, body: dict[str, Any]) -> Any:
    wanted = _take(body, {"url": str, "secret": str, "events": list}, "url", "secret")
    endpoint = webhooks.Endpoint(wanted["url"], wanted["secret"], tuple(wanted.get("events", ["*"])))
    webhooks.set_endpoint(sandbox.records, endpoint)
    return {"url": endpoint.url, "events": endpoint.events}


def _disturb_webhooks(sandbox: Sandbox, _request: Request, body: dict[str, Any]) -> Any:
    wanted = _take(body, {"paused": bool, "shuffle": bool, "duplicates": int})
    if not 0 <= wanted.get("duplicates", 0) <= 10:
        raise Invalid("duplicates must be between 0 and 10.", param="duplicates")
    sandbox.records.set("webhooks", webhooks.mode(sandbox) | wanted)
    return webhooks.mode(sandbox)


def _redeliver(sandbox: Sandbox, _request: Request, body: dict[str, Any]) -> Any:
    return {"redelivered": webhooks.redeliver(sandbox, _take(body, {"event": str}).get("event"))}


def _state(sandbox: Sandbox, request: Request, body: dict[str, Any]) -> Any:
    """All refunds, and per payment what its refunds sum to by status, beside what its charge says."""
    _take(body, {})
    only = request.query_params.get("payment_intent")
    where = {"payment_intent": only} if only else {}
    found = sandbox.records.every("refund", **where)
    payments = []
    by_payment: dict[str, dict[str, int]] = {}
    for refund in found:
        sums = by_payment.setdefault(refund["payment_intent"], {})
        sums[refund["status"]] = sums.get(refund["status"], 0) + refund["amount"]
    for charge in sandbox.records.every("charge", **where):
        sums = by_payment.get(charge["payment_intent"], {})
        payments.append(
            {
                "payment_intent": charge["payment_intent"],
                "charge": charge["id"],
                "currency": charge["currency"],
                "captured_minor": charge["amount_captured"],
                "amount_refunded": charge["amount_refunded"],
                "live_refunds_minor": sum(
                    minor for status, minor in sums.items() if status not in ("failed", "canceled")
                ),
                "refunds_minor_by_status": sums,
                "disputed": charge["disputed"],
            }
        )
    return {
        "at": sandbox.work().at,
        "payments": payments,
        "refunds": found,
        "disputes": sandbox.records.every("dispute", **where),
    }


def _requests(sandbox: Sandbox, request: Request, body: dict[str, Any]) -> Any:
    """Every POST under /v1 that was read, in order; ``?after=SEQ`` for the newer ones."""
    _take(body, {})
    after = request.query_params.get("after", "0")
    if not after.isascii() or not after.isdigit():
        raise Invalid("after must be a sequence number.", param="after")
    rows = sandbox.records.rows("SELECT * FROM requests WHERE seq > ? ORDER BY seq", int(after))
    return [
        {
            **row,
            "params": json.loads(row["params"]),
            "replayed": bool(row["replayed"]),
            "answered": bool(row["answered"]),
        }
        for row in rows
    ]
