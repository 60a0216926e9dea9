"""Is the record whole? Money that is not what the audit chain says is named, on the page and in the terminal, on both databases."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event
from sqlmodel import Session, col, delete, select, update
from starlette.testclient import TestClient
from typer.testing import CliRunner

from returndesk import cli
from returndesk.domain.people import Role
from returndesk.domain.stages import RefundStatus
from returndesk.store import tables
from returndesk.store.audit_checks import beat, begin, end, newest_checks
from returndesk.store.audit_verification import verify, verify_return
from returndesk.store.database import Database

Tamper = Callable[[Session, str], object]


@pytest.fixture
def driven(api: Any, as_role: Callable[[Role], Any]) -> str:
    """A return of 20.00 whose refund was refused by the bank, asked for again and paid."""
    admin = as_role(Role.ADMIN)
    order = {
        "currency": "GBP", "ordered_at": "2026-02-25T10:00:00Z", "delivered_on": "2026-02-27",
        "customer": {"name": "Maud Ellery", "email": "maud.ellery@shop.example"},
        "lines": [{"line": 1, "sku": "A", "title": "Socks", "quantity": 2, "unit_price_minor": 1_000}],
        "payments": [{"processor": "stripe", "reference": "pi_1", "captured_minor": 2_000}],
    }  # fmt: skip
    assert admin.put("/orders/DA-1", order).status_code == 201
    items = [{"line": 1, "quantity": 2, "reason": "too_small"}]
    asked = {"order_reference": "DA-1", "channel": "email", "items": items, "authorize": True}
    rma: str = admin.post("/returns", asked).json()["rma"]
    admin.post(f"/returns/{rma}/receipts", {"items": [{"line": 1, "quantity": 2}]})
    seen = {"items": [{"line": 1, "quantity": 2, "condition": "original", "packaging": "original"}]}
    assert admin.post(f"/returns/{rma}/inspections", seen).status_code == 200
    api.door.processor_says = RefundStatus.FAILED
    api.door.answer(rma, f"{rma}-1")  # what had succeeded comes back
    api.door.processor_says = RefundStatus.SUCCEEDED
    api.clock.at += timedelta(hours=1)
    assert admin.post(f"/returns/{rma}/refund-again", {"refund": f"{rma}-1"}).status_code == 200
    return rma


def _refund(number: int, **values: object) -> Tamper:
    return lambda session, rma: session.exec(
        update(tables.Refund).where(col(tables.Refund.id) == f"{rma}-{number}").values(**values)
    )


def _posting(entry: str, on: str, **values: object) -> Tamper:
    table = tables.Posting
    return lambda session, rma: session.exec(
        update(table).where(col(table.entry) == entry.format(rma), col(table.account) == on).values(**values)
    )


def _unposted(entry: str) -> Tamper:
    return lambda session, rma: session.exec(
        delete(tables.Posting).where(col(tables.Posting.entry) == entry.format(rma))
    )


def _posted(session: Session, rma: str) -> None:
    both = {
        "entry": f"paid:{rma}",
        "rma": rma,
        "currency": "GBP",
        "at": session.get_one(tables.Return, rma).last_at,
    }
    session.add(tables.Posting(**both, account="owed_to_customers", amount_minor=100))
    session.add(tables.Posting(**both, account="processor", amount_minor=-100))


def _decision(**values: object) -> Tamper:
    return lambda session, rma: session.exec(
        update(tables.Decision).where(col(tables.Decision.rma) == rma).values(**values)
    )


def _row(**values: object) -> Tamper:
    return lambda session, rma: session.exec(
        update(tables.Return).where(col(tables.Return.rma) == rma).values(**values)
    )


TAMPERED: dict[str, tuple[Tamper, str, str]] = {
    "a refund that is ten pounds more": (
        _refund(2, amount_minor=3_000),
        "refund_differs",
        "{0}, refund {0}-2: its row says 30.00 GBP, the audit chain 20.00 GBP.",
    ),
    "a refund in another currency": (
        _refund(2, currency="EUR"),
        "refund_differs",
        "{0}, refund {0}-2: its row says 20.00 EUR, the audit chain 20.00 GBP.",
    ),
    "a refund that failed and is called paid": (
        _refund(1, status="succeeded"),
        "refund_status_differs",
        "{0}, refund {0}-1: its row says succeeded, the audit chain failed.",
    ),
    "one leg of a ledger entry": (
        _posting("refunded:{0}-2", "processor", amount_minor=-2_100),
        "ledger_unbalanced",
        "{0}, ledger entry refunded:{0}-2: it does not balance: its sides come to -1.00 GBP instead of nothing. Held "
        "against the audit chain, “processor” has -21.00 GBP, not -20.00 GBP.",
    ),
    "money on another account": (
        _posting("refunded:{0}-2", "processor", account="paid_by_hand"),
        "ledger_differs",
        "{0}, ledger entry refunded:{0}-2: Held against the audit chain, “paid by hand” has -20.00 GBP, not 0.00 GBP and "
        "“processor” has 0.00 GBP, not -20.00 GBP.",
    ),
    "an entry that is gone": (
        _unposted("reversed:{0}-1"),
        "ledger_missing",
        "{0}, ledger entry reversed:{0}-1: the audit chain calls for it, and it is not here.",
    ),
    "an entry that nobody asked for": (
        _posted,
        "ledger_added",
        "{0}, ledger entry paid:{0}: nothing in the audit chain calls for it.",
    ),
    "a decision that grants more": (
        _decision(goods_minor=9_000),
        "decision_differs",
        "{0}, decision 1: its row grants 90.00 GBP, the audit chain 20.00 GBP.",
    ),
    "more that is owed": (
        _row(owed_without_refund_minor=500),
        "owed_differs",
        "{0}, the return's row: the return's row says that 5.00 GBP is owed for which there is no refund, the audit chain "
        "0.00 GBP.",
    ),
}  # fmt: skip


def test_money_that_is_what_the_chain_says_has_no_findings(driven: str, database: Database) -> None:
    with database.read() as session:
        assert verify(session) == []


@pytest.mark.parametrize("what", TAMPERED)
def test_money_that_was_tampered_with_is_named(driven: str, database: Database, what: str) -> None:
    tamper, code, sentence = TAMPERED[what]
    with database.write() as session:
        tamper(session, driven)
    with database.read() as session:
        found = verify(session)
        assert found == verify_return(session, driven).findings
    assert [(finding.code, str(finding)) for finding in found] == [(code, sentence.format(driven))]


@pytest.mark.parametrize(
    ("what", "name", "value"),
    [
        ("decided", "total_minor", "2000"), ("decided", "total_minor", None), ("decided", "decision", "1"),
        ("decided", "decision", ...), ("decided", "by", ...), ("refund_succeeded", "amount_minor", "2000"),
        ("refund_succeeded", "refund", ["x"]), ("asked_again", "refunds", None), ("asked_again", "refund", {}),
    ],
)  # fmt: skip
def test_a_record_that_cannot_be_read_is_named_and_hides_no_return(
    driven: str,
    database: Database,
    http: TestClient,
    signed_in: Callable[[Role], dict[str, str]],
    what: str,
    name: str,
    value: Any,
) -> None:
    record = tables.AuditRecord
    with database.write() as session:
        row = session.exec(select(record).where(record.rma == driven, record.what == what)).first()
        assert row is not None
        kept = {key: said for key, said in row.details.items() if key != name}
        changed = kept if value is ... else kept | {name: value}
        session.exec(
            update(record)
            .where(col(record.rma) == driven, col(record.seq) == row.seq)
            .values(details=changed)
        )
    with database.read() as session:
        assert any(driven in str(finding) for finding in verify(session))
    answer = http.get(f"/desk/refunds/{driven}", headers=signed_in(Role.FINANCE))
    assert answer.status_code == 200


def test_a_payment_by_hand_of_no_refund_that_can_be_read_is_named(driven: str, database: Database) -> None:
    record = tables.AuditRecord
    said = {"refund": ["x"], "how": "cash", "amount_minor": 1, "currency": "GBP"}
    with database.write() as session:
        where = (col(record.rma) == driven, col(record.what) == "asked_again")
        session.exec(update(record).where(*where).values(what="paid_by_hand", details=said))
    with database.read() as session:
        assert "unreadable" in {finding.code for finding in verify(session)}


def test_a_refund_no_answer_is_written_of_is_held_against_what_was_granted(
    api: Any, database: Database, as_role: Callable[[Role], Any]
) -> None:
    admin = as_role(Role.ADMIN)
    order = {
        "currency": "GBP", "ordered_at": "2026-02-25T10:00:00Z",
        "customer": {"name": "Maud Ellery", "email": "maud.ellery@shop.example"},
        "lines": [{"line": 1, "sku": "A", "title": "Gown", "quantity": 1, "unit_price_minor": 60_000}],
        "payments": [{"processor": "stripe", "reference": "pi_1", "captured_minor": 60_000}],
    }  # fmt: skip
    assert admin.put("/orders/DA-1", order).status_code == 201
    item = {"line": 1, "quantity": 1}
    asked = {
        "order_reference": "DA-1",
        "channel": "email",
        "authorize": True,
        "items": [item | {"reason": "other"}],
    }
    rma = admin.post("/returns", asked).json()["rma"]
    admin.post(f"/returns/{rma}/receipts", {"items": [item]})
    seen = item | {"condition": "original", "packaging": "original"}
    admin.post(f"/returns/{rma}/inspections", {"items": [seen]})  # above the limit: it waits for a manager
    with database.write() as session:
        _refund(1, amount_minor=61_000)(session, rma)
    with database.read() as session:
        assert [str(finding) for finding in verify(session)] == [
            f"{rma}, the refunds of decision 1: they come to 610.00 GBP, the audit chain says 600.00 GBP."
        ]


def test_many_returns_take_few_statements(driven: str, database: Database) -> None:
    asked: list[str] = []

    @event.listens_for(database.engine, "before_cursor_execute")
    def _listen(_c: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        asked.append(statement)

    with database.read() as session:
        verify(session)
    assert len([x for x in asked if x.startswith("SELECT")]) == 6, (
        "five for some hundred returns, and one that finds no more"
    )


def test_the_page_says_where_what_is_safe_and_what_to_do(
    driven: str, database: Database, api: Any, http: TestClient, signed_in: Callable[[Role], dict[str, str]]
) -> None:
    finance = signed_in(Role.FINANCE)
    assert "The last verification found" not in http.get("/desk/refunds", headers=finance).text
    with database.write() as session:
        _refund(2, amount_minor=3_000)(session, driven)
        found = verify(session)
        check_id = begin(session, "finance-1", api.clock.now())
        assert check_id is not None
        beat(session, check_id, api.clock.now(), 1, 9, found)
        end(session, check_id, api.clock.now())
    page = http.get("/desk/audit", headers=finance).text
    assert f"refund {driven}-2" in page
    assert "its row says 30.00 GBP, the audit chain 20.00 GBP." in page
    assert "Nothing was changed by looking." in page
    assert "What to do now" in page
    assert "The last verification found 1 thing wrong" in http.get("/desk/refunds", headers=finance).text
    file = http.get(f"/desk/refunds/{driven}", headers=finance).text
    assert "What is written down of this return is not whole." in file
    assert "its row says 30.00 GBP" in file


def test_a_finding_of_before_places_were_kept_is_shown_still(database: Database, api: Any) -> None:
    with database.write() as session:
        check_id = begin(session, "finance-1", api.clock.now())
        assert check_id is not None
        session.get_one(tables.AuditCheck, check_id).first_findings = [
            ["RMA-1", 3, "edited", "it was edited."]
        ]
    with database.read() as session:
        assert (
            str(newest_checks(session, api.clock.now())[0].first_findings[0])
            == "RMA-1, record 3: it was edited."
        )


def test_the_terminal_says_where_what_is_safe_and_what_to_do(
    driven: str, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Installation:
        def __init__(self) -> None:
            self.database = database

    monkeypatch.setattr(cli, "_installation", Installation)
    whole = CliRunner().invoke(cli.app, ["audit", "verify"])
    assert whole.exit_code == 0, whole.output
    assert "Everything written down is whole: 1 return, 9 records; refunds and ledger are what the audit chains say." in whole.output  # fmt: skip
    with database.write() as session:
        _posting("refunded:{0}-2", "processor", amount_minor=-2_100)(session, driven)
    wrong = CliRunner().invoke(cli.app, ["audit", "verify"])
    assert wrong.exit_code == 1
    assert f"{driven}, ledger entry refunded:{driven}-2: it does not balance" in wrong.output
    assert "1 thing is wrong in 1 return and 9 records. Nothing was changed by looking." in wrong.output
    assert "What to do now" in wrong.output
