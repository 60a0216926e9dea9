"""What the pages of customers share: no sign-in, only the secret in the address, and forms that come from these very pages.

A form is taken only where the browser says that it stood on a page of ours, and only so often an hour. The counts
are a process's own and begin anew with it: they keep a mistake or a prank small, they are no wall.
"""

import time
from collections import deque
from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import urlsplit

from fastapi import Request
from fastapi.responses import HTMLResponse

from api.desk import desk_of
from api.desk_pages import Done, FormProblem, Frame
from api.problems import NotForThisRole
from returndesk.domain.errors import Refused
from returndesk.domain.people import CUSTOMER

HOUR_S = 3_600.0
_REMEMBERED_MAX = 10_000

# A form of these pages says where it comes from also in browsers that know no Sec-Fetch-Site; the secret
# address goes to nobody else.
HEADERS = {"Cache-Control": "no-store", "Referrer-Policy": "same-origin"}


class Allowance:
    """So many an hour for each key: a link, an address. One for each app and purpose."""

    def __init__(self, an_hour_max: int) -> None:
        self._max = an_hour_max
        self._taken: dict[str, deque[float]] = {}

    def take(self, key: str) -> None:
        """Count one more. Raises `Refused` (`too_often`) where that is too many."""
        now = time.monotonic()
        if key not in self._taken and len(self._taken) >= _REMEMBERED_MAX:
            self._taken = {k: at for k, at in self._taken.items() if at and at[-1] > now - HOUR_S}
            if len(self._taken) >= _REMEMBERED_MAX:
                self._taken.clear()
        at = self._taken.setdefault(key, deque())
        while at and at[0] <= now - HOUR_S:
            at.popleft()
        if len(at) >= self._max:
            raise Refused(
                "too_often",
                "That was often in one hour, so this was not taken. Nothing was changed. Try again in an hour, or "
                "write or call: we gladly do it for you.",
            )
        at.append(now)


def allowance(request: Request, purpose: str, an_hour_max: int) -> Allowance:
    """The app's counts for one purpose."""
    state = request.app.state
    if not hasattr(state, "allowances"):
        state.allowances = {}
    allowances: dict[str, Allowance] = state.allowances
    return allowances.setdefault(purpose, Allowance(an_hour_max))


def check_origin(request: Request) -> None:
    """Raises `NotForThisRole` (`form_from_elsewhere`) unless the browser says that the form stood on a page of ours."""
    site = request.headers.get("Sec-Fetch-Site")
    if site is None:
        origin = urlsplit(request.headers.get("Origin", ""))
        public = urlsplit(desk_of(request).links.public_url)
        is_ours = origin.netloc != "" and origin.netloc in (request.headers.get("Host"), public.netloc)
    else:
        is_ours = site == "same-origin"
    if not is_ours:
        raise NotForThisRole(
            "form_from_elsewhere",
            "This form did not come from our own page, so it was not taken. Nothing was changed. Open the link in "
            "the email and send it from there.",
        )


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
    return HTMLResponse(html, HTTPStatus.OK if problem is None else problem.status, headers=HEADERS)
