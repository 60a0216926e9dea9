"""Request: the return comes to be, with its units claimed and both clocks running from the contact (policy 5)."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from activities.transitions import authorization
from activities.transitions.facts import common, promised_by
from returndesk.domain.clock import PROCESSING
from returndesk.domain.eligibility import Answer, Reason, examine
from returndesk.domain.errors import Refused
from returndesk.domain.inputs import RequestInput
from returndesk.domain.lots import Lot
from returndesk.domain.notices import Requested
from returndesk.domain.people import Actor, Role
from returndesk.domain.policy import AuthorizeWhen, Policy
from returndesk.domain.stages import Stage
from returndesk.messages import Step
from returndesk.store.case_rows import Asking
from returndesk.store.cases import Case, new_case
from returndesk.store.contacts import contacted_at_of, link_contact
from returndesk.store.eligibility import plan
from returndesk.store.policies import PolicyInForce
from returndesk.store.return_rows import ReturnRow
from returndesk.store.units import OrderTerms, claim_units, order_terms


def open_case(connection: Connection, step: Step, command: Asking, rules: PolicyInForce) -> Case:
    """The return that was asked for. Raises `Refused` with every reason against it."""
    asked = RequestInput.model_validate(_input(command))
    contact_id = str(command.input["contact_id"])
    contacted_at = contacted_at_of(connection, contact_id)
    order = order_terms(connection, asked.order_reference)
    if order is None:
        raise Refused("ineligible", "This request is not eligible.", ["unknown_order"])
    if step.role is Role.CUSTOMER:
        _may_ask_alone(rules.policy, asked)
    row = _row(step, command, asked, order, contacted_at)
    case = new_case(connection, row, rules, Actor(step.actor_id, step.role), step.key)
    overridden = _check(case, asked, order)
    for number, item in enumerate(asked.items, start=1):
        if not claim_units(connection, order.reference, item.line, item.quantity):
            raise Refused(
                "ineligible", "This request is not eligible.", [f"already_returned:line {item.line}"]
            )
        case.lots.append(Lot(number, item.line, item.quantity, item.reason))
    link_contact(connection, contact_id, row.rma)
    case.start_clocks(contacted_at)
    case.record(
        "requested",
        order=order.reference,
        contact=contact_id,
        channel=asked.channel,
        items=[[item.line, item.quantity, item.reason] for item in asked.items],
        needs_person=row.needs_person or None,
    )
    if overridden and asked.override is not None:
        case.record("overridden", reasons=overridden, why=asked.override.reason, note=asked.override.note)
    if _is_authorized(case, asked):
        authorization.authorize(case, asked_at=contacted_at)
    else:
        due_at = promised_by(case, PROCESSING)
        case.notice(Requested(**common(case), contacted_at=contacted_at, processing_due_at=due_at))
    return case


def _may_ask_alone(policy: Policy, asked: RequestInput) -> None:
    """A customer asks where the policy lets them, and goes against no rule."""
    if not policy.self_service.enabled:
        raise Refused(
            "no_self_service",
            "The shop does not take requests this way. Write or call, and we start it for you.",
        )
    if asked.override is not None:
        raise Refused("not_yours_to_override", "Only the shop can go against its rules.")


def _is_authorized(case: Case, asked: RequestInput) -> bool:
    """Whether the goods may be sent at once: a rep says so; of a customer's own request the policy does."""
    if case.actor.role is not Role.CUSTOMER:
        return asked.authorize
    by_rules = case.rules.policy.self_service.authorize is AuthorizeWhen.WHEN_CLEAR
    return by_rules and not case.row.needs_person


def _input(command: Asking) -> dict[str, Any]:
    return {name: value for name, value in command.input.items() if name != "contact_id"}


def _check(case: Case, asked: RequestInput, order: OrderTerms) -> list[str]:
    """The reasons a rep overrode; what is left to a person is noted. Raises `Refused` where one stands."""
    row = case.row
    found = examine(plan(case.rules.policy, order, case.order_lines, asked, row.contacted_at, case.now))
    against = found.reasons_of(Answer.INELIGIBLE)
    standing = [r for r in against if asked.override is None or not r.overridable]
    if standing:
        raise Refused("ineligible", _sentence(standing), [str(r) for r in standing])
    row.needs_person = [str(r) for r in found.reasons_of(Answer.NEEDS_PERSON)]
    return [str(r) for r in against]


def _sentence(reasons: list[Reason]) -> str:
    if all(reason.overridable for reason in reasons):
        return "This request is not eligible. A rep may override the rule, with a reason."
    return "This request is not eligible."


def _row(
    step: Step, command: Asking, asked: RequestInput, order: OrderTerms, contacted_at: datetime
) -> ReturnRow:
    return ReturnRow(
        rma=step.rma,
        order_reference=order.reference,
        contact_id=command.input["contact_id"],
        policy_version=command.policy_version,
        stage=Stage.REQUESTED,
        channel=asked.channel,
        resolution=asked.resolution,
        currency=order.currency,
        contacted_at=contacted_at,
        recorded_at=max(step.now, contacted_at),
        last_at=step.now,
    )
