"""Contacts: when a customer asked, and which return came of it."""

from datetime import datetime

from sqlalchemy import Connection, bindparam, select

from returndesk.store import tables
from returndesk.store.statements import table_of, updating

_contacts = table_of(tables.Contact)
_CONTACTED_AT = select(_contacts.c.contacted_at).where(_contacts.c.id == bindparam("id"))
_LINK = updating(tables.Contact, ["id"], ["rma"])


def contacted_at_of(connection: Connection, contact_id: str) -> datetime:
    """When the contact was, UTC. Raises where there is no such contact."""
    at: datetime = connection.execute(_CONTACTED_AT, {"id": contact_id}).scalar_one()
    return at


def link_contact(connection: Connection, contact_id: str, rma: str) -> None:
    """A contact became a return."""
    connection.execute(_LINK, {"key_id": contact_id, "rma": rma})
