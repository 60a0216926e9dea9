"""Orders over HTTP: in, again, changed, and who sees whose address."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from api import orders, problems
from returndesk.domain.people import Role
from returndesk.store.units import claim_units

SignedIn = Callable[[Role], dict[str, str]]
ORDER = {
    "currency": "GBP",
    "ordered_at": "2026-03-04T10:00:00Z",
    "customer": {"name": "Jane Canary", "email": "jane@canary.example", "address": ["1 Canary Row"]},
    "lines": [{"line": 1, "sku": "A", "title": "Coat", "quantity": 2, "unit_price_minor": 1000}],
    "payments": [{"processor": "stripe", "reference": "pi_1", "captured_minor": 2000}],
}
ADDRESS = "/api/v1/orders/A-1"


@pytest.fixture
def http(desk: Any) -> Iterator[TestClient]:
    app = FastAPI()
    app.state.desk = desk
    problems.install(app)
    app.include_router(orders.router)
    with TestClient(app) as client:
        yield client


@pytest.fixture
def rep(signed_in: SignedIn) -> dict[str, str]:
    return signed_in(Role.REP)


def test_an_order_is_created_once_and_then_found(http: TestClient, rep: dict[str, str]) -> None:
    created = http.put(ADDRESS, json=ORDER, headers=rep)
    again = http.put(ADDRESS, json=ORDER, headers=rep)
    found = http.get(ADDRESS, headers=rep)
    assert [created.status_code, again.status_code, found.status_code] == [201, 200, 200]
    assert created.json() == again.json() == found.json()
    assert found.json()["lines"][0]["price_minor"] == 2000
    assert found.json()["customer"]["email"] == "jane@canary.example"


@pytest.mark.parametrize("role", [Role.WAREHOUSE, Role.FINANCE])
def test_who_never_writes_to_customers_sees_no_name_or_address(
    http: TestClient, rep: dict[str, str], signed_in: SignedIn, role: Role
) -> None:
    http.put(ADDRESS, json=ORDER, headers=rep)
    found = http.get(ADDRESS, headers=signed_in(role))
    assert found.status_code == 200
    assert "canary" not in found.text.lower()
    assert found.json()["customer"]["id"]


@pytest.mark.parametrize("role", [Role.WAREHOUSE, Role.FINANCE])
def test_orders_come_from_the_desk_only(http: TestClient, signed_in: SignedIn, role: Role) -> None:
    answer = http.put(ADDRESS, json=ORDER, headers=signed_in(role))
    assert (answer.status_code, answer.json()["code"]) == (403, "role_not_allowed")


def test_a_line_with_returned_units_does_not_change(http: TestClient, desk: Any, rep: dict[str, str]) -> None:
    http.put(ADDRESS, json=ORDER, headers=rep)
    with desk.database.write() as session:
        claim_units(session.connection(), "A-1", 1, 1)
    answer = http.put(ADDRESS, json=ORDER | {"discount_minor": 1}, headers=rep)
    assert (answer.status_code, answer.json()["code"]) == (409, "order_in_use")
    assert "Nothing was changed" in answer.json()["detail"]


def test_a_payment_of_another_order_is_refused(http: TestClient, rep: dict[str, str]) -> None:
    http.put(ADDRESS, json=ORDER, headers=rep)
    answer = http.put("/api/v1/orders/A-2", json=ORDER, headers=rep)
    assert (answer.status_code, answer.json()["code"]) == (409, "payment_taken")
    assert http.get("/api/v1/orders/A-2", headers=rep).status_code == 404


LINE = ORDER["lines"][0]  # type: ignore[index]


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"lines": [LINE | {"quantity": 1.0}]}, "lines.0.quantity"),
        ({"lines": [LINE | {"quantity": "1"}]}, "lines.0.quantity"),
        ({"lines": [LINE | {"quantity": 1_000_001}]}, "lines.0.quantity"),
        ({"lines": [LINE | {"unit_price_minor": 10**13}]}, "lines.0.unit_price_minor"),
        ({"lines": [LINE | {"discount_minor": 2001}]}, "lines.0"),
        ({"lines": [LINE, LINE]}, "lines"),
        ({"lines": []}, "lines"),
        ({"lines": [LINE | {"title": "a\u0000b"}]}, "lines.0.title"),
        ({"discount_minor": 2001}, "discount_minor"),
        ({"ordered_at": 1772618400}, "ordered_at"),
        ({"ordered_at": "2026-03-04T10:00:00"}, "ordered_at"),
        ({"ordered_at": "0001-01-01T00:00:00+14:00"}, "ordered_at"),
        ({"delivered_on": "2026-02-01"}, "delivered_on"),
        ({"currency": "gbp"}, "currency"),
        ({"tax_included": "yes"}, "tax_included"),
        ({"customer": {"name": "Jane", "email": "jane.canary"}}, "customer.email"),
        ({"customer": {"name": "Canary\r\nBcc: all", "email": "jane@canary.example"}}, "customer.name"),
        ({"customer": {"name": "Jane", "email": "jane@canary.example", "canary": 1}}, "customer"),
        (
            {"payments": [{"processor": "stripe", "reference": "jane@canary", "captured_minor": 1}]},
            "payments.0.reference",
        ),
        ({"payments": ORDER["payments"] * 2}, "payments"),  # type: ignore[operator]
    ],
)
def test_wrong_orders_are_refused_by_field_without_repeating_them(
    http: TestClient, rep: dict[str, str], changed: dict[str, Any], field: str
) -> None:
    answer = http.put(ADDRESS, json=ORDER | changed, headers=rep)
    assert answer.status_code == 422
    assert [x["field"] for x in answer.json()["errors"]] == [field]
    assert "canary" not in answer.text.lower()
    assert http.get(ADDRESS, headers=rep).status_code == 404


@pytest.mark.parametrize("reference", ["jane@canary.example", "A 1", "x" * 65])
def test_an_order_reference_is_an_id(http: TestClient, rep: dict[str, str], reference: str) -> None:
    answer = http.put(f"/api/v1/orders/{reference}", json=ORDER, headers=rep)
    assert answer.status_code == 422
    assert [x["field"] for x in answer.json()["errors"]] == ["reference"]
