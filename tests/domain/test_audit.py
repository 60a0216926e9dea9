"""The audit chain: any edit of any record changes every head after it."""

import hashlib
from collections.abc import Sequence
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from returndesk.domain.audit import START, Entry

AT = datetime(2026, 3, 4, 12, tzinfo=UTC)


def entry(seq: int, **details: Any) -> Entry:
    return Entry(
        rma="RMA-7K3M-Q9TX",
        seq=seq,
        at=AT + timedelta(minutes=seq),
        actor_id="rep-1",
        role="rep",
        what="requested",
        key=f"cmd_{seq}",
        policy_version="2026-11+1a2b3c4d",
        details=details,
    )


CHAIN = [entry(1, items=[[1, 2, "other"]]), entry(2, total_minor=1000), entry(3)]


def heads(chain: Sequence[Entry]) -> list[str]:
    found = [START]
    for record in chain:
        found.append(record.hash_after(found[-1]))
    return found[1:]


def test_a_head_is_the_sha_256_of_the_head_before_and_the_record() -> None:
    written = (
        '["","RMA-7K3M-Q9TX",1,"2026-03-04T12:01:00.000000+00:00","rep-1","rep","requested","cmd_1",'
        '"2026-11+1a2b3c4d",{"items":[[1,2,"other"]]}]'
    )
    assert heads(CHAIN)[0] == hashlib.sha256(written.encode()).hexdigest()


EDITS: dict[str, Any] = {
    "rma": "RMA-7K3M-Q9TY",
    "seq": 9,
    "at": AT + timedelta(microseconds=1),
    "actor_id": "rep-2",
    "role": "manager",
    "what": "decided",
    "key": "cmd_9",
    "policy_version": "2026-11+00000000",
    "details": {"items": [[1, 3, "other"]]},
}


@pytest.mark.parametrize("name", [field.name for field in fields(Entry)])
def test_any_edit_of_a_record_changes_its_head_and_all_later_ones(name: str) -> None:
    edited = [replace(CHAIN[0], **{name: EDITS[name]}), *CHAIN[1:]]
    assert not set(heads(edited)) & set(heads(CHAIN))


def test_a_missing_an_added_and_a_swapped_record_change_the_last_head() -> None:
    last = heads(CHAIN)[-1]
    assert heads([CHAIN[0], CHAIN[2]])[-1] != last
    assert heads([*CHAIN, entry(4)])[-1] != last
    assert heads([CHAIN[1], CHAIN[0], CHAIN[2]])[-1] != last


def test_what_moves_from_one_field_to_the_next_is_an_edit() -> None:
    assert replace(CHAIN[0], actor_id="rep", role="-1rep").hash_after(START) != heads(CHAIN)[0]


def test_the_order_of_the_details_names_is_no_edit() -> None:
    one, other = entry(1, a=1, b={"c": 2, "d": 3}), entry(1, b={"d": 3, "c": 2}, a=1)
    assert one.hash_after(START) == other.hash_after(START)
