"""The mail server as the duties that send see it: while nobody is there, no message is tried and none is held back for it."""

from datetime import datetime, timedelta
from email.message import EmailMessage

import structlog

from returndesk.domain.mail import Delivery, Outcome, reach_after
from returndesk.ports import Clock, Mailer

_log = structlog.get_logger("mail")


class PostOffice:
    """A mailer that is left alone for a while after it could not be reached.

    That a server is away says nothing about any message: who sends stops at the first that it could not be given,
    leaves all of them as they were, and they leave soon after it is back, however long it was away.
    """

    def __init__(self, mailer: Mailer, clock: Clock) -> None:
        self._mailer = mailer
        self._clock = clock
        self._failures = 0
        self._failed_at: datetime | None = None

    @property
    def is_closed(self) -> bool:
        """Whether it is too early to try again. A clock that was set back counts as time that has passed."""
        if self._failed_at is None:
            return False
        return timedelta(0) <= self._clock.now() - self._failed_at < reach_after(self._failures)

    def send(self, message: EmailMessage) -> Delivery:
        """Hand one message over; what came of it. `unreachable` closes the office for a while."""
        delivery = self._mailer.send(message)
        if delivery.outcome is Outcome.UNREACHABLE:
            self._failures += 1
            self._failed_at = self._clock.now()
            _log.warning("mail_server_unreachable", status=delivery.status, tried=self._failures,
                         again_in_seconds=reach_after(self._failures).total_seconds())  # fmt: skip
        else:
            self._failures, self._failed_at = 0, None
        return delivery
