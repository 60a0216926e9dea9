"""What an audit record says, in words: its details as an auditor reads them, without a list or a code of the program.

Whatever is not known here (a record of a newer version) is said plainly, never left out. Words that people wrote are
said only where the page was given them: between colleagues, and of a payment, never a customer's.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from returndesk.store.rep_talk import Detail

_CURRENCY: Final = "currency"
_TEXT: Final = "txt_"
_SAID: Final = "written on the return"
"""What stands for a person's own words."""
_LABELS: Final = {
    "by": "decided by", "send_by": "to be sent by", "due": "was due", "new_date": "new date", "needs_person": "needs a person for",
    "looked_at": "looked at by a person", "more_expected": "more to come", "stood_in": "stood in", "said_at": "said",
    "sent_at": "sent", "hours_waiting_for_customer": "hours it had waited for the customer", "above_minor": "asked for above",
    "replaced_by": "instead", "why": "reason given", "policy_before": "policy before", "policy_after": "policy now",
    "derived": "the facts amount to", "counts": "counts as", "facts": "seen", "wrong_items": "not what was asked back",
    "arrivals": "came unexpectedly", "lots": "goods", "refunds": "by refund", "notice": "email", "attempts": "tries",
    "despite_dispute": "although disputed", "on_hold_since": "on hold since",
}  # fmt: skip
_WORDS: Final = {
    "processing": "decision", "return_to_customer": "back to the customer", "in_store": "in the store",
    "manual_review": "a person decides", "inspections": "to inspect", "decisions": "to decide", "approvals": "to approve",
    "authorizations": "requests to answer", "awaiting_goods": "waiting for the parcel",
}  # fmt: skip
"""Codes whose underscores alone do not make a word of them."""


def _units(quantity: Any, line: Any) -> str:
    return f"{quantity} of line {line}" if line is not None else f"{quantity} of no line of the order"


def _and(*said: Any) -> str:
    return ", ".join(_word(x) for x in said if x not in (None, "", []))


def _asked(line: Any, quantity: Any, reason: Any = None) -> str:
    return _units(quantity, line) + (f": {_word(reason)}" if reason else "")


def _inspected(line: Any, quantity: Any, condition: Any, packaging: Any, disposition: Any) -> str:
    seen = f"{_units(quantity, line)}: {_and(condition)}, packaging {_and(packaging)}"
    return f"{seen}, {_word(disposition)}" if disposition else seen


def _decided(lot: Any, line: Any, quantity: Any, acceptance: Any, reasons: Any) -> str:
    return f"{_units(quantity, line)} (lot {lot}): {_and(acceptance, *reasons)}"


def _moved(lot: Any, line: Any, quantity: Any, where: Any = None) -> str:
    return f"{_units(quantity, line)} (lot {lot})" + (f": {_word(where)}" if where else "")


def _overruled(lot: Any, rules: Any, person: Any) -> str:
    return f"lot {lot}: the rules say {_word(rules)}, decided {_word(person)}"


def _disposed(lot: Any, quantity: Any, disposition: Any) -> str:
    return f"{quantity if quantity is not None else 'all'} of lot {lot}: {_word(disposition)}"


def _not_asked_back(quantity: Any, _note: Any = None) -> str:
    return f"{quantity} of something else"


_ROWS: Final[dict[tuple[str, str], Callable[..., str]]] = {
    ("requested", "items"): _asked,
    ("received", "items"): _asked,
    ("received", "wrong_items"): _not_asked_back,
    ("received", "arrivals"): _moved,
    ("shipped", "items"): _asked,
    ("inspected", "items"): _inspected,
    ("decided", "lots"): _decided,
    ("corrected", "lots"): _moved,
    ("lost", "lots"): _moved,
    ("overruled", "lots"): _overruled,
    ("disposition_changed", "lots"): _disposed,
}
"""How a row of a record's list is said."""


def details_in_words(
    what: str, details: Mapping[str, Any], written: Mapping[str, str] | None = None
) -> list[Detail]:
    """The details of a record, in their order. Amounts and instants stay what they are, for a page to write them.

    `written`: what people wrote, by the ids that stand for it, where the page may say it.
    """
    texts, found = written or {}, list[Detail]()
    for name, value in details.items():
        if isinstance(value, str) and value in texts:
            found.append(Detail(_label(name), words=f"“{texts[value]}”"))
        elif name != _CURRENCY:
            found += _details(what, name, value)
    return found


def _label(name: str) -> str:
    return _LABELS.get(name, name.removesuffix("_minor").replace("_", " "))


def _details(what: str, name: str, value: Any) -> Iterator[Detail]:
    label = _label(name)
    if value is None or value == []:
        return
    if name.endswith("_minor") and isinstance(value, int):
        yield Detail(label, amount_minor=value)
    elif name == "dates" and isinstance(value, dict):  # of a recalculation: before and after, by clock
        for kind, (before, after) in value.items():
            yield _instant_or_word(f"{_word(kind)} date before", before or "none")
            yield _instant_or_word(f"{_word(kind)} date now", after or "none")
    elif name == "photos":
        yield Detail(label, words=str(len(list(_leaves(value)))))
    elif name == "lots" and all(isinstance(x, int) for x in value):
        yield Detail("lots", words=_and(*value))
    elif isinstance(value, list):
        yield Detail(label, words="; ".join(_row(what, name, x) for x in value))
    elif isinstance(value, dict):
        yield Detail(label, words=_and(*_leaves(value)))
    else:
        yield _instant_or_word(label, value)


def _row(what: str, name: str, row: Any) -> str:
    say = _ROWS.get((what, name))
    if say is not None and isinstance(row, list):
        try:
            return say(*row)
        except TypeError:  # a row of another shape is said plainly
            pass
    return _and(*_leaves(row))


def _leaves(value: Any) -> Iterator[Any]:
    """Everything that is in a value, without the lists around it."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if said := _and(*_leaves(inner)):
                yield f"{_word(key)} {said}"
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for inner in value:
            yield from _leaves(inner)
    else:
        yield value


def _instant_or_word(label: str, value: Any) -> Detail:
    if isinstance(value, str) and "T" in value:
        try:
            at = datetime.fromisoformat(value)
        except ValueError:
            pass
        else:
            if at.tzinfo is not None:
                return Detail(label, at=at)
    return Detail(label, words=_word(value))


def _word(value: Any) -> str:
    """A code in words; an id as it is."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = str(value)
    if text.startswith(_TEXT):
        return _SAID
    if any(character.isdigit() for character in text):
        return text
    return _WORDS.get(text, text.replace("_", " "))
