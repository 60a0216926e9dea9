"""Orders in the books: what was sold, and to whom. What returns take of it is counted in `units`.

Guarantees: sending the same order again changes nothing; what a return was built on never changes under it. Locks
are taken in the order orders, lines, payments.
"""

import hashlib
import hmac
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any, Self

from pydantic import BaseModel
from sqlalchemy import delete
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, col, select

from returndesk.domain.errors import NotFound, Refused
from returndesk.domain.orders import CustomerInput, OrderInput, PaymentInput, SoldLine, sold_lines
from returndesk.store.finding import end_key, keys_of
from returndesk.store.tables import Customer, Lot, Order, OrderLine, Payment, Refund, Return


@dataclass(frozen=True)
class Put:
    """What came of putting an order: `created` is new, `changed` was there and is different now."""

    created: bool
    changed: bool


class CustomerView(BaseModel):
    """Who bought. All but the ids is personal data, and null for who may not see it."""

    id: str
    reference: str | None
    name: str | None
    email: str | None
    phone: str | None
    address: list[str] | None


class LineView(BaseModel):
    """A line; amounts are of the whole line, `discount_minor` has its part of the order's discount, and `tax_minor`
    is only what was charged on top. `claimed` units belong to returns, `granted` ones were given back.
    """

    line: int
    sku: str
    title: str
    quantity: int
    price_minor: int
    discount_minor: int
    tax_minor: int
    final_sale: bool
    claimed: int
    granted: int


class PaymentView(BaseModel):
    """A payment and what has left it again: by us, set aside by us, refunded elsewhere, disputed."""

    processor: str
    reference: str
    label: str | None
    captured_minor: int
    reserved_minor: int
    refunded_minor: int
    external_minor: int
    disputed_minor: int


class OrderView(BaseModel):
    """An order as the books have it."""

    reference: str
    currency: str
    ordered_at: datetime
    delivered_on: date | None
    tax_included: bool
    shipping_minor: int
    shipping_tax_minor: int
    recorded_at: datetime
    customer: CustomerView
    lines: list[LineView]
    payments: list[PaymentView]

    def without_personal_data(self) -> Self:
        """The same for who has no business with the customer's name and address."""
        hidden = dict.fromkeys(("name", "email", "phone", "address"))
        return self.model_copy(update={"customer": self.customer.model_copy(update=hidden)})


def put_order(session: Session, reference: str, order: OrderInput, *, now: datetime, secret: bytes) -> Put:
    """Write an order down, or bring the one we have to what it is now.

    Raises `Refused`: `order_in_use` when the change touches what a return was built on, `payment_taken` when a
    payment belongs to another order.
    """
    input_hash = hmac.new(secret, order.model_dump_json().encode(), hashlib.sha256).hexdigest()
    known = _locked(session, reference)
    if known is None:
        customer_id = _write_customer(session, order.customer)
        values = {
            "reference": reference,
            "customer_id": customer_id,
            "recorded_at": now,
            "shipping_granted": False,
            "end_key": end_key(reference),
        }
        if _insert(session, Order, values | _terms(order) | {"input_hash": input_hash}, unless="reference"):
            _write_lines(session, reference, sold_lines(order))
            _write_payments(session, reference, order.currency, order.payments)
            return Put(created=True, changed=False)
        known = _locked(session, reference)  # somebody put it at the same moment, and was first
        assert known is not None
    if hmac.compare_digest(known.input_hash, input_hash):
        return Put(created=False, changed=False)
    _change(session, known, order)
    known.input_hash = input_hash
    session.flush()
    return Put(created=False, changed=True)


def order_view(session: Session, reference: str) -> OrderView:
    """An order with its customer, lines and payments. Raises `NotFound` (`order_not_found`)."""
    found = session.exec(
        select(Order, Customer)
        .join(Customer, col(Customer.id) == col(Order.customer_id))
        .where(col(Order.reference) == reference)
    ).one_or_none()
    if found is None:
        raise NotFound("order_not_found", "There is no such order. Send it first.")
    order, customer = found
    lines = session.exec(_lines(reference).order_by(col(OrderLine.line)))
    payments = session.exec(_payments(reference).order_by(col(Payment.reference)))
    return OrderView(
        **order.model_dump(include=set(OrderView.model_fields)),
        customer=CustomerView(**customer.model_dump()),
        lines=[LineView(**line.model_dump(include=set(LineView.model_fields))) for line in lines],
        payments=[PaymentView(**x.model_dump(include=set(PaymentView.model_fields))) for x in payments],
    )


def _insert(session: Session, table: Any, values: dict[str, Any], *, unless: str) -> bool:
    """Insert a row unless one with the same unique column is there; whether it was inserted."""
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    rows = table.__table__
    statement = insert(rows).values(**values).on_conflict_do_nothing(index_elements=[unless])
    return session.connection().execute(statement.returning(rows.c[unless])).first() is not None


def _lines(reference: str) -> Any:
    return select(OrderLine).where(col(OrderLine.order_reference) == reference)


def _payments(reference: str) -> Any:
    return select(Payment).where(col(Payment.order_reference) == reference)


def _locked(session: Session, reference: str) -> Order | None:
    # A weak lock: rows that point at the order (a return's) may be written meanwhile.
    query = select(Order).where(col(Order.reference) == reference).with_for_update(key_share=True)
    return session.exec(query.execution_options(populate_existing=True)).one_or_none()


