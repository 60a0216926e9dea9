"""The API as its callers see it: who may, what is refused and how, lists page by page, and the health routes."""

import base64
import json
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any, Protocol

import pytest
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, iter_route_contexts
from sqlmodel import select
from starlette.testclient import TestClient

from api.app import application
from api.headers import BODY_LIMIT_BYTES
from api.identity import Required
from returndesk.domain.people import Role
from returndesk.domain.stages import RefundStatus
from returndesk.store import tables


class Caller(Protocol):
    """What `as_role` and `admin` are."""

    headers: dict[str, str]
    http: TestClient

    def get(self, path: str, **params: Any) -> Any: ...
    def put(self, path: str, body: object) -> Any: ...
    def post(self, path: str, body: object, key: str | None = None) -> Any: ...


ORDER = {
    "currency": "GBP",
    "ordered_at": "2026-03-01T10:00:00Z",
    "customer": {"name": "Jane Canary", "email": "jane@canary.example", "address": ["1 Canary Row"]},
    "lines": [
        {"line": 1, "sku": "A", "title": "Linen dress", "quantity": 3, "unit_price_minor": 2000},
        {"line": 2, "sku": "B", "title": "Silk scarf", "quantity": 1, "unit_price_minor": 60000},
    ],
    "shipping_minor": 395,
    "payments": [{"processor": "stripe", "reference": "pi_1", "captured_minor": 66395}],
}
ASKED = {
    "order_reference": "A-1", "channel": "phone", "items": [{"line": 1, "quantity": 1, "reason": "too_small"}],
}  # fmt: skip
ARRIVED = {"items": [{"line": 1, "quantity": 1}]}
SEEN = {"items": [{"line": 1, "quantity": 1, "condition": "original", "packaging": "original"}]}
CANARY = "canary"
API_ROLES = [Role.REP, Role.WAREHOUSE, Role.FINANCE, Role.MANAGER, Role.ADMIN]


def requested(caller: Caller, order: str = "A-1", **changed: Any) -> str:
    caller.put(f"/orders/{order}", ORDER | {"payments": [
        {"processor": "stripe", "reference": f"pi_{order}", "captured_minor": 66395}]})  # fmt: skip
    answer = caller.post("/returns", ASKED | {"order_reference": order} | changed)
    assert answer.status_code == 201, answer.text
    rma: str = answer.json()["rma"]
    return rma


# Who may ------------------------------------------------------------------------------------------


def named_roles(dependant: Dependant) -> frozenset[Role] | None:
    if isinstance(dependant.call, Required):
        return dependant.call.roles
    return next((roles for d in dependant.dependencies if (roles := named_roles(d)) is not None), None)


def api_routes() -> Iterator[tuple[str, str, frozenset[Role] | None]]:
    """Every route under /api/v1 with the roles it names; None where it names none."""
    app = application(lambda: pytest.fail("it is not started"))
    for context in iter_route_contexts(app.routes):
        route = context.route
        if isinstance(route, APIRoute) and route.path.startswith("/api/v1"):
            yield from ((method, route.path, named_roles(route.dependant)) for method in route.methods)


