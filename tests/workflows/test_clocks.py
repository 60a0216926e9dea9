"""Policy 5's two clocks, moved through whole weeks: what is promised, warned of, late, reminded of and expired.

All dates are counted by hand from a Friday at 15:00 in London in a summer without holidays, when a working day is
9:00 to 17:30; "a moment" is what the tests themselves take.
"""

from datetime import datetime, timedelta
from fractions import Fraction

from live import MOMENT, Live, request_of

DAY = timedelta(days=1)


def at(instant: datetime, hour: int = 15, minute: int = 0) -> str:
    """London's summer time on that day, as the API writes it."""
    return f"{instant:%Y-%m-%d}T{hour - 1:02}:{minute:02}:00Z"


def day(instant: datetime) -> str:
    """As the emails write it."""
    return f"{instant:%A} {instant.day} {instant:%B}"


async def test_what_nobody_decides_is_warned_of_and_then_late_with_an_honest_new_date(live: Live) -> None:
    friday = await live.friday_afternoon()
    sold = await live.dress()
    asked = await live.post("returns", request_of(sold, 1, contacted_at=friday.isoformat()))
    rma = asked.json()["rma"]
    assert asked.json()["processing_due_at"] == at(friday + 7 * DAY)
    assert asked.json()["refund_due_at"] == at(friday + 11 * DAY)
    [promise] = await live.mailed(sold, 1)
    assert day(friday + 7 * DAY) in promise.text

    await live.advance_to(friday + 6 * DAY - MOMENT, rma)
    assert await live.timeline(rma) == ["requested"]
    await live.advance_to(friday + 6 * DAY + MOMENT, rma)
    warning = await live.until_task(rma, "warn_processing")
    assert (warning.queue, warning.owner_role, warning.due_at) == ("authorizations", "rep", friday + 7 * DAY)

    await live.advance_to(friday + 7 * DAY - MOMENT, rma)
    assert await live.timeline(rma) == ["requested", "warned"]
    await live.advance_to(friday + 7 * DAY + MOMENT, rma)
    late = await live.until_task(rma, "breach_processing")
    assert (late.queue, late.owner_role) == ("late", "manager")
    assert abs(late.due_at - (friday + 10 * DAY)) < MOMENT
    delay = (await live.mailed(sold, 2))[-1]
    assert f"promised our decision by {day(friday + 7 * DAY)}" in delay.text
    assert f"you have our decision by {day(friday + 10 * DAY)}" in delay.text

    await live.advance_to(friday + 11 * DAY + MOMENT, rma)
    await live.until_task(rma, "breach_refund")
    delay = (await live.mailed(sold, 3))[-1]
    assert f"promised our decision and any refund by {day(friday + 11 * DAY)}" in delay.text
    assert f"any refund is sent, by {day(friday + 12 * DAY)}" in delay.text

    await live.advance(5 * DAY, rma)
    await live.is_quiet()
    assert len(live.mails(sold)) == 3, "a delay is told once"
    what = await live.timeline(rma)
    assert what == ["requested", "warned", "breached", "warned", "breached"]


async def test_both_clocks_wait_while_the_goods_are_on_their_way(live: Live) -> None:
    friday = await live.friday_afternoon()
    sold = await live.dress()
    rma = await live.request(sold, 1, contacted_at=friday.isoformat(), authorize=True)
    assert [(c["state"], c["due_at"]) for c in (await live.view(rma))["clocks"]] == [("paused", None)] * 2

    monday = friday + 10 * DAY - timedelta(hours=5)
    await live.advance_to(monday, rma)
    assert await live.timeline(rma) == ["requested", "authorized"]
    arrived = await live.arrive(rma, 1)
    due = [datetime.fromisoformat(arrived[x]) for x in ("processing_due_at", "refund_due_at")]
    assert abs(due[0] - (monday + 7 * DAY)) < MOMENT, "five days are left: the Monday after"
    assert abs(due[1] - (monday + 9 * DAY)) < MOMENT, "seven days are left: the Wednesday after"
    assert day(monday + 7 * DAY) in (await live.mailed(sold, 2))[-1].text

    await live.advance_to(monday + 7 * DAY + MOMENT, rma)
    await live.until_task(rma, "breach_processing")


async def test_a_decision_in_time_stops_processing_and_leaves_the_refund_clock(live: Live) -> None:
    """There is no payment to refund to, so the money waits for a person."""
    friday = await live.friday_afternoon()
    line = {"quantity": 1, "unit_price_minor": 3_000}
    sold = await live.order([line], paid_minor=3_000, payments=[])
    rma = await live.request(sold, 1, contacted_at=friday.isoformat(), authorize=True)
    await live.arrive(rma, 1)
    await live.advance_to(friday + 7 * DAY - MOMENT, rma)
    await live.inspect(rma, 1)
    decided = await live.view(rma)
    assert decided["stage"] == "settling"
    assert {c["kind"]: c["state"] for c in decided["clocks"]} == {
        "processing": "stopped",
        "refund": "running",
    }

    await live.advance_to(friday + 11 * DAY + MOMENT, rma)
    await live.until_task(rma, "breach_refund")
    tasks = await live.tasks(rma)
    assert "breach_processing" not in tasks
    assert (tasks["pay_by_hand"].owner_role, tasks["breach_refund"].owner_role) == ("finance", "manager")
    assert [c["breached_at"] is None for c in (await live.view(rma))["clocks"]] == [True, False]


