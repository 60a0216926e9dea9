"""Who calls, and whether they may: every route says it, with `require(roles)` or with `anybody(why)`.

Somebody is known by a bearer token, or by the cookie of a sign-in. What a cookie alone proves a foreign page can use
too, so whatever changes something is believed with a cookie only when it also brings the sign-in's own CSRF token
and comes from our own pages. A token or cookie is looked up at most once a second: an ended one stops working within
a second. Only good ones are remembered, by their hash, so nobody fills the memory with guesses.
"""

import asyncio
import hmac
import time
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Generic, TypeVar, cast
from urllib.parse import quote, urlencode, urlsplit

from fastapi import Depends, FastAPI, Request
from fastapi.responses import RedirectResponse
from fastapi.security import HTTPBearer
from fastapi.security.base import SecurityBase

from api.desk import Desk
from api.error_pages import is_a_persons
from api.problems import Forged, NotForThisRole, NotSignedIn, PasswordFirst
from api.sign_in_cookie import SignInCookie, cookie_name
from returndesk.domain.people import NOBODY_SIGNS_IN_AS, Actor, Role
from returndesk.store import sign_ins, tokens
from returndesk.store.database import Database

SIGN_IN, PASSWORD = "/sign-in", "/account/password"
CSRF_FIELD, CSRF_HEADER = "csrf", "X-CSRF-Token"

_REMEMBER_S = 1.0
_REMEMBERED_MAX = 10_000
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")
_FILES_MAX = 20
"""In a form; how much they hold is limited for every request."""
_NEXT_MAX = 500
T = TypeVar("T")

_bearer = HTTPBearer(auto_error=False, description="A token made with `returndesk token create`.")


@dataclass(frozen=True)
class SignIn:
    """The sign-in of a browser. `csrf`: what its forms send along; it stays the same for as long as it lasts."""

    id: str
    actor: Actor
    csrf: str
    must_change: bool


class Remembered(Generic[T]):
    """What was good a moment ago, by hash. One of each kind for each app."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[float, T]] = {}

    def get(self, token_hash: str) -> T | None:
        """Whose it was, within the last second."""
        looked_up_at, known = self._known.get(token_hash, (0.0, None))
        return known if time.monotonic() - looked_up_at <= _REMEMBER_S else None

    def put(self, token_hash: str, known: T) -> None:
        """Remember it for a second."""
        if len(self._known) >= _REMEMBERED_MAX:
            self._known.clear()
        self._known[token_hash] = (time.monotonic(), known)

    def forget(self) -> None:
        """Look everything up again: something was ended."""
        self._known.clear()


class ElsewhereFirst(Exception):
    """A person who visits a page is sent to another one first."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.url = url


class Required(SecurityBase):
    """Somebody whose role may; `roles` is there for tests and the printed matrix to read.

    One dependency for token or cookie, actor and role, not a chain of three: FastAPI solves each anew for every
    request. `before_password`: also for somebody who still has to take a password of their own.
    """

    def __init__(self, roles: frozenset[Role], *, before_password: bool = False) -> None:
        self.model, self.scheme_name = _bearer.model, _bearer.scheme_name
        self.roles = roles
        self._before_password = before_password

    async def __call__(self, request: Request) -> Actor:
        """The actor, where their role may.

        Raises `NotSignedIn`, `NotForThisRole`, `Forged`, `PasswordFirst`, or `ElsewhereFirst` for a page's visitor.
        """
        sent = await _bearer(request)
        if sent is not None:
            actor = await _token_actor(request, sent.credentials)
        else:
            actor = await self._signed_in_actor(request)
        if actor.role not in self.roles:
            allowed = ", ".join(sorted(self.roles))
            raise NotForThisRole(
                "role_not_allowed",
                f"This is for: {allowed}. You are here as {actor.id}, whose role is {actor.role}. Ask somebody who may.",
            )
        return actor

    async def _signed_in_actor(self, request: Request) -> Actor:
        sign_in = await sign_in_of(request)
        visits = request.method == "GET" and is_a_persons(request.scope)
        if sign_in is None:
            if visits:
                raise ElsewhereFirst(f"{SIGN_IN}?{urlencode({'next': _here(request)})}")
            raise _not_signed_in(request)
        if request.method not in _SAFE:
            await _check_not_forged(request, sign_in)
        if sign_in.must_change and not self._before_password:
            if visits:
                raise ElsewhereFirst(PASSWORD)
            raise PasswordFirst(
                "password_must_change",
                "Your password was made for you. Take your own first, on your account's page.",
            )
        request.state.sign_in = sign_in
        return sign_in.actor


class Anybody:
    """Let everybody in, known or not; `why` is there for whoever reads the role matrix."""

    def __init__(self, why: str) -> None:
        self.why = why

    async def __call__(self) -> None:
        """Nothing is asked."""


def require(*roles: Role, before_password: bool = False) -> Any:
    """Let only these roles in: what `Annotated` takes beside the type of a route's actor.

    Roles that nobody signs in with come in by other doors, never by this one.
    """
    return Depends(Required(frozenset(roles) - NOBODY_SIGNS_IN_AS, before_password=before_password))


def anybody(why: str) -> Any:
    """Let everybody in, for a reason: what `dependencies` takes of a route or a router."""
    return Depends(Anybody(why))


def install(app: FastAPI) -> None:
    """Let an app know people by their cookie: it is renewed on answers, and visitors are sent where they sign in."""
    app.add_exception_handler(ElsewhereFirst, cast(Any, _elsewhere))
    app.add_middleware(SignInCookie)


