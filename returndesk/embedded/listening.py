"""Ports of this machine: free ones for what is started here, and whether those that were named can be had."""

import fcntl
import os
import random
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from threading import Lock

from returndesk.domain.errors import ConfigurationError

PORT_PATIENCE_SECONDS = 2.0


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on now."""
    return free_ports(1)[0]


_OFFERED_PORTS = range(20_000, 32_000)
"""Below those that systems give to outgoing connections, one of which could take a port before its server listens."""


def free_ports(count: int) -> list[int]:
    """So many different ports of 127.0.0.1 that nobody listens on now.

    Whoever will listen there may take a while to begin: as long as this process lives no other of this user is offered
    one of them, and this one only when all others are gone. Raises `ConfigurationError` (`no_free_port`).
    """
    ports: list[int] = []
    with _offering:
        new, old = [port for port in _OFFERED_PORTS if port not in _offered], sorted(_offered)
        for port in (*random.sample(new, len(new)), *random.sample(old, len(old))):
            if len(ports) == count:
                break
            if _is_free(port) and _take(port):
                _offered.add(port)
                ports.append(port)
    if len(ports) < count:
        raise ConfigurationError(
            "no_free_port", f"There are not {count} free ports between 20000 and 32000: end what holds them."
        )
    return ports


_offered: set[int] = set()
_offering = Lock()


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _take(port: int) -> bool:
    """Whether no other process has offered the port: a lock on the byte of its number, which ends with this process."""
    locks = _port_locks()
    if locks is not None:
        try:
            fcntl.lockf(locks, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
        except (BlockingIOError, PermissionError):
            return False
    return True


@cache
def _port_locks() -> int | None:
    """The file whose bytes are locked; None where it cannot be had, then other processes may be offered the same.

    It stays open: closing it anywhere in this process would end all of its locks.
    """
    path = Path(tempfile.gettempdir()) / f"returndesk-ports-{os.getuid()}"
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError:
        return None


def check_port(host: str, port: int, name: str, variable: str) -> None:
    """Raise ConfigurationError when `name` could not listen on `host`:`port`, which `variable` sets.

    Waits up to two seconds first: the children of a run that was just killed take a moment to let go.
    """
    patience_ends = time.monotonic() + PORT_PATIENCE_SECONDS
    while not _can_listen(host, port):
        if time.monotonic() > patience_ends:
            holder = _holder(port)
            raise ConfigurationError(
                "port_taken",
                f"Port {port} for {name} is taken{f' by {holder}' if holder else ''}: "
                f"stop that, or set {variable} to a free port.",
            )
        time.sleep(0.05)


def _can_listen(host: str, port: int) -> bool:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)
        except OSError:
            return False
    return True


def _holder(port: int) -> str | None:
    """Name and number of the process that listens on `port`, where /proc shows it."""
    inodes = {f"socket:[{inode}]" for inode in _listening_inodes(port)}
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if any(str(descriptor.readlink()) in inodes for descriptor in (process / "fd").iterdir()):
                return f"{(process / 'comm').read_text().strip()} (process {process.name})"
    return None


def _listening_inodes(port: int) -> Iterator[str]:
    for table in (Path("/proc/net/tcp"), Path("/proc/net/tcp6")):
        with suppress(OSError):
            for line in table.read_text().splitlines()[1:]:
                fields = line.split()
                if fields[3] == "0A" and int(fields[1].rpartition(":")[2], 16) == port:
                    yield fields[9]
