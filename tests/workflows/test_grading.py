"""Inspectors answer facts, the policy grades them; who says otherwise says why, and it stays on record."""

from typing import Any

from live import Live

from returndesk.domain.people import Role

AS_SOLD = {
    "opened": False,
    "marks": "none",
    "damaged": False,
    "accessories": "complete",
    "packaging": "original",
}


def item(quantity: int = 1, **facts: Any) -> dict[str, Any]:
    """So many dresses as they were sold, but for these facts."""
    return {"line": 1, "quantity": quantity, "facts": AS_SOLD | facts}


async def here(live: Live, quantity: int) -> tuple[Any, str]:
    """Dresses that have come back."""
    sold = await live.dress(quantity)
    rma = await live.request(sold, quantity, authorize=True)
    await live.arrive(rma, quantity)
    return sold, rma


async def inspected(live: Live, rma: str) -> dict[str, Any]:
    """What the audit keeps of the return's inspection."""
    items = (await live.get(f"returns/{rma}/timeline"))["items"]
    [record] = [entry for entry in items if entry["what"] == "inspected"]
    details: dict[str, Any] = record["details"] | {"by": record["actor_id"]}
    return details


async def test_facts_are_graded_by_the_policy_lot_by_lot(live: Live) -> None:
    sold, rma = await here(live, 4)
    await live.does(rma, "inspections", {"items": [
        item(2), item(marks="light", packaging="opened"),
        {"line": 1, "quantity": 1, "condition": "damaged", "packaging": "missing"},
    ]})  # fmt: skip
    closed = await live.reach(rma, "closed")
    assert {(x["quantity"], x["condition"], x["packaging"], x["acceptance"], *x["reasons"]) for x in closed["lots"]} == {
        (2, "original", "original", "accepted"),
        (1, "used", "opened", "rejected", "condition_used"),
        (1, "damaged", "missing", "rejected", "condition_damaged", "packaging_missing"),
    }  # fmt: skip
    assert await live.paid_back(sold) == [(8_000, "succeeded")]
    kept = await inspected(live, rma)
    assert kept["items"] == [
        [1, 2, "original", "original", None], [1, 1, "used", "opened", None], [1, 1, "damaged", "missing", None],
    ]  # fmt: skip
    assert kept["facts"] == [
        {"item": 0, "facts": AS_SOLD | {"works": None}, "derived": ["original", "original"]},
        {"item": 1, "facts": AS_SOLD | {"works": None, "marks": "light", "packaging": "opened"}, "derived": ["used", "opened"]},
    ]  # fmt: skip


async def test_what_does_not_work_waits_for_a_person(live: Live) -> None:
    _, rma = await here(live, 1)
    answer = await live.does(rma, "inspections", {"items": [item(works=False, damaged=True)]})
    assert answer["stage"] == "inspected"
    [lot] = (await live.view(rma))["lots"]
    assert (lot["condition"], lot["acceptance"], lot["reasons"]) == (
        "defective", "manual_review", ["condition_defective"],
    )  # fmt: skip
    await live.does(rma, "decision", {"items": [{"line": 1, "acceptance": "accepted"}]})
    await live.reach(rma, "closed")


async def test_an_inspector_may_overrule_the_grade_with_a_reason_that_is_kept(live: Live) -> None:
    sold, rma = await here(live, 1)
    said = item(marks="heavy") | {"condition": "original"}
    refused = await live.post(f"returns/{rma}/inspections", {"items": [said]})
    assert (refused.status_code, refused.json()["code"]) == (422, "override_needs_reason")
    assert "condition used and packaging original" in refused.json()["detail"]
    assert (await live.view(rma))["lots"][0]["condition"] is None, "nothing was changed"

    override = {"reason": "sold_like_this", "note": "Canary: an exhibit, says the tag."}
    await live.does(
        rma, "inspections", {"items": [said | {"override": override}]}, role=Role.WAREHOUSE, who=2
    )
    closed = await live.reach(rma, "closed")
    assert (closed["lots"][0]["condition"], closed["lots"][0]["acceptance"]) == ("original", "accepted")
    assert await live.paid_back(sold) == [(4_000, "succeeded")]
    kept = await inspected(live, rma)
    [grounds] = kept["facts"]
    assert kept["by"] == "warehouse-2"
    assert (grounds["derived"], grounds["overridden"], grounds["why"]) == (
        ["used", "original"], ["original", "original"], "sold_like_this",
    )  # fmt: skip
    assert grounds["note"].startswith("txt_"), "the words stay apart"


async def test_a_grade_that_only_says_the_same_again_needs_no_reason(live: Live) -> None:
    _, rma = await here(live, 1)
    await live.does(rma, "inspections", {"items": [item(marks="light") | {"condition": "used"}]})
    [grounds] = (await inspected(live, rma))["facts"]
    assert "overridden" not in grounds
    await live.reach(rma, "closed")
