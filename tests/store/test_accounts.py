"""People and their passwords, sign-ins, and how often a password may be tried, in the books."""

import threading
import unicodedata
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlmodel import select

from returndesk.domain.errors import InvalidInput, NotFound, TooOften
from returndesk.domain.passwords import check_password
from returndesk.domain.people import Actor, Role
from returndesk.links import Keyring
from returndesk.store import accounts, sign_in_attempts, sign_ins, signing_in, tables, tokens
from returndesk.store.database import Database
from returndesk.store.sign_ins import GRACE, IDLE, KEPT, LASTS, ROTATE_AFTER
from returndesk.store.signing_in import Caller

KEYRING = Keyring(b"the key of a test")
PASSWORD = "horses paint the moon"
HASH = accounts.new_hash(PASSWORD, "rep-7")


@pytest.fixture
def rep(database: Database, clock: Any) -> str:
    with database.write() as session:
        accounts.add(session, "rep-7", Role.REP, HASH, must_change=False, now=clock.now())
    return "rep-7"


@pytest.fixture
def sign_in(database: Database, clock: Any) -> Callable[..., signing_in.Begun]:
    def begin(account: str, password: str = PASSWORD, address: str = "203.0.113.9") -> signing_in.Begun:
        return signing_in.sign_in(database, KEYRING, Caller(address, clock.now()), account, password)

    return begin


