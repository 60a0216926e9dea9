"""A browser, and a shop for each module of tests."""

import shutil
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import uvicorn
from browser_shop import CHROMIUM, MovableClock, Shop
from in_process import KEYRING, POLICY, api_desk, opened
from playwright.sync_api import Browser, expect, sync_playwright

from activities.notices import Notices
from api.app import application
from returndesk.domain.people import Role
from returndesk.embedded.mailbox import Mailbox
from returndesk.gateways.smtp import SmtpMailer
from returndesk.links import PublicLinks
from returndesk.store import tokens
from returndesk.store.database import Database


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, _sqlite_template: Path) -> Iterator[Shop]:
    folder = tmp_path_factory.mktemp("shop")
    shutil.copyfile(_sqlite_template, folder / "books.sqlite")
    database, clock = Database(f"sqlite:///{folder / 'books.sqlite'}"), MovableClock()
    mailbox = Mailbox(folder / "mailbox.db", clock.now)
    smtp_port = mailbox.start()
    listener = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    desk = replace(api_desk(database, clock, folder / "mailbox.db"), links=PublicLinks(url, KEYRING))
    server = uvicorn.Server(uvicorn.Config(application(partial(opened, desk)), log_config=None))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    mailer = SmtpMailer(f"smtp://127.0.0.1:{smtp_port}")
    notices = Notices(database, mailer, desk.renderer, desk.links, clock, "shop.example")
    with database.write() as session:
        token = tokens.create(session, Role.ADMIN, "manager-7", clock.now())
    shop = Shop(url, desk, notices, token)
    yield shop
    shop.http.close()
    server.should_exit = True
    thread.join()
    mailer.close()
    mailbox.stop()
    listener.close()
    database.close()
    assert POLICY.shop.name == "Diva Alex"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("there is no Chromium here")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
        )
        expect.set_options(timeout=15_000)  # other tests run beside these
        yield chromium
        chromium.close()
