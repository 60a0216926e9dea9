"""The warehouse's station over HTTP, as a browser without JavaScript sees it, on both databases."""

import html
import re
from collections.abc import Callable
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from pictures import picture
from sqlmodel import select
from starlette.testclient import TestClient

from api.desk import Desk
from returndesk.domain.people import Role
from returndesk.domain.scanning import COMMANDS, LAYOUTS, TEST_CODE
from returndesk.store import tables

HTML = {"Accept": "text/html"}
AS_NEW = {
    "opened": "no", "marks": "none", "damaged": "no", "accessories": "complete", "packaging": "original",
    "works": "untested", "by_facts": "yes",
}  # fmt: skip


class Station:
    """Somebody at the station with a plain browser, and the shop's API to look at what came of it."""

    def __init__(self, http: TestClient, worker: dict[str, str], admin: Any) -> None:
        self.http, self.worker, self.admin = http, worker, admin
        self.numbers = count(1)

    def get(self, path: str) -> Any:
        return self.http.get(f"/desk/station{path}", headers=self.worker | HTML, follow_redirects=False)

    def post(self, path: str, key: str | None = None, **fields: Any) -> Any:
        data = {"key": key or f"form-{next(self.numbers):08}", **fields}
        return self.http.post(
            f"/desk/station{path}", data=data, headers=self.worker | HTML, follow_redirects=False
        )

    def post_json(self, path: str, key: str, **fields: Any) -> Any:
        headers = self.worker | {"Accept": "application/json"}
        return self.http.post(f"/desk/station{path}", data={"key": key, **fields}, headers=headers)

    def order(self, reference: str, quantity: int = 3) -> None:
        order = {
            "currency": "GBP", "ordered_at": "2026-02-20T10:00:00Z", "delivered_on": "2026-02-25",
            "customer": {"name": "Maud Ellery", "email": "maud.ellery@shop.example", "address": ["4 Mill Lane"]},
            "lines": [
                {"line": 1, "sku": "ALMA-38", "title": "Linen dress", "quantity": quantity, "unit_price_minor": 9_900},
                {"line": 2, "sku": "SILK", "title": "Silk scarf", "quantity": 1, "unit_price_minor": 4_500},
            ],
            "payments": [{"processor": "stripe", "reference": f"pi_{reference}", "captured_minor": 9_900 * quantity + 4_500}],
        }  # fmt: skip
        assert self.admin.put(f"/orders/{reference}", order).status_code == 201

    def returned(self, reference: str = "DA-1", quantity: int = 2, **changed: Any) -> str:
        self.order(reference)
        items = [{"line": 1, "quantity": quantity, "reason": "too_small"}]
        body = {"order_reference": reference, "channel": "email", "items": items, "authorize": True} | changed
        answer = self.admin.post("/returns", body)
        assert answer.status_code == 201, answer.text
        rma: str = answer.json()["rma"]
        return rma

    def lots(self, rma: str) -> list[tuple[Any, ...]]:
        """Line, quantity, reception, condition, disposition of each lot."""
        lots = self.admin.get(f"/returns/{rma}").json()["lots"]
        return [(x["line"], x["quantity"], x["reception"], x["condition"], x["disposition"]) for x in lots]

    def stage(self, rma: str) -> str:
        stage: str = self.admin.get(f"/returns/{rma}").json()["stage"]
        return stage


@pytest.fixture
def at(http: TestClient, signed_in: Callable[[Role], dict[str, str]], admin: Any) -> Station:
    """Somebody at the station."""
    return Station(http, signed_in(Role.WAREHOUSE), admin)


