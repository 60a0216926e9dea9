"""The station in a real browser: scans, taps, tones, and a connection that comes and goes.

What came of it is read from the API.
"""

import json
import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from browser_shop import CHROMIUM, PHONE, Shop, looked_at, shot
from pictures import picture
from playwright.sync_api import Browser, BrowserContext, ElementHandle, Locator, Page, expect
from playwright.sync_api import Error as BrowserError

from returndesk.domain.people import Role
from returndesk.domain.scanning import TEST_CODE
from returndesk.store import accounts

PASSWORD = "horses paint the moon"
KEY_MS = 5
SECONDS_MAX = 15
"""Between two keys of a scanner."""


@pytest.fixture
def context(shop: Shop, browser: Browser) -> Iterator[BrowserContext]:
    """A browser at the station."""
    with shop.at_desk(browser, Role.WAREHOUSE) as context:
        yield context


@pytest.fixture
def page(context: BrowserContext) -> Page:
    """The station, and nothing touched yet."""
    page = context.new_page()
    page.goto("/desk/station")
    return page


def scan(page: Page, code: str, end: str | None = "Enter") -> None:
    page.keyboard.type(code, delay=KEY_MS)
    if end is not None:
        page.keyboard.press(end)


def opened(page: Page, rma: str) -> None:
    """The parcel of a return is at hand."""
    expect(page.locator("#stand h1")).to_have_text(rma, timeout=15_000)


def single(shop: Shop) -> str:
    """A return of one unit, which is waited for."""
    return shop.request(items=[{"line": 1, "quantity": 1, "reason": "too_small"}], authorize=True)


def lots(shop: Shop, rma: str) -> list[tuple[Any, ...]]:
    found = shop.http.get(f"/returns/{rma}").json()["lots"]
    return [(x["line"], x["quantity"], x["reception"], x["condition"], x["disposition"]) for x in found]


def happened(shop: Shop, rma: str, what: str) -> int:
    """How often something happened to a return, by its audit."""
    return sum(x["what"] == what for x in shop.http.get(f"/returns/{rma}/timeline").json()["items"])


def inspect(card: Locator) -> None:
    card.get_by_role("button", name="As it left us").click()
    card.get_by_role("button", name="Record").click()


def arrives(page: Page, shop: Shop, rma: str) -> None:
    """What waited on the device is in the shop's books."""
    give_up_at = monotonic() + SECONDS_MAX
    while lots(shop, rma)[0][2] != "received":
        assert monotonic() < give_up_at, "it did not arrive"
        page.wait_for_timeout(50)
    expect(page.locator("#waiting")).to_be_hidden()


def waits(page: Page, count: int) -> None:
    """So many entries wait on the device."""
    if count:
        expect(page.locator("[data-waiting]")).to_have_attribute("data-waiting", str(count))
    else:
        expect(page.locator("[data-waiting]")).to_have_count(0)


def to_inspect(shop: Shop, page: Page) -> tuple[str, Locator]:
    """A return of one unit that was counted, and the card of its inspection."""
    rma = single(shop)
    scan(page, rma)
    page.get_by_role("button", name="All of it").click()
    expect(page.get_by_role("heading", name="Did another parcel come?")).to_be_visible()  # the page came anew
    return rma, page.locator("[data-inspect='1']")


def taken_by(camera: ElementHandle, photo: bytes) -> None:
    """A photo comes to a field, which may be on no page any more."""
    camera.evaluate(
        """(input, bytes) => {
            const taken = new DataTransfer();
            taken.items.add(new File([new Uint8Array(bytes)], "a.jpg", { type: "image/jpeg" }));
            input.files = taken.files;
            input.dispatchEvent(new Event("change", { bubbles: true }));
        }""",
        list(photo),
    )


REFUSAL = {
    "status": 422,
    "content_type": "application/problem+json",
    "body": json.dumps({"code": "not_now", "detail": "Refused for once.", "status": 422, "title": "Refused"}),
}
"""What the shop may say to anything."""


# Scanning ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", ["Enter", "Tab", "Control+d", None])
def test_a_scan_needs_no_field_and_any_end_will_do(shop: Shop, page: Page, end: str | None) -> None:
    rma = single(shop)
    page.evaluate("document.activeElement.blur()")
    scan(page, rma, end)
    opened(page, rma)
    assert page.url == f"{shop.url}/desk/station/{rma}"


def test_eot_as_a_character_in_the_field_ends_a_scan(shop: Shop, page: Page) -> None:
    rma = single(shop)
    page.get_by_label("Scan, or type").focus()
    page.keyboard.insert_text(f"{rma}\x04")
    opened(page, rma)


def test_a_persons_keys_stay_theirs(page: Page) -> None:
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Sound is on").focus()
    page.keyboard.press("Space")
    expect(page.get_by_role("button", name="Sound is off")).to_be_visible()


def test_a_number_typed_by_hand_opens_with_the_button(shop: Shop, page: Page) -> None:
    rma = single(shop)
    page.get_by_label("Scan, or type").fill(rma.replace("-", " ").lower())
    page.get_by_role("button", name="Open").click()
    opened(page, rma)


def test_a_code_scanned_twice_at_once_counts_once(shop: Shop, page: Page) -> None:
    rma = single(shop)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.evaluate(
        "window.told = []; new MutationObserver(() => told.push(said.textContent)).observe(said, { childList: true })"
    )
    scan(page, rma)
    scan(page, rma)
    opened(page, rma)
    assert f"{rma}: scanned twice, and opened once. Nothing is counted by scanning it." in page.evaluate(
        "told"
    )
    assert sum(url.endswith(f"/desk/station/{rma}") for url in asked) == 1


