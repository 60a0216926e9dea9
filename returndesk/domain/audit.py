"""The audit chain's arithmetic: what is hashed and how, and what a verification says. Ids and codes only, so an
erasure breaks no chain.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

START = ""
"""The head of a chain that has no record yet."""


@dataclass(frozen=True)
class Entry:
    """One record of a return's chain. `details` is JSON of ids, codes, counts and amounts."""

    rma: str
    seq: int
    at: datetime
    actor_id: str
    role: str
    what: str
    key: str
    policy_version: str
    details: Mapping[str, Any]

    def hash_after(self, head: str) -> str:
        """The chain's head once this record follows `head`: SHA-256, hexadecimal."""
        parts = [
            head,
            self.rma,
            self.seq,
            self.at.isoformat(timespec="microseconds"),
            self.actor_id,
            self.role,
            self.what,
            self.key,
            self.policy_version,
            self.details,
        ]
        text = json.dumps(parts, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class Finding:
    """One thing wrong with what is written down of one return.

    `seq` is the record it is about; `place` names a refund, a decision or a ledger entry instead. Without either it
    is the end of the chain. `code` is stable; `sentence` says what was found there.
    """

    rma: str
    seq: int | None
    code: str
    sentence: str
    place: str = ""

    @property
    def where(self) -> str:
        """The place in the return's books, in words."""
        if self.seq is not None:
            return f"record {self.seq}"
        return self.place or "the end of the chain"

    def __str__(self) -> str:
        return f"{self.rma}, {self.where}: {self.sentence}"
