"""Who may call the API, and what its errors give away."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Annotated, Any

import pytest
from fastapi import FastAPI
from pydantic import BaseModel
from starlette.testclient import TestClient

from api import problems
from api.identity import require
from returndesk.domain.errors import InvalidInput, NotFound, Refused
from returndesk.domain.people import Actor, Role
from returndesk.store import tokens
from returndesk.store.tables import Token

SignedIn = Callable[[Role], dict[str, str]]


class Body(BaseModel):
    amount_minor: int


@pytest.fixture
def http(desk: Any) -> Iterator[TestClient]:
    app = FastAPI()
    app.state.desk = desk
    problems.install(app)

    @app.get("/mine", responses=problems.problems(401, 403))
    def mine(actor: Annotated[Actor, require(Role.REP, Role.ADMIN)]) -> str:
        return actor.id

    @app.get("/broken")
    def broken() -> None:
        raise RuntimeError("jane@example.com")

    @app.get("/refused")
    def refused() -> None:
        raise Refused("ineligible", "Not any more.", ["window_over", "final_sale"])

    @app.get("/missing")
    def missing() -> None:
        raise NotFound("order_not_found", "There is no such order.")

    @app.get("/unclear")
    def unclear() -> None:
        raise InvalidInput("too_many", "Send fewer.", "items")

    @app.post("/body")
    def body(body: Body) -> int:
        return body.amount_minor

    with TestClient(app) as client:
        yield client


def test_a_token_opens_what_its_role_may(http: TestClient, signed_in: SignedIn) -> None:
    answer = http.get("/mine", headers=signed_in(Role.REP))
    assert (answer.status_code, answer.json()) == (200, "rep-1")


def test_no_token_is_asked_for_one(http: TestClient) -> None:
    answer = http.get("/mine")
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["code"] == "not_signed_in"


@pytest.mark.parametrize(
    "sent", ["Bearer rdk_" + "x" * 43, "Bearer rdk_é", "Bearer ", "Basic cmRrOg==", "rdk_x"]
)
def test_a_made_up_token_opens_nothing(http: TestClient, sent: str) -> None:
    answer = http.get("/mine", headers={b"Authorization": sent.encode()})
    assert answer.status_code == 401
    assert "WWW-Authenticate" in answer.headers


def test_another_role_is_told_who_may(http: TestClient, signed_in: SignedIn) -> None:
    answer = http.get("/mine", headers=signed_in(Role.WAREHOUSE))
    assert answer.status_code == 403
    assert "admin, rep" in answer.json()["detail"]
    assert "insufficient_scope" in answer.headers["WWW-Authenticate"]


def test_a_revoked_token_stops_within_a_second(
    http: TestClient, desk: Any, signed_in: SignedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    instant = 100.0
    monkeypatch.setattr("api.identity.time.monotonic", lambda: instant)
    headers = signed_in(Role.REP)
    assert http.get("/mine", headers=headers).status_code == 200
    secret = headers["Authorization"].removeprefix("Bearer ")
    with desk.database.write() as session:
        assert tokens.revoke(session, tokens.token_id(secret), desk.clock.now() + timedelta(days=1))
        assert not tokens.revoke(session, tokens.token_id(secret), desk.clock.now())
    instant += 1.01
    assert http.get("/mine", headers=headers).status_code == 401


def test_the_books_do_not_hold_what_opens(desk: Any, signed_in: SignedIn) -> None:
    secret = signed_in(Role.FINANCE)["Authorization"].removeprefix("Bearer ")
    with desk.database.read() as session:
        row = session.get_one(Token, tokens.token_id(secret))
        assert secret not in str(row.model_dump())
        assert tokens.identify(session, secret) == Actor("finance-1", Role.FINANCE)


@pytest.mark.parametrize("actor_id", ["jane@example.com", "Jane Doe", ""])
def test_a_tokens_actor_is_an_id_and_no_name_or_address(desk: Any, actor_id: str) -> None:
    with desk.database.write() as session, pytest.raises(InvalidInput, match="no name, no address"):
        tokens.create(session, Role.REP, actor_id, desk.clock.now())


def test_an_unexpected_error_says_nothing_of_its_own(
    http: TestClient, capfd: pytest.CaptureFixture[str]
) -> None:
    answer = http.get("/broken")
    logged = capfd.readouterr()
    assert answer.status_code == 500
    assert answer.json()["code"] == "unexpected"
    assert "jane" not in answer.text + logged.out + logged.err
    assert "RuntimeError" in logged.out + logged.err


def test_a_refusal_comes_with_its_reasons(http: TestClient) -> None:
    answer = http.get("/refused")
    assert answer.status_code == 422
    assert answer.json() == {
        "type": "/problems/ineligible", "title": answer.json()["title"], "status": 422, "code": "ineligible",
        "detail": "Not any more.", "reasons": ["window_over", "final_sale"],
    }  # fmt: skip


def test_each_error_has_its_status_and_code(http: TestClient) -> None:
    found = {path: http.get(path) for path in ("/missing", "/unclear", "/nowhere", "/body")}
    assert {path: (x.status_code, x.json()["code"]) for path, x in found.items()} == {
        "/missing": (404, "order_not_found"),
        "/unclear": (422, "too_many"),
        "/nowhere": (404, "not_found"),
        "/body": (405, "method_not_allowed"),
    }
    assert found["/unclear"].json()["errors"] == [{"field": "items", "problem": "Send fewer."}]
    assert found["/body"].headers["Allow"] == "POST"


def test_wrong_input_is_named_by_field_and_never_repeated(http: TestClient) -> None:
    answer = http.post("/body", json={"amount_minor": "jane@example.com"})
    assert answer.status_code == 422
    assert [x["field"] for x in answer.json()["errors"]] == ["amount_minor"]
    assert "jane" not in answer.text
    broken = http.post("/body", content=b"{jane", headers={"Content-Type": "application/json"})
    assert broken.json()["errors"] == [{"field": "body", "problem": "It is not valid JSON."}]


def test_the_description_knows_the_media_type_of_problems(http: TestClient) -> None:
    responses = http.get("/openapi.json").json()["paths"]["/mine"]["get"]["responses"]
    assert list(responses["401"]["content"]) == ["application/problem+json"]
    assert list(responses["200"]["content"]) == ["application/json"]
