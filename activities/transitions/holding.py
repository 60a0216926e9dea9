"""Hold and resumption: somebody looks into a return. The clocks run on: it is the shop's time, not the customer's."""

from activities.transitions.decision import decide_if_clear
from returndesk.domain.errors import Refused
from returndesk.domain.inputs import HoldInput, ResumptionInput
from returndesk.store.cases import Case


def hold(case: Case, asked: HoldInput) -> None:
    """Nothing is authorized, declined, decided, approved or paid meanwhile; the return waits in a queue of its own."""
    if case.row.on_hold_since is not None:
        raise Refused("on_hold", "This return is on hold already. Nothing was changed.")
    case.row.on_hold_since = case.now
    case.record("held", reason=asked.reason, note=asked.note)


def resumption(case: Case, asked: ResumptionInput) -> None:
    """It goes on; what the rules would have decided meanwhile they decide now."""
    if case.row.on_hold_since is None:
        raise Refused("not_on_hold", "This return is not on hold. Nothing was changed.")
    case.row.on_hold_since = None
    case.record("resumed", note=asked.note)
    decide_if_clear(case, wanted=asked.decide)
