"""What finance reads of money that is owed in part, asked for again, refused or late, over HTTP, on both databases."""

import csv
import importlib.util
import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from html import unescape
from io import BytesIO, StringIO
from pathlib import Path
from types import ModuleType
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations
from finance_books import Written, write
from openpyxl import load_workbook
from sqlmodel import col, delete, select, update
from starlette.testclient import TestClient

from returndesk.domain.people import Role
from returndesk.domain.refund_books import books_at, read_day
from returndesk.domain.stages import RefundStatus
from returndesk.store import migrate, tables
from returndesk.store.database import Database
from returndesk.store.finance_pages import refunds_page
from returndesk.store.refund_conditions import Asked


class Books:
    """Finance at its desk, with returns of one order line each that come back and are decided."""

    def __init__(
        self, http: TestClient, api: Any, as_role: Callable[[Role], Any], headers: dict[str, str]
    ) -> None:
        self.http, self.api, self.as_role, self.headers = http, api, as_role, headers
        self.admin, self.orders = as_role(Role.ADMIN), 0

    def decided(self, minor: int, *, paid_minor: int | None = None) -> str:
        """A return whose goods came back as new, worth so much, of an order of which so much was paid by card."""
        self.orders += 1
        admin, clock = self.admin, self.api.clock
        order = {
            "currency": "GBP", "ordered_at": (clock.now() - timedelta(days=2)).isoformat(),
            "customer": {"name": "Maud Ellery", "email": "maud.ellery@shop.example"},
            "lines": [{"line": 1, "sku": "A", "title": "Socks", "quantity": 1, "unit_price_minor": minor}],
            "payments": [{"processor": "stripe", "reference": f"pi_{self.orders}",
                          "captured_minor": minor if paid_minor is None else paid_minor}],
        }  # fmt: skip
        assert admin.put(f"/orders/DA-{self.orders}", order).status_code == 201
        item = {"line": 1, "quantity": 1}
        asked = {"order_reference": f"DA-{self.orders}", "channel": "email", "authorize": True,
                 "items": [{**item, "reason": "too_small"}]}  # fmt: skip
        rma: str = admin.post("/returns", asked).json()["rma"]
        admin.post(f"/returns/{rma}/receipts", {"items": [item]})
        seen = {"items": [{**item, "condition": "original", "packaging": "original"}]}
        assert admin.post(f"/returns/{rma}/inspections", seen).status_code == 200
        return rma

    def failed(self, minor: int, *, after: timedelta = timedelta(days=3)) -> str:
        """One whose refund came back some days after it was credited."""
        rma = self.decided(minor)
        self.pass_time(after)
        self.answer(rma, 1, RefundStatus.FAILED)
        return rma

    def answer(self, rma: str, number: int, says: RefundStatus) -> None:
        self.api.door.processor_says = says
        self.api.door.answer(rma, f"{rma}-{number}")
        self.api.door.processor_says = RefundStatus.SUCCEEDED

    def pass_time(self, time: timedelta, *rmas: str) -> None:
        self.api.clock.at += time
        for rma in rmas:
            self.api.door.time_passes(rma)

    def page(self, path: str, status: int = 200) -> str:
        """The words of a page, without its marks."""
        return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", self.html(path, status))))

    def html(self, path: str, status: int = 200) -> str:
        answer = self.http.get(path, headers=self.headers)
        assert answer.status_code == status, answer.text
        return answer.text

    def asks(self, rma: str, what: str, **form: str) -> None:
        self.orders += 100  # a key of its own
        answer = self.http.post(
            f"/desk/refunds/{rma}/{what}", data={"key": f"form-{self.orders}", **form},
            headers=self.headers, follow_redirects=False,
        )  # fmt: skip
        assert answer.status_code == 303, answer.text

    def pays_by_hand(self, rma: str, refund: str, amount: str = "", reference: str = "SEPA 4417") -> None:
        self.asks(rma, "paid-by-hand", refund=refund, amount=amount, how="bank_transfer", reference=reference)

    def owed_is_what_the_ledger_says(self, as_of: str = "") -> None:
        """What finance's list and what is told beside it come to is what the ledger owes the customers, on that day."""
        desk, zone = self.api, ZoneInfo("Europe/London")
        at, day, is_now = books_at(read_day(as_of, "as_of"), desk.clock.now(), zone)
        asked = Asked(at, day, zone, is_now)
        with desk.database.read() as session:
            page = refunds_page(session, desk.policies, asked, after=None, limit=50)
            row = tables.Posting
            ledger = session.exec(
                select(row.amount_minor).where(
                    row.account == "owed_to_customers", *(() if is_now else (row.at < at,))
                )
            ).all()
        listed = sum(x.amount_minor for x in page.owed) + sum(x.amount_minor for x in page.uncarried)
        assert (
            listed
            == -sum(ledger)
            == sum(line.owed_minor for line in page.lines) + sum(x.amount_minor for x in page.uncarried)
        )

    def rows(self, query: str = "") -> dict[str, Mapping[str, str]]:
        table = csv.DictReader(StringIO(self.html(f"/desk/refunds.csv{query}")))
        return {row["refund"]: row for row in table}

    def row(self, refund: str, query: str = "") -> str:
        """A row of the list, in words."""
        html = self.html(f"/desk/refunds{query}")
        found = next(x for x in html.split("<tr data-row>") if f">{refund}</a>" in x)
        return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", found.split("</tr>")[0])))


