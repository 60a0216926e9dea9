"""A return, from the customer's contact to the refund (policy 5).

Somebody asks for something (an update), time passes (one timer), or the processor says something (a signal).
Each becomes one transition of the books; whatever refunds the books then say are due are sent. A run holds
nothing that the books do not: it begins by loading the return and ends when nothing is left to do, and if
something late happens the return simply runs again.
"""

import asyncio
from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError

with workflow.unsafe.imports_passed_through():
    from activities import failures
    from activities.records import Records
    from activities.refunds import Refunds
    from returndesk.domain.people import CLOCK, PROCESSOR, Actor
    from returndesk.domain.stages import CommandKind, EventKind, RefundStatus, allows, refusal
    from returndesk.messages import (
        CLOCK_OFFSET_QUERY,
        HINT_SIGNAL,
        RETURN_WORKFLOW,
        CaseState,
        CommandRef,
        HintRef,
        Outcome,
        RefundAnswer,
        RefundErrand,
        ReturnInput,
        Step,
    )

STEP_TIMEOUT = timedelta(seconds=5)
RETRY_HERE = timedelta(seconds=5)
REFUND_CALL_TIMEOUT = timedelta(seconds=60)
ASK_AGAIN_AFTER = timedelta(minutes=15)
ONE_LOOK = "one-look-for-hints-that-wait-together"


