"""Finance's desk in a browser: wide and narrow, with the keyboard, on paper, and without JavaScript."""

import re
from datetime import timedelta
from pathlib import Path

import pytest
from browser_shop import STICKING_OUT, Shop, looked_at, shot
from playwright.sync_api import Browser, expect

from returndesk.domain.people import Role
from returndesk.domain.stages import RefundStatus


def test_an_empty_desk_says_what_it_means(shop: Shop, browser: Browser) -> None:
    for path, name in (("refunds", "empty"), ("figures", "figures-empty"), ("audit", "audit-empty")):
        looked_at(browser, f"{shop.url}/desk/{path}", f"finance-{name}", shop=shop, role=Role.FINANCE)


@pytest.fixture(scope="module")
def full(shop: Shop) -> dict[str, str]:
    """Returns whose refunds stand in every way."""
    parts = ("used", "missing", 1)  # below what a manager has to approve
    made = {
        "credited": shop.inspected(*parts),
        "submitted": shop.settling(),
        "with a manager": shop.inspected(),
    }
    shop.desk.door.processor_says = RefundStatus.FAILED
    for which in ("failed", "paid-in-part", "asked-again"):
        made[which] = shop.inspected(*parts)
    shop.desk.door.processor_says = RefundStatus.SUCCEEDED
    made["late"] = shop.late()
    shop.desk.clock.at += timedelta(days=10)
    shop.desk.door.time_passes(made["failed"])
    made["requested"] = shop.request()
    in_part = {"refund": f"{made['paid-in-part']}-1", "amount_minor": 1_000, "reference": "SEPA 4417"}
    shop.does(made["paid-in-part"], "paid-by-hand", in_part)
    shop.does(made["asked-again"], "refund-again", {"refund": f"{made['asked-again']}-1"})
    return made


def test_the_list_can_be_read_wide_and_narrow(shop: Shop, browser: Browser, full: dict[str, str]) -> None:
    for path, name in (
        ("", "open"),
        ("?state=all", "all"),
        (f"?as_of={(shop.desk.clock.at - timedelta(days=11)).date()}", "as-of"),
        ("?state=all&q=nothing", "none-found"),
    ):
        url = f"{shop.url}/desk/refunds{path}"
        looked_at(browser, url, f"finance-{name}", shop=shop, role=Role.FINANCE)
    looked_at(
        browser, f"{shop.url}/desk/refunds?from=nonsense", "finance-wrong", 422, shop=shop, role=Role.FINANCE
    )


@pytest.mark.parametrize("which", ["credited", "failed", "paid-in-part", "asked-again", "requested"])
def test_a_file_can_be_read_wide_and_narrow(
    shop: Shop, browser: Browser, full: dict[str, str], which: str
) -> None:
    looked_at(
        browser,
        f"{shop.url}/desk/refunds/{full[which]}",
        f"finance-file-{which}",
        shop=shop,
        role=Role.FINANCE,
    )


def test_the_figures_can_be_read_wide_and_narrow(shop: Shop, browser: Browser, full: dict[str, str]) -> None:
    looked_at(browser, f"{shop.url}/desk/figures", "finance-figures", shop=shop, role=Role.FINANCE)
    behind = f"{shop.url}/desk/figures/returns?clock=refund&how=late"
    looked_at(browser, behind, "finance-behind", shop=shop, role=Role.FINANCE)
    looked_at(browser, f"{shop.url}/desk/causes", "finance-causes", shop=shop, role=Role.FINANCE)


def test_a_chart_is_whole_on_a_phone(shop: Shop, browser: Browser, full: dict[str, str]) -> None:
    with shop.at_desk(browser, Role.FINANCE, viewport={"width": 390, "height": 844}) as desk:
        page = desk.new_page()
        page.goto("/desk/figures")
        edges = page.evaluate("""() => [...document.querySelectorAll(".chart")].map((chart) => {
          const room = chart.getBoundingClientRect(), drawn = [...chart.querySelectorAll("svg, rect, circle, text")]
            .filter((one) => getComputedStyle(one).display !== "none").map((one) => one.getBoundingClientRect());
          return [Math.min(...drawn.map((one) => one.left)) - room.left, room.right - Math.max(...drawn.map((one) => one.right))];
        })""")
        assert edges
        assert all(left >= -1 and right >= -1 for left, right in edges), edges
        assert page.evaluate("""() => [...document.querySelectorAll(".chart text")].every((one) =>
          one.getBoundingClientRect().height >= 11 || getComputedStyle(one).display === "none")"""), (
            "letters can be read"
        )


def test_a_file_is_printed_without_what_only_a_screen_needs(
    shop: Shop, browser: Browser, full: dict[str, str], tmp_path: Path
) -> None:
    with shop.at_desk(browser, Role.FINANCE) as desk:
        page = desk.new_page()
        page.goto(f"/desk/refunds/{full['failed']}")
        page.emulate_media(media="print")
        expect(page.locator("header.top")).to_be_hidden()
        expect(page.locator("details.command").first).to_be_hidden()
        expect(page.locator("#ledger")).to_be_visible()
        shot(page, "finance-file-print")
        assert page.pdf(format="A4", path=tmp_path / "file.pdf").startswith(b"%PDF")


