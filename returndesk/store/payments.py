"""The counters that guard money: changed only by conditional UPDATEs on the payment's own row (DESIGN 5).

However many processes reserve at once, reservations and refunds never exceed what was captured. What was
refunded elsewhere or is disputed lowers what can be reserved, but noting it never fails.
"""

from dataclasses import dataclass

from sqlalchemy import Connection, Update, bindparam, select, update

from returndesk.store import tables
from returndesk.store.statements import table_of, updating

_payments = table_of(tables.Payment)
_c = _payments.c
_gone = _c.reserved_minor + _c.refunded_minor + _c.external_minor + _c.disputed_minor

_ROOMS = (
    select(_c.id, _c.reference, _c.label, (_c.captured_minor - _gone).label("room_minor"))
    .where(_c.order_reference == bindparam("order"), _c.currency == bindparam("currency"))
    .order_by(_c.id)
)
_LABEL = select(_c.label).where(_c.id == bindparam("id"))
_NOTE_EXTERNAL = updating(tables.Payment, ["id"], ["external_minor"])
_NOTE_DISPUTED = updating(tables.Payment, ["id"], ["disputed_minor"])
_MOVE = (
    update(_payments)
    .where(_c.id == bindparam("key_id"))
    .values(
        reserved_minor=_c.reserved_minor + bindparam("reserve"),
        refunded_minor=_c.refunded_minor + bindparam("refund"),
    )
)
_RESERVE = _MOVE.where(_gone + bindparam("reserve") <= _c.captured_minor)


def reserve(connection: Connection, payment_id: str, amount_minor: int) -> bool:
    """Set an amount aside for a refund; False, and nothing changed, when there is not that much left."""
    return _moved(connection, _RESERVE, payment_id, reserve=_positive(amount_minor))


def release(connection: Connection, payment_id: str, amount_minor: int) -> None:
    """A reserved amount will not be refunded: it is free again."""
    _must(payment_id, _moved(connection, _MOVE, payment_id, reserve=-_positive(amount_minor)))


def capture_refund(connection: Connection, payment_id: str, amount_minor: int) -> None:
    """A reserved amount was refunded."""
    taken = _positive(amount_minor)
    _must(payment_id, _moved(connection, _MOVE, payment_id, reserve=-taken, refund=taken))


def reverse_refund(connection: Connection, payment_id: str, amount_minor: int) -> None:
    """A refunded amount came back, days later: it is free again."""
    _must(payment_id, _moved(connection, _MOVE, payment_id, refund=-_positive(amount_minor)))


def note_external(connection: Connection, payment_id: str, total_minor: int) -> None:
    """What was refunded elsewhere so far, in all."""
    _must(payment_id, _noted(connection, _NOTE_EXTERNAL, payment_id, external_minor=total_minor))


def note_disputed(connection: Connection, payment_id: str, total_minor: int) -> None:
    """What is disputed now, in all."""
    _must(payment_id, _noted(connection, _NOTE_DISPUTED, payment_id, disputed_minor=total_minor))


@dataclass(frozen=True)
class Refundable:
    """A payment of an order, and how much of it could be reserved now, in minor units."""

    id: str
    reference: str
    label: str | None
    room_minor: int


def refundable(connection: Connection, order_reference: str, currency: str) -> list[Refundable]:
    """The payments of an order in its currency."""
    rows = connection.execute(_ROOMS, {"order": order_reference, "currency": currency})
    return [Refundable(row.id, row.reference, row.label, max(0, row.room_minor)) for row in rows]


def label_of(connection: Connection, payment_id: str) -> str | None:
    """How a payment is named to its customer: "Visa ending 4242"."""
    label: str | None = connection.execute(_LABEL, {"id": payment_id}).scalar_one()
    return label


def _positive(amount_minor: int) -> int:
    if amount_minor <= 0:
        raise ValueError("only an amount above 0 is moved")
    return amount_minor


def _must(payment_id: str, done: bool) -> None:
    """A change that fails only when the books are wrong: the CHECKs, or this, stop the transaction then."""
    if not done:
        raise LookupError(f"no payment {payment_id}")


def _moved(
    connection: Connection, move: Update, payment_id: str, *, reserve: int = 0, refund: int = 0
) -> bool:
    changes = {"key_id": payment_id, "reserve": reserve, "refund": refund}
    return connection.execute(move, changes).rowcount == 1


def _noted(connection: Connection, note: Update, payment_id: str, **total: int) -> bool:
    return connection.execute(note, {"key_id": payment_id, **total}).rowcount == 1
