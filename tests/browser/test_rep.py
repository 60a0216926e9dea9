"""The rep's desk in a browser: keyboard alone, without JavaScript, on a phone, and two people at once."""

import re
from collections.abc import Callable

import pytest
from browser_shop import Shop, looked_at, shot
from playwright.sync_api import Browser, Page, expect

from returndesk.domain.people import Role


@pytest.fixture(scope="module")
def busy(shop: Shop) -> Shop:
    """A shop with returns in every part of the queue."""
    shop.late()
    for make in (shop.request, shop.received, shop.asked, shop.inspected, shop.declined, shop.settling):
        make()
    shop.inspected("opened", "opened")
    shop.does(shop.received(), "hold", {"reason": "suspected_fraud"})
    shop.mail()
    return shop


LISTS = {
    "queue": "/desk/returns",
    "queue-customer": "/desk/returns?part=customer",
    "queue-ended": "/desk/returns?part=ended",
    "queue-none": "/desk/returns?stage=decided&late=yes",
    "found": "/desk/find?q=maud.ellery@shop.example",
    "found-none": "/desk/find?q=nobody@nowhere.example",
}


@pytest.mark.parametrize("name", LISTS)
def test_lists_are_whole_on_every_screen(busy: Shop, browser: Browser, name: str) -> None:
    looked_at(browser, f"{busy.url}{LISTS[name]}", f"rep-{name}", shop=busy, role=Role.REP)


RETURNS: dict[str, Callable[[Shop], str]] = {
    "requested": Shop.request,
    "late": Shop.late,
    "asked": Shop.asked,
    "inspected": lambda shop: shop.inspected("opened", "opened"),
    "settling": Shop.settling,
    "declined": Shop.declined,
}


@pytest.mark.parametrize("name", RETURNS)
def test_a_return_is_whole_at_every_stage(busy: Shop, browser: Browser, name: str) -> None:
    url = f"{busy.url}/desk/returns/{RETURNS[name](busy)}"
    looked_at(browser, url, f"rep-{name}", shop=busy, role=Role.REP)


def test_starting_a_return_is_whole_on_every_screen(busy: Shop, browser: Browser) -> None:
    order = busy.http.get(f"/returns/{busy.request()}").json()["order_reference"]
    looked_at(browser, f"{busy.url}/desk/returns/new", "rep-new", shop=busy, role=Role.REP)
    looked_at(browser, f"{busy.url}/desk/returns/new?order={order}", "rep-new-none", shop=busy, role=Role.REP)


# Keyboard alone ----------------------------------------------------------------------------------


