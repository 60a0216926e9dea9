"""Whose turn it is at the rep's desk, over HTTP and on both databases: nothing a customer says or waits for is out of sight."""

import json
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from in_process import KEYRING
from rep_desk import Person, words
from sqlalchemy import text, update
from sqlmodel import col
from starlette.testclient import TestClient

from api.desk import Desk
from returndesk.domain.people import Role
from returndesk.store import migrate, tables

OURS = {"Sec-Fetch-Site": "same-origin"}
ANSWER = "The blue one, please."


class Customer:
    """Somebody with the link of a return."""

    def __init__(self, http: TestClient, rma: str) -> None:
        self.http, self.at = http, f"/r/{rma}/{KEYRING.key_of(rma)}"

    def reads(self) -> str:
        return words(self.http.get(self.at).text)

    def says(self, said: str) -> None:
        key = re.search(r'name="key" value="(form-[0-9a-f]+)"', self.http.get(self.at).text)
        assert key is not None
        form = {"key": key[1], "words": said}
        answer = self.http.post(f"{self.at}/message", data=form, headers=OURS, follow_redirects=False)
        assert answer.status_code == 303


@pytest.fixture
def customer(http: TestClient) -> Callable[[str], Customer]:
    return lambda rma: Customer(http, rma)


def to_read(admin: Any, rma: str) -> list[str]:
    tasks = admit(admin.get("/tasks", queue="messages"))["items"]
    return [task["owner_role"] for task in tasks if task["rma"] == rma]


def admit(answer: Any) -> Any:
    assert answer.status_code == 200, answer.text
    return answer.json()


# What customers answer ---------------------------------------------------------------------------


def test_an_answer_that_nobody_would_come_by_is_a_task_and_stands_on_top_of_the_return(
    rep: Person, requested: Callable[..., str], customer: Callable[[str], Customer], admin: Any,
    person: Callable[..., Person],
) -> None:  # fmt: skip
    rma, manager = requested(authorize=True), person(Role.MANAGER)
    rep.does(f"/desk/returns/{rma}/question", question__note="Which of the two?")
    customer(rma).says(ANSWER)
    assert to_read(admin, rma) == ["rep"]
    assert "Read what the customer wrote" in rep.page("/desk/tasks")
    assert 'class="count">1<span class="unseen"> to read' in rep.get("/desk/returns").text
    assert "to read" not in manager.get("/desk/tasks").text.partition("</nav>")[0], "it is a rep's"
    head = rep.page(f"/desk/returns/{rma}").partition("Goods")[0]
    assert "nobody has read it yet" in head
    assert ANSWER in head
    task = re.search(r'name="task" value="([^"]+/read_con_[^"]+)"', rep.get("/desk/tasks").text)
    assert task is not None
    rep.does("/desk/tasks/done", task=task[1])
    assert "nobody has read it yet" not in rep.page(f"/desk/returns/{rma}")
    assert "to read" not in rep.get("/desk/returns").text


def test_an_answer_to_a_return_whose_next_step_is_a_reps_needs_no_task_beside_it(
    rep: Person, requested: Callable[..., str], customer: Callable[[str], Customer], admin: Any
) -> None:
    rma = requested()
    rep.does(f"/desk/returns/{rma}/question", question__note="Which of the two?")
    assert rma not in rep.page("/desk/returns")
    customer(rma).says(ANSWER)
    assert to_read(admin, rma) == []
    assert rma in rep.page("/desk/returns?waits=rep")


@pytest.mark.parametrize("is_held", [False, True])
def test_an_answer_while_the_warehouse_is_next_is_read_by_a_rep(
    requested: Callable[..., str], customer: Callable[[str], Customer], admin: Any, *, is_held: bool
) -> None:
    rma = requested(authorize=True)
    admin.post(f"/returns/{rma}/receipts", {"items": [{"line": 1, "quantity": 2}]})
    if is_held:
        admin.post(f"/returns/{rma}/hold", {"reason": "legal"})
    admin.post(f"/returns/{rma}/question", {"note": "Was it ever washed?"})
    customer(rma).says(ANSWER)
    assert to_read(admin, rma) == ([] if is_held else ["rep"]), "a hold is a rep's own step"


