"""Refunds, for finance: when and how every amount went back."""

from datetime import date
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query, Request

from api.desk import desk_of
from api.identity import require
from api.problems import problems
from returndesk.domain.errors import InvalidInput
from returndesk.domain.orders import Instant
from returndesk.domain.people import Actor, Role
from returndesk.domain.refund_books import Standing, books_at
from returndesk.domain.stages import RefundStatus
from returndesk.store import views
from returndesk.store.refund_conditions import Asked
from returndesk.store.refund_list import refunds_that_stood

router = APIRouter(prefix="/api/v1", tags=["refunds"])


@router.get("/refunds", responses=problems(401, 403, 422))
def list_refunds(
    request: Request,
    _actor: Annotated[Actor, require(Role.FINANCE, Role.REP, Role.MANAGER, Role.ADMIN)],
    status: RefundStatus | None = None,
    decided_from: Annotated[Instant | None, Query(alias="from", description="Decided at or after.")] = None,
    decided_to: Annotated[Instant | None, Query(alias="to", description="Decided before.")] = None,
    standing: Annotated[
        Standing | None, Query(description="Where it stands, or stood, in the books.")
    ] = None,
    late: Annotated[
        bool, Query(description="Only those whose refund clock ran out before they were paid.")
    ] = False,
    as_of: Annotated[
        date | None,
        Query(
            description="As the books stood at the end of this day of the shop's. Not together with `status`."
        ),
    ] = None,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> views.RefundList:
    """Refunds with decided, submitted and credited instants, newest decision first."""
    desk = desk_of(request)
    if standing is None and not late and as_of is None:
        with desk.database.read() as session:
            return views.list_refunds(
                session,
                status=status,
                decided_from=decided_from,
                decided_to=decided_to,
                cursor=cursor,
                limit=limit,
            )
    if status is not None:
        raise InvalidInput(
            "status_of_a_day",
            "Ask by `standing` instead of `status`, together with `late` or `as_of`.",
            "status",
        )
    zone = ZoneInfo(desk.policy.shop.zone)
    at, day, is_now = books_at(as_of, desk.clock.now(), zone)
    asked = Asked(
        at=at,
        day=day,
        zone=zone,
        is_now=is_now,
        standings=() if standing is None else (standing,),
        decided_from=decided_from,
        decided_to=decided_to,
        is_late=late,
        newest_first=True,
    )
    with desk.database.read() as session:
        return refunds_that_stood(session, desk.policies, asked, cursor=cursor, limit=limit)
