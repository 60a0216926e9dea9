"""Finding a Temporal server: each step of the search with programs that stand in for the real ones."""

import threading
from pathlib import Path

import pytest

from returndesk.domain.errors import ConfigurationError
from returndesk.embedded.listening import free_port
from returndesk.embedded.temporal_find import cache_folder, find

NEW_CLI = "echo 'temporal version 1.8.0 (Server 1.32.1, UI 2.50.0)'"
OLD_CLI = "echo 'temporal version 1.5.1 (Server 1.29.1, UI 2.42.1)'"
SERVER = "echo 'temporal version 1.32.0'"


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """An empty home, only our programs on PATH, and a proxy that is not there: nothing can be downloaded."""
    (tmp_path / "bin").mkdir()
    return {
        "HOME": str(tmp_path / "home"),
        "PATH": str(tmp_path / "bin"),
        "HTTPS_PROXY": f"http://127.0.0.1:{free_port()}",
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }


def test_an_address_that_is_given_leaves_nothing_to_start(environ: dict[str, str]) -> None:
    said: list[str] = []
    assert find(said.append, environ={**environ, "TEMPORAL_ADDRESS": "temporal.example:7233"}) is None
    assert said == []


def test_a_new_command_line_on_the_path_is_used(environ: dict[str, str]) -> None:
    found = find(print, environ={**environ, "PATH": str(program(environ, "temporal", NEW_CLI).parent)})
    assert found is not None
    assert (found.kind, found.version) == ("cli", "1.32.1")


def test_the_cache_comes_before_the_path(environ: dict[str, str]) -> None:
    program(environ, "temporal", NEW_CLI)
    cached = script(cache_folder(environ) / "server-1.32.0", SERVER)
    found = find(print, environ=environ)
    assert found is not None
    assert (found.path, found.kind) == (cached, "server")


def test_an_old_one_is_passed_over_and_the_error_says_what_to_install(environ: dict[str, str]) -> None:
    said: list[str] = []
    old = program(environ, "temporal", OLD_CLI)
    with pytest.raises(ConfigurationError) as refused:
        find(said.append, environ=environ)
    assert said == [
        f"Passing over {old}: its Temporal server is 1.29.1, and only 1.32.0 and later can move clocks.",
        "No Temporal server here yet: downloading the one that comes with the Temporal SDK.",
        "The download did not work.",
        "There is no Go here to build a Temporal server with.",
    ]
    assert "install the Temporal CLI" in refused.value.sentence
    assert "TEMPORAL_ADDRESS" in refused.value.sentence


def test_a_program_that_is_no_temporal_is_passed_over(environ: dict[str, str]) -> None:
    said: list[str] = []
    broken = program(environ, "temporal", "exit 1")
    with pytest.raises(ConfigurationError):
        find(said.append, environ=environ)
    assert said[0] == f"Passing over {broken}: it does not tell its version."


def test_with_go_it_is_built_once_even_when_two_want_it(environ: dict[str, str], tmp_path: Path) -> None:
    program(environ, "go", f"echo $$ >> {tmp_path}/builds; {places(SERVER)}")
    said: list[str] = []
    threads = [threading.Thread(target=find, args=(said.append,), kwargs={"environ": environ}) for _ in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    found = find(said.append, environ=environ)
    assert found is not None
    assert found.path == cache_folder(environ) / "server-1.32.0"
    assert len((tmp_path / "builds").read_text().split()) == 1
    assert any("takes about 5 minutes, once" in sentence for sentence in said)


def test_a_build_that_fails_leaves_no_server_behind(environ: dict[str, str]) -> None:
    program(environ, "go", f"{places(SERVER)}; echo 'compiler gave up' >&2; exit 1")
    said: list[str] = []
    with pytest.raises(ConfigurationError):
        find(said.append, environ=environ)
    log = cache_folder(environ) / "build.log"
    assert said[-1] == f"The build did not work: {log} says why."
    assert "compiler gave up" in log.read_text()
    assert sorted(path.name for path in cache_folder(environ).iterdir()) == ["build.log", "lock"]


def test_what_a_killed_build_left_is_cleared_away(environ: dict[str, str]) -> None:
    leftover = script(cache_folder(environ) / "new-killed" / "server", SERVER)
    with pytest.raises(ConfigurationError):
        find(print, environ=environ)
    assert not leftover.exists()


def test_a_cache_that_cannot_be_written_to_is_a_sentence(environ: dict[str, str]) -> None:
    Path(environ["HOME"]).mkdir()
    (Path(environ["HOME"]) / ".cache").write_text("a file where the folder should be", encoding="utf-8")
    with pytest.raises(ConfigurationError) as refused:
        find(print, environ=environ)
    assert refused.value.code == "cache_unwritable"
    assert "XDG_CACHE_HOME" in refused.value.sentence


def test_a_relative_cache_folder_is_ignored(environ: dict[str, str]) -> None:
    cache = cache_folder({**environ, "XDG_CACHE_HOME": "here"})
    assert cache == Path(environ["HOME"]) / ".cache" / "returndesk" / "temporal"


def places(version: str) -> str:
    """A line of shell that puts a server where `go install` would."""
    return f"""printf '#!/bin/sh\\n%s\\n' "{version}" > $GOBIN/server; {CHMOD} $GOBIN/server"""


CHMOD = "/bin/chmod 755"


def program(environ: dict[str, str], name: str, shell: str) -> Path:
    return script(Path(environ["PATH"]) / name, shell)


def script(path: Path, shell: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{shell}\n")
    path.chmod(0o755)
    return path
