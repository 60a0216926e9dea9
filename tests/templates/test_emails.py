"""The emails, as customers read them: right words, right sums, right days, and nobody's HTML but ours."""

import html
import re
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from io import BytesIO
from itertools import product
from pathlib import Path
from typing import Final, TypedDict

import pytest
from jinja2 import UndefinedError
from PIL import Image
from pydantic import ValidationError

from returndesk.domain.errors import InvalidInput
from returndesk.domain.inputs import PaidHow
from returndesk.domain.lots import Acceptance, Condition, Packaging, WayBack
from returndesk.domain.mail import Recipient
from returndesk.domain.notice_facts import NoticeFacts, NoticeItem, NoticeKind
from returndesk.domain.notices import (
    Accepted,
    Authorized,
    Cancelled,
    Corrected,
    Delay,
    Expired,
    GoodsBackLate,
    GoodsLeft,
    Lost,
    NewDates,
    NotArrived,
    OnItsWay,
    PartlyAccepted,
    Question,
    Received,
    Rejected,
    Reminder,
    Requested,
    read_facts,
)
from returndesk.domain.policy import Shop
from returndesk.domain.reasons import REASON_SENTENCES
from returndesk.domain.refund_notices import (
    PaidByHand,
    Refunded,
    RefundFailed,
    RefundNeedsYou,
    RefundOnItsWay,
)
from returndesk.rendering import Links, Renderer

TEMPLATES = Path(__file__).parents[2] / "templates"
SHOP = Shop(
    name="Diva Alex",
    zone="Europe/London",
    currency="GBP",
    reply_to="returns@divaalex.example",
    finance_email="finance@divaalex.example",
    return_address=("Diva Alex Returns", "Unit 4, Mill Lane", "Leeds LS1 4DY", "United Kingdom"),
    phone="0113 496 0000",
)
RENDERER = Renderer(TEMPLATES, SHOP)
LINKS = Links(
    status_url="https://returns.divaalex.example/r/k3v9",
    slip_url="https://returns.divaalex.example/r/k3v9/slip",
)
WHO = Recipient("Maria Söderberg", "maria@example.com")


class Case(TypedDict):
    """What every notice says, but for the goods."""

    rma: str
    order_reference: str
    currency: str


CONTACT = datetime(2026, 11, 17, 10, 5, tzinfo=UTC)  # a Tuesday
NOW = datetime(2026, 11, 24, 11, 30, tzinfo=UTC)  # the Tuesday after
DUE = datetime(2026, 11, 27, 17, 30, tzinfo=UTC)  # the Friday after that
LATER = datetime(2026, 11, 30, 17, 30, tzinfo=UTC)

SCARF = NoticeItem(title="Silk scarf, midnight blue", quantity=2)
DRESS = NoticeItem(title="Linen dress “Alma”, size 38", quantity=1)
YES: Final = Acceptance.ACCEPTED
NO: Final = Acceptance.REJECTED
SCARF_YES = NoticeItem(title=SCARF.title, quantity=2, verdict=YES)
DRESS_YES = NoticeItem(title=DRESS.title, quantity=1, verdict=YES)
DRESS_NO = NoticeItem(
    title=DRESS.title, quantity=1, verdict=NO, reasons=("condition_used", "packaging_missing")
)
SCARF_MISSING = NoticeItem(title=SCARF.title, quantity=1, verdict=NO, reasons=("not_received",))
CASE = Case(rma="RMA-7K3M-Q9TX", order_reference="DA-10042", currency="GBP")
CARD = "Visa ending 4242"