@workflow.defn(name=RETURN_WORKFLOW)
class ReturnWorkflow:
    """One return. The workflow is the only writer of its stage, and writes it through `records.transition`."""

    @workflow.init
    def __init__(self, of: ReturnInput) -> None:
        self._rma = of.rma
        self._case: CaseState | None = None
        self._clock_offset = timedelta(0)
        self._transitions = asyncio.Lock()
        self._hints: list[HintRef] = []
        self._alarm: asyncio.Task[None] | None = None
        self._alarm_at: datetime | None = None

    @workflow.run
    async def run(self, of: ReturnInput) -> None:
        """Until the return has ended: do what is due, then wait for somebody, the processor, or time."""
        loaded = await workflow.execute_local_activity_method(
            Records.load,
            of,
            start_to_close_timeout=STEP_TIMEOUT,
            local_retry_threshold=RETRY_HERE,
            retry_policy=failures.EVENT_STEP,
        )
        self._clock_offset = timedelta(microseconds=loaded.clock_offset_us)
        self._case = loaded.state
        while not self._is_over():
            if self._hints:
                await self._heed(self._hints.pop(0))
            elif self._case.refunds_due:
                await self._advance_refund(self._case.refunds_due[0])
            elif self._is_time():
                await self._happens(EventKind.TIME_PASSED, CLOCK, "time")
            else:
                self._set_alarm()
                await workflow.wait_condition(self._something_to_do)

    # What somebody asks for: DESIGN 3's table ----------------------------------------------------

    @workflow.update(name=CommandKind.REQUEST)
    async def request(self, command: CommandRef) -> Outcome:
        """A rep asks for a return: both clocks start at the customer's contact."""
        return await self._asked(command)

    @workflow.update(name=CommandKind.AUTHORIZATION)
    async def authorization(self, command: CommandRef) -> Outcome:
        """The shop says yes: the customer gets instructions, and the clocks wait for the goods."""
        return await self._asked(command)

    @workflow.update(name=CommandKind.DECLINE)
    async def decline(self, command: CommandRef) -> Outcome:
        """The shop says no before anything was sent: the customer is told why, and the clocks stop."""
        return await self._asked(command)

    @workflow.update(name=CommandKind.CANCELLATION)
    async def cancellation(self, command: CommandRef) -> Outcome:
        """The customer keeps the goods: the clocks stop."""
        return await self._asked(command)

    @workflow.update(name=CommandKind.QUESTION)
    async def question(self, command: CommandRef) -> Outcome:
        """The shop needs something from the customer: the clocks wait for their answer."""
        return await self._asked(command)

    @workflow.update(name=CommandKind.MESSAGE)
    async def message(self, command: CommandRef) -> Outcome:
        """The customer said something: it is the shop's turn again."""
        return await self._asked(command)

    @workflow.update(name=CommandKind.SHIPMENT)
    async def shipment(self, command: CommandRef) -> Outcome:
        """The customer proves that the goods are on their way: they do not expire behind its back."""
        return await self._asked(command)

    @workflow.update(name=CommandKind.LOSS)
    async def loss(self, command: CommandRef) -> Outcome:
        """A parcel is lost, as far as anybody can tell: a person decides what that means."""
        return await self._asked(command)

    @workflow.update(name=CommandKind.RECEIPTS)
    async def receipts(self, command: CommandRef) -> Outcome:
        """The warehouse has a parcel: the clocks run again."""
        return await self._asked(command)

    @workflow.update(name=CommandKind.CORRECTION)
    async def correction(self, command: CommandRef) -> Outcome:
        """A receipt did not happen as it was recorded: the customer is told."""
        return await self._asked(command)

    @workflow.update(name=CommandKind.INSPECTIONS)
    async def inspections(self, command: CommandRef) -> Outcome:
        """The warehouse saw the condition of goods and packaging."""
        return await self._asked(command)

    @workflow.update(name=CommandKind.DECISION)
    async def decision(self, command: CommandRef) -> Outcome:
        """Each lot is accepted or rejected: the processing clock stops, the refund is reserved."""
        return await self._asked(command)

    @workflow.update(name=CommandKind.APPROVAL)
    async def approval(self, command: CommandRef) -> Outcome:
        """A manager lets a large refund go."""
        return await self._asked(command)

    @workflow.update(name=CommandKind.REFUSAL)
    async def refusal(self, command: CommandRef) -> Outcome:
        """A manager does not: nothing is paid, and it is to be decided again."""
        return await self._asked(command)

    @workflow.update(name=CommandKind.GOODS_BACK)
    async def goods_back(self, command: CommandRef) -> Outcome:
        """Rejected goods leave again, by the date the customer was told."""
        return await self._asked(command)

    @workflow.update(name=CommandKind.HOLD)
    async def hold(self, command: CommandRef) -> Outcome:
        """Somebody looks into it: nothing is decided or sent meanwhile, and the clocks run on."""
        return await self._asked(command)

    @workflow.update(name=CommandKind.RESUMPTION)
    async def resumption(self, command: CommandRef) -> Outcome:
        """It goes on."""
        return await self._asked(command)

    @workflow.update(name=CommandKind.RECALCULATION)
    async def recalculation(self, command: CommandRef) -> Outcome:
        """The dates are counted anew, by the policy and calendar of today."""
        return await self._asked(command)

    @workflow.update(name=CommandKind.DISPOSITIONS)
    async def dispositions(self, command: CommandRef) -> Outcome:
        """The warehouse says what becomes of goods, also long after the end."""
        return await self._asked(command)

    @workflow.update(name=CommandKind.REFUND_AGAIN)
    async def refund_again(self, command: CommandRef) -> Outcome:
        """Finance has a refund that failed sent anew."""
        return await self._asked(command)

    @workflow.update(name=CommandKind.PAID_BY_HAND)
    async def paid_by_hand(self, command: CommandRef) -> Outcome:
        """Finance paid another way: that much less is owed."""
        return await self._asked(command)

    @workflow.update(name=CommandKind.TASK_DONE)
    async def task_done(self, command: CommandRef) -> Outcome:
        """Somebody has done what only a person can say is done."""
        return await self._asked(command)

    @request.validator
    @authorization.validator
    @decline.validator
    @cancellation.validator
    @question.validator
    @message.validator
    @shipment.validator
    @loss.validator
    @receipts.validator
    @correction.validator
    @inspections.validator
    @decision.validator
    @approval.validator
    @refusal.validator
    @goods_back.validator
    @hold.validator
    @resumption.validator
    @recalculation.validator
    @dispositions.validator
    @refund_again.validator
    @paid_by_hand.validator
    @task_done.validator
    def _may_be_asked(self, command: CommandRef) -> None:
        """Refuse early, so that nothing reaches history; before the return is loaded only the shape is known."""
        if self._case is None or self._transitions.locked() or allows(self._case.stage, command.kind):
            return
        raise ApplicationError(refusal(self._case.stage, command.kind), type="not_allowed_at_stage")

    @workflow.query(name=CLOCK_OFFSET_QUERY)
    def clock_offset_us(self) -> int | None:
        """By how much the embedded clock was moved when this run loaded its return; None before that."""
        return None if self._case is None else self._clock_offset // timedelta(microseconds=1)

    @workflow.signal(name=HINT_SIGNAL)
    def hint(self, hint: HintRef) -> None:
        """The processor said something of a refund or a dispute: it will be looked at."""
        self._hints.append(hint)

    # How it is carried out -----------------------------------------------------------------------

    async def _asked(self, command: CommandRef) -> Outcome:
        await workflow.wait_condition(lambda: self._case is not None)
        actor = Actor(command.actor_id, command.role)
        return await self._step(
            command.kind, actor, command.command_id, policy_version=command.policy_version
        )

    async def _happens(
        self,
        what: EventKind,
        actor: Actor,
        key: str,
        answer: RefundAnswer | None = None,
        dispute_id: str | None = None,
    ) -> None:
        await self._step(what, actor, key, answer=answer, dispute_id=dispute_id)

    async def _step(
        self,
        what: CommandKind | EventKind,
        actor: Actor,
        key: str,
        *,
        policy_version: str | None = None,
        answer: RefundAnswer | None = None,
        dispute_id: str | None = None,
    ) -> Outcome:
        """One transition of the books, under the lock: two updates can pass the validator together."""
        async with self._transitions:
            stepped = await workflow.execute_local_activity_method(
                Records.transition,
                Step(
                    key=key,
                    rma=self._rma,
                    what=what,
                    now=self._now(),
                    actor_id=actor.id,
                    role=actor.role,
                    policy_version=policy_version or self._policy_version(),
                    answer=answer,
                    dispute_id=dispute_id,
                ),
                start_to_close_timeout=STEP_TIMEOUT,
                local_retry_threshold=RETRY_HERE,
                retry_policy=failures.COMMAND_STEP if isinstance(what, CommandKind) else failures.EVENT_STEP,
            )
            self._case = stepped.state
            return stepped.outcome

    async def _heed(self, hint: HintRef) -> None:
        """Look at what the processor spoke of."""
        if hint.dispute_id is not None:
            key = f"dispute:{hint.dispute_id}"
            await self._happens(EventKind.PROCESSOR_HINT, PROCESSOR, key, dispute_id=hint.dispute_id)
        if hint.refund_id is not None:
            self._answer_together(hint.refund_id)
            await self._advance_refund(hint.refund_id)

    def _answer_together(self, refund_id: str) -> None:
        """One look answers all hints of a refund that are here by now."""
        others = [hint for hint in self._hints if hint.refund_id != refund_id or hint.dispute_id is not None]
        # Runs that began before 22 November 2026 (0.1.0) may have looked once for each. When none of them is
        # open, `workflow.deprecate_patch(ONE_LOOK)` takes the place of the question: docs/deploying.md.
        if len(others) < len(self._hints) and workflow.patched(ONE_LOOK):
            self._hints = others

    async def _advance_refund(self, refund_id: str) -> None:
        """Ask the processor, outside the lock, and write its answer down."""
        errand = RefundErrand(refund_id, self._rma, PROCESSOR.id, PROCESSOR.role, self._policy_version())
        try:
            answer = await workflow.execute_activity_method(
                Refunds.advance,
                errand,
                start_to_close_timeout=REFUND_CALL_TIMEOUT,
                retry_policy=failures.REFUND_CALL,
            )
        except ActivityError:
            answer = RefundAnswer(
                refund_id, RefundStatus.UNKNOWN, look_again_at=self._now() + ASK_AGAIN_AFTER
            )
        await self._happens(EventKind.REFUND_ANSWERED, PROCESSOR, f"refund:{refund_id}", answer)

    # Time ----------------------------------------------------------------------------------------

    def _now(self) -> datetime:
        """The case's own now: never before its last instant, and with the embedded clock's offset."""
        now = workflow.now() + self._clock_offset
        last_at = None if self._case is None else self._case.last_at
        return now if last_at is None else max(now, last_at)

    def _is_time(self) -> bool:
        wake_at = None if self._case is None else self._case.wake_at
        return wake_at is not None and wake_at <= self._now()

    def _set_alarm(self) -> None:
        """One timer: set again only when the next deadline moved earlier; on waking, look again."""
        wake_at = None if self._case is None else self._case.wake_at
        if wake_at is None:
            return
        if self._alarm is not None and not self._alarm.done():
            if self._alarm_at is not None and self._alarm_at <= wake_at:
                return
            self._alarm.cancel()
        self._alarm_at = wake_at
        self._alarm = asyncio.create_task(self._sleep_until(wake_at))

    async def _sleep_until(self, wake_at: datetime) -> None:
        await workflow.sleep(wake_at - self._now(), summary="next deadline")

    def _something_to_do(self) -> bool:
        case = self._case
        if case is None:
            return False
        alarm_is_off = case.wake_at is not None and (
            self._alarm is None
            or self._alarm.done()
            or (self._alarm_at is not None and case.wake_at < self._alarm_at)
        )
        return bool(self._hints) or bool(case.refunds_due) or alarm_is_off or self._is_over()

    # The end -------------------------------------------------------------------------------------

    def _is_over(self) -> bool:
        if self._case is None or not self._case.ended or self._hints:
            return False
        return not self._case.refunds_due and workflow.all_handlers_finished()

    def _policy_version(self) -> str | None:
        return None if self._case is None else self._case.policy_version
