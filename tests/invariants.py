"""What must hold of an installation whatever happened to it (DESIGN 7), read from the books, the processor and the mailbox.

`check` is for a quiet installation: nothing in flight, nothing waiting to be tried again. `always` holds at
every instant. Neither asks our own API or pages.
"""

import json
import urllib.request
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlmodel import Session, SQLModel, col, func, select

from returndesk.domain.lots import GIVEN_UP, Acceptance, Reception
from returndesk.domain.stages import TAKEN, RefundStatus
from returndesk.embedded.mailbox import MailboxReader
from returndesk.store import tables
from returndesk.store.audit_verification import verify
from returndesk.store.database import Database

LIVE_AT_STRIPE = {"pending", "requires_action", "succeeded"}
GONE = {RefundStatus.FAILED, RefundStatus.CANCELED}
ONCE_IN_A_LIFE = {"requested", "authorized", "expired", "declined", "cancelled"}
MANY_AT_ONCE = {"breached", "warned", "disputed", "dispute_closed"}  # two clocks, two payments
ONCE_A_DECISION = {"decided", "approved", "refused"}
MAILS_READ_MAX = 1_000_000

T = TypeVar("T", bound=SQLModel)


def check(database: Database, sandbox_url: str, mailbox: MailboxReader, *, mail_doubles_max: int = 0) -> None:
    """Raise an AssertionError that lists everything that is not as it must be once all is quiet.

    `mail_doubles_max`: how many connections or processes died while the server may have had a mail already.
    """
    with database.read() as session:
        world = World(session, processor_state(sandbox_url), Counter(
            message.message_id.strip("<>").partition("@")[0]
            for message in mailbox.messages(limit=MAILS_READ_MAX)
        ))  # fmt: skip
        _complain([
            *world.refunds_are_stripes(), *world.payments_are_covered(), *world.counters_are_their_rows(),
            *world.the_ledger_balances(), *world.nobody_is_forgotten(), *world.each_notice_was_mailed(mail_doubles_max),
            *world.everything_was_applied_once(), *world.units_are_conserved(),
            *(f"10 {finding}" for finding in verify(session)),
        ])  # fmt: skip


def always(database: Database, sandbox_url: str) -> None:
    """Raise an AssertionError where something is wrong that may not even be so for a moment."""
    state = processor_state(sandbox_url)
    with database.read() as session:
        world = World(session, state, Counter())
        _complain([*world.no_refund_is_double(), *world.payments_are_covered(), *world.the_ledger_balances()])


def processor_state(sandbox_url: str) -> dict[str, Any]:
    """Every payment and refund as the Stripe sandbox has them."""
    state: dict[str, Any] = _sandbox(sandbox_url, "state")
    return state


def webhooks_on_their_way(sandbox_url: str) -> int:
    """How many events the processor has still to deliver."""
    return sum(not delivery["delivered_at"] for delivery in _sandbox(sandbox_url, "webhooks"))


def _sandbox(url: str, view: str) -> Any:
    with urllib.request.urlopen(f"{url}/_sandbox/{view}", timeout=10) as answer:
        return json.load(answer)


def _complain(mistakes: list[str]) -> None:
    if mistakes:
        raise AssertionError("\n".join([f"{len(mistakes)} invariants do not hold:", *mistakes[:40]]))


