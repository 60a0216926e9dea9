"""Logs: one JSON object a line, and no exception's own text, whoever logs it and however it ends."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def logged(program: str) -> tuple[list[dict[str, object]], str]:
    """What a program that sets up logs wrote to standard error: read line by line, and as it is."""
    done = subprocess.run(
        [sys.executable, "-c", f"from returndesk.logs import set_up\nset_up()\n{program}"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stdout == ""
    return [json.loads(line) for line in done.stderr.splitlines()], done.stderr


FAILS = "def fail(): raise ValueError('jane@canary.example')\n"


def test_a_library_that_logs_an_exception_says_where_and_what_kind() -> None:
    lines, text = logged(
        FAILS + "import logging\n"
        "try: fail()\n"
        "except ValueError: logging.getLogger('lib').exception('no mail to %s', 'jane@canary.example')\n"
    )
    assert [(x["logger"], x["level"], x["error"]) for x in lines] == [("lib", "error", "ValueError")]
    assert "canary" not in text


def test_our_own_logger_prints_no_traceback() -> None:
    lines, text = logged(
        FAILS + "import structlog\n"
        "try: fail()\n"
        "except ValueError: structlog.get_logger('ours').exception('it_failed', rma='RMA-7K3M-Q9TX')\n"
    )
    assert [(x["event"], x["rma"], x["level"]) for x in lines] == [("it_failed", "RMA-7K3M-Q9TX", "error")]
    assert "canary" not in text


def test_a_warning_of_a_library_is_a_line_without_its_text() -> None:
    lines, text = logged("import warnings\nwarnings.warn('jane@canary.example')\n")
    assert [(x["logger"], x["level"]) for x in lines] == [("py.warnings", "warning")]
    assert "canary" not in text


def test_what_ends_a_program_or_a_thread_is_a_line_without_its_text() -> None:
    lines, text = logged(
        FAILS
        + "import threading\nthread = threading.Thread(target=fail)\nthread.start()\nthread.join()\nfail()\n"
    )
    assert [(x["event"], x["error"]) for x in lines] == [
        ("thread_ended", "ValueError"),
        ("ended", "ValueError"),
    ]
    assert "canary" not in text


def test_what_libraries_say_below_a_warning_is_not_kept() -> None:
    lines, _ = logged("import logging\nlogging.getLogger('lib').info('jane@canary.example')\n")
    assert lines == []