async def test_goods_that_never_come_are_reminded_of_after_14_days_and_expire_after_28(live: Live) -> None:
    friday = await live.friday_afternoon()
    sold = await live.dress()
    rma = await live.request(sold, 1, authorize=True)
    await live.mailed(sold, 1)

    await live.advance_to(friday + 14 * DAY - MOMENT, rma)
    assert await live.timeline(rma) == ["requested", "authorized"]
    await live.advance_to(friday + 14 * DAY + MOMENT, rma)
    reminder = (await live.mailed(sold, 2))[-1]
    assert day(friday + 27 * DAY) in reminder.text, "whoever sends it on the day before is in time"

    await live.advance_to(friday + 28 * DAY - MOMENT, rma)
    assert (await live.view(rma))["stage"] == "authorized"
    await live.advance_to(friday + 28 * DAY + MOMENT, rma)
    await live.reach(rma, "expired")
    await live.mailed(sold, 3)
    assert await live.timeline(rma) == ["requested", "authorized", "reminded", "expired"]
    too_late = await live.post(f"returns/{rma}/shipment", {"tracking": "JD0003"})
    assert (too_late.status_code, too_late.json()["code"]) == (409, "not_allowed_at_stage")
    assert await live.request(sold, 1), "its units can be asked for again"
    assert await live.paid_back(sold) == []


async def test_what_is_returned_in_time_is_never_late(live: Live) -> None:
    friday = await live.friday_afternoon()
    sold = await live.dress(price_minor=4_999)
    rma = await live.request(sold, 1, contacted_at=friday.isoformat(), authorize=True)
    await live.advance_to(friday + 3 * DAY, rma)
    await live.arrive(rma, 1)
    await live.advance_to(friday + 5 * DAY, rma)
    await live.inspect(rma, 1)
    closed = await live.reach(rma, "closed")
    assert [c["state"] for c in closed["clocks"]] == ["stopped", "stopped"]
    assert await live.paid_back(sold) == [(4_999, "succeeded")]
    subjects = [mail.subject for mail in await live.mailed(sold, 4)]
    assert subjects[2:] == [
        f"Your return {rma} is accepted: we are refunding £49.99",
        "We have refunded £49.99",
    ]
    accepted = live.mails(sold)[2]
    assert f"on {day(friday + 5 * DAY)}" in accepted.text


async def test_no_mail_promises_a_day_that_has_passed(live: Live) -> None:
    """Both clocks are used up before the goods are here: what is promised then is the delay's one business day."""
    friday = await live.friday_afternoon()
    sold = await live.dress()
    rma = await live.request(sold, 1, contacted_at=friday.isoformat())
    await live.advance_to(friday + 12 * DAY, rma)
    await live.until_task(rma, "breach_refund")
    await live.does(rma, "authorization")
    await live.advance_to(friday + 17 * DAY, rma)
    await live.arrive(rma, 1)
    assert f"our decision by {day(friday + 18 * DAY)}." in (await live.mailed(sold, 5))[-1].text
    await live.advance_to(friday + 18 * DAY, rma)
    await live.inspect(rma, 1)
    accepted = (await live.mailed(sold, 7))[-2].text
    assert f"by {day(friday + 19 * DAY)}, and write to you" in accepted
    assert "later than we promised" in accepted


async def test_after_a_failed_refund_its_clock_goes_on_where_it_stood(live: Live) -> None:
    """Two of seven days were used from Wednesday 15:00 to Friday 15:00, when the processor took the refund. The bank
    sends it back on Thursday at 10:00: five days are left from there, until the Thursday after.
    """
    friday = await live.friday_afternoon()
    thursday = friday + 6 * DAY - timedelta(hours=5)
    due_at = thursday + 7 * DAY
    sold = await live.dress()
    rma = await live.come_back(sold, 1, contacted_at=(friday - 2 * DAY).isoformat())
    closed = await live.reach(rma, "closed")
    await live.mailed(sold, 4)
    await live.is_quiet()
    await live.advance_to(thursday)
    await live.knob(f"refunds/{closed['refunds'][0]['processor_reference']}/fail")
    task = await live.until_task(rma, f"failed_{rma}-1")

    [processing, refund] = (await live.get(f"returns/{rma}/clocks"))["clocks"]
    assert [x["kind"] for x in refund["events"]][-2:] == ["stopped", "restarted"]
    assert refund["events"][-1]["reason"] == "refund_failed"
    assert abs(Fraction(refund["used"]["exact"]) - 2) < Fraction(1, 100), "not the six days since"
    [stood] = [x for x in refund["spans"] if x["kind"] == "stopped"]
    assert abs(datetime.fromisoformat(stood["start"]) - friday) < MOMENT
    assert abs(datetime.fromisoformat(stood["end"]) - thursday) < MOMENT
    assert abs(datetime.fromisoformat(refund["due_at"]) - due_at) < MOMENT
    assert abs(task.due_at - due_at) < MOMENT
    assert processing["state"] == "stopped"
    assert f"by {day(due_at)}" in (await live.mailed(sold, 5))[-1].text

    await live.advance_to(due_at - MOMENT, rma)
    assert "breached" not in await live.timeline(rma)
    await live.advance_to(due_at + MOMENT, rma)
    await live.until_task(rma, "breach_refund")


async def test_what_was_late_is_nobodys_task_any_more_once_it_is_done(live: Live) -> None:
    friday = await live.friday_afternoon()
    sold = await live.dress()
    rma = await live.request(sold, 1, authorize=True)
    await live.arrive(rma, 1)
    await live.advance_to(friday + 11 * DAY + MOMENT, rma)
    await live.until_task(rma, "breach_refund")
    open_tasks = set(await live.tasks(rma))
    assert "breach_processing" in open_tasks
    assert {"warn_processing", "warn_refund"}.isdisjoint(open_tasks), "what they warned of has come to pass"
    await live.inspect(rma, 1)
    await live.reach(rma, "closed")
    await live.run_ended(rma)
    assert await live.tasks(rma) == {}
    assert [clock["breached_at"] is None for clock in (await live.view(rma))["clocks"]] == [False, False]