@dataclass(frozen=True)
class World:
    """The books beside the processor's records and the mails by their notice's name."""

    session: Session
    stripe: dict[str, Any]
    mails: Counter[str]

    def all_of(self, table: type[T]) -> list[T]:
        return list(self.session.exec(select(table)))

    def no_refund_is_double(self) -> Iterator[str]:
        made = Counter(r["metadata"].get("refund_id") for r in self.stripe["refunds"])
        for refund_id, count in made.items():
            if refund_id is not None and count > 1:
                yield f"1 refund {refund_id} was made {count} times at Stripe"

    def refunds_are_stripes(self) -> Iterator[str]:
        """Invariants 1 and 3."""
        yield from self.no_refund_is_double()
        theirs = {
            r["metadata"]["refund_id"]: r for r in self.stripe["refunds"] if "refund_id" in r["metadata"]
        }
        payments = {p.id: p.reference for p in self.all_of(tables.Payment)}
        for ours in self.all_of(tables.Refund):
            said = theirs.pop(ours.id, None)
            if said is None:
                if ours.status not in GONE or ours.processor_reference:
                    yield f"3 refund {ours.id} is {ours.status} here and unknown at Stripe"
                continue
            here = (ours.status, ours.amount_minor, ours.currency.lower(), payments[ours.payment_id],
                    ours.processor_reference)  # fmt: skip
            there = (said["status"], said["amount"], said["currency"], said["payment_intent"], said["id"])
            if here != there:
                yield f"3 refund {ours.id} is {here} here and {there} at Stripe"
        for refund_id in theirs:
            yield f"3 refund {refund_id} is at Stripe and not in the books"

    def payments_are_covered(self) -> Iterator[str]:
        """Invariant 2: never more than was captured, here and there."""
        for p in self.all_of(tables.Payment):
            if p.reserved_minor + p.refunded_minor > p.captured_minor:
                yield f"2 payment {p.id}: {p.reserved_minor} + {p.refunded_minor} of {p.captured_minor}"
        for said in self.stripe["payments"]:
            if said["live_refunds_minor"] > said["captured_minor"]:
                yield f"2 Stripe refunded {said['live_refunds_minor']} of {said['captured_minor']}"

    def counters_are_their_rows(self) -> Iterator[str]:
        """Invariant 2: what a payment's counters say is what its refunds add up to."""
        reserved: Counter[str] = Counter()
        refunded: Counter[str] = Counter()
        for refund in self.all_of(tables.Refund):
            if refund.status == RefundStatus.SUCCEEDED:
                refunded[refund.payment_id] += refund.amount_minor
            elif refund.status not in GONE:
                reserved[refund.payment_id] += refund.amount_minor
        for p in self.all_of(tables.Payment):
            here, rows = (p.reserved_minor, p.refunded_minor), (reserved[p.id], refunded[p.id])
            if here != rows:
                yield f"2 payment {p.id} says (reserved, refunded) {here}; its refunds say {rows}"

    def the_ledger_balances(self) -> Iterator[str]:
        """Invariant 4: each entry sums to zero in each currency; what was refunded stands in it once."""
        sums: Counter[tuple[str, str]] = Counter()
        at_processor: Counter[str] = Counter()
        for posting in self.all_of(tables.Posting):
            sums[posting.entry, posting.currency] += posting.amount_minor
            if posting.account == "processor":
                at_processor[posting.entry.partition(":")[2]] -= posting.amount_minor
        for (entry, currency), total in sums.items():
            if total:
                yield f"4 entry {entry} is off by {total} {currency}"
        for refund in self.all_of(tables.Refund):
            due = refund.amount_minor if refund.status == RefundStatus.SUCCEEDED else 0
            if at_processor[refund.id] != due:
                yield f"4 refund {refund.id} ({refund.status}): {due} is due in the ledger, {at_processor[refund.id]} stands"

    def nobody_is_forgotten(self) -> Iterator[str]:
        """Invariant 5: every return is over or in a named queue with an owner; every command has its outcome."""
        waiting = {
            task.rma
            for task in self.all_of(tables.Task)
            if task.done_at is None and task.queue and task.owner_role
        }
        for row in self.all_of(tables.Return):
            if row.ended_at is None and row.rma not in waiting:
                yield f"5 {row.rma} is {row.stage} and waits in no queue"
        for command in self.all_of(tables.Command):
            if command.stamped_at is None:
                yield f"5 command {command.id} ({command.kind} of {command.rma}) has no outcome"

    def each_notice_was_mailed(self, doubles_max: int) -> Iterator[str]:
        """Invariant 7: every notice once; again only where it was left open, under the same Message-ID."""
        mails, doubles = Counter(self.mails), 0
        for notice in self.all_of(tables.Notice):
            name = f"{notice.rma}.{notice.number}"
            count = mails.pop(name, 0)
            if notice.settled_at is None:
                yield f"7 notice {name} ({notice.kind}) still waits"
            elif notice.result == "accepted" and count == 0:
                yield f"7 notice {name} ({notice.kind}) is settled and was never mailed"
            doubles += max(count - 1, 0)
        if doubles > doubles_max:
            yield f"7 {doubles} mails came twice, at most {doubles_max} may have"
        for name in mails:
            yield f"7 mail {name} belongs to no notice"

    def everything_was_applied_once(self) -> Iterator[str]:
        """Invariant 9: no command, answer or event counts twice, and no refund goes back."""
        life: Counter[tuple[str, str]] = Counter()
        by_key: Counter[tuple[str, str, str]] = Counter()
        submitted: Counter[str] = Counter()
        for r in self.session.exec(select(tables.AuditRecord).order_by(col(tables.AuditRecord.seq))):
            if r.what in ONCE_IN_A_LIFE:
                life[r.rma, r.what] += 1
            if r.what in ONCE_A_DECISION:
                life[f"{r.rma}, decision {r.details['decision']}", r.what] += 1
            if r.key.startswith("cmd_"):
                by_key[r.rma, r.key, r.what] += 1
            if r.what.startswith("refund_"):
                refund, status = r.details["refund"], RefundStatus(r.what.removeprefix("refund_"))
                life[refund, r.what] += 1
                if status in TAKEN:
                    submitted[refund] += 1
                elif status not in GONE and submitted[refund]:
                    yield f"9 refund {refund} went back to {status}"
        for (whose, what), count in life.items():
            if count > 1:
                yield f"9 {whose} was {what} {count} times"
        for (rma, key, what), count in by_key.items():
            if count > 1 and what not in MANY_AT_ONCE:
                yield f"9 {rma}: command {key} was applied {count} times ({what})"
        accepted = {c.id for c in self.all_of(tables.Command) if c.outcome and c.outcome["accepted"]}
        for missing in accepted - {key for _, key, _ in by_key}:
            yield f"9 command {missing} was accepted and left no trace"
        waiting = self.session.exec(
            select(func.count()).where(col(tables.ProcessorEvent.handled_at).is_(None))
        ).one()
        if waiting:
            yield f"9 {waiting} events of the processor wait still"

    def units_are_conserved(self) -> Iterator[str]:
        """The counters of every order line are what the returns' lots add up to."""
        awaiting = {r.rma: r.decisions for r in self.all_of(tables.Return) if r.awaiting_approval}
        order_of = {r.rma: r.order_reference for r in self.all_of(tables.Return)}
        claimed: Counter[tuple[str, int]] = Counter()
        granted: Counter[tuple[str, int]] = Counter()
        for lot in self.all_of(tables.Lot):
            order = order_of.get(lot.rma)
            accepted = lot.decision is not None and lot.acceptance == Acceptance.ACCEPTED
            if order is None or lot.line is None or lot.reception == Reception.WRONG_ITEM:
                continue
            if lot.reception in GIVEN_UP and not accepted:
                continue
            holds = lot.decision is not None and lot.decision != awaiting.get(lot.rma)
            if holds and lot.acceptance == Acceptance.REJECTED:
                continue
            claimed[order, lot.line] += lot.quantity
            granted[order, lot.line] += lot.quantity * accepted
        for line in self.all_of(tables.OrderLine):
            at = (line.order_reference, line.line)
            if (line.claimed, line.granted) != (claimed[at], granted[at]):
                yield (f"line {at} says (claimed, granted) {(line.claimed, line.granted)}; "
                       f"the lots say {(claimed[at], granted[at])}")  # fmt: skip
