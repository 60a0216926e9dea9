"""What the OpenAPI description says beyond its routes: how one call's answer leads to the next."""

from collections.abc import Iterator
from typing import Any

_STARTS = "/api/v1/returns"
_RETURN = f"{_STARTS}/{{rma}}"


def add_links(description: dict[str, Any]) -> None:
    """Link whatever answers an RMA to everything that takes one (OpenAPI 3.1, Link Object)."""
    links = {
        operation["operationId"]: {
            "operationId": operation["operationId"],
            "parameters": {"rma": "$response.body#/rma"},
        }
        for path, _, operation in _operations(description)
        if path.startswith(_RETURN)
    }
    for path, method, operation in _operations(description):
        if path == _STARTS and method == "post":
            operation["responses"]["201"]["links"] = links
        elif path.startswith(_RETURN) and method == "post" and _answers_command(operation):
            operation["responses"]["200"]["links"] = links


def _operations(description: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in description.get("paths", {}).items():
        for method, operation in methods.items():
            yield path, method, operation


def _answers_command(operation: dict[str, Any]) -> bool:
    content = operation["responses"].get("200", {}).get("content", {})
    return any(of.get("schema", {}).get("$ref", "").endswith("/CommandAnswer") for of in content.values())
