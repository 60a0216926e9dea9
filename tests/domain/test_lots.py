"""Units are never made or lost: whatever arrives and whatever is found, lot by lot."""

from collections import Counter

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from returndesk.domain.errors import InvalidInput
from returndesk.domain.lots import (
    ON_THE_WAY,
    Arrived,
    Condition,
    Disposition,
    Finding,
    Lot,
    Packaging,
    Reception,
    inspect,
    receive,
    split,
)

AS_SOLD = (Condition.ORIGINAL, Packaging.ORIGINAL)


def three_coats() -> list[Lot]:
    return [Lot(1, 1, 3, "too_small")]


def seen(lots: list[Lot]) -> list[tuple[int | None, int, str, str | None]]:
    return [(x.line, x.quantity, x.reception, x.condition) for x in lots]


def test_all_that_was_requested_arrives_in_one_lot() -> None:
    assert seen(receive(three_coats(), [Arrived(1, 3)], more_expected=False)) == [(1, 3, "received", None)]


def test_three_requested_and_two_arrived_leaves_one_short_shipped() -> None:
    lots = receive(three_coats(), [Arrived(1, 2)], more_expected=False)
    assert seen(lots) == [(1, 1, "short_shipped", None), (1, 2, "received", None)]
    assert [(x.number, x.parent) for x in lots] == [(1, None), (2, 1)]
    assert {x.reason for x in lots} == {"too_small"}


def test_the_rest_may_come_in_another_parcel() -> None:
    lots = receive(three_coats(), [Arrived(1, 2)], more_expected=True)
    assert seen(lots) == [(1, 1, "awaiting", None), (1, 2, "received", None)]
    lots = receive(lots, [Arrived(1, 1)], more_expected=False)
    assert seen(lots) == [(1, 1, "received", None), (1, 2, "received", None)]


def test_an_empty_box_is_a_parcel() -> None:
    assert seen(receive(three_coats(), [], more_expected=False)) == [(1, 3, "short_shipped", None)]
    assert seen(receive(three_coats(), [], more_expected=True)) == [(1, 3, "awaiting", None)]


def test_goods_in_transit_are_received_too() -> None:
    lots = [Lot(1, 1, 1, reception=Reception.IN_TRANSIT), Lot(2, 1, 1)]
    assert seen(receive(lots, [Arrived(1, 2)], more_expected=False)) == [(1, 1, "received", None)] * 2


@pytest.mark.parametrize("arrived", [[Arrived(1, 4)], [Arrived(1, 2), Arrived(1, 2)], [Arrived(2, 1)]])
def test_more_than_requested_is_refused_and_changes_nothing(arrived: list[Arrived]) -> None:
    lots = three_coats()
    with pytest.raises(InvalidInput, match="1 more arrived than this return has on the way") as refused:
        receive(lots, arrived, more_expected=False)
    assert (refused.value.code, refused.value.field) == ("more_than_requested", "items")
    assert lots == three_coats()


def test_what_was_short_shipped_cannot_arrive_unannounced() -> None:
    lots = receive(three_coats(), [Arrived(1, 2)], more_expected=False)
    with pytest.raises(InvalidInput):
        receive(lots, [Arrived(1, 1)], more_expected=False)


def test_mixed_grades_in_one_line_split_it() -> None:
    lots = receive(three_coats(), [Arrived(1, 3)], more_expected=False)
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
    received = receive(three_coats(), [Arrived(1, 3)], more_expected=False)
    lots = inspect(received, [Finding(1, 2, *AS_SOLD, photos=("pho_1", "pho_2"))])
    assert sorted((x.quantity, x.photos) for x in lots) == [(1, ()), (2, ("pho_1", "pho_2"))]
    inspected = next(x for x in lots if x.photos)
    parts, part = split(lots, inspected.number, 1)
    assert part.photos == ("pho_1", "pho_2")
    assert sorted(x.photos for x in parts) == [(), part.photos, part.photos]


