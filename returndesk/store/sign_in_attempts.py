"""How often a password may be tried: so often for an account, so often from an address, in a quarter of an hour.

An attempt is counted before the password is looked at, as a wrong one, one after another for the same account or
address: guesses that come together do not slip through. It is the same whether the account exists. Neither the
account as it was typed (somebody may type a password there) nor the address is kept: only HMACs, for a while.
"""

import ipaddress
import math
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, text
from sqlmodel import Session, col, select, update

from returndesk.domain.errors import TooOften
from returndesk.links import Keyring
from returndesk.store.commands import new_id
from returndesk.store.database import Database
from returndesk.store.tables import SignInAttempt

WINDOW = timedelta(minutes=15)
ACCOUNT_MAX = 5
ADDRESS_MAX = 30
"""Of one address: a shop's people often share one."""
_IPV6_PREFIX = 64
"""What a household or a server is given; the rest of an address its owner changes at will."""


@dataclass(frozen=True)
class Attempt:
    """One attempt, counted."""

    id: str
    account_hash: str


def count(database: Database, keyring: Keyring, account: str, address: str, now: datetime) -> Attempt:
    """Count an attempt. Raises `TooOften` (`too_many_attempts`), which says when to try again."""
    account_hash = keyring.digest("sign-in account", account)
    address_hash = keyring.digest("sign-in address", network_of(address))
    attempt = Attempt(new_id("try"), account_hash)
    since = now - WINDOW
    with database.write() as session:
        if not database.is_sqlite:  # there, writers wait for each other anyway
            _take_turns(session, account_hash, address_hash)
        again_at = max(
            _again_at(session, account_hash=account_hash, since=since),
            _again_at(session, address_hash=address_hash, since=since),
        )
        if again_at > now:
            raise _too_many(again_at - now)
        session.execute(delete(SignInAttempt).where(col(SignInAttempt.at) <= since))
        session.add(
            SignInAttempt(id=attempt.id, account_hash=account_hash, address_hash=address_hash, at=now)
        )
    return attempt


def succeeded(session: Session, attempt: Attempt) -> None:
    """It was the right password: the account's wrong ones are forgotten."""
    session.execute(update(SignInAttempt).where(col(SignInAttempt.id) == attempt.id).values(succeeded=True))
    wrong = delete(SignInAttempt).where(
        col(SignInAttempt.account_hash) == attempt.account_hash, col(SignInAttempt.succeeded).is_(False)
    )
    session.execute(wrong)


def _again_at(
    session: Session, *, since: datetime, account_hash: str | None = None, address_hash: str | None = None
) -> datetime:
    """When the next attempt is free: the instant at which the oldest of a full number leaves the window."""
    query = select(SignInAttempt.at).where(col(SignInAttempt.succeeded).is_(False), SignInAttempt.at > since)
    if account_hash is not None:
        query = query.where(SignInAttempt.account_hash == account_hash).offset(ACCOUNT_MAX - 1)
    else:
        query = query.where(SignInAttempt.address_hash == address_hash).offset(ADDRESS_MAX - 1)
    oldest = session.exec(query.order_by(col(SignInAttempt.at).desc()).limit(1)).first()
    return since if oldest is None else oldest + WINDOW


def _take_turns(session: Session, account_hash: str, address_hash: str) -> None:
    """Wait for whoever counts for the same account, then for the same address: in this order nobody waits in a ring."""
    for digest in (account_hash, address_hash):
        lock = int.from_bytes(bytes.fromhex(digest[:16]), signed=True)
        session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": lock})


def network_of(address: str) -> str:
    """What one caller is counted by: an address, or the network that one household or server has."""
    try:
        read = ipaddress.ip_address(address)
    except ValueError:  # a socket's path, or nothing
        return address
    if isinstance(read, ipaddress.IPv6Address) and read.ipv4_mapped is None:
        return str(ipaddress.ip_network((read, _IPV6_PREFIX), strict=False))
    return str(read)


def _too_many(wait: timedelta) -> TooOften:
    seconds = math.ceil(wait.total_seconds())
    minutes = math.ceil(seconds / 60)
    return TooOften(
        "too_many_attempts",
        "Too many wrong passwords were tried. Try again in "
        f"{'a minute' if minutes == 1 else f'{minutes} minutes'}; nothing you type until then is looked at.",
        seconds,
    )
