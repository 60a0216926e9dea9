"""Payment intents, their charges and the balance: what was captured and where it stands.

A charge's ``amount_refunded`` is the sum of its refunds that are not failed or canceled, always.
"""

from dataclasses import dataclass
from typing import Any, Final

from returndesk.embedded.stripe_sandbox import params
from returndesk.embedded.stripe_sandbox.errors import Invalid, Refusal
from returndesk.embedded.stripe_sandbox.records import Document
from returndesk.embedded.stripe_sandbox.work import Work, new_id

PAYMENT_INTENT_PARAMS: Final = {
    "amount": params.amount,
    "automatic_payment_methods": params.hash_of(
        {"enabled": params.boolean, "allow_redirects": params.one_of("always", "never")}
    ),
    "capture_method": params.one_of("automatic", "automatic_async"),
    "confirm": params.boolean,
    "currency": params.currency,
    "description": params.text,
    "error_on_requires_action": params.boolean,
    "expand": params.texts,
    "metadata": params.metadata,
    "off_session": params.boolean,
    "payment_method": params.text,
    "return_url": params.text,
    "statement_descriptor": params.text,
    "statement_descriptor_suffix": params.text,
}


@dataclass(frozen=True, slots=True)
class TestCard:
    """A card of docs.stripe.com/testing; ``later`` is what becomes of its refunds some time after."""

    brand: str
    last4: str
    refund_begins: str = "succeeded"
    refund_later: str | None = None


CARDS: Final = {
    "pm_card_visa": TestCard("visa", "4242"),
    "pm_card_mastercard": TestCard("mastercard", "4444"),
    "pm_card_amex": TestCard("amex", "8431"),
    "pm_card_refundFail": TestCard("visa", "5126", "succeeded", "failed"),
    "pm_card_pendingRefund": TestCard("visa", "7726", "pending", "succeeded"),
}
CARDS_BY_LAST4: Final = {card.last4: card for card in CARDS.values()}


def create_payment_intent(work: Work, wanted: dict[str, Any]) -> Document:
    """A payment; with ``confirm`` and a test card it is captured at once and has its charge."""
    if wanted.get("confirm") and "payment_method" not in wanted:
        raise Invalid(
            "You cannot confirm this PaymentIntent because it's missing a payment method.",
            param="payment_method",
            code="payment_intent_unexpected_state",
        )
    card = CARDS.get(wanted["payment_method"]) if "payment_method" in wanted else None
    if card is None and "payment_method" in wanted:
        raise Invalid(
            f"No such PaymentMethod: '{wanted['payment_method']}'",
            param="payment_method",
            code="resource_missing",
        )
    payment = _payment_intent(work, wanted, paid_by=card)
    if card is not None and wanted.get("confirm"):
        charge = _charge(work, payment, card)
        payment |= {
            "latest_charge": charge["id"],
            "amount_received": payment["amount"],
            "status": "succeeded",
        }
        work.emit("charge.succeeded", charge)
        work.emit("payment_intent.succeeded", payment)
    work.records.add(payment)
    return payment


def _payment_intent(work: Work, wanted: dict[str, Any], *, paid_by: TestCard | None) -> Document:
    id = new_id("pi_")
    return {
        "id": id,
        "object": "payment_intent",
        "amount": wanted["amount"],
        "amount_capturable": 0,
        "amount_received": 0,
        "automatic_payment_methods": wanted.get("automatic_payment_methods"),
        "canceled_at": None,
        "cancellation_reason": None,
        "capture_method": wanted.get("capture_method", "automatic_async"),
        "client_secret": new_id(f"{id}_secret_"),
        "confirmation_method": "automatic",
        "created": work.at,
        "currency": wanted["currency"],
        "customer": None,
        "description": wanted.get("description"),
        "last_payment_error": None,
        "latest_charge": None,
        "livemode": False,
        "metadata": wanted.get("metadata", {}),
        "next_action": None,
        "payment_method": new_id("pm_") if paid_by else None,
        "payment_method_types": ["card"],
        "processing": None,
        "receipt_email": None,
        "shipping": None,
        "statement_descriptor": wanted.get("statement_descriptor"),
        "statement_descriptor_suffix": wanted.get("statement_descriptor_suffix"),
        "status": "requires_confirmation" if paid_by else "requires_payment_method",
    }


def _charge(work: Work, payment: Document, card: TestCard) -> Document:
    charge = {
        "id": new_id("ch_"),
        "object": "charge",
        "amount": payment["amount"],
        "amount_captured": payment["amount"],
        "amount_refunded": 0,
        "balance_transaction": None,
        "billing_details": {"address": None, "email": None, "name": None, "phone": None, "tax_id": None},
        "captured": True,
        "created": work.at,
        "currency": payment["currency"],
        "customer": None,
        "description": payment["description"],
        "disputed": False,
        "failure_code": None,
        "failure_message": None,
        "livemode": False,
        "metadata": payment["metadata"],
        "outcome": {"network_status": "approved_by_network", "type": "authorized", "seller_message": None},
        "paid": True,
        "payment_intent": payment["id"],
        "payment_method": payment["payment_method"],
        "payment_method_details": {
            "type": "card",
            "card": {
                "brand": card.brand,
                "country": "GB",
                "exp_month": 12,
                "exp_year": 2040,
                "funding": "credit",
                "last4": card.last4,
                "network": card.brand,
            },
        },
        "receipt_email": None,
        "receipt_number": None,
        "receipt_url": None,
        "refunded": False,
        "status": "succeeded",
    }
    charge["balance_transaction"] = balance_transaction(work, "charge", charge, payment["amount"])
    work.records.add(charge)
    return charge


def balance_transaction(work: Work, type: str, source: Document, amount_minor: int) -> str:
    """Book a movement of the balance that ``source`` caused (negative: money leaves) and return its id."""
    transaction = {
        "id": new_id("txn_"),
        "object": "balance_transaction",
        "amount": amount_minor,
        "available_on": work.at,
        "balance_type": "payments",
        "created": work.at,
        "currency": source["currency"],
        "description": None,
        "exchange_rate": None,
        "fee": 0,
        "fee_details": [],
        "net": amount_minor,
        "reporting_category": {"refund_failure": "refund_failure", "adjustment": "dispute"}.get(type, type),
        "source": source["id"],
        "status": "available",
        "type": type,
    }
    work.records.add(transaction)
    return str(transaction["id"])


def charge_to_refund(work: Work, wanted: dict[str, Any]) -> Document:
    """The captured charge that a refund names by ``charge`` or by ``payment_intent``."""
    if ("charge" in wanted) == ("payment_intent" in wanted):
        raise Invalid(
            "You may only specify one of these parameters: charge, payment_intent."
            if "charge" in wanted
            else "One of the following params should be provided for this request: payment_intent or charge."
        )
    if "charge" in wanted:
        return _named(work, "charge", wanted["charge"])
    payment = _named(work, "payment_intent", wanted["payment_intent"])
    if payment["latest_charge"] is None:
        raise Refusal(
            400,
            f"This PaymentIntent ({payment['id']}) does not have a successful charge to refund.",
            param="payment_intent",
        )
    return _named(work, "charge", payment["latest_charge"])


def _named(work: Work, kind: str, id: str) -> Document:
    found = work.records.find(kind, id)
    if found is None:
        raise Refusal(404, f"No such {kind}: '{id}'", code="resource_missing", param=kind)
    return found
