"""The duty that sends mail where it is hard: two turns of it at once, and a mail server that is away."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from email.message import EmailMessage
from threading import Event
from time import monotonic
from typing import Any

import pytest
from temporalio.testing import ActivityEnvironment

from activities.bustle import MANY_A_SECOND, Bustle
from activities.notices import GIVES_WAY, Notices
from activities.records import Records
from api.desk import Desk
from returndesk.domain.errors import NotFound
from returndesk.domain.mail import Delivery, Outcome
from returndesk.domain.people import CLOCK
from returndesk.domain.stages import EventKind
from returndesk.messages import Step

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


def bustle(*, seconds_ago: float) -> Bustle:
    """As it is when so many transitions as are many began so long ago."""
    clock = [0.0]
    one = Bustle(lambda: clock[0])
    for _ in range(MANY_A_SECOND):
        one.add()
    clock[0] += seconds_ago
    return one


def test_many_transitions_within_a_second_are_bustle() -> None:
    assert bustle(seconds_ago=0.9).is_high
    assert not bustle(seconds_ago=1.0).is_high
    one = Bustle(lambda: 0.0)
    for _ in range(MANY_A_SECOND - 1):
        one.add()
    assert not one.is_high


@pytest.mark.parametrize(
    ("seconds_ago", "is_stopping", "waits"), [(0, False, 3), (0, True, 0), (5, False, 0)]
)
def test_mail_gives_way_while_many_returns_move(
    api: Desk, admin: Any, seconds_ago: float, is_stopping: bool, waits: int
) -> None:
    for number in range(3):
        requested(api, admin, f"A-{number}")
    mailer, environment = AwayMailer(), ActivityEnvironment()
    mailer.is_here = True
    notices = Notices(
        api.database, mailer, api.renderer, api.links, api.clock, "shop.example",
        bustle(seconds_ago=seconds_ago),
    )  # fmt: skip
    if is_stopping:
        environment.worker_shutdown()
    began = monotonic()
    assert environment.run(notices.send_due) == 3
    assert len(mailer.taken) == 3
    waited = (monotonic() - began) / GIVES_WAY.total_seconds()
    assert waited >= waits if waits else waited < 3


def test_every_transition_counts_as_bustle(api: Desk) -> None:
    one = Bustle()
    records = Records(api.database, api.policies, api.clock, one)
    step = Step("time", "RMA-AAAA-AAAA", EventKind.TIME_PASSED, api.clock.now(), CLOCK.id, CLOCK.role, None)
    for _ in range(MANY_A_SECOND):
        assert not one.is_high
        with pytest.raises(NotFound):
            records.transition(step)
    assert one.is_high
