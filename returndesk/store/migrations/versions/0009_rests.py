"""What is owed that no refund carries has rows of its own, and a refund that was asked for again the age of its debt.

What is new is filled in for what is old, by playing the audit chain again for the returns that owed anything so.
"""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from returndesk.store.types import UtcInstant

revision: str = "0009_rests"
down_revision: str | None = "0008_manager"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Forwards; there is no way back but a backup."""
    op.create_table(
        "rests",
        sa.Column("rma", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("refund_id", sa.String(), nullable=True),
        sa.Column("decision", sa.Integer(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("begun_at", UtcInstant(), nullable=False),
        sa.Column("ended_at", UtcInstant(), nullable=True),
        sa.Column("ended_by", sa.String(), nullable=True),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_rests_amount")),
        sa.ForeignKeyConstraint(["refund_id"], ["refunds.id"], name=op.f("fk_rests_refund_id")),
        sa.ForeignKeyConstraint(["rma"], ["returns.rma"], name=op.f("fk_rests_rma")),
        sa.PrimaryKeyConstraint("rma", "number", name=op.f("pk_rests")),
    )
    with op.batch_alter_table("rests", schema=None) as batch_op:
        batch_op.create_index(
            "ix_rests_begun", ["begun_at", "ended_at", "refund_id", "amount_minor"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_rests_refund_id"), ["refund_id"], unique=False)

    with op.batch_alter_table("clocks", schema=None) as batch_op:
        batch_op.create_index(
            "ix_clocks_late",
            ["kind", "rma"],
            unique=False,
            postgresql_where=sa.text("breached_at IS NOT NULL AND ended IS NULL"),
            sqlite_where=sa.text("breached_at IS NOT NULL AND ended IS NULL"),
        )

    with op.batch_alter_table("refunds", schema=None) as batch_op:
        batch_op.add_column(sa.Column("asked_at", UtcInstant(), nullable=True))
        batch_op.drop_index(batch_op.f("ix_refunds_books"))
        batch_op.create_index(
            "ix_refunds_books",
            [
                "decided_at",
                "id",
                "submitted_at",
                "credited_at",
                "failed_at",
                "replaced_at",
                "late_at",
                "asked_at",
                "currency",
                "amount_minor",
            ],
            unique=False,
        )
        batch_op.drop_index(batch_op.f("ix_refunds_sums"))
        batch_op.create_index(
            "ix_refunds_sums",
            [
                "currency",
                "decided_at",
                "submitted_at",
                "credited_at",
                "failed_at",
                "replaced_at",
                "late_at",
                "asked_at",
                "amount_minor",
            ],
            unique=False,
        )

    _fill_asked()
    _fill_rests()


def _fill_asked() -> None:
    """A refund of a later instant than its decision was asked for again, or for what no payment had the room for."""
    decided = (
        "(SELECT decided_at FROM decisions WHERE decisions.rma = refunds.rma AND number = refunds.decision)"
    )
    op.execute(
        f"UPDATE refunds SET asked_at = decided_at, decided_at = {decided} WHERE decided_at > {decided}"  # noqa: S608
    )


_refunds = sa.table(
    "refunds",
    *(sa.column(name, sa.String) for name in ("id", "rma", "replaced_by", "currency")),
    *(sa.column(name, sa.BigInteger) for name in ("decision", "amount_minor")),
    *(sa.column(name, UtcInstant) for name in ("replaced_at", "late_at")),
)
_decisions = sa.table(
    "decisions",
    sa.column("rma", sa.String),
    *(sa.column(name, sa.BigInteger) for name in ("number", "owed_without_refund_minor")),
    sa.column("decided_at", UtcInstant),
)
_audit = sa.table(
    "audit",
    *(sa.column(name, sa.String) for name in ("rma", "what", "key")),
    sa.column("seq", sa.Integer),
    sa.column("at", UtcInstant),
    sa.column("details", sa.JSON().with_variant(postgresql.JSONB(), "postgresql")),
)
_clocks = sa.table(
    "clocks", sa.column("rma", sa.String), sa.column("kind", sa.String), sa.column("breached_at", UtcInstant)
)
_returns = sa.table("returns", sa.column("rma", sa.String), sa.column("currency", sa.String))
_rests = sa.table(
    "rests",
    *(sa.column(name, sa.String) for name in ("rma", "refund_id", "currency", "ended_by")),
    *(sa.column(name, sa.BigInteger) for name in ("number", "decision", "amount_minor")),
    *(sa.column(name, UtcInstant) for name in ("begun_at", "ended_at")),
)


def _fill_rests() -> None:
    connection = op.get_bind()
    without = sa.select(_decisions.c.rma).where(_decisions.c.owed_without_refund_minor > 0)
    by_hand = sa.select(_refunds.c.rma).where(_refunds.c.replaced_by.like("cmd%"))
    for rma in connection.scalars(sa.union(without, by_hand)).all():
        rests = _rests_of(connection, rma)
        if rests:
            connection.execute(sa.insert(_rests), rests)
        for refund_id in {rest["refund_id"] for rest in rests} - {None}:
            _still_owed(connection, rma, refund_id, rests)


def _rests_of(connection: sa.Connection, rma: str) -> list[dict[str, Any]]:
    """Every rest of a return, from its decisions and what its audit chain says was paid, asked for again or refused."""
    currency = connection.scalar(sa.select(_returns.c.currency).where(_returns.c.rma == rma))
    refunds = {x.id: x for x in connection.execute(sa.select(_refunds).where(_refunds.c.rma == rma))}
    rests: list[dict[str, Any]] = []

    def owe(at: datetime, decision: int, minor: int, refund_id: str | None = None) -> None:
        rests.append({
            "rma": rma, "number": len(rests) + 1, "refund_id": refund_id, "decision": decision, "amount_minor": minor,
            "currency": currency, "begun_at": at, "ended_at": None, "ended_by": None,
        })  # fmt: skip

    def settle(at: datetime, minor: int, by: str, decision: int | None = None) -> None:
        owed = [x for x in rests if x["ended_at"] is None and decision in (None, x["decision"])]
        for rest in sorted(owed, key=lambda x: (x["decision"], x["number"])):
            if minor <= 0:
                return
            rest["ended_at"], rest["ended_by"] = at, by
            if rest["amount_minor"] > minor:
                owe(at, rest["decision"], rest["amount_minor"] - minor, rest["refund_id"])
            minor -= rest["amount_minor"]

    owing = sa.select(_decisions).where(_decisions.c.rma == rma, _decisions.c.owed_without_refund_minor > 0)
    granted = list(connection.execute(owing))
    happened: list[tuple[datetime, int, Any]] = [(x.decided_at, 0, x) for x in granted]
    told = sa.select(_audit).where(
        _audit.c.rma == rma, _audit.c.what.in_(("paid_by_hand", "asked_again", "refused"))
    )
    happened += [(x.at, x.seq, x) for x in connection.execute(told)]
    for at, seq, one in sorted(happened, key=lambda x: x[:2]):
        if not seq:
            owe(at, one.number, one.owed_without_refund_minor)
            continue
        details = one.details
        refund = refunds.get(details.get("refund"))
        if one.what == "refused":
            taken_back = sum(x.owed_without_refund_minor for x in granted if x.number == details["decision"])
            settle(at, taken_back, "not_approved", details["decision"])
        elif one.what == "asked_again" and refund is None:
            settle(at, details["amount_minor"], details["refunds"][0])
        elif one.what == "paid_by_hand" and refund is None:
            settle(at, details["amount_minor"], one.key)
        elif one.what == "paid_by_hand" and refund.amount_minor > details["amount_minor"]:
            owe(at, refund.decision, refund.amount_minor - details["amount_minor"], refund.id)
    return rests


def _still_owed(connection: sa.Connection, rma: str, refund_id: str, rests: list[dict[str, Any]]) -> None:
    """A refund of which a part was paid by hand is owed until its last rest has ended."""
    of_refund = [rest for rest in rests if rest["refund_id"] == refund_id]
    replaced_at = of_refund[-1]["ended_at"]
    this = sa.update(_refunds).where(_refunds.c.id == refund_id)
    connection.execute(this.values(replaced_at=replaced_at))
    breached_at = connection.scalar(
        sa.select(_clocks.c.breached_at).where(_clocks.c.rma == rma, _clocks.c.kind == "refund")
    )
    if breached_at is not None and (replaced_at is None or breached_at < replaced_at):
        connection.execute(this.where(_refunds.c.late_at.is_(None)).values(late_at=breached_at))
