"""Every hour of a return's clocks is accounted for, under the policy it was given. All dates are counted by hand.

A working day is 9:00 to 17:30 in London, 8½ hours; in all of these summers London is an hour ahead of UTC.
"""

from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

from live import MOMENT, Live, changed_policy, request_of

DAY = timedelta(days=1)
WORKDAY = timedelta(hours=8.5)
POLICY = (Path(__file__).parents[2] / "policy.toml").read_text()


def london(day: datetime, hour: int, minute: int = 0) -> datetime:
    """That time on the wall, on that summer's day."""
    return day.replace(hour=hour - 1, minute=minute, second=0, microsecond=0)


def midnight(day: datetime) -> datetime:
    """The midnight with which that day begins."""
    return london(day, 1) - timedelta(hours=1)


def share(of: timedelta, whole: timedelta = WORKDAY) -> Fraction:
    """The part of a working day that a time is, exactly."""
    microsecond = timedelta(microseconds=1)
    return Fraction(of // microsecond, whole // microsecond)


def near(instant: datetime | str | None, expected: datetime) -> bool:
    """Whether an instant is the expected one but for the moments that a test takes."""
    assert instant is not None
    at = datetime.fromisoformat(instant) if isinstance(instant, str) else instant
    return abs(at - expected) < MOMENT


async def accounts_of(live: Live, rma: str) -> tuple[Any, dict[str, Any]]:
    """The whole answer, and its clocks by kind; what must hold of any account is looked at here."""
    answer = await live.get(f"returns/{rma}/clocks")
    clocks = {clock["kind"]: clock for clock in answer["clocks"]}
    assert list(clocks) == ["processing", "refund"]
    for clock in clocks.values():
        spans = clock["spans"]
        assert (spans[0]["start"], spans[-1]["end"]) == (answer["contacted_at"], answer["until"])
        assert all(earlier["end"] == later["start"] for earlier, later in pairwise(spans))
        used, left = Fraction(clock["used"]["exact"]), Fraction(clock["left"]["exact"])
        assert sum(Fraction(span["counted"]["exact"]) for span in spans) == used
        assert (
            used + left == clock["allotment"] == sum(Fraction(clock[x]["decimal"]) for x in ("used", "left"))
        )
        assert used - Fraction(1, 10_000) < Fraction(clock["used"]["decimal"]) <= used
    minutes = datetime.fromisoformat(answer["until"]) - datetime.fromisoformat(answer["contacted_at"])
    assert answer["elapsed_minutes"] == minutes // timedelta(minutes=1)
    return answer, clocks


def seen(clock: Any) -> list[tuple[str, str | None, datetime]]:
    """A clock's spans, as what they were, why the shop was closed, and where they ended."""
    return [(x["kind"], x["closed"], datetime.fromisoformat(x["end"])) for x in clock["spans"]]


async def friday_before_the_bank_holiday(live: Live) -> datetime:
    """Move the shop's clock to half past six in the evening of the Friday before the last Monday of August."""
    year = live.now().year + (live.now().date() > date(live.now().year, 8, 20))
    monday = datetime(year, 8, 31, 17, 30, tzinfo=UTC)
    monday -= monday.weekday() * DAY
    friday = monday - 3 * DAY
    await live.advance_to(friday)
    return friday


async def test_a_contact_out_of_hours_before_a_bank_holiday_is_told_why_nothing_counted(live: Live) -> None:
    friday = await friday_before_the_bank_holiday(live)
    asked = await live.post("returns", request_of(await live.dress(), 1, contacted_at=friday.isoformat()))
    rma = asked.json()["rma"]
    # Tuesday to Friday, and Monday: five days; Tuesday and Wednesday after that: seven.
    assert asked.json()["processing_due_at"] == f"{friday + 10 * DAY:%Y-%m-%d}T16:30:00Z"
    assert asked.json()["refund_due_at"] == f"{friday + 12 * DAY:%Y-%m-%d}T16:30:00Z"

    tuesday, wednesday = friday + 4 * DAY, friday + 5 * DAY
    await live.advance_to(london(wednesday, 13, 15), rma)
    answer, clocks = await accounts_of(live, rma)

    until = datetime.fromisoformat(answer["until"])
    assert near(until, london(wednesday, 13, 15))
    assert answer["zone"] == "Europe/London"
    assert near(friday + timedelta(minutes=answer["elapsed_minutes"]), until), "no pause shortens it"
    used = 1 + share(until - london(wednesday, 9))
    for clock in clocks.values():
        assert seen(clock) == [
            ("closed", "night", midnight(friday + DAY)),
            ("closed", "weekend", midnight(friday + 3 * DAY)),
            ("closed", "holiday", midnight(tuesday)),
            ("closed", "night", london(tuesday, 9)),
            ("counted", None, london(tuesday, 17, 30)),
            ("closed", "night", london(wednesday, 9)),
            ("counted", None, until),
        ]
        assert clock["spans"][4]["counted"] == {"exact": "1", "decimal": "1.0000"}
        assert Fraction(clock["used"]["exact"]) == used
        assert (clock["state"], clock["unit"], clock["breached_at"]) == ("running", "business_days", None)
        assert clock["events"] == [
            {"kind": "started", "at": answer["contacted_at"], "reason": None, "owner": None}
        ]
    processing = clocks["processing"]
    assert processing["allotment"] == 5
    assert processing["due_at"] == asked.json()["processing_due_at"]
    assert processing["warn_at"] == f"{friday + 7 * DAY:%Y-%m-%d}T16:30:00Z", "four of five days"


async def test_nobody_can_hide_behind_goods_in_transit(live: Live) -> None:
    """An hour before the authorization, and half a day after the parcel: ten days are no more than that."""
    friday = await live.friday_afternoon()
    contacted_at = friday - timedelta(hours=1)
    rma = await live.request(await live.dress(), 1, contacted_at=contacted_at.isoformat(), authorize=True)
    monday = friday + 10 * DAY
    await live.advance_to(london(monday, 10), rma)

    answer, clocks = await accounts_of(live, rma)
    for clock in clocks.values():
        assert [kind for kind, _, _ in seen(clock)] == ["counted", "paused"]
        assert (clock["state"], clock["due_at"], clock["warn_at"]) == ("paused", None, None)
        assert clock["pauses"] == [{"reason": "goods_in_transit", "owner": "customer"}]
        assert clock["pauses"] == clock["spans"][1]["pauses"]

    await live.arrive(rma, 1)
    await live.advance_to(london(monday, 14, 15), rma)
    answer, clocks = await accounts_of(live, rma)

    plain = timedelta(minutes=answer["elapsed_minutes"])
    assert near(contacted_at + plain, contacted_at + timedelta(days=10, minutes=15))
    for clock in clocks.values():
        [before, transit, after] = seen(clock)
        assert [before[0], transit[0], after[0]] == ["counted", "paused", "counted"]
        assert near(before[2], friday)
        assert near(transit[2], london(monday, 10))
        assert abs(Fraction(clock["used"]["exact"]) - (Fraction(2, 17) + Fraction(1, 2))) < share(2 * MOMENT)
        assert clock["spans"][1]["counted"]["exact"] == "0"
        assert [(x["kind"], x["reason"]) for x in clock["events"]] == [
            ("started", None), ("paused", "goods_in_transit"), ("resumed", "goods_in_transit"),
        ]  # fmt: skip
        assert clock["events"][2]["owner"] == "admin-1"


async def test_a_breach_stays_a_breach_after_the_return_is_over(live: Live) -> None:
    friday = await live.friday_afternoon()
    rma = await live.request(await live.dress(), 1, contacted_at=friday.isoformat())
    await live.advance_to(friday + 7 * DAY + MOMENT, rma)
    await live.until_task(rma, "breach_processing")
    await live.advance_to(friday + 10 * DAY, rma)
    await live.does(rma, "decline", {"reasons": ["hygiene"]})
    await live.advance(3 * DAY)

    answer, clocks = await accounts_of(live, rma)

    assert near(answer["until"], friday + 10 * DAY), "the account ends where the return did"
    late, refund = clocks["processing"], clocks["refund"]
    assert [x["kind"] for x in late["events"]] == ["started", "breached", "stopped"]
    assert late["breached_at"] == f"{friday + 7 * DAY:%Y-%m-%d}T14:00:00Z" == late["events"][1]["at"]
    assert (late["state"], late["due_at"]) == ("stopped", None)
    assert abs(Fraction(late["left"]["exact"]) - (-1)) < share(MOMENT), "six days of five: Friday to Monday"
    assert late["left"]["decimal"].startswith("-")
    assert (refund["state"], refund["breached_at"]) == ("stopped", None)


async def test_half_of_a_half_day_is_half_a_day_and_an_extra_closed_day_is_none(live: Live) -> None:
    friday = await live.friday_afternoon()
    monday, tuesday = friday + 3 * DAY, friday + 4 * DAY
    text = POLICY.replace("closed_dates = []", f'closed_dates = ["{tuesday:%Y-%m-%d}"]').replace(
        "[calendar.opening]",
        f'[calendar.special_days]\n{monday:%Y-%m-%d} = ["09:00-13:00"]\n\n[calendar.opening]',
    )
    async with changed_policy(live, text):
        rma = await live.request(await live.dress(), 1, contacted_at=friday.isoformat())
    await live.advance_to(london(monday, 11), rma)

    answer, clocks = await accounts_of(live, rma)
    until = datetime.fromisoformat(answer["until"])
    worked = until - london(monday, 9)
    # 2½ h of Friday, Monday, Wednesday to Friday: 4 days and 5 of 17 parts. The last 12 parts are 6 h of the next Monday.
    assert clocks["processing"]["due_at"] == f"{friday + 10 * DAY:%Y-%m-%d}T14:00:00Z"
    assert clocks["processing"]["spans"][-1]["counted"]["exact"] == str(share(worked, timedelta(hours=4)))
    assert Fraction(clocks["processing"]["used"]["exact"]) == Fraction(5, 17) + share(
        worked, timedelta(hours=4)
    )

    await live.advance_to(london(friday + 5 * DAY, 9), rma)
    _, clocks = await accounts_of(live, rma)
    spans = seen(clocks["processing"])
    assert ("counted", None, london(monday, 13)) in spans
    assert ("closed", "holiday", midnight(friday + 5 * DAY)) in spans
    assert abs(Fraction(clocks["processing"]["used"]["exact"]) - Fraction(22, 17)) < share(MOMENT)


async def test_an_open_return_keeps_its_instants_and_rules_when_the_policy_file_changes(live: Live) -> None:
    """The new file promises two and three days, closes on Monday, takes opened goods, and waits 20 days for a parcel."""
    friday = await live.friday_afternoon()
    monday = friday + 3 * DAY
    began = friday.isoformat()
    text = (
        POLICY.replace("processing_business_days = 5", "processing_business_days = 2")
        .replace("refund_business_days = 7", "refund_business_days = 3")
        .replace("closed_dates = []", f'closed_dates = ["{monday:%Y-%m-%d}"]')
        .replace('opened = "manual_review"', 'opened = "accepted"', 1)
        .replace("expiry_after_days = 28", "expiry_after_days = 20")
    )
    old = await live.request(await live.dress(), 1, contacted_at=began)
    before = await live.view(old)
    async with changed_policy(live, text):
        assert await live.view(old) == before, "nothing moved"
        new = await live.request(await live.dress(), 1, contacted_at=began)
        promised = {rma: await live.view(rma) for rma in (old, new)}
        assert promised[old]["policy_version"] != promised[new]["policy_version"]
        for rma, processing, refund in ((old, 7, 11), (new, 5, 6)):
            assert promised[rma]["processing_due_at"] == f"{friday + processing * DAY:%Y-%m-%d}T14:00:00Z"
            assert promised[rma]["refund_due_at"] == f"{friday + refund * DAY:%Y-%m-%d}T14:00:00Z"

        await live.advance_to(london(monday, 11), old, new)
        last = {rma: seen((await accounts_of(live, rma))[1]["refund"])[-1] for rma in (old, new)}
        assert (last[old][:2], last[new][:2]) == (("counted", None), ("closed", "holiday"))

        for rma, expires_days in ((old, 28), (new, 20)):
            await live.does(rma, "authorization")
            expires_at = (await live.view(rma))["expires_at"]
            assert near(expires_at, london(monday, 11) + expires_days * DAY)
            await live.arrive(rma, 1)
            await live.inspect(rma, 1, condition="opened")
        assert (await live.view(old))["stage"] == "inspected", "opened goods are still for a person to judge"
        assert await live.reach(new, "closed")
        due_at = (await accounts_of(live, old))[1]["processing"]["due_at"]
        assert near(due_at, london(friday + 7 * DAY, 15))
