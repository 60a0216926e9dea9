"""Whether every return's audit chain is whole: edits, gaps and truncation are found (DESIGN 5).

The chain is computed again from its records; its count and head stand on the return's own row. Who rewrites
both alike is found by the mailed seal, not here.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlmodel import Session, col, select

from returndesk.domain.audit import START, Entry
from returndesk.store import tables

_RETURNS_AT_ONCE = 500


@dataclass(frozen=True)
class Finding:
    """One thing wrong with one return's chain; `seq` is where, None where the chain's end is meant."""

    rma: str
    seq: int | None
    code: str
    sentence: str

    def __str__(self) -> str:
        place = self.rma if self.seq is None else f"{self.rma}, record {self.seq}"
        return f"{place}: {self.sentence}"


def verify(session: Session) -> list[Finding]:
    """Everything that is wrong with the chains of all returns, by RMA; empty where all are whole."""
    findings: list[Finding] = []
    last = ""
    while rows := _returns_after(session, last):
        last = rows[-1][0]
        chains = _chains(session, rows[0][0], last)
        for rma, count, head in rows:
            findings += _verify_one(rma, count, head, chains.get(rma, []))
    return findings


def _returns_after(session: Session, rma: str) -> Sequence[tuple[str, int, str]]:
    return session.exec(
        select(tables.Return.rma, tables.Return.audit_count, tables.Return.audit_head)
        .where(tables.Return.rma > rma)
        .order_by(tables.Return.rma)
        .limit(_RETURNS_AT_ONCE)
    ).all()


def _chains(session: Session, first: str, last: str) -> dict[str, list[tables.AuditRecord]]:
    chains: dict[str, list[tables.AuditRecord]] = {}
    for record in session.exec(
        select(tables.AuditRecord)
        .where(tables.AuditRecord.rma >= first, tables.AuditRecord.rma <= last)
        .order_by(tables.AuditRecord.rma, col(tables.AuditRecord.seq))
    ):
        session.expunge(record)
        chains.setdefault(record.rma, []).append(record)
    return chains


def _verify_one(rma: str, count: int, head: str, chain: list[tables.AuditRecord]) -> Iterator[Finding]:
    before, expected = START, 1
    for record in chain:
        if record.seq != expected:
            yield Finding(
                rma, record.seq, "gap", f"{record.seq - expected} records before this one are missing."
            )
        elif _entry(record).hash_after(before) != record.hash:
            yield Finding(rma, record.seq, "edited", "this record is not what was written.")
        before, expected = record.hash, record.seq + 1
    if len(chain) < count:
        yield Finding(rma, None, "truncated", f"{count} records were written, {len(chain)} are here.")
    elif len(chain) > count:
        yield Finding(rma, None, "added", f"{count} records were written, {len(chain)} are here.")
    elif before != head:
        yield Finding(rma, None, "other_head", "the last record is not the last one written.")


def _entry(record: tables.AuditRecord) -> Entry:
    return Entry(
        record.rma, record.seq, record.at, record.actor_id, record.role, record.what, record.key,
        record.policy_version, record.details,
    )  # fmt: skip