FULL: list[NoticeFacts] = [
    Requested(**CASE, items=(SCARF, DRESS), contacted_at=CONTACT, processing_due_at=DUE),
    Authorized(
        **CASE,
        items=(SCARF, DRESS),
        send_by=datetime(2026, 12, 22, 11, 30, tzinfo=UTC),
        decision_days=5,
        refund_days=7,
    ),
    Received(
        **CASE,
        received_at=NOW,
        processing_due_at=DUE,
        items=(
            NoticeItem(title=SCARF.title, quantity=1, expected=2),
            NoticeItem(title=DRESS.title, quantity=1, expected=1),
        ),
    ),
    Accepted(
        **CASE,
        items=(SCARF_YES, DRESS_YES),
        decided_at=NOW,
        goods_minor=123_450,
        tax_minor=1_050,
        shipping_minor=499,
        total_minor=124_999,
        refund_due_at=DUE,
        payment_label=CARD,
        is_late=True,
    ),
    PartlyAccepted(
        **CASE,
        items=(SCARF_YES, DRESS_NO),
        decided_at=NOW,
        goods_minor=4_998,
        shipping_minor=499,
        total_minor=5_497,
        owed_without_refund_minor=1_000,
        refund_due_at=DUE,
        payment_label=CARD,
        goods_back_by=LATER,
        is_late=True,
    ),
    Rejected(
        **CASE,
        items=(DRESS_NO, SCARF_MISSING),
        decided_at=NOW,
        goods_arrived=True,
        goods_back_by=LATER,
        is_late=True,
    ),
    RefundOnItsWay(
        **CASE,
        items=(SCARF_YES, DRESS_YES),
        submitted_at=NOW,
        total_minor=5_497,
        payment_label=CARD,
        is_late=True,
    ),
    Refunded(
        **CASE,
        items=(SCARF_YES, DRESS_YES),
        refunded_at=NOW,
        refunded_minor=5_497,
        outstanding_minor=1_203,
        payment_label=CARD,
        refund_reference="74938106321180",
        is_late=True,
    ),
    RefundFailed(
        **CASE,
        items=(SCARF_YES,),
        failed_at=NOW,
        total_minor=5_497,
        new_date=DUE,
        payment_label=CARD,
        was_confirmed=True,
    ),
    PaidByHand(
        **CASE,
        items=(SCARF_YES,),
        paid_at=NOW,
        paid_minor=5_497,
        how=PaidHow.BANK_TRANSFER,
        text_id="txt_1",
        outstanding_minor=1_203,
        is_late=True,
    ),
    RefundNeedsYou(
        **CASE,
        items=(SCARF_YES, DRESS_YES),
        asked_at=NOW,
        total_minor=5_497,
        act_by=datetime(2027, 1, 8, 11, 30, tzinfo=UTC),
        payment_label=CARD,
        is_late=True,
    ),
    Question(**CASE, items=(SCARF, DRESS), text_id="txt_1"),
    OnItsWay(**CASE, items=(SCARF,), sent_at=CONTACT, rest=(DRESS,), send_by=LATER),
    Reminder(
        **CASE, items=(SCARF, DRESS), authorized_at=CONTACT, send_by=datetime(2026, 12, 15, 10, 5, tzinfo=UTC)
    ),
    NotArrived(**CASE, items=(SCARF, DRESS), sent_at=CONTACT, new_date=DUE),
    Lost(**CASE, items=(SCARF, DRESS), processing_due_at=DUE),
    Expired(**CASE, items=(SCARF, DRESS), authorized_at=CONTACT, send_by=NOW, processing_due_at=LATER),
    Cancelled(**CASE, items=(SCARF, DRESS), cancelled_at=NOW, may_be_sent=True),
    Corrected(**CASE, items=(SCARF,), corrected_at=NOW, here=(DRESS,), processing_due_at=DUE),
    GoodsLeft(**CASE, items=(SCARF, DRESS), left_at=NOW, way=WayBack.SENT_BACK, text_id="txt_2"),
    GoodsBackLate(**CASE, items=(SCARF, DRESS), promised_at=DUE, new_date=LATER),
    NewDates(**CASE, items=(SCARF, DRESS), processing_due_at=DUE, refund_due_at=LATER),
    Delay(**CASE, items=(SCARF, DRESS), clock="refund", promised_at=DUE, new_date=LATER),
]
MINIMAL: list[NoticeFacts] = [
    Requested(**CASE, items=(DRESS,), contacted_at=CONTACT, processing_due_at=DUE),
    Authorized(
        **CASE,
        items=(DRESS,),
        send_by=datetime(2026, 12, 22, 0, 0, tzinfo=UTC),
        decision_days=1,
        refund_days=3,
    ),
    Received(
        **CASE,
        received_at=NOW,
        processing_due_at=DUE,
        items=(NoticeItem(title=DRESS.title, quantity=1, expected=1),),
    ),
    Accepted(
        **CASE, items=(DRESS_YES,), decided_at=NOW, goods_minor=4_500, total_minor=4_500, refund_due_at=DUE
    ),
    PartlyAccepted(
        **CASE,
        items=(SCARF_YES, SCARF_MISSING),
        decided_at=NOW,
        goods_minor=4_998,
        total_minor=4_998,
        refund_due_at=DUE,
    ),
    Rejected(
        **CASE,
        decided_at=NOW,
        goods_arrived=False,
        items=(NoticeItem(title=DRESS.title, quantity=1, verdict=NO, reasons=("window_passed",)),),
    ),
    RefundOnItsWay(**CASE, items=(DRESS_YES,), submitted_at=NOW, total_minor=4_500),
    Refunded(**CASE, items=(DRESS_YES,), refunded_at=NOW, refunded_minor=4_500),
    RefundFailed(**CASE, items=(DRESS_YES,), failed_at=NOW, total_minor=4_500, new_date=DUE),
    PaidByHand(
        **CASE, items=(DRESS_YES,), paid_at=NOW, paid_minor=4_500, how=PaidHow.CHARGEBACK, text_id="txt_1"
    ),
    RefundNeedsYou(**CASE, items=(DRESS_YES,), asked_at=NOW, total_minor=4_500),
    Question(**CASE, items=(DRESS,), text_id="txt_1"),
    OnItsWay(**CASE, items=(DRESS,), sent_at=NOW),
    Reminder(**CASE, items=(DRESS,), authorized_at=CONTACT, send_by=LATER),
    NotArrived(**CASE, items=(DRESS,), sent_at=CONTACT, new_date=LATER),
    Lost(**CASE, items=(DRESS,), processing_due_at=None),
    Expired(**CASE, items=(DRESS,), authorized_at=CONTACT, send_by=LATER),
    Cancelled(**CASE, items=(DRESS,), cancelled_at=NOW, may_be_sent=False),
    Corrected(**CASE, items=(DRESS,), corrected_at=NOW),
    GoodsLeft(**CASE, items=(DRESS,), left_at=NOW, way=WayBack.SCRAPPED),
    GoodsBackLate(**CASE, items=(DRESS,), promised_at=DUE, new_date=LATER),
    NewDates(**CASE, items=(DRESS,), processing_due_at=None, refund_due_at=DUE),
    Delay(**CASE, items=(DRESS,), clock="processing", promised_at=DUE, new_date=LATER),
]
OTHERS: list[NoticeFacts] = [
    RefundFailed(
        **CASE, items=(DRESS_YES,), failed_at=NOW, total_minor=4_500, new_date=DUE, payment_label=CARD,
        is_disputed=True,
    ),
    RefundFailed(
        **CASE, items=(DRESS_YES,), failed_at=NOW, total_minor=4_500, new_date=DUE, payment_label=CARD,
        awaited_details=True,
    ),
    *(
        PaidByHand(**CASE, items=(DRESS_YES,), paid_at=NOW, paid_minor=4_500, how=how, text_id="txt_1")
        for how in (PaidHow.CASH, PaidHow.DASHBOARD)
    ),
]  # fmt: skip
"""What a kind says in other words altogether."""
GROUPS = {"full": FULL, "minimal": MINIMAL, "other": OTHERS}
EVERY = [pytest.param(facts, id=f"{facts.kind}-{name}") for name, group in GROUPS.items() for facts in group]