class Hands:
    """Somebody who uses the keyboard alone, and how much they had to do: a key, a chord or a field typed is one."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.actions = 0

    def press(self, key: str) -> None:
        self.actions += 1
        self.page.keyboard.press(key)

    def type(self, text: str) -> None:
        self.actions += 1
        self.page.keyboard.type(text)


def test_from_the_contact_to_an_authorized_return_in_five_actions(busy: Shop, browser: Browser) -> None:
    order = busy.order()
    with busy.at_desk(browser, Role.REP) as context:
        page = context.new_page()
        page.goto("/desk/returns")
        hands = Hands(page)
        hands.press("/")
        hands.type(order)
        hands.press("Enter")
        page.wait_for_url("**/desk/returns/new?order=*")
        expect(page.locator("#reason-1")).to_be_focused()
        hands.type("too small")
        expect(page.locator(".verdict")).to_contain_text("It can come back.")
        hands.press("Control+Enter")
        page.wait_for_url("**/desk/returns/RMA-*")
        expect(page.locator("main")).to_contain_text("The return is started and authorized.")
        expect(page.locator("h1 .tag")).to_have_text("authorized")
    assert hands.actions == 5


def test_a_rep_answers_the_most_urgent_return_without_a_mouse(busy: Shop, browser: Browser) -> None:
    first = busy.late()
    with busy.at_desk(browser, Role.REP) as context:
        page = context.new_page()
        page.goto("/desk/returns?waits=rep&stage=requested")
        rows = page.locator("[data-row]")
        expect(rows.first).to_be_visible()
        place = next(n for n in range(rows.count()) if first in rows.nth(n).inner_text())
        for _ in range(place + 1):
            page.keyboard.press("j")
        page.keyboard.press("Enter")
        page.wait_for_url(f"**/desk/returns/{first}")
        page.keyboard.press("q")
        page.keyboard.type("Which of the two?")
        page.keyboard.press("Control+Enter")
        expect(page.locator(".note.yes")).to_contain_text("Asked.")
        page.keyboard.press("n")
        page.keyboard.type("Called twice already.")
        page.keyboard.press("Control+Enter")
        expect(page.locator("#notes")).to_contain_text("Called twice already.")
        page.keyboard.press("Control+k")
        page.keyboard.type("on hold")
        page.keyboard.press("Enter")
        expect(page.locator("#hold-reason")).to_be_focused()


def test_the_verdict_follows_what_is_typed(busy: Shop, browser: Browser) -> None:
    order = busy.order()
    with busy.at_desk(browser, Role.REP) as context:
        page = context.new_page()
        page.goto(f"/desk/returns/new?order={order}")
        verdict = page.locator(".verdict")
        page.locator("#reason-1").select_option("too_small")
        expect(verdict).to_contain_text("£129.50")
        page.locator("#quantity-1").fill("2")
        expect(verdict).to_contain_text("£259.00")
        page.locator("#quantity-1").fill("3")
        expect(verdict).to_contain_text("more than the order had")
        expect(verdict).to_contain_text("nobody can go against them")
        shot(page, "rep-new-verdict")


def test_a_decision_says_what_it_pays_while_it_is_made(busy: Shop, browser: Browser) -> None:
    rma = busy.inspected("opened", "opened")
    with busy.at_desk(browser, Role.REP) as context:
        page = context.new_page()
        page.goto(f"/desk/returns/{rma}")
        expect(page.locator(".preview")).to_contain_text("The rules leave line 1 to a person.")
        page.get_by_label("Linen dress").first.select_option("rejected")
        expect(page.locator(".preview")).to_contain_text("£388.50")
        page.get_by_role("button", name="Decide").click()
        expect(page.locator(".note.yes")).to_contain_text("Decided.")


# Two people --------------------------------------------------------------------------------------


def test_two_reps_do_not_answer_twice_and_nothing_typed_is_lost(busy: Shop, browser: Browser) -> None:
    rma = busy.request()
    with busy.at_desk(browser, Role.REP, who=1) as one, busy.at_desk(browser, Role.REP, who=2) as two:
        mine, theirs = one.new_page(), two.new_page()
        mine.goto(f"/desk/returns/{rma}")
        theirs.goto(f"/desk/returns/{rma}")
        expect(mine.locator(".claim")).to_contain_text("rep-2 looks at this now.")
        for page, question in ((mine, "The blue one?"), (theirs, "Which size?")):
            page.keyboard.press("q")
            page.locator("#question-note").fill(question)
        mine.get_by_role("button", name="Mail the question").click()
        expect(mine.locator(".note.yes")).to_contain_text("Asked.")
        theirs.get_by_role("button", name="Mail the question").click()
        expect(theirs.locator(".alert")).to_contain_text("rep-1 has had this since")
        expect(theirs.locator("#question-note")).to_have_value("Which size?")
        shot(theirs, "rep-claimed")
        asked = busy.http.get(f"/returns/{rma}/timeline").json()["items"]
        assert [x["actor_id"] for x in asked if x["what"] == "asked"] == ["rep-1"]
        theirs.get_by_role("button", name="Take over from rep-1: mail the question").click()
        expect(theirs.locator(".note.yes")).to_contain_text("Asked.")
        expect(mine.locator(".claim")).to_contain_text("rep-2 has had this since")


def test_a_second_page_shows_a_change_by_itself(busy: Shop, browser: Browser) -> None:
    rma = busy.request()
    with busy.at_desk(browser, Role.REP, who=1) as one, busy.at_desk(browser, Role.FINANCE) as two:
        queue, page = one.new_page(), two.new_page()
        queue.goto("/desk/returns?stage=requested")
        page.goto(f"/desk/returns/{rma}")
        expect(queue.locator("main")).to_contain_text(rma)
        expect(page.locator("h1")).to_contain_text("requested")
        busy.post(f"/returns/{rma}/authorization", {})
        expect(page.locator("h1")).to_contain_text("authorized")
        expect(queue.locator("main")).not_to_contain_text(rma)


# Without JavaScript, and what a mail looks like ---------------------------------------------------


def test_a_return_is_started_and_declined_without_javascript(busy: Shop, browser: Browser) -> None:
    order = busy.order()
    with busy.at_desk(browser, Role.REP, java_script_enabled=False) as context:
        page = context.new_page()
        page.goto("/desk/returns")
        page.locator("#find").fill(order)
        page.locator("#find").press("Enter")
        page.locator("#reason-1").select_option("other")
        page.get_by_role("button", name="Check it first").click()
        expect(page.locator(".verdict")).to_contain_text("It can come back.")
        expect(page.locator("#reason-1")).to_have_value("other")
        page.get_by_label("Say yes at once").uncheck()
        page.get_by_role("button", name="Start the return").click()
        expect(page.locator("h1")).to_contain_text("requested")
        page.locator("summary", has_text="Say no").click()
        page.get_by_label("Hygiene").check()
        page.get_by_role("button", name="Decline").click()
        expect(page.locator("h1")).to_contain_text("declined")


def test_a_mail_is_seen_as_the_customer_got_it(busy: Shop, browser: Browser) -> None:
    rma = busy.request(authorize=True)
    busy.mail()
    with busy.at_desk(browser, Role.REP) as context:
        page = context.new_page()
        page.goto(f"/desk/returns/{rma}")
        page.locator("#mails summary").click()
        body = page.frame_locator("#mails iframe").locator("body")
        expect(body).to_contain_text("Maud Ellery")
        page.locator("#mails").scroll_into_view_if_needed()
        shot(page, "rep-mail")


def test_keys_work_in_fields_with_alt_and_a_choice_leaves_the_list_of_keys(
    busy: Shop, browser: Browser
) -> None:
    order = busy.order()
    with busy.at_desk(browser, Role.REP) as context:
        page = context.new_page()
        page.goto(f"/desk/returns/new?order={order}")
        expect(page.locator("#reason-1")).to_be_focused()
        page.keyboard.press("Alt+o")
        expect(page.locator("#override")).to_be_focused()
        expect(page.locator("#reason-1")).to_have_value("")
        page.locator("#reason-1").focus()
        page.keyboard.press("?")
        expect(page.locator("dialog")).to_contain_text("the same while in a field")
        page.keyboard.press("Escape")
        page.get_by_label("Say yes at once").focus()
        page.keyboard.press("/")
        expect(page.locator("#find")).to_be_focused()


def test_what_came_of_a_form_is_said_once(busy: Shop, browser: Browser) -> None:
    order = busy.order()
    with busy.at_desk(browser, Role.REP) as context:
        page = context.new_page()
        page.goto(f"/desk/returns/new?order={order}")
        page.locator("#reason-1").select_option("other")
        page.locator("#quantity-1").fill("")
        page.keyboard.press("Control+Enter")
        expect(page.locator("#quantity-1-error")).to_contain_text("How many come back?")
        assert page.url.endswith(f"/desk/returns/new?order={order}")
        page.locator("#quantity-1").fill("1")
        page.keyboard.press("Control+Enter")
        expect(page.locator(".note.yes")).to_contain_text("started and authorized")
        expect(page).not_to_have_url(re.compile("done="))
        page.reload()
        expect(page.locator("h1")).to_contain_text("authorized")
        expect(page.locator(".note.yes")).to_have_count(0)


def test_what_a_customer_answered_stands_on_top(busy: Shop, browser: Browser) -> None:
    rma = busy.request(authorize=True)
    busy.does(rma, "question", {"note": "Which of the two?"})
    busy.does(rma, "message", {"channel": "email", "note": "The blue one, please."})
    looked_at(browser, f"{busy.url}/desk/returns/{rma}", "rep-answered", shop=busy, role=Role.REP)
    order = busy.order()
    looked_at(
        browser, f"{busy.url}/desk/returns/new?order={order}", "rep-new-order", shop=busy, role=Role.REP
    )
