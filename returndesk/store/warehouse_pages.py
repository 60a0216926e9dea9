"""What the warehouse's station shows of the parcel at hand. Goods, counts and dates; no person."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlmodel import Session, col

from returndesk.domain.errors import NotFound
from returndesk.domain.inspection import Facts, InspectionRules, every_facts
from returndesk.domain.lots import (
    CLAIMED_ELSEWHERE,
    GIVEN_UP,
    HERE,
    ON_THE_WAY,
    Acceptance,
    Arrival,
    Condition,
    Disposition,
    Lot,
    Packaging,
    Reception,
)
from returndesk.domain.people import CLOCK
from returndesk.domain.stages import CommandKind, Stage, allows
from returndesk.store import tables
from returndesk.store.cases import Case, load_case
from returndesk.store.policies import PolicyBook
from returndesk.store.units import SoldLine, sold_lines
from returndesk.store.warehouse_traces import Left, Traces, traces


@dataclass(frozen=True)
class LineAtHand:
    """One line of the order, and where its units of this return are.

    `given_up`: not waited for any more, and may come all the same, `missing` of them because a parcel did not hold
    them; `elsewhere`: lie here, counted in another return; `free`: of the order, in no return.
    """

    line: int
    sku: str
    title: str
    sold: int
    expected: int = 0
    given_up: int = 0
    missing: int = 0
    here: int = 0
    to_inspect: int = 0
    elsewhere: int = 0
    free: int = 0

    @property
    def is_ours(self) -> bool:
        """Whether this return has anything of it."""
        return self.expected + self.given_up + self.here + self.elsewhere > 0


@dataclass(frozen=True)
class LotAtHand:
    """A lot that is here, and what may be done with it."""

    number: int
    line: int | None
    title: str | None
    quantity: int
    arrival: Arrival | None
    condition: Condition | None
    packaging: Packaging | None
    acceptance: Acceptance
    disposition: Disposition | None
    photos: int
    is_elsewhere: bool
    may_correct: bool
    may_dispose: bool
    goes_back: bool
    words: str | None
    """What somebody wrote of goods that this order never had."""


@dataclass(frozen=True)
class MissingLot:
    """Units that a parcel did not hold, and that nobody decided about: the count may have been wrong."""

    number: int
    title: str | None
    quantity: int


@dataclass(frozen=True)
class LeftGoods:
    """Goods that left again."""

    title: str | None
    quantity: int
    left: Left


@dataclass(frozen=True)
class ParcelPage:
    """A return as the one with its parcel in their hands sees it."""

    rma: str
    order_reference: str
    stage: Stage
    due_at: datetime | None
    is_on_hold: bool
    awaits_answer: bool
    awaits_approval: bool
    has_ended: bool
    lines: Sequence[LineAtHand]
    lots: Sequence[LotAtHand]
    missing: Sequence[MissingLot]
    left: Sequence[LeftGoods]
    goods_back_by: datetime | None
    is_back_late: bool
    may_scrap: bool
    photos: Sequence[str]
    """Photos that no lot names yet, by id."""
    others: Sequence[str]
    """The order's other returns."""
    grades: str | None
    """What the policy's rules make of every answer (`answers_of`); None where the inspector says it in their words."""

    @property
    def expected(self) -> int:
        """Units that are waited for."""
        return sum(line.expected for line in self.lines)

    @property
    def to_inspect(self) -> int:
        """Units that are here and nobody looked at."""
        return sum(line.to_inspect for line in self.lines)

    @property
    def going_back(self) -> Sequence[LotAtHand]:
        """What the customer is to have back."""
        return [lot for lot in self.lots if lot.goes_back]

    def may(self, kind: str) -> bool:
        """Whether a command is possible now."""
        return allows(self.stage, CommandKind(kind))


@dataclass(frozen=True)
class LabelPage:
    """Labels for the shelf, one for each lot that is here. `paper`: the roll of the label printer, or a sheet."""

    rma: str
    order_reference: str
    lots: Sequence[LotAtHand]
    paper: str


@dataclass(frozen=True)
class OrderPage:
    """A parcel of an order, or of nobody knows what; with the order's returns, the newest first."""

    reference: str | None
    lines: Sequence[LineAtHand] = ()
    returns: Sequence[tuple[str, Stage]] = ()


