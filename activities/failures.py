"""How activities fail: one table of what is tried again, and the interceptor that lets no message out.

An exception's text may hold a name, an address or a processor's words. What leaves an activity is an
`ApplicationError` with a code and nothing else; the log has the type and the place, no text (DESIGN 2).
"""

from datetime import timedelta
from typing import Any

import structlog
from pydantic import ValidationError
from sqlalchemy.exc import DBAPIError, DisconnectionError, IntegrityError, SQLAlchemyError
from temporalio import activity
from temporalio.common import RetryPolicy
from temporalio.exceptions import ApplicationError, CancelledError
from temporalio.worker import (
    ActivityInboundInterceptor,
    ExecuteActivityInput,
    Interceptor,
)

from returndesk.domain.errors import ReturndeskError, Unanswered
from returndesk.logs import places

_log = structlog.get_logger("activities")

DATABASE = "database_trouble"
INTERNAL = "internal"
UNKNOWN_THING = "not_found"

NEVER_AGAIN_FOR_COMMANDS = [INTERNAL, UNKNOWN_THING, "unknown_return", "unknown_policy"]
"""What no repetition mends: whoever asked is told at once. Events have nobody to tell, and wait for a mended worker."""

COMMAND_STEP = RetryPolicy(
    initial_interval=timedelta(milliseconds=100),
    maximum_interval=timedelta(seconds=60),
    non_retryable_error_types=NEVER_AGAIN_FOR_COMMANDS,
)
EVENT_STEP = RetryPolicy(initial_interval=timedelta(milliseconds=100), maximum_interval=timedelta(minutes=10))
REFUND_CALL = RetryPolicy(
    initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=20), maximum_attempts=5
)
"""After the last attempt the refund is `unknown`, and is asked after again later."""
UPKEEP = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=5))
"""A turn that died with its worker is taken over soon, however many died before."""


def code_of(error: BaseException) -> str:
    """The stable code under which an exception leaves an activity."""
    if isinstance(error, ReturndeskError):
        return error.code
    if isinstance(error, DBAPIError | DisconnectionError) and not isinstance(error, IntegrityError):
        return DATABASE
    if isinstance(error, SQLAlchemyError | ValidationError | ArithmeticError | LookupError | AssertionError):
        return INTERNAL
    if isinstance(error, ConnectionError | TimeoutError):
        return "connection_trouble"
    return INTERNAL


class SilentFailures(Interceptor):
    """Turns every exception of an activity into a code."""

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        """Wrap an activity."""
        return _Silencer(super().intercept_activity(next))


class _Silencer(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        try:
            return await super().execute_activity(input)
        except CancelledError:
            raise
        except ApplicationError as error:
            raise ApplicationError(error.type or INTERNAL, type=error.type or INTERNAL) from None
        except Exception as error:
            code = code_of(error)
            info = activity.info()
            _log.warning(
                "activity_failed",
                activity=info.activity_type,
                attempt=info.attempt,
                code=code,
                error=type(error).__name__,
                where=places(error),
            )
            delay = timedelta(seconds=2) if isinstance(error, Unanswered) and code == "rate_limited" else None
            raise ApplicationError(code, type=code, next_retry_delay=delay) from None
