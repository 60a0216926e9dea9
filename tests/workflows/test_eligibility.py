"""What the rules say of a request: enforced, left to a person, or overruled by one, and always with who and why."""

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from live import Live, Sold, request_of
from sqlmodel import col, func, select

from returndesk.domain.people import Role
from returndesk.store import tables

DAY = timedelta(days=1)


async def final_sale(live: Live) -> Sold:
    """A dress that cannot be returned, by the rules."""
    line = {"quantity": 1, "unit_price_minor": 3_000, "final_sale": True}
    return await live.order([line], paid_minor=3_000)


def because(sold: Sold, reason: str, **more: Any) -> dict[str, Any]:
    return request_of(sold, items=[{"line": 1, "quantity": 1, "reason": reason}], **more)


async def records(live: Live, rma: str) -> dict[str, dict[str, Any]]:
    """What the audit keeps, by what happened."""
    items = (await live.get(f"returns/{rma}/timeline"))["items"]
    return {entry["what"]: entry["details"] | {"by": entry["actor_id"]} for entry in items}


async def asked(live: Live, body: dict[str, Any], role: Role = Role.REP) -> Any:
    """The dry run's answer."""
    answer = await live.post("returns/eligibility", body, role=role)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_the_rules_are_enforced_and_only_advise_a_rep_who_says_why(live: Live) -> None:
    """Spree's: enforced for customers, advisory for staff with attribution."""
    sold = await final_sale(live)
    refused = await live.post("returns", because(sold, "changed_mind", authorize=True))
    assert (refused.status_code, refused.json()["reasons"]) == (422, ["final_sale:line 1"])
    override = {"reason": "goodwill", "note": "Canary: a friend of the house."}
    answer = await live.post(
        "returns", because(sold, "changed_mind", override=override), role=Role.REP, who=2
    )
    rma = answer.json()["rma"]
    overridden = (await records(live, rma))["overridden"]
    assert (overridden["by"], overridden["reasons"], overridden["why"]) == (
        "rep-2", ["final_sale:line 1"], "goodwill",
    )  # fmt: skip
    assert (await live.view(rma))["needs_person"] == [], "a person has looked"
    more = await live.post("returns", because(sold, "changed_mind", override=override))
    assert more.json()["reasons"] == ["already_returned:line 1"], "no word makes more of it"


async def test_a_fault_in_a_final_sale_waits_for_a_person_instead_of_being_refused(live: Live) -> None:
    """medusa #9261, #10842: a legitimate refund that was refused."""
    sold = await final_sale(live)
    answer = await live.post("returns", because(sold, "defective"))
    assert (answer.status_code, answer.json()["stage"]) == (201, "requested")
    rma = answer.json()["rma"]
    assert (await live.view(rma))["needs_person"] == ["final_sale:line 1"]
    waiting = await live.until_task(rma, "requested")
    assert (waiting.queue, waiting.owner_role) == ("authorizations", "rep")
    assert waiting.details == {"needs_person": ["final_sale:line 1"]}
    [mail] = await live.mailed(sold, 1)
    assert "final sale" not in mail.text, "nothing is decided yet"

    await live.does(rma, "authorization", role=Role.MANAGER, who=2)
    kept = await records(live, rma)
    assert kept["requested"]["needs_person"] == ["final_sale:line 1"]
    assert (kept["authorized"]["by"], kept["authorized"]["looked_at"]) == ("manager-2", ["final_sale:line 1"])
    assert (await live.view(rma))["needs_person"] == []
    assert (await live.until_task(rma, "authorized")).details == {}
    await live.arrive(rma, 1)
    await live.inspect(rma, 1, condition="defective")
    await live.does(rma, "decision", {"items": [{"line": 1, "acceptance": "accepted"}]})
    await live.reach(rma, "closed")
    assert await live.paid_back(sold) == [(3_000, "succeeded")]


async def test_who_authorizes_at_once_is_the_person_that_was_needed(live: Live) -> None:
    sold = await final_sale(live)
    answer = await live.post("returns", because(sold, "wrong_item", authorize=True), role=Role.REP, who=2)
    assert (answer.status_code, answer.json()["stage"]) == (201, "authorized")
    kept = (await records(live, answer.json()["rma"]))["authorized"]
    assert (kept["by"], kept["looked_at"]) == ("rep-2", ["final_sale:line 1"])


async def test_a_declined_request_needs_nobody_any_more(live: Live) -> None:
    sold = await final_sale(live)
    rma = (await live.post("returns", because(sold, "defective"))).json()["rma"]
    await live.does(rma, "decline", {"reasons": ["final_sale"]})
    assert (await live.view(rma))["needs_person"] == []


