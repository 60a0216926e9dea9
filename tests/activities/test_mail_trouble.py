"""A mail server that refuses delays mail, and nothing else."""

from datetime import timedelta

from live import Live, Sold


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
    assert (
        await live.post(f"tasks/{task.id}/done", {"note": "Canary: reached by phone."})
    ).status_code == 200
    assert "mail_refused" not in await live.tasks(rma)


async def mail_goes_out_again(live: Live, sold: Sold, count: int) -> list[str]:
    """The subjects of what the customer was sent once the mail server takes mail again."""
    await live.advance(timedelta(minutes=1))
    mails = await live.mailed(sold, count)
    await live.is_quiet()
    assert len(live.mails(sold)) == count
    return [mail.subject for mail in mails]


async def test_a_question_that_was_answered_before_its_mail_left_is_not_asked_any_more(live: Live) -> None:
    sold = await live.dress()
    rma = await live.request(sold, 1)
    await live.mailed(sold, 1)
    live.mailbox.refuse(1, 451, recipient=sold.email)
    await live.does(rma, "question", {"note": "Which dress is it?"})
    await live.mail_was_refused(rma)
    await live.does(rma, "message", {"channel": "phone", "note": "The blue one."})
    await live.does(rma, "question", {"note": "And which size?"})
    subjects = await mail_goes_out_again(live, sold, 2)
    assert subjects[-1] == f"Your return {rma}: we need your answer"
    assert "And which size?" in live.mails(sold)[-1].text, "what is still asked is asked"


async def test_two_questions_that_are_both_open_are_both_asked(live: Live) -> None:
    sold = await live.dress()
    rma = await live.request(sold, 1)
    await live.mailed(sold, 1)
    live.mailbox.refuse(1, 451, recipient=sold.email)
    await live.does(rma, "question", {"note": "Which dress is it?"})
    await live.does(rma, "question", {"note": "And which size?"})
    await live.mail_was_refused(rma)
    assert len(await mail_goes_out_again(live, sold, 3)) == 3


async def test_a_receipt_that_was_corrected_before_its_mail_left_is_told_by_the_correction_alone(
    live: Live,
) -> None:
    sold = await live.dress(2)
    rma = await live.request(sold, 2, authorize=True)
    await live.mailed(sold, 1)
    live.mailbox.refuse(1, 451, recipient=sold.email)
    await live.arrive(rma, 2)
    await live.mail_was_refused(rma)
    await live.does(rma, "correction", {"items": [{"lot": 1, "quantity": 1}], "reason": "miscounted"})
    subjects = await mail_goes_out_again(live, sold, 2)
    assert subjects[-1] == f"Your return {rma}: a correction"
    said = live.mails(sold)[-1].text
    assert "This is here:" in said
    assert "tell you our decision by" in said
    await live.does(rma, "receipts", {})
    again = (await live.mailed(sold, 3))[-1]
    assert again.subject == f"We have received your return {rma}", "what is received after it is told"
