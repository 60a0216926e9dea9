"""What the pages show, as plain values: a template computes nothing and looks nothing up.

Amounts are minor units of the return's currency, instants are UTC, texts are codes that templates put into
words. Nothing here holds a name, an address or what a person wrote, save `MailPage`, which exists only where
the embedded mailbox does, and the shop's questions, which whoever has the return's link was mailed.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from fractions import Fraction

from returndesk.domain.clock import ClockKind, ClockState, Pause, Span, Unit
from returndesk.domain.lots import (
    ON_THE_WAY,
    TO_DECIDE,
    Acceptance,
    Condition,
    Disposition,
    Packaging,
    Reception,
    WayBack,
)
from returndesk.domain.stages import CommandKind, RefundStatus, Stage


class Situation(StrEnum):
    """Where a return stands for the customer: the stage, told apart where other words are true of it."""

    ASKED = "asked"
    REQUESTED = "requested"
    AUTHORIZED = "authorized"
    PARTLY_SENT = "partly_sent"
    ON_ITS_WAY = "on_its_way"
    LOOKED_FOR = "looked_for"
    RECEIVED = "received"
    INSPECTED = "inspected"
    NOTHING_CAME = "nothing_came"
    LOST = "lost"
    WITH_MANAGER = "with_manager"
    REFUND_DUE = "refund_due"
    REFUND_NEEDS_YOU = "refund_needs_you"
    REFUND_SENT = "refund_sent"
    REFUND_FAILED = "refund_failed"
    REFUND_DISPUTED = "refund_disputed"
    OWED = "owed"
    GOES_BACK = "goes_back"
    CLOSED = "closed"
    DECLINED = "declined"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class ItemView:
    """Units that share one fate. `reasons` are the whole sentences of a verdict.

    `decided`: a decision settled them, and the customer was told. `is_elsewhere`: another return has them.
    """

    title: str
    quantity: int
    reception: Reception
    acceptance: Acceptance
    condition: Condition | None = None
    packaging: Packaging | None = None
    reasons: Sequence[str] = ()
    disposition: Disposition | None = None
    left: WayBack | None = None
    decided: bool = False
    is_elsewhere: bool = False


@dataclass(frozen=True)
class ClockView:
    """One clock and what became of every hour since it started. `used` is in `unit`, up to now.

    `stopped_because`: the reason with which it stopped, where it did.
    """

    kind: ClockKind
    state: ClockState
    breached: bool
    unit: Unit
    allotment: Fraction
    used: Fraction
    due_at: datetime | None
    spans: Sequence[Span]
    pauses: Sequence[Pause] = ()
    stopped_because: str | None = None


@dataclass(frozen=True)
class RefundView:
    """One refund with the three instants finance asks for. `reference` is what a bank can trace.

    `is_replaced`: it failed, and the money goes another way. `is_disputed`: that is why it failed. `act_by`: of one
    that waits for the customer's details, until when they can give them.
    """

    amount_minor: int
    status: RefundStatus
    decided_at: datetime
    payment_label: str | None = None
    submitted_at: datetime | None = None
    credited_at: datetime | None = None
    failed_at: datetime | None = None
    reference: str | None = None
    is_replaced: bool = False
    is_disputed: bool = False
    failure_reason: str | None = None
    """The processor's code, where it failed."""
    act_by: datetime | None = None

    @property
    def came_back(self) -> bool:
        """Whether it failed after it had been confirmed to the customer."""
        return self.failed_at is not None and self.credited_at is not None

    @property
    def may_vanish(self) -> bool:
        """Whether the bank may show no refund, but no payment either: a reversal has nothing to trace it by."""
        return (
            self.status is RefundStatus.SUCCEEDED and self.credited_at is not None and self.reference is None
        )


@dataclass(frozen=True)
class GrantLine:
    """Units of one product in a decision, and what they give back: nothing where they were not accepted."""

    title: str
    quantity: int
    amount_minor: int
    accepted: bool


@dataclass(frozen=True)
class GrantView:
    """What one decision gives back, and for what."""

    at: datetime
    goods_minor: int
    tax_minor: int
    shipping_minor: int
    lines: Sequence[GrantLine] = ()

    @property
    def total_minor(self) -> int:
        """All of it."""
        return self.goods_minor + self.tax_minor + self.shipping_minor


@dataclass(frozen=True)
class PaidView:
    """What the customer got another way than by a refund. `how` is a code of `PaidHow`."""

    at: datetime
    amount_minor: int
    how: str


