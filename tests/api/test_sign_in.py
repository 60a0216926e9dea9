"""Signing in as a browser does it: cookies that rotate and end, forged requests, guesses, and one's own account."""

import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Annotated, Any

import pytest
from fastapi import FastAPI
from in_process import KEYRING, app_over, opened
from sqlmodel import select
from starlette.testclient import TestClient

from api.app import application
from api.desk import Desk
from api.identity import local_path, require
from api.sign_in import HOME
from returndesk.domain.people import Actor, Role
from returndesk.links import PublicLinks
from returndesk.store import accounts, tables
from returndesk.store.database import Database
from returndesk.store.sign_ins import GRACE, IDLE, ROTATE_AFTER

ORIGIN = "https://returns.shop.example"
PASSWORD = "horses paint the moon"
OTHER = "seven quiet kettles"
HASHES = {password: accounts.new_hash(password, "rep-7") for password in (PASSWORD, OTHER)}
COOKIE = "__Host-returndesk"
BROWSER = {
    "Accept": "text/html,application/xhtml+xml,*/*;q=0.8",
    "Sec-Fetch-Site": "same-origin",
    "Origin": ORIGIN,
}
ORDER = {
    "currency": "GBP", "ordered_at": "2026-03-01T10:00:00Z",
    "customer": {"name": "Jane", "email": "jane@shop.example"},
    "lines": [{"line": 1, "sku": "A", "title": "Dress", "quantity": 1, "unit_price_minor": 2000}],
    "payments": [{"processor": "stripe", "reference": "pi_1", "captured_minor": 2000}],
}  # fmt: skip


@pytest.fixture
def database(sqlite_database_url: str) -> Iterator[Database]:
    """One kind is enough here: what the books do is tested on both in tests/store."""
    books = Database(sqlite_database_url)
    yield books
    books.close()


class Person:
    """A browser with somebody in front of it."""

    def __init__(self, app: FastAPI, origin: str = ORIGIN) -> None:
        self.http = TestClient(
            app, base_url=origin, raise_server_exceptions=False, follow_redirects=False,
            headers=BROWSER | {"Origin": origin},
        )  # fmt: skip

    def get(self, path: str, **more: Any) -> Any:
        return self.http.get(path, **more)

    def signs_in(self, account: str = "rep-7", password: str = PASSWORD, **fields: str) -> Any:
        return self.http.post("/sign-in", data={"account": account, "password": password, **fields})

    def csrf(self) -> str:
        found = re.search(r'name="csrf" value="([0-9a-f]{64})"', self.get("/account/password").text)
        assert found, "nobody is signed in"
        return found[1]

    def posts(self, path: str, **fields: str) -> Any:
        return self.http.post(path, data={"csrf": self.csrf(), **fields})

    def reads(self) -> int:
        """Whether the JSON API lets them in."""
        status: int = self.http.get("/api/v1/returns").status_code
        return status

    @property
    def token(self) -> str | None:
        return self.http.cookies.get(COOKIE)


@pytest.fixture
def app(api: Desk) -> Iterator[FastAPI]:
    found = app_over(api)
    with TestClient(found):
        yield found


@pytest.fixture
def person(app: FastAPI) -> Callable[[], Person]:
    return lambda: Person(app)


