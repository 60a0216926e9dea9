"""The manager's desk in a browser: approving with two keys and a click, on a desk and a phone, and without JavaScript."""

from datetime import timedelta

from browser_shop import Shop, looked_at
from playwright.sync_api import Browser

from returndesk.domain.people import Role


def _waits_for_a_manager(shop: Shop) -> str:
    return shop.inspected()


def test_tasks_approvals_and_causes_can_be_read(shop: Shop, browser: Browser) -> None:
    for path in ("tasks", "approvals", "causes"):
        looked_at(browser, f"{shop.url}/desk/{path}", f"{path}-empty", shop=shop, role=Role.MANAGER)
    shop.late()
    shop.late()
    shop.asked()
    overruled = shop.received()
    used = {"quantity": 2, "condition": "used", "packaging": "original"}
    seen = {"items": [{"line": 1, **used}, {"line": 2, **used}], "decide": False}
    shop.does(overruled, "inspections", seen)
    accepted = {
        "items": [{"line": n, "acceptance": "accepted"} for n in (1, 2)],
        "note": "It came so from us",
    }
    shop.does(overruled, "decision", accepted)
    rma = _waits_for_a_manager(shop)
    assert shop.http.get(f"/returns/{rma}").json()["stage"] == "decided"
    for path in ("tasks", "tasks?whose=all", "approvals", "causes"):
        name = path.replace("?whose=", "-")
        looked_at(browser, f"{shop.url}/desk/{path}", name, shop=shop, role=Role.MANAGER)


def test_a_manager_approves_without_javascript(shop: Shop, browser: Browser) -> None:
    rma = _waits_for_a_manager(shop)
    with shop.at_desk(browser, Role.MANAGER, java_script_enabled=False) as desk:
        page = desk.new_page()
        page.goto("/desk/approvals")
        page.get_by_text(f"Approve {rma}", exact=True).click()
        page.get_by_role("button", name="Approve: £").last.click()
        assert "Approved. The refund is on its way." in page.locator("[role=status]").inner_text()
        assert shop.http.get(f"/returns/{rma}").json()["stage"] == "closed"


def test_a_refusal_needs_its_reason_and_what_waits_comes_by_itself(shop: Shop, browser: Browser) -> None:
    with shop.at_desk(browser, Role.MANAGER) as desk:
        page = desk.new_page()
        page.goto("/desk/approvals")
        rma = _waits_for_a_manager(shop)
        page.get_by_text(f"Refuse {rma}", exact=True).wait_for()
        page.get_by_text(f"Refuse {rma}", exact=True).click()
        page.get_by_label("Why not, for whoever decides again").last.fill("The stains are new")
        page.keyboard.press("Control+Enter")
        page.locator("[role=status]").wait_for()
        assert "Not approved." in page.locator("[role=status]").inner_text()
        shop.desk.clock.at += timedelta(minutes=1)
        assert shop.http.get(f"/returns/{rma}").json()["stage"] == "inspected"


def test_the_keyboard_is_enough_to_find_what_is_late(shop: Shop, browser: Browser) -> None:
    late = shop.late()
    with shop.at_desk(browser, Role.MANAGER) as desk:
        page = desk.new_page()
        page.goto("/desk/approvals")
        page.keyboard.press("g")
        page.keyboard.press("t")
        page.wait_for_url("**/desk/tasks")
        page.keyboard.press("2")
        page.wait_for_url("**whose=all")
        page.keyboard.press("3")
        page.wait_for_url("**late=yes")
        assert page.get_by_role("link", name=late).count() >= 1
        page.keyboard.press("j")
        assert page.locator("tr[aria-selected=true]").count() == 1
