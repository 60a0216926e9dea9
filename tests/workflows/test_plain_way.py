"""The plain way of a return, from the request to the last mail, over HTTP."""

from live import Live


async def test_the_plain_way(live: Live) -> None:
    sold = await live.dress(2)
    rma = await live.come_back(sold, 2)
    seen = await live.reach(rma, "closed")
    assert await live.paid_back(sold) == [(8_000, "succeeded")]
    for m in await live.mailed(sold, 4):
        print(m.subject, m.text)
    print(seen, len(await live.events(rma)))
