"""Finance's list of refunds: a page of it, what all of it amounts to, and how long what is open has been open."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlmodel import Session

from returndesk.domain.refund_books import BUCKETS, OPEN, Bucket, Standing
from returndesk.store.policies import PolicyBook
from returndesk.store.refund_books import Key, Uncarried, keys, late_without_refund, uncarried
from returndesk.store.refund_conditions import Asked
from returndesk.store.refund_lines import RefundLine, lines
from returndesk.store.refund_sums import Ageing, StandingSum, Sum, totals

UNDECIDED_MAX = 20
"""Late returns without a refund that the list names; more are among the returns."""


@dataclass(frozen=True)
class RefundsPage:
    """What finance sees. `sums` are of the whole list, not of the page; `ageing` of all that is open in it.

    Beside them, where nothing but the state and lateness was asked for: what is owed without a refund, and, of now, the
    returns that are late though there is nothing to pay yet.
    """

    asked: Asked
    lines: Sequence[RefundLine]
    next_key: Key | None
    sums: Sequence[StandingSum]
    ageing: Sequence[Ageing]
    uncarried: Sequence[Uncarried]
    undecided: Sequence[str]

    @property
    def count(self) -> int:
        """How many refunds the list has."""
        return sum(one.sum.count for one in self.sums)

    @property
    def owed(self) -> Sequence[Sum]:
        """What is open of the list, by currency: the customers do not have it."""
        waiting = [one.sum for one in self.sums if one.standing in OPEN]
        return [
            _together([x for x in waiting if x.currency == c]) for c in sorted({x.currency for x in waiting})
        ]

    @property
    def open_counts(self) -> Mapping[Standing, int]:
        """How many refunds wait, by where they stand."""
        return {
            standing: sum(one.sum.count for one in self.ageing if one.standing is standing)
            for standing in OPEN
        }

    @property
    def aged(self) -> list[tuple[Bucket, list[int]]]:
        """How many are open by age, and of these by where they stand, in the order of `OPEN`."""
        return [
            (
                bucket,
                [
                    sum(
                        one.sum.count
                        for one in self.ageing
                        if one.bucket is bucket and one.standing is standing
                    )
                    for standing in OPEN
                ],
            )
            for bucket in BUCKETS
        ]

    @property
    def aged_sums(self) -> list[tuple[Bucket, list[Sum]]]:
        """How much is open by age, in each currency."""
        found = []
        for bucket in BUCKETS:
            here = [one.sum for one in self.ageing if one.bucket is bucket]
            currencies = sorted({one.currency for one in here})
            found.append((bucket, [_together([x for x in here if x.currency == c]) for c in currencies]))
        return found


def _together(sums_: Sequence[Sum]) -> Sum:
    return Sum(sums_[0].currency, sum(x.count for x in sums_), sum(x.amount_minor for x in sums_))


def refunds_page(
    session: Session, policies: PolicyBook, asked: Asked, *, after: Key | None, limit: int
) -> RefundsPage:
    """A page of the list, with the sums of the whole."""
    connection = session.connection()
    places = keys(connection, asked, after, limit + 1)
    more, places = len(places) > limit, places[:limit]
    is_whole = asked.is_of_all_owed
    by_standing, by_age = totals(connection, asked)
    return RefundsPage(
        asked=asked,
        lines=lines(connection, policies, asked, places),
        next_key=places[-1] if more else None,
        sums=by_standing,
        ageing=by_age,
        uncarried=uncarried(connection, asked) if is_whole else (),
        undecided=late_without_refund(connection, asked.at, UNDECIDED_MAX)
        if is_whole and asked.is_now
        else (),
    )
