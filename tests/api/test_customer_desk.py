"""What a customer does on the page of their return, and how they ask for one: by links alone, in both databases."""

import html
import re
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from in_process import KEYRING, POLICY, opened
from sqlalchemy import text
from starlette.testclient import TestClient

from api.app import application
from returndesk.domain.errors import InvalidInput
from returndesk.domain.people import Role
from returndesk.domain.policy import read_policy
from returndesk.store import accounts, tokens

OURS = {"Sec-Fetch-Site": "same-origin"}
ORDER = {
    "currency": "GBP", "ordered_at": "2026-03-01T10:00:00Z", "shipping_minor": 500,
    "customer": {"name": "Jane Canary", "email": "Jane@Canary.example", "address": ["1 Canary Row"]},
    "lines": [
        {"line": 1, "sku": "A", "title": "Linen dress", "quantity": 2, "unit_price_minor": 4_000},
        {"line": 2, "sku": "B", "title": "Silk scarf", "quantity": 1, "unit_price_minor": 2_500, "final_sale": True},
    ],
    "payments": [{"processor": "stripe", "reference": "pi_1", "captured_minor": 11_000, "label": "Visa 4242"}],
}  # fmt: skip


def seen(page: Any) -> str:
    body = page.text[page.text.index("<main") :]
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", body)).split())


def key_of(page: Any) -> str:
    found: str = re.search(r'name="key" value="(form-[0-9a-f]{24})"', page.text)[1]  # type: ignore[index]
    return found


class Customer:
    """Somebody with a link, and the books behind it."""

    def __init__(self, api: Any, http: TestClient, admin: Any) -> None:
        self.api, self.http, self.admin = api, http, admin
        assert admin.put("/orders/A-1", ORDER).status_code == 201

    def has_return(self, **changed: Any) -> str:
        asked = {"order_reference": "A-1", "channel": "phone", "authorize": True,
                 "items": [{"line": 1, "quantity": 2, "reason": "other"}]} | changed  # fmt: skip
        rma: str = self.admin.post("/returns", asked).json()["rma"]
        return rma

    def reads(self, rma: str) -> Any:
        return self.http.get(link(rma))

    def sends(self, rma: str, what: str, headers: dict[str, str] = OURS, **fields: str) -> Any:
        fields = {"key": key_of(self.reads(rma))} | fields
        return self.http.post(f"{link(rma)}/{what}", data=fields, headers=headers, follow_redirects=False)

    def asks_for_link(self, order: str = "A-1", email: str = "jane@canary.example ") -> Any:
        return self.http.post("/start", data={"order": order, "email": email}, headers=OURS)

    def letters(self) -> list[str]:
        with self.api.database.reading() as connection:
            return list(connection.execute(text("SELECT id FROM letters ORDER BY written_at, id")).scalars())

    def start(self) -> str:
        self.asks_for_link()
        letter = self.letters()[-1]
        return f"/start/{letter}/{KEYRING.start_key(letter)}"

    def chooses(self, at: str, step: str, headers: dict[str, str] = OURS, **fields: str) -> Any:
        sent = {"step": step, "quantity-1": "1", "reason-1": "too_small", "quantity-2": "0", "reason-2": ""}
        fields = {name.replace("_", "-"): value for name, value in fields.items()}
        return self.http.post(at, data=sent | fields, headers=headers, follow_redirects=False)

    def stage(self, rma: str) -> str:
        found: str = self.admin.get(f"/returns/{rma}").json()["stage"]
        return found

    def rows(self, sql: str) -> list[Any]:
        with self.api.database.reading() as connection:
            return [tuple(row) for row in connection.execute(text(sql))]


def link(rma: str) -> str:
    return f"/r/{rma}/{KEYRING.key_of(rma)}"


@pytest.fixture
def customer(api: Any, http: TestClient, admin: Any) -> Customer:
    return Customer(api, http, admin)


# On the page of a return ------------------------------------------------------------------------