# DESIGN 3's column "who", and who reads what: rep, warehouse, finance, manager, admin.
WHO = {
    ("GET", "/api/v1/commands/{command_id}"): "rwfma",
    ("GET", "/api/v1/orders/{reference}"): "rwfma",
    ("PUT", "/api/v1/orders/{reference}"): "r..ma",
    ("GET", "/api/v1/photos/{photo_id}"): "rw.ma",
    ("GET", "/api/v1/refunds"): "r.fma",
    ("GET", "/api/v1/returns"): "rwfma",
    ("GET", "/api/v1/returns/{rma}"): "rwfma",
    ("GET", "/api/v1/returns/{rma}/clocks"): "rwfma",
    ("GET", "/api/v1/returns/{rma}/photos"): "rw.ma",
    ("GET", "/api/v1/returns/{rma}/timeline"): "rwfma",
    ("GET", "/api/v1/tasks"): "rwfma",
    ("POST", "/api/v1/tasks/{about}/{which}/done"): "rwfma",
    ("POST", "/api/v1/tasks/{about}/{which}/released"): "rwfma",
    ("POST", "/api/v1/tasks/{about}/{which}/taken"): "rwfma",
    ("POST", "/api/v1/returns"): "r..ma",
    ("POST", "/api/v1/returns/{rma}/approval"): "...ma",
    ("POST", "/api/v1/returns/{rma}/authorization"): "r..ma",
    ("POST", "/api/v1/returns/{rma}/cancellation"): "r..ma",
    ("POST", "/api/v1/returns/{rma}/decision"): "r..ma",
    ("POST", "/api/v1/returns/{rma}/decline"): "r..ma",
    ("POST", "/api/v1/returns/eligibility"): "r..ma",
    ("POST", "/api/v1/returns/{rma}/dispositions"): ".w.ma",
    ("POST", "/api/v1/returns/{rma}/inspections"): ".w.ma",
    ("POST", "/api/v1/returns/{rma}/message"): "r..ma",
    ("POST", "/api/v1/returns/{rma}/photos"): "rw.ma",
    ("GET", "/api/v1/returns/{rma}/notes"): "rwfma",
    ("POST", "/api/v1/returns/{rma}/notes"): "rwfma",
    ("POST", "/api/v1/returns/{rma}/loss"): "r..ma",
    ("POST", "/api/v1/returns/{rma}/correction"): ".w.ma",
    ("POST", "/api/v1/returns/{rma}/refusal"): "...ma",
    ("POST", "/api/v1/returns/{rma}/goods-back"): ".w.ma",
    ("POST", "/api/v1/returns/{rma}/hold"): "r..ma",
    ("POST", "/api/v1/returns/{rma}/resumption"): "r..ma",
    ("POST", "/api/v1/returns/{rma}/recalculation"): "...ma",
    ("POST", "/api/v1/returns/{rma}/paid-by-hand"): "..fma",
    ("POST", "/api/v1/returns/{rma}/question"): "rw.ma",
    ("POST", "/api/v1/returns/{rma}/receipts"): ".w.ma",
    ("POST", "/api/v1/returns/{rma}/refund-again"): "..fma",
    ("POST", "/api/v1/returns/{rma}/shipment"): "r..ma",
}


def test_every_route_names_its_roles() -> None:
    found = {}
    for method, path, roles in api_routes():
        assert roles is not None, f"{method} {path} lets anybody in"
        found[method, path] = "".join(role[0] if role in roles else "." for role in API_ROLES)
    print("\n".join(f"{who}  {method:4} {path}" for (method, path), who in sorted(found.items())))  # noqa: T201 (the matrix, with -s)
    assert found == WHO


def test_every_route_keeps_out_who_is_nobody_and_whose_role_may_not(
    http: TestClient, signed_in: Callable[[Role], dict[str, str]]
) -> None:
    headers = {role: signed_in(role) | {"Idempotency-Key": "k"} for role in API_ROLES}
    for (method, path), who in WHO.items():
        address = path.format(
            rma="RMA-7K3M-Q9TX",
            reference="A-1",
            command_id="cmd_1",
            photo_id="pho_1",
            about="RMA-7K3M-Q9TX",
            which="next",
        )
        nobody = http.request(method, address, json={}, headers={"Idempotency-Key": "k"})
        assert (nobody.status_code, nobody.json()["code"]) == (401, "not_signed_in"), (method, path)
        for role in API_ROLES:
            status = http.request(method, address, json={}, headers=headers[role]).status_code
            assert (status == 403) is (role[0] not in who), (method, path, role, status)


# What is refused, and how -------------------------------------------------------------------------


NEED_NO_KEY = {
    "/api/v1/returns/eligibility",  # writes nothing
    "/api/v1/tasks/{about}/{which}/taken",  # sent again, they change nothing
    "/api/v1/tasks/{about}/{which}/released",
}


