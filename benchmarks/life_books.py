"""What a made-up return leaves in the books while it goes on: records, mails, clocks, refunds, postings, tasks."""

import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fractions import Fraction
from functools import lru_cache
from typing import Any

from benchmarks.bulk import Loader
from returndesk.domain.attainment import ended
from returndesk.domain.audit import START, Entry
from returndesk.domain.calendar import BusinessCalendar
from returndesk.domain.clock import REFUND, Clock
from returndesk.domain.next_steps import AWAITING_CUSTOMER, NEXT_STEP
from returndesk.domain.refund_books import Instants
from returndesk.store import tables
from returndesk.store.policies import PolicyInForce

OVER = ("closed", "rejected", "declined", "expired", "cancelled")
_FAILURES = ("expired_or_canceled_card", "lost_or_stolen_card", "declined", "insufficient_funds", "unknown")
SHORT = timedelta(seconds=2)
DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)


@dataclass
class Life:
    """One return while it is made up: what it is now, and everything written of it so far."""

    rma: str
    at: datetime
    policy: str
    row: dict[str, Any]
    audit: list[dict[str, Any]] = field(default_factory=list)
    head: str = START
    notices: int = 0
    waited: timedelta = timedelta()
    clocks: dict[str, Clock] = field(default_factory=dict)

    def after(self, by: timedelta) -> datetime:
        """Let time pass."""
        self.at += by
        return self.at


