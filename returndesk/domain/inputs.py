"""What each command takes, checked field by field. The API's bodies and what the store keeps are the same models.

`note` is what a person wrote on the way in, and the id of that text once it is stored: free text never leaves `texts`.
"""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from returndesk.domain.errors import InvalidInput
from returndesk.domain.input_fields import Count, Input, LineNumber, Note, Photo
from returndesk.domain.inspection import Facts
from returndesk.domain.lots import Acceptance, Condition, Disposition, Packaging, WayBack
from returndesk.domain.mistakes import TEXT
from returndesk.domain.orders import Flag, Instant, Minor, PaymentReference, Reference
from returndesk.domain.parcel_inputs import CorrectionInput, LossInput, ReceiptsInput, ShipmentInput


class Channel(StrEnum):
    """Where the customer made contact (policy 2)."""

    IN_STORE = "in_store"
    ONLINE = "online"
    SOCIAL = "social"
    PHONE = "phone"
    EMAIL = "email"
    CHAT = "chat"


class ReturnReason(StrEnum):
    """Why the customer sends it back."""

    CHANGED_MIND = "changed_mind"
    TOO_SMALL = "too_small"
    TOO_LARGE = "too_large"
    NOT_AS_DESCRIBED = "not_as_described"
    WRONG_ITEM = "wrong_item"
    DEFECTIVE = "defective"
    DAMAGED_IN_TRANSIT = "damaged_in_transit"
    ARRIVED_LATE = "arrived_late"
    OTHER = "other"


class RequestedItem(Input):
    """Units of one order line, and why they come back."""

    line: LineNumber
    quantity: Count
    reason: ReturnReason


class Override(Input):
    """A rep's decision to go against a rule, with the reason for it."""

    reason: Literal["goodwill", "shop_error", "faulty", "legal_right"]
    note: Note | None = None


class RequestInput(Input):
    """A return is asked for. `contacted_at` may be earlier than now; the clocks start then."""

    order_reference: Reference
    channel: Channel
    contacted_at: Instant | None = None
    items: Annotated[list[RequestedItem], Field(min_length=1, max_length=500)]
    resolution: Literal["refund"] = "refund"
    note: Note | None = None
    authorize: Flag = False
    override: Override | None = None

    @model_validator(mode="after")
    def _lines_once(self) -> Self:
        if len({item.line for item in self.items}) != len(self.items):
            raise ValueError("each line may be named once")
        return self

    def came_at(self, now: datetime) -> datetime:
        """The instant of the contact. Raises `InvalidInput` where it has not been yet."""
        if self.contacted_at is not None and self.contacted_at > now:
            raise InvalidInput(
                "contact_in_future",
                "The contact cannot be later than now. Nothing was changed. Give when it was.",
                "contacted_at",
            )
        return self.contacted_at or now


class AuthorizationInput(Input):
    """The shop's yes to sending it back."""

    note: Note | None = None


class DeclineReason(StrEnum):
    """Why the shop says no before anything is sent; each has its sentence in `reasons`."""

    WINDOW_PASSED = "window_passed"
    FINAL_SALE = "final_sale"
    ALREADY_RETURNED = "already_returned"
    NOT_FROM_US = "not_from_us"
    MADE_TO_ORDER = "made_to_order"
    HYGIENE = "hygiene"


class DeclineInput(Input):
    """The shop's no, with every reason the customer is told. `despite_rules`: also one that the rules contradict."""

    reasons: Annotated[list[DeclineReason], Field(min_length=1, max_length=6)]
    despite_rules: Flag = False
    note: Note | None = None

    @model_validator(mode="after")
    def _reasons_once(self) -> Self:
        if len(set(self.reasons)) != len(self.reasons):
            raise ValueError("each reason may be named once")
        return self


class CancellationInput(Input):
    """The customer does not want to send it back any more."""

    note: Note | None = None


class QuestionInput(Input):
    """What the shop needs from the customer before it can go on: the note is mailed to them, word for word."""

    note: Note


class MessageInput(Input):
    """What the customer said, and when and where. `said_at` may be earlier than now."""

    channel: Channel
    said_at: Instant | None = None
    note: Note


class InspectionOverride(Input):
    """An inspector's word against what the rules derive from the facts, with the reason for it."""

    reason: Literal["sold_like_this", "damaged_by_carrier", "facts_do_not_fit"]
    note: Note | None = None


