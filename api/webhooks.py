"""What the processor says: verified, stored once, answered at once. The sweep acts upon it.

An event is only a reason to look; nothing it says of a refund is believed unseen.
"""

import asyncio
import json
from datetime import datetime, timedelta
from typing import Any

import stripe
from fastapi import APIRouter, Request, Response

from api.desk import desk_of
from api.identity import anybody
from api.problems import problems
from returndesk.domain.errors import InvalidInput
from returndesk.store.processor_events import Event, keep

router = APIRouter(tags=["webhooks"], dependencies=[anybody("signed by the processor")])

WINDOW = timedelta(minutes=5)


@router.post("/webhooks/stripe", status_code=202, response_class=Response, responses=problems(413, 422))
async def stripe_event(request: Request) -> Response:
    """An event from Stripe, signed with the endpoint's secret, at most five minutes old or early."""
    desk = desk_of(request)
    body = await request.body()
    signature = request.headers.get("stripe-signature", "")
    event = _verified(body, signature, desk.webhook_secret, desk.clock.now().timestamp())
    kept = _kept(event, desk.clock.now())
    if kept is not None:
        await asyncio.to_thread(keep, desk.database, kept)
    return Response(status_code=202)


def _verified(body: bytes, signature: str, secret: str, now: float) -> dict[str, Any]:
    """The event, where the signature is right and its time is now: Stripe's own check guards only the past."""
    try:
        text = body.decode()
        stripe.WebhookSignature.verify_header(text, signature, secret, tolerance=None)
        signed_at = int(dict(part.split("=", 1) for part in signature.split(","))["t"])
        event = json.loads(text)
    except (ValueError, KeyError, stripe.SignatureVerificationError):
        raise InvalidInput(
            "signature_invalid", "This event is not signed with the endpoint's secret. It was not kept."
        ) from None
    if abs(now - signed_at) > WINDOW.total_seconds():
        raise InvalidInput("signature_stale", "This event was signed at another time. It was not kept.")
    if not isinstance(event, dict) or not event.get("id"):
        raise InvalidInput("event_invalid", "This is not an event. It was not kept.")
    return event


def _kept(event: dict[str, Any], now: datetime) -> Event | None:
    """What is kept of an event: ids, a status and an amount. None for events nobody here asks for."""
    kind = str(event.get("type", ""))
    if not kind.startswith(("refund.", "charge.dispute.")):
        return None
    said = (event.get("data") or {}).get("object") or {}
    card = ((said.get("destination_details") or {}).get("card")) or {}
    return Event(
        id=str(event["id"])[:100],
        type=kind[:60],
        object_reference=str(said.get("id", ""))[:100],
        received_at=now,
        payment_reference=said.get("payment_intent"),
        refund_id=(said.get("metadata") or {}).get("refund_id"),
        status=said.get("status"),
        amount_minor=said.get("amount"),
        bank_reference=card.get("reference"),
    )
