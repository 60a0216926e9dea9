"""The mail gateway against a real SMTP server: what was taken, what was not, and what nobody knows."""

import asyncio
import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from email.policy import SMTP as MAIL
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from returndesk.domain.errors import ConfigurationError, InvalidInput
from returndesk.domain.mail import Delivery, Outcome
from returndesk.gateways.smtp import SmtpMailer

ACCEPTED = Delivery(Outcome.ACCEPTED, 250)


class Post:
    """A mail server that answers as it is told, and remembers who connected and what it took."""

    def __init__(self) -> None:
        self.answers: dict[str, str] = {}
        self.taken: list[Envelope] = []
        self.peers: set[object] = set()
        self.drop_after_dot = False

    async def handle_MAIL(
        self, _server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        self.peers.add(session.peer)
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return self.answers.get("MAIL", "250 OK")

    async def handle_RCPT(
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        envelope.rcpt_tos.append(address)
        return self.answers.get("RCPT", "250 OK").replace("{address}", address)

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:
        if self.drop_after_dot:
            self.drop_after_dot = False
            self.taken.append(envelope)
            hang_up(server)
            return "250 never read"
        answer = self.answers.get("DATA", "250 OK")
        if answer.startswith("250"):
            self.taken.append(envelope)
        return answer


def hang_up(talk: SMTP) -> None:
    if isinstance(talk.transport, asyncio.Transport):
        talk.transport.abort()


@contextmanager
def serving(post: Post, *, tls: ssl.SSLContext | None = None, **options: Any) -> Iterator[int]:
    """The port of a server in a thread of its own. (aiosmtpd's Controller cannot choose a free port.)"""
    loop = asyncio.new_event_loop()
    thread = Thread(target=loop.run_forever)
    thread.start()
    talks: list[SMTP] = []

    async def listen() -> asyncio.Server:
        def protocol() -> SMTP:
            talks.append(SMTP(post, enable_SMTPUTF8=True, hostname="mail.test", loop=loop, **options))
            return talks[-1]

        return await loop.create_server(protocol, "127.0.0.1", 0, ssl=tls)

    async def close(server: asyncio.Server) -> None:
        server.close()
        for talk in talks:
            hang_up(talk)
        connections = asyncio.all_tasks() - {asyncio.current_task()}
        for connection in connections:
            connection.cancel()
        await asyncio.gather(*connections, return_exceptions=True)

    server = asyncio.run_coroutine_threadsafe(listen(), loop).result(10)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        asyncio.run_coroutine_threadsafe(close(server), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


@pytest.fixture
def post() -> Post:
    return Post()


@pytest.fixture
def url(post: Post) -> Iterator[str]:
    with serving(post) as port:
        yield f"smtp://127.0.0.1:{port}"


@pytest.fixture
def mailer(url: str) -> Iterator[SmtpMailer]:
    mailer = SmtpMailer(url)
    yield mailer
    mailer.close()


def letter(body: str = "Hello.", to: str = "Maria Söderberg <maria@example.com>") -> EmailMessage:
    message = EmailMessage(policy=MAIL)
    message["From"] = "Diva Alex <returns@divaalex.example>"
    message["To"] = to
    message["Subject"] = "Your return"
    message["Message-ID"] = "<1.notice@returns>"
    message.set_content(body)
    return message


def test_a_message_arrives_whole(post: Post, mailer: SmtpMailer) -> None:
    assert mailer.send(letter("Dots:\n.\n..two\n.end £5")) == ACCEPTED
    [envelope] = post.taken
    assert envelope.mail_from == "returns@divaalex.example"
    assert envelope.rcpt_tos == ["maria@example.com"]
    assert isinstance(envelope.content, bytes)
    assert envelope.content == letter("Dots:\n.\n..two\n.end £5").as_bytes()


def test_the_connection_is_kept(post: Post, mailer: SmtpMailer) -> None:
    for _ in range(20):
        assert mailer.send(letter()) == ACCEPTED
    assert len(post.taken) == 20
    assert len(post.peers) == 1


def test_a_connection_the_server_closed_meanwhile_is_opened_again(post: Post, url: str) -> None:
    mailer = SmtpMailer(url)
    assert mailer.send(letter()) == ACCEPTED
    assert mailer._connection
    assert mailer._connection.sock
    mailer._connection.sock.shutdown(socket.SHUT_RDWR)
    assert mailer.send(letter()) == ACCEPTED
    assert len(post.taken) == len(post.peers) == 2
    mailer.close()


@pytest.mark.parametrize("step", ["MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        ("451 Try again", Outcome.REFUSED_NOW),
        ("452 Full", Outcome.REFUSED_NOW),
        ("550 No such user", Outcome.REFUSED_FOR_GOOD),
        ("554 Spam", Outcome.REFUSED_FOR_GOOD),
        ("530 Sign in first", Outcome.REFUSED_NOW),
    ],
)
def test_a_refusal_is_told_from_a_delay(
    post: Post, mailer: SmtpMailer, step: str, answer: str, outcome: Outcome
) -> None:
    post.answers[step] = answer
    assert mailer.send(letter()) == Delivery(outcome, int(answer[:3]))
    assert post.taken == []
    post.answers.clear()
    assert mailer.send(letter()) == ACCEPTED


def test_a_connection_that_dies_after_the_dot_leaves_it_open(post: Post, mailer: SmtpMailer) -> None:
    post.drop_after_dot = True
    assert mailer.send(letter()) == Delivery(Outcome.UNSURE)
    assert len(post.taken) == 1  # not sent again behind the caller's back
    assert mailer.send(letter()) == ACCEPTED
    assert [envelope.content for envelope in post.taken] == [letter().as_bytes()] * 2


def test_a_connection_that_dies_before_the_dot_has_taken_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(10)

        def hang_up_at_data() -> None:
            talker = listener.accept()[0]
            with talker, talker.makefile("rb") as lines:
                talker.sendall(b"220 mail.test\r\n")
                for line in lines:
                    if line.startswith(b"DATA"):
                        return
                    talker.sendall(b"250 OK\r\n")

        server = Thread(target=hang_up_at_data)
        server.start()
        outcome = SmtpMailer(f"smtp://127.0.0.1:{listener.getsockname()[1]}").send(letter())
        server.join(10)
    assert outcome == Delivery(Outcome.REFUSED_NOW)


def test_no_server_is_a_delay() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert SmtpMailer(f"smtp://127.0.0.1:{port}").send(letter()) == Delivery(Outcome.UNREACHABLE)


def test_the_servers_words_do_not_leave(post: Post, mailer: SmtpMailer) -> None:
    post.answers["RCPT"] = "550 <{address}> unknown here"
    delivery = mailer.send(letter())
    assert delivery == Delivery(Outcome.REFUSED_FOR_GOOD, 550)
    assert "maria" not in repr(delivery)


def test_an_address_beyond_ascii_is_written_to(post: Post, mailer: SmtpMailer) -> None:
    message = letter(to="Jörg <jörg@example.com>")
    assert mailer.send(message) == ACCEPTED
    assert post.taken[0].rcpt_tos == ["jörg@example.com"]
    assert mailer.send(letter()) == ACCEPTED


def test_a_header_with_a_line_break_is_refused(post: Post, mailer: SmtpMailer) -> None:
    message = letter()
    vars(message)["_headers"].append(("X-Note", "hello\r\nBcc: all@example.com"))
    with pytest.raises(InvalidInput) as refused:
        mailer.send(message)
    assert refused.value.code == "header_injection"
    assert "all@example.com" not in str(refused.value)
    assert post.taken == []


@pytest.mark.parametrize("to", ["a@example.com, b@example.com", "undisclosed:;"])
def test_a_message_goes_to_one_recipient(post: Post, mailer: SmtpMailer, to: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        mailer.send(letter(to=to))
    assert refused.value.code == "address_unusable"
    assert post.taken == []


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")  # it is loopback
def test_a_wrong_password_delays_and_a_right_one_sends(post: Post) -> None:
    def knows(_server: SMTP, _session: Session, _envelope: Envelope, _how: str, data: object) -> AuthResult:
        return AuthResult(success=data == LoginPassword(b"shop", b"p@ss/word"), handled=False)

    with serving(post, authenticator=knows, auth_required=True, auth_require_tls=False) as port:
        refused = SmtpMailer(f"smtp://shop:wrong@127.0.0.1:{port}").send(letter())
        mailer = SmtpMailer(f"smtp://shop:p%40ss%2Fword@127.0.0.1:{port}")
        taken = mailer.send(letter())
        mailer.close()
    assert refused == Delivery(Outcome.UNREACHABLE, 535)
    assert taken == ACCEPTED


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl, which makes the test's certificate, is not installed")
    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    command = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
               "-subj", "/CN=localhost",
               "-addext", "subjectAltName=DNS:localhost", "-keyout", str(key), "-out", str(cert)]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True, timeout=30)
    return key, cert


@pytest.mark.parametrize("scheme", ["smtps", "smtp+starttls"])
def test_tls_is_verified(post: Post, certificate: tuple[Path, Path], scheme: str) -> None:
    key, cert = certificate
    theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    theirs.load_cert_chain(cert, key)
    wraps = {"tls": theirs} if scheme == "smtps" else {"tls_context": theirs, "require_starttls": True}
    trusting = ssl.create_default_context(cafile=cert)
    with serving(post, **wraps) as port:
        assert SmtpMailer(f"{scheme}://localhost:{port}").send(letter()) == Delivery(Outcome.UNREACHABLE)
        wrong_name = SmtpMailer(f"{scheme}://127.0.0.1:{port}", tls=trusting)
        assert wrong_name.send(letter()) == Delivery(Outcome.UNREACHABLE)
        assert post.taken == []
        mailer = SmtpMailer(f"{scheme}://localhost:{port}", tls=trusting)
        assert mailer.send(letter()) == ACCEPTED
        mailer.close()


def test_starttls_is_not_skipped_where_the_server_offers_none(post: Post, url: str) -> None:
    asked = SmtpMailer(url.replace("smtp://", "smtp+starttls://"))
    assert asked.send(letter()).outcome is Outcome.UNREACHABLE
    assert post.taken == []


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("smtp://mail.example.com", "smtp_not_encrypted"),
        ("smtp+plain://shop:hunter2@mail.example.com", "smtp_not_encrypted"),
        ("http://mail.example.com", "smtp_url_invalid"),
        ("smtps://", "smtp_url_invalid"),
        ("smtps://shop@mail.example.com", "smtp_url_invalid"),
        ("smtps://shop:hunter2@mail.example.com:99999", "smtp_url_invalid"),
        ("smtps://shop:hunter2@mail.example.com/inbox?x=1", "smtp_url_invalid"),
    ],
)
def test_a_url_that_would_not_be_safe_is_refused_without_its_password(url: str, code: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        SmtpMailer(url)
    assert refused.value.code == code
    assert "hunter2" not in str(refused.value)
    assert refused.value.__cause__ is None


@pytest.mark.parametrize(
    "url", ["smtp+plain://mail.internal:2525", "smtps://a:b@mail.example", "smtp://[::1]:25"]
)
def test_a_url_that_is_safe_is_taken(url: str) -> None:
    SmtpMailer(url).close()
