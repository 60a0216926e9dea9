"""The real API in a process of its own, over books that are full and without a Temporal: pages only read.

python -m benchmarks.page_server        (settings from the environment, as for `returndesk api`)
"""

import uvloop
from temporalio.client import Client

from returndesk.gateways.temporal import DATA_CONVERTER
from returndesk.installation import Installation
from returndesk.running import serve_api
from returndesk.settings import read_settings


class WithoutTemporal(Installation):
    """An installation whose Temporal is called only by what needs it."""

    async def connect(self) -> Client:
        """A client that has not connected."""
        return await Client.connect(self.temporal_address, data_converter=DATA_CONVERTER, lazy=True)


if __name__ == "__main__":
    uvloop.run(serve_api(WithoutTemporal(read_settings())))