def csrf_of(request: Request) -> str:
    """What a page's forms send along in `csrf`; empty for who came with a bearer token, and need none."""
    sign_in: SignIn | None = getattr(request.state, "sign_in", None)
    return "" if sign_in is None else sign_in.csrf


async def sign_in_of(request: Request) -> SignIn | None:
    """The sign-in that the request's cookie names, where it is a good one. It proves nobody's intent: see `Forged`."""
    if not request.cookies:
        return None
    state = request.app.state
    desk: Desk = state.desk
    token = request.cookies.get(cookie_name(desk.links.public_url))
    if token is None:
        return None
    remembered = _remembered(request, "sign_ins")
    digest = sign_ins.token_hash(token)
    known: SignIn | None = remembered.get(digest)
    if known is None:
        found = await asyncio.to_thread(
            sign_ins.identify, desk.database, desk.links.keyring, token, desk.clock.now()
        )
        if found is None:
            return None
        if found.next_token is not None:
            request.state.new_token = found.next_token
        csrf = desk.links.keyring.digest("csrf", found.id)
        known = SignIn(found.id, found.actor, csrf, found.must_change)
        remembered.put(digest, known)
    return known


async def known(request: Request) -> Actor | None:
    """Who asks, where they are known: for a page that says why it has nothing for them. Nothing is allowed by it."""
    sent = await _bearer(request)
    if sent is not None:
        try:
            return await _token_actor(request, sent.credentials)
        except NotSignedIn:
            return None
    sign_in = await sign_in_of(request)
    if sign_in is None or sign_in.must_change:
        return None
    request.state.sign_in = sign_in
    return sign_in.actor


def forget(request: Request) -> None:
    """Look sign-ins up again: one was ended here. Other processes follow within a second."""
    _remembered(request, "sign_ins").forget()


def check_same_origin(request: Request) -> None:
    """Raises `Forged` unless the browser says that the request comes from a page of ours."""
    site = request.headers.get("Sec-Fetch-Site") or None
    origin = request.headers.get("Origin") or None
    # "null" is what a browser writes of pages that hide where they are: then the other header has to say it.
    comes_from_ours = origin in _origins(request) or (origin in (None, "null") and site == "same-origin")
    if not comes_from_ours or site not in (None, "same-origin"):
        raise _forged()


def local_path(text: str | None) -> str | None:
    """A path of this application that somebody may be sent to, as it was given; None for anything else."""
    if not text or len(text) > _NEXT_MAX or not text.startswith("/") or text.startswith("//"):
        return None
    if "\\" in text or not text.isascii() or not text.isprintable() or " " in text:
        return None
    try:
        parts = urlsplit(text)
    except ValueError:
        return None
    is_sign_in = parts.path in (SIGN_IN, "/sign-out")
    return None if parts.scheme or parts.netloc or is_sign_in else text


async def _check_not_forged(request: Request, sign_in: SignIn) -> None:
    if request.headers.get("Sec-Fetch-Site") or request.headers.get("Origin"):
        check_same_origin(request)
    sent = request.headers.get(CSRF_HEADER)
    if sent is None and request.headers.get("Content-Type", "").startswith(_FORMS):
        field = (await request.form(max_files=_FILES_MAX)).get(CSRF_FIELD)
        sent = field if isinstance(field, str) else None
    if sent is None or not hmac.compare_digest(sent.encode(), sign_in.csrf.encode()):
        raise _forged()


def _forged() -> Forged:
    return Forged(
        "forged_request",
        "This does not come from a page of the desk that you have open, as far as can be told, so nothing was done. "
        "Load the page again, and send it from there.",
    )


def _origins(request: Request) -> set[str]:
    """Where our own pages are: as customers see them, and as this request addressed us."""
    public = urlsplit(request.app.state.desk.links.public_url)
    return {f"{public.scheme}://{public.netloc}", f"{request.url.scheme}://{request.headers.get('Host', '')}"}


async def _elsewhere(_request: Request, error: ElsewhereFirst) -> RedirectResponse:
    return RedirectResponse(error.url, HTTPStatus.SEE_OTHER, {"Cache-Control": "no-store"})


def _here(request: Request) -> str:
    query = f"?{request.url.query}" if request.url.query else ""
    return f"{quote(request.url.path)}{query}"


def _not_signed_in(request: Request) -> NotSignedIn:
    if is_a_persons(request.scope):
        return NotSignedIn(
            "not_signed_in",
            "Nothing was done: your sign-in is over. Sign in, and send it again from its page.",
        )
    if request.cookies:
        return NotSignedIn("not_signed_in", "Your sign-in is over. Sign in again.")
    return NotSignedIn("not_signed_in", "Send a token: Authorization: Bearer rdk_…")


async def _token_actor(request: Request, secret: str) -> Actor:
    """The actor whose bearer token was sent."""
    remembered = _remembered(request, "tokens")
    token_hash = tokens.token_hash(secret)
    actor: Actor | None = remembered.get(token_hash)
    if actor is None:
        actor = await asyncio.to_thread(_look_up, request.app.state.desk.database, secret)
        remembered.put(token_hash, actor)
    return actor


def _look_up(database: Database, secret: str) -> Actor:
    with database.read() as session:
        actor = tokens.identify(session, secret)
    if actor is None:
        raise NotSignedIn("token_unknown", "This token is not known, or was revoked. Ask for a new one.")
    return actor


def _remembered(request: Request, kind: str) -> Remembered[Any]:
    state = request.app.state
    if not hasattr(state, "remembered"):
        state.remembered = {"tokens": Remembered(), "sign_ins": Remembered()}
    found: Remembered[Any] = state.remembered[kind]
    return found
