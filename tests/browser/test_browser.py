"""The pages in a browser: on a desk and on a phone, on paper, with and without JavaScript."""

from datetime import timedelta
from pathlib import Path

import pytest
from browser_shop import Shop, looked_at, shot
from playwright.sync_api import Browser

STAGES = {
    "requested": lambda shop: shop.request(),
    "authorized": lambda shop: shop.request(authorize=True),
    "received": lambda shop: shop.received(),
    "inspected": lambda shop: shop.inspected("opened", "opened"),
    "decided": lambda shop: shop.inspected(),
    "settling": lambda shop: shop.settling(),
    "closed": lambda shop: shop.inspected("used", "opened", quantity=1),
    "requested late": lambda shop: shop.late(),
    "expired": lambda shop: shop.expired(),
    "requested asked": lambda shop: shop.asked(),
    "declined": lambda shop: shop.declined(),
    "authorized partly sent": lambda shop: shop.partly_sent(),
    "authorized looked for": lambda shop: shop.looked_for(),
    "inspected lost": lambda shop: shop.lost(),
    "inspected something else": lambda shop: shop.something_else(),
    "closed goods gone": lambda shop: shop.goods_gone(),
    "received late parcel": lambda shop: shop.late_parcel(),
}


@pytest.mark.parametrize("stage", STAGES)
def test_a_return_can_be_read_on_a_desk_and_on_a_phone(shop: Shop, browser: Browser, stage: str) -> None:
    rma = STAGES[stage](shop)
    shop.mail()
    assert shop.http.get(f"/returns/{rma}").json()["stage"] == stage.split()[0]
    looked_at(browser, shop.page(rma), f"return-{stage.replace(' ', '-')}")


def test_the_slip_is_one_sheet_of_paper(shop: Shop, browser: Browser, tmp_path: Path) -> None:
    rma = shop.request(authorize=True)
    looked_at(browser, f"{shop.page(rma)}/slip", "slip")
    page = browser.new_page()
    page.goto(f"{shop.page(rma)}/slip")
    page.emulate_media(media="print")
    assert page.locator("svg.barcode").is_visible()
    assert page.locator("address").is_visible()
    assert not page.locator(".screen-only").is_visible()
    assert not page.locator("header.bar").is_visible()
    shot(page, "slip-print")
    paper = page.pdf(format="A4", path=tmp_path / "slip.pdf")
    assert paper.count(b"/Type /Page\n") + paper.count(b"/Type /Page ") == 1
    page.close()


def test_the_mailbox_and_each_message_can_be_read(shop: Shop, browser: Browser) -> None:
    for make in (shop.settling, lambda: shop.inspected("used", "opened", quantity=1)):
        make()
    shop.mail()
    looked_at(browser, shop.desk.links.mailbox(), "mailbox")
    page = browser.new_page()
    page.goto(shop.desk.links.mailbox())
    subjects = [link.inner_text() for link in page.locator("tbody a").all()]
    addresses = {link.inner_text(): link.get_attribute("href") for link in page.locator("tbody a").all()}
    page.close()
    assert len(subjects) >= 4
    for number, address in enumerate(dict.fromkeys(addresses.values())):
        if number < 6:
            looked_at(browser, f"{shop.url}{address}", f"mail-{number}")


def test_the_authorized_mail_shows_its_barcode_and_its_links_open(shop: Shop, browser: Browser) -> None:
    rma = shop.request(authorize=True)
    shop.mail()
    page = browser.new_page()
    page.goto(shop.desk.links.mailbox())
    page.locator("tbody a").first.click()
    frame = page.frame_locator("iframe")
    barcode = frame.locator("img")
    barcode.first.wait_for()
    assert barcode.first.evaluate("image => image.naturalWidth") > 100
    with page.context.expect_page() as opening:
        frame.locator(f"a[href='{shop.page(rma)}']").first.click()
    opened_page = opening.value
    opened_page.wait_for_load_state()
    assert rma in opened_page.locator("main").inner_text()
    page.context.close()


def test_a_wrong_link_is_a_page_that_says_what_to_do(shop: Shop, browser: Browser) -> None:
    looked_at(browser, f"{shop.url}/r/RMA-7K3M-Q9TX/wrong", "wrong-link", status=404)
    page = browser.new_page()
    page.goto(f"{shop.url}/r/RMA-7K3M-Q9TX/wrong")
    assert "Use the whole link from the email" in page.locator("main").inner_text()
    page.close()


def test_the_front_page_can_be_read(shop: Shop, browser: Browser) -> None:
    looked_at(browser, f"{shop.url}/", "front")


def test_everything_works_without_javascript(shop: Shop, browser: Browser) -> None:
    rma = shop.request(authorize=True)
    shop.desk.clock.at += timedelta(hours=1)
    shop.mail()
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(shop.page(rma))
    assert page.locator("table").first.is_visible()
    amounts = page.locator("details", has=page.locator("table")).first
    assert not amounts.locator("table").is_visible()
    amounts.locator("summary").click()
    assert amounts.locator("table").is_visible()
    page.get_by_role("link", name="Print the packing slip").click()
    assert page.locator("svg.barcode").is_visible()
    page.goto(shop.desk.links.mailbox())
    page.locator("tbody a").first.click()
    assert page.frame_locator("iframe").locator("body").is_visible()
    context.close()


def test_the_keyboard_reaches_what_the_mouse_does(shop: Shop, browser: Browser) -> None:
    page = browser.new_page()
    rma = shop.request(authorize=True)
    shop.desk.clock.at += timedelta(hours=1)
    page.goto(shop.page(rma))
    reached = []
    for _ in range(8):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.innerText"))
    assert reached[:2] == ["Skip to the content", "Print the packing slip"]
    assert any("Where every hour went" in text for text in reached)
    page.close()
