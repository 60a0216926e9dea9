"""The manager's desk over HTTP, on both databases: tasks of every queue, approvals with their grounds, causes."""

import re
from collections.abc import Callable
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from sqlalchemy import text, update
from sqlmodel import col, select
from starlette.testclient import TestClient

from api.desk import Desk
from returndesk.domain.people import Role
from returndesk.domain.tasks import ENDS_WITH
from returndesk.store import tables, tokens

DAY = timedelta(days=1)
NEW = "original"


class Person:
    """Somebody at a desk, and what they read there."""

    def __init__(self, http: TestClient, desk: Desk, role: Role, who: str) -> None:
        with desk.database.write() as session:
            secret = tokens.create(session, role, who, desk.clock.now())
        self.http, self.headers = http, {"Authorization": f"Bearer {secret}", "Accept": "text/html"}

    def html(self, path: str, status: int = 200) -> str:
        answer = self.http.get(path, headers=self.headers)
        assert answer.status_code == status, answer.text
        return answer.text

    def reads(self, path: str, status: int = 200) -> str:
        return words(self.html(path, status))

    def sends(self, path: str, key: str = "form-0", **fields: str) -> Any:
        return self.http.post(path, data={"key": key} | fields, headers=self.headers, follow_redirects=False)


def words(html: str) -> str:
    main = html.partition('<main id="content">')[2].partition("</main>")[0]
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", main)).split())


@pytest.fixture
def person(http: TestClient, api: Desk) -> Callable[..., Person]:
    return lambda role=Role.MANAGER, who=None: Person(http, api, role, who or f"{role}-5")


class Shop:
    """Returns of orders above the approval limit, step by step."""

    def __init__(self, api: Any, admin: Any, rep: Any) -> None:
        self.api, self.admin, self.rep = api, admin, rep
        self.number = 0

    def asks(self, price_minor: int = 30_000, by: Any = None, **more: Any) -> str:
        self.number += 1
        reference = f"A-{self.number}"
        order = {
            "currency": "GBP", "ordered_at": (self.api.clock.now() - 4 * DAY).isoformat(),
            "customer": {"name": "Jane Canary", "email": "jane@canary.example"},
            "lines": [{"line": 1, "sku": "A", "title": "Ball gown", "quantity": 2, "unit_price_minor": price_minor}],
            "payments": [
                {"processor": "stripe", "reference": f"pi_{self.number}a", "captured_minor": price_minor, "label": "Visa 4242"},
                {"processor": "stripe", "reference": f"pi_{self.number}b", "captured_minor": price_minor, "label": "Gift card"},
            ],
        }  # fmt: skip
        assert self.admin.put(f"/orders/{reference}", order).status_code == 201
        asked = {"order_reference": reference, "channel": "phone", "authorize": True,
                 "items": [{"line": 1, "quantity": 2, "reason": "other"}]} | more  # fmt: skip
        answer = (by or self.admin).post("/returns", asked)
        assert answer.status_code == 201, answer.text
        rma: str = answer.json()["rma"]
        return rma

    def inspected(self, rma: str, by: Any = None, **seen: Any) -> str:
        item = {"line": 1, "quantity": 2}
        assert self.admin.post(f"/returns/{rma}/receipts", {"items": [item]}).status_code == 200
        seen = seen or {"condition": NEW, "packaging": NEW}
        answer = (by or self.admin).post(f"/returns/{rma}/inspections", {"items": [item | seen]})
        assert answer.status_code == 200, answer.text
        return rma

    def late(self, **more: Any) -> str:
        rma = self.asks(authorize=False, **more)
        self.api.clock.advance(8 * DAY)
        self.api.door.time_passes(rma)
        return rma

    def state(self, rma: str) -> str:
        found: str = self.admin.get(f"/returns/{rma}").json()["stage"]
        return found


@pytest.fixture
def shop(api: Any, admin: Any, as_role: Callable[[Role], Any]) -> Shop:
    return Shop(api, admin, as_role(Role.REP))


# Tasks ------------------------------------------------------------------------------------------


