"""The pages that the program writes of itself say what it does; `make docs` writes them anew."""

import ast
import re
from pathlib import Path

import pytest
from in_process import ROOT

from returndesk.domain.notice_facts import NoticeKind
from tests.guide.complaints import SECTIONS, Complaint, page
from tests.guide.shop import open_shop
from tests.guide.write import COMPLAINTS, RETURNS, returns_page

ISSUE = re.compile(r"#\d+")
FUNCTIONS = ast.FunctionDef | ast.AsyncFunctionDef
EVERY = [complaint for complaints in SECTIONS.values() for complaint in complaints]


@pytest.mark.long
def test_the_page_of_returns_says_what_the_program_does(sqlite_database_url: str, tmp_path: Path) -> None:
    with open_shop(sqlite_database_url, tmp_path) as shop:
        written = returns_page(shop)
    assert written == RETURNS.read_text(), "`make docs` writes it anew; look at what has changed"


def test_every_mail_there_is_has_its_case() -> None:
    mailed = set(re.findall(r"” \(`(\w+)`\)", RETURNS.read_text()))
    assert mailed == set(NoticeKind)


def test_the_page_of_complaints_is_its_list() -> None:
    assert page() == COMPLAINTS.read_text(), "`make docs` writes it anew"


@pytest.mark.parametrize("complaint", EVERY, ids=lambda complaint: complaint.says)
def test_every_complaint_has_a_test_that_names_it(complaint: Complaint) -> None:
    named: set[str] = set()
    for file, *names in complaint.tests:
        source = (ROOT / "tests" / file).read_text()
        assert set(names) <= {
            node.name for node in ast.walk(ast.parse(source)) if isinstance(node, FUNCTIONS)
        }
        named |= set(ISSUE.findall(source))
    assert set(ISSUE.findall(complaint.seen)) <= named, "a docstring says which complaint it answers"
