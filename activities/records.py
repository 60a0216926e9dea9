"""Records: the books of a return. One transition is one idempotent transaction (DESIGN 2 and 3).

A command's outcome is stored with the command; carried out again, it answers what it answered first.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import Connection
from temporalio import activity

from activities.bustle import Bustle
from activities.transitions.authorization import authorization
from activities.transitions.correction import correction, loss
from activities.transitions.decision import approval, decision, refusal
from activities.transitions.dispositions import dispositions
from activities.transitions.disputes import dispute_heard
from activities.transitions.ending import cancellation, decline
from activities.transitions.goods_back import goods_back
from activities.transitions.holding import hold, resumption
from activities.transitions.inspections import inspections
from activities.transitions.passing_time import clocks_passed, time_passed
from activities.transitions.paying_again import paid_by_hand, refund_again
from activities.transitions.recalculation import recalculation
from activities.transitions.receipts import receipts
from activities.transitions.refund_answers import refund_answered
from activities.transitions.request import open_case
from activities.transitions.shipment import shipment
from activities.transitions.talk import message, question
from activities.transitions.task_done import task_done
from returndesk.domain import stages
from returndesk.domain.errors import InvalidInput, NotFound, Refused
from returndesk.domain.inputs import (
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
    ResumptionInput,
    TaskDoneInput,
)
from returndesk.domain.parcel_inputs import CorrectionInput, LossInput, ReceiptsInput, ShipmentInput
from returndesk.domain.people import CLOCK, Actor, Role
from returndesk.domain.stages import CommandKind, EventKind, allows
from returndesk.messages import CaseState, Loaded, Outcome, ReturnInput, Step, Stepped
from returndesk.ports import Clock
from returndesk.store.case_rows import Asking, answer_command, load_command
from returndesk.store.cases import Case, load_case
from returndesk.store.database import Database
from returndesk.store.policies import PolicyBook, PolicyInForce

_OUTCOME = TypeAdapter(Outcome)
_NO_CASE = CaseState(stage=None)

Transition = Callable[[Case, dict[str, Any]], None]

_ON_COMMAND: dict[CommandKind, Transition] = {
    CommandKind.AUTHORIZATION: lambda c, i: authorization(c, AuthorizationInput.model_validate(i)),
    CommandKind.DECLINE: lambda c, i: decline(c, DeclineInput.model_validate(i)),
    CommandKind.CANCELLATION: lambda c, i: cancellation(c, CancellationInput.model_validate(i)),
    CommandKind.QUESTION: lambda c, i: question(c, QuestionInput.model_validate(i)),
    CommandKind.MESSAGE: lambda c, i: message(c, MessageInput.model_validate(i)),
    CommandKind.SHIPMENT: lambda c, i: shipment(c, ShipmentInput.model_validate(i)),
    CommandKind.LOSS: lambda c, i: loss(c, LossInput.model_validate(i)),
    CommandKind.RECEIPTS: lambda c, i: receipts(c, ReceiptsInput.model_validate(i)),
    CommandKind.CORRECTION: lambda c, i: correction(c, CorrectionInput.model_validate(i)),
    CommandKind.INSPECTIONS: lambda c, i: inspections(c, InspectionsInput.model_validate(i)),
    CommandKind.DECISION: lambda c, i: decision(c, DecisionInput.model_validate(i)),
    CommandKind.APPROVAL: lambda c, i: approval(c, ApprovalInput.model_validate(i)),
    CommandKind.REFUSAL: lambda c, i: refusal(c, RefusalInput.model_validate(i)),
    CommandKind.GOODS_BACK: lambda c, i: goods_back(c, GoodsBackInput.model_validate(i)),
    CommandKind.HOLD: lambda c, i: hold(c, HoldInput.model_validate(i)),
    CommandKind.DISPOSITIONS: lambda c, i: dispositions(c, DispositionsInput.model_validate(i)),
    CommandKind.REFUND_AGAIN: lambda c, i: refund_again(c, RefundAgainInput.model_validate(i)),
    CommandKind.PAID_BY_HAND: lambda c, i: paid_by_hand(c, PaidByHandInput.model_validate(i)),
    CommandKind.TASK_DONE: lambda c, i: task_done(c, TaskDoneInput.model_validate(i)),
    CommandKind.RESUMPTION: lambda c, i: resumption(c, ResumptionInput.model_validate(i)),
}


class Records:
    """The activities that keep the books of a return."""

    def __init__(
        self, database: Database, policies: PolicyBook, clock: Clock, bustle: Bustle | None = None
    ) -> None:
        self._database = database
        self._policies = policies
        self._clock = clock
        self._bustle = bustle or Bustle()

    @activity.defn(name="records.load")
    def load(self, of: ReturnInput) -> Loaded:
        """A run's first step: the return as the store has it."""
        now = self._clock.now()
        with self._database.reading() as connection:
            actor = Actor(CLOCK.id, CLOCK.role)
            case = load_case(
                connection, of.rma, self._policies.of, actor=actor, now=now, key="load", to_read=True
            )
            return Loaded(_state(case), self._clock.offset_us())

    @activity.defn(name="records.transition")
    def transition(self, step: Step) -> Stepped:
        """Carry out a command or an event, once. A refusal changes nothing and is kept like any answer."""
        self._bustle.add()
        try:
            with self._database.transaction() as connection:
                if isinstance(step.what, EventKind):
                    return self._on_event(step, self._case(connection, step))
                return self._on_command(connection, step, step.what)
        except (Refused, InvalidInput) as error:
            refused = Outcome(False, None, error.code, getattr(error, "reasons", ()), error.sentence)
        with self._database.transaction() as connection:
            return self._refuse(connection, step, refused)

    def _on_command(self, connection: Connection, step: Step, kind: CommandKind) -> Stepped:
        command = load_command(connection, step.key)
        case = self._case(connection, step)
        if command.outcome is not None:
            return Stepped(_state(case), _OUTCOME.validate_python(command.outcome))
        stage = None if case is None else case.row.stage
        if not allows(stage, kind):
            raise Refused("not_allowed_at_stage", stages.refusal(stage, kind))
        if case is None:
            case = open_case(connection, step, command, self._rules(connection, command))
        else:
            clocks_passed(case)
            if kind is CommandKind.RECALCULATION:
                asked = RecalculationInput.model_validate(command.input)
                recalculation(case, asked, self._rules(connection, command))
            else:
                _ON_COMMAND[kind](case, command.input)
        state = case.save()
        outcome = case.outcome()
        answer_command(connection, step.key, _OUTCOME.dump_python(outcome, mode="json"))
        return Stepped(state, outcome)

    def _rules(self, connection: Connection, command: Asking) -> PolicyInForce:
        """The policy that was in force when the command was written down."""
        return self._policies.of(connection, command.policy_version)

    def _refuse(self, connection: Connection, step: Step, refused: Outcome) -> Stepped:
        """Keep a refusal, with the stage it met; of a command that was carried out meanwhile, what came of that."""
        command = load_command(connection, step.key)
        case = self._case(connection, step)
        if command.outcome is not None:
            return Stepped(_state(case), _OUTCOME.validate_python(command.outcome))
        outcome = replace(refused, stage=None if case is None else case.row.stage)
        answer_command(connection, step.key, _OUTCOME.dump_python(outcome, mode="json"))
        return Stepped(_state(case), outcome)

    def _on_event(self, step: Step, case: Case | None) -> Stepped:
        if case is None:
            raise NotFound("unknown_return", "There is no such return.")
        if allows(case.row.stage, step.what):
            if step.what is EventKind.TIME_PASSED:
                time_passed(case)
            elif step.answer is not None:
                refund_answered(case, step.answer)
            elif step.dispute_id is not None:
                dispute_heard(case, step.dispute_id)
            return Stepped(case.save(), case.outcome())
        return Stepped(case.state(), case.outcome())

    def _case(self, connection: Connection, step: Step) -> Case | None:
        actor = Actor(step.actor_id, Role(step.role))
        return load_case(connection, step.rma, self._policies.of, actor=actor, now=step.now, key=step.key)


def _state(case: Case | None) -> CaseState:
    return _NO_CASE if case is None else case.state()