def test_each_role_sees_its_own_tasks_first_and_may_see_all(
    shop: Shop, person: Callable[..., Person]
) -> None:
    waiting = shop.asks(authorize=False)
    here = shop.asks()
    shop.admin.post(f"/returns/{here}/receipts", {"items": [{"line": 1, "quantity": 2}]})
    rep, floor, finance = (person(role) for role in (Role.REP, Role.WAREHOUSE, Role.FINANCE))
    assert "Your tasks" in rep.reads("/desk/tasks")
    assert f"Say yes or no to the request {waiting} requested requests to answer a rep" in rep.reads(
        "/desk/tasks"
    )
    assert here not in rep.reads("/desk/tasks")
    assert f"Inspect what came {here} received" in floor.reads("/desk/tasks")
    assert f'href="/desk/station/{here}"' in floor.html("/desk/tasks")
    assert "Nothing waits for you." in finance.reads("/desk/tasks")
    everything = finance.reads("/desk/tasks?whose=all")
    assert "Everybody's tasks" in everything
    assert waiting in everything
    assert here in everything
    only = finance.reads("/desk/tasks?whose=all&queue=inspections")
    assert here in only
    assert waiting not in only


def test_a_missed_date_is_a_managers_task_with_all_that_is_known(
    shop: Shop, person: Callable[..., Person]
) -> None:
    rma = shop.late()
    shop.asks(authorize=False)
    page = person().reads("/desk/tasks")
    assert (
        "The date for the decision was missed Ends when the clock that was missed stops. "
        "What to know about it As it stood 12 Mar 2026, 12:00 GMT Order A-1 Granted nothing so far "
        "Clock decision: 6.00 of 5.00 business days used" in page
    )
    assert "Waited for the customer 0.00 hours Where it stood requested, requests to answer" in page
    assert "Units 0 here with us, 0 to inspect, 2 undecided" in page
    assert "Contact phone, 4 Mar 2026, 12:00 GMT" in page
    assert page.count(f"{rma} requested") == 1
    assert "canary" not in page.lower()


def test_a_missed_date_ends_the_warning_of_it_and_goods_that_are_here_are_counted(
    shop: Shop, person: Callable[..., Person]
) -> None:
    rma = shop.inspected(shop.asks())  # above the limit: its refund waits for a manager
    shop.api.clock.advance(8 * DAY)
    shop.api.door.time_passes(rma)
    manager = person()
    assert "The refund is nearly due" in manager.reads("/desk/tasks")
    shop.api.clock.advance(5 * DAY)
    shop.api.door.time_passes(rma)
    page = manager.reads("/desk/tasks")
    assert "The date for the refund was missed" in page
    assert "nearly due" not in page
    assert "Order A-1 Granted £600.00" in page
    assert "Units 2 here with us, 0 to inspect, 0 undecided" in page


@pytest.mark.parametrize(("kept", "packets"), [("as they were", 1), ("none", 0)])
def test_a_packet_of_before_or_none_at_all_is_read_too(
    shop: Shop, person: Callable[..., Person], kept: str, packets: int
) -> None:
    shop.late()
    task, added = tables.Task, ("order", "granted_minor", "currency")
    with shop.api.database.write() as session:
        [row] = session.exec(select(task).where(task.kind == "breach_processing"))
        before = {name: said for name, said in row.details.items() if name not in added}
        row.details = before if packets else {}
        session.add(row)
    page = person().reads("/desk/tasks")
    assert "missed" in page
    assert page.count("What to know about it As it stood 12 Mar 2026, 12:00 GMT Clock decision") == packets


def test_what_ends_a_task_is_said_in_words_not_in_names_of_the_api() -> None:
    assert not [said for said in ENDS_WITH.values() if said and re.search(r"[a-z]-[a-z]|_", said)]


def test_late_tasks_are_counted_and_may_be_seen_alone(shop: Shop, person: Callable[..., Person]) -> None:
    late = shop.late()
    fresh = shop.asks(authorize=False)
    rep = person(Role.REP)
    assert "Late 1" in rep.reads("/desk/tasks")
    only = rep.reads("/desk/tasks?late=yes")
    assert late in only
    assert fresh not in only
    assert "Nothing is late here." in person(Role.WAREHOUSE).reads("/desk/tasks?late=yes")


