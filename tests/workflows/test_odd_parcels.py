"""Parcels as they really come: unannounced, with too much, with something else, after the end. None is lost."""

from datetime import timedelta
from typing import Any

import pytest
from live import MOMENT, Live, Sold

DAY = timedelta(days=1)


def lots(view: dict[str, Any]) -> list[tuple[int | None, int, str, str]]:
    return sorted(
        ((x["line"], x["quantity"], x["reception"], x["acceptance"]) for x in view["lots"]), key=str
    )


async def two_dresses_and_a_hat(live: Live) -> Sold:
    lines = [{"quantity": 3, "unit_price_minor": 4_000}, {"quantity": 1, "unit_price_minor": 1_500}]
    return await live.order(lines, paid_minor=13_500)


async def test_what_comes_before_the_yes_is_recorded_and_a_person_decides(live: Live) -> None:
    sold = await live.dress()
    rma = await live.request(sold, 1)
    await live.mailed(sold, 1)
    assert (await live.arrive(rma, 1))["stage"] == "received"
    assert (await live.inspect(rma, 1))["stage"] == "inspected", "the rules alone do not take it back"
    assert (await live.tasks(rma))["inspected"].queue == "decisions"
    unclear = await live.post(f"returns/{rma}/decision", {})
    assert unclear.json()["reasons"] == ["arrived_unauthorized:line 1"]
    await live.does(rma, "decision", {"items": [{"line": 1, "acceptance": "accepted"}]})
    await live.reach(rma, "closed")
    assert await live.paid_back(sold) == [(4_000, "succeeded")]


async def test_more_than_was_requested_is_not_refunded_without_a_person(live: Live) -> None:
    """The mirror image of spree #14678: requested two, received three, and nobody refunds three unseen."""
    sold = await two_dresses_and_a_hat(live)
    rma = await live.request(sold, 2, authorize=True)
    await live.arrive(rma, 3, 1)
    assert lots(await live.view(rma)) == [
        (1, 1, "received", "pending"),
        (1, 2, "received", "pending"),
        (2, 1, "received", "pending"),
    ]
    assert (await live.inspect(rma, 3, 1))["stage"] == "inspected"
    body = {"items": [{"line": 1, "acceptance": "accepted"}, {"line": 2, "acceptance": "rejected"}]}
    await live.does(rma, "decision", body)
    await live.reach(rma, "closed")
    assert await live.paid_back(sold) == [(12_000, "succeeded")]
    mail = (await live.mailed(sold, 4))[2]
    assert mail.subject == f"Your return {rma}: we could accept part of it"
    assert "It was not part of what you asked to return." in mail.text


async def test_units_of_another_return_are_not_given_back_twice(live: Live) -> None:
    sold = await live.dress(2)
    other = await live.request(sold, 1, authorize=True)
    rma = await live.request(sold, 1, authorize=True)
    await live.mailed(sold, 2)
    await live.arrive(rma, 2)
    view = await live.view(rma)
    assert lots(view) == [(1, 1, "received", "pending"), (1, 1, "wrong_item", "pending")]
    task = (await live.tasks(rma))["claimed_elsewhere_2"]
    assert (task.queue, task.owner_role, task.details) == (
        "claimed_elsewhere",
        "rep",
        {"line": 1, "quantity": 1},
    )
    await live.inspect(rma, 1)
    await live.reach(rma, "closed")
    assert await live.paid_back(sold) == [(4_000, "succeeded")]
    verdict = (await live.mailed(sold, 5))[-2]
    assert verdict.subject == f"Your return {rma} is accepted: we are refunding £40.00", "all that is its own"
    assert "goods_back_1" not in await live.tasks(rma), "it does not go back: the other return has it"
    await live.arrive(other, 1)
    await live.inspect(other, 1)
    await live.reach(other, "closed")
    assert sorted(await live.paid_back(sold)) == [(4_000, "succeeded"), (4_000, "succeeded")]


async def test_something_else_instead_is_sent_back_and_nothing_is_paid(live: Live) -> None:
    sold = await live.dress()
    rma = await live.request(sold, 1, authorize=True)
    await live.mailed(sold, 1)
    body = {"wrong_items": [{"quantity": 1, "note": "Canary: a brick in a sock."}]}
    assert (await live.does(rma, "receipts", body))["stage"] == "inspected"
    got = (await live.mailed(sold, 2))[-1]
    assert "Something that is not part of this order: 1 arrived, not expected." in got.text
    assert "the item we expected was not in it. It held one item that we did not expect." in got.text
    assert "Canary" not in got.text + got.html
    assert (await live.does(rma, "decision"))["stage"] == "closed"
    said = (await live.mailed(sold, 3))[-1]
    assert "What reached us is not what this order contained." in said.text
    assert "It was not in the parcel that reached us." in said.text
    assert (await live.tasks(rma))["goods_back_1"].queue == "goods_back"
    assert await live.paid_back(sold) == []


