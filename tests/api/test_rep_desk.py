"""The rep's desk over HTTP, on both databases: the queue, finding, starting, one return and everything one may do of it."""

import re
from collections.abc import Callable
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from rep_desk import Person, words
from starlette.testclient import TestClient

from api.desk import Desk
from returndesk.domain.people import Role
from returndesk.store import claims

FIRST_KEY = re.compile(r'name="key" value="(form-[0-9a-f]+)"')


# The queue ---------------------------------------------------------------------------------------


def test_everybody_begins_where_their_work_is(person: Callable[..., Person]) -> None:
    front = {
        role: person(role).get("/desk").headers["location"]
        for role in (Role.REP, Role.WAREHOUSE, Role.FINANCE)
    }
    assert front == {
        Role.REP: "/desk/returns", Role.WAREHOUSE: "/desk/station", Role.FINANCE: "/desk/refunds",
    }  # fmt: skip


def test_an_empty_queue_says_what_to_do(rep: Person) -> None:
    assert "find their order above and start a return" in rep.page("/desk/returns")
    assert "returns that wait for a parcel or an answer stand here" in rep.page("/desk/returns?part=customer")
    assert "No return is like that just now" in rep.page("/desk/returns?late=yes")


def test_the_queue_is_sorted_by_what_is_due_next(
    rep: Person, requested: Callable[..., str], api: Any
) -> None:
    first = requested("DA-1")
    api.clock.advance(timedelta(days=1))
    second = requested("DA-2")
    later = api.clock.now() - timedelta(days=3)
    third = requested("DA-3", contacted_at=later.isoformat())
    page = rep.page("/desk/returns")
    assert sorted((first, second, third), key=page.index) == [third, first, second]
    assert "Say yes or no a rep" in page
    assert "refund by 13 Mar 2026, 12:00 GMT why?" in page
    assert "Maud Ellery" in page


def test_what_waits_for_the_customer_stands_apart_and_what_ended_too(
    rep: Person, requested: Callable[..., str], admin: Any
) -> None:
    ours, theirs, ended = requested("DA-1"), requested("DA-2", authorize=True), requested("DA-3")
    admin.post(f"/returns/{ended}/decline", {"reasons": ["hygiene"]})
    for part, rma in {"ours": ours, "customer": theirs, "ended": ended}.items():
        page = rep.page(f"/desk/returns?part={part}")
        assert [x for x in (ours, theirs, ended) if x in page] == [rma], part


def test_the_queue_is_filtered_by_its_address(
    rep: Person, requested: Callable[..., str], inspected: Callable[..., str], admin: Any, api: Any
) -> None:
    asks, opened = requested("DA-1"), inspected(reference="DA-2")
    arrived = requested("DA-3", authorize=True)
    admin.post(f"/returns/{arrived}/receipts", {"items": [{"line": 1, "quantity": 2}]})
    held = requested("DA-4", authorize=True)
    admin.post(f"/returns/{held}/receipts", {"items": [{"line": 1, "quantity": 2}]})
    admin.post(f"/returns/{held}/hold", {"reason": "legal"})
    rep.does(f"/desk/returns/{opened}/claim")

    def shown(query: str) -> set[str]:
        page = rep.page(f"/desk/returns?{query}")
        return {x for x in (asks, opened, arrived, held) if x in page}

    assert shown("stage=requested") == {asks}
    assert shown("waits=rep") == {asks, opened, held}
    assert shown("waits=warehouse") == {arrived}
    assert shown("mine=yes") == {opened}
    assert shown("late=yes") == set()
    api.clock.advance(timedelta(days=20))
    assert shown("late=yes&stage=received") == {arrived, held}
    assert shown("mine=yes&waits=warehouse") == set()
    assert rep.get("/desk/returns?stage=nonsense").status_code == 422
    assert rep.get("/desk/returns?after=nonsense").status_code == 422


