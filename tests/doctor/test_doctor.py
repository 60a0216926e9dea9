"""What the doctor says of an installation that is not there, that runs, and that lost its workflows."""

import asyncio
import os
import re
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from live import Live
from sqlmodel import col, update

from returndesk.doctor import Finding, examine
from returndesk.embedded.listening import free_ports
from returndesk.installation import Installation
from returndesk.messages import return_workflow_id, upkeep_workflow_id
from returndesk.repair import repair
from returndesk.settings import Settings
from returndesk.store import tables
from returndesk.store.migrate import upgrade

ROOT = Path(__file__).parents[2]


@pytest.fixture
def nothing(tmp_path: Path) -> Installation:
    """An installation that was never started."""
    api, processor, mail, temporal = free_ports(4)
    return Installation(
        Settings(
            _env_file=None,  # type: ignore[call-arg]
            RETURNDESK_DATA=tmp_path / "state",
            RETURNDESK_API_PORT=api,
            RETURNDESK_STRIPE_PORT=processor,
            RETURNDESK_SMTP_PORT=mail,
            TEMPORAL_ADDRESS=None,
            RETURNDESK_TEMPORAL_PORT=temporal,
        )
    )


async def test_where_nothing_runs_the_doctor_says_so_and_touches_nothing(
    nothing: Installation, tmp_path: Path
) -> None:
    findings = by_part(await examine(nothing))
    assert {part for part, finding in findings.items() if finding.answers} == {"settings", "policy"}
    assert all(finding.advice for finding in findings.values() if not finding.answers)
    assert nothing.data == tmp_path / "state"
    assert not nothing.data.exists()


async def test_where_everything_runs_every_part_answers(live: Live) -> None:
    findings = by_part(await examine(live.installation))
    silent = {part: finding for part, finding in findings.items() if not finding.answers}
    assert not silent
    assert set(findings) >= {
        "database",
        "Temporal",
        "worker",
        "upkeep",
        "Stripe",
        "mail",
        "photos",
        "API",
        "returns",
        "commands",
        "events",
        "notices",
        "refunds",
    }


async def test_repair_starts_an_open_return_that_lost_its_run_and_it_goes_on(live: Live) -> None:
    rma = await live.request(await live.dress(), 1)
    run = live.client.get_workflow_handle(return_workflow_id(rma))
    await run.terminate()
    found = by_part(await examine(live.installation))["returns"]
    assert (found.answers, found.advice) == (False, "Run: returndesk doctor --repair.")
    assert found.what.endswith(f"open do not run: {rma}")
    looked_at: list[tuple[int, int]] = []
    [said] = await repair(live.installation, lambda done, of: looked_at.append((done, of)))
    assert re.fullmatch(rf"1 of \d+ open returns? did not run: started {rma}\.", said)
    assert looked_at
    [said] = await repair(live.installation)
    assert re.fullmatch(
        r"Nothing was to be done: \d+ open returns? and the upkeep run\. Nothing was changed\.", said
    )
    assert by_part(await examine(live.installation))["returns"].answers
    await live.does(rma, "authorization")
    assert (await live.view(rma))["stage"] == "authorized"


async def test_the_command_reports_without_repair_and_says_what_it_did_with_it(live: Live) -> None:
    s = live.installation.settings
    environment = {
        "PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "NO_COLOR": "1", "COLUMNS": "200",
        "RETURNDESK_DATA": str(s.data), "RETURNDESK_DATABASE_URL": live.database.url,
        "RETURNDESK_SECRET": "a secret of a test's installation", "RETURNDESK_API_PORT": str(s.api_port),
        "RETURNDESK_STRIPE_PORT": str(s.stripe_port), "RETURNDESK_SMTP_PORT": str(s.smtp_port),
        "TEMPORAL_ADDRESS": s.temporal_address or "", "TEMPORAL_NAMESPACE": s.temporal_namespace,
    }  # fmt: skip

    async def doctor(*words: str) -> tuple[int, str]:
        command = [sys.executable, "-m", "returndesk", "doctor", *words]
        done = await asyncio.to_thread(
            subprocess.run, command, env=environment, cwd=ROOT, text=True, capture_output=True, check=False
        )
        assert "Traceback" not in done.stderr
        return done.returncode, done.stdout

    rma = await live.request(await live.dress(), 1)
    await live.client.get_workflow_handle(return_workflow_id(rma)).terminate()
    code, said = await doctor()
    assert code == 1
    assert re.search(
        rf"--  returns: 1 of \d+ open do not run: {rma}\n    Run: returndesk doctor --repair\.", said
    )
    code, said = await doctor("--repair")
    assert (code, said.splitlines()[-1].partition(" open ")[2]) == (0, f"returns did not run: started {rma}.")
    code, said = await doctor("--repair")
    assert said.splitlines()[-1].startswith("Nothing was to be done: ")
    code, said = await doctor()
    assert (code, "--repair" in said) == (0, False)


async def test_repair_starts_the_upkeep_that_ended(live: Live) -> None:
    await live.client.get_workflow_handle(upkeep_workflow_id("sweep")).terminate()
    assert not by_part(await examine(live.installation))["upkeep"].answers
    assert await repair(live.installation) == ["The upkeep's sweep did not run: started it."]
    assert by_part(await examine(live.installation))["upkeep"].answers


async def test_what_waits_in_books_that_nobody_works_on_is_counted(nothing: Installation) -> None:
    nothing.data.mkdir(parents=True)
    upgrade(nothing.database)
    long_ago = nothing.clock.now() - timedelta(hours=1)
    with nothing.database.write() as session:
        for number, at in enumerate((long_ago, nothing.clock.now())):
            session.add(
                tables.ProcessorEvent(
                    id=f"evt_{number}", type="refund.updated", object_reference="re_1", received_at=at
                )
            )
            session.add(
                tables.Command(
                    id=f"cmd_{number}", rma="RMA-7K3M-Q9TX", kind="request", actor_id="rep-1", role="rep",
                    policy_version="v", idempotency_key=str(number), input_hash="h", recorded_at=at,
                )
            )  # fmt: skip
        session.add(
            tables.Task(
                id="x/mail_refused_1", queue="contact_customer", kind="mail_refused", owner_role="rep",
                created_at=long_ago, due_at=long_ago,
            )
        )  # fmt: skip
    found = by_part(await examine(nothing))
    assert found["commands"].what == "1 without an outcome for more than 15 s"
    assert found["events"].what == "1 of the processor's not acted upon for more than a minute"
    assert not found["commands"].answers
    assert not found["events"].answers
    assert "1 refused for good" in found["notices"].what
    nothing.database.close()


async def test_a_notice_that_has_waited_for_long_is_named(live: Live) -> None:
    rma = await live.request(await live.dress(), 1)
    await live.is_quiet()
    long_ago = live.now() - timedelta(hours=1)
    with live.database.write() as session:
        session.exec(
            update(tables.Notice)
            .where(col(tables.Notice.rma) == rma)
            .values(written_at=long_ago, due_at=live.now() + timedelta(hours=1), settled_at=None)
        )
    found = by_part(await examine(live.installation))["notices"]
    assert not found.answers
    assert found.what.startswith("1 waiting")


def by_part(findings: list[Finding]) -> dict[str, Finding]:
    return {finding.part: finding for finding in findings}
