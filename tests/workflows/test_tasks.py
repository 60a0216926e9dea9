"""A task that a person has done is closed through the return's own run, also long after the return has ended."""

import asyncio

from live import Live

from returndesk.domain.people import Role


async def test_a_message_after_the_end_is_read_and_closed_and_the_run_ends_again(live: Live) -> None:
    sold = await live.dress()
    rma = await live.request(sold, 1)
    await live.does(rma, "cancellation")
    await live.run_ended(rma)
    await live.does(rma, "message", {"channel": "email", "note": "Canary: thank you."})
    [task] = (await live.tasks(rma)).values()
    answer = await live.post(f"tasks/{task.id}/done", {"note": "Canary: read."}, role=Role.REP)
    assert answer.status_code == 200, answer.text
    assert await live.tasks(rma) == {}
    await live.run_ended(rma)
    assert (await live.timeline(rma))[-1] == "task_done"


async def test_two_people_who_close_it_at_once_are_both_told_who_did(live: Live) -> None:
    sold = await live.dress()
    rma = await live.request(sold, 1, authorize=True)
    await live.does(rma, "message", {"channel": "email", "note": "Canary: thank you."})
    [task] = [x for x in (await live.tasks(rma)).values() if x.queue == "messages"]
    answers = await asyncio.gather(
        *(live.post(f"tasks/{task.id}/done", {}, role=Role.REP, who=who) for who in (1, 2))
    )
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json() == answers[1].json()
    assert (await live.timeline(rma)).count("task_done") == 1
