"""Commands: written down before Temporal is called, stamped with their outcome after.

The same key with the same input is the same command; with another input it is refused.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import Connection, bindparam, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col

from returndesk.domain.errors import NotFound, Refused
from returndesk.domain.people import Actor, Role
from returndesk.domain.stages import CommandKind
from returndesk.messages import CommandRef, Outcome
from returndesk.store import tables
from returndesk.store.database import Database
from returndesk.store.statements import append, table_of

_OUTCOME = TypeAdapter(Outcome)
_returns = table_of(tables.Return)
_RETURN = select(_returns.c.rma).where(_returns.c.rma == bindparam("rma"))
_commands = table_of(tables.Command)
_STAMP = (
    update(_commands)
    .where(_commands.c.id == bindparam("key_id"), _commands.c.stamped_at.is_(None))
    .values(
        outcome=func.coalesce(_commands.c.outcome, bindparam("answer", type_=tables.Json)),
        stamped_at=bindparam("now"),
    )
)
_UNSTAMPED = (
    select(_commands)
    .where(_commands.c.stamped_at.is_(None), _commands.c.recorded_at <= bindparam("until"))
    .order_by(_commands.c.recorded_at)
    .limit(bindparam("limit"))
)


@dataclass(frozen=True)
class Contact:
    """The message or visit in which a customer asked; `contacted_at` UTC."""

    id: str
    order_reference: str
    channel: str
    contacted_at: datetime


@dataclass(frozen=True)
class Asked:
    """What an API call brings. `note` texts are stored apart; `contact` only where a return is asked for."""

    kind: CommandKind
    actor: Actor
    idempotency_key: str
    input_hash: str
    rma: str
    policy_version: str
    input: dict[str, Any]
    texts: dict[str, str]
    contact: Contact | None = None


@dataclass(frozen=True)
class Written:
    """A command as it stands in the books. `outcome` is there once the return's workflow has answered."""

    ref: CommandRef
    rma: str
    recorded_at: datetime
    outcome: Outcome | None


def new_id(prefix: str) -> str:
    """A fresh id: 96 random bits behind a prefix that says what it names."""
    return f"{prefix}_{secrets.token_hex(12)}"


def write_down(database: Database, asked: Asked, now: datetime) -> Written:
    """Commit a command with its texts and its contact; an earlier one under the same key is answered instead.

    Raises `Refused` (`idempotency_key_reused`) where the key came with another input before, and `NotFound`
    (`return_not_found`) for a command to a return that is not there.
    """
    ref = CommandRef(new_id("cmd"), asked.kind, asked.actor.id, asked.actor.role, asked.policy_version)
    try:
        with database.transaction() as connection:
            if asked.contact is None and not _is_return(connection, asked.rma):
                raise NotFound(
                    "return_not_found", "There is no return with this RMA number. Check it on the slip."
                )
            _insert(connection, ref, asked, now)
    except IntegrityError:
        with database.read() as session:
            earlier = _earlier(session, asked)
        if earlier is None:
            raise
        return earlier
    return Written(ref, asked.rma, now, outcome=None)


def _is_return(connection: Connection, rma: str) -> bool:
    return connection.scalar(_RETURN, {"rma": rma}) is not None


def _insert(connection: Connection, ref: CommandRef, asked: Asked, now: datetime) -> None:
    by = {"actor_id": ref.actor_id, "recorded_at": now}
    command = {
        "id": ref.command_id,
        "rma": asked.rma,
        "kind": ref.kind,
        "role": ref.role,
        "policy_version": ref.policy_version,
        "idempotency_key": asked.idempotency_key,
        "input_hash": asked.input_hash,
        "input": asked.input,
        **by,
    }
    append(connection, tables.Command, [command])
    texts = [{"id": text_id, "body": body, **by} for text_id, body in asked.texts.items()]
    append(connection, tables.Text, texts)
    append(connection, tables.Contact, [{**vars(asked.contact), **by}] if asked.contact else [])