def words(answer: Any) -> str:
    """A page's words, without its markup."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", answer.text)).split())


# Scanning ----------------------------------------------------------------------------------------


def test_a_typed_rma_leads_to_its_parcel_however_it_is_written(at: Station) -> None:
    rma = at.returned()
    for typed in (
        rma,
        rma.lower(),
        rma.replace("-", ""),
        f"  {rma.removeprefix('RMA-')} ",
        rma.replace("-", "_"),
    ):
        answer = at.get(f"/scan?code={typed}")
        assert (answer.status_code, answer.headers["location"]) == (303, f"/desk/station/{rma}")


def test_an_order_number_leads_to_its_returns(at: Station) -> None:
    rma = at.returned("DA-7")
    answer = at.get("/scan?code=DA-7")
    assert answer.headers["location"] == "/desk/station/order?reference=DA-7"
    assert f'href="/desk/station/{rma}"' in at.get("/order?reference=DA-7").text


def test_a_code_that_leads_nowhere_says_so_and_stays_in_the_field(at: Station) -> None:
    answer = at.get("/scan?code=DA-404")
    assert answer.status_code == 404
    assert "This is no RMA number, no order of this shop" in words(answer)
    assert 'value="DA-404"' in answer.text


def test_the_number_of_no_return_is_named_as_it_should_be_on_the_slip(at: Station) -> None:
    answer = at.get("/scan?code=rma7k3mq9tx")
    assert answer.status_code == 404
    assert "There is no return RMA-7K3M-Q9TX" in words(answer)


def test_whatever_is_scanned_is_answered_by_the_station(at: Station) -> None:
    for path, words_ in (
        ("/RMA-AAAA-AAAA", "There is no return RMA-AAAA-AAAA"),
        ("/scan?code=RMA-AAAA-AAAA", "There is no return RMA-AAAA-AAAA"),
        (f"/{'8' * 500}", "longer than any of ours"),
        (f"/scan?code={'8' * 500}", "longer than any of ours"),
        ("/RMA-7K3M-Q9TY", "one character is wrong or two are swapped"),
        ("/order?reference=DA-404", "no order of this shop"),
    ):
        answer = at.get(path)
        assert answer.status_code == 404, path
        assert words_ in words(answer), path
        assert 'id="code"' in answer.text, path


def test_a_carriers_number_leads_to_the_parcel_it_is_on(at: Station) -> None:
    rma = at.returned()
    at.admin.post(f"/returns/{rma}/shipment", {"tracking": "JD 0014 6000"})
    assert at.get("/scan?code=jd00146000").headers["location"] == f"/desk/station/{rma}"
    assert at.get("/scan?code=JD0014600").status_code == 404


def test_a_scan_after_a_box_was_counted_begins_another(at: Station) -> None:
    first, second, third = (at.returned(f"DA-{n}") for n in (1, 2, 3))
    assert f"?box={first},{second}" in at.get(f"/scan?code={second}&box={first}").headers["location"]
    for rma in (first, second):
        at.post(f"/{rma}/receipts", line_1="2")
    answer = at.get(f"/scan?code={third}&box={first},{second}")
    assert answer.headers["location"] == f"/desk/station/{third}"


def test_returns_whose_goods_nobody_sent_yet_are_listed(at: Station) -> None:
    rma = at.returned()
    assert rma in words(at.get("/list/announced"))
    assert "to be sent by" in words(at.get(""))


def test_a_scanner_with_a_german_keyboard_is_forgiven_and_told_on(at: Station) -> None:
    rma = at.returned()
    swapped = rma.translate(str.maketrans("YZ-", "ZYß"))
    answer = at.get(f"/scan?code={swapped}")
    assert answer.headers["location"] == f"/desk/station/{rma}?layout=German"
    assert "keyboard set to German" in words(at.get(f"/{rma}?layout=German"))


def test_a_second_scan_puts_both_returns_into_the_box(at: Station) -> None:
    first, second = at.returned("DA-1"), at.returned("DA-2")
    answer = at.get(f"/scan?code={second}&box={first}")
    assert answer.headers["location"] == f"/desk/station/{second}?box={first},{second}"
    page = at.get(f"/{second}?box={first},{second}")
    for rma in (first, second):
        assert f'href="/desk/station/{rma}?box={first},{second}"' in page.text
    received = at.post(f"/{second}/receipts", line_1="2", box=f"{first},{second}")
    assert received.headers["location"].startswith(f"/desk/station/{second}?box={first},{second}&done=")
    assert (at.stage(first), at.stage(second)) == ("authorized", "received")


def test_the_test_code_says_whether_the_scanner_is_right(at: Station) -> None:
    assert "The scanner is right." in words(at.get(f"/scan?code={TEST_CODE}"))
    german = at.get(f"/scan?code={TEST_CODE.translate(str.maketrans('YZ-', 'ZYß'))}")
    assert "a keyboard set to German" in words(german)
    assert "“-” comes as “ß”" in words(german)
    assert "“Y” comes as “Z”" in words(german)
    assert "25 characters came, 26 are printed" in words(at.get(f"/scanner?code={TEST_CODE[:-1]}"))


def test_the_sheet_of_commands_has_a_barcode_for_each(at: Station) -> None:
    page = at.get("/commands")
    codes = [code for group in COMMANDS.values() for code in group]
    assert [code for code in [*codes, TEST_CODE] if f"<title>Barcode {code}</title>" not in page.text] == []


def test_a_command_without_a_parcel_says_what_to_do(at: Station) -> None:
    assert "Scan the parcel first" in words(at.get("/scan?code=CMD-RECORD"))
    assert at.get("/scan?code=cmd-next").headers["location"] == "/desk/station"


# Receiving ---------------------------------------------------------------------------------------


def test_all_of_it_is_received_with_one_form(at: Station) -> None:
    rma = at.returned(quantity=2)
    assert "All of it: 2 units" in words(at.get(f"/{rma}"))
    answer = at.post(f"/{rma}/receipts", line_1="2")
    assert answer.headers["location"].startswith(f"/desk/station/{rma}?done=")
    assert at.lots(rma) == [(1, 2, "received", None, None)]


def test_what_is_short_counts_as_missing_and_nothing_is_decided(at: Station) -> None:
    rma = at.returned(quantity=3)
    at.post(f"/{rma}/receipts", line_1="2")
    assert at.lots(rma) == [(1, 1, "short_shipped", None, None), (1, 2, "received", None, None)]
    assert at.admin.get(f"/returns/{rma}").json()["refunds"] == []


def test_a_parcel_that_is_not_the_last_leaves_the_rest_expected(at: Station) -> None:
    rma = at.returned(quantity=3)
    at.post(f"/{rma}/receipts", line_1="1", more_expected="yes")
    assert at.lots(rma) == [(1, 2, "awaiting", None, None), (1, 1, "received", None, None)]
    assert "2 expected" in words(at.get(f"/{rma}"))


def test_an_empty_box_is_recorded_as_one(at: Station) -> None:
    rma = at.returned()
    at.post(f"/{rma}/receipts", empty="yes")
    assert at.lots(rma) == [(1, 2, "short_shipped", None, None)]


def test_nothing_counted_is_refused_and_changes_nothing(at: Station) -> None:
    rma = at.returned()
    answer = at.post(f"/{rma}/receipts", line_1="0")
    assert answer.status_code == 422
    assert "Nothing was counted, so nothing was recorded." in words(answer)
    assert at.lots(rma) == [(1, 2, "awaiting", None, None)]


def test_wrong_goods_need_words_and_are_kept_with_them(at: Station) -> None:
    rma = at.returned()
    refused = at.post(f"/{rma}/receipts", line_1="2", wrong_quantity="1")
    assert "Say in a few words what the other things are." in words(refused)
    at.post(f"/{rma}/receipts", line_1="2", wrong_quantity="1", wrong_words="A brick.")
    assert at.lots(rma) == [(1, 2, "received", None, None), (None, 1, "wrong_item", None, None)]
    assert "“A brick.”" in words(at.get(f"/{rma}"))


def test_extra_units_and_unannounced_goods_of_the_order_are_recorded(at: Station) -> None:
    rma = at.returned(quantity=1)
    at.post(f"/{rma}/receipts", line_1="2", line_2="1")
    lots = at.admin.get(f"/returns/{rma}").json()["lots"]
    assert [(x["line"], x["quantity"], x["arrival"]) for x in lots] == [
        (1, 1, "expected"), (1, 1, "arrived_unannounced"), (2, 1, "arrived_unannounced"),
    ]  # fmt: skip


def test_units_that_another_return_claims_are_shown_with_that_return(at: Station) -> None:
    rma = at.returned(quantity=2)
    items = [{"line": 1, "quantity": 1, "reason": "too_small"}]
    other = at.admin.post(
        "/returns", {"order_reference": "DA-1", "channel": "email", "items": items, "authorize": True}
    ).json()["rma"]
    at.post(f"/{rma}/receipts", line_1="3")
    page = at.get(f"/{rma}")
    assert "counted in another return" in words(page)
    assert f'href="/desk/station/{other}"' in page.text


def test_a_receipt_sent_twice_under_one_key_counts_once(at: Station) -> None:
    rma = at.returned(quantity=2)
    for _ in range(2):
        assert (
            at.post_json(f"/{rma}/receipts", "form-00000001", line_1="1", more_expected="yes").status_code
            == 200
        )
    assert at.lots(rma) == [(1, 1, "awaiting", None, None), (1, 1, "received", None, None)]


def test_a_receipt_is_corrected_lot_by_lot(at: Station) -> None:
    rma = at.returned(quantity=2)
    at.post(f"/{rma}/receipts", line_1="2")
    answer = at.post(f"/{rma}/correction", lot="1", quantity="1", reason="miscounted")
    assert answer.status_code == 303
    assert at.lots(rma) == [(1, 1, "received", None, None), (1, 1, "awaiting", None, None)]


def test_a_return_that_was_cancelled_still_takes_its_parcel(at: Station) -> None:
    rma = at.returned()
    at.admin.post(f"/returns/{rma}/cancellation", {})
    assert "This return has ended (cancelled)" in words(at.get(f"/{rma}"))
    at.post(f"/{rma}/receipts", line_1="2")
    assert at.stage(rma) == "received"


# A parcel without a return -----------------------------------------------------------------------


def test_a_parcel_of_an_order_without_a_return_becomes_a_task_for_a_rep(
    at: Station, signed_in: Callable[[Role], dict[str, str]]
) -> None:
    at.order("DA-9")
    assert "Nobody asked to return anything of this order." in words(at.get("/order?reference=DA-9"))
    for _ in range(2):  # the same form twice is one parcel
        answer = at.post(
            "/order", key="form-00000007", reference="DA-9", line_1="2", words="Blue bag, shelf 4"
        )
        assert answer.headers["location"] == "/desk/station?asked=yes"
    tasks = at.admin.get("/tasks", queue="unannounced_parcels").json()["items"]
    assert [(x["rma"], x["kind"], x["owner_role"], x["due_at"]) for x in tasks] == [
        (None, "parcel_without_return", "rep", "2026-03-05T12:00:00Z")
    ]
    assert {name: tasks[0]["details"][name] for name in ("order", "items")} == {
        "order": "DA-9",
        "items": [[1, 2]],
    }
    assert "Blue bag" not in str(tasks)
    for role, is_told in ((Role.REP, True), (Role.FINANCE, False)):
        page = words(at.http.get("/desk/tasks?whose=all", headers=signed_in(role) | HTML))
        assert "A parcel came without a return, of order DA-9" in page
        assert "2 of line 1" in page
        assert ("“Blue bag, shelf 4”" in page) is is_told
    assert "A rep is asked" in words(at.get("?asked=yes"))


def test_a_rep_closes_the_task_of_a_parcel_without_a_return(
    at: Station, as_role: Callable[[Role], Any]
) -> None:
    at.post("/order", words="A brown box, no sender")
    rep, warehouse = as_role(Role.REP), as_role(Role.WAREHOUSE)
    [task] = rep.get("/tasks", queue="unannounced_parcels").json()["items"]
    done = f"/tasks/{task['id']}/done"
    assert warehouse.post(done, {}).json()["code"] == "not_your_task"
    for _ in range(2):
        answer = rep.post(done, {"note": "It was Maud Ellery's"})
        assert (answer.status_code, answer.json()["done_by"]) == (200, "rep-1")
    assert "Ellery" not in answer.text
    assert rep.get("/tasks", queue="unannounced_parcels").json()["items"] == []


def test_a_parcel_that_nothing_tells_of_needs_words(at: Station) -> None:
    refused = at.post("/order")
    assert refused.status_code == 422
    assert "nobody was asked" in words(refused)
    at.post("/order", words="A brown box, no sender")
    tasks = at.admin.get("/tasks", queue="unannounced_parcels").json()["items"]
    assert [(x["details"]["order"], x["details"]["items"]) for x in tasks] == [(None, [])]


def test_the_key_of_one_parcel_is_not_taken_for_another(at: Station) -> None:
    at.order("DA-9")
    at.post("/order", key="form-00000007", reference="DA-9", line_1="2")
    answer = at.post("/order", key="form-00000007", reference="DA-9", line_1="1")
    assert answer.status_code == 422
    assert len(at.admin.get("/tasks", queue="unannounced_parcels").json()["items"]) == 1


# Inspecting --------------------------------------------------------------------------------------


def received(at: Station, reference: str = "DA-1", quantity: int = 2) -> str:
    rma = at.returned(reference, quantity)
    at.post(f"/{rma}/receipts", line_1=str(quantity))
    return rma


def test_facts_give_the_grade_and_the_rules_decide_what_is_clear(at: Station) -> None:
    rma = received(at)
    answer = at.post(f"/{rma}/inspections", line="1", quantity="2", disposition="restock", **AS_NEW)
    assert answer.status_code == 303
    assert at.lots(rma) == [(1, 2, "received", "original", "restock")]
    assert at.stage(rma) == "closed"


def test_two_like_this_and_one_like_that(at: Station) -> None:
    rma = received(at, quantity=3)
    at.post(f"/{rma}/inspections", line="1", quantity="2", **AS_NEW)
    assert "1 to inspect" in words(at.get(f"/{rma}"))
    assert at.stage(rma) == "received"
    at.post(f"/{rma}/inspections", line="1", quantity="1", **(AS_NEW | {"marks": "heavy", "opened": "yes"}))
    assert at.lots(rma) == [
        (1, 1, "received", "used", "return_to_customer"), (1, 2, "received", "original", "restock")
    ]  # fmt: skip


def test_a_question_that_has_no_answer_is_asked_again_and_nothing_typed_is_lost(at: Station) -> None:
    rma = received(at)
    answers = AS_NEW | {"marks": "light"}
    del answers["damaged"]
    answer = at.post(f"/{rma}/inspections", line="1", quantity="2", **answers)
    assert answer.status_code == 422
    assert "Answer this first: Is it damaged? Nothing was recorded." in words(answer)
    assert '<input type="radio" name="marks" value="light" checked' in answer.text
    assert at.lots(rma) == [(1, 2, "received", None, None)]


def test_as_it_left_us_is_one_button_without_a_script(at: Station) -> None:
    rma = received(at)
    at.post(f"/{rma}/inspections", line="1", quantity="2", by_facts="yes", as_new="yes")
    assert at.lots(rma)[0][3] == "original"


def test_the_grade_can_be_looked_at_first(at: Station) -> None:
    rma = received(at)
    answer = at.post(
        f"/{rma}/inspections", line="1", quantity="2", look="yes", **(AS_NEW | {"marks": "light"})
    )
    assert answer.status_code == 200
    assert "Amounts to: condition used, packaging original" in words(answer)
    assert at.lots(rma) == [(1, 2, "received", None, None)]


def test_another_grade_needs_a_reason(at: Station) -> None:
    rma = received(at)
    fields = {"line": "1", "quantity": "2", "condition": "used", **AS_NEW}
    refused = at.post(f"/{rma}/inspections", **fields)
    assert refused.status_code == 422
    assert "say why under “Why?”" in words(refused)
    assert "override_needs_reason" not in words(refused)
    assert at.lots(rma) == [(1, 2, "received", None, None)]
    accepted = at.post(
        f"/{rma}/inspections", own_packaging="original", override_reason="facts_do_not_fit", **fields
    )
    assert accepted.status_code == 303
    assert at.lots(rma)[0][3] == "used"


def test_a_person_may_be_left_to_decide(at: Station) -> None:
    rma = received(at)
    at.post(f"/{rma}/inspections", line="1", quantity="2", by_person="yes", **AS_NEW)
    assert at.stage(rma) == "inspected"


def test_a_photo_from_a_form_is_kept_and_named_by_the_inspection(at: Station) -> None:
    rma = received(at)
    sent = at.http.post(
        f"/desk/station/{rma}/photos", data={"key": "form-00000001"}, files={"photo": ("a.jpg", picture())},
        headers=at.worker | HTML, follow_redirects=False,
    )  # fmt: skip
    assert (sent.status_code, sent.headers["location"]) == (303, f"/desk/station/{rma}#photos")
    [kept] = at.admin.get(f"/returns/{rma}/photos").json()["items"]
    assert f'name="photo" value="{kept["id"]}" checked' in at.get(f"/{rma}").text
    at.post(f"/{rma}/inspections", line="1", quantity="2", photo=kept["id"], **AS_NEW)
    assert at.admin.get(f"/returns/{rma}").json()["lots"][0]["photos"] == [kept["id"]]


def test_an_inspection_names_photos_by_the_keys_their_device_gave_them(at: Station) -> None:
    rma = received(at)
    fields = {"line": "1", "quantity": "2", "photo_key": "form-0000000a", **AS_NEW}
    missing = at.post_json(f"/{rma}/inspections", "form-0000000b", **fields)
    assert (missing.status_code, missing.json()["code"]) == (404, "photo_not_found")
    headers = at.worker | {"Accept": "application/json"}
    sent = at.http.post(
        f"/desk/station/{rma}/photos", data={"key": "form-0000000a"}, files={"photo": ("a.jpg", picture())}, headers=headers
    )  # fmt: skip
    assert sent.status_code == 201
    assert at.post_json(f"/{rma}/inspections", "form-0000000c", **fields).status_code == 200
    assert at.admin.get(f"/returns/{rma}").json()["lots"][0]["photos"] == [sent.json()["photo"]]


def test_what_is_no_photo_is_said_to_be_none(at: Station) -> None:
    rma = received(at)
    for files in ({"photo": ("a.jpg", b"nothing of the kind")}, {"photo": ("", b"")}):
        sent = at.http.post(
            f"/desk/station/{rma}/photos",
            data={"key": "form-00000001"},
            files=files,
            headers=at.worker | HTML,
        )
        assert sent.status_code == 422
    assert at.admin.get(f"/returns/{rma}/photos").json()["items"] == []


# Afterwards --------------------------------------------------------------------------------------


def rejected(at: Station) -> str:
    rma = received(at)
    at.post(f"/{rma}/inspections", line="1", quantity="2", **(AS_NEW | {"damaged": "yes"}))
    return rma


def test_rejected_goods_leave_with_one_button(at: Station) -> None:
    rma = rejected(at)
    page = words(at.get(f"/{rma}"))
    assert "the customer is to have it back by Wednesday 11 March" in page
    refused = at.post(f"/{rma}/goods-back", lot="1", way="sent_back")
    assert refused.status_code == 422
    assert "or say that it has none" in words(refused)
    answer = at.post(f"/{rma}/goods-back", lot="1", way="sent_back", tracking="JD0001")
    assert answer.status_code == 303
    assert "sent back to the customer" in words(at.get(f"/{rma}"))
    assert "tracking number JD0001" in words(at.get(f"/{rma}"))
    assert at.admin.get(f"/returns/{rma}").json()["lots"][0]["left"] == "sent_back"


def test_nothing_is_scrapped_before_its_date(at: Station, clock: Any) -> None:
    rma = rejected(at)
    assert 'value="scrapped"' not in at.get(f"/{rma}").text
    assert at.post(f"/{rma}/goods-back", way="scrapped").status_code == 422
    clock.advance(timedelta(days=21))
    assert "late They were told Wednesday 11 March. Send it today" in words(at.get(f"/{rma}"))
    assert 'value="scrapped"' in at.get(f"/{rma}").text
    assert at.post(f"/{rma}/goods-back", way="scrapped").status_code == 303


def test_what_becomes_of_goods_is_said_later(at: Station) -> None:
    rma = received(at)
    at.post(f"/{rma}/inspections", line="1", quantity="2", disposition="hold", **AS_NEW)
    at.post(f"/{rma}/dispositions", lot="1", quantity="1", disposition="scrap")
    assert [(x[1], x[4]) for x in at.lots(rma)] == [(1, "hold"), (1, "scrap")]


def test_labels_show_the_number_the_lot_and_where_it_goes(at: Station) -> None:
    rma = received(at)
    assert "to inspect" in words(at.get(f"/{rma}/label"))
    at.post(f"/{rma}/inspections", line="1", quantity="2", disposition="restock", **AS_NEW)
    page = at.get(f"/{rma}/label?paper=a4")
    assert f"<title>Barcode {rma}</title>" in page.text
    assert re.search(f"{rma} lot 1 2 . Linen dress restock original", words(page))


# What waits --------------------------------------------------------------------------------------


def test_the_station_shows_what_waits_the_most_urgent_first(at: Station, api: Desk, clock: Any) -> None:
    late, soon = at.returned("DA-1"), at.returned("DA-2")
    for rma in (late, soon):
        at.admin.post(f"/returns/{rma}/shipment", {"tracking": "JD0001"})
        clock.advance(timedelta(hours=1))
    older = received(at, "DA-3")
    clock.advance(timedelta(hours=1))
    newer, back = received(at, "DA-4"), received(at, "DA-5")
    at.post(f"/{back}/inspections", line="1", quantity="2", **(AS_NEW | {"damaged": "yes"}))
    page = at.get("")
    rows = re.findall(r'<section data-part="([a-z-]+)".*?</section>', page.text, re.DOTALL)
    assert rows == ["expected", "announced", "inspect", "goods-back", "found"]
    listed = {part: re.findall(r'/desk/station/(RMA[^"]+)"', text) for part, text in zip(
        rows, re.findall(r"<section data-part.*?</section>", page.text, re.DOTALL), strict=True)}  # fmt: skip
    assert listed == {
        "expected": [late, soon],
        "announced": [],
        "inspect": [older, newer],
        "goods-back": [back],
        "found": [],
    }
    assert "expected by" in words(page)
    clock.advance(timedelta(days=30))
    api.door.time_passes(late)  # type: ignore[attr-defined]
    assert "late should be here since" in words(at.get(""))


def test_a_long_list_has_pages(at: Station, clock: Any) -> None:
    rmas = []
    for number in range(14):
        rmas.append(received(at, f"DA-{number}", quantity=1))
        clock.advance(timedelta(minutes=1))
    assert "All of them" in words(at.get(""))
    assert re.findall(r'/desk/station/(RMA[^"]+)"', at.get("/list/inspect").text) == rmas


def test_no_page_of_the_station_shows_the_customer(at: Station) -> None:
    rma = rejected(at)
    for path in ("", f"/{rma}", "/order?reference=DA-1", f"/{rma}/label", "/list/goods-back"):
        page = at.get(path).text
        assert "Maud" not in page
        assert "Ellery" not in page
        assert "Mill Lane" not in page


@pytest.mark.parametrize("role", [Role.REP, Role.FINANCE])
def test_the_station_is_the_warehouses(
    http: TestClient, signed_in: Callable[[Role], dict[str, str]], role: Role
) -> None:
    assert http.get("/desk/station", headers=signed_in(role) | HTML).status_code == 403


def test_every_layout_we_know_reads_the_test_code_otherwise() -> None:
    read_as = {name: "".join(keys.get(x, x) for x in TEST_CODE) for name, keys in LAYOUTS.items()}
    assert len({TEST_CODE, *read_as.values()}) == len(LAYOUTS) + 1


# What waited on the device -----------------------------------------------------------------------


def decided_by(at: Station, rma: str) -> str:
    """By when the shop has to decide."""
    clocks = at.admin.get(f"/returns/{rma}").json()["clocks"]
    due_at: str = next(clock["due_at"] for clock in clocks if clock["kind"] == "processing")
    return due_at


def test_a_parcel_that_was_counted_without_a_connection_was_received_when_it_was_counted(
    at: Station, clock: Any, api: Desk
) -> None:
    waited, sent_at_once = at.returned("DA-1"), at.returned("DA-2")
    clock.advance(timedelta(days=2))  # Friday, noon
    counted = {"line_1": "2", "waited": "86400"}
    first = at.post_json(f"/{waited}/receipts", "form-counted-0001", **counted)
    assert first.status_code == 200, first.text
    assert (
        at.post_json(f"/{sent_at_once}/receipts", "form-counted-0002", line_1="2", waited="59").status_code
        == 200
    )
    view = at.admin.get(f"/returns/{waited}").json()
    assert view["received_at"] == "2026-03-05T12:00:00Z"
    assert at.admin.get(f"/returns/{sent_at_once}").json()["received_at"] == "2026-03-06T12:00:00Z"
    assert decided_by(at, waited) == "2026-03-12T12:00:00Z", "five business days from Thursday"
    assert decided_by(at, sent_at_once) == "2026-03-13T12:00:00Z"
    with api.database.read() as session:
        facts = {
            row.rma: row.facts["received_at"]
            for row in session.exec(select(tables.Notice).where(tables.Notice.kind == "received"))
        }
    assert {rma: said[:10] for rma, said in facts.items()} == {
        waited: "2026-03-05", sent_at_once: "2026-03-06",
    }  # fmt: skip
    # Its answer was lost: it waits a little longer, and is the same parcel.
    clock.advance(timedelta(minutes=10))
    again = at.post_json(f"/{waited}/receipts", "form-counted-0001", **counted | {"waited": "87000"})
    assert (again.status_code, again.json()) == (200, first.json())
    assert at.lots(waited) == [(1, 2, "received", None, None)]


def test_nothing_was_received_later_than_now_nor_before_it_was_ordered(at: Station, clock: Any) -> None:
    rma = at.returned()
    one = {"items": [{"line": 1, "quantity": 2}]}
    answer = at.admin.post(f"/returns/{rma}/receipts", one | {"received_at": "2026-03-04T12:00:01Z"})
    assert (answer.status_code, answer.json()["code"]) == (422, "received_in_future")
    answer = at.admin.post(f"/returns/{rma}/receipts", one | {"received_at": "2026-02-20T09:59:59Z"})
    assert (answer.status_code, answer.json()["code"]) == (422, "received_before_order")
    answer = at.admin.post(f"/returns/{rma}/receipts", one | {"received_at": "2026-03-02T12:00:00Z"})
    assert answer.status_code == 200
    view = at.admin.get(f"/returns/{rma}").json()
    assert (view["received_at"], view["contacted_at"]) == ("2026-03-02T12:00:00Z", "2026-03-04T12:00:00Z")
    assert decided_by(at, rma) == "2026-03-11T12:00:00Z", "its clock did not run before it was asked for"


def test_a_key_that_was_refused_for_the_future_is_free_for_the_right_time(at: Station) -> None:
    rma = at.returned()
    one = {"items": [{"line": 1, "quantity": 2}]}
    ahead = at.admin.post(
        f"/returns/{rma}/receipts", one | {"received_at": "2026-03-04T12:00:03Z"}, key="k-12345678"
    )
    assert ahead.json()["code"] == "received_in_future"
    assert at.admin.post(f"/returns/{rma}/receipts", one, key="k-12345678").status_code == 200


@pytest.mark.parametrize(("waited", "received"), [("604800", 28), ("604801", 4), ("999999999", 4)])
def test_a_device_whose_clock_has_jumped_knows_nothing_of_when_it_was(
    at: Station, waited: str, received: int
) -> None:
    rma = at.returned("DA-1")
    assert at.post_json(f"/{rma}/receipts", "form-jumped-0001", line_1="2", waited=waited).status_code == 200
    at_day = at.admin.get(f"/returns/{rma}").json()["received_at"][:10]
    assert at_day == ("2026-03-04" if received == 4 else "2026-02-25")


@pytest.mark.parametrize(
    ("ending", "late"), [("expiry", "arrived_after_expiry"), ("cancellation", "arrived_after_cancellation")]
)
def test_what_came_before_a_return_ended_was_awaited_though_it_is_recorded_only_now(
    at: Station, clock: Any, api: Desk, ending: str, late: str
) -> None:
    returns = {reference: at.returned(reference) for reference in ("DA-1", "DA-2")}
    clock.advance(timedelta(days=28 if ending == "expiry" else 2))
    for rma in returns.values():
        if ending == "expiry":
            api.door.time_passes(rma)  # type: ignore[attr-defined]
        else:
            assert at.admin.post(f"/returns/{rma}/cancellation", {}).status_code == 200
        assert at.stage(rma) in ("expired", "cancelled")
    clock.advance(timedelta(hours=20))
    arrivals = {}
    for reference, rma in returns.items():
        waited = {"waited": "86400"} if reference == "DA-1" else {}
        counted = at.post_json(f"/{rma}/receipts", f"form-ended-{reference}", line_1="2", **waited)
        assert counted.status_code == 200, counted.text
        arrivals[reference] = [lot["arrival"] for lot in at.admin.get(f"/returns/{rma}").json()["lots"]]
    assert arrivals == {"DA-1": ["expected"], "DA-2": [late]}


# A count that was wrong --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("counted", "taken_back", "stands"),
    [
        ({1: 2}, {1: 2}, [(1, 2, "awaiting"), (2, 1, "awaiting")]),  # nothing is here: nobody counted line 2
        ({1: 1, 2: 1}, {1: 1}, [(1, 2, "awaiting"), (2, 1, "received")]),
        ({1: 2}, {1: 1}, [(1, 1, "awaiting"), (1, 1, "received"), (2, 1, "short_shipped")]),
    ],
)
def test_what_a_wrong_count_called_missing_is_waited_for_where_nobody_has_counted_it(
    at: Station,
    counted: dict[int, int],
    taken_back: dict[int, int],
    stands: list[tuple[int, int, str]],
) -> None:
    asked = {1: 2, 2: 1}
    items = [{"line": line, "quantity": n, "reason": "too_small"} for line, n in asked.items()]
    rma = at.returned(items=items)
    came = [{"line": line, "quantity": n} for line, n in counted.items()]
    assert at.admin.post(f"/returns/{rma}/receipts", {"items": came}).status_code == 200
    lots = at.admin.get(f"/returns/{rma}").json()["lots"]
    here = {lot["line"]: lot["lot"] for lot in lots if lot["reception"] == "received"}
    wrong = [{"lot": here[line], "quantity": n} for line, n in taken_back.items()]
    answer = at.admin.post(f"/returns/{rma}/correction", {"items": wrong, "reason": "scanned_twice"})
    assert answer.status_code == 200, answer.text
    units: dict[tuple[int, str], int] = {}
    for line, quantity, reception, *_ in at.lots(rma):
        units[line, reception] = units.get((line, reception), 0) + quantity
    assert sorted((line, n, reception) for (line, reception), n in units.items()) == stands
