"""Notes: what colleagues leave for each other at a return.

The words are in `texts`, the note holds their id; nothing that a customer sees reads either. A note is a remark and
changes nothing of the return, so it is written here and not by its workflow. The same key with the same words is the
same note.
"""

from dataclasses import dataclass
from datetime import datetime

from pydantic import BaseModel, ConfigDict
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from returndesk.domain.errors import NotFound, Refused
from returndesk.domain.input_fields import Note
from returndesk.store import tables
from returndesk.store.commands import new_id
from returndesk.store.database import Database


class NoteInput(BaseModel):
    """What to leave for colleagues."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    note: Note


class NoteView(BaseModel):
    """What somebody left for their colleagues."""

    id: str
    rma: str
    note: str
    actor_id: str
    at: datetime


class NoteList(BaseModel):
    """The notes of a return, oldest first."""

    items: list[NoteView]


@dataclass(frozen=True)
class Writing:
    """A note on its way into the books. `input_hash` stands for the return and the words."""

    rma: str
    note: str
    actor_id: str
    idempotency_key: str
    input_hash: str


def write_note(database: Database, writing: Writing, now: datetime) -> NoteView:
    """Keep a note; an earlier one under the same key is answered instead.

    Raises `NotFound`, and `Refused` (`idempotency_key_reused`) where the key came with another note before.
    """
    text = tables.Text(id=new_id("txt"), body=writing.note, actor_id=writing.actor_id, recorded_at=now)
    note = tables.Note(
        id=new_id("note"),
        rma=writing.rma,
        text_id=text.id,
        actor_id=writing.actor_id,
        at=now,
        idempotency_key=writing.idempotency_key,
        input_hash=writing.input_hash,
    )
    try:
        with database.write() as session:
            _look_for_return(session, writing.rma)
            session.add(text)
            session.flush()
            session.add(note)
            session.flush()
    except IntegrityError:
        with database.read() as session:
            earlier = _earlier(session, writing)
        if earlier is None:
            raise
        return earlier
    return _view(note, text.body)


def notes_of(session: Session, rma: str) -> NoteList:
    """The notes of a return. Raises `NotFound`."""
    _look_for_return(session, rma)
    row = tables.Note
    rows = session.exec(
        select(row, tables.Text.body)
        .join(tables.Text, col(tables.Text.id) == col(row.text_id))
        .where(row.rma == rma)
        .order_by(col(row.at), col(row.id))
    )
    return NoteList(items=[_view(note, body) for note, body in rows])


def _look_for_return(session: Session, rma: str) -> None:
    if session.get(tables.Return, rma) is None:
        raise NotFound("return_not_found", "There is no return with this RMA number. Check it on the slip.")


def _earlier(session: Session, writing: Writing) -> NoteView | None:
    row = tables.Note
    found = session.exec(
        select(row, tables.Text.body)
        .join(tables.Text, col(tables.Text.id) == col(row.text_id))
        .where(row.actor_id == writing.actor_id, row.idempotency_key == writing.idempotency_key)
    ).first()
    if found is None:
        return None
    note, body = found
    if note.input_hash != writing.input_hash:
        raise Refused(
            "idempotency_key_reused",
            "This Idempotency-Key came with another note before. Nothing was changed. Use a new key.",
        )
    return _view(note, body)


def _view(note: tables.Note, body: str) -> NoteView:
    return NoteView(id=note.id, rma=note.rma, note=body, actor_id=note.actor_id, at=note.at)
