"""Above the policy's limit a manager approves, and nobody approves their own decision."""

from datetime import timedelta

from live import Live, Sold

from returndesk.domain.people import Role

ABOVE = 50_001
LIMIT = 50_000


async def decided(live: Live, sold: Sold) -> str:
    """A return of one unit that a manager decided."""
    rma = await live.request(sold, 1, authorize=True)
    await live.arrive(rma, 1)
    await live.inspect(rma, 1, decide=False)
    await live.does(rma, "decision", role=Role.MANAGER, who=1)
    return rma


async def test_above_the_limit_nothing_is_paid_before_another_manager_approves(live: Live) -> None:
    sold = await live.dress(price_minor=ABOVE)
    rma = await decided(live, sold)
    waiting = await live.view(rma)
    assert (waiting["stage"], waiting["awaiting_approval"]) == ("decided", True)
    await live.advance(timedelta(hours=2), rma)
    own = await live.post(f"returns/{rma}/approval", {}, role=Role.MANAGER, who=1)
    assert (own.status_code, own.json()["code"]) == (403, "own_decision")
    rep = await live.post(f"returns/{rma}/approval", {}, role=Role.REP)
    assert (rep.status_code, rep.json()["code"]) == (403, "role_not_allowed")
    assert await live.refund_posts(sold) == []
    assert len(await live.mailed(sold, 2)) == 2, "no verdict is told that may not stand"
    await live.does(rma, "approval", role=Role.MANAGER, who=2)
    await live.reach(rma, "closed")
    assert await live.paid_back(sold) == [(ABOVE, "succeeded")]
    assert (await live.timeline(rma))[-4:] == ["decided", "approval_asked", "approved", "refund_succeeded"]


async def test_up_to_the_limit_nobody_is_asked(live: Live) -> None:
    sold = await live.dress(price_minor=LIMIT)
    rma = await decided(live, sold)
    await live.reach(rma, "closed")
    assert await live.paid_back(sold) == [(LIMIT, "succeeded")]


async def test_what_the_rules_decided_above_the_limit_any_manager_may_approve(live: Live) -> None:
    sold = await live.dress(price_minor=ABOVE)
    rma = await live.come_back(sold, 1)
    assert (await live.view(rma))["stage"] == "decided"
    await live.does(rma, "approval", role=Role.MANAGER, who=1)
    await live.reach(rma, "closed")
    assert await live.paid_back(sold) == [(ABOVE, "succeeded")]
