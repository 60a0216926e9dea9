"""Any call that the description allows, and many that it does not: never a 5xx, never an answer it does not describe.

schemathesis makes the calls from the OpenAPI description alone, singly and as sequences in which one call uses what
another answered. The orders that sequences begin with are there beforehand, so that returns really start.
"""

from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from in_process import app_over
from schemathesis import GenerationMode, checks
from starlette.testclient import TestClient

from api.desk import Desk
from returndesk.domain.people import Role

CHECKS = [
    checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]
EXAMPLES_SINGLY = 8
SEQUENCES = 40
STEPS = 10
QUIET = [
    HealthCheck.too_slow,
    HealthCheck.filter_too_much,
    HealthCheck.data_too_large,
    HealthCheck.function_scoped_fixture,
]
ORDERS = ("A-1", "A-2", "A-3")


@pytest.fixture
def running(api: Desk, signed_in: Callable[[Role], dict[str, str]]) -> Iterator[tuple[Any, dict[str, str]]]:
    """The application, with orders in its books, and an admin's headers."""
    app, headers = app_over(api), signed_in(Role.ADMIN)
    with TestClient(app, raise_server_exceptions=False) as http:
        for reference in ORDERS:
            order = {
                "currency": "GBP",
                "ordered_at": (api.clock.now() - timedelta(days=3)).isoformat(),
                "customer": {"name": "Jane", "email": "jane@shop.example"},
                "lines": [
                    {"line": 1, "sku": "A", "title": "Dress", "quantity": 900, "unit_price_minor": 100}
                ],
                "payments": [
                    {"processor": "stripe", "reference": f"pi_{reference}", "captured_minor": 90000}
                ],
            }
            assert http.put(f"/api/v1/orders/{reference}", json=order, headers=headers).status_code == 201
        yield app, headers


def described(app: Any) -> Any:
    """The description as schemathesis reads it, from the running application."""
    return schemathesis.openapi.from_asgi("/api/v1/openapi.json", app)


def test_any_single_call_is_answered_as_described(running: tuple[Any, dict[str, str]]) -> None:
    app, headers = running
    schema, keys, tried = described(app), count(), 0
    for found in schema.get_all_operations():
        operation = found.ok()

        @settings(
            max_examples=EXAMPLES_SINGLY, deadline=None, suppress_health_check=QUIET, phases=[Phase.generate]
        )
        def one_call(case: Any) -> None:
            case.headers = {**(case.headers or {}), **headers}
            if case.method == "POST" and next(keys) % 2:  # every other under a key that is sure to be good
                case.headers["Idempotency-Key"] = f"key-{next(keys)}"
            case.call_and_validate(checks=CHECKS)

        given(case=good_or_bad(operation))(one_call)()
        tried += 1
    assert tried == sum(len(methods) for methods in schema.values())


def good_or_bad(operation: Any) -> Any:
    """Cases of one operation: as its description allows, or not."""
    good = operation.as_strategy(generation_mode=GenerationMode.POSITIVE)
    return good | operation.as_strategy(generation_mode=GenerationMode.NEGATIVE)


def test_any_sequence_of_calls_is_answered_as_described(running: tuple[Any, dict[str, str]]) -> None:
    app, headers = running
    keys, answered = count(), dict[tuple[str, str, int], int]()

    schema = described(app)
    schema.config.generation.update(
        modes=[GenerationMode.POSITIVE]
    )  # bad calls are made singly; these go deep

    class Sequences(schema.as_state_machine()):  # type: ignore[misc]
        def get_call_kwargs(self, case: Any) -> dict[str, Any]:
            sent = {**headers, "Idempotency-Key": f"seq-{next(keys)}"}
            if case.method == "POST" and case.path == "/api/v1/returns" and isinstance(case.body, dict):
                # A request for an order that is there; all else about it is schemathesis' own.
                case.body |= {"order_reference": ORDERS[next(keys) % len(ORDERS)]}
                case.body |= {"items": [{"line": 1, "quantity": 1, "reason": "too_small"}]}
                case.body.pop("contacted_at", None)
            return {"headers": sent}

        def validate_response(self, response: Any, case: Any, **_more: Any) -> None:
            key = (case.method, case.path, response.status_code)
            answered[key] = answered.get(key, 0) + 1
            case.validate_response(response, checks=CHECKS)

    Sequences.run(
        settings=settings(
            max_examples=SEQUENCES, stateful_step_count=STEPS, deadline=None, suppress_health_check=QUIET
        )
    )
    started = sum(
        n
        for (method, path, status), n in answered.items()
        if (method, path, status) == ("POST", "/api/v1/returns", 201)
    )
    went_on = sum(n for (_, path, status), n in answered.items() if "{rma}/" in path and status < 300)
    assert started > 0, answered
    assert went_on > 0, answered