def test_tasks_come_in_pages_that_lose_none(shop: Shop, person: Callable[..., Person]) -> None:
    with shop.api.database.write() as session:
        for n in range(120):
            session.execute(
                text(
                    "INSERT INTO tasks (id, queue, kind, owner_role, details, created_at, due_at) "
                    "SELECT :id, 'contact_customer', 'mail_refused', 'rep', '{}', at, at FROM (SELECT MIN(recorded_at) "
                    "AS at FROM policies) AS policy"
                ),
                {"id": f"task-{n:03}"},
            )
    rep, path, seen = person(Role.REP), "/desk/tasks", []
    while path:
        html = rep.html(path)
        seen.append(html.count("data-row"))
        following = re.search(r'href="([^"]+)" rel="next"', html)
        path = unescape(following[1]) if following else ""
    assert seen == [50, 50, 20]
    assert rep.reads("/desk/tasks?after=nonsense", 422)


def test_nobody_without_a_role_sees_tasks(http: TestClient) -> None:
    for path in ("/desk/tasks", "/desk/approvals", "/desk/causes", "/desk/live/tasks"):
        assert http.get(path).status_code == 401


@pytest.mark.parametrize("role", [Role.REP, Role.WAREHOUSE])
def test_approvals_and_causes_are_for_managers(person: Callable[..., Person], role: Role) -> None:
    somebody = person(role)
    for path in ("/desk/approvals", "/desk/causes"):
        somebody.html(path, 403)
    assert somebody.sends("/desk/approvals/RMA-7K3M-Q9TX/approval").status_code == 403


def test_a_task_is_taken_seen_by_others_taken_over_and_left(
    shop: Shop, person: Callable[..., Person]
) -> None:
    rma = shop.asks(authorize=False)
    first, second = person(Role.REP, "rep-1"), person(Role.REP, "rep-2")
    task = {"task": f"{rma}/next", "back": "/desk/tasks?whose=all"}
    answer = first.sends("/desk/tasks/taken", **task)
    assert (answer.status_code, answer.headers["location"]) == (303, "/desk/tasks?whose=all")
    assert "you have it" in first.reads("/desk/tasks")
    assert rma in first.reads("/desk/tasks?whose=me")
    assert "rep-1 has it Take it over" in second.reads("/desk/tasks")
    assert "You have taken no task." in second.reads("/desk/tasks?whose=me")
    refused = second.sends("/desk/tasks/taken", **task)
    assert "rep-1 has had this task since" in words(refused.text)
    assert second.sends("/desk/tasks/taken", over="yes", **task).status_code == 303
    assert "rep-2 has it" in first.reads("/desk/tasks")
    assert second.sends("/desk/tasks/released", **task).status_code == 303
    assert "has it Take" not in first.reads("/desk/tasks")
    floor = person(Role.WAREHOUSE)
    assert "Take it" not in floor.reads("/desk/tasks?whose=all")
    assert "This is a task for rep" in words(floor.sends("/desk/tasks/taken", **task).text)


def test_only_what_a_persons_word_ends_has_a_done_button(shop: Shop, person: Callable[..., Person]) -> None:
    rma = shop.asks()
    shop.admin.post(f"/returns/{rma}/message", {"channel": "email", "note": "Hello"})
    rep = person(Role.REP, "rep-1")
    assert rep.html("/desk/tasks").count('action="/desk/tasks/done"') == 1
    task = re.search(r'name="task" value="([^"]+/read_con_[^"]+)"', rep.html("/desk/tasks"))
    assert task is not None
    answer = rep.sends("/desk/tasks/done", task=task[1], back="https://evil.example")
    assert (answer.status_code, answer.headers["location"].partition("?")[0]) == (303, "/desk/tasks")
    assert "Done. It is on the return's record that you said so." in rep.reads(answer.headers["location"])
    assert "Read what the customer wrote" not in rep.reads("/desk/tasks")
    other = rep.sends("/desk/tasks/done", "form-2", task=f"{rma}/next")
    assert other.status_code == 409
    assert "This task ends by itself when" in words(other.text)


