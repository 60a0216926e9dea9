"""The forms on a return's page: one route for each command, and the preview of a decision.

Every field is named after its command (`hold-note`), so that one page can hold all forms. Before anything is asked,
the return is claimed for who asks; where somebody else has it who may do the same, nothing is asked.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response
from pydantic import BaseModel
from starlette.datastructures import FormData

from api.desk import Desk, desk_of
from api.desk_pages import FormProblem, form_of, instant_in, problem_of, send, text_in, typed_in
from api.identity import require
from api.rep_return import hold, return_page
from api.return_commands import Rma
from returndesk.domain import inputs, parcel_inputs
from returndesk.domain.errors import InvalidInput, Refused
from returndesk.domain.money import parse_minor
from returndesk.domain.people import MAY, Actor
from returndesk.domain.rma import parse
from returndesk.domain.stages import CommandKind
from returndesk.store import tables

router = APIRouter(include_in_schema=False)

_YES = "yes"
_DIGITS_MAX = 7


@dataclass(frozen=True)
class Given:
    """The fields of one command's form, without the command's name in front."""

    form: FormData
    desk: Desk
    rma: str

    def text(self, name: str) -> str | None:
        """What was typed; None for nothing."""
        return text_in(self.form, name)

    def ticked(self, name: str) -> bool:
        """Whether a box was ticked."""
        return self.text(name) == _YES

    def instant(self, name: str) -> Any:
        """A local time of the shop's zone, as the input models take it."""
        at = instant_in(self.form, name, self.desk.policy.shop.zone)
        return None if at is None else at.isoformat()

    def numbered(self, prefix: str) -> dict[int, str]:
        """What was chosen for each of several things, by number."""
        return {
            int(name.removeprefix(prefix)): value
            for name, value in self.form.items()
            if name.startswith(prefix)
            and _is_number(name.removeprefix(prefix))
            and isinstance(value, str)
            and value
        }

    @property
    def currency(self) -> str:
        """The return's."""
        with self.desk.database.read() as session:
            row = session.get(tables.Return, self.rma)
            return self.desk.policy.shop.currency if row is None else row.currency


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= _DIGITS_MAX


def _note(given: Given) -> dict[str, Any]:
    return {"note": given.text("note")}


def _authorization(given: Given) -> BaseModel:
    return inputs.AuthorizationInput.model_validate(_note(given))


def _decline(given: Given) -> BaseModel:
    reasons = [x for x in inputs.DeclineReason if given.ticked(f"because-{x}")]
    if not reasons:
        raise InvalidInput(
            "no_reason", "Tick at least one reason: the customer is told each of them.", "reasons"
        )
    despite = {"despite_rules": True} if given.ticked("despite_rules") else {}
    return inputs.DeclineInput.model_validate({"reasons": reasons} | despite | _note(given))


def _cancellation(given: Given) -> BaseModel:
    return inputs.CancellationInput.model_validate(_note(given))


def _question(given: Given) -> BaseModel:
    return inputs.QuestionInput.model_validate({"note": given.text("note") or ""})


def _message(given: Given) -> BaseModel:
    return inputs.MessageInput.model_validate(
        {
            "channel": given.text("channel"),
            "said_at": given.instant("said_at"),
            "note": given.text("note") or "",
        }
    )


def _shipment(given: Given) -> BaseModel:
    return parcel_inputs.ShipmentInput.model_validate(
        {"sent_at": given.instant("sent_at"), "tracking": given.text("tracking")} | _note(given)
    )


def _loss(given: Given) -> BaseModel:
    return parcel_inputs.LossInput.model_validate(_note(given))


def _decision(given: Given) -> BaseModel:
    lines = given.numbered("line-")
    items = [
        {"line": int(lines[lot]), "lot": lot, "acceptance": said}
        for lot, said in given.numbered("lot-").items()
        if _is_number(lines.get(lot, ""))
    ]
    return inputs.DecisionInput.model_validate({"items": items} | _note(given))


def _approval(given: Given) -> BaseModel:
    return inputs.ApprovalInput.model_validate(_note(given))


def _refusal(given: Given) -> BaseModel:
    return inputs.RefusalInput.model_validate({"note": given.text("note") or ""})


def _hold(given: Given) -> BaseModel:
    return inputs.HoldInput.model_validate({"reason": given.text("reason")} | _note(given))


