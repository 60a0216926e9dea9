"""Refunds: never more than what is left of the charge, and a failed one gives its money back to what is left.

Statuses as docs.stripe.com/refunds has them: pending, requires_action, succeeded, failed, canceled.
``succeeded`` is not final: a bank may return the money days later. One that waits for the customer is canceled when
they do not answer in 45 days (docs.stripe.com/payments/customer-balance/refunding).
"""

import secrets
from typing import Any, Final

from returndesk.embedded.stripe_sandbox import params
from returndesk.embedded.stripe_sandbox.errors import Refusal
from returndesk.embedded.stripe_sandbox.payments import (
    CARDS_BY_LAST4,
    balance_transaction,
    charge_to_refund,
)
from returndesk.embedded.stripe_sandbox.records import Document
from returndesk.embedded.stripe_sandbox.work import Work, new_id

FAILURE_REASONS: Final = (
    "lost_or_stolen_card",
    "expired_or_canceled_card",
    "charge_for_pending_refund_disputed",
    "insufficient_funds",
    "declined",
    "merchant_request",
    "unknown",
)
PENDING_REASONS: Final = ("processing", "insufficient_funds", "charge_pending")

# Disputes beside which a charge can be refunded.
HARMLESS: Final = frozenset(("won", "warning_closed", "warning_needs_response"))

# Seconds until the test cards' refunds turn; Stripe says only "some time later".
CARD_TURNS_AFTER = 5

# Seconds in which a customer can give the details that a refund waits for.
DETAILS_WITHIN = 45 * 24 * 60 * 60

REFUND_PARAMS: Final = {
    "amount": params.amount,
    "charge": params.text,
    "expand": params.texts,
    "metadata": params.metadata,
    "payment_intent": params.text,
    "reason": params.one_of("duplicate", "fraudulent", "requested_by_customer"),
}
REFUND_UPDATE_PARAMS: Final = {"expand": params.texts, "metadata": params.metadata}
REFUND_CANCEL_PARAMS: Final = {"expand": params.texts}

_SYMBOLS: Final = {"gbp": "£", "usd": "$", "eur": "€", "jpy": "¥"}
_WITHOUT_MINOR_UNIT: Final = frozenset(
    (
        "bif",
        "clp",
        "djf",
        "gnf",
        "jpy",
        "kmf",
        "krw",
        "mga",
        "pyg",
        "rwf",
        "ugx",
        "vnd",
        "vuv",
        "xaf",
        "xof",
        "xpf",
    )
)


def create_refund(
    work: Work, wanted: dict[str, Any], *, begins: str | None = None, pending_reason: str = "processing"
) -> Document:
    """Give back ``amount`` (or all that is left) of a charge.

    ``begins`` is the status to start in, where a knob says so; otherwise the card decides.
    """
    charge = charge_to_refund(work, wanted)
    amount_minor = _refundable(work, charge, wanted.get("amount"))
    card = CARDS_BY_LAST4[charge["payment_method_details"]["card"]["last4"]]
    status = begins or card.refund_begins
    refund = {
        "id": new_id("re_"),
        "object": "refund",
        "amount": amount_minor,
        "balance_transaction": None,
        "charge": charge["id"],
        "created": work.at,
        "currency": charge["currency"],
        "destination_details": _destination(status),
        "metadata": wanted.get("metadata", {}),
        "payment_intent": charge["payment_intent"],
        "reason": wanted.get("reason"),
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": status,
        "transfer_reversal": None,
    }
    if status == "pending":
        refund["pending_reason"] = pending_reason
    if status == "requires_action":
        refund["next_action"] = _next_action(work)
    else:
        refund["balance_transaction"] = balance_transaction(work, "refund", refund, -amount_minor)
    work.records.add(refund)
    if status == "requires_action":
        _let_expire(work, refund)
    if begins is None and card.refund_later:
        work.records.run(
            "INSERT INTO flips VALUES (?, ?, ?)", refund["id"], work.at + CARD_TURNS_AFTER, card.refund_later
        )
    _count(work, charge, amount_minor)
    work.emit("refund.created", refund)
    work.emit("charge.refunded", charge)
    return refund


def _refundable(work: Work, charge: Document, amount_minor: int | None) -> int:
    unrefunded = charge["amount_captured"] - charge["amount_refunded"]
    if charge["disputed"] and any(
        dispute["status"] not in HARMLESS for dispute in work.records.every("dispute", charge=charge["id"])
    ):
        raise Refusal(
            400,
            f"Charge {charge['id']} has been charged back; cannot issue a refund.",
            code="charge_disputed",
        )
    if unrefunded == 0:
        raise Refusal(
            400, f"Charge {charge['id']} has already been refunded.", code="charge_already_refunded"
        )
    if amount_minor is not None and amount_minor > unrefunded:
        asked, left = (in_words(minor, charge["currency"]) for minor in (amount_minor, unrefunded))
        raise Refusal(
            400,
            f"Refund amount ({asked}) is greater than unrefunded amount on charge ({left})",
            param="amount",
        )
    return amount_minor if amount_minor is not None else unrefunded


def _count(work: Work, charge: Document, amount_minor: int) -> None:
    refunded = charge["amount_refunded"] + amount_minor
    work.change(charge, amount_refunded=refunded, refunded=refunded == charge["amount_captured"])


def _destination(status: str) -> dict[str, Any]:
    card: dict[str, Any] = {"type": "refund", "reference_type": "acquirer_reference_number"}
    if status == "succeeded":
        card |= {"reference": "7" + "".join(secrets.choice("0123456789") for _ in range(22))}
    known = {"succeeded": "available", "failed": "unavailable", "canceled": "unavailable"}
    card["reference_status"] = known.get(status, "pending")
    return {"type": "card", "card": card}


