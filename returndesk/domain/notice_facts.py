"""What every notice is made of: its kind, its goods, and the rules that no kind of notice breaks."""

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from returndesk.domain.lots import Acceptance
from returndesk.domain.money import exponent
from returndesk.domain.reasons import REASON_SENTENCES


class NoticeKind(StrEnum):
    """The emails of a return, one template folder each."""

    REQUESTED = "requested"
    AUTHORIZED = "authorized"
    RECEIVED = "received"
    ACCEPTED = "accepted"
    PARTLY_ACCEPTED = "partly_accepted"
    REJECTED = "rejected"
    REFUND_ON_ITS_WAY = "refund_on_its_way"
    REFUNDED = "refunded"
    REFUND_FAILED = "refund_failed"
    PAID_BY_HAND = "paid_by_hand"
    REFUND_NEEDS_YOU = "refund_needs_you"
    QUESTION = "question"
    ON_ITS_WAY = "on_its_way"
    REMINDER = "reminder"
    NOT_ARRIVED = "not_arrived"
    LOST = "lost"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    CORRECTED = "corrected"
    GOODS_LEFT = "goods_left"
    GOODS_BACK_LATE = "goods_back_late"
    NEW_DATES = "new_dates"
    DELAY = "delay"


def _known_reason(code: str) -> str:
    if code not in REASON_SENTENCES:
        raise ValueError(f"reason {code!r} has no sentence in REASON_SENTENCES")
    return code


def _known_currency(code: str) -> str:
    exponent(code)
    return code


Amount = Annotated[int, Field(ge=0, strict=True)]
"""Minor units of the notice's currency."""


class Facts(BaseModel):
    """Facts as they are kept: frozen, no more and no other than a kind of notice has."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class NoticeItem(Facts):
    """Some units of one product. `expected` is set where what came may differ from what was to come."""

    title: str = Field(min_length=1)
    quantity: int = Field(ge=0)
    expected: int | None = Field(default=None, ge=0)
    verdict: Literal[Acceptance.ACCEPTED, Acceptance.REJECTED] | None = None
    reasons: tuple[Annotated[str, AfterValidator(_known_reason)], ...] = ()

    @property
    def missing(self) -> int:
        """Units that were to come and did not."""
        return max((self.expected or 0) - self.quantity, 0)

    @property
    def unexpected(self) -> int:
        """Units that came and were not to come."""
        return 0 if self.expected is None else max(self.quantity - self.expected, 0)

    @property
    def sentences(self) -> tuple[str, ...]:
        """The reasons as the customer reads them."""
        return tuple(REASON_SENTENCES[code] for code in self.reasons)


class NoticeFacts(Facts):
    """What every notice says: which return of which order, and which goods. Subclasses fix `kind`."""

    kind: NoticeKind
    rma: str = Field(min_length=1)
    order_reference: str = Field(min_length=1)
    currency: Annotated[str, AfterValidator(_known_currency)]
    items: tuple[NoticeItem, ...] = Field(min_length=1)

    @property
    def units(self) -> int:
        """Units of goods this notice is about."""
        return sum(item.quantity for item in self.items)

    def snapshot(self) -> dict[str, Any]:
        """The facts as JSON types; `read_facts` is its inverse."""
        return self.model_dump(mode="json")
