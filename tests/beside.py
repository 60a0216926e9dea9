"""Which tests run in one process of several that run beside each other (pytest-xdist's `-n`), and in which order.

Those of a file stay together, and with them what its fixtures share; those of a running installation stay together
for each database, so that each is started once. All are taken up in the order in which they are collected.
"""

import re
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

LIVE = "live-"
_INSTALLATION = re.compile(rf"\[(?:.*-)?({LIVE}[a-z]+)[-\]]")


class Together(LoadScopeScheduling):
    """Hands out whole files, and the tests of an installation at once."""

    def __init__(self, config: pytest.Config, log: Any) -> None:
        config.option.loadscopereorder = False
        super().__init__(config, log)

    def _split_scope(self, nodeid: str) -> str:
        """What is handed out with a test: the name of an installation, or of a file."""
        installation = _INSTALLATION.search(nodeid)
        return installation[1] if installation else nodeid.partition("::")[0]
