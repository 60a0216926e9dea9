"""Every table. Personal data lives in `customers`, `texts` and `attachments`, and nowhere else.

Amounts are integer minor units (`_minor`), instants UTC (`_at`). Counters that guard money and units are
changed only by conditional UPDATEs on the row itself (DESIGN 5); the CHECKs stand behind them.
"""

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, CheckConstraint, Index, MetaData, String, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from returndesk.store.types import UtcInstant

SQLModel.metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
metadata: MetaData = SQLModel.metadata

# None is NULL: as JSON's own null it would be a value that COALESCE keeps.
Json = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")


def _at(*, index: bool = False) -> Any:
    return Field(sa_type=UtcInstant, index=index)


def _maybe_at(*, index: bool = False) -> Any:
    return Field(default=None, sa_type=UtcInstant, nullable=True, index=index)


def _found_by() -> Any:
    """Searched by its beginning: in the order of its characters, so that an index answers that everywhere."""
    in_order = String().with_variant(String(collation="C"), "postgresql")
    return Field(default=None, sa_type=in_order, nullable=True, index=True)


def _minor(default: int = 0) -> Any:
    return Field(default=default, sa_type=BigInteger)


def _json() -> Any:
    return Field(default_factory=dict, sa_type=Json)


def _codes() -> Any:
    return Field(default_factory=list, sa_type=Json)


def _few(name: str, where: str, *more: str) -> Index:
    """The few refunds that a list is about, in the order of their decision; with what is summed of them."""
    return Index(name, "decided_at", "id", *more, postgresql_where=text(where), sqlite_where=text(where))


def _to(column: str, *, index: bool = False) -> Any:
    return Field(foreign_key=column, index=index)


class Customer(SQLModel, table=True):
    """A person the shop sold to. Personal data. The keys are what somebody is found by (`store/finding.py`)."""

    __tablename__ = "customers"
    id: str = Field(primary_key=True)
    reference: str | None = Field(default=None, unique=True)
    name: str
    email: str = Field(index=True)
    phone: str | None = None
    address: list[str] = _codes()
    phone_key: str | None = Field(default=None, index=True)
    name_key: str | None = _found_by()
    second_name_key: str | None = _found_by()
    last_name_key: str | None = _found_by()


class Order(SQLModel, table=True):
    """What was sold. `shipping_granted` guards that delivery is given back once; `end_key` is what it is found by."""

    __tablename__ = "orders"
    reference: str = Field(primary_key=True)
    customer_id: str = _to("customers.id", index=True)
    currency: str
    ordered_at: datetime = _at(index=True)
    delivered_on: date | None = None
    tax_included: bool = True
    shipping_minor: int = _minor()
    shipping_tax_minor: int = _minor()
    shipping_granted: bool = False
    input_hash: str
    recorded_at: datetime = _at()
    end_key: str | None = _found_by()


class OrderLine(SQLModel, table=True):
    """A line as it was sold. `claimed` units belong to a return, `granted` ones were given back, for so much."""

    __tablename__ = "order_lines"
    __table_args__ = (
        CheckConstraint("quantity > 0", name="quantity"),
        CheckConstraint("claimed >= 0 AND claimed <= quantity", name="claimed"),
        CheckConstraint("granted >= 0 AND granted <= claimed", name="granted"),
        CheckConstraint("price_minor >= 0 AND discount_minor >= 0 AND tax_minor >= 0", name="amounts"),
        CheckConstraint(
            "granted_minor >= 0 AND granted_minor <= price_minor - discount_minor"
            " AND granted_tax_minor >= 0 AND granted_tax_minor <= tax_minor",
            name="given_back",
        ),
    )
    order_reference: str = Field(primary_key=True, foreign_key="orders.reference")
    line: int = Field(primary_key=True)
    sku: str
    title: str
    quantity: int
    price_minor: int = _minor()
    discount_minor: int = _minor()
    tax_minor: int = _minor()
    final_sale: bool = False
    claimed: int = 0
    granted: int = 0
    granted_minor: int = _minor()
    granted_tax_minor: int = _minor()


