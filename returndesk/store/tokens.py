"""Bearer tokens: who calls the API. Only the SHA-256 of a token's 32 random bytes' text is kept.

A token cannot be read back from the books, and looking one up compares hashes, so the time it takes says
nothing of any token.
"""

import hashlib
import hmac
import re
import secrets
from datetime import datetime

from sqlalchemy import CursorResult, bindparam
from sqlmodel import Session, col, select, update

from returndesk.domain.errors import InvalidInput
from returndesk.domain.mistakes import REFERENCE
from returndesk.domain.people import NOBODY_SIGNS_IN_AS, Actor, Role
from returndesk.store.statements import table_of
from returndesk.store.tables import Token

_tokens = table_of(Token)
_LIVING = select(_tokens.c.hash, _tokens.c.actor_id, _tokens.c.role).where(
    _tokens.c.hash == bindparam("digest"), _tokens.c.revoked_at.is_(None)
)
PREFIX = "rdk_"
_LENGTH = len(PREFIX) + 43  # 32 bytes in URL-safe base64


def create(session: Session, role: Role, actor_id: str, now: datetime) -> str:
    """A new token of an actor: the only time its text can be seen.

    Raises `InvalidInput` (`bad_actor_id`, `not_a_persons_role`).
    """
    if not re.fullmatch(REFERENCE, actor_id) or len(actor_id) > 64:
        raise InvalidInput(
            "bad_actor_id",
            "Write an id such as rep-7, in letters, digits and '-': no name, no address.",
            "actor_id",
        )
    if role in NOBODY_SIGNS_IN_AS:
        raise InvalidInput("not_a_persons_role", f"Nobody signs in with the role {role}.", "role")
    secret = PREFIX + secrets.token_urlsafe(32)
    row = Token(id=token_id(secret), hash=token_hash(secret), actor_id=actor_id, role=role, created_at=now)
    session.add(row)
    session.flush()
    return secret


def identify(session: Session, secret: str) -> Actor | None:
    """Whose token it is; None for one that never was, or is revoked."""
    if len(secret) != _LENGTH or not secret.startswith(PREFIX):
        return None
    digest = token_hash(secret)
    row = session.connection().execute(_LIVING, {"digest": digest}).first()
    if row is None or not hmac.compare_digest(row.hash, digest):
        return None
    return Actor(row.actor_id, Role(row.role))


def revoke(session: Session, token: str, now: datetime) -> bool:
    """End a token by its id; whether there was such a living one."""
    living = update(Token).where(col(Token.id) == token, col(Token.revoked_at).is_(None))
    result = session.execute(living.values(revoked_at=now))
    assert isinstance(result, CursorResult)
    return result.rowcount == 1


def revoke_all(session: Session, actor_id: str, now: datetime) -> int:
    """End every token of an actor; how many there were."""
    living = update(Token).where(col(Token.actor_id) == actor_id, col(Token.revoked_at).is_(None))
    result = session.execute(living.values(revoked_at=now))
    assert isinstance(result, CursorResult)
    return result.rowcount


def token_hash(secret: str) -> str:
    """What is kept of a token."""
    return hashlib.sha256(secret.encode()).hexdigest()


def token_id(secret: str) -> str:
    """A token's id: it names the token without opening anything."""
    return f"token-{token_hash(secret)[:12]}"
