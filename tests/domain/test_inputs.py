"""What each command takes: limits, exact types, and sentences that never repeat what was sent."""

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from returndesk.domain.inputs import (
    ApprovalInput,
    AuthorizationInput,
    CancellationInput,
    Channel,
    DecisionInput,
    DeclineInput,
    DeclineReason,
    DispositionsInput,
    InspectionsInput,
    MessageInput,
    QuestionInput,
    RequestInput,
)
from returndesk.domain.mistakes import mistakes
from returndesk.domain.parcel_inputs import ReceiptsInput, ShipmentInput
from returndesk.domain.reasons import REASON_SENTENCES

ITEM = {"line": 1, "quantity": 1, "reason": "too_small"}
REQUEST: dict[str, Any] = {"order_reference": "A-1", "channel": "email", "items": [ITEM]}
SEEN = {"line": 1, "quantity": 1, "condition": "used", "packaging": "opened"}
FACTS = {"opened": True, "marks": "none", "damaged": False, "accessories": "complete", "packaging": "opened"}
ANSWERED = {"line": 1, "quantity": 1, "facts": FACTS}
PUT = {"lot": 1, "disposition": "restock"}
VERDICT = {"line": 1, "acceptance": "accepted"}


def fields_refused(model: type[BaseModel], content: dict[str, Any]) -> list[str]:
    with pytest.raises(ValidationError) as refused:
        model.model_validate(content)
    found = mistakes(refused.value.errors())
    assert "canary" not in str([m.problem for m in found])
    return [m.field for m in found]


def test_a_request_needs_an_order_a_channel_and_items() -> None:
    asked = RequestInput.model_validate(REQUEST)
    assert (asked.resolution, asked.authorize, asked.override, asked.note) == ("refund", False, None, None)
    assert fields_refused(RequestInput, {}) == ["order_reference", "channel", "items"]


def test_the_channels_are_the_policys() -> None:
    assert set(Channel) == {"in_store", "online", "social", "phone", "email", "chat"}


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"order_reference": "jane@canary.example"}, "order_reference"),
        ({"order_reference": ""}, "order_reference"),
        ({"order_reference": "A" * 65}, "order_reference"),
        ({"channel": "canary"}, "channel"),
        ({"contacted_at": 1772618400}, "contacted_at"),
        ({"contacted_at": "2026-03-04T10:00:00"}, "contacted_at"),
        ({"contacted_at": "0001-01-01T00:00:00+14:00"}, "contacted_at"),
        ({"items": []}, "items"),
        ({"items": [ITEM] * 501}, "items"),
        ({"items": [ITEM | {"quantity": 0}]}, "items.0.quantity"),
        ({"items": [ITEM | {"quantity": -1}]}, "items.0.quantity"),
        ({"items": [ITEM | {"quantity": 1.0}]}, "items.0.quantity"),
        ({"items": [ITEM | {"quantity": "1"}]}, "items.0.quantity"),
        ({"items": [ITEM | {"quantity": True}]}, "items.0.quantity"),
        ({"items": [ITEM | {"line": 0}]}, "items.0.line"),
        ({"items": [ITEM | {"reason": "canary"}]}, "items.0.reason"),
        ({"items": [ITEM, ITEM]}, ""),
        ({"resolution": "canary"}, "resolution"),
        ({"authorize": "yes"}, "authorize"),
        ({"authorize": 1}, "authorize"),
        ({"note": ""}, "note"),
        ({"note": "canary " * 1000}, "note"),
        ({"note": "canary\x00"}, "note"),
        ({"override": {"reason": "canary"}}, "override.reason"),
        ({"override": {"reason": "goodwill", "canary": 1}}, "override"),
        ({"canary": 1}, ""),
    ],
)
def test_a_wrong_request_is_refused_by_field(changed: dict[str, Any], field: str) -> None:
    assert fields_refused(RequestInput, REQUEST | changed) == [field]


def test_a_note_may_have_paragraphs() -> None:
    assert AuthorizationInput(note="Dear shop,\n\n\tplease.").note == "Dear shop,\n\n\tplease."


def test_the_contact_is_when_it_was_else_now() -> None:
    now = datetime(2026, 3, 4, 12, tzinfo=UTC)
    assert RequestInput.model_validate(REQUEST).came_at(now) == now
    early = RequestInput.model_validate(REQUEST | {"contacted_at": "2026-03-01T10:00:00+01:00"})
    assert early.came_at(now) == datetime(2026, 3, 1, 9, tzinfo=UTC)


def test_a_parcel_may_hold_a_line_twice_or_nothing() -> None:
    assert ReceiptsInput().items == ()
    assert len(ReceiptsInput.model_validate({"items": [{"line": 1, "quantity": 1}] * 2}).items) == 2


