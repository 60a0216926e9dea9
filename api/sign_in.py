"""Signing in and out, and where somebody's own desk is. Works without a script.

The sign-in form comes from our own page or not at all: otherwise a foreign page could sign a browser in as somebody
else, whose work it would then do. What is wrong with an id or a password is never said apart.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, TypeVar

import structlog
from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.datastructures import FormData

from api.desk import Desk, desk_of
from api.desk_pages import EVERYBODY, NO_STORE, form_of, text_in
from api.identity import (
    PASSWORD,
    SIGN_IN,
    SignIn,
    anybody,
    check_same_origin,
    forget,
    local_path,
    require,
    sign_in_of,
)
from api.problems import status_of
from api.sign_in_cookie import cookie_name, set_cookie, unset_cookie
from returndesk.domain.errors import InvalidInput, ReturndeskError, TooOften
from returndesk.domain.people import Actor, Role
from returndesk.store import sign_ins, signing_in
from returndesk.store.signing_in import Begun, Caller

router = APIRouter(include_in_schema=False)

HOME = {
    Role.REP: "/desk/returns",
    Role.WAREHOUSE: "/desk/station",
    Role.FINANCE: "/desk/refunds",
    Role.MANAGER: "/desk/tasks",
    Role.ADMIN: "/desk/tasks",
}
"""The page that somebody of a role begins their day with."""
T = TypeVar("T")

_log = structlog.get_logger("api")
_PASSWORDS = ThreadPoolExecutor(2, "passwords")
"""A password takes a good deal of processor and memory: however many are sent, two at a time are looked at."""


@dataclass(frozen=True)
class SignInPage:
    """The form, with what was typed into it before, but never the password."""

    following: str
    account: str = ""
    problem: ReturndeskError | None = None
    has_ended: bool = False
    """Whether the browser still has the token of a sign-in that is over."""
    idle_hours: int = int(sign_ins.IDLE.total_seconds() // 3600)
    lasts_hours: int = int(sign_ins.LASTS.total_seconds() // 3600)


def home_of(sign_in: SignIn) -> str:
    """Where somebody signed in begins."""
    return PASSWORD if sign_in.must_change else HOME[sign_in.actor.role]


async def passwords(work: Callable[[], T]) -> T:
    """Do what hashes passwords, away from the event loop and from the threads that wait for the database."""
    return await asyncio.get_running_loop().run_in_executor(_PASSWORDS, work)


def caller_of(request: Request) -> Caller:
    """Where the request comes from, and when: a proxy is believed only where the settings name it."""
    address = "" if request.client is None else request.client.host
    return Caller(address, desk_of(request).clock.now())


@router.get(SIGN_IN, response_class=HTMLResponse, dependencies=[anybody("where people sign in")])
async def sign_in_page(request: Request) -> Response:
    """The form; for somebody signed in, the way on."""
    following = local_path(request.query_params.get("next")) or ""
    signed_in = await sign_in_of(request)
    if signed_in is not None:
        return RedirectResponse(following or home_of(signed_in), HTTPStatus.SEE_OTHER, NO_STORE)
    desk = desk_of(request)
    has_ended = cookie_name(desk.links.public_url) in request.cookies
    return _form(desk, SignInPage(following, has_ended=has_ended))


@router.post(SIGN_IN, response_class=HTMLResponse, dependencies=[anybody("where people sign in")])
async def sign_in(request: Request) -> Response:
    """Begin a sign-in, in the place of the one this browser had; or the form again, with what is wrong."""
    check_same_origin(request)
    desk, caller = desk_of(request), caller_of(request)
    form = await form_of(request)
    following, account = _next_in(form), text_in(form, "account") or ""
    password = form.get("password")
    try:
        if not account or not isinstance(password, str) or not password:
            raise InvalidInput("sign_in_empty", "Type your id and your password.")
        begun = await passwords(
            lambda: signing_in.sign_in(desk.database, desk.links.keyring, caller, account, password)
        )
    except ReturndeskError as error:
        _log.warning("sign_in_refused", code=error.code)
        return _form(desk, SignInPage(following, account, error))
    before = await sign_in_of(request)
    if before is not None:
        await asyncio.to_thread(_end, desk, before)
    _log.info("signed_in", actor=begun.actor.id)
    return signed_in_answer(request, begun, following or HOME[begun.actor.role])


def signed_in_answer(request: Request, begun: Begun, url: str) -> Response:
    """On to a page, with the cookie of a sign-in that began."""
    answer = RedirectResponse(url, HTTPStatus.SEE_OTHER, NO_STORE)
    set_cookie(answer, desk_of(request).links.public_url, begun.token)
    forget(request)
    return answer


@router.post("/sign-out")
async def sign_out(
    request: Request, actor: Annotated[Actor, require(*EVERYBODY, before_password=True)]
) -> Response:
    """End this browser's sign-in; a token stays what it is."""
    desk = desk_of(request)
    sign_in: SignIn | None = getattr(request.state, "sign_in", None)
    if sign_in is not None:
        await asyncio.to_thread(_end, desk, sign_in)
        _log.info("signed_out", actor=actor.id)
    answer = RedirectResponse(SIGN_IN, HTTPStatus.SEE_OTHER, NO_STORE)
    unset_cookie(answer, desk.links.public_url)
    forget(request)
    return answer


@router.get("/desk")
async def desk(actor: Annotated[Actor, require(*EVERYBODY)]) -> Response:
    """The way to one's own desk."""
    return RedirectResponse(HOME[actor.role], HTTPStatus.SEE_OTHER, NO_STORE)


def _next_in(form: FormData) -> str:
    given = form.get("next")
    return (local_path(given) if isinstance(given, str) else None) or ""


def _form(desk: Desk, page: SignInPage) -> HTMLResponse:
    html = desk.renderer.page("sign_in", now=desk.clock.now(), page=page)
    status = HTTPStatus.OK if page.problem is None else status_of(page.problem)
    headers = dict(NO_STORE)
    if isinstance(page.problem, TooOften):
        headers["Retry-After"] = str(page.problem.again_after_s)
    return HTMLResponse(html, status, headers)


def _end(desk: Desk, sign_in: SignIn) -> None:
    with desk.database.write() as session:
        sign_ins.end(session, sign_in.id, sign_in.actor.id, desk.clock.now())
