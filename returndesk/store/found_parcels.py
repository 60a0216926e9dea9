"""Parcels that no return announced: the warehouse cannot start a return, so a rep is asked to, with what was in it."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from returndesk.domain.errors import Refused
from returndesk.domain.parcel_inputs import PackedItem
from returndesk.domain.people import Actor, Role
from returndesk.store import tables
from returndesk.store.commands import new_id
from returndesk.store.database import Database

QUEUE = "unannounced_parcels"
PARCEL_WITHOUT_RETURN = "parcel_without_return"
LOOK_INTO_DAYS = 1
"""Business days a rep has to find out whose it is."""


@dataclass(frozen=True)
class FoundParcel:
    """What lies on the bench. `order_reference` None: nothing tells whose it is, only `words` what it looks like."""

    order_reference: str | None
    items: Sequence[PackedItem]
    words: str | None


def file_found_parcel(
    database: Database, parcel: FoundParcel, *, actor: Actor, key: str, now: datetime, due_at: datetime
) -> str:
    """Ask a rep to see to it; the id of the task. The same key is the same parcel.

    Raises `Refused` (`idempotency_key_reused`) where the key came with another parcel before.
    """
    sent_as = hashlib.sha256(f"{actor.id} {key}".encode())
    task_id = f"parcel/{sent_as.hexdigest()[:24]}"
    text_id = None if parcel.words is None else new_id("txt")
    task = tables.Task(
        id=task_id,
        rma=None,
        queue=QUEUE,
        kind=PARCEL_WITHOUT_RETURN,
        owner_role=Role.REP,
        details={
            "order": parcel.order_reference,
            "items": [[item.line, item.quantity] for item in parcel.items],
            "text": text_id,
        },
        created_at=now,
        due_at=due_at,
    )
    try:
        with database.write() as session:
            session.add(task)
            if text_id is not None and parcel.words is not None:
                session.add(tables.Text(id=text_id, body=parcel.words, actor_id=actor.id, recorded_at=now))
    except IntegrityError:
        with database.read() as session:
            if not _is_same(session, task_id, parcel):
                raise Refused(
                    "idempotency_key_reused",
                    "This form came with another parcel before. Nothing was changed. Load the page again.",
                ) from None
    return task_id


def _is_same(session: Session, task_id: str, parcel: FoundParcel) -> bool:
    """Whether the task under this id is of the same parcel."""
    details = session.get_one(tables.Task, task_id).details
    items = [[item.line, item.quantity] for item in parcel.items]
    return bool(details["order"] == parcel.order_reference and details["items"] == items)
