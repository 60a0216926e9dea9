"""Returns and commands, read."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request

from api.commands import CommandState
from api.desk import desk_of
from api.identity import require
from api.problems import problems
from api.return_commands import Rma
from returndesk.domain.errors import NotFound
from returndesk.domain.mistakes import WORDS
from returndesk.domain.orders import Instant
from returndesk.domain.people import MAY, Actor, Role
from returndesk.domain.rma import parse
from returndesk.domain.stages import CommandKind, Stage
from returndesk.store import commands as store_commands
from returndesk.store import views

router = APIRouter(prefix="/api/v1", tags=["returns"])

_EVERYBODY = (Role.REP, Role.WAREHOUSE, Role.FINANCE, Role.MANAGER, Role.ADMIN)


@router.get("/returns", responses=problems(401, 403, 422))
def list_returns(
    request: Request,
    _actor: Annotated[Actor, require(*_EVERYBODY)],
    stage: Stage | None = None,
    due_before: Annotated[
        Instant | None,
        Query(
            description="Open returns that are due before this: by their next running clock, or by when somebody looks into a hold."
        ),
    ] = None,
    q: Annotated[
        str | None,
        Query(
            min_length=1,
            max_length=254,
            pattern=WORDS,
            description="An RMA, an order, or a customer's email.",
        ),
    ] = None,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> views.ReturnList:
    """Returns, newest first."""
    with desk_of(request).database.read() as session:
        return views.list_returns(
            session, stage=stage, due_before=due_before, q=q, cursor=cursor, limit=limit
        )


@router.get("/returns/{rma}", responses=problems(401, 403, 404, 422))
def one_return(rma: Rma, request: Request, actor: Annotated[Actor, require(*_EVERYBODY)]) -> views.ReturnView:
    """A return with its lots, clocks, refunds and decision. The status link is for those who write to customers."""
    desk = desk_of(request)
    with desk.database.read() as session:
        view = views.return_view(session, parse(rma))
    if actor.role in MAY[CommandKind.REQUEST]:
        view.status_url = desk.links.status(view.rma)
    return view


@router.get("/returns/{rma}/timeline", responses=problems(401, 403, 404, 422))
def timeline(rma: Rma, request: Request, _actor: Annotated[Actor, require(*_EVERYBODY)]) -> views.Timeline:
    """Everything that happened to a return, in order: who, what, when, under which policy."""
    with desk_of(request).database.read() as session:
        return views.timeline(session, parse(rma))


@router.get("/commands/{command_id}", responses=problems(401, 403, 404, 422))
def command_state(
    command_id: Annotated[str, Path(max_length=40)],
    request: Request,
    _actor: Annotated[Actor, require(*_EVERYBODY)],
) -> CommandState:
    """What came of a command that was answered 202."""
    with desk_of(request).database.read() as session:
        found = store_commands.find(session, command_id)
    if found is None:
        raise NotFound("command_not_found", "There is no such command.")
    outcome = found.outcome
    refused_request = found.ref.kind is CommandKind.REQUEST and (outcome is None or not outcome.accepted)
    return CommandState(
        command_id=command_id,
        rma=None if refused_request else found.rma,
        kind=found.ref.kind,
        recorded_at=found.recorded_at,
        accepted=None if outcome is None else outcome.accepted,
        code=None if outcome is None else outcome.code or None,
        reasons=[] if outcome is None else list(outcome.reasons),
        stage=None if outcome is None else outcome.stage,
    )
