"""What the station's forms say, as the inputs of commands: counts by line, facts of one line, lots that go."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from starlette.datastructures import FormData

from api.desk_pages import number_in, text_in
from returndesk.domain.errors import InvalidInput
from returndesk.domain.inputs import DispositionsInput, GoodsBackInput, InspectionsInput
from returndesk.domain.inspection import Accessories, Facts, Marks
from returndesk.domain.lots import Packaging, WayBack
from returndesk.domain.parcel_inputs import CorrectionInput, PackedItem, ReceiptsInput

_LINE = "line_"
_FACTS = tuple(Facts.model_fields)
_SAID: Mapping[str, bool | None] = {"yes": True, "no": False, "untested": None}
_QUESTIONS = {
    "opened": "Was it opened?",
    "marks": "Are there marks of use?",
    "damaged": "Is it damaged?",
    "accessories": "Are all parts there?",
    "packaging": "How is the packaging?",
}


def packed(form: FormData) -> list[PackedItem]:
    """The units of each line that were counted; lines of which there were none are left out."""
    counted = {
        name.removeprefix(_LINE): number_in(form, name) or 0 for name in form if name.startswith(_LINE)
    }
    return [PackedItem(line=int(line), quantity=n) for line, n in counted.items() if n and line.isdigit()]


_WAITED_SECONDS_MIN = 60
"""What waited on the device for less is recorded as of now."""
_WAITED_SECONDS_MAX = 7 * 24 * 3600
"""Nothing waits for longer: it is the device's clock that has jumped, and nobody knows when it was."""


def receipts(form: FormData, now: datetime) -> ReceiptsInput:
    """A parcel; `waited` says for how many seconds the device could not send it, by its own clock.

    Raises `InvalidInput` where nothing is said of what was in it, or words are missing.
    """
    waited = number_in(form, "waited") or 0
    is_known = _WAITED_SECONDS_MIN <= waited <= _WAITED_SECONDS_MAX
    items, other, words = packed(form), number_in(form, "wrong_quantity") or 0, text_in(form, "wrong_words")
    if other and words is None:
        raise InvalidInput(
            "wrong_item_without_words", "Say in a few words what the other things are.", "wrong_words"
        )
    if words is not None and not other:
        raise InvalidInput("wrong_item_without_number", "Say how many of them there are.", "wrong_quantity")
    if not items and not other and text_in(form, "empty") is None:
        raise InvalidInput(
            "nothing_counted",
            "Nothing was counted, so nothing was recorded. Count what was in the parcel, or press “The box is empty”.",
        )
    wrong = [{"quantity": other, "note": words}] if other else []
    return ReceiptsInput.model_validate(
        {
            "items": items,
            "wrong_items": wrong,
            "more_expected": text_in(form, "more_expected") is not None,
            "received_at": now - timedelta(seconds=waited) if is_known else None,
            "note": text_in(form, "note"),
        }
    )


AS_IT_LEFT_US = Facts(
    opened=False,
    marks=Marks.NONE,
    damaged=False,
    accessories=Accessories.COMPLETE,
    packaging=Packaging.ORIGINAL,
)


def facts(form: FormData) -> Facts:
    """The answers; one button gives all of them. Raises `InvalidInput` naming each question that has none."""
    if text_in(form, "as_new") is not None:
        return AS_IT_LEFT_US
    missing = [question for name, question in _QUESTIONS.items() if text_in(form, name) is None]
    if missing:
        raise InvalidInput("not_answered", f"Answer this first: {' '.join(missing)} Nothing was recorded.")
    answers: dict[str, Any] = {name: text_in(form, name) for name in _FACTS}
    return Facts.model_validate({name: _SAID.get(said or "untested", said) for name, said in answers.items()})


def inspections(form: FormData, photos: Sequence[str], *, by_facts: bool) -> InspectionsInput:
    """What was seen of some units of a line; `photos` are those that show them."""
    quantity = number_in(form, "quantity")
    item: dict[str, Any] = {
        "line": number_in(form, "line"),
        "quantity": quantity,
        "condition": text_in(form, "condition"),
        "packaging": text_in(form, "own_packaging"),
        "disposition": text_in(form, "disposition"),
        "photos": photos,
    }
    if by_facts:
        item["facts"] = facts(form)
        reason = text_in(form, "override_reason")
        if reason is not None and item["condition"] is None and item["packaging"] is None:
            raise InvalidInput(
                "override_of_nothing",
                "You say why it amounts to something else, and not to what. Choose the condition or the packaging. "
                "Nothing was recorded.",
                "condition",
            )
        if reason is not None:
            item["override"] = {"reason": reason, "note": text_in(form, "override_words")}
    elif item["condition"] is None or item["packaging"] is None:
        raise InvalidInput("not_answered", "Say how the goods and their packaging are. Nothing was recorded.")
    decide = False if text_in(form, "by_person") else None
    return InspectionsInput.model_validate({"items": [item], "decide": decide, "note": text_in(form, "note")})


def correction(form: FormData) -> CorrectionInput:
    """Units of one lot that are not here after all."""
    item = {"lot": number_in(form, "lot"), "quantity": number_in(form, "quantity")}
    return CorrectionInput.model_validate({"items": [item], "reason": text_in(form, "reason")})


def goods_back(form: FormData) -> GoodsBackInput:
    """Rejected goods that left; no lots: all that are to go back.

    Raises `InvalidInput` (`no_tracking`) where they were sent and nobody said that the parcel has no number.
    """
    tracked = text_in(form, "tracking") is not None or text_in(form, "untracked") is not None
    if text_in(form, "way") == WayBack.SENT_BACK and not tracked:
        raise InvalidInput(
            "no_tracking",
            "Scan or type the parcel's tracking number, so that it can be found again; or say that it has none. "
            "Nothing was recorded.",
            "tracking",
        )
    lots = [int(lot) for lot in form.getlist("lot") if isinstance(lot, str) and lot.isdigit()]
    return GoodsBackInput.model_validate(
        {"lots": lots, "way": text_in(form, "way"), "tracking": text_in(form, "tracking")}
    )


def dispositions(form: FormData) -> DispositionsInput:
    """What becomes of a lot, or of so many units of it."""
    item = {
        "lot": number_in(form, "lot"),
        "quantity": number_in(form, "quantity"),
        "disposition": text_in(form, "disposition"),
    }
    return DispositionsInput.model_validate({"items": [item]})


def words(form: FormData) -> str | None:
    """What a parcel that no return announced looks like. Raises `InvalidInput` where nothing is said of it."""
    said = text_in(form, "words")
    if said is None and not packed(form):
        raise InvalidInput(
            "nothing_said",
            "Nothing was said of the parcel, so nobody was asked. Count what is in it, or say what it looks like.",
            "words",
        )
    return said
