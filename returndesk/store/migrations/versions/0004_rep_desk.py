"""The rep's desk: claims, presence, notes, and what customers and queues are found by."""

import sqlalchemy as sa
from alembic import op

from returndesk.store.types import UtcInstant

revision: str = "0004_rep_desk"
down_revision: str | None = "0003_waiting_and_taken"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Forwards; there is no way back but a backup."""
    op.create_table(
        "claims",
        sa.Column("rma", sa.String(), nullable=False),
        sa.Column("actor_id", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("since", UtcInstant(), nullable=False),
        sa.ForeignKeyConstraint(["rma"], ["returns.rma"], name=op.f("fk_claims_rma")),
        sa.PrimaryKeyConstraint("rma", name=op.f("pk_claims")),
    )
    with op.batch_alter_table("claims", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_claims_actor_id"), ["actor_id"], unique=False)

    op.create_table(
        "notes",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("rma", sa.String(), nullable=False),
        sa.Column("text_id", sa.String(), nullable=False),
        sa.Column("actor_id", sa.String(), nullable=False),
        sa.Column("at", UtcInstant(), nullable=False),
        sa.Column("idempotency_key", sa.String(), nullable=False),
        sa.Column("input_hash", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["rma"], ["returns.rma"], name=op.f("fk_notes_rma")),
        sa.ForeignKeyConstraint(["text_id"], ["texts.id"], name=op.f("fk_notes_text_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notes")),
        sa.UniqueConstraint("actor_id", "idempotency_key", name=op.f("uq_notes_actor_id_idempotency_key")),
    )
    with op.batch_alter_table("notes", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_notes_rma"), ["rma"], unique=False)

    op.create_table(
        "presences",
        sa.Column("rma", sa.String(), nullable=False),
        sa.Column("actor_id", sa.String(), nullable=False),
        sa.Column("seen_at", UtcInstant(), nullable=False),
        sa.ForeignKeyConstraint(["rma"], ["returns.rma"], name=op.f("fk_presences_rma")),
        sa.PrimaryKeyConstraint("rma", "actor_id", name=op.f("pk_presences")),
    )
    with op.batch_alter_table("presences", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_presences_seen_at"), ["seen_at"], unique=False)

    with op.batch_alter_table("customers", schema=None) as batch_op:
        batch_op.add_column(sa.Column("phone_key", sa.String(), nullable=True))
        batch_op.add_column(
            sa.Column(
                "name_key", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=True
            )
        )
        batch_op.create_index(batch_op.f("ix_customers_name_key"), ["name_key"], unique=False)
        batch_op.create_index(batch_op.f("ix_customers_phone_key"), ["phone_key"], unique=False)

    with op.batch_alter_table("returns", schema=None) as batch_op:
        batch_op.create_index(
            "ix_returns_ended",
            ["stage", "ended_at", "rma"],
            unique=False,
            postgresql_where=sa.text("ended_at IS NOT NULL"),
            sqlite_where=sa.text("ended_at IS NOT NULL"),
        )
        batch_op.create_index(
            "ix_returns_running",
            ["stage", "next_due_at", "rma"],
            unique=False,
            postgresql_where=sa.text("ended_at IS NULL AND next_due_at IS NOT NULL"),
            sqlite_where=sa.text("ended_at IS NULL AND next_due_at IS NOT NULL"),
        )
        batch_op.create_index(
            "ix_returns_waiting",
            ["stage", "contacted_at", "rma"],
            unique=False,
            postgresql_where=sa.text("ended_at IS NULL AND next_due_at IS NULL"),
            sqlite_where=sa.text("ended_at IS NULL AND next_due_at IS NULL"),
        )

    _find_customers()


def _find_customers() -> None:
    """Give the customers that are there their keys, a thousand at a time."""
    connection = op.get_bind()
    customers = sa.table("customers", *map(sa.column, ("id", "name", "phone", "phone_key", "name_key")))
    write = (
        customers.update()
        .where(customers.c.id == sa.bindparam("of"))
        .values(phone_key=sa.bindparam("to_phone"), name_key=sa.bindparam("to_name"))
    )
    last = ""
    while True:
        rows = connection.execute(
            sa.select(customers.c.id, customers.c.name, customers.c.phone)
            .where(customers.c.id > last)
            .order_by(customers.c.id)
            .limit(1000)
        ).all()
        if not rows:
            return
        last = rows[-1].id
        connection.execute(
            write, [{"of": x.id, "to_phone": _phone_key(x.phone), "to_name": _name_key(x.name)} for x in rows]
        )


def _phone_key(phone: str | None) -> str | None:
    digits = "".join(c for c in phone or "" if c.isascii() and c.isdigit())
    return digits[-9:] if len(digits) >= 6 else None


def _name_key(name: str) -> str | None:
    return " ".join(name.casefold().split()) or None
