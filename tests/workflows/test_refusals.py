"""A manager does not let a large refund go: everything the decision did is undone, and it is decided again."""

from live import Live, Role

PRICE = 60_000


async def waiting_for_a_manager(live: Live, quantity: int = 1) -> tuple[str, object]:
    line = {"quantity": quantity, "unit_price_minor": PRICE}
    sold = await live.order([line], paid_minor=quantity * PRICE)
    rma = await live.request(sold, quantity, authorize=True)
    await live.arrive(rma, quantity)
    await live.inspect(rma, quantity, decide=False)
    return rma, sold


async def test_a_refused_settlement_leaves_nothing_behind_and_is_decided_again(live: Live) -> None:
    rma, sold = await waiting_for_a_manager(live)
    decided = await live.does(rma, "decision", who=1)
    assert decided["stage"] == "decided"
    own = await live.post(f"returns/{rma}/refusal", {"note": "x"}, who=1)
    assert (own.status_code, own.json()["code"]) == (403, "own_decision")
    note = {"note": "Canary: the photo shows another dress."}
    assert (await live.does(rma, "refusal", note, who=2))["stage"] == "inspected"
    view = await live.view(rma)
    assert view["goods_minor"] == 0
    assert [(x["status"], x["amount_minor"]) for x in view["refunds"]] == [("canceled", PRICE)]
    assert {clock["kind"]: clock["state"] for clock in view["clocks"]} == {
        "processing": "running", "refund": "running",
    }  # fmt: skip
    assert await live.ledger(rma) == {"granted": -PRICE, "withdrawn": PRICE}
    assert (await live.tasks(rma))["inspected"].queue == "decisions"
    assert await live.paid_back(sold) == []

    rejected = {"items": [{"line": 1, "acceptance": "rejected"}]}
    assert (await live.does(rma, "decision", rejected, who=1))["stage"] == "closed"
    assert await live.paid_back(sold) == []
    assert "Canary" not in "".join(mail.text + mail.html for mail in live.mails(sold))


async def test_what_was_refused_can_be_granted_again_and_is_paid_once(live: Live) -> None:
    rma, sold = await waiting_for_a_manager(live, 2)
    await live.does(rma, "decision", who=1)
    await live.does(rma, "refusal", {"note": "Look at the seams again."}, who=2)
    await live.does(rma, "decision", who=1)
    await live.does(rma, "approval", who=2)
    closed = await live.reach(rma, "closed")
    assert closed["goods_minor"] == 2 * PRICE
    assert await live.paid_back(sold) == [(2 * PRICE, "succeeded")]
    assert [x["status"] for x in closed["refunds"]] == ["canceled", "succeeded"]


async def test_who_may_not_approve_may_not_refuse(live: Live) -> None:
    rma, _ = await waiting_for_a_manager(live)
    await live.does(rma, "decision", who=1)
    answer = await live.post(f"returns/{rma}/refusal", {"note": "x"}, role=Role.REP)
    assert answer.status_code == 403
    await live.does(rma, "approval", who=2)
    await live.reach(rma, "closed")