def test_what_they_write_is_a_message_of_the_customer_and_a_task_to_read_it(customer: Customer) -> None:
    rma = customer.has_return()
    answer = customer.sends(rma, "message", words="Is the label paid for?")
    assert (answer.status_code, answer.headers["Cache-Control"]) == (303, "no-store")
    assert "Thank you, we have it." in seen(customer.http.get(answer.headers["Location"]))
    assert customer.rows("SELECT actor_id, role, what FROM audit WHERE what = 'message'") == [
        ("customer", "customer", "message")
    ]
    assert customer.rows("SELECT body FROM texts WHERE actor_id = 'customer'") == [
        ("Is the label paid for?",)
    ]
    assert customer.rows("SELECT queue, owner_role FROM tasks WHERE queue = 'messages'") == [
        ("messages", "rep")
    ]
    assert "Is the label" not in str(customer.rows("SELECT input FROM commands"))


def test_a_question_is_shown_and_its_answer_starts_the_clocks_again(customer: Customer) -> None:
    rma = customer.has_return(authorize=False)
    customer.admin.post(f"/returns/{rma}/question", {"note": "Which of the two?\n<b>Please</b> say."})
    page = customer.reads(rma)
    assert "Which of the two?<br>&lt;b&gt;Please&lt;/b&gt; say." in page.text
    assert customer.sends(rma, "message", words="The blue one").status_code == 303
    page = customer.reads(rma)
    assert "Which of the two?" not in page.text
    clocks = {
        clock["kind"]: clock["state"] for clock in customer.admin.get(f"/returns/{rma}").json()["clocks"]
    }
    assert clocks == {"processing": "running", "refund": "running"}


def test_proof_of_sending_keeps_a_return_open(customer: Customer) -> None:
    rma = customer.has_return()
    assert customer.sends(rma, "shipment", tracking="JD0002").status_code == 303
    assert "On its way to us" in seen(customer.reads(rma))
    lots = customer.admin.get(f"/returns/{rma}").json()["lots"]
    assert [lot["reception"] for lot in lots] == ["in_transit"]
    assert f"{link(rma)}/shipment" not in customer.reads(rma).text, "all of it is on its way"


def test_words_are_proof_of_sending_too_and_nothing_is_none(customer: Customer) -> None:
    rma = customer.has_return()
    nothing = customer.sends(rma, "shipment")
    assert nothing.status_code == 422
    assert "Give the tracking number, or write what shows that it was sent." in nothing.text
    assert (
        customer.sends(rma, "shipment", proof="Handed in at the post office, receipt 17").status_code == 303
    )
    assert "receipt 17" not in str(customer.rows("SELECT input FROM commands"))


def test_they_may_keep_it_after_all(customer: Customer) -> None:
    rma = customer.has_return()
    unsure = customer.sends(rma, "cancellation", why="It fits!")
    assert unsure.status_code == 422
    assert "Tick that you want to keep the items." in unsure.text
    assert ">It fits!</textarea>" in unsure.text, "what was typed is still there"
    assert customer.stage(rma) == "authorized"
    assert customer.sends(rma, "cancellation", sure="yes", why="It fits!").status_code == 303
    page = customer.reads(rma)
    assert customer.stage(rma) == "cancelled"
    assert 'href="/start"' in page.text
    assert "/cancellation" not in page.text


def test_the_page_offers_only_what_the_stage_takes(customer: Customer) -> None:
    rma = customer.has_return(authorize=False)
    forms = {"message", "shipment", "cancellation"}
    offered = lambda: {what for what in forms if f'action="{link(rma)}/{what}"' in customer.reads(rma).text}  # noqa: E731
    assert offered() == {"message", "cancellation"}
    customer.admin.post(f"/returns/{rma}/authorization", {})
    assert offered() == forms
    customer.admin.post(f"/returns/{rma}/receipts", {"items": [{"line": 1, "quantity": 2}]})
    assert offered() == {"message"}
    late = customer.sends(rma, "cancellation", sure="yes")
    assert late.status_code == 409
    assert "has come further meanwhile" in seen(late)
    assert "not possible" not in seen(late).replace("not possible any more", "")


def test_a_form_sent_twice_counts_once_and_its_key_is_of_this_return_alone(customer: Customer) -> None:
    first = customer.has_return(items=[{"line": 1, "quantity": 1, "reason": "other"}])
    other = customer.has_return(items=[{"line": 1, "quantity": 1, "reason": "other"}])
    key = key_of(customer.reads(first))
    answers = [customer.sends(first, "message", words="Hello", key=key) for _ in range(2)]
    assert answers[0].headers["Location"] == answers[1].headers["Location"]
    assert customer.sends(other, "message", words="Hello", key=key).status_code == 303
    assert len(customer.rows("SELECT seq FROM audit WHERE what = 'message'")) == 2
    reused = customer.sends(first, "message", words="Something else", key=key)
    assert reused.status_code == 422


