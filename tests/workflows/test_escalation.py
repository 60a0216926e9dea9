"""Who is handed a late return has what they need in the task itself."""

from datetime import timedelta

from live import Live

DAY = timedelta(days=1)


async def test_the_warning_and_the_breach_say_how_it_came_to_that(live: Live) -> None:
    friday = await live.friday_afternoon()  # three o'clock: 2.5 of that day's 8.5 hours are left
    sold = await live.dress(2)
    rma = await live.request(sold, 2, contacted_at=friday.isoformat(), authorize=True)
    await live.advance_to(friday + 3 * DAY, rma)  # Monday at three: the clocks stood since Friday
    await live.arrive(rma, 2)
    await live.inspect(rma, 1, condition="opened")
    await live.advance_to(friday + 7 * DAY + timedelta(hours=2), rma)  # four working days and a bit on
    warned = await live.until_task(rma, "warn_processing")
    assert (warned.queue, warned.owner_role) == ("inspections", "warehouse")
    assert warned.details["units"] == {"undecided": 2, "here": 2, "to_inspect": 1}
    assert warned.details["for_a_person"] == ["condition_opened"]
    assert warned.details["hours_waiting_for_customer"] == "72.00"
    assert (warned.details["days_given"], warned.details["days_used"][:2]) == ("5.00", "4.")

    await live.advance_to(friday + 11 * DAY, rma)
    late = await live.until_task(rma, "breach_processing")
    assert (late.queue, late.owner_role) == ("late", "manager")
    assert late.details["stage"] == "received"
    assert late.details["stood_in"] == "inspections", "it was missed there"
    assert late.details["channel"] == "phone"

    await live.inspect(rma, 1)
    await live.does(rma, "decision", {"items": [{"line": 1, "acceptance": "accepted"}]})
    await live.reach(rma, "closed")
    open_tasks = await live.tasks(rma)
    assert {"warn_processing", "breach_processing"}.isdisjoint(open_tasks), "nobody need hurry any more"
