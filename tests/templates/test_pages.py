"""The pages: what each stage says, how the clocks explain themselves, and that they stand on their own."""

import html
import re
from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

import pytest

from api.desk_pages import Frame
from returndesk.domain.calendar import BusinessCalendar
from returndesk.domain.clock import PROCESSING, REFUND, Clock, ClockState
from returndesk.domain.inputs import PaidHow
from returndesk.domain.lots import Acceptance, Condition, Disposition, Packaging, Reception, WayBack
from returndesk.domain.notice_facts import NoticeKind
from returndesk.domain.people import CUSTOMER
from returndesk.domain.policy import read_policy
from returndesk.domain.reasons import REASON_SENTENCES
from returndesk.domain.stages import RefundStatus, Stage
from returndesk.rendering import Renderer
from returndesk.store.page_timeline import KEPT, MAILED, REVERSED, SHOWN
from returndesk.store.pages import (
    ClockView,
    ErrorPage,
    GrantView,
    ItemView,
    MailAttachment,
    MailboxPage,
    MailPage,
    MailRow,
    MoneyView,
    PaidView,
    RefundView,
    ReturnPage,
    Situation,
    SlipItem,
    SlipPage,
    TimelineView,
)

ROOT = Path(__file__).parents[2]
POLICY = read_policy((ROOT / "policy.toml").read_text())
RENDERER = Renderer(ROOT / "templates", POLICY.shop)
CALENDAR = BusinessCalendar(POLICY.shop.zone, POLICY.calendar.opening.week)

FRAME = Frame(CUSTOMER, "/r", (), "")
CONTACT = datetime(2026, 11, 13, 16, 0, tzinfo=UTC)  # a Friday afternoon
AUTHORIZED = datetime(2026, 11, 16, 9, 30, tzinfo=UTC)
RECEIVED = datetime(2026, 11, 19, 10, 5, tzinfo=UTC)
DECIDED = datetime(2026, 11, 20, 15, 12, tzinfo=UTC)
SENT = datetime(2026, 11, 20, 15, 13, tzinfo=UTC)
NOW = datetime(2026, 11, 24, 11, 30, tzinfo=UTC)
DUE = datetime(2026, 11, 27, 17, 30, tzinfo=UTC)


def view(clock: Clock) -> ClockView:
    return ClockView(
        kind=clock.kind, state=clock.state, breached=clock.breached, unit=clock.unit,
        allotment=clock.allotment, used=clock.used(CALENDAR, NOW), due_at=clock.due_at(CALENDAR),
        spans=clock.explain(CALENDAR, NOW), pauses=clock.pauses,
        stopped_because=clock.events[-1].reason if clock.state is ClockState.STOPPED else None,
    )  # fmt: skip


def waited_for_the_goods(kind: str, allotment: int) -> Clock:
    clock = Clock(kind, Fraction(allotment)).start(CONTACT).pause(AUTHORIZED, "goods_in_transit", "customer")
    return clock.resume(RECEIVED, "goods_in_transit", "warehouse")


