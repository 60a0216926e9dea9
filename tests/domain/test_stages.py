"""Every stage with every command and event, against a table written by hand; and how a stage is derived."""

from itertools import product

import pytest

from returndesk.domain.lots import Condition, Lot, Packaging, Reception
from returndesk.domain.stages import (
    ALLOWED,
    ENDED,
    SUBMITTED,
    TO_SEND,
    CommandKind,
    EventKind,
    Milestones,
    RefundStatus,
    Stage,
    allows,
    derive,
    refusal,
)

# By hand, from DESIGN 3 (its table, column "when"): R request, A authorization, n decline, c cancellation,
# q question, w message, s shipment, r receipts, i inspections, d decision, a approval, f refund again, p paid by hand; t time passed, m the processor answered, h the processor hinted; . is not possible.
BY_HAND = {
    None: "R......... ....",
    Stage.REQUESTED: ".Ancqw.... .tmh",
    Stage.AUTHORIZED: "...cqwsr.. .tmh",
    Stage.RECEIVED: "....qw.ri. .tmh",
    Stage.INSPECTED: "....qw.r.d .tmh",
    Stage.DECIDED: "....qw.... atmh",
    Stage.SETTLING: "....qw.... .fptmh",
    Stage.SETTLED: "....qw.... .tmh",
    Stage.CLOSED: ".......... ..mh",
    Stage.DECLINED: ".......... ....",
    Stage.EXPIRED: ".......... ....",
    Stage.CANCELLED: ".......... ....",
}
LETTERS: dict[str, CommandKind | EventKind] = {
    "R": CommandKind.REQUEST,
    "A": CommandKind.AUTHORIZATION,
    "n": CommandKind.DECLINE,
    "c": CommandKind.CANCELLATION,
    "q": CommandKind.QUESTION,
    "w": CommandKind.MESSAGE,
    "s": CommandKind.SHIPMENT,
    "r": CommandKind.RECEIPTS,
    "i": CommandKind.INSPECTIONS,
    "d": CommandKind.DECISION,
    "a": CommandKind.APPROVAL,
    "f": CommandKind.REFUND_AGAIN,
    "p": CommandKind.PAID_BY_HAND,
    "t": EventKind.TIME_PASSED,
    "m": EventKind.REFUND_ANSWERED,
    "h": EventKind.PROCESSOR_HINT,
}
EVERYTHING = [*CommandKind, *EventKind]


def test_the_table_by_hand_names_every_stage_command_and_event() -> None:
    assert set(BY_HAND) == {None, *Stage}
    assert set(LETTERS.values()) == set(EVERYTHING)


@pytest.mark.parametrize("stage", [None, *Stage])
@pytest.mark.parametrize("what", EVERYTHING)
def test_what_a_stage_takes_is_what_the_policy_says(
    stage: Stage | None, what: CommandKind | EventKind
) -> None:
    by_hand = {LETTERS[letter] for letter in BY_HAND[stage] if letter in LETTERS}
    assert allows(stage, what) is (what in by_hand)


def test_every_stage_has_its_row() -> None:
    assert set(ALLOWED) == {None, *Stage}


def test_an_ended_return_takes_only_what_the_processor_says_of_its_money() -> None:
    for stage in ENDED:
        assert not [what for what in CommandKind if allows(stage, what)]
        assert not allows(stage, EventKind.TIME_PASSED)


@pytest.mark.parametrize(
    ("stage", "what"), [pair for pair in product(Stage, CommandKind) if not allows(*pair)]
)
def test_a_refusal_names_what_is_possible_and_nothing_else(stage: Stage, what: CommandKind) -> None:
    sentence = refusal(stage, what)
    assert sentence.startswith(f"This return is {stage}: {what} is not possible. Nothing was changed. ")
    possible = {kind for kind in CommandKind if allows(stage, kind)}
    said = sentence.partition("Now possible: ")[2].rstrip(".")
    assert {CommandKind(word) for word in said.split(", ") if word} == possible
    assert possible or sentence.endswith("Nothing can be asked of it now.")


def test_a_command_to_no_return_is_told_that_there_is_none() -> None:
    assert refusal(None, CommandKind.RECEIPTS) == "There is no such return."


def test_a_refunds_status_is_to_send_submitted_or_over() -> None:
    assert not TO_SEND & SUBMITTED
    assert set(RefundStatus) - TO_SEND - SUBMITTED == {RefundStatus.FAILED, RefundStatus.CANCELED}


