"""One exception tree; every error has a stable code and a sentence a person can act on.

    ReturndeskError
    ├── InvalidInput        what was sent cannot be meant: which field, and what would be right
    ├── Refused             the shop's rules say no, with coded reasons
    ├── NotAllowedAtStage   a command or event that does not fit how far something has come
    ├── NotFound            there is no such thing, or not for the one who asks
    ├── ConfigurationError  the installation is set up wrongly: only its owner can mend it
    ├── Unanswered          the processor may or may not have done it: ask before doing it again
    ├── ProcessorRefused    the processor said no and did nothing
    ├── TooOften            asked too often: after how many seconds it may be asked again
    └── Unavailable         a part of the installation does not work just now; nothing was done

Codes are snake_case and never change: clients and tables of sentences hold on to them. Neither codes nor
sentences repeat what somebody typed: an error may end in a log. HTTP statuses are given at the edge.
"""

from collections.abc import Iterable


class ReturndeskError(Exception):
    """Anything that went wrong in words of ours. `code` is stable; `sentence` says what to do."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(code, sentence)
        self.code = code
        self.sentence = sentence

    def __str__(self) -> str:
        return self.sentence


class InvalidInput(ReturndeskError, ValueError):
    """Input that cannot be meant. `field` names the one to correct, dotted where it is nested.

    It is a `ValueError` so that a check used inside a pydantic validator becomes that field's error.
    """

    def __init__(self, code: str, sentence: str, field: str | None = None) -> None:
        super().__init__(code, sentence)
        self.field = field


class Refused(ReturndeskError):
    """A request the shop's rules say no to. `reasons` are codes, in the order the rules found them."""

    def __init__(self, code: str, sentence: str, reasons: Iterable[str] = ()) -> None:
        super().__init__(code, sentence)
        self.reasons = tuple(reasons)


class NotAllowedAtStage(ReturndeskError):
    """Something that may happen, but not at this stage of a return or in this state of a clock."""


class NotFound(ReturndeskError):
    """No such thing, or none that the one who asks may see."""


class ConfigurationError(ReturndeskError):
    """The installation's own settings, policy or calendar are wrong or incomplete."""


class Unanswered(ReturndeskError):
    """No answer that says what the processor did: it may have paid. Only the same key may be sent again."""


class ProcessorRefused(ReturndeskError):
    """The processor's definite no: nothing was paid."""


class TooOften(ReturndeskError):
    """Something that was asked for too often. `again_after_s`: when it may be asked again, in seconds from now."""

    def __init__(self, code: str, sentence: str, again_after_s: int) -> None:
        super().__init__(code, sentence)
        self.again_after_s = again_after_s


class Unavailable(ReturndeskError):
    """A part this needs does not work just now; nothing was done, and it may be asked for again later."""