def test_pages_of_the_queue_follow_each_other_and_lose_nothing(
    rep: Person, requested: Callable[..., str], api: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("returndesk.store.rep_queue.PAGE", 2)
    made = []
    for number in range(5):
        made.append(requested(f"DA-{number}"))
        api.clock.advance(timedelta(hours=1 if number != 2 else 0))  # two are due at one instant
    path, seen = "/desk/returns", []
    while path:
        html = rep.get(path).text
        seen += re.findall(
            r'data-row>\s*<th scope="row"><a class="code" href="/desk/returns/(RMA-[^"]+)"', html
        )
        following = re.search(r'href="([^"]+)" rel="next"', html)
        path = unescape(following[1]) if following else ""
    assert sorted(seen) == sorted(made)
    assert seen[:2] == made[:2]


def test_finance_reads_the_queue_without_names(
    person: Callable[..., Person], requested: Callable[..., str]
) -> None:
    rma = requested()
    page = person(Role.FINANCE).page("/desk/returns")
    assert rma in page
    assert "Maud" not in page
    assert person(Role.WAREHOUSE).get("/desk/returns").status_code == 403


# Finding -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("typed", ["DA-1", "da-1", "maud@shop.example", "MAUD@SHOP.EXAMPLE", "+44 7700 900123",
                                   "07700 900 123", "maud el", "Maud  Ellery", "Ell", "ellery"])  # fmt: skip
def test_one_order_is_found_by_whatever_a_customer_says(
    rep: Person, order: Callable[..., str], typed: str
) -> None:
    order("DA-1", phone="+44 (0)7700 900123")
    order("DA-2", name="Other Person", email="other@shop.example", phone="07700 900124")
    assert (
        rep.get(f"/desk/find?q={typed.replace('+', '%2B')}").headers["location"]
        == "/desk/returns/new?order=DA-1"
    )


def test_a_return_under_way_is_found_by_its_order_and_by_its_number_in_any_writing(
    rep: Person, requested: Callable[..., str]
) -> None:
    rma = requested()
    there = f"/desk/returns/{rma}"
    for typed in ("DA-1", rma, rma.lower(), rma.removeprefix("RMA-").replace("-", " ")):
        assert rep.get(f"/desk/find?q={typed}").headers["location"] == there


def test_several_orders_are_shown_with_their_returns(
    rep: Person, requested: Callable[..., str], order: Any
) -> None:
    rma = requested("DA-1")
    order("DA-2")
    page = rep.page("/desk/find?q=maud@shop.example")
    assert page.startswith("2 orders for “maud@shop.example”")
    assert rma in page


@pytest.mark.parametrize(
    "typed", ["", "nobody@shop.example", "m", "12345", "-1", "%00", "RMA-2222-2222", "zzz"]
)
def test_nothing_found_says_what_can_be_looked_for(rep: Person, order: Any, typed: str) -> None:
    order()
    assert "Look for an order number" in rep.page(f"/desk/find?q={typed}")


def test_the_warehouse_finds_goods_and_nobody(
    person: Callable[..., Person], requested: Callable[..., str]
) -> None:
    rma, warehouse = requested(), person(Role.WAREHOUSE)
    assert warehouse.get("/desk/find?q=DA-1").headers["location"] == f"/desk/returns/{rma}"
    assert warehouse.get(f"/desk/returns/{rma}").headers["location"] == f"/desk/station/{rma}"
    assert "Maud" not in warehouse.page("/desk/find?q=maud@shop.example").replace("maud@", "")
    assert "Nothing found" in warehouse.page("/desk/find?q=maud@shop.example")


# Starting ----------------------------------------------------------------------------------------

START = {
    "order": "DA-1",
    "channel": "phone",
    "reason__1": "too_small",
    "quantity__1": "2",
    "authorize": "yes",
}


def test_a_return_is_started_and_authorized_in_one_form(rep: Person, order: Any, admin: Any) -> None:
    order()
    page = rep.page("/desk/returns/new?order=DA-1")
    assert "Maud Ellery" in page
    there = rep.does("/desk/returns/new", **START)
    rma = there.removeprefix("/desk/returns/").partition("?")[0]
    view = admin.get(f"/returns/{rma}").json()
    assert (view["stage"], view["channel"], view["lots"][0]["quantity"]) == ("authorized", "phone", 2)
    said = rep.page(there)
    assert said.startswith("The return is started and authorized.")
    assert "You look after this" in said


