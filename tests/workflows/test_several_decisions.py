"""A return that is decided twice: each decision has its own money, its own dates and its own mails, and none blocks another."""

from datetime import datetime, timedelta
from typing import Any

from live import Live, Sold

from returndesk.domain.people import Role

DAY = timedelta(days=1)
LARGE = 60_000


async def small_and_large(live: Live) -> Sold:
    lines = [{"quantity": 1, "unit_price_minor": 4_000}, {"quantity": 1, "unit_price_minor": LARGE}]
    return await live.order(lines, paid_minor=4_000 + LARGE)


def states(view: dict[str, Any]) -> dict[str, str]:
    return {clock["kind"]: clock["state"] for clock in view["clocks"]}


async def the_second_is_rejected(live: Live, rma: str) -> None:
    await live.arrive(rma, 1)
    await live.inspect(rma, 1, condition="used")


async def test_money_that_waits_for_a_payment_is_refunded_after_a_decision_that_accepted_nothing(
    live: Live,
) -> None:
    sold = await live.dress(2)
    opened = await live.knob("disputes", payment_intent=sold.payment)
    await live.is_quiet()
    rma = await live.request(sold, 2, authorize=True)
    await live.arrive(rma, 1)
    await live.inspect(rma, 1)
    await live.reach(rma, "settling")
    await the_second_is_rejected(live, rma)
    await live.knob(f"disputes/{opened['id']}/close", outcome="won")
    await live.is_quiet()
    await live.does(rma, "refund-again", role=Role.FINANCE)
    await live.reach(rma, "closed")
    assert await live.paid_back(sold) == [(4_000, "succeeded")]
    assert (await live.mailed(sold, 6))[-1].subject == "We have refunded £40.00"


async def test_money_that_waits_for_a_person_is_paid_by_hand_after_a_decision_that_accepted_nothing(
    live: Live,
) -> None:
    sold = await live.order([{"quantity": 2, "unit_price_minor": 4_000}], paid_minor=1_000)
    rma = await live.request(sold, 2, authorize=True)
    await live.arrive(rma, 1)
    await live.inspect(rma, 1)
    await live.refund_is(rma, "succeeded")
    await the_second_is_rejected(live, rma)
    await live.does(rma, "paid-by-hand", {"reference": "SEPA 1"}, role=Role.FINANCE)
    await live.reach(rma, "closed")


async def test_a_refund_that_was_granted_does_not_wait_for_the_approval_of_another(live: Live) -> None:
    """And its mail does not speak of money that no manager has let go."""
    sold = await small_and_large(live)
    await live.fault("lose_answer", sold, count=5)
    rma = await live.request(sold, 1, 1, authorize=True)
    await live.arrive(rma, 1)
    await live.inspect(rma, 1)
    await live.refund_is(rma, "unknown")
    await live.arrive(rma, 0, 1)
    assert (await live.inspect(rma, 0, 1))["stage"] == "decided"
    await live.mailed(sold, 4)
    await live.advance(timedelta(minutes=20), rma)
    await live.refund_is(rma, "succeeded")
    assert await live.paid_back(sold) == [(4_000, "succeeded")]
    refunded = (await live.mailed(sold, 5))[-1]
    assert refunded.subject == "We have refunded £40.00"
    assert "£600" not in refunded.text
    await live.does(rma, "approval", role=Role.MANAGER)
    await live.reach(rma, "closed")
    assert await live.paid_back(sold) == [(4_000, "succeeded"), (LARGE, "succeeded")]


async def test_the_refund_clock_runs_on_for_goods_that_are_here_when_an_earlier_refund_is_confirmed(
    live: Live,
) -> None:
    sold = await live.dress(2)
    await live.fault("pending", sold)
    rma = await live.request(sold, 2, authorize=True)
    await live.arrive(rma, 1)
    await live.inspect(rma, 1)
    refund = await live.refund_is(rma, "pending")
    await live.arrive(rma, 1)
    await live.knob(f"refunds/{refund['processor_reference']}/succeed")
    await live.refund_is(rma, "succeeded")
    assert states(await live.view(rma)) == {"processing": "running", "refund": "running"}
    await live.inspect(rma, 1, condition="used")
    assert states(await live.reach(rma, "closed")) == {"processing": "stopped", "refund": "stopped"}