@pytest.mark.parametrize(
    ("model", "content", "field"),
    [
        (ReceiptsInput, {"items": [{"line": 1}]}, "items.0.quantity"),
        (ReceiptsInput, {"items": [{"line": 1, "quantity": 1}] * 501}, "items"),
        (ReceiptsInput, {"more_expected": "no"}, "more_expected"),
        (InspectionsInput, {"items": []}, "items"),
        (InspectionsInput, {"items": [SEEN | {"condition": "fine"}]}, "items.0.condition"),
        (InspectionsInput, {"items": [SEEN | {"packaging": "used"}]}, "items.0.packaging"),
        (InspectionsInput, {"items": [SEEN | {"disposition": "keep"}]}, "items.0.disposition"),
        (InspectionsInput, {"items": [SEEN], "decide": "no"}, "decide"),
        (InspectionsInput, {"items": [{"line": 1, "quantity": 1}]}, "items.0"),
        (InspectionsInput, {"items": [{"line": 1, "quantity": 1, "condition": "used"}]}, "items.0"),
        (InspectionsInput, {"items": [{"line": 1, "quantity": 1, "packaging": "opened"}]}, "items.0"),
        (InspectionsInput, {"items": [ANSWERED | {"facts": {}}]}, [f"items.0.facts.{x}" for x in FACTS]),
        (
            InspectionsInput,
            {"items": [ANSWERED | {"facts": FACTS | {"opened": "canary"}}]},
            "items.0.facts.opened",
        ),
        (InspectionsInput, {"items": [ANSWERED | {"facts": FACTS | {"opened": 1}}]}, "items.0.facts.opened"),
        (
            InspectionsInput,
            {"items": [ANSWERED | {"facts": FACTS | {"marks": "canary"}}]},
            "items.0.facts.marks",
        ),
        (InspectionsInput, {"items": [ANSWERED | {"facts": FACTS | {"works": "no"}}]}, "items.0.facts.works"),
        (InspectionsInput, {"items": [ANSWERED | {"facts": FACTS | {"canary": 1}}]}, "items.0.facts"),
        (InspectionsInput, {"items": [ANSWERED | {"override": {"reason": "facts_do_not_fit"}}]}, "items.0"),
        (InspectionsInput, {"items": [SEEN | {"override": {"reason": "facts_do_not_fit"}}]}, "items.0"),
        (
            InspectionsInput,
            {"items": [ANSWERED | {"condition": "used", "override": {"reason": "canary"}}]},
            "items.0.override.reason",
        ),
        (DispositionsInput, {}, "items"),
        (DispositionsInput, {"items": []}, "items"),
        (DispositionsInput, {"items": [PUT, PUT]}, ""),
        (DispositionsInput, {"items": [PUT | {"disposition": "canary"}]}, "items.0.disposition"),
        (DispositionsInput, {"items": [PUT | {"disposition": "return_to_customer"}]}, "items.0.disposition"),
        (DispositionsInput, {"items": [PUT | {"quantity": 0}]}, "items.0.quantity"),
        (DecisionInput, {"items": [VERDICT | {"acceptance": "manual_review"}]}, "items.0.acceptance"),
        (DecisionInput, {"items": [VERDICT | {"acceptance": "pending"}]}, "items.0.acceptance"),
        (DecisionInput, {"items": [VERDICT | {"lot": 0}]}, "items.0.lot"),
        (ApprovalInput, {"yes": True}, ""),
        (DeclineInput, {}, "reasons"),
        (DeclineInput, {"reasons": []}, "reasons"),
        (DeclineInput, {"reasons": ["canary"]}, "reasons.0"),
        (DeclineInput, {"reasons": ["hygiene", "hygiene"]}, ""),
        (CancellationInput, {"why": "canary"}, ""),
        (ShipmentInput, {}, ""),
        (QuestionInput, {}, "note"),
        (QuestionInput, {"note": ""}, "note"),
        (MessageInput, {"note": "canary", "channel": "pigeon"}, "channel"),
        (MessageInput, {"channel": "phone"}, "note"),
        (ShipmentInput, {"tracking": "canary\x00"}, "tracking"),
        (ShipmentInput, {"note": "A receipt.", "items": [{"line": 1}]}, "items.0.quantity"),
    ],
)
def test_the_other_commands_are_as_strict(
    model: type[BaseModel], content: dict[str, Any], field: str | list[str]
) -> None:
    assert fields_refused(model, content) == ([field] if isinstance(field, str) else field)


def test_what_is_stored_of_an_input_reads_back_as_the_same_input() -> None:
    content = REQUEST | {"contacted_at": "2026-03-01T10:00:00Z", "note": "txt_1", "authorize": True}
    for model, given in [
        (RequestInput, content),
        (ReceiptsInput, {"items": [{"line": 1, "quantity": 2}], "more_expected": True}),
        (InspectionsInput, {"items": [SEEN], "decide": False}),
        (InspectionsInput, {"items": [ANSWERED, ANSWERED | {"facts": FACTS | {"works": False}}]}),
        (
            InspectionsInput,
            {
                "items": [
                    ANSWERED
                    | {"condition": "original", "override": {"reason": "sold_like_this", "note": "txt_1"}}
                ]
            },
        ),
        (DispositionsInput, {"items": [PUT | {"quantity": 2}, {"lot": 2, "disposition": "hold"}]}),
        (DecisionInput, {"items": [VERDICT | {"lot": 2}]}),
        (DeclineInput, {"reasons": ["final_sale", "hygiene"], "note": "txt_1"}),
        (
            ShipmentInput,
            {"items": [{"line": 1, "quantity": 1}], "tracking": "txt_2", "sent_at": "2026-03-01T10:00:00Z"},
        ),
    ]:
        asked = model.model_validate(given)
        assert model.model_validate(asked.model_dump(mode="json", exclude_defaults=True)) == asked


@pytest.mark.parametrize("reason", DeclineReason)
def test_the_customer_reads_a_sentence_for_each_reason_of_a_decline(reason: DeclineReason) -> None:
    assert reason in REASON_SENTENCES
