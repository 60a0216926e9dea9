"""How Alembic runs our revisions: on the connection it is given, in one transaction."""

from collections.abc import Collection, Mapping
from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext
from alembic.runtime.migration import MigrationContext, MigrationInfo
from sqlalchemy import JSON, Connection, text
from sqlmodel import AutoString

from returndesk.store.tables import metadata
from returndesk.store.types import UtcInstant

_UPGRADE_LOCK = 7_465_726_475
_LOCK_TIMEOUT = "4s"


def _render(kind: str, item: Any, autogen: AutogenContext) -> str | Literal[False]:
    """Our own column types by their short names; everything else as Alembic does."""
    if kind == "type" and isinstance(item, UtcInstant):
        autogen.imports.add("from returndesk.store.types import UtcInstant")
        return "UtcInstant()"
    if kind == "type" and isinstance(item, AutoString):
        return "sa.String()"
    if kind == "type" and isinstance(item, JSON):
        autogen.imports.add("from sqlalchemy.dialects import postgresql")
        return 'sa.JSON().with_variant(postgresql.JSONB(), "postgresql")'
    return False


def _note(
    ctx: MigrationContext, step: MigrationInfo, heads: Collection[Any], run_args: Mapping[str, Any]
) -> None:
    del ctx, heads, run_args  # Alembic's calling convention
    context.config.attributes["applied"].append(step.up_revision_id)


def _run(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=metadata,
        render_as_batch=connection.dialect.name == "sqlite",
        render_item=_render,
        on_version_apply=_note,
    )
    with context.begin_transaction():
        if connection.dialect.name == "postgresql":
            # The wait for another upgrade may be long, the one for a table in use may not.
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _UPGRADE_LOCK})
            connection.execute(text(f"SET LOCAL lock_timeout = '{_LOCK_TIMEOUT}'"))
        context.run_migrations()


_run(context.config.attributes["connection"])
