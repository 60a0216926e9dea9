"""Signing in and changing a password: counted, verified, and only then in the books.

What these do takes a good part of a tenth of a second on purpose; call them outside of the event loop.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, select

from returndesk.domain.errors import InvalidInput
from returndesk.domain.people import Actor, Role
from returndesk.links import Keyring
from returndesk.store import accounts, sign_in_attempts, sign_ins
from returndesk.store.database import Database
from returndesk.store.sign_in_attempts import Attempt
from returndesk.store.tables import User


@dataclass(frozen=True)
class Begun:
    """A sign-in that began: whose, and the token for the browser's cookie."""

    actor: Actor
    token: str


@dataclass(frozen=True)
class Caller:
    """Where an attempt comes from, and when."""

    address: str
    at: datetime


def sign_in(database: Database, keyring: Keyring, caller: Caller, account: str, password: str) -> Begun:
    """Begin a sign-in. Raises `InvalidInput` (`sign_in_failed`), the same whatever is wrong, and `TooOften`."""
    user_id = account.strip().lower()
    attempt = sign_in_attempts.count(database, keyring, user_id, caller.address, caller.at)
    kept = _kept_hash(database, user_id)
    fits, better = accounts.verified(kept, password)
    begun = _begin(database, attempt, user_id, kept, better, caller.at) if fits else None
    if begun is None:
        raise InvalidInput(
            "sign_in_failed",
            "This id and this password do not go together, or this person may not sign in any more.",
        )
    return begun


def change_password(
    database: Database, keyring: Keyring, caller: Caller, user_id: str, old: str, new: str
) -> Begun:
    """Change one's own password: all sign-ins end, and a new one begins.

    Raises `InvalidInput` for a wrong old password (`password_wrong`, field `old`) and for a new one that will not do
    (field `new`), and `TooOften`.
    """
    attempt = sign_in_attempts.count(database, keyring, user_id, caller.address, caller.at)
    kept = _kept_hash(database, user_id)
    fits, _ = accounts.verified(kept, old)
    if not fits or kept is None:
        raise InvalidInput("password_wrong", "This is not your password as it is now.", "old")
    with database.write() as session:
        sign_in_attempts.succeeded(session, attempt)
    if new == old:
        raise InvalidInput("password_unchanged", "This is the password you have. Take another one.", "new")
    fresh = accounts.new_hash(new, user_id, "new")
    with database.write() as session:
        if not accounts.set_password(
            session, user_id, fresh, must_change=False, now=caller.at, instead_of=kept
        ):
            raise InvalidInput("password_wrong", "Your password was changed meanwhile.", "old")
        token = sign_ins.begin(session, user_id, caller.at)
        return Begun(Actor(user_id, accounts.account(session, user_id).role), token)


def _kept_hash(database: Database, user_id: str) -> str | None:
    if not accounts.USER_ID.fullmatch(user_id):  # nobody's; not everything that can be typed can be asked for
        return None
    with database.read() as session:
        return session.exec(
            select(User.password_hash).where(User.id == user_id, col(User.disabled_at).is_(None))
        ).first()


def _begin(
    database: Database, attempt: Attempt, user_id: str, kept: str | None, better: str | None, now: datetime
) -> Begun | None:
    """The sign-in, unless the account was disabled or its password changed while it was looked at."""
    with database.write() as session:
        user = _unchanged(session, user_id, kept)
        if user is None:
            return None
        if better is not None:
            user.password_hash = better
            session.add(user)
        sign_in_attempts.succeeded(session, attempt)
        return Begun(Actor(user_id, Role(user.role)), sign_ins.begin(session, user_id, now))


def _unchanged(session: Session, user_id: str, kept: str | None) -> User | None:
    query = select(User).where(
        User.id == user_id, User.password_hash == kept, col(User.disabled_at).is_(None)
    )
    return session.exec(query.with_for_update()).first()
