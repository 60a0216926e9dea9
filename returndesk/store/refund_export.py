"""Finance's list as rows of a file: all of it, a thousand at a time, as the books stood at one instant.

The instant is fixed when the export begins, so what happens while it is read is not half in it.
"""

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from zoneinfo import ZoneInfo

from returndesk.domain.refund_books import day_of
from returndesk.spreadsheets import Cell, Money
from returndesk.store.database import Database
from returndesk.store.policies import PolicyBook
from returndesk.store.refund_books import Key, all_keys, uncarried
from returndesk.store.refund_conditions import Asked
from returndesk.store.refund_lines import RefundLine, lines
from returndesk.store.refund_sums import sums

_AT_ONCE = 1_000

HEAD = (
    "refund", "rma", "order", "amount", "currency", "standing", "processor_status", "held_back", "decided_at",
    "decided_day", "submitted_at", "submitted_day", "credited_at", "credited_day", "failed_at", "failed_day",
    "failure_reason", "replaced_at", "replaced_day", "replaced_by", "age_days", "late", "late_at", "late_day", "due_at",
    "decision_late_at", "clock", "paused_hours", "paused_for", "contacted_at", "contacted_day", "channel",
    "policy_version", "decided_by", "approved_by", "processor", "payment_reference", "processor_reference",
    "bank_reference", "asked_at", "asked_day", "owed", "was_credited_at", "was_credited_day", "paid_by_hand",
    "paid_by_hand_how", "paid_by_hand_reference", "instead",
)  # fmt: skip


def export_rows(database: Database, policies: PolicyBook, asked: Asked) -> Iterator[list[Cell]]:
    """A row for each refund of the list, in its order. No more than a thousand are in memory."""
    for places in all_keys(database.reading, asked, _AT_ONCE):
        for line in _read(
            database, policies, asked, places
        ):  # no name of its own: gone before the next are read
            yield _row(line, asked.zone)


def _read(
    database: Database, policies: PolicyBook, asked: Asked, places: Sequence[Key]
) -> Sequence[RefundLine]:
    with database.reading() as connection:
        return lines(connection, policies, asked, places)


def about_rows(database: Database, asked: Asked, filters: Sequence[tuple[str, str]]) -> Iterator[list[Cell]]:
    """What an export is of, and what it amounts to: for whoever finds the file later."""
    yield ["as the books stood before", asked.at]
    yield ["day of the shop", asked.day]
    yield ["zone of the shop", asked.zone.key]
    for name, value in filters:
        yield [f"filter: {name}", value]
    with database.reading() as connection:
        for one in sums(connection, asked):
            name = f"{one.standing.value.replace('_', ' ')} in {one.sum.currency}"
            yield [f"{name}: refunds", one.sum.count]
            yield [f"{name}: amount", Money(one.sum.amount_minor, one.sum.currency)]
        for rest in uncarried(connection, asked) if asked.is_of_all_owed else ():
            yield [f"owed on {rest.rma} without a refund", Money(rest.amount_minor, rest.currency)]


def _row(line: RefundLine, zone: ZoneInfo) -> list[Cell]:
    i, late, credited_at = line.instants, line.lateness, line.instants.credited_at
    stands, fell = (credited_at, None) if i.failed_at is None else (None, credited_at)
    by_hand = Money(sum(x.amount_minor for x in line.by_hand), line.currency) if line.by_hand else None
    return [
        line.id, line.rma, line.order_reference, Money(line.amount_minor, line.currency), line.currency, line.standing.value,
        line.status.value, line.held_back,
        *_at(i.decided_at, zone), *_at(i.submitted_at, zone), *_at(stands, zone), *_at(i.failed_at, zone),
        line.failure_reason, *_at(i.replaced_at, zone), line.replaced_by, line.age_days,
        "yes" if late.late_at else "no", *_at(late.late_at, zone), late.due_at, late.decided_late_at, late.state.value,
        sum(wait.hours for wait in late.waits), "; ".join(f"{' and '.join(w.reasons)} {w.hours} h" for w in late.waits),
        *_at(line.contacted_at, zone), line.channel, line.policy_version, line.decided_by, line.approved_by,
        line.processor, line.payment_reference, line.processor_reference, line.bank_reference,
        *_at(line.asked_at, zone), Money(line.owed_minor, line.currency), *_at(fell, zone), by_hand,
        "; ".join(x.how for x in line.by_hand) or None, "; ".join(x.reference for x in line.by_hand) or None, line.instead,
    ]  # fmt: skip


def _at(instant: datetime | None, zone: ZoneInfo) -> tuple[datetime | None, date | None]:
    """An instant, and the shop's day of it."""
    return (None, None) if instant is None else (instant, day_of(instant, zone))
