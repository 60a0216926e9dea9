"""The customer's page of a return, over HTTP: the truth about it, and nothing that the shop keeps to itself."""

import html
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from in_process import KEYRING
from starlette.testclient import TestClient

from returndesk.domain.people import Role

DAY = timedelta(days=1)


class Customer:
    """A return, what is done with it, and what its customer reads."""

    def __init__(self, api: Any, http: TestClient, admin: Any, as_role: Callable[[Role], Any]) -> None:
        self.api, self.http, self.admin, self.manager = api, http, admin, as_role(Role.MANAGER)
        self.rma = ""

    def asks(self, *quantities: int, price_minor: int = 4_000, **more: Any) -> str:
        """An order, and a request for so many units of line 1, 2, …"""
        lines = [
            {"line": n, "sku": f"S{n}", "title": f"Dress {n}", "quantity": q, "unit_price_minor": price_minor}
            for n, q in enumerate(quantities, start=1)
        ]
        paid = {"processor": "stripe", "reference": "pi_1", "captured_minor": sum(quantities) * price_minor}
        order = {
            "currency": "GBP", "ordered_at": "2026-03-01T10:00:00Z", "lines": lines, "payments": [paid],
            "customer": {"name": "Jane Canary", "email": "jane@canary.example"},
        }  # fmt: skip
        self.admin.put("/orders/A-1", order)
        items = [{"line": n, "quantity": q, "reason": "other"} for n, q in enumerate(quantities, start=1)]
        asked = {"order_reference": "A-1", "channel": "phone", "items": items, "authorize": True} | more
        answer = self.admin.post("/returns", asked)
        assert answer.status_code == 201, answer.text
        self.rma = answer.json()["rma"]
        return self.rma

    def does(self, what: str, body: dict[str, Any] | None = None, by: Any = None) -> None:
        """A command of the admin, or of somebody else."""
        answer = (by or self.admin).post(f"/returns/{self.rma}/{what}", body or {})
        assert answer.status_code == 200, answer.text

    def arrive(self, *quantities: int, **more: Any) -> None:
        items = [{"line": n, "quantity": q} for n, q in enumerate(quantities, start=1) if q]
        self.does("receipts", {"items": items, **more})

    def inspect(self, *quantities: int, condition: str = "original", **more: Any) -> None:
        items = [
            {"line": n, "quantity": q, "condition": condition, "packaging": "original"}
            for n, q in enumerate(quantities, start=1)
            if q
        ]
        self.does("inspections", {"items": items, **more})

    def reads(self, what: str = "") -> str:
        page = self.http.get(f"/r/{self.rma}/{KEYRING.key_of(self.rma)}{what}")
        body = page.text[page.text.index("<body") :]
        return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", body)).split())


@pytest.fixture
def customer(api: Any, http: TestClient, admin: Any, as_role: Callable[[Role], Any]) -> Customer:
    return Customer(api, http, admin, as_role)


def test_a_hold_and_its_reason_stay_in_the_shop(customer: Customer) -> None:
    customer.asks(1)
    customer.arrive(1)
    before = customer.reads()
    customer.does("hold", {"reason": "suspected_fraud", "note": "Canary: third this month."})
    assert customer.reads() == before
    customer.does("resumption")
    assert customer.reads() == before
    assert not re.search(r"admin|fraud|inspections|hold", before)


def test_a_verdict_is_shown_once_it_is_decided_and_not_when_the_rules_guess_it(customer: Customer) -> None:
    customer.asks(1)
    customer.arrive(1)
    customer.inspect(1, condition="used", decide=False)
    seen = customer.reads()
    assert "Checked, and about to be decided" in seen
    assert "used; packaging original Our decision" not in seen
    assert "used; packaging original not decided yet" in seen
    assert "We found signs of use" not in seen
    customer.does("decision")
    seen = customer.reads()
    assert "not accepted We found signs of use" in seen
    assert "There is no refund for this return. What we could not accept leaves for you by" in seen


