"""What all desks share: the frame around a page, forms that become commands, and what is said afterwards.

A form is a command like any other: its hidden `key` is the idempotency key, so that a form sent twice counts once.
What is refused comes back as the same page with the reason on top and everything typed still in its fields; what is
carried out is answered with a redirect, so that a reload sends nothing again.
"""

import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from http import HTTPStatus
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import BaseModel, ValidationError
from sqlmodel import Session
from starlette.datastructures import FormData

from api.commands import STATUS_OF_REFUSAL, ask
from api.desk import Desk, desk_of
from api.problems import status_of
from returndesk.domain.errors import InvalidInput, Refused, ReturndeskError
from returndesk.domain.mistakes import mistakes
from returndesk.domain.people import Actor, Role
from returndesk.domain.rma import parse
from returndesk.domain.stages import CommandKind, Stage
from returndesk.store import commands as store_commands
from returndesk.store.task_pages import messages_to_read

EVERYBODY = (Role.REP, Role.WAREHOUSE, Role.FINANCE, Role.MANAGER, Role.ADMIN)
KEY_FIELD = "key"
NO_STORE = {"Cache-Control": "no-store"}


@dataclass(frozen=True)
class NavLink:
    """A way to a page that is always there. `shortcut`: the letter that follows `g`."""

    title: str
    url: str
    shortcut: str
    roles: frozenset[Role]


_HEAD = frozenset({Role.MANAGER, Role.ADMIN})
NAVIGATION = (
    NavLink("Returns", "/desk/returns", "r", frozenset({Role.REP, Role.FINANCE}) | _HEAD),
    NavLink("Station", "/desk/station", "s", frozenset({Role.WAREHOUSE}) | _HEAD),
    NavLink("Refunds", "/desk/refunds", "f", frozenset({Role.FINANCE}) | _HEAD),
    NavLink("Figures", "/desk/figures", "i", frozenset({Role.FINANCE}) | _HEAD),
    NavLink("Tasks", "/desk/tasks", "t", frozenset(EVERYBODY)),
    NavLink("Approvals", "/desk/approvals", "a", _HEAD),
    NavLink("Causes", "/desk/causes", "c", frozenset({Role.FINANCE}) | _HEAD),
)
"""Every desk's front pages, in their order; who sees which."""


@dataclass(frozen=True)
class Done:
    """A command that the page before sent. `accepted` is None while it is being carried out; `stage`: what it led to."""

    kind: CommandKind
    accepted: bool | None
    sentence: str = ""
    stage: Stage | None = None


@dataclass(frozen=True)
class FormProblem:
    """Why a form was not carried out: a sentence, the fields to correct, coded reasons. Nothing was changed."""

    status: int
    code: str
    sentence: str
    fields: Mapping[str, str] = field(default_factory=dict)
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True)
class Frame:
    """What the frame around a desk's page shows, and what its forms send along.

    `to_read`: how many messages of customers wait to be read by whoever looks, counted no further than a page of tasks.
    """

    actor: Actor
    path: str
    links: tuple[NavLink, ...]
    csrf: str
    done: Done | None = None
    problem: FormProblem | None = None
    typed: Mapping[str, str] = field(default_factory=dict)
    """What was typed into the form that was refused, by field."""
    to_read: int = 0

    def new_key(self) -> str:
        """The idempotency key of one form."""
        return f"form-{secrets.token_hex(12)}"

    def may(self, *roles: str) -> bool:
        """Whether the person at the desk has one of the roles."""
        return self.actor.role in roles


def show(
    request: Request,
    actor: Actor,
    name: str,
    page: object,
    *,
    problem: FormProblem | None = None,
    typed: Mapping[str, str] | None = None,
) -> HTMLResponse:
    """The page `templates/pages/{name}.html` in the desk's frame; with a problem, under the problem's status."""
    desk = desk_of(request)
    frame = replace(
        frame_of(request, actor),
        done=_done(desk, request),
        problem=problem,
        typed=typed or {},
        to_read=_to_read(desk, actor),
    )
    html = desk.renderer.page(name, now=desk.clock.now(), frame=frame, page=page)
    return HTMLResponse(html, HTTPStatus.OK if problem is None else problem.status, headers=NO_STORE)


def frame_of(request: Request, actor: Actor) -> Frame:
    """The frame around whatever is shown to somebody at their desk."""
    sign_in = getattr(request.state, "sign_in", None)
    return Frame(
        actor=actor,
        path=request.url.path,
        links=tuple(link for link in NAVIGATION if actor.role in link.roles),
        csrf="" if sign_in is None else sign_in.csrf,
    )


def _to_read(desk: Desk, actor: Actor) -> int:
    """What customers wrote and a rep is to read; it is nobody else's."""
    if actor.role is not Role.REP:
        return 0
    with desk.database.read() as session:
        return messages_to_read(session)


