"""What colleagues leave for each other at a return. No customer ever reads it, and nothing of it is mailed."""

from typing import Annotated

from fastapi import APIRouter, Request

from api.commands import IdempotencyKey
from api.desk import Desk, desk_of
from api.identity import require
from api.problems import problems
from api.return_commands import Rma
from returndesk.domain.people import Actor, Role
from returndesk.domain.rma import parse
from returndesk.store.notes import NoteInput, NoteList, NoteView, Writing, notes_of, write_note

router = APIRouter(prefix="/api/v1", tags=["returns"])

_COLLEAGUES = (Role.REP, Role.FINANCE, Role.MANAGER, Role.ADMIN)
"""Who reads them where a return is shown. The warehouse is not among them: notes may speak of the customer."""


@router.post("/returns/{rma}/notes", status_code=201, responses=problems(400, 401, 403, 404, 413, 422))
def add_note(
    rma: Rma,
    body: NoteInput,
    request: Request,
    key: IdempotencyKey,
    actor: Annotated[Actor, require(*_COLLEAGUES)],
) -> NoteView:
    """Leave a note for colleagues. The customer never sees it, at any stage; nothing else changes."""
    return keep_note(desk_of(request), parse(rma), body.note, actor, key)


@router.get("/returns/{rma}/notes", responses=problems(401, 403, 404, 422))
def list_notes(rma: Rma, request: Request, _actor: Annotated[Actor, require(*_COLLEAGUES)]) -> NoteList:
    """The notes of a return, oldest first."""
    with desk_of(request).database.read() as session:
        return notes_of(session, parse(rma))


def keep_note(desk: Desk, rma: str, note: str | None, actor: Actor, key: str) -> NoteView:
    """Write a note down. Raises `ValidationError` where nothing was written, and what the store raises."""
    said = NoteInput.model_validate({"note": note or ""})
    input_hash = desk.links.keyring.digest("note", f"{rma}\0{said.note}")
    return write_note(desk.database, Writing(rma, said.note, actor.id, key, input_hash), desk.clock.now())
