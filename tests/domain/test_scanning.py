"""What a scanner types, through the right keyboard and the wrong one."""

import random

import pytest

from returndesk.domain.rma import allot
from returndesk.domain.scanning import COMMANDS, LAYOUTS, TEST_CODE, read

ALLOTTING = random.Random(7)


def typed(printed: str, layout: str) -> str:
    """What a computer with that layout reads."""
    return "".join(LAYOUTS[layout].get(character, character) for character in printed)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_an_rma_through_a_wrong_keyboard_is_the_same_rma_or_none(layout: str) -> None:
    found = [(rma, read(typed(rma, layout)).rma) for rma in (allot(ALLOTTING) for _ in range(1_000))]
    assert all(was in (rma, None) for rma, was in found)
    assert sum(was is not None for _, was in found) > 980  # two keyboards may leave it open


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_command_through_a_wrong_keyboard_is_the_same_command(layout: str) -> None:
    for code in (code for codes in COMMANDS.values() for code in codes):
        found = read(typed(code, layout).lower() if layout != "French" else typed(code, layout))
        assert found.command == code


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_test_code_names_the_layout(layout: str) -> None:
    test = read(typed(TEST_CODE, layout)).test
    assert test is not None
    assert (test.layout, test.is_right) == (layout, False)


def test_the_test_code_as_it_is_printed_is_right() -> None:
    test = read(f" {TEST_CODE}\r\n").test
    assert test is not None
    assert test.is_right


def test_a_code_with_characters_missing_is_not_right() -> None:
    test = read(TEST_CODE[:-3]).test
    assert test is not None
    assert (test.is_right, test.length, test.wrong) == (False, 23, ())


def test_a_wrong_character_makes_no_rma() -> None:
    rma = allot(ALLOTTING)
    other = next(x for x in "23456789ABC" if x != rma[5])
    assert read(rma[:5] + other + rma[6:]).rma is None


@pytest.mark.parametrize("code", ["DA-1001", "", "CMD-", "CMD-UNKNOWN", "ß", "RMA-7K3M"])
def test_everything_else_is_to_be_looked_up(code: str) -> None:
    found = read(code)
    assert (found.rma, found.command, found.test) == (None, None, None)
