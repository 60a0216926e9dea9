"""What a return owes that no refund carries: a payment had no room, or a part of a failed refund was paid by hand.

Rows are appended and ended, never changed, so the books of any day know what was owed then. Their open amounts come to
the return's `owed_without_refund_minor`.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select

from returndesk.store import tables
from returndesk.store.statements import append, table_of, updating

_rests = table_of(tables.Rest)
_c = _rests.c
_END = updating(tables.Rest, ["rma", "number"], ["ended_at", "ended_by"])


@dataclass(frozen=True)
class Rest:
    """An amount in minor units, owed from `begun_at` until `ended_at`; the columns are those of `tables.Rest`."""

    rma: str
    number: int
    refund_id: str | None
    decision: int
    amount_minor: int
    currency: str
    begun_at: datetime
    ended_at: datetime | None = None
    ended_by: str | None = None


def owe(
    connection: Connection, rma: str, currency: str, at: datetime, amount_minor: int, decision: int,
    refund_id: str | None = None,
) -> None:  # fmt: skip
    """From now on this is owed without a refund; of `refund_id`, where it is what a part leaves of that one."""
    last = connection.scalar(select(func.max(_c.number)).where(_c.rma == rma)) or 0
    row = {
        "rma": rma, "number": last + 1, "refund_id": refund_id, "decision": decision, "amount_minor": amount_minor,
        "currency": currency, "begun_at": at, "ended_at": None, "ended_by": None,
    }  # fmt: skip
    append(connection, tables.Rest, [row])


def settle(
    connection: Connection, rma: str, at: datetime, amount_minor: int, by: str, decision: int | None = None
) -> None:
    """So much of it is owed no more, the oldest first; of one decision's own, where it is taken back."""
    left = amount_minor
    for rest in unsettled(connection, rma):
        if not left:
            return
        if decision is not None and (rest.decision, rest.refund_id) != (decision, None):
            continue
        connection.execute(_END, {"key_rma": rma, "key_number": rest.number, "ended_at": at, "ended_by": by})
        if rest.amount_minor > left:
            remaining = rest.amount_minor - left
            owe(connection, rma, rest.currency, at, remaining, rest.decision, rest.refund_id)
        left -= min(left, rest.amount_minor)


def unsettled(connection: Connection, rma: str) -> list[Rest]:
    """What is owed now, in the order in which it is settled: the oldest debt first."""
    query = select(*_c).where(_c.rma == rma, _c.ended_at.is_(None)).order_by(_c.decision, _c.number)
    return [Rest(*row) for row in connection.execute(query)]


# What was paid by hand of a refund ----------------------------------------------------------------


@dataclass(frozen=True)
class HandPayment:
    """A part of a failed refund, or all of it, that was paid another way, under a command."""

    command_id: str
    at: datetime
    amount_minor: int


def of_refunds(connection: Connection, refund_ids: Collection[str]) -> dict[str, list[Rest]]:
    """Every rest there was of these refunds, in order."""
    found: dict[str, list[Rest]] = defaultdict(list)
    if refund_ids:
        for row in connection.execute(select(*_c).where(_c.refund_id.in_(refund_ids)).order_by(_c.number)):
            found[row.refund_id].append(Rest(*row))
    return found


def owed_minor(rests: Sequence[Rest], at: datetime | None, whole_minor: int) -> int:
    """What was owed before `at` (None: is owed now) of a failed refund of this amount that nothing replaced."""
    for rest in rests:
        begun = at is None or rest.begun_at < at
        if begun and (rest.ended_at is None or (at is not None and rest.ended_at >= at)):
            return rest.amount_minor
    return whole_minor


def hand_payments(
    rests: Sequence[Rest], amount_minor: int, replaced_by: str, replaced_at: datetime | None
) -> list[HandPayment]:
    """What was paid by hand of a refund under which commands; empty where it was only asked for again."""
    steps: list[tuple[str | None, datetime | None, int]]
    steps = [(replaced_by, rests[0].begun_at if rests else replaced_at, amount_minor)]
    steps += [(rest.ended_by, rest.ended_at, rest.amount_minor) for rest in rests]
    left = [rest.amount_minor for rest in rests] + [0]
    return [
        HandPayment(by, at, before - after)
        for (by, at, before), after in zip(steps, left, strict=True)
        if by is not None and at is not None and by.startswith(_COMMAND)
    ]


_COMMAND = "cmd_"


def asked_again(rests: Sequence[Rest], at: datetime | None) -> str | None:
    """The refund that was asked for instead of what a payment by hand had left, before `at` (None: by now)."""
    last = rests[-1] if rests else None
    if last is None or last.ended_at is None or (at is not None and last.ended_at >= at):
        return None
    return None if last.ended_by is None or last.ended_by.startswith(_COMMAND) else last.ended_by


def references(
    connection: Connection, rmas: Collection[str], command_ids: Collection[str]
) -> dict[str, tuple[str, str]]:
    """How money was paid by hand under these commands, and the reference it is found by, in words."""
    if not command_ids:
        return {}
    audit, texts = table_of(tables.AuditRecord), table_of(tables.Text)
    query = select(audit.c.key, audit.c.details).where(audit.c.rma.in_(rmas), audit.c.what == "paid_by_hand")
    details = {key: found for key, found in connection.execute(query) if key in command_ids}
    ids = {found["reference"] for found in details.values()}
    query = select(texts.c.id, texts.c.body).where(texts.c.id.in_(ids))
    words = {row.id: row.body for row in connection.execute(query)}
    return {key: (found["how"], words.get(found["reference"], "")) for key, found in details.items()}
