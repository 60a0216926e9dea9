"""What an inspector answers, and the condition and packaging that the policy's rules derive from it (policy 5).

Two inspectors who see the same answer the same; what it amounts to is the shop's to say, in its policy.
"""

from collections.abc import Iterator
from enum import StrEnum
from itertools import product
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, model_validator

from returndesk.domain.lots import Condition, Packaging
from returndesk.domain.orders import Flag


class Marks(StrEnum):
    """Signs of use on the goods."""

    NONE = "none"
    LIGHT = "light"
    HEAVY = "heavy"


class Accessories(StrEnum):
    """Whether everything that belongs to the goods is there."""

    COMPLETE = "complete"
    MISSING = "missing"


class _Answers(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Facts(_Answers):
    """What anybody can see who has the goods in their hands. `works` None: it was not tried."""

    opened: Flag
    marks: Marks
    damaged: Flag
    accessories: Accessories
    packaging: Packaging
    works: Flag | None = None


class When(_Answers):
    """What a rule asks of the facts; what it does not name may be anything. `works = "untested"`: it was not tried."""

    opened: Flag | None = None
    marks: Marks | None = None
    damaged: Flag | None = None
    accessories: Accessories | None = None
    packaging: Packaging | None = None
    works: Flag | Literal["untested"] | None = None

    def fits(self, facts: Facts) -> bool:
        """Whether every fact it names is as it says."""
        return all(
            getattr(facts, name) == (None if wanted == "untested" else wanted)
            for name, wanted in self
            if wanted is not None
        )


class Rule(_Answers):
    """Facts, and the condition or the packaging (or both) that follow from them."""

    when: When = When()
    condition: Condition | None = None
    packaging: Packaging | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.condition is None and self.packaging is None:
            raise ValueError("it names neither a condition nor a packaging")
        return self


class InspectionRules(_Answers):
    """The policy's rules, in order. The first that fits and names a condition gives it; so for the packaging.

    Rules that leave some facts without either, or that can never count, are a mistake of the policy.
    """

    rules: tuple[Rule, ...]

    @model_validator(mode="after")
    def _complete(self) -> Self:
        counting: set[tuple[str, int]] = set()
        for what, facts in product(("condition", "packaging"), every_facts()):
            fitting = (
                position
                for position, rule in enumerate(self.rules)
                if getattr(rule, what) is not None and rule.when.fits(facts)
            )
            first = next(fitting, None)
            if first is None:
                raise ValueError(
                    f"no rule gives a {what} where {_in_words(facts)}; end with one that has no `when`"
                )
            counting.add((what, first))
        for position, rule in enumerate(self.rules):
            for what in ("condition", "packaging"):
                if getattr(rule, what) is not None and (what, position) not in counting:
                    raise ValueError(
                        f"the {what} of rule {position + 1} never counts: rules before it always fit"
                    )
        return self

    def derive(self, facts: Facts) -> tuple[Condition, Packaging]:
        """The condition and packaging that the facts amount to."""
        fitting = [rule for rule in self.rules if rule.when.fits(facts)]
        condition = next(rule.condition for rule in fitting if rule.condition is not None)
        packaging = next(rule.packaging for rule in fitting if rule.packaging is not None)
        return condition, packaging


def every_facts() -> Iterator[Facts]:
    """Every answer an inspector can give: 216."""
    answers = {
        "opened": (False, True),
        "marks": tuple(Marks),
        "damaged": (False, True),
        "accessories": tuple(Accessories),
        "packaging": tuple(Packaging),
        "works": (True, False, None),
    }
    for given in product(*answers.values()):
        yield Facts.model_validate(dict(zip(answers, given, strict=True)))


def _in_words(facts: Facts) -> str:
    """As the policy file writes them."""
    words = {True: "true", False: "false", None: '"untested"'}
    written = {name: words.get(value, f'"{value}"') for name, value in facts}
    return ", ".join(f"{name} = {value}" for name, value in written.items())
