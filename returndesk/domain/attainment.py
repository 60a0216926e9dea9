"""Whether the shop kept what it promised: met / (met + breached), and an open obligation that is overdue is breached.

An obligation that fell away (the return was cancelled, expired, corrected, or nothing was to be refunded) is neither.
"""

from enum import StrEnum

from returndesk.domain.clock import PROCESSING, REFUND, Clock, ClockEventKind, ClockState


class Ended(StrEnum):
    """How an obligation ended."""

    KEPT = "kept"
    FELL_AWAY = "fell_away"


_KEPT = {
    PROCESSING: frozenset({"decided", "declined"}),
    REFUND: frozenset({"refund_submitted", "paid_by_hand"}),
}
"""Why a clock stops when the shop has done what it owed. A restart that comes to nothing undoes none of it."""


def ended(clock: Clock) -> Ended | None:
    """How the obligation ended, in time or not; None while it stands."""
    if clock.state is not ClockState.STOPPED:
        return None
    stops = {event.reason for event in clock.events if event.kind is ClockEventKind.STOPPED}
    return Ended.KEPT if stops & _KEPT.get(clock.kind, frozenset()) else Ended.FELL_AWAY


def attainment(met: int, breached: int) -> float | None:
    """The share that was kept in time, in percent; None where nothing has ended or is overdue."""
    return None if not met + breached else 100 * met / (met + breached)