def test_a_scan_presses_no_button_that_has_the_focus(shop: Shop, page: Page) -> None:
    first, second = single(shop), single(shop)
    scan(page, first)
    opened(page, first)
    page.get_by_role("button", name="All of it").focus()
    scan(page, second)
    opened(page, second)
    assert lots(shop, first)[0][2] == "awaiting"


def test_a_scan_into_a_text_leaves_the_text_as_it_was(shop: Shop, page: Page) -> None:
    page.goto("/desk/station/order")
    words = page.get_by_label("What does the parcel look like")
    words.fill("A brown box")
    scan(page, "CMD-RECORD")
    expect(page.locator("#said")).to_have_text(re.compile("there is nothing here that it could do"))
    expect(words).to_have_value("A brown box")
    rma = single(shop)
    scan(page, rma)
    opened(page, rma)


def test_two_returns_in_one_box_are_received_each_on_its_own(shop: Shop, page: Page) -> None:
    first, second = single(shop), single(shop)
    scan(page, first)
    opened(page, first)
    scan(page, second)
    opened(page, second)
    strip = page.get_by_role("navigation", name="Returns in this box")
    expect(strip.get_by_role("link")).to_have_text([first, second])
    page.get_by_role("button", name="All of it").click()
    expect(page.get_by_role("heading", name="Inspect:")).to_be_visible()
    waits(page, 0)
    assert (lots(shop, first)[0][2], lots(shop, second)[0][2]) == ("awaiting", "received")
    strip.get_by_role("link", name=first).click()
    opened(page, first)
    page.reload()
    opened(page, first)
    expect(strip.get_by_role("link")).to_have_text([first, second])
    scan(page, "CMD-NEXT")
    expect(page.get_by_role("heading", name="Scan a parcel")).to_be_visible()
    expect(strip).to_be_hidden()


def test_a_scanner_of_another_keyboard_is_found_out(page: Page) -> None:
    for typed, word in ((TEST_CODE, "The scanner is right."), (TEST_CODE.translate(str.maketrans("YZ", "ZY")), "Some characters come wrong.")):  # fmt: skip
        scan(page, typed)
        expect(page.locator("#said")).to_have_text(word)


# Taps --------------------------------------------------------------------------------------------


def test_one_item_is_received_and_inspected_in_four_taps(shop: Shop, page: Page) -> None:
    rma, taps = single(shop), 0
    scan(page, rma)
    for name in ("All of it", "As it left us", "Back on the shelf", "Record"):
        target = page.locator("label.pick") if name == "Back on the shelf" else page.get_by_role("button")
        target.filter(has_text=name).click()
        taps += 1
    expect(page.locator("#stand .tag").first).to_have_text("closed")
    assert taps <= 4
    assert lots(shop, rma) == [(1, 1, "received", "original", "restock")]


def test_commands_do_it_without_a_tap(shop: Shop, page: Page) -> None:
    rma = single(shop)
    scan(page, rma)
    opened(page, rma)
    scan(page, "CMD-ALL-RECEIVED")
    expect(page.get_by_role("button", name="Record")).to_be_visible()
    scan(page, "CMD-ORIGINAL")
    scan(page, "CMD-MARKS")
    expect(page.locator("[data-grade]")).to_have_text("Amounts to: condition used, packaging original")
    scan(page, "CMD-RECORD")
    expect(page.get_by_role("button", name="Sent back")).to_be_visible()
    scan(page, "CMD-SENT-BACK")
    expect(page.locator("#said")).to_have_text(re.compile("Scan the tracking number first. Has it none?"))
    page.get_by_role("button", name="Sent back").click()
    expect(page.locator("#stand .next")).to_have_text(re.compile("This return has ended|All is done"))
    assert shop.http.get(f"/returns/{rma}").json()["lots"][0]["left"] == "sent_back"


def test_a_command_with_nothing_to_do_says_so(shop: Shop, page: Page) -> None:
    scan(page, "CMD-RECORD")
    expect(page.locator("#said")).to_have_text(re.compile("there is nothing here that it could do"))


def test_two_like_this_and_one_like_that(shop: Shop, page: Page) -> None:
    rma = shop.request(items=[{"line": 1, "quantity": 2, "reason": "too_small"}], authorize=True)
    scan(page, rma)
    page.get_by_role("button", name="All of it").click()
    card = page.locator("[data-inspect='1']")
    card.get_by_role("button", name="One less").click()
    inspect(card)
    expect(card.locator("[data-left]")).to_have_text("1 to inspect")
    card.get_by_role("button", name="As it left us").click()
    card.get_by_role("group", name="Is it damaged?").locator("label.pick", has_text="Yes").click()
    card.get_by_role("button", name="Record").click()
    expect(page.get_by_role("button", name="Sent back")).to_be_visible()
    assert [(x[1], x[3]) for x in lots(shop, rma)] == [(1, "damaged"), (1, "original")]


def test_an_empty_box_is_scanned_twice_before_it_is_recorded(shop: Shop, page: Page) -> None:
    rma = single(shop)
    scan(page, rma)
    opened(page, rma)
    page.evaluate("() => { window.now = performance.now(); performance.now = () => window.now; }")
    scan(page, "CMD-EMPTY-BOX")
    expect(page.get_by_role("button", name="Yes, nothing is in it")).to_be_visible()
    scan(page, "CMD-EMPTY-BOX")
    expect(page.locator("#said")).to_have_text("CMD-EMPTY-BOX: scanned twice at once, and heard once.")
    assert happened(shop, rma, "received") == 0
    page.evaluate("() => { window.now += 3_000; }")
    scan(page, "CMD-EMPTY-BOX")
    expect(page.locator("#said")).to_contain_text("an empty box")
    waits(page, 0)
    assert [lot[2] for lot in lots(shop, rma)] == ["short_shipped"]
    assert happened(shop, rma, "received") == 1