def answers_of(rules: InspectionRules) -> str:
    """The grade of each possible answer, in the order of `every_facts`: two digits, of condition and packaging."""
    conditions, packagings = list(Condition), list(Packaging)
    grades = (rules.derive(facts) for facts in every_facts())
    return "".join(f"{conditions.index(of)}{packagings.index(in_)}" for of, in_ in grades)


def parcel_page(session: Session, policies: PolicyBook, rma: str, now: datetime) -> ParcelPage:
    """A return for the hand that holds its parcel. Raises `NotFound`."""
    case = _case(session, policies, rma, now)
    row, rules = case.row, case.rules.policy.inspection
    seen = traces(session, rma)
    return ParcelPage(
        rma=rma,
        order_reference=row.order_reference,
        stage=row.stage,
        due_at=row.processing_due_at if row.stage in (Stage.RECEIVED, Stage.INSPECTED) else None,
        is_on_hold=row.on_hold_since is not None,
        awaits_answer=row.awaiting_answer_since is not None,
        awaits_approval=row.awaiting_approval,
        has_ended=row.ended_at is not None,
        lines=_lines(session, row.order_reference, case.lots),
        lots=_lots(case, seen.words),
        missing=_missing(case),
        left=_left(case, seen),
        goods_back_by=row.goods_back_by,
        is_back_late=row.goods_back_by is not None and case.now > row.goods_back_by,
        may_scrap=row.goods_back_by is None or case.now >= row.goods_back_by,
        photos=_unnamed_photos(session, rma, case.lots),
        others=[other for other, _ in _returns_of(session, row.order_reference) if other != rma],
        grades=None if rules is None else answers_of(rules),
    )


def label_page(session: Session, policies: PolicyBook, rma: str, now: datetime, paper: str) -> LabelPage:
    """Labels for what is here. Raises `NotFound`."""
    case = _case(session, policies, rma, now)
    return LabelPage(rma, case.row.order_reference, _lots(case, {}), paper)


def order_page(session: Session, reference: str) -> OrderPage:
    """An order whose parcel came without a return, or with one it does not name. Raises `NotFound`."""
    lines = _lines(session, reference, [])
    if not lines:
        raise NotFound("order_not_found", "There is no order with this number. Check it on the invoice.")
    return OrderPage(reference, lines, _returns_of(session, reference))


def is_return(session: Session, rma: str) -> bool:
    """Whether there is a return with this number."""
    return session.get(tables.Return, rma) is not None


def grade_of(session: Session, policies: PolicyBook, rma: str, facts: Facts) -> tuple[Condition, Packaging]:
    """What the return's policy makes of facts. Raises `NotFound`, also where it has no rules for them."""
    row = session.get(tables.Return, rma)
    if row is None:
        raise NotFound("return_not_found", "There is no return with this RMA number. Check it on the slip.")
    rules = policies.of(session.connection(), row.policy_version).policy.inspection
    if rules is None:
        raise NotFound(
            "facts_not_graded", "This return's policy has no rules for facts. Say it in your words."
        )
    return rules.derive(facts)


def is_order(session: Session, reference: str) -> bool:
    """Whether there is an order with exactly this number."""
    return session.get(tables.Order, reference) is not None


def photo_ids(session: Session, actor_id: str, rma: str, keys: Sequence[str]) -> list[str]:
    """The photos that somebody sent to a return under these keys. Raises `NotFound` where one is not there."""
    row = tables.Attachment
    found = session.execute(
        select(col(row.idempotency_key), col(row.id)).where(
            col(row.actor_id) == actor_id, col(row.rma) == rma, col(row.idempotency_key).in_(keys)
        )
    )
    by_key = {row.idempotency_key: row.id for row in found}
    if len(by_key) < len(set(keys)):
        raise NotFound(
            "photo_not_found",
            "A photo of this inspection did not arrive, so nothing was recorded. Your answers are still here: record "
            "without it, or take it again first.",
        )
    return [by_key[key] for key in dict.fromkeys(keys)]


def _case(session: Session, policies: PolicyBook, rma: str, now: datetime) -> Case:
    case = load_case(session.connection(), rma, policies.of, actor=CLOCK, now=now, key="page", to_read=True)
    if case is None:
        raise NotFound("return_not_found", "There is no return with this RMA number. Check it on the slip.")
    return case


