"""The command line: every command has its help, every mistake is one sentence and exit code 1."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from returndesk.clock_moving import read_duration
from returndesk.domain.errors import InvalidInput

ROOT = Path(__file__).parents[1]
COMMANDS = ["up", "worker", "api", "migrate", "sandbox", "orders import", "token create", "clock advance",
            "policy show", "policy check", "audit verify", "doctor", "user add", "user password", "user disable",
            "user enable", "user list", "roles"]  # fmt: skip


class Program:
    """The program with a state folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        kept = {
            k: v for k, v in os.environ.items() if not k.startswith(("RETURNDESK_", "TEMPORAL_", "STRIPE_"))
        }
        self.environment = kept | {"RETURNDESK_DATA": str(folder / "state"), "PYTHONPATH": str(ROOT),
                                   "COLUMNS": "120", "NO_COLOR": "1"}  # fmt: skip

    def __call__(self, *words: str, **settings: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "returndesk", *words], cwd=self.folder, text=True, capture_output=True,
            env=self.environment | settings, check=False,
        )  # fmt: skip

    def refuses(self, *words: str, **settings: str) -> str:
        """The one sentence a command ends with."""
        done = self(*words, **settings)
        assert done.returncode == 1, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done.stderr.strip()


@pytest.fixture
def program(tmp_path: Path) -> Program:
    return Program(tmp_path)


def test_the_help_names_every_command(program: Program) -> None:
    said = program("--help")
    assert said.returncode == 0
    for command in COMMANDS:
        assert command.split()[0] in said.stdout
    for group in ("orders", "token", "clock", "policy", "audit", "user"):
        inner = program(group, "--help").stdout
        for command in COMMANDS:
            if command.startswith(f"{group} "):
                assert command.split()[1] in inner


def test_migrate_brings_the_database_up_to_date_once(program: Program) -> None:
    first, again = program("migrate"), program("migrate")
    assert first.stdout.startswith("Migrated: 0001")
    assert again.stdout == "The database is up to date.\n"
    assert (program.folder / "state").exists()


def test_a_token_is_shown_once_and_is_of_a_known_role_and_an_id(program: Program) -> None:
    program("migrate")
    made = program("token", "create", "--role", "rep")
    assert re.fullmatch(r"rdk_[\w-]{43}\n", made.stdout)
    assert "no name, no address" in program.refuses(
        "token", "create", "--role", "rep", "--actor", "jane@canary.example"
    )
    assert "Nobody signs in with the role system" in program.refuses("token", "create", "--role", "system")
    assert program("token", "create", "--role", "canary").returncode == 2


def test_without_a_database_the_sentence_says_what_to_run(program: Program) -> None:
    assert "run `returndesk migrate`" in program.refuses("token", "create", "--role", "rep")
    assert "run `returndesk migrate`" in program.refuses("audit", "verify")
    assert "RETURNDESK_DATABASE_URL" in program.refuses(
        "token", "create", "--role", "rep", RETURNDESK_SECRET="s" * 32,
        RETURNDESK_DATABASE_URL="postgresql+psycopg://canary:canary@127.0.0.1:1/x",
    )  # fmt: skip


def test_a_broken_policy_is_told_by_field(program: Program) -> None:
    good = (ROOT / "policy.toml").read_text()
    (program.folder / "good.toml").write_text(good)
    (program.folder / "broken.toml").write_text(good.replace("window_days = 30", "window_days = -1"))
    (program.folder / "mars.toml").write_text(good.replace('country = "GB"', 'country = "MARS"'))
    (program.folder / "words.toml").write_text("this is no policy")
    assert program("policy", "check", "good.toml").stdout.endswith(": this policy can be used.\n")
    assert "returns.window_days" in program.refuses("policy", "check", "broken.toml")
    assert "country" in program.refuses("policy", "check", "mars.toml")
    assert "not valid TOML" in program.refuses("policy", "check", "words.toml")
    assert "No such file" in program.refuses("policy", "check", "nowhere.toml")
    assert "RETURNDESK_POLICY" in program.refuses("policy", "show", RETURNDESK_POLICY="nowhere.toml")


def test_the_policy_in_force_is_shown_with_its_version(program: Program) -> None:
    shown = program("policy", "show").stdout
    assert re.match(r"# 2026-11\+[0-9a-f]{8}\n", shown)
    assert "processing_business_days = 5" in shown


def test_orders_are_imported_once(program: Program) -> None:
    program("migrate")
    file = str(ROOT / "examples" / "orders.csv")
    assert (
        "Imported 6 orders, 0 were here already, 0 rows refused." in program("orders", "import", file).stdout
    )
    assert (
        "Imported 0 orders, 6 were here already, 0 rows refused." in program("orders", "import", file).stdout
    )
    program.refuses("orders", "import", "nowhere.csv")


def test_rows_that_are_refused_are_told_by_line(program: Program) -> None:
    program("migrate")
    lines = (ROOT / "examples" / "orders.csv").read_text().splitlines()
    lines[1] = lines[1].replace("GBP", "POUNDS")
    (program.folder / "orders.csv").write_text("\n".join(lines))
    said = program("orders", "import", "orders.csv")
    assert said.returncode == 1
    assert "Line 2: " in said.stderr
    assert "Imported 5 orders" in said.stdout


def test_the_clock_is_moved_only_where_nothing_is_real(program: Program) -> None:
    real = {"STRIPE_API_KEY": "sk_test_1", "RETURNDESK_SECRET": "s" * 32}
    said = program.refuses("clock", "advance", "5d", **real)
    assert said == "The clock is only moved where every outside part is embedded. Nothing was changed."
    assert "such as 5d, 36h or 1d12h" in program.refuses("clock", "advance", "tomorrow")
    assert "Temporal does not answer" in program.refuses(
        "clock", "advance", "5d", RETURNDESK_TEMPORAL_PORT="1"
    )


def test_half_set_settings_are_a_sentence_for_every_command(program: Program) -> None:
    for words in (["migrate"], ["policy", "show"], ["api"], ["worker"], ["token", "create", "--role", "rep"]):
        assert "STRIPE_API_KEY is not" in program.refuses(*words, STRIPE_API_BASE="http://127.0.0.1:1")


def test_an_api_or_a_worker_without_temporal_says_so(program: Program) -> None:
    for command in ("api", "worker"):
        said = program.refuses(command, RETURNDESK_TEMPORAL_PORT="1", RETURNDESK_API_PORT="0")
        assert said.startswith("Temporal does not answer at 127.0.0.1:1."), said


@pytest.mark.parametrize(
    ("written", "seconds"), [("5d", 432_000), ("36h", 129_600), ("1d12h", 129_600), ("90m", 5_400), ("0d", 0)]
)
def test_a_duration_is_read_as_people_write_it(written: str, seconds: int) -> None:
    assert read_duration(written).total_seconds() == seconds


@pytest.mark.parametrize(
    "written", ["", "5", "d", "-5d", "5 days", "1.5d", "5d!", "9" * 12 + "d", "9" * 5000 + "d"]
)
def test_what_is_no_duration_is_refused(written: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_duration(written)
    assert refused.value.code == "duration_invalid"
