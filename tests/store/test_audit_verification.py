"""`verify` finds every way of tampering with one return's chain, on both databases, and nothing where there is none."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlmodel import Session, col, delete, select, update

from returndesk.domain.audit import START, Entry
from returndesk.domain.orders import OrderInput
from returndesk.store import tables
from returndesk.store.audit_verification import verify
from returndesk.store.database import Database
from returndesk.store.orders import put_order
from tests.conftest import NOON

RMA, OTHER = "RMA-7K3M-Q9TX", "RMA-AAAA-AAAA"
STEPS = ("requested", "authorized", "received", "inspected")


@pytest.fixture
def books(database: Database) -> Database:
    """Two returns with four audit records each."""
    with database.write() as session:
        order = OrderInput.model_validate({
            "currency": "GBP", "ordered_at": "2026-03-01T10:00:00Z",
            "customer": {"name": "Maud", "email": "maud@shop.example"},
            "lines": [{"line": 1, "sku": "A", "title": "Socks", "quantity": 2, "unit_price_minor": 100}],
            "payments": [],
        })  # fmt: skip
        put_order(session, "A-1", order, now=NOON, secret=b"s")
        session.add(tables.Policy(version="p1", body="", recorded_at=NOON))
        session.flush()
        for rma in (RMA, OTHER):
            _write_return(session, rma)
    return database


def _write_return(session: Session, rma: str) -> None:
    session.add(
        tables.Contact(
            id=f"con_{rma}", channel="phone", contacted_at=NOON, recorded_at=NOON, actor_id="rep-1"
        )
    )
    session.flush()
    head, records = START, []
    for seq, what in enumerate(STEPS, start=1):
        entry = Entry(rma, seq, NOON + timedelta(hours=seq, microseconds=seq), "rep-1", "rep", what, f"cmd_{seq}", "p1",
                      {"items": [[1, seq]], "amount_minor": 2**40})  # fmt: skip
        head = entry.hash_after(head)
        records.append(tables.AuditRecord(**vars(entry), hash=head))
    session.add(tables.Return(
        rma=rma, order_reference="A-1", contact_id=f"con_{rma}", policy_version="p1", stage="closed", channel="phone",
        resolution="refund", currency="GBP", contacted_at=NOON, recorded_at=NOON, last_at=NOON,
        audit_count=len(records), audit_head=head,
    ))  # fmt: skip
    session.flush()
    session.add_all(records)


def test_whole_chains_have_no_findings(books: Database) -> None:
    assert _codes(books) == []


Tamper = Callable[[Session], object]
_OF = col(tables.AuditRecord.rma) == RMA


def _change(seq: int, **values: object) -> Tamper:
    return lambda session: session.exec(
        update(tables.AuditRecord).where(_OF, col(tables.AuditRecord.seq) == seq).values(**values)
    )


def _remove(*seqs: int) -> Tamper:
    return lambda session: session.exec(
        delete(tables.AuditRecord).where(_OF, col(tables.AuditRecord.seq).in_(seqs))
    )


@pytest.mark.parametrize(
    ("tamper", "found"),
    [
        (_change(2, actor_id="rep-2"), [(2, "edited")]),
        (_change(2, at=NOON), [(2, "edited")]),
        (_change(3, details={"items": [[1, 4]], "amount_minor": 2**40}), [(3, "edited")]),
        (_change(1, policy_version="p2"), [(1, "edited")]),
        (_change(4, hash="0" * 64), [(4, "edited"), (None, "other_head")]),
        (_remove(2), [(3, "gap"), (None, "truncated")]),
        (_remove(3, 4), [(None, "truncated")]),
        (_remove(1, 2, 3, 4), [(None, "truncated")]),
    ],
    ids=["who", "when", "what", "policy", "the last hash", "a gap", "the end", "everything"],
)
def test_tampering_is_found_where_it_is(
    books: Database, tamper: Tamper, found: list[tuple[int | None, str]]
) -> None:
    with books.write() as session:
        tamper(session)
    assert _codes(books) == [(RMA, seq, code) for seq, code in found]


def test_a_record_that_was_slipped_in_is_found(books: Database) -> None:
    with books.write() as session:
        last = session.exec(
            select(tables.AuditRecord).where(_OF).order_by(col(tables.AuditRecord.seq).desc())
        ).first()
        assert last is not None
        session.add(tables.AuditRecord(**(last.model_dump() | {"seq": 5, "what": "approved"})))
    assert _codes(books) == [(RMA, 5, "edited"), (RMA, None, "added")]


def test_a_head_that_was_moved_back_with_its_count_leaves_records_over(books: Database) -> None:
    with books.write() as session:
        third = session.get_one(tables.AuditRecord, (RMA, 3))
        row = session.get_one(tables.Return, RMA)
        row.audit_count, row.audit_head = 3, third.hash
    assert _codes(books) == [(RMA, None, "added")]


def test_a_finding_reads_as_a_sentence(books: Database) -> None:
    with books.write() as session:
        _remove(2)(session)
    with books.read() as session:
        assert [str(finding) for finding in verify(session)] == [
            f"{RMA}, record 3: 1 records before this one are missing.",
            f"{RMA}, the end of the chain: 4 records were written, 3 are here.",
        ]


def _codes(books: Database) -> list[tuple[str, int | None, str]]:
    with books.read() as session:
        return [(finding.rma, finding.seq, finding.code) for finding in verify(session)]
