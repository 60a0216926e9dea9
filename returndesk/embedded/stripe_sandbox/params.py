"""Form bodies as Stripe reads them: nested keys, strict names and types; anything else is a 400.

A parameter this sandbox does not carry out is refused like one Stripe does not know, never silently ignored.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from returndesk.embedded.stripe_sandbox.errors import Invalid

FIELDS_MAX = 1000
NESTING_MAX = 4
_WHOLE = re.compile(r"-?[0-9]{1,12}")
AMOUNT_MAX = 99_999_999
METADATA_KEYS_MAX = 50
METADATA_KEY_LENGTH_MAX = 40
METADATA_VALUE_LENGTH_MAX = 500
PAGE_DEFAULT, PAGE_MAX = 10, 100


Check = Callable[[str, Any], Any]


def parse_form(raw: bytes | str) -> dict[str, Any]:
    """``metadata[a]=7&expand[]=charge`` is ``{"metadata": {"a": "7"}, "expand": {"0": "charge"}}``."""
    text = raw.decode("utf-8", "replace") if isinstance(raw, bytes) else raw
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=FIELDS_MAX)
    except ValueError:
        raise Invalid("The request has too many parameters.") from None
    form: dict[str, Any] = {}
    for key, value in pairs:
        _put(form, key, value)
    return form


def _put(form: dict[str, Any], key: str, value: str) -> None:
    name, *rest = key.replace("]", "").split("[")
    if len(rest) > NESTING_MAX:
        raise Invalid("Invalid request: parameters are nested too deeply.", param=name)
    level = form
    for part in rest:
        deeper = level.setdefault(name, {})
        if not isinstance(deeper, dict):
            raise Invalid("Invalid request: a parameter is both a value and a hash.", param=name)
        level, name = deeper, part or str(len(deeper))
    level[name] = value


def check(
    form: Mapping[str, Any], known: Mapping[str, Check], required: tuple[str, ...] = ()
) -> dict[str, Any]:
    """The form's parameters as typed values; raises `Invalid` at the first that Stripe would refuse."""
    for name in form:
        if name not in known:
            raise Invalid(f"Received unknown parameter: {name}", param=name, code="parameter_unknown")
    for name in required:
        if name not in form:
            raise Invalid(f"Missing required param: {name}.", param=name, code="parameter_missing")
    return {name: known[name](name, value) for name, value in form.items()}


def text(name: str, value: Any) -> str:
    """Any non-empty string."""
    if not isinstance(value, str):
        raise Invalid("Invalid string", param=name)
    if not value:
        raise Invalid(
            f"You passed an empty string for '{name}'. We assume empty values are an attempt to unset a "
            f"parameter; however '{name}' cannot be unset.",
            param=name,
            code="parameter_invalid_empty",
        )
    return value


def integer(name: str, value: Any) -> int:
    """A whole number written in decimal digits."""
    if not isinstance(value, str) or not _WHOLE.fullmatch(value):
        raise Invalid("Invalid integer", param=name, code="parameter_invalid_integer")
    return int(value)


def amount(name: str, value: Any) -> int:
    """A positive amount in minor units."""
    minor = integer(name, value)
    if minor < 1:
        raise Invalid(
            "This value must be greater than or equal to 1.", param=name, code="parameter_invalid_integer"
        )
    if minor > AMOUNT_MAX:
        raise Invalid(f"Amount must be no more than {AMOUNT_MAX}", param=name, code="amount_too_large")
    return minor


def boolean(name: str, value: Any) -> bool:
    """``true`` or ``false``."""
    if value not in ("true", "false"):
        raise Invalid(f"Invalid boolean: {value}", param=name)
    return bool(value == "true")


def currency(name: str, value: Any) -> str:
    """A three-letter ISO code, in lower case whatever was sent."""
    code = text(name, value).lower()
    if len(code) != 3 or not (code.isascii() and code.isalpha()):
        raise Invalid(f"Invalid currency: {value}", param=name)
    return code


def one_of(*allowed: str) -> Check:
    """One word of a closed set."""

    def word(name: str, value: Any) -> str:
        if value not in allowed:
            raise Invalid(f"Invalid {name}: must be one of {', '.join(allowed)}", param=name)
        return str(value)

    return word


def texts(name: str, value: Any) -> list[str]:
    """A list of strings, sent as ``name[0]=…`` or ``name[]=…``."""
    if not isinstance(value, dict):
        raise Invalid("Invalid array", param=name)
    return [text(f"{name}[{index}]", item) for index, item in value.items()]


def metadata(name: str, value: Any) -> dict[str, str]:
    """Up to 50 keys of up to 40 characters with values of up to 500; an empty string means none."""
    if value == "":
        return {}
    if not isinstance(value, dict) or not all(isinstance(item, str) for item in value.values()):
        raise Invalid("Invalid hash", param=name)
    if len(value) > METADATA_KEYS_MAX:
        raise Invalid(f"Metadata can have up to {METADATA_KEYS_MAX} keys.", param=name)
    for key, item in value.items():
        if not 1 <= len(key) <= METADATA_KEY_LENGTH_MAX:
            raise Invalid(f"Metadata keys can have up to {METADATA_KEY_LENGTH_MAX} characters.", param=name)
        if len(item) > METADATA_VALUE_LENGTH_MAX:
            raise Invalid(
                f"Metadata values can have up to {METADATA_VALUE_LENGTH_MAX} characters.",
                param=f"metadata[{key}]",
            )
    return dict(value)


def hash_of(known: Mapping[str, Check]) -> Check:
    """A nested hash whose members are checked in turn."""

    def nested(name: str, value: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise Invalid("Invalid object", param=name)
        return check(value, known)

    return nested


def page_size(name: str, value: Any) -> int:
    """How many objects a list's page holds, 1 to 100."""
    size = integer(name, value)
    if not 1 <= size <= PAGE_MAX:
        raise Invalid(
            f"This value must be between 1 and {PAGE_MAX}.", param=name, code="parameter_invalid_integer"
        )
    return size


def instants(name: str, value: Any) -> dict[str, int]:
    """``created=…`` or ``created[gte]=…``, in Unix seconds, as bounds by operator."""
    if isinstance(value, str):
        return {"eq": integer(name, value)}
    if not isinstance(value, dict) or not set(value) <= {"gt", "gte", "lt", "lte"}:
        raise Invalid("Invalid object", param=name)
    return {operator: integer(f"{name}[{operator}]", second) for operator, second in value.items()}
