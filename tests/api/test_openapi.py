"""The description is exact: every answer a route gives is one that it describes."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from in_process import opened
from jsonschema import Draft202012Validator, FormatChecker
from pictures import picture
from starlette.testclient import TestClient

from api.app import application
from returndesk.domain.people import Role
from returndesk.domain.stages import RefundStatus

ORDER = {
    "currency": "GBP", "ordered_at": "2026-03-01T10:00:00Z",
    "customer": {"name": "Jane", "email": "jane@shop.example"},
    "lines": [
        {"line": 1, "sku": "A", "title": "Linen dress", "quantity": 3, "unit_price_minor": 2000},
        {"line": 2, "sku": "B", "title": "Fur coat", "quantity": 1, "unit_price_minor": 90000},
    ],
    "payments": [{"processor": "stripe", "reference": "pi_1", "captured_minor": 96000}],
}  # fmt: skip
ASKED = {
    "order_reference": "A-1", "channel": "phone", "items": [{"line": 1, "quantity": 2, "reason": "too_small"}],
}  # fmt: skip
COAT = ASKED | {"items": [{"line": 2, "quantity": 1, "reason": "other"}], "authorize": True}
SEEN = {"line": 1, "quantity": 1, "condition": "original", "packaging": "original"}


class Described:
    """A client that holds every answer against the description, and remembers which it saw."""

    def __init__(self, http: TestClient) -> None:
        self.http = http
        self.description: dict[str, Any] = http.get("/api/v1/openapi.json").json()
        self.seen: set[tuple[str, str, int]] = set()

    def __call__(self, method: str, path: str, *, of: dict[str, str] | None = None, **sent: Any) -> Any:
        answer = self.http.request(method, path.format(**(of or {})), **sent)
        described = self.description["paths"][path][method.lower()]["responses"]
        assert str(answer.status_code) in described, f"{method} {path} does not describe {answer.status_code}"
        content = described[str(answer.status_code)].get("content", {})
        media_type = answer.headers.get("Content-Type", "").partition(";")[0]
        self.seen.add((method, path, answer.status_code))
        if not content:
            assert answer.content == b""
            return answer
        assert media_type in content, f"{method} {path} does not describe {media_type}"
        schema = content[media_type].get("schema")
        if schema:
            whole = schema | {"components": self.description["components"]}
            Draft202012Validator(whole, format_checker=FormatChecker()).validate(answer.json())
        return answer


@pytest.fixture
def call(http: TestClient) -> Described:
    return Described(http)


@pytest.fixture
def headers(signed_in: Callable[[Role], dict[str, str]]) -> Callable[..., dict[str, str]]:
    numbers = iter(range(1000))
    tokens = {role: signed_in(role) for role in (Role.ADMIN, Role.FINANCE, Role.MANAGER)}
    return lambda role=Role.ADMIN: tokens[role] | {"Idempotency-Key": f"key-{next(numbers)}"}


RETURN = "/api/v1/returns/{rma}"
TASK = "/api/v1/tasks/{about}/{which}"
NEED_NO_KEY = ("/eligibility", "/taken", "/released")
"""What writes nothing, and what changes nothing when it is sent again."""
COMMANDS = [
    "authorization",
    "decline",
    "cancellation",
    "question",
    "message",
    "shipment",
    "receipts",
    "inspections",
    "decision",
    "approval",
    "loss",
    "correction",
    "refusal",
    "goods-back",
    "hold",
    "resumption",
    "recalculation",
    "dispositions",
    "refund-again",
    "paid-by-hand",
]


def test_every_answer_is_one_that_is_described(
    api: Any, call: Described, headers: Callable[..., dict[str, str]]
) -> None:
    order = {"reference": "A-1"}
    for changed in ({}, {}, {"currency": "EUR"}):
        call("PUT", "/api/v1/orders/{reference}", of=order, json=ORDER | changed, headers=headers())
    call("PUT", "/api/v1/orders/{reference}", of=order, json=ORDER, headers=headers())
    for role in (Role.ADMIN, Role.FINANCE):
        call("GET", "/api/v1/orders/{reference}", of=order, headers=headers(role))
    for asked in (ASKED, ASKED | {"order_reference": "A-404"}):
        call("POST", "/api/v1/returns/eligibility", json=asked, headers=headers())
    rma = {"rma": call("POST", "/api/v1/returns", json=ASKED, headers=headers()).json()["rma"]}
    for kind, body in [
        ("authorization", {}),
        ("question", {"note": "Which one?"}),
        ("message", {"channel": "email", "note": "The blue one."}),
        ("shipment", {"tracking": "JD0002"}),
        ("receipts", {"items": [{"line": 1, "quantity": 2}]}),
        ("inspections", {"items": [SEEN, SEEN | {"condition": "opened", "disposition": "refurbish"}]}),
        ("decision", {"items": [{"line": 1, "acceptance": "accepted"}]}),
        ("dispositions", {"items": [{"lot": 1, "disposition": "scrap"}]}),
    ]:
        call("POST", f"{RETURN}/{kind}", of=rma, json=body, headers=headers())
        call("GET", RETURN, of=rma, headers=headers())
    photo = call("POST", f"{RETURN}/photos", of=rma, content=picture(), headers=headers()).json()
    assert call("GET", f"{RETURN}/photos", of=rma, headers=headers()).json()["items"] == [photo]
    call("GET", "/api/v1/photos/{photo_id}", of={"photo_id": photo["id"]}, headers=headers())
    call("POST", f"{RETURN}/message", of=rma, json={"channel": "email", "note": "Thanks."}, headers=headers())
    tasks = call("GET", "/api/v1/tasks", headers=headers()).json()["items"]
    task = next(x["id"] for x in tasks if x["queue"] == "messages")
    of_task = dict(zip(("about", "which"), task.split("/"), strict=True))
    for verb in ("taken", "released", "done"):
        call("POST", f"{TASK}/{verb}", of=of_task, json={}, headers=headers())
    note = call("POST", f"{RETURN}/notes", of=rma, json={"note": "Polite."}, headers=headers()).json()
    assert call("GET", f"{RETURN}/notes", of=rma, headers=headers()).json()["items"] == [note]
    coat = {"rma": call("POST", "/api/v1/returns", json=COAT, headers=headers()).json()["rma"]}
    call(
        "POST", f"{RETURN}/receipts", of=coat, json={"items": [{"line": 2, "quantity": 1}]}, headers=headers()
    )
    call("POST", f"{RETURN}/inspections", of=coat, json={"items": [SEEN | {"line": 2}]}, headers=headers())
    done = call("POST", f"{RETURN}/approval", of=coat, json={}, headers=headers(Role.MANAGER)).json()
    for returned in (rma, coat):
        assert call("GET", RETURN, of=returned, headers=headers()).json()["stage"] == "closed"
        call("GET", f"{RETURN}/timeline", of=returned, headers=headers())
        call("GET", f"{RETURN}/clocks", of=returned, headers=headers())
    for kind, body in (("decline", {"reasons": ["hygiene"]}), ("cancellation", {})):
        line = {"items": [{"line": 1, "quantity": 1, "reason": "other"}]}
        over = {"rma": call("POST", "/api/v1/returns", json=ASKED | line, headers=headers()).json()["rma"]}
        call("POST", f"{RETURN}/{kind}", of=over, json=body, headers=headers())
        call("GET", RETURN, of=over, headers=headers())
    paid = ORDER["payments"][0] | {"reference": "pi_3"}
    call("PUT", "/api/v1/orders/{reference}", of={"reference": "A-3"}, json=ORDER | {"payments": [paid]},
         headers=headers())  # fmt: skip
    for asked, commands in (
        (COAT, [
            ("hold", {"reason": "legal"}),
            ("resumption", {}),
            ("recalculation", {}),
            ("receipts", {"items": [{"line": 2, "quantity": 1}], "wrong_items": [{"quantity": 1, "note": "A hat."}]}),
            ("correction", {"items": [{"lot": 2, "quantity": 1}], "reason": "other_return"}),
            ("inspections", {"items": [SEEN | {"line": 2}]}),
            ("refusal", {"note": "Look again."}),
            ("decision", {"items": [{"line": 2, "acceptance": "rejected"}]}),
            ("goods-back", {"way": "sent_back", "tracking": "JD0009"}),
        ]),
        (ASKED | {"authorize": True}, [("shipment", {"tracking": "JD0002"}), ("loss", {})]),
    ):  # fmt: skip
        odd = {"rma": call("POST", "/api/v1/returns", json=asked | {"order_reference": "A-3"},
                           headers=headers()).json()["rma"]}  # fmt: skip
        for kind, body in commands:
            by = Role.MANAGER if kind == "refusal" else Role.ADMIN
            call("POST", f"{RETURN}/{kind}", of=odd, json=body, headers=headers(by))
            call("GET", RETURN, of=odd, headers=headers())
    api.door.processor_says = RefundStatus.FAILED
    paid = ORDER["payments"][0] | {"reference": "pi_2"}
    call("PUT", "/api/v1/orders/{reference}", of={"reference": "A-2"}, json=ORDER | {"payments": [paid]},
         headers=headers())  # fmt: skip
    asked = ASKED | {"order_reference": "A-2", "authorize": True}
    failed = {"rma": call("POST", "/api/v1/returns", json=asked, headers=headers()).json()["rma"]}
    for kind, body in [
        ("receipts", {"items": [{"line": 1, "quantity": 2}]}),
        ("inspections", {"items": [SEEN | {"quantity": 2}]}),
        ("refund-again", {"refund": f"{failed['rma']}-1"}),
        ("paid-by-hand", {"refund": f"{failed['rma']}-2", "reference": "SEPA 1"}),
    ]:
        call("POST", f"{RETURN}/{kind}", of=failed, json=body, headers=headers(Role.ADMIN))
        call("GET", RETURN, of=failed, headers=headers())
    one_unit = {"items": [{"line": 1, "quantity": 1, "reason": "other"}]}
    call("POST", "/api/v1/returns", json=ASKED | one_unit, headers=headers())
    for path in ("/api/v1/returns", "/api/v1/refunds", "/api/v1/tasks"):
        assert call("GET", path, params={"limit": 1}, headers=headers()).json()["items"]
    call("GET", "/api/v1/commands/{command_id}", of={"command_id": done["command_id"]}, headers=headers())
    for path in ("/healthz", "/readyz", "/metrics"):
        call("GET", path)
    api.temporal.answers = False
    call("GET", "/readyz")
    expected = {(method, path) for method, path, _ in operations(call.description)} - {
        ("POST", "/webhooks/stripe")
    }
    assert {(method, path) for method, path, status in call.seen if status < 400} == expected


def operations(description: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in description["paths"].items():
        yield from ((method.upper(), path, operation) for method, operation in methods.items())


def test_every_refusal_is_one_that_is_described(
    api: Any, call: Described, headers: Callable[..., dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    of = {
        "rma": "RMA-7K3M-Q9TX",
        "reference": "A-1",
        "command_id": "cmd_1",
        "photo_id": "pho_1",
        "about": "RMA-7K3M-Q9TX",
        "which": "next",
    }
    large = b"x" * (2 * 1024 * 1024 + 1)
    for method, path, _ in operations(call.description):
        if not path.startswith("/api/"):
            continue
        call(method, path, of=of)
        call(method, path, of=of, headers=headers(), params={"limit": 0, "cursor": "x"}, json={"x": 1})
        if method != "GET":
            call(
                method, path, of=of, headers=headers() | {"Content-Type": "application/json"}, content=b"\xff"
            )
            call(method, path, of=of, headers=headers(), content=large)
    for kind in COMMANDS:
        body = {"items": [SEEN]} if kind == "inspections" else {}
        call("POST", f"{RETURN}/{kind}", of=of, json=body, headers=headers())
    call("POST", "/webhooks/stripe", json={})
    call("PUT", "/api/v1/orders/{reference}", of=of, json=ORDER, headers=headers())
    rma = {"rma": call("POST", "/api/v1/returns", json=ASKED, headers=headers()).json()["rma"]}
    call("POST", f"{RETURN}/receipts", of=rma, json={}, headers=headers())
    call("PUT", "/api/v1/orders/{reference}", of=of, json=ORDER | {"currency": "EUR"}, headers=headers())
    api.door.is_silent = True
    call("POST", f"{RETURN}/authorization", of=rma, json={}, headers=headers())
    call("POST", "/api/v1/returns", json=ASKED, headers=headers())
    monkeypatch.setattr(type(api.database), "read", lambda _: (_ for _ in ()).throw(RuntimeError("gone")))
    call("GET", "/api/v1/tasks", headers=headers())
    seen = {status for _, _, status in call.seen}
    assert {202, 401, 404, 409, 413, 422, 500} <= seen


def test_every_route_describes_its_errors_as_problems(api: Any) -> None:
    description = application(partial(opened, api)).openapi()
    for method, path, operation in operations(description):
        responses = operation["responses"]
        assert responses.get("422", {}).get("content", {}).keys() <= {"application/problem+json"}, path
        if path.startswith("/api/"):
            assert {"401", "403", "422", "500"} <= set(responses), (method, path)
            assert operation["security"], (method, path)
        if "{rma}" in path:
            assert "404" in responses, (method, path)
        if method in ("POST", "PUT"):
            assert {"413", "422"} <= set(responses), (method, path)
        if method == "POST" and path.startswith("/api/") and not path.endswith(NEED_NO_KEY):
            named = {parameter["name"]: parameter["required"] for parameter in operation["parameters"]}
            assert named["Idempotency-Key"] is True
    assert "HTTPValidationError" not in str(description)
