"""The pages over HTTP: each opens with its own key only, and errors are pages for people and problems for programs."""

import smtplib
from collections.abc import Iterator
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from in_process import KEYRING
from starlette.testclient import TestClient

from returndesk.embedded.mailbox import Mailbox
from returndesk.rendering import barcode_png

RMA = "RMA-7K3M-Q9TX"
BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
ORDER = {
    "currency": "GBP", "ordered_at": "2026-03-01T10:00:00Z",
    "customer": {"name": "Jane Canary", "email": "jane@canary.example", "address": ["1 Canary Row"]},
    "lines": [
        {"line": 1, "sku": "A", "title": "Dress <b>&", "quantity": 2, "unit_price_minor": 2000},
    ],
    "payments": [{"processor": "stripe", "reference": "pi_1", "captured_minor": 4000, "label": "Visa 4242"}],
}  # fmt: skip


@pytest.fixture
def rma(admin: Any) -> str:
    admin.put("/orders/A-1", ORDER)
    asked = {"order_reference": "A-1", "channel": "phone", "authorize": True,
             "items": [{"line": 1, "quantity": 2, "reason": "other"}]}  # fmt: skip
    made: str = admin.post("/returns", asked).json()["rma"]
    return made


def link(rma: str) -> str:
    return f"/r/{rma}/{KEYRING.key_of(rma)}"


def test_a_return_opens_with_its_whole_link(http: TestClient, rma: str) -> None:
    page = http.get(link(rma), headers=BROWSER)
    assert page.status_code == 200
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert page.headers["Cache-Control"] == "no-store"
    assert rma in page.text
    assert "Dress &lt;b&gt;&amp;" in page.text
    assert "canary" not in page.text.lower()


def test_no_other_link_opens_it(http: TestClient, rma: str) -> None:
    key = KEYRING.key_of(rma)
    wrong = [f"/r/{rma}/{key[:-1]}", f"/r/{rma}/{key}0", f"/r/{rma}/{key.upper()}", f"/r/{rma}/{'0' * 32}",
             f"/r/{rma}/é", f"/r/{rma}/{KEYRING.mailbox_key()}", f"/r/{rma}", f"/r/{rma}/{'x' * 200}",
             f"/r/canary/{key}", f"{link(rma)}/nowhere"]  # fmt: skip
    wrong += [f"{address}/slip" for address in wrong[:4]]
    for address in wrong:
        answer = http.get(address)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), address
    assert "canary" not in answer.text


def test_a_link_to_nothing_looks_like_any_wrong_link(http: TestClient, rma: str) -> None:
    unknown, wrong = http.get(f"/r/{RMA}/{'0' * 32}"), http.get(f"/r/{rma}/{'0' * 32}")
    assert unknown.json() == wrong.json()
    assert http.get(link(RMA)).status_code == 404


def test_the_number_may_be_written_as_people_do(http: TestClient, rma: str) -> None:
    assert http.get(f"/r/{rma.lower()}/{KEYRING.key_of(rma)}").status_code == 200


def test_an_authorized_return_leads_to_its_slip(http: TestClient, rma: str) -> None:
    assert f'href="{link(rma)}/slip"' in http.get(link(rma)).text
    slip = http.get(f"{link(rma)}/slip")
    assert slip.status_code == 200
    assert "Leeds LS1 4DY" in slip.text
    assert "canary" not in slip.text.lower()


def test_a_return_that_is_not_authorized_has_no_slip(http: TestClient, admin: Any) -> None:
    admin.put("/orders/A-1", ORDER)
    asked = {
        "order_reference": "A-1",
        "channel": "phone",
        "items": [{"line": 1, "quantity": 1, "reason": "other"}],
    }
    rma = admin.post("/returns", asked).json()["rma"]
    assert "/slip" not in http.get(link(rma)).text
    assert http.get(f"{link(rma)}/slip").json()["code"] == "no_slip"


def test_money_that_was_sent_is_not_promised_again(api: Any, http: TestClient, admin: Any, rma: str) -> None:
    api.door.processor_says = "pending"
    admin.post(f"/returns/{rma}/receipts", {"items": [{"line": 1, "quantity": 2}]})
    seen = {"line": 1, "quantity": 2, "condition": "original", "packaging": "original"}
    assert admin.post(f"/returns/{rma}/inspections", {"items": [seen]}).json()["stage"] == "settling"
    page = http.get(link(rma)).text
    assert "We have sent your refund." in page
    assert "We send your refund" not in page


def test_errors_are_pages_for_people_and_problems_for_programs(http: TestClient, rma: str) -> None:
    for address in ("/r/x/y", "/nowhere", f"/r/{rma}/wrong", "/mailbox/wrong", "/mailbox/wrong/1"):
        page = http.get(address, headers=BROWSER)
        assert page.status_code == 404
        assert page.headers["Content-Type"] == "text/html; charset=utf-8"
        assert "This page is not here" in page.text
        assert "Diva Alex" in page.text
        assert page.headers["Vary"] == "Accept"
        assert int(page.headers["Content-Length"]) == len(page.content)
        problem = http.get(address)
        assert problem.headers["Content-Type"] == "application/problem+json"
        assert problem.json()["status"] == 404
    for address in ("/api/v1/returns", "/webhooks/stripe", "/static/nowhere.css"):
        problem = http.get(address, headers=BROWSER)
        assert problem.headers["Content-Type"] == "application/problem+json"
    refused = http.post("/", headers=BROWSER)
    assert (refused.status_code, refused.headers["Allow"]) == (405, "GET")


