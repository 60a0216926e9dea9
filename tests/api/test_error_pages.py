"""Errors as pages: at a desk the desk stays around them and speaks to who works there; a customer reads whom to write to."""

from collections.abc import Callable

import pytest
from starlette.testclient import TestClient

from returndesk.domain.people import Role

BROWSER = {"Accept": "text/html,application/xhtml+xml"}


@pytest.mark.parametrize(
    ("role", "path", "status", "title"),
    [
        (Role.REP, "/desk/refunds", 403, "This is not for you to do"),
        (Role.FINANCE, "/desk/nowhere", 404, "This page is not here"),
        (Role.FINANCE, "/desk/refunds/RMA-7K3M-Q9TX", 404, "There is no such return"),
        (Role.FINANCE, "/desk/refunds/RMA-7K3M-Q9TZ", 422, "This is not an RMA number"),
        (Role.MANAGER, "/desk/refunds/nonsense", 422, "This is not an RMA number"),
    ],
)
def test_at_a_desk_the_desk_stays_around_it(
    http: TestClient,
    signed_in: Callable[[Role], dict[str, str]],
    role: Role,
    path: str,
    status: int,
    title: str,
) -> None:
    page = http.get(path, headers=signed_in(role) | BROWSER)
    assert page.status_code == status
    assert f"<h1>{title}</h1>" in page.text
    assert 'aria-label="Desks"' in page.text
    assert f'<a href="/account">{role}-1</a>' in page.text
    assert "Questions? Write to" not in page.text
    assert "If you write to us" not in page.text


def test_a_stranger_reads_whom_to_write_to(http: TestClient) -> None:
    page = http.get("/desk/nowhere", headers=BROWSER)
    assert page.status_code == 404
    assert "Questions? Write to" in page.text
    assert "Desks" not in page.text


def test_a_program_reads_the_problem(http: TestClient, signed_in: Callable[[Role], dict[str, str]]) -> None:
    problem = http.get("/desk/refunds/nonsense", headers=signed_in(Role.FINANCE))
    assert problem.headers["Content-Type"] == "application/problem+json"


def test_the_sign_in_page_says_why_it_is_shown(http: TestClient) -> None:
    plain = http.get("/sign-in").text
    assert "A sign-in ends after" not in plain
    sent = http.get("/desk/refunds", headers=BROWSER, follow_redirects=False)
    asked_for = http.get(sent.headers["Location"]).text
    assert "That page is for people who are signed in." in asked_for
    assert "after 8 hours without a click, after 12 hours at most" in asked_for
    name = "__Host-returndesk"
    over = http.get(sent.headers["Location"], headers={"Cookie": f"{name}={'a' * 43}"}).text
    assert "Your sign-in has ended." in over
    assert "you go on where you were" in over