def test_what_was_not_inspected_waits() -> None:
    lots = inspect(receive(three_coats(), [Arrived(1, 3)], more_expected=False), [Finding(1, 1, *AS_SOLD)])
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
    lots = receive(three_coats(), [Arrived(1, 2)], more_expected=True)
    before = list(lots)
    with pytest.raises(InvalidInput, match="1 more inspected than are waiting") as refused:
        inspect(lots, findings)
    assert (refused.value.code, refused.value.field) == ("more_than_received", "items")
    assert lots == before


def test_nothing_is_inspected_twice() -> None:
    lots = inspect(receive(three_coats(), [Arrived(1, 3)], more_expected=False), [Finding(1, 3, *AS_SOLD)])
    with pytest.raises(InvalidInput):
        inspect(lots, [Finding(1, 1, Condition.USED, Packaging.ORIGINAL)])


@pytest.mark.parametrize("quantity", [0, -1, 4])
def test_a_lot_is_split_into_two_that_have_units(quantity: int) -> None:
    with pytest.raises(ValueError, match="cannot be taken"):
        split(three_coats(), 1, quantity)


LINES = st.integers(1, 3)
COUNTS = st.integers(1, 6)


class Warehouse(RuleBasedStateMachine):
    """Parcels and inspections in any order, sensible or not, beside plain counters."""

    @initialize(requested=st.dictionaries(LINES, st.integers(1, 8), min_size=1))
    def request(self, requested: dict[int, int]) -> None:
        self.requested = requested
        self.lots = [
            Lot(number, line, quantity) for number, (line, quantity) in enumerate(requested.items(), start=1)
        ]
        self.on_the_way = Counter(requested)
        self.uninspected: Counter[int] = Counter()
        self.grades: Counter[tuple[int, Condition, Packaging]] = Counter()

    @rule(items=st.lists(st.tuples(LINES, COUNTS), max_size=4), more_expected=st.booleans())
    def parcel(self, items: list[tuple[int, int]], more_expected: bool) -> None:
        asked: Counter[int] = Counter()
        for line, quantity in items:
            asked[line] += quantity
        before = list(self.lots)
        try:
            self.lots = receive(self.lots, [Arrived(*x) for x in items], more_expected=more_expected)
        except InvalidInput:
            assert any(count > self.on_the_way[line] for line, count in asked.items())
            assert self.lots == before
            return
        assert all(count <= self.on_the_way[line] for line, count in asked.items())
        self.uninspected += asked
        self.on_the_way = self.on_the_way - asked if more_expected else Counter()

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
        try:
            self.lots = inspect(self.lots, [Finding(*x) for x in items])
        except InvalidInput:
            assert any(count > self.uninspected[line] for line, count in asked.items())
            assert self.lots == before
            return
        assert all(count <= self.uninspected[line] for line, count in asked.items())
        self.uninspected -= asked
        for line, quantity, condition, packaging in items:
            self.grades[line, condition, packaging] += quantity

    @invariant()
    def units_are_conserved(self) -> None:
        held: Counter[int | None] = Counter()
        for lot in self.lots:
            assert lot.quantity > 0
            held[lot.line] += lot.quantity
        assert held == self.requested

    @invariant()
    def the_lots_say_what_happened(self) -> None:
        waiting: Counter[int | None] = Counter()
        uninspected: Counter[int | None] = Counter()
        grades: Counter[tuple[int | None, Condition | None, Packaging | None]] = Counter()
        for lot in self.lots:
            if lot.reception in ON_THE_WAY:
                waiting[lot.line] += lot.quantity
            elif lot.inspected:
                assert lot.reception is Reception.RECEIVED
                grades[lot.line, lot.condition, lot.packaging] += lot.quantity
            elif lot.reception is Reception.RECEIVED:
                uninspected[lot.line] += lot.quantity
        assert (waiting, uninspected, grades) == (self.on_the_way, self.uninspected, self.grades)

    @invariant()
    def every_lot_has_a_number_of_its_own_and_comes_from_an_earlier_one_of_its_line(self) -> None:
        by_number = {lot.number: lot for lot in self.lots}
        assert len(by_number) == len(self.lots)
        for lot in self.lots:
            if lot.parent is not None:
                assert lot.parent < lot.number
                assert by_number[lot.parent].line == lot.line


Warehouse.TestCase.settings = settings(max_examples=60, stateful_step_count=12, deadline=None)
TestWarehouse = Warehouse.TestCase
