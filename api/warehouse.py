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
from returndesk.domain import scanning
from returndesk.domain.errors import NotFound, ReturndeskError
from returndesk.domain.people import Actor
from returndesk.store import warehouse_lists as lists
from returndesk.store import warehouse_pages as pages
from returndesk.store.found_parcels import LOOK_INTO_DAYS, FoundParcel, file_found_parcel
from returndesk.store.warehouse_lists import Waiting

router = APIRouter(include_in_schema=False)


def _days(desk: Desk) -> int:
    """How long a parcel is assumed to be on its way: the policy's own word, from there to here as from here to there."""
    return desk.policy.returns.delivery_assumed_after_days


# What waits --------------------------------------------------------------------------------------


@router.get("/desk/station", response_class=HTMLResponse)
def station(request: Request, actor: AtStation, asked: str = "") -> Response:
    """What waits, and a scanner that is listened to."""
    return _front(request, actor, asked=bool(asked))


def _front(
    request: Request,
    actor: Actor,
    *,
    box: Sequence[str] = (),
    problem: FormProblem | None = None,
    typed: Mapping[str, str] | None = None,
    asked: bool = False,
) -> Response:
    desk = desk_of(request)
    with desk.database.read() as session:
        view = lists.station_page(session, _days(desk))
    page = Station(view, box, asked=asked, seen=live.mark(repr(view)))
    return show(request, actor, "warehouse/front", page, problem=problem, typed=typed)


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
        view = lists.waiting(session, what, _days(desk), cursor=cursor)
    return show(request, actor, "warehouse/list", Station(view))


@router.get("/desk/live/station")
async def live_station(request: Request, _actor: AtStation) -> Response:
    """Says when what waits has changed."""
    days = _days(desk_of(request))
    return await live.stream(request, lambda session: repr(lists.station_page(session, days)))


# Scanning ----------------------------------------------------------------------------------------


@router.get("/desk/station/scan", response_class=HTMLResponse)
def scan(
    request: Request,
    actor: AtStation,
    code: Annotated[str, Query(max_length=scanning.CODE_MAX)] = "",
    box: Box = "",
) -> Response:
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
    return _front(request, actor, box=here, problem=_nowhere(found), typed={"code": code})


def _target(session: Session, found: scanning.Scanned, typed: str, box: Sequence[str]) -> str | None:
    if found.rma is not None and pages.is_return(session, found.rma):
        return parcel_url(found.rma, box_of(",".join(box), found.rma), layout=found.layout)
    if found.rma is None and found.command is None and pages.is_order(session, typed):
        return url_of(f"{HOME}/order", reference=typed, box=",".join(box))
    return None


def _nowhere(found: scanning.Scanned) -> FormProblem:
    if found.command is not None:
        return FormProblem(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            "command_without_parcel",
            "This code presses a button of an open parcel. Scan the parcel first. Nothing was changed.",
        )
    if found.rma is not None:
        return FormProblem(
            HTTPStatus.NOT_FOUND,
            "return_not_found",
            f"There is no return {found.rma} in these books. Compare it with the slip, or type the order's number.",
        )
    return FormProblem(
        HTTPStatus.NOT_FOUND,
        "code_unknown",
        "This is no RMA number and no order of this shop. Compare it with the slip and type it again. "
        "If the scanner mistypes, scan its test code.",
    )


@router.get("/desk/station/scanner", response_class=HTMLResponse)
def scanner(
    request: Request,
    actor: AtStation,
    code: Annotated[str | None, Query(max_length=scanning.CODE_MAX)] = None,
) -> Response:
    """Whether the scanner types what is printed."""
    view = None if code is None else scanning.test_layout(code)
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
    reference: Annotated[str | None, Query(max_length=64)] = None,
    box: Box = "",
) -> Response:
    """A parcel that names an order, or nothing at all."""
    return _blind(request, actor, reference, box_of(box))


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
