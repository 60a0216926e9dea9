"""The policies in force: each version is kept as it was read, and read once a process."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, bindparam, select
from sqlmodel import Session

from returndesk.domain.calendar import BusinessCalendar
from returndesk.domain.errors import NotFound
from returndesk.domain.policy import Policy, read_policy
from returndesk.store import tables
from returndesk.store.statements import table_of

Holidays = Callable[[str, str | None, Iterable[int]], frozenset[date]]
"""The public holidays of a country (and its subdivision) in some years."""

_policies = table_of(tables.Policy)
_BODY = select(_policies.c.body).where(_policies.c.version == bindparam("version"))
_YEARS = range(2005, 2060)


@dataclass(frozen=True)
class PolicyInForce:
    """A policy with the business calendar it describes."""

    policy: Policy
    calendar: BusinessCalendar


class PolicyBook:
    """Policies by version. `holidays` says which days are public holidays."""

    def __init__(self, holidays: Holidays) -> None:
        self._holidays = holidays
        self._read: dict[str, PolicyInForce] = {}

    def remember(self, session: Session, policy: Policy, now: datetime) -> PolicyInForce:
        """Keep a policy under its version, so that the cases that begin under it can be carried out."""
        if session.get(tables.Policy, policy.version) is None:
            session.add(tables.Policy(version=policy.version, body=policy.text, recorded_at=now))
            session.flush()
        return self._put(policy)

    def of(self, connection: Connection, version: str) -> PolicyInForce:
        """The policy of a version. Raises `NotFound` where none was kept under it."""
        known = self._read.get(version)
        if known is not None:
            return known
        body = connection.scalar(_BODY, {"version": version})
        if body is None:
            raise NotFound("unknown_policy", "The policy version of this return is not in the database.")
        return self._put(read_policy(body))

    def _put(self, policy: Policy) -> PolicyInForce:
        self._read[policy.version] = in_force = PolicyInForce(policy, self.calendar(policy))
        return in_force

    def calendar(self, policy: Policy) -> BusinessCalendar:
        """The business calendar that a policy describes."""
        rules = policy.calendar
        holidays = self._holidays(rules.country, rules.subdivision, _YEARS)
        return BusinessCalendar(
            zone=policy.shop.zone,
            week=rules.opening.week,
            closed=holidays | frozenset(rules.closed_dates),
            special=rules.special_days,
            known_years=frozenset(_YEARS),
        )
