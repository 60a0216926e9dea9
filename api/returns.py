"""Returns: asked for, authorized, received, inspected, decided; and read."""

import random
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response

from api.commands import (
    CommandAnswer,
    CommandPending,
    CommandState,
    IdempotencyKey,
    answer,
    ask,
)
from api.desk import desk_of
from api.identity import require
from api.problems import problems
from returndesk.domain.errors import InvalidInput, NotFound
from returndesk.domain.inputs import (
    AnyCommandInput,
    ApprovalInput,
    AuthorizationInput,
    CancellationInput,
    DecisionInput,
    DeclineInput,
    InspectionsInput,
    MessageInput,
    PaidByHandInput,
    QuestionInput,
    ReceiptsInput,
    RefundAgainInput,
    RequestInput,
    ShipmentInput,
)
from returndesk.domain.mistakes import WORDS
from returndesk.domain.orders import Instant
from returndesk.domain.people import MAY, Actor, Role
from returndesk.domain.rma import allot, parse
from returndesk.domain.stages import CommandKind, Stage
from returndesk.store import commands as store_commands
from returndesk.store import views
from returndesk.store.commands import Contact, new_id

router = APIRouter(prefix="/api/v1", tags=["returns"])

_EVERYBODY = (Role.REP, Role.WAREHOUSE, Role.FINANCE, Role.MANAGER, Role.ADMIN)
_ALLOTTING = random.SystemRandom()

Rma = Annotated[str, Path(max_length=20, description="As printed: RMA-7K3M-Q9TX.")]
_PENDING: dict[int | str, dict[str, Any]] = {
    202: {"model": CommandPending, "description": "Written down; no outcome yet."}
}
_COMMAND = {**_PENDING, **problems(400, 401, 403, 404, 409, 413, 422)}


def _may(kind: CommandKind) -> object:
    return require(*MAY[kind])


@router.post(
    "/returns",
    status_code=201,
    response_model=CommandAnswer,
    responses={**_PENDING, **problems(400, 401, 403, 413, 422)},
)
async def request_return(
    body: RequestInput,
    request: Request,
    key: IdempotencyKey,
    actor: Annotated[Actor, _may(CommandKind.REQUEST)],
) -> Response:
    """Start a return. The RMA and its deadlines are the answer; 422 with coded reasons where it is not eligible.

    `authorize` sends the instructions at once. A rep's `override` goes against the rules' reasons, never
    against facts (`unknown_order`, `unknown_line`, `already_returned`).
    """
    desk = desk_of(request)
    now = desk.clock.now()
    contacted_at = body.came_at(now)
    if contacted_at > now:
        raise InvalidInput(
            "contact_in_future", "contacted_at is later than now. Give when the contact was.", "contacted_at"
        )
    contact = Contact(new_id("con"), body.order_reference, body.channel, contacted_at)
    written, outcome = await ask(
        desk,
        CommandKind.REQUEST,
        allot(_ALLOTTING),
        body,
        actor=actor,
        key=key,
        for_new=True,
        contact=contact,
    )
    return answer(request, written, outcome, created=True)


async def _command(
    kind: CommandKind,
    rma: str,
    body: AnyCommandInput,
    request: Request,
    key: str,
    actor: Actor,
) -> Response:
    desk = desk_of(request)
    written, outcome = await ask(desk, kind, parse(rma), body, actor=actor, key=key)
    return answer(request, written, outcome)


@router.post("/returns/{rma}/authorization", response_model=CommandAnswer, responses=_COMMAND)
async def authorize(
    rma: Rma,
    body: AuthorizationInput,
    request: Request,
    key: IdempotencyKey,
    actor: Annotated[Actor, _may(CommandKind.AUTHORIZATION)],
) -> Response:
    """Say yes: the customer is mailed instructions and a slip; the clocks wait for the goods."""
    return await _command(CommandKind.AUTHORIZATION, rma, body, request, key, actor)


@router.post("/returns/{rma}/decline", response_model=CommandAnswer, responses=_COMMAND)
async def decline(
    rma: Rma,
    body: DeclineInput,
    request: Request,
    key: IdempotencyKey,
    actor: Annotated[Actor, _may(CommandKind.DECLINE)],
) -> Response:
    """Say no before anything is sent: the customer is told each reason, the units may be asked for again."""
    return await _command(CommandKind.DECLINE, rma, body, request, key, actor)


@router.post("/returns/{rma}/cancellation", response_model=CommandAnswer, responses=_COMMAND)
async def cancel(
    rma: Rma,
    body: CancellationInput,
    request: Request,
    key: IdempotencyKey,
    actor: Annotated[Actor, _may(CommandKind.CANCELLATION)],
) -> Response:
    """The customer keeps the goods: the return ends, and the units may be asked for again."""
    return await _command(CommandKind.CANCELLATION, rma, body, request, key, actor)