@pytest.fixture
def books(
    http: TestClient, api: Any, as_role: Callable[[Role], Any], signed_in: Callable[[Role], dict[str, str]]
) -> Books:
    return Books(http, api, as_role, signed_in(Role.FINANCE))


# A part that was paid by hand ------------------------------------------------------------------------


def test_what_a_payment_by_hand_leaves_is_owed_in_the_list_its_sums_and_its_export(books: Books) -> None:
    rma = books.failed(3_333)
    refund = f"{rma}-1"
    books.pays_by_hand(rma, refund, "10.00")
    assert "Open: 1 refund, £23.33 owed" in books.page("/desk/refunds")
    assert re.search(r"2 or 3 days 1 £23\.33", books.page("/desk/refunds"))
    row = books.row(refund)
    assert "Failed, owed" in row
    assert "£10.00 paid by bank transfer" in row
    assert "£23.33 of it is owed still" in row
    assert "in time" not in row
    written = books.rows()[refund]
    assert (written["amount"], written["owed"], written["paid_by_hand"], written["standing"]) == (
        "33.33", "23.33", "10.00", "failed",
    )  # fmt: skip
    book = load_workbook(BytesIO(books.http.get("/desk/refunds.xlsx", headers=books.headers).content))
    about = dict(book["About"].iter_rows(min_row=2, values_only=True))
    assert about["failed in GBP: amount"] == 23.33


def test_the_rest_gets_less_with_every_part_and_then_is_gone(books: Books) -> None:
    rma = books.failed(3_333)
    refund = f"{rma}-1"
    books.pays_by_hand(rma, refund, "10.00", "SEPA 1")
    books.pass_time(timedelta(days=1))
    books.pays_by_hand(rma, "", "3.33", "SEPA 2")
    assert books.rows()[refund]["owed"] == "20.00"
    yesterday = str((books.api.clock.now() - timedelta(days=1)).date())
    assert books.rows(f"?as_of={yesterday}")[refund]["owed"] == "23.33"
    assert "Open: 1 refund, £23.33 owed" in books.page(f"/desk/refunds?as_of={yesterday}")
    books.pass_time(timedelta(days=1))
    books.pays_by_hand(rma, "", "", "SEPA 3")
    assert refund not in books.rows()
    settled = books.rows("?state=all")[refund]
    assert (settled["owed"], settled["paid_by_hand"], settled["standing"]) == ("0.00", "33.33", "replaced")
    assert settled["paid_by_hand_reference"] == "SEPA 1; SEPA 2; SEPA 3"
    assert "Failed, paid another way" in books.row(refund, "?state=all")
    other = books.failed(2_000)
    books.pays_by_hand(other, f"{other}-1", reference="SEPA 4")
    found = {said: list(books.rows(f"?state=all&q=SEPA+{said}")) for said in "12345"}
    assert found == {"1": [refund], "2": [refund], "3": [refund], "4": [f"{other}-1"], "5": []}


def test_a_rest_that_is_asked_for_again_is_a_refund_of_the_debts_age(books: Books) -> None:
    rma = books.failed(3_333)
    books.pays_by_hand(rma, f"{rma}-1", "10.00")
    books.pass_time(timedelta(days=2))
    books.api.door.processor_says = RefundStatus.PENDING
    books.asks(rma, "refund-again")
    assert "Open: 1 refund, £23.33 owed" in books.page("/desk/refunds")
    assert "open for 5 days" in books.row(f"{rma}-2")
    assert "Failed, part paid by hand, the rest asked again" in books.row(f"{rma}-1", "?state=all")


