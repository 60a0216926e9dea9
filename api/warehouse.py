"""The warehouse's station: scan, receive, inspect, send back. For a hand with gloves on.

Every form works without JavaScript. With it the station sends the same forms itself, asks for JSON, and gets what the
API's commands answer: so what waited on a device without a connection is carried out by the very same route, under
the very same key.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from pydantic import BaseModel, ValidationError
from sqlmodel import Session
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException

from api import live, warehouse_forms
from api.commands import answer, ask
from api.desk import Desk, desk_of
from api.desk_pages import (
    NO_STORE,
    FormProblem,
    form_of,
    key_in,
    problem_of,
    send,
    show,
    text_in,
    typed_in,
)
from api.identity import require
from api.photos import keep_photo
from api.problems import answer_problem
from returndesk.domain import scanning
from returndesk.domain.errors import InvalidInput, NotFound, ReturndeskError
from returndesk.domain.lots import Condition, Packaging
from returndesk.domain.people import MAY, Actor
from returndesk.domain.rma import Rma, parse
from returndesk.domain.stages import CommandKind
from returndesk.photos import SENT_BYTES_MAX
from returndesk.store import warehouse_pages as pages
from returndesk.store.found_parcels import LOOK_INTO_DAYS, FoundParcel, file_found_parcel
from returndesk.store.warehouse_pages import Waiting

router = APIRouter(include_in_schema=False)

_FLOOR = MAY[CommandKind.RECEIPTS]
_HOME = "/desk/station"
_BOX_MAX = 12
_PAPERS = ("roll", "a4")

AtStation = Annotated[Actor, require(*_FLOOR)]
Box = Annotated[str, Query(max_length=_BOX_MAX * 20)]
Read = Callable[[FormData], BaseModel]


@dataclass(frozen=True)
class Station:
    """A page of the station: what it is about, the returns whose goods came in the box at hand, and a word to say.

    `layout`: the keyboard layout through which the code before was read. `grade`: what the answers of the form
    amount to, where somebody without JavaScript asked. `asked`: a rep was asked to see to a parcel.
    """

    view: object
    box: Sequence[str] = ()
    at_hand: str | None = None
    layout: str | None = None
    grade: tuple[Condition, Packaging] | None = None
    asked: bool = False

    @property
    def box_query(self) -> str:
        """The box as links and forms hand it on."""
        return ",".join(self.box)


def _box(text: str, *more: str) -> tuple[str, ...]:
    """The returns in the box, each once; what is no RMA is not in it."""
    named = [*text.split(","), *more]
    known = [found.rma for found in map(scanning.read, named) if found.rma is not None]
    return tuple(dict.fromkeys(known))[-_BOX_MAX:]


def _url(path: str, **query: str | None) -> str:
    given = {name: value for name, value in query.items() if value}
    return f"{path}?{urlencode(given, safe=',')}" if given else path


def _parcel_url(rma: str, box: Sequence[str], **query: str | None) -> str:
    alone = tuple(box) in ((), (rma,))
    return _url(f"{_HOME}/{rma}", box=None if alone else ",".join(box), **query)


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
        view = pages.station_page(session, _days(desk))
    page = Station(view, box, asked=asked)
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
        view = pages.waiting(session, what, _days(desk), cursor=cursor)
    return show(request, actor, "warehouse/list", Station(view))


@router.get("/desk/live/station")
async def live_station(request: Request, _actor: AtStation) -> Response:
    """Says when what waits has changed."""
    days = _days(desk_of(request))
    return await live.stream(request, lambda session: pages.look(session, days))


# Scanning ----------------------------------------------------------------------------------------


@router.get("/desk/station/scan", response_class=HTMLResponse)
def scan(
    request: Request,
    actor: AtStation,
    code: Annotated[str, Query(max_length=scanning.CODE_MAX)] = "",
    box: Box = "",
) -> Response:
    """Where a code leads: to its return, to its order, to the test of the scanner; else why nowhere."""
    found, desk, here = scanning.read(code), desk_of(request), _box(box)
    if found.test is not None:
        return show(request, actor, "warehouse/scanner", Station(found.test, here))
    if found.command == scanning.NEXT:
        return RedirectResponse(_HOME, HTTPStatus.SEE_OTHER, NO_STORE)
    with desk.database.read() as session:
        target = _target(session, found, code.strip(), here)
    if target is not None:
        return RedirectResponse(target, HTTPStatus.SEE_OTHER, NO_STORE)
    return _front(request, actor, box=here, problem=_nowhere(found), typed={"code": code})


def _target(session: Session, found: scanning.Scanned, typed: str, box: Sequence[str]) -> str | None:
    if found.rma is not None and pages.is_return(session, found.rma):
        return _parcel_url(found.rma, _box(",".join(box), found.rma), layout=found.layout)
    if found.rma is None and found.command is None and pages.is_order(session, typed):
        return _url(f"{_HOME}/order", reference=typed, box=",".join(box))
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
    return _blind(request, actor, reference, _box(box))


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
        if _wants_json(request):
            raise
        reference, box = text_in(form, "reference"), _box(text_in(form, "box") or "")
        reference = None if isinstance(error, NotFound) else reference
        return await asyncio.to_thread(
            _blind, request, actor, reference, box, problem_of(error), typed_in(form)
        )
    if _wants_json(request):
        return JSONResponse({"task": task_id}, headers=NO_STORE)
    return RedirectResponse(_url(_HOME, asked="yes"), HTTPStatus.SEE_OTHER, NO_STORE)


def _known_order(desk: Desk, reference: str | None) -> None:
    if reference is not None:
        with desk.database.read() as session:
            pages.order_page(session, reference)


# The parcel at hand ------------------------------------------------------------------------------


@router.get("/desk/station/{rma}", response_class=HTMLResponse)
def parcel(
    rma: str,
    request: Request,
    actor: AtStation,
    box: Box = "",
    layout: Annotated[str | None, Query(max_length=40)] = None,
) -> Response:
    """The parcel at hand: what is expected, what is here, what to do next."""
    known = layout if layout in scanning.LAYOUTS else None
    return _parcel(request, actor, parse(rma), _box(box), layout=known)


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
    page = Station(view, _box(",".join(box), rma), rma, layout, grade)
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
    return await _carry_out(request, actor, CommandKind.RECEIPTS, rma, warehouse_forms.receipts)


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
    by_facts = text_in(form, "by_facts") is not None
    photos = await asyncio.to_thread(_photos_in, desk_of(request), actor, rma, form)

    def read(form: FormData) -> BaseModel:
        if isinstance(photos, ReturndeskError):
            raise photos
        return warehouse_forms.inspections(form, photos, by_facts=by_facts)

    return await _carry_out(request, actor, CommandKind.INSPECTIONS, rma, read)


def _photos_in(desk: Desk, actor: Actor, rma: str, form: FormData) -> list[str] | ReturndeskError:
    """The photos that a form names, by id or by the key under which its device sent them."""
    named, keys = ([str(value) for value in form.getlist(name)] for name in ("photo", "photo_key"))
    if not keys:
        return named
    try:
        with desk.database.read() as session:
            return named + pages.photo_ids(session, actor.id, parse(rma), keys)
    except ReturndeskError as error:
        return error


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
        if _wants_json(request):
            raise
        return await again(problem_of(error), typed_in(form))
    if _wants_json(request):
        return JSONResponse({"photo": view.id}, HTTPStatus.CREATED, NO_STORE)
    back = _parcel_url(parse(rma), _form_box(form))
    return RedirectResponse(f"{back}#photos", HTTPStatus.SEE_OTHER, NO_STORE)


# Forms -------------------------------------------------------------------------------------------


def _wants_json(request: Request) -> bool:
    """Whether the station's script asks: it keeps what it sends until it has an answer."""
    return request.headers.get("accept", "").startswith("application/json")


def _form_box(form: FormData) -> tuple[str, ...]:
    return _box(text_in(form, "box") or "")


def _again(
    request: Request, actor: Actor, rma: str
) -> Callable[[FormProblem, Mapping[str, str]], Awaitable[Response]]:
    async def again(problem: FormProblem, typed: Mapping[str, str]) -> Response:
        box = _box(typed.get("box", ""))
        return await asyncio.to_thread(_parcel, request, actor, parse(rma), box, problem=problem, typed=typed)

    return again


async def _carry_out(request: Request, actor: Actor, kind: CommandKind, rma: str, read: Read) -> Response:
    """What a form asks: answered as the API answers a command where the script asks, else with a page."""
    form = await form_of(request)
    if not _wants_json(request):
        back = _parcel_url(parse(rma), _form_box(form))
        return await send(request, actor, kind, rma, read, back=back, again=_again(request, actor, rma))
    try:
        written, outcome = await ask(
            desk_of(request), kind, parse(rma), read(form), actor=actor, key=key_in(form)
        )
    except ValidationError as error:
        problem = problem_of(error)
        return answer_problem(problem.status, problem.code, problem.sentence)
    return answer(request, written, outcome)
