"""The page of figures: durations that are short, periods that are cut, fields that say what was counted."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from starlette.testclient import TestClient

from returndesk.domain.people import Role


@pytest.fixture
def page(http: TestClient, signed_in: Callable[[Role], dict[str, str]]) -> Callable[[str], str]:
    """The page as finance sees it."""
    return lambda path: http.get(path, headers=signed_in(Role.FINANCE)).text


@pytest.fixture
def quick(api: Any, as_role: Callable[[Role], Any]) -> str:
    """A return that was credited 106 seconds after its contact."""
    admin = as_role(Role.ADMIN)
    order = {
        "currency": "GBP", "ordered_at": "2026-02-25T10:00:00Z",
        "customer": {"name": "Maud Ellery", "email": "maud.ellery@shop.example"},
        "lines": [{"line": 1, "sku": "A", "title": "Socks", "quantity": 1, "unit_price_minor": 1_000}],
        "payments": [{"processor": "stripe", "reference": "pi_1", "captured_minor": 1_000}],
    }  # fmt: skip
    assert admin.put("/orders/DA-1", order).status_code == 201
    item = {"line": 1, "quantity": 1}
    asked = {
        "order_reference": "DA-1",
        "channel": "email",
        "authorize": True,
        "items": [item | {"reason": "other"}],
    }
    rma: str = admin.post("/returns", asked).json()["rma"]
    api.clock.at += timedelta(seconds=106)
    admin.post(f"/returns/{rma}/receipts", {"items": [item]})
    seen = item | {"condition": "original", "packaging": "original"}
    assert admin.post(f"/returns/{rma}/inspections", {"items": [seen]}).status_code == 200
    api.clock.at += timedelta(minutes=2)  # what was counted is good for a minute
    return rma


def test_short_times_are_not_cut_to_whole_minutes(page: Callable[[str], str], quick: str) -> None:
    shown = page("/desk/figures")
    assert "1.8 min" in shown
    assert "Minutes from contact to credited" in shown
    assert '<text x="66" y="20" text-anchor="end">1.8</text>' in shown


def test_no_axis_goes_from_nothing_to_nothing(
    page: Callable[[str], str], quick: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("returndesk.store.figures.spread", lambda times: _nothing(len(times)))
    shown = page("/desk/figures")
    assert shown.count('text-anchor="end">0') == 1


def _nothing(count: int) -> Any:
    from returndesk.store.figures import Spread

    return Spread(count, timedelta(0), timedelta(0)) if count else Spread(0, None, None)


def test_a_period_that_is_cut_says_from_which_day(page: Callable[[str], str], quick: str) -> None:
    shown = page("/desk/figures?from=2026-03-04&to=2026-03-04")
    assert "from 4 Mar 2026: 100.0 %" in shown
    assert "2 Mar 2026" not in shown, "the Monday before"


def test_the_days_that_were_counted_stand_in_their_fields(page: Callable[[str], str], quick: str) -> None:
    shown = page("/desk/figures")
    values = dict(re.findall(r'name="(from|to)" type="date" value="([^"]*)"', shown))
    assert values == {"from": "2025-12-15", "to": "2026-03-04"}


def test_a_label_of_a_chart_is_whole(page: Callable[[str], str], api: Any, quick: str) -> None:
    from finance_books import Written, write

    from returndesk.domain.stages import RefundStatus

    write(
        api.database,
        Written(
            3, "1 10:00", failed="2 08:00", status=RefundStatus.FAILED, reason="expired_or_canceled_card"
        ),
    )
    assert '<span class="what">expired or canceled card, GBP</span>' in page("/desk/figures")
