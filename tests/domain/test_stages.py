"""Every stage with every command and event, against a table written by hand; and how a stage is derived."""

from dataclasses import replace
from itertools import product

import pytest

from returndesk.domain.lots import Condition, Lot, Packaging, Reception
from returndesk.domain.stages import (
    ALLOWED,
    ENDED,
    SUBMITTED,
    TAKEN,
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
# q question, w message, s shipment, l loss, r receipts, x correction, i inspections, d decision, a approval,
# y refusal, g goods-back, o hold, u resumption, k recalculation, b what becomes of goods,
# f refund again, p paid by hand, e task done; t time passed, m the processor answered, h the processor hinted; . is not possible.
BY_HAND = {
    None: "R..................... ...",
    Stage.REQUESTED: ".Ancqw..r......ouk...e tmh",
    Stage.AUTHORIZED: "...cqwslr......ouk...e tmh",
    Stage.RECEIVED: "....qwslrxi...goukbfpe tmh",
    Stage.INSPECTED: "....qw..rx.d..goukbfpe tmh",
    Stage.DECIDED: "....qw..rx..aygoukb..e tmh",
    Stage.SETTLING: "....qw..r.....goukbfpe tmh",
    Stage.SETTLED: "....qw..r.....goukb..e tmh",
    Stage.CLOSED: ".....w..r.....g...b..e tmh",
    Stage.DECLINED: ".....w..r............e t..",
    Stage.EXPIRED: ".....w..r............e t..",
    Stage.CANCELLED: ".....w..r............e t..",
}
LETTERS: dict[str, CommandKind | EventKind] = {
    "R": CommandKind.REQUEST,
    "A": CommandKind.AUTHORIZATION,
    "n": CommandKind.DECLINE,
    "c": CommandKind.CANCELLATION,
    "q": CommandKind.QUESTION,
    "w": CommandKind.MESSAGE,
    "s": CommandKind.SHIPMENT,
    "l": CommandKind.LOSS,
    "r": CommandKind.RECEIPTS,
    "x": CommandKind.CORRECTION,
    "i": CommandKind.INSPECTIONS,
    "d": CommandKind.DECISION,
    "a": CommandKind.APPROVAL,
    "y": CommandKind.REFUSAL,
    "g": CommandKind.GOODS_BACK,
    "o": CommandKind.HOLD,
    "u": CommandKind.RESUMPTION,
    "k": CommandKind.RECALCULATION,
    "b": CommandKind.DISPOSITIONS,
    "f": CommandKind.REFUND_AGAIN,
    "p": CommandKind.PAID_BY_HAND,
    "e": CommandKind.TASK_DONE,
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


def test_an_ended_return_runs_again_only_for_what_comes_late() -> None:
    late = {
        CommandKind.MESSAGE, CommandKind.RECEIPTS, CommandKind.GOODS_BACK, CommandKind.DISPOSITIONS,
        CommandKind.TASK_DONE,
    }  # fmt: skip
    for stage in ENDED:
        assert {what for what in CommandKind if allows(stage, what)} <= late


@pytest.mark.parametrize(
    ("stage", "what"), [pair for pair in product(Stage, CommandKind) if not allows(*pair)]
)
def test_a_refusal_names_what_is_possible_and_nothing_else(stage: Stage, what: CommandKind) -> None:
    sentence = refusal(stage, what)
    assert sentence.startswith(f"This return is {stage}: {what} is not possible. Nothing was changed. ")
    possible = {kind for kind in CommandKind if allows(stage, kind)}
    said = sentence.partition("Now possible: ")[2].rstrip(".")
    assert {CommandKind(word) for word in said.split(", ") if word} == possible
    assert possible, "there is no stage at which nothing can be asked"


def test_a_command_to_no_return_is_told_that_there_is_none() -> None:
    assert refusal(None, CommandKind.RECEIPTS) == "There is no such return."


def test_a_refunds_status_is_to_send_taken_or_over() -> None:
    assert not TO_SEND & TAKEN
    assert set(RefundStatus) - TO_SEND - TAKEN == {RefundStatus.FAILED, RefundStatus.CANCELED}
    assert {RefundStatus.REQUIRES_ACTION} == TAKEN - SUBMITTED, "the customer has something to do first"


# Where the goods are, one letter a lot: w waits, t in transit, g here and not inspected, s here and seen,
# x did not come and will not, o is something else, l is lost, c cancelled, e expired; a capital is decided.
def lots(letters: str) -> list[Lot]:
    made = []
    for number, letter in enumerate(letters, start=1):
        reception = {
            "w": Reception.AWAITING,
            "t": Reception.IN_TRANSIT,
            "g": Reception.RECEIVED,
            "s": Reception.RECEIVED,
            "x": Reception.SHORT_SHIPPED,
            "o": Reception.WRONG_ITEM,
            "l": Reception.LOST,
            "c": Reception.CANCELLED,
            "e": Reception.EXPIRED,
        }[letter.lower()]
        lot = Lot(number, 1, 1, "other", reception=reception, decision=1 if letter.isupper() else None)
        if letter in "sS":
            lot = replace(lot, condition=Condition.ORIGINAL, packaging=Packaging.ORIGINAL)
        made.append(lot)
    return made


def milestones(said: str, owed: int = 0) -> Milestones:
    words = said.split()
    assert set(words) <= {"authorized", "declined", "expired", "decided", "approval"}
    return Milestones(
        authorized="authorized" in words,
        declined="declined" in words,
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
        ("authorized expired", "e", [], Stage.EXPIRED),
        ("authorized expired", "xe", [], Stage.INSPECTED),  # of what came short the customer hears first
        ("declined", "c", [], Stage.DECLINED),
        ("", "c", [], Stage.CANCELLED),
        ("authorized", "c", [], Stage.CANCELLED),
        ("", "g", [], Stage.RECEIVED),  # before the yes
        ("", "gw", [], Stage.RECEIVED),
        ("authorized expired", "g", [], Stage.RECEIVED),  # after the end
        ("authorized expired", "se", [], Stage.INSPECTED),
        ("declined", "gc", [], Stage.RECEIVED),
        ("authorized", "sc", [], Stage.INSPECTED),
        ("authorized", "o", [], Stage.INSPECTED),  # there is nothing of it to inspect
        ("authorized", "ow", [], Stage.RECEIVED),
        ("authorized", "l", [], Stage.INSPECTED),
        ("authorized decided", "Sg", [S], Stage.RECEIVED),  # what came late is decided on its own
        ("authorized decided", "Ss", [S], Stage.INSPECTED),
        ("authorized decided", "SX", [S], Stage.CLOSED),
        ("authorized decided", "Se", [S], Stage.CLOSED),
        ("authorized decided approval", "Sg", [RefundStatus.REQUESTED], Stage.DECIDED),  # first things first
        ("authorized", "g", [], Stage.RECEIVED),
        ("authorized", "gw", [], Stage.RECEIVED),
        ("authorized", "gs", [], Stage.RECEIVED),
        ("authorized", "gx", [], Stage.RECEIVED),
        ("authorized", "sw", [], Stage.RECEIVED),  # the rest is still expected
        ("authorized", "st", [], Stage.RECEIVED),
        ("authorized", "s", [], Stage.INSPECTED),
        ("authorized", "sx", [], Stage.INSPECTED),
        ("authorized", "x", [], Stage.INSPECTED),  # an empty box is to be decided too
        ("authorized decided approval", "S", [RefundStatus.REQUESTED], Stage.DECIDED),
        ("authorized decided", "S", [RefundStatus.REQUESTED], Stage.SETTLING),
        ("authorized decided", "S", [RefundStatus.UNKNOWN], Stage.SETTLING),
        ("authorized decided", "S", [P], Stage.SETTLING),
        ("authorized decided", "S", [RefundStatus.REQUIRES_ACTION], Stage.SETTLING),
        ("authorized decided", "S", [F], Stage.SETTLING),
        ("authorized decided", "S", [RefundStatus.CANCELED], Stage.SETTLING),
        ("authorized decided", "S", [S, F], Stage.SETTLING),
        ("authorized decided", "S", [S, P], Stage.SETTLING),
        ("authorized decided", "S", [S, S], Stage.CLOSED),
        ("authorized decided", "S", [], Stage.CLOSED),  # everything rejected: nothing is owed
    ],
)
def test_the_stage_follows_from_the_facts(
    facts: str, goods: str, refunds: list[RefundStatus], stage: Stage
) -> None:
    assert derive(milestones(facts), lots(goods), refunds) is stage


@pytest.mark.parametrize("refunds", [[], [S]])
def test_what_no_payment_could_take_keeps_a_return_open(refunds: list[RefundStatus]) -> None:
    assert derive(milestones("authorized decided", owed=1), lots("S"), refunds) is Stage.SETTLING


def test_a_refund_that_fails_days_later_opens_a_closed_return_again() -> None:
    facts, goods = milestones("authorized decided"), lots("S")
    assert derive(facts, goods, [S]) is Stage.CLOSED
    assert derive(facts, goods, [F]) is Stage.SETTLING