class Payment(SQLModel, table=True):
    """Money the processor captured for an order, and everything that has left it again."""

    __tablename__ = "payments"
    __table_args__ = (
        CheckConstraint("captured_minor >= 0", name="captured"),
        CheckConstraint("reserved_minor >= 0 AND refunded_minor >= 0", name="ours"),
        CheckConstraint("reserved_minor + refunded_minor <= captured_minor", name="cap"),
        CheckConstraint("external_minor >= 0 AND disputed_minor >= 0", name="others"),
    )
    id: str = Field(primary_key=True)
    order_reference: str = _to("orders.reference", index=True)
    processor: str
    reference: str = Field(unique=True)
    label: str | None = None
    currency: str
    captured_minor: int = _minor()
    reserved_minor: int = _minor()
    refunded_minor: int = _minor()
    external_minor: int = _minor()
    disputed_minor: int = _minor()


class Contact(SQLModel, table=True):
    """One inbound message or visit of a customer."""

    __tablename__ = "contacts"
    id: str = Field(primary_key=True)
    order_reference: str | None = Field(default=None, index=True)
    rma: str | None = Field(default=None, index=True)
    channel: str
    contacted_at: datetime = _at()
    recorded_at: datetime = _at()
    actor_id: str


class Text(SQLModel, table=True):
    """Something a person wrote. Personal data; never changed, referred to by id."""

    __tablename__ = "texts"
    id: str = Field(primary_key=True)
    body: str
    actor_id: str
    recorded_at: datetime = _at()


class Attachment(SQLModel, table=True):
    """A photo. Personal data; never changed. The bytes lie with `Files`, under `key`; `sha256` is theirs."""

    __tablename__ = "attachments"
    __table_args__ = (UniqueConstraint("actor_id", "idempotency_key"),)
    id: str = Field(primary_key=True)
    rma: str = _to("returns.rma", index=True)
    key: str = Field(unique=True)
    media_type: str
    size_bytes: int
    sha256: str
    actor_id: str
    idempotency_key: str
    input_hash: str
    recorded_at: datetime = _at()


class Policy(SQLModel, table=True):
    """A policy file as it was read: cases keep theirs."""

    __tablename__ = "policies"
    version: str = Field(primary_key=True)
    body: str
    recorded_at: datetime = _at()