@dataclass(frozen=True)
class MoneyView:
    """What was granted and where it is: the grants, of more than nothing each, are the sum of all the others."""

    grants: Sequence[GrantView] = ()
    refunded_minor: int = 0
    on_its_way_minor: int = 0
    paid: Sequence[PaidView] = ()
    to_come_minor: int = 0
    shipping_kept_minor: int = 0
    """What was paid for the delivery, where no decision gives it back."""
    shipping_back_when: Collection[str] = ()
    """When the policy gives it back: `whole_order`, `faulty`."""

    @property
    def granted_minor(self) -> int:
        """What all decisions together give back."""
        return sum(grant.total_minor for grant in self.grants)


@dataclass(frozen=True)
class TimelineView:
    """Something that happened. `what` and `which` are codes: of what happened, and of which kind or way it was."""

    at: datetime
    what: str
    which: str | None = None
    amount_minor: int | None = None


@dataclass(frozen=True)
class ReturnPage:
    """The page of one return, for the customer: nothing that the shop keeps to itself.

    `due_at` is the promise that the sentence under the headline names, and `new_date` the one that was made when
    it could not be kept; for an authorized return it is when the authorization expires.
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
    timeline: Sequence[TimelineView]
    money: MoneyView = MoneyView()
    due_at: datetime | None = None
    new_date: datetime | None = None
    slip_url: str | None = None
    awaits_answer: bool = False
    """Whether the shop has asked the customer something and waits."""
    is_looked_for: bool = False
    """Whether a parcel that was sent should have arrived by now."""
    owed_without_refund_minor: int = 0
    goods_back_by: datetime | None = None
    """By when goods that were not accepted leave, as the customer was told last."""
    goods_back_late: bool = False
    here: str = ""
    """The page's own address: its forms are sent to addresses below it."""
    may: Collection[CommandKind] = ()
    """What the customer may ask for now."""
    questions: Sequence[str] = ()
    """What the shop has asked and waits for, in its own words."""
    start_url: str | None = None
    """Where another return can be asked for."""

    @property
    def act_by(self) -> datetime | None:
        """By when the customer has to give details for a refund; None where that is not known, or nobody asks."""
        asked = (x.act_by for x in self.refunds if x.status is RefundStatus.REQUIRES_ACTION)
        return min((at for at in asked if at is not None), default=None)

    @property
    def awaits_goods(self) -> bool:
        """Whether anything is still with the customer that is to be sent."""
        return any(item.reception is Reception.AWAITING for item in self.items)

    @property
    def situation(self) -> Situation:
        """Which words are true of it."""
        if self.awaits_answer:
            return Situation.ASKED
        match self.stage:
            case Stage.AUTHORIZED:
                return self._while_sending()
            case Stage.INSPECTED:
                return self._before_the_decision()
            case Stage.DECIDED:
                return Situation.WITH_MANAGER
            case Stage.SETTLING:
                return self._while_settling()
            case Stage.SETTLED | Stage.CLOSED:
                return Situation.CLOSED if self.goods_back_by is None else Situation.GOES_BACK
            case _:
                return Situation(self.stage)

    def _while_sending(self) -> Situation:
        receptions = {item.reception for item in self.items} & ON_THE_WAY
        if Reception.IN_TRANSIT not in receptions:
            return Situation.AUTHORIZED
        if self.is_looked_for:
            return Situation.LOOKED_FOR
        return Situation.PARTLY_SENT if Reception.AWAITING in receptions else Situation.ON_ITS_WAY

    def _before_the_decision(self) -> Situation:
        receptions = {item.reception for item in self.items if not item.decided} & TO_DECIDE
        if Reception.RECEIVED in receptions:
            return Situation.INSPECTED
        return Situation.LOST if Reception.LOST in receptions else Situation.NOTHING_CAME

    def _while_settling(self) -> Situation:
        if any(x.status is RefundStatus.REQUIRES_ACTION for x in self.refunds):
            return Situation.REFUND_NEEDS_YOU  # before everything else: only they can do it
        failed = [x for x in self.refunds if x.failed_at is not None and not x.is_replaced]
        if failed:
            disputed = any(refund.is_disputed for refund in failed)
            return Situation.REFUND_DISPUTED if disputed else Situation.REFUND_FAILED
        if self.owed_without_refund_minor:
            return Situation.OWED
        return Situation.REFUND_SENT if self.due_at is None else Situation.REFUND_DUE


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