def _earlier(session: Session, asked: Asked) -> Written | None:
    command = session.scalars(
        select(tables.Command).where(
            col(tables.Command.actor_id) == asked.actor.id,
            col(tables.Command.idempotency_key) == asked.idempotency_key,
        )
    ).first()
    if command is None:
        return None
    if command.input_hash != asked.input_hash:
        raise Refused(
            "idempotency_key_reused",
            "This Idempotency-Key came with another request before. Nothing was changed. Use a new key.",
        )
    return _written(command)


def carried_out(database: Database, command_id: str) -> Outcome | None:
    """What the transition of a command answered, where there was one: also when its run never heard of it."""
    with database.read() as session:
        return outcome_of(session, command_id)


def outcome_of(session: Session, command_id: str) -> Outcome | None:
    """What came of a command, stamped already or only carried out."""
    outcome = session.get_one(tables.Command, command_id).outcome
    return None if outcome is None else _OUTCOME.validate_python(outcome)


def request_of(session: Session, rma: str) -> Written | None:
    """The request that was given an RMA, whatever came of it."""
    command = session.scalars(
        select(tables.Command).where(
            col(tables.Command.rma) == rma, col(tables.Command.kind) == CommandKind.REQUEST
        )
    ).first()
    return None if command is None else _written(command)


def return_asked_for(session: Session, actor_id: str, key: str) -> str | None:
    """The return that a request became which somebody sent under this key; None where there is none."""
    row = tables.Command
    return session.scalars(
        select(col(tables.Return.rma))
        .join(row, col(row.rma) == col(tables.Return.rma))
        .where(
            col(row.actor_id) == actor_id,
            col(row.idempotency_key) == key,
            col(row.kind) == CommandKind.REQUEST,
        )
    ).first()


def keys_used(session: Session, rma: str) -> set[tuple[str, str]]:
    """Who asked anything of a return, and under which keys."""
    row = tables.Command
    found = session.execute(select(col(row.actor_id), col(row.idempotency_key)).where(col(row.rma) == rma))
    return {(actor_id, key) for actor_id, key in found}


def find(session: Session, command_id: str) -> Written | None:
    """A command by its id; its outcome as soon as there is one, stamped or not."""
    command = session.get(tables.Command, command_id)
    return None if command is None else _as_it_stands(command)


def asked_by_link(session: Session, command_id: str, link: str) -> Written | None:
    """A command by its id, where a form behind this link of a customer asked for it."""
    command = session.get(tables.Command, command_id)
    if command is None or command.role != Role.CUSTOMER or not command.idempotency_key.startswith(f"{link}/"):
        return None
    return _as_it_stands(command)


def _as_it_stands(command: tables.Command) -> Written:
    outcome = None if command.outcome is None else _OUTCOME.validate_python(command.outcome)
    return Written(_ref(command), command.rma, command.recorded_at, outcome)


def _written(command: tables.Command) -> Written:
    stamped = command.outcome is not None and command.stamped_at is not None
    outcome = _OUTCOME.validate_python(command.outcome) if stamped else None
    return Written(_ref(command), command.rma, command.recorded_at, outcome)


def _ref(row: Any) -> CommandRef:
    return CommandRef(row.id, CommandKind(row.kind), row.actor_id, Role(row.role), row.policy_version)


def unstamped(connection: Connection, until: datetime, limit: int) -> list[tuple[str, CommandRef]]:
    """Commands recorded until then that have no stamp, oldest first; each behind the RMA of its return."""
    rows = connection.execute(_UNSTAMPED, {"until": until, "limit": limit})
    return [(row.rma, _ref(row)) for row in rows]


def stamp(database: Database, outcomes: Sequence[tuple[str, Outcome]], now: datetime) -> None:
    """Note what came of commands. A stamp is never changed."""
    rows = [
        {"key_id": command_id, "answer": _OUTCOME.dump_python(outcome, mode="json"), "now": now}
        for command_id, outcome in outcomes
    ]
    with database.transaction() as connection:
        connection.execute(_STAMP, rows)
