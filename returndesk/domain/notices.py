"""Notices: what a customer is told, as facts written down by the transition that calls for it.

Every kind of notice is a model of its own, so a missing or contradictory fact is an error where the
transition is written, never where the mail is sent. A snapshot holds no name, address, email or free text
(`Recipient` joins them when the mail is sent), survives JSON unchanged, and its amounts add up.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AwareDatetime, Discriminator, Field, TypeAdapter, model_validator

from returndesk.domain.lots import Acceptance, WayBack
from returndesk.domain.notice_facts import Amount, NoticeFacts, NoticeItem, NoticeKind
from returndesk.domain.refund_notices import (
    PaidByHand,
    Refunded,
    RefundFailed,
    RefundNeedsYou,
    RefundOnItsWay,
)

_NOT_HERE = frozenset({"not_received", "lost", "claimed_elsewhere"})
"""Reasons of goods that do not go back to the customer."""


class Requested(NoticeFacts):
    """The customer asked to send goods back, and the shop has still to answer."""

    kind: Literal[NoticeKind.REQUESTED] = NoticeKind.REQUESTED
    contacted_at: AwareDatetime
    processing_due_at: AwareDatetime


class Authorized(NoticeFacts):
    """The shop's yes. The clocks wait for the goods: the days that are left begin when they arrive.

    `decision_days` and `refund_days` are business days, rounded up to whole ones. `asked_at`: this is also the
    receipt for a request that was authorized at once (Directive (EU) 2023/2673, Article 11a: dated, on paper or by mail).
    """

    kind: Literal[NoticeKind.AUTHORIZED] = NoticeKind.AUTHORIZED
    asked_at: AwareDatetime | None = None
    send_by: AwareDatetime
    decision_days: int = Field(gt=0)
    refund_days: int = Field(gt=0)


class Received(NoticeFacts):
    """What a parcel held, beside what was expected. `more_expected`: the rest may still come."""

    kind: Literal[NoticeKind.RECEIVED] = NoticeKind.RECEIVED
    received_at: AwareDatetime
    processing_due_at: AwareDatetime
    more_expected: bool = False

    @property
    def missing(self) -> int:
        """Units that were to come and did not."""
        return sum(item.missing for item in self.items)

    @property
    def unexpected(self) -> int:
        """Units that came and were not to come."""
        return sum(item.unexpected for item in self.items)

    @property
    def came(self) -> int:
        """Units that were to come and did."""
        return self.units - self.unexpected

    @property
    def expected(self) -> int:
        """Units that were to come."""
        return self.came + self.missing

    @property
    def is_empty(self) -> bool:
        """Whether nothing came of what was to come."""
        return self.missing > 0 and self.came == 0


class _Decided(NoticeFacts):
    """A verdict and, where it is a no, at least one reason for every item."""

    decided_at: AwareDatetime
    is_late: bool = False

    @model_validator(mode="after")
    def _every_item_is_decided(self) -> Self:
        if any(item.verdict is None for item in self.items):
            raise ValueError("every item needs a verdict")
        if any(not item.reasons for item in self.rejected_items):
            raise ValueError("every rejected item needs a reason")
        if self.kind is not NoticeKind.REJECTED and not self.accepted_items:
            raise ValueError("nothing was accepted: that is a 'rejected' notice")
        if self.kind is not NoticeKind.ACCEPTED and not self.rejected_items:
            raise ValueError("nothing was rejected: that is an 'accepted' notice")
        return self

    @property
    def accepted_items(self) -> tuple[NoticeItem, ...]:
        """The items with a yes."""
        return tuple(item for item in self.items if item.verdict is Acceptance.ACCEPTED)

    @property
    def rejected_items(self) -> tuple[NoticeItem, ...]:
        """The items with a no."""
        return tuple(item for item in self.items if item.verdict is Acceptance.REJECTED)

    @property
    def accepted_units(self) -> int:
        """Units with a yes."""
        return sum(item.quantity for item in self.accepted_items)

    @property
    def units_here(self) -> int:
        """Rejected units that the shop holds, so that they must go back."""
        return sum(item.quantity for item in self.rejected_items if not _NOT_HERE.intersection(item.reasons))


class _Refundable(_Decided):
    """An accepted settlement: what is paid back, what it is made of, and by when it is sent.

    `owed_without_refund_minor` is the part of the total that no recorded payment can carry back.
    `refund_due_at` is None only where nothing is owed.
    """

    goods_minor: Amount
    tax_minor: Amount = 0
    shipping_minor: Amount = 0
    total_minor: Amount
    owed_without_refund_minor: Amount = 0
    refund_due_at: AwareDatetime | None = None
    payment_label: str | None = None

    @model_validator(mode="after")
    def _amounts_add_up(self) -> Self:
        if self.goods_minor + self.tax_minor + self.shipping_minor != self.total_minor:
            raise ValueError("goods_minor, tax_minor and shipping_minor do not add up to total_minor")
        if self.owed_without_refund_minor > self.total_minor:
            raise ValueError("owed_without_refund_minor is a part of total_minor")
        if self.total_minor and self.refund_due_at is None:
            raise ValueError("refund_due_at is promised wherever money is owed")
        return self

    @property
    def refund_minor(self) -> int:
        """The part of the total that goes back to the original payments."""
        return self.total_minor - self.owed_without_refund_minor


class Accepted(_Refundable):
    """Everything was accepted."""

    kind: Literal[NoticeKind.ACCEPTED] = NoticeKind.ACCEPTED

    @model_validator(mode="after")
    def _nothing_is_rejected(self) -> Self:
        if self.rejected_items:
            raise ValueError("something was rejected: that is a 'partly_accepted' notice")
        return self


class PartlyAccepted(_Refundable):
    """Some of it was accepted. `goods_back_by`: when the rejected goods leave, where known."""

    kind: Literal[NoticeKind.PARTLY_ACCEPTED] = NoticeKind.PARTLY_ACCEPTED
    goods_back_by: AwareDatetime | None = None


class Rejected(_Decided):
    """Nothing was accepted. `goods_arrived` is False where the shop said no before anything was sent.

    `others_accepted`: other goods of this return are paid for, by another decision.
    """

    kind: Literal[NoticeKind.REJECTED] = NoticeKind.REJECTED
    goods_arrived: bool
    goods_back_by: AwareDatetime | None = None
    others_accepted: bool = False

    @model_validator(mode="after")
    def _nothing_is_accepted(self) -> Self:
        if self.accepted_items:
            raise ValueError("something was accepted: that is a 'partly_accepted' notice")
        return self


class Reminder(NoticeFacts):
    """Authorized, and nothing has come back yet."""

    kind: Literal[NoticeKind.REMINDER] = NoticeKind.REMINDER
    authorized_at: AwareDatetime
    send_by: AwareDatetime


class Question(NoticeFacts):
    """The shop needs something from the customer. What it wrote is a text, joined when the mail is sent."""

    kind: Literal[NoticeKind.QUESTION] = NoticeKind.QUESTION
    text_id: str = Field(min_length=1)


class OnItsWay(NoticeFacts):
    """The shop noted that goods were sent. `rest`: what is still to be sent, `send_by` where that has a date."""

    kind: Literal[NoticeKind.ON_ITS_WAY] = NoticeKind.ON_ITS_WAY
    sent_at: AwareDatetime
    rest: tuple[NoticeItem, ...] = ()
    send_by: AwareDatetime | None = None


class NotArrived(NoticeFacts):
    """Sent, and not here when it should be: the shop looks for it, and writes again by `new_date`."""

    kind: Literal[NoticeKind.NOT_ARRIVED] = NoticeKind.NOT_ARRIVED
    sent_at: AwareDatetime
    new_date: AwareDatetime


class Lost(NoticeFacts):
    """Sent, and not to be found. What that means is a decision; it has no date while the rest is waited for."""

    kind: Literal[NoticeKind.LOST] = NoticeKind.LOST
    processing_due_at: AwareDatetime | None


class Expired(NoticeFacts):
    """The time for sending the goods has passed. `processing_due_at`: of a decision about the rest, where there is one."""

    kind: Literal[NoticeKind.EXPIRED] = NoticeKind.EXPIRED
    authorized_at: AwareDatetime
    send_by: AwareDatetime
    processing_due_at: AwareDatetime | None = None


class Cancelled(NoticeFacts):
    """The customer took the request back. `may_be_sent`: instructions had been mailed, which no longer hold."""

    kind: Literal[NoticeKind.CANCELLED] = NoticeKind.CANCELLED
    cancelled_at: AwareDatetime
    may_be_sent: bool


class Corrected(NoticeFacts):
    """The books were wrong about these goods: said that they were here, or that they were missing.

    `noted_here`: those of them that were said to be here, None for all of them; `waited_again`: those that were said
    to be missing and are waited for. `here` is what is, with the date of the decision about it; `send_by`: the others are waited for until then.
    It says all that a `Received` would, so it takes the place of one that was not mailed yet.
    """

    kind: Literal[NoticeKind.CORRECTED] = NoticeKind.CORRECTED
    corrected_at: AwareDatetime
    noted_here: tuple[NoticeItem, ...] | None = None
    waited_again: tuple[NoticeItem, ...] = ()
    here: tuple[NoticeItem, ...] = ()
    processing_due_at: AwareDatetime | None = None
    send_by: AwareDatetime | None = None

    @model_validator(mode="after")
    def _what_is_here_has_a_date(self) -> Self:
        if bool(self.here) != (self.processing_due_at is not None):
            raise ValueError("processing_due_at goes with what is here")
        return self

    @property
    def never_here(self) -> tuple[NoticeItem, ...]:
        """What was said to be here and is not."""
        return self.items if self.noted_here is None else self.noted_here


class GoodsLeft(NoticeFacts):
    """Rejected goods left the shop. `text_id`: the tracking number of what was sent back, where there is one."""

    kind: Literal[NoticeKind.GOODS_LEFT] = NoticeKind.GOODS_LEFT
    left_at: AwareDatetime
    way: WayBack
    text_id: str | None = None


class _Postponed(NoticeFacts):
    """What was promised for `promised_at` comes by `new_date` (policy 3)."""

    promised_at: AwareDatetime
    new_date: AwareDatetime

    @model_validator(mode="after")
    def _the_new_date_is_later(self) -> Self:
        if self.new_date <= self.promised_at:
            raise ValueError("new_date must be after promised_at")
        return self


class GoodsBackLate(_Postponed):
    """Rejected goods did not leave by the date that was promised."""

    kind: Literal[NoticeKind.GOODS_BACK_LATE] = NoticeKind.GOODS_BACK_LATE


class NewDates(NoticeFacts):
    """A date that was promised comes later: the calendar changed. None: that one did not move."""

    kind: Literal[NoticeKind.NEW_DATES] = NoticeKind.NEW_DATES
    processing_due_at: AwareDatetime | None
    refund_due_at: AwareDatetime | None


class Delay(_Postponed):
    """A clock was breached. `is_decided`: there is a refund, and it is late; else nobody knows yet."""

    kind: Literal[NoticeKind.DELAY] = NoticeKind.DELAY
    clock: Literal["processing", "refund"]
    is_decided: bool = True


AnyFacts = (
    Requested
    | Authorized
    | Received
    | Accepted
    | PartlyAccepted
    | Rejected
    | RefundNeedsYou
    | RefundOnItsWay
    | Refunded
    | RefundFailed
    | PaidByHand
    | Question
    | OnItsWay
    | Reminder
    | NotArrived
    | Lost
    | Expired
    | Cancelled
    | Corrected
    | GoodsLeft
    | GoodsBackLate
    | NewDates
    | Delay
)

_ANY_FACTS: Final[TypeAdapter[AnyFacts]] = TypeAdapter(Annotated[AnyFacts, Discriminator("kind")])


def read_facts(snapshot: Mapping[str, Any]) -> AnyFacts:
    """The facts of a stored snapshot. Raises pydantic's `ValidationError`: fields, no values."""
    return _ANY_FACTS.validate_python(snapshot)
