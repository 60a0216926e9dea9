"""A hundred thousand returns as a shop has them after a year: most are over, a fifth wait at some stage.

Each return is whole: order, payment, contact, lots, clocks, commands, audit chain, decision, refunds, ledger, mails and
tasks agree with each other and with its stage. The same number gives the same returns.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from fractions import Fraction

from benchmarks.bulk import Loader
from benchmarks.life_books import DAY, HOUR, MINUTE, Books, Life
from returndesk.domain.clock import PROCESSING, REFUND, Clock
from returndesk.domain.rma import allot
from returndesk.store import tables
from returndesk.store.finding import end_key, keys_of
from returndesk.store.policies import PolicyInForce

MIX = {
    # how far it has come: of a thousand
    "requested": 20, "asked": 10, "authorized": 85, "received": 28, "inspected": 17, "approval": 5, "settling": 35,
    "closed": 700, "rejected": 40, "declined": 20, "expired": 25, "cancelled": 15,
}  # fmt: skip
_DWELL_DAYS = {
    "requested": 3, "asked": 6, "authorized": 20, "received": 3, "inspected": 3, "approval": 2, "settling": 5,
}  # fmt: skip
_CURRENCIES = (("GBP", 85), ("EUR", 12), ("JPY", 3))
_REASONS = ("too_small", "too_large", "not_as_described", "changed_mind", "faulty")
_CHANNELS = ("email", "phone", "online", "chat", "social", "in_store")
_NAMES = ("Maud Ellery", "Tom Ashby", "Ines Calder", "Noor Haddad", "Rhys Penn", "Greta Lund", "Oona Byrne")


class Shop(Books):
    """Makes up returns, one after the other, and writes their books as it goes."""

    def __init__(self, loader: Loader, rules: PolicyInForce, now: datetime, *, returns: int) -> None:
        super().__init__(loader, rules, now)
        self._rules = rules
        self._version = rules.policy.version
        self._returns = returns
        self._rmas: set[str] = set()

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
            "authorize": MINUTE * r.randrange(0, 360), "ship": HOUR * r.randrange(20, 120),
            "arrive": HOUR * r.randrange(20, 90),
            "inspect": HOUR * (r.randrange(2, 40) if r.random() < 0.95 else r.randrange(150, 250)),
            "decide": timedelta() if r.random() < 0.8 else HOUR * r.randrange(1, 30),
        }  # fmt: skip
        reached = {
            "requested": (), "asked": (), "declined": (), "authorized": ("authorize",), "expired": ("authorize",),
            "cancelled": ("authorize",), "received": ("authorize", "ship", "arrive"),
            "inspected": ("authorize", "ship", "arrive", "inspect"),
        }.get(kind, tuple(steps))  # fmt: skip
        took = sum((steps[name] for name in reached), timedelta()) + HOUR
        if kind == "expired":
            took += 28 * DAY
        dwell = _DWELL_DAYS.get(kind)
        idle = MINUTE * (r.randrange(dwell * 1440) if dwell else r.randrange(8 * 1440, 365 * 1440))
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
        ordered_at = at - DAY * r.randrange(4, 25)
        add(tables.Order, {
            "reference": order, "customer_id": customer, "currency": currency, "ordered_at": ordered_at,
            "delivered_on": (ordered_at + 3 * DAY).date(), "tax_included": True, "shipping_minor": 395,
            "shipping_tax_minor": 0, "input_hash": "seeded", "recorded_at": ordered_at, "end_key": end_key(order),
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
            "expires_at": at + 28 * DAY,
            "reminder_at": at + 14 * DAY,
        }
        self._record(
            life, "authorized", self._rep(life), "rep", "authorization", send_by=(at + 28 * DAY).isoformat()
        )
        self._pause(life, "goods_in_transit")
        self._mail(life, "authorized", send_by=(at + 28 * DAY).isoformat())

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
            life.after(HOUR * self._random.randrange(120, 300))
        self._breach(life, REFUND)
        if self._random.random() < 0.03:
            self._refund(life, 1, "failed", replaced=True)
            life.after(DAY)
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
        life.after(DAY)
        life.row["left"] = "sent_back"
        self._record(life, "goods_left", "warehouse-1", "warehouse", "goods-back", way="sent_back", lots=[1])

    def _declined(self, life: Life, steps: dict[str, timedelta]) -> None:
        at = life.after(steps["authorize"])
        life.row |= {"stage": "declined", "declined_at": at}
        self._over(life, "declined", self._rep(life), "rep", reasons=["window_passed"])
        self._mail(life, "rejected")

    def _expired(self, life: Life, steps: dict[str, timedelta]) -> None:
        self._authorize(life, steps["authorize"])
        at = life.after(28 * DAY)
        life.row |= {"stage": "expired", "expired_at": at}
        self._over(life, "expired", "clock", "system")
        self._mail(life, "expired")

    def _cancelled(self, life: Life, steps: dict[str, timedelta]) -> None:
        self._authorize(life, steps["authorize"])
        at = life.after(HOUR)
        life.row |= {"stage": "cancelled", "cancelled_at": at}
        self._over(life, "cancelled", self._rep(life), "rep")
        self._mail(life, "cancelled")
