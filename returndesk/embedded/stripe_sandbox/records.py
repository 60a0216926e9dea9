"""The sandbox's memory: one SQLite file, one connection, one writer.

What a transaction changed is there after `kill -9` of the process, or none of it is; the file itself
refuses a charge refunded beyond what was captured, whatever the code above does.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import sqlite3
else:
    try:
        from pysqlite3 import dbapi2 as sqlite3
    except ImportError:
        import sqlite3

Document = dict[str, Any]

# Below this version a reset of the write-ahead log can corrupt the file (fixed in SQLite 3.51.3).
WAL_SAFE_SINCE = (3, 51, 3)

SCHEMA = """
CREATE TABLE IF NOT EXISTS objects (
    seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, created INTEGER NOT NULL,
    payment_intent TEXT, charge TEXT, body TEXT NOT NULL,
    CHECK (kind <> 'charge' OR json_extract(body, '$.amount_refunded')
           BETWEEN 0 AND json_extract(body, '$.amount_captured'))
);
CREATE INDEX IF NOT EXISTS objects_by_kind ON objects (kind, seq);
CREATE INDEX IF NOT EXISTS objects_by_payment ON objects (payment_intent, kind, seq)
    WHERE payment_intent IS NOT NULL;
CREATE INDEX IF NOT EXISTS objects_by_charge ON objects (charge, kind, seq) WHERE charge IS NOT NULL;
CREATE TABLE IF NOT EXISTS idempotency (
    api_key TEXT NOT NULL, key TEXT NOT NULL, path TEXT NOT NULL, params_hash TEXT NOT NULL,
    created INTEGER NOT NULL, request_id TEXT NOT NULL, status INTEGER NOT NULL, body TEXT NOT NULL,
    PRIMARY KEY (api_key, key)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS requests (
    seq INTEGER PRIMARY KEY, request_id TEXT NOT NULL, at INTEGER NOT NULL, path TEXT NOT NULL,
    idempotency_key TEXT, params TEXT NOT NULL, status INTEGER NOT NULL, replayed INTEGER NOT NULL,
    answered INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS faults (
    seq INTEGER PRIMARY KEY, fault TEXT NOT NULL, remaining INTEGER NOT NULL, detail TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS flips (refund TEXT PRIMARY KEY, at INTEGER NOT NULL, status TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS deliveries (
    seq INTEGER PRIMARY KEY, event TEXT NOT NULL, created INTEGER NOT NULL, next_at INTEGER,
    attempts INTEGER NOT NULL, delivered_at INTEGER
);
CREATE INDEX IF NOT EXISTS deliveries_due ON deliveries (next_at, seq) WHERE next_at IS NOT NULL;
CREATE INDEX IF NOT EXISTS deliveries_by_event ON deliveries (event);
CREATE TABLE IF NOT EXISTS delivery_attempts (
    seq INTEGER PRIMARY KEY, event TEXT NOT NULL, at INTEGER NOT NULL, answer TEXT NOT NULL
);
"""

_BOUNDS = {"eq": "=", "gt": ">", "gte": ">=", "lt": "<", "lte": "<="}


class Records:
    """Stripe's objects and everything beside them, by plain SQL on one connection of one thread."""

    def __init__(self, database: Path) -> None:
        self._connection = sqlite3.connect(database, isolation_level=None, cached_statements=256)
        self._connection.row_factory = sqlite3.Row
        mode = "WAL" if sqlite3.sqlite_version_info >= WAL_SAFE_SINCE else "DELETE"
        self._connection.execute(f"PRAGMA journal_mode = {mode}")
        self._connection.execute("PRAGMA synchronous = NORMAL")
        self._connection.executescript(SCHEMA)

    def close(self) -> None:
        """Close the file; nothing can be read or written after."""
        self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing of what is written inside."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Inside a transaction: undo what was written here when an exception leaves the block."""
        self._connection.execute("SAVEPOINT operation")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK TO operation")
            self._connection.execute("RELEASE operation")
            raise
        self._connection.execute("RELEASE operation")

    def run(self, sql: str, *values: object) -> None:
        """Carry out one writing statement."""
        self._connection.execute(sql, values)

    def rows(self, sql: str, *values: object) -> list[Mapping[str, Any]]:
        """All rows of one query, by column name."""
        return [dict(row) for row in self._connection.execute(sql, values)]

    def row(self, sql: str, *values: object) -> Mapping[str, Any] | None:
        """The first row of one query, or None."""
        row = self._connection.execute(sql, values).fetchone()
        return None if row is None else dict(row)

    def add(self, document: Document) -> None:
        """Keep a new object."""
        self.run(
            "INSERT INTO objects (id, kind, created, payment_intent, charge, body) VALUES (?, ?, ?, ?, ?, ?)",
            document["id"],
            document["object"],
            document["created"],
            document.get("payment_intent"),
            document.get("charge"),
            to_json(document),
        )

    def replace(self, document: Document) -> None:
        """Keep an object as it is now."""
        self.run("UPDATE objects SET body = ? WHERE id = ?", to_json(document), document["id"])

    def find(self, kind: str, id: str) -> Document | None:
        """The object of this kind and id, or None."""
        row = self.row("SELECT body FROM objects WHERE id = ? AND kind = ?", id, kind)
        return None if row is None else json.loads(row["body"])

    def every(self, kind: str, **where: str) -> list[Document]:
        """All objects of a kind, oldest first, narrowed by ``payment_intent`` or ``charge``."""
        clause = "".join(f" AND {column} = ?" for column in where)
        rows = self.rows(
            f"SELECT body FROM objects WHERE kind = ?{clause} ORDER BY seq", kind, *where.values()
        )
        return [json.loads(row["body"]) for row in rows]

    def place(self, kind: str, id: str) -> int | None:
        """Where an object stands in the order of creation, or None."""
        row = self.row("SELECT seq FROM objects WHERE id = ? AND kind = ?", id, kind)
        return None if row is None else int(row["seq"])

    def page(
        self,
        kind: str,
        where: Mapping[str, str],
        *,
        types: list[str],
        created: Mapping[str, int],
        size: int,
        after: int | None,
        before: int | None,
    ) -> tuple[list[Document], bool]:
        """One page, newest first, and whether there is more in the direction asked for.

        ``after`` and ``before`` are places: objects older than the one, or newer than the other.
        """
        clauses, values = ["kind = ?"], [kind, *where.values()]
        clauses += [f"{column} = ?" for column in where]
        bounds: list[object] = []
        for operator, second in created.items():
            clauses.append(f"created {_BOUNDS[operator]} ?")
            bounds.append(second)
        if types:
            clauses.append(f"json_extract(body, '$.type') IN ({', '.join('?' * len(types))})")
            bounds += types
        if after is not None:
            clauses.append("seq < ?")
            bounds.append(after)
        if before is not None:
            clauses.append("seq > ?")
            bounds.append(before)
        upwards = before is not None
        sql = (
            f"SELECT body FROM objects WHERE {' AND '.join(clauses)} "
            f"ORDER BY seq {'ASC' if upwards else 'DESC'} LIMIT ?"
        )
        found = [json.loads(row["body"]) for row in self.rows(sql, *values, *bounds, size + 1)]
        page = found[:size]
        return page[::-1] if upwards else page, len(found) > size

    def setting(self, name: str) -> Any:
        """A setting that outlives the process, or None."""
        row = self.row("SELECT value FROM settings WHERE name = ?", name)
        return None if row is None else json.loads(row["value"])

    def set(self, name: str, value: Any) -> None:
        """Keep a setting."""
        self.run("INSERT OR REPLACE INTO settings VALUES (?, ?)", name, to_json(value))


def to_json(value: Any) -> str:
    """Compact JSON, the same bytes wherever an object is kept, answered or signed."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
