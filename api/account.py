"""One's own account: who one is here, where one is signed in, and one's password."""

import asyncio
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated

import structlog
from fastapi import APIRouter, Path, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from api.desk import Desk, desk_of
from api.desk_pages import EVERYBODY, NO_STORE, FormProblem, form_of, problem_of, show
from api.identity import PASSWORD, SignIn, forget, require
from api.problems import NotForThisRole
from api.sign_in import HOME, caller_of, passwords, signed_in_answer
from returndesk.domain.errors import InvalidInput, NotFound, ReturndeskError
from returndesk.domain.passwords import LENGTH_MIN
from returndesk.domain.people import Actor
from returndesk.store import sign_ins, signing_in
from returndesk.store.sign_ins import OpenSignIn

router = APIRouter(include_in_schema=False)

_ACCOUNT = "/account"
_log = structlog.get_logger("api")
_DONE = {
    "password": "Your password is changed. Wherever else you were signed in, you are not any more.",
    "ended": "That sign-in is ended.",
    "others": "All your other sign-ins are ended.",
}


@dataclass(frozen=True)
class AccountPage:
    """Who somebody is here. `this`: the sign-in of the browser that asks; None for who came with a token."""

    this: SignIn | None
    sign_ins: tuple[OpenSignIn, ...]
    done: str | None
    length_min: int = LENGTH_MIN


@router.get(_ACCOUNT, response_class=HTMLResponse)
async def account(request: Request, actor: Annotated[Actor, require(*EVERYBODY)]) -> Response:
    """Who one is, one's open sign-ins, and the form for another password."""
    return await _page(request, actor)


@router.get(PASSWORD, response_class=HTMLResponse)
async def password_page(
    request: Request, actor: Annotated[Actor, require(*EVERYBODY, before_password=True)]
) -> Response:
    """The same, also for somebody whose password was made for them."""
    return await _page(request, actor)


@router.post(PASSWORD, response_class=HTMLResponse)
async def change_password(
    request: Request, actor: Annotated[Actor, require(*EVERYBODY, before_password=True)]
) -> Response:
    """Take another password: all one's sign-ins end, and this browser gets a new one.

    Whose password was made for them is on the way to their desk; who changes their own stays at their account.
    """
    before = _own_sign_in(request)
    desk, caller = desk_of(request), caller_of(request)
    form = await form_of(request)
    old, new, again = (str(form.get(name) or "") for name in ("old", "new", "again"))
    try:
        if new != again:
            raise InvalidInput(
                "passwords_differ", "These two are not the same. Type the new one twice.", "again"
            )
        begun = await passwords(
            lambda: signing_in.change_password(desk.database, desk.links.keyring, caller, actor.id, old, new)
        )
    except ReturndeskError as error:
        _log.warning("password_refused", actor=actor.id, code=error.code)
        return await _page(request, actor, problem_of(error))
    _log.info("password_changed", actor=actor.id)
    return signed_in_answer(
        request, begun, HOME[actor.role] if before.must_change else f"{_ACCOUNT}?said=password"
    )


@router.post("/account/sign-ins/end-others")
async def end_others(request: Request, actor: Annotated[Actor, require(*EVERYBODY)]) -> Response:
    """End every sign-in of one's own but this one."""
    this = _own_sign_in(request)
    await asyncio.to_thread(_end_others, desk_of(request), this)
    return _back(request, actor, "others")


@router.post("/account/sign-ins/{sign_in_id}/end")
async def end_one(
    sign_in_id: Annotated[str, Path(max_length=40)],
    request: Request,
    actor: Annotated[Actor, require(*EVERYBODY)],
) -> Response:
    """End one sign-in of one's own. What is somebody else's is not there."""
    _own_sign_in(request)
    if not await asyncio.to_thread(_end_one, desk_of(request), actor, sign_in_id):
        raise NotFound(
            "sign_in_not_found", "There is no such open sign-in of yours. Look at your account's page."
        )
    return _back(request, actor, "ended")


def _own_sign_in(request: Request) -> SignIn:
    sign_in: SignIn | None = getattr(request.state, "sign_in", None)
    if sign_in is None:
        raise NotForThisRole(
            "no_sign_in", "This is for somebody who signed in with a password. A token has none to change."
        )
    return sign_in


async def _page(request: Request, actor: Actor, problem: FormProblem | None = None) -> Response:
    this: SignIn | None = getattr(request.state, "sign_in", None)
    opened = () if this is None else await asyncio.to_thread(_open, desk_of(request), actor)
    done = None if problem else _DONE.get(request.query_params.get("said", ""))
    return show(request, actor, "account", AccountPage(this, opened, done), problem=problem)


def _back(request: Request, actor: Actor, said: str) -> Response:
    _log.info("sign_ins_ended", actor=actor.id)
    forget(request)
    return RedirectResponse(f"{_ACCOUNT}?said={said}", HTTPStatus.SEE_OTHER, NO_STORE)


def _open(desk: Desk, actor: Actor) -> tuple[OpenSignIn, ...]:
    with desk.database.read() as session:
        return tuple(sign_ins.open_of(session, actor.id, desk.clock.now()))


def _end_one(desk: Desk, actor: Actor, sign_in_id: str) -> bool:
    with desk.database.write() as session:
        return sign_ins.end(session, sign_in_id, actor.id, desk.clock.now())


def _end_others(desk: Desk, this: SignIn) -> None:
    with desk.database.write() as session:
        sign_ins.end_all(session, this.actor.id, desk.clock.now(), but=this.id)
