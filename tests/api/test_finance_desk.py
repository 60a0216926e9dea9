"""Finance's desk over HTTP, on both databases: lists, filters in the address, exports, the auditor's file, figures."""

import csv
from collections.abc import Callable
from datetime import datetime, timedelta
from io import BytesIO, StringIO
from threading import Event
from typing import Any

import pytest
from finance_books import Written, write
from openpyxl import load_workbook
from sqlmodel import col, select, update
from starlette.testclient import TestClient

from returndesk.domain.people import Role
from returndesk.domain.stages import RefundStatus
from returndesk.store import tables
from returndesk.store.audit_checks import begin
from returndesk.store.database import Database
from returndesk.store.refund_export import HEAD


class Page:
    """Pages of finance's desk."""

    def __init__(self, http: TestClient, headers: dict[str, str]) -> None:
        self.http, self.headers = http, headers

    def get(self, path: str, status: int = 200) -> str:
        answer = self.http.get(path, headers=self.headers)
        assert answer.status_code == status, answer.text
        return answer.text


@pytest.fixture
def finance(http: TestClient, signed_in: Callable[[Role], dict[str, str]]) -> Page:
    return Page(http, signed_in(Role.FINANCE))


@pytest.fixture
def refunds(database: Database) -> Database:
    """By 4 March at noon: one credited, one with the processor, one failed and late."""
    write(
        database,
        Written(1, "2 10:00", submitted="2 10:05", credited="2 10:05", amount_minor=1_234),
        Written(2, "3 09:00", submitted="3 09:01", status=RefundStatus.PENDING, amount_minor=2_000),
        Written(3, "1 10:00", submitted="1 10:00", failed="2 08:00", status=RefundStatus.FAILED,
                reason="expired_or_canceled_card", late="3 10:00", amount_minor=7, currency="JPY"),
    )  # fmt: skip
    return database


def test_what_waits_is_listed_first_with_its_sums(finance: Page, refunds: Database) -> None:
    page = finance.get("/desk/refunds")
    assert page.index("RMA-TEST-0003-1") < page.index("RMA-TEST-0002-1")
    assert "RMA-TEST-0001-1" not in page
    assert '1 refund, <span class="amount">£20.00</span>' in page
    assert "expired or canceled card" in page
    assert "The refund clock ran out" in page


def test_filters_stay_in_the_address(finance: Page, refunds: Database) -> None:
    page = finance.get("/desk/refunds?state=all&from=2026-03-01&late=yes&as_of=2026-03-03")
    assert 'href="/desk/refunds.csv?state=all&amp;from=2026-03-01&amp;late=yes&amp;as_of=2026-03-03"' in page
    assert "at the end of Tuesday 3 March 2026" in page
    assert "RMA-TEST-0003-1" in page


def test_as_of_an_earlier_day_nothing_later_is_told(finance: Page, refunds: Database) -> None:
    page = finance.get("/desk/refunds?state=all&as_of=2026-03-01")
    assert "RMA-TEST-0003-1" in page
    assert "expired or canceled card" not in page
    assert "RMA-TEST-0001-1" not in page


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("as_of=2026-03-05", "That day has not come yet."),
        ("from=4.3.2026", "Write a day as in 2026-03-04."),
        ("from=2026-03-04&to=2026-03-03", "The first day is after the last one."),
        ("state=lost", "There is no such list of refunds."),
        ("after=x", "This cursor is not one of ours."),
    ],
)
def test_a_filter_that_means_nothing_is_told_and_stays_in_its_field(
    finance: Page, refunds: Database, query: str, sentence: str
) -> None:
    page = finance.get(f"/desk/refunds?{query}", 422)
    assert sentence in page


def test_an_empty_desk_says_so(finance: Page) -> None:
    assert "Nothing waits." in finance.get("/desk/refunds")


def test_a_rep_has_no_finance_desk(http: TestClient, signed_in: Callable[[Role], dict[str, str]]) -> None:
    for path in ("/desk/refunds", "/desk/refunds.csv", "/desk/figures", "/desk/audit"):
        assert http.get(path, headers=signed_in(Role.REP)).status_code == 403, path


# Exports -----------------------------------------------------------------------------------------


def _rows(finance: Page, path: str) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(finance.get(path))))


def test_the_csv_has_exact_amounts_instants_in_utc_and_the_shops_day(
    finance: Page, refunds: Database
) -> None:
    write(refunds, Written(9, "2026-03-29T23:30:00+00:00", status=RefundStatus.REQUESTED))
    rows = {row["refund"]: row for row in _rows(finance, "/desk/refunds.csv?state=all")}
    # the last one is decided after now, 4 March at noon
    assert list(rows) == ["RMA-TEST-0002-1", "RMA-TEST-0001-1", "RMA-TEST-0003-1"]
    one, yen = rows["RMA-TEST-0001-1"], rows["RMA-TEST-0003-1"]
    assert (one["amount"], one["currency"], yen["amount"], yen["currency"]) == ("12.34", "GBP", "7", "JPY")
    assert (one["credited_at"], one["credited_day"]) == ("2026-03-02T10:05:00.000000Z", "2026-03-02")
    assert (yen["late"], yen["late_at"], yen["standing"]) == ("yes", "2026-03-03T10:00:00.000000Z", "failed")
    assert rows["RMA-TEST-0002-1"]["age_days"] == "1"


