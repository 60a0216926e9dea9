"""How a customer asks for a return on their own: a link mailed to the order's address, a choice, a look, a yes.

Nothing of an order is shown to who merely knows its number and its email address: whatever is typed, the same
answer comes in the same time, and the link goes by mail. Nothing is asked for until the second step confirms it
(Directive (EU) 2023/2673, Article 11a); the mail that follows is the dated receipt.
"""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import ValidationError
from starlette.background import BackgroundTask
from starlette.datastructures import FormData

from api import link_pages
from api.commands import STATUS_OF_REFUSAL
from api.desk import Desk, desk_of
from api.desk_pages import (
    NO_STORE,
    FormProblem,
    form_of,
    key_in,
    number_in,
    problem_of,
    text_in,
    typed_in,
    with_done,
)
from api.identity import anybody, check_same_origin
from api.return_commands import ask_for_return
from returndesk.domain.errors import InvalidInput, NotFound, ReturndeskError
from returndesk.domain.inputs import Channel, RequestedItem, RequestInput, ReturnReason
from returndesk.domain.mistakes import EMAIL, REFERENCE
from returndesk.domain.people import CUSTOMER
from returndesk.domain.reasons import REASON_SENTENCES
from returndesk.domain.stages import CommandKind
from returndesk.store import commands, letters
from returndesk.store.sign_in_attempts import network_of
from returndesk.store.start_pages import choose_page, planned_page

router = APIRouter(include_in_schema=False)

_BY_MAIL = anybody("asks for a link, which goes to the order's own address")
_LINK = anybody("the secret in the address, which was mailed, opens the order")

LETTERS_AN_HOUR = 10
"""Asked for from one address; of one order there are fewer (`letters`)."""
FORMS_AN_HOUR = 30
"""Of one link."""


@dataclass(frozen=True)
class Opened:
    """The order behind a letter's link, and the link's own path."""

    letter_id: str
    order_reference: str
    here: str


def _is_here(request: Request) -> Desk:
    """The desk, where the policy lets customers ask on their own. Raises `NotFound` (`no_self_service`)."""
    desk = desk_of(request)
    if not desk.policy.self_service.enabled:
        raise NotFound(
            "no_self_service",
            "Returns are not started on this site. Write or call, and we start yours for you.",
        )
    return desk


# The link ----------------------------------------------------------------------------------------


@router.get("/start", dependencies=[_BY_MAIL], response_class=HTMLResponse)
def start(request: Request) -> HTMLResponse:
    """Which order, and which address the link is to go to."""
    _is_here(request)
    return link_pages.show(request, "start", None)


@router.post("/start", dependencies=[_BY_MAIL], response_class=HTMLResponse)
async def ask_for_link(request: Request) -> Response:
    """Mail a link, where there is such an order of that address. The answer is the same where there is none."""
    desk = _is_here(request)
    check_same_origin(request)
    form = await form_of(request)
    try:
        order_reference = _written(
            form, "order", REFERENCE, 64, "Write the number as it is in the order's email."
        )
        email = _written(form, "email", EMAIL, 254, "Write one email address, as in somebody@example.com.")
        caller = "" if request.client is None else request.client.host
        link_pages.allowance(request, "letters", LETTERS_AN_HOUR).take(network_of(caller))
    except ReturndeskError as error:
        return link_pages.show(request, "start", None, problem=problem_of(error), typed=typed_in(form))
    answer = link_pages.show(request, "start_asked", None)
    # After the answer has left, so that its time says nothing of what the books have.
    answer.background = BackgroundTask(letters.write, desk.database, order_reference, email, desk.clock.now())
    return answer


def _written(form: FormData, name: str, pattern: str, length_max: int, sentence: str) -> str:
    text = text_in(form, name) or ""
    if len(text) > length_max or not re.fullmatch(pattern, text):
        raise InvalidInput("not_usable", sentence, name)
    return text


# The choice --------------------------------------------------------------------------------------


def _opened(request: Request, letter_id: str, key: str) -> Opened:
    """What a letter's link opens. Raises `NotFound`, whatever is wrong with it."""
    desk = _is_here(request)
    desk.links.keyring.check(desk.links.keyring.start_key(letter_id), key)
    with desk.database.read() as session:
        order_reference = letters.order_of(session, letter_id, desk.clock.now())
    return Opened(letter_id, order_reference, f"/start/{letter_id}/{key}")


@router.get("/start/{letter_id}/{key}", dependencies=[_LINK], response_class=HTMLResponse)
def choose(letter_id: str, key: str, request: Request) -> HTMLResponse:
    """What the order has, to choose from."""
    return _choice(request, _opened(request, letter_id, key))