def test_an_error_under_a_filter_leaves_the_others_where_they_are(shop: Shop, browser: Browser) -> None:
    with shop.at_desk(browser, Role.FINANCE, viewport={"width": 1600, "height": 900}) as desk:
        page = desk.new_page()
        widths, tops = [], []
        for path in ("/desk/refunds", "/desk/refunds?as_of=2099-01-01"):
            page.goto(path)
            boxes = [page.locator(f"#{name}").bounding_box() for name in ("from", "to", "age", "q", "as_of")]
            widths.append([round(box["width"]) for box in boxes if box])
            tops.append({round(box["y"]) for box in boxes if box})
        shot(page, "finance-wrong-day")
        assert page.locator(".field-error").is_visible()
        assert widths[0] == widths[1]
        assert all(max(each) - min(each) <= 2 for each in tops), tops


_PAPER = """() => { const room = document.querySelector("main").getBoundingClientRect().right;
  return [...document.querySelectorAll("main th, main td")].map((cell) => {
    const words = document.createRange(); words.selectNodeContents(cell);
    return [cell.innerText.slice(0, 30), Math.round(room - words.getBoundingClientRect().right), Math.round(cell.offsetWidth)];
  }).filter(([, left, width]) => left < -1 || (width > 0 && width < 28)); }"""
"""The cells of a printed page whose words leave it, or that have no room for a word."""


@pytest.mark.parametrize("which", ["credited", "failed"])
def test_a_file_fits_a_sheet_of_paper(shop: Shop, browser: Browser, full: dict[str, str], which: str) -> None:
    sheet = {"width": 1031, "height": 702}  # A4 lying, 12 mm of margin, at 96 dots an inch
    with shop.at_desk(browser, Role.FINANCE, viewport=sheet) as desk:
        page = desk.new_page()
        page.emulate_media(media="print")
        page.goto(f"/desk/refunds/{full[which]}")
        shot(page, f"finance-file-paper-{which}")
        assert page.evaluate("document.documentElement.scrollWidth") <= sheet["width"]
        assert page.evaluate(_PAPER) == []
        assert page.evaluate(STICKING_OUT) == []
        wide, high = re.findall(
            rb"/MediaBox \[0 0 ([0-9.]+) ([0-9.]+)\]", page.pdf(prefer_css_page_size=True)
        )[0]
        assert float(wide) > float(high), "it lies"


def test_with_the_keyboard_from_the_list_to_a_refund_paid_by_hand(
    shop: Shop, browser: Browser, full: dict[str, str]
) -> None:
    with shop.at_desk(browser, Role.FINANCE) as desk:
        page = desk.new_page()
        page.goto("/desk/figures")
        page.keyboard.press("g")
        page.keyboard.press("f")
        page.wait_for_url("**/desk/refunds")
        rows = page.locator("[data-row]")
        at = next(n for n in range(rows.count()) if full["failed"] in rows.nth(n).inner_text())
        for _ in range(at + 1):
            page.keyboard.press("j")
        page.keyboard.press("Enter")
        page.wait_for_url(f"**/desk/refunds/{full['failed']}")
        page.keyboard.press("p")
        page.get_by_label("Reference the customer finds it by").fill("BACS 4711")
        page.keyboard.press("Control+Enter")
        expect(page.get_by_role("status")).to_contain_text("Recorded as paid.")
        expect(page.locator("main")).to_contain_text("paid by hand")
        expect(page.locator("main")).to_contain_text("Failed, paid another way")


def test_every_chain_is_verified_while_somebody_looks(
    shop: Shop, browser: Browser, full: dict[str, str]
) -> None:
    with shop.at_desk(browser, Role.FINANCE) as desk:
        page = desk.new_page()
        page.goto("/desk/audit")
        page.get_by_role("button", name="Verify everything").click()
        expect(page.locator("main")).to_contain_text("Everything is whole", timeout=60_000)
    looked_at(browser, f"{shop.url}/desk/audit", "finance-audit-whole", shop=shop, role=Role.FINANCE)


def test_everything_works_without_javascript(shop: Shop, browser: Browser, full: dict[str, str]) -> None:
    with shop.at_desk(browser, Role.FINANCE, java_script_enabled=False) as desk:
        page = desk.new_page()
        page.goto("/desk/refunds")
        page.get_by_label("Late only").check()
        page.get_by_label("RMA, refund, order or reference").fill(full["credited"])
        page.get_by_role("button", name="Show").click()
        assert "late=yes" in page.url
        assert page.get_by_label("Late only").is_checked()
        page.goto("/desk/refunds?state=credited")
        page.locator("[data-row] a").first.click()
        expect(page.locator("h1")).to_contain_text("Refunds of")
        page.goto("/desk/figures")
        page.get_by_role("button", name="Count").click()
        expect(page.locator("#attainment")).to_be_visible()
