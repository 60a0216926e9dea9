"""Keyset pages: a cursor names the last row of a page, so rows that come or go in between are neither lost nor doubled."""

import base64
import json
import re
from datetime import UTC, datetime

from returndesk.domain.errors import InvalidInput


def to_cursor(at: datetime, row_id: str) -> str:
    """The cursor after a row."""
    text = json.dumps([at.isoformat(), row_id], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def from_cursor(cursor: str) -> tuple[datetime, str]:
    """The row a cursor names. Raises `InvalidInput` (`cursor_invalid`)."""
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        at, row_id = json.loads(text)
        instant = datetime.fromisoformat(at)
        if instant.tzinfo is None or not re.fullmatch(r"[ -~]+", row_id):
            raise ValueError
        instant = instant.astimezone(UTC)
    except (ValueError, TypeError, OverflowError, RecursionError):
        raise InvalidInput(
            "cursor_invalid", "This cursor is not one of ours. Begin again without it.", field="cursor"
        ) from None
    return instant, row_id
