"""`returndesk user …`: who may sign in, from the command line."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from test_cli import Program

from returndesk.store import accounts
from returndesk.store.database import Database, sqlite_url
from returndesk.store.tables import User

Typed = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def program(tmp_path: Path, _sqlite_template: Path) -> Program:
    found = Program(tmp_path)
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "returndesk.db").write_bytes(_sqlite_template.read_bytes())
    return found


@pytest.fixture
def typed(program: Program) -> Typed:
    """Run a command that asks for a password, away from any terminal, and type into it."""

    def run(*words: str, typing: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "returndesk", *words], cwd=program.folder, text=True, capture_output=True,
            env=program.environment, input=typing, start_new_session=True, check=False,
        )  # fmt: skip

    return run


def user(program: Program, user_id: str) -> User:
    database = Database(sqlite_url(program.folder / "state" / "returndesk.db"))
    with database.read() as session:
        found = session.get_one(User, user_id)
        session.expunge(found)
    database.close()
    return found


def test_somebody_is_added_with_a_password_that_is_typed_twice_and_never_shown(
    program: Program, typed: Typed
) -> None:
    password = "horses paint the moon"
    done = typed("user", "add", "rep-7", "--role", "rep", typing=f"{password}\n{password}\n")
    assert done.returncode == 0, done.stderr
    assert "rep-7 may sign in, as rep, at http://127.0.0.1:8400/sign-in" in done.stderr
    assert password not in done.stdout + done.stderr
    kept = user(program, "rep-7")
    assert accounts.verified(kept.password_hash, password) == (True, None)
    assert not kept.must_change
    again = typed("user", "add", "rep-7", "--role", "rep", typing=f"{password}\n{password}\n")
    assert again.returncode == 1
    assert "There is a user of this id already" in again.stderr


def test_a_password_that_will_not_do_adds_nobody(program: Program, typed: Typed) -> None:
    refused = typed("user", "add", "rep-7", "--role", "rep", typing="too short\ntoo short\n")
    assert refused.returncode == 1
    assert "at least 12 characters" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert "Nobody yet" in program("user", "list").stdout


def test_a_generated_password_is_printed_once_and_has_to_be_changed(program: Program) -> None:
    done = program("user", "add", "warehouse-2", "--role", "warehouse", "--generate")
    assert re.fullmatch(r"([a-z2-9]{5}-){3}[a-z2-9]{5}\n", done.stdout)
    first = user(program, "warehouse-2")
    assert first.must_change
    assert accounts.verified(first.password_hash, done.stdout.strip()) == (True, None)
    anew = program("user", "password", "warehouse-2", "--generate")
    second = user(program, "warehouse-2")
    assert anew.stdout != done.stdout
    assert accounts.verified(second.password_hash, anew.stdout.strip()) == (True, None)


def test_somebody_is_disabled_with_their_tokens_and_enabled_again(program: Program) -> None:
    program("user", "add", "rep-7", "--role", "rep", "--generate")
    program("token", "create", "--role", "rep", "--actor", "rep-7")
    assert "Tokens ended: 1." in program("user", "disable", "rep-7").stdout
    assert re.search(r"rep-7 +rep +disabled", program("user", "list").stdout)
    assert "may sign in again" in program("user", "enable", "rep-7").stdout
    assert re.search(r"rep-7 +rep +to take a password", program("user", "list").stdout)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("add", "jane@example.com", "--role", "rep", "--generate"), "no name, no address"),
        (("add", "s-1", "--role", "system", "--generate"), "Nobody signs in with the role system"),
        (("password", "rep-9", "--generate"), "There is no such user"),
        (("disable", "rep-9"), "There is no such user"),
        (("enable", "rep-9"), "There is no such user"),
    ],
)
def test_a_mistake_is_one_sentence(program: Program, words: tuple[str, ...], said: str) -> None:
    sentence = program.refuses("user", *words)
    assert said in sentence
    assert "\n" not in sentence


def test_the_role_matrix_is_printed_from_the_routes(program: Program) -> None:
    lines = program("roles").stdout.splitlines()
    by_route = {tuple(line.split()[:2]): line.split()[2:] for line in lines if line[:4].strip()}
    assert lines[0].split() == ["anybody", "rep", "warehouse", "finance", "manager", "admin"]
    assert by_route["GET", "/api/v1/refunds"] == [".", "yes", ".", "yes", "yes", "yes"]
    assert by_route["POST", "/api/v1/returns/{rma}/approval"] == [".", ".", ".", ".", "yes", "yes"]
    assert any(re.match(r"POST +/webhooks/stripe +signed by the processor", line) for line in lines)
