"""What a decision says of each lot: the rules' proposal, and a person's word where there is one (policy 5).

Pure: a decision carries out what this answers, and a preview shows it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from returndesk.domain.eligibility import judge
from returndesk.domain.errors import InvalidInput, Refused
from returndesk.domain.inputs import DecidedItem
from returndesk.domain.lots import TO_DECIDE, Acceptance, Lot, Reception
from returndesk.domain.policy import Policy


@dataclass(frozen=True)
class Overruled:
    """A lot of which a person says something else than the rules."""

    lot: int
    said: Acceptance
    verdict: Acceptance


@dataclass(frozen=True)
class Verdicts:
    """The lots that are to be decided, each accepted or rejected, with its reasons."""

    lots: tuple[Lot, ...]
    overruled: tuple[Overruled, ...]


def to_decide(lots: Sequence[Lot]) -> list[Lot]:
    """The lots that are there to be decided, and that no decision has settled."""
    return [lot for lot in lots if lot.decision is None and lot.reception in TO_DECIDE]


def verdicts(policy: Policy, lots: Sequence[Lot], items: Sequence[DecidedItem]) -> Verdicts:
    """A verdict on every lot that is to be decided; those nobody names follow the rules.

    Raises `InvalidInput` (`nothing_to_decide`) where an item names nothing that is here, and `Refused`
    (`needs_person`) where the rules leave a lot to a person and nobody says anything of it.
    """
    named = _named(lots, items)
    decided: list[Lot] = []
    overruled: list[Overruled] = []
    for lot in to_decide(lots):
        said, reasons = judge(policy, lot)
        verdict = named.get(lot.number, said)
        if verdict is Acceptance.MANUAL_REVIEW:
            raise Refused(
                "needs_person",
                f"The rules leave line {lot.line} to a person. Say accepted or rejected for it.",
                [f"{code}:line {lot.line}" for code in reasons],
            )
        if verdict is not said:
            overruled.append(Overruled(lot.number, said, verdict))
        why = () if verdict is Acceptance.ACCEPTED else _reasons(lot, reasons)
        decided.append(replace(lot, acceptance=verdict, reasons=why))
    return Verdicts(tuple(decided), tuple(overruled))


def _named(lots: Sequence[Lot], items: Sequence[DecidedItem]) -> Mapping[int, Acceptance]:
    named: dict[int, Acceptance] = {}
    for item in items:
        numbers = [
            lot.number
            for lot in lots
            if lot.decision is None
            and lot.line == item.line
            and lot.reception in (Reception.RECEIVED, Reception.LOST)
            and item.lot in (None, lot.number)
        ]
        if not numbers:
            raise InvalidInput(
                "nothing_to_decide", f"Nothing of line {item.line} is here to be decided.", field="items"
            )
        named.update(dict.fromkeys(numbers, item.acceptance))
    return named


def _reasons(lot: Lot, by_rules: tuple[str, ...]) -> tuple[str, ...]:
    """Why a lot is rejected: the rules' reasons, or what was seen where the rules would have taken it."""
    return by_rules or (f"condition_{lot.condition}", f"packaging_{lot.packaging}")
