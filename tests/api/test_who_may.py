"""Every route, everybody, and things that are not theirs: who may not is told so and learns nothing; nothing breaks.

The table is written by hand, from what each role's work is, and never from the code: a new route fails here until
somebody has written down who may call it. Add a line: method, path, and of rep, warehouse, finance, manager, admin
the letters of those who may. `*` is anybody, known or not.
"""

import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fastapi.routing import APIRoute, iter_route_contexts
from in_process import KEYRING, api_desk, app_over
from starlette.testclient import TestClient

from api.app import application
from api.desk import Desk
from returndesk.domain.people import Role
from returndesk.store import accounts, sign_ins, tokens
from returndesk.store.database import Database

WHO_MAY = """
GET  /api/v1/commands/{command_id}          rwfma
GET  /api/v1/orders/{reference}             rwfma
PUT  /api/v1/orders/{reference}             r..ma
GET  /api/v1/photos/{photo_id}              rw.ma
GET  /api/v1/refunds                        r.fma
GET  /api/v1/returns                        rwfma
POST /api/v1/returns                        r..ma
POST /api/v1/returns/eligibility            r..ma
GET  /api/v1/returns/{rma}                  rwfma
POST /api/v1/returns/{rma}/approval         ...ma
POST /api/v1/returns/{rma}/authorization    r..ma
POST /api/v1/returns/{rma}/cancellation     r..ma
GET  /api/v1/returns/{rma}/clocks           rwfma
POST /api/v1/returns/{rma}/correction       .w.ma
POST /api/v1/returns/{rma}/decision         r..ma
POST /api/v1/returns/{rma}/decline          r..ma
POST /api/v1/returns/{rma}/dispositions     .w.ma
POST /api/v1/returns/{rma}/goods-back       .w.ma
POST /api/v1/returns/{rma}/hold             r..ma
POST /api/v1/returns/{rma}/inspections      .w.ma
POST /api/v1/returns/{rma}/loss             r..ma
POST /api/v1/returns/{rma}/message          r..ma
GET  /api/v1/returns/{rma}/notes            r.fma
POST /api/v1/returns/{rma}/notes            r.fma
POST /api/v1/returns/{rma}/paid-by-hand     ..fma
GET  /api/v1/returns/{rma}/photos           rw.ma
POST /api/v1/returns/{rma}/photos           rw.ma
POST /api/v1/returns/{rma}/question         rw.ma
POST /api/v1/returns/{rma}/recalculation    ...ma
POST /api/v1/returns/{rma}/receipts         .w.ma
POST /api/v1/returns/{rma}/refund-again     ..fma
POST /api/v1/returns/{rma}/refusal          ...ma
POST /api/v1/returns/{rma}/resumption       r..ma
POST /api/v1/returns/{rma}/shipment         r..ma
GET  /api/v1/returns/{rma}/timeline         rwfma
GET  /api/v1/tasks                          rwfma
POST /api/v1/tasks/{about}/{which}/done     rwfma
POST /api/v1/tasks/{about}/{which}/released rwfma
POST /api/v1/tasks/{about}/{which}/taken    rwfma

GET  /account                               rwfma
GET  /account/password                      rwfma
POST /account/password                      rwfma
POST /account/sign-ins/end-others           rwfma
POST /account/sign-ins/{sign_in_id}/end     rwfma
GET  /desk                                  rwfma
POST /sign-out                              rwfma

GET  /desk/find                             rwfma
GET  /desk/live/returns                     r.fma
GET  /desk/live/returns/{rma}               r.fma
GET  /desk/returns                          r.fma
POST /desk/returns/check                    r..ma
GET  /desk/returns/new                      r..ma
POST /desk/returns/new                      r..ma
GET  /desk/returns/{rma}                    rwfma
POST /desk/returns/{rma}/approval           ...ma
POST /desk/returns/{rma}/authorization      r..ma
POST /desk/returns/{rma}/cancellation       r..ma
POST /desk/returns/{rma}/claim              r.fma
POST /desk/returns/{rma}/decision           r..ma
POST /desk/returns/{rma}/decision/preview   r..ma
POST /desk/returns/{rma}/decline            r..ma
POST /desk/returns/{rma}/hold               r..ma
POST /desk/returns/{rma}/loss               r..ma
GET  /desk/returns/{rma}/mails/{number}     r..ma
POST /desk/returns/{rma}/message            r..ma
POST /desk/returns/{rma}/notes              r.fma
POST /desk/returns/{rma}/paid-by-hand       ..fma
POST /desk/returns/{rma}/question           rw.ma
POST /desk/returns/{rma}/recalculation      ...ma
POST /desk/returns/{rma}/refund-again       ..fma
POST /desk/returns/{rma}/refusal            ...ma
POST /desk/returns/{rma}/release            r.fma
POST /desk/returns/{rma}/resumption         r..ma
POST /desk/returns/{rma}/shipment           r..ma

GET  /desk/live/station                     .w.ma
GET  /desk/station                          .w.ma
GET  /desk/station/commands                 .w.ma
GET  /desk/station/list/{what}              .w.ma
GET  /desk/station/order                    .w.ma
POST /desk/station/order                    .w.ma
GET  /desk/station/scan                     .w.ma
GET  /desk/station/scanner                  .w.ma
GET  /desk/station/{rma}                    .w.ma
POST /desk/station/{rma}/correction         .w.ma
POST /desk/station/{rma}/dispositions       .w.ma
POST /desk/station/{rma}/goods-back         .w.ma
POST /desk/station/{rma}/inspections        .w.ma
GET  /desk/station/{rma}/label              .w.ma
POST /desk/station/{rma}/photos             .w.ma
POST /desk/station/{rma}/receipts           .w.ma

GET  /desk/audit                            ..fma
POST /desk/audit                            ..fma
GET  /desk/figures                          ..fma
GET  /desk/figures/returns                  ..fma
GET  /desk/live/audit                       ..fma
GET  /desk/refunds                          ..fma
GET  /desk/refunds.csv                      ..fma
GET  /desk/refunds.xlsx                     ..fma
GET  /desk/refunds/{rma}                    ..fma
POST /desk/refunds/{rma}/paid-by-hand       ..fma
POST /desk/refunds/{rma}/refund-again       ..fma

GET  /desk/approvals                        ...ma
POST /desk/approvals/{rma}/approval         ...ma
POST /desk/approvals/{rma}/refusal          ...ma
GET  /desk/causes                           ..fma
GET  /desk/live/approvals                   ...ma
GET  /desk/live/tasks                       rwfma
GET  /desk/tasks                            rwfma
POST /desk/tasks/done                       rwfma
POST /desk/tasks/released                   rwfma
POST /desk/tasks/taken                      rwfma

GET  /                                      *
GET  /healthz                               *
GET  /mailbox/{key}                         *
GET  /mailbox/{key}/{number}                *
GET  /mailbox/{key}/{number}/attachments/{index} *
GET  /mailbox/{key}/{number}/html           *
GET  /metrics                               *
GET  /r/{rma}/{key}                         *
GET  /r/{rma}/{key}/cancellation            *
POST /r/{rma}/{key}/cancellation            *
GET  /r/{rma}/{key}/message                 *
POST /r/{rma}/{key}/message                 *
GET  /r/{rma}/{key}/shipment                *
POST /r/{rma}/{key}/shipment                *
GET  /r/{rma}/{key}/slip                    *
GET  /start                                 *
POST /start                                 *
GET  /start/{letter_id}/{key}               *
POST /start/{letter_id}/{key}               *
GET  /start/{letter_id}/{key}/sent/{command_id} *
GET  /readyz                                *
GET  /sign-in                               *
POST /sign-in                               *
POST /webhooks/stripe                       *
"""

