"""Links: every secret is its own, and only the whole of it opens anything."""

import pytest

from returndesk.domain.errors import NotFound
from returndesk.links import Keyring, PublicLinks

RING = Keyring(b"one installation")
RMA, OTHER = "RMA-7K3M-Q9TX", "RMA-7K3M-Q9TY"


def test_each_return_and_each_installation_has_its_own_key() -> None:
    keys = {RING.key_of(RMA), RING.key_of(OTHER), RING.mailbox_key(), Keyring(b"another").key_of(RMA)}
    assert len(keys) == 4
    assert all(len(key) == 32 for key in keys)
    assert RING.key_of(RMA) == Keyring(b"one installation").key_of(RMA)


def test_what_one_purpose_signs_is_worth_nothing_for_another() -> None:
    assert RING.digest("status", RMA) != RING.digest("input", RMA)
    assert RING.digest("a", "b") != RING.digest("ab", "")


def test_only_the_whole_key_opens() -> None:
    key = RING.key_of(RMA)
    RING.check(key, key)
    for wrong in ("", key[:-1], key + "0", key.upper(), RING.key_of(OTHER), "é" * 32):
        with pytest.raises(NotFound):
            RING.check(key, wrong)


def test_links_lead_to_the_public_address() -> None:
    links = PublicLinks("https://returns.shop.example", RING)
    assert links.status(RMA) == f"https://returns.shop.example/r/{RMA}/{RING.key_of(RMA)}"
    assert links.slip(RMA) == links.status(RMA) + "/slip"
    assert links.mailbox() == f"https://returns.shop.example/mailbox/{RING.mailbox_key()}"
