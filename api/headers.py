"""What every answer carries and every request must keep to, as one small ASGI layer: security headers, a size limit, counts."""

from time import perf_counter

from prometheus_client import Counter, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from returndesk.photos import SENT_BYTES_MAX

BODY_LIMIT_BYTES = 2 * 1024 * 1024

REQUESTS = Counter("returndesk_requests", "Answered requests.", ["route", "method", "status"])
SECONDS = Histogram("returndesk_request_seconds", "Time to answer.", ["route"])

_HEADERS = [
    (
        b"content-security-policy",
        b"default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
    ),
    (b"x-content-type-options", b"nosniff"),
    # To others never. A form of ours says where it comes from: under no-referrer a browser would write "Origin: null".
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
]
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_TOO_LARGE_STATUS = 413
_TOO_LARGE = (
    '{{"type":"/problems/too_large","title":"Too large","status":413,"code":"too_large",'
    '"detail":"What is sent to this address may be at most {limit} MiB. Nothing was changed."}}'
)


class Envelope:
    """Around the whole application."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, status = perf_counter(), 500
        length = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
        limit = _limit_bytes(scope)
        if not length.isdigit() or int(length) > limit:
            await _refuse(send, limit)
            return

        received, too_large = 0, False

        async def finish(message: Message) -> None:
            nonlocal status
            if too_large and status != _TOO_LARGE_STATUS:
                status = _TOO_LARGE_STATUS
                await _refuse(send, limit)
            if too_large:
                return
            if message["type"] == "http.response.start":
                status = message["status"]
                given = {name for name, _ in message["headers"]}
                message["headers"] = [*message["headers"], *(h for h in _HEADERS if h[0] not in given)]
            await send(message)

        async def limited() -> Message:
            nonlocal received, too_large
            message = await receive()
            received += len(message.get("body", b""))
            too_large = received > limit
            return {"type": "http.disconnect"} if too_large else message

        try:
            await self._app(scope, limited, finish)
        finally:
            route = getattr(scope.get("route"), "path", "none")
            method = scope["method"] if scope["method"] in _METHODS else "other"
            REQUESTS.labels(route, method, status).inc()
            SECONDS.labels(route).observe(perf_counter() - started)


def _limit_bytes(scope: Scope) -> int:
    """How much may be sent: photos are the only large things."""
    path: str = scope["path"]
    is_photo = path.startswith(("/api/v1/returns/", "/desk/station/")) and path.endswith("/photos")
    return SENT_BYTES_MAX if is_photo else BODY_LIMIT_BYTES


async def _refuse(send: Send, limit_bytes: int) -> None:
    body = _TOO_LARGE.format(limit=limit_bytes // (1024 * 1024)).encode()
    await send({
        "type": "http.response.start",
        "status": _TOO_LARGE_STATUS,
        "headers": [(b"content-type", b"application/problem+json"), *_HEADERS],
    })  # fmt: skip
    await send({"type": "http.response.body", "body": body})
