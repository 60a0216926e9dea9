"""What a page's stream says first: whether something is new since the page was made."""

import re
from collections.abc import Iterator

import httpx2
import pytest
from browser_shop import Shop

from returndesk.domain.people import Role


@pytest.fixture
def rep(shop: Shop) -> Iterator[httpx2.Client]:
    headers = {"Authorization": f"Bearer {shop.token(Role.MANAGER)}"}
    with httpx2.Client(base_url=shop.url, headers=headers, timeout=20) as client:
        yield client


def listened(page: str) -> tuple[str, str]:
    """Where a page listens, and what it shows."""
    found = re.search(r'data-live="([^"]+)" data-seen="([^"]+)"', page)
    assert found, "the page listens to nothing"
    return found[1].replace("&amp;", "&"), found[2]


def first_event(rep: httpx2.Client, address: str, seen: str, **headers: str) -> dict[str, str]:
    url = httpx2.URL(address).copy_merge_params({"seen": seen})
    with rep.stream("GET", url, headers=headers) as answer:
        told: dict[str, str] = {}
        for line in answer.iter_lines():
            if not line and told:
                return told
            name, _, value = line.partition(": ")
            told[name] = value
    raise AssertionError("the stream ended before it said anything")


CHANGED = ["/desk/returns", "/desk/returns/{rma}", "/desk/tasks?whose=all", "/desk/station"]


@pytest.mark.parametrize("path", [*CHANGED, "/desk/returns?part=ended", "/desk/approvals", "/desk/audit"])
def test_a_page_and_its_stream_agree_on_what_it_shows(shop: Shop, rep: httpx2.Client, path: str) -> None:
    page = rep.get(path.format(rma=shop.request())).text
    assert first_event(rep, *listened(page))["event"] == "open"


@pytest.mark.parametrize("path", CHANGED)
def test_what_happens_between_a_page_and_its_stream_is_not_missed(
    shop: Shop, rep: httpx2.Client, path: str
) -> None:
    rma = shop.request()
    address, shows = listened(rep.get(path.format(rma=rma)).text)
    shop.post(f"/returns/{rma}/authorization", {})
    goods = {"items": [{"line": 1, "quantity": 1}], "wrong_items": [{"quantity": 1, "note": "A brick."}]}
    shop.post(f"/returns/{rma}/receipts", goods)
    told = first_event(rep, address, shows)
    assert told["event"] == "changed"
    assert first_event(rep, address, shows, **{"Last-Event-ID": told["id"]})["event"] == "open"
