"""A mail server that refuses delays mail, and nothing else."""

from datetime import timedelta

from live import Live


async def test_mail_that_is_refused_for_now_delays_no_money_and_comes_later_in_its_order(live: Live) -> None:
    sold = await live.dress()
    live.mailbox.refuse(2, 451, recipient=sold.email)
    rma = await live.come_back(sold, 1)
    await live.reach(rma, "closed")
    assert await live.paid_back(sold) == [(4_000, "succeeded")]
    assert live.mails(sold) == []
    for _ in range(2):
        await live.mail_was_refused(rma)
        await live.advance(timedelta(minutes=1))
    subjects = [mail.subject for mail in await live.mailed(sold, 4)]
    assert [rma in subject for subject in subjects] == [True, True, True, False]
    assert subjects[-1] == "We have refunded £40.00"


async def test_a_customer_whose_mail_is_refused_for_good_is_reached_another_way(live: Live) -> None:
    sold = await live.dress()
    live.mailbox.refuse(1, 550, recipient=sold.email)
    rma = await live.request(sold, 1)
    task = await live.until_task(rma, "mail_refused")
    assert (task.queue, task.owner_role, task.details["smtp_code"]) == ("contact_customer", "rep", 550)
    await live.does(rma, "authorization")
    assert len(await live.mailed(sold, 1)) == 1, "the next mail is tried again"