QUOTED = "Which of the two scarves has the pulled thread?\n\nA photo would help."


def mail(facts: NoticeFacts, to: Recipient = WHO, now: datetime = NOW, text: str = QUOTED) -> EmailMessage:
    """The message as it would arrive: written out and read again."""
    made = RENDERER.notice(
        facts, to, links=LINKS, now=now, message_id="<1.notice@returns>", date=NOW, text=text
    )
    arrived = message_from_bytes(made.as_bytes(), policy=default)
    assert isinstance(arrived, EmailMessage)
    return arrived


def content(message: EmailMessage, subtype: str) -> str:
    part = message.get_body((subtype,))
    assert part is not None
    text: str = part.get_content()
    return text.replace("\r\n", "\n")


def words_of(text: str) -> str:
    return " ".join(re.findall(r"[\w£.,“”@:/'-]+", text))


def read_html(markup: str) -> str:
    """What a reader sees of it, link targets in brackets."""
    body = markup[markup.index("<h1") :]
    return words_of(html.unescape(re.sub(r"<[^>]+>", " ", body))).replace(" ,", ",").replace(" .", ".")


def test_every_kind_has_full_and_minimal_facts_here() -> None:
    assert [f.kind for f in FULL] == [f.kind for f in MINIMAL] == list(NoticeKind)


