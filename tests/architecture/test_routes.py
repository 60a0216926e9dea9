"""Every route says who may call it: some roles, or anybody and why."""

from collections.abc import Iterator
from typing import TypeVar

from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from api.app import create_app
from api.identity import Anybody, Required
from returndesk.installation import Installation
from returndesk.settings import Settings

OPEN_TO_ANYBODY = {
    "/",  # shows nothing of anybody
    "/healthz",  # whether the process answers
    "/readyz",  # whether its parts do
    "/metrics",  # counts, for a scraper on the inside
    "/sign-in",  # where people sign in
    "/start",  # asks for a link, which goes by mail
    "/webhooks/stripe",  # signed by the processor
}
OPENED_BY_A_SECRET = ("/r/{rma}/{key}", "/start/{letter_id}/{key}", "/mailbox/{key}")
"""Pages whose own address has the secret that opens them."""


def routes() -> list[APIRoute]:
    """Every route of the application, those of its included routers too."""
    app = create_app(Installation(Settings()))
    included = [getattr(route, "original_router", app).routes for route in app.routes]
    return [route for some in [app.routes, *included] for route in some if isinstance(route, APIRoute)]


def test_every_route_says_who_may_call_it_or_why_anybody_may() -> None:
    silent = [
        (sorted(route.methods), route.path)
        for route in routes()
        if len([*_found(route.dependant, Required), *_found(route.dependant, Anybody)]) != 1
    ]
    assert not silent, "give each of these `require(roles)` or `anybody(why)`, and only one"


def test_who_lets_in_names_roles_and_who_lets_everybody_in_says_why() -> None:
    for route in routes():
        assert all(required.roles for required in _found(route.dependant, Required)), route.path
        assert all(len(open_to.why) > 10 for open_to in _found(route.dependant, Anybody)), route.path


def test_anybody_may_call_only_what_a_person_has_looked_at() -> None:
    unguarded = {route.path for route in routes() if any(_found(route.dependant, Anybody))}
    secret = {path for path in unguarded if path.startswith(OPENED_BY_A_SECRET)}
    assert unguarded - secret == OPEN_TO_ANYBODY
    assert secret


def test_everything_under_the_api_and_the_desks_takes_a_role() -> None:
    paths = {
        route.path: any(_found(route.dependant, Required))
        for route in routes()
        if route.path.startswith(("/api/", "/desk", "/account"))
    }
    assert {"/api/v1/returns", "/desk", "/account"} <= set(paths)
    assert all(paths.values()), paths


T = TypeVar("T")


def _found(dependant: Dependant, kind: type[T]) -> Iterator[T]:
    if isinstance(dependant.call, kind):
        yield dependant.call
    for inner in dependant.dependencies:
        yield from _found(inner, kind)
