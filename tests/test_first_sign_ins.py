"""The first people of the embedded mode: let in once, with passwords that only the owner of the folder reads."""

import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from returndesk.domain.people import Role
from returndesk.installation import Installation
from returndesk.settings import read_settings
from returndesk.store import accounts, migrate, signing_in
from returndesk.up import PEOPLE, keep_sign_ins


@pytest.fixture
def installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Installation]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RETURNDESK_DATA", str(tmp_path / "state"))
    found = Installation(read_settings())
    found.data.mkdir()
    migrate.upgrade(found.database)
    yield found
    found.database.close()


def test_the_first_people_are_let_in_once_with_passwords_that_lie_in_the_state_folder(
    installation: Installation,
) -> None:
    keep_sign_ins(installation)
    path = installation.data / "sign-ins"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    written = path.read_text()
    kept = dict(line.split(" ") for line in written.splitlines())
    assert (
        list(kept) == list(PEOPLE) == ["rep-1", "rep-2", "warehouse-1", "finance-1", "manager-1", "admin-1"]
    )
    assert len(set(kept.values())) == 6
    caller = signing_in.Caller("127.0.0.1", installation.clock.now())
    begun = signing_in.sign_in(
        installation.database, installation.keyring, caller, "finance-1", kept["finance-1"]
    )
    assert begun.actor.role is Role.FINANCE
    keep_sign_ins(installation)
    assert path.read_text() == written


def test_who_was_disabled_or_whose_password_was_changed_stays_so(installation: Installation) -> None:
    keep_sign_ins(installation)
    with installation.database.write() as session:
        accounts.disable(session, "rep-2", installation.clock.now())
    (installation.data / "sign-ins").unlink()
    keep_sign_ins(installation)
    with installation.database.read() as session:
        assert accounts.account(session, "rep-2").disabled_at is not None
    assert not (installation.data / "sign-ins").exists(), "what was taken away is not made up anew"
