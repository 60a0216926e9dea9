"""Who calls, and whether they may: every route names its roles with `require`.

A token is looked up at most once a second: a revoked one stops working within a second. Only tokens that are
good are remembered, by their hash, so nobody fills the memory with guesses.
"""

import asyncio
import time
from typing import Any

from fastapi import Depends, Request
from fastapi.security import HTTPBearer
from fastapi.security.base import SecurityBase

from api.problems import NotForThisRole, NotSignedIn
from returndesk.domain.people import NOBODY_SIGNS_IN_AS, Actor, Role
from returndesk.store import tokens
from returndesk.store.database import Database

_REMEMBER_S = 1.0
_REMEMBERED_MAX = 10_000

_bearer = HTTPBearer(auto_error=False, description="A token made with `returndesk token create`.")


class Remembered:
    """The tokens that were good a moment ago. One for each app."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[float, Actor]] = {}

    def get(self, token_hash: str) -> Actor | None:
        """Whose it was, within the last second."""
        looked_up_at, actor = self._known.get(token_hash, (0.0, None))
        return actor if time.monotonic() - looked_up_at <= _REMEMBER_S else None

    def put(self, token_hash: str, actor: Actor) -> None:
        """Remember it for a second."""
        if len(self._known) >= _REMEMBERED_MAX:
            self._known.clear()
        self._known[token_hash] = (time.monotonic(), actor)


class Required(SecurityBase):
    """A token of somebody whose role may; `roles` is there for tests to read.

    One dependency for token, actor and role, not a chain of three: FastAPI solves each anew for every request.
    """

    def __init__(self, roles: frozenset[Role]) -> None:
        self.model, self.scheme_name = _bearer.model, _bearer.scheme_name
        self.roles = roles

    async def __call__(self, request: Request) -> Actor:
        """The actor, where their role may. Raises `NotSignedIn`, `NotForThisRole`."""
        actor = await _identified(request)
        if actor.role not in self.roles:
            allowed = ", ".join(sorted(self.roles))
            raise NotForThisRole(
                "role_not_allowed", f"Your token's role may not do this; it takes one of: {allowed}."
            )
        return actor


def require(*roles: Role) -> Any:
    """Let only these roles in: what `Annotated` takes beside the type of a route's actor.

    Roles that nobody signs in with are let in by other doors, never by this one.
    """
    return Depends(Required(frozenset(roles) - NOBODY_SIGNS_IN_AS))


async def _identified(request: Request) -> Actor:
    """The actor whose bearer token was sent."""
    sent = await _bearer(request)
    if sent is None:
        raise NotSignedIn("not_signed_in", "Send a token: Authorization: Bearer rdk_…")
    state = request.app.state
    if not hasattr(state, "remembered"):
        state.remembered = Remembered()
    remembered: Remembered = state.remembered
    token_hash = tokens.token_hash(sent.credentials)
    actor = remembered.get(token_hash)
    if actor is None:
        actor = await asyncio.to_thread(_look_up, state.desk.database, sent.credentials)
        remembered.put(token_hash, actor)
    return actor


def _look_up(database: Database, secret: str) -> Actor:
    with database.read() as session:
        actor = tokens.identify(session, secret)
    if actor is None:
        raise NotSignedIn("token_unknown", "This token is not known, or was revoked. Ask for a new one.")
    return actor
