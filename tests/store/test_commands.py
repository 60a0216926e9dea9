"""Commands: one row for one key, whoever comes first; stamped once; texts kept apart."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import Any

import pytest
from sqlmodel import select

from returndesk.domain.errors import Refused
from returndesk.domain.people import Actor, Role
from returndesk.domain.stages import CommandKind, Stage
from returndesk.messages import Outcome
from returndesk.store import tables
from returndesk.store.commands import Asked, Contact, find, new_id, stamp, write_down
from returndesk.store.database import Database

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)


def ask(**changed: Any) -> Asked:
    contact = Contact(new_id("con"), "A-1", "email", NOW)
    asked = Asked(
        kind=CommandKind.REQUEST,
        actor=Actor("rep-1", Role.REP),
        idempotency_key="k",
        input_hash="h",
        rma="RMA-7K3M-Q9TX",
        policy_version="2026-11+1a2b3c4d",
        input={"note": "txt_1"},
        texts={"txt_1": "Canary wrote this."},
        contact=contact,
    )
    return replace(asked, **changed)


DONE = Outcome(True, Stage.AUTHORIZED, processing_due_at=NOW, refund_due_at=NOW + timedelta(days=2))


def rows(database: Database) -> tuple[list[tables.Command], list[tables.Text]]:
    with database.read() as session:
        found = list(session.exec(select(tables.Command))), list(session.exec(select(tables.Text)))
        session.expunge_all()
    return found


def test_a_command_is_written_down_with_its_texts_apart(database: Database) -> None:
    written = write_down(database, ask(), NOW)
    [command], [text] = rows(database)
    assert (command.id, command.recorded_at, command.stamped_at) == (written.ref.command_id, NOW, None)
    assert (text.id, text.body, text.actor_id) == ("txt_1", "Canary wrote this.", "rep-1")
    assert "canary" not in json.dumps(command.model_dump(), default=str).lower()


def test_the_same_key_and_input_is_the_same_command(database: Database) -> None:
    first = write_down(database, ask(), NOW)
    again = write_down(database, ask(rma="RMA-7K3M-Q9TY", texts={"txt_2": "x"}), NOW)
    assert again == first
    assert [len(found) for found in rows(database)] == [1, 1]


def test_the_same_key_with_another_input_is_refused(database: Database) -> None:
    write_down(database, ask(), NOW)
    with pytest.raises(Refused) as refused:
        write_down(database, ask(input_hash="other", texts={"txt_2": "x"}), NOW)
    assert refused.value.code == "idempotency_key_reused"
    assert [len(found) for found in rows(database)] == [1, 1]


def test_a_key_belongs_to_its_actor(database: Database) -> None:
    first = write_down(database, ask(), NOW)
    other = write_down(database, ask(actor=Actor("rep-2", Role.REP), texts={}), NOW)
    assert first.ref.command_id != other.ref.command_id


def test_two_at_once_under_one_key_are_one_command(database: Database) -> None:
    for attempt in range(5):
        start = Barrier(4)

        def arrive(number: int, attempt: int = attempt, start: Barrier = start) -> str:
            asked = ask(idempotency_key=f"k{attempt}", texts={f"txt_{attempt}_{number}": "x"})
            start.wait()
            return write_down(database, asked, NOW).ref.command_id

        with ThreadPoolExecutor(4) as pool:
            assert len(set(pool.map(arrive, range(4)))) == 1
    commands, texts = rows(database)
    assert (len(commands), len(texts)) == (5, 5)


def test_two_at_once_with_different_inputs_are_one_command_and_one_refusal(database: Database) -> None:
    start = Barrier(2)

    def arrive(input_hash: str) -> str:
        start.wait()
        try:
            return write_down(database, ask(input_hash=input_hash, texts={}), NOW).ref.command_id
        except Refused as refused:
            return refused.code

    with ThreadPoolExecutor(2) as pool:
        said = sorted(pool.map(arrive, ["one", "other"]))
    assert said[0].startswith("cmd_")
    assert said[1] == "idempotency_key_reused"
    assert len(rows(database)[0]) == 1


def test_a_stamp_is_never_changed(database: Database) -> None:
    written = write_down(database, ask(), NOW)
    stamp(database, [(written.ref.command_id, DONE)], NOW)
    stamp(database, [(written.ref.command_id, Outcome(False, None, "late"))], NOW + timedelta(hours=1))
    [command], _ = rows(database)
    assert command.stamped_at == NOW
    with database.read() as session:
        found = find(session, written.ref.command_id)
    assert found is not None
    assert found.outcome == DONE
    assert write_down(database, ask(), NOW).outcome == DONE


def test_an_unknown_command_is_none_and_its_stamp_is_nothing(database: Database) -> None:
    stamp(database, [("cmd_unknown", DONE)], NOW)
    with database.read() as session:
        assert find(session, "cmd_unknown") is None


def test_ids_are_not_guessed() -> None:
    made = {new_id("cmd") for _ in range(1000)}
    assert len(made) == 1000
    assert all(len(one) == len("cmd_") + 24 for one in made)
