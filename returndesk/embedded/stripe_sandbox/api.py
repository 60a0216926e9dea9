"""Stripe's API under /v1: authentication, the idempotency layer, and answers in Stripe's shapes.

Idempotency as docs.stripe.com/api/idempotent_requests has it: the answer of an execution that began is stored
with its change, in one transaction, and replayed for 24 hours, refusals and 500s included; validation errors,
conflicts and 429s are not stored; a key used again for something else is an error.
"""

import asyncio
import base64
import binascii
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from returndesk.embedded.stripe_sandbox import errors, params
from returndesk.embedded.stripe_sandbox.errors import Invalid, Refusal
from returndesk.embedded.stripe_sandbox.expansion import expand
from returndesk.embedded.stripe_sandbox.faults import Fault, Target
from returndesk.embedded.stripe_sandbox.payments import PAYMENT_INTENT_PARAMS, create_payment_intent
from returndesk.embedded.stripe_sandbox.records import Document, to_json
from returndesk.embedded.stripe_sandbox.refunds import (
    REFUND_CANCEL_PARAMS,
    REFUND_PARAMS,
    REFUND_UPDATE_PARAMS,
    cancel_on_request,
    create_refund,
    update_refund,
)
from returndesk.embedded.stripe_sandbox.sandbox import Sandbox
from returndesk.embedded.stripe_sandbox.work import API_VERSION, Work, new_id

KEY_KEPT_FOR = 86_400
KEY_LENGTH_MAX = 255

# Where the server tells how to cut the connection under a request (see app.HangUpProtocol).
HANG_UP = "stripe_sandbox.hang_up"

_PAGE_PARAMS: Final = {
    "created": params.instants,
    "ending_before": params.text,
    "expand": params.texts,
    "limit": params.page_size,
    "starting_after": params.text,
}
_LISTS: Final[dict[str, dict[str, params.Check]]] = {
    "payment_intent": {},
    "charge": {"payment_intent": params.text},
    "refund": {"payment_intent": params.text, "charge": params.text},
    "dispute": {"payment_intent": params.text, "charge": params.text},
    "event": {"type": params.text, "types": params.texts},
}


