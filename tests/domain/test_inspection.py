"""What inspectors answer and what it amounts to by the default policy: a table written by hand from policy 5."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from returndesk.domain.inspection import Facts, InspectionRules, every_facts
from returndesk.domain.lots import Condition, Packaging
from returndesk.domain.policy import Policy, read_policy

TEXT = (Path(__file__).parents[2] / "policy.toml").read_text()


def read(text: str) -> InspectionRules:
    policy: Policy = read_policy(text)
    assert policy.inspection is not None
    return policy.inspection


RULES = read(TEXT)


def facts(said: str) -> Facts:
    """As sold, but for what is said: opened, light, heavy, damaged, broken, works, incomplete, box-opened, no-box."""
    words = set(said.split())
    known = {"opened", "light", "heavy", "damaged", "broken", "works", "incomplete", "box-opened", "no-box"}
    assert words <= known
    return Facts.model_validate(
        {
            "opened": "opened" in words,
            "marks": "heavy" if "heavy" in words else "light" if "light" in words else "none",
            "damaged": "damaged" in words,
            "works": False if "broken" in words else True if "works" in words else None,
            "accessories": "missing" if "incomplete" in words else "complete",
            "packaging": "missing"
            if "no-box" in words
            else "opened"
            if "box-opened" in words
            else "original",
        }
    )


@pytest.mark.parametrize(
    ("said", "condition", "packaging"),
    [
        ("", "original", "original"),
        ("works", "original", "original"),
        ("box-opened", "original", "opened"),
        ("no-box", "original", "missing"),
        ("opened", "opened", "original"),
        ("opened box-opened", "opened", "opened"),
        ("opened works no-box", "opened", "missing"),
        ("incomplete", "opened", "original"),
        ("incomplete opened box-opened", "opened", "opened"),
        ("light", "used", "original"),
        ("heavy", "used", "original"),
        ("light opened incomplete", "used", "original"),
        ("heavy opened works no-box", "used", "missing"),
        ("damaged", "damaged", "original"),
        ("damaged heavy opened", "damaged", "original"),
        ("damaged works incomplete no-box", "damaged", "missing"),
        # What does not work is looked at by a person, whatever else is wrong with it: no deductions for a fault.
        ("broken", "defective", "original"),
        ("broken opened box-opened", "defective", "opened"),
        ("broken heavy", "defective", "original"),
        ("broken damaged heavy opened incomplete no-box", "defective", "missing"),
    ],
)
def test_the_grade_of_what_was_seen(said: str, condition: str, packaging: str) -> None:
    assert RULES.derive(facts(said)) == (condition, packaging)


def test_there_are_216_different_answers_and_each_has_its_grade() -> None:
    answers = set(every_facts())
    assert len(answers) == 2 * 3 * 2 * 2 * 3 * 3
    grades = {RULES.derive(each) for each in answers}
    assert len(grades) == len(Condition) * len(Packaging)


ANSWERS = st.sampled_from(list(every_facts()))


@given(ANSWERS)
def test_only_what_is_as_it_was_sold_is_in_original_condition(seen: Facts) -> None:
    as_sold = not seen.opened and not seen.damaged and seen.marks == "none" and seen.works is not False
    complete = seen.accessories == "complete"
    assert (RULES.derive(seen)[0] is Condition.ORIGINAL) is (as_sold and complete)


@given(ANSWERS)
def test_the_packaging_is_as_it_was_seen(seen: Facts) -> None:
    assert RULES.derive(seen)[1] is seen.packaging


def test_another_shop_grades_otherwise() -> None:
    old = '{ when = { marks = "light" }, condition = "used" }'
    assert old in TEXT
    lenient = read(TEXT.replace(old, '{ when = { marks = "light" }, condition = "opened" }'))
    assert lenient.derive(facts("light")) == ("opened", "original")
    assert lenient.derive(facts("heavy")) == ("used", "original")
    old = '{ when = { works = false }, condition = "defective" },'
    assert old in TEXT
    careful = read(
        TEXT.replace(
            old, old + '\n{ when = { works = "untested", opened = true }, condition = "used", packaging = "opened" },'
        ).replace('    { packaging = "original" },\n', "").replace(
            '    { condition = "original" },\n', '    { condition = "original", packaging = "original" },\n'
        )
    )  # fmt: skip
    assert careful.derive(facts("opened")) == ("used", "opened")
    assert careful.derive(facts("opened works")) == ("opened", "original")
    assert careful.derive(facts("opened no-box")) == ("used", "missing"), "the first that names a packaging"
