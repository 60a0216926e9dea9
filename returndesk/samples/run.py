"""Takes the sample returns through their lives over the real API, under the moved clock.

Every step is safe to repeat: order references and idempotency keys are fixed, and the first day is read back
from the orders. A run that was killed is therefore simply run again, and goes on where each return stands.

A sample's return is the one that its own key asked for. What a person starts on a sample's order is theirs: it is
neither gone on with nor looked at. A sample that is left open is theirs too, from the first thing they do with it, and
from the next run on.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from datetime import time as clock_time
from typing import Any
from zoneinfo import ZoneInfo

from temporalio.client import Client

from returndesk.api_client import Answer, ApiClient
from returndesk.clock_moving import advance
from returndesk.domain.calendar import BusinessCalendar
from returndesk.domain.errors import ReturndeskError
from returndesk.domain.people import Role
from returndesk.domain.stages import Stage
from returndesk.embedded.mailbox import MailboxReader
from returndesk.installation import SANDBOX_KEY, Installation
from returndesk.samples.model import ORDERED_DAYS_BEFORE, Sample, Step
from returndesk.samples.progress import Progress, mails_of
from returndesk.samples.shop import SAMPLES
from returndesk.store.commands import keys_used, return_asked_for

STEP_SECONDS = 90.0
SAY_EVERY_SECONDS = 10.0
"""Nobody looks at a silent terminal for longer."""
_LOOK_EVERY_SECONDS = 0.15
_FIRST_STEP_AT = SAMPLES[0].steps[0].at
_ON_TIME = timedelta(minutes=30)


class SampleTrouble(ReturndeskError):
    """A sample did not go as it should."""


Show = Callable[[Progress], None]


@dataclass
class SampleRun:
    """One run of all samples. `show` is told of every change."""

    installation: Installation
    tokens: Mapping[Role, str]
    say: Callable[[str], None]
    show: Show
    _temporal: Client = field(init=False)

    async def go(self) -> list[Progress]:
        """Run what is not finished yet, then compare every sample with the processor and the mailbox."""
        self._temporal = await self.installation.connect()
        all_progress = [Progress(sample) for sample in SAMPLES]
        first_day = await self._first_day()
        for progress in all_progress:
            if not progress.sample.is_left_open:
                await self._order(progress.sample, first_day)
            await self._find(progress)
            if progress.sample.is_left_open and progress.sample.own_keys <= progress.keys_used:
                progress.is_theirs = True  # an earlier run has taken it as far as it goes
            self.show(progress)
        if self._next(all_progress, first_day):
            # A run that was killed while it moved the clock left some returns behind it.
            await advance(self.installation, timedelta(0), client=self._temporal)
        while coming := self._next(all_progress, first_day):
            await self._carry_out(*coming)
        for progress in all_progress:
            await self._compare(progress)
            self.show(progress)
        return all_progress

    # Orders and days ------------------------------------------------------------------------------

    @property
    def _calendar(self) -> BusinessCalendar:
        return self.installation.policies.calendar(self.installation.policy)

    @property
    def _zone(self) -> ZoneInfo:
        return ZoneInfo(self.installation.policy.shop.zone)

    async def _first_day(self) -> date:
        """The day the samples began: the orders tell it, or it is the next one with its whole day ahead."""
        for sample in [x for x in SAMPLES if not x.is_left_open]:
            known = await self._api(Role.REP).get(f"/api/v1/orders/{sample.order_reference}")
            if known.status == 200:
                ordered_at = datetime.fromisoformat(known.body["ordered_at"])
                return ordered_at.date() + timedelta(days=ORDERED_DAYS_BEFORE)
        now = self.installation.clock.now().astimezone(self._zone)
        day = now.date() if now.time() < _FIRST_STEP_AT else now.date() + timedelta(days=1)
        return self._working_day(day, 0)

    def _working_day(self, day: date, number: int) -> date:
        """The working day `number` after the first one on or after `day`."""
        while True:
            midnight = datetime.combine(day, datetime.min.time(), self._zone)
            if self._calendar.between(midnight, midnight + timedelta(days=1)):
                if number == 0:
                    return day
                number -= 1
            day += timedelta(days=1)

    def _next(
        self, all_progress: Sequence[Progress], first_day: date
    ) -> tuple[datetime, Progress, Step] | None:
        """What is to be done next, of all samples; None when nothing is."""
        agenda = [
            (self._due(progress, step, first_day), progress, step)
            for progress in all_progress
            if not progress.trouble and not progress.is_theirs
            for step in [x for x in progress.sample.steps if not progress.is_past(x)][:1]
        ]
        return min(agenda, key=lambda item: item[0], default=None)

    def _due(self, progress: Progress, step: Step, first_day: date) -> datetime:
        """When a step comes: as planned, and as much later as what somebody last did came too late."""
        planned = self._instant(first_day, step.day, step.at)
        steps = progress.sample.steps
        done = [earlier for earlier in steps[: steps.index(step)] if earlier.path is not None]
        last_at = progress.last_asked_at
        if not done or last_at is None:
            return planned
        if last_at <= self._instant(first_day, done[-1].day, done[-1].at) + _ON_TIME:
            return planned
        return self._instant(last_at.astimezone(self._zone).date(), step.day - done[-1].day + 1, step.at)

    def _instant(self, first_day: date, day: int, at: clock_time) -> datetime:
        return datetime.combine(self._working_day(first_day, day), at, self._zone)

    async def _order(self, sample: Sample, first_day: date) -> None:
        """Have the customer pay, and write the order down; once."""
        rep, path = self._api(Role.REP), f"/api/v1/orders/{sample.order_reference}"
        if (await rep.get(path)).status == 200:
            return
        payment = await asyncio.to_thread(self._pay, sample)
        _expect(await rep.put(path, sample.order_body(first_day, payment)), 200, 201)

    def _pay(self, sample: Sample) -> str:
        import stripe  # slow to import, and only a first run needs it

        client = stripe.StripeClient(SANDBOX_KEY, base_addresses={"api": self.installation.stripe_base})
        paid = client.v1.payment_intents.create(
            {
                "amount": sample.captured_minor,
                "currency": "gbp",
                "confirm": True,
                "payment_method": sample.card,
            },
            {"idempotency_key": f"sample:{sample.order_reference}"},
        )
        return paid.id

    # One step -------------------------------------------------------------------------------------

    async def _carry_out(self, at: datetime, progress: Progress, step: Step) -> None:
        try:
            await self._find(progress)
            if progress.is_theirs:
                return
            await self._move_clock_to(at)
            if step.path == "" and progress.sample.is_left_open:
                # Its days are counted from the day it begins on: before that there was no such order.
                today = self.installation.clock.now().astimezone(self._zone).date()
                await self._order(progress.sample, max(at.date(), today))
            if step.path is not None:
                await self._ask(progress, step)
            await self._until_past(progress, step)
        except ReturndeskError as error:
            progress.trouble.append(error.sentence)
        progress.words, progress.at = step.words, self.installation.clock.now()
        self.show(progress)

    async def _move_clock_to(self, at: datetime) -> None:
        ahead = at - self.installation.clock.now()
        if ahead > timedelta(0):
            for rma in await advance(self.installation, ahead, client=self._temporal):
                self.say(f"{rma} could not be moved along: something of it is being tried again.")

    async def _ask(self, progress: Progress, step: Step) -> None:
        sample, api = progress.sample, self._api(step.role)
        if sample.loses_answer and step.stage is Stage.CLOSED:
            await self._lose_the_answer(progress)
        key = sample.key_of(step)
        if step.path == "":
            body = {"order_reference": sample.order_reference, **step.body}
            answer = await api.post("/api/v1/returns", body, key)
        else:
            answer = await api.post(f"/api/v1/returns/{progress.rma}{step.path}", step.body, key)
        _expect(answer, 200, 201, 202, about=f"Sample {sample.name!r}, {step.words!r}: ")

    async def _lose_the_answer(self, progress: Progress) -> None:
        """Arm the sandbox, unless it is armed or the refund was asked for already."""
        payment = await self._payment(progress.sample)
        sandbox = self._sandbox
        armed = [fault["match"] for fault in (await sandbox.get("/_sandbox/faults")).body]
        if any(match["payment_intent"] == payment for match in armed) or await self._posts(payment, progress):
            return
        fault = {"fault": "lose_answer", "match": {"path": "/v1/refunds", "payment_intent": payment}}
        _expect(await sandbox.post("/_sandbox/faults", fault, "sample"), 200, 201)

    async def _until_past(self, progress: Progress, step: Step) -> None:
        began = said_at = time.monotonic()
        while True:
            await self._find(progress)
            if progress.is_past(step) or progress.is_theirs:
                return
            if progress.is_ended_otherwise(step):
                raise SampleTrouble(
                    "sample_ended",
                    f"Sample {progress.sample.name!r} is {progress.stage}: somebody ended it before {step.words!r}.",
                )
            missing = ", ".join((progress.mails_by(step) - progress.mailed).elements()) or "none"
            now = time.monotonic()
            if now > said_at + SAY_EVERY_SECONDS:
                said_at = now
                self.say(
                    f"Sample {progress.sample.name!r} takes its time: {progress.stage or 'not there'} "
                    f"{now - began:.0f} s after {step.words!r}; mails to come: {missing}."
                )
            if now > began + STEP_SECONDS:
                raise SampleTrouble(
                    "sample_stuck",
                    f"Sample {progress.sample.name!r} is {progress.stage or 'not there'} "
                    f"{STEP_SECONDS:g} s after {step.words!r}; mails missing: {missing}.",
                )
            self.show(progress)
            await asyncio.sleep(_LOOK_EVERY_SECONDS)

    async def _find(self, progress: Progress) -> None:
        """Read the sample's return as the desk sees it."""
        rep = self._api(Role.REP)
        if progress.rma is None:
            progress.rma = await asyncio.to_thread(self._own_return, progress.sample)
        if progress.rma is None:
            return
        progress.view = _expect(await rep.get(f"/api/v1/returns/{progress.rma}"), 200)
        progress.timeline = _expect(await rep.get(f"/api/v1/returns/{progress.rma}/timeline"), 200)["items"]
        progress.stage = Stage(progress.view["stage"])
        progress.keys_used = await asyncio.to_thread(self._keys_used, progress.rma)
        if progress.sample.is_left_open and progress.keys_used - progress.sample.own_keys:
            progress.is_theirs = True

    def _own_return(self, sample: Sample) -> str | None:
        """The return that the sample's own request became; None where there is none yet."""
        with self.installation.database.read() as session:
            return return_asked_for(session, sample.steps[0].actor_id, sample.key_of(sample.steps[0]))

    def _keys_used(self, rma: str) -> set[tuple[str, str]]:
        with self.installation.database.read() as session:
            return keys_used(session, rma)

    # The comparison -------------------------------------------------------------------------------

    async def _compare(self, progress: Progress) -> None:
        """Hold a sample against the oracle and the mailbox; what differs becomes a sentence."""
        sample = progress.sample
        await self._find(progress)
        if progress.rma is None:
            progress.trouble = progress.trouble or [f"Sample {sample.name!r} was not begun."]
            return
        payment = await self._payment(sample)
        truth = _expect(await self._sandbox.get(f"/_sandbox/state?payment_intent={payment}"), 200)
        progress.paid_minor = sum(
            refund["amount"]
            for refund in truth["refunds"]
            if refund["status"] not in ("failed", "canceled") and _is_of(refund, progress)
        )
        progress.times_asked = await self._posts(payment, progress)
        reader = MailboxReader(self.installation.data / "mailbox.db")
        mails = {
            mail.message_id: mail
            for mail in reader.messages(to=sample.customer["email"])
            if mail.parsed["X-RMA"] == progress.rma
        }
        progress.mail_subjects = [mail.subject for mail in mails.values()]
        if progress.is_theirs:
            progress.words = "is left to you"
            return
        if progress.stage is not sample.ends:
            progress.trouble.append(
                f"Sample {sample.name!r} is {progress.stage}, and should be {sample.ends}."
            )
        if progress.paid_minor != sample.refund_minor:
            progress.trouble.append(
                f"Sample {sample.name!r}: Stripe paid {progress.paid_minor}, and should have paid {sample.refund_minor}."
            )
        if _without_delays(progress, progress.mailed) != _without_delays(progress, mails_of(sample.steps)):
            progress.trouble.append(
                f"Sample {sample.name!r} mailed {', '.join(progress.mailed) or 'nothing'}."
            )
        if len(mails) != progress.mailed.total():
            progress.trouble.append(
                f"Sample {sample.name!r}: {progress.mailed.total()} mails left, {len(mails)} are in the mailbox."
            )
        if sample.loses_answer and progress.times_asked < 2:
            progress.trouble.append(f"Sample {sample.name!r}: no answer was lost.")

    async def _payment(self, sample: Sample) -> str:
        order = _expect(await self._api(Role.REP).get(f"/api/v1/orders/{sample.order_reference}"), 200)
        return str(order["payments"][0]["reference"])

    async def _posts(self, payment: str, progress: Progress) -> int:
        """How often the processor was asked to refund a payment for a sample."""
        requests = _expect(await self._sandbox.get("/_sandbox/requests"), 200)
        return sum(
            1
            for request in requests
            if request["path"] == "/v1/refunds"
            and request["params"].get("payment_intent") == payment
            and _is_of(request["params"], progress)
        )

    @property
    def _sandbox(self) -> ApiClient:
        return ApiClient("127.0.0.1", self.installation.settings.stripe_port)

    def _api(self, role: Role) -> ApiClient:
        s = self.installation.settings
        return ApiClient(s.api_host, s.api_port, self.tokens[role])


def _without_delays(progress: Progress, mails: Counter[str]) -> Counter[str]:
    """A run that was interrupted for days is late as well, and says so: that is no mistake."""
    breached = any(clock["breached_at"] for clock in progress.view.get("clocks", ()))
    return Counter({kind: count for kind, count in mails.items() if kind != "delay" or not breached})


def _is_of(sent: Mapping[str, Any], progress: Progress) -> bool:
    """Whether something at the processor is the sample's: all of its payment that names no other return."""
    return (sent.get("metadata") or {}).get("rma") in (None, progress.rma)


def _expect(answer: Answer, *statuses: int, about: str = "") -> Any:
    if answer.status in statuses:
        return answer.body
    detail = answer.body.get("detail", "") if isinstance(answer.body, dict) else ""
    raise SampleTrouble("sample_refused", f"{about}The answer was {answer.status}: {detail}")