def test_a_rest_keeps_its_refund_late(books: Books) -> None:
    rma = books.failed(3_333)
    books.pays_by_hand(rma, f"{rma}-1", "10.00")
    books.pass_time(timedelta(days=20), rma)
    row = books.row(f"{rma}-1", "?late=yes")
    assert "The refund clock ran out" in row
    assert "Open: 1 refund, £23.33 owed" in books.page("/desk/refunds?late=yes")


def test_what_no_payment_had_the_room_for_is_told_beside_the_sums(books: Books) -> None:
    rma = books.decided(4_000, paid_minor=1_000)
    page = books.page("/desk/refunds")
    assert f"Also owed, on no refund, as no payment had the room: £30.00 on {rma}" in page
    assert "for which no payment had the room" in books.page(f"/desk/refunds/{rma}")


def test_why_a_rest_is_owed_is_said_truly(books: Books) -> None:
    rma = books.failed(3_333)
    books.pays_by_hand(rma, f"{rma}-1", "10.00")
    for path in (f"/desk/refunds/{rma}", f"/desk/returns/{rma}"):
        page = books.page(path)
        assert "of which a part was paid by hand" in page, path
        assert "no payment ha" not in page, path


def test_whatever_happens_the_list_owes_what_the_ledger_owes_on_every_day(books: Books) -> None:
    _much_happens(books)
    books.owed_is_what_the_ledger_says()
    today = books.api.clock.now().date()
    for days in range(12):
        books.owed_is_what_the_ledger_says(str(today - timedelta(days=days)))


def _much_happens(books: Books) -> list[str]:
    """Refunds fail, are paid in parts, asked for again in part and in whole, refused, and have no room."""
    books.decided(1_000)
    parts, again, refused = books.failed(3_333), books.failed(2_000), books.decided(60_000, paid_minor=10_000)
    books.pays_by_hand(parts, f"{parts}-1", "10.00")
    no_room = books.decided(4_000, paid_minor=1_000)
    books.pass_time(timedelta(days=1))
    books.pays_by_hand(parts, "", "3.33")
    books.asks(again, "refund-again", refund=f"{again}-1")
    books.pays_by_hand(no_room, "", "5.00")
    assert books.as_role(Role.MANAGER).post(f"/returns/{refused}/refusal", {"note": "No"}).status_code == 200
    books.pass_time(timedelta(days=1))
    books.asks(parts, "refund-again")
    books.pass_time(timedelta(days=1))
    books.answer(again, 2, RefundStatus.FAILED)
    books.pays_by_hand(again, f"{again}-2", "1.00")
    return [parts, again, refused, no_room]


def test_old_books_get_the_rests_and_the_ages_they_would_have(books: Books, database: Database) -> None:
    _much_happens(books)
    late = books.failed(5_000)
    books.pays_by_hand(late, f"{late}-1", "10.00")
    books.pass_time(timedelta(days=20), late)
    rest, refund = tables.Rest, tables.Refund

    def known() -> tuple[list[Any], list[Any]]:
        with database.read() as session:
            rests = session.exec(select(rest).order_by(rest.rma, col(rest.number))).all()
            refunds = session.exec(select(refund).order_by(refund.id)).all()
            return [x.model_dump() for x in rests], [
                (x.id, x.decided_at, x.asked_at, x.replaced_at, x.late_at) for x in refunds
            ]

    before = known()
    assert len(before[0]) == 7
    assert [at is not None for name, *_, at in before[1] if name == f"{late}-1"] == [True]
    with database.write() as session:  # as the version before had them
        session.exec(
            update(refund).where(col(refund.asked_at).is_not(None)).values(decided_at=refund.asked_at)
        )
        first_paid = dict(
            session.exec(select(tables.AuditRecord.key, tables.AuditRecord.at).where(tables.AuditRecord.what == "paid_by_hand")).all()
        )  # fmt: skip
        for row in session.exec(select(refund).where(col(refund.replaced_by).like("cmd%"))):
            row.replaced_at = first_paid[row.replaced_by or ""]
            row.late_at = None  # nothing of it was owed any more, the books said
        session.exec(update(refund).values(asked_at=None))
        session.exec(delete(rest))
    module = _revision("0009_rests")
    with database.engine.begin() as connection, Operations.context(MigrationContext.configure(connection)):
        module._fill_asked()
        module._fill_rests()
    assert known() == before


