"""The revisions build exactly the tables of tables.py, on both databases, once."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect, text

from returndesk.domain.errors import ConfigurationError
from returndesk.store import migrate
from returndesk.store.database import Database, sqlite_url
from returndesk.store.tables import metadata


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Database]:
    database = Database(sqlite_url(tmp_path / "empty.sqlite"))
    yield database
    database.close()


def _shape(database: Database) -> dict[str, Any]:
    """Everything the database itself knows of its tables, CHECKs and partial indexes included."""
    inspector = inspect(database.engine)

    def names(kind: str, table: str) -> list[str]:
        found = getattr(inspector, f"get_{kind}")(table)
        return sorted(json.dumps(x, default=str, sort_keys=True) for x in found)

    kinds = ("columns", "indexes", "unique_constraints", "check_constraints", "foreign_keys")
    return {
        table: {kind: names(kind, table) for kind in kinds} | {"pk": inspector.get_pk_constraint(table)}
        for table in sorted(inspector.get_table_names())
        if table != "alembic_version"
    }


def test_alembic_finds_no_difference_between_the_revisions_and_the_tables(database: Database) -> None:
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_server_default": True})
        assert compare_metadata(context, metadata) == []


def test_the_revisions_build_what_the_tables_would_build(database: Database) -> None:
    migrated = _shape(database)
    metadata.drop_all(database.engine)
    metadata.create_all(database.engine)
    assert migrated == _shape(database)
    assert "ck_payments_cap" in str(migrated["payments"]["check_constraints"])


def test_an_instant_is_kept_as_the_database_does_it_best(database: Database) -> None:
    kept = {c["name"]: str(c["type"]) for c in inspect(database.engine).get_columns("orders")}
    assert kept["ordered_at"] == ("BIGINT" if database.is_sqlite else "TIMESTAMP")
    if not database.is_sqlite:
        with database.read() as session:
            query = "SELECT data_type FROM information_schema.columns WHERE column_name = 'ordered_at'"
            assert session.connection().scalar(text(query)) == "timestamp with time zone"


def test_an_upgrade_says_what_it_applied_and_a_second_one_has_nothing_to_do(empty: Database) -> None:
    before = migrate.state(empty)
    applied = migrate.upgrade(empty)
    after = migrate.state(empty)
    assert before == migrate.State(None, tuple(applied))
    assert applied[0] == "0001_first_books"
    assert after == migrate.State(applied[-1], ())
    assert migrate.upgrade(empty) == []


def test_foreign_keys_hold_again_after_an_upgrade(empty: Database) -> None:
    migrate.upgrade(empty)
    with empty.read() as session:
        assert session.connection().scalar(text("PRAGMA foreign_keys")) == 1


def test_a_database_of_a_later_version_is_left_alone_with_a_sentence(database: Database) -> None:
    with database.write() as session:
        session.connection().execute(text("UPDATE alembic_version SET version_num = '9999_tomorrow'"))
    with pytest.raises(ConfigurationError, match="later returndesk") as refused:
        migrate.upgrade(database)
    assert refused.value.code == "database_too_new"