@router.post("/returns/{rma}/question", response_model=CommandAnswer, responses=_COMMAND)
async def ask_customer(
    rma: Rma,
    body: QuestionInput,
    request: Request,
    key: IdempotencyKey,
    actor: Annotated[Actor, _may(CommandKind.QUESTION)],
) -> Response:
    """Mail the customer what is needed, word for word. Both clocks wait for the answer."""
    return await _command(CommandKind.QUESTION, rma, body, request, key, actor)


@router.post("/returns/{rma}/message", response_model=CommandAnswer, responses=_COMMAND)
async def hear(
    rma: Rma,
    body: MessageInput,
    request: Request,
    key: IdempotencyKey,
    actor: Annotated[Actor, _may(CommandKind.MESSAGE)],
) -> Response:
    """Record what the customer said. If an answer was awaited, the clocks run again from when it was said."""
    return await _command(CommandKind.MESSAGE, rma, body, request, key, actor)


@router.post("/returns/{rma}/shipment", response_model=CommandAnswer, responses=_COMMAND)
async def ship(
    rma: Rma,
    body: ShipmentInput,
    request: Request,
    key: IdempotencyKey,
    actor: Annotated[Actor, _may(CommandKind.SHIPMENT)],
) -> Response:
    """Note that goods are on their way, with what proves it. What was sent does not expire: it is looked for."""
    return await _command(CommandKind.SHIPMENT, rma, body, request, key, actor)


@router.post("/returns/{rma}/receipts", response_model=CommandAnswer, responses=_COMMAND)
async def receive(
    rma: Rma,
    body: ReceiptsInput,
    request: Request,
    key: IdempotencyKey,
    actor: Annotated[Actor, _may(CommandKind.RECEIPTS)],
) -> Response:
    """Record what a parcel held. What did not come counts as missing, unless `more_expected`."""
    return await _command(CommandKind.RECEIPTS, rma, body, request, key, actor)


@router.post("/returns/{rma}/inspections", response_model=CommandAnswer, responses=_COMMAND)
async def inspect(
    rma: Rma,
    body: InspectionsInput,
    request: Request,
    key: IdempotencyKey,
    actor: Annotated[Actor, _may(CommandKind.INSPECTIONS)],
) -> Response:
    """Record condition and packaging. Where the policy lets the rules decide, clear cases are decided at once."""
    return await _command(CommandKind.INSPECTIONS, rma, body, request, key, actor)


@router.post("/returns/{rma}/decision", response_model=CommandAnswer, responses=_COMMAND)
async def decide(
    rma: Rma,
    body: DecisionInput,
    request: Request,
    key: IdempotencyKey,
    actor: Annotated[Actor, _may(CommandKind.DECISION)],
) -> Response:
    """Accept or reject, line by line or lot by lot; what is not named follows the rules."""
    return await _command(CommandKind.DECISION, rma, body, request, key, actor)


@router.post("/returns/{rma}/approval", response_model=CommandAnswer, responses=_COMMAND)
async def approve(
    rma: Rma,
    body: ApprovalInput,
    request: Request,
    key: IdempotencyKey,
    actor: Annotated[Actor, _may(CommandKind.APPROVAL)],
) -> Response:
    """Let a refund above the approval limit go. Nobody approves their own decision."""
    return await _command(CommandKind.APPROVAL, rma, body, request, key, actor)


@router.post("/returns/{rma}/refund-again", response_model=CommandAnswer, responses=_COMMAND)
async def refund_again(
    rma: Rma,
    body: RefundAgainInput,
    request: Request,
    key: IdempotencyKey,
    actor: Annotated[Actor, _may(CommandKind.REFUND_AGAIN)],
) -> Response:
    """Ask for a failed refund anew, on the same payment or another of the order's; or for what had no payment."""
    return await _command(CommandKind.REFUND_AGAIN, rma, body, request, key, actor)


@router.post("/returns/{rma}/paid-by-hand", response_model=CommandAnswer, responses=_COMMAND)
async def paid_by_hand(
    rma: Rma,
    body: PaidByHandInput,
    request: Request,
    key: IdempotencyKey,
    actor: Annotated[Actor, _may(CommandKind.PAID_BY_HAND)],
) -> Response:
    """Record that the customer was paid another way. Above the approval limit a manager does, and not who decided."""
    return await _command(CommandKind.PAID_BY_HAND, rma, body, request, key, actor)


@router.get("/returns", responses=problems(401, 403, 422))
def list_returns(
    request: Request,
    _actor: Annotated[Actor, require(*_EVERYBODY)],
    stage: Stage | None = None,
    due_before: Annotated[
        Instant | None, Query(description="Open returns whose next running clock is due before this.")
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
