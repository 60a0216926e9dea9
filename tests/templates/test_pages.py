"""The pages: what each stage says, how the clocks explain themselves, and that they stand on their own."""

import html
import re
from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

import pytest

from returndesk.domain.calendar import BusinessCalendar
from returndesk.domain.clock import PROCESSING, REFUND, Clock
from returndesk.domain.lots import Acceptance, Condition, Disposition, Packaging, Reception
from returndesk.domain.people import Role
from returndesk.domain.policy import read_policy
from returndesk.domain.reasons import REASON_SENTENCES
from returndesk.domain.stages import RefundStatus, Stage
from returndesk.rendering import Renderer
from returndesk.store.pages import (
    ClockView,
    ErrorPage,
    ItemView,
    LedgerView,
    MailAttachment,
    MailboxPage,
    MailPage,
    MailRow,
    RefundView,
    ReturnPage,
    SlipItem,
    SlipPage,
    TimelineView,
)

ROOT = Path(__file__).parents[2]
POLICY = read_policy((ROOT / "policy.toml").read_text())
RENDERER = Renderer(ROOT / "templates", POLICY.shop)
CALENDAR = BusinessCalendar(POLICY.shop.zone, POLICY.calendar.opening.week)

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
    ledger=(
        LedgerView("goods_returned", 5_998),
        LedgerView("shipping_returned", 499),
        LedgerView("owed_to_customers", -6_497),
    ),
    timeline=(
        TimelineView(CONTACT, "request", Role.REP, "amira", "three items, by phone"),
        TimelineView(AUTHORIZED, "authorization", Role.REP, "amira"),
        TimelineView(RECEIVED, "receipts", Role.WAREHOUSE, "dock-2", "3 of 4 units"),
        TimelineView(DECIDED, "decision", Role.SYSTEM, "rules", "2 units accepted, 1 rejected"),
        TimelineView(SENT, "refund_submitted", Role.SYSTEM, "processor", "£54.97"),
    ),
    next_due_at=DUE,
    slip_url="/r/k3v9/slip",
)
EMPTY = replace(PAGE, stage=Stage.REQUESTED, clocks=(), refunds=(), ledger=(), timeline=())
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
    markup = RENDERER.page(name, now=NOW, page=page)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", markup[markup.index("<body") :])).split())


@pytest.mark.parametrize(("name", "page"), ALL)
def test_a_page_stands_on_its_own_under_a_strict_policy(name: str, page: object) -> None:
    markup = RENDERER.page(name, now=NOW, page=page)
    assert not re.search(r"<script|<style|\sstyle=|\son\w+=|javascript:", markup)
    assert not re.search(r"""(?:src|href)=["'](?:https?:)?//""", markup)
    assert 'href="/static/returndesk.css"' in markup


@pytest.mark.parametrize(("name", "page"), ALL)
def test_a_page_can_be_found_ones_way_in(name: str, page: object) -> None:
    markup = RENDERER.page(name, now=NOW, page=page)
    assert markup.count("<h1") == 1
    assert '<html lang="en-GB">' in markup
    assert "<main id=" in markup
    assert all("scope=" in head for head in re.findall(r"<th\b[^>]*>", markup))
    targets = re.findall(r'aria-labelledby="([^"]+)"', markup)
    assert all(markup.count(f' id="{target}"') == 1 for target in targets)


@pytest.mark.parametrize("stage", Stage)
def test_every_stage_says_what_happens_next(stage: Stage) -> None:
    for due_at in (DUE, None):
        markup = RENDERER.page("return", now=NOW, page=replace(PAGE, stage=stage, next_due_at=due_at))
        headline = re.search(r"<h1>([^<]+)</h1>", markup)
        following = re.search(r'<p class="next">(.+?)</p>', markup, re.DOTALL)
        assert headline
        assert following
        assert len(following[1].strip()) > 20
        promised = stage in {
            Stage.REQUESTED, Stage.RECEIVED, Stage.INSPECTED, Stage.DECIDED, Stage.SETTLING,
        }  # fmt: skip
        assert ("Friday 27 November" in following[1]) == (promised and due_at is not None)


@pytest.mark.parametrize("status", RefundStatus)
@pytest.mark.parametrize("reception", Reception)
@pytest.mark.parametrize("acceptance", Acceptance)
def test_every_state_has_words(status: RefundStatus, reception: Reception, acceptance: Acceptance) -> None:
    item = replace(PAGE.items[0], reception=reception, acceptance=acceptance)
    seen = read("return", replace(PAGE, items=(item,), refunds=(replace(PAGE.refunds[0], status=status),)))
    assert not re.search(r"short_shipped|manual_review|requires_action|None", seen)


def test_the_parcel_is_asked_for_by_the_last_whole_day() -> None:
    seen = read("return", replace(PAGE, stage=Stage.AUTHORIZED, next_due_at=SLIP.send_by))
    assert "Please send your parcel by Monday 14 December" in seen
    assert "Print the packing slip" in seen
    assert "Please send by Monday 14 December" in read("slip", SLIP)


def test_the_clock_explains_every_hour() -> None:
    seen = read("return", PAGE)
    assert "Refund within 7 business days running due" in seen
    assert "Decision within 5 business days kept after" in seen
    assert "13 Nov 2026, 16:00 GMT 13 Nov 2026, 17:30 GMT working time 0.18" in seen
    assert "closed: weekend" in seen
    assert "16 Nov 2026, 09:30 GMT 19 Nov 2026, 10:05 GMT paused: goods in transit (customer)" in seen


def test_a_late_clock_says_so() -> None:
    clock = Clock(REFUND, Fraction(1)).start(CONTACT).breach(datetime(2026, 11, 16, 16, 0, tzinfo=UTC))
    seen = read("return", replace(PAGE, clocks=(view(clock),)))
    assert "Refund within 1 business day late was due Monday 16 November, 16:00 GMT" in seen


def test_money_shows_what_was_decided_sent_and_credited() -> None:
    seen = read("return", PAGE)
    sent = "with the bank 20 Nov 2026, 15:12 GMT 20 Nov 2026, 15:13 GMT not yet"
    assert f"£54.97 to Visa ending 4242 {sent}" in seen
    assert "Reference 74938106321180" in seen
    assert "Owed to customers £64.97" in seen


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