# Approvals --------------------------------------------------------------------------------------


def test_a_manager_sees_how_much_why_and_how_it_would_be_paid(
    shop: Shop, person: Callable[..., Person]
) -> None:
    rma = shop.inspected(shop.asks())
    page = person().reads("/desk/approvals")
    assert f"£600.00 for {rma} Decided by the rules" in page
    assert "above the limit of £500.00" in page
    assert "Ball gown \u00d7 2 original; packaging original accepted" in page
    assert "Together £600.00 would go to " in page
    assert "would go to Visa 4242 £300.00" in page
    assert "would go to Gift card £300.00" in page
    assert "Nobody went against a rule on the way here." in page
    assert "refund by" in page, "the clock that runs"
    assert "canary" not in page.lower()


def test_a_decision_is_one_card_also_once_its_refund_is_nearly_due(
    shop: Shop, person: Callable[..., Person]
) -> None:
    rma = shop.inspected(shop.asks())
    shop.api.clock.advance(8 * DAY)
    shop.api.door.time_passes(rma)
    manager = person()
    assert "The refund is nearly due" in manager.reads("/desk/tasks?queue=approvals")
    html = manager.html("/desk/approvals")
    assert html.count(f'id="approval-{rma}"') == 1
    assert html.count("data-row") == 1


def test_what_was_done_against_the_rules_is_said_with_who_and_why(
    shop: Shop, person: Callable[..., Person], as_role: Callable[[Role], Any]
) -> None:
    facts = {"opened": True, "marks": "none", "damaged": False, "accessories": "complete", "packaging": NEW}
    graded = {
        "facts": facts, "condition": NEW, "packaging": NEW,
        "override": {"reason": "sold_like_this", "note": "It was the window piece"},
    }  # fmt: skip
    shop.inspected(shop.asks(), by=as_role(Role.WAREHOUSE), **graded)
    page = person().reads("/desk/approvals")
    assert "The inspector graded it otherwise than the facts say: opened → original (sold like this)." in page
    assert "warehouse-1, warehouse" in page


def test_a_yes_is_given_right_there_and_the_refund_goes(shop: Shop, person: Callable[..., Person]) -> None:
    rma = shop.inspected(shop.asks())
    manager = person()
    answer = manager.sends(f"/desk/approvals/{rma}/approval", **{f"approval-{rma}": "Fine"})
    assert answer.status_code == 303
    page = manager.reads(answer.headers["location"])
    assert "Approved. The refund is on its way." in page
    assert "No decision waits for a manager's yes." in page
    assert shop.state(rma) == "closed"
    again = manager.sends(f"/desk/approvals/{rma}/approval", "form-1")
    assert again.status_code == 409


def test_a_no_says_why_and_it_is_decided_again(shop: Shop, person: Callable[..., Person]) -> None:
    first, second = shop.inspected(shop.asks()), shop.inspected(shop.asks())
    manager = person()
    silent = manager.sends(f"/desk/approvals/{first}/refusal")
    assert silent.status_code == 422
    assert silent.text.count("Write why, for whoever decides again.") == 2, (
        "on top, and beside its own field only"
    )
    assert silent.text.count('<details class="command" open>') == 1
    assert (
        manager.sends(f"/desk/approvals/{first}/refusal", **{f"refusal-{first}": "Stains"}).status_code == 303
    )
    assert shop.state(first) == "inspected"
    assert shop.state(second) == "decided"


def test_nobody_approves_what_they_decided_and_the_page_says_so(
    shop: Shop, person: Callable[..., Person]
) -> None:
    rma = shop.asks()
    item = {"line": 1, "quantity": 2}
    shop.admin.post(f"/returns/{rma}/receipts", {"items": [item]})
    seen = item | {"condition": "used", "packaging": NEW}
    shop.admin.post(f"/returns/{rma}/inspections", {"items": [seen], "decide": False})
    decided = {"items": [{"line": 1, "acceptance": "accepted"}], "note": "Worn once by us"}
    assert shop.admin.post(f"/returns/{rma}/decision", decided).status_code == 200
    own = person(Role.ADMIN, "admin-1")
    page = own.reads("/desk/approvals")
    assert "You decided this yourself, so you can neither approve nor refuse it" in page
    assert f"/desk/approvals/{rma}/approval" not in own.html("/desk/approvals")
    assert own.sends(f"/desk/approvals/{rma}/approval").status_code == 403
    other = person().reads("/desk/approvals")
    assert "Decided by admin-1" in other
    assert "The rules' verdict was overruled: rejected → accepted." in other
    assert "“Worn once by us”" in other


