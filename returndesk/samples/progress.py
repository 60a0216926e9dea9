"""Where each sample stands."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from returndesk.domain.stages import ENDED, Stage
from returndesk.samples.model import Sample, Step

_ASKED = frozenset({"requested", "authorized", "received", "inspected", "decided"})
"""What the timeline calls the things that somebody did."""


def mails_of(steps: Sequence[Step]) -> Counter[str]:
    """The notices of some steps, by kind."""
    return Counter(mail for step in steps for mail in step.mails)


@dataclass
class Progress:
    """Where one sample stands; `at` is the instant of what just happened."""

    sample: Sample
    rma: str | None = None
    stage: Stage | None = None
    words: str = "waits for its turn"
    at: datetime | None = None
    view: dict[str, Any] = field(default_factory=dict)
    timeline: list[dict[str, Any]] = field(default_factory=list)
    mail_subjects: list[str] = field(default_factory=list)
    paid_minor: int = 0
    times_asked: int = 0
    trouble: list[str] = field(default_factory=list)
    keys_used: set[tuple[str, str]] = field(default_factory=set)
    """Who has asked anything of its return, under which keys."""
    is_theirs: bool = False
    """Left open, and somebody's to go on with: neither driven nor compared."""

    @property
    def mailed(self) -> Counter[str]:
        """The notices that left, by kind."""
        return Counter(
            item["details"]["notice"]
            for item in self.timeline
            if item["what"] == "mailed" and item["details"]["result"] == "accepted"
        )

    @property
    def last_asked_at(self) -> datetime | None:
        """When somebody last did something."""
        asked = [item["at"] for item in self.timeline if item["what"] in _ASKED]
        return max(map(datetime.fromisoformat, asked), default=None)

    def mails_by(self, step: Step) -> Counter[str]:
        """The notices that have left once a step is over."""
        return mails_of(self.sample.steps[: self.sample.steps.index(step) + 1])

    def is_past(self, step: Step) -> bool:
        """It is at the step's stage or a later one of its life, and its customer has the mails.

        Of one that is left open it was asked for as well: such a step may leave the stage as it was. With the others a
        person may have done it.
        """
        later = self.sample.steps[self.sample.steps.index(step) :]
        is_asked = (step.actor_id, self.sample.key_of(step)) in self.keys_used
        if self.sample.is_left_open and step.path is not None and not is_asked:
            return False
        return self.stage in {each.stage for each in later} and self.mails_by(step) <= self.mailed

    def is_ended_otherwise(self, step: Step) -> bool:
        """It has ended, and not as the sample does from the step before this one on: a person has used it."""
        around = self.sample.steps[max(self.sample.steps.index(step) - 1, 0) :]
        return self.stage in ENDED and self.stage not in {each.stage for each in around}
