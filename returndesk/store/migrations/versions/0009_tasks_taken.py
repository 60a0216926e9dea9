"""Who has which task, and since when."""

import sqlalchemy as sa
from alembic import op

from returndesk.store.types import UtcInstant

revision: str = "0009_tasks_taken"
down_revision: str | None = "0008_manager"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Forwards; there is no way back but a backup."""
    with op.batch_alter_table("tasks", schema=None) as batch_op:
        batch_op.add_column(sa.Column("taken_by", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("taken_at", UtcInstant(), nullable=True))
