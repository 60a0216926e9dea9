"""Finance's desk: every refund with its instants and whether it was in time, of now or as of any day; exports of it."""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from tempfile import TemporaryFile
from typing import IO, Annotated
from zoneinfo import ZoneInfo

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, Response, StreamingResponse
from starlette.datastructures import FormData

from api.desk import Desk, desk_of
from api.desk_pages import NO_STORE, FormProblem, problem_of, send, show, text_in
from api.identity import require
from api.refund_filters import STATES, RefundFilters, asked_for, filters_in
from returndesk.domain.errors import InvalidInput
from returndesk.domain.inputs import PaidByHandInput, PaidHow, RefundAgainInput
from returndesk.domain.money import format_plain, parse_minor
from returndesk.domain.people import MAY, Actor, Role
from returndesk.domain.rma import parse
from returndesk.domain.stages import CommandKind, allows
from returndesk.spreadsheets import Sheet, csv_chunks, write_xlsx
from returndesk.store.audit_checks import CheckView, last_with_findings
from returndesk.store.finance_pages import RefundsPage, refunds_page
from returndesk.store.paging import from_cursor, to_cursor
from returndesk.store.refund_conditions import Asked
from returndesk.store.refund_export import HEAD, about_rows, export_rows
from returndesk.store.refund_file import RefundFile, refund_file
from returndesk.store.views import return_view

router = APIRouter(include_in_schema=False)

FINANCE = (Role.FINANCE, Role.MANAGER, Role.ADMIN)
Finance = Annotated[Actor, require(*FINANCE)]
REFUNDS_A_PAGE = 50


@dataclass(frozen=True)
class RefundsView:
    """The list with its filters; `books` is missing where they ask for nothing that can be answered."""

    filters: RefundFilters
    states: tuple[str, ...]
    books: RefundsPage | None
    next_url: str
    first_url: str
    unsound: CheckView | None = None
    """The last verification of the records, where it found anything wrong."""


@router.get("/desk/refunds")
async def refunds(
    request: Request, actor: Finance, after: Annotated[str | None, Query(max_length=200)] = None
) -> HTMLResponse:
    """Refunds by state and age, in time or late, of now or as of the end of any day."""
    filters = filters_in(request.query_params)
    try:
        return await asyncio.to_thread(_refunds, request, actor, filters, after)
    except InvalidInput as error:
        view = RefundsView(filters, tuple(STATES), None, "", "")
        return show(request, actor, "finance/refunds", view, problem=problem_of(error), typed=_typed(filters))


def _refunds(request: Request, actor: Actor, filters: RefundFilters, after: str | None) -> HTMLResponse:
    desk = desk_of(request)
    asked = asked_for(filters, desk.clock.now(), ZoneInfo(desk.policy.shop.zone))
    place = None if after is None else from_cursor(after)
    with desk.database.read() as session:
        books = refunds_page(session, desk.policies, asked, after=place, limit=REFUNDS_A_PAGE)
        unsound = last_with_findings(session, desk.clock.now())
    following = "" if books.next_key is None else to_cursor(*books.next_key)
    path = filters.url()
    view = RefundsView(
        filters,
        tuple(STATES),
        books,
        f"{path}{'&' if '?' in path else '?'}after={following}" if following else "",
        path if after else "",
        unsound,
    )
    return show(request, actor, "finance/refunds", view)


# One return's file -------------------------------------------------------------------------------


@dataclass(frozen=True)
class FileView:
    """The file of one return, and what may be done about what is owed still."""

    file: RefundFile
    may_pay: bool
    payments: list[tuple[str, str]]
    example: str


@router.get("/desk/refunds/{rma}")
async def one(rma: str, request: Request, actor: Finance) -> HTMLResponse:
    """Everything about one return's money, to be read, printed and checked."""
    return await _file(request, actor, rma)


async def _file(
    request: Request,
    actor: Actor,
    rma: str,
    problem: FormProblem | None = None,
    typed: Mapping[str, str] | None = None,
) -> HTMLResponse:
    def read() -> HTMLResponse:
        desk = desk_of(request)
        with desk.database.read() as session:
            file = refund_file(
                session, desk.policies, parse(rma), desk.clock.now(), ZoneInfo(desk.policy.shop.zone)
            )
        view = FileView(
            file,
            allows(file.stage, CommandKind.REFUND_AGAIN),
            [(reference, reference) for reference in file.payments],
            format_plain(1234, file.currency),
        )
        return show(request, actor, "finance/file", view, problem=problem, typed=typed)

    return await asyncio.to_thread(read)


