"""The whole application over fresh books of each kind, and what its callers need."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from in_process import api_desk, app_over
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
