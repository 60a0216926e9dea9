"""Everything an auditor asks of one return's money: who did what when under which policy, every try, every posting.

Ids, codes, amounts and instants; words only where colleagues wrote them for each other, or as a payment's reference,
and none of the customer's. The audit chain is verified anew each time it is read.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlmodel import Session, col, select

from returndesk.domain.errors import NotFound
from returndesk.domain.refund_books import day_of
from returndesk.domain.stages import Stage
from returndesk.store import rests, tables
from returndesk.store.audit_verification import Chain, verify_return
from returndesk.store.audit_words import details_in_words
from returndesk.store.clock_accounts import ClockAccounts, clock_accounts
from returndesk.store.policies import PolicyBook
from returndesk.store.refund_conditions import Asked
from returndesk.store.refund_lines import RefundLine, lines
from returndesk.store.rep_talk import AMONG_OURSELVES, Detail
from returndesk.store.rests import Rest


@dataclass(frozen=True)
class Try:
    """How often a refund was sent and looked for. `key_number` above 1: the first key was proven never to have arrived."""

    first_sent_at: datetime | None
    last_sent_at: datetime | None
    key_number: int
    looks: int


@dataclass(frozen=True)
class Happening:
    """One record of the audit chain, or a mail that left (`seq` None).

    `words`: what was written, by the ids in `details` that stand for it, where it is colleagues' own or a payment's.
    """

    seq: int | None
    at: datetime
    what: str
    actor_id: str
    role: str
    policy_version: str
    key: str
    details: Mapping[str, Any]
    words: Mapping[str, str] = field(default_factory=dict)

    @property
    def in_words(self) -> Sequence[Detail]:
        """What its details say, as a person reads them."""
        left_out = _ON_THE_ROW.get(self.what, ())
        said = {name: value for name, value in self.details.items() if name not in left_out}
        return details_in_words(self.what, said, self.words)

    @property
    def came_at(self) -> datetime:
        """When it happened: of a missed date the date itself, which is handled up to some minutes later (record 0019)."""
        due = self.details.get("due") if self.is_missed_date else None
        return datetime.fromisoformat(due) if due else self.at

    @property
    def is_missed_date(self) -> bool:
        """Whether this is a date that passed."""
        return self.what in _MISSED

    @property
    def decided_by(self) -> str | None:
        """Who decided, where this is a decision: the rules, also where somebody's inspection set them off."""
        return self.details.get("by") if self.what == "decided" else None


_MISSED = ("breached", "goods_back_late")
_ON_THE_ROW = {"breached": ("due", "clock"), "goods_back_late": ("due",), "decided": ("by",)}
"""Details that the row says already."""


@dataclass(frozen=True)
class LedgerEntry:
    """One entry: its postings, debits above 0 and credits below."""

    entry: str
    at: datetime
    currency: str
    postings: Sequence[tuple[str, int]]

    @property
    def is_balanced(self) -> bool:
        """Whether its postings sum to nothing, as they must."""
        return sum(minor for _, minor in self.postings) == 0


@dataclass(frozen=True)
class Balance:
    """What an account of this return comes to in one currency."""

    account: str
    currency: str
    minor: int


@dataclass(frozen=True)
class DecisionView:
    """A decision: who took it, and who said yes or no to it."""

    number: int
    decided_at: datetime
    decided_by: str
    approved_by: str | None
    refused_by: str | None
    total_minor: int
    owed_without_refund_minor: int


@dataclass(frozen=True)
class RefundFile:
    """One return's money."""

    rma: str
    order_reference: str
    stage: Stage
    channel: str
    policy_version: str
    currency: str
    owed_without_refund_minor: int
    rests: Sequence[Rest]
    read_at: datetime
    payments: Sequence[str]
    decisions: Sequence[DecisionView]
    refunds: Sequence[tuple[RefundLine, Try]]
    accounts: ClockAccounts
    ledger: Sequence[LedgerEntry]
    happenings: Sequence[Happening]
    chain: Chain

    @property
    def balances(self) -> list[Balance]:
        """Every account of this return, by currency and name."""
        sums: dict[tuple[str, str], int] = defaultdict(int)
        for entry in self.ledger:
            for account, minor in entry.postings:
                sums[entry.currency, account] += minor
        return [Balance(account, currency, minor) for (currency, account), minor in sorted(sums.items())]

    @property
    def is_balanced(self) -> bool:
        """Whether every entry balances."""
        return all(entry.is_balanced for entry in self.ledger)

    @property
    def set_off_by(self) -> dict[int, str]:
        """Whose command brought each decision about, by its number."""
        decided = [x for x in self.happenings if x.what == "decided" and "decision" in x.details]
        return {x.details["decision"]: x.actor_id for x in decided}

    @property
    def to_pay(self) -> list[RefundLine]:
        """Refunds that failed and of which all is owed still; of the others it is among the rests."""
        return [line for line, _ in self.refunds if line.standing == "failed" and not line.by_hand]


