"""The exception tree: as its docstring draws it, and each error says its sentence."""

import inspect
import re

import pytest
from pydantic import BaseModel, ValidationError, field_validator

from returndesk.domain import errors
from returndesk.domain.errors import InvalidInput, Refused, ReturndeskError
from returndesk.domain.mistakes import mistakes


def test_the_tree_is_the_one_that_is_drawn() -> None:
    assert errors.__doc__ is not None
    drawn = set(re.findall(r"[├└]── (\w+)", errors.__doc__))
    kinds = {name for name, kind in inspect.getmembers(errors, inspect.isclass)
             if issubclass(kind, ReturndeskError) and kind is not ReturndeskError}  # fmt: skip
    assert drawn == kinds


def test_an_error_reads_as_its_sentence() -> None:
    error = Refused("ineligible", "This request is not eligible.", iter(["window_passed"]))
    assert (str(error), error.code, error.reasons) == (
        "This request is not eligible.", "ineligible", ("window_passed",),
    )  # fmt: skip


class Form(BaseModel):
    amount: int

    @field_validator("amount")
    @classmethod
    def _even(cls, amount: int) -> int:
        if amount % 2:
            raise InvalidInput("odd", "Write an even amount.", "amount")
        return amount


def test_an_invalid_input_inside_a_check_becomes_that_fields_mistake() -> None:
    with pytest.raises(ValidationError) as refused:
        Form(amount=3)
    found = mistakes(refused.value.errors())
    assert [(m.field, m.problem) for m in found] == [("amount", "Write an even amount.")]
