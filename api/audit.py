"""The audit chain's page: verify all of it in the background, see how far it is, and what was found.

The verification is a process of its own. How far it is stands in the books, so the page shows it after a reload and
from every process of the API. It ends with this process; then the page says that it was interrupted.
"""

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE, Process
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

import structlog
from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlmodel import Session

from api.desk import Desk, desk_of
from api.desk_pages import NO_STORE, show
from api.finance import Finance
from api.live import stream
from returndesk.audit_lines import DATABASE_URL
from returndesk.embedded.leash import held
from returndesk.store.audit_checks import CheckView, beat, begin, end, interrupt, newest_checks
from returndesk.store.audit_verification import Finding

router = APIRouter(include_in_schema=False)

_log = structlog.get_logger("api")
_ROOT = Path(__file__).parents[1]
_BEAT_SECONDS = 0.5


@dataclass(frozen=True)
class AuditPage:
    """The verification that runs or was the last, and those before it."""

    newest: CheckView | None
    earlier: list[CheckView]


@router.get("/desk/audit")
def audit(request: Request, actor: Finance) -> HTMLResponse:
    """How the last verification ended, or how far it is."""
    desk = desk_of(request)
    with desk.database.read() as session:
        checks = newest_checks(session, desk.clock.now())
    return show(request, actor, "finance/audit", AuditPage(checks[0] if checks else None, checks[1:]))


@router.get("/desk/live/audit")
async def audit_live(request: Request, _actor: Finance) -> Response:
    """Says when the verification is further."""
    clock = desk_of(request).clock

    def look(session: Session) -> str:
        return repr(newest_checks(session, clock.now())[:1])

    return await stream(request, look)


@router.post("/desk/audit")
async def verify_all(request: Request, actor: Finance) -> RedirectResponse:
    """Begin to verify every chain; where that is going on already, just show it."""
    desk = desk_of(request)
    check_id = await asyncio.to_thread(_begun, desk, actor.id)
    if check_id is not None:
        watching = asyncio.create_task(_verify(desk, check_id))
        tasks: set[asyncio.Task[None]] = request.app.state.__dict__.setdefault("verifying", set())
        tasks.add(watching)
        watching.add_done_callback(tasks.discard)
    return RedirectResponse("/desk/audit", HTTPStatus.SEE_OTHER, NO_STORE)


def _begun(desk: Desk, actor_id: str) -> str | None:
    with desk.database.write() as session:
        return begin(session, actor_id, desk.clock.now())


async def _verify(desk: Desk, check_id: str) -> None:
    """Run the verification and write down what it tells."""
    command = held([sys.executable, "-m", "returndesk.audit_lines"])
    environment = {**os.environ, DATABASE_URL: desk.database.url}
    process = await asyncio.create_subprocess_exec(*command, stdout=PIPE, cwd=_ROOT, env=environment)
    try:
        await _listen(desk, check_id, process)
        ended = await process.wait() == 0
    except asyncio.CancelledError:
        process.kill()
        raise
    if not ended:
        _log.warning("audit_check_interrupted", check=check_id)
    await asyncio.to_thread(_ended, desk, check_id, ended)


def _ended(desk: Desk, check_id: str, done: bool) -> None:
    with desk.database.write() as session:
        if done:
            end(session, check_id, desk.clock.now())
        else:
            interrupt(session, check_id)


async def _listen(desk: Desk, check_id: str, process: Process) -> None:
    """Write down how far it is twice a second, and at the end."""
    assert process.stdout is not None, "its lines are piped"
    found: list[Finding] = []
    done = (0, 0)
    loop = asyncio.get_running_loop()
    beat_at = loop.time()
    async for line in process.stdout:
        returns, records, new = json.loads(line)
        done = (returns, records)
        found += [Finding(*one) for one in new]
        if loop.time() - beat_at >= _BEAT_SECONDS:
            await asyncio.to_thread(_beat, desk, check_id, done, found)
            found, beat_at = [], loop.time()
    await asyncio.to_thread(_beat, desk, check_id, done, found)


def _beat(desk: Desk, check_id: str, done: tuple[int, int], found: list[Finding]) -> None:
    with desk.database.write() as session:
        beat(session, check_id, desk.clock.now(), *done, found)
