"""Goods back: what was rejected leaves again, by a date that the customer was told."""

from dataclasses import replace

from activities.transitions.facts import common, title_of
from returndesk.domain.errors import InvalidInput, Refused
from returndesk.domain.inputs import GoodsBackInput
from returndesk.domain.lots import Disposition, Lot, WayBack
from returndesk.domain.notice_facts import NoticeItem
from returndesk.domain.notices import GoodsBackLate, GoodsLeft
from returndesk.domain.people import Role
from returndesk.store.cases import Case

NEW_DATE_DAYS = 2
"""Business days that are promised when the first date could not be kept."""


def goods_back(case: Case, asked: GoodsBackInput) -> None:
    """Rejected goods were sent, handed over, or scrapped because nobody wanted them by the date."""
    going = _going(case)
    chosen = [lot for lot in going if not asked.lots or lot.number in asked.lots]
    if not chosen or len(chosen) < len(set(asked.lots)):
        raise InvalidInput(
            "nothing_to_send_back", "Not all of that is to go back. Nothing was changed.", field="lots"
        )
    by = case.row.goods_back_by
    if asked.way is WayBack.SCRAPPED and by is not None and case.now < by:
        raise Refused(
            "too_early_to_scrap",
            "The customer was told that these goods go back to them; until that date they are theirs. "
            "Nothing was changed. Send them back, or wait for the date.",
            ["too_early_to_scrap"],
        )
    numbers = {lot.number for lot in chosen}
    case.lots = [_gone(lot, asked.way) if lot.number in numbers else lot for lot in case.lots]
    case.record("goods_left", lots=sorted(numbers), way=asked.way, tracking=asked.tracking, note=asked.note)
    if not _going(case):
        case.row.goods_back_by = None
        for number in range(1, case.row.decisions + 1):
            case.end_task(f"goods_back_{number}")
        case.end_task("goods_back_late")
    case.notice(
        GoodsLeft(
            **common(case, _items(case, chosen)), left_at=case.now, way=asked.way, text_id=asked.tracking
        )
    )


def goods_are_late(case: Case) -> None:
    """The date has passed and the goods are here: a manager sees to it, and the customer has a new date."""
    promised_at = case.row.goods_back_by
    assert promised_at is not None, "only a date that was given can pass"
    case.row.goods_back_late_at = case.now
    new_date = case.rules.calendar.add(case.now, NEW_DATE_DAYS)
    going = _going(case)
    case.record("goods_back_late", due=promised_at.isoformat(), new_date=new_date.isoformat())
    case.task("late", "goods_back_late", Role.MANAGER, new_date, lots=[lot.number for lot in going])
    items = _items(case, going)
    case.notice(GoodsBackLate(**common(case, items), promised_at=promised_at, new_date=new_date))


def _going(case: Case) -> list[Lot]:
    """What goes back; not what a manager may still let be decided again."""
    return [lot for lot in case.lots if lot.goes_back and lot.decision != case.awaiting_decision]


def _gone(lot: Lot, way: WayBack) -> Lot:
    disposition = Disposition.SCRAP if way is WayBack.SCRAPPED else lot.disposition
    return replace(lot, left=way, disposition=disposition)


def _items(case: Case, lots: list[Lot]) -> tuple[NoticeItem, ...]:
    return tuple(NoticeItem(title=title_of(case, lot), quantity=lot.quantity) for lot in lots)