def test_a_day_is_the_shops_own_in_summer_too(finance: Page, database: Database, clock: Any) -> None:
    write(database, Written(9, "2026-03-29T23:30:00+00:00", status=RefundStatus.REQUESTED))
    clock.at = datetime.fromisoformat("2026-04-02T12:00:00+00:00")
    (row,) = _rows(finance, "/desk/refunds.csv")
    assert (row["decided_at"], row["decided_day"]) == ("2026-03-29T23:30:00.000000Z", "2026-03-30")
    assert _rows(finance, "/desk/refunds.csv?as_of=2026-03-29") == []
    assert len(_rows(finance, "/desk/refunds.csv?as_of=2026-03-30")) == 1


@pytest.mark.parametrize("start", ["=", "+", "-", "@"])
def test_no_text_becomes_a_formula(finance: Page, refunds: Database, start: str) -> None:
    evil = f"{start}HYPERLINK(1)"
    with refunds.write() as session:
        session.exec(
            update(tables.Refund)
            .where(col(tables.Refund.id) == "RMA-TEST-0001-1")
            .values(bank_reference=evil)
        )
    assert _rows(finance, "/desk/refunds.csv?state=credited")[0]["bank_reference"] == f"'{evil}"
    book = load_workbook(BytesIO(_xlsx(finance, "/desk/refunds.xlsx?state=credited")))
    cell = book["Refunds"].cell(2, HEAD.index("bank_reference") + 1)
    assert (cell.value, cell.data_type) == (evil, "s")


def _xlsx(finance: Page, path: str) -> bytes:
    answer = finance.http.get(path, headers=finance.headers)
    assert answer.status_code == 200, answer.text
    assert 'filename="refunds-' in answer.headers["Content-Disposition"]
    return answer.content


def test_the_workbook_reads_back_with_numbers_days_and_what_it_is_of(
    finance: Page, refunds: Database
) -> None:
    book = load_workbook(BytesIO(_xlsx(finance, "/desk/refunds.xlsx?state=all&as_of=2026-03-03")))
    head, *rows = book["Refunds"].iter_rows(values_only=True)
    found = [dict(zip(head, row, strict=True)) for row in rows]
    assert [x["refund"] for x in found] == ["RMA-TEST-0002-1", "RMA-TEST-0001-1", "RMA-TEST-0003-1"]
    assert (found[1]["amount"], found[2]["amount"]) == (12.34, 7)
    assert book["Refunds"].cell(3, 4).number_format == "0.00"
    assert found[1]["decided_day"] == datetime.fromisoformat("2026-03-02")
    assert found[1]["decided_at"] == "2026-03-02T10:00:00.000000Z"
    about = dict(book["About"].iter_rows(min_row=2, values_only=True))
    assert about["as the books stood before"] == "2026-03-04T00:00:00.000000Z"
    assert (about["credited in GBP: refunds"], about["credited in GBP: amount"]) == (1, 12.34)
    assert (about["submitted in GBP: amount"], about["failed in JPY: amount"]) == (20, 7)
    assert about["filter: as_of"] == "2026-03-03"


def test_an_export_is_the_list_under_the_same_filters(finance: Page, refunds: Database) -> None:
    assert [row["refund"] for row in _rows(finance, "/desk/refunds.csv?late=yes")] == ["RMA-TEST-0003-1"]
    assert [row["refund"] for row in _rows(finance, "/desk/refunds.csv")] == [
        "RMA-TEST-0003-1",
        "RMA-TEST-0002-1",
    ]
    assert finance.http.get("/desk/refunds.csv?from=x", headers=finance.headers).status_code == 422


# One return's file, the audit chain, figures --------------------------------------------------------


@pytest.fixture
def driven(api: Any, as_role: Callable[[Role], Any]) -> str:
    """A return that came back and was refunded, by way of the API."""
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
    api.clock.at += timedelta(hours=30)
    assert admin.post(f"/returns/{rma}/inspections", seen).status_code == 200
    return rma


def test_a_file_tells_everything_and_verifies_its_chain(finance: Page, driven: str) -> None:
    page = finance.get(f"/desk/refunds/{driven}")
    assert "The audit chain is whole: 6 records" in page
    for told in (
        f"granted:{driven}:1", f"refunded:{driven}-1", "balanced", "re_1", "goods in transit", "admin-1",
        "refund succeeded", "owed to customers",
    ):  # fmt: skip
        assert told in page, told
    for personal in ("Maud", "maud.ellery"):
        assert personal not in page


def test_a_file_whose_chain_was_edited_says_so(finance: Page, driven: str, database: Database) -> None:
    with database.write() as session:
        session.exec(
            update(tables.AuditRecord)
            .where(col(tables.AuditRecord.rma) == driven, col(tables.AuditRecord.seq) == 2)
            .values(actor_id="somebody-else")
        )
    page = finance.get(f"/desk/refunds/{driven}")
    assert "What is written down of this return is not whole." in page
    assert f"{driven}, record 2: this record is not what was written." in page