def _revision(name: str) -> ModuleType:
    file = Path(migrate.__file__).parent / "migrations" / "versions" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# Asked for again --------------------------------------------------------------------------------------


def test_a_refund_that_is_asked_for_again_is_as_old_as_its_debt(books: Books) -> None:
    rma = books.failed(2_000, after=timedelta(days=10))
    books.api.door.processor_says = RefundStatus.PENDING
    books.asks(rma, "refund-again", refund=f"{rma}-1")
    first, again = (books.rows("?state=all")[f"{rma}-{n}"] for n in (1, 2))
    assert again["decided_at"] == first["decided_at"]
    assert (again["age_days"], first["age_days"], again["asked_day"]) == ("10", "", "2026-03-14")
    row = books.row(f"{rma}-2")
    assert "open for 10 days" in row
    assert "asked for again" in row
    assert re.search(r"8 to 14 days 1 £20\.00", books.page("/desk/refunds"))


def test_before_it_was_asked_for_again_only_the_first_is_in_the_books(books: Books) -> None:
    rma = books.failed(2_000)
    books.pass_time(timedelta(days=1))
    books.asks(rma, "refund-again", refund=f"{rma}-1")
    yesterday = str((books.api.clock.now() - timedelta(days=1)).date())
    assert set(books.rows(f"?state=all&as_of={yesterday}")) == {f"{rma}-1"}
    assert set(books.rows("?state=all")) == {f"{rma}-1", f"{rma}-2"}


def test_no_sum_has_a_debt_twice_and_standings_are_not_added_up(books: Books) -> None:
    rma = books.failed(2_000, after=timedelta(days=20))
    books.pass_time(timedelta(days=20), rma)  # late
    books.api.door.processor_says = RefundStatus.PENDING
    books.asks(rma, "refund-again", refund=f"{rma}-1")
    for query in ("?state=all", "?state=all&late=yes"):
        page = books.page(f"/desk/refunds{query}")
        assert "All: 2 refunds" in page
        assert "£40.00" not in page
        assert "with the processor 1 £20.00" in page
        assert "failed, and paid or asked for another way since 1 £20.00" in page
    assert "Failed, asked again" in books.row(f"{rma}-1", "?state=all")


# What did not stand ------------------------------------------------------------------------------------


def test_a_credit_that_came_back_does_not_stand(books: Books) -> None:
    rma = books.failed(2_000)
    row = books.row(f"{rma}-1")
    assert "was credited" in row
    assert "and came back" in row
    written = books.rows()[f"{rma}-1"]
    assert (written["credited_at"], written["was_credited_day"]) == ("", "2026-03-04")
    assert "and came back" in books.page(f"/desk/refunds/{rma}")
    assert "and came back" in books.page(f"/desk/returns/{rma}")


def test_a_refused_refund_is_to_be_decided_again_and_late_when_its_return_is(books: Books) -> None:
    rma = books.decided(60_000)
    manager = books.as_role(Role.MANAGER)
    said = {"note": "Ask for the receipt <b>first</b>"}
    assert manager.post(f"/returns/{rma}/refusal", said).status_code == 200
    row = books.row(f"{rma}-1", "?state=withdrawn")
    assert "to be decided again" in row
    assert "nothing owed" not in row
    books.pass_time(timedelta(days=20), rma)
    assert "refund clock ran out" in books.row(f"{rma}-1", "?state=withdrawn")
    late = books.page("/desk/refunds?late=yes")
    assert f"Late too, with no refund to list as nothing is decided yet, or not again: {rma}" in late
    file = books.page(f"/desk/refunds/{rma}")
    assert "never sent to the processor" in file
    assert "the processor says" not in file
    assert "Ask for the receipt <b>first</b>" in file
    assert "<b>first</b>" not in books.html(f"/desk/refunds/{rma}")
    on_return = books.page(f"/desk/returns/{rma}")
    assert "not approved" in on_return
    assert "replaced:" not in on_return


