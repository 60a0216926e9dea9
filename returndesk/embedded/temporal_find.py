"""Finds a Temporal server that can move a workflow's clock, or gets one: cache, PATH, download, build.

Guarantees: what is returned has just told its version, and it is at least SERVER_VERSION; what is put into
the cache gets there by one rename, so a download or build that was cut off leaves nothing that looks like a
server; two processes never build at once. Every step is told in a sentence before it is taken.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from returndesk.domain.errors import ConfigurationError
from returndesk.embedded import leash, temporal_download

Say = Callable[[str], None]

SERVER_VERSION = (1, 32, 0)  # the first with frontend.WorkflowTimeSkippingEnabled
MODULE = "go.temporal.io/server/cmd/server@v1.32.0"
PACKAGES_ABOUT = 1_760
VERSION_SECONDS = 10
DOWNLOAD_SECONDS = 180
BUILD_SECONDS = 45 * 60
TELL_EVERY_SECONDS = 10


@dataclass(frozen=True)
class TemporalBinary:
    """A Temporal program that can move a workflow's clock: the bare `server`, or the `temporal` CLI."""

    path: Path
    kind: Literal["server", "cli"]
    version: str


def find(say: Say, *, environ: Mapping[str, str]) -> TemporalBinary | None:
    """Return the Temporal program to run, or None where TEMPORAL_ADDRESS names a server that runs already.

    Looks into our cache and onto PATH, then downloads, then builds (about five minutes, once). Raises
    ConfigurationError with what to do when nothing worked.
    """
    if environ.get("TEMPORAL_ADDRESS"):
        return None
    cache = cache_folder(environ)
    found = _installed(say, cache, environ)
    if found is None:
        try:
            cache.mkdir(parents=True, exist_ok=True)
            with _alone(say, cache):
                # Whoever held the lock before us may have put it there.
                found = _cached(say, cache) or _downloaded(say, cache, environ) or _built(say, cache, environ)
        except OSError as error:
            raise ConfigurationError(
                "cache_unwritable",
                f"The Temporal server cannot be kept in {cache}: {error.strerror or 'it cannot be written to'}. "
                "Nothing was started. Make the folder writable, or name another with XDG_CACHE_HOME.",
            ) from None
    if found is None:
        raise ConfigurationError(
            "temporal_missing",
            "There is no Temporal server with time skipping: install the Temporal CLI with a server of at "
            f"least {_dotted(SERVER_VERSION)} (https://docs.temporal.io/cli), or Go (https://go.dev) so that "
            "it can be built here, or set TEMPORAL_ADDRESS to a server that runs.",
        )
    return found


def cache_folder(environ: Mapping[str, str]) -> Path:
    """Where downloaded and built servers are kept, outside of every checkout."""
    configured = Path(environ.get("XDG_CACHE_HOME", ""))
    home = Path(environ["HOME"]) if environ.get("HOME") else Path.home()
    # The XDG specification has relative paths ignored.
    return (configured if configured.is_absolute() else home / ".cache") / "returndesk" / "temporal"


def _installed(say: Say, cache: Path, environ: Mapping[str, str]) -> TemporalBinary | None:
    if found := _cached(say, cache):
        return found
    for name in ("temporal-server", "temporal"):
        program = shutil.which(name, path=environ.get("PATH", ""))
        if program and (found := _usable(say, Path(program))):
            return found
    return None


def _cached(say: Say, cache: Path) -> TemporalBinary | None:
    for path in (_cached_server(cache), _cached_cli(cache)):
        if path.exists() and (found := _usable(say, path)):
            return found
    return None


def _cached_server(cache: Path) -> Path:
    return cache / f"server-{_dotted(SERVER_VERSION)}"


def _cached_cli(cache: Path) -> Path:
    return cache / "temporal-cli"


