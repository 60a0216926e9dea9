"""The station's front page: what waits, a scanner that is listened to, and why a code led nowhere.

Whatever is scanned, the hand that scanned it stays at the station: the next scan has somewhere to go.
"""

from collections.abc import Mapping, Sequence
from http import HTTPStatus

from fastapi import Request
from fastapi.responses import Response

from api import live
from api.desk import Desk, desk_of
from api.desk_pages import FormProblem, show
from api.warehouse_frame import Station
from returndesk.domain import rma, scanning
from returndesk.domain.errors import InvalidInput
from returndesk.domain.people import Actor
from returndesk.store import warehouse_lists as lists


def on_the_way_days(desk: Desk) -> int:
    """How long a parcel is assumed to be on its way: the policy's own word, from there to here as from here to there."""
    return desk.policy.returns.delivery_assumed_after_days


def front(
    request: Request,
    actor: Actor,
    *,
    box: Sequence[str] = (),
    problem: FormProblem | None = None,
    typed: Mapping[str, str] | None = None,
    asked: bool = False,
) -> Response:
    """What waits; with a problem, under the problem's status and with what was typed still in the scanner's line."""
    desk = desk_of(request)
    with desk.database.read() as session:
        view = lists.station_page(session, on_the_way_days(desk))
    page = Station(view, box, asked=asked, seen=live.mark(repr(view)))
    return show(request, actor, "warehouse/front", page, problem=problem, typed=typed)


def nowhere(request: Request, actor: Actor, code: str, box: Sequence[str] = ()) -> Response:
    """The front page, and why this code leads nowhere."""
    shown = code.strip()[: scanning.CODE_MAX]
    return front(request, actor, box=box, problem=_why(scanning.read(code), code), typed={"code": shown})


def _why(found: scanning.Scanned, code: str) -> FormProblem:
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
    if len(code.strip()) > scanning.CODE_MAX:
        return FormProblem(
            HTTPStatus.NOT_FOUND,
            "code_too_long",
            "This code is longer than any of ours. Scan the one that begins with RMA, or type it from the slip.",
        )
    if _has_a_wrong_character(code):
        return FormProblem(
            HTTPStatus.NOT_FOUND,
            "rma_check",
            "If this is an RMA number, one character is wrong or two are swapped. Compare it with the slip and type "
            "it again. It is no order of this shop either.",
        )
    return FormProblem(
        HTTPStatus.NOT_FOUND,
        "code_unknown",
        "This is no RMA number, no order of this shop, and no tracking number of a parcel on its way here. Compare it "
        "with the slip and type it again. If the scanner mistypes, scan its test code.",
    )


def _has_a_wrong_character(code: str) -> bool:
    """Whether it looks like an RMA number and its check character says that it is none."""
    try:
        rma.parse(code)
    except InvalidInput as error:
        return error.code == "rma_check" or (error.code == "rma_character" and _begins_like_one(code))
    return False


def _begins_like_one(code: str) -> bool:
    return code.strip().upper().startswith("RMA")
