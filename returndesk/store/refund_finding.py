"""Which refunds a text names that somebody typed."""

from sqlalchemy import Connection, Select, and_, or_, select, union

from returndesk.domain.errors import InvalidInput
from returndesk.domain.rma import parse
from returndesk.store import tables
from returndesk.store.statements import table_of

_r = table_of(tables.Refund).c
_returns = table_of(tables.Return)
_payments = table_of(tables.Payment)
_rests = table_of(tables.Rest)
_commands = table_of(tables.Command)
_texts = table_of(tables.Text)
_NAMED_MAX = 500


def refunds_named(connection: Connection, text: str) -> list[str]:
    """The refunds a text names, exactly: an RMA, a refund, an order, or a reference of processor, bank or payment by hand.

    Looked up first, each by its own index: one query with an OR over the tables would read every refund.
    """
    typed = text.strip()
    of_order = select(_returns.c.rma).where(_returns.c.order_reference == typed)
    of_payment = select(_payments.c.id).where(_payments.c.reference == typed)
    wheres = [
        _r.id == typed.upper(),
        _r.processor_reference == typed,
        _r.bank_reference == typed,
        _r.rma.in_(of_order),
        _r.payment_id.in_(of_payment),
    ]
    rma = _typed_rma(typed)
    if rma is not None:
        wheres.append(_r.rma == rma)
    queries = [*(select(_r.id).where(where) for where in wheres), *_paid_by_hand_under(typed)]
    return list(connection.scalars(union(*queries).limit(_NAMED_MAX)))


def _paid_by_hand_under(reference: str) -> list[Select[tuple[str]]]:
    """Refunds that were paid another way, whole or in part: few, so that the words of each may be read."""
    said = _commands.c.input["reference"].as_string()
    told = select(_commands.c.id).join(_texts, _texts.c.id == said).where(_texts.c.body == reference)
    return [
        select(_r.id).where(_r.failed_at.is_not(None), told.where(_commands.c.id == _r.replaced_by).exists()),
        select(_r.id)
        .join(
            _rests,
            or_(_rests.c.refund_id == _r.id, and_(_rests.c.refund_id.is_(None), _rests.c.rma == _r.rma)),
        )
        .where(told.where(_commands.c.id == _rests.c.ended_by).exists()),
    ]


def _typed_rma(typed: str) -> str | None:
    try:
        return parse(typed)
    except InvalidInput:
        return None