def test_a_return_that_was_paid_in_part_is_late_where_the_rest_waits_for_a_decision(books: Books) -> None:
    admin, one = books.admin, {"line": 1, "quantity": 1}
    order = {
        "currency": "GBP", "ordered_at": (books.api.clock.now() - timedelta(days=2)).isoformat(),
        "customer": {"name": "Maud Ellery", "email": "maud.ellery@shop.example"},
        "lines": [{"line": 1, "sku": "A", "title": "Socks", "quantity": 2, "unit_price_minor": 1_000}],
        "payments": [{"processor": "stripe", "reference": "pi_two", "captured_minor": 2_000}],
    }  # fmt: skip
    assert admin.put("/orders/DA-TWO", order).status_code == 201
    asked = {"order_reference": "DA-TWO", "channel": "email", "authorize": True,
             "items": [{"line": 1, "quantity": 2, "reason": "too_small"}]}  # fmt: skip
    rma = admin.post("/returns", asked).json()["rma"]
    for condition in ("original", "opened"):  # the second is a person's to decide
        books.pass_time(timedelta(days=1))
        admin.post(f"/returns/{rma}/receipts", {"items": [one]})
        seen = {"items": [{**one, "condition": condition, "packaging": "original"}]}
        assert admin.post(f"/returns/{rma}/inspections", seen).status_code == 200
    assert list(books.rows("?state=credited")) == [f"{rma}-1"]
    books.pass_time(timedelta(days=20), rma)
    late = books.page("/desk/refunds?late=yes")
    assert f"Late too, with no refund to list as nothing is decided yet, or not again: {rma}" in late
    assert "Late too" not in books.page("/desk/refunds?late=yes&as_of=2026-03-06"), (
        "that is told of now alone"
    )


def test_a_late_return_whose_refund_is_listed_is_not_called_undecided(books: Books) -> None:
    rma = books.decided(60_000)  # waits for a manager
    books.pass_time(timedelta(days=20), rma)
    assert list(books.rows("?late=yes")) == [f"{rma}-1"]
    assert "Late too" not in books.page("/desk/refunds?late=yes")


def test_a_workbook_of_what_was_credited_tells_of_no_debt(books: Books) -> None:
    rma = books.decided(4_000, paid_minor=1_000)
    told = {}
    for state in ("credited", "open"):
        answer = books.http.get(f"/desk/refunds.xlsx?state={state}", headers=books.headers)
        about = load_workbook(BytesIO(answer.content))["About"]
        told[state] = f"owed on {rma} without a refund" in {
            row[0] for row in about.iter_rows(values_only=True)
        }
    assert told == {"credited": False, "open": True}


def test_once_it_is_decided_again_nothing_of_the_refused_one_is_owed(books: Books) -> None:
    rma = books.decided(60_000)
    assert books.as_role(Role.MANAGER).post(f"/returns/{rma}/refusal", {"note": "No"}).status_code == 200
    asked = {"items": [{"line": 1, "acceptance": "accepted"}]}
    assert books.as_role(Role.REP).post(f"/returns/{rma}/decision", asked).status_code == 200
    assert "nothing owed" in books.row(f"{rma}-1", "?state=withdrawn")


# References, filters, files -------------------------------------------------------------------------------


def test_the_reference_of_a_payment_by_hand_is_found_in_words(books: Books) -> None:
    rma = books.failed(2_000)
    books.pays_by_hand(rma, f"{rma}-1", reference='=SEPA <4417> "x"')
    html = books.html(f"/desk/refunds/{rma}")
    assert "reference “=SEPA &lt;4417&gt; &#34;x&#34;”" in html
    assert "reference txt_" not in html
    written = books.rows("?state=all")[f"{rma}-1"]
    assert (written["paid_by_hand_reference"], written["paid_by_hand_how"]) == (
        '\'=SEPA <4417> "x"',
        "bank_transfer",
    )


def test_what_the_customer_wrote_is_not_in_finances_file(books: Books) -> None:
    rma = books.failed(2_000)
    told = {"note": "I was at the fair in Oxwhistle", "channel": "email"}
    assert books.as_role(Role.REP).post(f"/returns/{rma}/message", told).status_code == 200
    assert "Oxwhistle" not in books.html(f"/desk/refunds/{rma}")


@pytest.mark.parametrize("state", ["credited", "all", "replaced", "withdrawn"])
def test_how_long_it_is_open_is_asked_only_of_what_is_open(books: Books, state: str) -> None:
    assert "Open for" not in books.page(f"/desk/refunds?state={state}")
    page = books.page(f"/desk/refunds?state={state}&age=3", 422)
    assert "“Open for” is asked of refunds that are open." in page
    assert "Open for" in books.page("/desk/refunds?state=failed&age=3")


