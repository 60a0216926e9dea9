"""Refunds for which the processor needs something of the customer: since when, and until when."""

import sqlalchemy as sa
from alembic import op

from returndesk.store.types import UtcInstant

revision: str = "0003_refunds_that_wait"
down_revision: str | None = "0002_accounts"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Forwards; there is no way back but a backup."""
    with op.batch_alter_table("refunds", schema=None) as batch_op:
        batch_op.add_column(sa.Column("needs_action_since", UtcInstant(), nullable=True))
        batch_op.add_column(sa.Column("action_expires_at", UtcInstant(), nullable=True))
