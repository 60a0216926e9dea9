"""One worker in a process of its own: the product's, without its upkeep, or the skeleton's.

`python -m benchmarks.one_worker product|skeleton`
"""

import sys

import uvloop

import worker
from benchmarks import skeleton
from returndesk.installation import Installation
from returndesk.logs import set_up
from returndesk.settings import read_settings


def main(which: str) -> None:
    """Work until this process is ended; both under uvloop."""
    set_up()
    installation = Installation(read_settings())
    if which == "product":
        uvloop.run(worker.run(installation, upkeep=False))
    else:
        uvloop.run(skeleton.work(installation.temporal_address, installation.settings.temporal_namespace))


if __name__ == "__main__":
    main(sys.argv[1])
