"""Logs: one JSON object a line, with codes, ids and places; an exception's own text never gets in."""

import logging
import sys
import threading
from pathlib import PurePath
from traceback import extract_tb
from types import TracebackType
from typing import Any

import structlog


class _NoText(logging.Formatter):
    """For libraries' own records: where and how grave, not what they say, because that may quote anything."""

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        error = record.exc_info[0].__name__ if record.exc_info and record.exc_info[0] else None
        event = structlog.processors.JSONRenderer()(
            None, "", {"event": "library", "logger": record.name, "level": record.levelname.lower(),
                       "at": f"{record.filename}:{record.lineno}", "error": error},
        )  # fmt: skip
        return str(event)


def set_up() -> None:
    """To standard error, warnings of libraries included."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _without_errors,
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_NoText())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.captureWarnings(True)
    sys.excepthook = _ended
    threading.excepthook = _thread_ended


def _ended(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """What nobody caught ends the program with a line, not with a traceback that prints the exception's text."""
    if issubclass(kind, KeyboardInterrupt):
        return
    structlog.get_logger().error("ended", error=kind.__name__, at=place(error.with_traceback(trace)))


def _thread_ended(ended: threading.ExceptHookArgs) -> None:
    at = None if ended.exc_value is None else place(ended.exc_value)
    structlog.get_logger().error("thread_ended", error=ended.exc_type.__name__, at=at)


def place(error: BaseException) -> str:
    """The file and line an exception was raised at."""
    return places(error)[-1]


def places(error: BaseException) -> list[str]:
    """The last four places of this project that an exception passed, and where it was raised; no text, no value."""
    frames = extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "site-packages" not in frame.filename][-4:]
    passed = [*ours, *(frame for frame in frames[-1:] if frame not in ours)]
    return [f"{PurePath(frame.filename).name}:{frame.lineno} {frame.name}" for frame in passed] or ["?"]


def _without_errors(
    _logger: Any, _method: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """No traceback is rendered: it would print the exception's text."""
    event.pop("exc_info", None)
    event.pop("stack_info", None)
    return event
