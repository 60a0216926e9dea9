"""Manager: open tasks by whose they are, and the records of breaches and overrides by when."""

import sqlalchemy as sa
from alembic import op

revision: str = "0008_manager"
down_revision: str | None = "0007_customer"
branch_labels: str | None = None
depends_on: str | None = None

_OPEN = "done_at IS NULL"
_CAUSES = "what IN ('breached', 'overridden', 'overruled', 'regraded')"


def upgrade() -> None:
    """Forwards; there is no way back but a backup."""
    with op.batch_alter_table("tasks", schema=None) as batch_op:
        batch_op.create_index(
            "ix_tasks_open_owner",
            ["owner_role", "due_at", "id"],
            unique=False,
            postgresql_where=sa.text(_OPEN),
            sqlite_where=sa.text(_OPEN),
        )
        batch_op.create_index(
            "ix_tasks_open_taken",
            ["taken_by", "due_at", "id"],
            unique=False,
            postgresql_where=sa.text(_OPEN),
            sqlite_where=sa.text(_OPEN),
        )
    with op.batch_alter_table("audit", schema=None) as batch_op:
        batch_op.create_index(
            "ix_audit_causes",
            ["at", "rma", "seq"],
            unique=False,
            postgresql_where=sa.text(_CAUSES),
            sqlite_where=sa.text(_CAUSES),
        )