def test_every_post_that_changes_something_needs_an_idempotency_key(http: TestClient, admin: Caller) -> None:
    for method, path in WHO:
        if method == "POST" and path not in NEED_NO_KEY:
            address = path.format(rma="RMA-7K3M-Q9TX", about="RMA-7K3M-Q9TX", which="next")
            answer = http.post(address, json={}, headers=admin.headers)
            assert answer.status_code == 422
            assert "Idempotency-Key" in [x["field"] for x in answer.json()["errors"]], path


def test_an_idempotency_key_is_no_free_text(http: TestClient, admin: Caller) -> None:
    for key in ("a b", "jane@canary.example", "k" * 201, ""):
        answer = http.post("/api/v1/returns", json=ASKED, headers=admin.headers | {"Idempotency-Key": key})
        assert answer.status_code == 422
        assert CANARY not in answer.text


WRONG = [
    {"order_reference": "jane@canary.example"},
    {"channel": "canary"},
    {"contacted_at": "canary"},
    {"items": [{"line": "canary", "quantity": 1, "reason": "other"}]},
    {"items": "canary"},
    {"resolution": "canary"},
    {"note": "canary\x00"},
    {"note": ["canary"]},
    {"override": {"reason": "canary", "note": "canary"}},
    {"canary": "canary"},
    {"authorize": "canary"},
]


def test_what_cannot_be_used_is_named_and_never_repeated(admin: Caller) -> None:
    for wrong in WRONG:
        answer = admin.post("/returns", ASKED | wrong)
        assert answer.status_code == 422, wrong
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.json()["errors"]
        assert CANARY not in answer.text


WRONG_QUESTIONS = [
    "/returns?stage=canary",
    "/returns?due_before=canary",
    "/returns?limit=canary",
    "/returns?limit=0",
    "/returns?limit=201",
    "/returns?q=canary%00",
    "/returns?cursor=canary",
    "/returns?q=",
    "/refunds?status=canary",
    "/refunds?from=canary",
    "/refunds?to=0001-01-01T00:00:00%2B14:00",
    "/tasks?queue=Canary!",
    "/tasks?cursor=canary",
    "/returns/canary",
    "/returns/RMA-canary",
]


def test_what_cannot_be_looked_for_is_a_problem_without_the_input(admin: Caller) -> None:
    for path in WRONG_QUESTIONS:
        answer = admin.http.get(f"/api/v1{path}", headers=admin.headers)
        assert answer.status_code == 422, path
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert CANARY not in answer.text.lower()


FORGED: list[object] = [
    ["2026-03-04T12:00:00+00:00", "a\x00b"],
    ["2026-03-04T12:00:00", "RMA-7K3M-Q9TX"],
    ["0001-01-01T00:00:00+14:00", "RMA-7K3M-Q9TX"],
    ["2026-03-04T12:00:00+00:00", 5],
    ["2026-03-04T12:00:00+00:00", "\ud800"],
    ["2026-03-04T12:00:00+00:00"],
    {"at": 5},
    7,
]


def test_a_forged_cursor_is_refused(admin: Caller) -> None:
    for forged in FORGED:
        cursor = base64.urlsafe_b64encode(json.dumps(forged).encode()).decode().rstrip("=")
        for path in ("/returns", "/refunds", "/tasks"):
            answer = admin.get(path, cursor=cursor)
            assert (answer.status_code, answer.json()["code"]) == (422, "cursor_invalid"), forged


def test_a_body_that_is_no_json_is_a_problem(http: TestClient, admin: Caller) -> None:
    headers = admin.headers | {"Idempotency-Key": "k", "Content-Type": "application/json"}
    for body in (b"{canary", b"\xff\xfecanary", b"[" * 100_000, b""):
        answer = http.post("/api/v1/returns", content=body, headers=headers)
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.status_code in (400, 422)
        assert CANARY not in answer.text


