"""Whose request a proxy passes on is believed only of proxies that the settings name: limits count addresses."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import httpx2
import pytest
import uvicorn
from in_process import KEYRING, opened
from sqlmodel import select

from api.app import application
from api.desk import Desk
from returndesk.running import server_config
from returndesk.settings import read_settings
from returndesk.store.database import Database
from returndesk.store.tables import SignInAttempt


@pytest.fixture
def database(sqlite_database_url: str) -> Iterator[Database]:
    books = Database(sqlite_database_url)
    yield books
    books.close()


@contextmanager
def served(desk: Desk) -> Iterator[str]:
    """The application, served as the product serves it."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(server_config(application(partial(opened, desk)), read_settings()))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    thread.join()


@pytest.mark.parametrize(
    ("trusted", "forwarded", "counted"),
    [
        ("", "203.0.113.9", "127.0.0.1"),
        ("10.0.0.4", "203.0.113.9", "127.0.0.1"),
        ("127.0.0.1", "203.0.113.9", "203.0.113.9"),
        ("127.0.0.0/8,10.0.0.4", "198.51.100.1, 203.0.113.9, 10.0.0.4", "203.0.113.9"),
    ],
)
def test_an_attempt_is_counted_for_where_it_comes_from(
    api: Desk, monkeypatch: pytest.MonkeyPatch, trusted: str, forwarded: str, counted: str
) -> None:
    monkeypatch.setenv("RETURNDESK_TRUSTED_PROXIES", trusted)
    with served(api) as url:
        answer = httpx2.post(
            f"{url}/sign-in",
            data={"account": "rep-7", "password": "not this one"},
            headers={"Origin": url, "X-Forwarded-For": forwarded},
        )
    assert answer.status_code == 422
    with api.database.read() as session:
        kept = session.exec(select(SignInAttempt.address_hash)).one()
    assert kept == KEYRING.digest("sign-in address", counted)
