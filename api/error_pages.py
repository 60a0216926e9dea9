"""Errors as pages for people: whoever asks for HTML outside the API gets a problem in the shop's words."""

import json
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import MEDIA_TYPE
from returndesk.store.pages import ErrorPage

_FOR_MACHINES = ("/api/", "/webhooks/", "/healthz", "/readyz", "/metrics", "/static/")
_TITLES: dict[int | str, str] = {
    "forged_request": "This was not sent from here",
    "password_must_change": "Your own password first",
    401: "You are not signed in",
    403: "This is not for you to do",
    404: "This page is not here",
    429: "Too often",
    500: "Something went wrong here",
}


class ErrorPages:
    """Around the routes: a problem document on its way to a browser becomes a page."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or not is_a_persons(scope):
            await self._app(scope, receive, send)
            return
        start: Message | None = None
        problem = b""

        async def translated(message: Message) -> None:
            nonlocal start, problem
            if message["type"] == "http.response.start" and _is_problem(message):
                start = message
            elif start is None:
                await send(message)
            else:
                problem += message.get("body", b"")
                if not message.get("more_body", False):
                    await _send_page(scope, start, problem, send)

        await self._app(scope, receive, translated)


def is_a_persons(scope: Scope) -> bool:
    """Whether a page is asked for by somebody who looks at it: a browser, outside of what is for programs."""
    accepted = Headers(scope=scope).get("accept", "")
    return "text/html" in accepted and not scope["path"].startswith(_FOR_MACHINES)


def _is_problem(start: Message) -> bool:
    return Headers(raw=start["headers"]).get("content-type") == MEDIA_TYPE


async def _send_page(scope: Scope, start: Message, problem: bytes, send: Send) -> None:
    said: dict[str, Any] = json.loads(problem)
    desk = scope["app"].state.desk
    title = _TITLES.get(said["code"]) or _TITLES.get(said["status"], said["title"])
    page = ErrorPage(said["status"], title, said["detail"], said["code"])
    body = desk.renderer.page("error", now=desk.clock.now(), page=page).encode()
    headers = MutableHeaders(raw=list(start["headers"]))
    headers["content-type"] = "text/html; charset=utf-8"
    headers["content-length"] = str(len(body))
    headers["cache-control"] = "no-store"
    headers.add_vary_header("Accept")
    await send({"type": start["type"], "status": said["status"], "headers": headers.raw})
    await send({"type": "http.response.body", "body": body})
