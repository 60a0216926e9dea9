"""The processes of an installation: the API, the stand-ins, and `up`, which runs them all.

Each child is this same program with another command; it finds its settings in the environment, as it would
in real use.
"""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from returndesk.embedded.listening import check_port
from returndesk.embedded.processes import Child, Supervisor, hold_folder
from returndesk.installation import Installation
from returndesk.settings import ROOT, Settings
from returndesk.store import migrate
from returndesk.threads import take_short_turns

if TYPE_CHECKING:  # slow to import, and only the API needs them
    import uvicorn
    from fastapi import FastAPI

Say = Callable[[str], None]

KEEP_ALIVE_SECONDS = 65
"""Longer than clients and proxies keep theirs: a request never meets a connection that is just being closed."""

API_THREADS = 16
"""That wait for the database: fewer than its connections."""


async def serve_api(installation: Installation) -> None:
    """The API and the pages, until a signal says stop."""
    import uvicorn

    from api.app import create_app

    take_short_turns()
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(API_THREADS, "books"))
    # Connected before it serves: within, the server would say of a mistake only that it could not start.
    app = create_app(installation, await installation.connect())
    await uvicorn.Server(server_config(app, installation.settings)).serve()


def server_config(app: "FastAPI", s: Settings) -> "uvicorn.Config":
    """How the API is served."""
    import uvicorn

    return uvicorn.Config(
        app,
        host=s.api_host,
        port=s.api_port,
        log_config=None,
        access_log=False,
        server_header=False,
        # Who says where a request comes from is believed only where the settings name it: limits count addresses.
        forwarded_allow_ips=s.trusted_proxies or "",
        timeout_graceful_shutdown=3,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        ws="none",
    )


async def serve_sandbox(installation: Installation) -> None:
    """The stand-ins for Stripe and for a mail server, in one process, until a signal says stop."""
    from returndesk.embedded.mailbox import Mailbox
    from returndesk.embedded.stripe_sandbox.app import build_server, create_app
    from returndesk.embedded.stripe_sandbox.webhooks import Endpoint

    s = installation.settings
    mailbox = Mailbox(installation.data / "mailbox.db", installation.clock.now)
    if s.smtp_url is None:
        mailbox.start(port=s.smtp_port)
    try:
        if s.stripe_api_key is None:
            endpoint = Endpoint(
                url=f"http://{s.api_host}:{s.api_port}/webhooks/stripe",
                secret=installation.webhook_secret,
                events=WEBHOOKS,
            )
            app = create_app(
                installation.data / "stripe.db", now=installation.clock.now, webhook_endpoint=endpoint
            )
            await build_server(app, port=s.stripe_port).serve()
        else:
            await until_signal()
    finally:
        mailbox.stop()


WEBHOOKS = (
    "refund.created",
    "refund.updated",
    "refund.failed",
    "charge.dispute.created",
    "charge.dispute.updated",
    "charge.dispute.funds_withdrawn",
    "charge.dispute.funds_reinstated",
    "charge.dispute.closed",
)
"""What the endpoint is subscribed to, at Stripe and at the sandbox."""


async def until_signal() -> None:
    """Wait for SIGINT or SIGTERM."""
    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    await stopping.wait()


@asynccontextmanager
async def everything(
    installation: Installation,
    say: Say,
    *,
    worker: Sequence[str] = ("returndesk", "worker"),
    workers: int = 1,
) -> AsyncIterator[Supervisor]:
    """All processes of an installation, ready to use; stopped in reverse order on leaving.

    `worker`: the module, with its arguments, that runs as each of the `workers` (`worker`, `worker-2`, …).

    Raises `ConfigurationError` with a sentence where something is missing, taken or unwritable.
    """
    s = installation.settings
    async with AsyncExitStack() as stack:
        stack.enter_context(hold_folder(installation.data))
        _check_ports(installation)
        supervisor = await stack.enter_async_context(Supervisor(say))
        if s.temporal_address is None:
            await _start_temporal(installation, supervisor, say)
        applied = migrate.upgrade(installation.database)
        if applied:
            say(f"Database: migrated ({', '.join(applied)}).")
        if s.stripe_api_key is None or s.smtp_url is None:
            await supervisor.start(_child(installation, "sandbox", _listening(_sandbox_port(installation))))
        for number in range(1, workers + 1):
            name = "worker" if number == 1 else f"worker-{number}"
            await supervisor.start(_child(installation, name, None, worker))
        await supervisor.start(_child(installation, "api", _listening(s.api_port)))
        yield supervisor


def _sandbox_port(installation: Installation) -> int:
    s = installation.settings
    return s.stripe_port if s.stripe_api_key is None else s.smtp_port


def _check_ports(installation: Installation) -> None:
    s = installation.settings
    check_port(s.api_host, s.api_port, "the API", "RETURNDESK_API_PORT")
    if s.stripe_api_key is None:
        check_port("127.0.0.1", s.stripe_port, "the Stripe sandbox", "RETURNDESK_STRIPE_PORT")
    if s.smtp_url is None:
        check_port("127.0.0.1", s.smtp_port, "the mailbox", "RETURNDESK_SMTP_PORT")
    if s.temporal_address is None:
        check_port("127.0.0.1", s.temporal_port, "Temporal", "RETURNDESK_TEMPORAL_PORT")


async def _start_temporal(installation: Installation, supervisor: Supervisor, say: Say) -> None:
    from returndesk.embedded.temporal_find import find
    from returndesk.embedded.temporal_server import TemporalServer

    binary = await asyncio.to_thread(find, say, environ=os.environ)
    assert binary is not None, "no TEMPORAL_ADDRESS is set"
    server = TemporalServer(
        binary, installation.data / "temporal", installation.settings.temporal_port,
        installation.settings.temporal_namespace,
    )  # fmt: skip
    server.prepare()
    await supervisor.start(
        Child(
            "temporal",
            server.command(),
            _log(installation, "temporal"),
            server.environment(),
            ready=server.wait_ready,
        )
    )


def _child(
    installation: Installation,
    name: str,
    ready: Callable[[], object] | None,
    module: Sequence[str] | None = None,
) -> Child:
    return Child(
        name,
        [sys.executable, "-m", *(module or ("returndesk", name))],
        _log(installation, name),
        {"RETURNDESK_DATA": str(installation.data), "PYTHONPATH": str(ROOT)},
        ready=ready,  # type: ignore[arg-type]
    )


def _log(installation: Installation, name: str) -> Path:
    folder = installation.data / "logs"
    folder.mkdir(exist_ok=True)
    return folder / f"{name}.log"


def _listening(port: int) -> Callable[[], object]:
    async def ready() -> None:
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                return

    return ready
