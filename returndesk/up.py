"""`returndesk up`: everything an installation needs, the sample run where nothing is real, and where things are."""

import asyncio
import os
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from zoneinfo import ZoneInfo

from returndesk.domain.money import format_plain
from returndesk.domain.people import Actor, Role
from returndesk.domain.stages import ENDED
from returndesk.embedded.processes import Interrupted, Supervisor
from returndesk.installation import Installation
from returndesk.running import everything
from returndesk.samples.display import Display
from returndesk.samples.progress import Progress
from returndesk.samples.run import SampleRun, SampleTrouble
from returndesk.store import accounts, tables, tokens

TOKENS_FOLDER = "tokens"
SIGN_INS_FILE = "sign-ins"
PEOPLE = {
    "rep-1": Role.REP,
    "rep-2": Role.REP,
    "warehouse-1": Role.WAREHOUSE,
    "finance-1": Role.FINANCE,
    "manager-1": Role.MANAGER,
    "admin-1": Role.ADMIN,
}
"""Who may sign in from the first start, where nothing is real; two reps, so that they can meet on one return."""
_ROLES = (Role.REP, Role.WAREHOUSE, Role.FINANCE, Role.MANAGER, Role.ADMIN)


async def run(installation: Installation, *, once: bool = False) -> None:
    """Start everything, run the samples, and stay up until a signal; with `once`, end after the samples.

    Raises `SampleTrouble` where `once` and a sample did not end as it should, and `ConfigurationError` with a
    sentence where something is missing, taken or unwritable.
    """
    display = Display(installation.clock, ZoneInfo(installation.policy.shop.zone))
    with suppress(Interrupted):
        async with everything(installation, display.say) as supervisor:
            if installation.settings.all_embedded:
                await asyncio.to_thread(keep_sign_ins, installation)
                _say_first(installation, display)
                await _samples(installation, display, supervisor, once=once)
            else:
                _say_what_is_real(installation, display)
            _say_where(installation, display)
            if not once:
                display.say("\nCtrl-C stops everything.")
                await supervisor.run_until_signal()
    if not once:
        display.say("Stopped. The next start goes on from here.")


async def _samples(
    installation: Installation, display: Display, supervisor: Supervisor, *, once: bool
) -> None:
    run = SampleRun(installation, keep_tokens(installation), display.say, display.show)
    with display.samples():
        all_progress = await _unless_stopped(run, supervisor)
    links = {p.rma: installation.links.status(p.rma) for p in all_progress if p.rma is not None}
    display.timelines(all_progress, links)
    _sum_up(display, all_progress, once=once)


