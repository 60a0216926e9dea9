"""Is the record whole? Verify all of it in the background, see how far it is, and what was found.

The verification is a process of its own. How far it is stands in the books, so the page shows it after a reload and
from every process of the API. It ends with this process; then the page says that it was interrupted.
"""

import json
import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from subprocess import PIPE, Popen
from threading import Thread
from time import monotonic

import structlog
from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlmodel import Session

from api.desk import Desk, desk_of
from api.desk_pages import NO_STORE, show
from api.finance import Finance
from api.live import mark, stream
from returndesk.audit_lines import DATABASE_URL
from returndesk.domain.audit import Finding
from returndesk.embedded.leash import held
from returndesk.store.audit_checks import CheckView, beat, begin, end, interrupt, newest_checks
from returndesk.store.audit_verification import WHAT_TO_DO

router = APIRouter(include_in_schema=False)

_log = structlog.get_logger("api")
_ROOT = Path(__file__).parents[1]
_BEAT_SECONDS = 0.5


@dataclass(frozen=True)
class AuditPage:
    """The verification that runs or was the last, and those before it. `seen`: what it shows, for its stream."""

    seen: str
    newest: CheckView | None
    earlier: list[CheckView]
    what_to_do: tuple[str, ...] = WHAT_TO_DO


@router.get("/desk/audit")
def audit(request: Request, actor: Finance) -> HTMLResponse:
    """How the last verification ended, or how far it is."""
    desk = desk_of(request)
    with desk.database.read() as session:
        checks = newest_checks(session, desk.clock.now())
    return show(
        request,
        actor,
        "finance/audit",
        AuditPage(mark(_look(checks)), checks[0] if checks else None, checks[1:]),
    )


@router.get("/desk/live/audit")
async def audit_live(request: Request, _actor: Finance) -> Response:
    """Says when the verification is further."""
    clock = desk_of(request).clock

    def look(session: Session) -> str:
        return _look(newest_checks(session, clock.now()))

    return await stream(request, look)


def _look(checks: Sequence[CheckView]) -> str:
    return repr(checks[:1])


@router.post("/desk/audit")
def verify_all(request: Request, actor: Finance) -> RedirectResponse:
    """Begin to verify everything; where that is going on already, just show it."""
    desk = desk_of(request)
    with desk.database.write() as session:
        check_id = begin(session, actor.id, desk.clock.now())
    if check_id is not None:
        Thread(target=_verify, args=(desk, check_id), name="audit", daemon=True).start()
    return RedirectResponse("/desk/audit", HTTPStatus.SEE_OTHER, NO_STORE)


def _verify(desk: Desk, check_id: str) -> None:
    """Run the verification and write down what it tells. A thread of its own, since it lasts."""
    environment = {**os.environ, DATABASE_URL: desk.database.url}
    command = held([sys.executable, "-m", "returndesk.audit_lines"])
    with Popen(command, stdout=PIPE, cwd=_ROOT, env=environment, text=True) as process:
        assert process.stdout is not None, "its lines are piped"
        _listen(desk, check_id, process.stdout)
    with desk.database.write() as session:
        if process.returncode == 0:
            end(session, check_id, desk.clock.now())
        else:
            _log.warning("audit_check_interrupted", check=check_id, returncode=process.returncode)
            interrupt(session, check_id)


def _listen(desk: Desk, check_id: str, lines: Iterable[str]) -> None:
    """Write down how far it is twice a second, and at the end."""
    found: list[Finding] = []
    returns = records = 0
    beat_at = monotonic()
    for line in lines:
        returns, records, new = json.loads(line)
        found += [Finding(*one) for one in new]
        if monotonic() - beat_at >= _BEAT_SECONDS:
            _beat(desk, check_id, returns, records, found)
            found, beat_at = [], monotonic()
    _beat(desk, check_id, returns, records, found)


def _beat(desk: Desk, check_id: str, returns: int, records: int, found: list[Finding]) -> None:
    with desk.database.write() as session:
        beat(session, check_id, desk.clock.now(), returns, records, found)