def _done(desk: Desk, request: Request) -> Done | None:
    command_id = request.query_params.get("done")
    if not command_id or request.method != "GET":
        return None
    with desk.database.read() as session:
        return done(session, command_id)


def done(session: Session, command_id: str) -> Done | None:
    """How a command stands that a form sent; None where there is no such command."""
    found = store_commands.find(session, command_id)
    if found is None:
        return None
    outcome = found.outcome or store_commands.outcome_of(session, command_id)
    if outcome is None:
        return Done(found.ref.kind, accepted=None)
    return Done(found.ref.kind, outcome.accepted, outcome.sentence, outcome.stage)


def with_done(url: str, command_id: str) -> str:
    """The address of a page that says what came of a command."""
    return f"{url}{'&' if '?' in url else '?'}{urlencode({'done': command_id})}"


async def form_of(request: Request) -> FormData:
    """What a form sent: fields only, photos come another way."""
    return await request.form(max_files=0)


def typed_in(form: FormData) -> dict[str, str]:
    """The fields of a form as they were typed, to be shown again. Not the key: what is sent next is another command."""
    return {name: value for name, value in form.items() if isinstance(value, str) and name != KEY_FIELD}


def text_in(form: FormData, name: str) -> str | None:
    """A field's text without blanks around it; None where nothing was typed."""
    value = form.get(name)
    return value.strip() or None if isinstance(value, str) else None


def number_in(form: FormData, name: str) -> int | None:
    """A field's whole number; None where nothing was typed. Raises `InvalidInput` (`not_a_number`)."""
    value = text_in(form, name)
    if value is None:
        return None
    if not value.isascii() or not value.isdigit() or len(value) > 9:
        raise InvalidInput("not_a_number", "Write a whole number, such as 2.", name)
    return int(value)


def instant_in(form: FormData, name: str, zone: str) -> datetime | None:
    """A field's instant, written as a local time of the shop's zone; None where nothing was typed.

    Raises `InvalidInput` (`not_an_instant`).
    """
    value = text_in(form, name)
    if value is None:
        return None
    try:
        written = datetime.fromisoformat(value)
    except ValueError:
        raise InvalidInput(
            "not_an_instant", "Write a day and a time, as in 2026-03-04 10:15.", name
        ) from None
    return written if written.tzinfo is not None else written.replace(tzinfo=ZoneInfo(zone))


def problem_of(error: ReturndeskError | ValidationError) -> FormProblem:
    """What a person is told of an error, and under which status."""
    if isinstance(error, ValidationError):
        found = {mistake.field: mistake.problem for mistake in mistakes(error.errors())}
        said = "; ".join(
            f"{name.replace('_', ' ')}: {problem}" if name else problem for name, problem in found.items()
        )
        return FormProblem(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            "invalid_input",
            f"Nothing was changed. Correct this first: {said.removesuffix('.')}.",
            found,
        )
    named = getattr(error, "field", None)
    return FormProblem(
        status_of(error),
        error.code,
        error.sentence,
        {named: error.sentence} if named else {},
        tuple(error.reasons) if isinstance(error, Refused) else (),
    )


async def send(
    request: Request,
    actor: Actor,
    kind: CommandKind,
    rma: str,
    read: Callable[[FormData], BaseModel],
    *,
    back: str,
    again: Callable[[FormProblem, Mapping[str, str]], Awaitable[Response]],
) -> Response:
    """Carry out what a form asks of a return: on to `back`, or the page `again` with the reason.

    `read` makes the command's input of the form's fields; what it raises is told like any refusal.
    """
    form = await form_of(request)
    try:
        written, outcome = await ask(
            desk_of(request), kind, parse(rma), read(form), actor=actor, key=key_in(form)
        )
    except (ReturndeskError, ValidationError) as error:
        return await again(problem_of(error), typed_in(form))
    if outcome is not None and not outcome.accepted:
        status = STATUS_OF_REFUSAL.get(outcome.code, HTTPStatus.UNPROCESSABLE_ENTITY)
        refused = FormProblem(status, outcome.code, outcome.sentence, reasons=tuple(outcome.reasons))
        return await again(refused, typed_in(form))
    return RedirectResponse(with_done(back, written.ref.command_id), HTTPStatus.SEE_OTHER, NO_STORE)


def key_in(form: FormData) -> str:
    """The form's idempotency key. Raises `InvalidInput` (`form_without_key`)."""
    key = text_in(form, KEY_FIELD)
    if key is None or not key.startswith("form-") or len(key) > 60 or not key.isascii():
        raise InvalidInput(
            "form_without_key",
            "This form is not whole. Nothing was changed. Load the page again and send it anew.",
        )
    return key