def test_the_contact_may_be_earlier_and_is_read_in_the_shops_zone(
    rep: Person, order: Any, admin: Any
) -> None:
    order()
    there = rep.does("/desk/returns/new", **(START | {"contacted_at": "2026-03-03T10:15"}))
    rma = there.removeprefix("/desk/returns/").partition("?")[0]
    assert admin.get(f"/returns/{rma}").json()["contacted_at"] == "2026-03-03T10:15:00Z"
    answer = rep.post("/desk/returns/new", **(START | {"contacted_at": "2026-03-09T10:15"}))
    assert answer.status_code == 422
    assert "later than now" in words(answer.text)


def test_the_check_says_what_would_come_of_it_and_writes_nothing(rep: Person, order: Any, admin: Any) -> None:
    order()
    answer = rep.post("/desk/returns/check", **(START | {"note": "She found it too tight."}))
    page = words(answer.text)
    assert answer.status_code == 200
    assert "yes It can come back." in page
    assert "Goods £80.00 In all £80.00 £80.00 to Visa ending 4242." in page
    assert "She found it too tight." in page
    assert admin.get("/returns").json()["items"] == []
    whole = words(
        rep.post("/desk/returns/check", **(START | {"reason__2": "other", "quantity__2": "1"})).text
    )
    assert "Delivery £5.00 In all £105.00" in whole


def test_what_the_rules_forbid_a_rep_may_override_with_a_reason(
    rep: Person, order: Any, admin: Any, api: Any
) -> None:
    order()
    api.clock.advance(timedelta(days=40))
    checked = words(rep.post("/desk/returns/check", **START).text)
    assert "no You may go against these rules with a reason. the time for returning it has passed" in checked
    refused = rep.post("/desk/returns/new", **START)
    assert refused.status_code == 422
    assert "This request is not eligible. A rep may override the rule, with a reason." in words(refused.text)
    assert 'value="too_small" selected' in refused.text
    there = rep.does(
        "/desk/returns/new", **(START | {"override": "goodwill", "override_note": "A loyal customer."})
    )
    assert "A loyal customer." in rep.page(there)


def test_a_form_without_goods_or_order_says_so(rep: Person, order: Any) -> None:
    order()
    nothing = rep.post("/desk/returns/new", order="DA-1", channel="phone")
    assert nothing.status_code == 422
    assert "Choose a reason for each thing that comes back." in words(nothing.text)
    assert rep.get("/desk/returns/new?order=DA-9").status_code == 404
    assert rep.post("/desk/returns/new", **(START | {"reason__99999999999": "other"})).status_code == 422


def test_the_same_form_twice_starts_one_return(rep: Person, order: Any, admin: Any) -> None:
    order()
    key = FIRST_KEY.search(rep.get("/desk/returns/new?order=DA-1").text)
    assert key is not None
    once = {**START, "quantity__1": "1", "key": key[1]}
    assert rep.does("/desk/returns/new", **once) == rep.does("/desk/returns/new", **once)
    assert len(admin.get("/returns").json()["items"]) == 1


# One return --------------------------------------------------------------------------------------


def test_a_return_is_whole_on_one_page(rep: Person, inspected: Callable[..., str]) -> None:
    page = rep.page(f"/desk/returns/{inspected()}")
    for said in (
        "inspected Next: Decide , a rep, by 11 Mar 2026, 12:00 GMT",
        "Linen dress lot 2, line 1: too small received original, packaging original",
        "to be decided the rules say: a person decides because of condition opened",
        "Decide within 5 business days runs due",
        "Visa ending 4242 pi_DA-1 £105.00",
        "Name Maud Ellery Email maud@shop.example",
        "Nobody looks after this.",
        "Mails to the customer Received: on its way Authorized: on its way",
        "Inspected admin-1 (admin), policy",
    ):
        assert said in page, said


def test_a_decision_is_previewed_by_the_code_that_pays_it(
    rep: Person, inspected: Callable[..., str], admin: Any
) -> None:
    rma = inspected()
    page = rep.page(f"/desk/returns/{rma}")
    assert "What this pays The rules leave line 1 to a person." in page
    form = {"decision__line__1": "1", "decision__line__2": "1", "decision__lot__1": "accepted"}
    preview = words(rep.post(f"/desk/returns/{rma}/decision/preview", **form).text)
    assert "What this pays Goods £80.00 In all £80.00 £80.00 to Visa ending 4242." in preview
    assert admin.get(f"/returns/{rma}").json()["stage"] == "inspected"
    half = words(
        rep.post(f"/desk/returns/{rma}/decision/preview", **(form | {"decision__lot__1": "rejected"})).text
    )
    assert "Goods £40.00 In all £40.00" in half
    there = rep.does(f"/desk/returns/{rma}/decision", **form, decision__note="Only tried on.")
    view = admin.get(f"/returns/{rma}").json()
    assert (view["stage"], view["goods_minor"]) == ("closed", 8_000)
    assert "Only tried on." in rep.page(there)