def test_while_a_question_is_open_the_customer_still_reads_by_when_to_send(
    requested: Callable[..., str], customer: Callable[[str], Customer], admin: Any
) -> None:
    rma = requested(authorize=True)
    admin.post(f"/returns/{rma}/question", {"note": "Which of the two?"})
    page = customer(rma).reads()
    assert "We need your answer" in page
    assert "send your parcel by Tuesday 31 March" in page


# What is on hold ---------------------------------------------------------------------------------


@pytest.mark.parametrize("is_asked", [False, True])
def test_what_is_on_hold_is_the_shops_turn_whoever_else_waits(
    rep: Person, requested: Callable[..., str], admin: Any, api: Any, *, is_asked: bool
) -> None:
    rma = requested(authorize=True)
    if is_asked:
        admin.post(f"/returns/{rma}/question", {"note": "Which of the two?"})
    rep.does(f"/desk/returns/{rma}/hold", hold__reason="suspected_fraud")
    for query in ("", "?waits=rep"):
        assert rma in rep.page(f"/desk/returns{query}")
    assert rma not in rep.page("/desk/returns?part=customer")
    assert "On hold: look into it a rep look into it by 6 Mar 2026, 12:00 GMT" in rep.page("/desk/returns")
    assert "On hold: look into it , a rep, by 6 Mar 2026, 12:00 GMT" in rep.page(f"/desk/returns/{rma}")
    api.clock.advance(timedelta(days=6))
    assert rma in rep.page("/desk/returns?late=yes")
    rep.does(f"/desk/returns/{rma}/resumption")
    assert rma not in rep.page("/desk/returns")
    assert rma in rep.page("/desk/returns?part=customer")


def test_what_was_on_hold_before_is_looked_into_now(
    rep: Person, requested: Callable[..., str], api: Desk
) -> None:
    """A database of the revision before, brought up to date: a hold had no date where no clock ran."""
    rma = requested(authorize=True)
    rep.does(f"/desk/returns/{rma}/hold", hold__reason="suspected_fraud")
    with api.database.write() as session:
        session.exec(update(tables.Return).values(next_due_at=None))
        session.connection().execute(text("UPDATE alembic_version SET version_num = '0010_finding'"))
    assert rma not in rep.page("/desk/returns")
    assert migrate.upgrade(api.database) == ["0011_on_hold"]
    assert rma in rep.page("/desk/returns")


def test_a_hold_whose_clocks_run_is_due_when_they_are(rep: Person, requested: Callable[..., str]) -> None:
    rma = requested()
    rep.does(f"/desk/returns/{rma}/hold", hold__reason="legal")
    assert "look into it , a rep, by 11 Mar 2026, 12:00 GMT" in rep.page(f"/desk/returns/{rma}")
    assert "look into it by" not in rep.page("/desk/returns")


@pytest.mark.parametrize("kind", ["authorization", "decline"])
def test_on_hold_nobody_says_yes_or_no(
    rep: Person, requested: Callable[..., str], admin: Any, kind: str
) -> None:
    rma = requested()
    rep.does(f"/desk/returns/{rma}/hold", hold__reason="suspected_fraud")
    assert f'action="/desk/returns/{rma}/{kind}"' not in rep.get(f"/desk/returns/{rma}").text
    body = {"reasons": ["hygiene"]} if kind == "decline" else {}
    answer = admin.post(f"/returns/{rma}/{kind}", body)
    assert (answer.status_code, answer.json()["code"]) == (422, "on_hold")
    assert admit(admin.get(f"/returns/{rma}"))["stage"] == "requested"
    rep.does(f"/desk/returns/{rma}/resumption")
    assert admin.post(f"/returns/{rma}/{kind}", body).status_code == 200


# What is said of the parcel ----------------------------------------------------------------------


