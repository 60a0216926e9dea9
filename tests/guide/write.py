"""Writes docs/returns.md and docs/complaints.md from the code.

    make docs

Every odd case is played in a shop in one process (`tests/guide/shop.py`), and what is told of it is read from the
books and the mail afterwards. A test fails where a page says something else.
"""

import sys
import tempfile
from pathlib import Path

from in_process import POLICY, ROOT

from returndesk.store import migrate
from returndesk.store.database import Database, sqlite_url
from tests.guide import complaints, tables
from tests.guide.goods import GOODS
from tests.guide.money import MONEY
from tests.guide.play import Case, Play, Told
from tests.guide.shop import Shop, open_shop
from tests.guide.talk import TALK

RETURNS = ROOT / "docs" / "returns.md"
COMPLAINTS = ROOT / "docs" / "complaints.md"
HEAD = ("what happens", "the return and its goods", "the customer is mailed", "who has work")
SECTIONS: dict[str, tuple[Case, ...]] = {
    "Goods": GOODS,
    "People, and time": TALK,
    "Money": MONEY,
}


def returns_page(shop: Shop) -> str:
    """docs/returns.md as the code has it."""
    clocks, rules = POLICY.clocks, POLICY.returns
    parts = [
        f"""# Every way a return can go

This page is written by the program itself (`make docs`): the tables are the ones it works by, and each odd case was
played through it, with the mail that left and the work that was filed. A test fails where the page and the program differ.
How each command is sent is in [the API by example](api.md).

Words used here: a return has two dates, the **decision date** ({clocks.processing_business_days} business days after the
contact) and the **refund date** ({clocks.refund_business_days}). Their clocks, *processing* and *refund*, wait while it is the
customer's turn. The **last day for sending** is {rules.expiry_after_days} days after the shop's yes. All of these are numbers in `policy.toml`.

## Who may ask for what

An admin may do what a manager may.

{tables.commands()}

## What is possible when

While a return is open:

{tables.stages_while_open()}

{_unseen()}After it has ended. A command that is possible here makes the return run again, and it ends again when nothing is left to do:

{tables.stages_after_the_end()}

What a stage does not list is refused with a sentence that names what is possible; nothing is changed then.

## Where an open return waits

Every open return stands in exactly one of these queues. Whatever else somebody has to do is a task of its own; the cases
below show which.

{tables.queues()}

## Case by case

A row in italics says where a case begins. Every other row is one thing that happens, and what came of it; what stays as it was is
left out. `RMA-…` stands for the return's number, and the words in brackets behind a subject name the mail's folder in `templates/email/`.
"""
    ]
    for title, cases in SECTIONS.items():
        parts.append(f"### {title}\n")
        parts += [_case(case, shop) for case in cases]
    return "\n".join(parts)


def _unseen() -> str:
    stages = tables.unseen()
    return f"(`{'`, `'.join(stages)}` is passed in the same moment as `closed`.)\n\n" if stages else ""


def _case(case: Case, shop: Shop) -> str:
    play = Play(shop)
    case(play)
    return f"#### {case.__doc__}\n\n{tables.table(HEAD, map(_row, play.told))}\n"


def _row(told: Told) -> list[str]:
    first = f"`{told.stage}`" + (f"; {told.clocks}" if told.clocks else "")
    mails = [f"“{subject}” (`{kind}`)" for kind, subject in told.mails]
    work = [*map(str, told.work), *(f"done: {task.name}" for task in told.done)]
    return [told.happens, *map("<br>".join, ([first, *told.goods, *told.refunds], mails, work))]


def main() -> int:
    """Write both pages."""
    with tempfile.TemporaryDirectory(prefix="returndesk-guide-") as folder:
        url = sqlite_url(Path(folder) / "books.sqlite")
        database = Database(url)
        migrate.upgrade(database)
        database.close()
        with open_shop(url, Path(folder)) as shop:
            RETURNS.write_text(returns_page(shop))
    COMPLAINTS.write_text(complaints.page())
    sys.stdout.write(f"Written: {RETURNS.relative_to(ROOT)}, {COMPLAINTS.relative_to(ROOT)}.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