def test_a_refused_form_keeps_what_was_typed_and_says_why(rep: Person, requested: Callable[..., str]) -> None:
    rma = requested()
    answer = rep.post(f"/desk/returns/{rma}/decline", decline__note="Worn to a party.")
    assert answer.status_code == 422
    assert "Tick at least one reason" in words(answer.text)
    assert answer.text.count("Worn to a party.") == 1
    assert (
        f'action="/desk/returns/{rma}/decline"'
        in answer.text.partition('<details class="command" open>')[2][:400]
    )
    assert rep.post(f"/desk/returns/{rma}/question").status_code == 422
    assert rep.post(f"/desk/returns/{rma}/hold", hold__reason="a hunch").status_code == 422


@pytest.mark.parametrize(
    ("kind", "fields", "stage"),
    [
        ("authorization", {}, "authorized"),
        ("decline", {"decline__because-hygiene": "yes"}, "declined"),
        ("cancellation", {"cancellation__note": "She keeps it."}, "cancelled"),
        ("question", {"question__note": "Which of the two?"}, "requested"),
        ("message", {"message__channel": "chat", "message__note": "The blue one."}, "requested"),
        ("hold", {"hold__reason": "legal"}, "requested"),
    ],
)
def test_each_command_has_its_form(
    rep: Person, requested: Callable[..., str], admin: Any, kind: str, fields: dict[str, str], stage: str
) -> None:
    rma = requested()
    assert f'action="/desk/returns/{rma}/{kind}"' in rep.get(f"/desk/returns/{rma}").text
    there = rep.does(f"/desk/returns/{rma}/{kind}", **fields)
    assert admin.get(f"/returns/{rma}").json()["stage"] == stage
    page = rep.page(there)
    assert [x for x in fields.values() if x.endswith((".", "?")) and x not in page] == []


def test_a_parcel_is_sent_and_lost(rep: Person, requested: Callable[..., str], admin: Any) -> None:
    rma = requested(authorize=True)
    rep.does(
        f"/desk/returns/{rma}/shipment", shipment__tracking="JD0001", shipment__sent_at="2026-03-04T09:00"
    )
    assert "JD0001" in rep.page(f"/desk/returns/{rma}")
    rep.does(f"/desk/returns/{rma}/loss")
    assert admin.get(f"/returns/{rma}").json()["lots"][0]["reception"] == "lost"


def test_a_hold_goes_on_again_and_dates_are_counted_anew_by_a_manager(
    rep: Person, person: Callable[..., Person], requested: Callable[..., str]
) -> None:
    rma, manager = requested(), person(Role.MANAGER)
    rep.does(f"/desk/returns/{rma}/hold", hold__reason="legal", hold__note="Ask the lawyer.")
    assert "On hold since" in rep.page(f"/desk/returns/{rma}")
    rep.does(f"/desk/returns/{rma}/resumption")
    assert "On hold since" not in rep.page(f"/desk/returns/{rma}")
    assert rep.post(f"/desk/returns/{rma}/recalculation").status_code == 403
    manager.does(f"/desk/returns/{rma}/recalculation")