def _resumption(given: Given) -> BaseModel:
    by_hand = {"decide": False} if given.ticked("by_hand") else {}
    return inputs.ResumptionInput.model_validate(by_hand | _note(given))


def _recalculation(given: Given) -> BaseModel:
    return inputs.RecalculationInput.model_validate(_note(given))


def _refund_again(given: Given) -> BaseModel:
    return inputs.RefundAgainInput.model_validate(
        {"refund": given.text("refund"), "payment": given.text("payment")} | _note(given)
    )


def _paid_by_hand(given: Given) -> BaseModel:
    amount = given.text("amount_minor")
    return inputs.PaidByHandInput.model_validate(
        {
            "refund": given.text("refund"),
            "amount_minor": None if amount is None else _amount(amount, given.currency),
            "how": given.text("how"),
            "reference": given.text("reference") or "",
            "despite_dispute": given.ticked("despite_dispute"),
        }
        | _note(given)
    )


def _amount(text: str, currency: str) -> int:
    try:
        return parse_minor(text, currency)
    except InvalidInput as error:
        raise InvalidInput(error.code, error.sentence, "amount_minor") from None


READ: Mapping[CommandKind, Callable[[Given], BaseModel]] = {
    CommandKind.AUTHORIZATION: _authorization,
    CommandKind.DECLINE: _decline,
    CommandKind.CANCELLATION: _cancellation,
    CommandKind.QUESTION: _question,
    CommandKind.MESSAGE: _message,
    CommandKind.SHIPMENT: _shipment,
    CommandKind.LOSS: _loss,
    CommandKind.DECISION: _decision,
    CommandKind.APPROVAL: _approval,
    CommandKind.REFUSAL: _refusal,
    CommandKind.HOLD: _hold,
    CommandKind.RESUMPTION: _resumption,
    CommandKind.RECALCULATION: _recalculation,
    CommandKind.REFUND_AGAIN: _refund_again,
    CommandKind.PAID_BY_HAND: _paid_by_hand,
}
"""The commands with a form on this page, and what each makes of its fields."""


def _given(form: FormData, desk: Desk, rma: str, kind: CommandKind) -> Given:
    prefix = f"{kind}-"
    fields = [(k.removeprefix(prefix), v) for k, v in form.multi_items() if k.startswith(prefix)]
    return Given(FormData(fields), desk, rma)


def _verdicts(form: FormData, desk: Desk, rma: str) -> dict[int, str] | None:
    """The verdicts in a decision's form; None where it is the form of something else."""
    given = _given(form, desk, rma, CommandKind.DECISION)
    return given.numbered("lot-") if given.numbered("line-") else None


async def _carry_out(kind: CommandKind, rma: str, request: Request, actor: Actor) -> Response:
    desk, canonical, form = desk_of(request), parse(rma), await form_of(request)

    async def again(problem: FormProblem, typed: Mapping[str, str]) -> Response:
        named = replace(problem, fields={f"{kind}-{name}": said for name, said in problem.fields.items()})
        return await asyncio.to_thread(
            return_page,
            request,
            actor,
            canonical,
            problem=named,
            typed=typed,
            said=_verdicts(form, desk, canonical),
        )

    try:
        await asyncio.to_thread(hold, desk, canonical, actor, text_in(form, "from"), kind)
    except Refused as error:
        return await again(problem_of(error), typed_in(form))
    return await send(
        request,
        actor,
        kind,
        canonical,
        lambda form: READ[kind](_given(form, desk, canonical, kind)),
        back=f"/desk/returns/{canonical}",
        again=again,
    )


def _route(kind: CommandKind) -> Callable[..., Any]:
    async def command(rma: Rma, request: Request, actor: Annotated[Actor, require(*MAY[kind])]) -> Response:
        return await _carry_out(kind, rma, request, actor)

    return command


for _kind in READ:
    router.add_api_route(
        f"/desk/returns/{{rma}}/{_kind}", _route(_kind), methods=["POST"], response_class=HTMLResponse
    )


@router.post("/desk/returns/{rma}/decision/preview", response_class=HTMLResponse)
async def preview(
    rma: Rma, request: Request, actor: Annotated[Actor, require(*MAY[CommandKind.DECISION])]
) -> Response:
    """The page with what the verdicts in the form would pay. Nothing is written."""
    desk, canonical, form = desk_of(request), parse(rma), await form_of(request)
    said = _verdicts(form, desk, canonical) or {}
    return await asyncio.to_thread(return_page, request, actor, canonical, typed=typed_in(form), said=said)