class Return(SQLModel, table=True):
    """The case. `stage` is derived; only a transition writes this row."""

    __tablename__ = "returns"
    __table_args__ = (
        Index(
            "ix_returns_open_due",
            "next_due_at",
            postgresql_where=text("ended_at IS NULL"),
            sqlite_where=text("ended_at IS NULL"),
        ),
        Index(
            "ix_returns_running",
            "stage",
            "next_due_at",
            "rma",
            postgresql_where=text("ended_at IS NULL AND next_due_at IS NOT NULL"),
            sqlite_where=text("ended_at IS NULL AND next_due_at IS NOT NULL"),
        ),
        Index(
            "ix_returns_waiting",
            "stage",
            "contacted_at",
            "rma",
            postgresql_where=text("ended_at IS NULL AND next_due_at IS NULL"),
            sqlite_where=text("ended_at IS NULL AND next_due_at IS NULL"),
        ),
        Index(
            "ix_returns_ended",
            "stage",
            "ended_at",
            "rma",
            postgresql_where=text("ended_at IS NOT NULL"),
            sqlite_where=text("ended_at IS NOT NULL"),
        ),
        Index("ix_returns_stage_recorded", "stage", "recorded_at"),
        Index(
            "ix_returns_on_the_way",
            "stage",
            "sent_at",
            "rma",
            postgresql_where=text("sent_at IS NOT NULL"),
            sqlite_where=text("sent_at IS NOT NULL"),
        ),
        Index("ix_returns_recorded", "recorded_at", "rma"),
        # What figures count of a return: its instants, without the return.
        Index(
            "ix_returns_way",
            "contacted_at",
            "rma",
            "order_reference",
            "authorized_at",
            "received_at",
            "inspected_at",
            "decided_at",
        ),
    )
    rma: str = Field(primary_key=True)
    order_reference: str = _to("orders.reference", index=True)
    contact_id: str = _to("contacts.id")
    policy_version: str = _to("policies.version")
    stage: str
    channel: str
    resolution: str
    currency: str
    needs_person: list[str] = _codes()
    contacted_at: datetime = _at()
    recorded_at: datetime = _at()
    authorized_at: datetime | None = _maybe_at()
    reminder_at: datetime | None = _maybe_at()
    expires_at: datetime | None = _maybe_at()
    awaiting_answer_since: datetime | None = _maybe_at()
    on_hold_since: datetime | None = _maybe_at()
    sent_at: datetime | None = _maybe_at()
    looked_for_at: datetime | None = _maybe_at()
    declined_at: datetime | None = _maybe_at()
    cancelled_at: datetime | None = _maybe_at()
    expired_at: datetime | None = _maybe_at()
    received_at: datetime | None = _maybe_at()
    inspected_at: datetime | None = _maybe_at()
    decided_at: datetime | None = _maybe_at()
    decisions: int = 0
    awaiting_approval: bool = False
    goods_back_by: datetime | None = _maybe_at()
    goods_back_late_at: datetime | None = _maybe_at()
    goods_minor: int = _minor()
    goods_tax_minor: int = _minor()
    shipping_minor: int = _minor()
    shipping_tax_minor: int = _minor()
    owed_without_refund_minor: int = _minor()
    processing_due_at: datetime | None = _maybe_at()
    refund_due_at: datetime | None = _maybe_at()
    next_due_at: datetime | None = _maybe_at()
    last_at: datetime = _at()
    ended_at: datetime | None = _maybe_at()
    notice_count: int = 0
    audit_count: int = 0
    audit_head: str = ""


class Lot(SQLModel, table=True):
    """Units that share one fate. Split by events; quantities are conserved."""

    __tablename__ = "lots"
    __table_args__ = (CheckConstraint("quantity > 0", name="quantity"),)
    rma: str = Field(primary_key=True, foreign_key="returns.rma")
    number: int = Field(primary_key=True)
    line: int | None = None
    quantity: int
    reason: str | None = None
    reception: str
    arrival: str | None = None
    condition: str | None = None
    packaging: str | None = None
    acceptance: str
    reasons: list[str] = _codes()
    disposition: str | None = None
    decision: int | None = None
    left: str | None = None
    parent: int | None = None
    photos: list[str] = _codes()


class Decision(SQLModel, table=True):
    """One verdict on the lots that were there to be decided, with what it grants. The return's row has the sums."""

    __tablename__ = "decisions"
    rma: str = Field(primary_key=True, foreign_key="returns.rma")
    number: int = Field(primary_key=True)
    decided_at: datetime = _at()
    decided_by: str
    approved_by: str | None = None
    refused_by: str | None = None
    goods_minor: int = _minor()
    goods_tax_minor: int = _minor()
    shipping_minor: int = _minor()
    shipping_tax_minor: int = _minor()
    shipping_granted: bool = False
    owed_without_refund_minor: int = _minor()
    lines: list[list[int]] = _codes()


class DispositionChange(SQLModel, table=True):
    """What became of a lot's goods, append-only."""

    __tablename__ = "dispositions"
    rma: str = Field(primary_key=True, foreign_key="returns.rma")
    lot: int = Field(primary_key=True)
    seq: int = Field(primary_key=True)
    disposition: str
    at: datetime = _at()
    actor_id: str


