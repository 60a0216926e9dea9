"""A changed calendar moves no open return by itself; a manager may move one, and the customer hears of it."""

from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from live import Live, Role, changed_policy

POLICY = Path(__file__).parents[2] / "policy.toml"
LONDON = ZoneInfo("Europe/London")


def due(view: dict[str, object]) -> dict[str, datetime]:
    clocks = view["clocks"]
    assert isinstance(clocks, list)
    return {x["kind"]: datetime.fromisoformat(x["due_at"]) for x in clocks}


async def test_a_new_closed_day_moves_an_open_return_only_when_a_manager_says_so(live: Live) -> None:
    """bagisto #11100: an edit of the policy changed orders that were made before."""
    friday = await live.friday_afternoon()
    sold = await live.dress()
    rma = await live.request(sold, 1)
    await live.mailed(sold, 1)
    before = due(await live.view(rma))
    closed_on = (friday + timedelta(days=4)).date()  # a Tuesday
    text = POLICY.read_text()
    assert "closed_dates = []" in text
    text = text.replace("closed_dates = []", f"closed_dates = [{closed_on.isoformat()}]")
    async with changed_policy(live, text):
        await live.does(rma, "message", {"channel": "phone", "note": "Hello?"})
        assert due(await live.view(rma)) == before, "an open return keeps the dates it was given"
        asked = await live.post(f"returns/{rma}/recalculation", {}, role=Role.REP)
        assert asked.status_code == 403
        await live.does(rma, "recalculation", role=Role.MANAGER)
        after = due(await live.view(rma))
        for kind, was in before.items():
            days = (after[kind].astimezone(LONDON).date() - was.astimezone(LONDON).date()).days
            assert days in (1, 3), "one working day later, with a weekend between where there is one"
        told = (await live.mailed(sold, 2))[-1]
        assert told.subject == f"Your return {rma}: new dates"
        assert "recalculated" in await live.timeline(rma)
        again = await live.does(rma, "recalculation", role=Role.MANAGER)
        assert due(await live.view(rma)) == after
        assert again["stage"] == "requested"
        await live.mailed(sold, 2)
