"""Letters: mails of no case, sent by the duty that sends the notices.

At least once, always with one Message-ID. A letter whose link would open nothing any more is not sent.
"""

import structlog

from activities.post_office import PostOffice
from returndesk.domain.errors import InvalidInput
from returndesk.domain.mail import Delivery, Outcome
from returndesk.links import PublicLinks
from returndesk.logs import places
from returndesk.ports import Clock
from returndesk.rendering import Renderer
from returndesk.store import letters
from returndesk.store.database import Database

_log = structlog.get_logger("letters")


class Letters:
    """Hands letters over."""

    def __init__(
        self,
        database: Database,
        post: PostOffice,
        renderer: Renderer,
        links: PublicLinks,
        clock: Clock,
        domain: str,
    ) -> None:
        self._database = database
        self._post = post
        self._renderer = renderer
        self._links = links
        self._clock = clock
        self._domain = domain

    def send_due(self, limit: int) -> int:
        """Send what is due now, while the mail server is there; for how many something came of it."""
        with self._database.read() as session:
            waiting = letters.due(session, self._clock.now(), limit)
        for tried, one in enumerate(waiting):
            delivery = self._send(one)
            if delivery is not None and delivery.outcome is Outcome.UNREACHABLE:
                return tried
            letters.settle(self._database, one.id, delivery, self._clock.now())
        return len(waiting)

    def _send(self, one: letters.Waiting) -> Delivery | None:
        """What came of handing it over; None where its link opens nothing any more."""
        ends_at = one.written_at + letters.OPENS_FOR
        if ends_at <= self._clock.now():
            return None
        try:
            message = self._renderer.start_link(
                one.order_reference,
                one.recipient,
                url=self._links.start(one.id),
                ends_at=ends_at,
                now=self._clock.now(),
                message_id=f"<{one.id}@{self._domain}>",
                date=one.written_at,
            )
        except InvalidInput:
            return Delivery(Outcome.REFUSED_FOR_GOOD)
        except Exception as error:  # one letter that cannot be rendered holds up no other
            _log.error("letter_unreadable", letter=one.id, error=type(error).__name__, where=places(error))
            return Delivery(Outcome.REFUSED_NOW)
        return self._post.send(message)
