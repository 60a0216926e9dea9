"""An RMA number survives being printed, read out and typed, and notices when it did not."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from returndesk.domain.errors import InvalidInput
from returndesk.domain.rma import ALPHABET, Rma, allot, parse

numbers = st.randoms(use_true_random=False).map(allot)


def code_of(text: str) -> str:
    with pytest.raises(InvalidInput) as refused:
        parse(text)
    assert refused.value.field == "rma"
    return refused.value.code


def printed(characters: str) -> str:
    return f"RMA-{characters[:4]}-{characters[4:]}"


@given(numbers)
def test_an_allotted_number_reads_back_as_itself(number: Rma) -> None:
    assert parse(number) == number
    assert set(number.removeprefix("RMA-").replace("-", "")) <= set(ALPHABET)


@pytest.mark.parametrize(
    "typed",
    [
        "RMA-7K3M-Q9TX",
        "rma-7k3m-q9tx",
        "7K3MQ9TX",
        " rma 7k3m q9tx ",
        "RMA7K3M-Q9TX",
        "RMA\u20137K3M\u2013Q9TX",
    ],
)
def test_a_number_is_understood_however_it_is_typed(typed: str) -> None:
    assert parse(typed) == "RMA-7K3M-Q9TX"


def test_a_number_that_itself_begins_like_the_prefix_keeps_its_letters() -> None:
    assert parse("RMA2345F") == "RMA-RMA2-345F"
    assert parse("RMA-RMA2-345F") == "RMA-RMA2-345F"


@given(numbers)
def test_every_single_wrong_character_is_found(number: Rma) -> None:
    characters = number.removeprefix("RMA-").replace("-", "")
    for position, right in enumerate(characters):
        for wrong in ALPHABET.replace(right, ""):
            assert code_of(printed(characters[:position] + wrong + characters[position + 1 :])) == "rma_check"


@given(numbers)
def test_every_swap_of_two_characters_is_found(number: Rma) -> None:
    characters = number.removeprefix("RMA-").replace("-", "")
    for first in range(8):
        for second in range(first + 1, 8):
            swapped = list(characters)
            swapped[first], swapped[second] = swapped[second], swapped[first]
            if characters[first] != characters[second]:
                assert code_of(printed("".join(swapped))) == "rma_check"


@pytest.mark.parametrize("character", "01ILOilo?é")
def test_a_character_no_number_uses_is_named_by_its_place(character: str) -> None:
    with pytest.raises(InvalidInput, match="Character 3 ") as refused:
        parse(f"RMA-7K{character}M-Q9TX")

    assert refused.value.code == "rma_character"


@pytest.mark.parametrize("typed", ["", "RMA-", "RMA-7K3M", "RMA-7K3M-Q9TXX", "RMB-7K3M-Q9TX"])
def test_a_number_of_the_wrong_length_is_refused(typed: str) -> None:
    assert code_of(typed) == "rma_length"


def test_numbers_do_not_repeat_soon() -> None:
    source = random.SystemRandom()

    assert len({allot(source) for _ in range(2000)}) == 2000