class Command(SQLModel, table=True):
    """What somebody asked for, written down before it is carried out.

    `outcome` is written by the transition itself, so that a repeated one answers the same; `stamped_at` when
    the return's workflow has answered, so that nothing is left to do.
    """

    __tablename__ = "commands"
    __table_args__ = (
        UniqueConstraint("actor_id", "idempotency_key"),
        Index(
            "ix_commands_unstamped",
            "rma",
            "recorded_at",
            postgresql_where=text("stamped_at IS NULL"),
            sqlite_where=text("stamped_at IS NULL"),
        ),
    )
    id: str = Field(primary_key=True)
    rma: str = Field(index=True)
    kind: str
    actor_id: str
    role: str
    policy_version: str
    idempotency_key: str
    input_hash: str
    input: dict[str, Any] = _json()
    recorded_at: datetime = _at()
    outcome: dict[str, Any] | None = Field(default=None, sa_type=Json, nullable=True)
    stamped_at: datetime | None = _maybe_at()


class Clock(SQLModel, table=True):
    """A policy deadline with its events, oldest first: `[event, at, reason, owner]`, `at` in ISO 8601.

    `ended`: how the obligation ended while the clock is stopped, kept or fell away (`domain/attainment.py`).
    """

    __tablename__ = "clocks"
    __table_args__ = (
        Index("ix_clocks_kept", "rma", "kind", "ended", "breached_at", "due_at"),
        Index(
            "ix_clocks_unbreached_due",
            "kind",
            "due_at",
            "rma",
            postgresql_where=text("due_at IS NOT NULL AND breached_at IS NULL"),
            sqlite_where=text("due_at IS NOT NULL AND breached_at IS NULL"),
        ),
        Index(
            "ix_clocks_late",
            "kind",
            "rma",
            postgresql_where=text("breached_at IS NOT NULL AND ended IS NULL"),
            sqlite_where=text("breached_at IS NOT NULL AND ended IS NULL"),
        ),
    )
    rma: str = Field(primary_key=True, foreign_key="returns.rma")
    kind: str = Field(primary_key=True)
    unit: str
    allotment: int
    events: list[list[str | None]] = _codes()
    due_at: datetime | None = _maybe_at()
    warn_at: datetime | None = _maybe_at()
    warned_at: datetime | None = _maybe_at()
    breached_at: datetime | None = _maybe_at()
    ended: str | None = None


class Refund(SQLModel, table=True):
    """One request to pay one amount back on one payment.

    `replaced_by`: of a failed one, the refund that was asked for instead, the command under which it was paid
    by hand, or `not_approved`; `replaced_at`: since when nothing of it is owed any more, later than that where a part
    was paid by hand (`rests`). `decided_at`: when the shop decided that it owes this; `asked_at`: when this refund was
    asked for, of one that stands for an earlier one or for money that no refund carried. `needs_action_since`: when the
    processor asked the customer for something without which it cannot send the money, last; `action_expires_at`: until
    when they can give it. `late_at`: when the return's refund clock ran out while this was still to be paid. Six of the
    instants say how the books stood on any day (`domain/refund_books.py`).
    """

    __tablename__ = "refunds"
    __table_args__ = (
        CheckConstraint("amount_minor > 0", name="amount"),
        Index("ix_refunds_status_decided", "status", "decided_at"),
        Index("ix_refunds_rma", "rma", "submitted_at", "credited_at", "failed_at", "replaced_at"),
        # All that says how a refund stood: lists and sums of any day are read from here alone.
        Index(
            "ix_refunds_books", "decided_at", "id", "submitted_at", "credited_at", "failed_at", "replaced_at", "late_at",
            "asked_at", "currency", "amount_minor",
        ),
        # The same by currency, so that sums need no sorting.
        Index(
            "ix_refunds_sums", "currency", "decided_at", "submitted_at", "credited_at", "failed_at", "replaced_at", "late_at",
            "asked_at", "amount_minor",
        ),
        _few(
            "ix_refunds_open", "replaced_at IS NULL AND (credited_at IS NULL OR failed_at IS NOT NULL)",
            "submitted_at", "credited_at", "failed_at", "replaced_at", "currency", "amount_minor",
        ),
        _few("ix_refunds_failed", "failed_at IS NOT NULL"),
        _few("ix_refunds_replaced", "replaced_at IS NOT NULL"),
        _few(
            "ix_refunds_late", "late_at IS NOT NULL", "submitted_at", "credited_at", "failed_at", "replaced_at", "late_at",
            "currency", "amount_minor",
        ),
    )  # fmt: skip
    id: str = Field(primary_key=True)
    rma: str = _to("returns.rma")
    decision: int = 1
    replaced_by: str | None = None
    payment_id: str = _to("payments.id", index=True)
    amount_minor: int = _minor()
    currency: str
    status: str
    failure_reason: str | None = None
    key_number: int = 1
    parameters_hash: str
    first_sent_at: datetime | None = _maybe_at()
    last_sent_at: datetime | None = _maybe_at()
    absent_at: datetime | None = _maybe_at()
    look_again_at: datetime | None = _maybe_at()
    looks: int = 0
    processor_reference: str | None = Field(default=None, index=True)
    bank_reference: str | None = Field(default=None, index=True)
    decided_at: datetime = _at()
    asked_at: datetime | None = _maybe_at()
    needs_action_since: datetime | None = _maybe_at()
    action_expires_at: datetime | None = _maybe_at()
    submitted_at: datetime | None = _maybe_at()
    credited_at: datetime | None = _maybe_at()
    failed_at: datetime | None = _maybe_at()
    replaced_at: datetime | None = _maybe_at()
    late_at: datetime | None = _maybe_at()


