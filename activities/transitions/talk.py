"""Question and message: while the shop waits for the customer's answer both clocks stand; any message ends that.

What a customer says is read: by the rep whose step the return stands at then, else it is a task of its own.
"""

from datetime import datetime

from activities.transitions.facts import common
from returndesk.domain.errors import InvalidInput
from returndesk.domain.inputs import MessageInput, QuestionInput
from returndesk.domain.next_steps import AWAITING_ANSWER, AWAITING_GOODS, next_step
from returndesk.domain.notices import Question
from returndesk.domain.people import Role
from returndesk.store.cases import Case
from returndesk.store.contacts import add_contact

READ_DAYS = 1
"""Business days in which somebody reads what a customer said, where no step of a rep comes next by itself."""


def question(case: Case, asked: QuestionInput) -> None:
    """Mail what is needed. From here it is the customer's turn."""
    case.row.awaiting_answer_since = case.row.awaiting_answer_since or case.now
    case.pause_clocks(AWAITING_ANSWER, "customer")
    case.record("asked", note=asked.note)
    case.notice(Question(**common(case), text_id=asked.note))


def message(case: Case, said: MessageInput) -> None:
    """Keep what the customer said. It was the shop's turn from the moment they said it, not from when it was recorded."""
    said_at = said.said_at or case.now
    if said_at > case.now:
        raise InvalidInput(
            "said_in_future",
            "It cannot have been said later than now. Nothing was changed. Give when it was said.",
            "said_at",
        )
    contact_id = f"con_{case.key.removeprefix('cmd_')}"
    add_contact(
        case.connection, contact_id, case.row, channel=said.channel, contacted_at=said_at,
        recorded_at=case.now, actor_id=case.actor.id,
    )  # fmt: skip
    was_awaited = case.row.awaiting_answer_since is not None
    goes_on(case, at=said_at)
    if not (was_awaited and _a_rep_is_next(case)):
        due_at = case.rules.calendar.add(case.now, READ_DAYS)
        case.task("messages", f"read_{contact_id}", Role.REP, due_at, contact=contact_id, text=said.note)
    case.record(
        "message", contact=contact_id, channel=said.channel, said_at=said_at.isoformat(), note=said.note
    )


def _a_rep_is_next(case: Case) -> bool:
    """Whether a rep has the return before them now. While a parcel is awaited, or others are at work, nobody reads."""
    row = case.row
    step = next_step(case.stage, row.on_hold_since, row.awaiting_answer_since)
    return step is not None and step.owner is Role.REP and step is not AWAITING_GOODS


def goes_on(case: Case, at: datetime | None = None) -> None:
    """The shop waits for no answer any more: it has one, or it acted without."""
    case.row.awaiting_answer_since = None
    case.resume_clocks(AWAITING_ANSWER, at=at)
