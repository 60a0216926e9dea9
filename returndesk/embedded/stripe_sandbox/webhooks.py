"""Webhooks: each event reaches the endpoint at least once, signed, in no promised order, for three days.

An event's delivery is written in the transaction of the change it tells of; the task here only sends it.
"""

import asyncio
import hashlib
import hmac
import logging
import random
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import urlsplit

from returndesk.embedded.stripe_sandbox.errors import Invalid
from returndesk.embedded.stripe_sandbox.records import Records, to_json
from returndesk.embedded.stripe_sandbox.sandbox import Sandbox

# Seconds of the sandbox's clock after each failed attempt; the last repeats. Short at first, for local use.
RETRY_AFTER = (1, 2, 5, 15, 60, 300, 1800, 3600, 10_800)
GIVE_UP_AFTER = 3 * 86_400
ANSWER_WITHIN = 10.0
AT_ONCE = 8

# How often the clock is looked at while something waits for it: it may be moved at any time.
LOOK_AGAIN_AFTER = 0.25

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where events go: ``secret`` (``whsec_…``) signs them, ``events`` names the types wanted, ``*`` all."""

    url: str
    secret: str
    events: tuple[str, ...] = ("*",)

    def __post_init__(self) -> None:
        """Refuse an address that cannot be sent to."""
        target = urlsplit(self.url)
        if target.scheme not in ("http", "https") or not target.hostname or not self.url.isascii():
            raise Invalid("The webhook endpoint's url must be http:// or https://, with a host.", param="url")


def set_endpoint(records: Records, endpoint: Endpoint) -> None:
    """Send events there from now on; the endpoint outlives the process."""
    records.set("webhook_endpoint", asdict(endpoint))


def signature(payload: bytes, secret: str, at: int) -> str:
    """The ``Stripe-Signature`` header, as docs.stripe.com/webhooks#verify-manually has it."""
    signed = f"{at}.".encode() + payload
    return f"t={at},v1={hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()}"


async def deliver_for_ever(sandbox: Sandbox) -> None:
    """Send what is due until cancelled, a few at once; sleep while there is nothing to wait for."""
    sending: set[int] = set()

    async def send(delivery: Mapping[str, Any]) -> None:
        try:
            await _deliver(sandbox, delivery)
        finally:
            sending.discard(delivery["seq"])
            sandbox.wake.set()

    async with asyncio.TaskGroup() as tasks:
        while True:
            sandbox.wake.clear()
            sandbox.turn()
            for delivery in _due(sandbox, besides=sending):
                sending.add(delivery["seq"])
                tasks.create_task(send(delivery))
            await _wait(sandbox)


async def _wait(sandbox: Sandbox) -> None:
    waiting = sandbox.records.row(
        "SELECT 1 FROM deliveries WHERE next_at IS NOT NULL UNION ALL SELECT 1 FROM flips LIMIT 1"
    )
    try:
        async with asyncio.timeout(LOOK_AGAIN_AFTER if waiting else None):
            await sandbox.wake.wait()
    except TimeoutError:
        return


def mode(sandbox: Sandbox) -> dict[str, Any]:
    """How deliveries are disturbed: ``paused``, ``shuffle``, ``duplicates`` (times each is sent again)."""
    return {"paused": False, "shuffle": False, "duplicates": 0} | (sandbox.records.setting("webhooks") or {})


def _due(sandbox: Sandbox, *, besides: set[int]) -> list[Mapping[str, Any]]:
    disturbed = mode(sandbox)
    if disturbed["paused"] or sandbox.records.setting("webhook_endpoint") is None:
        return []
    order = "random()" if disturbed["shuffle"] else "next_at, seq"
    return sandbox.records.rows(
        f"SELECT * FROM deliveries WHERE next_at <= ? AND seq NOT IN ({', '.join('?' * len(besides))}) "
        f"ORDER BY {order} LIMIT ?",
        sandbox.work().at,
        *besides,
        AT_ONCE - len(besides),
    )


