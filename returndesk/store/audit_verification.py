"""Whether every return's audit chain is whole: edits, gaps and truncation are found (DESIGN 5).

The chain is computed again from its records; its count and head stand on the return's own row. Who rewrites
both alike is found by the mailed seal, not here.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from sqlmodel import Session, col, select

from returndesk.domain.audit import START, Entry
from returndesk.domain.errors import NotFound
from returndesk.store import tables
from returndesk.store.database import Database

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


@dataclass(frozen=True)
class Progress:
    """How far a verification is: what was looked at so far, and what was found since the last time."""

    returns_done: int
    records_done: int
    found: list[Finding]


def verify(session: Session) -> list[Finding]:
    """Everything that is wrong with the chains of all returns, by RMA; empty where all are whole."""
    return [finding for progress in _verified(lambda: nullcontext(session)) for finding in progress.found]


def verified(database: Database) -> Iterator[Progress]:
    """Verify all chains, some hundred returns at a time, each lot from one consistent state of the books."""
    return _verified(database.read)


def _verified(read: Callable[[], AbstractContextManager[Session]]) -> Iterator[Progress]:
    returns_done = records_done = 0
    last = ""
    while True:
        with read() as session:
            rows = _returns_after(session, last)
            if not rows:
                return
            last = rows[-1][0]
            chains = _chains(session, rows[0][0], last)
        found = [x for rma, count, head in rows for x in _verify_one(rma, count, head, chains.get(rma, []))]
        returns_done += len(rows)
        records_done += sum(len(chain) for chain in chains.values())
        yield Progress(returns_done, records_done, found)


@dataclass(frozen=True)
class Chain:
    """One return's chain: how many records, its head, and what is wrong with it."""

    count: int
    head: str
    findings: list[Finding]


def verify_return(session: Session, rma: str) -> Chain:
    """Verify one return's chain. Raises `NotFound`."""
    row = session.get(tables.Return, rma)
    if row is None:
        raise NotFound("return_not_found", "There is no return with this RMA number. Check it on the slip.")
    chain = _chains(session, rma, rma).get(rma, [])
    return Chain(len(chain), row.audit_head, list(_verify_one(rma, row.audit_count, row.audit_head, chain)))


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