LETTERS = {
    "r": Role.REP,
    "w": Role.WAREHOUSE,
    "f": Role.FINANCE,
    "m": Role.MANAGER,
    "a": Role.ADMIN,
}
NOBODY = None
NOT_THERE = {
    "rma": "RMA-7K3M-Q9TX",
    "reference": "A-404",
    "command_id": "cmd_000000000000000000000000",
    "photo_id": "pho_000000000000000000000000",
    "task_id": "tsk_000000000000000000000000",
    "refund_id": "RMA-7K3M-Q9TX-1",
    "letter_id": "let_000000000000000000000000",
    "what": "inspections",
    "key": "0" * 32,
    "number": "1",
    "index": "0",
    "about": "RMA-7K3M-Q9TX",
    "which": "read_con_0",
}
"""What paths name, of a kind that could be there and is not. Add what a new path's `{…}` is called."""
CANARY = "canary"
HASH = accounts.new_hash("horses paint the moon", "rep-1")
ORIGIN = "https://returns.shop.example"
ORDER = {
    "currency": "GBP", "ordered_at": "2026-03-01T10:00:00Z",
    "customer": {"name": "Jane Canary", "email": "jane@canary.example", "address": ["1 Canary Row"]},
    "lines": [{"line": 1, "sku": "A", "title": "Canary dress", "quantity": 1, "unit_price_minor": 2000}],
    "payments": [{"processor": "stripe", "reference": "pi_1", "captured_minor": 2000}],
}  # fmt: skip