async def _unless_stopped(run: SampleRun, supervisor: Supervisor) -> list[Progress]:
    """What the run found. Raises `Interrupted` when a signal comes first."""
    running = asyncio.ensure_future(run.go())
    stopped = asyncio.ensure_future(supervisor.run_until_signal())
    try:
        await asyncio.wait({running, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            return running.result()
        stopped.result()
        raise Interrupted("interrupted", "Stopped in the middle of the sample run.")
    finally:
        for task in (running, stopped):
            task.cancel()
        await asyncio.gather(running, stopped, return_exceptions=True)


def _sum_up(display: Display, all_progress: Sequence[Progress], *, once: bool) -> None:
    stages = Counter(p.stage for p in all_progress)
    counts = ", ".join(f"{count} {stage or 'not begun'}" for stage, count in stages.items())
    refunded = format_plain(sum(p.paid_minor for p in all_progress), "GBP")
    mails = sum(len(p.mail_subjects) for p in all_progress)
    display.say(
        f"\n{len(all_progress)} sample returns: {counts}. Stripe refunded {refunded} GBP; {mails} mails."
    )
    left_open = [
        p.sample.order_reference for p in all_progress if p.sample.is_left_open and p.stage not in ENDED
    ]
    if left_open:
        verb = "is" if len(left_open) == 1 else "are"
        display.say(f"{', '.join(left_open)} {verb} left open: the desks list them, for you to go on with.")
    trouble = [sentence for p in all_progress for sentence in p.trouble]
    if not trouble:
        display.say("Each one stands as it should, by what Stripe and the mailbox say.")
    elif once:
        raise SampleTrouble("sample_trouble", "\n".join(trouble))
    else:
        display.say("\n".join(trouble))


def keep_tokens(installation: Installation) -> dict[Role, str]:
    """A token for each role, in files that only their owner reads; made anew where one is missing or revoked."""
    folder = installation.data / TOKENS_FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    return {role: _kept_token(installation, folder / role, role) for role in _ROLES}


def _kept_token(installation: Installation, path: Path, role: Role) -> str:
    actor = Actor(f"{role}-1", role)
    kept = path.read_text().strip() if path.exists() else ""
    with installation.database.read() as session:
        if kept and tokens.identify(session, kept) == actor:
            return kept
    with installation.database.write() as session:
        secret = tokens.create(session, role, actor.id, installation.clock.now())
    _write_secret(path, f"{secret}\n")
    return secret


def keep_sign_ins(installation: Installation) -> None:
    """Let the first people in, once, with passwords that lie in a file only its owner reads, a line each.

    The file is there before the books are: a start that breaks off between the two begins anew.
    """
    with installation.database.read() as session:
        if any(session.get(tables.User, user_id) is not None for user_id in PEOPLE):
            return
    passwords = {user_id: accounts.generated_password() for user_id in PEOPLE}
    hashes = {user_id: accounts.new_hash(password, user_id) for user_id, password in passwords.items()}
    _write_secret(
        installation.data / SIGN_INS_FILE, "".join(f"{who} {what}\n" for who, what in passwords.items())
    )
    with installation.database.write() as session:
        for user_id, role in PEOPLE.items():
            now = installation.clock.now()
            accounts.add(session, user_id, role, hashes[user_id], must_change=False, now=now)


def _write_secret(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)


def _say_what_is_real(installation: Installation, display: Display) -> None:
    real = [name for name, is_real in installation.settings.outside.items() if is_real]
    verb = "is" if len(real) == 1 else "are"
    sentence = f"{', '.join(real)} {verb} real: no samples are loaded, and no clock is moved."
    display.say(sentence[0].upper() + sentence[1:])
    display.say("Let somebody sign in with: returndesk user add rep-1 --role rep")
    display.say("Make a token with: returndesk token create --role rep")


def _say_first(installation: Installation, display: Display) -> None:
    """Where to look while the samples run, for who does not want to wait for them."""
    signs_in = f"{installation.links.public_url}/sign-in"
    display.say(
        f"The desks are open: {signs_in} (passwords: {_shortest(installation.data / SIGN_INS_FILE)})."
    )
    display.say(
        "Now the sample returns live through what is left of their five weeks; what you do meanwhile stays yours.\n"
    )


def _say_where(installation: Installation, display: Display) -> None:
    """Where everything is, for a person with a browser and a shell."""
    s = installation.settings
    rows = [
        ("desks", f"{installation.links.public_url}/sign-in"),
        ("API", f"http://{s.api_host}:{s.api_port}/api/v1 (described in /api/v1/openapi.json)"),
    ]
    if s.all_embedded:
        rows.insert(
            1, ("passwords", f"{_shortest(installation.data / SIGN_INS_FILE)}: of {', '.join(PEOPLE)}")
        )
        shown = _shortest(installation.data / TOKENS_FOLDER)
        rows.append(("tokens", f"{shown}/: {', '.join(_ROLES)}"))
        rows.append(("clock", f"{display.moment(installation.clock.now())}, the shop's time"))
    if s.smtp_url is None:
        rows.append(("mailbox", installation.links.mailbox()))
    if s.stripe_api_key is None:
        rows.append(("Stripe", f"{installation.stripe_base}/_sandbox/state (the sandbox's own books)"))
    rows.append(("Temporal", installation.temporal_address))
    rows.append(("logs", f"{_shortest(installation.data / 'logs')}/"))
    display.say("")
    for name, where in rows:
        display.say(f"  {name:<9} {where}")


def _shortest(path: Path) -> Path:
    """The path as one would type it here."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path
