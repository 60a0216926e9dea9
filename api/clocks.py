"""A return's clocks, with what became of every hour."""

from typing import Annotated

from fastapi import APIRouter, Request

from api.desk import desk_of
from api.identity import require
from api.problems import problems
from api.return_commands import Rma
from returndesk.domain.people import Actor, Role
from returndesk.domain.rma import parse
from returndesk.store.clock_accounts import ClockAccounts, clock_accounts

router = APIRouter(prefix="/api/v1", tags=["returns"])


@router.get("/returns/{rma}/clocks", responses=problems(401, 403, 404, 422))
def clocks(
    rma: Rma,
    request: Request,
    _actor: Annotated[Actor, require(Role.REP, Role.WAREHOUSE, Role.FINANCE, Role.MANAGER, Role.ADMIN)],
) -> ClockAccounts:
    """Both clocks, hour by hour since the contact: what counted, when nobody worked, who was waited for."""
    desk = desk_of(request)
    with desk.database.read() as session:
        return clock_accounts(session, desk.policies, parse(rma), desk.clock.now())
