"""Which refunds a text names that somebody typed."""

from sqlalchemy import ColumnElement, Connection, and_, select, union
from sqlalchemy.sql.expression import ColumnClause

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
    queries = [select(_r.id).where(where) for where in wheres]
    if rma is None:
        queries += [select(_r.id).where(where) for where in _paid_by_hand_under(typed)]
    return list(connection.scalars(union(*queries).limit(_NAMED_MAX)))


def _paid_by_hand_under(reference: str) -> list[ColumnElement[bool]]:
    """Refunds that were paid another way, whole or in part: few, so that the words of each may be read.

    Of money that no refund carried it is every refund of the return.
    """
    rests = select(_rests.c.refund_id, _rests.c.rma).where(_reference_of(_rests.c.ended_by) == reference)
    return [
        and_(_r.failed_at.is_not(None), _reference_of(_r.replaced_by) == reference),
        _r.id.in_(rests.with_only_columns(_rests.c.refund_id)),
        _r.rma.in_(rests.with_only_columns(_rests.c.rma).where(_rests.c.refund_id.is_(None))),
    ]


def _reference_of(command_id: ColumnClause[str]) -> ColumnElement[str]:
    """The words under which a command's money is found: looked up by keys, one after the other, whatever a planner thinks."""
    of = command_id.table
    text_id = (
        select(_commands.c.input["reference"].as_string()).where(_commands.c.id == command_id).correlate(of)
    )
    return (
        select(_texts.c.body).where(_texts.c.id == text_id.scalar_subquery()).correlate(of).scalar_subquery()
    )


def _typed_rma(typed: str) -> str | None:
    try:
        return parse(typed)
    except InvalidInput:
        return None
