"""Finding: customers by the other words of their name, orders by the end of their number."""

from collections.abc import Callable, Mapping
from typing import Any

import sqlalchemy as sa
from alembic import op

revision: str = "0010_finding"
down_revision: str | None = "0009_rests"
branch_labels: str | None = None
depends_on: str | None = None

_AT_ONCE = 1000
_APOSTROPHES = dict.fromkeys((0x2019, 0x2018, 0x60, 0xB4), "'")
"""However somebody writes O'Neil."""


def _found_by(name: str) -> "sa.Column[str]":
    return sa.Column(name, sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=True)


def upgrade() -> None:
    """Forwards; there is no way back but a backup."""
    with op.batch_alter_table("customers", schema=None) as batch_op:
        for name in ("second_name_key", "last_name_key"):
            batch_op.add_column(_found_by(name))
            batch_op.create_index(batch_op.f(f"ix_customers_{name}"), [name], unique=False)
    with op.batch_alter_table("orders", schema=None) as batch_op:
        batch_op.add_column(_found_by("end_key"))
        batch_op.create_index(batch_op.f("ix_orders_end_key"), ["end_key"], unique=False)
    _fill("customers", "id", "name", _names)
    _fill("orders", "reference", "reference", _end)


def _fill(table: str, id_: str, of: str, keys: Callable[[str], Mapping[str, Any]]) -> None:
    """Give the rows that are there their keys, a thousand at a time."""
    connection = op.get_bind()
    names = {id_: None, of: None, **dict.fromkeys(keys(""))}
    rows_of = sa.table(table, *map(sa.column, names))
    write = rows_of.update().where(rows_of.c[id_] == sa.bindparam("of_row"))
    write = write.values({name: sa.bindparam(f"to_{name}") for name in keys("")})
    last = ""
    while True:
        rows = connection.execute(
            sa.select(rows_of.c[id_], rows_of.c[of].label("said"))
            .where(rows_of.c[id_] > last)
            .order_by(rows_of.c[id_])
            .limit(_AT_ONCE)
        ).all()
        if not rows:
            return
        last = rows[-1][0]
        connection.execute(
            write,
            [{"of_row": x[0]} | {f"to_{name}": key for name, key in keys(x.said).items()} for x in rows],
        )


def _names(name: str) -> dict[str, str | None]:
    words = name.translate(_APOSTROPHES).casefold().split()
    return {
        "name_key": " ".join(words) or None,
        "second_name_key": " ".join(words[1:]) or None,
        "last_name_key": words[-1] if len(words) > 2 else None,
    }


def _end(reference: str) -> dict[str, str | None]:
    return {"end_key": "".join(c for c in reference.casefold() if c.isalnum())[::-1]}
