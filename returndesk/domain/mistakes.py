"""What is wrong with some input, field by field, in sentences that never repeat the input.

Input may be personal, and what is said of it ends in answers, reports and logs. So a mistake names only fields
the product knows: of an unknown field it names the place, not the name somebody wrote.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

REFERENCE = r"^[A-Za-z0-9][A-Za-z0-9._:-]*$"
"""Ids from outside: never an address, never with a space."""
WORDS = r"^[^\x00-\x1f\x7f-\x9f]+$"
"""Texts that end in mail headers and on labels: one line."""
TEXT = r"^[^\x00]+$"
"""What a person wrote, over any number of lines; PostgreSQL keeps no NUL."""
EMAIL = r"^[^@\s\x00-\x1f\x7f-\x9f]+@[^@\s\x00-\x1f\x7f-\x9f]+$"
CURRENCY = r"^[A-Z]{3}$"
PHOTO = r"^pho_[0-9a-f]{24}$"

_WRITTEN_AS = {
    REFERENCE: "Use letters, digits, '.', '_', ':' and '-' only, and begin with a letter or digit.",
    WORDS: "Write one line, without control characters.",
    TEXT: "Write it without NUL characters.",
    EMAIL: "Write one email address, as in somebody@shop.example.",
    CURRENCY: "Write the ISO 4217 code in capitals, as in GBP.",
    PHOTO: "Give the id of a photo, as the answer to its upload has it: pho_ and 24 characters.",
}


@dataclass(frozen=True)
class Mistake:
    """One thing to correct. `path` leads to the field: names, and positions in lists."""

    path: tuple[str | int, ...]
    problem: str

    @property
    def field(self) -> str:
        """The path as people write it: `lines.0.quantity`."""
        return ".".join(map(str, self.path))


def mistakes(errors: Iterable[Mapping[str, Any]]) -> list[Mistake]:
    """The mistakes behind pydantic's `errors()`."""
    return [_mistake(error) for error in errors]


def _mistake(error: Mapping[str, Any]) -> Mistake:
    path = tuple(error["loc"])
    match error["type"]:
        case "extra_forbidden":
            return Mistake(
                path[:-1], "It has a field that is not known here. Remove it, or correct its name."
            )
        case "value_error":
            return _checked(path, error["ctx"]["error"])
        case "string_pattern_mismatch":
            return Mistake(
                path, _WRITTEN_AS.get(error["ctx"]["pattern"], "It is not written as it should be.")
            )
        case "too_short":
            return Mistake(path, f"Give at least {error['ctx']['min_length']}.")
        case "too_long":
            return Mistake(path, f"Give at most {error['ctx']['max_length']}.")
        case "missing":
            return Mistake(path, "It is missing, and has to be given.")
        case "greater_than_equal":
            return Mistake(path, f"Give a number of at least {error['ctx']['ge']}.")
        case "less_than_equal":
            return Mistake(path, f"Give a number of at most {error['ctx']['le']}.")
        case "json_invalid":
            return Mistake(path[:1], "It is not valid JSON.")
        case _:
            return Mistake(path, f"{error['msg']}.")


def _checked(path: tuple[str | int, ...], error: Exception) -> Mistake:
    """A check of ours said no; one of several fields together names the field to correct."""
    field = getattr(error, "field", None)
    if field is None or path[-1:] == (field,):
        return Mistake(path, str(error))
    return Mistake((*path, field), str(error))
