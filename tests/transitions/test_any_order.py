"""Whatever is asked of returns, in whatever order, sensible or not: units and money are conserved, and nobody is forgotten.

Random sequences of commands, of the processor's answers and of time, carried out on two returns of one order by the
very activity that keeps the books. After every step the books are read and counted by hand.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Select, bindparam, select

from activities.records import Records
from returndesk.clocks import SystemClock
from returndesk.domain.orders import OrderInput
from returndesk.domain.people import PROCESSOR, Actor, Role
from returndesk.domain.policy import read_policy
from returndesk.domain.stages import ENDED, CommandKind, EventKind, RefundStatus, Stage, allows
from returndesk.gateways.holiday_table import closed_days
from returndesk.messages import Outcome, RefundAnswer, Step
from returndesk.store import tables
from returndesk.store.commands import Asked, Contact, new_id, write_down
from returndesk.store.database import Database
from returndesk.store.orders import put_order
from returndesk.store.policies import PolicyBook

POLICY = read_policy((Path(__file__).parents[2] / "policy.toml").read_text())
POLICIES = PolicyBook(closed_days)
NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
SOLD = {1: 4, 2: 2}
PRICE = {1: 3_333, 2: 60_001}
SOLD_FOR = sum(SOLD[line] * PRICE[line] for line in SOLD)
NUMBERS = count(1)

LINES = st.integers(1, 2)
UNITS = st.integers(1, 3)
PACKED = st.lists(st.fixed_dictionaries({"line": LINES, "quantity": UNITS}), max_size=2)
LOTS = st.integers(1, 5)
SEEN = st.fixed_dictionaries(
    {
        "line": LINES,
        "quantity": UNITS,
        "condition": st.sampled_from(["original", "original", "opened", "used"]),
        "packaging": st.sampled_from(["original", "original", "missing"]),
    }
)
DECIDED = st.fixed_dictionaries({"line": LINES, "acceptance": st.sampled_from(["accepted", "rejected"])})
NOTHING: st.SearchStrategy[dict[str, Any]] = st.just({})


def _inputs(**parts: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(parts)


BODIES: dict[CommandKind, st.SearchStrategy[dict[str, Any]]] = {
    CommandKind.AUTHORIZATION: NOTHING,
    CommandKind.DECLINE: st.just({"reasons": ["hygiene"]}),
    CommandKind.CANCELLATION: NOTHING,
    CommandKind.QUESTION: st.just({"note": "txt_q"}),
    CommandKind.MESSAGE: st.just({"channel": "email", "note": "txt_m"}),
    CommandKind.SHIPMENT: _inputs(items=PACKED, tracking=st.just("txt_t")),
    CommandKind.LOSS: NOTHING,
    CommandKind.RECEIPTS: _inputs(
        items=PACKED,
        more_expected=st.booleans(),
        wrong_items=st.lists(st.just({"quantity": 1, "note": "txt_w"}), max_size=1),
    ),
    CommandKind.CORRECTION: _inputs(
        items=st.lists(st.fixed_dictionaries({"lot": LOTS, "quantity": UNITS}), min_size=1, max_size=2),
        reason=st.just("miscounted"),
    ),
    CommandKind.INSPECTIONS: _inputs(
        items=st.lists(SEEN, min_size=1, max_size=2), decide=st.sampled_from([None, False])
    ),
    CommandKind.DECISION: _inputs(items=st.lists(DECIDED, max_size=2)),
    CommandKind.APPROVAL: NOTHING,
    CommandKind.REFUSAL: st.just({"note": "txt_r"}),
    CommandKind.GOODS_BACK: _inputs(way=st.sampled_from(["sent_back", "handed_over", "scrapped"])),
    CommandKind.HOLD: st.just({"reason": "other"}),
    CommandKind.RESUMPTION: NOTHING,
    CommandKind.RECALCULATION: NOTHING,
    CommandKind.DISPOSITIONS: _inputs(
        items=st.lists(
            st.fixed_dictionaries({"lot": LOTS, "disposition": st.sampled_from(["restock", "scrap"])}),
            min_size=1, max_size=1,
        )
    ),
    CommandKind.REFUND_AGAIN: _inputs(refund=st.sampled_from([None, "1", "2"])),
    CommandKind.PAID_BY_HAND: _inputs(refund=st.sampled_from([None, "1", "2"]), reference=st.just("txt_p")),
}  # fmt: skip


C, PAID, REJECTED, ASKS = (
    CommandKind, RefundStatus.SUCCEEDED, RefundStatus.FAILED, RefundStatus.REQUIRES_ACTION,
)  # fmt: skip
ONWARD: dict[Stage, list[CommandKind | RefundStatus]] = {
    Stage.REQUESTED: [C.AUTHORIZATION, C.AUTHORIZATION, C.RECEIPTS],
    Stage.AUTHORIZED: [C.RECEIPTS, C.RECEIPTS, C.SHIPMENT, C.LOSS],
    Stage.RECEIVED: [C.INSPECTIONS, C.INSPECTIONS, C.RECEIPTS, C.CORRECTION],
    Stage.INSPECTED: [C.DECISION, C.DECISION, C.DECISION, C.CORRECTION],
    Stage.DECIDED: [C.APPROVAL, C.REFUSAL, C.RECEIPTS],
    Stage.SETTLING: [PAID, PAID, REJECTED, ASKS, C.REFUND_AGAIN, C.PAID_BY_HAND, C.RECEIPTS],
    Stage.CLOSED: [C.RECEIPTS, C.RECEIPTS, C.GOODS_BACK, C.DISPOSITIONS],
}
"""What somebody would do who looks at the return."""
ANYTHING = [*BODIES, PAID, REJECTED, ASKS, timedelta(hours=30), timedelta(days=16)]
SENSIBLE = st.integers(0, 5).map(bool)


def what_happens(draw: Any, books: "Books", rma: str) -> CommandKind | RefundStatus | timedelta:
    """Mostly a step that goes on, else anything at all."""
    onward = ONWARD.get(books.stage(rma), [C.RECEIPTS, C.MESSAGE])
    if books.failed(rma):
        onward = [C.REFUND_AGAIN, C.PAID_BY_HAND]
    step: CommandKind | RefundStatus | timedelta = draw(
        st.sampled_from(onward if draw(SENSIBLE) else ANYTHING)
    )
    return step


def with_what(draw: Any, books: "Books", rma: str, kind: CommandKind) -> dict[str, Any]:
    """The input of a command; mostly about the lots that are there."""
    body: dict[str, Any] = draw(BODIES[kind])
    if not draw(SENSIBLE):
        return body
    lots = books.lots(rma)
    if kind is CommandKind.INSPECTIONS:
        here = [x for x in lots if x["reception"] == "received" and x["condition"] is None]
        body["items"] = [draw(SEEN) | {"line": x["line"], "quantity": x["quantity"]} for x in here] or body[
            "items"
        ]
    elif kind is CommandKind.DECISION:
        lines = {
            x["line"] or 0 for x in lots if x["reception"] in ("received", "lost") and x["decision"] is None
        }
        body["items"] = [draw(DECIDED) | {"line": line} for line in sorted(lines)]
    elif kind is CommandKind.CORRECTION:
        body["items"] = [
            {"lot": x["number"], "quantity": draw(st.integers(1, x["quantity"]))}
            for x in lots
            if x["reception"] in ("received", "wrong_item", "short_shipped") and x["decision"] is None
        ] or body["items"]
    elif kind in (CommandKind.REFUND_AGAIN, CommandKind.PAID_BY_HAND):
        body["refund"] = next((x.rpartition("-")[2] for x in books.failed(rma)), None)
    return body


def _of_the_returns(name: str) -> Select[Any]:
    table = tables.metadata.tables[name]
    return (
        select(table).where(table.c.rma.in_(bindparam("rmas", expanding=True))).order_by(*table.primary_key)
    )


def _of_the_order(name: str) -> Select[Any]:
    table = tables.metadata.tables[name]
    return select(table).where(table.c.order_reference == bindparam("order")).order_by(*table.primary_key)


LOOK = {
    name: _of_the_returns(name)
    for name in (
        "returns",
        "lots",
        "clocks",
        "refunds",
        "audit",
        "notices",
        "tasks",
        "ledger",
        "decisions",
        "rests",
    )
} | {name: _of_the_order(name) for name in ("order_lines", "payments")}


@dataclass
class Books:
    """Two returns of one order, and what is known of them from outside."""

    database: Database
    records: Records
    order: str
    rmas: tuple[str, str]
    now: datetime = NOON
    clocks: dict[tuple[str, str], list[Any]] = field(default_factory=dict)
    seen: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    asked: int = 0

    def ask(
        self, rma: str, kind: CommandKind, body: dict[str, Any], contact: Contact | None = None
    ) -> Outcome:
        self.asked += 1
        actor = Actor(f"admin-{self.asked % 2}", Role.ADMIN)
        body = {name: value for name, value in body.items() if value is not None}
        if contact is not None:
            body["contact_id"] = contact.id
        if "refund" in body:
            body["refund"] = f"{rma}-{body['refund']}"
        asked = Asked(kind, actor, new_id("key"), "h", rma, POLICY.version, body, {}, contact)
        command = write_down(self.database, asked, self.now).ref
        step = Step(command.command_id, rma, kind, self.now, actor.id, actor.role, command.policy_version)
        first = self.records.transition(step)
        again = self.records.transition(step)
        assert again.outcome == first.outcome, "a step carried out again answers what it answered"
        return first.outcome

    def processor_says(self, rma: str, status: RefundStatus) -> None:
        row = next(row for row in self.seen["returns"] if row["rma"] == rma)
        if row["awaiting_approval"] or row["on_hold_since"] is not None:
            return
        for refund in self.seen["refunds"]:
            if refund["rma"] == rma and refund["status"] in ("requested", ASKS):
                answer = RefundAnswer(refund["id"], status, f"re_{refund['id']}")
                self._happens(rma, EventKind.REFUND_ANSWERED, answer)

    def time_passes(self, by: timedelta) -> None:
        self.now += by
        for rma in self.rmas:
            self._happens(rma, EventKind.TIME_PASSED)

    def _happens(self, rma: str, what: EventKind, answer: RefundAnswer | None = None) -> None:
        key = f"{what}:{next(NUMBERS)}"
        self.records.transition(Step(key, rma, what, self.now, PROCESSOR.id, PROCESSOR.role, None, answer))

    def stage(self, rma: str) -> Stage:
        return next(Stage(row["stage"]) for row in self.seen["returns"] if row["rma"] == rma)

    def lots(self, rma: str) -> list[dict[str, Any]]:
        return [row for row in self.seen["lots"] if row["rma"] == rma]

    def failed(self, rma: str) -> list[str]:
        return [
            row["id"]
            for row in self.seen["refunds"]
            if row["rma"] == rma and row["status"] == "failed" and row["replaced_by"] is None
        ]

    # What must hold ------------------------------------------------------------------------------

    def look(self) -> dict[str, list[dict[str, Any]]]:
        """Everything the books have of the order, as plain rows by table; `seen` keeps it."""
        of = {"rmas": list(self.rmas), "order": self.order}
        with self.database.reading() as connection:
            self.seen = {
                name: [dict(row) for row in connection.execute(statement, of).mappings()]
                for name, statement in LOOK.items()
            }
        return self.seen

    def check(self) -> None:
        books = self.look()
        self._units_are_conserved(books)
        self._money_is_conserved(books)
        self._clocks_only_go_on(books)
        self._the_refund_clock_waits_for_details_and_nothing_else(books)
        self._nobody_is_forgotten(books)

    def _units_are_conserved(self, books: dict[str, list[dict[str, Any]]]) -> None:
        awaiting = {x["rma"]: x["decisions"] for x in books["returns"] if x["awaiting_approval"]}
        claimed: Counter[int] = Counter()
        granted: Counter[int] = Counter()
        for lot in books["lots"]:
            assert lot["quantity"] > 0
            accepted = lot["decision"] is not None and lot["acceptance"] == "accepted"
            gone = lot["reception"] in ("short_shipped", "lost", "expired", "cancelled") and not accepted
            holds = lot["decision"] is not None and lot["decision"] != awaiting.get(lot["rma"])
            if lot["line"] is None or lot["reception"] == "wrong_item" or gone:
                continue
            if holds and lot["acceptance"] == "rejected":
                continue
            claimed[lot["line"]] += lot["quantity"]
            granted[lot["line"]] += lot["quantity"] * accepted
        for line in books["order_lines"]:
            number = line["line"]
            assert (line["claimed"], line["granted"]) == (claimed[number], granted[number]), number
            assert 0 <= line["granted"] <= line["claimed"] <= SOLD[number]
            assert line["granted_minor"] == line["granted"] * PRICE[number]

    def _money_is_conserved(self, books: dict[str, list[dict[str, Any]]]) -> None:
        [payment] = books["payments"]
        live = [x for x in books["refunds"] if x["replaced_by"] is None]
        gone = ("failed", "canceled")
        reserved = sum(x["amount_minor"] for x in books["refunds"] if x["status"] not in (*gone, "succeeded"))
        refunded = sum(x["amount_minor"] for x in books["refunds"] if x["status"] == "succeeded")
        assert (payment["reserved_minor"], payment["refunded_minor"]) == (reserved, refunded)
        by_hand = -sum(
            x["amount_minor"]
            for x in books["ledger"]
            if x["account"] not in _OWED and x["entry"].startswith("paid:")
        )
        for row in books["returns"]:
            granted = (
                row["goods_minor"]
                + row["goods_tax_minor"]
                + row["shipping_minor"]
                + row["shipping_tax_minor"]
            )
            of_it = sum(x["amount_minor"] for x in live if x["rma"] == row["rma"])
            hand = -sum(
                x["amount_minor"]
                for x in books["ledger"]
                if x["rma"] == row["rma"] and x["account"] not in _OWED and x["entry"].startswith("paid:")
            )
            assert of_it + row["owed_without_refund_minor"] + hand == granted, (
                "granted = refunds + owed + by hand"
            )
            rests = [x for x in books["rests"] if x["rma"] == row["rma"] and x["ended_at"] is None]
            assert sum(x["amount_minor"] for x in rests) == row["owed_without_refund_minor"]
            owed_in_part = {x["refund_id"] for x in rests}
            for x in books["refunds"]:
                if x["rma"] == row["rma"] and x["replaced_by"] is not None:
                    assert (x["replaced_at"] is None) == (x["id"] in owed_in_part)
        assert refunded + by_hand <= SOLD_FOR, "never more than was paid"
        entries: Counter[str] = Counter()
        for posting in books["ledger"]:
            entries[posting["entry"]] += posting["amount_minor"]
        assert not any(entries.values()), "every entry balances"

    def _clocks_only_go_on(self, books: dict[str, list[dict[str, Any]]]) -> None:
        for clock in books["clocks"]:
            key, events = (clock["rma"], clock["kind"]), clock["events"]
            before = self.clocks.get(key, [])
            assert events[: len(before)] == before, "what a clock knows is never changed"
            instants = [datetime.fromisoformat(at) for _, at, _, _ in events]
            assert instants == sorted(instants)
            assert (clock["breached_at"] is not None) == any(kind == "breached" for kind, *_ in events)
            self.clocks[key] = events

    def _the_refund_clock_waits_for_details_and_nothing_else(
        self, books: dict[str, list[dict[str, Any]]]
    ) -> None:
        for row in books["returns"]:
            live = {
                x["status"] for x in books["refunds"] if x["rma"] == row["rma"] and x["replaced_by"] is None
            }
            to_do = live - {ASKS, PAID} or row["owed_without_refund_minor"] or row["stage"] != Stage.SETTLING
            [clock] = (x for x in books["clocks"] if (x["rma"], x["kind"]) == (row["rma"], "refund"))
            waits = False
            for kind, _, reason, _ in clock["events"]:
                if kind in ("paused", "resumed") and reason == "refund_details":
                    waits = kind == "paused"
                elif kind in ("stopped", "restarted"):
                    waits = False
            assert waits == (ASKS in live and not to_do)

    def _nobody_is_forgotten(self, books: dict[str, list[dict[str, Any]]]) -> None:
        open_tasks = {
            x["rma"]: x for x in books["tasks"] if x["done_at"] is None and x["id"].endswith("/next")
        }
        for row in books["returns"]:
            stage = Stage(row["stage"])
            assert (stage in ENDED) == (row["ended_at"] is not None)
            assert (row["rma"] in open_tasks) == (stage not in ENDED), "open: in one queue; ended: in none"
            if row["on_hold_since"] is not None:
                assert row["next_due_at"] is not None, "a hold is the shop's turn, by some day"
            to_send_back = any(
                x["disposition"] == "return_to_customer" and x["left"] is None and x["decision"] is not None
                for x in books["lots"]
                if x["rma"] == row["rma"]
            )
            waits_for_a_yes = row["awaiting_approval"]
            assert (row["goods_back_by"] is not None) == to_send_back or waits_for_a_yes
            if stage in ENDED:
                assert all(x["due_at"] is None for x in books["clocks"] if x["rma"] == row["rma"]), (
                    "no clock runs"
                )


_OWED = ("owed_to_customers",)


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory, _sqlite_template: Path) -> Iterator[Database]:
    """One database for all examples: each has an order and returns of its own."""
    path = tmp_path_factory.mktemp("any_order") / "books.sqlite"
    path.write_bytes(_sqlite_template.read_bytes())
    database = Database(f"sqlite:///{path}")
    with database.write() as session:
        POLICIES.remember(session, POLICY, NOON)
    yield database
    database.close()


def opened(database: Database) -> Books:
    """Two requests for one order: three units of line 1, and one unit of each."""
    number = next(NUMBERS)
    reference = f"A-{number}"
    order = {
        "currency": "GBP",
        "ordered_at": NOON - timedelta(days=4),
        "customer": {"name": "N", "email": "n@customer.example"},
        "lines": [
            {"line": line, "sku": f"S{line}", "title": f"Dress {line}", "quantity": SOLD[line],
             "unit_price_minor": PRICE[line]}
            for line in SOLD
        ],
        "payments": [{"processor": "stripe", "reference": f"pi_{number}", "captured_minor": SOLD_FOR}],
    }  # fmt: skip
    with database.write() as session:
        put_order(session, reference, OrderInput.model_validate(order), now=NOON, secret=b"s")
    records = Records(database, POLICIES, SystemClock())
    books = Books(database, records, reference, (f"R-{number}-a", f"R-{number}-b"))
    for rma, wanted in zip(books.rmas, ({1: 3}, {1: 1, 2: 1}), strict=True):
        contact = Contact(new_id("con"), reference, "email", NOON)
        items = [{"line": line, "quantity": units, "reason": "other"} for line, units in wanted.items()]
        body = {"order_reference": reference, "channel": "email", "items": items}
        assert books.ask(rma, CommandKind.REQUEST, body, contact).accepted
    return books


@settings(max_examples=500, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
@pytest.mark.long
def test_in_any_order_units_and_money_are_conserved_and_nobody_is_forgotten(
    database: Database, data: st.DataObject
) -> None:
    books = opened(database)
    books.check()
    for _ in range(data.draw(st.integers(4, 14))):
        rma = books.rmas[data.draw(st.integers(0, 3)) == 0]
        what = what_happens(data.draw, books, rma)
        if isinstance(what, timedelta):
            books.time_passes(what)
        elif isinstance(what, RefundStatus):
            books.processor_says(rma, what)
        else:
            before, stage = books.seen, books.stage(rma)
            outcome = books.ask(rma, what, with_what(data.draw, books, rma, what))
            if outcome.accepted:
                assert allows(stage, what)
            else:
                assert books.look() == before, "what is refused changes nothing"
        books.check()


SEEN_ALL = {"line": 1, "quantity": 3, "condition": "opened", "packaging": "original"}
TO_THE_STAGE: dict[Stage, list[tuple[CommandKind, dict[str, Any]]]] = {
    Stage.REQUESTED: [],
    Stage.AUTHORIZED: [(C.AUTHORIZATION, {})],
    Stage.RECEIVED: [(C.AUTHORIZATION, {}), (C.RECEIPTS, {"items": [{"line": 1, "quantity": 3}]})],
    Stage.INSPECTED: [
        (C.AUTHORIZATION, {}),
        (C.RECEIPTS, {"items": [{"line": 1, "quantity": 3}]}),
        (C.INSPECTIONS, {"items": [SEEN_ALL]}),
    ],
}
"""What leads to a stage in which somebody may ask the customer something."""


@pytest.mark.parametrize("is_held", [False, True])
@pytest.mark.parametrize("stage", TO_THE_STAGE)
def test_what_a_customer_answers_is_read_by_a_rep_at_every_stage(
    database: Database, stage: Stage, *, is_held: bool
) -> None:
    books = opened(database)
    [rma, _] = books.rmas
    for kind, body in TO_THE_STAGE[stage]:
        assert books.ask(rma, kind, body).accepted
    if is_held:
        assert books.ask(rma, C.HOLD, {"reason": "other"}).accepted
    assert books.ask(rma, C.QUESTION, {"note": "txt_q"}).accepted
    assert books.ask(rma, C.MESSAGE, {"channel": "email", "note": "txt_m"}).accepted
    books.check()
    assert books.stage(rma) is stage
    waits = [x for x in books.seen["tasks"] if x["rma"] == rma and x["done_at"] is None]
    read_by_the_way = [
        x for x in waits
        if x["id"].endswith("/next") and x["owner_role"] == Role.REP and x["queue"] != "awaiting_goods"
    ]  # fmt: skip
    to_read = [x for x in waits if x["queue"] == "messages"]
    assert (len(read_by_the_way), len(to_read)) in ((1, 0), (0, 1)), [x["queue"] for x in waits]
