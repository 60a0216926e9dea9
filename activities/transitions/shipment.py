"""Shipment: the customer says, and proves, that the goods are on their way. They do not expire behind its back."""

from activities.transitions.facts import common, items_at, items_of
from returndesk.domain.errors import InvalidInput
from returndesk.domain.lots import Reception
from returndesk.domain.notices import NotArrived, OnItsWay
from returndesk.domain.parcel_inputs import ShipmentInput
from returndesk.domain.parcels import Packed, send
from returndesk.domain.people import Role
from returndesk.store.cases import Case

LOOK_FOR_PARCEL = "look_for_parcel"
LOOKING_DAYS = 2
"""Business days a rep has to find out where a parcel is that was sent and did not arrive."""


def shipment(case: Case, asked: ShipmentInput) -> None:
    """Note what was sent. Nobody is reminded to send what is on its way already."""
    sent_at = asked.sent_at or case.now
    if sent_at > case.now:
        raise InvalidInput(
            "sent_in_future",
            "It cannot have been sent later than now. Nothing was changed. Give when it was sent.",
            "sent_at",
        )
    before = {lot.number: lot for lot in case.lots}
    case.lots = send(case.lots, [Packed(item.line, item.quantity) for item in asked.items])
    on_its_way = [lot for lot in case.lots if lot.reception is Reception.IN_TRANSIT]
    if not on_its_way:
        raise InvalidInput("nothing_awaited", "This return waits for no goods. Nothing was changed.")
    sent = [lot for lot in on_its_way if lot != before.get(lot.number)] or on_its_way
    case.row.sent_at = case.row.sent_at or sent_at
    if all(lot.reception is not Reception.AWAITING for lot in case.lots):
        case.row.reminder_at = None
    case.record(
        "shipped",
        items=[[item.line, item.quantity] for item in asked.items],
        sent_at=sent_at.isoformat(),
        tracking=asked.tracking,
        note=asked.note,
    )
    expires_at = case.row.expires_at
    case.notice(
        OnItsWay(
            **common(case, items_of(case, sent)),
            sent_at=sent_at,
            rest=items_at(case, Reception.AWAITING),
            send_by=expires_at if expires_at is not None and expires_at > case.now else None,
        )
    )


def look_for_parcel(case: Case) -> None:
    """The time for it to arrive has passed: a person looks for it, and the customer knows by when."""
    row = case.row
    assert row.sent_at is not None, "only what was sent is looked for"
    row.looked_for_at = case.now
    new_date = case.rules.calendar.add(case.now, LOOKING_DAYS)
    case.record("looked_for", new_date=new_date.isoformat())
    case.task("lost_parcels", LOOK_FOR_PARCEL, Role.REP, new_date)
    items = items_at(case, Reception.IN_TRANSIT)
    case.notice(NotArrived(**common(case, items), sent_at=row.sent_at, new_date=new_date))
