"""What becomes of goods that are here: some of a lot or all of it, never more, and never what is the customer's."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from returndesk.domain.dispositions import Disposed, dispose
from returndesk.domain.errors import InvalidInput, Refused
from returndesk.domain.lots import Acceptance, Condition, Disposition, Lot, Packaging, Reception

HOLD, RESTOCK, SCRAP = Disposition.HOLD, Disposition.RESTOCK, Disposition.SCRAP


def lot(
    number: int,
    quantity: int,
    acceptance: Acceptance = Acceptance.ACCEPTED,
    reception: Reception = Reception.RECEIVED,
) -> Lot:
    return Lot(
        number, 1, quantity, "other", reception, Condition.OPENED, Packaging.OPENED, acceptance, disposition=HOLD
    )  # fmt: skip


def said(lots: list[Lot]) -> list[tuple[int, int, str | None, int | None]]:
    return [(x.number, x.quantity, x.disposition, x.parent) for x in lots]


def test_what_was_on_hold_is_restocked() -> None:
    assert said(dispose([lot(1, 3)], [Disposed(1, RESTOCK)])) == [(1, 3, "restock", None)]


def test_some_of_a_lot_is_scrapped_and_the_rest_stays_where_it_is() -> None:
    lots = dispose([lot(1, 10), lot(2, 1)], [Disposed(1, SCRAP, 4)])
    assert said(lots) == [(1, 6, "hold", None), (2, 1, "hold", None), (3, 4, "scrap", 1)]
    assert {(x.acceptance, x.condition) for x in lots} == {("accepted", "opened")}


def test_all_of_a_lot_may_be_counted_out() -> None:
    assert said(dispose([lot(1, 3)], [Disposed(1, RESTOCK, 3)])) == [(1, 3, "restock", None)]


@pytest.mark.parametrize("acceptance", [Acceptance.PENDING, Acceptance.MANUAL_REVIEW, Acceptance.ACCEPTED])
def test_goods_may_be_moved_before_anybody_decides(acceptance: Acceptance) -> None:
    assert dispose([lot(1, 1, acceptance)], [Disposed(1, RESTOCK)])[0].acceptance is acceptance


def test_what_was_rejected_is_the_customers() -> None:
    lots = [lot(1, 1), lot(2, 1, Acceptance.REJECTED)]
    with pytest.raises(Refused) as refused:
        dispose(lots, [Disposed(1, SCRAP), Disposed(2, SCRAP)])
    assert (refused.value.code, refused.value.reasons) == ("lot_rejected", ("lot_rejected:lot 2",))


@pytest.mark.parametrize("reception", [x for x in Reception if x is not Reception.RECEIVED])
def test_what_is_not_here_becomes_nothing(reception: Reception) -> None:
    with pytest.raises(InvalidInput) as refused:
        dispose([lot(1, 1, reception=reception)], [Disposed(1, SCRAP)])
    assert (refused.value.code, refused.value.field) == ("lot_not_here", "items")


def test_a_lot_nobody_knows_and_more_than_a_lot_has_are_refused() -> None:
    for change, code in ((Disposed(7, SCRAP), "lot_not_here"), (Disposed(1, SCRAP, 4), "more_than_in_lot")):
        with pytest.raises(InvalidInput) as refused:
            dispose([lot(1, 3)], [change])
        assert refused.value.code == code


@given(
    st.lists(
        st.tuples(st.integers(1, 6), st.sampled_from([HOLD, RESTOCK, SCRAP]), st.integers(1, 6)), max_size=12
    )
)
def test_however_often_goods_are_moved_no_unit_is_made_or_lost(
    moves: list[tuple[int, Disposition, int]],
) -> None:
    lots = [lot(1, 5), lot(2, 2)]
    for number, disposition, quantity in moves:
        before = {x.number: x for x in lots}
        try:
            lots = dispose(lots, [Disposed(number, disposition, quantity)])
        except InvalidInput:
            assert number not in before or before[number].quantity < quantity
            continue
        assert sum(x.quantity for x in lots) == 7
        assert len({x.number for x in lots}) == len(lots)
        was, had = (
            before[number].disposition,
            sum(x.quantity for x in before.values() if x.disposition is disposition),
        )
        now = sum(x.quantity for x in lots if x.disposition is disposition)
        assert now == had + (0 if was is disposition else quantity)