async def test_an_empty_box_is_decided_by_a_person_and_said_as_it_is(live: Live) -> None:
    sold = await live.dress()
    rma = await live.request(sold, 1, authorize=True)
    await live.mailed(sold, 1)
    assert (await live.arrive(rma))["stage"] == "inspected"
    await live.mailed(sold, 2)
    assert (await live.does(rma, "decision"))["stage"] == "closed"
    said = (await live.mailed(sold, 3))[-1]
    assert "It was not in the parcel that reached us." in said.text
    assert "do not send anything back" not in said.text
    assert await live.paid_back(sold) == []


async def test_a_line_the_order_does_not_have_is_refused_and_changes_nothing(live: Live) -> None:
    sold = await live.dress()
    rma = await live.request(sold, 1, authorize=True)
    answer = await live.post(f"returns/{rma}/receipts", {"items": [{"line": 7, "quantity": 1}]})
    assert (answer.status_code, answer.json()["code"]) == (422, "unknown_line")
    assert (await live.view(rma))["stage"] == "authorized"


@pytest.mark.parametrize(
    ("ends", "stage", "why"),
    [
        ("decline", "declined", "arrived_after_decline"),
        ("cancellation", "cancelled", "arrived_after_cancellation"),
        ("expiry", "expired", "arrived_after_expiry"),
    ],
)
async def test_a_parcel_for_an_ended_return_makes_it_run_again(
    live: Live, ends: str, stage: str, why: str
) -> None:
    friday = await live.friday_afternoon()
    sold = await live.dress(2)
    rma = await live.request(sold, 2, authorize=ends == "expiry")
    await live.mailed(sold, 1)
    if ends == "expiry":
        await live.advance_to(friday + 28 * DAY + MOMENT, rma)
    else:
        await live.does(rma, ends, {"reasons": ["hygiene"]} if ends == "decline" else {})
    await live.reach(rma, stage)
    await live.run_ended(rma)
    assert (await live.arrive(rma, 1))["stage"] == "received"
    running = {clock["state"] for clock in (await live.view(rma))["clocks"]}
    assert running == {"running"}
    assert (await live.inspect(rma, 1))["stage"] == "inspected"
    unclear = await live.post(f"returns/{rma}/decision", {})
    assert unclear.json()["reasons"] == [f"{why}:line 1"]
    await live.does(rma, "decision", {"items": [{"line": 1, "acceptance": "accepted"}]})
    await live.reach(rma, "closed")
    await live.run_ended(rma)
    assert await live.paid_back(sold) == [(4_000, "succeeded")]
    assert await live.request(sold, 1), "the unit that did not come is free"


async def test_the_missing_item_turns_up_after_the_end_and_is_paid_for_once(live: Live) -> None:
    """OCA/rma #418, #268: the second parcel of a closed return."""
    sold = await live.dress(2)
    rma = await live.request(sold, 2, authorize=True)
    await live.arrive(rma, 1)
    await live.inspect(rma, 1)
    await live.reach(rma, "closed")
    await live.run_ended(rma)
    assert await live.paid_back(sold) == [(4_000, "succeeded")]
    await live.arrive(rma, 1)
    await live.inspect(rma, 1)
    closed = await live.reach(rma, "closed")
    await live.run_ended(rma)
    assert sorted(await live.paid_back(sold)) == [(4_000, "succeeded"), (4_000, "succeeded")]
    assert closed["goods_minor"] == 8_000
    assert lots(closed) == [(1, 1, "received", "accepted")] * 2
    subjects = [mail.subject for mail in await live.mailed(sold, 7)]
    assert sum(subject.startswith("Refunded") or "refunded" in subject for subject in subjects) == 2, subjects


async def test_a_unit_that_another_return_took_meanwhile_is_not_paid_for_twice(live: Live) -> None:
    sold = await live.dress(1)
    rma = await live.request(sold, 1, authorize=True)
    await live.does(rma, "cancellation")
    await live.run_ended(rma)
    other = await live.request(sold, 1, authorize=True)
    await live.arrive(rma, 1)
    assert lots(await live.view(rma)) == [
        (1, 1, "cancelled", "pending"),
        (1, 1, "wrong_item", "pending"),
    ]
    assert "claimed_elsewhere_2" in await live.tasks(rma)
    await live.arrive(other, 1)
    await live.inspect(other, 1)
    await live.reach(other, "closed")
    await live.does(rma, "decision")
    await live.reach(rma, "closed")
    assert await live.paid_back(sold) == [(4_000, "succeeded")]


