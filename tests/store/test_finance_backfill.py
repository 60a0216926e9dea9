"""What revision 0006 fills in for books that were there before it; on both databases."""

import importlib.util
from pathlib import Path
from types import ModuleType

from alembic.migration import MigrationContext
from alembic.operations import Operations
from finance_books import Written, at, write
from sqlmodel import col, select, update

from returndesk.domain.stages import RefundStatus
from returndesk.store import migrate, tables
from returndesk.store.database import Database

FAILED = RefundStatus.FAILED
DECIDED = [("stopped", "9 10:00", "nothing_due", "rules")]
PAID = [("stopped", "9 10:00", "refund_submitted", "processor")]


def _revision() -> ModuleType:
    file = Path(migrate.__file__).parent / "migrations" / "versions" / "0006_finance.py"
    spec = importlib.util.spec_from_file_location("revision_0006", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_old_refunds_and_clocks_get_what_they_would_have(database: Database) -> None:
    write(
        database,
        Written(1, "2 10:00", submitted="2 10:00", credited="2 10:00", late="3 10:00", refund_events=PAID),
        Written(2, "2 10:00", submitted="4 10:00", late="3 10:00", refund_events=DECIDED),
        Written(3, "2 10:00", submitted="2 10:00", failed="5 10:00", late="6 10:00", status=FAILED),
        Written(4, "2 10:00", failed="5 10:00", late="8 10:00", replaced_by="RMA-TEST-0001-1", status=FAILED),
        Written(5, "2 10:00", failed="5 10:00", late="6 10:00", replaced_by="cmd_9", status=FAILED),
        Written(6, "2 10:00", replaced_by="not_approved", status=RefundStatus.CANCELED),
    )
    with database.write() as session:
        for entry, rma, when in (("paid:cmd_9", 5, "7 10:00"), ("withdrawn:RMA-TEST-0006:1", 6, "4 10:00")):
            session.add(tables.Posting(entry=entry, account="processor", rma=f"RMA-TEST-{rma:04}", currency="GBP",
                                       amount_minor=1, at=at(when)))  # fmt: skip
        session.exec(update(tables.Refund).values(late_at=None, replaced_at=None))
    module = _revision()
    with database.engine.begin() as connection, Operations.context(MigrationContext.configure(connection)):
        module._fill_refunds()
        module._fill_clocks()
    with database.read() as session:
        refunds = {
            int(r.rma[-4:]): (r.late_at, r.replaced_at)
            for r in session.exec(select(tables.Refund).order_by(tables.Refund.id))
        }
        ended = session.exec(
            select(tables.Clock.ended).where(tables.Clock.kind == "refund").order_by(col(tables.Clock.rma))
        ).all()
    assert refunds == {
        1: (None, None),  # paid before its clock ran out
        2: (at("3 10:00"), None),
        3: (at("6 10:00"), None),  # failed, and owed when it ran out
        4: (None, at("2 10:00")),  # another stands for it since that one was decided
        5: (at("6 10:00"), at("7 10:00")),  # paid by hand a day after
        6: (None, at("4 10:00")),
    }
    assert ended == ["kept", "fell_away", None, None, None, None]
