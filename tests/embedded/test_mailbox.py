"""The mailbox, over real SMTP: what was answered with 250 is there, and faults are what real servers do."""

import os
import signal
import smtplib
import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path

import pytest

from returndesk.embedded.mailbox import Mailbox, MailboxReader

ROOT = Path(__file__).parents[2]
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "mailbox.sqlite"


@pytest.fixture
def mailbox(path: Path) -> Iterator[Mailbox]:
    box = Mailbox(path, lambda: NOON)
    yield box
    box.stop()


def test_a_message_is_kept_as_it_was_sent(mailbox: Mailbox, path: Path) -> None:
    message = written("m1", "Käufer <Buyer@example.com>")
    message.add_alternative("<p>Grüße</p>", subtype="html")
    message.add_attachment(b"\x00slip", maintype="application", subtype="pdf", filename="slip.pdf")
    with smtplib.SMTP("127.0.0.1", mailbox.start()) as client:
        client.send_message(message)

    [kept] = MailboxReader(path).messages()
    assert (kept.message_id, kept.subject, kept.received_at) == ("<m1@shop.example>", "Übersicht", NOON)
    assert (kept.text or "").splitlines() == ["Hello", ".dot"]
    assert (kept.html or "").strip() == "<p>Grüße</p>"
    assert [(each.filename, each.content_type, each.content) for each in kept.attachments] == [
        ("slip.pdf", "application/pdf", b"\x00slip")
    ]
    assert kept.envelope_to == ("Buyer@example.com",)


def test_many_messages_share_a_connection_and_keep_their_order(mailbox: Mailbox, path: Path) -> None:
    with smtplib.SMTP("127.0.0.1", mailbox.start()) as client:
        for number in range(30):
            client.send_message(written(f"m{number}", f"buyer{number % 2}@example.com"))

    reader = MailboxReader(path)
    assert [kept.message_id for kept in reader.messages()] == [f"<m{n}@shop.example>" for n in range(30)]
    assert len(reader.messages(to="BUYER1@example.com")) == 15
    assert [kept.number for kept in reader.messages(after=10, limit=2)] == [11, 12]
    assert [kept.number for kept in reader.latest(limit=2)] == [30, 29]
    assert [kept.number for kept in reader.latest(before=29, limit=1)] == [28]
    assert reader.message(7) == reader.messages(after=6, limit=1)[0]
    assert reader.message(99) is None


def test_commands_may_be_pipelined(mailbox: Mailbox, path: Path) -> None:
    with socket.create_connection(("127.0.0.1", mailbox.start())) as client:
        lines = client.makefile("rb")
        client.sendall(b"EHLO me\r\n")
        offered = [lines.readline()]
        while not offered[-1].startswith(b"250 "):
            offered.append(lines.readline())
        assert b"250-PIPELINING\r\n" in offered
        for _ in range(2):
            client.sendall(b"MAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.com>\r\nDATA\r\n")
            assert [lines.readline()[:3] for _ in range(3)] == [b"250", b"250", b"354"]
            client.sendall(b"Message-ID: <p@example.com>\r\n\r\nhi\r\n.\r\n")
            assert lines.readline().startswith(b"250")
    assert len(MailboxReader(path).messages()) == 2


@pytest.mark.parametrize("code", [451, 554])
def test_a_refused_message_is_not_kept_and_the_next_one_is(mailbox: Mailbox, path: Path, code: int) -> None:
    port = mailbox.start()
    mailbox.refuse(1, code)
    with smtplib.SMTP("127.0.0.1", port) as client:
        with pytest.raises(smtplib.SMTPDataError) as refused:
            client.send_message(written("m1"))
        client.send_message(written("m2"))
    assert refused.value.smtp_code == code
    assert [kept.message_id for kept in MailboxReader(path).messages()] == ["<m2@shop.example>"]


def test_one_recipient_can_be_refused_while_others_are_served(mailbox: Mailbox, path: Path) -> None:
    port = mailbox.start()
    mailbox.refuse(1, 550, recipient="Nobody@example.com")
    with smtplib.SMTP("127.0.0.1", port) as client:
        refused = client.send_message(written("m1", "nobody@example.com, buyer@example.com"))
    assert [answer[0] for answer in refused.values()] == [550]
    assert MailboxReader(path).messages()[0].envelope_to == ("buyer@example.com",)


@pytest.mark.parametrize(("stored", "kept"), [(True, 1), (False, 0)])
def test_the_connection_can_break_after_the_final_dot(
    mailbox: Mailbox, path: Path, stored: bool, kept: int
) -> None:
    port = mailbox.start()
    mailbox.drop(1, stored=stored)
    with (
        pytest.raises((smtplib.SMTPServerDisconnected, ConnectionResetError)),
        smtplib.SMTP("127.0.0.1", port) as client,
    ):
        client.send_message(written("m1"))
    assert len(MailboxReader(path).messages()) == kept
    with smtplib.SMTP("127.0.0.1", port) as client:
        client.send_message(written("m2"))
    assert len(MailboxReader(path).messages()) == kept + 1


def test_a_mailbox_nobody_has_written_to_is_empty(path: Path) -> None:
    assert MailboxReader(path).messages() == []


def test_stopping_does_not_wait_for_clients_that_stay(mailbox: Mailbox, path: Path) -> None:
    with smtplib.SMTP("127.0.0.1", mailbox.start()) as client:
        client.send_message(written("m1"))
        mailbox.stop()
        with pytest.raises((smtplib.SMTPException, OSError)):
            client.send_message(written("m2"))
    mailbox.start()
    assert len(MailboxReader(path).messages()) == 1


def test_what_was_answered_is_there_after_kill_9(path: Path) -> None:
    script = (
        "import sys, threading\nfrom datetime import UTC, datetime\nfrom pathlib import Path\n"
        "from returndesk.embedded.mailbox import Mailbox\n"
        "print(Mailbox(Path(sys.argv[1]), lambda: datetime.now(UTC)).start(), flush=True)\n"
        "threading.Event().wait()\n"
    )
    server = subprocess.Popen(
        [sys.executable, "-c", script, str(path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert server.stdout is not None
    client = smtplib.SMTP("127.0.0.1", int(server.stdout.readline()))
    for number in range(5):
        client.send_message(written(f"m{number}"))
    os.kill(server.pid, signal.SIGKILL)
    server.wait(10)
    server.stdout.close()
    client.close()
    assert len(MailboxReader(path).messages()) == 5


def written(name: str, to: str = "buyer@example.com") -> EmailMessage:
    message = EmailMessage()
    message["Message-ID"] = f"<{name}@shop.example>"
    message["From"] = "returns@shop.example"
    message["To"] = to
    message["Subject"] = "Übersicht"
    message.set_content("Hello\n.dot\n")
    return message
