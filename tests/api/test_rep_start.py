"""Starting a return at the rep's desk, over HTTP and on both databases: what is asked, what is refused and in which words."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from rep_desk import Person, words

START = {
    "order": "DA-1",
    "channel": "phone",
    "reason__1": "too_small",
    "quantity__1": "2",
    "authorize": "yes",
}
ADDRESS = "/desk/returns/new?order=DA-1"
HOW_MANY = "How many come back? Write a whole number, 1 or more; or choose “it stays”."


@pytest.mark.parametrize("typed", ["", "0", "two", "-1", "1.5", "99999999"])
def test_how_many_is_asked_wherever_it_is_not_said(rep: Person, order: Any, admin: Any, typed: str) -> None:
    order()
    form = START | {"quantity__1": typed}
    answer = rep.post(ADDRESS, **form)
    assert answer.status_code == 422
    assert HOW_MANY in words(answer.text)
    assert 'id="quantity-1-error"' in answer.text
    preview = words(rep.post("/desk/returns/check", **form).text)
    assert HOW_MANY in preview.partition("What the rules say")[2]
    assert admin.get("/returns").json()["items"] == []


def test_a_line_without_a_reason_stays_whatever_its_number(rep: Person, order: Any, admin: Any) -> None:
    order()
    there = rep.does(ADDRESS, **(START | {"quantity__2": "", "reason__2": ""}))
    rma = there.removeprefix("/desk/returns/").partition("?")[0]
    assert [(x["line"], x["quantity"]) for x in admin.get(f"/returns/{rma}").json()["lots"]] == [(1, 2)]


def test_mistakes_of_other_fields_are_told_with_one_full_stop(rep: Person, order: Any) -> None:
    order()
    answer = rep.post(ADDRESS, **(START | {"channel": "pigeon"}))
    assert answer.status_code == 422
    said = words(answer.text)
    assert "Correct this first" in said
    assert ".." not in said
    preview = words(rep.post("/desk/returns/check", **(START | {"channel": "pigeon"})).text)
    assert "Nothing was changed" not in preview


def test_a_contact_before_its_order_is_no_contact(rep: Person, order: Any, admin: Any, api: Any) -> None:
    order()  # nine days ago, at 12:00
    before = START | {"contacted_at": "2026-02-23T11:59"}
    said = (
        "The order is from 23 February 2026, 12:00, and the contact cannot have been before it. "
        "Nothing was changed. Give when the contact was."
    )
    refused = rep.post(ADDRESS, **before)
    assert (refused.status_code, said in words(refused.text)) == (422, True)
    assert "the contact cannot have been before it" in words(rep.post("/desk/returns/check", **before).text)
    body = {
        "order_reference": "DA-1", "channel": "phone", "items": [{"line": 1, "quantity": 1, "reason": "other"}],
        "contacted_at": (api.clock.now() - timedelta(days=20)).isoformat(),
    }  # fmt: skip
    answer = admin.post("/returns", body)
    assert (answer.status_code, answer.json()["code"]) == (422, "contact_before_order")
    assert admin.get("/returns").json()["items"] == []
    rep.does(ADDRESS, **(before | {"contacted_at": "2026-02-23T12:00"}))


def test_a_contact_in_the_minute_of_the_order_is_fine(admin: Any, api: Any) -> None:
    at = api.clock.now() - timedelta(days=2)
    admin.put("/orders/DA-5", {
        "currency": "GBP", "ordered_at": (at + timedelta(seconds=40)).isoformat(),
        "customer": {"name": "Maud", "email": "maud@shop.example"},
        "lines": [{"line": 1, "sku": "S", "title": "Gown", "quantity": 1, "unit_price_minor": 900}],
    })  # fmt: skip
    body = {"order_reference": "DA-5", "channel": "phone", "contacted_at": at.isoformat(),
            "items": [{"line": 1, "quantity": 1, "reason": "other"}]}  # fmt: skip
    assert admin.post("/returns", body).status_code == 201


def test_a_number_that_no_order_has_is_told_to_a_person(rep: Person, order: Any) -> None:
    order()
    unknown = rep.get("/desk/returns/new?order=DA-9")
    assert unknown.status_code == 404
    assert "There is no order with this number. Compare it with the customer's order confirmation" in words(
        unknown.text
    )
    assert "Send it first" not in unknown.text
    blank = rep.get("/desk/returns/new?order=+")
    assert (blank.status_code, "Write the order number first." in words(blank.text)) == (422, True)
    assert "Write the order number first." not in rep.page("/desk/returns/new")


def test_reasons_against_a_return_are_words(rep: Person, order: Any, api: Any) -> None:
    order()
    api.clock.advance(timedelta(days=40))
    said = words(rep.post(ADDRESS, **(START | {"quantity__1": "3"})).text)
    assert "the time for returning it has passed more than the order had (line 1)" in said
    assert "Code" not in said


def test_what_came_of_the_start_says_whether_it_may_be_sent(rep: Person, order: Any) -> None:
    order()
    asked = {name: value for name, value in START.items() if name != "authorize"} | {"quantity__1": "1"}
    assert rep.page(rep.does(ADDRESS, **asked)).startswith(
        "The return is started. The customer is being mailed that we have it; it waits for a yes or no, below."
    )
    assert rep.page(rep.does(ADDRESS, **(START | {"quantity__1": "1"}))).startswith(
        "The return is started and authorized. The customer is being mailed the instructions"
    )


def test_the_returns_of_an_order_come_first_and_nothing_is_asked_for_where_nothing_is_left(
    rep: Person, requested: Callable[..., str], admin: Any
) -> None:
    rma = requested(authorize=True)
    admin.post(f"/returns/{rma}/receipts", {"items": [{"line": 1, "quantity": 2}]})
    seen = {"line": 1, "quantity": 2, "condition": "original", "packaging": "original"}
    admin.post(f"/returns/{rma}/inspections", {"items": [seen]})
    page = rep.page(rep.get("/desk/find?q=maud@shop.example").headers["location"])
    assert f"Its return so far Return Stage Contact Granted {rma} closed Wednesday 4 March £80.00" in page
    assert page.index(rma) < page.index("What else comes back")
    rep.does(ADDRESS, order="DA-1", channel="phone", reason__2="other", quantity__2="1")
    page = rep.page(ADDRESS)
    assert "there is nothing left to start one for" in page
    assert "Start the return" not in page
    assert "How they reached us" not in page


def test_what_was_found_says_what_was_bought(rep: Person, order: Any) -> None:
    order("DA-1")
    order("DA-2")
    assert "DA-1 of Monday 23 February 2 \u00d7 Linen dress Silk scarf Maud Ellery" in rep.page(
        "/desk/find?q=maud@shop.example"
    )
