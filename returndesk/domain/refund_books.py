"""Where a refund stood at an instant, told by its own instants alone: never by what it is today.

A refund's life goes one way: decided, submitted, credited; it may fail at any point and is then owed again, until it
is asked for anew or paid another way. So its instants say how the books stood at the end of any day; of one that was
asked for again the list also knows since when it was there (`asked_at`, in `store/refund_books.py`).
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from returndesk.domain.errors import InvalidInput


class Standing(StrEnum):
    """How a refund stands in the books. The first three wait for somebody."""

    TO_SEND = "to_send"
    SUBMITTED = "submitted"
    FAILED = "failed"
    CREDITED = "credited"
    REPLACED = "replaced"
    WITHDRAWN = "withdrawn"


OPEN = (Standing.TO_SEND, Standing.SUBMITTED, Standing.FAILED)
GONE = (Standing.REPLACED, Standing.WITHDRAWN)
"""Refunds whose money the customer does not have, for all the books know."""


@dataclass(frozen=True)
class Instants:
    """What happened to a refund, and when. `replaced_at`: nothing of it is owed any more, or it was not approved.

    `late_at`: when the refund clock of its return ran out while this was still to be paid.
    """

    decided_at: datetime
    submitted_at: datetime | None = None
    credited_at: datetime | None = None
    failed_at: datetime | None = None
    replaced_at: datetime | None = None
    late_at: datetime | None = None

    def before(self, at: datetime) -> "Instants":
        """What had happened before `at`."""
        return Instants(
            self.decided_at,
            *(
                None if value is None or value >= at else value
                for value in (
                    self.submitted_at,
                    self.credited_at,
                    self.failed_at,
                    self.replaced_at,
                    self.late_at,
                )
            ),
        )

    @property
    def standing(self) -> Standing:
        """Where it stands once all of this has happened."""
        if self.replaced_at is not None:
            return Standing.WITHDRAWN if self.failed_at is None else Standing.REPLACED
        if self.failed_at is not None:
            return Standing.FAILED
        if self.credited_at is not None:
            return Standing.CREDITED
        return Standing.TO_SEND if self.submitted_at is None else Standing.SUBMITTED

    def late_since(self, breached_at: datetime | None) -> datetime | None:
        """When this was late, where its return's refund clock ran out at `breached_at`: None where it was paid before."""
        done_at = self.replaced_at or (self.submitted_at if self.failed_at is None else None)
        return breached_at if breached_at is not None and (done_at is None or breached_at < done_at) else None


@dataclass(frozen=True)
class Bucket:
    """Refunds that have been open for `first` to `last` days; None: no end."""

    code: str
    words: str
    first: int
    last: int | None


BUCKETS = (
    Bucket("1", "0 or 1 day", 0, 1),
    Bucket("3", "2 or 3 days", 2, 3),
    Bucket("7", "4 to 7 days", 4, 7),
    Bucket("14", "8 to 14 days", 8, 14),
    Bucket("30", "15 to 30 days", 15, 30),
    Bucket("more", "over 30 days", 31, None),
)
"""How long a refund has been open: days of the shop's calendar since the day it was decided, which is day 0."""


def day_of(instant: datetime, zone: ZoneInfo) -> date:
    """The shop's day of an instant."""
    return instant.astimezone(zone).date()


def start_of(day: date, zone: ZoneInfo) -> datetime:
    """When a day begins in the shop's zone, UTC; where midnight is skipped, when the clocks are put on."""
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(ZoneInfo("UTC"))


def end_of(day: date, zone: ZoneInfo) -> datetime:
    """When a day is over in the shop's zone, UTC: the first instant of the next one."""
    return start_of(day + timedelta(days=1), zone)


def age_days(decided_at: datetime, day: date, zone: ZoneInfo) -> int:
    """How many days a refund is old on a day of the shop's."""
    return (day - day_of(decided_at, zone)).days


def bucket_of(days: int) -> Bucket:
    """The bucket of an age."""
    return next(bucket for bucket in BUCKETS if bucket.last is None or days <= bucket.last)


def decided_within(bucket: Bucket, day: date, zone: ZoneInfo) -> tuple[datetime | None, datetime]:
    """Between which instants a refund was decided that is in the bucket on `day`: from (None: ever), until (excluded)."""
    since = None if bucket.last is None else start_of(day - timedelta(days=bucket.last), zone)
    return since, end_of(day - timedelta(days=bucket.first), zone)


DAY_MIN, DAY_MAX = date(2000, 1, 1), date(2099, 12, 31)
"""Days that books are asked for."""


def books_at(as_of: date | None, now: datetime, zone: ZoneInfo) -> tuple[datetime, date, bool]:
    """Before which instant the books are read for the end of a day, which day that is, and whether it is now.

    No day, or today: now. Raises `InvalidInput` (`day_not_over`, `not_a_day`).
    """
    today = day_of(now, zone)
    if as_of is None or as_of == today:
        return now, today, True
    if as_of > today:
        raise InvalidInput(
            "day_not_over", "That day has not come yet. Choose today or an earlier day.", "as_of"
        )
    if as_of < DAY_MIN:
        raise InvalidInput("not_a_day", "Write a day of this century, as in 2026-03-04.", "as_of")
    return end_of(as_of, zone), as_of, False


def read_day(typed: str, field: str) -> date | None:
    """The day somebody typed; None where nothing was. Raises `InvalidInput` (`not_a_day`)."""
    if not typed:
        return None
    try:
        day = date.fromisoformat(typed)
    except ValueError:
        raise InvalidInput("not_a_day", "Write a day as in 2026-03-04.", field) from None
    if not DAY_MIN <= day <= DAY_MAX:
        raise InvalidInput("not_a_day", "Write a day of this century, as in 2026-03-04.", field)
    return day
