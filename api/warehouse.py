"""The warehouse's station: what waits, where a scan leads, and parcels without a return. For a hand with gloves on."""

import asyncio
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from pydantic import ValidationError
from sqlmodel import Session

from api import live, warehouse_forms
from api.desk import Desk, desk_of
from api.desk_pages import NO_STORE, FormProblem, form_of, key_in, problem_of, show, text_in, typed_in
from api.warehouse_frame import HOME, AtStation, Box, Station, box_of, parcel_url, url_of, wants_json
from api.warehouse_front import front, nowhere, on_the_way_days
from returndesk.domain import scanning
from returndesk.domain.errors import NotFound, ReturndeskError
from returndesk.domain.people import Actor
from returndesk.store import warehouse_lists as lists
from returndesk.store import warehouse_pages as pages
from returndesk.store.found_parcels import LOOK_INTO_DAYS, FoundParcel, file_found_parcel
from returndesk.store.warehouse_lists import Waiting
from returndesk.store.warehouse_scans import sent_under, to_count

router = APIRouter(include_in_schema=False)


# What waits --------------------------------------------------------------------------------------


@router.get("/desk/station", response_class=HTMLResponse)
def station(request: Request, actor: AtStation, asked: str = "") -> Response:
    """What waits, and a scanner that is listened to."""
    return front(request, actor, asked=bool(asked))


@router.get("/desk/station/list/{what}", response_class=HTMLResponse)
def one_list(
    what: Waiting,
    request: Request,
    actor: AtStation,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
) -> Response:
    """Everything that waits for one thing, page by page."""
    desk = desk_of(request)
    with desk.database.read() as session:
        view = lists.waiting(session, what, on_the_way_days(desk), cursor=cursor)
    return show(request, actor, "warehouse/list", Station(view))


@router.get("/desk/live/station")
async def live_station(request: Request, _actor: AtStation) -> Response:
    """Says when what waits has changed."""
    days = on_the_way_days(desk_of(request))
    return await live.stream(request, lambda session: repr(lists.station_page(session, days)))


# Scanning ----------------------------------------------------------------------------------------


@router.get("/desk/station/scan", response_class=HTMLResponse)
def scan(request: Request, actor: AtStation, code: str = "", box: Box = "") -> Response:
    """Where a code leads: to its return, to its order, to the test of the scanner; else why nowhere."""
    found, desk, here = scanning.read(code), desk_of(request), box_of(box)
    if found.test is not None:
        return show(request, actor, "warehouse/scanner", Station(found.test, here))
    if found.command == scanning.NEXT:
        return RedirectResponse(HOME, HTTPStatus.SEE_OTHER, NO_STORE)
    with desk.database.read() as session:
        target = _target(session, found, code.strip(), here)
    if target is not None:
        return RedirectResponse(target, HTTPStatus.SEE_OTHER, NO_STORE)
    return nowhere(request, actor, code, here)


def _target(session: Session, found: scanning.Scanned, typed: str, box: Sequence[str]) -> str | None:
    """Where it leads. A box whose returns are all counted is done: what is scanned next begins another."""
    at_hand = box if to_count(session, box) else ()
    if found.rma is not None and pages.is_return(session, found.rma):
        joined = box if found.rma in box else at_hand
        return parcel_url(found.rma, box_of(",".join(joined), found.rma), layout=found.layout)
    if found.rma is not None or found.command is not None or len(typed) > scanning.CODE_MAX:
        return None
    if pages.is_order(session, typed):
        return url_of(f"{HOME}/order", reference=typed, box=",".join(at_hand))
    sent = sent_under(session, typed)
    return parcel_url(sent[0], box_of(",".join([*at_hand, *sent]))) if sent else None


@router.get("/desk/station/scanner", response_class=HTMLResponse)
def scanner(
    request: Request,
    actor: AtStation,
    code: str | None = None,
) -> Response:
    """Whether the scanner types what is printed."""
    view = None if code is None else scanning.test_layout(code[: scanning.CODE_MAX])
    return show(request, actor, "warehouse/scanner", Station(view))


@router.get("/desk/station/commands", response_class=HTMLResponse)
def commands(request: Request, actor: AtStation) -> Response:
    """A sheet of codes to scan instead of tapping."""
    return show(request, actor, "warehouse/commands", Station(scanning.COMMANDS))


# A parcel without a return -----------------------------------------------------------------------


@router.get("/desk/station/order", response_class=HTMLResponse)
def blind(
    request: Request,
    actor: AtStation,
    reference: str | None = None,
    box: Box = "",
) -> Response:
    """A parcel that names an order, or nothing at all."""
    try:
        return _blind(request, actor, reference, box_of(box))
    except NotFound:
        return nowhere(request, actor, reference or "", box_of(box))


def _blind(
    request: Request,
    actor: Actor,
    reference: str | None,
    box: Sequence[str],
    problem: FormProblem | None = None,
    typed: Mapping[str, str] | None = None,
) -> Response:
    with desk_of(request).database.read() as session:
        view = pages.order_page(session, reference) if reference else pages.OrderPage(None)
    return show(request, actor, "warehouse/order", Station(view, box), problem=problem, typed=typed)


@router.post("/desk/station/order", response_class=HTMLResponse)
async def found_parcel(request: Request, actor: AtStation) -> Response:
    """Ask a rep to see to a parcel that no return announced."""
    desk, form = desk_of(request), await form_of(request)
    now = desk.clock.now()
    try:
        key, parcel = key_in(form), FoundParcel(
            text_in(form, "reference"), warehouse_forms.packed(form), warehouse_forms.words(form)
        )  # fmt: skip
        await asyncio.to_thread(_known_order, desk, parcel.order_reference)
        due_at = desk.policies.calendar(desk.policy).add(now, LOOK_INTO_DAYS)
        task_id = await asyncio.to_thread(
            file_found_parcel, desk.database, parcel, actor=actor, key=key, now=now, due_at=due_at
        )
    except (ReturndeskError, ValidationError) as error:
        if wants_json(request):
            raise
        reference, box = text_in(form, "reference"), box_of(text_in(form, "box") or "")
        reference = None if isinstance(error, NotFound) else reference
        return await asyncio.to_thread(
            _blind, request, actor, reference, box, problem_of(error), typed_in(form)
        )
    if wants_json(request):
        return JSONResponse({"task": task_id}, headers=NO_STORE)
    return RedirectResponse(url_of(HOME, asked="yes"), HTTPStatus.SEE_OTHER, NO_STORE)


def _known_order(desk: Desk, reference: str | None) -> None:
    if reference is not None:
        with desk.database.read() as session:
            pages.order_page(session, reference)
