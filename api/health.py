"""Whether it runs, whether it can work, and how much waits."""

import asyncio
from http import HTTPStatus

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest
from prometheus_client import REGISTRY as PROCESS
from pydantic import BaseModel
from sqlmodel import text

from api.desk import Desk, desk_of
from api.identity import anybody
from returndesk.store.gauges import gauges

router = APIRouter(tags=["health"], dependencies=[anybody("for the probes and scrapers of the inside")])
_ANSWERS_WITHIN_SECONDS = 2.0


class Health(BaseModel):
    """`ok`, or which part does not answer."""

    status: str
    parts: dict[str, str] = {}


@router.get("/healthz")
async def healthz() -> Health:
    """The process answers."""
    return Health(status="ok")


@router.get(
    "/readyz",
    response_model=Health,
    responses={503: {"model": Health, "description": "A part does not answer."}},
)
async def readyz(request: Request) -> Response:
    """The database and Temporal answer too."""
    desk = desk_of(request)
    checks = {
        # Not Starlette's thread pool: there, a silent database would be waited for beyond the limit.
        "database": asyncio.to_thread(_ask_database, desk),
        "temporal": desk.temporal.service_client.check_health(),
    }
    parts: dict[str, str] = {}
    for name, check in checks.items():
        try:
            async with asyncio.timeout(_ANSWERS_WITHIN_SECONDS):
                await check
            parts[name] = "ok"
        except Exception as error:
            parts[name] = f"does not answer ({type(error).__name__})"
    ok = set(parts.values()) == {"ok"}
    health = Health(status="ok" if ok else "not ready", parts=parts)
    return JSONResponse(health.model_dump(), HTTPStatus.OK if ok else HTTPStatus.SERVICE_UNAVAILABLE)


def _ask_database(desk: Desk) -> None:
    with desk.database.read() as session:
        session.execute(text("SELECT 1"))


@router.get(
    "/metrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": {}}, "description": "Gauges."}},
)
def metrics(request: Request) -> Response:
    """Counts for Prometheus: requests of this process, and what waits in the books. No ids, no names."""
    waiting = CollectorRegistry()
    with desk_of(request).database.read() as session:
        for name, label, values in gauges(session):
            gauge = Gauge(name, name.replace("_", " "), [label], registry=waiting)
            for value, count in values.items():
                gauge.labels(value).set(count)
    return Response(generate_latest(PROCESS) + generate_latest(waiting), media_type=CONTENT_TYPE_LATEST)
