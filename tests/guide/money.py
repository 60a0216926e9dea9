"""Money that does not simply arrive: slow, refused, sent back, asked for twice, or paid by somebody else."""

from returndesk.domain.people import Role
from tests.guide.play import Play
from tests.guide.talk import ABOVE_LIMIT_MINOR


def on_its_way(play: Play) -> None:
    """The bank takes its time"""
    play.order()
    play.request(1, authorize=True)
    play.days_pass(2)
    play.arrive(1)
    play.begins("A dress is here.")
    play.fault("pending")
    play.inspect(1)
    play.then("It is as new. Stripe takes the refund, and the bank has not confirmed it.")
    play.days_pass(2)
    play.refund_turns("succeed")
    play.then("The bank confirms. Only now is the customer told that it is paid.")


def no_answer(play: Play) -> None:
    """Nobody knows whether it was paid"""
    play.authorized()
    play.days_pass(2)
    play.arrive(1)
    play.begins("A dress is here.")
    play.fault("lose_answer", count=10)
    play.inspect(1)
    play.then("It is as new. Stripe pays, and every answer is lost on the way.")
    play.shop.sandbox.knob("faults", "DELETE")
    play.days_pass(1)
    play.then("The same request is sent again, under the same key: it was paid once, and now that is known.")


def waits_for_the_customer(play: Play) -> None:
    """The bank wants something from the customer"""
    play.authorized()
    play.days_pass(2)
    play.arrive(1)
    play.begins("A dress is here.")
    play.fault("requires_action")
    play.inspect(1)
    play.then("It is as new. Stripe takes the refund, and waits for the customer's own bank details.")
    play.working_days_pass(5)
    play.then("Five business days pass, and they have given none.")
    play.refund_turns("take_details")
    play.then("They have given them, and Stripe sends the money.")
    play.refund_turns("succeed")
    play.then("The bank confirms.")


def never_answers(play: Play) -> None:
    """The customer never gives their bank details"""
    play.authorized()
    play.days_pass(2)
    play.arrive(1)
    play.fault("requires_action")
    play.inspect(1)
    play.begins("The refund of a dress waits for the customer's own bank details.")
    play.days_pass(46)
    play.then("After 45 days Stripe calls the refund off.")
    part = {"refund": f"{play.rma}-1", "reference": "SEPA 4417"}
    play.does("paid-by-hand", part, role=Role.FINANCE)
    play.then("Finance has reached them, and pays by bank transfer.")


def asked_again(play: Play) -> None:
    """The bank sends the refund back, and it is asked for again"""
    play.inspected()
    play.begins("The refund of a dress succeeded, and the return has ended.")
    play.days_pass(10)
    play.refund_turns("fail", reason="lost_or_stolen_card")
    play.then("Ten days later the bank sends the money back. The return runs again, and owes it still.")
    play.does("refund-again", {"refund": f"{play.rma}-1"}, role=Role.FINANCE)
    play.then("Finance asks for it again.")


def paid_by_hand(play: Play) -> None:
    """The bank sends the refund back, and it is paid another way"""
    play.inspected()
    play.begins("The refund of a dress succeeded, and the return has ended.")
    play.days_pass(10)
    play.refund_turns("fail", reason="expired_or_canceled_card")
    play.then("Ten days later the bank sends the money back.")
    part = {"refund": f"{play.rma}-1", "amount_minor": 1_500, "how": "cash", "reference": "Till 7"}
    play.does("paid-by-hand", part, role=Role.FINANCE)
    play.then("Finance pays 15.00 of it in cash.")
    play.does("paid-by-hand", {"reference": "SEPA 4417"}, role=Role.FINANCE)
    play.then("And the rest by bank transfer.")


def made_elsewhere(play: Play) -> None:
    """Somebody refunds it in Stripe's dashboard"""
    play.authorized()
    play.days_pass(2)
    play.arrive(1)
    play.begins("A dress is here.")
    play.refunded_elsewhere(4_000)
    play.then("Somebody refunds all of the payment in the dashboard. That much less can be refunded here.")
    play.inspect(1)
    play.then("It is as new, and the rules accept it. No payment has room for it.")
    play.does("paid-by-hand", {"how": "dashboard", "reference": "re_dashboard"}, role=Role.FINANCE)
    play.then("Finance records that the customer has it.")


def dispute_lost(play: Play) -> None:
    """A chargeback after the refund: the bank decides for the customer"""
    play.inspected()
    play.begins("The refund of a dress succeeded, and the return has ended.")
    play.days_pass(20)
    dispute = play.dispute()
    play.then("The customer disputes the payment at their bank. Finance answers with the refund as evidence.")
    play.days_pass(10)
    play.dispute_ends(dispute, "lost")
    play.then("The bank decides for the customer, who hears of it from the bank.")


def dispute_won(play: Play) -> None:
    """A dispute before the refund, and the shop wins"""
    play.inspected(price_minor=ABOVE_LIMIT_MINOR)
    play.begins("A refund of 600.00 waits for a manager's approval.")
    dispute = play.dispute()
    play.then("The customer disputes the payment at their bank.")
    play.does("approval", role=Role.MANAGER)
    play.then("A manager approves. Stripe refunds nothing of a disputed payment.")
    play.days_pass(10)
    play.then("Ten days pass, and the refund is late.")
    play.dispute_ends(dispute, "won")
    play.then("The bank decides for the shop.")
    play.does("refund-again", {"refund": f"{play.rma}-1"}, role=Role.FINANCE)
    play.then("Finance asks for the refund again.")


def paid_by_the_bank(play: Play) -> None:
    """A dispute before the decision, and the shop loses"""
    play.authorized()
    play.days_pass(2)
    play.arrive(1)
    dispute = play.dispute()
    play.begins("A dress is here, and the customer has disputed its payment.")
    play.inspect(1)
    play.then("It is as new, and the rules accept it. Nothing of a disputed payment is promised to it.")
    play.dispute_ends(dispute, "lost")
    play.then("The bank decides for the customer.")
    play.does("paid-by-hand", {"how": "chargeback", "reference": dispute}, role=Role.FINANCE)
    play.then("Finance records that the customer has it from the bank.")


MONEY = (
    on_its_way, waits_for_the_customer, never_answers, no_answer, asked_again, paid_by_hand, made_elsewhere, dispute_lost, dispute_won,
    paid_by_the_bank,
)  # fmt: skip