def test_what_is_tapped_while_the_page_comes_anew_stays(shop: Shop, page: Page) -> None:
    """The tap comes just when the device keeps the page that is about to be shown: the one with what was recorded."""
    rma = shop.request(items=[{"line": 1, "quantity": 2, "reason": "too_small"}], authorize=True)
    scan(page, rma)
    page.get_by_role("button", name="All of it").click()
    expect(page.get_by_role("link", name="Labels for the shelf")).to_be_visible()
    card = page.locator("[data-inspect='1']")
    card.get_by_role("button", name="One less").click()
    page.evaluate(
        """(rma) => {
        const put = IDBObjectStore.prototype.put;
        IDBObjectStore.prototype.put = function (...row) {
            if (this.name === "parcels" && row[0].rma === rma && row[0].html.includes("original, packaging original")) {
                IDBObjectStore.prototype.put = put;
                document.querySelector("[data-inspect='1'] [data-as-new]").click();
                document.body.dataset.tapped = "yes";
            }
            return put.apply(this, row);
        };
    }""",
        rma,
    )
    inspect(card)
    expect(page.locator("body[data-tapped]")).to_have_count(1)
    expect(page.locator("#stand")).to_contain_text("original, packaging original")
    expect(card.get_by_role("group", name="Was it opened?").get_by_role("radio", name="No")).to_be_checked()


def test_a_parcel_is_counted_line_by_line(shop: Shop, page: Page) -> None:
    rma = shop.request(authorize=True)
    scan(page, rma)
    first, second = page.locator("[data-line='1']"), page.locator("[data-line='2']")
    first.get_by_role("button", name="All 2").click()
    second.get_by_role("button", name="One more").click()
    page.get_by_role("button", name="This was in the parcel").click()
    expect(page.locator("[data-inspect='2'] [data-left]")).to_have_text("1 to inspect")
    waits(page, 0)
    assert sorted((x[0], x[1], x[2]) for x in lots(shop, rma)) == [
        (1, 2, "received"), (2, 1, "received"), (2, 1, "short_shipped"),
    ]  # fmt: skip


def test_a_double_tap_is_one_tap(shop: Shop, page: Page) -> None:
    rma = shop.request(authorize=True)
    scan(page, rma)
    opened(page, rma)
    page.evaluate("""() => {
        const form = [...document.querySelectorAll("form[data-queue=receipts]")][0];
        form.requestSubmit(); form.requestSubmit();
    }""")
    expect(page.locator("[data-inspect='1']")).to_be_visible()
    waits(page, 0)
    assert happened(shop, rma, "received") == 1


# A connection that comes and goes ----------------------------------------------------------------


def test_what_is_done_without_a_connection_is_carried_out_once_when_it_is_back(
    shop: Shop, context: BrowserContext, page: Page
) -> None:
    first, second = single(shop), single(shop)
    scan(page, second)
    opened(page, second)
    scan(page, first)
    opened(page, first)
    context.set_offline(True)
    page.get_by_role("button", name="All of it").click()
    waits(page, 1)
    inspect(page.locator("[data-inspect='1']"))
    waits(page, 2)
    expect(page.get_by_text("2 wait for the connection")).to_be_visible()
    scan(page, second)  # seen before: it opens without a connection
    opened(page, second)
    scan(page, "CMD-ALL-RECEIVED")
    waits(page, 3)
    shot(page, "station-offline")
    assert [lots(shop, rma)[0][2] for rma in (first, second)] == ["awaiting", "awaiting"]
    with pytest.raises(BrowserError):
        page.reload()
    context.set_offline(False)
    page.goto("/desk/station")
    waits(page, 0)
    assert lots(shop, first) == [(1, 1, "received", "original", "restock")]
    assert lots(shop, second) == [(1, 1, "received", None, None)]
    assert [happened(shop, rma, "received") for rma in (first, second)] == [1, 1]
    assert happened(shop, first, "inspected") == 1


def test_the_open_page_goes_on_by_itself_when_the_connection_is_back(
    shop: Shop, context: BrowserContext, page: Page
) -> None:
    rma = single(shop)
    scan(page, rma)
    opened(page, rma)
    context.set_offline(True)
    page.get_by_role("button", name="All of it").click()
    waits(page, 1)
    page.evaluate("() => { const now = Date.now; Date.now = () => now() + 3_600_000; }")  # an hour goes by
    context.set_offline(False)
    waits(page, 0)
    expect(page.locator("#stand .tag").first).to_have_text("received")
    view = shop.http.get(f"/returns/{rma}").json()
    assert view["received_at"] < view["contacted_at"], "an hour ago, as the device says"


def test_a_return_this_device_has_not_seen_opens_when_the_connection_is_back(
    shop: Shop, context: BrowserContext, page: Page
) -> None:
    rma = single(shop)
    context.set_offline(True)
    scan(page, rma)
    expect(page.locator("#stand .next")).to_have_text(re.compile("is not on this device"))
    context.set_offline(False)
    expect(page.get_by_role("button", name="All of it")).to_be_visible()


def test_parcels_on_their_way_are_on_the_device_before_they_come(
    shop: Shop, context: BrowserContext, page: Page
) -> None:
    rma = single(shop)
    shop.post(f"/returns/{rma}/shipment", {"tracking": "JD0001"})
    page.goto("/desk/station")
    page.wait_for_function(
        "async (rma) => Boolean(await (await import('/static/station_queue.js')).parcel(rma))", arg=rma
    )
    context.set_offline(True)
    scan(page, rma)
    page.get_by_role("button", name="All of it").click()
    waits(page, 1)
    context.set_offline(False)
    waits(page, 0)
    assert lots(shop, rma)[0][2] == "received"


