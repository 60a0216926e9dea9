"""What many returns wait for at one instant is handled a little apart (record 0019)."""

from datetime import timedelta

DEADLINES_APART = timedelta(minutes=4)
"""So long for deadlines: all at once would keep people's commands waiting."""
LOOKS_APART = timedelta(minutes=1)
"""And so long for asking after refunds."""


def jitter(rma: str, at_most: timedelta) -> timedelta:
    """A part of `at_most`, always the same for one return."""
    share: float = sum(ord(c) * 7919**i for i, c in enumerate(rma)) % 60_000 / 60_000
    return at_most * share
