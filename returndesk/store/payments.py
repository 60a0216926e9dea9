"""The counters that guard money: changed only by conditional UPDATEs on the payment's own row (DESIGN 5).

However many processes reserve at once, reservations and refunds never exceed what was captured. What was
refunded elsewhere or is disputed lowers what can be reserved, but noting it never fails. Objects of `Payment`
that a session already holds do not see these changes: read the row again.
"""

from dataclasses import dataclass

from sqlalchemy import CursorResult, Update, bindparam
from sqlmodel import Session, col, select, update

from returndesk.store.tables import Payment

_captured = col(Payment.captured_minor)
_reserved = col(Payment.reserved_minor)
_refunded = col(Payment.refunded_minor)
_gone = _reserved + _refunded + col(Payment.external_minor) + col(Payment.disputed_minor)

_ROOMS = (
    select(col(Payment.id), Payment.reference, Payment.label, (_captured - _gone).label("room_minor"))
    .where(col(Payment.order_reference) == bindparam("order"), col(Payment.currency) == bindparam("currency"))
    .order_by(col(Payment.id))
)


_MOVE = (
    update(Payment)
    .where(col(Payment.id) == bindparam("key_id"))
    .values(
        reserved_minor=_reserved + bindparam("reserve"),
        refunded_minor=_refunded + bindparam("refund"),
    )
)
_RESERVE = _MOVE.where(_gone + bindparam("reserve") <= _captured)


def reserve(session: Session, payment_id: str, amount_minor: int) -> bool:
    """Set an amount aside for a refund; False, and nothing changed, when there is not that much left."""
    return _moved(session, _RESERVE, payment_id, reserve=_positive(amount_minor))


def release(session: Session, payment_id: str, amount_minor: int) -> None:
    """A reserved amount will not be refunded: it is free again."""
    _must(payment_id, _moved(session, _MOVE, payment_id, reserve=-_positive(amount_minor)))


def capture_refund(session: Session, payment_id: str, amount_minor: int) -> None:
    """A reserved amount was refunded."""
    taken = _positive(amount_minor)
    _must(payment_id, _moved(session, _MOVE, payment_id, reserve=-taken, refund=taken))


def reverse_refund(session: Session, payment_id: str, amount_minor: int) -> None:
    """A refunded amount came back, days later: it is free again."""
    _must(payment_id, _moved(session, _MOVE, payment_id, refund=-_positive(amount_minor)))


def note_external(session: Session, payment_id: str, total_minor: int) -> None:
    """What was refunded elsewhere so far, in all."""
    _must(payment_id, _carried_out(session, _of(payment_id).values(external_minor=total_minor)))


def note_disputed(session: Session, payment_id: str, total_minor: int) -> None:
    """What is disputed now, in all."""
    _must(payment_id, _carried_out(session, _of(payment_id).values(disputed_minor=total_minor)))


@dataclass(frozen=True)
class Refundable:
    """A payment of an order, and how much of it could be reserved now, in minor units."""

    id: str
    reference: str
    label: str | None
    room_minor: int


def refundable(session: Session, order_reference: str, currency: str) -> list[Refundable]:
    """The payments of an order in its currency."""
    rows = session.connection().execute(_ROOMS, {"order": order_reference, "currency": currency})
    return [Refundable(row.id, row.reference, row.label, max(0, row.room_minor)) for row in rows]


def _positive(amount_minor: int) -> int:
    if amount_minor <= 0:
        raise ValueError("only an amount above 0 is moved")
    return amount_minor


def _of(payment_id: str) -> Update:
    return update(Payment).where(col(Payment.id) == payment_id)


def _must(payment_id: str, done: bool) -> None:
    """A change that fails only when the books are wrong: the CHECKs, or this, stop the transaction then."""
    if not done:
        raise LookupError(f"no payment {payment_id}")


def _moved(session: Session, move: Update, payment_id: str, *, reserve: int = 0, refund: int = 0) -> bool:
    changes = {"key_id": payment_id, "reserve": reserve, "refund": refund}
    return session.connection().execute(move, changes).rowcount == 1


def _carried_out(session: Session, statement: Update) -> bool:
    result = session.execute(statement, execution_options={"synchronize_session": False})
    assert isinstance(result, CursorResult)
    return result.rowcount == 1
