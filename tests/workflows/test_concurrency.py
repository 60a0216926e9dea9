"""Two at once: the same command twice, two commands on one return, two returns of one unit."""

import asyncio
from uuid import uuid4

from live import Live, request_of

CLICKS = 20


async def test_the_same_command_twice_at_once_is_carried_out_once_and_answers_the_same(live: Live) -> None:
    sold = await live.dress()
    rma = await live.request(sold, 1)
    key = uuid4().hex
    answers = await asyncio.gather(
        *(live.post(f"returns/{rma}/authorization", {}, key=key) for _ in range(2))
    )
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json() == answers[1].json()
    assert await live.timeline(rma) == ["requested", "authorized"]
    await live.mailed(sold, 2)


async def test_twenty_clicks_on_request_are_one_return(live: Live) -> None:
    sold = await live.dress(5)
    key, body = uuid4().hex, request_of(sold, 1)
    answers = await asyncio.gather(*(live.post("returns", body, key=key) for _ in range(CLICKS)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["rma"] for answer in answers}) == 1
    await live.mailed(sold, 1)


async def test_twenty_clicks_on_decide_pay_once(live: Live) -> None:
    sold = await live.dress()
    rma = await live.request(sold, 1, authorize=True)
    await live.arrive(rma, 1)
    await live.inspect(rma, 1, decide=False)
    key = uuid4().hex
    answers = await asyncio.gather(
        *(live.post(f"returns/{rma}/decision", {}, key=key) for _ in range(CLICKS))
    )
    assert {answer.status_code for answer in answers} == {200}
    await live.reach(rma, "closed")
    assert await live.paid_back(sold) == [(4_000, "succeeded")]
    assert (await live.timeline(rma)).count("decided") == 1


async def test_a_key_with_another_body_is_refused_and_changes_nothing(live: Live) -> None:
    sold = await live.dress(2)
    key = uuid4().hex
    first = await live.post("returns", request_of(sold, 1), key=key)
    other = await live.post("returns", request_of(sold, 2), key=key)
    assert first.status_code == 201
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    again = await live.post("returns", request_of(sold, 1), key=key)
    assert again.json() == first.json()


async def test_a_key_belongs_to_whoever_sent_it(live: Live) -> None:
    sold = await live.dress(2)
    key = uuid4().hex
    answers = [await live.post("returns", request_of(sold, 1), who=who, key=key) for who in (1, 2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json()["rma"] != answers[1].json()["rma"]


async def test_of_two_different_commands_at_once_one_wins_and_the_other_hears_why_not(live: Live) -> None:
    """Two reps authorize the same request: the second finds it authorized already."""
    sold = await live.dress()
    rma = await live.request(sold, 1)
    answers = await asyncio.gather(
        *(live.post(f"returns/{rma}/authorization", {}, who=who) for who in (1, 2))
    )
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    [lost] = [answer.json() for answer in answers if answer.status_code == 409]
    assert lost["code"] == "not_allowed_at_stage"
    assert await live.timeline(rma) == ["requested", "authorized"]
    await live.mailed(sold, 2)


async def test_contradicting_decisions_at_once_leave_one_verdict_and_its_money(live: Live) -> None:
    sold = await live.dress()
    rma = await live.request(sold, 1, authorize=True)
    await live.arrive(rma, 1)
    await live.inspect(rma, 1, decide=False)
    verdicts = ("accepted", "rejected")
    answers = await asyncio.gather(
        *(
            live.post(f"returns/{rma}/decision", {"items": [{"line": 1, "acceptance": verdict}]}, who=who)
            for who, verdict in enumerate(verdicts, start=1)
        )
    )
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    won = verdicts[[answer.status_code for answer in answers].index(200)]
    closed = await live.reach(rma, "closed")
    assert [lot["acceptance"] for lot in closed["lots"]] == [won]
    assert len(await live.paid_back(sold)) == (1 if won == "accepted" else 0)


async def test_one_unit_is_never_claimed_by_two_returns(live: Live) -> None:
    sold = await live.dress()
    answers = await asyncio.gather(*(live.post("returns", request_of(sold, 1)) for _ in range(2)))
    assert sorted(answer.status_code for answer in answers) == [201, 422]
    [refused] = [answer.json() for answer in answers if answer.status_code == 422]
    assert refused["reasons"] == ["already_returned:line 1"]
    await live.mailed(sold, 1)


async def test_more_requests_than_units_get_exactly_the_units(live: Live) -> None:
    sold = await live.dress(3)
    answers = await asyncio.gather(*(live.post("returns", request_of(sold, 1)) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [201] * 3 + [422] * 5