class Books:
    """Writes down what happens to lives, and hands it to a loader. Its dice are the same for the same shop."""

    def __init__(self, loader: Loader, rules: PolicyInForce, now: datetime) -> None:
        self._loader = loader
        self._calendar = rules.calendar
        self._now = now.replace(microsecond=0)
        self._random = random.Random(7)
        self._due = lru_cache(maxsize=100_000)(_due_of(rules.calendar))

    def _over(self, life: Life, what: str, actor: str, role: str, **details: Any) -> None:
        for kind in life.clocks:
            self._stop(life, kind, what)
        self._record(life, what, actor, role, what, **details)

    def _rep(self, life: Life) -> str:
        return f"rep-{life.row['number'] % 9}"

    def _record(self, life: Life, what: str, actor: str, role: str, kind: str, **details: Any) -> None:
        key = f"cmd_{life.row['number']}_{len(life.audit)}"
        entry = Entry(life.rma, len(life.audit) + 1, life.at, actor, role, what, key, life.policy, details)
        life.head = entry.hash_after(life.head)
        life.audit.append({**vars(entry), "hash": life.head})
        if role in ("rep", "warehouse", "finance"):
            self._loader.add(tables.Command, {
                "id": key, "rma": life.rma, "kind": kind, "actor_id": actor, "role": role, "policy_version": life.policy,
                "idempotency_key": f"key-{key}", "input_hash": "seeded", "input": {}, "recorded_at": life.at,
                "outcome": {"accepted": True, "stage": life.row["stage"], "code": "", "reasons": [], "sentence": ""},
                "stamped_at": life.at,
            })  # fmt: skip

    def _mail(self, life: Life, kind: str, **facts: Any) -> None:
        life.notices += 1
        self._loader.add(tables.Notice, {
            "rma": life.rma, "number": life.notices, "kind": kind, "facts": {"rma": life.rma, **facts},
            "written_at": life.at, "due_at": life.at, "attempts": 1, "result": "accepted", "settled_at": life.at + SHORT,
        })  # fmt: skip

    def _pause(self, life: Life, reason: str) -> None:
        for kind, clock in life.clocks.items():
            life.clocks[kind] = clock.pause(life.at, reason, "customer")

    def _stop(self, life: Life, kind: str, reason: str) -> None:
        life.clocks[kind] = life.clocks[kind].stop(life.at, reason, "rules")

    def _breach_by_now(self, life: Life) -> None:
        """What waits is late where its time is up by now."""
        written_at = life.at
        life.at = self._now
        for kind in life.clocks:
            self._breach(life, kind)
        life.at = max(
            (clock.events[-1].at for clock in life.clocks.values() if clock.breached), default=written_at
        )

    def _breach(self, life: Life, kind: str) -> None:
        """Where its time is up before this moment, the clock says so, and the customer heard of it."""
        if life.at - life.row["contacted_at"] - life.waited < 4 * DAY:
            return  # five business days take longer, and a calendar costs
        clock = life.clocks[kind]
        due_at = clock.due_at(self._calendar)
        if due_at is None or due_at > life.at:
            return
        life.clocks[kind] = clock.breach(max(due_at, clock.events[-1].at), "due", "refunds")
        at, life.at = life.at, due_at
        self._record(life, "breached", "clock", "system", "breach", clock=kind, due=due_at.isoformat(),
                     new_date=(due_at + DAY).isoformat(), stood_in="refunds", hours_waiting_for_customer="0.00",
                     on_hold_since=None)  # fmt: skip
        self._mail(life, "delay", clock=kind, new_date=(due_at + DAY).isoformat())
        life.at = at

    def _refund(self, life: Life, number: int, status: str, *, replaced: bool = False) -> None:
        r, row = self._random, life.row
        refund, amount, decided_at = f"{life.rma}-{number}", row["worth"], life.at
        asked_at = submitted_at = credited_at = failed_at = None
        reason = None
        if status == "requires_action":
            asked_at = life.after(SHORT)
            self._said(life, refund, status)
            life.clocks[REFUND] = life.clocks[REFUND].pause(asked_at, "refund_details", "customer")
            self._mail(life, "refund_needs_you")
        if status in ("pending", "succeeded"):
            submitted_at = life.after(SHORT)
            self._said(life, refund, "pending")
            self._stop(life, REFUND, "refund_submitted")
            self._mail(life, "refund_on_its_way")
        if status == "succeeded":
            credited_at = life.after(SHORT if r.random() < 0.7 else HOUR * r.randrange(5, 100))
            self._said(life, refund, "succeeded")
            self._post(life, f"refunded:{refund}", {"owed_to_customers": amount, "processor": -amount})
            self._mail(life, "refunded")
        if status == "unknown":
            self._said(life, refund, status)
        if status == "failed":
            failed_at, reason = life.after(HOUR), r.choice(_FAILURES)
            self._said(life, refund, "failed", reason)
            self._mail(life, "refund_failed", new_date=(life.at + DAY).isoformat())
            self._task(
                life,
                "refunds",
                f"failed_{refund}",
                "finance",
                life.at + DAY,
                done_at=life.at + DAY if replaced else None,
            )
        instants = Instants(
            decided_at, submitted_at, credited_at, failed_at, life.at + DAY if replaced else None
        )
        if status != "failed":
            row["refunded" if status == "succeeded" else "reserved"] = amount
        breaches = [e.at for e in life.clocks[REFUND].events if e.kind == "breached"]
        self._loader.add(tables.Refund, {
            "id": refund, "rma": life.rma, "decision": 1, "payment_id": f"pay_{row['number']}", "amount_minor": amount,
            "currency": row["currency"], "status": status, "failure_reason": reason, "key_number": 1, "looks": 0,
            "parameters_hash": "seeded", "first_sent_at": submitted_at or failed_at, "last_sent_at": submitted_at or failed_at,
            "processor_reference": f"re_{row['number']}_{number}" if submitted_at or failed_at else None,
            "bank_reference": f"7{row['number']:09}{number}" if credited_at else None, "decided_at": decided_at,
            "needs_action_since": asked_at, "action_expires_at": None if asked_at is None else asked_at + 45 * DAY,
            "submitted_at": submitted_at, "credited_at": credited_at, "failed_at": failed_at,
            "replaced_by": f"{life.rma}-2" if replaced else None, "replaced_at": instants.replaced_at,
            "late_at": instants.late_since(breaches[0] if breaches else None),
        })  # fmt: skip

    def _said(self, life: Life, refund: str, status: str, reason: str | None = None) -> None:
        self._record(life, f"refund_{status}", "processor", "system", "refund_answered", refund=refund,
                     amount_minor=life.row["worth"], currency=life.row["currency"], processor_reference=None, reason=reason)  # fmt: skip

    def _post(self, life: Life, entry: str, postings: dict[str, int]) -> None:
        for account, minor in postings.items():
            self._loader.add(tables.Posting, {
                "entry": entry, "account": account, "rma": life.rma, "currency": life.row["currency"], "amount_minor": minor,
                "at": life.at,
            })  # fmt: skip

    def _task(
        self,
        life: Life,
        queue: str,
        kind: str,
        owner: str,
        due_at: datetime,
        *,
        done_at: datetime | None = None,
    ) -> None:
        self._loader.add(tables.Task, {
            "id": f"{life.rma}/{kind}", "rma": life.rma, "queue": queue, "kind": kind, "owner_role": owner, "details": {},
            "created_at": life.at, "due_at": due_at, "done_at": done_at, "done_by": "finance-1" if done_at else None,
        })  # fmt: skip

    # The end --------------------------------------------------------------------------------------

    def _end(self, life: Life) -> None:
        row, add = life.row, self._loader.add
        is_over = row["stage"] in OVER
        dues = {kind: clock.due_at(self._calendar) for kind, clock in life.clocks.items()}
        running = [due for due in dues.values() if due is not None]
        last_at = max(life.at, *(record["at"] for record in life.audit))
        add(tables.Return, {
            **row, "last_at": last_at, "ended_at": last_at if is_over else None, "notice_count": life.notices,
            "audit_count": len(life.audit), "audit_head": life.head, "next_due_at": min(running, default=None),
            "processing_due_at": self._due(row["contacted_at"], 5), "refund_due_at": self._due(row["contacted_at"], 7),
        })  # fmt: skip
        self._load_order(row)
        self._load_lot(life, is_over)
        for kind, clock in life.clocks.items():
            breach = next((e.at for e in clock.events if e.kind == "breached"), None)
            add(tables.Clock, {
                "rma": life.rma, "kind": kind, "unit": clock.unit, "allotment": int(clock.allotment),
                "events": [[e.kind, e.at.isoformat(), e.reason, e.owner] for e in clock.events],
                "due_at": dues[kind], "warn_at": None if (due := dues[kind]) is None else due - DAY,
                "breached_at": breach, "ended": ended(clock),
            })  # fmt: skip
            if breach is not None:
                self._task(
                    life,
                    "late",
                    f"breach_{kind}",
                    "manager",
                    breach + DAY,
                    done_at=last_at if is_over else None,
                )
        for record in life.audit:
            add(tables.AuditRecord, record)
        self._next_step(life, min(running, default=last_at + DAY), last_at if is_over else None)

    def _load_order(self, row: dict[str, Any]) -> None:
        """What was sold and paid, with what this return has of it."""
        is_granted = row.get("verdict") == "accepted"
        is_claimed = row["stage"] not in OVER or is_granted
        for line, units in enumerate((row["quantity"], 1), start=1):
            sku, worth = f"S-{(row['number'] * 7 + line) % 400}", row["price"] * units
            mine = row["worth"] if line == 1 and is_granted else 0
            self._loader.add(tables.OrderLine, {
                "order_reference": row["order_reference"], "line": line, "sku": sku, "title": f"Dress {sku}",
                "quantity": units, "price_minor": max(worth, mine), "claimed": units if line == 1 and is_claimed else 0,
                "granted": units if mine else 0, "granted_minor": mine,
            })  # fmt: skip
        self._loader.add(tables.Payment, {
            "id": f"pay_{row['number']}", "order_reference": row["order_reference"], "processor": "stripe",
            "reference": f"pi_{row['number']}", "label": "Visa ending 4242", "currency": row["currency"],
            "captured_minor": row["worth"] + row["price"] + 395, "refunded_minor": row.get("refunded"),
            "reserved_minor": row.get("reserved"),
        })  # fmt: skip

    def _load_lot(self, life: Life, is_over: bool) -> None:
        row = life.row
        here = row.get("received_at") is not None
        acceptance = row.get("verdict", "pending")
        if acceptance == "pending" and row.get("condition") == "opened":
            acceptance = "manual_review"
        reception = (
            "received"
            if here
            else {"expired": "expired", "cancelled": "cancelled", "declined": "cancelled"}.get(
                row["stage"], "awaiting"
            )
        )
        self._loader.add(tables.Lot, {
            "rma": life.rma, "number": 1, "line": 1, "quantity": row["quantity"], "reason": row["reason"],
            "reception": reception, "condition": row.get("condition"),
            "packaging": "original" if row.get("condition") else None, "acceptance": acceptance,
            "disposition": {"accepted": "restock", "rejected": "return_to_customer"}.get(acceptance) if is_over else None,
            "decision": 1 if row.get("decisions") else None, "left": row.get("left"),
        })  # fmt: skip

    def _next_step(self, life: Life, due_at: datetime, done_at: datetime | None) -> None:
        stage = life.row["stage"]
        step = NEXT_STEP.get(stage)
        if life.row.get("awaiting_answer_since"):
            step = AWAITING_CUSTOMER
        if step is not None and step.due == "expiry":
            due_at = life.row["expires_at"]
        self._loader.add(tables.Task, {
            "id": f"{life.rma}/next", "rma": life.rma, "queue": step.queue if step else "refunds", "kind": stage,
            "owner_role": step.owner if step else "finance", "details": {}, "created_at": life.row["contacted_at"],
            "due_at": due_at, "done_at": done_at, "done_by": "rules" if done_at else None,
        })  # fmt: skip


def _due_of(calendar: BusinessCalendar) -> Any:
    """When so many days are used up from an instant on."""
    return lambda at, days: calendar.add(at, Fraction(days))
