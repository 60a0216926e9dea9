"""What a sample is: an order, and what happens to its return, step by step."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from returndesk.domain.people import Role
from returndesk.domain.stages import Stage

ORDERED_DAYS_BEFORE = 9
"""Calendar days from a sample order to the first day of the samples, which can so be read from any order."""
_DELIVERED_DAYS_BEFORE = 5
_ORDERED_AT = time(19, 24, tzinfo=UTC)


@dataclass(frozen=True)
class Step:
    """What somebody does on working day `day` (0: the first) at `at`, shop time, or what time alone brings.

    `path` is the address under the return ("" asks for the return itself); None where nobody does anything.
    Afterwards the return is at `stage` and its customer has had the mails named in `mails`, in that order.
    """

    day: int
    at: time
    words: str
    stage: Stage
    mails: tuple[str, ...]
    role: Role = Role.REP
    path: str | None = None
    body: Mapping[str, Any] = field(default_factory=dict)

    @property
    def actor_id(self) -> str:
        """Who does it."""
        return f"{self.role}-1"


@dataclass(frozen=True)
class Sample:
    """One order and its return. `refund_minor` is what must come back to the customer, worked out by hand.

    One that is left open is somebody's to go on with once its steps are over.
    """

    name: str
    shows: str
    order_reference: str
    customer: Mapping[str, Any]
    order: Mapping[str, Any]
    captured_minor: int
    card: str
    label: str
    steps: Sequence[Step]
    refund_minor: int
    ends: Stage = Stage.CLOSED
    loses_answer: bool = False
    is_left_open: bool = False

    def key_of(self, step: Step) -> str:
        """The idempotency key of a step: nobody else asks under it."""
        return f"sample:{self.order_reference}:{self.steps.index(step)}"

    @property
    def own_keys(self) -> set[tuple[str, str]]:
        """Who asks for its steps, under which keys."""
        return {(step.actor_id, self.key_of(step)) for step in self.steps if step.path is not None}

    def order_body(self, first_day: date, payment_reference: str) -> dict[str, Any]:
        """The order as the shop's system would send it; `first_day` is the first one of its return's life."""
        ordered_on = first_day - timedelta(days=ORDERED_DAYS_BEFORE)
        return {
            "currency": "GBP",
            "ordered_at": datetime.combine(ordered_on, _ORDERED_AT).isoformat(),
            "delivered_on": (first_day - timedelta(days=_DELIVERED_DAYS_BEFORE)).isoformat(),
            "customer": self.customer,
            **self.order,
            "payments": [
                {
                    "processor": "stripe",
                    "reference": payment_reference,
                    "captured_minor": self.captured_minor,
                    "label": self.label,
                }
            ],
        }


def asked(day: int, at: time, channel: str, line: int, quantity: int, reason: str, **more: Any) -> Step:
    """A return of one line is asked for, and authorized at once where `more` says so."""
    body = {"channel": channel, "items": [{"line": line, "quantity": quantity, "reason": reason}], **more}
    authorized = more.get("authorize", False)
    return Step(
        day,
        at,
        "the rep asks for a return and authorizes it" if authorized else "the rep asks for a return",
        Stage.AUTHORIZED if authorized else Stage.REQUESTED,
        ("authorized",) if authorized else ("requested",),
        Role.REP,
        "",
        body,
    )


def arrived(day: int, at: time, line: int, quantity: int, words: str) -> Step:
    """A parcel with units of one line is here."""
    body = {"items": [{"line": line, "quantity": quantity}]}
    return Step(day, at, words, Stage.RECEIVED, ("received",), Role.WAREHOUSE, "/receipts", body)


def seen(
    day: int,
    at: time,
    words: str,
    stage: Stage,
    mails: tuple[str, ...],
    **item: Any,
) -> Step:
    """Units of one line were inspected."""
    return Step(day, at, words, stage, mails, Role.WAREHOUSE, "/inspections", {"items": [item]})
