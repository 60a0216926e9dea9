"""RMA numbers: `RMA-7K3M-Q9TX`, printed on parcels, typed by tired people, read out on the phone.

Guarantees: no look-alike letters; the check character finds every single wrong character and every swap of
two neighbours (in fact of any two). A number opens nothing by itself: it is a name, not a secret.
"""

import random
from typing import NewType

from returndesk.domain.errors import InvalidInput

Rma = NewType("Rma", str)

ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
"""31 characters, a prime: weights that differ modulo a prime are what finds the swaps. No 0, 1, I, L or O."""

_PREFIX = "RMA"
# Any eight that differ would do; with these RMA-7K3M-Q9TX, the example everywhere, is a real number.
_WEIGHTS = (19, 18, 17, 16, 15, 14, 13, 12)
_SEPARATORS = str.maketrans("", "", "-\u2010\u2011\u2012\u2013\u2014\u2212_./#: \t\r\n\u00a0")


def _weighted_sum(characters: str) -> int:
    weighted = zip(_WEIGHTS, characters, strict=False)
    return sum(weight * ALPHABET.index(character) for weight, character in weighted) % len(ALPHABET)


def allot(source: random.Random) -> Rma:
    """A new number out of 27 billion. Pass a `random.SystemRandom()`; UNIQUE finds the rare repeat."""
    body = "".join(source.choice(ALPHABET) for _ in range(len(_WEIGHTS) - 1))
    balance = -_weighted_sum(body) * pow(_WEIGHTS[-1], -1, len(ALPHABET))
    check = ALPHABET[balance % len(ALPHABET)]
    return _canonical(body + check)


def parse(text: str) -> Rma:
    """The number somebody typed, as it is printed: any case, with or without the prefix, dashes and spaces.

    Raises `InvalidInput` with field `rma`: `rma_length`, `rma_character` or `rma_check`.
    """
    typed = text.translate(_SEPARATORS).upper()
    if len(typed) == len(_PREFIX) + len(_WEIGHTS):
        typed = typed.removeprefix(_PREFIX)
    if len(typed) != len(_WEIGHTS):
        raise InvalidInput(
            "rma_length", "An RMA number has eight characters after 'RMA', as in RMA-7K3M-Q9TX.", "rma"
        )
    for position, character in enumerate(typed, start=1):
        if character not in ALPHABET:
            raise InvalidInput(
                "rma_character",
                f"Character {position} after 'RMA' is not one an RMA number uses: "
                "letters and digits without 0, 1, I, L and O.",
                "rma",
            )
    if _weighted_sum(typed):
        raise InvalidInput(
            "rma_check", "One of the characters is wrong or two are swapped: compare it with the slip.", "rma"
        )
    return _canonical(typed)


def _canonical(characters: str) -> Rma:
    return Rma(f"{_PREFIX}-{characters[:4]}-{characters[4:]}")
