"""Whether what is written down of every return is whole: its audit chain, and its money against that chain (DESIGN 5).

The chain is computed again from its records, so edits, gaps and truncation are found; its count and head stand on the
return's own row. Decisions, refunds and ledger entries are held against it. Who rewrites all of them alike is found by
the mailed seal, not here.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select as select_columns
from sqlmodel import Session, col, select

from returndesk.domain.audit import START, Entry, Finding
from returndesk.domain.errors import NotFound
from returndesk.store import tables
from returndesk.store.database import Database
from returndesk.store.money_verification import MoneyRows, money_rows, verify_money
from returndesk.store.statements import table_of

_RETURNS_AT_ONCE = 500
_r = table_of(tables.Return).c
_ROWS: Any = select_columns(_r.rma, _r.audit_count, _r.audit_head, _r.currency, _r.owed_without_refund_minor)

WHAT_TO_DO = (
    "Change nothing in the database, and keep what this says, with the time on it.",
    "Keep the newest backup from before the finding apart, and look at which backup is still whole: "
    "`returndesk audit verify` on each says so.",
    "Put what is still to be paid of the returns named on hold, and compare their refunds with the processor's own "
    "records: where a refund or a ledger entry says something else than the audit chain, what the processor has is what "
    "was paid.",
    "Tell whoever answers for the database who could write to it since then. An edited record cannot be made whole by "
    "the desk; that is the point of it.",
)
"""What somebody does about findings, in order, on the page and in the terminal."""


@dataclass(frozen=True)
class Progress:
    """How far a verification is: what was looked at so far, and what was found since the last time."""

    returns_done: int
    records_done: int
    found: list[Finding]


def verify(session: Session) -> list[Finding]:
    """Everything that is wrong with the chains and the money of all returns, by RMA; empty where all is whole."""
    return [finding for progress in _verified(lambda: nullcontext(session)) for finding in progress.found]


def verified(database: Database) -> Iterator[Progress]:
    """Verify everything, some hundred returns at a time, each lot from one consistent state of the books."""
    return _verified(database.read)


def _verified(read: Callable[[], AbstractContextManager[Session]]) -> Iterator[Progress]:
    returns_done = records_done = 0
    last = ""
    while True:
        with read() as session:
            rows = _returns_after(session, last)
            if not rows:
                return
            last = rows[-1].rma
            found, records = _verify_some(session, rows)
        returns_done += len(rows)
        records_done += records
        yield Progress(returns_done, records_done, found)


@dataclass(frozen=True)
class Chain:
    """One return's chain: how many records, its head, and what is wrong with it or with the money it tells of."""

    count: int
    head: str
    findings: list[Finding]


def verify_return(session: Session, rma: str) -> Chain:
    """Verify one return's chain, and its money against it. Raises `NotFound`."""
    row = session.connection().execute(_ROWS.where(_r.rma == rma)).first()
    if row is None:
        raise NotFound("return_not_found", "There is no return with this RMA number. Check it on the slip.")
    found, records = _verify_some(session, [row])
    return Chain(records, row.audit_head, found)


def _verify_some(session: Session, rows: Sequence[Any]) -> tuple[list[Finding], int]:
    """What is wrong with these returns, which follow each other by RMA, and how many records they have."""
    first, last = rows[0].rma, rows[-1].rma
    chains, money = _chains(session, first, last), money_rows(session.connection(), first, last)
    found: list[Finding] = []
    for row in rows:
        chain = chains.get(row.rma, [])
        found += _verify_one(row.rma, row.audit_count, row.audit_head, chain)
        of_return = money.get(row.rma) or MoneyRows()
        found += verify_money(row.rma, row.currency, row.owed_without_refund_minor, chain, of_return)
    return found, sum(len(chain) for chain in chains.values())


def _returns_after(session: Session, rma: str) -> Sequence[Any]:
    query = _ROWS.where(_r.rma > rma).order_by(_r.rma).limit(_RETURNS_AT_ONCE)
    found: Sequence[Any] = session.connection().execute(query).all()
    return found


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
