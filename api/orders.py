"""Orders, as the shop's system sends them and as the desks read them."""

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from api.identity import require
from api.problems import problems
from returndesk.domain.mistakes import REFERENCE
from returndesk.domain.orders import OrderInput
from returndesk.domain.people import Actor, Role
from returndesk.store.orders import OrderView, order_view, put_order

router = APIRouter(prefix="/api/v1/orders", tags=["orders"])

_DESK = (Role.REP, Role.MANAGER, Role.ADMIN)

OrderReference = Annotated[
    str, Path(max_length=64, pattern=REFERENCE, description="The shop's order number.")
]


@router.put(
    "/{reference}",
    responses={
        201: {"model": OrderView, "description": "The order is new."},
        **problems(400, 401, 403, 409, 413, 422),
    },
)
def put(
    reference: OrderReference,
    order: OrderInput,
    request: Request,
    response: Response,
    _actor: Annotated[Actor, require(*_DESK)],
) -> OrderView:
    """Write an order down, or bring it to what it is now. The same order again changes nothing.

    What a return was built on is not changed any more: 409 `order_in_use`.
    """
    desk = request.app.state.desk
    with desk.database.write() as session:
        done = put_order(session, reference, order, now=desk.clock.now(), secret=desk.secret)
        view = order_view(session, reference)
    if done.created:
        response.status_code = 201
    return view


@router.get("/{reference}", responses=problems(401, 403, 404, 422))
def get(
    reference: OrderReference,
    request: Request,
    actor: Annotated[Actor, require(*_DESK, Role.WAREHOUSE, Role.FINANCE)],
) -> OrderView:
    """An order with its lines, payments and customer; name and address are null for warehouse and finance."""
    with request.app.state.desk.database.read() as session:
        view = order_view(session, reference)
    return view if actor.role in _DESK else view.without_personal_data()
