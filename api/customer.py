"""A return's own page, opened by its secret link: what the customer reads, and what they may ask for.

What is asked for is a command like anybody's. Who has the link is the customer; the books know no more of them than that.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from http import HTTPStatus
from typing import NamedTuple

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import BaseModel, ValidationError
from starlette.datastructures import FormData

from api import link_pages
from api.commands import STATUS_OF_REFUSAL, ask
from api.desk import Desk, desk_of
from api.desk_pages import (
    NO_STORE,
    Done,
    FormProblem,
    form_of,
    key_in,
    problem_of,
    text_in,
    typed_in,
    with_done,
)
from api.identity import anybody, check_same_origin
from returndesk.domain.errors import InvalidInput, NotFound, ReturndeskError
from returndesk.domain.inputs import CancellationInput, Channel, MessageInput
from returndesk.domain.parcel_inputs import ShipmentInput
from returndesk.domain.people import CUSTOMER, MAY
from returndesk.domain.rma import Rma, parse
from returndesk.domain.stages import CommandKind
from returndesk.store import commands
from returndesk.store.page_reading import return_page, slip_page

router = APIRouter(
    include_in_schema=False, dependencies=[anybody("the secret in the address opens the return")]
)

FORMS_AN_HOUR = 30
"""Of one return."""


class Asking(NamedTuple):
    """A form: the command it asks for, how its input is read, and which field of the form each field of that is."""

    kind: CommandKind
    read: Callable[[FormData], BaseModel]
    fields: Mapping[str, str]


def _message(form: FormData) -> MessageInput:
    words = text_in(form, "words")
    if words is None:
        raise InvalidInput("nothing_written", "Write what you would like us to know.", "words")
    return MessageInput(channel=Channel.ONLINE, note=words)


def _shipment(form: FormData) -> ShipmentInput:
    tracking, proof = text_in(form, "tracking"), text_in(form, "proof")
    if tracking is None and proof is None:
        raise InvalidInput(
            "nothing_proven", "Give the tracking number, or write what shows that it was sent.", "tracking"
        )
    return ShipmentInput(tracking=tracking, note=proof)


def _cancellation(form: FormData) -> CancellationInput:
    if form.get("sure") != "yes":
        raise InvalidInput("not_sure", "Tick that you want to keep the items.", "sure")
    return CancellationInput(note=text_in(form, "why"))


_MESSAGE = Asking(CommandKind.MESSAGE, _message, {"note": "words"})
_SHIPMENT = Asking(CommandKind.SHIPMENT, _shipment, {"note": "proof"})
_CANCELLATION = Asking(CommandKind.CANCELLATION, _cancellation, {"note": "why"})
assert all(CUSTOMER.role in MAY[asking.kind] for asking in (_MESSAGE, _SHIPMENT, _CANCELLATION))


def opened(desk: Desk, rma: str, key: str) -> Rma:
    """The return that a link opens. Raises `NotFound`, whatever is wrong with the link."""
    try:
        canonical = parse(rma)
    except InvalidInput:
        raise NotFound("not_found", "There is nothing here. Use the whole link from the email.") from None
    desk.links.keyring.check(desk.links.keyring.key_of(canonical), key)
    return canonical


@router.get("/r/{rma}/{key}", response_class=HTMLResponse)
def one(rma: str, key: str, request: Request, done: str = "") -> HTMLResponse:
    """The page of a return: stage, items, clocks, money, timeline, and what may be asked."""
    desk = desk_of(request)
    canonical = opened(desk, rma, key)
    return _page(request, canonical, key, done=_done(desk, canonical, done) if done else None)


@router.get("/r/{rma}/{key}/slip", response_class=HTMLResponse)
def slip(rma: str, key: str, request: Request) -> HTMLResponse:
    """The packing slip, to be printed."""
    desk = desk_of(request)
    canonical = opened(desk, rma, key)
    with desk.database.read() as session:
        page = slip_page(session, desk.policies, canonical, desk.clock.now())
    return link_pages.show(request, "slip", page)


@router.get("/r/{rma}/{key}/message")
@router.get("/r/{rma}/{key}/shipment")
@router.get("/r/{rma}/{key}/cancellation")
def back(rma: str, key: str, request: Request) -> Response:
    """Where a form that was refused is loaded again: on to the page it stands on."""
    canonical = opened(desk_of(request), rma, key)
    return RedirectResponse(f"/r/{canonical}/{key}", HTTPStatus.SEE_OTHER, NO_STORE)


@router.post("/r/{rma}/{key}/message")
async def message(rma: str, key: str, request: Request) -> Response:
    """The customer says something, or answers a question."""
    return await _send(request, rma, key, _MESSAGE)


@router.post("/r/{rma}/{key}/shipment")
async def shipment(rma: str, key: str, request: Request) -> Response:
    """It is on its way, and this proves it."""
    return await _send(request, rma, key, _SHIPMENT)


@router.post("/r/{rma}/{key}/cancellation")
async def cancellation(rma: str, key: str, request: Request) -> Response:
    """They keep it after all."""
    return await _send(request, rma, key, _CANCELLATION)


async def _send(request: Request, rma: str, key: str, asking: Asking) -> Response:
    """Carry out what a form of the page asks; what is refused comes back with the reason and everything typed."""
    desk = desk_of(request)
    canonical = opened(desk, rma, key)
    check_same_origin(request)
    form = await form_of(request)

    async def again(problem: FormProblem) -> HTMLResponse:
        typed = typed_in(form)
        return await asyncio.to_thread(_page, request, canonical, key, problem=problem, typed=typed)

    try:
        link_pages.allowance(request, "return", FORMS_AN_HOUR).take(canonical)
        written, outcome = await ask(
            desk,
            asking.kind,
            canonical,
            asking.read(form),
            actor=CUSTOMER,
            key=f"{canonical}/{key_in(form)}",
        )
    except (ReturndeskError, ValidationError) as error:
        problem = problem_of(error)
        fields = {asking.fields.get(name, name): said for name, said in problem.fields.items()}
        return await again(replace(problem, fields=fields))
    if outcome is not None and not outcome.accepted:
        status = STATUS_OF_REFUSAL.get(outcome.code, HTTPStatus.UNPROCESSABLE_ENTITY)
        problem = FormProblem(status, outcome.code, _said(outcome.code, outcome.sentence))
        return await again(problem)
    url = with_done(f"/r/{canonical}/{key}", written.ref.command_id)
    return RedirectResponse(url, HTTPStatus.SEE_OTHER, NO_STORE)


def _said(code: str, sentence: str) -> str:
    """A refusal in words for who is no member of the shop."""
    if code == "not_allowed_at_stage":
        return (
            "Your return has come further meanwhile, so this was not possible any more. Nothing was changed. The page "
            "below shows how it stands now; write to us there if that is not what you want."
        )
    return sentence


def _page(
    request: Request,
    rma: Rma,
    key: str,
    *,
    done: Done | None = None,
    problem: FormProblem | None = None,
    typed: Mapping[str, str] | None = None,
) -> HTMLResponse:
    desk = desk_of(request)
    with desk.database.read() as session:
        page = return_page(session, desk.policies, rma, desk.clock.now(), f"/r/{rma}/{key}")
    if desk.policy.self_service.enabled:
        page = replace(page, start_url="/start")
    return link_pages.show(request, "return", page, done=done, problem=problem, typed=typed)


def _done(desk: Desk, rma: Rma, command_id: str) -> Done | None:
    """What came of a form of this page; None for anything else that somebody writes into the address."""
    with desk.database.read() as session:
        found = commands.find(session, command_id)
    if found is None or found.rma != rma or found.ref.role is not CUSTOMER.role:
        return None
    outcome = found.outcome
    return Done(found.ref.kind, None if outcome is None else outcome.accepted)