@pytest.fixture
def seconds_pass(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Let so much time pass for what is remembered; it does not move by itself."""
    instants = [100.0]
    monkeypatch.setattr("api.identity.time.monotonic", lambda: instants[0])

    def passes(by: float) -> None:
        instants[0] += by

    return passes


@pytest.fixture
def user(api: Desk) -> Callable[..., str]:
    def add(user_id: str = "rep-7", role: Role = Role.REP, password: str = PASSWORD, **more: Any) -> str:
        with api.database.write() as session:
            accounts.add(
                session, user_id, role, HASHES[password], now=api.clock.now(), **{"must_change": False} | more
            )
        return user_id

    return add


# In and out ---------------------------------------------------------------------------------------


def test_the_right_password_opens_ones_own_desk(
    person: Callable[[], Person], user: Callable[..., str]
) -> None:
    for role, home in HOME.items():
        somebody = person()
        answer = somebody.signs_in(user(f"{role}-7", role))
        assert (answer.status_code, answer.headers["Location"]) == (303, home)
        assert somebody.get("/").headers["Location"] == home
        assert somebody.get("/desk").headers["Location"] == home
        assert somebody.get("/sign-in").headers["Location"] == home
        assert f"{role}-7" in somebody.get("/account").text


def test_the_cookie_is_bound_to_this_host_and_read_by_no_script(
    person: Callable[[], Person], user: Callable[..., str]
) -> None:
    user()
    name, *flags = person().signs_in().headers["Set-Cookie"].split("; ")
    assert re.fullmatch(rf"{COOKIE}=[0-9a-f]{{64}}", name)
    assert set(flags) == {"HttpOnly", "Secure", "SameSite=lax", "Path=/", "Max-Age=43200"}


def test_without_tls_the_cookie_has_a_plain_name(api: Desk, user: Callable[..., str]) -> None:
    user()
    plain = replace(api, links=PublicLinks("http://127.0.0.1:8400", KEYRING))
    app = app_over(plain)
    with TestClient(app):
        somebody = Person(app, "http://127.0.0.1:8400")
        cookie = somebody.signs_in().headers["Set-Cookie"]
        assert cookie.startswith("returndesk=")
        assert "Secure" not in cookie
        assert somebody.reads() == 200


def test_the_plain_cookie_opens_nothing_over_tls(
    person: Callable[[], Person], user: Callable[..., str]
) -> None:
    """Another host of the shop's domain could plant one."""
    user()
    somebody = person()
    somebody.signs_in()
    token = somebody.token
    somebody.http.cookies.clear()
    assert somebody.get("/api/v1/returns", headers={"Cookie": f"returndesk={token}"}).status_code == 401
    assert somebody.get("/api/v1/returns", headers={"Cookie": f"{COOKIE}={token}"}).status_code == 200


def test_ids_may_be_typed_as_phones_type_them(person: Callable[[], Person], user: Callable[..., str]) -> None:
    user()
    assert person().signs_in(" Rep-7 ").status_code == 303


def test_who_is_not_let_in_is_not_told_why(
    api: Desk, person: Callable[[], Person], user: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    user(), user("gone-7")
    with api.database.write() as session:
        accounts.disable(session, "gone-7", api.clock.now())
    work, hashing = list[str](), accounts._HASHING

    class Counting:
        def verify_and_update(self, password: str, kept: str) -> Any:
            work.append(kept.split("$")[3])
            return hashing.verify_and_update(password, kept)

    accounts._decoy()
    monkeypatch.setattr(accounts, "_HASHING", Counting())
    said = set()
    for account, password in [
        ("rep-7", OTHER),
        ("gone-7", PASSWORD),
        ("nobody-7", PASSWORD),
        ("é\0", "x" * 5000),
    ]:
        answer = person().signs_in(account, password)
        said.add((answer.status_code, answer.text.replace(f'value="{account}"', "")))
        assert "Set-Cookie" not in answer.headers
        assert password not in answer.text
    [(status, text)] = said
    assert status == 422
    assert "do not go together" in text
    assert len(work) == 4
    assert len(set(work)) == 1, "the same work for each"


def test_signing_in_anew_ends_what_the_browser_had(
    person: Callable[[], Person], user: Callable[..., str]
) -> None:
    user(), user("rep-8", password=OTHER)
    somebody = person()
    somebody.signs_in()
    before = somebody.token
    somebody.signs_in("rep-8", OTHER)
    assert "rep-8" in somebody.get("/account").text
    assert person().get("/api/v1/returns", headers={"Cookie": f"{COOKIE}={before}"}).status_code == 401


def test_signing_out_ends_the_sign_in_and_not_only_the_cookie(
    person: Callable[[], Person], user: Callable[..., str]
) -> None:
    user()
    somebody = person()
    somebody.signs_in()
    token = somebody.token
    answer = somebody.posts("/sign-out")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/sign-in")
    assert somebody.token is None
    assert person().get("/api/v1/returns", headers={"Cookie": f"{COOKIE}={token}"}).status_code == 401


def test_a_page_leads_to_the_sign_in_and_the_sign_in_leads_back(
    person: Callable[[], Person], user: Callable[..., str]
) -> None:
    user()
    somebody = person()
    sent = somebody.get("/account?said=ended")
    assert (sent.status_code, sent.headers["Location"]) == (303, "/sign-in?next=%2Faccount%3Fsaid%3Dended")
    form = somebody.get(sent.headers["Location"])
    assert 'name="next" value="/account?said=ended"' in form.text
    assert somebody.signs_in(next="/account?said=ended").headers["Location"] == "/account?said=ended"


LEADS_AWAY = [
    "//evil.example", "/\\evil.example", "\\\\evil.example", "https://evil.example", "javascript:alert(1)",
    "evil.example", "/\t/evil.example", "/\n/evil.example", " /evil.example", "///evil.example", "/sign-in",
    "/sign-out", "", "/é", "/" + "x" * 500, "http:/account", "//evil.example/%2f..",
]  # fmt: skip


def test_nobody_is_led_away(person: Callable[[], Person], user: Callable[..., str]) -> None:
    user()
    somebody = person()
    for following in LEADS_AWAY:
        assert local_path(following) is None, following
    for following in LEADS_AWAY[:9]:
        assert somebody.signs_in(next=following).headers["Location"] == "/desk/returns", following
        assert somebody.get("/sign-in", params={"next": following}).headers["Location"] == "/desk/returns"


def test_a_program_is_told_to_send_a_token_and_a_form_that_comes_too_late_where_to_sign_in(
    person: Callable[[], Person],
) -> None:
    program = person().get("/api/v1/returns", headers={"Accept": "application/json"})
    assert (program.status_code, program.json()["code"]) == (401, "not_signed_in")
    late = person().http.post("/account/password", data={"old": "x"})
    assert late.status_code == 401
    assert 'href="/sign-in"' in late.text
    assert "Nothing was done" in late.text


# How a sign-in lasts and ends ---------------------------------------------------------------------


def test_a_cookie_is_renewed_by_whatever_is_answered_and_the_old_one_dies(
    api: Any, person: Callable[[], Person], user: Callable[..., str], seconds_pass: Callable[[float], None]
) -> None:
    user()
    somebody = person()
    somebody.signs_in()
    csrf, tokens = somebody.csrf(), [somebody.token]
    for path in ("/api/v1/returns", "/api/v1/returns/RMA-7K3M-Q9TX", "/account"):
        api.clock.advance(ROTATE_AFTER)
        seconds_pass(2)
        answer = somebody.get(path)
        assert answer.headers["Set-Cookie"].startswith(COOKIE)
        assert answer.headers["Cache-Control"] == "no-store"
        tokens.append(somebody.token)
    assert len(set(tokens)) == 4
    assert somebody.csrf() == csrf, "forms that are open stay good"
    api.clock.advance(GRACE + timedelta(seconds=1))
    seconds_pass(2)
    assert somebody.reads() == 200
    old = person().get("/api/v1/returns", headers={"Cookie": f"{COOKIE}={tokens[0]}"})
    assert old.status_code == 401
    assert somebody.reads() == 200, "long forgotten ones harm nobody"


def test_requests_still_on_their_way_with_the_token_before_are_let_in(
    api: Any, person: Callable[[], Person], user: Callable[..., str], seconds_pass: Callable[[float], None]
) -> None:
    user()
    somebody, parallel = person(), person()
    somebody.signs_in()
    before = {"Cookie": f"{COOKIE}={somebody.token}"}
    api.clock.advance(ROTATE_AFTER)
    seconds_pass(2)
    assert somebody.reads() == 200
    assert somebody.reads() == 200
    seconds_pass(2)
    answer = parallel.get("/api/v1/returns", headers=before)
    assert answer.status_code == 200
    assert str(somebody.token) in answer.headers["Set-Cookie"]


def test_an_unused_sign_in_is_over(
    api: Any, person: Callable[[], Person], user: Callable[..., str], seconds_pass: Callable[[float], None]
) -> None:
    user()
    somebody = person()
    somebody.signs_in()
    api.clock.advance(IDLE)
    seconds_pass(2)
    assert somebody.reads() == 401
    assert somebody.get("/account").headers["Location"] == "/sign-in?next=%2Faccount"
    assert somebody.get("/").status_code == 200


def test_what_one_process_ends_is_ended_in_the_others_within_a_second(
    api: Desk, app: FastAPI, user: Callable[..., str], seconds_pass: Callable[[float], None]
) -> None:
    user()
    here, there = Person(app), application(partial(opened, api))
    with TestClient(there):
        here.signs_in()
        elsewhere = Person(there)
        elsewhere.http.cookies = here.http.cookies
        assert elsewhere.reads() == 200
        with api.database.write() as session:
            accounts.disable(session, "rep-7", api.clock.now())
        seconds_pass(1.01)
        assert elsewhere.reads() == 401


# Forged requests ----------------------------------------------------------------------------------

FORGED: list[dict[str, str]] = [
    {},
    {"X-CSRF-Token": "0" * 64},
    {"X-CSRF-Token": "of another"},
    {"X-CSRF-Token": "of no alphabet"},
    {"X-CSRF-Token": "right", "Origin": "https://evil.example"},
    {"X-CSRF-Token": "right", "Origin": "http://returns.shop.example"},
    {"X-CSRF-Token": "right", "Origin": "https://returns.shop.example.evil.example"},
    {"X-CSRF-Token": "right", "Sec-Fetch-Site": "cross-site"},
    {"X-CSRF-Token": "right", "Sec-Fetch-Site": "same-site"},
    {"X-CSRF-Token": "right", "Origin": "null", "Sec-Fetch-Site": "cross-site"},
    {"X-CSRF-Token": "right", "Origin": "null", "Sec-Fetch-Site": ""},
]


@pytest.mark.parametrize("sent", FORGED, ids=str)
def test_what_another_page_sends_changes_nothing(
    person: Callable[[], Person], user: Callable[..., str], sent: dict[str, str]
) -> None:
    user(), user("rep-8")
    somebody, another = person(), person()
    somebody.signs_in(), another.signs_in("rep-8")
    known: dict[str, Any] = {"right": somebody.csrf(), "of another": another.csrf()}
    known["of no alphabet"] = "é".encode()
    headers = sent | ({"X-CSRF-Token": known.get(sent["X-CSRF-Token"], sent["X-CSRF-Token"])} if sent else {})
    for method, path in [("PUT", "/api/v1/orders/A-1"), ("POST", "/sign-out")]:
        answer = somebody.http.request(
            method, path, json=ORDER, headers={"Accept": "application/json"} | headers
        )
        assert (answer.status_code, answer.json()["code"]) == (403, "forged_request"), path
    assert somebody.get("/api/v1/orders/A-1").status_code == 404
    assert somebody.reads() == 200


def test_the_cookie_works_on_the_json_api_with_the_token_of_the_page(
    person: Callable[[], Person], user: Callable[..., str]
) -> None:
    user()
    somebody = person()
    somebody.signs_in()
    headers = {"X-CSRF-Token": somebody.csrf()}
    assert somebody.http.put("/api/v1/orders/A-1", json=ORDER, headers=headers).status_code == 201
    asked = {
        "order_reference": "A-1",
        "channel": "phone",
        "items": [{"line": 1, "quantity": 1, "reason": "other"}],
    }
    made = somebody.http.post("/api/v1/returns", json=asked, headers=headers | {"Idempotency-Key": "k"})
    assert made.status_code == 201, made.text
    seen = somebody.get(f"/api/v1/returns/{made.json()['rma']}/timeline").json()["items"]
    assert seen[0]["actor_id"] == "rep-7"
    forbidden = somebody.http.post(
        f"/api/v1/returns/{made.json()['rma']}/receipts", json={}, headers=headers | {"Idempotency-Key": "k2"}
    )
    assert forbidden.status_code == 403


def test_the_address_that_the_request_itself_names_is_ours_too(
    person: Callable[[], Person], user: Callable[..., str]
) -> None:
    """On a desk that is reached by another name than customers use."""
    user()
    somebody = person()
    somebody.signs_in()
    sent = {"X-CSRF-Token": somebody.csrf(), "Cookie": f"{COOKIE}={somebody.token}"}
    for host, origin, status in [
        ("desk.internal", "https://desk.internal", 201),
        ("desk.internal", "https://other.internal", 403),
    ]:
        answer = somebody.http.put(
            "/api/v1/orders/A-1", json=ORDER, headers=sent | {"Host": host, "Origin": origin}
        )
        assert answer.status_code == status


def test_a_multipart_form_brings_its_token_as_a_field(
    person: Callable[[], Person], user: Callable[..., str]
) -> None:
    user()
    somebody = person()
    somebody.signs_in()
    answer = somebody.http.post(
        "/sign-out", files={"csrf": (None, somebody.csrf()), "photo": ("x.jpg", b"x")}
    )
    assert answer.status_code == 303


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
        {"Origin": "https://evil.example", "Sec-Fetch-Site": ""},
        {"Origin": "null", "Sec-Fetch-Site": ""},
        {"Origin": "", "Sec-Fetch-Site": ""},
    ],
    ids=str,
)
def test_nobody_is_signed_in_by_another_page(
    app: FastAPI, user: Callable[..., str], headers: dict[str, str]
) -> None:
    user()
    http = TestClient(app, base_url=ORIGIN, headers={name: value for name, value in headers.items() if value})
    answer = http.post("/sign-in", data={"account": "rep-7", "password": PASSWORD})
    assert (answer.status_code, answer.json()["code"]) == (403, "forged_request")
    assert not http.cookies


