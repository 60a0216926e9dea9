"""Finding: orders and returns by whatever a customer says on the phone.

A phone number is found however it is written: by its last nine digits, which are the same with and without the
country's prefix. A name is found by its beginning, or by that of its second or its last word; an order by its end,
which is what people read out. Every way uses an index; none reads a table through.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlmodel import Session, col, select

from returndesk.domain.errors import InvalidInput
from returndesk.domain.rma import Rma, parse
from returndesk.domain.stages import Stage
from returndesk.store.tables import Customer, Order, OrderLine, Return

FOUND_MAX = 20
PHONE_DIGITS = 9
PHONE_DIGITS_MIN = 6
NAME_LETTERS_MIN = 2
END_LETTERS_MIN = 3
_APOSTROPHES = dict.fromkeys((0x2019, 0x2018, 0x60, 0xB4), "'")
"""However somebody writes O'Neil."""
_AFTER_ALL = "\U0010ffff"


def phone_key(phone: str | None) -> str | None:
    """What a phone number is found by; None where it has too few digits to tell anybody apart."""
    digits = "".join(c for c in phone or "" if c.isascii() and c.isdigit())
    return digits[-PHONE_DIGITS:] if len(digits) >= PHONE_DIGITS_MIN else None


def name_key(name: str) -> str | None:
    """What a name is found by the beginning of."""
    return " ".join(name.translate(_APOSTROPHES).casefold().split()) or None


def end_key(reference: str) -> str:
    """What an order is found by the end of: its letters and digits, backwards."""
    return "".join(c for c in reference.casefold() if c.isalnum())[::-1]


def keys_of(name: str, phone: str | None) -> dict[str, str | None]:
    """The columns by which a customer is found. A name of one word has no second and no last one."""
    words = (name_key(name) or "").split()
    return {
        "phone_key": phone_key(phone),
        "name_key": name_key(name),
        "second_name_key": " ".join(words[1:]) or None,
        "last_name_key": words[-1] if len(words) > 2 else None,
    }


@dataclass(frozen=True)
class FoundReturn:
    """A return of an order that was found."""

    rma: str
    stage: Stage
    contacted_at: datetime
    is_open: bool


@dataclass(frozen=True)
class FoundOrder:
    """An order with its returns, newest first. The customer is None for who may not know them.

    `bought`: what it had, line by line: units and title.
    """

    reference: str
    ordered_at: datetime
    name: str | None
    email: str | None
    phone: str | None
    returns: Sequence[FoundReturn] = ()
    bought: Sequence[tuple[int, str]] = ()

    def without_personal_data(self) -> "FoundOrder":
        """The same for who has no business with the customer's name and address."""
        return replace(self, name=None, email=None, phone=None)


@dataclass(frozen=True)
class Found:
    """What somebody looked for. `rma` where they typed one that exists."""

    rma: Rma | None = None
    orders: Sequence[FoundOrder] = ()
    is_more: bool = False


def find(session: Session, typed: str, *, by_person: bool) -> Found:
    """What `typed` may mean: an RMA in any writing, an order, and, `by_person`, an email, a phone or a name."""
    typed = typed.strip()
    rma = _rma(session, typed)
    if rma is not None:
        return Found(rma)
    rows = _orders(session, typed, by_person=by_person)
    shown = rows[:FOUND_MAX]
    references = [order.reference for order, _ in shown]
    returns, bought = _returns(session, references), _bought(session, references)
    orders = [
        FoundOrder(
            order.reference,
            order.ordered_at,
            customer.name,
            customer.email,
            customer.phone,
            returns.get(order.reference, ()),
            bought.get(order.reference, ()),
        )
        for order, customer in shown
    ]
    if not by_person:
        orders = [order.without_personal_data() for order in orders]
    return Found(orders=orders, is_more=len(rows) > FOUND_MAX)


def _rma(session: Session, typed: str) -> Rma | None:
    try:
        rma = parse(typed)
    except InvalidInput:
        return None
    return rma if session.get(Return, rma) is not None else None


def _orders(session: Session, typed: str, *, by_person: bool) -> Sequence[tuple[Order, Customer]]:
    query = (
        select(Order, Customer)
        .join(Customer, col(Customer.id) == col(Order.customer_id))
        .order_by(col(Order.ordered_at).desc(), col(Order.reference))
        .limit(FOUND_MAX + 1)
    )
    exact = session.exec(query.where(col(Order.reference).in_({typed, typed.upper()}))).all()
    if exact:
        return exact
    people = _people(session, typed) if by_person else ()
    if people:
        return session.exec(query.where(col(Order.customer_id).in_(people))).all()
    ends = _ending_with(session, typed)
    return session.exec(query.where(col(Order.reference).in_(ends))).all() if ends else ()


def _ending_with(session: Session, typed: str) -> Sequence[str]:
    """The orders whose number ends like this; it needs a digit, or it is a word."""
    end = end_key(typed)
    if len(end) < END_LETTERS_MIN or "@" in typed or not any(c.isdigit() for c in end):
        return ()
    key = col(Order.end_key)
    query = select(Order.reference).where(key >= end, key < end + _AFTER_ALL)
    return session.exec(query.order_by(key).limit(FOUND_MAX + 1)).all()


def _people(session: Session, typed: str) -> Sequence[str]:
    """The customers somebody may mean. Looked up first: a join over both tables would read every order."""
    query = select(Customer.id).limit(FOUND_MAX + 1)
    if "@" in typed:
        return session.exec(query.where(col(Customer.email).in_({typed, typed.lower()}))).all()
    phone = phone_key(typed)
    if phone is not None and not any(c.isalpha() for c in typed):
        return session.exec(query.where(Customer.phone_key == phone)).all()
    name = name_key(typed)
    if name is None or len(name) < NAME_LETTERS_MIN:
        return ()
    found: dict[str, None] = {}  # in order, each once
    for key in (col(Customer.name_key), col(Customer.second_name_key), col(Customer.last_name_key)):
        begins = query.where(key >= name, key < name + _AFTER_ALL).order_by(key)
        found |= dict.fromkeys(session.exec(begins))
    return list(found)[: FOUND_MAX + 1]


def _returns(session: Session, references: Sequence[str]) -> dict[str, list[FoundReturn]]:
    """The returns of some orders, newest first."""
    found: dict[str, list[FoundReturn]] = {}
    if not references:
        return found
    rows = session.exec(
        select(Return)
        .where(col(Return.order_reference).in_(references))
        .order_by(col(Return.recorded_at).desc())
    )
    for row in rows:
        one = FoundReturn(row.rma, Stage(row.stage), row.contacted_at, is_open=row.ended_at is None)
        found.setdefault(row.order_reference, []).append(one)
    return found


def _bought(session: Session, references: Sequence[str]) -> dict[str, list[tuple[int, str]]]:
    """What some orders had, line by line."""
    line, found = OrderLine, dict[str, list[tuple[int, str]]]()
    if not references:
        return found
    query = select(line.order_reference, line.quantity, line.title).order_by(col(line.line))
    for reference, quantity, title in session.exec(query.where(col(line.order_reference).in_(references))):
        found.setdefault(reference, []).append((quantity, title))
    return found