async def test_the_window_begins_at_the_door_and_where_nobody_knows_when_that_was_a_person_asks(
    live: Live,
) -> None:
    """Loop's windows run from the dispatch: what the carrier brought late was refused."""
    now = live.now()
    line = [{"quantity": 1, "unit_price_minor": 2_000}]

    async def says(ordered_days_ago: int, **more: Any) -> tuple[str, list[str]]:
        ordered_at = (now - ordered_days_ago * DAY).isoformat()
        sold = await live.order(line, paid_minor=2_000, ordered_at=ordered_at, **more)
        found = await asked(live, request_of(sold, 1))
        return found["answer"], [reason["code"] for reason in found["reasons"]]

    delivered = (now - 10 * DAY).date().isoformat()
    assert await says(60, delivered_on=delivered) == ("eligible", []), "it was 50 days on its way"
    assert await says(60) == ("ineligible", ["window_passed"])
    assert await says(40) == ("needs_person", ["delivery_unknown"]), "5 + 30 days have passed, not 14 more"
    assert await says(30) == ("eligible", [])


async def test_a_contact_said_to_be_long_ago_is_taken_and_marked(live: Live) -> None:
    line = [{"quantity": 1, "unit_price_minor": 2_000}]
    sold = await live.order(line, paid_minor=2_000, ordered_at=(live.now() - 20 * DAY).isoformat())
    long_ago = (live.now() - 8 * DAY).isoformat()
    rma = await live.request(sold, 1, contacted_at=long_ago)
    assert (await live.view(rma))["needs_person"] == ["contact_backdated"]


async def test_what_is_previewed_is_what_is_paid(live: Live) -> None:
    """Two of three at 29.50, a tenth off the line, tax on top; the delivery of 3.95 stays, as one is kept."""
    line = {"quantity": 3, "unit_price_minor": 2_950, "discount_minor": 885, "tax_minor": 1_593}
    sold = await live.order([line], paid_minor=9_953, shipping_minor=395, tax_included=False)
    seen = (await asked(live, request_of(sold, 2)))["preview"]
    assert seen == {
        "currency": "GBP", "goods_minor": 5_310, "goods_tax_minor": 1_062, "shipping_minor": 0,
        "shipping_tax_minor": 0, "total_minor": 6_372, "owed_without_refund_minor": 0,
        "refunds": [{"label": "Visa ending 4242", "amount_minor": 6_372}],
    }  # fmt: skip
    rma = await live.come_back(sold, 2)
    closed = await live.reach(rma, "closed")
    assert {name: closed[name] for name in seen if name in closed and name != "refunds"} == {
        name: seen[name] for name in seen if name in closed and name != "refunds"
    }
    assert await live.paid_back(sold) == [(6_372, "succeeded")]
    rest = (await asked(live, request_of(sold, 1)))["preview"]
    assert (rest["goods_minor"], rest["goods_tax_minor"], rest["shipping_minor"]) == (2_655, 531, 395)


async def test_a_dry_run_writes_nothing_and_is_nobodys_but_the_desks(live: Live) -> None:
    sold = await live.dress()

    def written() -> list[int]:
        with live.database.read() as session:
            return [
                session.exec(select(func.count()).select_from(table)).one()
                for table in (tables.Command, tables.Contact, tables.Return, tables.Text)
            ]

    await live.is_quiet()
    ordered_on = (live.now() - 4 * DAY).astimezone(ZoneInfo("Europe/London")).date()
    before = written()
    for _ in range(2):
        found = await asked(live, request_of(sold, 1, note="Canary.", authorize=True))
        assert (found["answer"], found["reasons"]) == ("eligible", [])
        assert found["window_ends_on"] == (ordered_on + 35 * DAY).isoformat()
    assert written() == before
    with live.database.read() as session:
        claimed = select(tables.OrderLine.claimed).where(
            col(tables.OrderLine.order_reference) == sold.reference
        )
        assert session.exec(claimed).one() == 0
    unknown = await asked(live, request_of(sold, 1) | {"order_reference": "ORD-nowhere"})
    assert (unknown["answer"], unknown["preview"]) == ("ineligible", None)
    assert [reason["code"] for reason in unknown["reasons"]] == ["unknown_order"]
    too_many = await asked(live, request_of(sold, 2))
    assert [(x["code"], x["line"], x["overridable"]) for x in too_many["reasons"]] == [
        ("more_than_ordered", 1, False)
    ]
    assert too_many["preview"] is None
    for role in (Role.WAREHOUSE, Role.FINANCE):
        assert (await live.post("returns/eligibility", request_of(sold, 1), role=role)).status_code == 403
    early = await live.post("returns/eligibility", request_of(sold, 1, contacted_at="2199-01-01T00:00:00Z"))
    assert (early.status_code, early.json()["code"]) == (422, "contact_in_future")
