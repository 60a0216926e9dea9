"""What the pages of customers share: no sign-in, only the secret in the address; and forms that are taken so often an hour.

The counts are a process's own and begin anew with it: they keep a mistake or a prank small, they are no wall.
"""

import math
import time
from collections import deque
from collections.abc import Mapping
from http import HTTPStatus

from fastapi import Request
from fastapi.responses import HTMLResponse

from api.desk import desk_of
from api.desk_pages import NO_STORE, Done, FormProblem, Frame
from returndesk.domain.errors import TooOften
from returndesk.domain.people import CUSTOMER

HOUR_S = 3_600.0
_REMEMBERED_MAX = 10_000


class Allowance:
    """So many an hour for each key: a link, an address. One for each app and purpose."""

    def __init__(self, an_hour_max: int) -> None:
        self._max = an_hour_max
        self._taken: dict[str, deque[float]] = {}

    def take(self, key: str) -> None:
        """Count one more. Raises `TooOften` (`too_often`) where that is too many."""
        now = time.monotonic()
        if key not in self._taken and len(self._taken) >= _REMEMBERED_MAX:
            self._taken = {k: at for k, at in self._taken.items() if at and at[-1] > now - HOUR_S}
            if len(self._taken) >= _REMEMBERED_MAX:
                self._taken.clear()
        at = self._taken.setdefault(key, deque())
        while at and at[0] <= now - HOUR_S:
            at.popleft()
        if len(at) >= self._max:
            raise TooOften(
                "too_often",
                "That was often in one hour, so this was not taken. Nothing was changed. Try again in an hour, or "
                "write or call: we gladly do it for you.",
                math.ceil(at[0] + HOUR_S - now),
            )
        at.append(now)


def allowance(request: Request, purpose: str, an_hour_max: int) -> Allowance:
    """The app's counts for one purpose."""
    state = request.app.state
    if not hasattr(state, "allowances"):
        state.allowances = {}
    allowances: dict[str, Allowance] = state.allowances
    return allowances.setdefault(purpose, Allowance(an_hour_max))


def show(
    request: Request,
    name: str,
    page: object,
    *,
    done: Done | None = None,
    problem: FormProblem | None = None,
    typed: Mapping[str, str] | None = None,
) -> HTMLResponse:
    """A customer's page; its address is a secret and what it says a person's own, so no cache keeps it."""
    desk = desk_of(request)
    frame = Frame(CUSTOMER, request.url.path, (), "", done, problem, typed or {})
    html = desk.renderer.page(name, now=desk.clock.now(), frame=frame, page=page)
    return HTMLResponse(html, HTTPStatus.OK if problem is None else problem.status, headers=NO_STORE)
