"""The API's refunds by where they stood in the books: of now, or as of the end of a day of the shop's."""

from sqlmodel import Session

from returndesk.store.paging import from_cursor, to_cursor
from returndesk.store.policies import PolicyBook
from returndesk.store.refund_books import keys
from returndesk.store.refund_conditions import Asked
from returndesk.store.refund_lines import RefundLine, lines
from returndesk.store.views import RefundList, RefundView


def refunds_that_stood(
    session: Session, policies: PolicyBook, asked: Asked, *, cursor: str | None, limit: int
) -> RefundList:
    """A page of them."""
    connection = session.connection()
    places = keys(connection, asked, None if cursor is None else from_cursor(cursor), limit + 1)
    more, places = len(places) > limit, places[:limit]
    return RefundList(
        items=[_view(line) for line in lines(connection, policies, asked, places)],
        next_cursor=to_cursor(*places[-1]) if more else None,
    )


def _view(line: RefundLine) -> RefundView:
    i = line.instants
    return RefundView(
        id=line.id,
        rma=line.rma,
        status=line.status,
        standing=line.standing,
        amount_minor=line.amount_minor,
        owed_minor=line.owed_minor,
        currency=line.currency,
        decided_at=i.decided_at,
        asked_at=line.asked_at,
        needs_action_since=line.needs_action_since,
        action_expires_at=line.action_expires_at,
        submitted_at=i.submitted_at,
        credited_at=i.credited_at,
        failed_at=i.failed_at,
        replaced_at=i.replaced_at,
        late_at=line.lateness.late_at,
        failure_reason=line.failure_reason,
        processor_reference=line.processor_reference,
        bank_reference=line.bank_reference,
        replaced_by=line.replaced_by,
    )
