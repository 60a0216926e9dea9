"""The shop's policy as data: one TOML file, checked when it is read, frozen for every case that began under it.

The default is `policy.toml` (policy clauses 4 and 5). A shop with other numbers changes that file, not code.
"""

import hashlib
import re
import tomllib
from datetime import date, time
from enum import StrEnum
from fractions import Fraction
from functools import cached_property
from typing import Annotated, Literal, NewType
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from returndesk.domain.errors import ConfigurationError
from returndesk.domain.inspection import InspectionRules
from returndesk.domain.lots import Acceptance, Condition, Packaging
from returndesk.domain.mistakes import EMAIL, REFERENCE
from returndesk.domain.money import exponent

PolicyVersion = NewType("PolicyVersion", str)
Span = tuple[time, time]

_TIME = r"(?:[01]\d|2[0-3]):[0-5]\d"
_END_OF_DAY = "24:00"
_SPAN = re.compile(rf"\s*({_TIME})\s*-\s*({_TIME}|{_END_OF_DAY})\s*")


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise ValueError(f"{name!r} is not a time zone; write one like 'Europe/London'") from None
    return name


def _currency(code: str) -> str:
    exponent(code)
    return code


def _email(text: str) -> str:
    if not re.fullmatch(EMAIL, text):
        raise ValueError("it is not an email address; write one like 'returns@shop.example'")
    return text


def _version(text: str) -> str:
    if not re.fullmatch(REFERENCE, text):
        raise ValueError("use letters, digits, '.', '_', ':' and '-' only, as in '2026-11'")
    return text


Count = Annotated[int, Field(strict=True)]
"""A whole number; 500.00 or true would otherwise pass for one."""


def _spans(texts: object) -> object:
    """Opening spans of a weekday from texts such as `"09:00-17:30"`, in order and not overlapping.

    `"18:00-24:00"` ends with the day: as in the calendar, its closing time is 00:00.
    """
    if not isinstance(texts, list):
        return texts
    spans: list[Span] = []
    closed_before = "00:00"
    for text in texts:
        written = _SPAN.fullmatch(str(text))
        if written is None:
            raise ValueError(f"{text!r} is not a span; write one like '09:00-17:30'")
        opens, closes = written.groups()
        if not closed_before <= opens < closes:
            raise ValueError(f"{text!r} must end after it starts and after the span before it")
        closed_before = closes
        ends = time() if closes == _END_OF_DAY else time.fromisoformat(closes)
        spans.append((time.fromisoformat(opens), ends))
    return tuple(spans)


Spans = Annotated[tuple[Span, ...], BeforeValidator(_spans)]


class Shop(_Section):
    """Who the customer deals with: every email and page speaks in this name."""

    name: str = Field(min_length=1)
    zone: Annotated[str, AfterValidator(_zone)]
    locale: str = "en_GB"
    currency: Annotated[str, AfterValidator(_currency)]
    reply_to: Annotated[str, AfterValidator(_email)]
    finance_email: Annotated[str, AfterValidator(_email)]
    return_address: tuple[str, ...] = Field(min_length=1)
    phone: str | None = None


class Opening(_Section):
    """Opening spans of each weekday, in the shop's zone."""

    monday: Spans = ()
    tuesday: Spans = ()
    wednesday: Spans = ()
    thursday: Spans = ()
    friday: Spans = ()
    saturday: Spans = ()
    sunday: Spans = ()

    @property
    def week(self) -> tuple[tuple[Span, ...], ...]:
        """Monday first."""
        return (
            self.monday,
            self.tuesday,
            self.wednesday,
            self.thursday,
            self.friday,
            self.saturday,
            self.sunday,
        )


class Calendar(_Section):
    """Which days are working days: opening spans, the country's holidays, and extra closed or short days."""

    country: str
    subdivision: str | None = None
    closed_dates: tuple[date, ...] = ()
    special_days: dict[date, Spans] = Field(default_factory=dict)
    opening: Opening


