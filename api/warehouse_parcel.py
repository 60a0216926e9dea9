"""The parcel at hand: what the warehouse records of it, form by form.

Every form works without JavaScript. With it the station sends the same forms itself, asks for JSON, and gets what the
API's commands answer: so what waited on a device without a connection is carried out by the very same route, under
the very same key.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from pydantic import BaseModel, ValidationError
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException

from api import warehouse_forms
from api.commands import answer, ask
from api.desk import Desk, desk_of
from api.desk_pages import NO_STORE, FormProblem, form_of, key_in, problem_of, send, show, text_in, typed_in
from api.identity import require
from api.photos import keep_photo
from api.problems import answer_problem
from api.warehouse_frame import AtStation, Box, Station, box_of, parcel_url, wants_json
from api.warehouse_front import nowhere
from returndesk.domain import scanning
from returndesk.domain.errors import InvalidInput, NotFound, ReturndeskError
from returndesk.domain.inputs import InspectionsInput
from returndesk.domain.lots import Condition, Packaging
from returndesk.domain.people import MAY, Actor
from returndesk.domain.rma import Rma, parse
from returndesk.domain.stages import CommandKind
from returndesk.photos import SENT_BYTES_MAX
from returndesk.store import warehouse_pages as pages
from returndesk.store.warehouse_scans import to_count

router = APIRouter(include_in_schema=False)

_PAPERS = ("roll", "a4")
_Read = Callable[[FormData], BaseModel]


@router.get("/desk/station/{rma}", response_class=HTMLResponse)
def parcel(
    rma: str,
    request: Request,
    actor: AtStation,
    box: Box = "",
    layout: str | None = None,
) -> Response:
    """The parcel at hand: what is expected, what is here, what to do next."""
    known, found = layout if layout in scanning.LAYOUTS else None, scanning.read(rma)
    if found.rma is None:
        return nowhere(request, actor, rma, box_of(box))
    try:
        return _parcel(request, actor, found.rma, box_of(box), layout=known)
    except NotFound:
        return nowhere(request, actor, rma, box_of(box))


def _parcel(
    request: Request,
    actor: Actor,
    rma: Rma,
    box: Sequence[str],
    *,
    layout: str | None = None,
    problem: FormProblem | None = None,
    typed: Mapping[str, str] | None = None,
    grade: tuple[Condition, Packaging] | None = None,
) -> Response:
    desk = desk_of(request)
    with desk.database.read() as session:
        view = pages.parcel_page(session, desk.policies, rma, desk.clock.now())
        together = box_of(",".join(box), rma)
        counting = to_count(session, together)
    page = Station(view, together, rma, layout, grade, to_count=counting)
    return show(request, actor, "warehouse/parcel", page, problem=problem, typed=typed)


@router.get("/desk/station/{rma}/label", response_class=HTMLResponse)
def label(rma: str, request: Request, actor: AtStation, paper: str = "roll") -> Response:
    """Labels for the shelf, to be printed."""
    desk = desk_of(request)
    chosen = paper if paper in _PAPERS else _PAPERS[0]
    with desk.database.read() as session:
        view = pages.label_page(session, desk.policies, parse(rma), desk.clock.now(), chosen)
    return show(request, actor, "warehouse/label", Station(view))


@router.post("/desk/station/{rma}/receipts", response_class=HTMLResponse)
async def receive(
    rma: str, request: Request, actor: Annotated[Actor, require(*MAY[CommandKind.RECEIPTS])]
) -> Response:
    """What the parcel held."""
    return await _carry_out(
        request,
        actor,
        CommandKind.RECEIPTS,
        rma,
        partial(warehouse_forms.receipts, now=desk_of(request).clock.now()),
    )


@router.post("/desk/station/{rma}/correction", response_class=HTMLResponse)
async def correct(
    rma: str, request: Request, actor: Annotated[Actor, require(*MAY[CommandKind.CORRECTION])]
) -> Response:
    """Something was not here after all."""
    return await _carry_out(request, actor, CommandKind.CORRECTION, rma, warehouse_forms.correction)


@router.post("/desk/station/{rma}/inspections", response_class=HTMLResponse)
async def inspect(
    rma: str, request: Request, actor: Annotated[Actor, require(*MAY[CommandKind.INSPECTIONS])]
) -> Response:
    """What was seen of some units of a line; or, where only the grade was asked for, what the answers amount to."""
    form = await form_of(request)
    if text_in(form, "look") is not None:
        return await _looked(request, actor, rma, form)
    seen = await asyncio.to_thread(_seen_in, desk_of(request), actor, rma, form)

    def read(_form: FormData) -> BaseModel:
        if isinstance(seen, Exception):
            raise seen
        return seen

    return await _carry_out(request, actor, CommandKind.INSPECTIONS, rma, read)


def _seen_in(
    desk: Desk, actor: Actor, rma: str, form: FormData
) -> InspectionsInput | ReturndeskError | ValidationError:
    """What a form says was seen, or what is wrong with it."""
    try:
        photos = _photos_in(desk, actor, parse(rma), form)
        by_facts = text_in(form, "by_facts") is not None
        seen = warehouse_forms.inspections(form, photos, by_facts=by_facts)
        _check_override(desk, parse(rma), seen)
    except (ReturndeskError, ValidationError) as error:
        return error
    return seen


def _check_override(desk: Desk, rma: Rma, seen: InspectionsInput) -> None:
    """Say it before it is asked for: what differs from what the answers amount to needs a reason.

    Raises `InvalidInput` (`override_needs_reason`), and `NotFound`.
    """
    for item in seen.items:
        if item.facts is None or item.override is not None:
            continue
        with desk.database.read() as session:
            condition, packaging = pages.grade_of(session, desk.policies, rma, item.facts)
        if (item.condition or condition, item.packaging or packaging) != (condition, packaging):
            raise InvalidInput(
                "override_needs_reason",
                f"Your answers amount to condition {condition}, packaging {packaging}. If it is something else all the "
                "same, say why under “Why?”. Nothing was recorded.",
                "override_reason",
            )


def _photos_in(desk: Desk, actor: Actor, rma: Rma, form: FormData) -> list[str]:
    """The photos that a form names, by id or by the key under which its device sent them. Raises `NotFound`."""
    named, keys = ([str(value) for value in form.getlist(name)] for name in ("photo", "photo_key"))
    if not keys:
        return named
    with desk.database.read() as session:
        return list(dict.fromkeys(named + pages.photo_ids(session, actor.id, rma, keys)))


async def _looked(request: Request, actor: Actor, rma: str, form: FormData) -> Response:
    again, desk = _again(request, actor, rma), desk_of(request)

    def derived() -> tuple[Condition, Packaging]:
        answers = warehouse_forms.facts(form)
        with desk.database.read() as session:
            return pages.grade_of(session, desk.policies, parse(rma), answers)

    try:
        grade = await asyncio.to_thread(derived)
    except (ReturndeskError, ValidationError) as error:
        return await again(problem_of(error), typed_in(form))
    return await asyncio.to_thread(
        _parcel, request, actor, parse(rma), _form_box(form), typed=typed_in(form), grade=grade
    )


@router.post("/desk/station/{rma}/goods-back", response_class=HTMLResponse)
async def goods_back(
    rma: str, request: Request, actor: Annotated[Actor, require(*MAY[CommandKind.GOODS_BACK])]
) -> Response:
    """Rejected goods left."""
    return await _carry_out(request, actor, CommandKind.GOODS_BACK, rma, warehouse_forms.goods_back)


@router.post("/desk/station/{rma}/dispositions", response_class=HTMLResponse)
async def dispose(
    rma: str, request: Request, actor: Annotated[Actor, require(*MAY[CommandKind.DISPOSITIONS])]
) -> Response:
    """What becomes of goods that are here."""
    return await _carry_out(request, actor, CommandKind.DISPOSITIONS, rma, warehouse_forms.dispositions)


@router.post("/desk/station/{rma}/photos", response_class=HTMLResponse)
async def photograph(rma: str, request: Request, actor: AtStation) -> Response:
    """A photo from a form: what a phone's camera takes, or a file."""
    try:
        form = await request.form(max_files=1)
    except HTTPException:
        raise InvalidInput(
            "photo_unreadable", "The photo did not arrive whole. Nothing was kept. Send it again."
        ) from None
    again = _again(request, actor, rma)
    try:
        photo = form.get("photo")
        if not isinstance(photo, UploadFile) or not photo.size:
            raise InvalidInput("no_photo", "Choose a photo first. Nothing was kept.", "photo")
        view = await keep_photo(
            desk_of(request), parse(rma), await photo.read(SENT_BYTES_MAX), actor=actor, key=key_in(form)
        )
    except ReturndeskError as error:
        if wants_json(request):
            raise
        return await again(problem_of(error), typed_in(form))
    if wants_json(request):
        return JSONResponse({"photo": view.id}, HTTPStatus.CREATED, NO_STORE)
    back = parcel_url(parse(rma), _form_box(form))
    return RedirectResponse(f"{back}#photos", HTTPStatus.SEE_OTHER, NO_STORE)


# Forms -------------------------------------------------------------------------------------------


def _form_box(form: FormData) -> tuple[str, ...]:
    return box_of(text_in(form, "box") or "")


def _again(
    request: Request, actor: Actor, rma: str
) -> Callable[[FormProblem, Mapping[str, str]], Awaitable[Response]]:
    async def again(problem: FormProblem, typed: Mapping[str, str]) -> Response:
        box = box_of(typed.get("box", ""))
        return await asyncio.to_thread(_parcel, request, actor, parse(rma), box, problem=problem, typed=typed)

    return again


async def _carry_out(request: Request, actor: Actor, kind: CommandKind, rma: str, read: _Read) -> Response:
    """What a form asks: answered as the API answers a command where the script asks, else with a page."""
    form = await form_of(request)
    if not wants_json(request):
        back = parcel_url(parse(rma), _form_box(form))
        return await send(request, actor, kind, rma, read, back=back, again=_again(request, actor, rma))
    try:
        written, outcome = await ask(
            desk_of(request), kind, parse(rma), read(form), actor=actor, key=key_in(form)
        )
    except ValidationError as error:
        problem = problem_of(error)
        return answer_problem(problem.status, problem.code, problem.sentence)
    return answer(request, written, outcome)
