"""Recalculation: an open return's dates are counted anew, by today's policy and calendar, because somebody says so.

A changed calendar moves no date by itself (DESIGN 4). What was given to a clock stays; a breach stays a breach.
"""

from activities.transitions.facts import common
from returndesk.domain.clock import PROCESSING, REFUND
from returndesk.domain.inputs import RecalculationInput
from returndesk.domain.notices import NewDates
from returndesk.store.cases import Case
from returndesk.store.policies import PolicyInForce


def recalculation(case: Case, asked: RecalculationInput, rules: PolicyInForce) -> None:
    """Take over today's policy. The customer is told where a date they were promised comes later."""
    before = {kind: standing.due_at for kind, standing in case.standings.items()}
    version_before = case.row.policy_version
    case.take_over(rules)
    after = {kind: standing.due_at for kind, standing in case.standings.items()}
    case.record(
        "recalculated",
        policy_before=version_before,
        policy_after=case.row.policy_version,
        dates={
            kind: [at.isoformat() if at else None for at in (before[kind], after[kind])] for kind in before
        },
        note=asked.note,
    )
    moved = [k for k, was in before.items() if was is not None and (after[k] or was) > max(was, case.now)]
    if moved:
        dates = {kind: after[kind] if kind in moved else None for kind in (PROCESSING, REFUND)}
        case.notice(
            NewDates(**common(case), processing_due_at=dates[PROCESSING], refund_due_at=dates[REFUND])
        )
