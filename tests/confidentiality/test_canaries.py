"""No name, address, email or free text reaches Temporal, a log or Stripe, also where things go wrong (DESIGN 2).

Every process runs as it does in real use, with its own log. Customers and people write words that occur nowhere
else; steps are made to fail with those very words in their errors; then all bytes are searched for them.
"""

import asyncio
import base64
import os
import struct
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, contextmanager
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
import pytest
import pytest_asyncio
import stripe
from live import temporal_binary, until, until_answered
from pictures import PIXELS_ONLY, segments, talkative
from PIL import ExifTags, Image
from sqlalchemy import text

from returndesk.domain.people import Role
from returndesk.embedded.listening import free_ports
from returndesk.embedded.mailbox import Mailbox
from returndesk.installation import SANDBOX_KEY, Installation
from returndesk.running import everything
from returndesk.settings import read_settings
from returndesk.store import tables, tokens

NAME, EMAIL, STREET, PHONE = (
    "Zyxanthe Quorndale",
    "zyxanthe@quorndale.example",
    "7 Vexhollow Row",
    "+44 5550 91827",
)
TITLE = "Gown for Brumblewick"
NOTES = {
    "request": "Wibbleforth says it itches",
    "override": "Owed since the Crundlemere affair",
    "authorization": "Told Snorkelby by phone",
    "question": "Asked about Marrowby",
    "message": "Says it was Tindlewick",
    "shipment": "Receipt shown at Quibbleton",
    "tracking": "Zorblatt-4417",
    "receipts": "Box smelled of Gribblesea",
    "inspections": "Stain shaped like Plonkshire",
    "decision": "Fenwhistle agreed",
    "grade": "Torn by Hobblethwick",
    "dispositions": "Shelf of Wexcombe",
    "wrong item": "A hat of Thistlequay",
    "correction": "It was the box of Umberslade",
    "hold": "Ask Pennyfeather first",
    "resumption": "Pennyfeather nodded",
    "recalculation": "After the fair at Oxwhistle",
    "paid-by-hand": "Collected in Mumbleford",
    "reference": "Grizzlewick-8832",
    "refund-again": "Card of Splotterby",
    "from the page": "Wrapped by Glumberby",
    "self-service": "Too wide, says Farthingwell",
    "notes": "Grumbles like Nettlecombe",
}
IN_ERRORS = "Drabblestone"
"""What the books and the database are made to say when they fail."""
CAMERA, FILE_NAME = "Klompendorf", "Yarrowgate.jpg"
"""What a photo says beside its pixels, and what the file was called where it came from."""
PAYMENT = "pi_Mirkwinkle"
"""No payment of Stripe's: its error quotes it."""
WORDS = (
    "Zyxanthe", "zyxanthe", "Quorndale", "quorndale", "Vexhollow", "91827", "Brumblewick", "Wibbleforth", "Crundlemere",
    "Snorkelby", "Gribblesea", "Plonkshire", "Fenwhistle", "Marrowby", "Tindlewick", "Quibbleton", "Zorblatt", IN_ERRORS, "Mirkwinkle",
    CAMERA, "Yarrowgate", "Hobblethwick", "Wexcombe", "Mumbleford", "Grizzlewick", "Splotterby", "Glumberby", "Farthingwell",
    "Thistlequay", "Umberslade", "Pennyfeather", "Oxwhistle", "Nettlecombe",
)  # fmt: skip


