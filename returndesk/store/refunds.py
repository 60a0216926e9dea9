"""What is written down of a refund before and between calls to the processor (DESIGN 5).

These columns belong to the sending activity; the status belongs to the transition that records the answer.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, and_, bindparam, or_, select, update

from returndesk.domain.stages import TO_SEND, RefundStatus
from returndesk.store import tables
from returndesk.store.statements import table_of, updating


def parameters_hash(payment_reference: str, amount_minor: int, currency: str) -> str:
    """What a refund's key stands for: the same key is never sent with other parameters."""
    return hashlib.sha256(f"{payment_reference}|{amount_minor}|{currency}".encode()).hexdigest()


@dataclass(frozen=True)
class Sending:
    """A refund as the sender sees it.

    `is_withheld`: never sent, and waiting for a manager or for a hold to end; or failed, canceled or paid. Whatever is
    heard of one, it is not sent.
    """

    id: str
    rma: str
    payment_reference: str
    amount_minor: int
    currency: str
    processor_reference: str | None
    key_number: int
    first_sent_at: datetime | None
    last_sent_at: datetime | None
    absent_at: datetime | None
    looks: int
    status: RefundStatus
    is_withheld: bool

    @property
    def key(self) -> str:
        """The idempotency key of this and every later POST, until it is proven that none got through."""
        return f"refund:{self.id}" if self.key_number == 1 else f"refund:{self.id}:{self.key_number}"


_refunds = table_of(tables.Refund)
_payments = table_of(tables.Payment)
_returns = table_of(tables.Return)
_c = _refunds.c
_waits = and_(
    _c.status == RefundStatus.REQUESTED,
    _c.first_sent_at.is_(None),
    or_(
        _returns.c.on_hold_since.is_not(None),
        and_(_returns.c.awaiting_approval, _returns.c.decisions == _c.decision),
    ),
)
_SENDING = (
    select(
        _c.id, _c.rma, _payments.c.reference.label("payment_reference"), _c.amount_minor, _c.currency, _c.processor_reference,
        _c.key_number, _c.first_sent_at, _c.last_sent_at, _c.absent_at, _c.looks, _c.status,
        or_(_c.status.not_in(TO_SEND), _waits).label("is_withheld"), _c.parameters_hash,
    )
    .join(_payments, _payments.c.id == _c.payment_id)
    .join(_returns, _returns.c.rma == _c.rma)
    .where(_c.id == bindparam("id"))
)  # fmt: skip
_ABOUT_TO_SEND = updating(tables.Refund, ["id"], ["first_sent_at", "last_sent_at", "absent_at"])
_one = update(_refunds).where(_c.id == bindparam("key_id"))
_SEEN_ABSENT = _one.values(absent_at=bindparam("now"), looks=_c.looks + 1)
_LOOKED = _one.values(looks=_c.looks + 1)
_PROVEN_ABSENT = _one.where(_c.key_number == bindparam("old_key")).values(
    key_number=_c.key_number + 1, first_sent_at=None, last_sent_at=None, absent_at=None, looks=0
)


def sending(connection: Connection, refund_id: str) -> Sending:
    """A refund with what was sent of it. Raises where its parameters are not those it was granted with."""
    found = dict(connection.execute(_SENDING, {"id": refund_id}).mappings().one())
    granted = found.pop("parameters_hash")
    refund = Sending(**{**found, "status": RefundStatus(found["status"])})
    if parameters_hash(refund.payment_reference, refund.amount_minor, refund.currency) != granted:
        raise AssertionError(f"refund {refund_id} is not what was granted")
    return refund


def about_to_send(connection: Connection, refund: Sending, now: datetime) -> None:
    """Committed before every POST: since when this key may be known to the processor."""
    values = {"first_sent_at": refund.first_sent_at or now, "last_sent_at": now, "absent_at": None}
    connection.execute(_ABOUT_TO_SEND, {"key_id": refund.id, **values})


def seen_absent(connection: Connection, refund_id: str, now: datetime) -> None:
    """A complete listing did not have it."""
    connection.execute(_SEEN_ABSENT, {"key_id": refund_id, "now": now})


def looked(connection: Connection, refund_id: str) -> None:
    """One more round without an answer."""
    connection.execute(_LOOKED, {"key_id": refund_id})


def proven_absent(connection: Connection, refund: Sending) -> None:
    """No POST under the old key got through: a new key may be used."""
    connection.execute(_PROVEN_ABSENT, {"key_id": refund.id, "old_key": refund.key_number})
