"""The filters of finance's list: read from the address, kept in every link on the page and in the exports.

Days are the shop's own, the first and the last one included.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from returndesk.domain.errors import InvalidInput
from returndesk.domain.refund_books import BUCKETS, OPEN, Standing, books_at, end_of, read_day, start_of
from returndesk.store.refund_conditions import Asked

STATES: Mapping[str, tuple[Standing, ...]] = {
    "open": OPEN,
    **{standing.value: (standing,) for standing in Standing},
    "all": (),
}
"""What can be chosen, in the order it is offered."""
TEXT_MAX = 100


@dataclass(frozen=True)
class RefundFilters:
    """What was asked for, as it was typed; empty where nothing was."""

    state: str = "open"
    from_: str = ""
    to: str = ""
    late: str = ""
    age: str = ""
    q: str = ""
    as_of: str = ""

    def query(self, **changed: str) -> str:
        """The address's query for these filters, some of them changed; only what is not as it always is."""
        values = vars(replace(self, **changed))
        named = {name.rstrip("_"): value for name, value in values.items() if value and value != "open"}
        return urlencode(named)

    def url(self, path: str = "/desk/refunds", **changed: str) -> str:
        """A page with these filters, some of them changed."""
        query = self.query(**changed)
        return f"{path}?{query}" if query else path

    @property
    def may_have_age(self) -> bool:
        """Whether the state is one of refunds that wait: only they are open for some time."""
        return bool(STATES.get(self.state)) and set(STATES[self.state]) <= set(OPEN)

    def name(self) -> str:
        """The filters as a part of a file's name, the day left out: letters, digits and hyphens."""
        asked = [
            self.state,
            "late" if self.late else "",
            f"open-{self.age}" if self.age else "",
            f"from-{self.from_}" if self.from_ else "",
            f"to-{self.to}" if self.to else "",
            f"of-{self.q[:40]}" if self.q else "",
        ]
        return re.sub(r"[^A-Za-z0-9]+", "-", "-".join(part for part in asked if part)).strip("-")

    @property
    def is_narrowed(self) -> bool:
        """Whether anything but the state and the day was asked for."""
        return any((self.from_, self.to, self.late, self.age, self.q))


def filters_in(query: Mapping[str, str]) -> RefundFilters:
    """The filters of an address; what it does not know is passed over."""
    names = ("to", "late", "age", "q", "as_of")
    typed = {name: query.get(name, "").strip() for name in names}
    return RefundFilters(
        state=query.get("state", "open").strip() or "open", from_=query.get("from", "").strip(), **typed
    )


def asked_for(filters: RefundFilters, now: datetime, zone: ZoneInfo) -> Asked:
    """What the filters ask of the books. Raises `InvalidInput` for the field to correct."""
    at, day, is_now = books_at(read_day(filters.as_of, "as_of"), now, zone)
    first, last = read_day(filters.from_, "from"), read_day(filters.to, "to")
    if first is not None and last is not None and first > last:
        raise InvalidInput("days_backwards", "The first day is after the last one.", "to")
    if filters.state not in STATES:
        raise InvalidInput(
            "unknown_state", "There is no such list of refunds. Choose one of those above.", "state"
        )
    bucket = next((b for b in BUCKETS if b.code == filters.age), None)
    if filters.age and bucket is None:
        raise InvalidInput("unknown_age", "There is no such age. Choose one of the words in the list.", "age")
    if bucket is not None and not filters.may_have_age:
        raise InvalidInput(
            "age_of_what_is_open",
            "“Open for” is asked of refunds that are open. Choose Open, To send, With the processor or Failed, "
            "owed; or any time.",
            "age",
        )
    if len(filters.q) > TEXT_MAX or not filters.q.isprintable():
        raise InvalidInput("not_a_reference", f"Write one reference of at most {TEXT_MAX} characters.", "q")
    return Asked(
        at=at,
        day=day,
        zone=zone,
        is_now=is_now,
        standings=STATES[filters.state],
        decided_from=None if first is None else start_of(first, zone),
        decided_to=None if last is None else end_of(last, zone),
        is_late=bool(filters.late),
        bucket=bucket,
        text=filters.q or None,
    )
