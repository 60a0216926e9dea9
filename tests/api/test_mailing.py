"""The duty that sends mail where it is hard: two turns of it at once, and a mail server that is away."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from email.message import EmailMessage
from threading import Event
from typing import Any

from activities.notices import Notices
from api.desk import Desk
from returndesk.domain.mail import Delivery, Outcome

SECONDS_MAX = 30


class SlowMailer:
    """A mail server that takes its first message only when a test says so."""

    def __init__(self) -> None:
        self.taken: list[str] = []
        self.has_begun, self.may_end = Event(), Event()

    def send(self, message: EmailMessage) -> Delivery:
        self.taken.append(message["Message-ID"])
        self.has_begun.set()
        assert self.may_end.wait(SECONDS_MAX)
        return Delivery(Outcome.ACCEPTED, 250)


class AwayMailer:
    """A mail server that is not there until a test says so."""

    def __init__(self) -> None:
        self.is_here, self.tried = False, 0
        self.taken: list[str] = []

    def send(self, message: EmailMessage) -> Delivery:
        self.tried += 1
        if not self.is_here:
            return Delivery(Outcome.UNREACHABLE)
        self.taken.append(message["Message-ID"])
        return Delivery(Outcome.ACCEPTED, 250)


def requested(api: Desk, admin: Any, name: str) -> None:
    """A return that somebody asked for: its customer is to be mailed."""
    order = {
        "currency": "GBP", "ordered_at": (api.clock.now() - timedelta(days=4)).isoformat(),
        "customer": {"name": "Ada Example", "email": "ada@shop.example"},
        "lines": [{"line": 1, "sku": "A", "title": "Dress", "quantity": 1, "unit_price_minor": 4_000}],
    }  # fmt: skip
    assert admin.put(f"/orders/{name}", order).status_code == 201
    items = [{"line": 1, "quantity": 1, "reason": "other"}]
    asked = {"order_reference": name, "channel": "phone", "items": items}
    assert admin.post("/returns", asked).status_code == 201


def test_a_turn_that_goes_on_beside_its_successor_sends_nothing_twice(api: Desk, admin: Any) -> None:
    requested(api, admin, "A-1")
    mailer = SlowMailer()
    notices = Notices(api.database, mailer, api.renderer, api.links, api.clock, "shop.example")
    with ThreadPoolExecutor() as turns:
        first = turns.submit(notices.send_due)
        assert mailer.has_begun.wait(SECONDS_MAX)
        second = turns.submit(notices.send_due)
        try:
            assert second.result(SECONDS_MAX) == 0
        finally:
            mailer.may_end.set()
        assert first.result(SECONDS_MAX) == 1
    assert len(mailer.taken) == 1
    assert notices.send_due() == 0


def test_mail_leaves_soon_after_its_server_is_back_however_long_it_was_away(api: Desk, admin: Any) -> None:
    for number in range(4):
        requested(api, admin, f"A-{number}")
    mailer = AwayMailer()
    notices = Notices(api.database, mailer, api.renderer, api.links, api.clock, "shop.example")
    for minute in range(1, 121):
        notices.send_due()
        notices.send_due()
        assert mailer.tried <= minute + 6, "a server that is away is tried now and then, with one message"
        api.clock.at += timedelta(minutes=1)  # type: ignore[attr-defined]
    assert mailer.tried > 60
    mailer.is_here = True
    notices.send_due()
    assert len(mailer.taken) == 4
