"""Refunds: the protocol that pays once (DESIGN 5).

Before every POST its instant is committed; a key is used for 20 hours at most, because the processor may
forget it after 24 and would then pay again. After that, and after a replayed 500, the payment's refunds are
listed: found is adopted; absent twice, ten minutes apart, is proven; anything else stays `unknown`, with its
reservation, and becomes a person's task.
"""

from datetime import datetime, timedelta

from temporalio import activity

from returndesk.domain.errors import ProcessorRefused, Unanswered
from returndesk.domain.stages import RefundStatus
from returndesk.messages import RefundAnswer, RefundErrand
from returndesk.ports import Clock, PaymentGateway, ProcessorRefund, RefundRequest
from returndesk.store import refunds
from returndesk.store.database import Database
from returndesk.store.refunds import Sending

KEY_LIFE = timedelta(hours=20)
POST_TIMEOUT = timedelta(seconds=30)
PROOF_GAP = timedelta(minutes=10)
LOOK_AGAIN_PENDING = timedelta(days=1)
LOOKS_BEFORE_A_PERSON = 6
REPLAYED_ERROR = "replayed_error"
"""The code of an answer that only repeats a stored 500: the key will never say more."""


class Refunds:
    """The activity that asks the processor."""

    def __init__(self, database: Database, gateway: PaymentGateway, clock: Clock) -> None:
        self._database = database
        self._gateway = gateway
        self._clock = clock

    @activity.defn(name="refunds.advance")
    def advance(self, errand: RefundErrand) -> RefundAnswer:
        """Do what is next for a refund: send it, ask after it, or look for it.

        Raises `Unanswered` where the same key is to be sent again.
        """
        with self._database.reading() as connection:
            refund = refunds.sending(connection, errand.refund_id)
        if refund.processor_reference is not None:
            return self._answer(refund, self._gateway.fetch_refund(refund.processor_reference))
        if refund.is_withheld:
            return RefundAnswer(refund.id, refund.status)
        if refund.looks or self._is_too_old(refund):
            return self._look(refund)
        return self._post(refund)

    def _is_too_old(self, refund: Sending) -> bool:
        return refund.first_sent_at is not None and self._clock.now() - refund.first_sent_at >= KEY_LIFE

    def _post(self, refund: Sending) -> RefundAnswer:
        with self._database.transaction() as connection:
            refunds.about_to_send(connection, refund, self._clock.now())
        request = RefundRequest(
            refund.id, refund.rma, refund.payment_reference, refund.amount_minor, refund.currency, refund.key
        )
        try:
            return self._answer(refund, self._gateway.create_refund(request))
        except ProcessorRefused as error:
            return RefundAnswer(refund.id, RefundStatus.FAILED, refused_code=error.code)
        except Unanswered as error:
            if error.code == REPLAYED_ERROR:
                return self._look(refund)
            raise

    def _look(self, refund: Sending) -> RefundAnswer:
        """Find our refund among all of the payment's, or prove that it is not there."""
        try:
            listed = self._gateway.list_refunds(refund.payment_reference)
        except Unanswered:
            if not self._is_too_old(refund):
                raise
            return self._unknown(refund, self._clock.now() + PROOF_GAP)
        found = [x for x in listed if x.refund_id == refund.id]
        if found:
            return self._answer(refund, found[0])
        with self._database.transaction() as connection:
            refund = refunds.sending(connection, refund.id)  # the last POST may have been a moment ago
            now = self._clock.now()
            settled_at = (refund.last_sent_at or now) + POST_TIMEOUT + PROOF_GAP
            if now < settled_at:
                refunds.looked(connection, refund.id)
                return self._unknown(refund, settled_at)
            if refund.absent_at is None:
                refunds.seen_absent(connection, refund.id, now)
                return self._unknown(refund, now + PROOF_GAP)
            if now < refund.absent_at + PROOF_GAP:
                return self._unknown(refund, refund.absent_at + PROOF_GAP)
            refunds.proven_absent(connection, refund)
            return RefundAnswer(refund.id, RefundStatus.UNKNOWN)

    def _unknown(self, refund: Sending, look_again_at: datetime) -> RefundAnswer:
        person = refund.looks >= LOOKS_BEFORE_A_PERSON or self._is_too_old(refund)
        return RefundAnswer(refund.id, RefundStatus.UNKNOWN, look_again_at=look_again_at, needs_person=person)

    def _answer(self, refund: Sending, said: ProcessorRefund) -> RefundAnswer:
        open_still = said.status in (RefundStatus.PENDING, RefundStatus.REQUIRES_ACTION)
        return RefundAnswer(
            refund.id,
            said.status,
            processor_reference=said.reference,
            failure_reason=said.failure_reason,
            bank_reference=said.bank_reference,
            look_again_at=self._clock.now() + LOOK_AGAIN_PENDING if open_still else None,
            action_expires_at=said.action_expires_at,
        )
