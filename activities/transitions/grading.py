"""Grading: condition and packaging of inspected units, from facts by the policy's rules or in the inspector's words."""

from dataclasses import dataclass, field
from typing import Any

from returndesk.domain.errors import InvalidInput
from returndesk.domain.inputs import InspectedItem
from returndesk.domain.inspection import InspectionRules
from returndesk.domain.lots import Condition, Packaging


@dataclass(frozen=True)
class Grade:
    """What counts. `grounds` is what the audit keeps beside it where facts were given: what the rules derived
    from them, and why the inspector went against that.
    """

    condition: Condition
    packaging: Packaging
    grounds: dict[str, Any] = field(default_factory=dict)


def grade(rules: InspectionRules | None, item: InspectedItem) -> Grade:
    """The grade of an item.

    Raises `InvalidInput`: `facts_not_graded` where the policy has no rules for facts, `override_needs_reason` where
    the inspector says something else than the rules and not why.
    """
    if item.facts is None:
        assert item.condition is not None, "the input was checked"
        assert item.packaging is not None, "the input was checked"
        return Grade(item.condition, item.packaging)
    if rules is None:
        raise InvalidInput(
            "facts_not_graded",
            f"Line {item.line}: this return's policy has no rules for facts. Nothing was changed. "
            "Give condition and packaging.",
            field="items",
        )
    derived = rules.derive(item.facts)
    counts = (item.condition or derived[0], item.packaging or derived[1])
    if counts != derived and item.override is None:
        raise InvalidInput(
            "override_needs_reason",
            f"Line {item.line}: the answers amount to condition {derived[0]} and packaging {derived[1]}. Something "
            "else needs a reason. Nothing was changed. Say why, or leave the other condition or packaging out.",
            field="items",
        )
    grounds: dict[str, Any] = {"facts": item.facts.model_dump(mode="json"), "derived": list(derived)}
    if counts != derived and item.override is not None:
        grounds |= {"overridden": list(counts), "why": item.override.reason, "note": item.override.note}
    return Grade(*counts, grounds)