@router.post("/start/{letter_id}/{key}", dependencies=[_LINK])
async def look_or_send(letter_id: str, key: str, request: Request) -> Response:
    """The second step, back to the first, or the request itself: whichever button was pressed."""
    opened = await asyncio.to_thread(_opened, request, letter_id, key)
    check_same_origin(request)
    form = await form_of(request)
    typed = typed_in(form)
    try:
        link_pages.allowance(request, "start", FORMS_AN_HOUR).take(letter_id)
        if form.get("step") == "change":
            return await asyncio.to_thread(_choice, request, opened, typed=typed)
        asked = _asked(opened, form)
        if form.get("step") != "send":
            return await asyncio.to_thread(_look, request, opened, asked, typed)
        return await _send(request, opened, asked, f"{letter_id}/{key_in(form)}", typed)
    except (ReturndeskError, ValidationError) as error:
        return await asyncio.to_thread(_choice, request, opened, problem=problem_of(error), typed=typed)


def _asked(opened: Opened, form: FormData) -> RequestInput:
    """The request that a form makes. Raises `InvalidInput` and `ValidationError`."""
    items = []
    for name in form:
        line = name.removeprefix("quantity-")
        if line == name or not line.isascii() or not line.isdigit() or len(line) > 7:
            continue
        quantity = number_in(form, name)
        if quantity:
            items.append(RequestedItem(line=int(line), quantity=quantity, reason=_reason(form, line)))
    if not items:
        raise InvalidInput(
            "nothing_chosen",
            "Say how many of at least one item you would like to send back. Nothing was sent yet.",
        )
    return RequestInput(
        order_reference=opened.order_reference,
        channel=Channel.ONLINE,
        items=items,
        note=text_in(form, "words"),
    )


def _reason(form: FormData, line: str) -> ReturnReason:
    try:
        return ReturnReason(text_in(form, f"reason-{line}") or "")
    except ValueError:
        raise InvalidInput("no_reason", "Choose why you send it back.", f"reason-{line}") from None


def _choice(
    request: Request,
    opened: Opened,
    *,
    problem: FormProblem | None = None,
    typed: Mapping[str, str] | None = None,
) -> HTMLResponse:
    desk = desk_of(request)

    def address_of(rma: str) -> str:
        return f"/r/{rma}/{desk.links.keyring.key_of(rma)}"

    with desk.database.read() as session:
        rules = desk.policies.of(session.connection(), desk.policy.version)
        page = choose_page(
            session, rules, opened.order_reference, desk.clock.now(), here=opened.here, address_of=address_of
        )
    return link_pages.show(request, "start_choose", page, problem=problem, typed=typed)


def _look(request: Request, opened: Opened, asked: RequestInput, typed: Mapping[str, str]) -> HTMLResponse:
    desk = desk_of(request)
    fields = {
        name: value for name, value in typed.items() if name.startswith(("quantity-", "reason-", "words"))
    }
    with desk.database.read() as session:
        rules = desk.policies.of(session.connection(), desk.policy.version)
        page = planned_page(session, rules, asked, desk.clock.now(), here=opened.here, fields=fields)
    return link_pages.show(request, "start_look", page)


async def _send(
    request: Request, opened: Opened, asked: RequestInput, key: str, typed: Mapping[str, str]
) -> Response:
    written, outcome = await ask_for_return(desk_of(request), asked, CUSTOMER, key)
    if outcome is not None and not outcome.accepted:
        codes = [reason.partition(":")[0] for reason in outcome.reasons]
        said = " ".join(dict.fromkeys(REASON_SENTENCES[code] for code in codes if code in REASON_SENTENCES))
        problem = FormProblem(
            STATUS_OF_REFUSAL.get(outcome.code, HTTPStatus.UNPROCESSABLE_ENTITY),
            outcome.code,
            f"We could not take this request, and nothing was changed. {said}".strip(),
        )
        return await asyncio.to_thread(_choice, request, opened, problem=problem, typed=typed)
    url = f"{opened.here}/sent/{written.ref.command_id}"
    return RedirectResponse(url, HTTPStatus.SEE_OTHER, NO_STORE)


@router.get("/start/{letter_id}/{key}/sent/{command_id}", dependencies=[_LINK], response_model=None)
def sent(letter_id: str, key: str, command_id: str, request: Request) -> Response:
    """On to the return's own page as soon as there is one; until then, that the request is written down."""
    _opened(request, letter_id, key)
    desk = desk_of(request)
    with desk.database.read() as session:
        found = commands.asked_by_link(session, command_id, letter_id)
    if found is None or found.ref.kind is not CommandKind.REQUEST:
        raise NotFound("not_found", "There is nothing here. Use the whole link from the email.")
    if found.outcome is not None and found.outcome.accepted:
        url = with_done(f"/r/{found.rma}/{desk.links.keyring.key_of(found.rma)}", command_id)
        return RedirectResponse(url, HTTPStatus.SEE_OTHER, NO_STORE)
    return link_pages.show(request, "start_sent", found)
