"""Every error of the API as problem+json (RFC 9457), with a stable code and nothing of the input.

`type` is `/problems/{code}`. What went wrong unexpectedly is answered and logged by its kind and place alone:
an exception's text may carry personal data.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, cast

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.description import add_links
from returndesk.domain.errors import (
    ConfigurationError,
    InvalidInput,
    NotAllowedAtStage,
    NotFound,
    ProcessorRefused,
    Refused,
    ReturndeskError,
    TooOften,
    Unanswered,
    Unavailable,
)
from returndesk.domain.mistakes import mistakes
from returndesk.logs import place

_log = structlog.get_logger(__name__)

MEDIA_TYPE = "application/problem+json"


class NotSignedIn(ReturndeskError):
    """No token and no sign-in, or none of ours."""


class NotForThisRole(ReturndeskError):
    """Somebody we know asks for what their role does not do."""


class Forged(ReturndeskError):
    """What a signed-in browser sent does not come from a page of ours, as far as can be told."""


class PasswordFirst(ReturndeskError):
    """Somebody whose password was made for them asks for anything before they have taken their own."""


STATUS: dict[type[ReturndeskError] | str, HTTPStatus] = {
    # by code, where it says more than the kind of error
    "order_in_use": HTTPStatus.CONFLICT,
    "payment_taken": HTTPStatus.CONFLICT,
    "claimed": HTTPStatus.CONFLICT,
    "task_taken": HTTPStatus.CONFLICT,
    "task_done": HTTPStatus.CONFLICT,
    "not_your_task": HTTPStatus.FORBIDDEN,
    # by kind
    NotSignedIn: HTTPStatus.UNAUTHORIZED,
    NotForThisRole: HTTPStatus.FORBIDDEN,
    Forged: HTTPStatus.FORBIDDEN,
    PasswordFirst: HTTPStatus.FORBIDDEN,
    TooOften: HTTPStatus.TOO_MANY_REQUESTS,
    NotFound: HTTPStatus.NOT_FOUND,
    NotAllowedAtStage: HTTPStatus.CONFLICT,
    InvalidInput: HTTPStatus.UNPROCESSABLE_ENTITY,
    Refused: HTTPStatus.UNPROCESSABLE_ENTITY,
    Unanswered: HTTPStatus.BAD_GATEWAY,
    ProcessorRefused: HTTPStatus.BAD_GATEWAY,
    Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    ConfigurationError: HTTPStatus.INTERNAL_SERVER_ERROR,
    ReturndeskError: HTTPStatus.INTERNAL_SERVER_ERROR,
}
"""Which status an error is answered with."""

_CHALLENGE: dict[type[ReturndeskError], str] = {
    NotSignedIn: "Bearer",
    NotForThisRole: 'Bearer error="insufficient_scope"',
}
_HTTP: dict[int, tuple[str, str]] = {
    404: ("not_found", "There is nothing at this address."),
    405: (
        "method_not_allowed",
        "This address does not take this method; the Allow header says which it takes.",
    ),
}


class FieldProblem(BaseModel):
    """One field to correct: dotted where it is nested, empty where it is the whole input."""

    field: str
    problem: str


class Problem(BaseModel):
    """What went wrong (RFC 9457). `code` is stable; `detail` says what to do."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    errors: list[FieldProblem] | None = None
    reasons: list[str] | None = None


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route or router, for the OpenAPI description."""
    return {status: {"model": Problem, "description": HTTPStatus(status).phrase} for status in statuses}


def answer_problem(
    status: int,
    code: str,
    detail: str,
    *,
    headers: Mapping[str, str] | None = None,
    errors: list[FieldProblem] | None = None,
    reasons: list[str] | None = None,
) -> JSONResponse:
    """A problem as a response."""
    problem = Problem(
        type=f"/problems/{code}",
        title=HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        code=code,
        errors=errors,
        reasons=reasons,
    )
    content = problem.model_dump(exclude_none=True)
    return JSONResponse(content, status, headers, media_type=MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Make every error of an app a problem, in its answers and in its OpenAPI description."""
    app.add_exception_handler(ReturndeskError, cast(Any, _ours))
    app.add_exception_handler(RequestValidationError, cast(Any, _invalid))
    app.add_exception_handler(HTTPException, cast(Any, _http))
    app.add_middleware(_NothingGetsOut)
    describe = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _with_media_type(describe())
            add_links(app.openapi_schema)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def status_of(error: ReturndeskError) -> HTTPStatus:
    """Which status an error is answered with: by its code, else by its kind."""
    kind = next(kind for kind in type(error).__mro__ if kind in STATUS)
    return STATUS.get(error.code) or STATUS[kind]


async def _ours(_request: Request, error: ReturndeskError) -> JSONResponse:
    headers = {"WWW-Authenticate": _CHALLENGE[type(error)]} if type(error) in _CHALLENGE else {}
    if isinstance(error, TooOften):
        headers["Retry-After"] = str(error.again_after_s)
    field = getattr(error, "field", None)
    return answer_problem(
        status_of(error),
        error.code,
        error.sentence,
        headers=headers,
        errors=[FieldProblem(field=field, problem=error.sentence)] if field else None,
        reasons=list(error.reasons) if isinstance(error, Refused) else None,
    )


async def _invalid(_request: Request, error: RequestValidationError) -> JSONResponse:
    found = [
        # the first step says where it was sent: body, path, query
        FieldProblem(
            field=".".join(map(str, mistake.path[1:])) or str(mistake.path[0]), problem=mistake.problem
        )
        for mistake in mistakes(error.errors())
    ]
    return answer_problem(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "invalid_input",
        "What was sent cannot be used as it is. Nothing was changed. Correct the fields named.",
        errors=found,
    )


async def _http(_request: Request, error: HTTPException) -> JSONResponse:
    status = HTTPStatus(error.status_code)
    code, detail = _HTTP.get(status, (status.name.lower(), f"{status.description or status.phrase}."))
    return answer_problem(status, code, detail, headers=error.headers)


def _unexpected() -> JSONResponse:
    return answer_problem(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "unexpected",
        "Something went wrong here. It may or may not have been done: look before asking again, and ask with the "
        "same Idempotency-Key.",
    )


class _NothingGetsOut:
    """Answers what nobody caught, inside of everything that would log the exception's text."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = False

        async def watched(message: Message) -> None:
            nonlocal began
            began = began or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except Exception as error:
            _log.error("request_failed", code="unexpected", type=type(error).__qualname__, at=place(error))
            if scope["type"] != "http" or began:
                # The connection must break off; the exception's text must not be in what the server logs.
                raise RuntimeError("the answer broke off") from None
            await _unexpected()(scope, receive, send)


def _with_media_type(description: dict[str, Any]) -> dict[str, Any]:
    """FastAPI describes every model as application/json; problems are their own media type."""
    for path in description.get("paths", {}).values():
        for operation in path.values():
            for response in operation.get("responses", {}).values():
                content = response.get("content", {})
                described = content.get("application/json", {})
                if described.get("schema", {}).get("$ref", "").endswith("/Problem"):
                    content[MEDIA_TYPE] = content.pop("application/json")
    return description
