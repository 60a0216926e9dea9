"""Two turns of the duty that sends mail, in one worker: Temporal had lost sight of the first, and began another."""

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


def test_a_turn_that_goes_on_beside_its_successor_sends_nothing_twice(api: Desk, admin: Any) -> None:
    order = {
        "currency": "GBP", "ordered_at": (api.clock.now() - timedelta(days=4)).isoformat(),
        "customer": {"name": "Ada Example", "email": "ada@shop.example"},
        "lines": [{"line": 1, "sku": "A", "title": "Dress", "quantity": 1, "unit_price_minor": 4_000}],
    }  # fmt: skip
    assert admin.put("/orders/A-1", order).status_code == 201
    asked = {
        "order_reference": "A-1",
        "channel": "phone",
        "items": [{"line": 1, "quantity": 1, "reason": "other"}],
    }
    assert admin.post("/returns", asked).status_code == 201
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
