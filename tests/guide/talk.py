"""What people say and decide on the way, and what is not done in time."""

from returndesk.domain.people import Role
from tests.guide.play import Play

ABOVE_LIMIT_MINOR = 60_000


def declined(play: Play) -> None:
    """The shop says no"""
    play.order()
    play.request(1)
    play.begins("A return is requested.")
    play.does("decline", {"reasons": ["hygiene"]})
    play.then("A rep declines it, with reasons.")


def cancelled(play: Play) -> None:
    """The customer keeps it after all"""
    play.authorized()
    play.begins("A dress is to come back.")
    play.does("cancellation")
    play.then("The customer wants to keep it; a rep cancels the return.")


def question(play: Play) -> None:
    """A question, and its answer"""
    play.order()
    play.request(1)
    play.begins("A return is requested.")
    play.does("question", {"note": "Which dress is it?"})
    play.then("A rep has a question. It is mailed word for word, and both clocks wait for the answer.")
    play.days_pass(3)
    play.does("message", {"channel": "email", "note": "The blue one."})
    play.then("The customer answers. The clocks run again from when they wrote.")


def message_after_the_end(play: Play) -> None:
    """A message about a return that has ended"""
    play.inspected()
    play.begins("The dress was paid for, and the return has ended.")
    play.days_pass(10)
    play.does("message", {"channel": "email", "note": "Where is my money?"})
    play.then("The customer writes.")


def on_hold(play: Play) -> None:
    """Somebody has to look into it first"""
    play.authorized()
    play.days_pass(2)
    play.arrive(1)
    play.begins("A dress is here.")
    play.does("hold", {"reason": "suspected_fraud"})
    play.then("A rep puts the return on hold. The clocks run on: it is the shop's own time.")
    play.inspect(1)
    play.then("It is as new. On hold nothing is decided.")
    play.does("resumption")
    play.then("A rep lets it go on, and the rules decide.")


def refused(play: Play) -> None:
    """A manager does not approve"""
    play.authorized(price_minor=ABOVE_LIMIT_MINOR)
    play.days_pass(2)
    play.arrive(1)
    play.begins("A dress of 600.00 is here; above 500.00 a manager has to approve.")
    play.inspect(1)
    play.then("It is as new. The rules accept it; nothing is mailed or paid before a manager has approved.")
    play.does("refusal", {"note": "Look at the label again."}, role=Role.MANAGER)
    play.then("A manager refuses. What was set aside is free again, and it is to be decided anew.")
    play.decide(dress="rejected")
    play.then("A rep rejects it.")


def recalculated(play: Play) -> None:
    """The shop closes on a day that was counted"""
    play.order()
    play.request(1)
    play.begins("A return is requested, and its dates are promised.")
    play.shop.change_policy("closed_dates = []", "closed_dates = [2026-06-03]")
    play.then("A day of that week is closed in the policy file. Open returns keep the dates they were given.")
    play.does("recalculation", role=Role.MANAGER)
    play.then("A manager has this return's dates counted anew.")


def late_decision(play: Play) -> None:
    """Nobody decides in time"""
    play.authorized()
    play.days_pass(2)
    play.arrive(1)
    play.begins("A dress is here, with five business days to decide and seven to refund.")
    play.working_days_pass(4)
    play.then("Four of five days have passed.")
    play.working_days_pass(1)
    play.then("All five have passed. The customer has an honest new date, once.")
    play.working_days_pass(2)
    play.then("And seven, for the refund.")
    play.inspect(1)
    play.then("It is inspected at last, as new. The mail says that it is late, and the record keeps it.")


def late_refund(play: Play) -> None:
    """Decided in time, and the refund is late"""
    play.inspected(captured_minor=1_000)
    play.begins("40.00 are accepted; only 10.00 of it can go back to the card, and finance owes the rest.")
    play.working_days_pass(6)
    play.then("More than four fifths of the seven days have passed.")
    play.working_days_pass(1)
    play.then("All seven have passed.")
    play.does("paid-by-hand", {"reference": "SEPA 4417"}, role=Role.FINANCE)
    play.then("Finance pays the rest by bank transfer.")


def mail_refused(play: Play) -> None:
    """The customer's mailbox does not take our mail"""
    play.order()
    play.request(1)
    play.begins("A return is requested.")
    play.shop.postbag.refuses = True
    play.does("authorization")
    play.then("A rep authorizes it. The customer's mail server says that there is no such mailbox.")


TALK = (
    declined, cancelled, question, message_after_the_end, mail_refused, on_hold, refused, recalculated, late_decision,
    late_refund,
)  # fmt: skip