def test_a_body_of_another_type_is_refused(http: TestClient, admin: Caller) -> None:
    headers = admin.headers | {"Idempotency-Key": "k", "Content-Type": "text/plain"}
    answer = http.post("/api/v1/returns", content=json.dumps(ASKED), headers=headers)
    assert answer.status_code == 422


def test_too_large_a_body_is_refused_whether_it_says_its_size_or_not(http: TestClient, admin: Caller) -> None:
    def in_pieces() -> Iterator[bytes]:
        for _ in range(BODY_LIMIT_BYTES // 65536 + 2):
            yield b"x" * 65536

    headers = admin.headers | {"Idempotency-Key": "k", "Content-Type": "application/json"}
    for address in ("/api/v1/returns", "/webhooks/stripe"):
        for body in (b"x" * (BODY_LIMIT_BYTES + 1), in_pieces()):
            answer = http.post(address, content=body, headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
            assert answer.headers["Content-Type"] == "application/problem+json"


def test_a_method_a_route_does_not_take_is_a_problem_that_says_which_it_takes(
    http: TestClient, admin: Caller
) -> None:
    for method in ("DELETE", "PATCH", "PUT", "BREW"):
        answer = http.request(method, "/api/v1/returns", headers=admin.headers)
        assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
        assert answer.headers["Allow"]
    assert "BREW" not in http.get("/metrics").text


# Commands -----------------------------------------------------------------------------------------


def test_the_same_key_with_the_same_body_is_the_same_request(api: Any, admin: Caller) -> None:
    admin.put("/orders/A-1", ORDER)
    first, again = (admin.post("/returns", ASKED | {"note": "Too small."}, key="k") for _ in range(2))
    assert (first.status_code, first.json()) == (again.status_code, again.json())
    assert first.headers["Location"] == f"/api/v1/returns/{first.json()['rma']}"
    assert len(admin.get("/returns").json()["items"]) == 1
    other = admin.post("/returns", ASKED | {"note": "Too large."}, key="k")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


def test_a_key_belongs_to_who_sent_it(as_role: Callable[[Role], Caller]) -> None:
    rep, manager = as_role(Role.REP), as_role(Role.MANAGER)
    rep.put("/orders/A-1", ORDER)
    assert (
        rep.post("/returns", ASKED, key="k").json()["rma"]
        != manager.post("/returns", ASKED, key="k").json()["rma"]
    )


def test_a_key_of_one_return_is_no_key_of_another(admin: Caller) -> None:
    one, other = requested(admin, "A-1"), requested(admin, "A-2")
    assert admin.post(f"/returns/{one}/authorization", {}, key="k").status_code == 200
    answer = admin.post(f"/returns/{other}/authorization", {}, key="k")
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")


def test_a_refused_request_says_why_and_gives_no_rma(admin: Caller) -> None:
    admin.put("/orders/A-1", ORDER)
    answer = admin.post("/returns", ASKED | {"items": [{"line": 9, "quantity": 1, "reason": "other"}]})
    assert answer.status_code == 422
    assert (answer.json()["code"], answer.json()["reasons"]) == ("ineligible", ["unknown_line:line 9"])
    assert "rma" not in answer.json()
    assert admin.get("/returns").json()["items"] == []


def test_a_contact_that_has_not_been_yet_is_refused(admin: Caller) -> None:
    answer = admin.post("/returns", ASKED | {"contacted_at": "2026-03-04T12:00:01Z"})
    assert (answer.status_code, answer.json()["code"]) == (422, "contact_in_future")


def test_what_a_stage_does_not_take_is_a_conflict_that_names_what_it_takes(admin: Caller) -> None:
    answer = admin.post(f"/returns/{requested(admin)}/inspections", SEEN)
    assert (answer.status_code, answer.json()["code"]) == (409, "not_allowed_at_stage")
    possible = "authorization, cancellation, decline, hold, message, question, recalculation, receipts, resumption, task-done"
    assert f"Now possible: {possible}." in answer.json()["detail"]


def test_a_return_nobody_knows_is_not_found(admin: Caller) -> None:
    for answer in (
        admin.get("/returns/RMA-7K3M-Q9TX"),
        admin.get("/returns/RMA-7K3M-Q9TX/timeline"),
        admin.post("/returns/RMA-7K3M-Q9TX/receipts", ARRIVED),
        admin.get("/commands/cmd_unknown"),
        admin.get("/orders/A-404"),
    ):
        assert answer.status_code == 404
        assert answer.headers["Content-Type"] == "application/problem+json"


def test_an_rma_may_be_typed_as_people_type_it(admin: Caller) -> None:
    rma = requested(admin)
    assert admin.get(f"/returns/{rma.removeprefix('RMA-').lower()}").json()["rma"] == rma


def test_without_an_outcome_the_answer_is_where_to_look(api: Any, admin: Caller) -> None:
    rma = requested(admin)
    api.door.is_silent = True
    pending = admin.post(f"/returns/{rma}/authorization", {}, key="k")
    assert pending.status_code == 202
    assert pending.json()["status_url"] == pending.headers["Location"]
    assert pending.headers["Retry-After"]
    state = admin.http.get(pending.headers["Location"], headers=admin.headers).json()
    assert (state["kind"], state["accepted"], state["rma"]) == ("authorization", None, rma)
    api.door.is_silent = False
    again = admin.post(f"/returns/{rma}/authorization", {}, key="k")
    assert (again.status_code, again.json()["command_id"]) == (200, pending.json()["command_id"])


def test_only_who_writes_to_customers_gets_the_link_to_their_page(as_role: Callable[[Role], Caller]) -> None:
    rma = requested(as_role(Role.REP))
    for role in API_ROLES:
        url = as_role(role).get(f"/returns/{rma}").json()["status_url"]
        assert bool(url) is (role in (Role.REP, Role.MANAGER, Role.ADMIN))


def test_a_refund_that_the_processor_first_says_failed_and_then_paid_becomes_a_persons_task(
    api: Any, admin: Caller
) -> None:
    """It was asked for again meanwhile: whether it is paid twice nobody here can know."""
    api.door.processor_says = RefundStatus.FAILED
    rma = closed(admin)
    again = admin.post(f"/returns/{rma}/refund-again", {"refund": f"{rma}-1"})
    assert again.status_code == 200, again.text
    api.door.processor_says = RefundStatus.SUCCEEDED
    for _ in range(2):
        api.door.answer(rma, f"{rma}-1")
    view = admin.get(f"/returns/{rma}").json()
    assert [x["status"] for x in view["refunds"]] == ["failed", "failed"], "a stale word moves nothing"
    [task] = [x for x in admin.get("/tasks").json()["items"] if x["kind"] == f"contradicted_{rma}-1"]
    assert (task["queue"], task["details"]["replaced_by"]) == ("refunds", f"{rma}-2")
    what = [item["what"] for item in admin.get(f"/returns/{rma}/timeline").json()["items"]]
    assert what.count("contradicted") == 1


def test_a_note_is_kept_apart_from_the_command_and_the_timeline(api: Any, admin: Caller) -> None:
    rma = requested(admin, note="Canary wrote this.", override={"reason": "goodwill", "note": "Canary too."})
    with api.database.read() as session:
        rows = [row.model_dump() for row in session.exec(select(tables.Command))]
        texts = {text.body for text in session.exec(select(tables.Text))}
    assert texts == {"Canary wrote this.", "Canary too."}
    assert CANARY not in json.dumps(rows, default=str).lower()
    assert CANARY not in admin.get(f"/returns/{rma}/timeline").text.lower()
    assert CANARY not in admin.get(f"/returns/{rma}").text.lower()


# Lists --------------------------------------------------------------------------------------------


def walk(caller: Caller, path: str, between: Callable[[], object] = lambda: None, **params: Any) -> list[Any]:
    """All items of a list, page by page; `between` runs between two pages."""
    items, cursor = [], None
    while True:
        page = caller.get(path, **params, **({"cursor": cursor} if cursor else {})).json()
        items += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            return items
        between()


@pytest.fixture
def many(api: Any, admin: Caller) -> list[str]:
    """250 returns in the books, several at every instant: copies of one that was asked for."""
    rma = requested(admin)
    with api.database.write() as session:
        model = session.get_one(tables.Return, rma).model_dump()
        for number in range(249):
            at = api.clock.now() - timedelta(minutes=number // 7)
            session.add(tables.Return(**model | {"rma": f"RMA-{number:04}", "recorded_at": at}))
    return [rma, *(f"RMA-{number:04}" for number in range(249))]


def test_every_return_is_on_exactly_one_page_also_when_others_come_in_between(
    api: Any, admin: Caller, many: list[str]
) -> None:
    added: list[str] = []

    def one_more() -> None:
        api.clock.advance(timedelta(minutes=1))
        added.append(requested(admin, f"B-{len(added)}"))

    found = [item["rma"] for item in walk(admin, "/returns", one_more, limit=40)]
    assert len(added) == 6
    assert sorted(found) == sorted(many)
    assert len(walk(admin, "/returns", limit=200)) == 256


def test_a_page_that_ends_exactly_at_the_end_is_the_last(admin: Caller, many: list[str]) -> None:
    assert len(walk(admin, "/returns", limit=50)) == 250
    assert len(walk(admin, "/returns", limit=125)) == 250


def test_returns_are_found_by_number_order_and_email_and_nothing_else(admin: Caller) -> None:
    one, other = requested(admin, "A-1"), requested(admin, "A-2")

    def found(q: str) -> set[str]:
        return {item["rma"] for item in admin.get("/returns", q=q).json()["items"]}

    assert found(one) == found(one.lower()) == found(one.replace("-", "").removeprefix("RMA")) == {one}
    assert found("A-2") == {other}
    assert found(" jane@canary.example ") == {one, other}
    assert found("jane") == found("%") == found("A-") == found("' OR 1=1 --") == set()


def test_returns_are_listed_by_stage_and_by_when_they_are_due(api: Any, admin: Caller) -> None:
    early = requested(admin, "A-1", contacted_at="2026-03-02T12:00:00Z")
    late = requested(admin, "A-2")
    away = requested(admin, "A-3", authorize=True)

    def found(**params: Any) -> set[str]:
        return {item["rma"] for item in admin.get("/returns", **params).json()["items"]}

    assert found(stage="requested") == {early, late}
    assert found(stage="authorized") == {away}
    assert found(stage="closed") == set()
    due = {item["rma"]: item["next_due_at"] for item in admin.get("/returns").json()["items"]}
    assert due[away] is None
    assert found(due_before=due[late]) == {early}
    assert found(due_before=due[early]) == set()
    assert found(due_before="2026-04-01T00:00:00+01:00") == {early, late}


def closed(caller: Caller, order: str = "A-1") -> str:
    rma = requested(caller, order, authorize=True)
    assert caller.post(f"/returns/{rma}/receipts", ARRIVED).status_code == 200
    assert caller.post(f"/returns/{rma}/inspections", SEEN).status_code == 200
    return rma


def test_refunds_are_listed_by_status_and_by_when_they_were_decided(api: Any, admin: Caller) -> None:
    first = closed(admin, "A-1")
    first_at = api.clock.now().isoformat()
    api.clock.advance(timedelta(hours=1))
    api.door.processor_says = RefundStatus.PENDING
    second = closed(admin, "A-2")
    second_at = api.clock.now().isoformat()

    def found(**params: Any) -> list[str]:
        return [item["rma"] for item in admin.get("/refunds", **params).json()["items"]]

    assert found() == [second, first]
    assert found(status="succeeded") == [first]
    assert found(status="pending") == [second]
    assert found(**{"from": second_at}) == [second]
    assert found(to=second_at) == [first]
    assert found(**{"from": first_at, "to": second_at}) == [first]
    assert [item["rma"] for item in walk(admin, "/refunds", limit=1)] == [second, first]


def test_tasks_are_listed_by_queue_the_most_urgent_first(admin: Caller) -> None:
    late = requested(admin, "A-1")
    early = requested(admin, "A-2", contacted_at="2026-03-02T12:00:00Z")
    away = requested(admin, "A-3", authorize=True)

    def found(**params: Any) -> list[str]:
        return [item["rma"] for item in walk(admin, "/tasks", **params)]

    assert found(queue="authorizations") == found(queue="authorizations", limit=1) == [early, late]
    assert found(queue="awaiting_goods") == [away]
    assert found() == [early, late, away]
    assert found(queue="nowhere") == []


# Health, and what every answer carries ------------------------------------------------------------


def test_a_process_that_answers_is_alive(http: TestClient) -> None:
    assert http.get("/healthz").json()["status"] == "ok"


def test_it_is_ready_when_every_part_answers(api: Any, http: TestClient) -> None:
    ready = http.get("/readyz")
    assert (ready.status_code, ready.json()["parts"]) == (200, {"database": "ok", "temporal": "ok"})
    api.temporal.answers = False
    not_ready = http.get("/readyz")
    assert not_ready.status_code == 503
    assert not_ready.json()["parts"] == {
        "database": "ok", "temporal": "does not answer (RuntimeError)",
    }  # fmt: skip
    assert "internal" not in not_ready.text


def test_a_database_that_never_answers_is_not_waited_for(
    http: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    never, done = threading.Event(), threading.Event()
    monkeypatch.setattr("api.health._ANSWERS_WITHIN_SECONDS", 0.05)
    monkeypatch.setattr("api.health._ask_database", lambda _desk: (never.wait(10), done.set()))
    answer = http.get("/readyz")
    was_waited_for = done.is_set()
    never.set()
    assert not was_waited_for
    assert answer.status_code == 503
    assert answer.json()["parts"]["database"] == "does not answer (TimeoutError)"


def test_the_metrics_count_and_name_nobody(admin: Caller, http: TestClient) -> None:
    rma = requested(admin)
    http.get(f"/api/v1/returns/{rma}", headers=admin.headers)
    http.get("/nowhere/jane@canary.example")
    counted = http.get("/metrics").text
    assert 'returndesk_open_returns{stage="requested"} 1.0' in counted
    assert 'returndesk_open_tasks{queue="authorizations"} 1.0' in counted
    assert 'returndesk_requests_total{method="GET",route="/api/v1/returns/{rma}",status="200"}' in counted
    assert rma not in counted
    assert CANARY not in counted


def test_every_answer_carries_the_security_headers(http: TestClient, admin: Caller) -> None:
    addresses = ["/", "/healthz", "/nowhere", "/api/v1/returns", "/static/returndesk.css", "/metrics",
                 "/r/RMA-7K3M-Q9TX/wrong", "/api/v1/openapi.json"]  # fmt: skip
    answers = [http.get(address) for address in addresses]
    answers.append(http.post("/webhooks/stripe", content=b"x" * (BODY_LIMIT_BYTES + 1)))
    for answer in answers:
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'self'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "same-origin"
        assert "Server" not in answer.headers


def test_an_error_nobody_expected_says_and_logs_nothing_of_its_own(
    api: Any, admin: Caller, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    async def broken(*_: object) -> None:
        raise RuntimeError("jane@canary.example")

    monkeypatch.setattr(api.door, "ask", broken)
    answer = admin.post("/returns", ASKED)
    assert (answer.status_code, answer.json()["code"]) == (500, "unexpected")
    logged = capfd.readouterr()
    assert CANARY not in answer.text + logged.out + logged.err
