"""What a code that is no RMA may lead to at the station: the parcel whose carrier's number it is; and what is to count.

A tracking number is something a customer wrote: it is compared, and never shown.
"""

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlmodel import Session, col

from returndesk.domain.lots import ON_THE_WAY
from returndesk.domain.stages import Stage
from returndesk.store import tables

TRACKING_LENGTH_MIN = 6
"""Shorter ones are nobody's: what is typed by hand and stops half way leads nowhere."""
FOUND_MAX = 12


def sent_under(session: Session, tracking: str) -> Sequence[str]:
    """The returns that wait for a parcel with this tracking number, the oldest first. Blanks and case do not matter."""
    typed = "".join(tracking.split()).upper()
    if len(typed) < TRACKING_LENGTH_MIN:
        return ()
    row, happened, said = tables.Return, tables.AuditRecord, tables.Text
    query = (
        select(col(row.rma))
        .join(happened, (col(happened.rma) == col(row.rma)) & (col(happened.what) == "shipped"))
        .join(said, col(said.id) == col(happened.details)["tracking"].as_string())
        .where(
            col(row.stage) == Stage.AUTHORIZED,
            col(row.sent_at).is_not(None),
            func.upper(func.replace(func.trim(col(said.body)), " ", "")) == typed,
        )
        .order_by(col(row.sent_at), col(row.rma))
        .limit(FOUND_MAX)
    )
    return tuple(dict.fromkeys(session.scalars(query)))


def to_count(session: Session, rmas: Sequence[str]) -> Sequence[str]:
    """Those of the returns of whose goods some are waited for still, in the order they are named."""
    if not rmas:
        return ()
    lot = tables.Lot
    query = select(col(lot.rma)).where(col(lot.rma).in_(rmas), col(lot.reception).in_(ON_THE_WAY)).distinct()
    waiting = set(session.scalars(query))
    return tuple(rma for rma in rmas if rma in waiting)
