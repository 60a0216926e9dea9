"""Rows by the hundred thousand into the books: executemany on SQLite, COPY on PostgreSQL, parents before children."""

import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

import psycopg
from sqlalchemy import JSON, Boolean, Table
from sqlmodel import SQLModel

from returndesk.store import tables
from returndesk.store.database import Database
from returndesk.store.statements import table_of
from returndesk.store.types import UtcInstant

ORDER: tuple[type[SQLModel], ...] = (
    tables.Customer, tables.Order, tables.OrderLine, tables.Payment, tables.Contact, tables.Text, tables.Return,
    tables.Lot, tables.Decision, tables.DispositionChange, tables.Command, tables.Clock, tables.Refund, tables.Dispute,
    tables.Posting, tables.AuditRecord, tables.Notice, tables.Task,
)  # fmt: skip
"""The tables that are filled, each after those it refers to."""
ROWS_AT_ONCE = 60_000
_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
_MICROSECOND = timedelta(microseconds=1)


class Loader:
    """Collects rows by table and writes them together. A column nobody named is NULL, or its table's default."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: dict[Table, list[tuple[Any, ...]]] = {table_of(model): [] for model in ORDER}
        self._columns = {
            table: [(c.name, _default(c), _converter(c.type, database.is_sqlite)) for c in table.columns]
            for table in self._waiting
        }
        self._count = 0
        self.rows = 0

    def add(self, model: type[SQLModel], row: Mapping[str, Any]) -> None:
        """One more row."""
        table = table_of(model)
        self._waiting[table].append(
            tuple(
                default if (value := row.get(name)) is None else convert(value)
                for name, default, convert in self._columns[table]
            )
        )
        self._count += 1

    def flush_if_many(self) -> None:
        """Write what waits, where it is worth a transaction. Call it between one return and the next."""
        if self._count >= ROWS_AT_ONCE:
            self.flush()

    def flush(self) -> None:
        """Write what waits."""
        with self._database.engine.begin() as connection:
            raw: Any = connection.connection.driver_connection
            for table, rows in self._waiting.items():
                if rows:
                    self._write(raw, table, rows)
                    rows.clear()
        self.rows += self._count
        self._count = 0

    def _write(self, raw: Any, table: Table, rows: list[tuple[Any, ...]]) -> None:
        names = ", ".join(f'"{column.name}"' for column in table.columns)
        if self._database.is_sqlite:
            places = ", ".join("?" * len(table.columns))
            raw.executemany(f'INSERT INTO "{table.name}" ({names}) VALUES ({places})', rows)
            return
        with raw.cursor().copy(f'COPY "{table.name}" ({names}) FROM STDIN') as copy:
            for row in rows:
                copy.write_row(row)

    def settle(self) -> None:
        """Let the database look at what it has, as its own housekeeping does in time."""
        if self._database.is_sqlite:
            with self._database.engine.begin() as connection:
                connection.exec_driver_sql("ANALYZE")
            return
        url = self._database.url.replace("+psycopg", "")
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE")


def _default(column: Any) -> Any:
    """What stands where nothing was said; lists and objects are empty, not missing."""
    if isinstance(column.type, JSON) and not column.nullable:
        return "[]"
    return None if column.default is None or not column.default.is_scalar else column.default.arg


def _converter(kind: Any, is_sqlite: bool) -> Callable[[Any], Any]:
    if isinstance(kind, JSON):
        return json.dumps
    if is_sqlite and isinstance(kind, UtcInstant):
        return lambda value: (value - _EPOCH) // _MICROSECOND
    if is_sqlite and isinstance(kind, Boolean):
        return int
    if is_sqlite:
        return lambda value: value.isoformat() if hasattr(value, "isoformat") else value
    return lambda value: value
