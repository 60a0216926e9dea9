"""A hold is the shop's turn: what is on hold and has no date is to be looked into now."""

from alembic import op

revision: str = "0011_on_hold"
down_revision: str | None = "0010_finding"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Forwards; there is no way back but a backup."""
    op.execute(
        "UPDATE returns SET next_due_at = on_hold_since "
        "WHERE on_hold_since IS NOT NULL AND next_due_at IS NULL AND ended_at IS NULL"
    )
