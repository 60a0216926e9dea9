"""Stripe, as the payment gateway port sees it. The client itself retries nothing: Temporal does.

What Stripe says in words stays here (it may be personal); what leaves is a code. Its definite no is
`ProcessorRefused`, everything that leaves open whether money moved is `Unanswered`.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

import stripe
from stripe import StripeClient

from returndesk.domain.disputes import Dispute
from returndesk.domain.errors import InvalidInput, ProcessorRefused, Unanswered
from returndesk.domain.money import from_processor, to_processor
from returndesk.domain.stages import RefundStatus
from returndesk.ports import ProcessorRefund, RefundRequest

TIMEOUT_SECONDS = 25
PAGE = 100

OUTCOMES = frozenset({"charge_already_refunded", "charge_disputed", "refund_disputed_payment"})
"""Codes that are outcomes with a task, neither retries nor successes."""


class StripeGateway:
    """Refunds through stripe-python. `api_base` other than Stripe's own points it at another Stripe."""

    def __init__(self, api_key: str, api_base: str | None = None) -> None:
        self._client = StripeClient(
            api_key,
            base_addresses={"api": api_base.rstrip("/")} if api_base else {},
            max_network_retries=0,
            http_client=stripe.RequestsClient(timeout=TIMEOUT_SECONDS),
        )

    def create_refund(self, request: RefundRequest) -> ProcessorRefund:
        """POST /v1/refunds with our id in the metadata. No name, no reason in words.

        An amount that Stripe cannot pay (`domain.money.to_processor`) is a definite no, before anything is sent.
        """
        try:
            amount = to_processor(request.amount_minor, request.currency)
        except InvalidInput as error:
            raise ProcessorRefused(error.code, error.sentence) from None
        try:
            refund = self._client.v1.refunds.create(
                {
                    "payment_intent": request.payment_reference,
                    "amount": amount,
                    "metadata": {"refund_id": request.refund_id, "rma": request.rma},
                },
                {"idempotency_key": request.key},
            )
        except stripe.StripeError as error:
            raise _meaning(error) from None
        return _refund(refund)

    def fetch_refund(self, reference: str) -> ProcessorRefund:
        """GET /v1/refunds/{reference}."""
        try:
            return _refund(self._client.v1.refunds.retrieve(reference))
        except stripe.StripeError as error:
            raise _meaning(error) from None

    def list_refunds(self, payment_reference: str) -> Sequence[ProcessorRefund]:
        """Every refund of a payment intent, page by page to the end."""
        try:
            pages = self._client.v1.refunds.list({"payment_intent": payment_reference, "limit": PAGE})
            return [_refund(refund) for refund in pages.auto_paging_iter()]
        except stripe.StripeError as error:
            raise _meaning(error) from None

    def list_disputes(self, payment_reference: str) -> Sequence[Dispute]:
        """Every dispute of a payment intent, page by page to the end."""
        try:
            pages = self._client.v1.disputes.list({"payment_intent": payment_reference, "limit": PAGE})
            return [_dispute(dispute) for dispute in pages.auto_paging_iter()]
        except stripe.StripeError as error:
            raise _meaning(error) from None


def _dispute(dispute: stripe.Dispute) -> Dispute:
    due_by = dispute.evidence_details.due_by
    return Dispute(
        id=dispute.id,
        status=dispute.status,
        amount_minor=from_processor(dispute.amount, dispute.currency.upper()),
        is_refundable=dispute.is_charge_refundable,
        evidence_due_at=datetime.fromtimestamp(due_by, UTC) if due_by else None,
    )


def _refund(refund: stripe.Refund) -> ProcessorRefund:
    metadata = refund.metadata.to_dict() if refund.metadata else {}
    return ProcessorRefund(
        reference=refund.id,
        refund_id=metadata.get("refund_id"),
        status=RefundStatus(refund.status or RefundStatus.PENDING),
        amount_minor=from_processor(refund.amount, refund.currency.upper()),
        failure_reason=getattr(refund, "failure_reason", None),
        bank_reference=_bank_reference(refund),
        action_expires_at=_action_expires_at(refund),
    )


def _bank_reference(refund: stripe.Refund) -> str | None:
    """The reference a customer can ask their bank for (ARN), once the network gave one."""
    details = getattr(refund, "destination_details", None)
    card = getattr(details, "card", None) if details is not None else None
    reference = getattr(card, "reference", None) if card is not None else None
    return str(reference) if reference else None


def _action_expires_at(refund: stripe.Refund) -> datetime | None:
    """Until when the customer can do what Stripe asked of them by email. Where it wrote to stays with Stripe."""
    details = getattr(getattr(refund, "next_action", None), "display_details", None)
    expires_at = getattr(details, "expires_at", None)
    return datetime.fromtimestamp(expires_at, UTC) if expires_at else None


def _meaning(error: stripe.StripeError) -> ProcessorRefused | Unanswered:
    """What an error means for the money. Its words are dropped."""
    status, code = error.http_status, error.code
    headers = {str(k).lower(): str(v) for k, v in dict(error.headers or {}).items()}
    if status is None:
        return Unanswered("no_answer", "The processor did not answer.")
    if status == 429:
        return Unanswered("rate_limited", "The processor wants fewer requests.")
    if status == 409:
        return Unanswered("same_key_in_flight", "The processor is still working on this very request.")
    if status >= 500:
        if headers.get("idempotent-replayed") == "true":
            return Unanswered("replayed_error", "The processor only repeats an earlier error for this key.")
        return Unanswered("processor_trouble", "The processor has trouble.")
    if status in (401, 403):
        return Unanswered("processor_key_refused", "The processor does not accept this key.")
    if isinstance(error, stripe.IdempotencyError):
        return ProcessorRefused("key_with_other_parameters", "This key was sent with other parameters.")
    if code in OUTCOMES:
        return ProcessorRefused(code, "The processor cannot refund this payment.")
    if getattr(error, "param", None) == "amount":
        return ProcessorRefused("over_amount", "More than is left of the payment.")
    return ProcessorRefused("request_refused", "The processor refused the request.")
