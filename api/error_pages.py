"""Errors as pages for people: whoever asks for HTML outside the API gets a problem in the shop's words.

Somebody at their desk keeps the desk's frame around it, and reads what they can do there; a customer reads whom to write to.
"""

import json
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.desk import Desk
from api.desk_pages import frame_of
from api.problems import MEDIA_TYPE
from returndesk.domain.people import Actor
from returndesk.store.pages import ErrorPage

_FOR_MACHINES = ("/api/", "/webhooks/", "/healthz", "/readyz", "/metrics", "/static/")
_DESKS = ("/desk", "/account")
_TITLES: dict[int | str, str] = {
    "rma_length": "This is not an RMA number",
    "rma_character": "This is not an RMA number",
    "rma_check": "This is not an RMA number",
    "return_not_found": "There is no such return",
    "forged_request": "This was not sent from here",
    "password_must_change": "Your own password first",
    401: "You are not signed in",
    403: "This is not for you to do",
    404: "This page is not here",
    405: "This page takes nothing like that",
    409: "That is not possible as things stand",
    413: "That is too much at once",
    422: "This cannot be used as it is",
    429: "Too often",
    500: "Something went wrong here",
}


class ErrorPages:
    """Around the routes: a problem document on its way to a browser becomes a page."""

    def __init__(self, app: ASGIApp, known: Callable[[Request], Awaitable[Actor | None]]) -> None:
        self._app = app
        self._known = known

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
                    await self._send_page(scope, start, problem, send)

        await self._app(scope, receive, translated)

    async def _send_page(self, scope: Scope, start: Message, problem: bytes, send: Send) -> None:
        said: dict[str, Any] = json.loads(problem)
        body = (await self._page(scope, said)).encode()
        headers = MutableHeaders(raw=list(start["headers"]))
        headers["content-type"] = "text/html; charset=utf-8"
        headers["content-length"] = str(len(body))
        headers["cache-control"] = "no-store"
        headers.add_vary_header("Accept")
        await send({"type": start["type"], "status": said["status"], "headers": headers.raw})
        await send({"type": "http.response.body", "body": body})

    async def _page(self, scope: Scope, said: dict[str, Any]) -> str:
        desk: Desk = scope["app"].state.desk
        title = _TITLES.get(said["code"]) or _TITLES.get(said["status"], said["title"])
        page = ErrorPage(said["status"], title, said["detail"], said["code"])
        actor = await self._at_desk(scope, said["status"])
        if actor is None:
            return desk.renderer.page("error", now=desk.clock.now(), page=page)
        frame = frame_of(Request(scope), actor)
        return desk.renderer.page("desk_error", now=desk.clock.now(), page=page, frame=frame)

    async def _at_desk(self, scope: Scope, status: int) -> Actor | None:
        """Who is at a desk and reads this. Nobody is looked up while something here is broken."""
        path = scope["path"]
        is_desk = any(path == desk or path.startswith(f"{desk}/") for desk in _DESKS)
        if not is_desk or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return None
        return await self._known(Request(scope))


def is_a_persons(scope: Scope) -> bool:
    """Whether a page is asked for by somebody who looks at it: a browser, outside of what is for programs."""
    accepted = Headers(scope=scope).get("accept", "")
    return "text/html" in accepted and not scope["path"].startswith(_FOR_MACHINES)


def _is_problem(start: Message) -> bool:
    return Headers(raw=start["headers"]).get("content-type") == MEDIA_TYPE
