"""What the station keeps in sight after it was recorded: the words for goods of no order, and how goods left.

Both are read off the audit chain, whose ids of texts lead to what was typed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlmodel import Session, col

from returndesk.store import tables


@dataclass(frozen=True)
class Left:
    """How some lots left: `way`, when, and under which tracking number."""

    lots: frozenset[int]
    way: str
    at: datetime
    tracking: str | None


@dataclass(frozen=True)
class Traces:
    """`words`: what somebody wrote of goods that this order never had, by lot. `left`: what left, the oldest first."""

    words: Mapping[int, str]
    left: Sequence[Left]


def traces(session: Session, rma: str) -> Traces:
    """The traces of a return."""
    row = tables.AuditRecord
    happened = session.execute(
        select(col(row.what), col(row.at), col(row.details))
        .where(col(row.rma) == rma, col(row.what).in_(["received", "goods_left"]))
        .order_by(col(row.seq))
    ).all()
    ids = [text_id for what, _, details in happened for text_id in _texts(what, details)]
    text = tables.Text
    said = dict(session.execute(select(col(text.id), col(text.body)).where(col(text.id).in_(ids))).all())
    words = {
        lot: said[note]
        for what, _, details in happened
        if what == "received"
        for lot, note in _strangers(details)
        if note in said
    }
    left = [
        Left(frozenset(details["lots"]), details["way"], at, said.get(details.get("tracking") or ""))
        for what, at, details in happened
        if what == "goods_left"
    ]
    return Traces(words, left)


def _texts(what: str, details: Mapping[str, Any]) -> list[str]:
    if what == "goods_left":
        return [details["tracking"]] if details.get("tracking") else []
    return [note for _, note in details.get("wrong_items") or ()]


def _strangers(details: Mapping[str, Any]) -> list[tuple[int, str]]:
    """The lots that a parcel's goods of no order became, each with the id of its words: both are in one order."""
    lots = [lot for lot, line, *_ in details.get("arrivals") or () if line is None]
    return list(zip(lots, (note for _, note in details.get("wrong_items") or ()), strict=False))
