"""The pages in a browser: on a desk and on a phone, on paper, with and without JavaScript.

Screenshots are written to the folder in `RETURNDESK_SCREENSHOTS`, where it is set.
"""

import os
import shutil
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, Literal

import httpx2
import pytest
import uvicorn
from in_process import KEYRING, POLICY, api_desk, opened
from playwright.sync_api import Browser, Page, sync_playwright

from activities.notices import Notices
from api.app import application
from returndesk.domain.people import Role
from returndesk.domain.stages import RefundStatus
from returndesk.embedded.mailbox import Mailbox
from returndesk.gateways.smtp import SmtpMailer
from returndesk.links import PublicLinks
from returndesk.store import tokens
from returndesk.store.database import Database

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here")

DESK, PHONE = (1280, 900), (390, 844)
TITLES = ["Linen dress “Alma”, midnight blue, size 38", "Silk scarf with a hand-rolled hem"]


class MovableClock:
    """Noon on Wednesday, 4 March 2026, until a test moves it."""

    def __init__(self) -> None:
        self.at = datetime(2026, 3, 4, 12, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at

    def offset_us(self) -> int:
        return 0


class Shop:
    """A shop with its API and pages on loopback, and returns in every stage."""

    def __init__(self, url: str, desk: Any, notices: Notices, token: str) -> None:
        self.url = url
        self.desk = desk
        self.notices = notices
        self.http = httpx2.Client(
            base_url=f"{url}/api/v1", headers={"Authorization": f"Bearer {token}"}, timeout=20
        )
        self.numbers = count(1)

    def post(self, path: str, body: object) -> Any:
        answer = self.http.post(path, json=body, headers={"Idempotency-Key": f"k-{next(self.numbers)}"})
        assert answer.status_code < 300, answer.text
        return answer.json()

    def request(self, **changed: Any) -> str:
        reference = f"DA-{1000 + next(self.numbers)}"
        lines = [
            {"line": n, "sku": f"S{n}", "title": title, "quantity": 2, "unit_price_minor": 12_950}
            for n, title in enumerate(TITLES, start=1)
        ]
        order = {
            "currency": "GBP", "ordered_at": (self.desk.clock.at - timedelta(days=9)).isoformat(),
            "delivered_on": (self.desk.clock.at - timedelta(days=5)).date().isoformat(),
            "customer": {"name": "Maud Ellery", "email": "maud.ellery@shop.example"},
            "lines": lines, "shipping_minor": 395,
            "payments": [{"processor": "stripe", "reference": f"pi_{reference}", "captured_minor": 52_195,
                          "label": "Visa ending 4242"}],
        }  # fmt: skip
        assert self.http.put(f"/orders/{reference}", json=order).status_code == 201
        items = [{"line": n, "quantity": 2, "reason": "too_small"} for n in (1, 2)]
        asked = {"order_reference": reference, "channel": "email", "items": items} | changed
        rma: str = self.post("/returns", asked)["rma"]
        return rma

    def received(self, quantity: int = 2) -> str:
        rma = self.request(authorize=True)
        self.desk.clock.at += timedelta(days=2, hours=3)
        items = [{"line": 1, "quantity": 2}, {"line": 2, "quantity": quantity}]
        self.post(f"/returns/{rma}/receipts", {"items": items})
        return rma

    def inspected(self, condition: str = "original", packaging: str = "original", quantity: int = 2) -> str:
        rma = self.received(quantity)
        self.desk.clock.at += timedelta(hours=5)
        seen = [
            {"line": 1, "quantity": 1, "condition": "original", "packaging": "original"},
            {"line": 1, "quantity": 1, "condition": condition, "packaging": packaging},
            {"line": 2, "quantity": quantity, "condition": "original", "packaging": "original"},
        ]
        self.post(f"/returns/{rma}/inspections", {"items": seen})
        return rma

    def settling(self) -> str:
        self.desk.door.processor_says = RefundStatus.PENDING
        rma = self.inspected("used", "missing", quantity=1)
        self.desk.door.processor_says = RefundStatus.SUCCEEDED
        return rma

    def late(self) -> str:
        rma = self.request()
        self.desk.clock.at += timedelta(days=9)
        self.desk.door.time_passes(rma)
        return rma

    def expired(self) -> str:
        rma = self.request(authorize=True)
        self.desk.clock.at += timedelta(days=29)
        self.desk.door.time_passes(rma)
        return rma

    def does(self, rma: str, what: str, body: object = None) -> str:
        self.desk.clock.at += timedelta(hours=1)
        self.post(f"/returns/{rma}/{what}", body or {})
        return rma

    def asked(self) -> str:
        return self.does(self.request(), "question", {"note": "Which of the two?"})

    def declined(self) -> str:
        return self.does(self.request(), "decline", {"reasons": ["hygiene", "window_passed"]})

    def partly_sent(self) -> str:
        sent = {"tracking": "JD0002", "items": [{"line": 1, "quantity": 1}]}
        return self.does(self.request(authorize=True), "shipment", sent)

    def looked_for(self) -> str:
        rma = self.does(self.request(authorize=True), "shipment", {"tracking": "JD0002"})
        self.desk.clock.at += timedelta(days=29)
        self.desk.door.time_passes(rma)
        return rma

    def lost(self) -> str:
        return self.does(self.looked_for(), "loss")

    def something_else(self) -> str:
        other = {"wrong_items": [{"quantity": 1, "note": "A brick."}]}
        return self.does(self.request(authorize=True), "receipts", other)

    def goods_gone(self) -> str:
        rma = self.received()
        used = {"quantity": 2, "condition": "used", "packaging": "missing"}
        self.does(rma, "inspections", {"items": [{"line": 1, **used}, {"line": 2, **used}]})
        lots = [lot["lot"] for lot in self.http.get(f"/returns/{rma}").json()["lots"]]
        return self.does(rma, "goods-back", {"way": "sent_back", "tracking": "JD0003", "lots": lots[:1]})

    def late_parcel(self) -> str:
        rma = self.inspected("used", "opened", quantity=1)
        return self.does(rma, "receipts", {"items": [{"line": 2, "quantity": 1}]})

    def mail(self) -> None:
        while self.notices.send_due():
            pass

    def page(self, rma: str) -> str:
        return f"{self.url}/r/{rma}/{KEYRING.key_of(rma)}"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, _sqlite_template: Path) -> Iterator[Shop]:
    folder = tmp_path_factory.mktemp("shop")
    shutil.copyfile(_sqlite_template, folder / "books.sqlite")
    database, clock = Database(f"sqlite:///{folder / 'books.sqlite'}"), MovableClock()
    mailbox = Mailbox(folder / "mailbox.db", clock.now)
    smtp_port = mailbox.start()
    listener = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    desk = replace(api_desk(database, clock, folder / "mailbox.db"), links=PublicLinks(url, KEYRING))
    server = uvicorn.Server(uvicorn.Config(application(partial(opened, desk)), log_config=None))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    mailer = SmtpMailer(f"smtp://127.0.0.1:{smtp_port}")
    notices = Notices(database, mailer, desk.renderer, desk.links, clock, "shop.example")
    with database.write() as session:
        token = tokens.create(session, Role.ADMIN, "manager-7", clock.now())
    shop = Shop(url, desk, notices, token)
    yield shop
    shop.http.close()
    server.should_exit = True
    thread.join()
    mailer.close()
    mailbox.stop()
    listener.close()
    database.close()
    assert POLICY.shop.name == "Diva Alex"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
        )
        yield chromium
        chromium.close()


