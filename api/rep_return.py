"""One return on one screen: read live, claimed, noted upon, and its mails as the customer got them."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from email.message import EmailMessage
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Path, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import ValidationError
from sqlmodel import Session

from api.desk import Desk, desk_of
from api.desk_pages import (
    EVERYBODY,
    NO_STORE,
    FormProblem,
    form_of,
    key_in,
    problem_of,
    show,
    text_in,
    typed_in,
)
from api.framed_mail import framed
from api.identity import require
from api.live import mark, stream
from api.notes import keep_note
from api.rep import KNOWS_CUSTOMERS, READERS
from api.return_commands import Rma
from returndesk.domain.errors import NotFound, Refused, ReturndeskError
from returndesk.domain.inputs import DecidedItem
from returndesk.domain.people import MAY, Actor, Role
from returndesk.domain.rma import parse
from returndesk.domain.stages import CommandKind
from returndesk.messages import Outcome
from returndesk.rendering import Links
from returndesk.store import claims
from returndesk.store.cases import Case
from returndesk.store.commands import request_of
from returndesk.store.rep_return import DeskPage, case_to_read, desk_mark, desk_page
from returndesk.store.rep_talk import mail_to_show
from returndesk.store.settlement_preview import PreviewView, decision_preview

router = APIRouter(include_in_schema=False)

Reader = Annotated[Actor, require(*READERS)]


@dataclass(frozen=True)
class Preview:
    """What the verdicts that stand in the form would pay, or why they cannot be carried out like that."""

    view: PreviewView | None
    needs_approval: bool = False
    sentence: str = ""


@dataclass(frozen=True)
class ReturnView:
    """The page with what depends on who looks. `blocked_by`: who has claimed it, where that is somebody else.

    `seen`: what it shows, for its stream.
    """

    seen: str
    desk: DeskPage
    knows_customer: bool
    status_url: str | None
    preview: Preview | None
    blocked_by: claims.Holder | None
    said_of: Mapping[int, str]
    """What was typed as the verdict of each lot."""

    def blocks(self, kind: str) -> claims.Holder | None:
        """Who would have to be asked before somebody else does this: whose claim it is, and who may do it too."""
        holder = self.blocked_by
        return holder if holder is not None and holder.role in MAY[CommandKind(kind)] else None


@router.get("/desk/returns/{rma}", response_class=HTMLResponse)
def one(rma: Rma, request: Request, actor: Annotated[Actor, require(*EVERYBODY)]) -> Response:
    """Everything about a return. The warehouse has it at its station."""
    desk, canonical = desk_of(request), parse(rma)
    if actor.role is Role.WAREHOUSE:
        return RedirectResponse(f"/desk/station/{canonical}", 303, NO_STORE)
    try:
        answer = return_page(request, actor, canonical)
    except NotFound:
        return _not_there(request, actor, canonical)
    with desk.database.transaction() as connection:
        claims.is_here(connection, canonical, actor, desk.clock.now())
    return answer


@router.get("/desk/live/returns/{rma}")
async def lives(rma: Rma, request: Request, actor: Reader) -> Response:
    """Says when something of a return is new, and to others that somebody looks at it."""
    desk, canonical = desk_of(request), parse(rma)

    def look(session: Session) -> str:
        return desk_mark(session, canonical, actor.id, desk.clock.now())

    def here() -> None:
        with desk.database.transaction() as connection:
            if claims.is_known(connection, canonical):
                claims.is_here(connection, canonical, actor, desk.clock.now())

    return await stream(request, look, here)


@router.get("/desk/returns/{rma}/mails/{number}", response_class=HTMLResponse)
def mail(
    rma: Rma,
    number: Annotated[int, Path(ge=1, le=1_000_000)],
    request: Request,
    _actor: Annotated[Actor, require(*KNOWS_CUSTOMERS)],
) -> Response:
    """A mail as the customer got it, or gets it, alone: for a sandboxed frame."""
    desk, canonical = desk_of(request), parse(rma)
    with desk.database.read() as session:
        shown = mail_to_show(session, canonical, number)
    message = desk.renderer.notice(
        shown.facts,
        shown.recipient,
        links=Links(desk.links.status(canonical), desk.links.slip(canonical)),
        now=shown.settled_at or desk.clock.now(),
        message_id=f"<{canonical}.{number}@preview.invalid>",
        date=shown.written_at,
        text=shown.text,
    )
    return framed(_html_of(message), message)


def _html_of(message: EmailMessage) -> str:
    part = message.get_body(("html",))
    assert part is not None, "every notice has its HTML"
    html: str = part.get_content()
    return html


# The page ----------------------------------------------------------------------------------------


def return_page(
    request: Request,
    actor: Actor,
    rma: str,
    *,
    problem: FormProblem | None = None,
    typed: Mapping[str, str] | None = None,
    said: Mapping[int, str] | None = None,
) -> HTMLResponse:
    """The page of a return, perhaps with a form that was refused. Raises `NotFound`.

    `said`: the verdicts by lot that are to be counted; without, those the rules propose.
    """
    desk, knows = desk_of(request), actor.role in KNOWS_CUSTOMERS
    now = desk.clock.now()
    with desk.database.read() as session:
        seen = mark(desk_mark(session, rma, actor.id, now))
        case = case_to_read(session, desk.policies, rma, now)
        shown = desk_page(session, case, actor, now, knows_customer=knows)
        verdicts = dict(said) if said is not None else _proposed(shown)
        preview = _preview(case, shown, verdicts) if CommandKind.DECISION in shown.can else None
    view = ReturnView(
        seen=seen,
        desk=shown,
        knows_customer=knows,
        status_url=desk.links.status(rma) if knows else None,
        preview=preview,
        blocked_by=None if shown.holder is None or shown.holder.actor_id == actor.id else shown.holder,
        said_of=verdicts,
    )
    return show(request, actor, "rep/return", view, problem=problem, typed=typed)


def _proposed(shown: DeskPage) -> dict[int, str]:
    return {
        x.lot.lot: x.proposal for x in shown.items if x.may_say and x.proposal in ("accepted", "rejected")
    }


def _preview(case: Case, shown: DeskPage, said: Mapping[int, str]) -> Preview:
    """What would be paid, counted by the code that will pay it."""
    try:
        view = decision_preview(case, verdicts_of(shown, said))
    except ReturndeskError as error:
        return Preview(None, sentence=error.sentence)
    limit = case.rules.policy.decision.approval_above_minor
    return Preview(view, needs_approval=bool(limit) and view.total_minor > limit)


def verdicts_of(shown: DeskPage, said: Mapping[int, str]) -> list[DecidedItem]:
    """The decision's items: every lot that a person may say something of, and did."""
    return [
        DecidedItem.model_validate({"line": x.lot.line, "lot": x.lot.lot, "acceptance": said[x.lot.lot]})
        for x in shown.items
        if x.may_say and said.get(x.lot.lot) in ("accepted", "rejected")
    ]