@pytest.mark.parametrize("facts", EVERY)
def test_text_and_html_say_the_same(facts: NoticeFacts) -> None:
    message = mail(facts)
    seen = read_html(content(message, "html"))
    text = content(message, "plain")
    for url in (LINKS.slip_url, LINKS.status_url):
        text = text.replace(f": {url}", ".").replace(url, "")
    for line in text.splitlines():
        for sentence in re.split(r"(?<=[.?!:]) ", words_of(line.removeprefix("- "))):
            if sentence and not sentence.startswith(("You can see", "Print the", "Put the packing")):
                assert sentence.rstrip(".:") in seen, sentence


@pytest.mark.parametrize("facts", EVERY)
def test_every_email_says_who_writes_what_it_is_about_and_where_to_look(facts: NoticeFacts) -> None:
    message = mail(facts)
    assert message["From"] == message["Reply-To"] == "Diva Alex <returns@divaalex.example>"
    assert message["To"].addresses[0].display_name == WHO.name
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Message-ID"] == "<1.notice@returns>"
    assert message["Date"].datetime == NOW
    assert 15 < len(message["Subject"]) < 75
    for subtype in ("plain", "html"):
        body = content(message, subtype)
        assert "RMA-7K3M-Q9TX" in body
        assert "DA-10042" in body
        assert LINKS.status_url in body
        assert "Hello Maria Söderberg," in body
        assert "0113 496 0000" in body


@pytest.mark.parametrize("facts", EVERY)
def test_the_html_loads_nothing_and_runs_nothing(facts: NoticeFacts) -> None:
    markup = content(mail(facts), "html")
    assert not re.search(r"""(?:src|href)=["'](?!cid:|https://returns\.divaalex\.example/)""", markup)
    assert not re.search(r"<script|<link|@import|url\(", markup)
    assert "prefers-color-scheme: dark" in markup
    assert '<h1 style="' in markup


@pytest.mark.parametrize("facts", EVERY)
def test_the_text_reads_cleanly(facts: NoticeFacts) -> None:
    text = content(mail(facts), "plain")
    assert "\n\n\n" not in text
    assert not re.search(r"[^\n ] {2,}|[ ]\n| [.,:]|&\w+;|<|\{|None", text)


@pytest.mark.parametrize("facts", EVERY)
def test_facts_survive_the_store(facts: NoticeFacts) -> None:
    assert read_facts(facts.snapshot()) == facts


def test_amounts_and_days_are_exact() -> None:
    text = content(mail(FULL[3]), "plain")
    assert "we send your refund of £1,249.99 to your Visa ending 4242 by Friday 27 November" in text
    assert "- Items: £1,234.50\n- Tax: £10.50\n- Shipping: £4.99\n- Total: £1,249.99" in text
    assert "This is later than we promised, and we are sorry." in text


@pytest.mark.parametrize(
    ("currency", "amount_minor", "shown"),
    [
        ("GBP", 123_450, "£1,234.50"),
        ("GBP", 5, "£0.05"),
        ("EUR", 9_007_199_254_740_993, "€90,071,992,547,409.93"),
        ("JPY", 1_200, "JP¥1,200"),
        ("KWD", 1_230, "KWD1.230"),
    ],
)
def test_money_has_its_currencys_sign_and_decimals(currency: str, amount_minor: int, shown: str) -> None:
    facts = Refunded(
        rma="RMA-7K3M-Q9TX",
        order_reference="DA-1",
        currency=currency,
        items=(DRESS_YES,),
        refunded_at=NOW,
        refunded_minor=amount_minor,
    )
    assert mail(facts)["Subject"] == f"We have refunded {shown}"


