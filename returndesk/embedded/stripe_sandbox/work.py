"""One piece of work on the records: which instant it is, who asked, and the events it gives rise to."""

import secrets
from dataclasses import dataclass
from string import ascii_letters, digits
from typing import Any

from returndesk.embedded.stripe_sandbox.records import Document, Records, to_json

# The version the official client (stripe 16.1) speaks and expects in events.
API_VERSION = "2026-10-28.endive"

_ALPHABET = digits + ascii_letters


def new_id(prefix: str) -> str:
    """An id as Stripe makes them: ``re_`` and 24 letters and digits."""
    return prefix + "".join(secrets.choice(_ALPHABET) for _ in range(24))


@dataclass(frozen=True, slots=True)
class Work:
    """What an operation needs: the records, the instant in Unix seconds, the request it serves, if any."""

    records: Records
    at: int
    request_id: str | None = None
    idempotency_key: str | None = None

    def emit(self, type: str, document: Document, changed: dict[str, Any] | None = None) -> None:
        """Write an event, and its delivery where an endpoint wants it, beside the change it tells of."""
        data: dict[str, Any] = {"object": document}
        if changed is not None:
            data["previous_attributes"] = changed
        endpoint = self.records.setting("webhook_endpoint")
        wanted = endpoint is not None and (type in endpoint["events"] or "*" in endpoint["events"])
        event = {
            "id": new_id("evt_"),
            "object": "event",
            "api_version": API_VERSION,
            "created": self.at,
            "data": data,
            "livemode": False,
            "pending_webhooks": int(wanted),
            "request": {"id": self.request_id, "idempotency_key": self.idempotency_key},
            "type": type,
        }
        self.records.run(
            "INSERT INTO objects (id, kind, created, body) VALUES (?, 'event', ?, ?)",
            event["id"],
            self.at,
            to_json(event),
        )
        if wanted:
            self.deliver(str(event["id"]))

    def deliver(self, event: str) -> None:
        """Have an event sent to the endpoint, as soon as may be."""
        self.records.run(
            "INSERT INTO deliveries (event, created, next_at, attempts) VALUES (?, ?, ?, 0)",
            event,
            self.at,
            self.at,
        )

    def change(self, document: Document, **changes: Any) -> dict[str, Any]:
        """Keep an object with these members changed; returns what they were, as ``previous_attributes``."""
        before = {name: document.get(name) for name in changes if document.get(name) != changes[name]}
        document.update(changes)
        self.records.replace(document)
        return before
