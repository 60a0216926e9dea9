"""Sign-ins: a browser in which somebody is signed in, by a random token in its cookie. Only hashes of it are kept.

A token is good for 15 minutes of use; then the answer brings the next. The next is made of the one that was sent
and the installation's key, so requests that come together all bring the same one, and an answer that gets lost is
answered again. Once the next was used, the one before is good for a minute more, for what is still on its way; after
that it can only be a copy, and whoever sends it ends the sign-in.
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy import CursorResult, bindparam, delete, or_, update
from sqlmodel import Session, col, select

from returndesk.domain.people import Actor, Role
from returndesk.links import Keyring
from returndesk.store.database import Database
from returndesk.store.statements import table_of
from returndesk.store.tables import SignIn, User

LASTS = timedelta(hours=12)
"""A shift: then one signs in again."""
IDLE = timedelta(hours=8)
"""Unused for so long, a sign-in is over."""
ROTATE_AFTER = timedelta(minutes=15)
GRACE = timedelta(seconds=60)
SEEN_EVERY = timedelta(minutes=1)
"""How exactly it is kept when a sign-in was last used: no write for every page."""
KEPT = timedelta(days=30)
"""How long an ended sign-in stays in the books."""

_TOKEN_CHARACTERS = 64
_s, _u = table_of(SignIn), table_of(User)
_LIVING = (
    sa.select(
        _s.c.id, _s.c.user_id, _s.c.hash, _s.c.previous_hash, _s.c.seen_at, _s.c.rotated_at, _s.c.replaced_at,
        _s.c.expires_at, _u.c.role, _u.c.must_change,
    )
    .join(_u, _u.c.id == _s.c.user_id)
    .where(
        or_(_s.c.hash == bindparam("digest"), _s.c.previous_hash == bindparam("digest")),
        _s.c.revoked_at.is_(None),
        _u.c.disabled_at.is_(None),
    )
)  # fmt: skip


@dataclass(frozen=True)
class Found:
    """Whose sign-in a token is of. `next_token`: what the browser is to send from now on, where it is another."""

    id: str
    actor: Actor
    must_change: bool
    next_token: str | None = None


@dataclass(frozen=True)
class OpenSignIn:
    """One of somebody's sign-ins, to be looked at and ended."""

    id: str
    created_at: datetime
    seen_at: datetime


def begin(session: Session, user_id: str, now: datetime) -> str:
    """A new sign-in of somebody: the token for the cookie. Sign-ins that ended long ago are forgotten."""
    session.execute(delete(SignIn).where(col(SignIn.expires_at) < now - KEPT))
    token = secrets.token_hex(32)
    row = SignIn(
        id=f"sign-in-{secrets.token_hex(8)}",
        hash=token_hash(token),
        user_id=user_id,
        created_at=now,
        seen_at=now,
        rotated_at=now,
        expires_at=now + LASTS,
    )
    session.add(row)
    session.flush()
    return token


def token_hash(token: str) -> str:
    """What is kept of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def identify(database: Database, keyring: Keyring, token: str, now: datetime) -> Found | None:
    """Whose sign-in it is; None for one that never was, is over, or was ended."""
    if len(token) != _TOKEN_CHARACTERS or not token.isalnum():
        return None
    digest = token_hash(token)
    with database.reading() as connection:
        row = connection.execute(_LIVING, {"digest": digest}).first()
    if row is None or now >= row.expires_at or now - row.seen_at >= IDLE:
        return None
    is_before = row.hash != digest
    if is_before and row.replaced_at is not None and now - row.replaced_at > GRACE:
        with database.write() as session:
            end(session, row.id, row.user_id, now)
        return None
    is_due = not is_before and now - row.rotated_at >= ROTATE_AFTER
    following = keyring.digest("sign-in", token) if is_before or is_due else None
    changed = _noted(row, is_before, now) | (_rotated(following, digest, now) if is_due and following else {})
    if changed:
        with database.write() as session:
            same = update(SignIn).where(col(SignIn.id) == row.id, col(SignIn.hash) == row.hash)
            session.execute(same.values(changed))
    return Found(row.id, Actor(row.user_id, Role(row.role)), row.must_change, following)


def _noted(row: Any, is_before: bool, now: datetime) -> dict[str, Any]:
    """What is written of a use: that there was one, and the first of a new token."""
    is_first = not is_before and row.previous_hash is not None and row.replaced_at is None
    return ({"seen_at": now} if is_first or now - row.seen_at >= SEEN_EVERY else {}) | (
        {"replaced_at": now} if is_first else {}
    )


def _rotated(following: str, digest: str, now: datetime) -> dict[str, Any]:
    return {
        "hash": token_hash(following),
        "previous_hash": digest,
        "rotated_at": now,
        "replaced_at": None,
        "seen_at": now,
    }


def open_of(session: Session, user_id: str, now: datetime) -> list[OpenSignIn]:
    """Somebody's open sign-ins, the latest used first."""
    rows = session.exec(
        select(SignIn)
        .where(
            SignIn.user_id == user_id,
            col(SignIn.revoked_at).is_(None),
            SignIn.expires_at > now,
            SignIn.seen_at > now - IDLE,
        )
        .order_by(col(SignIn.seen_at).desc(), col(SignIn.id))
    )
    return [OpenSignIn(row.id, row.created_at, row.seen_at) for row in rows]


def end(session: Session, sign_in_id: str, user_id: str, now: datetime) -> bool:
    """End one of somebody's sign-ins; whether there was such an open one."""
    living = update(SignIn).where(
        col(SignIn.id) == sign_in_id, col(SignIn.user_id) == user_id, col(SignIn.revoked_at).is_(None)
    )
    result = session.execute(living.values(revoked_at=now))
    assert isinstance(result, CursorResult)
    return result.rowcount == 1


def end_all(session: Session, user_id: str, now: datetime, *, but: str | None = None) -> None:
    """End all of somebody's sign-ins, or all but one."""
    living = update(SignIn).where(col(SignIn.user_id) == user_id, col(SignIn.revoked_at).is_(None))
    if but is not None:
        living = living.where(col(SignIn.id) != but)
    session.execute(living.values(revoked_at=now))
