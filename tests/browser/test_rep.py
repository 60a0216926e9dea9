"""The rep's desk in a browser: keyboard alone, without JavaScript, on a phone, and two people at once."""

import pytest
from browser_shop import Shop, looked_at
from playwright.sync_api import Browser

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


def test_the_queue_is_whole_on_every_screen(busy: Shop, browser: Browser) -> None:
    for name, path in {
        "queue": "/desk/returns",
        "queue-customer": "/desk/returns?part=customer",
        "queue-ended": "/desk/returns?part=ended",
        "queue-none": "/desk/returns?stage=decided&late=yes",
        "found": "/desk/find?q=maud.ellery@shop.example",
        "found-none": "/desk/find?q=nobody@nowhere.example",
    }.items():
        looked_at(browser, f"{busy.url}{path}", f"rep-{name}", shop=busy, role=Role.REP)


def test_a_return_is_whole_at_every_stage(busy: Shop, browser: Browser) -> None:
    for name, make in {
        "requested": busy.request,
        "late": busy.late,
        "asked": busy.asked,
        "inspected": lambda: busy.inspected("opened", "opened"),
        "settling": busy.settling,
        "declined": busy.declined,
    }.items():
        looked_at(browser, f"{busy.url}/desk/returns/{make()}", f"rep-{name}", shop=busy, role=Role.REP)


def test_starting_a_return_is_whole_on_every_screen(busy: Shop, browser: Browser) -> None:
    order = busy.http.get(f"/returns/{busy.request()}").json()["order_reference"]
    looked_at(browser, f"{busy.url}/desk/returns/new", "rep-new", shop=busy, role=Role.REP)
    looked_at(browser, f"{busy.url}/desk/returns/new?order={order}", "rep-new-none", shop=busy, role=Role.REP)