def _terms(order: OrderInput) -> dict[str, Any]:
    return {
        "currency": order.currency,
        "ordered_at": order.ordered_at,
        "delivered_on": order.delivered_on,
        "tax_included": order.tax_included,
        "shipping_minor": order.shipping_minor,
        "shipping_tax_minor": order.shipping_tax_on_top_minor,
    }


def _write_customer(session: Session, customer: CustomerInput) -> str:
    """The id of the customer: the known one with this reference, as it is now, or a new one."""
    values = customer.model_dump(mode="json") | keys_of(customer.name, customer.phone)
    customer_id = secrets.token_hex(12)
    if customer.reference is None:
        session.add(Customer(id=customer_id, **values))
        session.flush()
        return customer_id
    if _insert(session, Customer, {"id": customer_id} | values, unless="reference"):
        return customer_id
    known = session.exec(select(Customer).where(col(Customer.reference) == customer.reference)).one()
    known.sqlmodel_update(values)
    session.flush()
    return known.id


def _write_lines(session: Session, reference: str, lines: Iterable[SoldLine]) -> None:
    counters = {"order_reference": reference, "claimed": 0, "granted": 0}
    rows = [asdict(line) | counters for line in lines]
    if rows:
        session.connection().execute(OrderLine.__table__.insert(), rows)  # type: ignore[attr-defined]


def _write_payments(
    session: Session, reference: str, currency: str, payments: Iterable[PaymentInput]
) -> None:
    for payment in payments:
        counters = dict.fromkeys(("reserved_minor", "refunded_minor", "external_minor", "disputed_minor"), 0)
        ours = {"id": secrets.token_hex(12), "order_reference": reference, "currency": currency}
        if not _insert(session, Payment, payment.model_dump() | ours | counters, unless="reference"):
            raise Refused(
                "payment_taken",
                "A payment of this order belongs to another order already. Nothing was changed. "
                "Send each payment with one order only.",
                ["payment_taken"],
            )


def _in_use() -> Refused:
    return Refused(
        "order_in_use",
        "A return was built on what this would change: a line with returned units, the delivery or the currency, "
        "or a payment with refunds. Nothing was changed. Send those as they were; all else may be new.",
        ["order_in_use"],
    )


def _change(session: Session, known: Order, order: OrderInput) -> None:
    lines = session.exec(
        _lines(known.reference).with_for_update().execution_options(populate_existing=True)
    ).all()
    returned = _returned_lines(session, known.reference) | {line.line for line in lines if line.claimed}
    terms = _terms(order)
    may_differ = {"ordered_at", "delivered_on"}
    if returned and any(getattr(known, name) != terms[name] for name in terms.keys() - may_differ):
        raise _in_use()
    _change_lines(session, known.reference, lines, sold_lines(order), returned)
    _change_payments(session, known.reference, order)
    known.sqlmodel_update(terms)
    _change_customer(session, known, order.customer)


def _returned_lines(session: Session, reference: str) -> set[int]:
    """The lines a return names, though its units may be free again: its pages still show them."""
    named = select(Lot.line).join(Return, col(Return.rma) == col(Lot.rma)).distinct()
    found = session.exec(named.where(col(Return.order_reference) == reference, col(Lot.line).is_not(None)))
    return {line for line in found if line is not None}


def _change_lines(
    session: Session,
    reference: str,
    known: Sequence[OrderLine],
    wanted: Sequence[SoldLine],
    returned: set[int],
) -> None:
    by_number = {line.line: line for line in wanted}
    for line in known:
        now = by_number.pop(line.line, None)
        if now is not None and all(getattr(line, name) == value for name, value in asdict(now).items()):
            continue
        if line.line in returned:
            raise _in_use()
        if now is None:
            session.delete(line)
        else:
            line.sqlmodel_update(asdict(now))
    session.flush()
    _write_lines(session, reference, by_number.values())


def _change_payments(session: Session, reference: str, order: OrderInput) -> None:
    wanted = {payment.reference: payment for payment in order.payments}
    locked = _payments(reference).with_for_update().execution_options(populate_existing=True)
    for payment in session.exec(locked).all():
        now = wanted.pop(payment.reference, None)
        terms = None if now is None else now.model_dump() | {"currency": order.currency}
        if terms == {name: getattr(payment, name) for name in terms or ()}:
            continue
        if _is_used(session, payment):
            raise _in_use()
        if terms is None:
            session.delete(payment)
        else:
            payment.sqlmodel_update(terms)
    session.flush()
    _write_payments(session, reference, order.currency, wanted.values())


def _is_used(session: Session, payment: Payment) -> bool:
    if payment.reserved_minor or payment.refunded_minor or payment.external_minor or payment.disputed_minor:
        return True
    refund = select(Refund.id).where(col(Refund.payment_id) == payment.id).limit(1)
    return session.exec(refund).first() is not None


def _change_customer(session: Session, order: Order, customer: CustomerInput) -> None:
    """A customer without a reference belongs to one order, and is changed or left with it."""
    before = session.get_one(Customer, order.customer_id)
    if customer.reference is None and before.reference is None:
        before.sqlmodel_update(customer.model_dump(mode="json") | keys_of(customer.name, customer.phone))
        return
    order.customer_id = _write_customer(session, customer)
    session.flush()
    if before.reference is None:
        session.execute(delete(Customer).where(col(Customer.id) == before.id))
