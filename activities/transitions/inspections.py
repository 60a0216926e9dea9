"""Inspections: the condition of the goods and of their packaging, and the rules' verdict on both (policy 5)."""

from dataclasses import replace

from activities.transitions.decision import decide_if_clear
from activities.transitions.grading import grade
from returndesk.domain.eligibility import judge
from returndesk.domain.inputs import InspectionsInput
from returndesk.domain.lots import Acceptance, Reception
from returndesk.domain.parcels import Finding, inspect
from returndesk.store.cases import Case
from returndesk.store.photos import check_photos


def inspections(case: Case, asked: InspectionsInput) -> None:
    """Record what was seen. Where the policy lets the rules decide and they are clear, they decide at once."""
    shown = [list(x.photos) for x in asked.items]
    check_photos(case.connection, case.row.rma, {photo for photos in shown for photo in photos})
    grades = [grade(case.rules.policy.inspection, item) for item in asked.items]
    findings = [
        Finding(x.line, x.quantity, seen.condition, seen.packaging, x.disposition, x.photos)
        for x, seen in zip(asked.items, grades, strict=True)
    ]
    case.lots = inspect(case.lots, findings)
    for at, lot in enumerate(case.lots):
        if lot.reception is Reception.RECEIVED and lot.inspected and lot.acceptance is Acceptance.PENDING:
            acceptance, reasons = judge(case.rules.policy, lot)
            case.lots[at] = replace(lot, acceptance=acceptance, reasons=reasons)
    case.row.inspected_at = case.now
    case.record(
        "inspected",
        items=[[x.line, x.quantity, x.condition, x.packaging, x.disposition] for x in findings],
        facts=[{"item": n, **seen.grounds} for n, seen in enumerate(grades) if seen.grounds] or None,
        photos=shown if any(shown) else None,
        note=asked.note,
    )
    for item, seen in zip(asked.items, grades, strict=True):
        if "overridden" in seen.grounds:
            case.record(
                "regraded", line=item.line, derived=seen.grounds["derived"],
                counts=seen.grounds["overridden"], why=seen.grounds["why"],
            )  # fmt: skip
    decide_if_clear(case, wanted=asked.decide)