def test_days_are_the_shops_and_carry_a_year_only_when_it_is_another() -> None:
    late_evening = datetime(2026, 6, 30, 23, 30, tzinfo=UTC)  # already 1 July in London
    facts = Requested(**CASE, items=(DRESS,), contacted_at=late_evening, processing_due_at=DUE)
    assert "on Wednesday 1 July, 00:30 BST." in content(mail(facts), "plain")
    next_year = datetime(2027, 1, 4, 9, 0, tzinfo=UTC)
    assert "on Wednesday 1 July 2026, 00:30 BST." in content(mail(facts, now=next_year), "plain")
    new_years_eve = datetime(2026, 12, 31, 23, 59, tzinfo=UTC)
    assert "on Wednesday 1 July, 00:30 BST." in content(mail(facts, now=new_years_eve), "plain")


@pytest.mark.parametrize(
    ("expires_at", "last_day"),
    [
        (datetime(2026, 12, 22, 11, 30, tzinfo=UTC), "Monday 21 December"),
        (datetime(2026, 12, 22, 0, 0, tzinfo=UTC), "Monday 21 December"),
        (datetime(2026, 12, 21, 23, 59, 59, tzinfo=UTC), "Monday 21 December"),
    ],
)
def test_whoever_sends_on_the_last_day_named_is_in_time(expires_at: datetime, last_day: str) -> None:
    facts = Authorized(**CASE, items=(DRESS,), send_by=expires_at, decision_days=5, refund_days=7)
    assert f"back by {last_day}:" in content(mail(facts), "plain")


@pytest.mark.parametrize(
    ("quantity", "said"),
    [
        (1, "We received your item on Tuesday 24 November."),
        (2, "We received your two items on Tuesday 24 November."),
        (10, "We received your ten items on Tuesday 24 November."),
        (11, "We received your 11 items on Tuesday 24 November."),
    ],
)
def test_counts_read_as_one_would_say_them(quantity: int, said: str) -> None:
    facts = Received(
        **CASE,
        items=(NoticeItem(title="Scarf", quantity=quantity, expected=quantity),),
        received_at=NOW,
        processing_due_at=DUE,
    )
    assert said in content(mail(facts), "plain")


def test_what_is_missing_from_a_parcel_is_said() -> None:
    text = content(mail(FULL[2]), "plain")
    assert "It held two of the three items we expected." in text
    assert "- Silk scarf, midnight blue: 1 of 2 arrived\n" in text
    assert "If you did send it, please reply" in text
    empty = Received(
        **CASE,
        received_at=NOW,
        processing_due_at=DUE,
        items=(NoticeItem(title="Scarf", quantity=0, expected=2),),
    )
    text = content(mail(empty), "plain")
    assert "but the items we expected were not in it" in text
    assert "we look into it and tell you what we found by Friday 27 November" in text


BRICK = NoticeItem(title="Something else", quantity=1, expected=0, reasons=("wrong_item",))


@pytest.mark.parametrize(
    ("items", "said", "listed"),
    [
        (
            (NoticeItem(title="Scarf", quantity=0, expected=1), BRICK),
            "but the item we expected was not in it. It held one item that we did not expect.",
            "- Scarf: none of 1 arrived\n- Something else: 1 arrived, not expected. What reached us is not what this "
            "order contained.",
        ),
        (
            (NoticeItem(title="Scarf", quantity=1, expected=2), BRICK),
            "It held one of the two items we expected, and one item that we did not expect.",
            "- Scarf: 1 of 2 arrived",
        ),
        (
            (NoticeItem(title="Scarf", quantity=3, expected=2),),
            "It held your two items, and one item that we did not expect.",
            "- Scarf: 3 arrived, 2 expected",
        ),
        ((BRICK,), "It held one item that we did not expect.", "- Something else: 1 arrived, not expected"),
    ],
)
def test_what_nobody_expected_is_never_counted_as_expected(
    items: tuple[NoticeItem, ...], said: str, listed: str
) -> None:
    facts = Received(**CASE, items=items, received_at=NOW, processing_due_at=DUE)
    text = content(mail(facts), "plain")
    assert said in text
    assert listed in text
    assert facts.is_empty == ("not what we expected" in mail(facts)["Subject"])


