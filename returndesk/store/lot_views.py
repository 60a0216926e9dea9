"""What the API shows of a return's lots, and of what became of the goods."""

from datetime import datetime

from pydantic import BaseModel
from sqlmodel import Session, col, select

from returndesk.domain.lots import Acceptance, Arrival, Condition, Disposition, Packaging, Reception, WayBack
from returndesk.store import tables


class DispositionView(BaseModel):
    """What became of goods, from then on."""

    disposition: Disposition
    at: datetime
    actor_id: str


class LotView(BaseModel):
    """Units that share one fate. `dispositions` oldest first; what came before a split stands with the `parent`."""

    lot: int
    line: int | None
    title: str | None
    quantity: int
    reason: str | None
    reception: Reception
    arrival: Arrival | None
    condition: Condition | None
    packaging: Packaging | None
    acceptance: Acceptance
    reasons: list[str]
    disposition: Disposition | None
    decision: int | None
    left: WayBack | None
    photos: list[str]
    parent: int | None
    dispositions: list[DispositionView]


def lot_views(session: Session, rma: str, order_reference: str) -> list[LotView]:
    """The lots of a return, by number."""
    lots = session.exec(
        select(tables.Lot, tables.OrderLine.title)
        .outerjoin(
            tables.OrderLine,
            (col(tables.OrderLine.line) == col(tables.Lot.line))
            & (col(tables.OrderLine.order_reference) == order_reference),
        )
        .where(tables.Lot.rma == rma)
        .order_by(col(tables.Lot.number))
    ).all()
    history = _dispositions(session, rma)
    return [_lot(lot, title, history.get(lot.number, [])) for lot, title in lots]


def _dispositions(session: Session, rma: str) -> dict[int, list[DispositionView]]:
    """What became of each lot, oldest first."""
    row = tables.DispositionChange
    history: dict[int, list[DispositionView]] = {}
    for change in session.exec(select(row).where(row.rma == rma).order_by(col(row.lot), col(row.seq))):
        history.setdefault(change.lot, []).append(
            DispositionView(
                disposition=Disposition(change.disposition), at=change.at, actor_id=change.actor_id
            )
        )
    return history


def _lot(lot: tables.Lot, title: str | None, history: list[DispositionView]) -> LotView:
    return LotView(
        lot=lot.number,
        line=lot.line,
        title=title,
        quantity=lot.quantity,
        reason=lot.reason,
        reception=Reception(lot.reception),
        arrival=None if lot.arrival is None else Arrival(lot.arrival),
        condition=None if lot.condition is None else Condition(lot.condition),
        packaging=None if lot.packaging is None else Packaging(lot.packaging),
        acceptance=Acceptance(lot.acceptance),
        reasons=list(lot.reasons),
        disposition=None if lot.disposition is None else Disposition(lot.disposition),
        decision=lot.decision,
        left=None if lot.left is None else WayBack(lot.left),
        photos=list(lot.photos),
        parent=lot.parent,
        dispositions=history,
    )