# Guesses ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("account", ["rep-7", "nobody-7"])
def test_after_five_guesses_even_the_right_password_has_to_wait(
    api: Any, person: Callable[[], Person], user: Callable[..., str], account: str
) -> None:
    user(), user("rep-8")
    for _ in range(5):
        assert person().signs_in(account, OTHER).status_code == 422
    api.clock.advance(timedelta(minutes=5))
    refused = person().signs_in(account)
    assert refused.status_code == 429
    assert refused.headers["Retry-After"] == "600"
    assert "Try again in 10 minutes" in refused.text
    assert person().signs_in("rep-8").status_code == 303
    api.clock.advance(timedelta(minutes=10))
    assert person().signs_in(account).status_code == (303 if account == "rep-7" else 422)


def test_guesses_that_come_together_do_not_slip_through(
    person: Callable[[], Person], user: Callable[..., str]
) -> None:
    user()
    answers = list[int]()
    guesses = [
        threading.Thread(target=lambda: answers.append(person().signs_in(password=OTHER).status_code))
        for _ in range(8)
    ]
    for guess in guesses:
        guess.start()
    for guess in guesses:
        guess.join()
    assert sorted(answers) == [422] * 5 + [429] * 3


def test_a_stolen_cookie_is_no_place_to_guess_the_password_at(
    person: Callable[[], Person], user: Callable[..., str]
) -> None:
    user()
    somebody = person()
    somebody.signs_in()
    for _ in range(5):
        wrong = somebody.posts("/account/password", old="not this one", new=OTHER, again=OTHER)
        assert wrong.status_code == 422
    assert somebody.posts("/account/password", old=PASSWORD, new=OTHER, again=OTHER).status_code == 429


