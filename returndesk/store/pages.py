"""What the pages show, as plain values: a template computes nothing and looks nothing up.

Amounts are minor units of the return's currency, instants are UTC, texts are codes that templates put into
words. Nothing here holds a name, an address or what a person wrote, save `MailPage`, which exists only where
the embedded mailbox does.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

from returndesk.domain.clock import ClockKind, ClockState, Pause, Span, Unit
from returndesk.domain.lots import Acceptance, Condition, Disposition, Packaging, Reception
from returndesk.domain.people import Role
from returndesk.domain.stages import RefundStatus, Stage


@dataclass(frozen=True)
class ItemView:
    """One lot beside its order line. `reasons` are the whole sentences of a verdict."""

    title: str
    quantity: int
    reception: Reception
    acceptance: Acceptance
    condition: Condition | None = None
    packaging: Packaging | None = None
    reasons: Sequence[str] = ()
    disposition: Disposition | None = None


@dataclass(frozen=True)
class ClockView:
    """One clock and what became of every hour since it started. `used` is in `unit`, up to now."""

    kind: ClockKind
    state: ClockState
    breached: bool
    unit: Unit
    allotment: Fraction
    used: Fraction
    due_at: datetime | None
    spans: Sequence[Span]
    pauses: Sequence[Pause] = ()


@dataclass(frozen=True)
class RefundView:
    """One refund with the three instants finance asks for. `reference` is what a bank can trace."""

    amount_minor: int
    status: RefundStatus
    decided_at: datetime
    payment_label: str | None = None
    submitted_at: datetime | None = None
    credited_at: datetime | None = None
    failed_at: datetime | None = None
    reference: str | None = None


@dataclass(frozen=True)
class LedgerView:
    """The sum of one account's postings for this return; all of them sum to zero."""

    account: str
    amount_minor: int


@dataclass(frozen=True)
class TimelineView:
    """Something that happened. `what` is a code; `details` are already words (no free text)."""

    at: datetime
    what: str
    role: Role
    actor_id: str
    details: str = ""


@dataclass(frozen=True)
class ReturnPage:
    """The read-only page of one return.

    `next_due_at` is the promise that the sentence under the stage names: the answer to a request, the
    decision or the refund; for an authorized return it is when the authorization expires.
    """

    rma: str
    order_reference: str
    stage: Stage
    currency: str
    contacted_at: datetime
    policy_version: str
    items: Sequence[ItemView]
    clocks: Sequence[ClockView]
    refunds: Sequence[RefundView]
    ledger: Sequence[LedgerView]
    timeline: Sequence[TimelineView]
    next_due_at: datetime | None = None
    slip_url: str | None = None
    awaits_answer: bool = False
    """Whether the shop has asked the customer something and waits."""

    @property
    def is_on_its_way(self) -> bool:
        """Whether all that is still to come was sent."""
        receptions = {item.reception for item in self.items}
        return Reception.IN_TRANSIT in receptions and Reception.AWAITING not in receptions


@dataclass(frozen=True)
class SlipItem:
    """What is to be put into the parcel."""

    title: str
    quantity: int


@dataclass(frozen=True)
class SlipPage:
    """The packing slip: what the warehouse scans, and the address to cut out."""

    rma: str
    order_reference: str
    send_by: datetime
    items: Sequence[SlipItem]


@dataclass(frozen=True)
class MailRow:
    """One message in the embedded mailbox's list."""

    url: str
    to: str
    subject: str
    received_at: datetime


@dataclass(frozen=True)
class MailboxPage:
    """The embedded mailbox, newest first. `older_url` leads to the next page of it."""

    mails: Sequence[MailRow]
    older_url: str | None = None


@dataclass(frozen=True)
class MailAttachment:
    """One attachment of a message."""

    name: str
    media_type: str
    size_bytes: int
    url: str


@dataclass(frozen=True)
class MailPage:
    """One message. `html_url` serves its HTML alone, for a sandboxed frame, with a policy of its own."""

    subject: str
    received_at: datetime
    headers: Sequence[tuple[str, str]]
    text: str
    html_url: str | None = None
    attachments: Sequence[MailAttachment] = ()
    mailbox_url: str = "/mailbox"


@dataclass(frozen=True)
class ErrorPage:
    """What went wrong and what to do, for a person. `code` is the stable one of problem+json."""

    status: int
    title: str
    sentence: str
    code: str