@router.post("/desk/refunds/{rma}/refund-again")
async def refund_again(
    rma: str, request: Request, actor: Annotated[Actor, require(*MAY[CommandKind.REFUND_AGAIN])]
) -> Response:
    """Ask for what is owed anew."""
    return await send(
        request, actor, CommandKind.REFUND_AGAIN, rma, _refund_again,
        back=f"/desk/refunds/{rma}", again=lambda problem, typed: _file(request, actor, rma, problem, typed),
    )  # fmt: skip


@router.post("/desk/refunds/{rma}/paid-by-hand")
async def paid_by_hand(
    rma: str, request: Request, actor: Annotated[Actor, require(*MAY[CommandKind.PAID_BY_HAND])]
) -> Response:
    """Record that what is owed was paid another way."""
    desk = desk_of(request)
    currency = await asyncio.to_thread(_currency, desk, rma)
    return await send(
        request, actor, CommandKind.PAID_BY_HAND, rma, lambda form: _paid_by_hand(form, currency),
        back=f"/desk/refunds/{rma}", again=lambda problem, typed: _file(request, actor, rma, problem, typed),
    )  # fmt: skip


def _currency(desk: Desk, rma: str) -> str:
    with desk.database.read() as session:
        return return_view(session, parse(rma)).currency


def _refund_again(form: FormData) -> RefundAgainInput:
    return RefundAgainInput(
        refund=text_in(form, "refund"), payment=text_in(form, "payment"), note=text_in(form, "note")
    )


def _paid_by_hand(form: FormData, currency: str) -> PaidByHandInput:
    amount = text_in(form, "amount")
    return PaidByHandInput.model_validate({
        "refund": text_in(form, "refund"), "how": text_in(form, "how") or PaidHow.BANK_TRANSFER,
        "reference": text_in(form, "reference") or "", "note": text_in(form, "note"),
        "amount_minor": None if amount is None else parse_minor(amount, currency),
        "despite_dispute": text_in(form, "despite_dispute") is not None,
    })  # fmt: skip


# Exports -----------------------------------------------------------------------------------------

CHUNK_BYTES = 1 << 16
EXPORTS_AT_ONCE = 2
_exporting = CapacityLimiter(EXPORTS_AT_ONCE)
"""Workbooks that are made at the same time; more wait their turn, so that exports never starve the pages."""
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@router.get("/desk/refunds.csv")
def refunds_csv(request: Request, _actor: Finance) -> StreamingResponse:
    """The whole list under the same filters, as CSV, sent while it is read."""
    desk = desk_of(request)
    asked, filters = _exported(request)
    rows = export_rows(desk.database, desk.policies, asked)
    return StreamingResponse(
        csv_chunks(HEAD, rows), headers=_named(filters, asked, "csv"), media_type="text/csv"
    )


@router.get("/desk/refunds.xlsx")
async def refunds_xlsx(request: Request, _actor: Finance) -> StreamingResponse:
    """The same as a workbook, with a sheet that says what it is of. Made in a file, then sent."""
    desk = desk_of(request)
    asked, filters = _exported(request)
    typed = [(name, value) for name, value in _typed(filters).items() if value]
    file = TemporaryFile()  # noqa: SIM115 (it is closed when all of it is sent)
    sheets = [
        Sheet("Refunds", HEAD, export_rows(desk.database, desk.policies, asked)),
        Sheet("About", ("what", "value"), about_rows(desk.database, asked, typed)),
    ]
    await to_thread.run_sync(write_xlsx, file, sheets, limiter=_exporting)
    return StreamingResponse(_chunks(file), headers=_named(filters, asked, "xlsx"), media_type=XLSX)


def _exported(request: Request) -> tuple[Asked, RefundFilters]:
    """What an export is of: of the books up to this instant, so that it is whole however long it takes."""
    desk = desk_of(request)
    filters = filters_in(request.query_params)
    asked = asked_for(filters, desk.clock.now(), ZoneInfo(desk.policy.shop.zone))
    return (
        replace(asked, at=asked.at + timedelta(microseconds=1), is_now=False) if asked.is_now else asked
    ), filters


def _named(filters: RefundFilters, asked: Asked, ending: str) -> dict[str, str]:
    name = f"refunds-{filters.name()}-{asked.day.isoformat()}.{ending}"
    return {"Content-Disposition": f'attachment; filename="{name}"', **NO_STORE}


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        file.seek(0)
        while chunk := file.read(CHUNK_BYTES):
            yield chunk


def _typed(filters: RefundFilters) -> Mapping[str, str]:
    return {name.rstrip("_"): value for name, value in vars(filters).items()}
