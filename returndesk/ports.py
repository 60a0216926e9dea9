"""What the activities need of the outside, as small Protocols. Who implements them is decided where a process starts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from typing import Protocol

from returndesk.domain.disputes import Dispute
from returndesk.domain.mail import Delivery
from returndesk.domain.stages import RefundStatus
from returndesk.messages import CommandRef, HintRef, Outcome


class Clock(Protocol):
    """The one source of `now` outside a case."""

    def now(self) -> datetime:
        """The current instant, UTC."""
        ...

    def offset_us(self) -> int:
        """By how many microseconds the embedded clock was moved; 0 in real use."""
        ...


@dataclass(frozen=True)
class RefundRequest:
    """What is asked of the processor. `refund_id` goes into its metadata; `key` is the idempotency key."""

    refund_id: str
    rma: str
    payment_reference: str
    amount_minor: int
    currency: str
    key: str


@dataclass(frozen=True)
class ProcessorRefund:
    """A refund as the processor shows it. `refund_id` is ours, where its metadata carries one.

    `action_expires_at`: of one that waits for the customer, until when they can do their part.
    """

    reference: str
    refund_id: str | None
    status: RefundStatus
    amount_minor: int
    failure_reason: str | None = None
    bank_reference: str | None = None
    action_expires_at: datetime | None = None


class PaymentGateway(Protocol):
    """The payment processor. Errors are `domain.errors` of kind `Unanswered` or `ProcessorRefused`."""

    def create_refund(self, request: RefundRequest) -> ProcessorRefund:
        """Ask for a refund once, without retrying."""
        ...

    def fetch_refund(self, reference: str) -> ProcessorRefund:
        """A refund as it is now."""
        ...

    def list_refunds(self, payment_reference: str) -> Sequence[ProcessorRefund]:
        """Every refund of a payment, completely."""
        ...

    def list_disputes(self, payment_reference: str) -> Sequence[Dispute]:
        """Every dispute of a payment, completely."""
        ...


class Mailer(Protocol):
    """An SMTP server."""

    def send(self, message: EmailMessage) -> Delivery:
        """Hand one message over; what came of it, without the server's words."""
        ...


class Files(Protocol):
    """Where photos are kept, by keys of ours. `Unavailable` where that cannot be reached or written."""

    def keep(self, key: str, content: bytes) -> None:
        """Keep a file under a key that was never used; once this returns, it survives a power failure."""
        ...

    def fetch(self, key: str) -> bytes:
        """What was kept. Raises `NotFound` (`photo_lost`) where it is there no more."""
        ...

    def check(self) -> str:
        """Where files are kept, in words, after a look whether they can be. Changes nothing."""
        ...


class ReturnDoor(Protocol):
    """The one way in for whatever is to happen to a return: its workflow, started where it does not run."""

    async def ask(self, rma: str, command: CommandRef) -> Outcome:
        """Have a command carried out and wait for its outcome. Sent again, it answers the same.

        Raises `Unanswered` where there is no outcome in time: the command stays written down.
        """
        ...

    async def hint(self, rma: str, hint: HintRef) -> None:
        """Tell a return's run that the processor said something of a refund or a dispute."""
        ...
