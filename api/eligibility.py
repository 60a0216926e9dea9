"""What the rules would say of a request, asked beforehand. Nothing is written, so no Idempotency-Key is needed."""

from typing import Annotated

from fastapi import APIRouter, Request

from api.desk import desk_of
from api.identity import require
from api.problems import problems
from returndesk.domain.inputs import RequestInput
from returndesk.domain.people import MAY, Actor
from returndesk.domain.stages import CommandKind
from returndesk.store.eligibility import EligibilityView, dry_run

router = APIRouter(prefix="/api/v1", tags=["returns"])


@router.post("/returns/eligibility", responses=problems(400, 401, 403, 413, 422))
def eligibility(
    body: RequestInput, request: Request, _actor: Annotated[Actor, require(*MAY[CommandKind.REQUEST])]
) -> EligibilityView:
    """The rules' answer to a request before it is made, and what would be refunded. Send the request's own body.

    `eligible`: it would be accepted. `needs_person`: it would wait for somebody to authorize it. `ineligible`: it
    would be refused; where every such reason is `overridable`, a rep's `override` takes it all the same.
    """
    desk = desk_of(request)
    with desk.database.reading() as connection:
        return dry_run(connection, desk.policy, body, desk.clock.now())
