"""What a customer does in a browser: without JavaScript, on a desk and on a phone; and the letter that lets them in."""

import re

from browser_shop import PHONE, Shop, looked_at, shot
from playwright.sync_api import Browser, Page, expect


def _letter(shop: Shop, page: Page, order: str) -> str:
    """Ask for a link as a customer does, and find it in the mail."""
    page.goto(f"{shop.url}/start")
    page.get_by_label("Order number").fill(order)
    page.get_by_label("Email address").fill("Maud.Ellery@shop.example")
    page.get_by_role("button", name="Send me the link").click()
    assert page.get_by_role("heading", level=1).inner_text() == "Look at your mail"
    shop.mail()
    page.goto(shop.desk.links.mailbox())
    page.locator("tbody a", has_text=f"Return something from order {order}").first.click()
    link = (
        page.frame_locator("iframe")
        .get_by_role("link", name="Choose what to send back")
        .get_attribute("href")
    )
    assert link is not None
    return link


def test_a_return_is_asked_for_without_javascript_on_a_phone(shop: Shop, browser: Browser) -> None:
    rma = shop.request()
    order = shop.http.get(f"/returns/{rma}").json()["order_reference"]
    shop.does(rma, "cancellation")
    context = browser.new_context(
        java_script_enabled=False, viewport={"width": PHONE[0], "height": PHONE[1]}, has_touch=True
    )
    page = context.new_page()
    page.goto(_letter(shop, page, order))
    first = page.get_by_role("group", name="Linen dress")
    first.get_by_label("How many").fill("1")
    page.get_by_role("button", name="See what you would get").tap()
    expect(page.locator("main")).to_contain_text("Choose why you send it back.")
    assert first.get_by_label("How many").input_value() == "1"
    first.get_by_label("Why").select_option("I changed my mind")
    page.get_by_label("Anything we should know?").fill("It is lovely, but not for me")
    page.get_by_role("button", name="See what you would get").tap()
    heading = page.get_by_role("heading", level=1)
    expect(heading).to_have_text("This can come back")
    assert "£129.50" in page.locator(".sums .total").inner_text()
    page.get_by_role("button", name="Change something").tap()
    expect(heading).to_have_text("What would you like to send back?")
    assert page.get_by_label("Anything we should know?").input_value() == "It is lovely, but not for me"
    page.get_by_role("button", name="See what you would get").tap()
    expect(heading).to_have_text("This can come back")
    page.get_by_role("button", name="Confirm the return").tap()
    expect(page.locator("[role=status]")).to_contain_text("We have your request")
    expect(heading).to_contain_text("Ready to send")
    new = re.search(r"/r/(RMA-[0-9A-Z-]+)/", page.url)
    assert new is not None
    page.get_by_text("Tell us that it is on its way").tap()
    page.get_by_label("Tracking number").fill("JD0002")
    page.get_by_role("button", name="Send", exact=True).first.tap()
    expect(heading).to_have_text("On its way to us")
    context.close()


def test_a_question_is_answered_and_a_return_cancelled_with_the_keyboard(
    shop: Shop, browser: Browser
) -> None:
    page = browser.new_page()
    page.goto(shop.page(shop.asked()))
    assert page.locator("blockquote").inner_text() == "Which of the two?"
    page.get_by_label("Your answer").focus()
    page.keyboard.type("The blue one")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.locator("[role=status]").wait_for()
    assert page.locator("blockquote").count() == 0
    summary = page.get_by_text("Cancel this return")
    summary.focus()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Cancel the return").press("Enter")
    assert "Tick that you want to keep the items" in page.locator("[role=alert]").inner_text()
    page.get_by_label("I want to keep the items").press("Space")
    page.get_by_role("button", name="Cancel the return").press("Enter")
    page.locator("[role=status]").wait_for()
    assert page.get_by_role("heading", level=1).inner_text() == "Cancelled"
    page.close()


def test_every_page_of_the_way_can_be_read(shop: Shop, browser: Browser) -> None:
    looked_at(browser, f"{shop.url}/start", "start")
    rma = shop.request()
    order = shop.http.get(f"/returns/{rma}").json()["order_reference"]
    page = browser.new_page()
    link = _letter(shop, page, order)
    shot(page, "start-letter")
    page.close()
    looked_at(browser, link, "start-all-taken")
    shop.does(rma, "cancellation")
    looked_at(browser, link, "start-choose")
    for name, (width, height) in {"desk": (1280, 900), "phone": PHONE}.items():
        context = browser.new_context(viewport={"width": width, "height": height})
        page = context.new_page()
        page.goto(f"{shop.url}/start")
        page.get_by_label("Order number").fill("not an order")
        page.get_by_label("Email address").fill("maud@shop.example")
        page.get_by_role("button", name="Send me the link").click()
        shot(page, f"start-wrong-{name}")
        page.goto(link)
        page.get_by_role("group", name="Silk scarf").get_by_label("How many").fill("2")
        page.get_by_role("group", name="Silk scarf").get_by_label("Why").select_option("It is faulty")
        page.get_by_role("button", name="See what you would get").click()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        shot(page, f"start-look-{name}")
        page.goto(link)
        page.get_by_role("button", name="See what you would get").click()
        assert "Say how many" in page.locator("[role=alert]").inner_text()
        shot(page, f"start-nothing-{name}")
        context.close()


def test_an_old_letter_says_so_on_a_page(shop: Shop, browser: Browser) -> None:
    looked_at(browser, f"{shop.url}/start/let_0/{'0' * 32}", "start-wrong-link", status=404)
