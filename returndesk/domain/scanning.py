"""What a scanner types: an RMA, a command, an order number; or any of them through the wrong keyboard.

A keyboard wedge sends keys, not characters: where the scanner's layout and the computer's differ, `-` comes as `ß`,
Y as Z. The check character of an RMA says which layout it was. A test code shows it outright.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from returndesk.domain.errors import InvalidInput
from returndesk.domain.rma import Rma, parse

CODE_MAX = 100
"""Longer than any code of ours and any order reference."""

COMMANDS: Mapping[str, Mapping[str, str]] = {
    "Receive": {
        "CMD-ALL-RECEIVED": "All of it is here",
        "CMD-EMPTY-BOX": "The box is empty",
    },
    "Inspect": {
        "CMD-ORIGINAL": "As it left us",
        "CMD-OPENED": "It was opened",
        "CMD-MARKS": "Light marks of use",
        "CMD-WORN": "Heavy marks of use",
        "CMD-DAMAGED": "It is damaged",
        "CMD-DEFECTIVE": "It does not work",
        "CMD-PARTS-MISSING": "Parts are missing",
        "CMD-PACKAGE-OPENED": "The packaging was opened",
        "CMD-PACKAGE-MISSING": "The packaging is missing",
    },
    "Where it goes": {
        "CMD-RESTOCK": "Back on the shelf",
        "CMD-REFURBISH": "To be refurbished",
        "CMD-SCRAP": "Scrap",
        "CMD-DONATE": "Donate",
        "CMD-HOLD": "On hold",
    },
    "Go on": {
        "CMD-RECORD": "Record what was found",
        "CMD-SENT-BACK": "Rejected goods: sent back",
        "CMD-NEXT": "This box is done",
    },
}
"""The codes that can be printed and scanned instead of a tap, by what they are for; each with its words."""

NEXT = "CMD-NEXT"
TEST_CODE = "CMD-TEST-AQWZYM-0123456789"
"""Holds every character that the layouts below put elsewhere."""
_COMMAND = "CMD-"
_PRINTED = re.compile(r"RMA-\w{4}-\w{4}|CMD-[A-Z-]+")

LAYOUTS: Mapping[str, Mapping[str, str]] = {
    "German": {"Y": "Z", "Z": "Y", "-": "ß"},
    "Swiss": {"Y": "Z", "Z": "Y", "-": "'"},
    "French": {
        "A": "Q", "Q": "A", "Z": "W", "W": "Z", "M": "?", "-": ")",
        **dict(zip("1234567890", "&é\"'(-è_çà", strict=True)),
    },
    "Italian, Spanish or Portuguese": {"-": "'"},
    "Danish, Finnish, Norwegian or Swedish": {"-": "+"},
}  # fmt: skip
"""What a computer set to a layout reads where the scanner types for a US keyboard, where that differs."""


@dataclass(frozen=True)
class LayoutTest:
    """What came of the test code: `wrong` are the pairs of what was printed and what was read.

    `layout`: the computer's, where it is one we know. `length`: how many characters came.
    """

    wrong: tuple[tuple[str, str], ...]
    layout: str | None
    length: int

    @property
    def is_right(self) -> bool:
        """Whether every character came as it was printed."""
        return not self.wrong and self.length == len(TEST_CODE)


@dataclass(frozen=True)
class Scanned:
    """What a code is: exactly one of the first three, or (all None) something to look up, such as an order number.

    `layout`: the keyboard layout through which it was read, where that was the wrong one.
    """

    rma: Rma | None = None
    command: str | None = None
    test: LayoutTest | None = None
    layout: str | None = None


def read(code: str) -> Scanned:
    """What was scanned or typed. Forgives what `rma.parse` forgives, and a wrong layout where the check fits."""
    typed = code.strip()
    if _is_test(typed):
        return Scanned(test=test_layout(typed))
    found = _known(typed)
    if found is not None:
        return found
    return _through_another_keyboard(typed) or Scanned()


def _through_another_keyboard(typed: str) -> Scanned | None:
    """What was printed, where exactly one reading of it is a code of ours: a guess would open somebody else's return."""
    readings: dict[str, Scanned] = {}
    for layout in LAYOUTS:
        printed = _as_printed(typed, layout)
        if _PRINTED.fullmatch(printed) and (found := _known(printed)) is not None:
            readings.setdefault(printed, Scanned(found.rma, found.command, layout=layout))
    return next(iter(readings.values())) if len(readings) == 1 else None


def test_layout(typed: str) -> LayoutTest:
    """What was read of the test code, character by character."""
    read_as = typed.strip()
    pairs = zip(TEST_CODE, read_as, strict=False)
    wrong = tuple(dict.fromkeys((printed, came) for printed, came in pairs if printed != came))
    layout = next((x for x in LAYOUTS if _typed_with(TEST_CODE, x) == _capitals(read_as)), None)
    return LayoutTest(wrong, layout, len(read_as))


def _known(typed: str) -> Scanned | None:
    upper = typed.upper()
    if upper.startswith(_COMMAND):
        return Scanned(command=upper) if any(upper in codes for codes in COMMANDS.values()) else None
    try:
        return Scanned(rma=parse(typed))
    except InvalidInput:
        return None


def _is_test(typed: str) -> bool:
    """Whether it is the test code, however it was read."""
    upper = _capitals(typed)
    if len(upper) != len(TEST_CODE):
        return upper.startswith(f"{_COMMAND}TEST")
    same = sum(printed == came for printed, came in zip(TEST_CODE, upper, strict=True))
    return same * 2 > len(TEST_CODE) or any(_typed_with(TEST_CODE, layout) == upper for layout in LAYOUTS)


def _typed_with(printed: str, layout: str) -> str:
    """What a computer with that layout reads of a code; letters as capitals."""
    return _capitals("".join(LAYOUTS[layout].get(character, character) for character in printed))


def _as_printed(typed: str, layout: str) -> str:
    """What was printed, where it was read with that layout."""
    back = {_capitals(came): printed for printed, came in LAYOUTS[layout].items()}
    return "".join(back.get(character, character) for character in _capitals(typed))


def _capitals(text: str) -> str:
    """In capitals, character by character: `ß` has none of one character, and stays."""
    return "".join(x.upper() if len(x.upper()) == 1 else x for x in text)
