"""A return is started: an order's lines, the rules' verdict beside them, and what would be paid.

The verdict comes of a form that is sent to be looked at (`/desk/returns/check`) and is answered with the same page; a
script sends it while somebody types. It is a POST because a customer's words stand in it, and those belong in no
address.
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import ValidationError
from starlette.datastructures import FormData

from api.commands import STATUS_OF_REFUSAL
from api.desk import Desk, desk_of
from api.desk_pages import (
    NO_STORE,
    FormProblem,
    form_of,
    instant_in,
    key_in,
    number_in,
    problem_of,
    show,
    text_in,
    typed_in,
    with_done,
)
from api.identity import require
from api.rep_return import hold
from api.return_commands import ask_for_return
from returndesk.domain.errors import InvalidInput, NotFound, Refused, ReturndeskError
from returndesk.domain.inputs import Channel, RequestInput, ReturnReason
from returndesk.domain.people import MAY, Actor
from returndesk.domain.stages import CommandKind
from returndesk.store.eligibility import EligibilityView, dry_run
from returndesk.store.rep_new import OrderToReturn, order_to_return

router = APIRouter(include_in_schema=False)

Starter = Annotated[Actor, require(*MAY[CommandKind.REQUEST])]

_UNITS_MAX = 1_000_000
CHANNEL = Channel.PHONE
"""Where somebody is who is typed for while they speak."""


_NO_NUMBER = FormProblem(
    HTTPStatus.UNPROCESSABLE_ENTITY,
    "no_order_number",
    "Write the order number first. Or find the order by the customer's email, phone or name, above.",
    {"order": "Write the order number."},
)
_NO_SUCH_ORDER = FormProblem(
    HTTPStatus.NOT_FOUND,
    "order_not_found",
    "There is no order with this number. Compare it with the customer's order confirmation, or find the order by their "
    "email, phone or name, above.",
    {"order": "There is no such order."},
)
_HOW_MANY = "How many come back? Write a whole number, 1 or more; or choose “it stays”."


@dataclass(frozen=True)
class NewView:
    """The page. `wrong`: why the verdict cannot be given yet; nothing of the order was found where it is None."""

    order: OrderToReturn | None
    asked_for: str
    reasons: list[ReturnReason] = field(default_factory=lambda: list(ReturnReason))
    channels: list[Channel] = field(default_factory=lambda: list(Channel))
    channel: Channel = CHANNEL
    verdict: EligibilityView | None = None
    wrong: str = ""

    @property
    def is_overridable(self) -> bool:
        """Whether the rules say no, and a rep may say yes all the same."""
        verdict = self.verdict
        return (
            verdict is not None
            and verdict.answer == "ineligible"
            and all(x.overridable for x in verdict.reasons)
        )


@router.get("/desk/returns/new", response_class=HTMLResponse)
def new(request: Request, actor: Starter, order: Annotated[str, Query(max_length=64)] = "") -> HTMLResponse:
    """An order's lines, ready to say which of them come back."""
    asked = "order" in request.query_params and not order.strip()
    return _page(request, actor, order.strip(), problem=_NO_NUMBER if asked else None)


@router.post("/desk/returns/check", response_class=HTMLResponse)
async def check(request: Request, actor: Starter) -> HTMLResponse:
    """The same page with the rules' verdict on what the form has. Nothing is written."""
    form = await form_of(request)
    return await asyncio.to_thread(_checked, request, actor, form)


@router.post("/desk/returns/new", response_class=HTMLResponse)
async def start(request: Request, actor: Starter) -> Response:
    """Start it: on to the return, or the same page with what speaks against it."""
    desk, form = desk_of(request), await form_of(request)
    try:
        body = _request_in(form, desk)
        written, outcome = await ask_for_return(desk, body, actor, key_in(form))
    except (ReturndeskError, ValidationError) as error:
        return await asyncio.to_thread(_checked, request, actor, form, problem_of(error))
    if outcome is not None and not outcome.accepted:
        status = STATUS_OF_REFUSAL.get(outcome.code, HTTPStatus.UNPROCESSABLE_ENTITY)
        problem = FormProblem(status, outcome.code, outcome.sentence, reasons=tuple(outcome.reasons))
        return await asyncio.to_thread(_checked, request, actor, form, problem)
    with suppress(Refused):  # somebody opened it within the moment it took to be answered: they have it
        await asyncio.to_thread(hold, desk, written.rma, actor, None)
    url = with_done(f"/desk/returns/{written.rma}", written.ref.command_id)
    return RedirectResponse(url, HTTPStatus.SEE_OTHER, NO_STORE)


def _page(
    request: Request,
    actor: Actor,
    reference: str,
    *,
    verdict: EligibilityView | None = None,
    wrong: str = "",
    problem: FormProblem | None = None,
    typed: Mapping[str, str] | None = None,
) -> HTMLResponse:
    order = None
    try:
        with desk_of(request).database.read() as session:
            order = order_to_return(session, reference) if reference else None
    except NotFound:
        problem = _NO_SUCH_ORDER
    return show(
        request,
        actor,
        "rep/new",
        NewView(order, reference, verdict=verdict, wrong=wrong),
        problem=problem,
        typed=typed,
    )


def _checked(
    request: Request, actor: Actor, form: FormData, problem: FormProblem | None = None
) -> HTMLResponse:
    """The page with the verdict on what the form has, as far as it can be given."""
    desk, verdict, wrong = desk_of(request), None, ""
    try:
        with desk.database.reading() as connection:
            verdict = dry_run(connection, desk.policy, _request_in(form, desk), desk.clock.now())
    except (ReturndeskError, ValidationError) as error:
        wrong = problem_of(error).sentence.replace("Nothing was changed. ", "")  # nothing was to be changed
    return _page(
        request,
        actor,
        text_in(form, "order") or "",
        verdict=verdict,
        wrong=wrong,
        problem=problem,
        typed=typed_in(form),
    )


def _request_in(form: FormData, desk: Desk) -> RequestInput:
    """What the form asks for. A line comes back where it has a reason; how many of it somebody has to say."""
    items = [
        _item(form, name.removeprefix("reason-"))
        for name in form
        if name.startswith("reason-") and text_in(form, name)
    ]
    if not items:
        raise InvalidInput("nothing_chosen", "Choose a reason for each thing that comes back.")
    contacted_at = instant_in(form, "contacted_at", desk.policy.shop.zone)
    override = text_in(form, "override")
    return RequestInput.model_validate(
        {
            "order_reference": text_in(form, "order"),
            "channel": text_in(form, "channel"),
            "contacted_at": None if contacted_at is None else contacted_at.isoformat(),
            "items": items,
            "note": text_in(form, "note"),
            "authorize": text_in(form, "authorize") == "yes",
            "override": None
            if override is None
            else {"reason": override, "note": text_in(form, "override_note")},
        }
    )


def _item(form: FormData, line: str) -> dict[str, Any]:
    name = f"quantity-{line}"
    try:
        quantity = number_in(form, name)
    except InvalidInput:
        quantity = None
    if not quantity or quantity > _UNITS_MAX:
        raise InvalidInput("how_many", _HOW_MANY, name)
    return {
        "line": int(line) if line.isascii() and line.isdigit() and len(line) < 8 else 0,
        "quantity": quantity,
        "reason": text_in(form, f"reason-{line}"),
    }