class Rest(SQLModel, table=True):
    """What a return owes that no refund carries, from `begun_at` until `ended_at`: so the books of any day know it.

    `refund_id`: the failed refund it is left of, after a part was paid by hand; None where no payment had the room.
    `ended_by`: the refund that was asked for instead, the command under which it or a part was paid, or `not_approved`;
    what a part leaves is a row of its own.
    """

    __tablename__ = "rests"
    __table_args__ = (
        CheckConstraint("amount_minor > 0", name="amount"),
        Index("ix_rests_begun", "begun_at", "ended_at", "refund_id", "amount_minor"),
    )
    rma: str = Field(primary_key=True, foreign_key="returns.rma")
    number: int = Field(primary_key=True)
    refund_id: str | None = Field(default=None, foreign_key="refunds.id", index=True)
    decision: int
    amount_minor: int = _minor()
    currency: str
    begun_at: datetime = _at()
    ended_at: datetime | None = _maybe_at()
    ended_by: str | None = None


class Dispute(SQLModel, table=True):
    """A dispute of a payment, as the processor last told it. The statuses are its own words."""

    __tablename__ = "disputes"
    id: str = Field(primary_key=True)
    payment_id: str = _to("payments.id", index=True)
    status: str
    amount_minor: int = _minor()
    is_refundable: bool = False
    evidence_due_at: datetime | None = _maybe_at()
    noted_at: datetime = _at()


class Posting(SQLModel, table=True):
    """One side of a ledger entry: append-only; an entry's postings sum to zero in its currency."""

    __tablename__ = "ledger"
    entry: str = Field(primary_key=True)
    account: str = Field(primary_key=True)
    rma: str = _to("returns.rma", index=True)
    currency: str
    amount_minor: int = _minor()
    at: datetime = _at(index=True)


CAUSES = "what IN ('breached', 'overridden', 'overruled', 'regraded')"
"""Records that managers look for causes in. Queries say it in these very words: only then is the index of use."""


class AuditRecord(SQLModel, table=True):
    """What happened, who did it, chained by hash per return. Ids and codes only."""

    __tablename__ = "audit"
    __table_args__ = (
        Index(
            "ix_audit_causes", "at", "rma", "seq", postgresql_where=text(CAUSES), sqlite_where=text(CAUSES)
        ),
    )
    rma: str = Field(primary_key=True, foreign_key="returns.rma")
    seq: int = Field(primary_key=True)
    at: datetime = _at()
    actor_id: str
    role: str
    what: str
    key: str
    policy_version: str
    details: dict[str, Any] = _json()
    hash: str