def test_a_no_to_some_goods_is_not_said_of_the_whole_return() -> None:
    """Others of the same return may have been accepted before, and refunded."""
    text = content(mail(FULL[5]), "plain")
    assert "there is no refund for them." in text
    assert "refund for this return" not in text


def test_goods_of_another_return_are_not_called_rejected() -> None:
    item = NoticeItem(title="Scarf", quantity=1, verdict=NO, reasons=("claimed_elsewhere",))
    facts = Rejected(**CASE, items=(item,), decided_at=NOW, goods_arrived=True)
    for subtype in ("plain", "html"):
        body = content(mail(facts), subtype)
        assert "in another return" in body
        assert "not accepted" not in body


def test_who_sent_a_part_reads_what_is_still_to_be_sent_and_by_when() -> None:
    sent = next(facts for facts in FULL if facts.kind is NoticeKind.ON_ITS_WAY)
    text = content(mail(sent), "plain")
    assert "Still to be sent, by Sunday 29 November:\n\n- Linen dress “Alma”, size 38\n" in text
    assert "nothing you need to do" not in text
    whole = next(facts for facts in MINIMAL if facts.kind is NoticeKind.ON_ITS_WAY)
    assert "There is nothing you need to do." in content(mail(whole), "plain")


def test_a_correction_says_what_is_here_and_by_when_something_happens() -> None:
    corrected = next(facts for facts in FULL if facts.kind is NoticeKind.CORRECTED)
    text = content(mail(corrected), "plain")
    assert "This is here:\n\n- Linen dress “Alma”, size 38\n" in text
    assert "tell you our decision by Friday 27 November" in text
    waits = Corrected(**CASE, items=(DRESS,), corrected_at=NOW, send_by=LATER)
    assert "we wait for it until Sunday 29 November" in content(mail(waits), "plain")
    counted = Corrected(
        **CASE, items=(DRESS, SCARF), corrected_at=NOW, noted_here=(SCARF,), waited_again=(DRESS,)
    )
    text = content(mail(counted), "plain")
    assert (
        text.index("reached us")
        < text.index(SCARF.title)
        < text.index("was missing")
        < text.index(DRESS.title)
    )
    with pytest.raises(ValidationError, match="processing_due_at goes with what is here"):
        Corrected(**CASE, items=(DRESS,), corrected_at=NOW, here=(DRESS,))


def test_a_refund_that_nobody_granted_yet_is_not_promised_by_a_delay() -> None:
    undecided = Delay(
        **CASE, items=(DRESS,), clock="refund", promised_at=DUE, new_date=LATER, is_decided=False
    )
    message = mail(undecided)
    text = content(message, "plain")
    assert "We promised our decision and any refund by Friday 27 November" in text
    assert "you have our decision, and any refund is sent, by Monday 30 November" in text
    assert "your refund" not in text + message["Subject"]


def test_a_no_says_why_and_where_the_goods_go() -> None:
    text = content(mail(FULL[4]), "plain")
    assert (
        "- Linen dress “Alma”, size 38: not accepted. We found signs of use; we can only take back what is "
        "in its original condition. The original packaging was missing." in text
    )
    assert "We send the item we could not accept back to the address on your order by Monday 30 Nov" in text
    assert "a manager will look at it again" in text


def test_money_without_a_payment_to_go_back_to_is_not_called_a_refund() -> None:
    owed = read_facts({**MINIMAL[3].snapshot(), "owed_without_refund_minor": 4_500})
    text = content(mail(owed), "plain")
    assert "we owe you £45.00 that we cannot send back to a payment of yours" in text
    assert "we send your refund" not in text
    nothing = read_facts({**MINIMAL[3].snapshot(), "goods_minor": 0, "total_minor": 0, "refund_due_at": None})
    assert "so there is nothing to refund, and your return is complete" in content(mail(nothing), "plain")


def test_goods_that_never_came_are_not_promised_back() -> None:
    assert "back to the address" not in content(mail(MINIMAL[4]), "plain")