PAGE = ReturnPage(
    rma="RMA-7K3M-Q9TX",
    order_reference="DA-10042",
    stage=Stage.SETTLING,
    currency="GBP",
    contacted_at=CONTACT,
    policy_version="2026-11+1a2b3c4d",
    items=(
        ItemView(
            "Silk scarf, midnight blue",
            2,
            Reception.RECEIVED,
            Acceptance.ACCEPTED,
            Condition.ORIGINAL,
            Packaging.ORIGINAL,
            disposition=Disposition.RESTOCK,
        ),
        ItemView(
            "Linen dress “Alma”, size 38",
            1,
            Reception.RECEIVED,
            Acceptance.REJECTED,
            Condition.USED,
            Packaging.MISSING,
            (REASON_SENTENCES["condition_used"], REASON_SENTENCES["packaging_missing"]),
            Disposition.RETURN_TO_CUSTOMER,
        ),
        ItemView("Leather belt", 1, Reception.SHORT_SHIPPED, Acceptance.PENDING),
    ),
    clocks=(
        view(waited_for_the_goods(PROCESSING, 5).stop(DECIDED)),
        view(waited_for_the_goods(REFUND, 7)),
    ),
    refunds=(
        RefundView(5_497, RefundStatus.PENDING, DECIDED, "Visa ending 4242", SENT),
        RefundView(
            1_000,
            RefundStatus.SUCCEEDED,
            DECIDED,
            "Mastercard ending 4444",
            SENT,
            NOW,
            reference="74938106321180",
        ),
    ),
    timeline=(
        TimelineView(CONTACT, "requested"),
        TimelineView(AUTHORIZED, "authorized"),
        TimelineView(AUTHORIZED, "mailed", "authorized"),
        TimelineView(RECEIVED, "received"),
        TimelineView(DECIDED, "decided", amount_minor=6_497),
        TimelineView(SENT, "refund_pending", amount_minor=5_497),
    ),
    money=MoneyView((GrantView(DECIDED, 5_998, 0, 499),), 1_000, 5_497),
    due_at=DUE,
    slip_url="/r/k3v9/slip",
)
EMPTY = replace(PAGE, stage=Stage.REQUESTED, clocks=(), refunds=(), timeline=(), money=MoneyView())
SLIP = SlipPage(
    "RMA-7K3M-Q9TX",
    "DA-10042",
    datetime(2026, 12, 15, 10, 5, tzinfo=UTC),
    (SlipItem("Silk scarf, midnight blue", 2), SlipItem("Linen dress “Alma”, size 38", 1)),
)
MAILBOX = MailboxPage(
    (
        MailRow("/mailbox/2", "Maria Söderberg <maria@example.com>", "We have refunded £54.97", NOW),
        MailRow(
            "/mailbox/1",
            "Maria Söderberg <maria@example.com>",
            "We have received your return RMA-7K3M-Q9TX",
            RECEIVED,
        ),
    ),
    "/mailbox?before=1",
)
MAIL = MailPage(
    "We have refunded £54.97",
    NOW,
    (("From", "Diva Alex <returns@divaalex.example>"), ("To", "Maria Söderberg <maria@example.com>")),
    "Hello Maria,\n\nYour refund …",
    "/mailbox/2/html",
    (MailAttachment("RMA-7K3M-Q9TX.png", "image/png", 1_204, "/mailbox/2/attachments/0"),),
)
ERROR = ErrorPage(404, "There is no such return", "Check the link in your email.", "not_found")
PAGES = {"return": PAGE, "slip": SLIP, "mailbox": MAILBOX, "mail": MAIL, "error": ERROR}
ALL = [
    *PAGES.items(),
    ("return", EMPTY),
    ("mailbox", MailboxPage(())),
    ("mail", replace(MAIL, text="", html_url=None)),
]


def read(name: str, page: object) -> str:
    """What a reader sees."""
    markup = RENDERER.page(name, now=NOW, page=page, frame=FRAME)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", markup[markup.index("<body") :])).split())


@pytest.mark.parametrize(("name", "page"), ALL)
def test_a_page_stands_on_its_own_under_a_strict_policy(name: str, page: object) -> None:
    markup = RENDERER.page(name, now=NOW, page=page, frame=FRAME)
    assert not re.search(r"<script|<style|\sstyle=|\son\w+=|javascript:", markup)
    assert not re.search(r"""(?:src|href)=["'](?:https?:)?//""", markup)
    assert 'href="/static/returndesk.css"' in markup


@pytest.mark.parametrize(("name", "page"), ALL)
def test_a_page_can_be_found_ones_way_in(name: str, page: object) -> None:
    markup = RENDERER.page(name, now=NOW, page=page, frame=FRAME)
    assert markup.count("<h1") == 1
    assert '<html lang="en-GB">' in markup
    assert "<main id=" in markup
    assert all("scope=" in head for head in re.findall(r"<th\b[^>]*>", markup))
    targets = re.findall(r'aria-labelledby="([^"]+)"', markup)
    assert all(markup.count(f' id="{target}"') == 1 for target in targets)


@pytest.mark.parametrize("stage", Stage)
def test_every_stage_says_what_happens_next(stage: Stage) -> None:
    for due_at in (DUE, None):
        markup = RENDERER.page("return", now=NOW, frame=FRAME, page=replace(PAGE, stage=stage, due_at=due_at))
        headline = re.search(r"<h1>([^<]+)</h1>", markup)
        following = re.search(r'<p class="next">(.+?)</p>', markup, re.DOTALL)
        assert headline
        assert following
        assert len(following[1].strip()) > 20
        promised = stage in {
            Stage.REQUESTED, Stage.RECEIVED, Stage.INSPECTED, Stage.DECIDED, Stage.SETTLING,
        }  # fmt: skip
        assert ("Friday 27 November" in following[1]) == (promised and due_at is not None)


