"""A hundred thousand returns as a shop has them after a year: most are over, a fifth wait at some stage.

Each return is whole: order, payment, contact, lots, clocks, commands, audit chain, decision, refunds, ledger, mails and
tasks agree with each other and with its stage. The same number gives the same returns.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fractions import Fraction
from functools import lru_cache
from typing import Any

from benchmarks.bulk import Loader
from returndesk.domain.attainment import ended
from returndesk.domain.audit import START, Entry
from returndesk.domain.calendar import BusinessCalendar
from returndesk.domain.clock import PROCESSING, REFUND, Clock
from returndesk.domain.next_steps import AWAITING_CUSTOMER, NEXT_STEP
from returndesk.domain.refund_books import Instants
from returndesk.domain.rma import allot
from returndesk.store import tables
from returndesk.store.finding import keys_of
from returndesk.store.policies import PolicyInForce

MIX = {
    # how far it has come: of a thousand
    "requested": 20, "asked": 10, "authorized": 85, "received": 28, "inspected": 17, "approval": 5, "settling": 35,
    "closed": 700, "rejected": 40, "declined": 20, "expired": 25, "cancelled": 15,
}  # fmt: skip
OVER = ("closed", "rejected", "declined", "expired", "cancelled")
_DWELL_DAYS = {
    "requested": 3, "asked": 6, "authorized": 20, "received": 3, "inspected": 3, "approval": 2, "settling": 5,
}  # fmt: skip
_CURRENCIES = (("GBP", 85), ("EUR", 12), ("JPY", 3))
_REASONS = ("too_small", "too_large", "not_as_described", "changed_mind", "faulty")
_FAILURES = ("expired_or_canceled_card", "lost_or_stolen_card", "declined", "insufficient_funds", "unknown")
_CHANNELS = ("email", "phone", "online", "chat", "social", "in_store")
_NAMES = ("Maud Ellery", "Tom Ashby", "Ines Calder", "Noor Haddad", "Rhys Penn", "Greta Lund", "Oona Byrne")
_SHORT = timedelta(seconds=2)
_DAY, _HOUR, _MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)


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


class Shop:
    """Makes up returns, one after the other, and hands them to a loader."""

    def __init__(self, loader: Loader, rules: PolicyInForce, now: datetime, *, returns: int) -> None:
        self._loader = loader
        self._rules = rules
        self._calendar = rules.calendar
        self._version = rules.policy.version
        self._now = now.replace(microsecond=0)
        self._random = random.Random(7)
        self._returns = returns
        self._rmas: set[str] = set()
        self._due = lru_cache(maxsize=100_000)(_due_of(rules.calendar))

    def fill(self) -> Iterator[str]:
        """Make them up and load them; the RMA of each."""
        customers = max(self._returns * 6 // 10, 1)
        for number in range(customers):
            name, phone = self._random.choice(_NAMES), f"+4479{number:08}"
            self._loader.add(tables.Customer, {
                "id": f"cus_{number}", "reference": f"C-{number}", "name": name, "address": ["1 Road", "Leeds"],
                "email": f"{name.split()[0].lower()}.{number}@shop.example", "phone": phone, **keys_of(name, phone),
            })  # fmt: skip
        kinds, weights = list(MIX), list(MIX.values())
        for number in range(self._returns):
            kind = self._random.choices(kinds, weights)[0]
            yield self._one(number, kind, f"cus_{self._random.randrange(customers)}")
            self._loader.flush_if_many()
        self._loader.flush()

    # One return -----------------------------------------------------------------------------------

    def _one(self, number: int, kind: str, customer: str) -> str:
        r = self._random
        steps = {
            "authorize": _MINUTE * r.randrange(0, 360), "ship": _HOUR * r.randrange(20, 120),
            "arrive": _HOUR * r.randrange(20, 90),
            "inspect": _HOUR * (r.randrange(2, 40) if r.random() < 0.95 else r.randrange(150, 250)),
            "decide": timedelta() if r.random() < 0.8 else _HOUR * r.randrange(1, 30),
        }  # fmt: skip
        reached = {
            "requested": (), "asked": (), "declined": (), "authorized": ("authorize",), "expired": ("authorize",),
            "cancelled": ("authorize",), "received": ("authorize", "ship", "arrive"),
            "inspected": ("authorize", "ship", "arrive", "inspect"),
        }.get(kind, tuple(steps))  # fmt: skip
        took = sum((steps[name] for name in reached), timedelta()) + _HOUR
        if kind == "expired":
            took += 28 * _DAY
        dwell = _DWELL_DAYS.get(kind)
        idle = _MINUTE * (r.randrange(dwell * 1440) if dwell else r.randrange(8 * 1440, 365 * 1440))
        contacted_at = self._on_the_hour(self._now - took - idle)
        life = self._begin(number, customer, contacted_at)
        getattr(self, f"_{kind}")(life, steps)
        self._end(life)
        return life.rma

    def _on_the_hour(self, at: datetime) -> datetime:
        """People write at all times, on the hour: so few deadlines differ that counting them is quick."""
        return at.replace(minute=0, second=0)

    def _begin(self, number: int, customer: str, at: datetime) -> Life:
        r, add = self._random, self._loader.add
        rma = allot(r)
        while rma in self._rmas:
            rma = allot(r)
        self._rmas.add(rma)
        currency = r.choices([c for c, _ in _CURRENCIES], [w for _, w in _CURRENCIES])[0]
        order, quantity, price = f"DA-{100_000 + number}", r.randrange(1, 4), r.randrange(900, 30_000)
        worth = price * quantity
        ordered_at = at - _DAY * r.randrange(4, 25)
        add(tables.Order, {
            "reference": order, "customer_id": customer, "currency": currency, "ordered_at": ordered_at,
            "delivered_on": (ordered_at + 3 * _DAY).date(), "tax_included": True, "shipping_minor": 395,
            "shipping_tax_minor": 0, "input_hash": "seeded", "recorded_at": ordered_at,
        })  # fmt: skip
        contact = f"con_{number}"
        channel = r.choice(_CHANNELS)
        add(tables.Contact, {
            "id": contact, "order_reference": order, "rma": rma, "channel": channel, "contacted_at": at, "recorded_at": at,
            "actor_id": f"rep-{number % 9}",
        })  # fmt: skip
        life = Life(rma, at, self._version, {
            "rma": rma, "order_reference": order, "contact_id": contact, "policy_version": self._version,
            "stage": "requested", "channel": channel, "resolution": "refund", "currency": currency, "contacted_at": at,
            "recorded_at": at, "number": number, "quantity": quantity, "worth": worth, "price": price, "reason": r.choice(_REASONS),
        })  # fmt: skip
        for clock, days in ((PROCESSING, 5), (REFUND, 7)):
            life.clocks[clock] = Clock(clock, Fraction(days)).start(at)
        self._record(life, "requested", f"rep-{number % 9}", "rep", "request", order=order, contact=contact,
                     channel=channel, items=[[1, quantity, life.row["reason"]]])  # fmt: skip
        self._mail(life, "requested", processing_due_at=self._due(at, 5).isoformat())
        return life

    def _authorize(self, life: Life, took: timedelta) -> None:
        at = life.after(took)
        life.row |= {
            "stage": "authorized",
            "authorized_at": at,
            "expires_at": at + 28 * _DAY,
            "reminder_at": at + 14 * _DAY,
        }
        self._record(
            life, "authorized", self._rep(life), "rep", "authorization", send_by=(at + 28 * _DAY).isoformat()
        )
        self._pause(life, "goods_in_transit")
        self._mail(life, "authorized", send_by=(at + 28 * _DAY).isoformat())

    def _receive(self, life: Life, steps: dict[str, timedelta]) -> None:
        self._authorize(life, steps["authorize"])
        sent_at = life.after(steps["ship"])
        life.row["sent_at"] = sent_at
        self._record(life, "shipped", self._rep(life), "rep", "shipment", items=[[1, life.row["quantity"]]])
        at = life.after(steps["arrive"])
        life.row |= {"stage": "received", "received_at": at, "reminder_at": None}
        life.waited = at - life.row["authorized_at"]
        self._record(
            life, "received", "warehouse-1", "warehouse", "receipts", items=[[1, life.row["quantity"]]]
        )
        for kind, clock in life.clocks.items():
            life.clocks[kind] = clock.resume(at, "goods_in_transit", "warehouse-1")
        self._mail(life, "received", processing_due_at=None)

    def _inspect(self, life: Life, steps: dict[str, timedelta], condition: str = "original") -> None:
        self._receive(life, steps)
        at = life.after(steps["inspect"])
        life.row |= {"stage": "inspected", "inspected_at": at, "condition": condition}
        self._record(life, "inspected", "warehouse-1", "warehouse", "inspections",
                     items=[[1, life.row["quantity"], condition, "original", None]])  # fmt: skip

    def _decide(self, life: Life, steps: dict[str, timedelta], verdict: str) -> None:
        at = life.after(steps["decide"])
        accepted = verdict == "accepted"
        total = life.row["worth"] if accepted else 0
        by = "rules" if not steps["decide"] else self._rep(life)
        self._breach(life, PROCESSING)
        life.row |= {
            "decided_at": at, "decisions": 1, "goods_minor": total, "verdict": verdict,
            "stage": "settling" if accepted else "closed",
        }  # fmt: skip
        self._stop(life, PROCESSING, "decided")
        self._loader.add(tables.Decision, {
            "rma": life.rma, "number": 1, "decided_at": at, "decided_by": by, "goods_minor": total,
            "lines": [[1, life.row["quantity"], total, 0]],
        })  # fmt: skip
        self._record(life, "decided", by, "system" if by == "rules" else "rep", "decision", by=by, decision=1,
                     lots=[[1, 1, life.row["quantity"], verdict, []]], total_minor=total, currency=life.row["currency"])  # fmt: skip
        self._loader.add(tables.DispositionChange, {
            "rma": life.rma, "lot": 1, "seq": len(life.audit), "disposition": "restock" if accepted else "return_to_customer",
            "at": at, "actor_id": by,
        })  # fmt: skip
        if accepted:
            self._post(life, f"granted:{life.rma}:1", {"goods_returned": total, "owed_to_customers": -total})

    # How far it has come --------------------------------------------------------------------------

    def _requested(self, life: Life, steps: dict[str, timedelta]) -> None:  # noqa: ARG002
        self._breach_by_now(life)

    def _asked(self, life: Life, steps: dict[str, timedelta]) -> None:
        at = life.after(steps["authorize"])
        life.row["awaiting_answer_since"] = at
        self._record(life, "asked", self._rep(life), "rep", "question")
        self._pause(life, "awaiting_answer")
        self._mail(life, "question")

    def _authorized(self, life: Life, steps: dict[str, timedelta]) -> None:
        self._authorize(life, steps["authorize"])

    def _received(self, life: Life, steps: dict[str, timedelta]) -> None:
        self._receive(life, steps)
        self._breach_by_now(life)

    def _inspected(self, life: Life, steps: dict[str, timedelta]) -> None:
        self._inspect(life, steps, "opened")
        self._breach_by_now(life)

    def _approval(self, life: Life, steps: dict[str, timedelta]) -> None:
        life.row["worth"] = max(life.row["worth"], 50_100)
        self._inspect(life, steps)
        self._decide(life, steps, "accepted")
        life.row |= {"stage": "decided", "awaiting_approval": True}
        self._record(life, "approval_asked", "rules", "system", "decision", above_minor=50_000)
        self._refund(life, 1, "requested")

    def _settling(self, life: Life, steps: dict[str, timedelta]) -> None:
        self._inspect(life, steps)
        self._decide(life, steps, "accepted")
        self._mail(life, "accepted", refund_due_at=self._due(life.row["contacted_at"], 7).isoformat())
        status = self._random.choices(
            ("pending", "failed", "requires_action", "unknown", "requested"), (60, 15, 5, 5, 15)
        )[0]
        self._breach_by_now(life)
        self._refund(life, 1, status)

    def _closed(self, life: Life, steps: dict[str, timedelta]) -> None:
        self._inspect(life, steps)
        self._decide(life, steps, "accepted")
        self._mail(life, "accepted", refund_due_at=self._due(life.row["contacted_at"], 7).isoformat())
        if self._random.random() < 0.04:
            life.after(_HOUR * self._random.randrange(120, 300))
        self._breach(life, REFUND)
        if self._random.random() < 0.03:
            self._refund(life, 1, "failed", replaced=True)
            life.after(_DAY)
            self._record(life, "asked_again", "finance-1", "finance", "refund-again", refund=f"{life.rma}-1",
                         refunds=[f"{life.rma}-2"], amount_minor=life.row["worth"], currency=life.row["currency"])  # fmt: skip
            self._refund(life, 2, "succeeded")
        else:
            self._refund(life, 1, "succeeded")
        life.row["stage"] = "closed"

    def _rejected(self, life: Life, steps: dict[str, timedelta]) -> None:
        self._inspect(life, steps, "used")
        self._decide(life, steps, "rejected")
        self._stop(life, REFUND, "nothing_due")
        self._mail(life, "rejected")
        life.after(_DAY)
        life.row["left"] = "sent_back"
        self._record(life, "goods_left", "warehouse-1", "warehouse", "goods-back", way="sent_back", lots=[1])

    def _declined(self, life: Life, steps: dict[str, timedelta]) -> None:
        at = life.after(steps["authorize"])
        life.row |= {"stage": "declined", "declined_at": at}
        self._over(life, "declined", self._rep(life), "rep", reasons=["window_passed"])
        self._mail(life, "rejected")

    def _expired(self, life: Life, steps: dict[str, timedelta]) -> None:
        self._authorize(life, steps["authorize"])
        at = life.after(28 * _DAY)
        life.row |= {"stage": "expired", "expired_at": at}
        self._over(life, "expired", "clock", "system")
        self._mail(life, "expired")

    def _cancelled(self, life: Life, steps: dict[str, timedelta]) -> None:
        self._authorize(life, steps["authorize"])
        at = life.after(_HOUR)
        life.row |= {"stage": "cancelled", "cancelled_at": at}
        self._over(life, "cancelled", self._rep(life), "rep")
        self._mail(life, "cancelled")

    # What is written on the way -------------------------------------------------------------------

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
            "written_at": life.at, "due_at": life.at, "attempts": 1, "result": "accepted", "settled_at": life.at + _SHORT,
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
        if life.at - life.row["contacted_at"] - life.waited < 4 * _DAY:
            return  # five business days take longer, and a calendar costs
        clock = life.clocks[kind]
        due_at = clock.due_at(self._calendar)
        if due_at is None or due_at > life.at:
            return
        life.clocks[kind] = clock.breach(max(due_at, clock.events[-1].at), "due", "refunds")
        at, life.at = life.at, due_at
        self._record(life, "breached", "clock", "system", "breach", clock=kind, due=due_at.isoformat(),
                     new_date=(due_at + _DAY).isoformat(), stood_in="refunds", hours_waiting_for_customer="0.00",
                     on_hold_since=None)  # fmt: skip
        self._mail(life, "delay", clock=kind, new_date=(due_at + _DAY).isoformat())
        life.at = at

    def _refund(self, life: Life, number: int, status: str, *, replaced: bool = False) -> None:
        r, row = self._random, life.row
        refund, amount, decided_at = f"{life.rma}-{number}", row["worth"], life.at
        asked_at = submitted_at = credited_at = failed_at = None
        reason = None
        if status == "requires_action":
            asked_at = life.after(_SHORT)
            self._said(life, refund, status)
            life.clocks[REFUND] = life.clocks[REFUND].pause(asked_at, "refund_details", "customer")
            self._mail(life, "refund_needs_you")
        if status in ("pending", "succeeded"):
            submitted_at = life.after(_SHORT)
            self._said(life, refund, "pending")
            self._stop(life, REFUND, "refund_submitted")
            self._mail(life, "refund_on_its_way")
        if status == "succeeded":
            credited_at = life.after(_SHORT if r.random() < 0.7 else _HOUR * r.randrange(5, 100))
            self._said(life, refund, "succeeded")
            self._post(life, f"refunded:{refund}", {"owed_to_customers": amount, "processor": -amount})
            self._mail(life, "refunded")
        if status == "failed":
            failed_at, reason = life.after(_HOUR), r.choice(_FAILURES)
            self._said(life, refund, "failed", reason)
            self._mail(life, "refund_failed", new_date=(life.at + _DAY).isoformat())
            self._task(
                life,
                "refunds",
                f"failed_{refund}",
                "finance",
                life.at + _DAY,
                done_at=life.at + _DAY if replaced else None,
            )
        instants = Instants(
            decided_at, submitted_at, credited_at, failed_at, life.at + _DAY if replaced else None
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
            "needs_action_since": asked_at, "action_expires_at": None if asked_at is None else asked_at + 45 * _DAY,
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
                "due_at": dues[kind], "warn_at": None if (due := dues[kind]) is None else due - _DAY,
                "breached_at": breach, "ended": ended(clock),
            })  # fmt: skip
            if breach is not None:
                self._task(
                    life,
                    "late",
                    f"breach_{kind}",
                    "manager",
                    breach + _DAY,
                    done_at=last_at if is_over else None,
                )
        for record in life.audit:
            add(tables.AuditRecord, record)
        self._next_step(life, min(running, default=last_at + _DAY), last_at if is_over else None)

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