def shot(page: Page, name: str) -> None:
    folder = os.environ.get("RETURNDESK_SCREENSHOTS")
    if folder:
        page.screenshot(path=f"{folder}/{name}.png", full_page=True)


def looked_at(browser: Browser, url: str, name: str, status: int = 200) -> None:
    """Open a page on a desk and on a phone at night: nothing scrolls sideways, nothing is blocked or complains."""
    looks: list[tuple[tuple[int, int], str, Literal["light", "dark"]]] = [
        (DESK, "desk", "light"),
        (PHONE, "phone", "dark"),
    ]
    for size, device, scheme in looks:
        context = browser.new_context(viewport={"width": size[0], "height": size[1]}, color_scheme=scheme)
        page = context.new_page()
        complaints: list[str] = []
        page.on("console", lambda message, said=complaints: said.append(message.text))
        page.on("pageerror", lambda error, said=complaints: said.append(str(error)))
        page.on("requestfailed", lambda request, said=complaints: said.append(request.url))
        answer = page.goto(url)
        assert answer is not None
        assert answer.status == status
        shot(page, f"{name}-{device}")
        for details in page.locator("details").all():
            details.evaluate("one => one.open = true")
        shot(page, f"{name}-{device}-open")
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= size[0], f"{name} scrolls sideways on a {device}"
        assert page.locator("h1").count() == 1
        if status == 200:
            assert complaints == []
        context.close()


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
    page.locator("summary").first.click()
    assert page.locator("details table").first.is_visible()
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
