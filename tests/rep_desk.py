"""Somebody at the rep's desk over HTTP, and what they read."""

import re
from html import unescape
from typing import Any

from starlette.testclient import TestClient

from api.desk import Desk
from returndesk.domain.people import Role
from returndesk.store import tokens
from returndesk.store.commands import new_id

LINES = [
    {"line": 1, "sku": "S1", "title": "Linen dress", "quantity": 2, "unit_price_minor": 4_000},
    {"line": 2, "sku": "S2", "title": "Silk scarf", "quantity": 1, "unit_price_minor": 2_000},
]


class Person:
    """Somebody at a desk: pages by GET, forms by POST under a key of a page."""

    def __init__(self, http: TestClient, desk: Desk, role: Role, name: str) -> None:
        with desk.database.write() as session:
            secret = tokens.create(session, role, name, desk.clock.now())
        self.http = http
        self.headers = {"Authorization": f"Bearer {secret}", "Accept": "text/html"}

    def get(self, path: str) -> Any:
        return self.http.get(path, headers=self.headers, follow_redirects=False)

    def page(self, path: str) -> str:
        """The page as text a person reads: no tags, one blank between words."""
        answer = self.get(path)
        assert answer.status_code == 200, answer.text
        return words(answer.text)

    def post(self, path: str, **fields: str) -> Any:
        form = {"key": new_id("form").replace("_", "-")} | {
            k.replace("__", "-"): v for k, v in fields.items()
        }
        return self.http.post(path, data=form, headers=self.headers, follow_redirects=False)

    def does(self, path: str, **fields: str) -> str:
        """A form that is carried out: where it leads to."""
        answer = self.post(path, **fields)
        assert answer.status_code == 303, words(answer.text)
        return str(answer.headers["location"])


def words(html: str) -> str:
    body = html.partition('<main id="content">')[2].partition("</main>")[0] or html
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", body)).split())