@dataclass(slots=True)
class Call:
    """One POST on its way through the layers; ``wanted`` is filled by validation."""

    request_id: str
    api_key: str
    target: Target
    object_id: str | None
    wanted: dict[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> str | None:
        """The idempotency key sent."""
        return self.target.idempotency_key

    def params_hash(self) -> str:
        """Equal for two requests with the same parameters, in whatever order."""
        return hashlib.sha256(json.dumps(self.target.form, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer's status and bytes; ``replay_of`` names the request whose answer it repeats."""

    status: int
    body: str
    replay_of: str | None = None

    @classmethod
    def refusing(cls, refusal: Refusal) -> "Reply":
        """The answer that a refusal is."""
        return cls(refusal.status, to_json(refusal.body()))


@dataclass(frozen=True, slots=True)
class Operation:
    """One kind of POST: the parameters it takes and what carries it out."""

    run: Callable[[Sandbox, Work, Call], Document]
    known: Mapping[str, params.Check]
    required: tuple[str, ...] = ()


class HangUp(Response):
    """No answer at all: the connection is cut, as when the network fails after Stripe has done its work."""

    async def __call__(self, scope: Scope, receive: Receive, _send: Send) -> None:
        """Cut the connection and wait until the server has noticed."""
        server = scope.get("extensions", {}).get(HANG_UP)
        if server is None:
            raise ConnectionAbortedError("this server cannot cut a connection; run the app by build_server")
        server["cut"]()
        while (await receive())["type"] != "http.disconnect":
            pass


def _create_payment_intent(_sandbox: Sandbox, work: Work, call: Call) -> Document:
    return create_payment_intent(work, call.wanted)


def _create_refund(sandbox: Sandbox, work: Work, call: Call) -> Document:
    if armed := sandbox.faults.take(Fault.PENDING, call.target):
        return create_refund(work, call.wanted, begins="pending", pending_reason=armed.pending_reason)
    if sandbox.faults.take(Fault.REQUIRES_ACTION, call.target):
        return create_refund(work, call.wanted, begins="requires_action")
    return create_refund(work, call.wanted)


def _on_refund(change: Callable[[Work, Document, dict[str, Any]], Document]) -> Callable[..., Document]:
    def run(_sandbox: Sandbox, work: Work, call: Call) -> Document:
        return change(work, _found(work, "refund", call.object_id or ""), call.wanted)

    return run


CREATE_PAYMENT_INTENT: Final = Operation(
    _create_payment_intent, PAYMENT_INTENT_PARAMS, ("amount", "currency")
)
CREATE_REFUND: Final = Operation(_create_refund, REFUND_PARAMS)
UPDATE_REFUND: Final = Operation(_on_refund(update_refund), REFUND_UPDATE_PARAMS)
CANCEL_REFUND: Final = Operation(_on_refund(cancel_on_request), REFUND_CANCEL_PARAMS)


def _found(work: Work, kind: str, id: str) -> Document:
    found = work.records.find(kind, id)
    if found is None:
        raise errors.missing_resource(kind, id, param="intent" if kind == "payment_intent" else "id")
    return found


class Api:
    """The routes under /v1, on one sandbox."""

    def __init__(self, sandbox: Callable[[], Sandbox]) -> None:
        self._sandbox = sandbox

    def routes(self) -> list[Route]:
        """Every call this sandbox has; all else is answered 404."""
        routes = [Route("/v1/account", self._account, methods=["GET"])]
        posts = [
            ("/v1/payment_intents", CREATE_PAYMENT_INTENT),
            ("/v1/refunds", CREATE_REFUND),
            ("/v1/refunds/{id}", UPDATE_REFUND),
            ("/v1/refunds/{id}/cancel", CANCEL_REFUND),
        ]
        routes += [Route(path, self._posting(operation), methods=["POST"]) for path, operation in posts]
        for kind in (*_LISTS, "balance_transaction"):
            routes.append(Route(f"/v1/{kind}s/{{id}}", self._reading(kind), methods=["GET"]))
        routes += [Route(f"/v1/{kind}s", self._listing(kind), methods=["GET"]) for kind in _LISTS]
        return routes

    def _posting(self, operation: Operation) -> Callable[..., Any]:
        async def endpoint(request: Request) -> Response:
            return await self._post(request, operation)

        return endpoint

    def _reading(self, kind: str) -> Callable[..., Any]:
        def read(work: Work, request: Request, form: dict[str, Any]) -> Document:
            wanted = params.check(form, {"expand": params.texts})
            return expand(
                work.records, _found(work, kind, request.path_params["id"]), wanted.get("expand", [])
            )

        return self._getting(read)

    def _listing(self, kind: str) -> Callable[..., Any]:
        def read(work: Work, _request: Request, form: dict[str, Any]) -> Document:
            return _list(work, kind, params.check(form, _LISTS[kind] | _PAGE_PARAMS))

        return self._getting(read)

    def _getting(self, read: Callable[[Work, Request, dict[str, Any]], Document]) -> Callable[..., Any]:
        async def endpoint(request: Request) -> Response:
            sandbox = self._sandbox()
            _authenticate(request, sandbox)
            form = params.parse_form(request.url.query)
            target = Target("GET", request.url.path, None, form)
            lose = sandbox.faults.take(Fault.LOSE_ANSWER, target)
            if refusal := _turned_away(sandbox, target):
                raise refusal
            if delay := sandbox.faults.take(Fault.DELAY, target):
                await asyncio.sleep(delay.seconds)
            sandbox.turn()
            document = read(sandbox.work(), request, form)
            return HangUp() if lose else respond(Reply(200, to_json(document)), new_id("req_"))

        return endpoint

    async def _account(self, request: Request) -> Response:
        _authenticate(request, self._sandbox())
        account = {
            "id": "acct_sandbox",
            "object": "account",
            "charges_enabled": True,
            "country": "GB",
            "default_currency": "gbp",
            "details_submitted": True,
            "metadata": {},
            "payouts_enabled": True,
            "type": "standard",
        }
        return respond(Reply(200, to_json(account)), new_id("req_"))

    async def _post(self, request: Request, operation: Operation) -> Response:
        sandbox = self._sandbox()
        api_key = _authenticate(request, sandbox)
        key = request.headers.get("idempotency-key")
        target = Target("POST", request.url.path, key, params.parse_form(await request.body()))
        call = Call(new_id("req_"), api_key, target, request.path_params.get("id"))
        lose = sandbox.faults.take(Fault.LOSE_ANSWER, target) is not None
        sandbox.turn()
        reply = _answer_before_execution(sandbox, call, operation)
        if reply is None:
            await _delay(sandbox, call)
            reply = _execute(sandbox, call, operation, answered=not lose)
        else:
            _log(sandbox, call, reply, answered=not lose)
        return HangUp() if lose else respond(reply, call.request_id, key)


def _authenticate(request: Request, sandbox: Sandbox) -> str:
    scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
    api_key = credentials
    if scheme.lower() == "basic":
        try:
            api_key = base64.b64decode(credentials).decode().partition(":")[0]
        except (binascii.Error, UnicodeDecodeError):
            api_key = ""
    if not api_key:
        raise errors.unauthorized(None)
    allowed = api_key in sandbox.api_keys if sandbox.api_keys else api_key.startswith("sk_test_")
    if not allowed:
        raise errors.unauthorized(api_key)
    return api_key


def _turned_away(sandbox: Sandbox, target: Target) -> Refusal | None:
    if sandbox.faults.take(Fault.RATE_LIMIT, target):
        return errors.rate_limited()
    if sandbox.faults.take(Fault.SERVER_ERROR_BEFORE, target):
        return errors.server_error()
    return None


def _answer_before_execution(sandbox: Sandbox, call: Call, operation: Operation) -> Reply | None:
    """The answer of a request that is not carried out: turned away, in conflict, replayed or invalid."""
    try:
        if refusal := _turned_away(sandbox, call.target):
            raise refusal
        if call.key is not None and (stored := _stored_reply(sandbox, call, call.key)):
            return stored
        call.wanted = params.check(call.target.form, operation.known, operation.required)
    except Refusal as refusal:
        return Reply.refusing(refusal)
    return None


def _stored_reply(sandbox: Sandbox, call: Call, key: str) -> Reply | None:
    if not 1 <= len(key) <= KEY_LENGTH_MAX:
        raise Invalid(f"Idempotency keys can have up to {KEY_LENGTH_MAX} characters.")
    if (call.api_key, key) in sandbox.keys_in_flight or sandbox.faults.take(Fault.CONFLICT, call.target):
        raise errors.key_in_use(key)
    stored = sandbox.records.row(
        "SELECT path, params_hash, request_id, status, body FROM idempotency "
        "WHERE api_key = ? AND key = ? AND created > ?",
        call.api_key,
        key,
        sandbox.work().at - KEY_KEPT_FOR,
    )
    if stored is None:
        return None
    if stored["path"] != call.target.path:
        raise errors.key_reused(key, f"for the same endpoint ('{stored['path']}')")
    if stored["params_hash"] != call.params_hash():
        raise errors.key_reused(key, "with the same parameters")
    return Reply(stored["status"], stored["body"], stored["request_id"])


async def _delay(sandbox: Sandbox, call: Call) -> None:
    armed = sandbox.faults.take(Fault.DELAY, call.target)
    if armed is None:
        return
    claim = (call.api_key, call.key or call.request_id)
    sandbox.keys_in_flight.add(claim)
    try:
        await asyncio.sleep(armed.seconds)
    finally:
        sandbox.keys_in_flight.discard(claim)


def _execute(sandbox: Sandbox, call: Call, operation: Operation, *, answered: bool) -> Reply:
    """Carry out the operation; change, events, stored answer and log row are kept together or not at all."""
    work = sandbox.work(request_id=call.request_id, idempotency_key=call.key)
    with sandbox.records.transaction():
        keep_answer = call.key is not None
        # Taken out here: undone with the operation, it would be armed still in the file and used up in memory.
        breaks = sandbox.faults.take(Fault.SERVER_ERROR_DURING, call.target) is not None
        try:
            with sandbox.records.savepoint():
                document = operation.run(sandbox, work, call)
                body = to_json(expand(sandbox.records, document, call.wanted.get("expand", [])))
                if breaks:
                    raise errors.server_error()
            reply = Reply(200, body)
            if sandbox.faults.take(Fault.SERVER_ERROR_AFTER, call.target):
                reply = Reply.refusing(errors.server_error())
        except Refusal as refusal:
            reply = Reply.refusing(refusal)
            keep_answer = keep_answer and not isinstance(refusal, Invalid)
        if keep_answer:
            sandbox.records.run(
                "INSERT OR REPLACE INTO idempotency VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                call.api_key,
                call.key,
                call.target.path,
                call.params_hash(),
                work.at,
                call.request_id,
                reply.status,
                reply.body,
            )
        _log(sandbox, call, reply, answered=answered)
    sandbox.wake.set()
    return reply


def _log(sandbox: Sandbox, call: Call, reply: Reply, *, answered: bool) -> None:
    sandbox.records.run(
        "INSERT INTO requests (request_id, at, path, idempotency_key, params, status, replayed, answered) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        call.request_id,
        sandbox.work().at,
        call.target.path,
        call.key,
        to_json(call.target.form),
        reply.status,
        reply.replay_of is not None,
        answered,
    )


def _list(work: Work, kind: str, wanted: dict[str, Any]) -> Document:
    if "starting_after" in wanted and "ending_before" in wanted:
        raise Invalid("You may only specify one of these parameters: starting_after, ending_before.")
    data, has_more = work.records.page(
        kind,
        {name: wanted[name] for name in ("payment_intent", "charge") if name in wanted},
        types=[wanted["type"]] if "type" in wanted else wanted.get("types", []),
        created=wanted.get("created", {}),
        size=wanted.get("limit", params.PAGE_DEFAULT),
        after=_place(work, kind, wanted, "starting_after"),
        before=_place(work, kind, wanted, "ending_before"),
    )
    page: Document = {"object": "list", "data": data, "has_more": has_more, "url": f"/v1/{kind}s"}
    return expand(work.records, page, wanted.get("expand", []))


def _place(work: Work, kind: str, wanted: dict[str, Any], param: str) -> int | None:
    if param not in wanted:
        return None
    place = work.records.place(kind, wanted[param])
    if place is None:
        raise errors.missing_resource(kind, wanted[param], param=param, status=400)
    return place


def respond(reply: Reply, request_id: str, idempotency_key: str | None = None) -> Response:
    """The answer with Stripe's headers."""
    headers = {"Request-Id": request_id, "Stripe-Version": API_VERSION}
    if idempotency_key:
        headers["Idempotency-Key"] = idempotency_key
    if reply.replay_of:
        headers |= {"Idempotent-Replayed": "true", "Original-Request": reply.replay_of}
    return Response(reply.body, reply.status, headers, media_type="application/json")