async def test_a_lost_parcel_is_a_persons_to_decide_and_nothing_is_paid_twice_when_it_turns_up(
    live: Live,
) -> None:
    sold = await live.dress()
    rma = await live.request(sold, 1, authorize=True)
    too_soon = await live.post(f"returns/{rma}/loss", {})
    assert (too_soon.status_code, too_soon.json()["code"]) == (422, "nothing_in_transit")
    await live.does(rma, "shipment", {"tracking": "JD0002"})
    assert (await live.does(rma, "loss"))["stage"] == "inspected"
    unclear = await live.post(f"returns/{rma}/decision", {})
    assert unclear.json()["reasons"] == ["lost:line 1"]
    await live.does(rma, "decision", {"items": [{"line": 1, "acceptance": "accepted"}]})
    await live.reach(rma, "closed")
    await live.run_ended(rma)
    assert (await live.arrive(rma, 1))["stage"] == "closed"
    await live.run_ended(rma)
    view = await live.view(rma)
    assert lots(view) == [(1, 1, "received", "accepted")]
    assert view["lots"][0]["disposition"] == "hold"
    assert await live.paid_back(sold) == [(4_000, "succeeded")]
    found = await live.until_task(rma, "found_1")
    assert (found.queue, found.owner_role) == ("found_goods", "warehouse")
    await live.does(rma, "dispositions", {"items": [{"lot": 1, "disposition": "restock"}]})
    await live.run_ended(rma)
    assert await live.tasks(rma) == {}


async def test_a_parcel_that_comes_while_a_manager_has_to_approve_is_decided_after_that(live: Live) -> None:
    sold = await live.order([{"quantity": 2, "unit_price_minor": 60_000}], paid_minor=120_000)
    rma = await live.request(sold, 2, authorize=True)
    await live.arrive(rma, 1)
    assert (await live.inspect(rma, 1))["stage"] == "decided"
    assert (await live.arrive(rma, 1))["stage"] == "decided"
    await live.does(rma, "approval", who=2)
    assert (await live.view(rma))["stage"] == "received"
    await live.inspect(rma, 1)
    await live.does(rma, "approval", who=2)
    await live.reach(rma, "closed")
    assert sorted(await live.paid_back(sold)) == [(60_000, "succeeded"), (60_000, "succeeded")]


@pytest.mark.parametrize("ends", ["decline", "cancellation"])
async def test_an_empty_box_for_an_ended_return_is_noted_and_changes_nothing(live: Live, ends: str) -> None:
    sold = await live.dress()
    rma = await live.request(sold, 1)
    await live.mailed(sold, 1)
    await live.does(rma, ends, {"reasons": ["hygiene"]} if ends == "decline" else {})
    await live.run_ended(rma)
    ended = (await live.view(rma))["stage"]
    assert (await live.arrive(rma))["stage"] == ended
    await live.run_ended(rma)
    assert {clock["state"] for clock in (await live.view(rma))["clocks"]} == {"stopped"}
    assert (await live.timeline(rma))[-1] == "received"
    await live.mailed(sold, 2)


async def test_something_else_is_not_counted_as_what_was_expected(live: Live) -> None:
    sold = await live.dress(2)
    rma = await live.request(sold, 2, authorize=True)
    await live.mailed(sold, 1)
    body = {"items": [{"line": 1, "quantity": 1}], "wrong_items": [{"quantity": 1, "note": "A hat."}]}
    await live.does(rma, "receipts", body | {"more_expected": True})
    first = (await live.mailed(sold, 2))[-1]
    assert "one of the two items we expected, and one item that we did not expect." in first.text
    await live.arrive(rma, 1)
    both = (await live.mailed(sold, 3))[-1]
    assert "It held your two items, and one item that we did not expect." in both.text
    assert "Something that is not part of this order: 1 arrived" in both.text


async def test_a_parcel_that_arrives_is_not_looked_for_any_more(live: Live) -> None:
    friday = await live.friday_afternoon()
    sold = await live.dress()
    rma = await live.request(sold, 1, authorize=True)
    await live.does(rma, "shipment", {"tracking": "JD0002"})
    await live.advance_to(friday + 28 * DAY + 2 * MOMENT, rma)
    await live.until_task(rma, "look_for_parcel")
    await live.arrive(rma, 1)
    assert "look_for_parcel" not in await live.tasks(rma)


async def test_what_is_lost_is_decided_in_time_while_the_rest_is_awaited_or_expires(live: Live) -> None:
    friday = await live.friday_afternoon()
    sold = await live.dress(2)
    rma = await live.request(sold, 2, authorize=True)
    await live.does(rma, "shipment", {"tracking": "JD0002", "items": [{"line": 1, "quantity": 1}]})
    assert (await live.does(rma, "loss"))["stage"] == "authorized", "the other one is awaited"
    assert {clock["state"] for clock in (await live.view(rma))["clocks"]} == {"paused"}
    await live.advance_to(friday + 28 * DAY + 2 * MOMENT, rma)
    view = await live.reach(rma, "inspected")
    assert {clock["state"] for clock in view["clocks"]} == {"running"}, (
        "somebody has to decide of the lost one"
    )
    assert "expired" in await live.timeline(rma)
    await live.does(rma, "decision", {"items": [{"line": 1, "acceptance": "accepted"}]})
    await live.reach(rma, "closed")
    assert await live.paid_back(sold) == [(4_000, "succeeded")]
