"""Which role may call what, read from the routes themselves: what is printed is what is enforced."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, iter_route_contexts

from api.app import application
from api.identity import Anybody, Required
from returndesk.domain.people import Role

T = TypeVar("T")

COLUMNS = (Role.REP, Role.WAREHOUSE, Role.FINANCE, Role.MANAGER, Role.ADMIN)


@dataclass(frozen=True)
class Entry:
    """One route: the roles it takes, or why it takes anybody."""

    path: str
    method: str
    roles: frozenset[Role]
    why_anybody: str | None


def entries(app: FastAPI) -> list[Entry]:
    """Every route of an application, by path and method."""
    return sorted(
        (
            _entry(context.route, method)
            for context in iter_route_contexts(app.routes)
            if isinstance(context.route, APIRoute)
            for method in context.route.methods or ()
        ),
        key=lambda entry: (entry.path, entry.method),
    )


def printed() -> Iterator[str]:
    """The matrix, line by line."""
    found = entries(application(_never_opened))
    width = max(len(entry.path) for entry in found)
    yield f"{'':<7}{'':<{width}}  anybody  {'  '.join(COLUMNS)}"
    for entry in found:
        marks = [_mark("anybody", may=entry.why_anybody is not None)]
        marks += [_mark(role, may=entry.why_anybody is not None or role in entry.roles) for role in COLUMNS]
        yield f"{entry.method:<7}{entry.path:<{width}}  {'  '.join(marks)}".rstrip()
    yield ""
    yield "Anybody:"
    for entry in found:
        if entry.why_anybody is not None:
            yield f"{entry.method:<7}{entry.path:<{width}}  {entry.why_anybody}"


def _mark(column: str, *, may: bool) -> str:
    return f"{'yes' if may else '.':<{len(column)}}"


def _entry(route: APIRoute, method: str) -> Entry:
    required = next(_called(route.dependant, Required), None)
    open_to = next(_called(route.dependant, Anybody), None)
    assert (required is None) != (open_to is None), f"{route.path} says neither or both: who, and why anybody"
    return Entry(
        route.path,
        method,
        frozenset() if required is None else required.roles,
        None if open_to is None else open_to.why,
    )


def _called(dependant: Dependant, kind: type[T]) -> Iterator[T]:
    if isinstance(dependant.call, kind):
        yield dependant.call
    for inner in dependant.dependencies:
        yield from _called(inner, kind)


def _never_opened() -> Any:
    raise AssertionError("the application is only looked at")