def test_a_manager_approves_what_somebody_else_decided_and_finance_pays_it_by_hand(
    rep: Person, person: Callable[..., Person], admin: Any, api: Any
) -> None:
    lines = [{"line": 1, "sku": "S", "title": "Gown", "quantity": 1, "unit_price_minor": 90_000}]
    admin.put("/orders/DA-7", {
        "currency": "GBP", "ordered_at": "2026-03-01T10:00:00Z", "lines": lines, "payments": [],
        "customer": {"name": "Maud", "email": "maud@shop.example"},
    })  # fmt: skip
    asked = {"order_reference": "DA-7", "channel": "email", "authorize": True,
             "items": [{"line": 1, "quantity": 1, "reason": "too_small"}]}  # fmt: skip
    rma = admin.post("/returns", asked).json()["rma"]
    admin.post(f"/returns/{rma}/receipts", {"items": [{"line": 1, "quantity": 1}]})
    seen = {"line": 1, "quantity": 1, "condition": "opened", "packaging": "original"}
    admin.post(f"/returns/{rma}/inspections", {"items": [seen]})
    verdict = {"decision__line__1": "1", "decision__lot__1": "accepted"}
    assert "a manager approves" in words(rep.post(f"/desk/returns/{rma}/decision/preview", **verdict).text)
    rep.does(f"/desk/returns/{rma}/decision", **verdict)
    manager, finance = person(Role.MANAGER), person(Role.FINANCE)
    page = manager.page(f"/desk/returns/{rma}")
    assert "Approve the refund" in page
    assert (
        "rep-1 has had this since 12:00" not in page
    )  # said without a colleague's instant: a manager may act
    manager.does(f"/desk/returns/{rma}/approval")
    page = finance.page(f"/desk/returns/{rma}")
    assert "It was paid another way" in page
    assert "Maud" not in page
    refused = finance.post(
        f"/desk/returns/{rma}/paid-by-hand",
        **{"paid-by-hand__reference": "BT-1", "paid-by-hand__how": "cash"},
    )
    assert refused.status_code == 403
    manager.does(f"/desk/returns/{rma}/paid-by-hand", **{
        "paid-by-hand__how": "bank_transfer", "paid-by-hand__reference": "BT-1", "paid-by-hand__amount_minor": "900.00",
    })  # fmt: skip
    assert admin.get(f"/returns/{rma}").json()["owed_without_refund_minor"] == 0


def test_mails_are_shown_as_the_customer_gets_them_to_who_works_with_customers(
    rep: Person, person: Callable[..., Person], requested: Callable[..., str]
) -> None:
    rma = requested(authorize=True)
    answer = rep.get(f"/desk/returns/{rma}/mails/1")
    assert answer.status_code == 200
    assert "Maud Ellery" in answer.text
    assert "data:image/png;base64," in answer.text
    assert "sandbox" in answer.headers["content-security-policy"]
    assert "script" not in answer.headers["content-security-policy"]
    assert rep.get(f"/desk/returns/{rma}/mails/9").status_code == 404
    assert person(Role.FINANCE).get(f"/desk/returns/{rma}/mails/1").status_code == 403


# Two people --------------------------------------------------------------------------------------


def test_two_reps_do_not_answer_one_customer_twice(
    rep: Person, person: Callable[..., Person], requested: Callable[..., str], admin: Any, api: Any
) -> None:
    rma, other = requested(), person(Role.REP, "rep-2")
    other.does(f"/desk/returns/{rma}/claim")
    api.clock.advance(timedelta(hours=1))
    refused = rep.post(f"/desk/returns/{rma}/question", question__note="Which of the two?")
    assert refused.status_code == 409
    assert "rep-2 has had this since 12:00. Nothing was changed. Take it over, or leave it to them." in words(
        refused.text
    )
    assert "Which of the two?" in refused.text
    assert "Take over from rep-2: mail the question" in words(refused.text)
    assert admin.get(f"/returns/{rma}").json()["awaiting_answer_since"] is None
    rep.does(f"/desk/returns/{rma}/question", question__note="Which of the two?", **{"from": "rep-2"})
    assert other.post(f"/desk/returns/{rma}/cancellation").status_code == 409
    assert "rep-1 has had this" in other.page(f"/desk/returns/{rma}")


def test_nobody_takes_over_from_somebody_they_have_not_seen(
    rep: Person, person: Callable[..., Person], requested: Callable[..., str]
) -> None:
    rma, second, third = requested(), person(Role.REP, "rep-2"), person(Role.REP, "rep-3")
    second.does(f"/desk/returns/{rma}/claim")
    third.does(f"/desk/returns/{rma}/claim", **{"from": "rep-2"})
    late = rep.post(f"/desk/returns/{rma}/claim", **{"from": "rep-2"})
    assert late.status_code == 409
    assert "rep-3 has had this" in words(late.text)


