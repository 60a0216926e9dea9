"""The books of photos: which return each belongs to, who sent it, and under which key its file lies.

The file is kept first and written down after, so the books never name a file that was not there; one that lost its
row to a crash or to a repeated request harms nobody.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from pydantic import BaseModel
from sqlalchemy import Connection, bindparam, func, select
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col

from returndesk.domain.errors import InvalidInput, NotFound, Refused
from returndesk.store import tables
from returndesk.store.database import Database
from returndesk.store.statements import table_of

PHOTOS_MAX = 500
"""Of one return: a list of them is one answer, and a client that runs wild does not fill the disk."""

_attachments = table_of(tables.Attachment)
_KNOWN = select(_attachments.c.id).where(
    _attachments.c.rma == bindparam("rma"), _attachments.c.id.in_(bindparam("ids", expanding=True))
)


class PhotoView(BaseModel):
    """A photo without its bytes. `sha256` is that of the bytes that `GET /api/v1/photos/{id}` answers."""

    id: str
    rma: str
    media_type: str
    size_bytes: int
    sha256: str
    actor_id: str
    recorded_at: datetime


class PhotoList(BaseModel):
    """Every photo of a return, oldest first."""

    items: list[PhotoView]


@dataclass(frozen=True)
class Sending:
    """A photo that somebody sends: the key's owner, the key, and a hash of what it stands for."""

    rma: str
    actor_id: str
    idempotency_key: str
    input_hash: str


@dataclass(frozen=True)
class KeptFile:
    """A photo's file, which is kept already."""

    photo_id: str
    key: str
    media_type: str
    size_bytes: int
    sha256: str


def sent_before(database: Database, sending: Sending) -> PhotoView | None:
    """The photo that came under this key before; None where this one is to be kept.

    Raises `Refused` (`idempotency_key_reused`, `too_many_photos`) and `NotFound` (`return_not_found`).
    """
    with database.read() as session:
        earlier = _earlier(session, sending)
        if earlier is None:
            _look_for_return(session, sending.rma)
            of_return = select(func.count()).where(col(tables.Attachment.rma) == sending.rma)
            if session.scalars(of_return).one() >= PHOTOS_MAX:
                raise Refused(
                    "too_many_photos", f"This return has {PHOTOS_MAX} photos already. Nothing was kept."
                )
        return earlier


def write_down(database: Database, sending: Sending, file: KeptFile, now: datetime) -> PhotoView:
    """The photo in the books; what came under the same key meanwhile is answered instead."""
    photo = tables.Attachment(
        id=file.photo_id,
        rma=sending.rma,
        key=file.key,
        media_type=file.media_type,
        size_bytes=file.size_bytes,
        sha256=file.sha256,
        actor_id=sending.actor_id,
        idempotency_key=sending.idempotency_key,
        input_hash=sending.input_hash,
        recorded_at=now,
    )
    try:
        with database.write() as session:
            session.add(photo)
    except IntegrityError:
        with database.read() as session:
            earlier = _earlier(session, sending)
        if earlier is None:
            raise
        return earlier
    return _view(photo)


def photos_of(session: Session, rma: str) -> PhotoList:
    """The photos of a return. Raises `NotFound`."""
    _look_for_return(session, rma)
    row = tables.Attachment
    found = session.scalars(
        select(row).where(col(row.rma) == rma).order_by(col(row.recorded_at), col(row.id))
    )
    return PhotoList(items=[_view(photo) for photo in found])


def file_of(session: Session, photo_id: str) -> tuple[str, str]:
    """The key of a photo's file, and its media type. Raises `NotFound`."""
    photo = session.get(tables.Attachment, photo_id)
    if photo is None:
        raise NotFound("photo_not_found", "There is no photo with this id.")
    return photo.key, photo.media_type


def check_photos(connection: Connection, rma: str, ids: Collection[str]) -> None:
    """Raises `InvalidInput` (`photo_unknown`) where one is no photo of this return."""
    if not ids:
        return
    known = connection.execute(_KNOWN, {"rma": rma, "ids": list(ids)}).all()
    if len(known) != len(set(ids)):
        raise InvalidInput(
            "photo_unknown",
            "A photo that is named is not one of this return. Nothing was changed. Send the photo to this return "
            "first, and name the id in the answer.",
            field="items",
        )


def _look_for_return(session: Session, rma: str) -> None:
    if session.get(tables.Return, rma) is None:
        raise NotFound("return_not_found", "There is no return with this RMA number. Check it on the slip.")


def _earlier(session: Session, sending: Sending) -> PhotoView | None:
    photo = session.scalars(
        select(tables.Attachment).where(
            col(tables.Attachment.actor_id) == sending.actor_id,
            col(tables.Attachment.idempotency_key) == sending.idempotency_key,
        )
    ).first()
    if photo is None:
        return None
    if photo.input_hash != sending.input_hash:
        raise Refused(
            "idempotency_key_reused",
            "This Idempotency-Key came with another photo before. Nothing was changed. Use a new key.",
        )
    return _view(photo)


def _view(photo: tables.Attachment) -> PhotoView:
    return PhotoView(
        id=photo.id,
        rma=photo.rma,
        media_type=photo.media_type,
        size_bytes=photo.size_bytes,
        sha256=photo.sha256,
        actor_id=photo.actor_id,
        recorded_at=photo.recorded_at,
    )
