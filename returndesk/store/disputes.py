"""Disputes as the processor last told them, and whom they concern. Nothing here is taken from an event."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, bindparam, select

from returndesk.domain.disputes import Dispute
from returndesk.store import tables
from returndesk.store.payments import note_disputed
from returndesk.store.statements import append, table_of, updating

_disputes = table_of(tables.Dispute)
_payments = table_of(tables.Payment)
_returns = table_of(tables.Return)
_audit = table_of(tables.AuditRecord)
_COLUMNS = tuple(Dispute.__dataclass_fields__)
_KNOWN = select(_disputes.c.id).where(_disputes.c.payment_id == bindparam("payment"))
_CHANGE = updating(tables.Dispute, ["id"], [*_COLUMNS[1:], "noted_at"])
_OF_ORDER = (
    select(_disputes.c.payment_id, *(_disputes.c[name] for name in _COLUMNS))
    .join(_payments, _payments.c.id == _disputes.c.payment_id)
    .where(_payments.c.order_reference == bindparam("order"))
    .order_by(_disputes.c.id)
)
_CONCERNED = (
    select(_returns.c.rma, _returns.c.policy_version)
    .join(_payments, _payments.c.order_reference == _returns.c.order_reference)
    .where(
        _payments.c.id == bindparam("payment"),
        _returns.c.decided_at.is_not(None),
        _returns.c.goods_minor + _returns.c.goods_tax_minor + _returns.c.shipping_minor > 0,
    )
    .order_by(_returns.c.rma)
)
_HEARD = select(_audit.c.what, _audit.c.details).where(
    _audit.c.rma == bindparam("rma"), _audit.c.what.in_(("disputed", "dispute_closed"))
)


def note(connection: Connection, payment_id: str, disputes: Sequence[Dispute], now: datetime) -> None:
    """Keep all disputes of a payment as they are now; what they hold lowers what may be reserved of it."""
    known = set(connection.scalars(_KNOWN, {"payment": payment_id}))
    new = [{**vars(x), "payment_id": payment_id, "noted_at": now} for x in disputes if x.id not in known]
    append(connection, tables.Dispute, new)
    for dispute in disputes:
        if dispute.id in known:
            values = {name: getattr(dispute, name) for name in _COLUMNS[1:]}
            connection.execute(_CHANGE, {"key_id": dispute.id, "noted_at": now, **values})
    note_disputed(connection, payment_id, sum(dispute.held_minor for dispute in disputes))


def concerned(connection: Connection, payment_id: str) -> list[tuple[str, str]]:
    """The returns that a dispute of a payment concerns, each before its policy version.

    They are those of its order whose customer was granted money: also where it went back on another payment,
    for then the bank would pay it a second time.
    """
    return [(row.rma, row.policy_version) for row in connection.execute(_CONCERNED, {"payment": payment_id})]


def disputes_of(connection: Connection, order_reference: str) -> list[tuple[str, Dispute]]:
    """Every dispute of an order's payments, each behind the payment's id."""
    return [
        (payment_id, Dispute(*dispute))
        for payment_id, *dispute in connection.execute(_OF_ORDER, {"order": order_reference})
    ]


def heard(connection: Connection, rma: str) -> set[tuple[str, str, str]]:
    """What a return has on record of disputes: what was recorded, of which, and at which status."""
    return {
        (row.what, row.details["dispute"], row.details["status"])
        for row in connection.execute(_HEARD, {"rma": rma})
    }