def test_only_a_confirmed_refund_is_called_refunded() -> None:
    for facts in FULL + MINIMAL + OTHERS:
        message = mail(facts)
        said = f"{message['Subject']} {content(message, 'plain')}"
        claims = re.search(r"have refunded|was paid back|was confirmed", said)
        assert bool(claims) == (facts.kind is NoticeKind.REFUNDED), facts.kind


def test_a_refund_that_a_dispute_stops_is_not_said_to_be_safe_with_us() -> None:
    text = content(mail(OTHERS[0]), "plain")
    assert "there is a dispute about that payment at its bank" in text
    assert "if it does not, we still owe it to you" in text
    assert "we have it" not in text
    assert "came back" not in text


def test_who_has_to_give_details_reads_whose_email_to_follow_by_when_and_what_happens_otherwise() -> None:
    message = mail(FULL[10])
    text = content(message, "plain")
    assert message["Subject"] == "Your refund of £54.97 waits for your details"
    assert "on its way" not in text
    assert "Please follow it by Thursday 7 January 2027." in text, "the last whole day"
    assert "Give your bank details to Stripe alone: we never ask for them ourselves." in text
    assert "After that day the refund is called off: your money is then still with us" in text
    assert "Please follow it. If you cannot find it" in content(mail(MINIMAL[10]), "plain")


def test_a_refund_that_never_left_for_want_of_details_is_not_said_to_have_come_back() -> None:
    text = content(mail(OTHERS[1]), "plain")
    assert "waited for some details from you, and was not sent." in text
    assert "Your money is safe" in text
    assert "came back" not in text


def test_money_paid_another_way_is_found_by_the_reference_finance_gave() -> None:
    text = content(mail(FULL[9], text="SEPA 2026-11-24 4417"), "plain")
    assert "We have paid you £54.97 for this return by bank transfer." in text
    assert "by this reference: SEPA 2026-11-24 4417\n" in text
    assert "£12.03 of this return is still to come" in text
    bank = content(mail(MINIMAL[9], text="du_1"), "plain")
    assert "your bank has given you £45.00 for this return, so we do not send it a second time" in bank
    assert "du_1" not in bank


def test_the_refund_confirmation_names_the_reference_the_bank_can_trace() -> None:
    assert "with this reference: 74938106321180" in content(mail(FULL[7]), "plain")
    assert "reference" not in content(mail(MINIMAL[7]), "plain")


def test_every_reason_the_rules_can_give_has_a_sentence() -> None:
    for condition, packaging in product(Condition, Packaging):
        assert f"condition_{condition}" in REASON_SENTENCES
        assert f"packaging_{packaging}" in REASON_SENTENCES
    others = {"window_passed", "final_sale", "already_returned", "unknown_line", "not_received"}
    assert others <= set(REASON_SENTENCES)


def test_the_barcode_in_the_mail_is_the_rma_with_quiet_zones() -> None:
    message = mail(FULL[1])
    image = next(part for part in message.walk() if part.get_content_type() == "image/png")
    assert image["Content-ID"] == "<RMA-7K3M-Q9TX@barcode>"
    assert 'src="cid:RMA-7K3M-Q9TX@barcode"' in content(message, "html")
    picture = Image.open(BytesIO(image.get_content())).convert("L")
    row = [picture.getpixel((x, 40)) for x in range(1, picture.width, 3)]
    modules = "".join("1" if pixel == 0 else "0" for pixel in row)
    assert modules[:10] == modules[-10:] == "0" * 10
    assert decode_code_128_b(modules.strip("0")) == "RMA-7K3M-Q9TX"


def decode_code_128_b(modules: str) -> str:
    """Widths back to text, from ISO/IEC 15417's table for code set B, checksum verified."""
    from barcode.charsets import code128  # type: ignore[import-untyped]

    symbols = [modules[i : i + 11] for i in range(0, len(modules) - 13, 11)]
    values = [code128.CODES.index(symbol) for symbol in symbols]
    start, *data, checksum = values
    assert start == 104
    assert modules[-13:] == "1100011101011"
    assert (start + sum(i * value for i, value in enumerate(data, 1))) % 103 == checksum
    return "".join(chr(value + 32) for value in data)


