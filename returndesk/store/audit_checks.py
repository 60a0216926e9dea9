"""Verifications of every audit chain: one at a time, how far it is, and what the last ones found.

A check that has not been heard of for a while has lost its process; it counts as interrupted, and another may begin.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import uuid4

from sqlmodel import Session, col, func, select

from returndesk.domain.audit import Finding
from returndesk.store import tables

SILENT_AFTER = timedelta(minutes=2)
KEPT_FINDINGS = 200
"""So many are shown on the page; `returndesk audit verify` lists them all."""
_SHOWN = 10


@dataclass(frozen=True)
class CheckView:
    """A verification as it stands."""

    id: str
    started_at: datetime
    started_by: str
    ended_at: datetime | None
    is_interrupted: bool
    returns: int
    returns_done: int
    records_done: int
    findings: int
    first_findings: Sequence[Finding]

    @property
    def is_running(self) -> bool:
        """Whether it goes on."""
        return self.ended_at is None and not self.is_interrupted

    @property
    def seconds(self) -> int:
        """How long it took; 0 while it runs."""
        return 0 if self.ended_at is None else round((self.ended_at - self.started_at).total_seconds())


def begin(session: Session, actor_id: str, now: datetime) -> str | None:
    """Write down that a check begins; its id, or None where one is running."""
    newest = session.exec(
        select(tables.AuditCheck)
        .order_by(col(tables.AuditCheck.started_at).desc())
        .with_for_update()
        .limit(1)
    ).first()
    if newest is not None and _view(newest, now).is_running:
        return None
    check = tables.AuditCheck(
        id=f"chk_{uuid4().hex}", started_at=now, started_by=actor_id, beat_at=now,
        returns=session.exec(select(func.count()).select_from(tables.Return)).one(),
    )  # fmt: skip
    session.add(check)
    session.flush()
    return check.id


def beat(
    session: Session,
    check_id: str,
    now: datetime,
    returns_done: int,
    records_done: int,
    found: Sequence[Finding],
) -> None:
    """How far it is, and what it found since the last time."""
    check = session.get_one(tables.AuditCheck, check_id)
    check.beat_at, check.returns_done, check.records_done = now, returns_done, records_done
    check.findings += len(found)
    kept = [[x.rma, x.seq, x.code, x.sentence, x.place] for x in found]
    check.first_findings = [*check.first_findings, *kept][:KEPT_FINDINGS]
    session.add(check)


def end(session: Session, check_id: str, now: datetime) -> None:
    """It has looked at every return."""
    check = session.get_one(tables.AuditCheck, check_id)
    check.ended_at = check.beat_at = now
    session.add(check)


def interrupt(session: Session, check_id: str) -> None:
    """Its process ended before it was done: it was last heard of long ago."""
    check = session.get_one(tables.AuditCheck, check_id)
    check.beat_at -= SILENT_AFTER
    session.add(check)


def newest_checks(session: Session, now: datetime) -> list[CheckView]:
    """The last verifications, newest first."""
    query = select(tables.AuditCheck).order_by(col(tables.AuditCheck.started_at).desc()).limit(_SHOWN)
    return [_view(check, now) for check in session.exec(query)]


def last_with_findings(session: Session, now: datetime) -> CheckView | None:
    """The last verification that came to its end, where it found anything wrong: what money's pages warn of."""
    check = tables.AuditCheck
    query = (
        select(check).where(col(check.ended_at).is_not(None)).order_by(col(check.started_at).desc()).limit(1)
    )
    last = session.exec(query).first()
    return None if last is None or not last.findings else _view(last, now)


def _view(check: tables.AuditCheck, now: datetime) -> CheckView:
    return CheckView(
        id=check.id,
        started_at=check.started_at,
        started_by=check.started_by,
        ended_at=check.ended_at,
        is_interrupted=check.ended_at is None and check.beat_at + SILENT_AFTER <= now,
        returns=max(check.returns, check.returns_done),
        returns_done=check.returns_done,
        records_done=check.records_done,
        findings=check.findings,
        first_findings=[
            Finding(str(rma), None if seq is None else int(seq), str(code), str(sentence), *map(str, place))
            for rma, seq, code, sentence, *place in check.first_findings
        ],
    )
