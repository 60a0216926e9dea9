"""Finance's desk: every refund with its instants and whether it was in time, of now or as of any day; exports of it."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from api.desk import desk_of
from api.desk_pages import problem_of, show
from api.identity import require
from api.refund_filters import STATES, RefundFilters, asked_for, filters_in
from returndesk.domain.errors import InvalidInput
from returndesk.domain.people import Actor, Role
from returndesk.store.finance_pages import RefundsPage, refunds_page
from returndesk.store.paging import from_cursor, to_cursor

router = APIRouter(include_in_schema=False)

FINANCE = (Role.FINANCE, Role.MANAGER, Role.ADMIN)
Finance = Annotated[Actor, require(*FINANCE)]
REFUNDS_A_PAGE = 50


@dataclass(frozen=True)
class RefundsView:
    """The list with its filters; `books` is missing where they ask for nothing that can be answered."""

    filters: RefundFilters
    states: tuple[str, ...]
    books: RefundsPage | None
    next_url: str
    first_url: str


@router.get("/desk/refunds")
async def refunds(
    request: Request, actor: Finance, after: Annotated[str | None, Query(max_length=200)] = None
) -> HTMLResponse:
    """Refunds by state and age, in time or late, of now or as of the end of any day."""
    filters = filters_in(request.query_params)
    try:
        return await asyncio.to_thread(_refunds, request, actor, filters, after)
    except InvalidInput as error:
        view = RefundsView(filters, tuple(STATES), None, "", "")
        return show(request, actor, "finance/refunds", view, problem=problem_of(error), typed=_typed(filters))


def _refunds(request: Request, actor: Actor, filters: RefundFilters, after: str | None) -> HTMLResponse:
    desk = desk_of(request)
    asked = asked_for(filters, desk.clock.now(), ZoneInfo(desk.policy.shop.zone))
    place = None if after is None else from_cursor(after)
    with desk.database.read() as session:
        books = refunds_page(session, desk.policies, asked, after=place, limit=REFUNDS_A_PAGE)
    following = "" if books.next_key is None else to_cursor(*books.next_key)
    path = filters.url()
    view = RefundsView(
        filters,
        tuple(STATES),
        books,
        f"{path}{'&' if '?' in path else '?'}after={following}" if following else "",
        path if after else "",
    )
    return show(request, actor, "finance/refunds", view)


def _typed(filters: RefundFilters) -> Mapping[str, str]:
    return {name.rstrip("_"): value for name, value in vars(filters).items()}
