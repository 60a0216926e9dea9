"""Runs one command that may not outlive the process that asked for it, even when that one is killed with -9.

Used as a script, `python -I -S leash.py PARENT_PID COMMAND…`, with nothing but the standard library so that
it costs milliseconds. On Linux the kernel does the work (PR_SET_PDEATHSIG survives exec) and this process
becomes the command; elsewhere it stays beside it and watches who its parent is.
"""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Sequence

PR_SET_PDEATHSIG = 1
WATCH_SECONDS = 0.5


def held(command: Sequence[str]) -> list[str]:
    """`command`, to be started by this process, on the leash."""
    return [sys.executable, "-I", "-S", __file__, str(os.getpid()), *command]


def main(parent: int, command: list[str]) -> int:
    """Become `command`, or run it and return its exit code; 127 when there is no such program."""
    try:
        if sys.platform.startswith("linux"):
            ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != parent:  # it died before the kernel was told
                return 1
            os.execvp(command[0], command)  # noqa: S606 (our own children; no shell is the point)
        return _run_beside(parent, command)
    except FileNotFoundError:
        return 127


def _run_beside(parent: int, command: list[str]) -> int:
    with subprocess.Popen(command) as child:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda received, _frame: child.send_signal(received))
        while True:
            try:
                return child.wait(WATCH_SECONDS)
            except subprocess.TimeoutExpired:
                if os.getppid() != parent:
                    child.kill()


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2:]))