def test_the_desk_names_the_day_that_the_customer_is_told(
    rep: Person, requested: Callable[..., str], customer: Callable[[str], Customer]
) -> None:
    rma = requested(authorize=True)
    assert "by Tuesday 31 March" in customer(rma).reads()
    page = rep.page(f"/desk/returns/{rma}")
    assert "Next: Wait for the parcel , the customer, who is to send it by Tuesday 31 March ." in page
    assert "send by Tuesday 31 March (it expires 1 Apr 2026, 13:00 BST )" in page
    assert "who is to send it by Tuesday 31 March" in rep.page("/desk/returns?part=customer")


def test_a_parcel_that_was_sent_is_on_its_way(rep: Person, requested: Callable[..., str], admin: Any) -> None:
    rma = requested(authorize=True)
    item = {"line": 1, "quantity": 1}
    admin.post(f"/returns/{rma}/shipment", {"tracking": "JD0001", "items": [item]})
    assert "part of it is on its way , sent 4 Mar 2026, 12:00 GMT . The rest is to be sent" in rep.page(
        f"/desk/returns/{rma}"
    )
    admin.post(f"/returns/{rma}/shipment", {"tracking": "JD0002", "items": [item]})
    page = rep.page(f"/desk/returns/{rma}")
    assert "Wait for the parcel: it is on its way , sent 4 Mar 2026, 12:00 GMT ." in page
    assert "on its way, sent Wednesday 4 March" in rep.page("/desk/returns?part=customer")


def test_what_it_pays_if_all_goes_well_is_said_before_anything_is_decided(
    rep: Person, requested: Callable[..., str], admin: Any
) -> None:
    rma = requested(authorize=True)
    page = rep.page(f"/desk/returns/{rma}")
    assert "If everything arrives in order: £80.00" in page, page[page.index("Money") :][:300]
    assert "to Visa ending 4242." in page
    admin.post(f"/returns/{rma}/receipts", {"items": [{"line": 1, "quantity": 2}]})
    assert "If everything arrives in order: £80.00" in rep.page(f"/desk/returns/{rma}")
    seen = {"line": 1, "quantity": 2, "condition": "original", "packaging": "original"}
    admin.post(f"/returns/{rma}/inspections", {"items": [seen]})
    page = rep.page(f"/desk/returns/{rma}")
    assert "If everything" not in page
    assert "Banks take 5 to 10 business days to show it." in page
    assert "Confirmed" in page
    assert "Credited" not in page


def test_what_was_seen_and_not_accepted_is_no_part_of_what_may_still_be_paid(
    rep: Person, requested: Callable[..., str], admin: Any
) -> None:
    rma = requested(authorize=True)
    one = {"line": 1, "quantity": 1}
    assert admin.post(f"/returns/{rma}/receipts", {"items": [one], "more_expected": True}).status_code == 200
    seen = {"items": [{**one, "condition": "damaged", "packaging": "missing"}]}
    assert admin.post(f"/returns/{rma}/inspections", seen).status_code == 200
    assert "arrives in order: £40.00" in rep.page(f"/desk/returns/{rma}")


# The queue's counts and words --------------------------------------------------------------------


def test_what_is_mine_is_counted_where_it_is_listed(rep: Person, requested: Callable[..., str]) -> None:
    ours, theirs = requested("DA-1"), requested("DA-2", authorize=True)
    for rma in (ours, theirs, requested("DA-3", authorize=True)):
        rep.does(f"/desk/returns/{rma}/claim")
    assert "Mine 1 Late" in rep.page("/desk/returns")
    assert "Mine 2" in rep.page("/desk/returns?part=customer")
    mine = rep.page("/desk/returns?part=customer&mine=yes")
    assert (ours in mine, theirs in mine) == (False, True)


def test_a_clock_that_ended_says_what_became_of_its_promise(
    rep: Person, requested: Callable[..., str], admin: Any, api: Any
) -> None:
    declined = requested("DA-1")
    admin.post(f"/returns/{declined}/decline", {"reasons": ["hygiene"]})
    assert "decide kept refund nothing owed why?" in rep.page("/desk/returns?part=ended")
    cancelled = requested("DA-2")
    admin.post(f"/returns/{cancelled}/cancellation", {})
    page = rep.page("/desk/returns?part=ended")
    assert "decide nothing owed refund nothing owed why?" in page
    assert "less than an hour before it ended" in rep.page(f"/desk/returns/{cancelled}")
    late = requested("DA-3", authorize=True)
    admin.post(f"/returns/{late}/receipts", {"items": [{"line": 1, "quantity": 2}]})
    api.clock.advance(timedelta(days=12))
    api.door.time_passes(late)
    seen = {"line": 1, "quantity": 2, "condition": "original", "packaging": "original"}
    admin.post(f"/returns/{late}/inspections", {"items": [seen]})
    assert "decide missed refund missed why?" in rep.page("/desk/returns?part=ended")