class InspectedItem(Input):
    """What the inspector saw of some units of one line: facts, or condition and packaging in their own words.

    From facts the policy's rules derive both. A condition or packaging beside facts counts instead of the derived
    one, and where it differs needs an `override`. `photos` of this return, by id, show it.
    """

    line: LineNumber
    quantity: Count
    condition: Condition | None = None
    packaging: Packaging | None = None
    facts: Facts | None = None
    override: InspectionOverride | None = None
    disposition: Disposition | None = None
    photos: Annotated[tuple[Photo, ...], Field(max_length=20)] = ()

    @model_validator(mode="after")
    def _says_enough(self) -> Self:
        if self.facts is None and (self.condition is None or self.packaging is None):
            raise ValueError("give facts, or condition and packaging")
        if self.override is not None and (
            self.facts is None or (self.condition is None and self.packaging is None)
        ):
            raise ValueError("an override goes with facts, and with the condition or packaging that counts")
        return self


class InspectionsInput(Input):
    """Condition and packaging of what was received. `decide` False: somebody wants to decide by hand."""

    items: Annotated[list[InspectedItem], Field(min_length=1, max_length=500)]
    decide: Flag | None = None
    note: Note | None = None


class DecidedItem(Input):
    """A person's verdict on a whole line, or on one lot of it."""

    line: LineNumber
    lot: LineNumber | None = None
    acceptance: Literal[Acceptance.ACCEPTED, Acceptance.REJECTED]


class DecisionInput(Input):
    """Acceptance by line or lot; what is not named is decided by the rules."""

    items: Annotated[tuple[DecidedItem, ...], Field(max_length=500)] = ()
    note: Note | None = None


class ApprovalInput(Input):
    """A manager's yes to a refund above the approval limit."""

    note: Note | None = None


class RefusalInput(Input):
    """A manager's no to a refund above the approval limit, and what whoever decides again should know."""

    note: Note


class GoodsBackInput(Input):
    """How rejected goods left. No lots: all that are to go back."""

    lots: Annotated[tuple[LineNumber, ...], Field(max_length=500)] = ()
    way: WayBack
    tracking: Note | None = None
    note: Note | None = None


class HoldInput(Input):
    """Somebody looks into it before it goes on. The clocks run."""

    reason: Literal["suspected_fraud", "waiting_for_supplier", "legal", "other"]
    note: Note | None = None


class ResumptionInput(Input):
    """It goes on. `decide` False: somebody wants to decide by hand."""

    decide: Flag | None = None
    note: Note | None = None


class RecalculationInput(Input):
    """The dates are counted anew, by the policy and the calendar of today."""

    note: Note | None = None


class DisposedItem(Input):
    """What becomes of a lot, or of so many units of it. Going back to the customer is for rejected goods only."""

    lot: LineNumber
    quantity: Count | None = None
    disposition: Literal[
        Disposition.RESTOCK, Disposition.REFURBISH, Disposition.SCRAP, Disposition.DONATE, Disposition.HOLD
    ]


class DispositionsInput(Input):
    """What becomes of goods that are here."""

    items: Annotated[list[DisposedItem], Field(min_length=1, max_length=500)]
    note: Note | None = None

    @model_validator(mode="after")
    def _lots_once(self) -> Self:
        if len({item.lot for item in self.items}) != len(self.items):
            raise ValueError("each lot may be named once")
        return self


class RefundAgainInput(Input):
    """A refund that failed is asked for anew; without `refund`, what no payment could take at the decision.

    `payment`: the reference of the order's payment to use; else the same one, or whichever has the room.
    """

    refund: Reference | None = None
    payment: PaymentReference | None = None
    note: Note | None = None


class PaidHow(StrEnum):
    """How the customer got money that no refund of ours brought."""

    BANK_TRANSFER = "bank_transfer"
    CASH = "cash"
    DASHBOARD = "dashboard"
    CHARGEBACK = "chargeback"


class PaidByHandInput(Input):
    """The customer has it another way: instead of a failed `refund`, or what no payment could take.

    No `amount_minor`: all of it; what is left of less is still owed. `reference` is what the customer finds it by.
    """

    refund: Reference | None = None
    amount_minor: Annotated[Minor, Field(gt=0)] | None = None
    how: PaidHow = PaidHow.BANK_TRANSFER
    reference: Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=TEXT)]
    despite_dispute: Flag = False
    note: Note | None = None


class TaskDoneInput(Input):
    """Somebody has done a task that nothing else ends."""

    task: str
    note: Note | None = None


AnyCommandInput = (
    AuthorizationInput
    | DeclineInput
    | CancellationInput
    | QuestionInput
    | MessageInput
    | ShipmentInput
    | LossInput
    | ReceiptsInput
    | CorrectionInput
    | InspectionsInput
    | DecisionInput
    | ApprovalInput
    | RefusalInput
    | GoodsBackInput
    | HoldInput
    | ResumptionInput
    | RecalculationInput
    | DispositionsInput
    | RefundAgainInput
    | PaidByHandInput
    | TaskDoneInput
)
"""What somebody may ask of a return that is there."""
