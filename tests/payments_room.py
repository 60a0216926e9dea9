"""What is left of a payment, computed from its row by the tests themselves."""

from sqlmodel import Session

from returndesk.store.tables import Payment


def room(session: Session, payment_id: str) -> int:
    """Minor units that could still be reserved; 0 for a payment that is not there."""
    row = session.get(Payment, payment_id, populate_existing=True)
    if row is None:
        return 0
    gone = row.reserved_minor + row.refunded_minor + row.external_minor + row.disputed_minor
    return max(0, row.captured_minor - gone)
