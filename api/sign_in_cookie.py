"""The cookie of a sign-in: what it is called, how it is set and unset, and that an answer brings its next token.

Over https it is `__Host-`: bound to this host and to TLS by its very name, so that no other host of the shop's domain
can plant one (RFC 6265bis, 4.1.3.2). No script reads it, and no foreign page's form sends it.
"""

from starlette.datastructures import MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from returndesk.store.sign_ins import LASTS


def cookie_name(public_url: str) -> str:
    """What the cookie is called where the pages are at this address."""
    return "__Host-returndesk" if _is_secure(public_url) else "returndesk"


def set_cookie(response: Response, public_url: str, token: str) -> None:
    """Give a browser its token. It may forget it after a shift: the books do too."""
    response.set_cookie(
        cookie_name(public_url),
        token,
        max_age=int(LASTS.total_seconds()),
        path="/",
        secure=_is_secure(public_url),
        httponly=True,
        samesite="lax",
    )


def unset_cookie(response: Response, public_url: str) -> None:
    """Let a browser forget its token."""
    response.delete_cookie(
        cookie_name(public_url), path="/", secure=_is_secure(public_url), httponly=True, samesite="lax"
    )


class SignInCookie:
    """Around the routes: where a sign-in's next token is due, the answer brings it, whatever the answer is.

    What is answered to somebody signed in is kept by no cache, unless its route says otherwise.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        state = scope.setdefault("state", {})

        async def renewing(message: Message) -> None:
            if message["type"] == "http.response.start" and ("sign_in" in state or "new_token" in state):
                headers = MutableHeaders(raw=list(message["headers"]))
                headers.setdefault("Cache-Control", "no-store")
                if "new_token" in state and "set-cookie" not in headers:
                    carrier = Response()
                    set_cookie(carrier, scope["app"].state.desk.links.public_url, state["new_token"])
                    headers.append("Set-Cookie", carrier.headers["Set-Cookie"])
                message = {**message, "headers": headers.raw}
            await send(message)

        await self._app(scope, receive, renewing)


def _is_secure(public_url: str) -> bool:
    return public_url.startswith("https://")