# A no that the rules deny ------------------------------------------------------------------------


def test_a_no_for_a_reason_that_the_rules_deny_needs_a_deliberate_word(
    rep: Person, requested: Callable[..., str], admin: Any
) -> None:
    rma = requested()
    assert "The rules say otherwise: it was asked for in time." in rep.page(f"/desk/returns/{rma}")
    reason = {"decline__because-window_passed": "yes"}
    refused = rep.post(f"/desk/returns/{rma}/decline", **reason)
    assert refused.status_code == 422
    assert "By the shop's own rules this is not so" in words(refused.text)
    assert "it was asked for in time" in words(refused.text)
    assert admit(admin.get(f"/returns/{rma}"))["stage"] == "requested"
    rep.does(
        f"/desk/returns/{rma}/decline", **reason, decline__despite_rules="yes", decline__note="Head office."
    )
    happened = admit(admin.get(f"/returns/{rma}/timeline"))["items"]
    [overruled] = [x for x in happened if x["what"] == "overruled"]
    assert (overruled["actor_id"], overruled["details"]["lots"]) == (
        "rep-1", [[1, "eligible", "window_passed"]],
    )  # fmt: skip


def test_a_no_that_the_rules_share_needs_none(
    requested: Callable[..., str], admin: Any, api: Any, person: Callable[..., Person]
) -> None:
    override = {"override": {"reason": "goodwill"}}
    api.clock.advance(timedelta(days=60))
    in_time = requested("DA-2")
    answer = admin.post(f"/returns/{in_time}/decline", {"reasons": ["hygiene", "final_sale"]})
    assert (answer.status_code, answer.json()["code"], answer.json()["reasons"]) == (
        422, "contradicts_rules", ["final_sale"],
    )  # fmt: skip
    api.clock.advance(timedelta(days=60))
    passed = admin.post(
        "/returns",
        {
            "order_reference": "DA-2",
            "channel": "email",
            "items": [{"line": 2, "quantity": 1, "reason": "other"}],
        }
        | override,
    ).json()["rma"]
    assert "The rules say otherwise: it was asked" not in person(Role.REP).page(f"/desk/returns/{passed}")
    assert admin.post(f"/returns/{passed}/decline", {"reasons": ["window_passed"]}).status_code == 200


def test_a_reason_that_nobody_gives_any_more_hides_no_return(
    rep: Person, requested: Callable[..., str], api: Desk
) -> None:
    rma = requested()
    with api.database.write() as session:
        session.exec(update(tables.Lot).where(col(tables.Lot.rma) == rma).values(reason="changed_mind"))
    assert "Say no" in rep.page(f"/desk/returns/{rma}")


def test_a_no_asked_for_under_a_key_before_there_was_such_a_word_may_be_asked_for_again(
    requested: Callable[..., str], admin: Any, api: Desk
) -> None:
    rma, said = requested(), {"reasons": ["hygiene"]}
    first = admin.post(f"/returns/{rma}/decline", said, key="a-key-of-before")
    as_it_was = ["decline", rma, {"note": None, **said}]
    with api.database.write() as session:
        session.exec(
            update(tables.Command)
            .where(col(tables.Command.idempotency_key) == "a-key-of-before")
            .values(input_hash=KEYRING.digest("input", json.dumps(as_it_was, sort_keys=True)))
        )
    again = admin.post(f"/returns/{rma}/decline", said, key="a-key-of-before")
    assert (again.status_code, again.json()) == (first.status_code, first.json())
    other = admin.post(f"/returns/{rma}/decline", {**said, "despite_rules": True}, key="a-key-of-before")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
