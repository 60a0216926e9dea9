"""Pages that change while somebody looks: server-sent events that say "something is new", and nothing of what.

A page names the address it listens at and what it shows, as a mark; on an event it fetches itself again. So what is
shown has one source, the page; without JavaScript a reload shows the same. A stream looks at the books once a second
and ends by itself after a while; the browser opens it again, is identified again, and says which mark it saw last. So
nothing is missed between a page and its stream, nor between two streams.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from time import monotonic

from fastapi import Request
from fastapi.responses import Response
from sqlmodel import Session
from sse_starlette import EventSourceResponse, ServerSentEvent

from api.desk import desk_of
from returndesk.domain.errors import Unavailable
from returndesk.store.database import Database

LOOK_SECONDS = 1.0
STREAM_SECONDS_MAX = 120.0
SIGN_SECONDS = 10.0
STREAMS_MAX = 500
AGAIN_MS = 2_000

Look = Callable[[Session], str]
"""What a page shows, as short as can be: when this text changes, something is new."""


def mark(looked: str) -> str:
    """What a page shows, for the page to hand to its stream: the mark itself tells nothing. Look before reading the rest."""
    return hashlib.blake2b(looked.encode(), digest_size=9).hexdigest()


async def stream(request: Request, look: Look, here: Callable[[], None] | None = None) -> Response:
    """Events `changed` for as long as somebody listens, at once where something is new since the mark they have.

    Raises `Unavailable` where too many listen.

    `here` is called at once and every few seconds, for as long as somebody does: they are still there.
    """
    state = request.app.state
    if getattr(state, "streams", 0) >= STREAMS_MAX:
        raise Unavailable(
            "too_many_listeners", "Too many pages are open. Reload this one to see what is new."
        )
    return EventSourceResponse(
        _events(request, look, here),
        ping=30,
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def _events(
    request: Request, look: Look, here: Callable[[], None] | None
) -> AsyncIterator[ServerSentEvent]:
    state, database = request.app.state, desk_of(request).database
    state.streams = getattr(state, "streams", 0) + 1
    ends_at, sign_at = monotonic() + STREAM_SECONDS_MAX, monotonic()
    try:
        shown = request.headers.get("last-event-id") or request.query_params.get("seen")
        seen = await asyncio.to_thread(_looked, database, look)
        is_old = shown is not None and shown != seen
        yield ServerSentEvent(event="changed" if is_old else "open", data="", id=seen, retry=AGAIN_MS)
        while monotonic() < ends_at and not await request.is_disconnected():
            if here is not None and monotonic() >= sign_at:
                sign_at = monotonic() + SIGN_SECONDS
                await asyncio.to_thread(here)
            await asyncio.sleep(LOOK_SECONDS)
            now = await asyncio.to_thread(_looked, database, look)
            if now != seen:
                seen = now
                yield ServerSentEvent(event="changed", data="", id=seen)
    finally:
        state.streams -= 1


def _looked(database: Database, look: Look) -> str:
    with database.read() as session:
        return mark(look(session))
