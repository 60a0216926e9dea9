"""Every payload that crosses Temporal, with the workflow ids and the task queue.

Payloads carry ids, codes, instants and counts. No name, address, email or free text is ever in one
(DESIGN 2). Wire names are explicit and only ever gain fields.
"""

from dataclasses import dataclass
from datetime import datetime

from returndesk.domain.people import Role
from returndesk.domain.stages import CommandKind, EventKind, RefundStatus, Stage

TASK_QUEUE = "returndesk"
RETURN_WORKFLOW = "return"
UPKEEP_WORKFLOW = "upkeep"
CLOCK_OFFSET_QUERY = "clock_offset_us"
HINT_SIGNAL = "processor_hint"


def return_workflow_id(rma: str) -> str:
    """The id under which a return runs, every time it runs."""
    return f"return/{rma}"


def upkeep_workflow_id(duty: str) -> str:
    """The id of the one long-lived workflow of a duty (`notices`, `sweep`)."""
    return f"upkeep/{duty}"


@dataclass(frozen=True)
class ReturnInput:
    """A run's whole input: everything else is loaded from the store."""

    rma: str


@dataclass(frozen=True)
class CommandRef:
    """A command that was written down: who asks for what, under which policy. Its input stays in the store."""

    command_id: str
    kind: CommandKind
    actor_id: str
    role: Role
    policy_version: str


@dataclass(frozen=True)
class HintRef:
    """The processor said something of a refund, or of a dispute: look for yourself."""

    refund_id: str | None
    event_id: str
    policy_version: str
    dispute_id: str | None = None


@dataclass(frozen=True)
class CaseState:
    """What a run holds of its return. `wake_at`: the next instant at which time alone changes something.

    `refunds_due`: refunds of which the processor is to be asked something now.
    """

    stage: Stage | None
    policy_version: str | None = None
    last_at: datetime | None = None
    wake_at: datetime | None = None
    refunds_due: tuple[str, ...] = ()
    ended: bool = True


@dataclass(frozen=True)
class Loaded:
    """The answer of a run's first step. `clock_offset_us` is 0 unless the embedded clock was moved."""

    state: CaseState
    clock_offset_us: int


@dataclass(frozen=True)
class RefundAnswer:
    """What the processor says of a refund. `refused_code`: its definite no. Status `unknown`: no usable answer yet.

    `look_again_at`: when to ask after it again; None where nothing is left to ask. `action_expires_at`: by when the
    customer has to do their part of one that `requires_action`.
    """

    refund_id: str
    status: RefundStatus
    processor_reference: str | None = None
    failure_reason: str | None = None
    bank_reference: str | None = None
    refused_code: str | None = None
    look_again_at: datetime | None = None
    needs_person: bool = False
    action_expires_at: datetime | None = None


@dataclass(frozen=True)
class Step:
    """One transition to carry out at `now`: a command's or an event's.

    `key` names it once and for all: a step carried out again answers what it answered the first time.
    """

    key: str
    rma: str
    what: CommandKind | EventKind
    now: datetime
    actor_id: str
    role: Role
    policy_version: str | None
    answer: RefundAnswer | None = None
    dispute_id: str | None = None


@dataclass(frozen=True)
class Outcome:
    """What came of a command. Refused ones say why in codes; nothing was changed then."""

    accepted: bool
    stage: Stage | None
    code: str = ""
    reasons: tuple[str, ...] = ()
    sentence: str = ""
    processing_due_at: datetime | None = None
    refund_due_at: datetime | None = None


@dataclass(frozen=True)
class Stepped:
    """A transition's answer: the return as it is now, and what to say to whom asked."""

    state: CaseState
    outcome: Outcome


@dataclass(frozen=True)
class RefundErrand:
    """One refund to send or to ask after."""

    refund_id: str
    rma: str
    actor_id: str
    role: Role
    policy_version: str | None


@dataclass(frozen=True)
class UpkeepInput:
    """Which duty a long-lived workflow looks after."""

    duty: str
