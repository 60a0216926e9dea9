"""While the shop waits for an answer both clocks stand; any message of the customer sets them going again."""

from datetime import datetime, timedelta
from typing import Any

from live import Live

DAY = timedelta(days=1)
ASKED = "Which dress is it?\n\nA photo of the seam would help."


def states(view: dict[str, Any]) -> set[str]:
    return {clock["state"] for clock in view["clocks"]}


def due(view: dict[str, Any]) -> dict[str, datetime | None]:
    return {
        clock["kind"]: datetime.fromisoformat(clock["due_at"]) if clock["due_at"] else None
        for clock in view["clocks"]
    }


async def test_a_question_stops_both_clocks_until_the_customer_says_something(live: Live) -> None:
    friday = await live.friday_afternoon()
    sold = await live.dress()
    rma = await live.request(sold, 1)
    await live.mailed(sold, 1)
    promised = due(await live.view(rma))
    await live.does(rma, "question", {"note": ASKED})
    asked = (await live.mailed(sold, 2))[-1]
    assert asked.subject == f"Your return {rma}: we need your answer"
    assert "Which dress is it?" in asked.text
    assert "A photo of the seam would help." in asked.html
    view = await live.view(rma)
    assert states(view) == {"paused"}
    assert view["awaiting_answer_since"] is not None
    waits = (await live.tasks(rma))["requested"]
    assert (waits.queue, waits.owner_role) == ("awaiting_customer", "rep")

    await live.advance_to(friday + 21 * DAY, rma)
    assert await live.timeline(rma) == ["requested", "asked"], "nothing is late: it is the customer's turn"
    await live.does(rma, "message", {"channel": "email", "note": "The blue one."})
    view = await live.view(rma)
    assert states(view) == {"running"}
    assert view["awaiting_answer_since"] is None
    for kind, at in due(view).items():
        before = promised[kind]
        assert at is not None
        assert before is not None
        assert abs(at - before - 21 * DAY) < timedelta(minutes=15), (
            "three weeks of waiting, three weeks later"
        )
    back = (await live.tasks(rma))["requested"]
    assert back.queue == "authorizations"


async def test_the_clocks_run_from_when_the_customer_spoke_not_from_when_it_was_recorded(live: Live) -> None:
    friday = await live.friday_afternoon()
    sold = await live.dress()
    rma = await live.request(sold, 1)
    await live.does(rma, "question", {"note": ASKED})
    await live.advance_to(friday + 14 * DAY, rma)
    said = (friday + 3 * DAY).isoformat()
    await live.does(rma, "message", {"channel": "phone", "note": "The blue one.", "said_at": said})
    await live.until_task(rma, "breach_processing")
    assert "breached" in await live.timeline(rma), "eleven days in a drawer are the shop's own"
    future = await live.post(
        f"returns/{rma}/message", {"channel": "phone", "note": "x", "said_at": "2199-01-01T00:00:00Z"}
    )
    assert (future.status_code, future.json()["code"]) == (422, "said_in_future")


async def test_who_goes_on_without_an_answer_waits_for_none(live: Live) -> None:
    sold = await live.dress()
    rma = await live.request(sold, 1, authorize=True)
    await live.arrive(rma, 1)
    await live.does(rma, "question", {"note": ASKED})
    assert states(await live.view(rma)) == {"paused"}
    await live.inspect(rma, 1)
    closed = await live.reach(rma, "closed")
    assert closed["awaiting_answer_since"] is None
    assert await live.paid_back(sold) == [(4_000, "succeeded")]


async def test_a_message_nobody_waited_for_is_kept_and_changes_no_clock(live: Live) -> None:
    sold = await live.dress()
    rma = await live.request(sold, 1)
    before = due(await live.view(rma))
    await live.does(rma, "message", {"channel": "chat", "note": "When do you decide?"})
    assert due(await live.view(rma)) == before
    assert await live.timeline(rma) == ["requested", "message"]