@dataclass(frozen=True)
class NotThereYet:
    """An RMA whose request is being carried out, or was refused."""

    rma: str
    outcome: Outcome | None


def _not_there(request: Request, actor: Actor, rma: str) -> Response:
    """A request that was only just made becomes a return in a moment; any other RMA is not there."""
    with desk_of(request).database.read() as session:
        written = request_of(session, rma)
    if written is None:
        raise NotFound("return_not_found", "There is no return with this RMA number. Check it on the slip.")
    return show(request, actor, "rep/coming", NotThereYet(rma, written.outcome))


# Claims and notes --------------------------------------------------------------------------------


@router.post("/desk/returns/{rma}/claim", response_class=HTMLResponse)
async def claim(rma: Rma, request: Request, actor: Reader) -> Response:
    """Look after a return, also in place of whoever does: `from` names them."""
    canonical, form = parse(rma), await form_of(request)
    try:
        await asyncio.to_thread(hold, desk_of(request), canonical, actor, text_in(form, "from"))
    except Refused as error:
        return await asyncio.to_thread(return_page, request, actor, canonical, problem=problem_of(error))
    return _back(canonical)


@router.post("/desk/returns/{rma}/release", response_class=HTMLResponse)
def release(rma: Rma, request: Request, actor: Reader) -> Response:
    """Leave a return to whoever wants it."""
    canonical = parse(rma)
    with desk_of(request).database.transaction() as connection:
        claims.release(connection, canonical, actor)
    return _back(canonical)


@router.post("/desk/returns/{rma}/notes", response_class=HTMLResponse)
async def note(rma: Rma, request: Request, actor: Reader) -> Response:
    """Leave a note for colleagues."""
    canonical, form = parse(rma), await form_of(request)
    try:
        await asyncio.to_thread(
            keep_note, desk_of(request), canonical, text_in(form, "colleagues-note"), actor, key_in(form)
        )
    except (ReturndeskError, ValidationError) as error:
        told = problem_of(error)
        problem = replace(told, fields={f"colleagues-{name}": said for name, said in told.fields.items()})
        return await asyncio.to_thread(
            return_page, request, actor, canonical, problem=problem, typed=typed_in(form)
        )
    return _back(canonical, "#notes")


def hold(desk: Desk, rma: str, actor: Actor, whose: str | None, kind: CommandKind | None = None) -> None:
    """Claim a return for the actor unless somebody has; in place of `whose` where that is who has.

    Raises `Refused` (`claimed`) where somebody else has it who may do the same (`kind`; None: any thing).
    """
    now = desk.clock.now()
    with desk.database.transaction() as connection:
        holder = (
            claims.claim(connection, rma, actor, now)
            if whose is None
            else claims.take_over(connection, rma, whose, actor, now)
        )
    if holder is None or holder.actor_id == actor.id or (kind is not None and holder.role not in MAY[kind]):
        return
    local = holder.since.astimezone(ZoneInfo(desk.policy.shop.zone))
    today = now.astimezone(local.tzinfo).date()
    since = f"{local:%H:%M}" if local.date() == today else f"{local:%H:%M} on {local.day} {local:%B}"
    raise Refused(
        "claimed",
        f"{holder.actor_id} has had this since {since}. Nothing was changed. Take it over, or leave it to them.",
    )


def _back(rma: str, part: str = "") -> Response:
    return RedirectResponse(f"/desk/returns/{rma}{part}", 303, NO_STORE)
