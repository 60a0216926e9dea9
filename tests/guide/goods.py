"""Goods as they really come back: fewer, more, others, too early, too late, or not at all."""

from returndesk.domain.people import Role
from tests.guide.play import Play


def plain(play: Play) -> None:
    """Nothing odd happens"""
    play.order()
    play.request(1)
    play.then("A customer calls, and a rep asks for a return.")
    play.does("authorization")
    play.then("A rep authorizes it. The customer gets a slip.")
    play.days_pass(2)
    play.arrive(1)
    play.then("The warehouse has the parcel.")
    play.inspect(1)
    play.then("The dress is as new, in its packaging: the rules decide, and Stripe pays.")


def fewer_came(play: Play) -> None:
    """Three were asked for, two came"""
    play.authorized(3)
    play.begins("Three dresses are to come back.")
    play.days_pass(2)
    play.arrive(2)
    play.then("The warehouse records a parcel with two of them; no other is expected.")
    play.inspect(2)
    play.then("Both are as new, so the rules decide: the two are paid for, the third is not.")


def two_parcels(play: Play) -> None:
    """They come in two parcels"""
    play.authorized(3)
    play.begins("Three dresses are to come back.")
    play.days_pass(2)
    play.arrive(1, more_expected=True)
    play.then("The warehouse records a parcel with one, and that another is on its way.")
    play.inspect(1)
    play.then("It is as new. Nothing is decided while the rest may come.")
    play.days_pass(1)
    play.arrive(2)
    play.then("The second parcel has the other two.")
    play.inspect(2)
    play.then("They are as new too: one decision for all three.")


def empty_box(play: Play) -> None:
    """An empty box"""
    play.authorized()
    play.begins("A dress is to come back.")
    play.days_pass(2)
    play.arrive()
    play.then("The warehouse records a parcel with nothing in it.")
    play.decide()
    play.then("A rep decides. Nothing is here, so nothing can be accepted.")


def something_else(play: Play) -> None:
    """Something else than what was sold"""
    play.authorized()
    play.begins("A dress is to come back.")
    play.days_pass(2)
    play.does(
        "receipts", {"wrong_items": [{"quantity": 1, "note": "A brick in a sock."}]}, role=Role.WAREHOUSE
    )
    play.then("The parcel holds something that the order never had.")
    play.decide()
    play.then("A rep decides.")
    play.does("goods-back", {"way": "sent_back", "tracking": "JD0001"}, role=Role.WAREHOUSE)
    play.then("The warehouse sends it back to the customer.")


def more_came(play: Play) -> None:
    """More came than was asked for"""
    play.order(3, 1)
    play.request(2, authorize=True)
    play.begins("Two of three dresses are to come back; the hat is not.")
    play.days_pass(2)
    play.arrive(3, 1)
    play.then("The parcel has all three dresses and the hat.")
    play.inspect(3, 1)
    play.then("All of it is as new. What nobody asked to return the rules never accept: a person decides.")
    play.decide(dress="accepted", hat="rejected")
    play.then("A rep takes all three dresses, and not the hat.")


def units_of_another_return(play: Play) -> None:
    """Units that another return has asked for"""
    play.order(2)
    play.request(1, authorize=True)
    play.request(1, authorize=True)
    play.begins("Two dresses were sold. This return has asked for one, another return for the other.")
    play.days_pass(2)
    play.arrive(2)
    play.then("Both come in one parcel, and are recorded under this return.")
    play.inspect(1)
    play.then("The dress of this return is as new, and paid for. The other is the other return's to pay for.")


def before_the_yes(play: Play) -> None:
    """It arrives before the shop has said yes"""
    play.order()
    play.request(1)
    play.begins("A return is requested; nobody has authorized it.")
    play.days_pass(1)
    play.arrive(1)
    play.then("The parcel is here all the same.")
    play.inspect(1)
    play.then("It is as new. The rules alone do not accept what nobody authorized.")
    play.decide(dress="accepted")
    play.then("A rep accepts it.")


def after_the_no(play: Play) -> None:
    """It arrives after the shop has said no"""
    play.order()
    play.request(1)
    play.does("decline", {"reasons": ["hygiene"]})
    play.begins("The request was declined, and the return has ended.")
    play.days_pass(4)
    play.arrive(1)
    play.then("A parcel comes. The return runs again.")
    play.inspect(1)
    play.then("It is as new. Of what comes after a no the rules accept nothing.")
    play.decide(dress="rejected")
    play.then("A rep stays with the no.")


def after_cancellation(play: Play) -> None:
    """It arrives after it was cancelled"""
    play.authorized()
    play.does("cancellation")
    play.begins("The customer wanted to keep the dress; the return was cancelled and has ended.")
    play.days_pass(4)
    play.arrive(1)
    play.then("A parcel comes. The return runs again.")
    play.inspect(1)
    play.then("It is as new, and a person decides.")
    play.decide(dress="accepted")
    play.then("A rep accepts it.")