class Clocks(_Section):
    """Policy 5's two clocks, in business days."""

    processing_business_days: Count = Field(gt=0, le=365)
    refund_business_days: Count = Field(gt=0, le=365)
    warn_percent: Count = Field(default=80, gt=0, lt=100)
    delay_business_days: Count = Field(default=1, gt=0, le=30)

    @property
    def warn_share(self) -> Fraction:
        """The part of a clock after which its desk gets a task."""
        return Fraction(self.warn_percent, 100)


class ReturnRules(_Section):
    """When goods may come back, in calendar days. A window of 0 means there is none."""

    window_days: Count = Field(ge=0)
    delivery_assumed_after_days: Count = Field(ge=0)
    reminder_after_days: Count = Field(gt=0)
    expiry_after_days: Count = Field(gt=0)


class EligibilityRules(_Section):
    """Which requests the rules leave to a person, in calendar days; 0 and false: none."""

    contact_backdated_days: Count = Field(default=0, ge=0)
    delivery_unknown_days: Count = Field(default=0, ge=0)
    faults_need_person: Annotated[bool, Field(strict=True)] = False


class DecideWhen(StrEnum):
    """Who decides: the rules where they are clear, or always a person."""

    WHEN_CLEAR = "when_clear"
    PERSON = "person"


class DecisionRules(_Section):
    """Who decides, and above which refund a manager approves. `approval_above_minor` 0: never asked for."""

    decide: DecideWhen = DecideWhen.WHEN_CLEAR
    approval_above_minor: Count = Field(default=50_000, ge=0)
    refund_shipping: frozenset[Literal["whole_order", "faulty"]] = frozenset({"whole_order", "faulty"})


class AuthorizeWhen(StrEnum):
    """Who says yes to what a customer asks for on their own: the rules where they are clear, or always a person."""

    WHEN_CLEAR = "when_clear"
    PERSON = "person"


class SelfService(_Section):
    """Whether customers may ask for a return by a link of their own. A policy that does not speak of it has none."""

    enabled: Annotated[bool, Field(strict=True)] = False
    authorize: AuthorizeWhen = AuthorizeWhen.PERSON


Verdict = Literal[Acceptance.ACCEPTED, Acceptance.REJECTED, Acceptance.MANUAL_REVIEW]


class Policy(_Section):
    """The whole policy. `text` is the file as it was read: it is what a case keeps."""

    declared_version: Annotated[str, AfterValidator(_version)] = Field(alias="version", max_length=40)
    shop: Shop
    calendar: Calendar
    clocks: Clocks
    returns: ReturnRules
    eligibility: EligibilityRules = EligibilityRules()
    self_service: SelfService = SelfService()
    inspection: InspectionRules | None = None
    conditions: dict[Condition, Verdict]
    packaging: dict[Packaging, Verdict]
    decision: DecisionRules
    text: str = Field(exclude=True, repr=False)

    @cached_property
    def version(self) -> PolicyVersion:
        """The declared version and a digest of the file: two different files never share one."""
        digest = hashlib.sha256(self.text.encode()).hexdigest()[:8]
        return PolicyVersion(f"{self.declared_version}+{digest}")


def read_policy(text: str) -> Policy:
    """The policy in a TOML text.

    Raises `ConfigurationError` (`policy_unreadable`, `policy_invalid`) with a line a field.
    """
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(
            "policy_unreadable", f"The policy file is not valid TOML: {error}."
        ) from None
    try:
        policy = Policy.model_validate({**data, "text": text})
    except ValidationError as error:
        lines = [
            f"  {'.'.join(map(str, e['loc']))}: {e['msg'].removeprefix('Value error, ')}"
            for e in error.errors(include_input=False)
        ]
        raise ConfigurationError(
            "policy_invalid", "The policy file has mistakes:\n" + "\n".join(lines)
        ) from None
    missing = [c for c in Condition if c not in policy.conditions] + [
        p for p in Packaging if p not in policy.packaging
    ]
    if missing:
        names = ", ".join(missing)
        raise ConfigurationError("policy_invalid", f"The policy file says nothing of: {names}.")
    if policy.returns.expiry_after_days <= policy.returns.reminder_after_days:
        raise ConfigurationError("policy_invalid", "returns.expiry_after_days must be after the reminder.")
    return policy