def test_an_exports_name_says_what_it_is_of(books: Books) -> None:
    answer = books.http.get(
        "/desk/refunds.csv?state=failed&late=yes&age=3&from=2026-03-01&q=DA-7%20%22x", headers=books.headers
    )
    assert answer.headers["Content-Disposition"] == (
        'attachment; filename="refunds-failed-late-open-3-from-2026-03-01-of-DA-7-x-2026-03-04.csv"'
    )


def test_a_long_reference_stays_a_text_in_a_workbook(books: Books) -> None:
    rma = books.decided(2_000)
    with books.api.database.write() as session:
        session.connection().exec_driver_sql(
            f"UPDATE refunds SET bank_reference = '78642000012345678901234' WHERE rma = '{rma}'"
        )
    content = books.http.get("/desk/refunds.xlsx?state=all", headers=books.headers).content
    head, row = load_workbook(BytesIO(content))["Refunds"].iter_rows()
    cell = row[[x.value for x in head].index("bank_reference")]
    assert (cell.value, cell.data_type, cell.number_format) == ("78642000012345678901234", "s", "@")


def test_lateness_can_be_counted_again_from_an_export(books: Books) -> None:
    rma = books.decided(2_000)
    written = books.rows("?state=credited")[f"{rma}-1"]
    due = books.as_role(Role.FINANCE).get(f"/returns/{rma}").json()["refund_due_at"]
    assert written["due_at"][:19] == due[:19]
    assert written["submitted_at"] < written["due_at"]
    assert written["late"] == "no"


def test_a_refund_that_waits_for_its_customer_says_so(books: Books) -> None:
    books.api.door.processor_says = RefundStatus.REQUIRES_ACTION
    rma = books.decided(2_000)
    assert "Waits for the customer" in books.row(f"{rma}-1")


# From one page to the other -----------------------------------------------------------------------------------


def test_a_number_of_the_figures_leads_to_its_returns(books: Books) -> None:
    late, paid_late, met = books.decided(60_000), books.decided(60_000), books.decided(2_000)
    manager = books.as_role(Role.MANAGER)
    assert manager.post(f"/returns/{late}/refusal", {"note": "No"}).status_code == 200
    books.pass_time(timedelta(days=20), late, paid_late)
    assert manager.post(f"/returns/{paid_late}/approval", {}).status_code == 200
    html = books.html("/desk/figures")
    urls = {
        words: unescape(url)
        for url, words in re.findall(r'<a href="(/desk/figures/returns[^"]+)">([^<]+)<', html)
    }
    refund = next(url for words, url in urls.items() if words == "2 late" and "clock=refund" in url)
    page = books.page(refund)
    assert "Refunded late, or late by now" in page
    assert late in page
    assert paid_late in page
    assert met not in page
    kept = books.page(refund.replace("how=late", "how=met"))
    assert met in kept
    assert late not in kept
    assert paid_late not in kept
    assert "The figures have no such number." in books.page(
        "/desk/figures/returns?clock=refund&how=else", 422
    )


def test_finance_reads_where_promises_were_missed(books: Books) -> None:
    rma = books.decided(60_000)
    books.pass_time(timedelta(days=20), rma)
    assert rma in books.page("/desk/causes")
    assert 'href="/desk/causes"' in books.html("/desk/figures")


def test_a_decision_that_came_late_is_told_of_a_refund_in_time(books: Books, database: Database) -> None:
    write(database, Written(1, "3 10:00", submitted="3 10:00", credited="3 10:00", processing_late="3 09:00"))
    row = books.row("RMA-TEST-0001-1", "?state=credited")
    assert "in time decided late The decision was due 3 Mar 2026, 09:00" in row


def test_finance_finds_the_way_from_a_return_to_its_refunds_and_is_told_what_it_may_look_for(
    books: Books,
) -> None:
    rma = books.decided(2_000)
    html = books.html(f"/desk/returns/{rma}")
    assert f'href="/desk/refunds/{rma}"' in html
    assert "Nothing of this return is yours to do at this stage." in html
    assert 'placeholder="Order or RMA"' in html
    found = books.page("/desk/find?q=maud.ellery@shop.example")
    assert "Customers are not found here by their name, email or phone" in found