NASTY = '<b>O\'Neil & "Söns"</b>'


def test_a_name_or_a_title_cannot_become_markup() -> None:
    title = "<img src=x onerror=alert(1)> & Co"
    for facts in FULL:
        item = facts.items[0].model_copy(update={"title": title})
        label = {"payment_label": title} if "payment_label" in type(facts).model_fields else {}
        hostile = facts.model_copy(update={"items": (item,), "order_reference": "<i>1</i>", **label})
        message = mail(hostile, Recipient(NASTY, "maria@example.com"))
        markup = content(message, "html")
        assert "<b>" not in markup
        assert "<i>" not in markup
        assert "<img src=x" not in markup
        assert NASTY in html.unescape(markup)
        assert f"Hello {NASTY}," in content(message, "plain")
        assert message["To"].addresses[0].display_name == NASTY


def test_line_breaks_in_a_name_add_no_header_and_no_paragraph() -> None:
    name = "Maria\r\nBcc: all@example.com\r\n\r\nYou won\u2028a prize\x00"
    message = mail(FULL[0], Recipient(name, "maria@example.com"))
    assert message["Bcc"] is None
    assert message["To"].addresses[0].addr_spec == "maria@example.com"
    assert "Hello Maria Bcc: all@example.com You won a prize," in content(message, "plain")


def test_nobody_without_a_name_is_greeted_with_a_gap() -> None:
    assert content(mail(FULL[0], Recipient("", "maria@example.com")), "plain").startswith("Hello,\n")


@pytest.mark.parametrize("email", ["", "maria", "maria@", "@a.example", "a b@a.example", "a@b\r\nBcc: c@d"])
def test_an_unusable_address_is_refused_without_repeating_it(email: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        mail(FULL[0], Recipient("Maria", email))
    assert refused.value.code == "address_unusable"
    assert refused.value.__cause__ is None
    assert not email or email not in str(refused.value)


def test_a_recipient_does_not_show_in_a_log() -> None:
    assert "aria" not in repr(WHO)


def test_a_missing_fact_is_an_error_when_it_is_written() -> None:
    with pytest.raises(ValidationError, match="processing_due_at"):
        Requested(**CASE, items=(DRESS,), contacted_at=CONTACT)  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"total_minor": 4_501}, "do not add up"),
        ({"refund_due_at": None}, "refund_due_at is promised"),
        ({"items": [DRESS]}, "every item needs a verdict"),
        ({"items": [DRESS_YES, DRESS_NO]}, "partly_accepted"),
        ({"items": []}, "items"),
        ({"goods_minor": 45.0}, "goods_minor"),
        ({"currency": "XXQ"}, "currency"),
        ({"decided_at": datetime(2026, 11, 24)}, "decided_at"),  # noqa: DTZ001 - a naive instant is the mistake
        ({"customer_name": "Maria"}, "customer_name"),
        ({"items": [{"title": "x", "quantity": 1, "verdict": "rejected", "reasons": ["no"]}]}, "no sentence"),
        ({"items": [{"title": "x", "quantity": 1, "verdict": "rejected"}]}, "reason"),
    ],
)
def test_facts_that_contradict_themselves_are_refused(change: dict[str, object], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint) as refused:
        read_facts({**MINIMAL[3].snapshot(), **change})
    assert "Linen" not in str(refused.value)


def test_a_name_a_template_uses_and_nobody_gave_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages" / "gap.html").write_text("Hello {{ nobody }}")
    with pytest.raises(UndefinedError):
        Renderer(tmp_path, SHOP).page("gap", now=NOW)


def test_what_a_person_wrote_is_quoted_and_is_never_markup() -> None:
    wrote = "Is it <b>this</b> one?\x0b\n\n\n{{ 7 * 7 }} & so on"
    message = mail(Question(**CASE, items=(DRESS,), text_id="txt_1"), text=wrote)
    assert "Is it &lt;b&gt;this&lt;/b&gt; one?" in content(message, "html")
    assert "{{ 7 * 7 }} &amp; so on" in content(message, "html")
    assert "  Is it <b>this</b> one?\n\n  {{ 7 * 7 }} & so on\n" in content(message, "plain")