def in_words(amount_minor: int, currency: str) -> str:
    """An amount as Stripe's messages write it: ``£93.90``, ``¥500``, ``12.00 CHF``."""
    if currency in _WITHOUT_MINOR_UNIT:
        number = f"{amount_minor:,}"
    else:
        number = f"{amount_minor // 100:,}.{amount_minor % 100:02}"
    return _SYMBOLS[currency] + number if currency in _SYMBOLS else f"{number} {currency.upper()}"


def _next_action(work: Work) -> dict[str, Any]:
    """What the customer was asked, by an email of Stripe's: to nobody here, for test payments name no customer."""
    email = {"email_sent_at": work.at, "email_sent_to": "nobody@sandbox.invalid"}
    details = {"email_sent": email, "expires_at": work.at + DETAILS_WITHIN}
    return {"type": "display_details", "display_details": details}


def _let_expire(work: Work, refund: Document) -> None:
    expires_at = refund["next_action"]["display_details"]["expires_at"]
    work.records.run("INSERT INTO flips VALUES (?, ?, 'canceled')", refund["id"], expires_at)


def succeed(work: Work, refund: Document) -> Document:
    """The money has reached the customer's bank."""
    _expect(refund, "pending", "requires_action")
    refund.pop("pending_reason", None)
    refund.pop("next_action", None)
    before = work.change(
        refund,
        status="succeeded",
        balance_transaction=_booked(work, refund),
        destination_details=_destination("succeeded"),
    )
    _tell(work, refund, before)
    return refund


def take_details(work: Work, refund: Document) -> Document:
    """The customer has given what the refund waited for: it is sent."""
    _expect(refund, "requires_action")
    refund.pop("next_action", None)
    before = work.change(
        refund, status="pending", pending_reason="processing", balance_transaction=_booked(work, refund)
    )
    _tell(work, refund, before)
    return refund


def _booked(work: Work, refund: Document) -> str:
    """The balance transaction of the money that leaves, made once."""
    booked: str | None = refund["balance_transaction"]
    return booked or balance_transaction(work, "refund", refund, -refund["amount"])


def fail(work: Work, refund: Document, reason: str) -> Document:
    """The bank sent the money back, maybe days after ``succeeded``: the charge can be refunded again."""
    _expect(refund, "pending", "requires_action", "succeeded")
    _return_money(work, refund, "failed", reason)
    work.emit("refund.failed", refund)
    return refund


def cancel(work: Work, refund: Document) -> Document:
    """The refund was stopped before it reached the customer."""
    _expect(refund, "pending", "requires_action")
    _return_money(work, refund, "canceled", "merchant_request")
    return refund


def require_action(work: Work, refund: Document) -> Document:
    """The customer must do something before the money can reach them."""
    _expect(refund, "pending")
    refund.pop("pending_reason", None)
    _tell(work, refund, work.change(refund, status="requires_action", next_action=_next_action(work)))
    _let_expire(work, refund)
    return refund


def _return_money(work: Work, refund: Document, status: str, reason: str) -> None:
    changes: dict[str, Any] = {
        "status": status,
        "failure_reason": reason,
        "destination_details": _destination(status),
    }
    if refund["balance_transaction"]:
        changes["failure_balance_transaction"] = balance_transaction(
            work, "refund_failure", refund, refund["amount"]
        )
    refund.pop("pending_reason", None)
    refund.pop("next_action", None)
    before = work.change(refund, **changes)
    charge = work.records.find("charge", refund["charge"])
    assert charge is not None, "a refund without its charge"
    _count(work, charge, -refund["amount"])
    _tell(work, refund, before)


def _expect(refund: Document, *statuses: str) -> None:
    if refund["status"] not in statuses:
        raise Refusal(400, f"This refund is {refund['status']}; it must be one of: {', '.join(statuses)}.")


def _tell(work: Work, refund: Document, before: dict[str, Any]) -> None:
    work.records.run("DELETE FROM flips WHERE refund = ?", refund["id"])
    work.emit("refund.updated", refund, before)
    work.emit("charge.refund.updated", refund, before)


def update_refund(work: Work, refund: Document, wanted: dict[str, Any]) -> Document:
    """Change a refund's metadata: keys given are set, keys given empty are unset, `""` unsets all."""
    if "metadata" in wanted:
        given = wanted["metadata"]
        merged = {key: value for key, value in (refund["metadata"] | given).items() if value} if given else {}
        before = work.change(refund, metadata=merged)
        work.emit("refund.updated", refund, before)
        work.emit("charge.refund.updated", refund, before)
    return refund


def cancel_on_request(work: Work, refund: Document, _wanted: dict[str, Any]) -> Document:
    """What the API lets a merchant cancel: only a refund that waits for the customer."""
    if refund["status"] != "requires_action":
        raise Refusal(400, "Only refunds with status requires_action can be canceled.")
    return cancel(work, refund)


def turn_due_refunds(work: Work) -> None:
    """Carry out what the test cards promised for later, and what no customer did in time, as far as it is due."""
    due = work.records.rows("SELECT refund, status FROM flips WHERE at <= ? ORDER BY at", work.at)
    for flip in due:
        refund = work.records.find("refund", flip["refund"])
        assert refund is not None, "a flip without its refund"
        if flip["status"] == "failed":
            fail(work, refund, "expired_or_canceled_card")
        elif flip["status"] == "canceled":
            cancel(work, refund)
        else:
            succeed(work, refund)
