"""What comes back is what was paid, to the minor unit, however it comes back. All amounts are counted by hand."""

from live import Live


async def test_a_discount_comes_off_each_unit_and_the_last_unit_takes_what_is_left(live: Live) -> None:
    """Three at 10.00 less 1.00 in all: 29.00 were paid, 9.66, 9.67 and 9.67 come back.

    Others forget the discount: solidus #512; erpnext #50944, #54628; vendure #2762; Sylius RefundPlugin #252.
    """
    line = {"quantity": 3, "unit_price_minor": 1_000, "discount_minor": 100}
    sold = await live.order([line], paid_minor=2_900)
    for _ in range(3):
        await live.reach(await live.come_back(sold, 1), "closed")
    amounts = sorted(amount for amount, _ in await live.paid_back(sold))
    assert amounts == [966, 967, 967]
    assert sum(amounts) == 2_900


async def test_tax_on_top_comes_back_with_the_goods(live: Live) -> None:
    """Two at 20.00 and 8.01 of tax on top; shipping 5.00 and 1.00 of tax."""
    line = {"quantity": 2, "unit_price_minor": 2_000, "tax_minor": 801}
    sold = await live.order(
        [line], paid_minor=5_401, tax_included=False, shipping_minor=500, shipping_tax_minor=100
    )
    first = await live.reach(await live.come_back(sold, 1), "closed")
    assert (first["goods_minor"], first["goods_tax_minor"], first["shipping_minor"]) == (2_000, 401, 0)
    second = await live.reach(await live.come_back(sold, 1), "closed")
    assert (second["goods_minor"], second["goods_tax_minor"]) == (2_000, 400)
    assert (second["shipping_minor"], second["shipping_tax_minor"]) == (500, 100)
    assert sorted(await live.paid_back(sold)) == [(2_401, "succeeded"), (3_000, "succeeded")]


async def test_tax_that_prices_include_is_not_paid_twice(live: Live) -> None:
    line = {"quantity": 1, "unit_price_minor": 1_200, "tax_minor": 200}
    sold = await live.order([line], paid_minor=1_200)
    await live.reach(await live.come_back(sold, 1), "closed")
    assert await live.paid_back(sold) == [(1_200, "succeeded")]


async def test_three_partial_returns_add_up_to_the_payment_with_the_shipping_on_the_last(live: Live) -> None:
    """An order's own discount of 10.00 is spread over lines of 70.00 and 30.00: 7.00 and 3.00.

    A cent too much is refused, or paid: woocommerce #26734, #41919, #64668; medusa #13091.
    """
    lines = [{"quantity": 2, "unit_price_minor": 3_500}, {"quantity": 3, "unit_price_minor": 1_000}]
    sold = await live.order(lines, paid_minor=9_495, discount_minor=1_000, shipping_minor=495)
    for quantities in ((1, 1), (0, 2), (1, 0)):
        await live.reach(await live.come_back(sold, *quantities), "closed")
    amounts = [amount for amount, _ in await live.paid_back(sold)]
    # 31.50 + 9.00; 18.00; 31.50 + 4.95
    assert sorted(amounts) == sorted([4_050, 1_800, 3_645])
    assert sum(amounts) == 9_495


async def test_faulty_goods_bring_the_shipping_back_and_only_once(live: Live) -> None:
    sold = await live.order([{"quantity": 2, "unit_price_minor": 800}], paid_minor=1_900, shipping_minor=300)
    for _ in range(2):
        rma = await live.request(sold, 1, authorize=True)
        await live.arrive(rma, 1)
        await live.inspect(rma, 1, condition="defective")
        await live.does(rma, "decision", {"items": [{"line": 1, "acceptance": "accepted"}]})
        await live.reach(rma, "closed")
    assert sorted(await live.paid_back(sold)) == [(800, "succeeded"), (1_100, "succeeded")]


async def test_yen_have_no_decimals(live: Live) -> None:
    """woocommerce-gateway-stripe #435, gumroad #3749, stripe-sfcc-b2c-connector #31: a hundredfold."""
    line = {"quantity": 3, "unit_price_minor": 1_000, "discount_minor": 1}
    sold = await live.order([line], paid_minor=2_999, currency="JPY")
    rma = await live.come_back(sold, 3)
    await live.reach(rma, "closed")
    assert await live.paid_back(sold) == [(2_999, "succeeded")]
    assert (await live.mailed(sold, 4))[-1].subject == "We have refunded JP¥2,999"


async def test_two_payments_give_back_with_the_fewest_refunds_and_never_more_than_they_took(
    live: Live,
) -> None:
    gift, card = await live.pay(1_000), await live.pay(4_000)
    payments = [
        {"processor": "stripe", "reference": reference, "captured_minor": captured_minor}
        for reference, captured_minor in ((gift, 1_000), (card, 4_000))
    ]
    sold = await live.order([{"quantity": 2, "unit_price_minor": 2_500}], paid_minor=5_000, payments=payments)
    await live.reach(await live.come_back(sold, 1), "closed")
    await live.reach(await live.come_back(sold, 1), "closed")
    by_payment = {
        reference: [r["amount"] for r in (await live.oracle(f"state?payment_intent={reference}"))["refunds"]]
        for reference in (gift, card)
    }
    assert by_payment == {gift: [1_000], card: [2_500, 1_500]}
