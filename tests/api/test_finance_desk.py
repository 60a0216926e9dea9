"""Finance's desk over HTTP, on both databases: lists, filters in the address, exports, the auditor's file, figures."""

from collections.abc import Callable

import pytest
from finance_books import Written, write
from starlette.testclient import TestClient

from returndesk.domain.people import Role
from returndesk.domain.stages import RefundStatus
from returndesk.store.database import Database


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
        ("state=lost", "Choose one of: open"),
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