class Shop:
    """A whole installation in processes of its own; only its mail server is here, to refuse mail."""

    def __init__(self, installation: Installation, http: httpx2.AsyncClient, mailbox: Mailbox) -> None:
        self.installation = installation
        self.http = http
        self.mailbox = mailbox
        self.database = installation.database
        self.stripe = stripe.StripeClient(SANDBOX_KEY, base_addresses={"api": installation.stripe_base})

    async def order(self, *, payment: str | None = None) -> str:
        """An order of somebody with every kind of canary."""
        reference = f"ORD-{uuid4().hex[:8]}"
        if payment is None:
            created = await asyncio.to_thread(
                self.stripe.v1.payment_intents.create,
                {"amount": 9_000, "currency": "gbp", "confirm": True, "payment_method": "pm_card_visa"},
            )
            payment = created.id
        body = {
            "currency": "GBP",
            "ordered_at": self.installation.clock.now().isoformat(),
            "customer": {"name": NAME, "email": EMAIL, "phone": PHONE, "address": [STREET, "Leeds"]},
            "lines": [
                {"line": 1, "sku": "S", "title": TITLE, "quantity": 3, "unit_price_minor": 3_000,
                 "final_sale": True}
            ],
            "payments": [{"processor": "stripe", "reference": payment, "captured_minor": 9_000}],
        }  # fmt: skip
        answer = await self.http.put(f"/api/v1/orders/{reference}", json=body)
        assert answer.status_code in (200, 201), answer.text
        return reference

    async def post(self, path: str, body: dict[str, Any]) -> httpx2.Response:
        """A POST with a key of its own, until it has an outcome."""
        key = {"Idempotency-Key": uuid4().hex}
        return await until_answered(lambda: self.http.post(f"/api/v1/{path}", json=body, headers=key))

    async def request(self, order: str) -> str:
        """A request with notes, against a rule."""
        body = {
            "order_reference": order,
            "channel": "email",
            "items": [{"line": 1, "quantity": 1, "reason": "other"}],
            "note": NOTES["request"],
            "override": {"reason": "goodwill", "note": NOTES["override"]},
        }
        answer = await self.post("returns", body)
        assert answer.status_code == 201, answer.text
        rma: str = answer.json()["rma"]
        return rma

    async def step(self, rma: str, what: str, **body: Any) -> httpx2.Response:
        """A command with a note."""
        return await self.post(f"returns/{rma}/{what}", {**body, "note": NOTES[what]})

    async def photo(self, rma: str, photo: bytes) -> httpx2.Response:
        """A photo with everything that a camera and a browser add."""
        headers = {
            "Idempotency-Key": uuid4().hex,
            "Content-Type": "image/jpeg",
            "Content-Disposition": f'attachment; filename="{FILE_NAME}"',
        }
        return await self.http.post(f"/api/v1/returns/{rma}/photos", content=photo, headers=headers)

    async def come_back(self, order: str) -> str:
        """A return with a note at every step and a photo, up to its decision."""
        rma = await self.request(order)
        photo = await self.photo(rma, talkative(CAMERA))
        assert photo.status_code == 201, photo.text
        noted = await self.step(rma, "notes")
        assert noted.status_code == 201, noted.text
        item = {"line": 1, "quantity": 1}
        seen = {**item, "condition": "original", "facts": {
            "opened": False, "marks": "light", "damaged": False, "accessories": "complete", "packaging": "original",
        }, "override": {"reason": "facts_do_not_fit", "note": NOTES["grade"]}, "photos": [photo.json()["id"]]}  # fmt: skip
        steps = [
            await self.step(rma, "authorization"),
            await self.step(rma, "question"),
            await self.step(rma, "message", channel="email"),
            await self.step(rma, "shipment", tracking=NOTES["tracking"]),
            await self.step(
                rma, "receipts", items=[item], wrong_items=[{"quantity": 1, "note": NOTES["wrong item"]}]
            ),
            await self.step(rma, "correction", items=[{"lot": 1, "quantity": 1}], reason="miscounted"),
            await self.step(rma, "receipts", items=[item]),
            await self.step(rma, "hold", reason="other"),
            await self.step(rma, "recalculation"),
            await self.step(rma, "resumption"),
            await self.step(rma, "inspections", items=[seen], decide=False),
            await self.step(rma, "dispositions", items=[{"lot": 1, "disposition": "hold"}]),
            await self.step(rma, "decision"),
        ]
        assert [answer.status_code for answer in steps] == [200] * 13, [answer.text for answer in steps]
        return rma

    async def customer_acts(self, order: str) -> None:
        """Somebody asks for a return by a letter's link, and writes on its page."""
        ours = {"Sec-Fetch-Site": "same-origin"}
        sent = await self.http.post("/start", data={"order": order, "email": EMAIL}, headers=ours)
        assert sent.status_code == 200, sent.text
        await self.http.post("/start", data={"order": order, "email": f"{EMAIL} {NAME}"}, headers=ours)

        async def written() -> Any:
            with self.database.reading() as connection:
                return connection.scalar(text("SELECT id FROM letters"))

        letter = await until(written)  # it is written after the answer has left
        at = self.installation.links.start(letter).removeprefix("https://returns.example")
        chosen = {
            "step": "send", "key": "form-1", "quantity-1": "1", "reason-1": "defective", "words": NOTES["self-service"],
        }  # fmt: skip
        sent = await self.http.post(at, data=chosen, headers=ours)
        assert sent.status_code == 303, sent.text

        async def taken() -> str | None:
            answer = await self.http.get(sent.headers["location"], follow_redirects=True)
            return answer.url.path.split("/")[2] if answer.url.path.startswith("/r/") else None

        rma = await until(taken)
        page = self.installation.links.status(rma).removeprefix("https://returns.example")
        said = {"key": "form-2", "words": NOTES["from the page"]}
        answer = await self.http.post(f"{page}/message", data=said, headers=ours)
        assert answer.status_code == 303, answer.text

    async def reach(self, rma: str, condition: str) -> None:
        """Returns once the return is at a stage, or its refund stands so."""

        async def there() -> bool:
            seen = (await self.http.get(f"/api/v1/returns/{rma}")).json()
            return condition in (seen["stage"], *(refund["status"] for refund in seen["refunds"]))

        await until(there)

    def change(self, *statements: str) -> None:
        """Do to the books what no program of ours does."""
        with self.database.write() as session:
            for statement in statements:
                session.execute(text(statement))

    @contextmanager
    def failing_audit(self) -> Iterator[None]:
        """The database refuses every audit record, and says why in words."""
        if self.database.is_sqlite:
            self.change(
                f"CREATE TRIGGER failing BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, '{IN_ERRORS}'); END"
            )
        else:
            self.change(
                "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS "
                f"'BEGIN RAISE EXCEPTION ''{IN_ERRORS}''; END'",
                "CREATE TRIGGER failing BEFORE INSERT ON audit FOR EACH ROW EXECUTE FUNCTION fail()",
            )
        yield
        self.change("DROP TRIGGER failing" + ("" if self.database.is_sqlite else " ON audit"))

    def books(self) -> str:
        """All that the books say."""
        with self.database.reading() as connection:
            return repr([connection.execute(table.select()).all() for table in tables.metadata.sorted_tables])

    def log(self, name: str) -> str:
        """What a process has logged."""
        return (self.installation.data / "logs" / f"{name}.log").read_text()

    async def has_logged(self, name: str, words: str, times: int = 1) -> None:
        """Returns once a process has logged these words so often."""

        async def there() -> bool:
            return self.log(name).count(words) >= times

        await until(there)