def expected() -> dict[tuple[str, str], frozenset[Role] | None]:
    """The table, read: who may, None for anybody."""
    lines = [line.split() for line in WHO_MAY.strip().splitlines() if line]
    assert all(len(line) == 3 for line in lines), "a line is: method, path, letters"
    assert len({(method, path) for method, path, _ in lines}) == len(lines), "one line for each route"
    return {
        (method, path): None if who == "*" else frozenset(LETTERS[x] for x in who if x != ".")
        for method, path, who in lines
    }


def routes() -> list[tuple[str, str]]:
    """Every route as it is."""
    app = application(lambda: pytest.fail("it is not started"))
    return [
        (method, context.route.path)
        for context in iter_route_contexts(app.routes)
        if isinstance(context.route, APIRoute)
        for method in context.route.methods or ()
    ]


def test_somebody_has_written_down_who_may_call_each_route() -> None:
    table, there = set(expected()), set(routes())
    missing = "\n".join(f"{method:<4} {path}" for method, path in sorted(there - table))
    assert not there - table, f"add to WHO_MAY, with who may by their work:\n{missing}"
    assert not table - there, "remove from WHO_MAY: there is no such route any more"


@pytest.fixture
def database(sqlite_database_url: str) -> Iterator[Database]:
    """One kind is enough: who may is not the database's to say."""
    opened_books = Database(sqlite_database_url)
    yield opened_books
    opened_books.close()


