"""Decisions: what each verdict on a return's lots grants, and who approved or refused it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, func, select

from returndesk.domain.settlement import Amounts, LineShare
from returndesk.store import tables
from returndesk.store.statements import append, table_of, updating

_decisions = table_of(tables.Decision)
_DECISION = select(_decisions).where(
    _decisions.c.rma == bindparam("rma"), _decisions.c.number == bindparam("number")
)
_DECIDERS = select(_decisions.c.decided_by).where(_decisions.c.rma == bindparam("rma"))
_STANDING = select(func.max(_decisions.c.number)).where(
    _decisions.c.rma == bindparam("rma"), _decisions.c.refused_by.is_(None)
)
_ANSWER = updating(tables.Decision, ["rma", "number"], ["approved_by", "refused_by"])


@dataclass(frozen=True)
class Decided:
    """A decision as it stands. `owed_without_refund_minor` is the part of the amounts that no payment can carry."""

    number: int
    decided_at: datetime
    decided_by: str
    amounts: Amounts
    owed_without_refund_minor: int = 0
    approved_by: str | None = None
    refused_by: str | None = None


def load(connection: Connection, rma: str, number: int) -> Decided:
    """A decision by its number."""
    row = connection.execute(_DECISION, {"rma": rma, "number": number}).one()
    amounts = Amounts(
        row.goods_minor,
        row.goods_tax_minor,
        row.shipping_minor,
        row.shipping_tax_minor,
        shipping_granted=row.shipping_granted,
        lines=tuple(LineShare(*share) for share in row.lines),
    )
    return Decided(
        row.number,
        row.decided_at,
        row.decided_by,
        amounts,
        row.owed_without_refund_minor,
        row.approved_by,
        row.refused_by,
    )


def newest_standing(connection: Connection, rma: str) -> int | None:
    """The number of the newest decision that nobody refused; None where there is none."""
    number: int | None = connection.scalar(_STANDING, {"rma": rma})
    return number


def deciders(connection: Connection, rma: str) -> frozenset[str]:
    """Everybody who decided anything of a return."""
    return frozenset(connection.scalars(_DECIDERS, {"rma": rma}))


def save(connection: Connection, rma: str, decided: Decided) -> None:
    """Write a decision down, or the answer to one that waited for a manager."""
    if decided.approved_by is None and decided.refused_by is None:
        append(connection, tables.Decision, [{"rma": rma, **_values(decided)}])
        return
    answer = {"approved_by": decided.approved_by, "refused_by": decided.refused_by}
    connection.execute(_ANSWER, {"key_rma": rma, "key_number": decided.number, **answer})


def _values(decided: Decided) -> dict[str, Any]:
    amounts = decided.amounts
    return {
        "number": decided.number,
        "decided_at": decided.decided_at,
        "decided_by": decided.decided_by,
        "goods_minor": amounts.goods_minor,
        "goods_tax_minor": amounts.goods_tax_minor,
        "shipping_minor": amounts.shipping_minor,
        "shipping_tax_minor": amounts.shipping_tax_minor,
        "shipping_granted": amounts.shipping_granted,
        "owed_without_refund_minor": decided.owed_without_refund_minor,
        "lines": [[x.line, x.units, x.goods_minor, x.tax_minor] for x in amounts.lines],
    }
