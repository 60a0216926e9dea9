"""The application: routers, problem answers and what every answer carries. No business rule lives here."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from fastapi import FastAPI
from starlette.staticfiles import StaticFiles
from temporalio.client import Client

from api import (
    account,
    audit,
    clocks,
    customer,
    eligibility,
    figures,
    finance,
    health,
    identity,
    manager,
    notes,
    orders,
    pages,
    photos,
    problems,
    refunds,
    rep,
    rep_commands,
    rep_new,
    rep_return,
    return_commands,
    returns,
    sign_in,
    start,
    tasks,
    warehouse,
    warehouse_parcel,
    webhooks,
)
from api.desk import Desk, Stamps
from api.error_pages import ErrorPages
from api.headers import Envelope
from returndesk.embedded.mailbox import MailboxReader
from returndesk.gateways.temporal import TemporalDoor
from returndesk.installation import Installation
from returndesk.settings import ROOT

DESCRIPTION = """
Starts returns and records what happens to them. Every POST under `/api/v1` that changes something takes an
`Idempotency-Key`: the same key with the same body is the same request. Errors are RFC 9457 problem documents with a
stable `code`.
"""


def create_app(installation: Installation, client: Client | None = None) -> FastAPI:
    """The ASGI application. Without a client it connects when it starts; with one, mistakes are said at once."""
    ready = None if client is None else _desk(installation, client)
    return application(partial(_opened, installation, ready))


@asynccontextmanager
async def _opened(installation: Installation, ready: Desk | None) -> AsyncIterator[Desk]:
    try:
        yield ready or _desk(installation, await installation.connect())
    finally:
        installation.database.close()


def application(opened: Callable[[], AbstractAsyncContextManager[Desk]]) -> FastAPI:
    """The ASGI application over a desk that is opened when it starts and closed when it stops."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with opened() as desk:
            app.state.desk = desk
            with desk.database.write() as session:
                desk.policies.remember(session, desk.policy, desk.clock.now())
            stamping = asyncio.create_task(desk.stamps.run())
            try:
                yield
            finally:
                stamping.cancel()
                await desk.stamps.flush()

    app = FastAPI(
        title="returndesk",
        version=version_of_returndesk(),
        description=DESCRIPTION,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/v1/openapi.json",
    )
    problems.install(app)
    identity.install(app)
    for module in (
        return_commands,
        returns,
        eligibility,
        clocks,
        photos,
        notes,
        orders,
        refunds,
        tasks,
        webhooks,
        health,
        pages,
        customer,
        manager,
        start,
        sign_in,
        account,
        warehouse,
        warehouse_parcel,
        finance,
        audit,
        figures,
        rep,
        rep_new,
        rep_commands,
        rep_return,
    ):
        app.include_router(module.router, responses=problems.problems(500))
    app.mount("/static", StaticFiles(directory=ROOT / "templates" / "static"), name="static")
    app.add_middleware(ErrorPages, known=identity.known)
    app.add_middleware(Envelope)
    return app


def _desk(installation: Installation, client: Client) -> Desk:
    i = installation
    mailbox = i.data / "mailbox.db" if i.settings.smtp_url is None else None
    return Desk(
        database=i.database,
        clock=i.clock,
        secret=i.keyring.secret,
        policies=i.policies,
        policy=i.policy,
        door=TemporalDoor(client),
        links=i.links,
        renderer=i.renderer,
        webhook_secret=i.webhook_secret,
        mailbox=_reader(mailbox),
        files=i.files,
        stamps=Stamps(i.database, i.clock),
        temporal=client,
    )


def _reader(path: Path | None) -> MailboxReader | None:
    return None if path is None else MailboxReader(path)


def version_of_returndesk() -> str:
    """The version of this checkout, or of the installed package."""
    try:
        return version("returndesk")
    except PackageNotFoundError:  # run from a checkout
        return "0.1.0"
