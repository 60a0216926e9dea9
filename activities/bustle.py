"""How much a worker has to do with returns: while it is much, mail gives way to them (record 0020)."""

import time
from collections import deque
from collections.abc import Callable

MANY_A_SECOND = 8
"""From so many transitions in a second on, somebody's command could wait behind mail: a busy day has one now and then."""


class Bustle:
    """Counts what is carried out. Safe to share between threads."""

    def __init__(self, seconds: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._latest: deque[float] = deque(maxlen=MANY_A_SECOND)

    def add(self) -> None:
        """One more transition."""
        self._latest.append(self._seconds())

    @property
    def is_high(self) -> bool:
        """Whether the last second had many."""
        latest = list(self._latest)
        return len(latest) == MANY_A_SECOND and self._seconds() - latest[0] < 1.0
