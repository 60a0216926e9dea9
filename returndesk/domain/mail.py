"""Handing a notice to a mail server: to whom, and what came of it."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


@dataclass(frozen=True)
class Recipient:
    """Who a notice goes to: joined when it is sent, never stored with it. `name` may be empty."""

    name: str
    email: str

    def __repr__(self) -> str:
        """Says nothing: a repr ends up in logs."""
        return "Recipient(…)"


class Outcome(StrEnum):
    """What became of one attempt to hand a message to the mail server."""

    ACCEPTED = "accepted"
    REFUSED_NOW = "refused_now"
    REFUSED_FOR_GOOD = "refused_for_good"
    UNSURE = "unsure"
    UNREACHABLE = "unreachable"


@dataclass(frozen=True)
class Delivery:
    """One attempt's outcome and the server's status number, where it gave one: never its text.

    `refused_now`: nothing was taken, try later. `unsure`: the connection ended between the final dot and the
    answer, so the message may have been taken; sending it again keeps its Message-ID. `unreachable`: there was no
    server, or it did not let us in, which says nothing about the message.
    """

    outcome: Outcome
    status: int | None = None


RETRY_FIRST, RETRY_LONGEST = timedelta(seconds=5), timedelta(hours=1)
REACH_FIRST, REACH_LONGEST = timedelta(seconds=1), timedelta(minutes=1)


def retry_after(attempts: int) -> timedelta:
    """How long a message that was not taken waits, after so many attempts."""
    return _doubled(RETRY_FIRST, attempts - 1, RETRY_LONGEST)


def reach_after(failures: int) -> timedelta:
    """How long a mail server is left alone that could not be reached, so many times in a row."""
    return _doubled(REACH_FIRST, failures - 1, REACH_LONGEST)


def _doubled(first: timedelta, times: int, longest: timedelta) -> timedelta:
    return min(first * (1 << min(times, 12)), longest)
