"""A manager does not let a large refund go: everything the decision did is undone, and it is decided again."""

from live import Live, Role, Sold

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


async def a_lost_parcel(live: Live) -> tuple[str, Sold]:
    sold = await live.dress(price_minor=PRICE)
    rma = await live.request(sold, 1, authorize=True)
    await live.does(rma, "shipment", {"tracking": "JD0002"})
    await live.does(rma, "loss")
    return rma, sold


ACCEPTED = {"items": [{"line": 1, "acceptance": "accepted"}]}
REJECTED = {"items": [{"line": 1, "acceptance": "rejected"}]}


async def test_a_lost_parcel_that_was_not_to_be_paid_for_can_be_paid_for_after_all(live: Live) -> None:
    rma, sold = await a_lost_parcel(live)
    await live.does(rma, "decision", ACCEPTED, who=1)
    await live.does(rma, "refusal", {"note": "Ask the carrier first."}, who=2)
    await live.does(rma, "decision", ACCEPTED, who=1)
    await live.does(rma, "approval", who=2)
    await live.reach(rma, "closed")
    assert await live.paid_back(sold) == [(PRICE, "succeeded")]


async def test_a_lost_parcel_that_is_not_paid_for_leaves_its_units_free(live: Live) -> None:
    rma, sold = await a_lost_parcel(live)
    await live.does(rma, "decision", ACCEPTED, who=1)
    await live.does(rma, "refusal", {"note": "It was never sent."}, who=2)
    await live.does(rma, "decision", REJECTED, who=1)
    await live.reach(rma, "closed")
    assert await live.request(sold, 1), "the customer has it still"


async def test_rejected_goods_do_not_leave_before_a_manager_has_approved(live: Live) -> None:
    """Sent back and then accepted after all, they would be paid for and gone."""
    lines = [{"quantity": 1, "unit_price_minor": PRICE}, {"quantity": 1, "unit_price_minor": 4_000}]
    sold = await live.order(lines, paid_minor=PRICE + 4_000)
    rma = await live.request(sold, 1, 1, authorize=True)
    await live.arrive(rma, 1, 1)
    await live.inspect(rma, 1, 1, decide=False)
    verdicts = [{"line": 1, "acceptance": "accepted"}, {"line": 2, "acceptance": "rejected"}]
    await live.does(rma, "decision", {"items": verdicts}, who=1)
    too_early = await live.post(f"returns/{rma}/goods-back", {"way": "sent_back"})
    assert (too_early.status_code, too_early.json()["code"]) == (422, "nothing_to_send_back")
    await live.does(rma, "approval", who=2)
    await live.does(rma, "goods-back", {"way": "sent_back"})
    await live.reach(rma, "closed")


async def test_what_is_owed_by_an_earlier_decision_stays_finances_task(live: Live) -> None:
    line = {"quantity": 2, "unit_price_minor": PRICE}
    sold = await live.order([line], paid_minor=1_000)
    rma = await live.request(sold, 2, authorize=True)
    for _ in range(2):
        await live.arrive(rma, 1)
        await live.inspect(rma, 1)
        assert "pay_by_hand" in await live.tasks(rma)
        if (await live.view(rma))["owed_without_refund_minor"] == PRICE - 1_000:
            await live.does(rma, "approval", who=2)
    await live.does(rma, "refusal", {"note": "Look at it again."}, who=2)
    assert (await live.view(rma))["owed_without_refund_minor"] == PRICE - 1_000
    assert "pay_by_hand" in await live.tasks(rma)
