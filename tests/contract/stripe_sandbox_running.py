"""A Stripe sandbox on a real port, the official client to it, and an endpoint that hears its webhooks."""

import asyncio
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import stripe

from returndesk.embedded.stripe_sandbox.app import build_server, create_app

WAIT_SECONDS_MAX = 10.0


@dataclass
class MovableClock:
    """The sandbox's clock: it stands where a test puts it."""

    at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def now(self) -> datetime:
        """The instant it stands at."""
        return self.at

    def advance(self, **by: float) -> None:
        """Move it on, by the arguments of a timedelta."""
        self.at += timedelta(**by)


def until(condition: Callable[[], bool]) -> None:
    """Return once the condition holds; fail when it does not come to hold."""
    give_up_at = time.monotonic() + WAIT_SECONDS_MAX
    while not condition():
        assert time.monotonic() < give_up_at, "it did not happen"


@dataclass
class RunningSandbox:
    """A sandbox that answers at ``url``, with shorthand for what most tests do with it."""

    url: str
    clock: MovableClock

    def client(self, api_key: str = "sk_test_contract") -> stripe.StripeClient:
        """The official client, unchanged."""
        return stripe.StripeClient(api_key, base_addresses={"api": self.url})

    def knob(self, path: str, method: str = "POST", **body: Any) -> Any:
        """Turn a knob, or read a view."""
        data = json.dumps(body).encode() if method == "POST" else None
        with urlopen(Request(f"{self.url}/_sandbox/{path}", data, method=method), timeout=10) as answer:
            return json.load(answer)

    def view(self, path: str) -> Any:
        """What a view of the oracle shows."""
        return self.knob(path, "GET")

    def fault(self, fault: str, **detail: Any) -> None:
        """Arm a fault."""
        self.knob("faults", fault=fault, **detail)

    def pay(self, amount_minor: int = 8000, card: str = "pm_card_visa", currency: str = "gbp") -> str:
        """A captured payment's id."""
        created = self.client().v1.payment_intents.create(
            {"amount": amount_minor, "currency": currency, "confirm": True, "payment_method": card}
        )
        return created.id

    def refund(self, payment: str, amount_minor: int, key: str | None = None, **more: Any) -> stripe.Refund:
        """A refund of part of a payment."""
        wanted: Any = {"payment_intent": payment, "amount": amount_minor, **more}
        return self.client().v1.refunds.create(wanted, {"idempotency_key": key} if key else {})

    def refunds(self, payment: str) -> list[dict[str, Any]]:
        """The oracle's refunds of a payment, oldest first."""
        found: list[dict[str, Any]] = self.view(f"state?payment_intent={payment}")["refunds"]
        return found


@contextmanager
def running_sandbox(
    folder: Path, clock: MovableClock | None = None, **options: Any
) -> Iterator[RunningSandbox]:
    """A sandbox on a database in the folder; the next one in the same folder goes on where it ended."""
    clock = clock or MovableClock()
    server = build_server(create_app(folder / "stripe.sqlite", now=clock.now, **options))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[listening])))
        thread.start()
        try:
            yield RunningSandbox(f"http://127.0.0.1:{port}", clock)
        finally:
            server.should_exit = True
            thread.join(WAIT_SECONDS_MAX)
    assert not thread.is_alive(), "the sandbox did not stop"


@dataclass
class Heard:
    """One webhook as it arrived."""

    payload: bytes
    signature: str

    @property
    def event(self) -> dict[str, Any]:
        """The event in it."""
        event: dict[str, Any] = json.loads(self.payload)
        return event


class _Server(ThreadingHTTPServer):
    request_queue_size = 128


class Listener:
    """An endpoint for webhooks: keeps what it hears, does ``meanwhile``; answers with ``answers`` in turn, then 200."""

    def __init__(self) -> None:
        self.heard: list[Heard] = []
        self.answers: list[int] = []
        self.meanwhile: Callable[[], None] = lambda: None
        self._changed = threading.Condition()
        self._server = _Server(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_port}/webhooks/stripe?shop=1"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})

    def __enter__(self) -> "Listener":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(WAIT_SECONDS_MAX)

    def wait_for(self, count: int) -> list[Heard]:
        """What was heard, once it is this many."""
        with self._changed:
            enough = self._changed.wait_for(lambda: len(self.heard) >= count, WAIT_SECONDS_MAX)
        assert enough, f"heard {len(self.heard)} webhooks, not {count}"
        return list(self.heard)

    def types(self) -> list[str]:
        """The types of the events heard, in alphabetical order."""
        return sorted(heard.event["type"] for heard in self.heard)

    def _handler(listener) -> type[BaseHTTPRequestHandler]:  # noqa: N805 (the handler has a self of its own)
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                payload = self.rfile.read(int(self.headers["Content-Length"]))
                with listener._changed:
                    listener.heard.append(Heard(payload, self.headers["Stripe-Signature"]))
                    status = listener.answers.pop(0) if listener.answers else 200
                    listener.meanwhile()
                    listener._changed.notify_all()
                self.send_response(status)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing."""

        return Handler