def _lines(session: Session, order_reference: str, lots: Sequence[Lot]) -> list[LineAtHand]:
    row = tables.OrderLine
    skus = session.execute(
        select(col(row.line), col(row.sku)).where(col(row.order_reference) == order_reference)
    )
    sku_of = {found.line: found.sku for found in skus}
    return [
        _line(sold, sku_of[sold.line], [lot for lot in lots if lot.line == sold.line])
        for sold in sold_lines(session.connection(), order_reference)
    ]


def _line(sold: SoldLine, sku: str, lots: Sequence[Lot]) -> LineAtHand:
    def units(which: Callable[[Lot], bool]) -> int:
        return sum(lot.quantity for lot in lots if which(lot))

    return LineAtHand(
        line=sold.line,
        sku=sku,
        title=sold.title,
        sold=sold.quantity,
        expected=units(lambda lot: lot.reception in ON_THE_WAY),
        missing=units(lambda lot: lot.reception is Reception.SHORT_SHIPPED),
        given_up=units(lambda lot: lot.reception in GIVEN_UP and lot.reason is not None),
        here=units(lambda lot: lot.reception is Reception.RECEIVED and lot.left is None),
        to_inspect=units(lambda lot: lot.reception is Reception.RECEIVED and not lot.inspected),
        elsewhere=units(lambda lot: CLAIMED_ELSEWHERE in lot.reasons),
        free=sold.quantity - sold.claimed,
    )


def _titles(case: Case) -> dict[int | None, str]:
    return {line.line: line.title for line in case.order_lines}


def _missing(case: Case) -> list[MissingLot]:
    if not allows(case.row.stage, CommandKind.CORRECTION):
        return []
    titles = _titles(case)
    return [
        MissingLot(lot.number, titles.get(lot.line), lot.quantity)
        for lot in case.undecided
        if lot.reception is Reception.SHORT_SHIPPED
    ]


def _left(case: Case, seen: Traces) -> list[LeftGoods]:
    titles, quantities = _titles(case), {lot.number: lot for lot in case.lots if lot.left is not None}
    return [
        LeftGoods(titles.get(quantities[number].line), quantities[number].quantity, left)
        for left in seen.left
        for number in sorted(left.lots & quantities.keys())
    ]


def _lots(case: Case, words: Mapping[int, str]) -> list[LotAtHand]:
    titles = _titles(case)
    stage, waits = case.row.stage, case.awaiting_decision
    may_correct, may_dispose, may_go = (
        allows(stage, kind)
        for kind in (CommandKind.CORRECTION, CommandKind.DISPOSITIONS, CommandKind.GOODS_BACK)
    )
    return [
        LotAtHand(
            number=lot.number,
            line=lot.line,
            title=titles.get(lot.line),
            quantity=lot.quantity,
            arrival=lot.arrival,
            condition=lot.condition,
            packaging=lot.packaging,
            acceptance=lot.acceptance if lot.decision is not None and lot.decision != waits else Acceptance.PENDING,
            disposition=lot.disposition,
            photos=len(lot.photos),
            is_elsewhere=CLAIMED_ELSEWHERE in lot.reasons,
            may_correct=may_correct and lot.decision is None,
            may_dispose=may_dispose
            and lot.reception is Reception.RECEIVED
            and lot.acceptance is not Acceptance.REJECTED,
            goes_back=may_go and lot.goes_back and lot.decision != waits,
            words=words.get(lot.number),
        )
        for lot in case.lots
        if lot.reception in HERE and lot.left is None
    ]  # fmt: skip


def _unnamed_photos(session: Session, rma: str, lots: Sequence[Lot]) -> list[str]:
    named = {photo for lot in lots for photo in lot.photos}
    row = tables.Attachment
    found = session.scalars(
        select(col(row.id)).where(col(row.rma) == rma).order_by(col(row.recorded_at), col(row.id))
    )
    return [photo for photo in found if photo not in named]


_return = tables.Return


def _returns_of(session: Session, order_reference: str) -> list[tuple[str, Stage]]:
    found = session.execute(
        select(col(_return.rma), col(_return.stage))
        .where(col(_return.order_reference) == order_reference)
        .order_by(col(_return.recorded_at).desc(), col(_return.rma))
    )
    return [(rma, Stage(stage)) for rma, stage in found]
