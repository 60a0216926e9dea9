"""Letters: mails of no case, by which customers start a return."""

import sqlalchemy as sa
from alembic import op

from returndesk.store.types import UtcInstant

revision: str = "0007_customer"
down_revision: str | None = "0006_finance"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Forwards; there is no way back but a backup."""
    op.create_table(
        "letters",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("order_reference", sa.String(), nullable=False),
        sa.Column("written_at", UtcInstant(), nullable=False),
        sa.Column("due_at", UtcInstant(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("result", sa.String(), nullable=True),
        sa.Column("smtp_code", sa.Integer(), nullable=True),
        sa.Column("settled_at", UtcInstant(), nullable=True),
        sa.ForeignKeyConstraint(
            ["order_reference"], ["orders.reference"], name=op.f("fk_letters_order_reference")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_letters")),
    )
    with op.batch_alter_table("letters", schema=None) as batch_op:
        batch_op.create_index("ix_letters_order", ["order_reference", "written_at"], unique=False)
        batch_op.create_index(
            "ix_letters_waiting",
            ["due_at"],
            unique=False,
            postgresql_where=sa.text("settled_at IS NULL"),
            sqlite_where=sa.text("settled_at IS NULL"),
        )