def test_an_unknown_return_has_no_file(finance: Page) -> None:
    finance.get("/desk/refunds/RMA-7K3M-Q9TX", 404)


def test_a_transition_marks_when_a_refund_was_replaced_and_late(
    finance: Page, api: Any, as_role: Callable[[Role], Any], database: Database, driven: str
) -> None:
    api.door.processor_says = RefundStatus.FAILED
    api.door.answer(driven, f"{driven}-1")  # what succeeded comes back
    api.clock.at += timedelta(days=20)
    api.door.time_passes(driven)
    with database.read() as session:
        refund = session.exec(select(tables.Refund)).one()
        assert refund.late_at == session.get_one(tables.Clock, (driven, "refund")).breached_at
        assert refund.late_at is not None
    form = {"key": "form-1", "refund": f"{driven}-1", "how": "cash", "reference": "till 3"}
    answer = finance.http.post(
        f"/desk/refunds/{driven}/paid-by-hand", data=form, headers=finance.headers, follow_redirects=False
    )
    assert answer.status_code == 303, answer.text
    with database.read() as session:
        assert session.exec(select(tables.Refund)).one().replaced_at == api.clock.at
        clock = session.get_one(tables.Clock, (driven, "refund"))
        assert clock.ended == "kept"
        assert session.get_one(tables.Return, driven).inspected_at is not None
    refused = finance.http.post(
        f"/desk/refunds/{driven}/paid-by-hand", data=form | {"key": "form-2"}, headers=finance.headers
    )
    assert refused.status_code in (409, 422)
    assert "till 3" in refused.text or "not possible" in refused.text


def test_the_chains_are_verified_in_the_background_and_the_outcome_stays(
    finance: Page, driven: str, database: Database
) -> None:
    assert "Nobody has verified the records here yet." in finance.get("/desk/audit")
    _verify(finance, database)
    assert (
        "Everything is whole, and refunds and ledger are what the chains say: 1 return, 6 records"
        in finance.get("/desk/audit")
    )
    with database.write() as session:
        session.exec(update(tables.AuditRecord).where(col(tables.AuditRecord.seq) == 3).values(what="other"))
    _verify(finance, database)
    page = finance.get("/desk/audit")
    assert "1 thing is wrong" in page
    assert "What to do now" in page
    assert "this record is not what was written." in page
    assert "Before that" in page


def _verify(finance: Page, database: Database) -> None:
    answer = finance.http.post("/desk/audit", headers=finance.headers, follow_redirects=False)
    assert answer.status_code == 303
    unended = select(tables.AuditCheck).where(col(tables.AuditCheck.ended_at).is_(None))
    for _ in range(600):
        with database.read() as session:
            if session.exec(unended).first() is None:
                return
        Event().wait(0.1)
    pytest.fail("the verification did not end within a minute")


def test_a_check_whose_process_is_gone_counts_as_interrupted(
    finance: Page, database: Database, clock: Any
) -> None:
    with database.write() as session:
        check_id = begin(session, "finance-1", clock.now())
        assert check_id is not None
        assert begin(session, "finance-2", clock.now()) is None
    assert "Being verified" in finance.get("/desk/audit")
    clock.advance(timedelta(minutes=3))
    assert "It ended before it was done" in finance.get("/desk/audit")


def test_figures_say_which_returns_they_are_of(finance: Page, driven: str) -> None:
    page = finance.get("/desk/figures?from=2026-03-01&to=2026-03-05")
    assert "1 return whose customer made contact from Sunday 1 March 2026 to Thursday 5 March 2026" in page
    assert "Decided in time: 100.0 %" in page
    assert "30.0 hours" in page
    by_order = finance.get("/desk/figures?by=order&per=month&from=2026-02-01")
    assert "1 return of orders placed from Sunday 1 February 2026" in by_order
    assert "Ask for at most 60 weeks at a time." in finance.get("/desk/figures?from=2020-01-01", 422)


def test_the_api_tells_refunds_as_of_a_day(as_role: Callable[[Role], Any], refunds: Database) -> None:
    caller = as_role(Role.FINANCE)
    then = caller.get("/refunds", as_of="2026-03-01").json()["items"]
    assert [(x["id"], x["status"], x["standing"]) for x in then] == [
        ("RMA-TEST-0003-1", "requested", "submitted")
    ]
    assert then[0]["failed_at"] is None
    late = caller.get("/refunds", late=True).json()["items"]
    assert [x["id"] for x in late] == ["RMA-TEST-0003-1"]
    failed = caller.get("/refunds", standing="failed").json()["items"]
    assert [x["failure_reason"] for x in failed] == ["expired_or_canceled_card"]
    refused = caller.get("/refunds", as_of="2026-03-01", status="pending")
    assert (refused.status_code, refused.json()["code"]) == (422, "status_of_a_day")
    assert caller.get("/refunds", as_of="2027-01-01").status_code == 422