async def _deliver(sandbox: Sandbox, delivery: Mapping[str, Any]) -> None:
    endpoint = sandbox.records.setting("webhook_endpoint")
    event = sandbox.records.find("event", delivery["event"])
    payload = to_json(event).encode()
    disturbed = mode(sandbox)
    if disturbed["shuffle"]:
        await asyncio.sleep(random.uniform(0, 0.02))
    for _ in range(1 + disturbed["duplicates"]):
        at = sandbox.work().at
        try:
            answer = str(await post(endpoint["url"], payload, signature(payload, endpoint["secret"], at)))
        except (OSError, EOFError, ValueError) as error:
            answer = type(error).__name__
        _record(sandbox, delivery, answer)


def _record(sandbox: Sandbox, delivery: Mapping[str, Any], answer: str) -> None:
    records, at = sandbox.records, sandbox.work().at
    attempts, event = delivery["attempts"] + 1, delivery["event"]
    with records.transaction():
        records.run("INSERT INTO delivery_attempts (event, at, answer) VALUES (?, ?, ?)", event, at, answer)
        if answer.startswith("2"):
            records.run(
                "UPDATE deliveries SET attempts = ?, delivered_at = ?, next_at = NULL WHERE seq = ?",
                attempts,
                at,
                delivery["seq"],
            )
            records.run(
                "UPDATE objects SET body = json_set(body, '$.pending_webhooks', 0) WHERE id = ?", event
            )
            return
        _log.info("webhook %s answered %s on attempt %d", event, answer, attempts)
        next_at = at + RETRY_AFTER[min(attempts, len(RETRY_AFTER)) - 1]
        # However far the clock was moved meanwhile: each of the pauses is taken before an event is given up.
        keep_trying = attempts <= len(RETRY_AFTER) or next_at <= delivery["created"] + GIVE_UP_AFTER
        records.run(
            "UPDATE deliveries SET attempts = ?, next_at = ? WHERE seq = ?",
            attempts,
            next_at if keep_trying else None,
            delivery["seq"],
        )


async def post(url: str, payload: bytes, signed: str) -> int:
    """Send one delivery and return its answer's status; OSError, EOFError or ValueError without one."""
    target = urlsplit(url)
    secure = target.scheme == "https"
    async with asyncio.timeout(ANSWER_WITHIN):
        reader, writer = await asyncio.open_connection(
            target.hostname, target.port or (443 if secure else 80), ssl=secure or None
        )
        try:
            head = (
                f"POST {target.path or '/'}{'?' + target.query if target.query else ''} HTTP/1.1\r\n"
                f"Host: {target.netloc}\r\nUser-Agent: Stripe/1.0 (+https://stripe.com/docs/webhooks)\r\n"
                f"Content-Type: application/json; charset=utf-8\r\nContent-Length: {len(payload)}\r\n"
                f"Stripe-Signature: {signed}\r\nAccept: */*\r\nConnection: close\r\n\r\n"
            )
            writer.write(head.encode("ascii") + payload)
            await writer.drain()
            status_line = await reader.readline()
            return int(status_line.partition(b" ")[2][:3])
        finally:
            writer.close()


def redeliver(sandbox: Sandbox, event: str | None) -> int:
    """Send one event, or all of them, once more; returns how many."""
    endpoint = sandbox.records.setting("webhook_endpoint") or {"events": []}
    work = sandbox.work()
    events = [event] if event else [each["id"] for each in sandbox.records.every("event")]
    with sandbox.records.transaction():
        resent = 0
        for id in events:
            found = sandbox.records.find("event", id)
            if found and (found["type"] in endpoint["events"] or "*" in endpoint["events"]):
                work.deliver(id)
                resent += 1
    sandbox.wake.set()
    return resent


def deliveries(sandbox: Sandbox) -> list[dict[str, Any]]:
    """Every delivery with the answers it got, in the order written."""
    answers: dict[str, list[dict[str, Any]]] = {}
    for row in sandbox.records.rows("SELECT event, at, answer FROM delivery_attempts ORDER BY seq"):
        answers.setdefault(row["event"], []).append({"at": row["at"], "answer": row["answer"]})
    rows = sandbox.records.rows(
        "SELECT d.event, json_extract(o.body, '$.type') AS type, d.created, d.next_at, d.attempts, "
        "d.delivered_at FROM deliveries d JOIN objects o ON o.id = d.event ORDER BY d.seq"
    )
    return [{**row, "answers": answers.get(row["event"], [])} for row in rows]