@pytest_asyncio.fixture
async def shop(database_url: str, tmp_path: Path) -> AsyncIterator[Shop]:
    """The processes of `returndesk up`, on each database in turn, with a mail server of the test's."""
    api, sandbox, smtp, temporal = free_ports(4)
    data = tmp_path / "state"
    data.mkdir()
    await asyncio.to_thread(temporal_binary)
    mailbox = Mailbox(tmp_path / "mails.db", lambda: datetime.now(UTC))
    mailbox.start(port=smtp)
    async with AsyncExitStack() as stack:
        stack.callback(mailbox.stop)
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        for name in [name for name in os.environ if name.startswith(("RETURNDESK_", "TEMPORAL_", "STRIPE_"))]:
            patch.delenv(name)
        for name, value in {
            "RETURNDESK_DATA": data,
            "RETURNDESK_DATABASE_URL": database_url,
            "RETURNDESK_SECRET": "a secret of a test's installation",
            "RETURNDESK_API_PORT": api,
            "RETURNDESK_STRIPE_PORT": sandbox,
            "RETURNDESK_TEMPORAL_PORT": temporal,
            "RETURNDESK_PUBLIC_URL": "https://returns.example",
            "SMTP_URL": f"smtp://127.0.0.1:{smtp}",
        }.items():
            patch.setenv(name, str(value))
        installation = Installation(read_settings())
        stack.callback(installation.database.close)
        await stack.enter_async_context(everything(installation, print))
        with installation.database.write() as session:
            token = tokens.create(session, Role.ADMIN, "admin-1", installation.clock.now())
        http = httpx2.AsyncClient(
            base_url=f"http://127.0.0.1:{api}", headers={"Authorization": f"Bearer {token}"}, timeout=30
        )
        yield Shop(installation, await stack.enter_async_context(http), mailbox)


async def everything_goes_wrong(shop: Shop) -> str:
    """Each kind of failure, with the words in it; the RMA of a return that came through all the same."""
    shop.mailbox.refuse(1, 451)
    shop.mailbox.refuse(1, 550, recipient=EMAIL)
    rma = await shop.come_back(await shop.order())
    await shop.reach(rma, "closed")
    await shop.customer_acts(await shop.order())
    await the_database_says_no(shop)
    await the_books_are_broken(shop)
    await a_notice_is_broken(shop, rma)
    unpaid = await shop.come_back(await shop.order(payment=PAYMENT))
    await shop.reach(unpaid, "failed")
    part = {"refund": f"{unpaid}-1", "amount_minor": 1_000, "reference": NOTES["reference"]}
    again = [await shop.step(unpaid, "paid-by-hand", **part), await shop.step(unpaid, "refund-again")]
    assert [answer.status_code for answer in again] == [200, 200], [answer.text for answer in again]
    await the_input_is_wrong(shop)
    await a_photo_is_broken(shop, rma)
    return rma


async def the_database_says_no(shop: Shop) -> None:
    rma = await shop.request(await shop.order())
    failed = shop.log("worker").count("activity_failed")
    with shop.failing_audit():
        asking = asyncio.create_task(shop.step(rma, "authorization"))
        await shop.has_logged("worker", "activity_failed", failed + 1)
    answer = await asking
    assert answer.status_code in (200, 500), answer.text
    assert IN_ERRORS not in answer.text


