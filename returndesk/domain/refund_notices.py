"""Notices of a refund on its way, and of money that came another way: facts, as all of `notices`."""

from typing import Literal

from pydantic import AwareDatetime, Field

from returndesk.domain.inputs import PaidHow
from returndesk.domain.notice_facts import Amount, NoticeFacts, NoticeKind


class RefundNeedsYou(NoticeFacts):
    """The processor took the refund, and cannot send it without something of the customer, such as bank details.

    It has asked them by an email of its own; `act_by` is when that expires, where known.
    """

    kind: Literal[NoticeKind.REFUND_NEEDS_YOU] = NoticeKind.REFUND_NEEDS_YOU
    asked_at: AwareDatetime
    total_minor: Amount = Field(gt=0)
    act_by: AwareDatetime | None = None
    payment_label: str | None = None
    is_late: bool = False


class RefundOnItsWay(NoticeFacts):
    """The processor took the refund; it is not confirmed yet."""

    kind: Literal[NoticeKind.REFUND_ON_ITS_WAY] = NoticeKind.REFUND_ON_ITS_WAY
    submitted_at: AwareDatetime
    total_minor: Amount = Field(gt=0)
    payment_label: str | None = None
    is_late: bool = False


class Refunded(NoticeFacts):
    """The processor confirmed a refund. `outstanding_minor` is what this return is still owed after it."""

    kind: Literal[NoticeKind.REFUNDED] = NoticeKind.REFUNDED
    refunded_at: AwareDatetime
    refunded_minor: Amount = Field(gt=0)
    outstanding_minor: Amount = 0
    payment_label: str | None = None
    refund_reference: str | None = None
    is_late: bool = False


class RefundFailed(NoticeFacts):
    """The bank sent a refund back. `was_confirmed`: an earlier notice said it was paid, and this corrects it.

    `is_disputed`: it was refused, because the customer's bank holds the payment's money for a dispute.
    `awaited_details`: it was never sent, for want of something that the customer was asked for. `new_date` is when the
    customer has the money's new way, or hears from the shop.
    """

    kind: Literal[NoticeKind.REFUND_FAILED] = NoticeKind.REFUND_FAILED
    failed_at: AwareDatetime
    total_minor: Amount = Field(gt=0)
    new_date: AwareDatetime
    payment_label: str | None = None
    was_confirmed: bool = False
    is_disputed: bool = False
    awaited_details: bool = False


class PaidByHand(NoticeFacts):
    """The customer has money another way than by a refund of ours. `outstanding_minor` is still owed after it.

    What they find it by (`text_id`) is a text, joined when the mail is sent.
    """

    kind: Literal[NoticeKind.PAID_BY_HAND] = NoticeKind.PAID_BY_HAND
    paid_at: AwareDatetime
    paid_minor: Amount = Field(gt=0)
    how: PaidHow
    text_id: str = Field(min_length=1)
    outstanding_minor: Amount = 0
    is_late: bool = False
