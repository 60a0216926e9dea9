"""Tasks that people close, and have: by whom, since when, and never twice."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import select

from returndesk.domain.people import Actor, Role
from returndesk.store import audit_verification, tables
from returndesk.store.found_parcels import FoundParcel, file_found_parcel

ORDER = {
    "currency": "GBP",
    "ordered_at": "2026-03-01T12:00:00Z",
    "customer": {"name": "Canary Jones", "email": "canary@shop.example", "address": ["1 Road"]},
    "lines": [{"line": 1, "sku": "A", "title": "Linen dress", "quantity": 3, "unit_price_minor": 2000}],
    "payments": [{"processor": "stripe", "reference": "pi_1", "captured_minor": 6000}],
}
Caller = Any
Callers = Callable[[Role], Caller]


def requested(caller: Caller, quantity: int = 1, **more: Any) -> str:
    """A return of some of the order's three dresses."""
    caller.put("/orders/A-1", ORDER)
    items = [{"line": 1, "quantity": quantity, "reason": "too_small"}]
    asked = {"order_reference": "A-1", "channel": "phone", "items": items} | more
    answer = caller.post("/returns", asked)
    assert answer.status_code == 201, answer.text
    rma: str = answer.json()["rma"]
    return rma


def of_kind(caller: Caller, rma: str, kind: str) -> dict[str, Any]:
    """The return's one open task whose kind begins so."""
    [task] = (
        x
        for x in caller.get("/tasks", limit=200).json()["items"]
        if x["rma"] == rma and (x["kind"].startswith(kind) or x["id"].endswith(f"/{kind}"))
    )
    found: dict[str, Any] = task
    return found


def heard(caller: Caller) -> tuple[str, dict[str, Any]]:
    """A return whose customer said something nobody had asked, and the task to read it."""
    rma = requested(caller)
    caller.post(f"/returns/{rma}/message", {"channel": "email", "note": "Canary wrote this."})
    return rma, of_kind(caller, rma, "read")


