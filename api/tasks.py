"""Tasks: work that waits for a person, by queue."""

from typing import Annotated

from fastapi import APIRouter, Query, Request

from api.desk import desk_of
from api.identity import require
from api.problems import problems
from returndesk.domain.people import Actor, Role
from returndesk.store import views

router = APIRouter(prefix="/api/v1", tags=["tasks"])


@router.get("/tasks", responses=problems(401, 403, 422))
def list_tasks(
    request: Request,
    _actor: Annotated[Actor, require(Role.REP, Role.WAREHOUSE, Role.FINANCE, Role.MANAGER, Role.ADMIN)],
    queue: Annotated[
        str | None, Query(max_length=40, pattern="^[a-z_]+$", description="inspections, late, refunds, …")
    ] = None,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> views.TaskList:
    """Open tasks, most urgent first."""
    with desk_of(request).database.read() as session:
        return views.list_tasks(session, queue=queue, cursor=cursor, limit=limit)