SCARF = PAGE.items[0]
AWAITED = replace(SCARF, reception=Reception.AWAITING)
SENT_ITEM = replace(SCARF, reception=Reception.IN_TRANSIT)
FAILED = replace(PAGE.refunds[0], status=RefundStatus.FAILED, failed_at=NOW)
WAITING = replace(PAGE.refunds[0], status=RefundStatus.REQUIRES_ACTION, submitted_at=None, act_by=DUE)
SITUATIONS = {
    Situation.ASKED: replace(PAGE, stage=Stage.REQUESTED, awaits_answer=True),
    Situation.REQUESTED: replace(PAGE, stage=Stage.REQUESTED),
    Situation.AUTHORIZED: replace(PAGE, stage=Stage.AUTHORIZED, items=(AWAITED,)),
    Situation.PARTLY_SENT: replace(PAGE, stage=Stage.AUTHORIZED, items=(AWAITED, SENT_ITEM)),
    Situation.ON_ITS_WAY: replace(PAGE, stage=Stage.AUTHORIZED, items=(SENT_ITEM,)),
    Situation.LOOKED_FOR: replace(
        PAGE, stage=Stage.AUTHORIZED, items=(SENT_ITEM,), is_looked_for=True, new_date=DUE
    ),
    Situation.RECEIVED: replace(PAGE, stage=Stage.RECEIVED),
    Situation.INSPECTED: replace(PAGE, stage=Stage.INSPECTED),
    Situation.NOTHING_CAME: replace(
        PAGE, stage=Stage.INSPECTED, items=(replace(SCARF, reception=Reception.SHORT_SHIPPED),)
    ),
    Situation.LOST: replace(PAGE, stage=Stage.INSPECTED, items=(replace(SCARF, reception=Reception.LOST),)),
    Situation.WITH_MANAGER: replace(PAGE, stage=Stage.DECIDED),
    Situation.REFUND_DUE: PAGE,
    Situation.REFUND_NEEDS_YOU: replace(PAGE, refunds=(WAITING, FAILED)),
    Situation.REFUND_SENT: replace(PAGE, due_at=None),
    Situation.REFUND_FAILED: replace(PAGE, refunds=(FAILED,), new_date=DUE),
    Situation.REFUND_DISPUTED: replace(PAGE, refunds=(replace(FAILED, is_disputed=True),), new_date=DUE),
    Situation.OWED: replace(PAGE, refunds=(), owed_without_refund_minor=1_000),
    Situation.GOES_BACK: replace(PAGE, stage=Stage.CLOSED, due_at=None, goods_back_by=DUE),
    Situation.CLOSED: replace(PAGE, stage=Stage.CLOSED, due_at=None),
    Situation.DECLINED: replace(PAGE, stage=Stage.DECLINED, due_at=None),
    Situation.EXPIRED: replace(PAGE, stage=Stage.EXPIRED, due_at=None),
    Situation.CANCELLED: replace(PAGE, stage=Stage.CANCELLED, due_at=None),
}
DATED = set(Situation) - {
    Situation.ASKED, Situation.ON_ITS_WAY, Situation.REFUND_SENT, Situation.CLOSED, Situation.DECLINED,
    Situation.EXPIRED, Situation.CANCELLED,
}  # fmt: skip
"""Where something is to happen by a day that the shop knows."""


def told(page: ReturnPage) -> tuple[str, str]:
    """The headline, and what it says happens next."""
    markup = RENDERER.page("return", now=NOW, frame=FRAME, page=page)
    headline, following = (
        re.search(pattern, markup, re.DOTALL) for pattern in (r"<h1>(.+?)</h1>", r'<p class="next">(.+?)</p>')
    )
    assert headline
    assert following
    return headline[1], " ".join(html.unescape(re.sub(r"<[^>]+>", " ", following[1])).split())


@pytest.mark.parametrize("situation", Situation)
def test_every_situation_says_what_happens_next_and_by_when(situation: Situation) -> None:
    page = SITUATIONS[situation]
    assert page.situation is situation
    headline, following = told(page)
    assert "None" not in headline + following
    day = (
        "Thursday 26 November"
        if situation in (Situation.AUTHORIZED, Situation.PARTLY_SENT, Situation.REFUND_NEEDS_YOU)
        else "Friday 27"
    )
    assert (day in following) == (situation in DATED)


def test_who_has_to_give_details_is_told_as_long_as_they_can() -> None:
    page = SITUATIONS[Situation.REFUND_NEEDS_YOU]
    assert page.act_by == DUE
    assert "until 27 Nov 2026" in read("return", page)
    passed = told(replace(page, refunds=(replace(WAITING, act_by=SENT),)))[1]
    assert "the time for that has passed. We look what became of it, and write to you." in passed
    unknown = told(replace(page, refunds=(replace(WAITING, act_by=None),)))[1]
    assert "Please follow its email: look among your junk mail too" in unknown


