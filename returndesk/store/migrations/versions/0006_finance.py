"""Finance: how the books stood on any day, how obligations ended, and verifications of the audit chain.

What is new is filled in for what is old, from the ledger, the audit chain and the clocks' own events.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from returndesk.store.types import UtcInstant

revision: str = "0006_finance"
down_revision: str | None = "0005_warehouse"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Forwards; there is no way back but a backup."""
    op.create_table(
        "audit_checks",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("started_at", UtcInstant(), nullable=False),
        sa.Column("started_by", sa.String(), nullable=False),
        sa.Column("beat_at", UtcInstant(), nullable=False),
        sa.Column("ended_at", UtcInstant(), nullable=True),
        sa.Column("returns", sa.Integer(), nullable=False),
        sa.Column("returns_done", sa.Integer(), nullable=False),
        sa.Column("records_done", sa.Integer(), nullable=False),
        sa.Column("findings", sa.Integer(), nullable=False),
        sa.Column("first_findings", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_checks")),
    )
    with op.batch_alter_table("audit_checks", schema=None) as batch_op:
        batch_op.create_index("ix_audit_checks_started", ["started_at"], unique=False)

    with op.batch_alter_table("clocks", schema=None) as batch_op:
        batch_op.add_column(sa.Column("ended", sa.String(), nullable=True))
        batch_op.create_index(
            "ix_clocks_kept", ["rma", "kind", "ended", "breached_at", "due_at"], unique=False
        )
        batch_op.create_index(
            "ix_clocks_unbreached_due",
            ["kind", "due_at", "rma"],
            unique=False,
            postgresql_where=sa.text("due_at IS NOT NULL AND breached_at IS NULL"),
            sqlite_where=sa.text("due_at IS NOT NULL AND breached_at IS NULL"),
        )

    with op.batch_alter_table("orders", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_orders_ordered_at"), ["ordered_at"], unique=False)

    with op.batch_alter_table("refunds", schema=None) as batch_op:
        batch_op.add_column(sa.Column("replaced_at", UtcInstant(), nullable=True))
        batch_op.add_column(sa.Column("late_at", UtcInstant(), nullable=True))
        batch_op.drop_index(batch_op.f("ix_refunds_decided"))
        batch_op.drop_index(batch_op.f("ix_refunds_rma"))
        batch_op.create_index(
            "ix_refunds_rma",
            ["rma", "submitted_at", "credited_at", "failed_at", "replaced_at"],
            unique=False,
        )
        batch_op.create_index(batch_op.f("ix_refunds_bank_reference"), ["bank_reference"], unique=False)
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
                "currency",
                "amount_minor",
            ],
            unique=False,
        )
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
                "amount_minor",
            ],
            unique=False,
        )
        batch_op.create_index(
            "ix_refunds_failed",
            ["decided_at", "id"],
            unique=False,
            postgresql_where=sa.text("failed_at IS NOT NULL"),
            sqlite_where=sa.text("failed_at IS NOT NULL"),
        )
        batch_op.create_index(
            "ix_refunds_late",
            [
                "decided_at",
                "id",
                "submitted_at",
                "credited_at",
                "failed_at",
                "replaced_at",
                "late_at",
                "currency",
                "amount_minor",
            ],
            unique=False,
            postgresql_where=sa.text("late_at IS NOT NULL"),
            sqlite_where=sa.text("late_at IS NOT NULL"),
        )
        batch_op.create_index(
            "ix_refunds_open",
            [
                "decided_at",
                "id",
                "submitted_at",
                "credited_at",
                "failed_at",
                "replaced_at",
                "currency",
                "amount_minor",
            ],
            unique=False,
            postgresql_where=sa.text(
                "replaced_at IS NULL AND (credited_at IS NULL OR failed_at IS NOT NULL)"
            ),
            sqlite_where=sa.text("replaced_at IS NULL AND (credited_at IS NULL OR failed_at IS NOT NULL)"),
        )
        batch_op.create_index(
            "ix_refunds_replaced",
            ["decided_at", "id"],
            unique=False,
            postgresql_where=sa.text("replaced_at IS NOT NULL"),
            sqlite_where=sa.text("replaced_at IS NOT NULL"),
        )

    with op.batch_alter_table("returns", schema=None) as batch_op:
        batch_op.add_column(sa.Column("inspected_at", UtcInstant(), nullable=True))
        batch_op.create_index(
            "ix_returns_way",
            [
                "contacted_at",
                "rma",
                "order_reference",
                "authorized_at",
                "received_at",
                "inspected_at",
                "decided_at",
            ],
            unique=False,
        )

    _fill_refunds()
    op.execute(
        "UPDATE returns SET inspected_at ="
        " (SELECT max(at) FROM audit WHERE audit.rma = returns.rma AND what = 'inspected')"
    )
    _fill_clocks()


def _fill_refunds() -> None:
    """Another refund stands for one since it was decided; money paid by hand and what was not approved are in the ledger."""
    op.execute(
        "UPDATE refunds SET replaced_at = coalesce("
        " (SELECT other.decided_at FROM refunds AS other WHERE other.id = refunds.replaced_by),"
        " (SELECT max(at) FROM ledger WHERE entry = 'paid:' || refunds.replaced_by),"
        " (SELECT max(at) FROM ledger WHERE entry = 'withdrawn:' || refunds.rma || ':' || refunds.decision))"
        " WHERE replaced_by IS NOT NULL"
    )
    op.execute(
        "UPDATE refunds SET late_at = (SELECT breached_at FROM clocks"
        " WHERE clocks.rma = refunds.rma AND kind = 'refund' AND (CASE"
        " WHEN refunds.replaced_at IS NOT NULL THEN breached_at < refunds.replaced_at"
        " WHEN refunds.failed_at IS NOT NULL OR refunds.submitted_at IS NULL THEN breached_at IS NOT NULL"
        " ELSE breached_at < refunds.submitted_at END))"
    )


def _fill_clocks() -> None:
    """A stopped clock's obligation was kept where one of its stops says so, and fell away otherwise."""
    clocks = sa.table(
        "clocks",
        sa.column("rma", sa.String),
        sa.column("kind", sa.String),
        sa.column("events", sa.JSON().with_variant(postgresql.JSONB(), "postgresql")),
        sa.column("ended", sa.String),
    )
    connection = op.get_bind()
    change = (
        sa.update(clocks)
        .where(clocks.c.rma == sa.bindparam("of_rma"), clocks.c.kind == sa.bindparam("of_kind"))
        .values(ended=sa.bindparam("how"))
    )
    last = ""
    while rmas := connection.scalars(
        sa.select(clocks.c.rma).where(clocks.c.rma > last).order_by(clocks.c.rma).distinct().limit(2_000)
    ).all():
        rows = connection.execute(
            sa.select(clocks.c.rma, clocks.c.kind, clocks.c.events).where(
                clocks.c.rma > last, clocks.c.rma <= rmas[-1]
            )
        ).all()
        last = rmas[-1]
        changes = [
            {"of_rma": rma, "of_kind": kind, "how": how}
            for rma, kind, events in rows
            if (how := _ended(kind, events))
        ]
        if changes:
            connection.execute(change, changes)


_KEPT = {"processing": {"decided", "declined"}, "refund": {"refund_submitted", "paid_by_hand"}}


def _ended(kind: str, events: list[list[str | None]]) -> str | None:
    changes = [event for event in events if event[0] != "breached"]
    if not changes or changes[-1][0] != "stopped":
        return None
    return "kept" if any(e[0] == "stopped" and e[2] in _KEPT.get(kind, ()) for e in changes) else "fell_away"
