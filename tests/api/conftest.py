"""The whole application over fresh books of each kind, and what its callers need."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from in_process import api_desk, app_over
from rep_desk import LINES, Person
from starlette.testclient import TestClient

from api.desk import Desk
from returndesk.domain.people import Role
from returndesk.store.database import Database


@pytest.fixture
def api(database: Database, clock: Any, tmp_path: Path) -> Desk:
    """The desk of the application."""
    return api_desk(database, clock, tmp_path / "mailbox.db")


@pytest.fixture
def http(api: Desk) -> Iterator[TestClient]:
    """A client of the whole application."""
    with TestClient(app_over(api), raise_server_exceptions=False) as client:
        yield client


class Caller:
    """Somebody with a role: each POST under a key of its own."""

    def __init__(self, http: TestClient, headers: dict[str, str]) -> None:
        self.http = http
        self.headers = headers
        self.asked = 0

    def get(self, path: str, **params: Any) -> Any:
        return self.http.get(f"/api/v1{path}", params=params, headers=self.headers)

    def put(self, path: str, body: object) -> Any:
        return self.http.put(f"/api/v1{path}", json=body, headers=self.headers)

    def post(self, path: str, body: object, key: str | None = None) -> Any:
        self.asked += 1
        headers = self.headers | {"Idempotency-Key": key or f"key-{self.asked}"}
        return self.http.post(f"/api/v1{path}", json=body, headers=headers)


@pytest.fixture
def as_role(http: TestClient, signed_in: Callable[[Role], dict[str, str]]) -> Callable[[Role], Caller]:
    """Callers by role."""
    return lambda role: Caller(http, signed_in(role))


@pytest.fixture
def admin(as_role: Callable[[Role], Caller]) -> Caller:
    """Somebody who may do everything."""
    return as_role(Role.ADMIN)


# The rep's desk ---------------------------------------------------------------------------------


@pytest.fixture
def person(http: TestClient, api: Desk) -> Callable[..., Person]:
    return lambda role=Role.REP, name=None: Person(http, api, role, name or f"{role}-1")


@pytest.fixture
def rep(person: Callable[..., Person]) -> Person:
    return person()


@pytest.fixture
def order(admin: Any, api: Desk) -> Callable[..., str]:
    def put(reference: str = "DA-1", **customer: Any) -> str:
        at = api.clock.now()
        body = {
            "currency": "GBP", "ordered_at": (at - timedelta(days=9)).isoformat(),
            "delivered_on": (at - timedelta(days=5)).date().isoformat(), "lines": LINES, "shipping_minor": 500,
            "customer": {"name": "Maud Ellery", "email": "maud@shop.example"} | customer,
            "payments": [{"processor": "stripe", "reference": f"pi_{reference}", "captured_minor": 10_500,
                          "label": "Visa ending 4242"}],
        }  # fmt: skip
        answer = admin.put(f"/orders/{reference}", body)
        assert answer.status_code == 201, answer.text
        return reference

    return put


@pytest.fixture
def requested(admin: Any, order: Callable[..., str]) -> Callable[..., str]:
    def ask(reference: str = "DA-1", customer: dict[str, Any] | None = None, **changed: Any) -> str:
        order(reference, **(customer or {}))
        items = [{"line": 1, "quantity": 2, "reason": "too_small"}]
        body = {"order_reference": reference, "channel": "email", "items": items} | changed
        answer = admin.post("/returns", body)
        assert answer.status_code == 201, answer.text
        rma: str = answer.json()["rma"]
        return rma

    return ask


@pytest.fixture
def inspected(admin: Any, requested: Callable[..., str]) -> Callable[..., str]:
    def ask(condition: str = "opened", reference: str = "DA-1") -> str:
        rma = requested(reference, authorize=True)
        seen = [
            {"line": 1, "quantity": 1, "condition": "original", "packaging": "original"},
            {"line": 1, "quantity": 1, "condition": condition, "packaging": "original"},
        ]
        for path, body in {
            "receipts": {"items": [{"line": 1, "quantity": 2}]},
            "inspections": {"items": seen},
        }.items():
            answer = admin.post(f"/returns/{rma}/{path}", body)
            assert answer.status_code == 200, answer.text
        return rma

    return ask
