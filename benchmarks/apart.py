"""An installation of a benchmark's own, and what its processes take of the machine."""

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from returndesk.domain.errors import ConfigurationError
from returndesk.embedded.listening import free_ports
from returndesk.installation import Installation
from returndesk.settings import read_settings

TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
PORTS = ("RETURNDESK_API_PORT", "RETURNDESK_STRIPE_PORT", "RETURNDESK_SMTP_PORT", "RETURNDESK_TEMPORAL_PORT")


@contextmanager
def installation_apart(policy: str | None = None) -> Iterator[Installation]:
    """On free ports, in a folder that is thrown away; under the policy in a text, or under the product's own.

    Raises `ConfigurationError` where a real part is configured: nobody wants thousands of made-up returns there.
    """
    with tempfile.TemporaryDirectory(prefix="returndesk-bench-") as folder:
        os.environ.update({name: str(port) for name, port in zip(PORTS, free_ports(len(PORTS)), strict=True)})
        os.environ["RETURNDESK_DATA"] = folder
        if policy is not None:
            file = Path(folder) / "policy.toml"
            file.write_text(policy, encoding="utf-8")
            os.environ["RETURNDESK_POLICY"] = str(file)
        settings = read_settings()
        real = [part for part, is_real in settings.outside.items() if is_real]
        if real:
            raise ConfigurationError(
                "benchmark_on_real_parts",
                f"Real parts are configured: {', '.join(real)}. A benchmark would fill them with made-up returns. "
                "Unset them, and run it again.",
            )
        yield Installation(settings)


def cpu_seconds(pid: int) -> float:
    """User and system time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_A_SECOND


def resident_mib(pids: Mapping[str, int]) -> dict[str, int]:
    """Resident memory of processes, by name."""
    return {
        name: int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE_BYTES // 2**20
        for name, pid in pids.items()
    }


def disk_mib(folder: Path) -> dict[str, float]:
    """What the books, Temporal and the mailbox take in a state folder, write-ahead logs included."""
    parts = {"books": "returndesk.db*", "temporal": "temporal/*", "mailbox": "mailbox.db*"}
    return {
        name: round(sum(file.stat().st_size for file in folder.glob(pattern)) / 2**20, 1)
        for name, pattern in parts.items()
    }
