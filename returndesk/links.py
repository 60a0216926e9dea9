"""The secret links of a return: an RMA number opens nothing by itself (DESIGN 1).

A link's secret is an HMAC of what it opens under the installation's key, so none is stored and all can be checked.
"""

import hashlib
import hmac
from dataclasses import dataclass

from returndesk.domain.errors import NotFound


@dataclass(frozen=True)
class Keyring:
    """The installation's secret key, and everything that is derived from it."""

    secret: bytes

    def digest(self, purpose: str, text: str) -> str:
        """HMAC-SHA256 of a text for one purpose, hexadecimal."""
        return hmac.new(self.secret, f"{purpose}\0{text}".encode(), hashlib.sha256).hexdigest()

    def key_of(self, rma: str) -> str:
        """The secret part of a return's status link: 128 bits."""
        return self.digest("status", rma)[:32]

    def start_key(self, letter_id: str) -> str:
        """The secret part of the link in a letter, by which an order's customer starts a return."""
        return self.digest("start", letter_id)[:32]

    def mailbox_key(self) -> str:
        """The secret part of the embedded mailbox's address."""
        return self.digest("mailbox", "")[:32]

    def check(self, expected: str, given: str) -> None:
        """Raises `NotFound` unless both are the same, in constant time."""
        if not hmac.compare_digest(expected.encode(), given.encode()):
            raise NotFound("not_found", "There is nothing here. Use the whole link from the email.")


@dataclass(frozen=True)
class PublicLinks:
    """Where the pages of a return are, as a customer sees them."""

    public_url: str
    keyring: Keyring

    def status(self, rma: str) -> str:
        """The page of a return."""
        return f"{self.public_url}/r/{rma}/{self.keyring.key_of(rma)}"

    def slip(self, rma: str) -> str:
        """The packing slip of a return."""
        return f"{self.status(rma)}/slip"

    def start(self, letter_id: str) -> str:
        """Where a customer whom a letter reached chooses what they send back."""
        return f"{self.public_url}/start/{letter_id}/{self.keyring.start_key(letter_id)}"

    def mailbox(self) -> str:
        """The embedded mailbox."""
        return f"{self.public_url}/mailbox/{self.keyring.mailbox_key()}"