@pytest.fixture
def api(database: Database, clock: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setattr("api.live.STREAM_SECONDS_MAX", 0.0)  # a page's events would go on for two minutes
    return api_desk(database, clock, tmp_path / "mailbox.db")


@pytest.fixture
def http(api: Desk) -> Iterator[TestClient]:
    app = app_over(api)
    with TestClient(app, base_url=ORIGIN, raise_server_exceptions=False, follow_redirects=False) as client:
        yield client
        give_up_at = time.monotonic() + 60
        while getattr(app.state, "verifying", ()):  # what a call began to check in the background
            assert time.monotonic() < give_up_at, "the audit's verification does not end"
            client.get("/healthz")


Credentials = Callable[[Role | None], dict[str, str]]


@pytest.fixture
def with_cookie(api: Desk) -> Credentials:
    """Headers of a browser in which somebody of a role is signed in, as its own pages send them."""
    with api.database.write() as session:
        for role in LETTERS.values():
            accounts.add(session, f"{role}-1", role, HASH, must_change=False, now=api.clock.now())

    known: dict[Role, str] = {}

    def found(role: Role) -> sign_ins.Found | None:
        return sign_ins.identify(api.database, KEYRING, known.get(role, ""), api.clock.now())

    def headers(role: Role | None) -> dict[str, str]:
        if role is None:
            return {"Origin": ORIGIN}
        if (sign_in := found(role)) is None:  # not yet, or the call before ended it
            with api.database.write() as session:
                known[role] = sign_ins.begin(session, f"{role}-1", api.clock.now())
            sign_in = found(role)
        assert sign_in is not None
        return {
            "Cookie": f"__Host-returndesk={known[role]}", "Origin": ORIGIN,
            "X-CSRF-Token": KEYRING.digest("csrf", sign_in.id),
        }  # fmt: skip

    return headers


@pytest.fixture
def with_token(api: Desk) -> Credentials:
    """Headers of a program with a role's token."""
    with api.database.write() as session:
        secrets = {
            role: tokens.create(session, role, f"{role}-1", api.clock.now()) for role in LETTERS.values()
        }
    return lambda role: {} if role is None else {"Authorization": f"Bearer {secrets[role]}"}


@pytest.fixture
def there(http: TestClient, api: Desk, with_token: Credentials) -> dict[str, str]:
    """What paths name, of things that are there: a return, its order, somebody else's sign-in."""
    admin = with_token(Role.ADMIN)
    assert http.put("/api/v1/orders/A-1", json=ORDER, headers=admin).status_code == 201
    asked = {
        "order_reference": "A-1",
        "channel": "phone",
        "items": [{"line": 1, "quantity": 1, "reason": "other"}],
    }
    answer = http.post("/api/v1/returns", json=asked, headers=admin | {"Idempotency-Key": "k"})
    assert answer.status_code == 201, answer.text
    return NOT_THERE | {"rma": answer.json()["rma"], "reference": "A-1"}


@pytest.fixture
def another_sign_in(api: Desk) -> tuple[str, str]:
    """The token and the id of a sign-in of somebody who takes no part."""
    with api.database.write() as session:
        accounts.add(session, "rep-9", Role.REP, HASH, must_change=False, now=api.clock.now())
        token = sign_ins.begin(session, "rep-9", api.clock.now())
    found = sign_ins.identify(api.database, KEYRING, token, api.clock.now())
    assert found is not None
    return token, found.id


def called(http: TestClient, method: str, path: str, names: dict[str, str], headers: dict[str, str]) -> Any:
    """The answer to a call that says as little as can be."""
    unnamed = set(re.findall(r"{([a-z_]+)}", path)) - set(names)
    assert not unnamed, f"add to NOT_THERE what {unnamed} of {path} could be"
    http.cookies.clear()
    is_api = path.startswith("/api/")
    body: dict[str, Any] = {} if method == "GET" else {"json": {}} if is_api else {"data": {"key": "form-1"}}
    headers = headers | ({"Idempotency-Key": "k-1"} if method == "POST" and is_api else {})
    return http.request(method, path.replace(":path}", "}").format(**names), headers=headers, **body)


@pytest.mark.parametrize("credentials", ["with_cookie", "with_token"])
def test_each_role_may_do_what_its_work_is_and_nothing_else(
    request: pytest.FixtureRequest,
    http: TestClient,
    api: Desk,
    there: dict[str, str],
    another_sign_in: tuple[str, str],
    credentials: str,
) -> None:
    headers: Credentials = request.getfixturevalue(credentials)
    token, sign_in_id = another_sign_in
    not_there = NOT_THERE | {"sign_in_id": sign_in_id}
    wrong: list[str] = []
    for (method, path), roles in expected().items():
        if credentials == "with_token" and not path.startswith("/api/"):
            continue  # pages are for people
        for role in (NOBODY, *LETTERS.values()):
            answer = called(http, method, path, not_there, headers(role))
            may = roles is None or role in roles
            told = {401, 403} & {answer.status_code}
            if may == bool(told) or (not may and answer.status_code != (401 if role is NOBODY else 403)):
                wrong.append(f"{method} {path} as {role}: {answer.status_code}")
            if answer.status_code >= 500:
                wrong.append(f"{method} {path} as {role} broke: {answer.status_code}")
            if "{" in path and CANARY in answer.text.lower():
                wrong.append(f"{method} {path} as {role} says something of somebody")
            if not may and roles is not None:
                of_what_is_there = called(
                    http, method, path, there | {"sign_in_id": sign_in_id}, headers(role)
                )
                if of_what_is_there.text != answer.text:
                    wrong.append(f"{method} {path} as {role} tells what is there from what is not")
    assert not wrong, "\n".join(wrong)
    assert sign_ins.identify(api.database, KEYRING, token, api.clock.now()), "nobody ends another's sign-in"


def test_a_visitor_of_a_page_is_sent_to_sign_in_first_and_back(http: TestClient) -> None:
    pages = [path for method, path in expected() if method == "GET" and not path.startswith("/api/")]
    closed = [path for path in pages if expected()["GET", path] is not None]
    assert "/account" in closed
    for path in closed:
        here = path.replace(":path}", "}").format(**NOT_THERE)
        answer = http.get(here, headers={"Accept": "text/html"})
        assert (answer.status_code, answer.headers["Location"]) == (
            303, f"/sign-in?next={here.replace('/', '%2F')}",
        )  # fmt: skip
