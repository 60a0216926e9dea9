"""Column types of our own."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import BigInteger, DateTime, Dialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import GenericFunction
from sqlalchemy.types import TypeDecorator, TypeEngine

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class UtcInstant(TypeDecorator[datetime]):
    """An instant, UTC, to the microsecond. PostgreSQL keeps `timestamptz`; SQLite, which has no such type,
    microseconds since 1970: exact, ordered and small. A naive datetime is refused.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """`BIGINT` on SQLite, `timestamptz` elsewhere."""
        if dialect.name == "sqlite":
            return dialect.type_descriptor(BigInteger())
        return dialect.type_descriptor(DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """What the database is given."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("an instant without a time zone is not one")
        if dialect.name != "sqlite":
            return value
        since = value - _EPOCH
        return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """What the program is given."""
        if value is None:
            return None
        if dialect.name != "sqlite":
            instant: datetime = value.astimezone(UTC)
            return instant
        seconds, microseconds = divmod(value, 1_000_000)
        return datetime.fromtimestamp(seconds, UTC).replace(microsecond=microseconds)


class microseconds(GenericFunction[int]):  # noqa: N801 (a function of SQL)
    """An instant as microseconds since 1970: where hundreds of thousands are only subtracted, and never shown."""

    type = BigInteger()
    inherit_cache = True


@compiles(microseconds)
def _microseconds(element: microseconds, compiler: SQLCompiler, **kw: Any) -> str:
    return f"(extract(epoch from {compiler.process(element.clauses, **kw)}) * 1000000)::bigint"


@compiles(microseconds, "sqlite")
def _microseconds_kept(element: microseconds, compiler: SQLCompiler, **kw: Any) -> str:
    return compiler.process(element.clauses, **kw)
