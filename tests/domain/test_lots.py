"""Units are never made or lost: whatever arrives, is found, is lost or was never here, lot by lot."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from returndesk.domain.errors import InvalidInput
from returndesk.domain.lots import (
    GIVEN_UP,
    ON_THE_WAY,
    Acceptance,
    Arrival,
    Condition,
    Disposition,
    Lot,
    Packaging,
    Reception,
)
from returndesk.domain.parcels import (
    Claim,
    Finding,
    Packed,
    add_wrong_items,
    await_again,
    inspect,
    lose,
    receive,
    send,
    split,
    unreceive,
)

AS_SOLD = (Condition.ORIGINAL, Packaging.ORIGINAL)


def three_coats() -> list[Lot]:
    return [Lot(1, 1, 3, "too_small")]


def free(*units: int) -> Claim:
    """So many units of line 1, 2, … that no return has."""
    left = Counter(dict(enumerate(units, start=1)))

    def claim(line: int, quantity: int) -> int:
        taken = min(left[line], quantity)
        left[line] -= taken
        return taken

    return claim


def arrive(
    lots: list[Lot], *parcel: Packed, more_expected: bool = False, claim: Claim | None = None
) -> list[Lot]:
    return receive(lots, parcel, more_expected=more_expected, claim=claim or free())


def seen(lots: list[Lot]) -> list[tuple[int | None, int, str, str | None]]:
    return [(x.line, x.quantity, x.reception, x.condition) for x in lots]


def came(lots: list[Lot]) -> list[tuple[int, str, str | None]]:
    return [(x.quantity, x.reception, x.arrival) for x in lots]


def test_what_was_sent_arrives_before_what_was_not() -> None:
    lots = arrive(send(three_coats(), [Packed(1, 2)]), Packed(1, 2), more_expected=True)
    assert seen(lots) == [(1, 1, "awaiting", None), (1, 2, "received", None)]


def test_all_that_was_requested_arrives_in_one_lot() -> None:
    assert seen(arrive(three_coats(), Packed(1, 3))) == [(1, 3, "received", None)]


def test_three_requested_and_two_arrived_leaves_one_short_shipped() -> None:
    lots = arrive(three_coats(), Packed(1, 2))
    assert seen(lots) == [(1, 1, "short_shipped", None), (1, 2, "received", None)]
    assert [(x.number, x.parent) for x in lots] == [(1, None), (2, 1)]
    assert {x.reason for x in lots} == {"too_small"}


def test_the_rest_may_come_in_another_parcel() -> None:
    lots = arrive(three_coats(), Packed(1, 2), more_expected=True)
    assert seen(lots) == [(1, 1, "awaiting", None), (1, 2, "received", None)]
    lots = arrive(lots, Packed(1, 1))
    assert seen(lots) == [(1, 1, "received", None), (1, 2, "received", None)]


def test_an_empty_box_is_a_parcel() -> None:
    assert seen(arrive(three_coats())) == [(1, 3, "short_shipped", None)]
    assert seen(arrive(three_coats(), more_expected=True)) == [(1, 3, "awaiting", None)]


def test_goods_in_transit_are_received_too() -> None:
    lots = [Lot(1, 1, 1, reception=Reception.IN_TRANSIT), Lot(2, 1, 1)]
    assert seen(arrive(lots, Packed(1, 2))) == [(1, 1, "received", None)] * 2


def test_more_than_requested_is_recorded_as_unannounced_where_the_units_are_free() -> None:
    lots = arrive(three_coats(), Packed(1, 5), claim=free(2))
    assert came(lots) == [(3, "received", "expected"), (2, "received", "arrived_unannounced")]
    assert lots[1].line == 1


def test_units_that_another_return_has_are_here_and_not_this_returns() -> None:
    lots = arrive(three_coats(), Packed(1, 3), Packed(2, 2), claim=free(0, 1))
    assert came(lots) == [
        (3, "received", "expected"),
        (1, "received", "arrived_unannounced"),
        (1, "wrong_item", "arrived_unannounced"),
    ]
    assert (lots[2].line, lots[2].reasons) == (2, ("claimed_elsewhere",))


def test_what_the_order_never_had_is_a_lot_without_a_line() -> None:
    lots = add_wrong_items(arrive(three_coats()), 2)
    assert seen(lots) == [(1, 3, "short_shipped", None), (None, 2, "wrong_item", None)]
    assert lots[1].reasons == ("wrong_item",)


@pytest.mark.parametrize(
    ("before", "arrival"),
    [
        (Reception.SHORT_SHIPPED, Arrival.LATE),
        (Reception.LOST, Arrival.LATE),
        (Reception.EXPIRED, Arrival.AFTER_EXPIRY),
        (Reception.CANCELLED, Arrival.AFTER_CANCELLATION),
    ],
)
def test_what_was_given_up_may_come_all_the_same(before: Reception, arrival: Arrival) -> None:
    given_up = [
        Lot(1, 1, 3, reception=before, acceptance=Acceptance.REJECTED, reasons=("not_received",), decision=1)
    ]
    lots = arrive(given_up, Packed(1, 2), claim=free(3))
    assert came(lots) == [(1, before, None), (2, "received", arrival)]
    assert (lots[1].acceptance, lots[1].reasons, lots[1].decision) == ("pending", (), None), (
        "to be decided anew"
    )
    assert lots[0] == replace(given_up[0], quantity=1)


def test_after_a_decline_it_counts_as_that() -> None:
    lots = receive(
        [Lot(1, 1, 1, reception=Reception.CANCELLED)], [Packed(1, 1)],
        more_expected=False, claim=free(1), cancelled=Arrival.AFTER_DECLINE,
    )  # fmt: skip
    assert came(lots) == [(1, "received", "arrived_after_decline")]


def test_a_lost_parcel_that_was_paid_for_and_turns_up_is_not_decided_again() -> None:
    paid = Lot(1, 1, 2, reception=Reception.LOST, acceptance=Acceptance.ACCEPTED, decision=1)
    lots = arrive([paid], Packed(1, 2))
    assert came(lots) == [(2, "received", "late")]
    assert (lots[0].acceptance, lots[0].decision) == ("accepted", 1)


def test_only_what_is_in_transit_can_be_lost() -> None:
    assert seen(lose(send(three_coats(), [Packed(1, 2)]))) == [(1, 1, "awaiting", None), (1, 2, "lost", None)]
    with pytest.raises(InvalidInput) as refused:
        lose(three_coats())
    assert refused.value.code == "nothing_in_transit"


@pytest.mark.parametrize(
    ("arrival", "before"),
    [
        (Arrival.EXPECTED, "awaiting"),
        (Arrival.UNAUTHORIZED, "awaiting"),
        (Arrival.LATE, "short_shipped"),
        (Arrival.AFTER_EXPIRY, "expired"),
        (Arrival.AFTER_DECLINE, "cancelled"),
        (Arrival.AFTER_CANCELLATION, "cancelled"),
        (Arrival.UNANNOUNCED, "cancelled"),
    ],
)
def test_what_was_never_here_is_where_it_was_before(arrival: Arrival, before: str) -> None:
    here = Lot(1, 1, 3, None, Reception.RECEIVED, *AS_SOLD, Acceptance.ACCEPTED, arrival=arrival)
    lots, gone = unreceive([here], 1, 2)
    assert seen(lots) == [(1, 1, "received", "original"), (1, 2, before, None)]
    assert gone == lots[1]
    assert (gone.acceptance, gone.arrival, gone.packaging) == ("pending", None, None)


@pytest.mark.parametrize(
    ("lot", "quantity", "code"),
    [
        (Lot(1, 1, 1), 1, "unknown_lot"),
        (Lot(2, 1, 1, reception=Reception.RECEIVED, arrival=Arrival.EXPECTED), 1, "unknown_lot"),
        (
            Lot(1, 1, 1, reception=Reception.RECEIVED, arrival=Arrival.EXPECTED, decision=1),
            1,
            "already_decided",
        ),
        (Lot(1, 1, 1, reception=Reception.RECEIVED, arrival=Arrival.EXPECTED), 2, "more_than_received"),
    ],
)
def test_only_what_is_here_and_undecided_is_corrected(lot: Lot, quantity: int, code: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        unreceive([lot], 1, quantity)
    assert refused.value.code == code


def test_what_was_counted_as_missing_is_waited_for_again() -> None:
    lots = arrive(three_coats(), Packed(1, 1))
    lots, again = await_again(lots, 1, 2)
    assert seen(lots) == [(1, 2, "awaiting", None), (1, 1, "received", None)]
    assert again == lots[0]
    lots = arrive(lots, Packed(1, 2))
    assert {lot.arrival for lot in lots} == {"expected"}, "it is not late for a miscount"
    lots, again = await_again(arrive(three_coats()), 1, 1, was_sent=True)
    assert seen(lots) == [(1, 2, "short_shipped", None), (1, 1, "in_transit", None)]


@pytest.mark.parametrize(
    ("missing", "quantity", "code"),
    [
        (Lot(1, 1, 1, reception=Reception.SHORT_SHIPPED, decision=1), 1, "already_decided"),
        (Lot(1, 1, 1, reception=Reception.SHORT_SHIPPED), 2, "more_than_missing"),
    ],
)
def test_only_what_is_missing_and_undecided_is_waited_for_again(
    missing: Lot, quantity: int, code: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        await_again([missing], 1, quantity)
    assert refused.value.code == code


def test_mixed_grades_in_one_line_split_it() -> None:
    lots = arrive(three_coats(), Packed(1, 3))
    lots = inspect(
        lots,
        [
            Finding(1, 1, *AS_SOLD),
            Finding(1, 1, Condition.USED, Packaging.MISSING, Disposition.SCRAP),
            Finding(1, 1, Condition.OPENED, Packaging.OPENED),
        ],
    )
    assert Counter(x.condition for x in lots) == {"original": 1, "used": 1, "opened": 1}
    assert sum(x.quantity for x in lots) == 3
    assert [x.disposition for x in lots if x.condition is Condition.USED] == [Disposition.SCRAP]


def test_photos_go_with_the_units_they_show() -> None:
    received = arrive(three_coats(), Packed(1, 3))
    lots = inspect(received, [Finding(1, 2, *AS_SOLD, photos=("pho_1", "pho_2"))])
    assert sorted((x.quantity, x.photos) for x in lots) == [(1, ()), (2, ("pho_1", "pho_2"))]
    inspected = next(x for x in lots if x.photos)
    parts, part = split(lots, inspected.number, 1)
    assert part.photos == ("pho_1", "pho_2")
    assert sorted(x.photos for x in parts) == [(), part.photos, part.photos]


def test_what_was_not_inspected_waits() -> None:
    lots = inspect(arrive(three_coats(), Packed(1, 3)), [Finding(1, 1, *AS_SOLD)])
    assert sorted((x.quantity, x.inspected) for x in lots) == [(1, True), (2, False)]


@pytest.mark.parametrize(
    "findings",
    [
        [Finding(1, 3, *AS_SOLD)],
        [Finding(1, 2, *AS_SOLD), Finding(1, 1, *AS_SOLD)],
        [Finding(2, 1, *AS_SOLD)],
    ],
)
def test_more_inspected_than_received_is_refused_and_changes_nothing(findings: list[Finding]) -> None:
    lots = arrive(three_coats(), Packed(1, 2), more_expected=True)
    before = list(lots)
    with pytest.raises(InvalidInput, match="1 more inspected than are waiting") as refused:
        inspect(lots, findings)
    assert (refused.value.code, refused.value.field) == ("more_than_received", "items")
    assert lots == before


def test_nothing_is_inspected_twice() -> None:
    lots = inspect(arrive(three_coats(), Packed(1, 3)), [Finding(1, 3, *AS_SOLD)])
    with pytest.raises(InvalidInput):
        inspect(lots, [Finding(1, 1, Condition.USED, Packaging.ORIGINAL)])


@pytest.mark.parametrize("quantity", [0, -1, 4])
def test_a_lot_is_split_into_two_that_have_units(quantity: int) -> None:
    with pytest.raises(ValueError, match="cannot be taken"):
        split(three_coats(), 1, quantity)


LINES = st.integers(1, 3)
COUNTS = st.integers(1, 6)
PARCELS = st.lists(st.tuples(LINES, COUNTS), max_size=4)


class Warehouse(RuleBasedStateMachine):
    """Everything that can happen to goods, in any order, sensible or not, beside plain counters.

    A unit of a line is free, or claimed by this return, or by another one.
    """

    @initialize(
        requested=st.dictionaries(LINES, st.integers(1, 8), min_size=1),
        free=st.dictionaries(LINES, st.integers(0, 4)),
    )
    def request(self, requested: dict[int, int], free: dict[int, int]) -> None:
        self.lots = [
            Lot(number, line, quantity) for number, (line, quantity) in enumerate(requested.items(), start=1)
        ]
        self.claimed, self.free = Counter(requested), Counter(free)
        self.units = self.claimed + self.free
        self.held = Counter(requested)
        self.wrong = 0
        self.decisions = 0

    def claim(self, line: int, quantity: int) -> int:
        taken = min(self.free[line], quantity)
        self.move(line, taken)
        return taken

    def move(self, line: int, quantity: int) -> None:
        self.free[line] -= quantity
        self.claimed[line] += quantity

    def count(self, line: int, *receptions: Reception, inspected: bool | None = None) -> int:
        return sum(
            lot.quantity
            for lot in self.lots
            if lot.line == line and lot.reception in receptions and inspected in (None, lot.inspected)
        )

    def give_up(self, before: Sequence[Lot]) -> None:
        """The units of goods that are not waited for any more are free, as the transitions free them."""
        was = {lot.number: lot.reception for lot in before}
        for lot in self.lots:
            if (
                lot.line
                and lot.reception in GIVEN_UP
                and was.get(lot.number, Reception.AWAITING) not in GIVEN_UP
            ):
                self.move(lot.line, -lot.quantity)

    @rule(items=PARCELS, wrong=st.integers(0, 2), more_expected=st.booleans())
    def parcel(self, items: list[tuple[int, int]], wrong: int, more_expected: bool) -> None:
        before = list(self.lots)
        awaited = {line: self.count(line, *ON_THE_WAY) for line in (1, 2, 3)}
        given_up, free_then = {line: self.count(line, *GIVEN_UP) for line in (1, 2, 3)}, Counter(self.free)
        asked: Counter[int] = Counter()
        for line, quantity in items:
            asked[line] += quantity
        self.lots = receive(
            self.lots, [Packed(*x) for x in items], more_expected=more_expected, claim=self.claim
        )
        if wrong:
            self.lots = add_wrong_items(self.lots, wrong)
            self.wrong += wrong
        self.give_up(before)
        for line, quantity in asked.items():
            beyond = max(0, quantity - awaited[line])
            not_ours = max(0, beyond - free_then[line])
            unknown = max(0, beyond - not_ours - given_up[line])
            self.held[line] += not_ours + unknown
        if not more_expected:
            assert not any(lot.reception in ON_THE_WAY for lot in self.lots)

    @rule(items=PARCELS)
    def shipment(self, items: list[tuple[int, int]]) -> None:
        before = list(self.lots)
        try:
            self.lots = send(self.lots, [Packed(*x) for x in items])
        except InvalidInput:
            assert self.lots == before

    @rule()
    def loss(self) -> None:
        before = list(self.lots)
        if any(lot.reception is Reception.IN_TRANSIT for lot in before):
            self.lots = lose(self.lots)
            self.give_up(before)

    @rule(which=st.integers(0, 20), quantity=COUNTS)
    def correction(self, which: int, quantity: int) -> None:
        before = list(self.lots)
        try:
            self.lots, gone = unreceive(self.lots, which, quantity)
        except InvalidInput:
            assert self.lots == before
            return
        was = next(lot for lot in before if lot.number == which)
        if was.reception is Reception.RECEIVED and gone.reception in GIVEN_UP and gone.line:
            self.move(gone.line, -gone.quantity)

    @rule(which=st.integers(0, 20), quantity=COUNTS)
    def miscount(self, which: int, quantity: int) -> None:
        """What was said to be missing is waited for again, where nobody else has it by now."""
        lot = next((x for x in self.lots if x.number == which), None)
        if lot is None or lot.reception is not Reception.SHORT_SHIPPED or quantity > lot.quantity:
            return
        assert lot.line is not None
        if self.free[lot.line] >= quantity:
            self.lots, _ = await_again(self.lots, which, quantity)
            self.move(lot.line, quantity)

    @rule(
        items=st.lists(
            st.tuples(LINES, COUNTS, st.sampled_from(Condition), st.sampled_from(Packaging)), max_size=4
        )
    )
    def inspection(self, items: list[tuple[int, int, Condition, Packaging]]) -> None:
        asked: Counter[int] = Counter()
        for line, quantity, _, _ in items:
            asked[line] += quantity
        before = list(self.lots)
        waiting = {line: self.count(line, Reception.RECEIVED, inspected=False) for line in asked}
        try:
            self.lots = inspect(self.lots, [Finding(*x) for x in items])
        except InvalidInput:
            assert any(count > waiting[line] for line, count in asked.items())
            assert self.lots == before
            return
        for line, count in asked.items():
            assert self.count(line, Reception.RECEIVED, inspected=False) == waiting[line] - count

    @invariant()
    def units_are_conserved(self) -> None:
        held = Counter(dict.fromkeys((1, 2, 3), 0))
        wrong = 0
        for lot in self.lots:
            assert lot.quantity > 0
            if lot.line is None:
                wrong += lot.quantity
            else:
                held[lot.line] += lot.quantity
        assert +held == +self.held, "only what nobody knew of adds to a return"
        assert wrong == self.wrong

    @invariant()
    def a_unit_is_claimed_exactly_while_it_is_waited_for_or_here(self) -> None:
        claimed: Counter[int] = Counter()
        for lot in self.lots:
            if lot.line is not None and lot.reception in ON_THE_WAY | {Reception.RECEIVED}:
                claimed[lot.line] += lot.quantity
        assert +claimed == +self.claimed
        assert +(self.claimed + self.free) == +self.units
        assert all(count >= 0 for count in self.free.values())

    @invariant()
    def what_is_here_says_how_it_came_and_what_is_not_has_no_condition(self) -> None:
        for lot in self.lots:
            here = lot.reception in (Reception.RECEIVED, Reception.WRONG_ITEM)
            assert (lot.arrival is not None) is here
            assert here or not lot.inspected

    @invariant()
    def every_lot_has_a_number_of_its_own_and_comes_from_an_earlier_one_of_its_line(self) -> None:
        by_number = {lot.number: lot for lot in self.lots}
        assert len(by_number) == len(self.lots)
        for lot in self.lots:
            if lot.parent is not None:
                assert lot.parent < lot.number
                assert by_number[lot.parent].line == lot.line


Warehouse.TestCase.settings = settings(max_examples=150, stateful_step_count=15, deadline=None)
TestWarehouse = Warehouse.TestCase
