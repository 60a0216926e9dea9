"""Dispositions: what becomes of goods, said again and again until they have left. No mail: the customer has theirs."""

from returndesk.domain.dispositions import Disposed, dispose
from returndesk.domain.inputs import DispositionsInput
from returndesk.domain.lots import Disposition
from returndesk.store.cases import Case


def dispositions(case: Case, asked: DispositionsInput) -> None:
    """Note what becomes of lots; nothing else of the return changes."""
    case.lots = dispose(case.lots, [Disposed(x.lot, x.disposition, x.quantity) for x in asked.items])
    on_hold = {lot.number for lot in case.lots if lot.disposition is Disposition.HOLD}
    for item in asked.items:
        if item.lot not in on_hold:
            case.end_task(f"found_{item.lot}")
    case.record(
        "disposition_changed",
        lots=[[x.lot, x.quantity, x.disposition] for x in asked.items],
        note=asked.note,
    )
