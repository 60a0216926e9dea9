"""One return's file as an auditor reads it: in words, with who set off what and who decided, and dates where they were."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from html import unescape
from typing import Any

import pytest
from sqlmodel import select
from starlette.testclient import TestClient

from returndesk.domain.people import Role
from returndesk.store import tables


@pytest.fixture
def late(api: Any, as_role: Callable[[Role], Any]) -> str:
    """A return that was inspected four minutes after its refund's date was noticed to have passed."""
    admin = as_role(Role.ADMIN)
    order = {
        "currency": "GBP", "ordered_at": "2026-02-25T10:00:00Z",
        "customer": {"name": "Maud Ellery", "email": "maud.ellery@shop.example"},
        "lines": [{"line": 1, "sku": "A", "title": "Socks", "quantity": 2, "unit_price_minor": 1_000}],
        "payments": [{"processor": "stripe", "reference": "pi_1", "captured_minor": 2_000}],
    }  # fmt: skip
    assert admin.put("/orders/DA-1", order).status_code == 201
    item = {"line": 1, "quantity": 2}
    asked = {
        "order_reference": "DA-1",
        "channel": "email",
        "authorize": True,
        "items": [item | {"reason": "too_small"}],
    }
    rma: str = admin.post("/returns", asked).json()["rma"]
    admin.post(f"/returns/{rma}/receipts", {"items": [item]})
    with api.database.read() as session:
        due_at = session.get_one(tables.Clock, (rma, "refund")).due_at
    assert due_at is not None
    api.clock.at = due_at + timedelta(minutes=4)
    api.door.time_passes(rma)
    seen = item | {"condition": "original", "packaging": "original"}
    assert as_role(Role.WAREHOUSE).post(f"/returns/{rma}/inspections", {"items": [seen]}).status_code == 200
    return rma


@pytest.fixture
def page(http: TestClient, signed_in: Callable[[Role], dict[str, str]], late: str) -> str:
    html = http.get(f"/desk/refunds/{late}", headers=signed_in(Role.FINANCE)).text
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


def test_what_happened_is_told_in_words(page: str) -> None:
    happened = page.partition("Everything that happened")[2]
    assert "items 2 of line 1: too small" in happened
    assert "items 2 of line 1: original, packaging original" in happened
    assert "goods 2 of line 1 (lot 1): accepted" in happened
    assert "total £20.00" in happened
    assert not re.search(r"\[|\+00:00|null|_minor|not_approved", happened)


def test_a_decision_says_who_set_it_off_and_who_decided(page: str) -> None:
    assert "the rules set off by warehouse-1" in page
    assert "warehouse-1 warehouse set it off; the rules decided" in page


def test_a_date_was_missed_when_it_was_and_written_down_later(api: Any, late: str, page: str) -> None:
    with api.database.read() as session:
        record = session.exec(
            select(tables.AuditRecord).where(
                tables.AuditRecord.rma == late, tables.AuditRecord.what == "breached"
            )
        ).all()[-1]
        due, noted = datetime.fromisoformat(record.details["due"]), record.at
    assert noted - due == timedelta(minutes=4)
    assert (
        f"{due:%H:%M} GMT written down {noted.day} {noted:%b %Y, %H:%M} GMT missed the date for the refund"
        in page
    )
    assert "its time was used up while it stood in “to inspect”" in page
    assert " due inspections" not in page


def test_columns_that_need_it_are_explained(page: str) -> None:
    assert "Key: under which of its keys the refund was sent" in page
    assert "Looked for: how often the processor" in page
    assert " never " in page
