"""What the commands about parcels take: on their way, lost, here, and counted wrong."""

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from returndesk.domain.errors import InvalidInput
from returndesk.domain.input_fields import Count, Input, LineNumber, Note
from returndesk.domain.orders import Flag, Instant


class PackedItem(Input):
    """Units of one order line in one parcel."""

    line: LineNumber
    quantity: Count


class ShipmentInput(Input):
    """A parcel is on its way, with what proves it: a tracking number, or what the customer wrote or showed.

    No items: all that is still awaited. `sent_at` may be earlier than now.
    """

    items: Annotated[tuple[PackedItem, ...], Field(max_length=500)] = ()
    sent_at: Instant | None = None
    tracking: Note | None = None
    note: Note | None = None

    @model_validator(mode="after")
    def _proven(self) -> Self:
        if self.tracking is None and self.note is None:
            raise ValueError("give a tracking number, or say in a note what proves the sending")
        return self


class LossInput(Input):
    """The carrier has lost what was on its way, as far as anybody can tell."""

    note: Note | None = None


class WrongItem(Input):
    """Goods in a parcel that this order never had, in the words of who unpacked it."""

    quantity: Count
    note: Note


class ReceiptsInput(Input):
    """What one parcel held; no items is an empty box. `more_expected`: another parcel is on its way.

    What nobody asked to return is recorded as unannounced. `received_at` may be earlier than now: clocks run from then on.
    """

    items: Annotated[tuple[PackedItem, ...], Field(max_length=500)] = ()
    wrong_items: Annotated[tuple[WrongItem, ...], Field(max_length=50)] = ()
    more_expected: Flag = False
    received_at: Instant | None = None
    note: Note | None = None

    def not_later_than(self, now: datetime) -> Self:
        """Raises `InvalidInput` (`received_in_future`) where it says so."""
        if self.received_at is not None and self.received_at > now:
            raise InvalidInput(
                "received_in_future",
                "It cannot have been received later than now. Nothing was changed. Give when it was received.",
                "received_at",
            )
        return self


class MisreceivedItem(Input):
    """Units of one lot that were recorded as received and are not here, or as missing and are waited for still."""

    lot: LineNumber
    quantity: Count


class CorrectionInput(Input):
    """A receipt that was recorded and did not happen like that."""

    items: Annotated[list[MisreceivedItem], Field(min_length=1, max_length=500)]
    reason: Literal["miscounted", "scanned_twice", "other_return"]
    note: Note | None = None