async def the_books_are_broken(shop: Shop) -> None:
    rma = await shop.request(await shop.order())
    shop.change(f"UPDATE lots SET reception = '{IN_ERRORS}' WHERE rma = '{rma}'")
    answer = await shop.step(rma, "authorization")
    assert answer.status_code == 500
    assert IN_ERRORS not in answer.text


async def a_notice_is_broken(shop: Shop, rma: str) -> None:
    now = shop.installation.clock.now()
    with shop.database.write() as session:
        session.add(
            tables.Notice(
                rma=rma, number=90, kind="accepted", facts={"kind": "accepted", "rma": IN_ERRORS},
                written_at=now, due_at=now,
            )
        )  # fmt: skip
    await shop.has_logged("worker", "notice_unreadable")


async def a_photo_is_broken(shop: Shop, rma: str) -> None:
    answer = await shop.photo(rma, talkative(CAMERA)[:-400])
    assert (answer.status_code, answer.json()["code"]) == (422, "photo_unreadable")
    assert [word for word in WORDS if word in answer.text] == []


async def the_input_is_wrong(shop: Shop) -> None:
    """No answer repeats what was sent."""
    wrong = {"order_reference": NAME, "channel": EMAIL, "items": [{"line": TITLE}], "note": NOTES["request"]}
    answers = [
        await shop.post("returns", wrong),
        await shop.post("returns", {EMAIL: NAME}),
        await shop.http.put("/api/v1/orders/ORD-1", json={"customer": {"name": NAME, "email": NAME}}),
        await shop.http.get("/api/v1/returns", params={"q": EMAIL, "stage": NAME}),
        await shop.http.get(f"/api/v1/returns/{NAME}"),
        await shop.http.post("/webhooks/stripe", json={"id": NAME}, headers={"Stripe-Signature": "Zyxanthe"}),
    ]
    assert {answer.status_code for answer in answers} == {422}
    assert [word for answer in answers for word in WORDS if word in answer.text] == []


def spellings(word: str) -> Iterator[bytes]:
    """The word's bytes, and what is left of it in base64 wherever it begins among three bytes."""
    yield word.encode()
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + word.encode() + b"\0\0")
        yield encoded[-(-before * 4 // 3) + (1 if before else 0) : (before + len(word)) * 4 // 3]


def found(where: Path, word: str) -> bool:
    """Whether a word, or its base64, is anywhere in the files of a folder."""
    files = [path.read_bytes() for path in where.rglob("*") if path.is_file()]
    return any(spelling in content for spelling in spellings(word) for content in files)


async def test_no_word_of_a_person_reaches_temporal_a_log_or_stripe(shop: Shop) -> None:
    rma = await everything_goes_wrong(shop)
    data = shop.installation.data
    assert found(data / "temporal", rma), "what is there is found: nothing hides it from the search"
    assert found(data / "logs", "activity_failed")
    assert [word for word in WORDS if found(data / "temporal", word)] == []
    assert [word for word in WORDS if found(data / "logs", word)] == []
    stripes = b"".join(path.read_bytes() for path in data.glob("stripe.db*"))
    assert rma.encode() in stripes
    assert [word for word in WORDS if word.encode() in stripes and word not in PAYMENT] == []
    await what_a_camera_knew_is_nowhere(shop)


async def what_a_camera_knew_is_nowhere(shop: Shop) -> None:
    """Neither in the file that is kept, nor in the books, nor in any other file of the installation."""
    data, place = shop.installation.data, place_in(talkative(CAMERA))
    photos = list((data / "photos").iterdir())
    assert photos
    assert set().union(*(segments(path.read_bytes()) for path in photos)) == PIXELS_ONLY
    assert [word for word in (CAMERA, "Yarrowgate") if found(data, word) or word in shop.books()] == []
    assert [path for path in data.rglob("*") if path.is_file() and place in path.read_bytes()] == []


def place_in(photo: bytes) -> bytes:
    """The seconds of latitude as they stand in a photo's EXIF."""
    place = Image.open(BytesIO(photo)).getexif().get_ifd(ExifTags.IFD.GPSInfo)
    seconds = place[ExifTags.GPS.GPSLatitude][2]
    written = [struct.pack(f"{order}LL", seconds.numerator, seconds.denominator) for order in "<>"]
    return next(number for number in written if number in photo)


@pytest.mark.parametrize("offset", range(4))
def test_the_search_finds_words_inside_base64(tmp_path: Path, offset: int) -> None:
    (tmp_path / "file").write_bytes(base64.b64encode(b"x" * offset + b"Wibbleforth" + b"y" * 7))
    assert found(tmp_path, "Wibbleforth")
    assert not found(tmp_path, "Snorkelby")
