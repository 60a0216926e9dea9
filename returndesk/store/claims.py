"""Who looks after a return, and who looks at it: so that two people do not answer one customer twice.

A claim is one row a return, taken by whoever is first; taking it over names from whom, so nobody takes over from
somebody they have not seen. A presence lasts half a minute after the last sign. Neither is a transition: nothing of a
return changes, so neither goes through its workflow.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, Insert, bindparam, delete, literal, select, update
from sqlalchemy.dialects import postgresql, sqlite

from returndesk.domain.people import Actor, Role
from returndesk.store import tables
from returndesk.store.statements import table_of

PRESENT_FOR = timedelta(seconds=30)

_claims = table_of(tables.Claim)
_presences = table_of(tables.Presence)
_returns = table_of(tables.Return)
_RETURN = select(_returns.c.rma).where(_returns.c.rma == bindparam("key_rma"))
_OF = _claims.c.rma == bindparam("key_rma")
_CLAIM = select(_claims.c.actor_id, _claims.c.role, _claims.c.since).where(_OF)
_CLAIMS = select(_claims).where(_claims.c.rma.in_(bindparam("rmas", expanding=True)))
_RELEASE = delete(_claims).where(_OF)
_RELEASE_MINE = _RELEASE.where(_claims.c.actor_id == bindparam("key_actor"))
_TAKE_OVER = (
    update(_claims)
    .where(_OF, _claims.c.actor_id == bindparam("key_actor"))
    .values(actor_id=bindparam("actor_id"), role=bindparam("role"), since=bindparam("since"))
)
_PRESENT = (
    select(_presences.c.rma, _presences.c.actor_id)
    .where(
        _presences.c.rma.in_(bindparam("rmas", expanding=True)),
        _presences.c.seen_at > bindparam("after"),
        _presences.c.actor_id != bindparam("me"),
    )
    .order_by(_presences.c.actor_id)
)
_FORGET = delete(_presences).where(_presences.c.seen_at <= bindparam("until"))


@dataclass(frozen=True)
class Holder:
    """Who has claimed a return, and since when."""

    actor_id: str
    role: Role
    since: datetime


def holder(connection: Connection, rma: str) -> Holder | None:
    """Who has claimed a return."""
    row = connection.execute(_CLAIM, {"key_rma": rma}).first()
    return None if row is None else Holder(row.actor_id, Role(row.role), row.since)


def holders(connection: Connection, rmas: Sequence[str]) -> dict[str, Holder]:
    """Who has claimed which of some returns."""
    rows = connection.execute(_CLAIMS, {"rmas": list(rmas)})
    return {row.rma: Holder(row.actor_id, Role(row.role), row.since) for row in rows}


def claim(connection: Connection, rma: str, actor: Actor, now: datetime) -> Holder | None:
    """Claim an open return unless somebody has; whose it is now. None where it has ended, or is none of ours."""
    mine = select(
        _returns.c.rma,
        literal(actor.id).label("actor_id"),
        literal(str(actor.role)).label("role"),
        literal(now, _claims.c.since.type).label("since"),
    ).where(_returns.c.rma == rma, _returns.c.ended_at.is_(None))
    connection.execute(_unless_there(connection, mine))
    return holder(connection, rma)


def _unless_there(connection: Connection, mine: object) -> Insert:
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    columns = ["rma", "actor_id", "role", "since"]
    statement: Insert = dialect.insert(_claims).from_select(columns, mine).on_conflict_do_nothing()
    return statement


def take_over(connection: Connection, rma: str, whose: str, actor: Actor, now: datetime) -> Holder | None:
    """Claim what `whose` has claimed; whose it is now: somebody else may have been faster."""
    connection.execute(
        _TAKE_OVER,
        {"key_rma": rma, "key_actor": whose, "actor_id": actor.id, "role": actor.role, "since": now},
    )
    return claim(connection, rma, actor, now)


def release(connection: Connection, rma: str, actor: Actor) -> None:
    """Give back what the actor has claimed; what others have stays theirs."""
    connection.execute(_RELEASE_MINE, {"key_rma": rma, "key_actor": actor.id})


def end_claim(connection: Connection, rma: str) -> None:
    """Nobody has to look after a return any more."""
    connection.execute(_RELEASE, {"key_rma": rma})


def is_known(connection: Connection, rma: str) -> bool:
    """Whether there is such a return yet."""
    return connection.scalar(_RETURN, {"key_rma": rma}) is not None


def is_here(connection: Connection, rma: str, actor: Actor, now: datetime) -> None:
    """The actor has the page of a return open. Raises what the database does where there is no such return."""
    row = {"rma": rma, "actor_id": actor.id, "seen_at": now}
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    connection.execute(_FORGET, {"until": now - PRESENT_FOR})
    connection.execute(
        dialect.insert(_presences)
        .values(row)
        .on_conflict_do_update(index_elements=["rma", "actor_id"], set_={"seen_at": now})
    )


def present(connection: Connection, rmas: Sequence[str], me: str, now: datetime) -> dict[str, list[str]]:
    """Who else looks at which of some returns."""
    found: dict[str, list[str]] = {}
    asked = {"rmas": list(rmas), "after": now - PRESENT_FOR, "me": me}
    for row in connection.execute(_PRESENT, asked):
        found.setdefault(row.rma, []).append(row.actor_id)
    return found
