"""Refunds, for finance: when and how every amount went back."""

from typing import Annotated

from fastapi import APIRouter, Query, Request

from api.desk import desk_of
from api.identity import require
from api.problems import problems
from returndesk.domain.orders import Instant
from returndesk.domain.people import Actor, Role
from returndesk.domain.stages import RefundStatus
from returndesk.store import views

router = APIRouter(prefix="/api/v1", tags=["refunds"])


@router.get("/refunds", responses=problems(401, 403, 422))
def list_refunds(
    request: Request,
    _actor: Annotated[Actor, require(Role.FINANCE, Role.REP, Role.MANAGER, Role.ADMIN)],
    status: RefundStatus | None = None,
    decided_from: Annotated[Instant | None, Query(alias="from", description="Decided at or after.")] = None,
    decided_to: Annotated[Instant | None, Query(alias="to", description="Decided before.")] = None,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> views.RefundList:
    """Refunds with decided, submitted and credited instants, newest decision first."""
    with desk_of(request).database.read() as session:
        return views.list_refunds(
            session,
            status=status,
            decided_from=decided_from,
            decided_to=decided_to,
            cursor=cursor,
            limit=limit,
        )
