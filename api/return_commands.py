"""What somebody may ask of a return: one route for each command of DESIGN 3."""

import random
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response

from api.commands import CommandAnswer, CommandPending, IdempotencyKey, answer, ask
from api.desk import Desk, desk_of
from api.identity import require
from api.problems import problems
from returndesk.domain.inputs import (
    AnyCommandInput,
    ApprovalInput,
    AuthorizationInput,
    CancellationInput,
    DecisionInput,
    DeclineInput,
    DispositionsInput,
    GoodsBackInput,
    HoldInput,
    InspectionsInput,
    MessageInput,
    PaidByHandInput,
    QuestionInput,
    RecalculationInput,
    RefundAgainInput,
    RefusalInput,
    RequestInput,
    ResumptionInput,
)
from returndesk.domain.parcel_inputs import CorrectionInput, LossInput, ReceiptsInput, ShipmentInput
from returndesk.domain.people import MAY, Actor
from returndesk.domain.rma import allot, parse
from returndesk.domain.stages import CommandKind
from returndesk.messages import Outcome
from returndesk.store.commands import Contact, Written, new_id

router = APIRouter(prefix="/api/v1", tags=["returns"])

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
    written, outcome = await ask_for_return(desk_of(request), body, actor, key)
    return answer(request, written, outcome, created=True)


async def ask_for_return(
    desk: Desk, body: RequestInput, actor: Actor, key: str
) -> tuple[Written, Outcome | None]:
    """Write a request down with its contact under a fresh RMA, and wait for its outcome.

    Raises `InvalidInput` (`contact_in_future`).
    """
    contact = Contact(new_id("con"), body.order_reference, body.channel, body.came_at(desk.clock.now()))
    return await ask(
        desk,
        CommandKind.REQUEST,
        allot(_ALLOTTING),
        body,
        actor=actor,
        key=key,
        for_new=True,
        contact=contact,
    )


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
    body.not_later_than(desk_of(request).clock.now())
    return await _command(CommandKind.RECEIPTS, rma, body, request, key, actor)


@router.post("/returns/{rma}/inspections", response_model=CommandAnswer, responses=_COMMAND)
async def inspect(
    rma: Rma,
    body: InspectionsInput,
    request: Request,
    key: IdempotencyKey,
    actor: Annotated[Actor, _may(CommandKind.INSPECTIONS)],
) -> Response:
    """Record what was seen: facts, or condition and packaging. Clear cases are decided at once where the policy lets.

    Facts are graded by the policy's rules; another condition or packaging beside them needs an `override`
    (422 `override_needs_reason`).
    """
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


@router.post("/returns/{rma}/loss", response_model=CommandAnswer, responses=_COMMAND)
async def lose(
    rma: Rma,
    body: LossInput,
    request: Request,
    key: IdempotencyKey,
    actor: Annotated[Actor, _may(CommandKind.LOSS)],
) -> Response:
    """A parcel is lost, as far as anybody can tell. Its units are free; a person decides what the customer gets."""
    return await _command(CommandKind.LOSS, rma, body, request, key, actor)


@router.post("/returns/{rma}/correction", response_model=CommandAnswer, responses=_COMMAND)
async def correct(
    rma: Rma,
    body: CorrectionInput,
    request: Request,
    key: IdempotencyKey,
    actor: Annotated[Actor, _may(CommandKind.CORRECTION)],
) -> Response:
    """Undo a receipt, lot by lot: what is not here is where it was before, and the customer is told."""
    return await _command(CommandKind.CORRECTION, rma, body, request, key, actor)


@router.post("/returns/{rma}/refusal", response_model=CommandAnswer, responses=_COMMAND)
async def refuse(
    rma: Rma,
    body: RefusalInput,
    request: Request,
    key: IdempotencyKey,
    actor: Annotated[Actor, _may(CommandKind.REFUSAL)],
) -> Response:
    """Do not let a refund above the approval limit go: nothing is paid, and it is to be decided again."""
    return await _command(CommandKind.REFUSAL, rma, body, request, key, actor)


@router.post("/returns/{rma}/goods-back", response_model=CommandAnswer, responses=_COMMAND)
async def send_back(
    rma: Rma,
    body: GoodsBackInput,
    request: Request,
    key: IdempotencyKey,
    actor: Annotated[Actor, _may(CommandKind.GOODS_BACK)],
) -> Response:
    """Rejected goods left: sent back, handed over, or scrapped once the date that the customer was told has passed."""
    return await _command(CommandKind.GOODS_BACK, rma, body, request, key, actor)


@router.post("/returns/{rma}/hold", response_model=CommandAnswer, responses=_COMMAND)
async def hold(
    rma: Rma,
    body: HoldInput,
    request: Request,
    key: IdempotencyKey,
    actor: Annotated[Actor, _may(CommandKind.HOLD)],
) -> Response:
    """Look into it first: meanwhile nothing is authorized, declined, decided or paid. A hold stops no clock."""
    return await _command(CommandKind.HOLD, rma, body, request, key, actor)


@router.post("/returns/{rma}/resumption", response_model=CommandAnswer, responses=_COMMAND)
async def resume(
    rma: Rma,
    body: ResumptionInput,
    request: Request,
    key: IdempotencyKey,
    actor: Annotated[Actor, _may(CommandKind.RESUMPTION)],
) -> Response:
    """Let a return on hold go on; what the rules would have decided meanwhile they decide now."""
    return await _command(CommandKind.RESUMPTION, rma, body, request, key, actor)


@router.post("/returns/{rma}/recalculation", response_model=CommandAnswer, responses=_COMMAND)
async def recalculate(
    rma: Rma,
    body: RecalculationInput,
    request: Request,
    key: IdempotencyKey,
    actor: Annotated[Actor, _may(CommandKind.RECALCULATION)],
) -> Response:
    """Count the dates of an open return anew, by the policy and calendar of today. A breach stays a breach."""
    return await _command(CommandKind.RECALCULATION, rma, body, request, key, actor)


@router.post("/returns/{rma}/dispositions", response_model=CommandAnswer, responses=_COMMAND)
async def dispose(
    rma: Rma,
    body: DispositionsInput,
    request: Request,
    key: IdempotencyKey,
    actor: Annotated[Actor, _may(CommandKind.DISPOSITIONS)],
) -> Response:
    """Say what becomes of goods that are here, also after the end: what was on hold is restocked one day."""
    return await _command(CommandKind.DISPOSITIONS, rma, body, request, key, actor)


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