def what(caller: Caller, rma: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = caller.get(f"/returns/{rma}/timeline").json()["items"]
    return [x for x in items if x["what"] == "task_done"]


def test_who_has_done_it_says_so_and_it_is_on_the_returns_record(api: Any, as_role: Callers) -> None:
    rep = as_role(Role.REP)
    rma, task = heard(rep)
    assert (task["can_be_done"], task["done_by"]) == (True, None)
    answer = rep.post(f"/tasks/{task['id']}/done", {"note": "Canary: they were thanked."}, key="done-1")
    assert answer.status_code == 200, answer.text
    assert answer.json()["done_by"] is not None
    assert (
        rep.post(f"/tasks/{task['id']}/done", {"note": "Canary: they were thanked."}, key="done-1").json()
        == answer.json()
    )
    assert task["id"] not in [x["id"] for x in rep.get("/tasks", limit=200).json()["items"]]
    [record] = what(rep, rma)
    assert (record["actor_id"], record["role"]) == (answer.json()["done_by"], "rep")
    assert record["details"]["task"] == task["kind"]
    assert "anary" not in str(record)
    with api.database.read() as session:
        assert audit_verification.verify(session) == []


def test_done_twice_is_done_once_whoever_says_it_second(as_role: Callers) -> None:
    rep, manager = as_role(Role.REP), as_role(Role.MANAGER)
    rma, task = heard(rep)
    first = rep.post(f"/tasks/{task['id']}/done", {})
    again = manager.post(f"/tasks/{task['id']}/done", {})
    assert (again.status_code, again.json()) == (200, first.json())
    assert len(what(rep, rma)) == 1


def test_what_ends_by_itself_says_what_ends_it(admin: Caller) -> None:
    rma = requested(admin, authorize=True)
    step = of_kind(admin, rma, "next")
    assert not step["can_be_done"]
    answer = admin.post(f"/tasks/{step['id']}/done", {})
    assert (answer.status_code, answer.json()["code"]) == (409, "task_not_yours_to_close")
    assert answer.json()["detail"] == (
        "This task ends by itself when what is to be done with the return is done, or it ends. Nothing was changed."
    )
    assert of_kind(admin, rma, "next")["done_at"] is None
    assert what(admin, rma) == []


def test_a_task_is_closed_by_its_own_people_and_by_managers(as_role: Callers) -> None:
    rep = as_role(Role.REP)
    _, task = heard(rep)
    for role in (Role.WAREHOUSE, Role.FINANCE):
        for verb, body in (("done", {}), ("taken", {}), ("released", {})):
            answer = as_role(role).post(f"/tasks/{task['id']}/{verb}", body)
            assert (answer.status_code, answer.json()["code"]) == (403, "not_your_task")
    assert as_role(Role.MANAGER).post(f"/tasks/{task['id']}/done", {}).status_code == 200


@pytest.mark.parametrize("verb", ["done", "taken", "released"])
def test_a_task_that_is_not_there_is_not_found(admin: Caller, verb: str) -> None:
    answer = admin.post(f"/tasks/RMA-7K3M-Q9TX/read_con_1/{verb}", {})
    assert (answer.status_code, answer.json()["code"]) == (404, "task_not_found")


def test_a_message_to_a_return_that_has_ended_is_closed_too(admin: Caller) -> None:
    rma = requested(admin)
    admin.post(f"/returns/{rma}/cancellation", {})
    admin.post(f"/returns/{rma}/message", {"channel": "email", "note": "x"})
    task = of_kind(admin, rma, "read")
    assert admin.post(f"/tasks/{task['id']}/done", {}).status_code == 200
    assert admin.get(f"/returns/{rma}").json()["stage"] == "cancelled"


def test_units_that_another_return_has_are_a_task_that_a_person_closes(admin: Caller) -> None:
    requested(admin, 2)
    rma = requested(admin, authorize=True)
    admin.post(f"/returns/{rma}/receipts", {"items": [{"line": 1, "quantity": 2}]})
    task = of_kind(admin, rma, "claimed_elsewhere")
    assert admin.post(f"/tasks/{task['id']}/done", {}).status_code == 200


def test_a_parcel_that_is_of_no_return_is_closed_too_and_its_task_says_who_did(
    api: Any, as_role: Callers
) -> None:
    found = FoundParcel("A-1", [], "Canary: a blue box.")
    now = api.clock.now()
    warehouse = Actor("warehouse-1", Role.WAREHOUSE)
    task_id = file_found_parcel(api.database, found, actor=warehouse, key="k", now=now, due_at=now)
    rep = as_role(Role.REP)
    answer = rep.post(f"/tasks/{task_id}/done", {"note": "Canary: sent back."})
    assert (answer.status_code, answer.json()["done_at"] is not None) == (200, True)
    assert as_role(Role.MANAGER).post(f"/tasks/{task_id}/done", {}).json() == answer.json()
    with api.database.read() as session:
        kept = session.get_one(tables.Text, answer.json()["details"]["done_note"])
        assert kept.body == "Canary: sent back."


# Who has it ---------------------------------------------------------------------------------------


def test_one_person_has_a_task_and_the_other_reads_who_since_when(as_role: Callers, clock: Any) -> None:
    rep, manager = as_role(Role.REP), as_role(Role.MANAGER)
    _, task = heard(rep)
    mine = rep.post(f"/tasks/{task['id']}/taken", {}).json()
    assert mine["taken_by"] is not None
    clock.advance(timedelta(hours=1))
    assert rep.post(f"/tasks/{task['id']}/taken", {}).json() == mine, "who has it keeps since when"
    assert of_kind(rep, task["rma"], "read")["taken_by"] == mine["taken_by"]
    refused = manager.post(f"/tasks/{task['id']}/taken", {})
    assert (refused.status_code, refused.json()["code"]) == (409, "task_taken")
    since = mine["taken_at"][:16].replace("T", " ")
    assert refused.json()["detail"].startswith(f"{mine['taken_by']} has had this task since {since} UTC.")
    over = manager.post(f"/tasks/{task['id']}/taken", {"take_over": True}).json()
    assert over["taken_by"] not in (None, mine["taken_by"])
    assert over["taken_at"] > mine["taken_at"]


def test_who_has_it_frees_it_and_a_manager_frees_anybodys(as_role: Callers) -> None:
    rep, manager = as_role(Role.REP), as_role(Role.MANAGER)
    _, task = heard(rep)
    assert rep.post(f"/tasks/{task['id']}/released", {}).json()["taken_by"] is None
    manager.post(f"/tasks/{task['id']}/taken", {})
    assert rep.post(f"/tasks/{task['id']}/released", {}).status_code == 409
    assert manager.post(f"/tasks/{task['id']}/released", {}).json()["taken_at"] is None
    rep.post(f"/tasks/{task['id']}/taken", {})
    assert manager.post(f"/tasks/{task['id']}/released", {}).json()["taken_by"] is None


def test_what_is_done_nobody_has(as_role: Callers) -> None:
    rep = as_role(Role.REP)
    _, task = heard(rep)
    rep.post(f"/tasks/{task['id']}/done", {})
    answer = rep.post(f"/tasks/{task['id']}/taken", {})
    assert (answer.status_code, answer.json()["code"]) == (409, "task_done")


def test_the_next_step_is_nobodys_again_when_the_return_has_gone_on(admin: Caller) -> None:
    rma = requested(admin)
    step = of_kind(admin, rma, "next")
    assert admin.post(f"/tasks/{step['id']}/taken", {}).json()["taken_by"] is not None
    admin.post(f"/returns/{rma}/question", {"note": "Which?"})
    assert of_kind(admin, rma, "next")["taken_by"] is not None, "it is at the same stage"
    admin.post(f"/returns/{rma}/authorization", {})
    assert of_kind(admin, rma, "next")["taken_by"] is None


def test_two_who_take_it_at_once_do_not_both_have_it(api: Any, as_role: Callers) -> None:
    rep = as_role(Role.REP)
    _, task = heard(rep)
    others = [as_role(role) for role in (Role.MANAGER, Role.ADMIN, Role.REP)]
    with ThreadPoolExecutor(3) as threads:
        codes = list(threads.map(lambda x: x.post(f"/tasks/{task['id']}/taken", {}).status_code, others))
    with api.database.read() as session:
        row = session.exec(select(tables.Task).where(tables.Task.id == task["id"])).one()
        assert row.taken_by is not None
    assert codes.count(200) == 1