# Where the goods are, one letter a lot: w waits, t in transit, g here and not inspected, s here and seen,
# x did not come and will not.
def lots(letters: str) -> list[Lot]:
    made = []
    for number, letter in enumerate(letters, start=1):
        reception = {
            "w": Reception.AWAITING,
            "t": Reception.IN_TRANSIT,
            "g": Reception.RECEIVED,
            "s": Reception.RECEIVED,
            "x": Reception.SHORT_SHIPPED,
        }[letter]
        seen = (Condition.ORIGINAL, Packaging.ORIGINAL) if letter == "s" else (None, None)
        made.append(Lot(number, 1, 1, "other", reception=reception, condition=seen[0], packaging=seen[1]))
    return made


def milestones(said: str, owed: int = 0) -> Milestones:
    words = said.split()
    assert set(words) <= {"authorized", "declined", "cancelled", "expired", "decided", "approval"}
    return Milestones(
        authorized="authorized" in words,
        declined="declined" in words,
        cancelled="cancelled" in words,
        expired="expired" in words,
        decided="decided" in words,
        awaiting_approval="approval" in words,
        owed_without_refund_minor=owed,
    )


S, P, F = RefundStatus.SUCCEEDED, RefundStatus.PENDING, RefundStatus.FAILED


@pytest.mark.parametrize(
    ("facts", "goods", "refunds", "stage"),
    [
        ("", "w", [], Stage.REQUESTED),
        ("", "ww", [], Stage.REQUESTED),
        ("authorized", "w", [], Stage.AUTHORIZED),
        ("authorized", "t", [], Stage.AUTHORIZED),
        ("authorized", "wt", [], Stage.AUTHORIZED),
        ("authorized", "xw", [], Stage.AUTHORIZED),
        ("authorized expired", "w", [], Stage.EXPIRED),
        ("expired", "w", [], Stage.EXPIRED),
        ("declined", "x", [], Stage.DECLINED),
        ("cancelled", "x", [], Stage.CANCELLED),
        ("authorized cancelled", "x", [], Stage.CANCELLED),
        ("authorized", "g", [], Stage.RECEIVED),
        ("authorized", "gw", [], Stage.RECEIVED),
        ("authorized", "gs", [], Stage.RECEIVED),
        ("authorized", "gx", [], Stage.RECEIVED),
        ("authorized", "sw", [], Stage.RECEIVED),  # the rest is still expected
        ("authorized", "st", [], Stage.RECEIVED),
        ("authorized", "s", [], Stage.INSPECTED),
        ("authorized", "sx", [], Stage.INSPECTED),
        ("authorized", "x", [], Stage.INSPECTED),  # an empty box is to be decided too
        ("authorized decided approval", "s", [RefundStatus.REQUESTED], Stage.DECIDED),
        ("authorized decided", "s", [RefundStatus.REQUESTED], Stage.SETTLING),
        ("authorized decided", "s", [RefundStatus.UNKNOWN], Stage.SETTLING),
        ("authorized decided", "s", [P], Stage.SETTLING),
        ("authorized decided", "s", [RefundStatus.REQUIRES_ACTION], Stage.SETTLING),
        ("authorized decided", "s", [F], Stage.SETTLING),
        ("authorized decided", "s", [RefundStatus.CANCELED], Stage.SETTLING),
        ("authorized decided", "s", [S, F], Stage.SETTLING),
        ("authorized decided", "s", [S, P], Stage.SETTLING),
        ("authorized decided", "s", [S, S], Stage.CLOSED),
        ("authorized decided", "s", [], Stage.CLOSED),  # everything rejected: nothing is owed
    ],
)
def test_the_stage_follows_from_the_facts(
    facts: str, goods: str, refunds: list[RefundStatus], stage: Stage
) -> None:
    assert derive(milestones(facts), lots(goods), refunds) is stage


@pytest.mark.parametrize("refunds", [[], [S]])
def test_what_no_payment_could_take_keeps_a_return_open(refunds: list[RefundStatus]) -> None:
    assert derive(milestones("authorized decided", owed=1), lots("s"), refunds) is Stage.SETTLING


def test_a_refund_that_fails_days_later_opens_a_closed_return_again() -> None:
    facts, goods = milestones("authorized decided"), lots("s")
    assert derive(facts, goods, [S]) is Stage.CLOSED
    assert derive(facts, goods, [F]) is Stage.SETTLING
