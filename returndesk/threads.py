"""How threads of a serving process take turns."""

import sys

SWITCH_SECONDS = 0.0005


def take_short_turns() -> None:
    """Switch between threads ten times as often as Python would.

    At its 5 ms, a thread inside a transaction waits that long for the event loop, statement after statement,
    with the database's write lock in its hands.
    """
    sys.setswitchinterval(SWITCH_SECONDS)