class AuditCheck(SQLModel, table=True):
    """A verification of every audit chain: how far it is, or what it found. `beat_at`: when it last said so."""

    __tablename__ = "audit_checks"
    __table_args__ = (Index("ix_audit_checks_started", "started_at"),)
    id: str = Field(primary_key=True)
    started_at: datetime = _at()
    started_by: str
    beat_at: datetime = _at()
    ended_at: datetime | None = _maybe_at()
    returns: int = 0
    returns_done: int = 0
    records_done: int = 0
    findings: int = 0
    first_findings: list[list[str | int | None]] = _codes()


class Notice(SQLModel, table=True):
    """One templated email of one case, waiting or sent. The rendered mail is not kept."""

    __tablename__ = "notices"
    __table_args__ = (
        Index(
            "ix_notices_waiting",
            "due_at",
            postgresql_where=text("settled_at IS NULL"),
            sqlite_where=text("settled_at IS NULL"),
        ),
    )
    rma: str = Field(primary_key=True, foreign_key="returns.rma")
    number: int = Field(primary_key=True)
    kind: str
    facts: dict[str, Any] = _json()
    written_at: datetime = _at()
    due_at: datetime = _at()
    attempts: int = 0
    result: str | None = None
    smtp_code: int | None = None
    settled_at: datetime | None = _maybe_at()


class Letter(SQLModel, table=True):
    """A mail of no case: the link by which an order's customer starts a return. It goes to the order's own address."""

    __tablename__ = "letters"
    __table_args__ = (
        Index(
            "ix_letters_waiting",
            "due_at",
            postgresql_where=text("settled_at IS NULL"),
            sqlite_where=text("settled_at IS NULL"),
        ),
        Index("ix_letters_order", "order_reference", "written_at"),
    )
    id: str = Field(primary_key=True)
    order_reference: str = _to("orders.reference")
    written_at: datetime = _at()
    due_at: datetime = _at()
    attempts: int = 0
    result: str | None = None
    smtp_code: int | None = None
    settled_at: datetime | None = _maybe_at()


class Task(SQLModel, table=True):
    """Work that waits for a person, in a named queue with an owner role and a due time.

    `taken_by`: somebody has it, since `taken_at`; that others see it is all it means.
    """

    __tablename__ = "tasks"
    __table_args__ = (
        Index(
            "ix_tasks_open_due",
            "due_at",
            "id",
            postgresql_where=text("done_at IS NULL"),
            sqlite_where=text("done_at IS NULL"),
        ),
        Index(
            "ix_tasks_open_taken",
            "taken_by",
            "due_at",
            "id",
            postgresql_where=text("done_at IS NULL"),
            sqlite_where=text("done_at IS NULL"),
        ),
        Index(
            "ix_tasks_open_owner",
            "owner_role",
            "due_at",
            "id",
            postgresql_where=text("done_at IS NULL"),
            sqlite_where=text("done_at IS NULL"),
        ),
        Index(
            "ix_tasks_open",
            "queue",
            "due_at",
            postgresql_where=text("done_at IS NULL"),
            sqlite_where=text("done_at IS NULL"),
        ),
    )
    id: str = Field(primary_key=True)
    rma: str | None = Field(default=None, foreign_key="returns.rma", index=True)
    queue: str
    kind: str
    owner_role: str
    details: dict[str, Any] = _json()
    created_at: datetime = _at()
    due_at: datetime = _at()
    taken_by: str | None = None
    taken_at: datetime | None = _maybe_at()
    done_at: datetime | None = _maybe_at()
    done_by: str | None = None