def test_a_parcel_without_a_return_is_asked_about_once(
    shop: Shop, context: BrowserContext, page: Page
) -> None:
    page.goto("/desk/station/order")
    page.get_by_label("What does the parcel look like").fill("A brown box")
    context.set_offline(True)
    page.get_by_role("button", name="Ask a rep").click()
    waits(page, 1)
    expect(page.get_by_role("heading", name="Written down")).to_be_visible()
    expect(page.get_by_role("button", name="Ask a rep")).to_have_count(0)
    context.set_offline(False)
    expect(page.get_by_text("A rep is asked to see to that parcel.")).to_be_visible()
    assert len(shop.http.get("/tasks", params={"queue": "unannounced_parcels"}).json()["items"]) == 1


def test_an_answer_that_was_lost_doubles_nothing(shop: Shop, page: Page) -> None:
    rma = single(shop)
    scan(page, rma)
    opened(page, rma)
    lost: list[int] = []

    def lose(route: Any) -> None:
        if lost:
            route.continue_()
        else:
            lost.append(route.fetch().status)
            route.abort()

    page.route("**/receipts", lose)
    page.get_by_role("button", name="All of it").click()
    expect(page.locator("#stand .tag").first).to_have_text("received")
    waits(page, 0)
    assert lost == [200]
    assert happened(shop, rma, "received") == 1


def test_what_was_refused_stays_until_somebody_has_seen_it(
    shop: Shop, context: BrowserContext, page: Page
) -> None:
    rma = single(shop)
    scan(page, rma)
    page.get_by_role("button", name="All of it").click()
    waits(page, 0)
    expect(page.get_by_text("It is not here after all")).to_be_visible()
    context.set_offline(True)
    page.get_by_text("It is not here after all").click()
    page.get_by_role("button", name="Miscounted").click()
    waits(page, 1)
    seen = {"line": 1, "quantity": 1, "condition": "original", "packaging": "original"}
    shop.post(f"/returns/{rma}/inspections", {"items": [seen]})
    context.set_offline(False)
    refused = page.locator("[data-refused]")
    expect(refused).to_contain_text("correction is not possible")
    waits(page, 0)
    page.reload()
    expect(refused).to_contain_text("Nothing was changed.")
    shot(page, "station-refused")
    refused.get_by_role("button", name="I have seen it").click()
    expect(refused).to_have_count(0)
    page.reload()
    opened(page, rma)
    expect(refused).to_have_count(0)


def test_what_one_person_did_is_never_sent_as_another(
    shop: Shop, context: BrowserContext, page: Page
) -> None:
    rma = single(shop)
    scan(page, rma)
    opened(page, rma)
    context.set_offline(True)
    page.get_by_role("button", name="All of it").click()
    waits(page, 1)
    page.goto("about:blank")
    context.set_extra_http_headers({"Authorization": f"Bearer {shop.token(Role.WAREHOUSE, 2)}"})
    context.set_offline(False)
    page.goto("/desk/station")
    expect(page.locator("#waiting")).to_have_text(
        "1 of warehouse-1 waits here until they sign in at this device."
    )
    assert lots(shop, rma)[0][2] == "awaiting"
    context.set_extra_http_headers({"Authorization": f"Bearer {shop.token(Role.WAREHOUSE)}"})
    page.goto("/desk/station")
    arrives(page, shop, rma)


def test_what_waits_outlives_a_crash_of_the_browser(shop: Shop, browser: Browser, tmp_path: Path) -> None:
    rma = single(shop)
    headers = {"Authorization": f"Bearer {shop.token(Role.WAREHOUSE)}"}

    def start() -> BrowserContext:
        return browser.browser_type.launch_persistent_context(
            tmp_path / "profile", executable_path=CHROMIUM, base_url=shop.url, extra_http_headers=headers,
            args=["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"],
        )  # fmt: skip

    context = start()
    page = context.new_page()
    page.goto(f"/desk/station/{rma}")
    context.set_offline(True)
    page.get_by_role("button", name="All of it").click()
    waits(page, 1)
    with context.expect_event("close"):
        for process in _browser_of(tmp_path / "profile"):
            os.kill(process, signal.SIGKILL)
    for lock in (tmp_path / "profile").glob("Singleton*"):
        lock.unlink()
    assert lots(shop, rma)[0][2] == "awaiting"
    context = start()
    page = context.new_page()
    page.goto("/desk/station")
    arrives(page, shop, rma)
    assert lots(shop, rma) == [(1, 1, "received", None, None)]
    context.close()