def test_no_two_situations_have_the_same_headline() -> None:
    assert len({told(page)[0] for page in SITUATIONS.values()}) == len(Situation)


@pytest.mark.parametrize("situation", [Situation.REQUESTED, Situation.RECEIVED, Situation.REFUND_DUE])
def test_what_is_late_is_said_to_be_late_with_the_new_date_as_long_as_that_holds(
    situation: Situation,
) -> None:
    late = replace(SITUATIONS[situation], due_at=RECEIVED, new_date=DUE)
    said = "We are late: this was to be done by Thursday 19 November . We are sorry."
    assert told(late)[1].startswith(f"{said} It is done by Friday 27 November")
    for missed in (replace(late, new_date=SENT), replace(late, new_date=None)):
        assert "A manager has been told" in told(missed)[1]
        assert "It is done" not in told(missed)[1]


@pytest.mark.parametrize("situation", [Situation.LOOKED_FOR, Situation.REFUND_FAILED])
def test_a_word_that_was_not_kept_is_admitted(situation: Situation) -> None:
    page = replace(SITUATIONS[situation], new_date=SENT)
    assert "We wanted to write to you by Friday 20 November , and have not yet. We are sorry" in told(page)[1]


def test_goods_that_go_back_have_a_day_and_where_they_went_is_said() -> None:
    page = SITUATIONS[Situation.GOES_BACK]
    assert "What we could not accept leaves for you by Friday 27 November" in told(page)[1]
    assert "is late, and we are sorry: it leaves for you by" in told(replace(page, goods_back_late=True))[1]
    overdue = told(replace(page, goods_back_late=True, goods_back_by=SENT))[1]
    assert "was to leave for you by Friday 20 November . It is still here" in overdue
    where = {WayBack.SENT_BACK: "on its way back to you", WayBack.HANDED_OVER: "with you",
             WayBack.SCRAPPED: "disposed of"}  # fmt: skip
    for way, words in where.items():
        seen = read("return", replace(PAGE, items=(replace(PAGE.items[1], left=way),)))
        assert f"38 {words} used" in seen
        assert "It goes back to you." not in seen


def test_money_of_several_decisions_adds_up_in_words() -> None:
    money = MoneyView(
        (GrantView(DECIDED, 5_000, 0, 0), GrantView(NOW, 2_000, 400, 100)), 5_000, 500,
        (PaidView(NOW, 1_000, "bank_transfer"), PaidView(NOW, 200, "chargeback")), 800,
    )  # fmt: skip
    assert money.granted_minor == money.refunded_minor + 500 + 1_000 + 200 + money.to_come_minor
    seen = read("return", replace(PAGE, money=money))
    assert "Decided on Friday 20 November £50.00" in seen
    assert "Decided on Tuesday 24 November items £20.00, tax £4.00, shipping £1.00 £25.00" in seen
    assert "You get back £75.00 Refunded £50.00 On its way £5.00" in seen
    assert "Paid by bank transfer on Tuesday 24 November £10.00" in seen
    assert "Given to you by your bank on Tuesday 24 November £2.00 Still to come £8.00" in seen


def test_a_refund_that_came_back_is_told_from_one_that_never_arrived() -> None:
    never = read("return", replace(PAGE, refunds=(FAILED,)))
    assert "did not go through on 24 Nov 2026" in never
    back = read("return", replace(PAGE, refunds=(replace(FAILED, credited_at=SENT, is_replaced=True),)))
    assert "came back on 24 Nov 2026" in back
    assert "replaced by another payment" in back


SENTENCES = {
    **{what: (what, None) for what in SHOWN - {"paid_by_hand", "goods_left", "breached"}},
    REVERSED: (REVERSED, None),
    **{f"paid {how}": ("paid_by_hand", how) for how in PaidHow},
    **{f"left {way}": ("goods_left", way) for way in WayBack},
    **{f"late {clock}": ("breached", clock) for clock in (PROCESSING, REFUND)},
    **{f"mailed {kind}": (MAILED, kind) for kind in NoticeKind},
}


def test_everything_that_happened_has_a_sentence_of_its_own() -> None:
    seen = set()
    for what, which in SENTENCES.values():
        entry = TimelineView(NOW, what, which, 1_000)
        seen_there = read("return", replace(PAGE, timeline=(entry,)))
        text = seen_there.split("Timeline 24 Nov 2026, 11:30 GMT ")[1].split(" You contacted")[0]
        assert re.fullmatch(r"[A-Z][^_]+\.", text), text
        seen.add(text)
    assert len(seen) == len(SENTENCES) - 1, "failed is failed, whatever the processor calls it"