class Claim(SQLModel, table=True):
    """Who looks after an open return: a remark to colleagues, never a transition."""

    __tablename__ = "claims"
    rma: str = Field(primary_key=True, foreign_key="returns.rma")
    actor_id: str = Field(index=True)
    role: str
    since: datetime = _at()


class Presence(SQLModel, table=True):
    """Who has the page of a return open. Forgotten half a minute after the last sign."""

    __tablename__ = "presences"
    rma: str = Field(primary_key=True, foreign_key="returns.rma")
    actor_id: str = Field(primary_key=True)
    seen_at: datetime = _at(index=True)


class Note(SQLModel, table=True):
    """What one colleague leaves for the others at a return. The words are in `texts`; no customer ever reads them."""

    __tablename__ = "notes"
    __table_args__ = (UniqueConstraint("actor_id", "idempotency_key"),)
    id: str = Field(primary_key=True)
    rma: str = _to("returns.rma", index=True)
    text_id: str = _to("texts.id")
    actor_id: str
    at: datetime = _at()
    idempotency_key: str
    input_hash: str


class ProcessorEvent(SQLModel, table=True):
    """The webhook inbox: an event is stored once, acted upon only if it tells something new, stamped after."""

    __tablename__ = "processor_events"
    __table_args__ = (
        Index(
            "ix_processor_events_open",
            "received_at",
            postgresql_where=text("handled_at IS NULL"),
            sqlite_where=text("handled_at IS NULL"),
        ),
    )
    id: str = Field(primary_key=True)
    type: str
    object_reference: str
    payment_reference: str | None = None
    refund_id: str | None = None
    status: str | None = None
    amount_minor: int | None = Field(default=None, sa_type=BigInteger, nullable=True)
    bank_reference: str | None = None
    received_at: datetime = _at()
    handled_at: datetime | None = _maybe_at()
    result: str | None = None


class Token(SQLModel, table=True):
    """A bearer token: only its hash is kept."""

    __tablename__ = "tokens"
    id: str = Field(primary_key=True)
    hash: str = Field(unique=True)
    actor_id: str
    role: str
    created_at: datetime = _at()
    revoked_at: datetime | None = _maybe_at()


class User(SQLModel, table=True):
    """Somebody who signs in. The id is the actor's: no name, no address. Only the password's hash is kept."""

    __tablename__ = "users"
    id: str = Field(primary_key=True)
    role: str
    password_hash: str
    must_change: bool
    created_at: datetime = _at()
    password_changed_at: datetime = _at()
    disabled_at: datetime | None = _maybe_at()


class SignIn(SQLModel, table=True):
    """A browser in which somebody is signed in. Only hashes of its token are kept: today's and the one before.

    `replaced_at`: when today's token was first used, from where on the one before is good for a little while only.
    """

    __tablename__ = "sign_ins"
    id: str = Field(primary_key=True)
    hash: str = Field(unique=True)
    previous_hash: str | None = Field(default=None, index=True)
    user_id: str = _to("users.id", index=True)
    created_at: datetime = _at()
    seen_at: datetime = _at()
    rotated_at: datetime = _at()
    replaced_at: datetime | None = _maybe_at()
    expires_at: datetime = _at()
    revoked_at: datetime | None = _maybe_at()


class SignInAttempt(SQLModel, table=True):
    """A password that was tried, for the limits: HMACs of the account as typed and of the address. Soon deleted."""

    __tablename__ = "sign_in_attempts"
    __table_args__ = (
        Index("ix_sign_in_attempts_account", "account_hash", "at"),
        Index("ix_sign_in_attempts_address", "address_hash", "at"),
    )
    id: str = Field(primary_key=True)
    account_hash: str
    address_hash: str
    at: datetime = _at(index=True)
    succeeded: bool = False


class MovedClock(SQLModel, table=True):
    """By how much the embedded clock was moved; one row, honoured only by the embedded mode."""

    __tablename__ = "moved_clock"
    id: int = Field(primary_key=True)
    offset_us: int = Field(default=0, sa_type=BigInteger)