def test_what_waits_for_a_manager_is_not_told_and_what_one_refused_never_is(customer: Customer) -> None:
    customer.asks(1, price_minor=60_000)
    customer.arrive(1)
    customer.inspect(1)
    waiting = customer.reads()
    assert "Checked, and with a manager" in waiting
    assert "any refund is sent, by" in waiting
    customer.does("refusal", {"note": "Canary: look again."}, by=customer.manager)
    refused = customer.reads()
    assert "Checked, and about to be decided" in refused
    for seen in (waiting, refused):
        assert not re.search(r"£|accepted|We decided|efused", seen), seen
    customer.does("decision")
    customer.does("approval", by=customer.manager)
    approved = customer.reads()
    assert approved.count("We decided: you get £600.00 back.") == 1
    assert "decided on Wednesday 4 March £600.00 Refunded £600.00" in approved
    assert approved.count("did not go through") == 0


def test_two_decisions_add_up_and_the_second_says_nothing_of_the_first(customer: Customer) -> None:
    customer.asks(3)
    customer.arrive(2)
    customer.inspect(2)
    first = customer.reads()
    assert "You get back, decided on Wednesday 4 March £80.00 Refunded £80.00" in first
    assert "Dress 1 did not arrive not accepted It was not in the parcel that reached us." in first
    customer.arrive(1)
    customer.inspect(1, decide=False)
    late = customer.reads()
    assert "2 with us original condition; packaging original accepted" in late
    assert "Dress 1 with us original condition; packaging original not decided yet" in late
    customer.does("decision")
    both = customer.reads()
    assert "3 with us" in both, "what shares one fate is one item"
    assert "£80.00 Decided on Wednesday 4 March £40.00 You get back £120.00 Refunded £120.00" in both


def test_what_was_counted_by_mistake_leaves_no_trace_among_the_items(customer: Customer) -> None:
    customer.asks(1)
    customer.arrive(1, wrong_items=[{"quantity": 1, "note": "Canary: a brick."}])
    assert "Something that is not part of this order with us" in customer.reads()
    lot = next(x for x in customer.admin.get(f"/returns/{customer.rma}").json()["lots"] if x["line"] is None)
    customer.does("correction", {"items": [{"lot": lot["lot"], "quantity": 1}], "reason": "other_return"})
    seen = customer.reads()
    assert "Something that is not part of this order" not in seen
    assert "We corrected what had reached us." in seen


def test_the_slip_lists_what_is_still_to_be_sent(customer: Customer) -> None:
    customer.asks(3, 1)
    assert "Dress 1 3 Dress 2 1 Please pack" in customer.reads("/slip")
    customer.does("shipment", {"note": "x", "items": [{"line": 1, "quantity": 2}]})
    assert "Dress 1 1 Dress 2 1 Please pack" in customer.reads("/slip")
    assert "Part of it is on its way to us" in customer.reads()
    customer.arrive(2, more_expected=True)
    assert "Dress 1 1 Dress 2 1 Please pack" in customer.reads("/slip"), "for the second parcel"
    assert "Print the packing slip" in customer.reads()
    customer.does("shipment", {"note": "x"})
    assert "Print the packing slip" not in customer.reads()
    assert "Dress 1 1 Dress 2 1 Please pack" in customer.reads("/slip"), (
        "the link in the email still opens it"
    )
    customer.arrive(1, 1)
    gone = customer.http.get(f"/r/{customer.rma}/{KEYRING.key_of(customer.rma)}/slip")
    assert gone.json()["code"] == "no_slip"
    assert "nothing of this return waits to be sent" in gone.json()["detail"]


def test_a_promise_that_passed_is_followed_by_the_one_in_the_email(customer: Customer) -> None:
    customer.asks(1, authorize=False)
    customer.api.clock.advance(8 * DAY)
    customer.api.door.time_passes(customer.rma)
    assert "It is done by" in customer.reads()
    customer.api.clock.advance(5 * DAY)
    late = customer.reads()
    assert "A manager has been told" in late
    customer.does("authorization")
    customer.arrive(1)
    received = customer.reads()
    assert "We are late: this was to be done by Wednesday 11 March" in received
    assert "It is done by Wednesday 18 March" in received, "a business day from when the goods came"


def test_a_cancelled_return_has_ended_clocks_and_a_declined_one_owes_no_refund(customer: Customer) -> None:
    customer.asks(1)
    customer.does("cancellation")
    assert customer.reads().count("business days ended") == 2
    customer.asks(1, authorize=False)
    customer.does("decline", {"reasons": ["hygiene"], "note": "Canary"})
    declined = customer.reads()
    assert "5 business days kept" in declined
    assert "7 business days no refund due" in declined
    assert "Dress 1 with you not accepted For reasons of hygiene" in declined
    assert "Canary" not in declined
