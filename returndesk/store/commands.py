"""Commands: written down before Temporal is called, stamped with their outcome after.

The same key with the same input is the same command; with another input it is refused.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import bindparam
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, func, select, update

from returndesk.domain.errors import NotFound, Refused
from returndesk.domain.people import Actor, Role
from returndesk.domain.stages import CommandKind
from returndesk.messages import CommandRef, Outcome
from returndesk.store import tables
from returndesk.store.case_rows import append
from returndesk.store.database import Database

_OUTCOME = TypeAdapter(Outcome)
_RETURN = select(tables.Return.rma).where(tables.Return.rma == bindparam("rma"))
_STAMP = (
    update(tables.Command)
    .where(col(tables.Command.id) == bindparam("key_id"), col(tables.Command.stamped_at).is_(None))
    .values(
        outcome=func.coalesce(col(tables.Command.outcome), bindparam("answer", type_=tables.Json)),
        stamped_at=bindparam("now"),
    )
)


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
    contact: tables.Contact | None = None


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
    command = tables.Command(
        id=new_id("cmd"),
        rma=asked.rma,
        kind=asked.kind,
        actor_id=asked.actor.id,
        role=asked.actor.role,
        policy_version=asked.policy_version,
        idempotency_key=asked.idempotency_key,
        input_hash=asked.input_hash,
        input=asked.input,
        recorded_at=now,
    )
    try:
        with database.write() as session:
            if asked.contact is None and not _is_return(session, asked.rma):
                raise NotFound(
                    "return_not_found", "There is no return with this RMA number. Check it on the slip."
                )
            append(session, tables.Command, [command.model_dump()])
            append(
                session,
                tables.Text,
                [
                    {"id": text_id, "body": body, "actor_id": asked.actor.id, "recorded_at": now}
                    for text_id, body in asked.texts.items()
                ],
            )
            append(session, tables.Contact, [asked.contact.model_dump()] if asked.contact else [])
    except IntegrityError:
        with database.read() as session:
            earlier = _earlier(session, asked)
        if earlier is None:
            raise
        return earlier
    return _written(command)


def _is_return(session: Session, rma: str) -> bool:
    return session.connection().scalar(_RETURN, {"rma": rma}) is not None


def _earlier(session: Session, asked: Asked) -> Written | None:
    command = session.exec(
        select(tables.Command).where(
            tables.Command.actor_id == asked.actor.id,
            tables.Command.idempotency_key == asked.idempotency_key,
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
        outcome = session.get_one(tables.Command, command_id).outcome
    return None if outcome is None else _OUTCOME.validate_python(outcome)


def find(session: Session, command_id: str) -> Written | None:
    """A command by its id."""
    command = session.get(tables.Command, command_id)
    return None if command is None else _written(command)


def _written(command: tables.Command) -> Written:
    ref = CommandRef(
        command.id, CommandKind(command.kind), command.actor_id, Role(command.role), command.policy_version
    )
    stamped = command.outcome is not None and command.stamped_at is not None
    outcome = _OUTCOME.validate_python(command.outcome) if stamped else None
    return Written(ref, command.rma, command.recorded_at, outcome)


def stamp(database: Database, outcomes: Sequence[tuple[str, Outcome]], now: datetime) -> None:
    """Note what came of commands. A stamp is never changed."""
    rows = [
        {"key_id": command_id, "answer": _OUTCOME.dump_python(outcome, mode="json"), "now": now}
        for command_id, outcome in outcomes
    ]
    with database.write() as session:
        session.connection().execute(_STAMP, rows)
