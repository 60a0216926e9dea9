"""Which tests run in one process of several that run beside each other (pytest-xdist's `-n`), and in which order.

Those of a file stay together, and with them what its fixtures share; of a file whose tests want a running installation,
those of each database. All are taken up in the order in which they are collected: those of an installation
database by database, so that a process starts one for each at most.
"""

import re
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

LIVE = "live-"
_INSTALLATION = re.compile(rf"\[(?:.*-)?({LIVE}[a-z]+)[-\]]")


def installation_of(nodeid: str) -> str:
    """The name of the running installation that a test wants; empty where it wants none."""
    found = _INSTALLATION.search(nodeid)
    return found[1] if found else ""


class Together(LoadScopeScheduling):
    """Hands out whole files, those of an installation one database at a time."""

    def __init__(self, config: pytest.Config, log: Any) -> None:
        config.option.loadscopereorder = False
        super().__init__(config, log)

    def _split_scope(self, nodeid: str) -> str:
        """What is handed out with a test: the name of its file, and of an installation."""
        return f"{nodeid.partition('::')[0]} {installation_of(nodeid)}"