def _browser_of(profile: Path) -> list[int]:
    """The processes of the browser that has this profile open: its launcher and itself, which its helpers follow."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if f"--user-data-dir={profile}".encode() in words and not any(
            x.startswith(b"--type=") for x in words
        ):
            found.append(int(folder.name))
    assert found, "the browser is not running"
    return found


def test_what_waits_is_sent_after_signing_in_again(shop: Shop, browser: Browser) -> None:
    rma = single(shop)
    with shop.desk.database.write() as session:
        digest = accounts.new_hash(PASSWORD, "warehouse-9")
        accounts.add(
            session, "warehouse-9", Role.WAREHOUSE, digest, must_change=False, now=shop.desk.clock.now()
        )
    context = browser.new_context(base_url=shop.url)
    page = context.new_page()

    def sign_in() -> None:
        page.get_by_label("Your id").fill("warehouse-9")
        page.get_by_label("Your password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url("**/desk/station/**")

    page.goto(f"/desk/station/{rma}")
    sign_in()
    context.clear_cookies()
    page.get_by_role("button", name="All of it").click()
    waits(page, 1)
    expect(page.locator("#said")).to_have_text(re.compile("You are not signed in any more."))
    page.reload()
    sign_in()
    expect(page.locator("#waiting")).to_be_hidden()
    expect(page.locator("#stand .tag").first).to_have_text("received")
    sent = {"name": "a.jpg", "mimeType": "image/jpeg", "buffer": picture()}
    page.get_by_label("Take a photo").set_input_files([sent])  # type: ignore[list-item]
    expect(page.locator("#said")).to_have_text("The photo is kept.")
    context.close()
    assert happened(shop, rma, "received") == 1


# Photos ------------------------------------------------------------------------------------------


def test_photos_taken_without_a_connection_show_the_goods(
    shop: Shop, context: BrowserContext, page: Page
) -> None:
    rma = single(shop)
    scan(page, rma)
    opened(page, rma)
    context.set_offline(True)
    page.get_by_role("button", name="All of it").click()
    card = page.locator("[data-inspect='1']")
    camera = card.get_by_label("Take a photo")
    assert camera.get_attribute("capture") == "environment"
    sent = {"name": "a.jpg", "mimeType": "image/jpeg", "buffer": picture(3000, 1500)}
    camera.set_input_files([sent])  # type: ignore[list-item]
    waits(page, 2)
    camera.set_input_files([{"name": "b.jpg", "mimeType": "image/jpeg", "buffer": b"no photo at all"}])
    waits(page, 3)
    inspect(card)
    waits(page, 4)
    context.set_offline(False)
    waits(page, 0)
    expect(page.locator("[data-refused]")).to_contain_text("Photo of")
    [lot] = shop.http.get(f"/returns/{rma}").json()["lots"]
    [kept] = shop.http.get(f"/returns/{rma}/photos").json()["items"]
    assert (lot["condition"], lot["photos"]) == ("original", [kept["id"]])


# Nothing that was answered is lost ----------------------------------------------------------------


def test_a_number_of_no_return_is_said_at_the_station_and_the_next_scan_is_heard(
    shop: Shop, page: Page
) -> None:
    said = page.locator("#said")
    for code, words in (
        ("RMA-AAAA-AAAA", "There is no return RMA-AAAA-AAAA"),
        ("8" * 500, "longer than any of ours"),
    ):
        scan(page, code)
        expect(said).to_have_text(re.compile(words))
        expect(said).to_have_class("said no")
    rma = single(shop)
    scan(page, rma)
    opened(page, rma)


def test_a_refused_photo_is_no_part_of_the_inspection(shop: Shop, page: Page) -> None:
    rma, card = to_inspect(shop, page)
    good = {"name": "a.jpg", "mimeType": "image/jpeg", "buffer": picture()}
    card.get_by_label("Take a photo").set_input_files([good])  # type: ignore[list-item]
    expect(card.locator("canvas[data-thumb]")).to_have_count(1)
    card.get_by_label("Take a photo").set_input_files(
        [{"name": "b.jpg", "mimeType": "image/jpeg", "buffer": b"no photo"}]
    )
    expect(page.locator("[data-refused]")).to_contain_text("not a whole JPEG, PNG or WebP photo")
    expect(card.locator("[data-taken]")).to_have_text("1 photo taken for this inspection.")
    inspect(card)
    expect(page.locator("#said")).to_contain_text("Inspection of")
    assert len(lots(shop, rma)) == len(shop.http.get(f"/returns/{rma}").json()["lots"][0]["photos"]) == 1


def test_a_photo_of_a_return_that_is_closed_is_kept_with_it(shop: Shop, page: Page) -> None:
    rma, card = to_inspect(shop, page)
    inspect(card)
    expect(page.locator("#stand .tag").first).to_have_text("closed")
    kept: list[str] = []
    page.on("response", lambda answer: kept.append(answer.url) if answer.request.method == "POST" else None)
    photo = {"name": "a.jpg", "mimeType": "image/jpeg", "buffer": picture()}
    page.get_by_label("Take a photo").set_input_files([photo])  # type: ignore[list-item]
    expect(page.locator("#said")).to_have_text("The photo is kept.")
    assert [url.rpartition("/desk/station/")[2] for url in kept] == [f"{rma}/photos"]
    waits(page, 0)


def test_a_photo_is_waited_for_before_the_inspection_it_belongs_to_is_recorded(
    shop: Shop, page: Page
) -> None:
    rma, card = to_inspect(shop, page)
    page.evaluate("""() => {
        const make = window.createImageBitmap;
        window.createImageBitmap = async (...given) => {
            await new Promise((goOn) => { window.goOn = goOn; });
            window.createImageBitmap = make;
            return make(...given);
        };
    }""")
    photo = {"name": "a.jpg", "mimeType": "image/jpeg", "buffer": picture()}
    card.get_by_label("Take a photo").set_input_files([photo])  # type: ignore[list-item]
    inspect(card)
    page.wait_for_function("() => window.goOn")
    assert happened(shop, rma, "inspected") == 0
    page.evaluate("() => window.goOn()")
    expect(page.locator("#said")).to_contain_text("Inspection of")
    assert len(shop.http.get(f"/returns/{rma}").json()["lots"][0]["photos"]) == 1


@pytest.mark.parametrize("is_back", [True, False])
def test_a_photo_belongs_to_the_parcel_the_camera_was_opened_for(
    shop: Shop, page: Page, is_back: bool
) -> None:
    rma, card = to_inspect(shop, page)
    camera = card.locator("input[type=file]").element_handle()
    other = single(shop)
    scan(page, other)
    opened(page, other)
    if is_back:
        scan(page, rma)
        opened(page, rma)
    taken_by(camera, picture())
    expect(page.locator("#said")).to_have_text("The photo is kept.")
    if not is_back:
        scan(page, rma)
        opened(page, rma)
    expect(card.locator("[data-taken]")).to_have_text("1 photo taken for this inspection.")
    inspect(card)
    expect(page.locator("#said")).to_contain_text("Inspection of")
    assert len(shop.http.get(f"/returns/{rma}").json()["lots"][0]["photos"]) == 1


def test_a_photo_that_is_refused_while_another_parcel_is_at_hand_is_no_part_of_its_inspection(
    shop: Shop, page: Page
) -> None:
    rma, card = to_inspect(shop, page)
    card.get_by_role("button", name="As it left us").click()
    camera = card.locator("input[type=file]").element_handle()
    other = single(shop)
    scan(page, other)
    opened(page, other)
    taken_by(camera, b"no photo")
    expect(page.locator("[data-refused]")).to_contain_text("not a whole JPEG, PNG or WebP photo")
    taken_by(camera, picture())
    expect(page.locator("#said")).to_have_text("The photo is kept.")
    expect(page.locator("[data-refused]")).to_have_count(1)
    page.get_by_role("button", name="I have seen it").click()
    scan(page, rma)
    opened(page, rma)
    expect(card.locator("[data-taken]")).to_have_text("1 photo taken for this inspection.")
    card.get_by_role("button", name="Record").click()
    expect(page.locator("#said")).to_contain_text("Inspection of")
    assert len(shop.http.get(f"/returns/{rma}").json()["lots"][0]["photos"]) == 1


def test_an_override_without_its_reason_is_marked_before_it_is_sent(shop: Shop, page: Page) -> None:
    rma, card = to_inspect(shop, page)
    card.get_by_role("button", name="As it left us").click()
    card.get_by_text("It amounts to something else").click()
    card.get_by_role("group", name="Condition").locator("label.pick", has_text="Used").click()
    card.get_by_role("button", name="Record").click()
    expect(page.locator("#said")).to_have_text(re.compile("Say why it is something else"))
    expect(card.locator("fieldset.unsaid legend")).to_have_text("Why?")
    assert happened(shop, rma, "inspected") == 0
    card.get_by_role("group", name="Why?").locator("label.pick", has_text="The questions do not fit").click()
    card.get_by_role("button", name="Record").click()
    expect(page.locator("#said")).to_contain_text("Inspection of")
    assert lots(shop, rma)[0][3] == "used"


def test_an_inspection_that_was_refused_is_in_its_form_again(shop: Shop, page: Page) -> None:
    rma, card = to_inspect(shop, page)
    # When it is sent, not before: the page may come anew meanwhile.
    page.evaluate("""() => document.addEventListener("submit", (event) => event.target.insertAdjacentHTML(
        "beforeend", '<input type="hidden" name="photo_key" value="form-of-nobody">'), { capture: true, once: true })""")
    inspect(card)
    expect(page.locator("[data-refused]")).to_contain_text("Your answers are still here")
    expect(card.get_by_role("group", name="Was it opened?").get_by_role("radio", name="No")).to_be_checked()
    card.get_by_role("button", name="Record").click()
    expect(page.locator("#stand .tag").first).to_have_text("closed")
    expect(page.locator("[data-refused]")).to_have_count(0)
    assert happened(shop, rma, "inspected") == 1


def test_answers_outlive_the_next_scan_and_a_reload_until_they_are_recorded(shop: Shop, page: Page) -> None:
    first, second = single(shop), single(shop)
    page.goto("/desk/station/order")
    page.get_by_label("What does the parcel look like").fill("A brown box")
    scan(page, first)
    page.get_by_role("button", name="All of it").click()
    waits(page, 0)
    card = page.locator("[data-inspect='1']")
    card.get_by_role("group", name="Marks of use?").locator("label.pick", has_text="Heavy").click()
    scan(page, second)
    opened(page, second)
    expect(page.locator("#strip")).to_be_hidden()
    scan(page, first)
    expect(page.locator("#said")).to_contain_text("Your answers are here again; they are not recorded yet.")
    page.reload()
    expect(card.get_by_role("radio", name="Heavy")).to_be_checked()
    page.goto("/desk/station/order")
    expect(page.get_by_label("What does the parcel look like")).to_have_value("A brown box")
    page.get_by_role("button", name="Ask a rep").click()
    expect(page.get_by_text("A rep is asked to see to that parcel.")).to_be_visible()
    page.goto("/desk/station/order")
    expect(page.get_by_label("What does the parcel look like")).to_have_value("")
    page.get_by_role("button", name="Ask a rep").click()
    expect(page.locator("#said")).to_have_text(re.compile("Nobody was asked yet"))


def test_a_scan_into_what_is_being_typed_leaves_the_text(shop: Shop, page: Page) -> None:
    rma = single(shop)
    page.goto("/desk/station/order")
    words = page.get_by_label("What does the parcel look like")
    words.focus()
    page.keyboard.type("A brown box ", delay=80)
    scan(page, rma)
    opened(page, rma)
    page.goto("/desk/station/order")
    expect(words).to_have_value("A brown box ")


def test_every_parcel_scanned_without_a_connection_is_still_to_count(
    shop: Shop, context: BrowserContext, page: Page
) -> None:
    first, second, third = (shop.partly_sent() for _ in range(3))
    page.evaluate("indexedDB.deleteDatabase('returndesk-station')")
    context.set_offline(True)
    for rma in (first, second, third):
        scan(page, rma)
        expect(page.locator("#stand h1")).to_have_text(rma)
    expect(page.locator("#waiting .to-count a")).to_have_text([first, second, third])
    context.set_offline(False)
    expect(page.get_by_role("button", name="All of it")).to_be_visible()
    expect(page.locator("#said")).to_have_text(re.compile(f"{third}: .* expected"))
    page.get_by_role("button", name="All of it").click()
    waits(page, 0)
    expect(page.locator("#waiting .to-count a")).to_have_text([first, second])
    page.locator("#waiting").get_by_role("link", name=first).click()
    opened(page, first)
    shot(page, "station-to-count")


def test_a_short_count_says_what_is_missing_and_is_taken_back(shop: Shop, page: Page) -> None:
    rma = shop.request(items=[{"line": 1, "quantity": 2, "reason": "too_small"}], authorize=True)
    scan(page, rma)
    page.locator("[data-line='1']").get_by_role("button", name="One more").click()
    page.get_by_role("button", name="This was in the parcel").click()
    expect(page.locator("#said")).to_contain_text("received: 1 unit; 1 is missing")
    waits(page, 0)
    page.get_by_text("It was counted wrong").click()
    shot(page, "station-missing")
    page.get_by_role("button", name="Take the count back").click()
    expect(page.locator("#next")).to_be_visible()
    expect(page.get_by_role("button", name="All of it: 1 unit")).to_be_visible()
    assert sorted(x[2] for x in lots(shop, rma)) == ["awaiting", "received"]


def test_an_empty_box_is_asked_about(shop: Shop, page: Page) -> None:
    rma = single(shop)
    scan(page, rma)
    page.get_by_text("The box is empty", exact=True).click()
    assert happened(shop, rma, "received") == 0
    page.get_by_role("button", name="Yes, nothing is in it").click()
    expect(page.get_by_role("heading", name="Missing")).to_be_visible()
    assert lots(shop, rma)[0][2] == "short_shipped"


# Sounds ------------------------------------------------------------------------------------------

LISTENING = """() => {
    window.pitches = [];
    const create = AudioContext.prototype.createOscillator;
    AudioContext.prototype.createOscillator = function () {
        const source = create.call(this);
        const start = source.start.bind(source);
        source.start = (at) => { window.pitches.push(source.frequency.value); start(at); };
        return source;
    };
}"""


def test_right_and_wrong_sound_and_look_different_and_can_be_muted(shop: Shop, page: Page) -> None:
    rma = single(shop)
    page.evaluate(LISTENING)
    said = page.locator("#said")
    scan(page, rma)
    expect(said).to_have_class("said yes")
    scan(page, "DA-404")
    expect(said).to_have_class("said no")
    expect(said).to_have_text(re.compile("This is no RMA number"))
    right, wrong = page.evaluate("window.pitches")
    assert right > 2 * wrong
    page.get_by_role("button", name="Sound is on").click()
    page.reload()
    page.evaluate(LISTENING)
    expect(page.get_by_role("button", name="Sound is off")).to_be_visible()
    scan(page, rma)
    expect(said).to_have_class("said yes")
    assert page.evaluate("window.pitches") == []


# Gloves, paper, and no script --------------------------------------------------------------------

SMALL = """() => [...document.querySelectorAll("a[href], button, summary, input:not([type=hidden]), textarea, label.pick")]
    .filter((one) => one.checkVisibility({ visibilityProperty: true }) && !one.matches(".skip, .pick input"))
    .map((one) => [one.outerHTML.slice(0, 80), one.getBoundingClientRect().width, one.getBoundingClientRect().height])
    .filter(([, width, height]) => width < 56 || height < 56)"""


@pytest.mark.parametrize("scripted", [True, False])
def test_everything_that_is_pressed_is_large_enough_for_a_glove(
    shop: Shop, browser: Browser, scripted: bool
) -> None:
    waiting, here, back = shop.request(authorize=True), shop.received(), shop.goods_gone()
    phone: dict[str, Any] = {
        "viewport": {"width": PHONE[0], "height": PHONE[1]},
        "has_touch": True,
        "is_mobile": True,
    }
    with shop.at_desk(browser, Role.WAREHOUSE, java_script_enabled=scripted, **phone) as context:
        page = context.new_page()
        for path in (
            "",
            f"/{waiting}?box={waiting},{here}",
            f"/{here}",
            f"/{back}",
            "/order",
            "/list/inspect",
        ):
            page.goto(f"/desk/station{path}")
            page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
            assert page.evaluate(SMALL) == [], path
        page.goto(f"/desk/station/{here}")
        expect(page.get_by_role("button", name="One more").first).to_be_visible(visible=scripted)
        expect(page.get_by_role("button", name="As it left us", exact=True).first).to_be_visible(
            visible=scripted
        )


def test_without_a_script_a_parcel_is_received_photographed_and_inspected(
    shop: Shop, browser: Browser
) -> None:
    rma = single(shop)
    with shop.at_desk(browser, Role.WAREHOUSE, java_script_enabled=False) as context:
        page = context.new_page()
        page.goto("/desk/station")
        page.get_by_label("Scan, or type").fill(rma)
        page.keyboard.press("Enter")
        page.get_by_role("button", name="All of it").click()
        card = page.locator("[data-inspect='1']")
        sent = {"name": "a.jpg", "mimeType": "image/jpeg", "buffer": picture()}
        card.get_by_label("Take a photo").set_input_files([sent])  # type: ignore[list-item]
        card.get_by_role("button", name="Keep this photo").click()
        answers = {
            "Was it opened?": "No", "Marks of use?": "None", "Is it damaged?": "No", "All parts there?": "Yes",
            "The packaging?": "Opened",
        }  # fmt: skip
        for question, said in answers.items():
            card.get_by_role("group", name=question).get_by_label(said, exact=True).check()
        card.get_by_role("button", name="What does it amount to?").click()
        expect(card).to_contain_text("Amounts to: condition original, packaging opened")
        shot(page, "station-no-script")
        card.get_by_role("button", name="Record", exact=True).click()
        expect(page.get_by_role("status").first).to_have_text("Inspection recorded.")
    [lot] = shop.http.get(f"/returns/{rma}").json()["lots"]
    assert (lot["condition"], lot["packaging"], len(lot["photos"])) == ("original", "opened", 1)


def test_a_shelf_label_fills_its_label_and_no_more(shop: Shop, page: Page) -> None:
    rma = shop.received()
    for paper, width, height, pages in (("roll", 62, 29, 2), ("a4", 210, 297, 1)):
        page.goto(f"/desk/station/{rma}/label?paper={paper}")
        pdf = page.pdf(prefer_css_page_size=True, print_background=True)
        folder = os.environ.get("RETURNDESK_SCREENSHOTS")
        if folder:
            (Path(folder) / f"label-{paper}.pdf").write_bytes(pdf)
        boxes = re.findall(rb"/MediaBox\s*\[\s*0 0 ([\d.]+) ([\d.]+)\s*\]", pdf)
        sizes = [(round(float(x) / 72 * 25.4), round(float(y) / 72 * 25.4)) for x, y in boxes]
        assert sizes == [(width, height)] * pages


# Pictures ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["parcel", "inspect", "rejected", "box"])
def test_the_parcel_at_hand_keeps_to_the_rules(browser: Browser, shop: Shop, name: str) -> None:
    rma = {"parcel": shop.late_parcel, "inspect": shop.received, "rejected": shop.goods_gone, "box": shop.something_else}[name]()  # fmt: skip
    box = f"?box={single(shop)},{rma}" if name == "box" else ""
    looked_at(
        browser, f"{shop.url}/desk/station/{rma}{box}", f"station-{name}", shop=shop, role=Role.WAREHOUSE
    )


@pytest.mark.parametrize("name", ["", "/order", "/scanner?code=CMDßTESTßAQWYZMß0123456789", "/commands", "/list/expected"])  # fmt: skip
def test_the_other_pages_of_the_station_keep_to_the_rules(browser: Browser, shop: Shop, name: str) -> None:
    shop.looked_for()
    looked_at(
        browser,
        f"{shop.url}/desk/station{name}",
        f"station{name[:9].replace('/', '-')}",
        shop=shop,
        role=Role.WAREHOUSE,
    )


def test_goods_that_go_back_are_those_that_were_chosen_the_way_that_was_pressed_also_after_a_refusal(
    shop: Shop, page: Page
) -> None:
    items = [{"line": line, "quantity": 1} for line in (1, 2)]
    rma = shop.request(items=[{**item, "reason": "too_small"} for item in items], authorize=True)
    shop.post(f"/returns/{rma}/receipts", {"items": items})
    seen = [{**item, "condition": "damaged", "packaging": "missing"} for item in items]
    shop.post(f"/returns/{rma}/inspections", {"items": seen})
    scan(page, rma)
    opened(page, rma)
    page.locator("form[data-queue=goods-back] label.pick:has([name=lot])").nth(1).click()
    page.route("**/goods-back", lambda route: route.fulfill(**REFUSAL), times=1)
    page.get_by_role("button", name="Handed over here").click()
    expect(page.locator("[data-refused]")).to_contain_text("Refused for once")
    page.locator("#tracking").fill("JD0123456789")
    page.get_by_role("button", name="Sent back").click()
    expect(page.locator("[data-refused]")).to_have_count(0)
    timeline = shop.http.get(f"/returns/{rma}/timeline").json()["items"]
    left = [one["details"] for one in timeline if one["what"] == "goods_left"]
    assert [(one["lots"], one["way"]) for one in left] == [([1], "sent_back")]


def test_a_parcel_nobody_was_asked_about_stays_said_when_another_is_taken(shop: Shop, page: Page) -> None:
    first, second = shop.order(), shop.order()

    def ask(order: str, words: str | None) -> None:
        page.goto(f"/desk/station/order?reference={order}")
        if words:
            page.get_by_label("What does the parcel look like").fill(words)
        page.get_by_role("button", name="Ask a rep").click()

    page.route("**/desk/station/order", lambda route: route.fulfill(**REFUSAL), times=1)
    ask(first, "The first")
    expect(page.locator("[data-refused]")).to_have_count(1)
    ask(second, "The second")
    expect(page.get_by_text("A rep is asked to see to that parcel.")).to_be_visible()
    expect(page.locator("[data-refused]")).to_have_count(1)
    ask(first, None)
    expect(page.locator("[data-refused]")).to_have_count(0)


def test_nobody_sees_what_somebody_else_has_not_recorded(shop: Shop, page: Page) -> None:
    page.goto("/desk/station/order")
    words = page.get_by_label("What does the parcel look like")
    words.fill("A brown box")
    page.reload()
    expect(words).to_have_value("A brown box")
    actor = page.locator("#station").get_attribute("data-actor")
    page.evaluate(
        """(actor) => Object.entries(localStorage).filter(([name]) => name.includes(actor)).forEach(([name, kept]) => {
            localStorage.setItem(name.replace(actor, "somebody-else"), kept);
            localStorage.removeItem(name);
        })""",
        actor,
    )
    page.reload()
    expect(words).to_have_value("")
