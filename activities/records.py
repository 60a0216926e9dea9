"""Records: the books of a return. One transition is one idempotent transaction (DESIGN 2 and 3).

A command's transition is stored under the command's id; carried out again, it answers what it answered first.
"""

from collections.abc import Callable
from typing import Any

from pydantic import TypeAdapter
from sqlmodel import Session
from temporalio import activity

from activities.transitions import decision as deciding
from activities.transitions.authorization import authorization
from activities.transitions.inspections import inspections
from activities.transitions.passing_time import clocks_passed, time_passed
from activities.transitions.receipts import receipts
from activities.transitions.refund_answers import refund_answered
from activities.transitions.request import open_case
from returndesk.domain.errors import InvalidInput, NotFound, Refused
from returndesk.domain.inputs import (
    ApprovalInput,
    AuthorizationInput,
    DecisionInput,
    InspectionsInput,
    ReceiptsInput,
)
from returndesk.domain.people import CLOCK, Actor, Role
from returndesk.domain.stages import CommandKind, EventKind, Stage, allows, refusal
from returndesk.messages import CaseState, Loaded, Outcome, ReturnInput, Step, Stepped
from returndesk.ports import Clock
from returndesk.store import tables
from returndesk.store.cases import Case, load_case
from returndesk.store.database import Database
from returndesk.store.policies import PolicyBook

_OUTCOME = TypeAdapter(Outcome)
_NO_CASE = CaseState(stage=None)

Transition = Callable[[Case, dict[str, Any]], None]

_ON_COMMAND: dict[CommandKind, Transition] = {
    CommandKind.AUTHORIZATION: lambda c, i: authorization(c, AuthorizationInput.model_validate(i)),
    CommandKind.RECEIPTS: lambda c, i: receipts(c, ReceiptsInput.model_validate(i)),
    CommandKind.INSPECTIONS: lambda c, i: inspections(c, InspectionsInput.model_validate(i)),
    CommandKind.DECISION: lambda c, i: deciding.decision(c, DecisionInput.model_validate(i)),
    CommandKind.APPROVAL: lambda c, i: deciding.approval(c, ApprovalInput.model_validate(i)),
}


class Records:
    """The activities that keep the books of a return."""

    def __init__(self, database: Database, policies: PolicyBook, clock: Clock) -> None:
        self._database = database
        self._policies = policies
        self._clock = clock

    @activity.defn(name="records.load")
    def load(self, of: ReturnInput) -> Loaded:
        """A run's first step: the return as the store has it."""
        now = self._clock.now()
        with self._database.read() as session:
            actor = Actor(CLOCK.id, CLOCK.role)
            case = load_case(session, of.rma, self._policies.of, actor=actor, now=now, key="load")
            state = _NO_CASE if case is None else case.state()
        return Loaded(state, self._clock.offset_us())

    @activity.defn(name="records.transition")
    def transition(self, step: Step) -> Stepped:
        """Carry out a command or an event, once. A refusal changes nothing and is kept like any answer."""
        try:
            with self._database.write() as session:
                return self._carry_out(session, step)
        except (Refused, InvalidInput) as error:
            refused = _refused(error.code, error.sentence, getattr(error, "reasons", ()))
        with self._database.write() as session:
            case = self._case(session, step)
            outcome = refused if case is None else _at(refused, Stage(case.row.stage))
            session.add(_answered(step, outcome))
            return Stepped(_NO_CASE if case is None else case.state(), outcome)

    def _carry_out(self, session: Session, step: Step) -> Stepped:
        case = self._case(session, step)
        if isinstance(step.what, EventKind):
            return self._on_event(step, case)
        answered = session.get(tables.Transition, step.key)
        if answered is not None:
            state = _NO_CASE if case is None else case.state()
            return Stepped(state, _OUTCOME.validate_python(answered.answer))
        stage = None if case is None else Stage(case.row.stage)
        if not allows(stage, step.what):
            outcome = _at(_refused("not_allowed_at_stage", refusal(stage, step.what), ()), stage)
            session.add(_answered(step, outcome))
            return Stepped(_NO_CASE if case is None else case.state(), outcome)
        command = session.get_one(tables.Command, step.key)
        if case is None:
            rules = self._policies.of(session, command.policy_version)
            case = open_case(session, step, command, rules)
        else:
            clocks_passed(case)
            _ON_COMMAND[step.what](case, command.input)
        state = case.save()
        outcome = case.outcome()
        session.add(_answered(step, outcome))
        return Stepped(state, outcome)

    def _on_event(self, step: Step, case: Case | None) -> Stepped:
        if case is None:
            raise NotFound("unknown_return", "There is no such return.")
        if allows(Stage(case.row.stage), step.what):
            if step.what is EventKind.TIME_PASSED:
                time_passed(case)
            elif step.answer is not None:
                refund_answered(case, step.answer)
            case.save()
        return Stepped(case.state(), case.outcome())

    def _case(self, session: Session, step: Step) -> Case | None:
        actor = Actor(step.actor_id, Role(step.role))
        return load_case(session, step.rma, self._policies.of, actor=actor, now=step.now, key=step.key)


def _refused(code: str, sentence: str, reasons: tuple[str, ...]) -> Outcome:
    return Outcome(False, None, code, tuple(reasons), sentence)


def _at(outcome: Outcome, stage: Stage | None) -> Outcome:
    return Outcome(False, stage, outcome.code, outcome.reasons, outcome.sentence)


def _answered(step: Step, outcome: Outcome) -> tables.Transition:
    return tables.Transition(key=step.key, rma=step.rma, answer=_OUTCOME.dump_python(outcome, mode="json"))
