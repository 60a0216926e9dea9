"""Stripe's own description of its API, as the `stripe-mock` Go module carries it, and that program."""

import json
import os
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

STRIPE_MOCK = "github.com/stripe/stripe-mock"
STRIPE_MOCK_VERSION = "v0.203.0"
GO_SECONDS_MAX = 240


def _cache_folder() -> Path:
    home = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    folder = Path(home) / "returndesk" / f"stripe-mock-{STRIPE_MOCK_VERSION}"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _go(*arguments: str, **environment: str) -> str:
    program = shutil.which("go")
    if program is None:
        pytest.skip("there is no Go here to get stripe-mock with")
    done = subprocess.run(
        [program, *arguments],
        env=os.environ | {"GOFLAGS": "-mod=mod"} | environment,
        cwd=_cache_folder(),
        capture_output=True,
        text=True,
        timeout=GO_SECONDS_MAX,
        check=False,
    )
    if done.returncode:
        pytest.skip(f"Go could not get stripe-mock: {done.stderr.strip()[-200:]}")
    return done.stdout


def stripe_mock() -> Path:
    """The program, built once and kept outside the checkout; skips the test where that cannot be."""
    program = _cache_folder() / "stripe-mock"
    if not program.exists():
        _go("install", f"{STRIPE_MOCK}@{STRIPE_MOCK_VERSION}", GOBIN=str(_cache_folder()))
    return program


@cache
def _schemas() -> dict[str, Any]:
    kept = _cache_folder() / "schemas.json"
    if not kept.exists():
        module = json.loads(_go("mod", "download", "-json", f"{STRIPE_MOCK}@{STRIPE_MOCK_VERSION}"))
        description = json.loads((Path(module["Dir"]) / "embedded" / "openapi" / "spec3.json").read_text())
        partial = kept.with_suffix(f".{os.getpid()}")
        partial.write_text(json.dumps(_to_json_schema(description["components"]["schemas"])))
        partial.replace(kept)
    schemas: dict[str, Any] = json.loads(kept.read_text())
    return schemas


def _to_json_schema(schema: Any) -> Any:
    """OpenAPI 3.0 as JSON Schema: `nullable` becomes a choice, and objects name every member they have."""
    if isinstance(schema, list):
        return [_to_json_schema(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    translated = {name: _to_json_schema(value) for name, value in schema.items() if not name.startswith("x-")}
    translated.pop("nullable", None)
    if isinstance(schema.get("properties"), dict) and "additionalProperties" not in schema:
        translated["additionalProperties"] = False
    return {"anyOf": [translated, {"type": "null"}]} if schema.get("nullable") is True else translated


@cache
def _validator(name: str) -> Draft202012Validator:
    return Draft202012Validator(
        {"$ref": f"#/components/schemas/{name}", "components": {"schemas": _schemas()}}
    )


def complaints(kind: str, document: dict[str, Any]) -> list[str]:
    """What Stripe's description says against the document; nothing when it is as Stripe's would be."""
    return [
        f"{'/'.join(map(str, error.absolute_path)) or kind}: {error.message[:300]}"
        for error in _validator(kind).iter_errors(document)
    ]
