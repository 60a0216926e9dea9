"""The way of a command: written down, carried out by the return's workflow, answered with its outcome."""

import asyncio
import json
from datetime import datetime
from typing import Annotated, Any

from fastapi import Header, Request, Response
from pydantic import BaseModel, Field

from api.desk import Desk
from api.problems import answer_problem
from returndesk.domain.errors import Unanswered
from returndesk.domain.people import Actor
from returndesk.domain.stages import CommandKind, Stage
from returndesk.messages import Outcome
from returndesk.store.commands import Asked, Contact, Written, carried_out, new_id, write_down

IdempotencyKey = Annotated[
    str,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=200,
        pattern=r"^[A-Za-z0-9._:/+=-]+$",
        description="Yours, once per request: the same key with the same body is the same request.",
    ),
]

STATUS_OF_REFUSAL = {
    "not_allowed_at_stage": 409,
    "own_decision": 403,
    "needs_manager": 403,
    "not_your_task": 403,
    "task_not_yours_to_close": 409,
    "task_not_found": 404,
    "not_found": 404,
    "unknown_return": 404,
    "internal": 500,
}
"""Which status a command's refusal is answered with, by its code; all others with 422."""
_REFUSED = 422


class CommandAnswer(BaseModel):
    """What came of a command."""

    rma: str
    stage: Stage
    processing_due_at: datetime | None
    refund_due_at: datetime | None
    command_id: str


class CommandPending(BaseModel):
    """No outcome yet: what was asked is written down and will be carried out. Look at `status_url`."""

    command_id: str
    status_url: str


class CommandState(BaseModel):
    """A command as it stands: `outcome` is there once it was carried out or refused."""

    command_id: str
    rma: str | None = Field(description="Null for a request that has no RMA.")
    kind: CommandKind
    recorded_at: datetime
    accepted: bool | None
    code: str | None
    reasons: list[str]
    stage: Stage | None


_WRITTEN_BY_PEOPLE = ("note", "tracking", "reference")


def without_notes(body: BaseModel) -> tuple[dict[str, Any], dict[str, str]]:
    """A body as it is stored, and its texts by id: wherever it had a person's words, it now has the text's id."""
    texts: dict[str, str] = {}
    stored = body.model_dump(mode="json", exclude_defaults=True)
    _take_out(stored, texts)
    return stored, texts


def _take_out(part: Any, texts: dict[str, str]) -> None:
    for inner in part if isinstance(part, list) else part.values():
        if isinstance(inner, dict | list):
            _take_out(inner, texts)
    if isinstance(part, dict):
        for name in _WRITTEN_BY_PEOPLE:
            if part.get(name) is not None:
                text_id = new_id("txt")
                texts[text_id], part[name] = part[name], text_id


def input_hash(desk: Desk, kind: CommandKind, rma: str | None, body: BaseModel) -> str:
    """What an idempotency key stands for: an HMAC, because a note may be short enough to guess."""
    said = body.model_dump(mode="json", exclude=_TOLD_ANEW)
    known = {name: value for name, value in said.items() if value or name not in _ADDED_SINCE}
    return desk.links.keyring.digest("input", json.dumps([kind, rma, known], sort_keys=True))


_TOLD_ANEW = {"received_at"}
"""What a device tells anew each time it sends the same command: no part of what a key stands for."""
_ADDED_SINCE = frozenset({"despite_rules"})
"""Fields that commands had not always: at their default they are no part of what a key stands for, so that one asked before they came can be asked again."""


async def ask(
    desk: Desk,
    kind: CommandKind,
    rma: str,
    body: BaseModel,
    *,
    actor: Actor,
    key: str,
    for_new: bool = False,
    contact: Contact | None = None,
) -> tuple[Written, Outcome | None]:
    """Write a command down and wait for its outcome; None where there is none in time."""
    stored, texts = without_notes(body)
    if contact is not None:
        stored["contact_id"] = contact.id
    asked = Asked(
        kind=kind,
        actor=actor,
        idempotency_key=key,
        input_hash=input_hash(desk, kind, None if for_new else rma, body),
        rma=rma,
        policy_version=desk.policy.version,
        input=stored,
        texts=texts,
        contact=contact,
    )
    written = await asyncio.to_thread(write_down, desk.database, asked, desk.clock.now())
    if written.outcome is not None:
        return written, written.outcome
    try:
        outcome = await desk.door.ask(written.rma, written.ref)
    except Unanswered:
        return written, None
    if outcome.code == "not_allowed_at_stage":
        # A run that lost this very command after its transition sees only that the stage has moved on.
        kept = await asyncio.to_thread(carried_out, desk.database, written.ref.command_id)
        outcome = kept or outcome
    desk.stamps.add(written.ref.command_id, outcome)
    return written, outcome


def answer(request: Request, written: Written, outcome: Outcome | None, *, created: bool = False) -> Response:
    """The HTTP answer to a command."""
    command_id = written.ref.command_id
    if outcome is None:
        url = str(request.app.url_path_for("command_state", command_id=command_id))
        pending = CommandPending(command_id=command_id, status_url=url)
        return _json(pending, 202, {"Location": url, "Retry-After": "5"})
    if not outcome.accepted:
        status = STATUS_OF_REFUSAL.get(outcome.code, _REFUSED)
        return answer_problem(status, outcome.code, outcome.sentence, reasons=list(outcome.reasons) or None)
    done = CommandAnswer(
        rma=written.rma,
        stage=outcome.stage or Stage.REQUESTED,
        processing_due_at=outcome.processing_due_at,
        refund_due_at=outcome.refund_due_at,
        command_id=command_id,
    )
    headers = {"Location": str(request.app.url_path_for("one_return", rma=written.rma))} if created else {}
    return _json(done, 201 if created else 200, headers)


def _json(model: BaseModel, status: int, headers: dict[str, str]) -> Response:
    return Response(model.model_dump_json(), status, headers, media_type="application/json")
