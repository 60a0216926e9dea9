"""Returns that end before their goods are here: the shop declines, or the customer keeps the goods."""

import re
from datetime import timedelta
from typing import Any

import pytest
from live import Live

DAY = timedelta(days=1)


def clocks(view: dict[str, Any]) -> set[tuple[str, str]]:
    return {(clock["kind"], clock["state"]) for clock in view["clocks"]}


STOPPED = {("processing", "stopped"), ("refund", "stopped")}


async def test_a_declined_request_tells_each_reason_and_ends(live: Live) -> None:
    sold = await live.dress(2)
    rma = await live.request(sold, 2)
    await live.mailed(sold, 1)
    body = {"reasons": ["made_to_order", "hygiene"], "note": "Canary: seal broken, says the photo."}
    answer = await live.does(rma, "decline", body)
    assert answer["stage"] == "declined"
    view = await live.view(rma)
    assert (view["stage"], clocks(view)) == ("declined", STOPPED)
    assert [(x["reception"], x["acceptance"], x["reasons"]) for x in view["lots"]] == [
        ("cancelled", "rejected", ["made_to_order", "hygiene"])
    ]
    await live.run_ended(rma)
    mail = (await live.mailed(sold, 2))[-1]
    assert mail.subject == f"Your return request {rma}: we cannot take it"
    assert "It was made to order, which cannot be returned." in mail.text
    assert "For reasons of hygiene it cannot be returned" in mail.text
    assert "Please do not send anything back" in mail.text
    assert "Canary" not in mail.text + mail.html, "a note is the desk's own"
    assert await live.timeline(rma) == ["requested", "declined"]
    assert await live.request(sold, 2), "its units can be asked for again"
    assert await live.paid_back(sold) == []


@pytest.mark.parametrize("authorized", [False, True])
async def test_a_cancelled_return_ends_and_frees_its_units(live: Live, authorized: bool) -> None:
    sold = await live.dress(2)
    rma = await live.request(sold, 2, authorize=authorized)
    await live.mailed(sold, 1)
    answer = await live.does(rma, "cancellation")
    assert answer["stage"] == "cancelled"
    view = await live.view(rma)
    assert (view["stage"], clocks(view)) == ("cancelled", STOPPED)
    await live.run_ended(rma)
    mail = (await live.mailed(sold, 2))[-1]
    assert mail.subject == f"Your return {rma} is cancelled"
    assert ("packing slip does not hold any more" in mail.text) is authorized
    assert await live.request(sold, 2), "its units can be asked for again"
    tasks = await live.tasks(rma)
    assert not [task for task in tasks.values() if task.done_at is None], "nobody waits for it"


async def test_a_cancelled_return_is_neither_reminded_of_nor_expires(live: Live) -> None:
    friday = await live.friday_afternoon()
    sold = await live.dress()
    rma = await live.request(sold, 1, authorize=True)
    await live.mailed(sold, 1)
    await live.does(rma, "cancellation")
    await live.run_ended(rma)
    await live.mailed(sold, 2)
    await live.advance_to(friday + 29 * DAY)
    await live.is_quiet()
    await live.mailed(sold, 2)
    assert (await live.view(rma))["stage"] == "cancelled"


async def test_only_what_has_not_arrived_can_be_declined_or_cancelled(live: Live) -> None:
    sold = await live.dress()
    rma = await live.request(sold, 1, authorize=True)
    declined = await live.post(f"returns/{rma}/decline", {"reasons": ["hygiene"]})
    assert (declined.status_code, declined.json()["code"]) == (409, "not_allowed_at_stage")
    await live.arrive(rma, 1)
    cancelled = await live.post(f"returns/{rma}/cancellation", {})
    assert (cancelled.status_code, cancelled.json()["code"]) == (409, "not_allowed_at_stage")
    assert re.search(r"Now possible: correction, .*inspections, .*receipts", cancelled.json()["detail"])
    await live.inspect(rma, 1)
    await live.reach(rma, "closed")


async def test_a_return_cancelled_twice_answers_twice_and_frees_its_units_once(live: Live) -> None:
    sold = await live.dress(2)
    rma = await live.request(sold, 1)
    other = await live.request(sold, 1)
    first, second = [await live.post(f"returns/{rma}/cancellation", {}, key="once") for _ in range(2)]
    assert (first.status_code, second.status_code) == (200, 200)
    assert first.json() == second.json()
    third = await live.post(f"returns/{rma}/cancellation", {})
    assert third.status_code == 409
    assert (await live.view(other))["stage"] == "requested", "another return keeps its unit"
    taken = await live.post("returns", {
        "order_reference": sold.reference, "channel": "phone",
        "items": [{"line": 1, "quantity": 2, "reason": "other"}],
    })  # fmt: skip
    assert taken.json()["reasons"] == ["already_returned:line 1"]
