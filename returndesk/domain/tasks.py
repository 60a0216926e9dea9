"""Which tasks a person ends by saying that they are done, and what ends every other one.

Most tasks are a situation that somebody has to change: they end when it has changed, and saying so would only hide it.
`ENDS_WITH` is the one place that knows.
"""

from typing import Final

from returndesk.domain.people import Role

BY_HAND: Final = None
"""Nothing but a person's word ends it."""

DONE_ALREADY: Final = "task_done"
"""The code of a refusal that is none to whoever wants a task done: it is."""

ENDS_WITH: Final[dict[str, str | None]] = {
    "read": BY_HAND,
    "claimed_elsewhere": BY_HAND,
    "mail_refused": BY_HAND,
    "contradicted": BY_HAND,
    "parcel_without_return": BY_HAND,
    "next": "what is to be done with the return is done, or it ends",
    "warn": "the clock it warns of stops, or its date passes",
    "breach": "the clock that was missed stops",
    "look_for_parcel": "the parcel arrives, is recorded as lost, or the return is cancelled",
    "found": "somebody says what becomes of the goods",
    "goods_back": "it is recorded that the goods have left",
    "goods_back_late": "it is recorded that the goods have left",
    "look_into": "the processor says what became of the refund",
    "details_missing": "the customer gives the processor what it asked for, or it calls the refund off",
    "failed": "the refund is asked for again, or paid another way",
    "pay_by_hand": "what is owed is paid another way, or asked for on a payment that has the room",
    "pay_rest": "what is owed is paid another way, or asked for on a payment that has the room",
    "dispute": "the bank has decided the dispute",
}
"""What ends a task, by what its kind begins with; most kinds end with the id of what they are about."""

_HEADS: Final = frozenset({Role.MANAGER, Role.ADMIN})


def ends_with(task_id: str, kind: str) -> str | None:
    """What ends a task, or `BY_HAND`. The one every open return has is named by the return's stage.

    A kind that is not known is of a newer version, in the middle of a deploy: nobody closes it from here.
    """
    if task_id.endswith("/next"):
        return ENDS_WITH["next"]
    fitting = [known for known in ENDS_WITH if kind == known or kind.startswith(f"{known}_")]
    return ENDS_WITH[max(fitting, key=len)] if fitting else "what it is about has changed"


def is_of(role: Role, owner_role: str) -> bool:
    """Whether somebody with this role may take or close a task of that role: its own people, and managers."""
    return role in _HEADS or role == owner_role
