"""Brings a database to the tables of today, and says how far it is.

An upgrade is one transaction: it happens wholly or not at all, on SQLite and PostgreSQL. Two processes that
upgrade at once wait for each other. On PostgreSQL no statement waits longer than a few seconds for a table
somebody uses; run the upgrade again then.

For whoever changes `tables.py`: `python -m returndesk.store.migrate revision "words"` writes the next revision
from the difference between the tables and the revisions so far. CHECK constraints are not seen by it: write those
by hand; the tests compare them.
"""

import re
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from returndesk.domain.errors import ConfigurationError
from returndesk.store.database import Database, sqlite_url

_FOLDER = Path(__file__).parent / "migrations"
_NAME_MAX = 32  # the width of Alembic's own column


@dataclass(frozen=True)
class State:
    """How far a database is: its revision (None: no tables yet), and the ones it still lacks, oldest first."""

    current: str | None
    pending: tuple[str, ...]


def state(database: Database) -> State:
    """How far a database is.

    Raises `ConfigurationError` (`database_too_new`) when it was upgraded by a later returndesk.
    """
    with database.read() as session:
        return _state(session.connection(), ScriptDirectory.from_config(_config()))


def upgrade(database: Database) -> list[str]:
    """Apply what is missing; the names of the revisions applied, oldest first.

    Raises `ConfigurationError` (`database_too_new`) when it was upgraded by a later returndesk.
    """
    applied: list[str] = []
    config = _config()
    state(database)
    with database.engine.connect() as connection:
        # Batch mode rebuilds tables on SQLite; with foreign keys on, dropping the old one would take rows along.
        # The pragma only counts outside of a transaction.
        if database.is_sqlite:
            _pragma(connection, "foreign_keys = OFF")
        try:
            config.attributes.update(connection=connection, applied=applied)
            command.upgrade(config, "head")
        finally:
            connection.rollback()
            if database.is_sqlite:
                _pragma(connection, "foreign_keys = ON")
    return applied


def write_revision(words: str) -> Path:
    """Write the next revision from what `tables.py` has and the revisions do not; the file written."""
    config = _config()
    script = ScriptDirectory.from_config(config)
    number = sum(1 for _ in script.walk_revisions()) + 1
    slug = re.sub(r"[^a-z0-9]+", "_", words.lower()).strip("_")
    name = f"{number:04d}_{slug}"[:_NAME_MAX]
    with tempfile.TemporaryDirectory() as folder:
        database = Database(sqlite_url(Path(folder) / "draft.sqlite"))
        try:
            upgrade(database)
            with database.engine.connect() as connection:
                config.attributes.update(connection=connection, applied=[])
                command.revision(config, message=words, rev_id=name, autogenerate=True)
        finally:
            database.close()
    return _FOLDER / "versions" / f"{name}.py"


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    config.set_main_option("file_template", "%%(rev)s")
    config.set_section_option("post_write_hooks", "hooks", "sort, format")
    for hook, options in {
        "sort": "check --fix-only --select I,F401",
        "format": "format --line-length 110",
    }.items():
        config.set_section_option("post_write_hooks", f"{hook}.type", "module")
        config.set_section_option("post_write_hooks", f"{hook}.module", "ruff")
        config.set_section_option(
            "post_write_hooks", f"{hook}.options", f"{options} REVISION_SCRIPT_FILENAME"
        )
    return config


def _state(connection: Connection, script: ScriptDirectory) -> State:
    current = MigrationContext.configure(connection).get_current_revision()
    known = [revision.revision for revision in script.walk_revisions()][::-1]
    if current is None:
        return State(None, tuple(known))
    if current not in known:
        raise ConfigurationError(
            "database_too_new",
            "The database was upgraded by a later returndesk than this one. Install that version or a later one.",
        )
    return State(current, tuple(known[known.index(current) + 1 :]))


def _pragma(connection: Connection, words: str) -> None:
    cursor = connection.connection.cursor()
    cursor.execute(f"PRAGMA {words}")
    cursor.close()


if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[1] != "revision":
        sys.exit('Write: python -m returndesk.store.migrate revision "what changed"')
    sys.stdout.write(f"{write_revision(sys.argv[2])}\n")
