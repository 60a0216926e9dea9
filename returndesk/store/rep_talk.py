"""What was said about a return, and everything that happened to it, with the words that people wrote.

Words are looked up by their ids, all of a return at once. Who does not work with customers reads none of theirs.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from sqlmodel import Session, col, select

from returndesk.domain.errors import NotFound
from returndesk.domain.mail import Recipient
from returndesk.domain.notices import AnyFacts, read_facts
from returndesk.domain.stages import CommandKind
from returndesk.store import tables, views

_TALK = (CommandKind.REQUEST, CommandKind.QUESTION, CommandKind.MESSAGE, CommandKind.SHIPMENT)
_TEXT = "txt_"
AMONG_OURSELVES = frozenset(
    {"approved", "refused", "overruled", "held", "resumed", "asked_again", "recalculated"}
)
"""What is noted about these is between colleagues, and says nothing of the customer."""
_SHOWN_ELSEWHERE = frozenset({"currency", "contact", "order", "decision", "lots", "items"})


@dataclass(frozen=True)
class Said:
    """Something that was said to the customer or by them; `channel` where the customer said it.

    `is_unread`: the customer wrote it, and it is somebody's task to read it.
    """

    at: datetime
    kind: CommandKind
    actor_id: str
    channel: str | None
    text: str
    is_unread: bool = False


@dataclass(frozen=True)
class Detail:
    """One thing more about what happened: an amount, an instant, codes or a person's words."""

    name: str
    amount_minor: int | None = None
    at: datetime | None = None
    words: str | None = None


@dataclass(frozen=True)
class Event:
    """Something that happened: who, in which role, when, and under which policy."""

    at: datetime
    what: str
    actor_id: str
    role: str
    policy_version: str
    details: Sequence[Detail]
    text: str | None


@dataclass(frozen=True)
class MailToShow:
    """All that a mail was made of."""

    facts: AnyFacts
    recipient: Recipient
    text: str | None
    written_at: datetime
    settled_at: datetime | None


class Texts:
    """The words that belong to the commands of a return."""

    def __init__(self, session: Session, rma: str) -> None:
        self._session, self._rma = session, rma

    @cached_property
    def commands(self) -> Sequence[tables.Command]:
        """What was asked of the return and carried out, in order."""
        row = tables.Command
        found = self._session.exec(
            select(row)
            .where(row.rma == self._rma, col(row.outcome).is_not(None))
            .order_by(col(row.recorded_at))
        )
        return [command for command in found if (command.outcome or {}).get("accepted")]

    @cached_property
    def by_id(self) -> Mapping[str, str]:
        """The words by the ids that stand for them."""
        ids = {text_id for command in self.commands for text_id in _ids_in(command.input)}
        text = tables.Text
        return dict(self._session.exec(select(text.id, text.body).where(col(text.id).in_(ids))).all())


def _ids_in(value: Any) -> Iterator[str]:
    if isinstance(value, str) and value.startswith(_TEXT):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _ids_in(inner)


def said(texts: Texts, unread: Collection[str]) -> list[Said]:
    """What was said, in order: the first contact, questions, messages, and what proved a sending.

    `unread`: the ids of the words that nobody has read yet.
    """
    return [
        Said(
            command.recorded_at,
            CommandKind(command.kind),
            command.actor_id,
            command.input.get("channel"),
            "\n".join(texts.by_id[x] for x in _own_words(command.input) if x in texts.by_id),
            is_unread=command.input.get("note") in unread,
        )
        for command in texts.commands
        if command.kind in _TALK and any(True for _ in _own_words(command.input))
    ]


def _own_words(given: Mapping[str, Any]) -> Iterator[str]:
    return (given[name] for name in ("tracking", "note") if given.get(name))


def events(session: Session, rma: str, texts: Texts, *, knows_customer: bool) -> list[Event]:
    """The audit chain with the mails that left, newest first."""
    happened = views.timeline(session, rma).items
    return [_event(item, texts, knows_customer=knows_customer) for item in reversed(happened)]


def _event(item: views.TimelineItem, texts: Texts, *, knows_customer: bool) -> Event:
    reads = knows_customer or item.what in AMONG_OURSELVES
    words = [texts.by_id[x] for x in _ids_in(list(item.details.values())) if x in texts.by_id]
    details = [
        detail
        for name, value in item.details.items()
        if name not in _SHOWN_ELSEWHERE and (detail := _detail(name, value)) is not None
    ]
    return Event(
        item.at,
        item.what,
        item.actor_id,
        item.role,
        item.policy_version,
        details,
        "\n".join(words) if words and reads else None,
    )


def _detail(name: str, value: Any) -> Detail | None:
    """A detail as a person can read it; None for what is words, or rows of numbers."""
    if name.endswith("_minor"):
        return Detail(name.removesuffix("_minor"), amount_minor=value)
    if isinstance(value, list):
        rows = any(isinstance(x, list) for x in value)
        return None if rows else Detail(name, words=", ".join(_in_words(str(x)) for x in value))
    if isinstance(value, bool):
        return Detail(name, words="yes" if value else "no")
    if not isinstance(value, str):
        return Detail(name, words=str(value))
    if value.startswith(_TEXT):
        return None
    try:
        return (
            Detail(name, at=datetime.fromisoformat(value))
            if "T" in value
            else Detail(name, words=_in_words(value))
        )
    except ValueError:
        return Detail(name, words=value)


def _in_words(value: str) -> str:
    """A code without its underscores; an id, which has digits, as it is."""
    return value if any(c.isdigit() for c in value) else value.replace("_", " ")


def mail_to_show(session: Session, rma: str, number: int) -> MailToShow:
    """What a mail of a return was made of. Raises `NotFound`."""
    notice = session.get(tables.Notice, (rma, number))
    if notice is None:
        raise NotFound("mail_not_found", "This return has no such mail.")
    customer = session.exec(
        select(tables.Customer)
        .join(tables.Order, col(tables.Order.customer_id) == col(tables.Customer.id))
        .join(tables.Return, col(tables.Return.order_reference) == col(tables.Order.reference))
        .where(tables.Return.rma == rma)
    ).one()
    text_id = notice.facts.get("text_id")
    text = None if text_id is None else session.get(tables.Text, text_id)
    return MailToShow(
        read_facts(notice.facts),
        Recipient(customer.name, customer.email),
        None if text is None else text.body,
        notice.written_at,
        notice.settled_at,
    )