def test_whether_a_customer_sees_something_was_decided_for_everything_that_is_recorded() -> None:
    recorded = {f"refund_{status}" for status in RefundStatus}
    for path in (ROOT / "activities").rglob("*.py"):
        recorded |= set(re.findall(r'\.record\(\s*"([a-z_]+)"', path.read_text()))
    assert len(recorded) > 30, "the search finds them"
    assert recorded == SHOWN | KEPT
    assert not SHOWN & KEPT


def test_a_late_clocks_meter_is_full_and_not_green() -> None:
    clock = Clock(REFUND, Fraction(1)).start(CONTACT)
    markup = RENDERER.page("return", now=NOW, frame=FRAME, page=replace(PAGE, clocks=(view(clock),)))
    meter = re.search(
        r'<meter min="0" low="([^"]+)" high="([^"]+)" max="([^"]+)" optimum="0" value="([^"]+)">', markup
    )
    assert meter
    low, high, most, value = map(float, meter.groups())
    assert low < high < value == most


@pytest.mark.parametrize("status", RefundStatus)
@pytest.mark.parametrize("reception", Reception)
@pytest.mark.parametrize("acceptance", Acceptance)
def test_every_state_has_words(status: RefundStatus, reception: Reception, acceptance: Acceptance) -> None:
    item = replace(PAGE.items[0], reception=reception, acceptance=acceptance)
    seen = read("return", replace(PAGE, items=(item,), refunds=(replace(PAGE.refunds[0], status=status),)))
    assert not re.search(r"short_shipped|manual_review|requires_action|None", seen)


def test_the_parcel_is_asked_for_by_the_last_whole_day() -> None:
    seen = read("return", replace(PAGE, stage=Stage.AUTHORIZED, due_at=SLIP.send_by))
    assert "Please send your parcel by Monday 14 December" in seen
    assert "Print the packing slip" in seen
    assert "Please send by Monday 14 December" in read("slip", SLIP)


def test_the_clock_explains_every_hour() -> None:
    seen = read("return", PAGE)
    assert "Refund within 7 business days running due" in seen
    assert "Decision within 5 business days kept after" in seen
    assert "13 Nov 2026, 16:00 GMT 13 Nov 2026, 17:30 GMT working time 0.18" in seen
    assert "closed: weekend" in seen
    assert "16 Nov 2026, 09:30 GMT 19 Nov 2026, 10:05 GMT waiting for your parcel" in seen


def test_a_late_clock_says_so() -> None:
    clock = Clock(REFUND, Fraction(1)).start(CONTACT).breach(datetime(2026, 11, 16, 16, 0, tzinfo=UTC))
    seen = read("return", replace(PAGE, clocks=(view(clock),)))
    assert "Refund within 1 business day late was due Monday 16 November, 16:00 GMT" in seen


def test_money_shows_what_was_decided_sent_and_credited() -> None:
    seen = read("return", PAGE)
    sent = "with the bank 20 Nov 2026, 15:12 GMT 20 Nov 2026, 15:13 GMT not yet"
    assert f"£54.97 to Visa ending 4242 {sent}" in seen
    assert "Reference 74938106321180" in seen
    granted = "You get back, decided on Friday 20 November items £59.98, shipping £4.99 £64.97"
    assert f"{granted} Refunded £10.00 On its way £54.97" in seen


def test_empty_places_say_what_fills_them() -> None:
    seen = read("return", EMPTY)
    assert "it appears here as soon as your return is decided" in seen
    assert "Nothing has happened yet." in seen
    assert "No mail yet. Start a return" in read("mailbox", MailboxPage(()))


def test_a_mail_is_shown_in_a_sandbox_and_never_as_markup_of_ours() -> None:
    hostile = replace(MAIL, subject="<script>1</script>", text="<b>x</b>", headers=(("X", "<i>y</i>"),))
    markup = RENDERER.page("mail", now=NOW, page=hostile)
    assert '<iframe sandbox="allow-popups allow-popups-to-escape-sandbox" title=' in markup
    assert not re.search(r"<script|<b>|<i>", markup)


def test_the_slips_barcode_is_drawn_in_the_page() -> None:
    markup = RENDERER.page("slip", now=NOW, page=SLIP)
    assert re.search(r'<svg class="barcode".*?<title>Barcode RMA-7K3M-Q9TX</title><path d="M10 0h1v', markup)
    assert "Unit 4, Mill Lane" in markup
