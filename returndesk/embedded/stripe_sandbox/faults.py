"""Armed faults: what shall go wrong, how often, and for which requests. They outlive the process."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from returndesk.embedded.stripe_sandbox.records import Records, to_json


class Fault(StrEnum):
    """What can be made to happen to a request."""

    LOSE_ANSWER = "lose_answer"
    DELAY = "delay"
    CONFLICT = "conflict"
    RATE_LIMIT = "rate_limit"
    SERVER_ERROR_BEFORE = "server_error_before"
    SERVER_ERROR_DURING = "server_error_during"
    SERVER_ERROR_AFTER = "server_error_after"
    PENDING = "pending"
    REQUIRES_ACTION = "requires_action"


@dataclass(frozen=True, slots=True)
class Target:
    """What of a request a fault can look at."""

    method: str
    path: str
    idempotency_key: str | None
    form: Mapping[str, Any]

    def names(self, payment_intent: str) -> bool:
        """Whether the request is about this payment."""
        return self.form.get("payment_intent") == payment_intent or self.path.endswith(f"/{payment_intent}")


@dataclass(slots=True)
class Match:
    """Which requests a fault is for; what is not given matches everything."""

    method: str = "POST"
    path: str | None = None
    payment_intent: str | None = None
    idempotency_key_prefix: str | None = None
    metadata: dict[str, str] = field(default_factory=dict)

    def fits(self, target: Target) -> bool:
        """Whether every given condition holds for the request."""
        metadata = target.form.get("metadata")
        sent = metadata if isinstance(metadata, dict) else {}
        return (
            self.method == target.method
            and self.path in (None, target.path)
            and (self.payment_intent is None or target.names(self.payment_intent))
            and (target.idempotency_key or "").startswith(self.idempotency_key_prefix or "")
            and all(sent.get(key) == value for key, value in self.metadata.items())
        )


@dataclass(slots=True)
class Armed:
    """One armed fault; ``remaining`` counts down to nothing."""

    fault: Fault
    match: Match
    remaining: int = 1
    seconds: float = 0.0
    pending_reason: str = "processing"
    seq: int = 0


class Faults:
    """The armed faults, in the order they were armed."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self._armed = [
            _restored(row)
            for row in records.rows("SELECT seq, fault, remaining, detail FROM faults ORDER BY seq")
        ]

    def arm(self, armed: Armed) -> None:
        """Let this happen to the next requests that fit."""
        armed.seq = 1 + max((each.seq for each in self._armed), default=0)
        detail = {
            "match": asdict(armed.match),
            "seconds": armed.seconds,
            "pending_reason": armed.pending_reason,
        }
        self._records.run(
            "INSERT INTO faults VALUES (?, ?, ?, ?)", armed.seq, armed.fault, armed.remaining, to_json(detail)
        )
        self._armed.append(armed)

    def take(self, fault: Fault, target: Target) -> Armed | None:
        """The first armed fault of this kind that fits the request, used up by one; None without."""
        for armed in self._armed:
            if armed.fault is fault and armed.match.fits(target):
                armed.remaining -= 1
                if armed.remaining == 0:
                    self._armed.remove(armed)
                    self._records.run("DELETE FROM faults WHERE seq = ?", armed.seq)
                else:
                    self._records.run(
                        "UPDATE faults SET remaining = ? WHERE seq = ?", armed.remaining, armed.seq
                    )
                return armed
        return None

    def disarm_all(self) -> None:
        """Nothing goes wrong any more."""
        self._records.run("DELETE FROM faults")
        self._armed.clear()

    def listed(self) -> list[dict[str, Any]]:
        """What is armed, for people and tests to read."""
        return [asdict(armed) for armed in self._armed]


def _restored(row: Mapping[str, Any]) -> Armed:
    detail = json.loads(row["detail"])
    return Armed(
        fault=Fault(row["fault"]),
        match=Match(**detail["match"]),
        remaining=row["remaining"],
        seconds=detail["seconds"],
        pending_reason=detail["pending_reason"],
        seq=row["seq"],
    )
