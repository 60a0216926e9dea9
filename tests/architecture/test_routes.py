"""Every route says who may call it."""

from collections.abc import Iterator

from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from api.app import create_app
from api.identity import Required
from returndesk.installation import Installation
from returndesk.settings import Settings

OPEN_TO_ANYBODY = {
    "/healthz",  # whether the process answers
    "/readyz",  # whether its parts do
    "/metrics",  # counts, for a scraper on the inside
    "/webhooks/stripe",  # signed by the processor
}
PAGES = ("/", "/start", "/r/{rma}/{key}", "/start/{letter_id}/{key}", "/mailbox/{key}")
"""Opened by the secret in their own address; the first two show nothing of anybody."""


def routes() -> list[APIRoute]:
    """Every route of the application, those of its included routers too."""
    app = create_app(Installation(Settings()))
    included = [getattr(route, "original_router", app).routes for route in app.routes]
    return [route for some in [app.routes, *included] for route in some if isinstance(route, APIRoute)]


def test_every_route_names_the_roles_that_may_call_it() -> None:
    unguarded = {route.path for route in routes() if not any(_roles(route.dependant))}
    pages = {path for path in unguarded if path in PAGES[:2] or path.startswith(PAGES[2:])}
    assert unguarded - pages == OPEN_TO_ANYBODY


def test_everything_under_the_api_takes_a_role() -> None:
    paths = {route.path: any(_roles(route.dependant)) for route in routes() if route.path.startswith("/api/")}
    assert "/api/v1/returns" in paths
    assert all(paths.values()), paths


def _roles(dependant: Dependant) -> Iterator[Required]:
    if isinstance(dependant.call, Required) and dependant.call.roles:
        yield dependant.call
    for inner in dependant.dependencies:
        yield from _roles(inner)