def _usable(say: Say, path: Path) -> TemporalBinary | None:
    """Ask a program for its version; None, and a sentence why, when it is no Temporal or too old."""
    try:
        answer = subprocess.run(
            [path, "--version"], capture_output=True, text=True, timeout=VERSION_SECONDS, check=True
        ).stdout
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        say(f"Passing over {path}: it does not tell its version.")
        return None
    # The CLI says "temporal version 1.8.0 (Server 1.32.0, UI 2.50.0)", the server "temporal version 1.32.0".
    bundled = re.search(r"\bServer (\d+)\.(\d+)\.(\d+)", answer)
    told = bundled or re.search(r"\bversion (\d+)\.(\d+)\.(\d+)", answer)
    if told is None:
        say(f"Passing over {path}: it does not say which Temporal server it is.")
        return None
    version = tuple(int(part) for part in told.groups())
    if version < SERVER_VERSION:
        say(
            f"Passing over {path}: its Temporal server is {_dotted(version)}, "
            f"and only {_dotted(SERVER_VERSION)} and later can move clocks."
        )
        return None
    return TemporalBinary(path, "cli" if bundled else "server", _dotted(version))


def _downloaded(say: Say, cache: Path, environ: Mapping[str, str]) -> TemporalBinary | None:
    say("No Temporal server here yet: downloading the one that comes with the Temporal SDK.")
    with tempfile.TemporaryDirectory(prefix="new-", dir=cache) as folder:
        command = [sys.executable, "-m", temporal_download.__name__, folder]
        try:
            done = subprocess.run(
                leash.held(command),
                env=dict(environ),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=DOWNLOAD_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            say(f"The download did not end within {DOWNLOAD_SECONDS} s.")
            return None
        executable = next((path for path in Path(folder).iterdir() if os.access(path, os.X_OK)), None)
        if done.returncode or executable is None:
            offline = done.returncode == temporal_download.UNREACHABLE
            say("The download site cannot be reached." if offline else "The download did not work.")
            return None
        executable.replace(_cached_cli(cache))
    return _usable(say, _cached_cli(cache))


def _built(say: Say, cache: Path, environ: Mapping[str, str]) -> TemporalBinary | None:
    go = shutil.which("go", path=environ.get("PATH", ""))
    if go is None:
        say("There is no Go here to build a Temporal server with.")
        return None
    say(f"Building Temporal server {_dotted(SERVER_VERSION)} with Go: it takes about 5 minutes, once.")
    log = cache / "build.log"
    with tempfile.TemporaryDirectory(prefix="new-", dir=cache) as folder:
        started = time.monotonic()
        if not _build(say, [go, "install", "-v", MODULE], {**environ, "GOBIN": folder}, log):
            say(f"The build did not work: {log} says why.")
            return None
        (Path(folder) / "server").replace(_cached_server(cache))
    say(f"Built it in {_clock(time.monotonic() - started)}; it is kept in {cache}.")
    return _usable(say, _cached_server(cache))


def _build(say: Say, command: list[str], environ: Mapping[str, str], log: Path) -> bool:
    """Run the compiler, saying now and then how far it is; whether it worked."""
    started = time.monotonic()
    with (
        log.open("wb") as output,
        subprocess.Popen(
            leash.held(command), env=dict(environ), stdin=subprocess.DEVNULL, stdout=output, stderr=output
        ) as compiler,
    ):
        try:
            while True:
                try:
                    return compiler.wait(TELL_EVERY_SECONDS) == 0
                except subprocess.TimeoutExpired:
                    elapsed = time.monotonic() - started
                    if elapsed > BUILD_SECONDS:
                        return False
                    say(f"Building the Temporal server: {_clock(elapsed)}, {_progress(log)}.")
        finally:
            compiler.kill()


def _progress(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    compiled = sum(1 for line in lines if not line.startswith("go:"))
    if not compiled:
        return f"{len(lines):,} modules downloaded"
    return f"{compiled:,} of about {PACKAGES_ABOUT:,} packages"


@contextmanager
def _alone(say: Say, cache: Path) -> Iterator[None]:
    """Hold the cache's lock, and clear away what a run that was killed had begun."""
    with (cache / "lock").open("a", encoding="ascii") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Another run is getting the Temporal server: waiting for it.")
            fcntl.flock(lock, fcntl.LOCK_EX)
        for leftover in cache.glob("new-*"):
            shutil.rmtree(leftover, ignore_errors=True)
        yield


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(str(part) for part in version)


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02} min"


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    try:
        find(_say, environ=os.environ)
    except ConfigurationError as error:
        sys.exit(error.sentence)
