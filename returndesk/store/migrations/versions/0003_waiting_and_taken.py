"""Refunds for which the processor needs something of the customer, since when and until when; who has which task."""

import sqlalchemy as sa
from alembic import op

from returndesk.store.types import UtcInstant

revision: str = "0003_waiting_and_taken"
down_revision: str | None = "0002_accounts"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Forwards; there is no way back but a backup."""
    with op.batch_alter_table("refunds", schema=None) as batch_op:
        batch_op.add_column(sa.Column("needs_action_since", UtcInstant(), nullable=True))
        batch_op.add_column(sa.Column("action_expires_at", UtcInstant(), nullable=True))
    with op.batch_alter_table("tasks", schema=None) as batch_op:
        batch_op.add_column(sa.Column("taken_by", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("taken_at", UtcInstant(), nullable=True))