# One's own account --------------------------------------------------------------------------------


def test_another_password_ends_every_sign_in_and_begins_one_here(
    person: Callable[[], Person], user: Callable[..., str]
) -> None:
    user()
    here, elsewhere = person(), person()
    here.signs_in(), elsewhere.signs_in()
    before = here.token
    answer = here.posts("/account/password", old=PASSWORD, new=OTHER, again=OTHER)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/account?said=password")
    assert here.token not in (None, before)
    assert "Your password is changed" in here.get("/account?said=password").text
    assert elsewhere.reads() == 401
    assert person().get("/api/v1/returns", headers={"Cookie": f"{COOKIE}={before}"}).status_code == 401
    assert person().signs_in().status_code == 422
    assert person().signs_in(password=OTHER).status_code == 303


@pytest.mark.parametrize(
    ("old", "new", "again", "said"),
    [
        (OTHER, "a third one, longer", "a third one, longer", "not your password as it is now"),
        (PASSWORD, "too short", "too short", "at least 12 characters"),
        (PASSWORD, "passwordpassword", "passwordpassword", "guess this password soon"),
        (PASSWORD, "a third one, longer", "a third one, langer", "are not the same"),
        (PASSWORD, PASSWORD, PASSWORD, "the password you have"),
        ("", "", "", "not your password as it is now"),
    ],
)
def test_a_password_that_will_not_do_changes_nothing_and_says_why(
    person: Callable[[], Person], user: Callable[..., str], old: str, new: str, again: str, said: str
) -> None:
    user()
    somebody = person()
    somebody.signs_in()
    answer = somebody.posts("/account/password", old=old, new=new, again=again)
    assert answer.status_code == 422
    assert said in answer.text
    assert 'aria-invalid="true"' in answer.text
    for typed in {old, new, again} - {""}:
        assert typed not in answer.text
    assert somebody.reads() == 200
    assert person().signs_in().status_code == 303