def refund_file(
    session: Session, policies: PolicyBook, rma: str, now: datetime, zone: ZoneInfo
) -> RefundFile:
    """The file of a return. Raises `NotFound`."""
    row = session.get(tables.Return, rma)
    if row is None:
        raise NotFound("return_not_found", "There is no return with this RMA number. Check it on the slip.")
    refunds = session.exec(
        select(tables.Refund).where(tables.Refund.rma == rma).order_by(col(tables.Refund.decided_at), tables.Refund.id)
    ).all()  # fmt: skip
    places = [(refund.decided_at, refund.id) for refund in refunds]
    asked = Asked(at=now, day=day_of(now, zone), zone=zone)
    shown = lines(session.connection(), policies, asked, places) if places else []
    tries = [Try(x.first_sent_at, x.last_sent_at, x.key_number, x.looks) for x in refunds]
    payments = session.exec(
        select(tables.Payment.reference).where(tables.Payment.order_reference == row.order_reference)
    )
    return RefundFile(
        rma=rma,
        order_reference=row.order_reference,
        stage=Stage(row.stage),
        channel=row.channel,
        policy_version=row.policy_version,
        currency=row.currency,
        owed_without_refund_minor=row.owed_without_refund_minor,
        rests=rests.unsettled(session.connection(), rma),
        read_at=now,
        payments=sorted(payments),
        decisions=_decisions(session, rma),
        refunds=list(zip(shown, tries, strict=True)),
        accounts=clock_accounts(session, policies, rma, now),
        ledger=_ledger(session, rma),
        happenings=_happenings(session, row),
        chain=verify_return(session, rma),
    )


def _decisions(session: Session, rma: str) -> list[DecisionView]:
    found = session.exec(
        select(tables.Decision).where(tables.Decision.rma == rma).order_by(col(tables.Decision.number))
    )
    return [
        DecisionView(
            x.number, x.decided_at, x.decided_by, x.approved_by, x.refused_by,
            x.goods_minor + x.goods_tax_minor + x.shipping_minor + x.shipping_tax_minor, x.owed_without_refund_minor,
        )
        for x in found
    ]  # fmt: skip


def _ledger(session: Session, rma: str) -> list[LedgerEntry]:
    posting = tables.Posting
    rows = session.exec(
        select(posting).where(posting.rma == rma).order_by(col(posting.at), posting.entry, col(posting.amount_minor).desc())
    ).all()  # fmt: skip
    entries: dict[tuple[str, str], list[tables.Posting]] = defaultdict(list)
    for row in rows:
        entries[row.entry, row.currency].append(row)
    return [
        LedgerEntry(entry, rows[0].at, currency, [(row.account, row.amount_minor) for row in rows])
        for (entry, currency), rows in entries.items()
    ]


def _happenings(session: Session, row: tables.Return) -> list[Happening]:
    record, notice = tables.AuditRecord, tables.Notice
    chain = session.exec(select(record).where(record.rma == row.rma).order_by(col(record.seq))).all()
    words = _words(session, chain)
    found = [
        Happening(r.seq, r.at, r.what, r.actor_id, r.role, r.policy_version, r.key,
                  {name: value for name, value in r.details.items() if value is not None},
                  words if r.what in _READ else {})
        for r in chain
    ]  # fmt: skip
    sent = session.exec(select(notice).where(notice.rma == row.rma).order_by(col(notice.number)))
    found += [
        Happening(None, n.settled_at, "mailed", "notices", "system", row.policy_version, "",
                  {"notice": n.kind, "result": n.result, "attempts": n.attempts})
        for n in sent
        if n.settled_at is not None
    ]  # fmt: skip
    return sorted(found, key=lambda one: one.at)


_READ = AMONG_OURSELVES | {"paid_by_hand"}
"""Whose words are finance's to read: between colleagues, and its own of a payment, with the reference it is found by."""


def _words(session: Session, chain: Sequence[tables.AuditRecord]) -> dict[str, str]:
    ids = {r.details.get(name) for r in chain if r.what in _READ for name in ("note", "reference")} - {None}
    text = tables.Text
    return dict(session.exec(select(text.id, text.body).where(col(text.id).in_(ids))).all()) if ids else {}