def after_expiry(play: Play) -> None:
    """It arrives after the time for it has passed"""
    play.authorized()
    play.begins("A dress is to come back.")
    play.days_pass(14)
    play.then("14 days pass, and nothing has come.")
    play.days_pass(14)
    play.then("28 days have passed: the return ends, and the dress may be asked for again.")
    play.days_pass(7)
    play.arrive(1)
    play.then("A week later it is here. The return runs again.")
    play.inspect(1)
    play.then("It is as new, and a person decides.")
    play.decide(dress="accepted")
    play.then("A rep accepts it.")


def after_the_end(play: Play) -> None:
    """The missing one turns up after everything was paid"""
    play.authorized(2)
    play.days_pass(2)
    play.arrive(1)
    play.inspect(1)
    play.begins("Two dresses were to come back. One came and was paid for, and the return has ended.")
    play.days_pass(10)
    play.arrive(1)
    play.then("The other one is here. The return runs again.")
    play.inspect(1)
    play.then("It is as new. The rules decide on it alone.")


def sent_and_not_here(play: Play) -> None:
    """It was sent and does not arrive"""
    play.authorized()
    play.begins("A dress is to come back.")
    play.days_pass(3)
    play.does("shipment", {"tracking": "JD0002"})
    play.then("The customer has sent it, and gives the tracking number.")
    play.days_pass(25)
    play.then("28 days since the shop's yes. What was sent does not expire: it is looked for.")
    play.arrive(1)
    play.then("It is here.")


def lost(play: Play) -> None:
    """It is lost, and turns up after it was paid for"""
    play.authorized()
    play.does("shipment", {"tracking": "JD0002"})
    play.begins("A dress was sent, with a tracking number.")
    play.days_pass(5)
    play.does("loss", {"note": "The carrier says so."})
    play.then("The carrier has lost it.")
    play.decide(dress="accepted")
    play.then("A rep decides that the customer gets the money.")
    play.days_pass(20)
    play.arrive(1)
    play.then("It turns up. Nothing is decided or paid twice; the dress is put on hold.")
    play.does("dispositions", {"items": [{"lot": 1, "disposition": "restock"}]}, role=Role.WAREHOUSE)
    play.then("The warehouse says what becomes of it.")


def never_here(play: Play) -> None:
    """It was recorded as here, and is not"""
    play.authorized(2)
    play.days_pass(2)
    play.arrive(2)
    play.begins("Two dresses were recorded as received.")
    body = {"items": [{"lot": 1, "quantity": 2}], "reason": "other_return"}
    play.does("correction", body, role=Role.WAREHOUSE)
    play.then("They were another return's: the warehouse takes the receipt back.")


def mixed_grades(play: Play) -> None:
    """Some as new, some used, some broken"""
    play.authorized(4)
    play.days_pass(2)
    play.arrive(4)
    play.begins("Four dresses are here.")
    play.inspect(2)
    play.inspect(1, condition="used")
    play.inspect(1, condition="defective")
    play.then("Two are as new, one is used, one has a broken zip: the rules leave that one to a person.")
    play.does("decision", {"items": [{"line": 1, "lot": 1, "acceptance": "accepted"}]})
    play.then("A rep accepts the broken one; the rules decide on the others.")


def sent_back(play: Play) -> None:
    """What was not accepted goes back"""
    play.authorized()
    play.days_pass(2)
    play.arrive(1)
    play.begins("A dress is here.")
    play.inspect(1, condition="used")
    play.then("It is used: the rules reject it.")
    play.days_pass(1)
    play.does("goods-back", {"way": "sent_back", "tracking": "JD0003"}, role=Role.WAREHOUSE)
    play.then("The warehouse sends it back.")


def not_sent_back(play: Play) -> None:
    """What was not accepted does not leave in time, and is scrapped"""
    play.inspected(condition="used")
    play.begins("A dress was rejected; the customer knows by when it leaves. The return has ended beside it.")
    play.working_days_pass(5)
    play.then("The date passes, and it is still here.")
    play.does("goods-back", {"way": "scrapped", "note": "Nobody wants it."}, role=Role.WAREHOUSE)
    play.then("The customer does not want it. It may be scrapped, now that the date has passed.")


GOODS = (
    plain, fewer_came, two_parcels, empty_box, something_else, more_came, units_of_another_return, before_the_yes,
    after_the_no, after_cancellation, after_expiry, after_the_end, sent_and_not_here, lost, never_here, mixed_grades,
    sent_back, not_sent_back,
)  # fmt: skip
