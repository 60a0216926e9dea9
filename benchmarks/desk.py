"""Who asks in a benchmark, and what was sold: one line of two dresses an order, paid with one payment."""

from dataclasses import dataclass
from typing import Any

from returndesk.domain.people import Role
from returndesk.installation import Installation
from returndesk.store import tokens

PRICE_MINOR = 2_250
QUANTITY = 2
WORTH_MINOR = PRICE_MINOR * QUANTITY
GOODS: dict[str, Any] = {"line": 1, "quantity": QUANTITY}


@dataclass(frozen=True)
class Desk:
    """A rep and somebody in the warehouse, each with a token, and the port the API answers on."""

    port: int
    rep: str
    warehouse: str


def open_desk(installation: Installation) -> Desk:
    """Give both their tokens."""
    now = installation.clock.now()
    with installation.database.write() as session:
        rep = tokens.create(session, Role.REP, "rep-1", now)
        warehouse = tokens.create(session, Role.WAREHOUSE, "warehouse-1", now)
    return Desk(installation.settings.api_port, rep, warehouse)


def order_body(payment: str, bought: str) -> dict[str, Any]:
    """An order; `bought` in ISO 8601."""
    return {
        "currency": "GBP",
        "ordered_at": bought,
        "customer": {"name": "Ada Example", "email": "ada@example.org", "address": ["1 Road", "Leeds"]},
        "lines": [
            {
                "line": 1,
                "sku": "A-1",
                "title": "Blue dress",
                "quantity": QUANTITY,
                "unit_price_minor": PRICE_MINOR,
            }
        ],
        "payments": [
            {
                "processor": "stripe",
                "reference": payment,
                "captured_minor": WORTH_MINOR,
                "label": "Visa ending 4242",
            }
        ],
    }


def request_body(order: str) -> dict[str, Any]:
    """A customer who phones and wants to send all of an order back."""
    return {
        "order_reference": order,
        "channel": "phone",
        "items": [{**GOODS, "reason": "too_small"}],
        "resolution": "refund",
    }
