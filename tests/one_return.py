"""Books with one order and one return that other rows may refer to."""

from datetime import UTC, datetime

from sqlmodel import Session

from returndesk.store import tables

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
RMA = "RMA-7K3M-Q9TX"


def add_return(session: Session, currency: str) -> None:
    """The return RMA of the order A-1, with what they refer to; both written at NOW."""
    session.add(tables.Customer(id="c", name="Jane", email="jane@shop.example"))
    session.add(tables.Policy(version="v", body="", recorded_at=NOW))
    session.add(tables.Contact(id="con", channel="email", contacted_at=NOW, recorded_at=NOW, actor_id="r"))
    session.flush()
    session.add(tables.Order(reference="A-1", customer_id="c", currency=currency, ordered_at=NOW,
                             input_hash="h", recorded_at=NOW))  # fmt: skip
    session.flush()
    session.add(tables.Return(
        rma=RMA, order_reference="A-1", contact_id="con", policy_version="v", stage="decided",
        channel="email", resolution="refund", currency=currency, contacted_at=NOW, recorded_at=NOW, last_at=NOW,
    ))  # fmt: skip
