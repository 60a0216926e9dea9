"""The sandbox as an ASGI application, and the server that can also fail to answer."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from returndesk.embedded.stripe_sandbox.api import HANG_UP, Api, Reply, respond
from returndesk.embedded.stripe_sandbox.errors import Refusal, unknown_route
from returndesk.embedded.stripe_sandbox.faults import Faults
from returndesk.embedded.stripe_sandbox.knobs import Knobs
from returndesk.embedded.stripe_sandbox.records import Records
from returndesk.embedded.stripe_sandbox.sandbox import Sandbox
from returndesk.embedded.stripe_sandbox.webhooks import Endpoint, deliver_for_ever, set_endpoint
from returndesk.embedded.stripe_sandbox.work import new_id


def create_app(
    database: Path,
    *,
    now: Callable[[], datetime],
    api_keys: Collection[str] = (),
    webhook_endpoint: Endpoint | None = None,
) -> Starlette:
    """A sandbox on this database file, which is made where it is missing.

    ``now`` is the sandbox's only clock and must be timezone-aware. Without ``api_keys`` every ``sk_test_…``
    key is let in. A ``webhook_endpoint`` given here replaces the one the database remembers. Webhooks are
    sent while the lifespan runs.
    """
    running: list[Sandbox] = []

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        records = Records(database)
        if webhook_endpoint is not None:
            set_endpoint(records, webhook_endpoint)
        sandbox = Sandbox(records, now, Faults(records), api_keys)
        running.append(sandbox)
        sending = asyncio.create_task(deliver_for_ever(sandbox))
        try:
            yield
        finally:
            sending.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await sending
            running.clear()
            records.close()

    return Starlette(
        routes=[*Api(lambda: running[0]).routes(), *Knobs(lambda: running[0]).routes()],
        exception_handlers={Refusal: _refused, HTTPException: _no_such_route},
        lifespan=lifespan,
    )


async def _refused(_request: Request, refusal: Exception) -> Response:
    assert isinstance(refusal, Refusal), "registered for refusals only"
    return respond(Reply.refusing(refusal), new_id("req_"))


async def _no_such_route(request: Request, _error: Exception) -> Response:
    return respond(Reply.refusing(unknown_route(request.method, request.url.path)), new_id("req_"))


class HangUpProtocol(HttpToolsProtocol):
    """HTTP as uvicorn speaks it that can also cut the connection, for which ASGI has no word."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Send every answer at once, also on a listening socket that asyncio did not make itself."""
        super().connection_made(transport)
        connection = transport.get_extra_info("socket")
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def on_message_begin(self) -> None:
        """Give the request a way to abort the connection it came on."""
        super().on_message_begin()
        self.scope["extensions"] = {HANG_UP: {"cut": self.transport.abort}}


def build_server(app: Starlette, *, host: str = "127.0.0.1", port: int = 12111) -> uvicorn.Server:
    """The server to run the sandbox with; await its ``serve()``, in whatever process has room for it."""
    return uvicorn.Server(
        uvicorn.Config(
            app,
            host=host,
            port=port,
            http=HangUpProtocol,
            ws="none",
            lifespan="on",
            log_config=None,
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=2,
        )
    )