@pytest.mark.parametrize(
    "headers",
    [{}, {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Sec-Fetch-Site": "none"},
     {"Origin": "https://evil.example"}, {"Origin": "null"}],
)  # fmt: skip
def test_a_form_from_elsewhere_does_nothing(customer: Customer, headers: dict[str, str]) -> None:
    rma = customer.has_return()
    answer = customer.sends(rma, "cancellation", headers, sure="yes")
    assert (answer.status_code, answer.json()["code"]) == (403, "forged_request")
    at = customer.start()
    assert customer.chooses(at, "send", headers, key="form-1").status_code == 403
    assert customer.http.post("/start", data={"order": "A-1"}, headers=headers).status_code == 403
    assert customer.stage(rma) == "authorized"


def test_a_form_without_its_key_does_nothing(customer: Customer) -> None:
    rma = customer.has_return()
    for key in ("", "x", "form-é"):
        answer = customer.sends(rma, "cancellation", sure="yes", key=key)
        assert answer.status_code == 422
        assert "This form is not whole" in answer.text
    assert customer.stage(rma) == "authorized"


def test_no_other_link_takes_a_form(customer: Customer) -> None:
    rma, key = customer.has_return(), "form-1"
    for wrong in (
        f"/r/{rma}/{'0' * 32}",
        f"/r/{rma}/{KEYRING.mailbox_key()}",
        f"/r/RMA-7K3M-Q9TX/{KEYRING.key_of(rma)}",
    ):
        for what in ("message", "shipment", "cancellation"):
            fields = {"key": key, "words": "x", "tracking": "x", "sure": "yes"}
            answer = customer.http.post(f"{wrong}/{what}", data=fields, headers=OURS)
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    unknown = customer.http.post(
        f"{link('RMA-7K3M-Q9TX')}/message", data={"key": key, "words": "x"}, headers=OURS
    )
    assert unknown.status_code == 404
    for what in ("decision", "approval", "authorization", "refund-again"):
        assert customer.http.post(f"{link(rma)}/{what}", data={"key": key}, headers=OURS).status_code == 404
    assert customer.stage(rma) == "authorized"


def test_thirty_forms_an_hour_are_enough(customer: Customer) -> None:
    rma = customer.has_return()
    answers = [customer.sends(rma, "message", words=f"{n}").status_code for n in range(31)]
    assert answers == [303] * 30 + [429]


def test_what_somebody_writes_into_the_address_says_nothing_of_others(customer: Customer) -> None:
    rma = customer.has_return(items=[{"line": 1, "quantity": 1, "reason": "other"}])
    other = customer.has_return(items=[{"line": 1, "quantity": 1, "reason": "other"}])
    done = customer.sends(other, "message", words="Hello").headers["Location"].partition("?done=")[2]
    assert 'role="status"' not in customer.http.get(f"{link(rma)}?done={done}").text
    staff = customer.rows("SELECT id FROM commands WHERE role = 'admin'")[0][0]
    assert 'role="status"' not in customer.http.get(f"{link(rma)}?done={staff}").text


def test_a_form_that_was_refused_can_be_loaded_anew(customer: Customer) -> None:
    rma = customer.has_return()
    answer = customer.http.get(f"{link(rma)}/message", follow_redirects=False)
    assert (answer.status_code, answer.headers["Location"]) == (303, link(rma))


def test_while_it_is_carried_out_the_page_says_so_and_looks_again(customer: Customer) -> None:
    rma = customer.has_return()
    customer.api.door.is_silent = True
    page = customer.http.get(customer.sends(rma, "message", words="Hello").headers["Location"])
    assert "You need not send it again." in seen(page)
    assert '<meta http-equiv="refresh"' in page.text


# Money, explained -------------------------------------------------------------------------------


def settled(customer: Customer, bank_reference: str | None = None) -> str:
    rma = customer.has_return()
    customer.admin.post(f"/returns/{rma}/receipts", {"items": [{"line": 1, "quantity": 2}]})
    seen_items = [
        {"line": 1, "quantity": 1, "condition": "original", "packaging": "original"},
        {"line": 1, "quantity": 1, "condition": "used", "packaging": "original"},
    ]
    customer.admin.post(f"/returns/{rma}/inspections", {"items": seen_items})
    with customer.api.database.write() as session:
        session.execute(text("UPDATE refunds SET bank_reference = :reference"), {"reference": bank_reference})
    return rma


def test_the_amount_says_what_it_is_made_of_and_what_is_not_in_it(customer: Customer) -> None:
    page = seen(customer.reads(settled(customer)))
    assert (
        "How the £40.00 came to be What You get back Linen dress £40.00 Linen dress not accepted: the reason stands "
        "beside the item above £0.00 Delivery, of which you paid £5.00 given back only when the whole order comes back "
        "and is accepted, or when what came back was faulty £0.00"
    ) in page


def test_a_refund_without_a_reference_is_explained_as_a_payment_that_vanishes(customer: Customer) -> None:
    page = seen(customer.reads(settled(customer)))
    assert "You cannot find £40.00? The bank gave this refund no reference." in page
    assert "the payment itself disappears from your statement" in page


def test_a_refund_with_a_reference_is_found_by_it(customer: Customer) -> None:
    page = seen(customer.reads(settled(customer, "74627888888888888888888")))
    assert "Ask your bank for it by the reference 74627888888888888888888" in page
    assert "disappears" not in page


def test_a_refund_that_came_back_says_when_and_why(customer: Customer) -> None:
    rma = settled(customer, "74627888888888888888888")
    customer.api.clock.advance(timedelta(days=3))
    customer.api.door.processor_says = "failed"
    customer.api.door.answer(rma, f"{rma}-1")
    with customer.api.database.write() as session:
        session.execute(text("UPDATE refunds SET failure_reason = 'expired_or_canceled_card'"))
    page = seen(customer.reads(rma))
    assert (
        "Why £40.00 came back. On Wednesday 4 March the bank confirmed this refund and we told you so."
        in page
    )
    assert (
        "On Saturday 7 March it sent the money back to us, because the card had expired or was cancelled."
        in page
    )


# Asking for a return ----------------------------------------------------------------------------


def test_whatever_is_typed_the_answer_is_the_same_and_only_the_right_address_gets_a_letter(
    customer: Customer,
) -> None:
    wrong = [
        customer.asks_for_link("A-2"),
        customer.asks_for_link("A-1", "eve@evil.example"),
        customer.asks_for_link("a-1"),
    ]
    assert customer.letters() == []
    right = customer.asks_for_link()
    assert {page.text for page in wrong} == {right.text}
    assert {page.status_code for page in wrong} == {200}
    assert len(customer.letters()) == 1
    assert "canary" not in right.text.lower()


def test_what_cannot_be_an_order_or_an_address_is_said_beside_its_field(customer: Customer) -> None:
    for order, email, sentence in (
        ("", "jane@canary.example", "Write the number as it is"),
        ("A 1", "jane@canary.example", "Write the number as it is"),
        ("A-1", "jane", "Write one email address"),
        ("A-1", "j" * 250 + "@x.example", "Write one email address"),
    ):
        page = customer.asks_for_link(order, email)
        assert page.status_code == 422
        assert sentence in page.text


def test_an_order_gets_three_letters_an_hour_and_an_address_ten_answers(customer: Customer) -> None:
    answers = [customer.asks_for_link().status_code for _ in range(11)]
    assert answers == [200] * 10 + [429]
    assert len(customer.letters()) == 3
    customer.api.clock.advance(timedelta(hours=1, minutes=1))
    customer.http.app.state.allowances.clear()  # type: ignore[attr-defined]
    customer.asks_for_link()
    assert len(customer.letters()) == 4


def test_a_letters_link_opens_the_order_for_a_day(customer: Customer) -> None:
    at = customer.start()
    page = seen(customer.http.get(at))
    assert "Linen dress You bought 2." in page
    assert "Silk scarf You bought 1. Final sale" in page
    assert "canary" not in page.lower()
    customer.api.clock.advance(timedelta(hours=24))
    late = customer.http.get(at)
    assert (late.status_code, late.json()["code"]) == (404, "link_expired")


def test_no_other_link_opens_an_order(customer: Customer) -> None:
    at = customer.start()
    letter = at.split("/")[2]
    rma = customer.has_return()
    for wrong in (f"/start/{letter}/{'0' * 32}", f"/start/{letter}/{KEYRING.mailbox_key()}", f"{at[:-1]}",
                  f"/start/let_0/{KEYRING.start_key('let_0')}", f"/start/{rma}/{KEYRING.key_of(rma)}",
                  f"/start/é/{'0' * 32}"):  # fmt: skip
        for answer in (customer.http.get(wrong), customer.chooses(wrong, "send", key="form-1")):
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert customer.http.get(f"{at}/sent/cmd_0").status_code == 404
    staff = customer.rows("SELECT id FROM commands WHERE role = 'admin'")[0][0]
    assert customer.http.get(f"{at}/sent/{staff}").status_code == 404


def test_the_second_step_says_what_would_come_of_it_and_asks_for_nothing(customer: Customer) -> None:
    at = customer.start()
    page = customer.chooses(at, "look", quantity_1="2")
    assert page.status_code == 200
    assert "This can come back" in seen(page)
    assert "Items £80.00 Delivery £0.00 Together £80.00" in seen(page)
    assert "£80.00 would go back to Visa 4242." in seen(page)
    refused = customer.chooses(at, "look", quantity_2="1", reason_2="changed_mind")
    assert "We cannot take this back" in seen(refused)
    assert "It was sold as final sale, which cannot be returned." in seen(refused)
    assert "Confirm the return" not in seen(refused)
    faulty = customer.chooses(at, "look", quantity_1="0", quantity_2="1", reason_2="defective")
    assert "A person looks at this" in seen(faulty)
    assert "you have our answer by Wednesday 11 March" in seen(faulty)
    assert customer.rows("SELECT id FROM commands") == []


def test_confirmed_it_is_a_return_and_its_mail_the_dated_receipt(customer: Customer) -> None:
    at = customer.start()
    look = customer.chooses(at, "look", words="The zip is stuck")
    sent = customer.chooses(at, "send", key=key_of(look), words="The zip is stuck")
    assert sent.status_code == 303
    page = customer.http.get(sent.headers["Location"])
    assert "We have your request" in seen(page)
    assert "Ready to send" in seen(page)
    rma = re.search(r"RMA-[0-9A-Z]{4}-[0-9A-Z]{4}", page.text)[0]  # type: ignore[index]
    assert customer.stage(rma) == "authorized"
    kind, facts = customer.rows("SELECT kind, facts FROM notices")[0]
    assert kind == "authorized"
    assert "2026-03-04T12:00:00Z" in str(facts)
    assert customer.rows("SELECT actor_id, channel, rma FROM contacts") == [("customer", "online", rma)]
    again = customer.chooses(at, "send", key=key_of(look), words="The zip is stuck")
    assert again.headers["Location"] == sent.headers["Location"]
    assert len(customer.rows("SELECT rma FROM returns")) == 1
    choice = customer.http.get(at)
    assert "of which 1 can still be returned" in seen(choice)
    assert f'href="{link(rma)}"' in choice.text


def test_what_needs_a_person_waits_for_one(customer: Customer) -> None:
    at = customer.start()
    fields = {"quantity_1": "0", "quantity_2": "1", "reason_2": "defective"}
    customer.chooses(at, "send", key="form-1", **fields)
    assert customer.rows("SELECT stage, authorized_at FROM returns") == [("requested", None)]
    assert customer.rows("SELECT kind FROM notices") == [("requested",)]


def test_what_is_missing_is_said_and_what_was_chosen_stays(customer: Customer) -> None:
    at = customer.start()
    nothing = customer.chooses(at, "look", quantity_1="0")
    assert "Say how many of at least one item" in seen(nothing)
    no_reason = customer.chooses(at, "look", reason_1="", words="Too long")
    assert "Choose why you send it back." in no_reason.text
    assert ">Too long</textarea>" in no_reason.text
    assert customer.chooses(at, "look", quantity_1="two").status_code == 422
    too_many = customer.chooses(at, "look", quantity_1="3")
    assert "More of it was asked for than the order contained." in seen(too_many)
    changed = customer.chooses(at, "change", quantity_1="2", words="Hm")
    assert changed.status_code == 200
    assert 'name="quantity-1" type="number" value="2"' in changed.text


def test_forged_lines_and_rules_that_say_no_change_nothing(customer: Customer) -> None:
    at = customer.start()
    forged = customer.chooses(at, "send", key="form-1", quantity_9="1", reason_9="other", override="goodwill")
    assert forged.status_code == 422
    assert "It is not part of this order." in seen(forged)
    final = customer.chooses(at, "send", key="form-2", quantity_2="1", reason_2="changed_mind")
    assert final.status_code == 422
    assert customer.rows("SELECT rma FROM returns") == []
    assert customer.rows("SELECT claimed FROM order_lines ORDER BY line") == [(0,), (0,)]


def test_a_request_that_takes_a_while_opens_its_page_by_itself(customer: Customer) -> None:
    at = customer.start()
    customer.api.door.is_silent = True
    sent = customer.chooses(at, "send", key="form-1")
    page = customer.http.get(sent.headers["Location"])
    assert "We wrote it down on Wednesday 4 March, 12:00 GMT" in seen(page)
    assert '<meta http-equiv="refresh"' in page.text


def with_policy(api: Any, **changed: str) -> Any:
    body = POLICY.text
    for name, value in changed.items():
        body = re.sub(rf"^{name} = .*$", f"{name} = {value}", body, flags=re.MULTILINE)
    return replace(api, policy=read_policy(body))


def test_a_policy_may_leave_every_answer_to_a_person(api: Any, admin: Any) -> None:
    desk = with_policy(api, authorize='"person"')
    with TestClient(application(partial(opened, desk))) as http:
        customer = signed(desk, http, admin)
        at = customer.start()
        assert "you have our answer by" in seen(customer.chooses(at, "look"))
        customer.chooses(at, "send", key="form-1")
        assert customer.rows("SELECT stage FROM returns") == [("requested",)]


def test_where_the_policy_has_no_self_service_nothing_is_started(api: Any, admin: Any) -> None:
    desk = with_policy(api, enabled="false")
    with TestClient(application(partial(opened, desk))) as http:
        customer = signed(desk, http, admin)
        assert customer.http.get("/start").json()["code"] == "no_self_service"
        assert customer.asks_for_link().status_code == 404
        assert customer.letters() == []
        assert "/start" not in customer.http.get("/").text


def test_a_policy_from_before_reads_and_has_no_self_service() -> None:
    old = POLICY.text[: POLICY.text.index("[self_service]")]
    assert read_policy(old).self_service.enabled is False


def signed(desk: Any, http: TestClient, admin: Any) -> Customer:
    """The customer of a shop with another policy."""
    with desk.database.write() as session:
        secret = tokens.create(session, Role.ADMIN, "admin-9", desk.clock.now())
    return Customer(desk, http, type(admin)(http, {"Authorization": f"Bearer {secret}"}))


def test_nobody_signs_in_as_a_customer(customer: Customer) -> None:
    now = customer.api.clock.now()
    with customer.api.database.write() as session:
        for role in (Role.CUSTOMER, Role.SYSTEM):
            with pytest.raises(InvalidInput, match="Nobody signs in"):
                tokens.create(session, role, "customer", now)
            with pytest.raises(InvalidInput, match="Nobody signs in"):
                accounts.add(session, "customer", role, "hash", must_change=False, now=now)
        secret = tokens.create(session, Role.REP, "forged", now)
        session.execute(text("UPDATE tokens SET role = 'customer' WHERE actor_id = 'forged'"))
    answer = customer.http.get("/api/v1/returns", headers={"Authorization": f"Bearer {secret}"})
    assert answer.status_code == 403
    asked = {
        "order_reference": "A-1",
        "channel": "online",
        "items": [{"line": 1, "quantity": 1, "reason": "other"}],
    }
    forged = customer.http.post(
        "/api/v1/returns", json=asked, headers={"Authorization": f"Bearer {secret}", "Idempotency-Key": "k"}
    )
    assert forged.status_code == 403
