"""Signing in with a real browser: what it sends of itself is what the desk asks for, with and without a script."""

import pytest
from browser_shop import Shop, breaks_no_rule, looked_at, shot
from playwright.sync_api import Browser, Page

from returndesk.domain.people import Role
from returndesk.store import accounts

PASSWORD, OTHER, ANOTHER = "horses paint the moon", "seven quiet kettles", "nine loud lanterns"


@pytest.fixture
def person(shop: Shop) -> str:
    user_id = f"rep-{next(shop.numbers)}"
    with shop.desk.database.write() as session:
        accounts.add(
            session, user_id, Role.REP, accounts.new_hash(PASSWORD, user_id), must_change=True,
            now=shop.desk.clock.now(),
        )  # fmt: skip
    return user_id


def sign_in(page: Page, account: str, password: str) -> None:
    page.get_by_label("Your id").fill(account)
    page.get_by_label("Your password").fill(password)
    page.get_by_role("button", name="Sign in").click()


def change_password(page: Page, old: str, new: str) -> None:
    page.get_by_label("Your password as it is now").fill(old)
    page.get_by_label("The new one", exact=True).fill(new)
    page.get_by_label("The new one once more").fill(new)
    page.get_by_role("button", name="Change the password").click()


@pytest.mark.parametrize("script", [True, False], ids=["script", "no script"])
def test_somebody_signs_in_takes_a_password_and_signs_out(
    browser: Browser, shop: Shop, person: str, script: bool
) -> None:
    context = browser.new_context(base_url=shop.url, java_script_enabled=script)
    context.set_default_timeout(10_000)
    page = context.new_page()
    page.goto("/account")
    assert page.url == f"{shop.url}/sign-in?next=%2Faccount"
    sign_in(page, person, "not this one")
    assert "do not go together" in page.get_by_role("alert").inner_text()
    assert page.get_by_label("Your id").input_value() == person
    assert page.get_by_label("Your password").input_value() == ""
    sign_in(page, person, PASSWORD)
    assert page.url == f"{shop.url}/account/password"
    change_password(page, PASSWORD, OTHER)
    assert page.url == f"{shop.url}/desk/returns", "who had one made for them is on the way to their desk"
    page.goto("/account/password")
    change_password(page, OTHER, ANOTHER)
    assert page.url == f"{shop.url}/account?said=password"
    assert "Your password is changed" in page.get_by_role("status").inner_text()
    if script:
        breaks_no_rule(page, "account")
        shot(page, "account")
    [cookie] = context.cookies()
    assert (cookie["name"], cookie["httpOnly"], cookie["sameSite"]) == ("returndesk", True, "Lax")
    page.get_by_role("button", name="Sign out").click()
    assert page.url == f"{shop.url}/sign-in"
    assert context.cookies() == []
    context.close()


def test_the_sign_in_page_can_be_read_and_used_everywhere(browser: Browser, shop: Shop) -> None:
    looked_at(browser, f"{shop.url}/sign-in", "sign-in")