def test_who_has_a_made_password_takes_their_own_first(
    person: Callable[[], Person], user: Callable[..., str]
) -> None:
    user(must_change=True)
    somebody = person()
    assert somebody.signs_in(next="/account").headers["Location"] == "/account"
    for page in ("/account", "/desk"):
        assert somebody.get(page).headers["Location"] == "/account/password"
    assert somebody.get("/").headers["Location"] == "/account/password"
    program = somebody.get("/api/v1/returns", headers={"Accept": "application/json"})
    assert (program.status_code, program.json()["code"]) == (403, "password_must_change")
    assert "Take a password of your own" in somebody.get("/account/password").text
    refused = somebody.posts("/account/password", old=PASSWORD, new="too short", again="too short")
    assert refused.status_code == 422
    assert somebody.posts("/account/password", old=PASSWORD, new=OTHER, again=OTHER).status_code == 303
    assert somebody.reads() == 200
    assert somebody.get("/desk").headers["Location"] == "/desk/returns"


def test_who_has_a_made_password_may_sign_out(person: Callable[[], Person], user: Callable[..., str]) -> None:
    user(must_change=True)
    somebody = person()
    somebody.signs_in()
    assert somebody.posts("/sign-out").status_code == 303


def test_sign_ins_are_listed_and_ended_one_by_one_or_all_others(
    person: Callable[[], Person], user: Callable[..., str]
) -> None:
    user()
    here, first, second, third = (person() for _ in range(4))
    for one in (here, first, second, third):
        one.signs_in()
    page = here.get("/account").text
    assert page.count("End this one") == 3
    assert page.count("this browser") == 1
    ids = re.findall(r"/account/sign-ins/(sign-in-[0-9a-f]+)/end", page)
    ended = here.posts(f"/account/sign-ins/{ids[0]}/end")
    assert ended.headers["Location"] == "/account?said=ended"
    assert sorted(one.reads() for one in (first, second, third)) == [200, 200, 401]
    assert here.posts(f"/account/sign-ins/{ids[0]}/end").status_code == 404
    assert here.posts("/account/sign-ins/end-others").headers["Location"] == "/account?said=others"
    assert [one.reads() for one in (here, first, second, third)] == [200, 401, 401, 401]
    assert "signed in here only" in here.get("/account").text


