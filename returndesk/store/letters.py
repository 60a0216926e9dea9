"""Letters: mails of no case. One carries a link to whoever reads the mail of an order's own address.

Knowing an order's number and its address opens nothing: only the mail does, and only for a day.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlmodel import Session, col, func, select

from returndesk.domain.errors import NotFound
from returndesk.domain.mail import Delivery, Outcome, Recipient, retry_after
from returndesk.store import tables
from returndesk.store.commands import new_id
from returndesk.store.database import Database

OPENS_FOR: Final = timedelta(hours=24)
"""How long the link in a letter opens anything."""
AN_HOUR_MAX: Final = 3
"""Letters of one order in an hour: nobody fills a customer's mailbox from here."""


@dataclass(frozen=True)
class Waiting:
    """A letter that is due, and to whom it goes."""

    id: str
    order_reference: str
    written_at: datetime
    recipient: Recipient


def write(database: Database, order_reference: str, email: str, now: datetime) -> None:
    """A letter to the order's address, where there is such an order and that is its address. Says nothing of either."""
    letter, order, customer = tables.Letter, tables.Order, tables.Customer
    with database.write() as session:
        address = session.exec(
            select(customer.email)
            .join(order, col(order.customer_id) == col(customer.id))
            .where(order.reference == order_reference)
        ).first()
        if address is None or address.casefold() != email.casefold():
            return
        lately = session.exec(
            select(func.count())
            .select_from(letter)
            .where(letter.order_reference == order_reference, letter.written_at > now - timedelta(hours=1))
        ).one()
        if lately < AN_HOUR_MAX:
            session.add(letter(id=new_id("let"), order_reference=order_reference, written_at=now, due_at=now))


def order_of(session: Session, letter_id: str, now: datetime) -> str:
    """The order that a letter's link opens. Raises `NotFound` (`not_found`, `link_expired`)."""
    letter = session.get(tables.Letter, letter_id)
    if letter is None:
        raise NotFound("not_found", "There is nothing here. Use the whole link from the email.")
    if letter.written_at + OPENS_FOR <= now:
        raise NotFound(
            "link_expired",
            "This link was good for one day, which is over. Ask for a new one with your order number.",
        )
    return letter.order_reference


def due(session: Session, now: datetime, limit: int) -> Sequence[Waiting]:
    """Letters to be sent now, oldest first."""
    letter, order, customer = tables.Letter, tables.Order, tables.Customer
    rows = session.exec(
        select(letter, customer.name, customer.email)
        .join(order, col(order.reference) == col(letter.order_reference))
        .join(customer, col(customer.id) == col(order.customer_id))
        .where(col(letter.settled_at).is_(None), letter.due_at <= now)
        .order_by(col(letter.due_at))
        .limit(limit)
    ).all()
    return [
        Waiting(one.id, one.order_reference, one.written_at, Recipient(name, email))
        for one, name, email in rows
    ]


def settle(database: Database, letter_id: str, delivery: Delivery | None, now: datetime) -> None:
    """Note what came of sending a letter; None: it was too late for it. What was not taken is sent again later."""
    with database.write() as session:
        letter = session.get_one(tables.Letter, letter_id)
        if delivery is None:
            letter.result, letter.settled_at = "superseded", now
            return
        letter.attempts += 1
        letter.smtp_code = delivery.status
        letter.result = delivery.outcome
        if delivery.outcome in (Outcome.ACCEPTED, Outcome.REFUSED_FOR_GOOD):
            letter.settled_at = now
        else:
            letter.due_at = now + retry_after(letter.attempts)
