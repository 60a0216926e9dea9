"""The station in a real browser: scans, taps, tones, and a connection that comes and goes."""

from browser_shop import Shop, looked_at
from playwright.sync_api import Browser

from returndesk.domain.people import Role


def test_every_page_of_the_station_keeps_to_the_rules(browser: Browser, shop: Shop) -> None:
    looked_at(browser, f"{shop.url}/desk/station", "station-empty", shop=shop, role=Role.WAREHOUSE)
    waiting, here, back = shop.request(authorize=True), shop.received(), shop.goods_gone()
    shop.post(f"/returns/{waiting}/shipment", {"tracking": "JD0001"})
    late = shop.looked_for()
    for name, path in {
        "front": "", "expected": f"/{late}", "parcel": f"/{waiting}", "inspect": f"/{here}", "rejected": f"/{back}",
        "box": f"/{here}?box={waiting},{here}", "order": "/order?reference=" + shop.http.get(f"/returns/{here}").json()["order_reference"],
        "nobodys": "/order", "scanner": "/scanner", "wrong-scanner": "/scanner?code=CMDßTESTßAQWYZMß0123456789", "commands": "/commands",
        "label": f"/{here}/label", "list": "/list/inspect", "layout": f"/{waiting}?layout=German",
    }.items():  # fmt: skip
        looked_at(
            browser, f"{shop.url}/desk/station{path}", f"station-{name}", shop=shop, role=Role.WAREHOUSE
        )