def test_nobody_ends_somebody_elses(
    person: Callable[[], Person], user: Callable[..., str], api: Desk
) -> None:
    user(), user("admin-7", Role.ADMIN)
    rep, admin = person(), person()
    rep.signs_in(), admin.signs_in("admin-7")
    with api.database.read() as session:
        theirs = session.exec(select(tables.SignIn.id).where(tables.SignIn.user_id == "rep-7")).one()
    assert admin.posts(f"/account/sign-ins/{theirs}/end").status_code == 404
    admin.posts("/account/sign-ins/end-others")
    assert rep.reads() == 200


# Roles and tokens ---------------------------------------------------------------------------------


def test_a_page_of_another_role_says_who_may(
    app: FastAPI, person: Callable[[], Person], user: Callable[..., str]
) -> None:
    @app.get("/desk/of-managers")
    def of_managers(actor: Annotated[Actor, require(Role.MANAGER, Role.ADMIN)]) -> str:
        return actor.id

    user()
    somebody = person()
    somebody.signs_in()
    answer = somebody.get("/desk/of-managers")
    assert answer.status_code == 403
    assert "This is for: admin, manager. You are here as rep-7, whose role is rep." in answer.text
    assert 'href="/desk"' in answer.text


def test_a_bearer_token_opens_pages_too_and_needs_no_csrf(
    person: Callable[[], Person], signed_in: Callable[[Role], dict[str, str]]
) -> None:
    headers = signed_in(Role.REP)
    page = person().get("/account", headers=headers)
    assert page.status_code == 200
    assert "with a token" in page.text
    assert person().http.put("/api/v1/orders/A-1", json=ORDER, headers=headers).status_code == 201
    changed = person().http.post("/account/password", data={"old": "x"}, headers=headers)
    assert changed.status_code == 403