async def test_a_late_parcel_that_was_not_here_leaves_what_was_decided_as_it_was(live: Live) -> None:
    sold = await live.dress(2)
    rma = await live.request(sold, 2, authorize=True)
    await live.arrive(rma, 1)
    await live.inspect(rma, 1)
    decided = await live.reach(rma, "closed")
    await live.run_ended(rma)
    await live.arrive(rma, 1)
    [late] = [lot for lot in (await live.view(rma))["lots"] if lot["arrival"] == "late"]
    body = {"items": [{"lot": late["lot"], "quantity": 1}], "reason": "other_return"}
    assert (await live.does(rma, "correction", body))["stage"] == "closed"
    await live.run_ended(rma)
    view = await live.view(rma)
    assert states(view) == {"processing": "stopped", "refund": "stopped"}
    verdicts = [
        sorted((x["reception"], x["acceptance"], x["decision"]) for x in v["lots"]) for v in (decided, view)
    ]
    assert verdicts[0] == verdicts[1]


async def test_while_a_refund_is_on_its_way_a_parcel_that_was_not_here_leaves_no_clock_behind(
    live: Live,
) -> None:
    friday = await live.friday_afternoon()
    sold = await live.dress(2)
    await live.fault("pending", sold)
    rma = await live.request(sold, 2, authorize=True)
    await live.arrive(rma, 1)
    await live.inspect(rma, 1)
    refund = await live.refund_is(rma, "pending")
    await live.arrive(rma, 1)
    [late] = [lot for lot in (await live.view(rma))["lots"] if lot["arrival"] == "late"]
    body = {"items": [{"lot": late["lot"], "quantity": 1}], "reason": "other_return"}
    assert (await live.does(rma, "correction", body))["stage"] == "settling"
    assert states(await live.view(rma)) == {"processing": "stopped", "refund": "stopped"}
    await live.advance_to(friday + 14 * DAY, rma)
    assert "breached" not in await live.timeline(rma)
    await live.knob(f"refunds/{refund['processor_reference']}/succeed")
    await live.reach(rma, "closed")


async def test_while_a_manager_has_to_approve_a_parcel_that_was_not_here_leaves_no_clock_behind(
    live: Live,
) -> None:
    sold = await live.order([{"quantity": 2, "unit_price_minor": LARGE}], paid_minor=2 * LARGE)
    rma = await live.request(sold, 2, authorize=True)
    await live.arrive(rma, 1)
    assert (await live.inspect(rma, 1))["stage"] == "decided"
    await live.arrive(rma, 1)
    [late] = [lot for lot in (await live.view(rma))["lots"] if lot["arrival"] == "late"]
    body = {"items": [{"lot": late["lot"], "quantity": 1}], "reason": "other_return"}
    assert (await live.does(rma, "correction", body))["stage"] == "decided"
    assert states(await live.view(rma)) == {"processing": "stopped", "refund": "running"}
    await live.does(rma, "refusal", {"note": "Look again."}, role=Role.MANAGER)
    assert (await live.view(rma))["stage"] == "inspected"
    await live.does(rma, "decision")
    await live.does(rma, "approval", role=Role.MANAGER, who=2)
    await live.reach(rma, "closed")
    assert await live.paid_back(sold) == [(LARGE, "succeeded")]


async def test_a_second_no_does_not_deny_the_refund_of_the_first_yes(live: Live) -> None:
    sold = await live.dress(2)
    rma = await live.request(sold, 2, authorize=True)
    await live.arrive(rma, 1)
    await live.inspect(rma, 1)
    await live.reach(rma, "closed")
    await live.mailed(sold, 4)
    await the_second_is_rejected(live, rma)
    said = (await live.mailed(sold, 6))[-1]
    assert said.subject == f"Your return {rma}: what we could not accept"
    for part in (said.text, said.html):
        assert "no refund for this return" not in part
        assert "What we wrote to you about the rest of this return stands." in part


async def test_no_mail_promises_a_day_that_has_passed(live: Live) -> None:
    """Both clocks are breached before anything is decided, and again nothing is in time when the rest arrives."""
    friday = await live.friday_afternoon()
    sold = await live.order([{"quantity": 2, "unit_price_minor": 4_000}], paid_minor=4_000)
    rma = await live.request(sold, 2, authorize=True)
    await live.arrive(rma, 1)
    await live.advance_to(friday + 19 * DAY, rma)
    await live.until_task(rma, "breach_refund")
    await live.mailed(sold, 4)
    await live.inspect(rma, 1)
    await live.reach(rma, "closed")
    accepted = (await live.mailed(sold, 6))[-2]
    next_day = f"by {day(friday + 20 * DAY)}"
    assert next_day in accepted.text
    await live.arrive(rma, 1)
    received = (await live.mailed(sold, 7))[-1]
    assert f"tell you our decision {next_day}" in received.text
    await live.inspect(rma, 1)
    owed = (await live.mailed(sold, 8))[-1]
    assert f"we contact you {next_day}" in owed.text
    await live.does(rma, "paid-by-hand", {"reference": "SEPA 1"})
    await live.reach(rma, "closed")


def day(instant: datetime) -> str:
    return f"{instant:%A} {instant.day} {instant:%B}"