# Passwords ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("short words", "password_too_short"),
        ("x1" * 101, "password_too_long"),
        ("Password1234", "password_too_common"),
        ("qwertyuiopas", "password_too_common"),
        ("abababababab", "password_too_common"),
        ("rep-7rep-7rep-7", "password_too_common"),
        ("REP-7REP-7REP-7", "password_too_common"),
    ],
)
def test_a_password_that_somebody_guesses_soon_is_refused_with_what_would_be_right(
    password: str, code: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        check_password(password, "rep-7")
    assert refused.value.code == code
    assert password not in refused.value.sentence


@pytest.mark.parametrize(
    "password", ["onlysmallletters", "123 apples 456", "ééééàààà日本語です", "x1y2" * 50]
)
def test_any_other_password_will_do(password: str) -> None:
    check_password(password, "rep-7")


def test_a_password_is_the_same_however_its_letters_are_composed() -> None:
    typed = "crème brûlée à midi"
    kept = accounts.new_hash(unicodedata.normalize("NFC", typed), "rep-7")
    assert accounts.verified(kept, unicodedata.normalize("NFD", typed)) == (True, None)


def test_a_hash_is_made_anew_when_its_parameters_have_changed(
    database: Database, rep: str, sign_in: Callable[..., signing_in.Begun]
) -> None:
    cheap = PasswordHash((Argon2Hasher(time_cost=1, memory_cost=64, parallelism=1),)).hash(PASSWORD)
    with database.write() as session:
        session.get_one(tables.User, rep).password_hash = cheap
        session.flush()
    sign_in(rep)
    with database.read() as session:
        kept = session.get_one(tables.User, rep).password_hash
    assert kept.split("$")[3] == HASH.split("$")[3] != cheap.split("$")[3]
    assert accounts.verified(kept, PASSWORD) == (True, None)


def test_a_generated_password_keeps_the_rules_and_is_never_the_same() -> None:
    made = {accounts.generated_password() for _ in range(50)}
    assert len(made) == 50
    for password in made:
        check_password(password, "rep-7")
        assert not set("ilo01") & set(password)


# Accounts -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("user_id", ["jane@example.com", "Jane", "jane doe", "-rep", "", "x" * 65, "rep_7"])
def test_a_users_id_is_no_name_and_no_address(database: Database, clock: Any, user_id: str) -> None:
    with database.write() as session, pytest.raises(InvalidInput, match="no name, no address"):
        accounts.add(session, user_id, Role.REP, HASH, must_change=False, now=clock.now())


def test_nobody_is_added_twice_and_nobody_is_the_system(database: Database, rep: str, clock: Any) -> None:
    for user_id, role, code in [(rep, Role.ADMIN, "user_exists"), ("s-1", Role.SYSTEM, "not_a_persons_role")]:
        with database.write() as session, pytest.raises(InvalidInput) as refused:
            accounts.add(session, user_id, role, HASH, must_change=False, now=clock.now())
        assert refused.value.code == code
    with database.read() as session:
        assert [(one.id, one.role) for one in accounts.all_accounts(session)] == [(rep, Role.REP)]


def test_who_is_disabled_is_signed_out_and_their_tokens_end_and_nobody_elses(
    database: Database, rep: str, clock: Any, sign_in: Callable[..., signing_in.Begun]
) -> None:
    begun = sign_in(rep)
    with database.write() as session:
        theirs = tokens.create(session, Role.REP, rep, clock.now())
        other = tokens.create(session, Role.REP, "rep-8", clock.now())
        assert accounts.disable(session, rep, clock.now()) == 1
    assert sign_ins.identify(database, KEYRING, begun.token, clock.now()) is None
    with pytest.raises(InvalidInput):
        sign_in(rep)
    with database.write() as session:
        assert tokens.identify(session, theirs) is None
        assert tokens.identify(session, other) == Actor("rep-8", Role.REP)
        accounts.enable(session, rep)
    assert sign_ins.identify(database, KEYRING, begun.token, clock.now()) is None, "an ended sign-in stays so"
    assert sign_in(rep).actor == Actor(rep, Role.REP)


def test_who_is_not_there_cannot_be_changed(database: Database, clock: Any) -> None:
    with database.write() as session:
        for change in (
            lambda: accounts.disable(session, "rep-9", clock.now()),
            lambda: accounts.enable(session, "rep-9"),
            lambda: accounts.set_password(session, "rep-9", HASH, must_change=False, now=clock.now()),
        ):
            with pytest.raises(NotFound):
                change()


def test_a_password_that_was_changed_meanwhile_begins_no_sign_in(
    database: Database, rep: str, clock: Any
) -> None:
    """Between the look at the hash and the sign-in somebody else set it anew."""
    attempt = sign_in_attempts.count(database, KEYRING, rep, "203.0.113.9", clock.now())
    with database.write() as session:
        accounts.set_password(
            session, rep, accounts.new_hash("another one, truly", rep), must_change=False, now=clock.now()
        )
    assert signing_in._begin(database, attempt, rep, HASH, None, clock.now()) is None


# Sign-ins -----------------------------------------------------------------------------------------


def found(database: Database, token: str, clock: Any) -> sign_ins.Found | None:
    return sign_ins.identify(database, KEYRING, token, clock.now())


def test_the_books_do_not_hold_what_opens(
    database: Database, rep: str, clock: Any, sign_in: Callable[..., signing_in.Begun]
) -> None:
    token = sign_in(rep).token
    clock.advance(ROTATE_AFTER)
    renewed = found(database, token, clock)
    assert renewed is not None
    with database.read() as session:
        kinds = (tables.User, tables.SignIn, tables.SignInAttempt)
        rows = [row.model_dump() for kind in kinds for row in session.exec(select(kind))]
    assert len(rows) == 3
    for secret in (token, renewed.next_token, PASSWORD, "203.0.113.9"):
        assert str(secret) not in str(rows)


@pytest.mark.parametrize("token", ["", "0" * 64, "x" * 64, "é" * 64, "0" * 63, "' OR 1=1 --"])
def test_a_made_up_token_is_nobodys(database: Database, rep: str, clock: Any, token: str) -> None:
    assert found(database, token, clock) is None


def test_a_token_is_replaced_after_a_quarter_of_an_hour_of_use(
    database: Database, rep: str, clock: Any, sign_in: Callable[..., signing_in.Begun]
) -> None:
    first = sign_in(rep).token
    clock.advance(ROTATE_AFTER - timedelta(seconds=1))
    early = found(database, first, clock)
    assert early is not None
    assert early.next_token is None
    clock.advance(timedelta(seconds=1))
    due = found(database, first, clock)
    assert due is not None
    assert due.next_token not in (None, first)
    second = found(database, str(due.next_token), clock)
    assert second is not None
    assert (second.id, second.next_token) == (due.id, None)


def test_requests_that_come_together_all_bring_the_same_next_token(
    database: Database, rep: str, clock: Any, sign_in: Callable[..., signing_in.Begun]
) -> None:
    first = sign_in(rep).token
    clock.advance(ROTATE_AFTER)
    ready, answers = threading.Barrier(8), list[Any]()

    def ask() -> None:
        ready.wait()
        answers.append(found(database, first, clock))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({answer.next_token for answer in answers}) == 1
    assert found(database, answers[0].next_token, clock) is not None


def test_an_answer_that_got_lost_is_answered_again(
    database: Database, rep: str, clock: Any, sign_in: Callable[..., signing_in.Begun]
) -> None:
    first = sign_in(rep).token
    clock.advance(ROTATE_AFTER)
    lost = found(database, first, clock)
    clock.advance(timedelta(hours=1))
    again = found(database, first, clock)
    assert lost is not None
    assert again == lost


def test_the_token_before_is_good_for_a_minute_after_the_next_was_used_and_then_ends_everything(
    database: Database, rep: str, clock: Any, sign_in: Callable[..., signing_in.Begun]
) -> None:
    first = sign_in(rep).token
    clock.advance(ROTATE_AFTER)
    due = found(database, first, clock)
    assert due is not None
    second = str(due.next_token)
    assert found(database, second, clock) is not None
    clock.advance(GRACE)
    within = found(database, first, clock)
    assert within is not None
    assert within.next_token == second
    clock.advance(timedelta(seconds=1))
    assert found(database, second, clock) is not None
    assert found(database, first, clock) is None, "by now only a copy"
    assert found(database, second, clock) is None, "nobody knows which of the two is the thief"


def test_a_sign_in_ends_after_a_shift_however_busy(
    database: Database, rep: str, clock: Any, sign_in: Callable[..., signing_in.Begun]
) -> None:
    token, ends_at = sign_in(rep).token, clock.now() + LASTS
    while clock.now() < ends_at - timedelta(hours=1):
        clock.advance(timedelta(hours=1))
        used = found(database, token, clock)
        assert used is not None
        token = used.next_token or token
    clock.at = ends_at - timedelta(microseconds=1)
    last = found(database, token, clock)
    assert last is not None
    clock.at = ends_at
    assert found(database, token, clock) is None


def test_a_sign_in_that_nobody_uses_ends(
    database: Database, rep: str, clock: Any, sign_in: Callable[..., signing_in.Begun]
) -> None:
    kept, left = sign_in(rep).token, sign_in(rep).token
    clock.advance(timedelta(hours=2))
    used = found(database, kept, clock)
    assert used is not None
    clock.advance(IDLE - timedelta(hours=2))
    assert found(database, left, clock) is None
    assert found(database, str(used.next_token), clock) is not None
    with database.read() as session:
        assert [one.id for one in sign_ins.open_of(session, rep, clock.now())] == [used.id]


def test_long_ended_sign_ins_are_forgotten(
    database: Database, rep: str, clock: Any, sign_in: Callable[..., signing_in.Begun]
) -> None:
    sign_in(rep)
    clock.advance(LASTS + KEPT)
    sign_in(rep)
    with database.read() as session:
        assert len(session.exec(select(tables.SignIn)).all()) == 2
    clock.advance(timedelta(seconds=1))
    sign_in(rep)
    with database.read() as session:
        assert len(session.exec(select(tables.SignIn)).all()) == 2


def test_whatever_is_typed_into_the_form_is_nobodys_and_breaks_nothing(
    database: Database, rep: str, sign_in: Callable[..., signing_in.Begun]
) -> None:
    for account in ("é\0", "' OR 1=1 --", "x" * 100_000, "\ud800".encode("utf-8", "replace").decode(), ""):
        with pytest.raises(InvalidInput, match="do not go together"):
            sign_in(account, address=f"addr {len(account)}")


# Limits -------------------------------------------------------------------------------------------


def count(database: Database, clock: Any, account: str = "rep-7", address: str = "203.0.113.9") -> Any:
    return sign_in_attempts.count(database, KEYRING, account, address, clock.now())


def test_guesses_that_come_together_do_not_slip_through(database: Database, clock: Any) -> None:
    ready, counted, refused = threading.Barrier(8), list[Any](), list[TooOften]()

    def guess(number: int) -> None:
        ready.wait()
        try:
            counted.append(count(database, clock, address=f"203.0.113.{number}"))
        except TooOften as error:
            refused.append(error)

    threads = [threading.Thread(target=guess, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(counted), len(refused)) == (sign_in_attempts.ACCOUNT_MAX, 3)


def test_the_limit_of_an_account_moves_on_with_its_attempts_and_says_when(
    database: Database, clock: Any
) -> None:
    for number in range(5):
        count(database, clock, address=f"203.0.113.{number}")
        clock.advance(timedelta(minutes=1))
    with pytest.raises(TooOften) as refused:
        count(database, clock)
    assert refused.value.again_after_s == 600
    assert "Try again in 10 minutes" in refused.value.sentence
    count(database, clock, account="rep-8")
    clock.advance(timedelta(seconds=600))
    count(database, clock)
    with pytest.raises(TooOften, match="in a minute"):
        count(database, clock)


def test_an_address_has_a_limit_of_its_own_over_all_accounts(database: Database, clock: Any) -> None:
    for number in range(sign_in_attempts.ADDRESS_MAX):
        count(database, clock, account=f"rep-{number}")
    with pytest.raises(TooOften):
        count(database, clock, account="rep-99")
    count(database, clock, account="rep-99", address="198.51.100.1")


def test_an_ipv6_address_counts_with_its_whole_network(database: Database, clock: Any) -> None:
    for number in range(sign_in_attempts.ADDRESS_MAX):
        count(database, clock, account=f"rep-{number}", address=f"2001:db8:0:1::{number:x}")
    with pytest.raises(TooOften):
        count(database, clock, account="rep-99", address="2001:db8:0:1:ffff::1")
    count(database, clock, account="rep-99", address="2001:db8:0:2::1")


def test_the_right_password_clears_the_accounts_wrong_ones(
    database: Database, rep: str, clock: Any, sign_in: Callable[..., signing_in.Begun]
) -> None:
    for _ in range(3):
        for _ in range(4):
            count(database, clock)
        sign_in(rep)


def test_attempts_are_forgotten_once_they_count_no_more(database: Database, clock: Any) -> None:
    for _ in range(3):
        count(database, clock)
        clock.advance(sign_in_attempts.WINDOW)
    with database.read() as session:
        assert len(session.exec(select(tables.SignInAttempt)).all()) == 1
