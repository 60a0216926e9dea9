"""An audit record is said in words: no list, no code and no instant of the program's own form."""

from datetime import UTC, datetime
from typing import Any

import pytest

from returndesk.store.audit_words import details_in_words
from returndesk.store.rep_talk import Detail


@pytest.mark.parametrize(
    ("what", "details", "said"),
    [
        ("requested", {"items": [[1, 2, "too_small"], [2, 1, None]]}, "items 2 of line 1: too small; 1 of line 2"),
        ("received", {"items": [[1, 2]], "more_expected": False}, "items 2 of line 1 / more to come no"),
        ("received", {"wrong_items": [[1, "txt_1"]]}, "not what was asked back 1 of something else"),
        ("received", {"arrivals": [[3, 1, 2, "arrived_unannounced"]]},
         "came unexpectedly 2 of line 1 (lot 3): arrived unannounced"),
        ("inspected", {"items": [[1, 1, "original", "original", None], [2, 1, "used", "missing", "return_to_customer"]]},
         "items 1 of line 1: original, packaging original; 1 of line 2: used, packaging missing, back to the customer"),
        ("inspected", {"photos": [["pho_1", "pho_2"], []]}, "photos 2"),
        ("inspected", {"facts": [{"item": 0, "facts": {"opened": True, "works": None}, "derived": ["used", "opened"]}]},
         "seen item 0, facts opened yes, derived used, opened"),
        ("decided", {"lots": [[1, 1, 1, "rejected", ["condition_used"]], [2, None, 1, "accepted", []]]},
         "goods 1 of line 1 (lot 1): rejected, condition used; 1 of no line of the order (lot 2): accepted"),
        ("overruled", {"lots": [[1, "rejected", "accepted"]], "note": "txt_9"},
         "goods lot 1: the rules say rejected, decided accepted / note written on the return"),
        ("disposition_changed", {"lots": [[1, None, "scrap"]]}, "goods all of lot 1: scrap"),
        ("goods_left", {"lots": [1, 2], "way": "sent_back"}, "lots 1, 2 / way sent back"),
        ("contradicted", {"refund": "RMA-7K3M-Q9TX-1", "replaced_by": "not_approved"},
         "refund RMA-7K3M-Q9TX-1 / instead not approved"),
        ("breached", {"stood_in": "inspections", "hours_waiting_for_customer": "51.00", "on_hold_since": None},
         "stood in to inspect / hours it had waited for the customer 51.00"),
        ("brand_new", {"rows": [[1, [2, "x_y"]], {"a_b": [True]}]}, "rows 1, 2, x y; a b yes"),
    ],
)  # fmt: skip
def test_details_are_said_in_words(what: str, details: dict[str, Any], said: str) -> None:
    assert " / ".join(f"{one.name} {one.words}" for one in details_in_words(what, details)) == said


def test_amounts_and_instants_stay_what_they_are() -> None:
    told = details_in_words(
        "decided",
        {"total_minor": 25_900, "currency": "GBP", "send_by": "2026-04-08T12:00:00.123456+00:00"},
    )
    at = datetime(2026, 4, 8, 12, 0, 0, 123456, tzinfo=UTC)
    assert told == [Detail("total", amount_minor=25_900), Detail("to be sent by", at=at)]


def test_a_recalculation_names_each_date() -> None:
    dates = {"processing": ["2026-03-11T12:00:00+00:00", None]}
    before, after = details_in_words("recalculated", {"dates": dates})
    assert (before.name, before.at, after.name, after.words) == (
        "decision date before", datetime(2026, 3, 11, 12, tzinfo=UTC), "decision date now", "none",
    )  # fmt: skip
