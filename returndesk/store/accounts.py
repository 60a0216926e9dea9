"""People who sign in: who they are, what their role is, and what is kept of their password: an argon2id hash.

A password's hash is computed outside of any transaction: it takes a good part of a tenth of a second and of memory.
Whether an account exists cannot be told from how long a wrong password takes.
"""

import re
import secrets
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from pwdlib import PasswordHash
from sqlalchemy import CursorResult
from sqlmodel import Session, col, select, update

from returndesk.domain.errors import InvalidInput, NotFound
from returndesk.domain.passwords import LENGTH_MAX, check_password, normal
from returndesk.domain.people import NOBODY_SIGNS_IN_AS, Role
from returndesk.store import tokens
from returndesk.store.sign_ins import end_all
from returndesk.store.tables import User

USER_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_HASHING = PasswordHash.recommended()
_TYPED_MAX = 4 * LENGTH_MAX
"""Characters that were typed, before letters are composed; what is longer is nobody's password."""
_READABLE = "abcdefghjkmnpqrstuvwxyz23456789"
_GENERATED_GROUPS = 4
_GROUP = 5


@dataclass(frozen=True)
class Account:
    """Somebody who signs in, without what opens anything."""

    id: str
    role: Role
    must_change: bool
    created_at: datetime
    password_changed_at: datetime
    disabled_at: datetime | None


def new_hash(password: str, user_id: str, field: str = "password") -> str:
    """What is kept of a new password. Raises `InvalidInput` with what would be right of it."""
    check_password(password, user_id, field)
    return _HASHING.hash(normal(password))


def verified(kept: str | None, password: str) -> tuple[bool, str | None]:
    """Whether it is the password, and its hash anew where today's would be made another way.

    `kept` is None for an account that is not there: as much work, and always wrong.
    """
    decoy = _decoy()  # made in any case: otherwise the first unknown account would take twice as long
    typed = normal(password) if len(password) <= _TYPED_MAX else ""
    fits, better = _HASHING.verify_and_update(typed, decoy if kept is None else kept)
    return (fits, better) if kept is not None else (False, None)


@cache
def _decoy() -> str:
    return _HASHING.hash(secrets.token_urlsafe(32))


def generated_password() -> str:
    """A password that nobody chose and anybody can type: 99 random bits, no look-alike letters."""
    groups = ("".join(secrets.choice(_READABLE) for _ in range(_GROUP)) for _ in range(_GENERATED_GROUPS))
    return "-".join(groups)


def add(
    session: Session, user_id: str, role: Role, password_hash: str, *, must_change: bool, now: datetime
) -> None:
    """Let somebody sign in. Raises `InvalidInput` (`bad_user_id`, `user_exists`, `not_a_persons_role`)."""
    check_id(user_id)
    if role in NOBODY_SIGNS_IN_AS:
        raise InvalidInput("not_a_persons_role", f"Nobody signs in with the role {role}.", "role")
    if session.get(User, user_id) is not None:
        raise InvalidInput(
            "user_exists",
            "There is a user of this id already: take another, or set their password anew.",
            "id",
        )
    row = User(
        id=user_id,
        role=role,
        password_hash=password_hash,
        must_change=must_change,
        created_at=now,
        password_changed_at=now,
    )
    session.add(row)
    session.flush()


def check_id(user_id: str) -> None:
    """Raises `InvalidInput` (`bad_user_id`)."""
    if not USER_ID.fullmatch(user_id):
        raise InvalidInput(
            "bad_user_id",
            "Write an id such as rep-7, in small letters, digits and '-': no name, no address.",
            "id",
        )


def set_password(
    session: Session,
    user_id: str,
    password_hash: str,
    *,
    must_change: bool,
    now: datetime,
    instead_of: str | None = None,
) -> bool:
    """Give somebody another password, which ends all their sign-ins; False where it was changed meanwhile.

    `instead_of`: the hash that was looked at. Raises `NotFound` (`user_not_found`).
    """
    changed = update(User).where(col(User.id) == user_id)
    if instead_of is not None:
        changed = changed.where(col(User.password_hash) == instead_of, col(User.disabled_at).is_(None))
    values = {"password_hash": password_hash, "must_change": must_change, "password_changed_at": now}
    result = session.execute(changed.values(values))
    assert isinstance(result, CursorResult)
    if result.rowcount == 0:
        account(session, user_id)
        return False
    end_all(session, user_id, now)
    return True


def disable(session: Session, user_id: str, now: datetime) -> int:
    """Let somebody in no more: their sign-ins and their tokens end. How many tokens. Raises `NotFound`."""
    _set_disabled(session, user_id, now)
    end_all(session, user_id, now)
    return tokens.revoke_all(session, user_id, now)


def enable(session: Session, user_id: str) -> None:
    """Let somebody in again, with the password they had; tokens stay ended. Raises `NotFound`."""
    _set_disabled(session, user_id, None)


def account(session: Session, user_id: str) -> Account:
    """One account. Raises `NotFound` (`user_not_found`)."""
    row = session.get(User, user_id)
    if row is None:
        raise NotFound("user_not_found", "There is no such user: `returndesk user list` shows who there is.")
    return _account(row)


def all_accounts(session: Session) -> list[Account]:
    """Everybody, by id."""
    return [_account(row) for row in session.exec(select(User).order_by(col(User.id)))]


def _set_disabled(session: Session, user_id: str, at: datetime | None) -> None:
    result = session.execute(update(User).where(col(User.id) == user_id).values(disabled_at=at))
    assert isinstance(result, CursorResult)
    if result.rowcount == 0:
        account(session, user_id)


def _account(row: User) -> Account:
    return Account(
        row.id, Role(row.role), row.must_change, row.created_at, row.password_changed_at, row.disabled_at
    )
