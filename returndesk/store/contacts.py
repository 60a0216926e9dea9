"""Contacts: when a customer asked, and which return came of it."""

from datetime import datetime

from sqlalchemy import Connection, bindparam, select

from returndesk.store import tables
from returndesk.store.return_rows import ReturnRow
from returndesk.store.statements import append, table_of, updating

_contacts = table_of(tables.Contact)
_CONTACTED_AT = select(_contacts.c.contacted_at).where(_contacts.c.id == bindparam("id"))
_LINK = updating(tables.Contact, ["id"], ["rma"])


def add_contact(
    connection: Connection,
    contact_id: str,
    row: ReturnRow,
    *,
    channel: str,
    contacted_at: datetime,
    recorded_at: datetime,
    actor_id: str,
) -> None:
    """A contact about a return that is there."""
    append(connection, tables.Contact, [{
        "id": contact_id, "order_reference": row.order_reference, "rma": row.rma, "channel": channel,
        "contacted_at": contacted_at, "recorded_at": recorded_at, "actor_id": actor_id,
    }])  # fmt: skip


def contacted_at_of(connection: Connection, contact_id: str) -> datetime:
    """When the contact was, UTC. Raises where there is no such contact."""
    at: datetime = connection.execute(_CONTACTED_AT, {"id": contact_id}).scalar_one()
    return at


def link_contact(connection: Connection, contact_id: str, rma: str) -> None:
    """A contact became a return."""
    connection.execute(_LINK, {"key_id": contact_id, "rma": rma})
