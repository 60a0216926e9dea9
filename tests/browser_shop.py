"""A shop with pages on loopback for browser tests, somebody signed in at a desk, and what every page must keep to.

Screenshots are written to the folder in `RETURNDESK_SCREENSHOTS`, where it is set.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, Literal

import httpx2
from axe_playwright_python.sync_playwright import Axe
from in_process import KEYRING
from playwright.sync_api import Browser, BrowserContext, Page

from activities.notices import Notices
from returndesk.domain.people import Role
from returndesk.domain.stages import RefundStatus
from returndesk.store import tokens

BROWSERS = "chromium-headless-shell", "chromium", "google-chrome"
"""The first one that is there; the first of them draws no window around the page and takes a third of the time."""
CHROMIUM = next(filter(None, map(shutil.which, BROWSERS)), None)

DESK, PHONE = (1280, 900), (390, 844)
LOOKS: list[tuple[tuple[int, int], str, Literal["light", "dark"]]] = [
    (DESK, "desk", "light"),
    (PHONE, "phone", "dark"),
]
TITLES = ["Linen dress “Alma”, midnight blue, size 38", "Silk scarf with a hand-rolled hem"]
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
_AXE = Axe()
STICKING_OUT = """() => [...document.querySelectorAll("section table, .sheet table")].filter((table) =>
  table.getBoundingClientRect().right > table.closest("section, .sheet").getBoundingClientRect().right + 1
).map((table) => table.innerText.slice(0, 60))"""
"""The tables that are wider than what they stand in, by how they begin."""

SAID_TWICE = """() => { const ids = [...document.querySelectorAll("[id]")].map((one) => one.id);
  return ids.filter((id, at) => ids.indexOf(id) !== at); }"""
"""The ids that more than one element of a page has: a label or a link would lead to the first of them only."""


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

    def order(self) -> str:
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
        return reference

    def request(self, **changed: Any) -> str:
        reference = self.order()
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
        return self.does(self.request(), "decline", {"reasons": ["hygiene", "made_to_order"]})

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

    def token(self, role: Role, who: int = 1) -> str:
        with self.desk.database.write() as session:
            return tokens.create(session, role, f"{role}-{who}", self.desk.clock.now())

    @contextmanager
    def at_desk(self, browser: Browser, role: Role, who: int = 1, **options: Any) -> Iterator[BrowserContext]:
        """A browser in which somebody with a role sits at their desk; paths are relative to the shop's address."""
        headers = {"Authorization": f"Bearer {self.token(role, who)}"}
        options = {"viewport": {"width": DESK[0], "height": DESK[1]}} | options
        context = browser.new_context(base_url=self.url, extra_http_headers=headers, **options)
        context.set_default_timeout(10_000)
        yield context
        context.close()


def shot(page: Page, name: str) -> None:
    folder = os.environ.get("RETURNDESK_SCREENSHOTS")
    if folder:
        page.screenshot(path=f"{folder}/{name}.png", full_page=True)


def breaks_no_rule(page: Page, name: str) -> None:
    """axe finds nothing serious or critical of WCAG 2.2 AA."""
    options = {
        "runOnly": {"type": "tag", "values": WCAG},
        "iframes": False,
    }  # a sandboxed mail cannot be asked
    found = _AXE.run(page, options=options).response["violations"]
    bad = [
        (rule["id"], rule["impact"], [node["target"] for node in rule["nodes"]][:4])
        for rule in found
        if rule["impact"] in ("serious", "critical")
    ]
    assert bad == [], f"{name}: {bad}"


def looked_at(
    browser: Browser,
    url: str,
    name: str,
    status: int = 200,
    *,
    shop: Shop | None = None,
    role: Role | None = None,
) -> None:
    """Open a page on a desk and on a phone at night: nothing scrolls sideways or leaves its card, nothing is blocked or complains, no id is there
    twice, and axe finds nothing serious. With a shop and a role it is that role's desk.
    """
    for size, device, scheme in LOOKS:
        headers = {"Authorization": f"Bearer {shop.token(role)}"} if shop and role else {}
        context = browser.new_context(
            viewport={"width": size[0], "height": size[1]}, color_scheme=scheme, extra_http_headers=headers
        )
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
        assert page.evaluate(STICKING_OUT) == [], f"{name} has something that leaves its card on a {device}"
        assert page.locator("h1").count() == 1
        assert page.evaluate(SAID_TWICE) == [], f"{name} has ids that are there twice"
        breaks_no_rule(page, f"{name} on a {device}")
        if status == 200:
            assert complaints == [], complaints
        context.close()
