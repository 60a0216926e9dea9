"""Inspections: the condition of the goods and of their packaging, and the rules' verdict on both (policy 5)."""

from dataclasses import replace

from activities.transitions.decision import decide_by_rules
from activities.transitions.grading import grade
from returndesk.domain.eligibility import judge
from returndesk.domain.inputs import InspectionsInput
from returndesk.domain.lots import Acceptance, Finding, Reception, inspect
from returndesk.domain.people import RULES
from returndesk.domain.policy import DecideWhen
from returndesk.domain.stages import Stage
from returndesk.store.cases import Case


def inspections(case: Case, asked: InspectionsInput) -> None:
    """Record what was seen. Where the policy lets the rules decide and they are clear, they decide at once."""
    grades = [grade(case.rules.policy.inspection, item) for item in asked.items]
    findings = [
        Finding(x.line, x.quantity, seen.condition, seen.packaging, x.disposition)
        for x, seen in zip(asked.items, grades, strict=True)
    ]
    case.lots = inspect(case.lots, findings)
    for at, lot in enumerate(case.lots):
        if lot.reception is Reception.RECEIVED and lot.inspected and lot.acceptance is Acceptance.PENDING:
            acceptance, reasons = judge(case.rules.policy, lot)
            case.lots[at] = replace(lot, acceptance=acceptance, reasons=reasons)
    case.record(
        "inspected",
        items=[[x.line, x.quantity, x.condition, x.packaging, x.disposition] for x in findings],
        facts=[{"item": n, **seen.grounds} for n, seen in enumerate(grades) if seen.grounds] or None,
        note=asked.note,
    )
    rules_decide = case.rules.policy.decision.decide is DecideWhen.WHEN_CLEAR and asked.decide is not False
    clear = all(lot.acceptance is not Acceptance.MANUAL_REVIEW for lot in case.lots)
    if rules_decide and clear and case.stage is Stage.INSPECTED:
        decide_by_rules(case, RULES.id)