def test_a_token_goes_before_a_cookie_and_a_bad_one_is_not_made_good_by_it(
    person: Callable[[], Person], user: Callable[..., str], signed_in: Callable[[Role], dict[str, str]]
) -> None:
    user()
    somebody = person()
    somebody.signs_in()
    assert "finance-1" in somebody.get("/account", headers=signed_in(Role.FINANCE)).text
    bad = somebody.get("/api/v1/returns", headers={"Authorization": "Bearer rdk_" + "x" * 43})
    assert bad.status_code == 401
    for_a_proxy = somebody.get("/api/v1/returns", headers={"Authorization": "Basic cmRrOg=="})
    assert for_a_proxy.status_code == 200


def test_no_password_and_no_token_gets_into_a_log_or_the_books(
    api: Any, person: Callable[[], Person], user: Callable[..., str], capfd: pytest.CaptureFixture[str]
) -> None:
    user()
    somebody = person()
    somebody.signs_in(PASSWORD, "in the wrong field")
    somebody.signs_in("rep-7", "Mirkwinkle Mirkwinkle")
    somebody.signs_in()
    token = somebody.token
    somebody.posts("/account/password", old=PASSWORD, new="Quorndale too short"[:9], again="x")
    somebody.posts("/account/password", old=PASSWORD, new=OTHER, again=OTHER)
    logged = capfd.readouterr()
    kinds = (tables.User, tables.SignIn, tables.SignInAttempt)
    with api.database.read() as session:
        books = str([row.model_dump() for kind in kinds for row in session.exec(select(kind))])
    everything = logged.out + logged.err + books
    assert "signed_in" in everything
    for secret in (PASSWORD, OTHER, "Mirkwinkle", "wrong field", "Quorndale", str(token), "testclient"):
        assert secret not in everything
