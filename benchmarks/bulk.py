"""Rows by the hundred thousand into the books: executemany on SQLite, COPY on PostgreSQL, parents before children."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Self

import psycopg
from sqlalchemy import JSON, Boolean, Date, Table
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
        self._shapes = {model: _Shape.of(table_of(model), database.is_sqlite) for model in ORDER}
        self._count = 0
        self.rows = 0

    def add(self, model: type[SQLModel], row: Mapping[str, Any]) -> None:
        """One more row."""
        shape = self._shapes[model]
        get = row.get
        values = [get(name) for name in shape.names]
        for place, default, convert in shape.special:
            value = values[place]
            values[place] = default if value is None else convert(value)
        shape.waiting.append(values)
        self._count += 1

    def flush_if_many(self) -> None:
        """Write what waits, where it is worth a transaction. Call it between one return and the next."""
        if self._count >= ROWS_AT_ONCE:
            self.flush()

    def flush(self) -> None:
        """Write what waits."""
        with self._database.engine.begin() as connection:
            raw: Any = connection.connection.driver_connection
            for shape in self._shapes.values():
                if shape.waiting:
                    self._write(raw, shape)
                    shape.waiting.clear()
        self.rows += self._count
        self._count = 0

    def _write(self, raw: Any, shape: "_Shape") -> None:
        names = ", ".join(f'"{name}"' for name in shape.names)
        if self._database.is_sqlite:
            places = ", ".join("?" * len(shape.names))
            raw.executemany(f'INSERT INTO "{shape.table}" ({names}) VALUES ({places})', shape.waiting)
            return
        with raw.cursor().copy(f'COPY "{shape.table}" ({names}) FROM STDIN') as copy:
            for row in shape.waiting:
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


@dataclass(frozen=True)
class _Shape:
    """A table's columns, those whose values need more than to be passed on, and the rows that wait."""

    table: str
    names: list[str]
    special: list[tuple[int, Any, Callable[[Any], Any]]]
    waiting: list[list[Any]] = field(default_factory=list)

    @classmethod
    def of(cls, table: Table, is_sqlite: bool) -> Self:
        columns = [(_default(c), _converter(c.type, is_sqlite)) for c in table.columns]
        return cls(
            table.name,
            [c.name for c in table.columns],
            [
                (place, default, convert or _same)
                for place, (default, convert) in enumerate(columns)
                if default is not None or convert is not None
            ],
        )


def _same(value: Any) -> Any:
    return value


def _default(column: Any) -> Any:
    """What stands where nothing was said; lists and objects are empty, not missing."""
    if isinstance(column.type, JSON) and not column.nullable:
        return "[]"
    return column.default.arg if column.default is not None and column.default.is_scalar else None


def _converter(kind: Any, is_sqlite: bool) -> Callable[[Any], Any] | None:
    if isinstance(kind, JSON):
        return json.dumps
    if not is_sqlite:
        return None
    if isinstance(kind, UtcInstant):
        return lambda value: (value - _EPOCH) // _MICROSECOND
    if isinstance(kind, Boolean):
        return int
    return date.isoformat if isinstance(kind, Date) else None