def test_a_claim_is_given_back_and_ends_with_the_return(
    rep: Person, person: Callable[..., Person], requested: Callable[..., str], api: Desk
) -> None:
    rma, other = requested(), person(Role.REP, "rep-2")
    rep.does(f"/desk/returns/{rma}/claim")
    other.does(f"/desk/returns/{rma}/release")  # what others have stays theirs
    assert other.post(f"/desk/returns/{rma}/hold", hold__reason="legal").status_code == 409
    rep.does(f"/desk/returns/{rma}/release")
    other.does(f"/desk/returns/{rma}/cancellation")
    with api.database.reading() as connection:
        assert claims.holder(connection, rma) is None
    rep.does(f"/desk/returns/{rma}/message", message__channel="phone", message__note="She called again.")
    with api.database.reading() as connection:
        assert claims.holder(connection, rma) is None


def test_a_reps_claim_holds_up_no_manager_in_what_only_managers_do(
    rep: Person, person: Callable[..., Person], requested: Callable[..., str]
) -> None:
    rma, manager = requested(), person(Role.MANAGER)
    rep.does(f"/desk/returns/{rma}/claim")
    manager.does(f"/desk/returns/{rma}/recalculation")
    assert (
        manager.post(f"/desk/returns/{rma}/decline", **{"decline__because-hygiene": "yes"}).status_code == 409
    )


def test_who_looks_at_a_return_is_seen_and_forgotten(
    rep: Person, person: Callable[..., Person], requested: Callable[..., str], api: Any
) -> None:
    rma, other = requested(), person(Role.REP, "rep-2")
    other.page(f"/desk/returns/{rma}")
    assert "rep-2 looks at this now." in rep.page(f"/desk/returns/{rma}")
    assert "rep-2 looks at it" in rep.page("/desk/returns")
    assert "rep-1 looks at this now." not in rep.page(f"/desk/returns/{rma}")
    api.clock.advance(timedelta(seconds=31))
    assert "looks at" not in rep.page(f"/desk/returns/{rma}")


# Notes -------------------------------------------------------------------------------------------


def test_a_note_is_for_colleagues_and_never_reaches_the_customer(
    rep: Person,
    person: Callable[..., Person],
    requested: Callable[..., str],
    api: Desk,
    http: TestClient,
    admin: Any,
) -> None:
    rma = requested(authorize=True)
    there = rep.does(f"/desk/returns/{rma}/notes", colleagues__note="Polite, and in a hurry.")
    assert there == f"/desk/returns/{rma}#notes"
    assert "Polite, and in a hurry." in rep.page(f"/desk/returns/{rma}")
    assert "Polite, and in a hurry." in person(Role.FINANCE).page(f"/desk/returns/{rma}")
    customers = http.get(f"/r/{rma}/{api.links.keyring.key_of(rma)}")
    assert customers.status_code == 200
    assert "Polite" not in customers.text
    assert "Polite" not in rep.get(f"/desk/returns/{rma}/mails/1").text
    assert "Polite" not in admin.get(f"/returns/{rma}/timeline").text
    assert rep.post(f"/desk/returns/{rma}/notes", colleagues__note="").status_code == 422


def test_notes_are_written_and_read_by_the_api(admin: Any, requested: Callable[..., str]) -> None:
    rma = requested()
    first = admin.post(f"/returns/{rma}/notes", {"note": "Ask for a photo."}, key="n-1")
    assert first.status_code == 201
    again = admin.post(f"/returns/{rma}/notes", {"note": "Ask for a photo."}, key="n-1")
    assert again.json() == first.json()
    other = admin.post(f"/returns/{rma}/notes", {"note": "Ask for two."}, key="n-1")
    assert other.json()["code"] == "idempotency_key_reused"
    listed = admin.get(f"/returns/{rma}/notes").json()["items"]
    assert [(x["note"], x["actor_id"], x["rma"]) for x in listed] == [("Ask for a photo.", "admin-1", rma)]
    assert admin.post("/returns/RMA-7K3M-Q9TX/notes", {"note": "x"}).status_code == 404
    assert admin.get("/returns/RMA-7K3M-Q9TX/notes").status_code == 404


def test_a_request_without_an_outcome_is_waited_for_at_its_return(rep: Person, order: Any, api: Any) -> None:
    order()
    api.door.is_silent = True
    there = rep.does("/desk/returns/new", **START)
    assert "is being started" in rep.page(there)
    assert rep.get("/desk/returns/RMA-7K3M-Q9TX").status_code == 404
