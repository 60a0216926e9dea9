"""Photos of a return through the API: who may, what is kept of them, and that a repeated request keeps one."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pictures import PIXELS_ONLY, picture, segments, talkative
from starlette.testclient import TestClient

from api.headers import BODY_LIMIT_BYTES
from returndesk.domain.people import Role
from returndesk.photos import SENT_BYTES_MAX
from returndesk.store import photos

ORDER = {
    "currency": "GBP",
    "ordered_at": "2026-03-01T10:00:00Z",
    "customer": {"name": "Jane", "email": "jane@shop.example"},
    "lines": [{"line": 1, "sku": "A", "title": "Linen dress", "quantity": 3, "unit_price_minor": 2000}],
    "payments": [{"processor": "stripe", "reference": "pi_1", "captured_minor": 6000}],
}
ASKED = {
    "order_reference": "A-1", "channel": "phone", "items": [{"line": 1, "quantity": 3, "reason": "too_small"}],
    "authorize": True,
}  # fmt: skip
SEEN = {"line": 1, "quantity": 1, "condition": "opened", "packaging": "original"}


@pytest.fixture
def rma(admin: Any) -> str:
    admin.put("/orders/A-1", ORDER)
    return str(admin.post("/returns", ASKED).json()["rma"])


def send(
    caller: Any, rma: str, photo: bytes, key: str = "photo-1", media_type: str = "image/jpeg", **headers: str
) -> Any:
    return caller.http.post(
        f"/api/v1/returns/{rma}/photos",
        content=photo,
        headers=caller.headers | {"Idempotency-Key": key, "Content-Type": media_type} | headers,
    )


def kept(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "photos").glob("*"))


def test_a_photo_is_kept_without_its_secrets_and_shown(admin: Any, rma: str, tmp_path: Path) -> None:
    named = {"Content-Disposition": 'attachment; filename="../../Jane Canary.jpg"'}
    answer = send(admin, rma, talkative("Canary"), **named)
    assert answer.status_code == 201, answer.text
    view = answer.json()
    assert (view["rma"], view["media_type"], view["actor_id"]) == (rma, "image/jpeg", "admin-1")
    assert answer.headers["Location"] == f"/api/v1/photos/{view['id']}"
    shown = admin.http.get(answer.headers["Location"], headers=admin.headers)
    assert shown.status_code == 200
    assert (len(shown.content), hashlib.sha256(shown.content).hexdigest()) == (
        view["size_bytes"],
        view["sha256"],
    )
    assert set(segments(shown.content)) == PIXELS_ONLY
    assert b"Canary" not in shown.content
    assert shown.headers["Content-Type"] == "image/jpeg"
    assert shown.headers["Cache-Control"] == "private"
    assert shown.headers["X-Content-Type-Options"] == "nosniff"
    assert shown.headers["Content-Disposition"] == f'inline; filename="{view["id"]}.jpg"'
    assert [path.name for path in kept(tmp_path)] == [f"{view['id']}.jpg"]
    assert admin.get(f"/returns/{rma}/photos").json() == {"items": [view]}


def test_the_same_key_is_the_same_photo(
    admin: Any, as_role: Callable[[Role], Any], rma: str, tmp_path: Path
) -> None:
    first = send(admin, rma, picture())
    again = send(admin, rma, picture())
    assert (again.status_code, again.json()) == (201, first.json())
    other = send(admin, rma, picture(641))
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert len(kept(tmp_path)) == 1
    of_another = send(as_role(Role.WAREHOUSE), rma, picture())
    assert of_another.json()["id"] != first.json()["id"], "a key is its owner's"
    senders = {x["actor_id"] for x in admin.get(f"/returns/{rma}/photos").json()["items"]}
    assert senders == {"admin-1", "warehouse-1"}


def test_two_that_meet_keep_one_photo(
    admin: Any, rma: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    first = send(admin, rma, picture()).json()
    monkeypatch.setattr(photos, "sent_before", lambda *_: None)  # as the other one saw it
    assert send(admin, rma, picture()).json() == first
    assert len(kept(tmp_path)) == 2, "a file without a row harms nobody"
    assert send(admin, rma, picture(641)).json()["code"] == "idempotency_key_reused"


@pytest.mark.parametrize("media_type", ["image/png", "text/plain", "application/json", "multipart/form-data"])
def test_the_content_says_what_it_is_and_not_the_header(admin: Any, rma: str, media_type: str) -> None:
    assert send(admin, rma, picture(), media_type=media_type).status_code == 201
    wrong = send(admin, rma, b"<svg/>", key="photo-2", media_type="image/jpeg")
    assert (wrong.status_code, wrong.json()["code"]) == (422, "photo_unreadable")


def test_too_much_is_refused_and_nothing_is_kept(admin: Any, rma: str, tmp_path: Path) -> None:
    pixels = send(admin, rma, picture(8_000, 6_251, "PNG", "1"))
    assert (pixels.status_code, pixels.json()["code"]) == (422, "photo_too_many_pixels")
    large = send(admin, rma, picture() + bytes(SENT_BYTES_MAX))
    assert (large.status_code, large.json()["code"]) == (413, "too_large")
    assert "at most 10 MiB" in large.json()["detail"]
    streamed = admin.http.post(
        f"/api/v1/returns/{rma}/photos",
        content=(bytes(1024 * 1024) for _ in range(11)),
        headers=admin.headers | {"Idempotency-Key": "streamed"},
    )
    assert (streamed.status_code, streamed.json()["code"]) == (413, "too_large")
    assert kept(tmp_path) == []
    barely = picture() + bytes(SENT_BYTES_MAX - len(picture()))
    assert send(admin, rma, barely).status_code == 201
    elsewhere = admin.post("/returns", ASKED | {"note": "x" * BODY_LIMIT_BYTES})
    assert elsewhere.status_code == 413
    assert "at most 2 MiB" in elsewhere.json()["detail"]


def test_a_return_has_a_limit(admin: Any, rma: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(photos, "PHOTOS_MAX", 2)
    answers = [send(admin, rma, picture(), key=f"photo-{n}") for n in (1, 2, 3, 1)]
    assert [answer.status_code for answer in answers] == [201, 201, 422, 201]
    assert answers[2].json()["code"] == "too_many_photos"


def test_what_is_not_there_is_said_so(admin: Any, http: TestClient, rma: str, tmp_path: Path) -> None:
    missing = send(admin, "RMA-7K3M-Q9TX", picture())
    assert (missing.status_code, missing.json()["code"]) == (404, "return_not_found")
    assert admin.get("/returns/RMA-7K3M-Q9TX/photos").json()["code"] == "return_not_found"
    assert admin.get("/photos/pho_1").json()["code"] == "photo_not_found"
    view = send(admin, rma, picture()).json()
    kept(tmp_path)[0].unlink()
    lost = admin.get(f"/photos/{view['id']}")
    assert (lost.status_code, lost.json()["code"]) == (404, "photo_lost")


def test_where_photos_cannot_be_kept_somebody_is_told(admin: Any, rma: str, tmp_path: Path) -> None:
    (tmp_path / "photos").write_text("not a folder")
    refused = send(admin, rma, picture())
    assert (refused.status_code, refused.json()["code"]) == (503, "photos_unavailable")
    (tmp_path / "photos").unlink()
    assert send(admin, rma, picture()).status_code == 201, "the same key, now that it works"


def test_an_inspection_names_its_photos_and_its_lots_keep_them(admin: Any, rma: str) -> None:
    one, two, three = (send(admin, rma, picture(), key=f"photo-{n}").json()["id"] for n in range(3))
    admin.post(f"/returns/{rma}/receipts", {"items": [{"line": 1, "quantity": 3}]})
    seen = [SEEN | {"photos": [one, two]}, SEEN | {"condition": "used", "photos": [three]}, SEEN]
    inspected = admin.post(f"/returns/{rma}/inspections", {"items": seen, "decide": False})
    assert inspected.status_code == 200, inspected.text
    lots = admin.get(f"/returns/{rma}").json()["lots"]
    assert sorted(lot["photos"] for lot in lots) == sorted([[], [three], [one, two]])
    record = next(
        x for x in admin.get(f"/returns/{rma}/timeline").json()["items"] if x["what"] == "inspected"
    )
    assert record["details"]["photos"] == [[one, two], [three], []]


def test_an_inspection_names_photos_of_its_own_return_only(admin: Any, rma: str) -> None:
    admin.put("/orders/B-1", ORDER | {"payments": [
        {"processor": "stripe", "reference": "pi_2", "captured_minor": 6000}]})  # fmt: skip
    other = admin.post("/returns", ASKED | {"order_reference": "B-1"}).json()["rma"]
    foreign = send(admin, other, picture()).json()["id"]
    own = send(admin, rma, picture(), key="photo-2").json()["id"]
    admin.post(f"/returns/{rma}/receipts", {"items": [{"line": 1, "quantity": 3}]})
    for wrong in ([foreign], [own, foreign], [own, "pho_" + "0" * 24]):
        refused = admin.post(f"/returns/{rma}/inspections", {"items": [SEEN | {"photos": wrong}]})
        assert (refused.status_code, refused.json()["code"]) == (422, "photo_unknown")
    for wrong in (["../../etc/passwd"], [own] * 21):
        refused = admin.post(f"/returns/{rma}/inspections", {"items": [SEEN | {"photos": wrong}]})
        assert (refused.status_code, refused.json()["code"]) == (422, "invalid_input")
    assert admin.get(f"/returns/{rma}").json()["stage"] == "received"
    twice = admin.post(
        f"/returns/{rma}/inspections", {"items": [SEEN | {"photos": [own, own]}, SEEN], "decide": False}
    )
    assert twice.status_code == 200
    assert sorted(lot["photos"] for lot in admin.get(f"/returns/{rma}").json()["lots"]) == [[], [], [own]]
