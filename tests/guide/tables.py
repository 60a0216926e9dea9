"""The tables of docs/returns.md: what may happen at which stage, who may ask for it, and where an open return waits."""

import re
from collections.abc import Iterable, Sequence

from returndesk.domain.next_steps import (
    ANSWER_DAYS,
    AWAITING_CUSTOMER,
    AWAITING_DETAILS,
    NEXT_STEP,
    ON_HOLD,
    NextStep,
)
from returndesk.domain.people import MAY, Role
from returndesk.domain.stages import ALLOWED, ENDED, CommandKind, EventKind, Stage
from workflows.returns import ReturnWorkflow

EVENTS = {
    EventKind.TIME_PASSED: "a deadline passes",
    EventKind.REFUND_ANSWERED: "Stripe answers what it was asked of a refund",
    EventKind.PROCESSOR_HINT: "Stripe speaks first, of a refund or a dispute",
}
DUE = {
    "clock": "the earlier of the decision date and the refund date that still runs",
    "expiry": "the last day for sending",
    "answer": f"{ANSWER_DAYS} business days after the question",
    "details": f"{ANSWER_DAYS} business days after Stripe asked",
}
"""What `NextStep.due` means."""


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def commands() -> str:
    """Each command in the order of a return's life, with what it means and who may ask for it."""
    rows = [(f"`{kind}`", _sentence(kind), _who(kind)) for kind in CommandKind]
    return table(("command", "what it means", "who may"), rows)


def _sentence(kind: CommandKind) -> str:
    """The first sentence of the update that carries it out (workflows/returns.py)."""
    said = getattr(ReturnWorkflow, kind.replace("-", "_")).__doc__
    return re.split(r"\n\n", said)[0].strip()


def _who(kind: CommandKind) -> str:
    roles = MAY[kind]
    assert (Role.ADMIN in roles) == (Role.MANAGER in roles), "an admin may do what a manager may"
    return ", ".join(role for role in Role if role in roles - {Role.ADMIN})


def stages_while_open() -> str:
    """What may happen to an open return."""
    return _matrix([stage for stage in Stage if stage in NEXT_STEP])


def stages_after_the_end() -> str:
    """What still may happen to a return that has ended."""
    return _matrix([stage for stage in Stage if stage in ENDED])


def _matrix(stages: Sequence[Stage]) -> str:
    whats: list[tuple[str, CommandKind | EventKind]] = [(f"`{kind}`", kind) for kind in CommandKind]
    whats += [(EVENTS[kind], kind) for kind in EventKind]
    rows = [
        (name, *("yes" if what in ALLOWED[stage] else "" for stage in stages))
        for name, what in whats
        if any(what in ALLOWED[stage] for stage in stages)
    ]
    return table(("", *(f"`{stage}`" for stage in stages)), rows)


def queues() -> str:
    """Where an open return waits, for whom, until when."""
    rows = [
        (f"`{stage}`", *_step(step)) for stage, step in NEXT_STEP.items()
    ]  # fmt: skip
    rows += [
        ("any, while a question is not answered", *_step(AWAITING_CUSTOMER)),
        ("`settling`, while Stripe waits for the customer's details", *_step(AWAITING_DETAILS)),
        ("any, while it is on hold", *_step(ON_HOLD)),
    ]
    return table(("stage", "queue", "who", "due"), rows)


def _step(step: NextStep) -> tuple[str, str, str]:
    return f"`{step.queue}`", step.owner, DUE[step.due]


def unseen() -> list[Stage]:
    """Stages of the table in which no return ever rests: they are passed in one step."""
    return [stage for stage in Stage if stage not in NEXT_STEP and stage not in ENDED]