def test_a_page_that_breaks_says_nothing_of_why(
    api: Any, http: TestClient, rma: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(api.links.keyring), "key_of", lambda *_: 1 / 0)
    page = http.get(f"/r/{rma}/key", headers=BROWSER)
    assert page.status_code == 500
    assert "Something went wrong here" in page.text
    assert "ZeroDivision" not in page.text


def test_the_front_page_says_where_to_go(http: TestClient) -> None:
    page = http.get("/", headers=BROWSER)
    assert page.status_code == 200
    assert "Open the link in the email" in page.text


# The mailbox --------------------------------------------------------------------------------------


@pytest.fixture
def mailbox(api: Any, tmp_path: Path, clock: Any) -> Iterator[Mailbox]:
    box = Mailbox(tmp_path / "mailbox.db", clock.now)
    box.port = box.start()  # type: ignore[attr-defined]
    yield box
    box.stop()


def mailed(mailbox: Any, subject: str) -> None:
    message = EmailMessage()
    message["From"], message["To"] = "returns@shop.example", "jane@canary.example"
    message["Subject"], message["Message-ID"] = subject, f"<{subject.replace(' ', '-')}@shop.example>"
    message.set_content("See https://returns.shop.example/r/1")
    message.add_alternative(
        "<html><head></head><body><script>1</script><img src='cid:code'></body></html>", subtype="html"
    )
    html = message.get_payload(1)
    html.add_related(barcode_png(RMA), "image", "png", cid="<code>", disposition="inline")  # type: ignore[union-attr]
    message.add_attachment(b"<script>canary</script>", maintype="text", subtype="html", filename="a.html")
    with smtplib.SMTP("127.0.0.1", mailbox.port) as server:
        server.send_message(message)


BOX = f"/mailbox/{KEYRING.mailbox_key()}"


def test_the_mailbox_opens_with_its_key_only(http: TestClient, mailbox: Mailbox) -> None:
    mailed(mailbox, "Your return")
    assert "Your return" in http.get(BOX).text
    for address in ("/mailbox", "/mailbox/0", f"{BOX}0", "/mailbox/0/1", "/mailbox/0/1/html",
                    "/mailbox/0/1/attachments/0"):  # fmt: skip
        assert http.get(address).status_code == 404


def test_a_message_shows_its_html_in_a_frame_of_its_own(http: TestClient, mailbox: Mailbox) -> None:
    mailed(mailbox, "Your return")
    assert 'src="/mailbox/' in http.get(f"{BOX}/1").text
    html = http.get(f"{BOX}/1/html")
    assert "default-src 'none'" in html.headers["Content-Security-Policy"]
    assert "sandbox" in html.headers["Content-Security-Policy"]
    assert "data:image/png;base64," in html.text
    assert "cid:" not in html.text
    assert '<base target="_blank">' in html.text
    attached = http.get(f"{BOX}/1/attachments/0")
    assert attached.headers["Content-Disposition"] == "attachment"
    assert attached.headers["Content-Type"] == "application/octet-stream"


def test_there_is_nothing_at_a_number_nobody_mailed(http: TestClient, mailbox: Mailbox) -> None:
    mailed(mailbox, "Your return")
    for rest in ("2", "2/html", "1/attachments/1", "2/attachments/0", "0"):
        assert http.get(f"{BOX}/{rest}").status_code == 404
    for rest in ("x", "-1", "9" * 40, "1/attachments/-1", f"1/attachments/{'9' * 40}"):
        assert http.get(f"{BOX}/{rest}").status_code == 422
    assert http.get(f"{BOX}?before={'9' * 40}").status_code == 422


def test_where_mail_really_leaves_there_is_no_mailbox(api: Any, http: TestClient) -> None:
    object.__setattr__(api, "mailbox", None)
    assert http.get(BOX).status_code == 404


def test_a_late_return_says_that_it_is_late(api: Any, http: TestClient, admin: Any) -> None:
    admin.put("/orders/A-1", ORDER)
    asked = {
        "order_reference": "A-1",
        "channel": "phone",
        "items": [{"line": 1, "quantity": 1, "reason": "other"}],
    }
    rma = admin.post("/returns", asked).json()["rma"]
    assert ">late<" not in http.get(link(rma)).text
    api.clock.advance(timedelta(days=8))
    api.door.time_passes(rma)
    page = http.get(link(rma)).text
    assert page.count(">late<") == 1, "five business days are over, seven are not"
    assert "We are late: this was to be done by" in page
    assert "You have our answer" not in page
