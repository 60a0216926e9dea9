"""Who ends a task: a person's word where nothing else does, and never where something has still to happen."""

import re
from pathlib import Path

import pytest

from returndesk.domain.people import Role
from returndesk.domain.tasks import BY_HAND, ENDS_WITH, ends_with, is_of

ROOT = Path(__file__).parents[2]
NAMED = {
    "LOOK_FOR_PARCEL": "look_for_parcel", "PAY_BY_HAND": "pay_by_hand", "kind": "contradicted",
    "PARCEL_WITHOUT_RETURN": "parcel_without_return",
}  # fmt: skip
"""Tasks whose kind is a name where they are filed."""


def filed() -> set[str]:
    """What the kind of every task begins with, wherever the program files one or says that it is over."""
    kinds: set[str] = set()
    for path in [*ROOT.glob("activities/**/*.py"), *ROOT.glob("returndesk/**/*.py")]:
        text = path.read_text()
        calls = re.findall(r'case\.task\(\s*[\w.]*"?[\w.]*"?,\s*f?"?([\w{}.]+)', text)
        rows = re.findall(r'tables\.Task\([^)]*?kind="?(\w+)', text, re.DOTALL)
        kinds |= {NAMED.get(name, name.partition("{")[0].rstrip("_")) for name in calls + rows}
    return kinds


def test_the_table_has_every_task_that_is_filed_and_no_other() -> None:
    assert filed() | {"next"} == set(ENDS_WITH)


@pytest.mark.parametrize(
    ("kind", "by_hand"),
    [
        ("read_con_0af3", True), ("claimed_elsewhere_2", True), ("mail_refused", True),
        ("contradicted_RMA-7K3M-Q9TX-1", True), ("failed_RMA-7K3M-Q9TX-1", False), ("goods_back_1", False),
        ("goods_back_late", False), ("look_into_RMA-7K3M-Q9TX-1", False), ("look_for_parcel", False),
        ("warn_refund", False), ("dispute_du_1", False), ("found_2", False),
    ],
)  # fmt: skip
def test_only_what_nothing_else_ends_is_ended_by_hand(kind: str, by_hand: bool) -> None:
    assert (ends_with(f"RMA-7K3M-Q9TX/{kind}", kind) is BY_HAND) is by_hand


def test_the_step_of_a_return_ends_when_the_return_goes_on() -> None:
    for stage in ("received", "settling"):
        assert ends_with("RMA-7K3M-Q9TX/next", stage) == ENDS_WITH["next"]


def test_a_task_is_its_own_peoples_and_a_managers() -> None:
    assert [role for role in Role if is_of(role, Role.FINANCE)] == [Role.FINANCE, Role.MANAGER, Role.ADMIN]


def test_a_task_of_a_newer_version_is_shown_and_closed_by_nobody_here() -> None:
    assert ends_with("RMA-7K3M-Q9TX/brand_new", "brand_new") == "what it is about has changed"
