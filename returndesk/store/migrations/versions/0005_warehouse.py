"""What the warehouse's station looks up: parcels on their way."""

import sqlalchemy as sa
from alembic import op

revision: str = "0005_warehouse"
down_revision: str | None = "0004_rep_desk"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Forwards; there is no way back but a backup."""
    with op.batch_alter_table("returns", schema=None) as batch_op:
        batch_op.create_index(
            "ix_returns_on_the_way",
            ["stage", "sent_at", "rma"],
            unique=False,
            postgresql_where=sa.text("sent_at IS NOT NULL"),
            sqlite_where=sa.text("sent_at IS NOT NULL"),
        )
