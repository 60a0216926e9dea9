"""What becomes of goods: a history that only grows, also long after the money went back."""

from typing import Any

from live import Live

from returndesk.domain.people import Role


def history(view: dict[str, Any], number: int = 1) -> list[tuple[str, str]]:
    [lot] = [lot for lot in view["lots"] if lot["lot"] == number]
    assert [x["at"] for x in lot["dispositions"]] == sorted(x["at"] for x in lot["dispositions"])
    return [(x["disposition"], x["actor_id"]) for x in lot["dispositions"]]


async def test_goods_on_hold_are_restocked_after_the_return_has_closed(live: Live) -> None:
    """Shopify's PROCESSING_REQUIRED must become RESTOCKED one day; others dead-end there."""
    sold = await live.dress(3)
    rma = await live.request(sold, 3, authorize=True)
    await live.arrive(rma, 3)
    seen = {"line": 1, "quantity": 3, "condition": "original", "packaging": "original", "disposition": "hold"}
    await live.does(rma, "inspections", {"items": [seen]}, role=Role.WAREHOUSE, who=1)
    closed = await live.reach(rma, "closed")
    await live.run_ended(rma)
    await live.is_quiet()
    assert history(closed) == [("hold", "warehouse-1")]
    mails = len(live.mails(sold))

    body = {"items": [{"lot": 1, "quantity": 2, "disposition": "restock"}], "note": "Canary shelf."}
    answer = await live.does(rma, "dispositions", body, role=Role.WAREHOUSE, who=2)
    assert answer["stage"] == "closed"
    await live.does(rma, "dispositions", {"items": [{"lot": 1, "disposition": "scrap"}]}, role=Role.WAREHOUSE)
    await live.run_ended(rma)
    view = await live.view(rma)
    assert [(x["lot"], x["quantity"], x["disposition"], x["parent"]) for x in view["lots"]] == [
        (1, 1, "scrap", None), (2, 2, "restock", 1),
    ]  # fmt: skip
    assert history(view) == [("hold", "warehouse-1"), ("scrap", "warehouse-1")]
    assert history(view, 2) == [("restock", "warehouse-2")]
    assert (await live.timeline(rma))[-2:] == ["disposition_changed", "disposition_changed"]
    await live.is_quiet()
    assert len(live.mails(sold)) == mails, "the customer is told nothing of it"
    assert await live.paid_back(sold) == [(12_000, "succeeded")], "and money does not move"


async def test_what_was_rejected_is_not_the_shops_to_dispose_of(live: Live) -> None:
    sold = await live.dress(2)
    rma = await live.request(sold, 2, authorize=True)
    early = await live.post(f"returns/{rma}/dispositions", {"items": [{"lot": 1, "disposition": "scrap"}]})
    assert (early.status_code, early.json()["code"]) == (409, "not_allowed_at_stage")
    await live.arrive(rma, 1)
    await live.inspect(rma, 1, condition="used")
    view = await live.reach(rma, "closed")
    [rejected] = [x["lot"] for x in view["lots"] if x["reasons"] == ["condition_used"]]
    [missing] = [x["lot"] for x in view["lots"] if x["reasons"] == ["not_received"]]
    before = await live.timeline(rma)
    for items, code in (
        ([{"lot": rejected, "disposition": "restock"}], "lot_rejected"),
        ([{"lot": missing, "disposition": "restock"}], "lot_not_here"),
        ([{"lot": 9, "disposition": "restock"}], "lot_not_here"),
        ([{"lot": rejected, "disposition": "return_to_customer"}], "invalid_input"),
    ):
        refused = await live.post(f"returns/{rma}/dispositions", {"items": items})
        assert (refused.status_code, refused.json()["code"]) == (422, code)
    assert history(await live.view(rma), rejected)[-1][0] == "return_to_customer"
    assert await live.timeline(rma) == before
    await live.does(rma, "goods-back", {"way": "handed_over"})
    await live.run_ended(rma)


async def test_goods_are_put_aside_before_anybody_has_looked_at_them(live: Live) -> None:
    sold = await live.dress(2)
    rma = await live.request(sold, 2, authorize=True)
    await live.arrive(rma, 2)
    aside = {"items": [{"lot": 1, "quantity": 1, "disposition": "hold"}]}
    assert (await live.does(rma, "dispositions", aside, role=Role.WAREHOUSE))["stage"] == "received"
    await live.inspect(rma, 2)
    closed = await live.reach(rma, "closed")
    assert {(x["quantity"], x["disposition"]) for x in closed["lots"]} == {(1, "hold"), (1, "restock")}
    assert await live.paid_back(sold) == [(8_000, "succeeded")]