# Causes -----------------------------------------------------------------------------------------


def test_breaches_are_counted_where_they_stood(shop: Shop, person: Callable[..., Person]) -> None:
    shop.late()
    shop.late(channel="email")
    here = shop.asks()
    shop.admin.post(f"/returns/{here}/receipts", {"items": [{"line": 1, "quantity": 2}]})
    shop.api.clock.advance(8 * DAY)
    shop.api.door.time_passes(here)
    manager = person()
    page = manager.reads("/desk/causes")
    assert "Promises missed: 3" in page
    assert "requests to answer a rep 2 67 % 0 0.0" in page
    assert "to inspect the warehouse 1 33 % 0 0.0" in page
    assert "phone 2 0" in page
    assert "email 1 0" in page
    only = manager.reads("/desk/causes?channel=email")
    assert "Promises missed: 1" in only
    assert "canary" not in page.lower()


def test_a_breach_of_before_records_said_where_it_stood_is_counted(
    shop: Shop, person: Callable[..., Person]
) -> None:
    shop.late()
    record = tables.AuditRecord
    with shop.api.database.write() as session:
        session.exec(
            update(record).where(col(record.what) == "breached").values(details={"clock": "processing"})
        )
    page = person().reads("/desk/causes")
    assert "Promises missed: 1" in page
    assert "unknown unknown 1 100 %" in page


def test_the_days_are_in_the_address_and_wrong_ones_are_said(
    shop: Shop, person: Callable[..., Person]
) -> None:
    shop.late()
    manager = person()
    assert "Promises missed: 1" in manager.reads("/desk/causes?from=2026-03-10&to=2026-03-12")
    assert "No promise was missed in these days." in manager.reads(
        "/desk/causes?from=2026-03-01&to=2026-03-10"
    )
    for query in (
        "from=2026-13-01",
        "from=2026-03-10&to=2026-03-01",
        "from=1000-01-01",
        "from=2020-01-01&to=2026-03-01",
    ):
        assert 'role="alert"' in manager.html(f"/desk/causes?{query}", 422)


def test_overrides_are_counted_by_rule_reason_and_person(
    shop: Shop, person: Callable[..., Person], as_role: Callable[[Role], Any]
) -> None:
    shop.api.clock.advance(timedelta())
    for note in ("Their wedding was off", "Again"):
        shop.number += 1
        order = {
            "currency": "GBP", "ordered_at": "2026-03-01T10:00:00Z",
            "customer": {"name": "Jane", "email": "jane@canary.example"},
            "lines": [{"line": 1, "sku": "A", "title": "Gown", "quantity": 1, "unit_price_minor": 900, "final_sale": True}],
            "payments": [],
        }  # fmt: skip
        shop.admin.put(f"/orders/F-{shop.number}", order)
        asked = {"order_reference": f"F-{shop.number}", "channel": "chat",
                 "items": [{"line": 1, "quantity": 1, "reason": "other"}],
                 "override": {"reason": "goodwill", "note": note}}  # fmt: skip
        assert shop.rep.post("/returns", asked).status_code == 201
    page = person().reads("/desk/causes")
    assert "Rules gone against: 2" in page
    assert "final sale a request was taken all the same goodwill 2 rep-1 2 RMA-" in page
    assert "wedding" not in page


def test_an_empty_shop_says_so(person: Callable[..., Person]) -> None:
    manager = person()
    assert "No decision waits for a manager's yes." in manager.reads("/desk/approvals")
    assert "Nobody went against a rule in these days." in manager.reads("/desk/causes")
