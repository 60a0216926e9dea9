"""The command line. Every command says what it did, or in one sentence what is wrong and what to do."""

import asyncio
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from returndesk.domain.errors import ReturndeskError
from returndesk.domain.people import Role

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="returndesk runs a shop's returns: from the customer's contact to the refund, on time and on the books.",
)
orders_app = typer.Typer(no_args_is_help=True, help="Orders in.")
token_app = typer.Typer(no_args_is_help=True, help="Who may call the API.")
user_app = typer.Typer(no_args_is_help=True, help="Who may sign in at a desk.")
clock_app = typer.Typer(no_args_is_help=True, help="The embedded clock.")
policy_app = typer.Typer(no_args_is_help=True, help="The policy file.")
audit_app = typer.Typer(no_args_is_help=True, help="Whether what is written down is whole.")
app.add_typer(orders_app, name="orders")
app.add_typer(token_app, name="token")
app.add_typer(user_app, name="user")
app.add_typer(clock_app, name="clock")
app.add_typer(policy_app, name="policy")
app.add_typer(audit_app, name="audit")


def main() -> None:
    """Run a command; an error is a sentence and exit code 1, never a traceback, which may quote anything."""
    try:
        app(standalone_mode=True)
    except ReturndeskError as error:
        sys.exit(error.sentence)
    except OSError as error:
        of_what = f" ({error.filename})" if error.filename else ""
        sys.exit(f"{error.strerror or type(error).__name__}{of_what}. Nothing more was done.")
    except Exception as error:
        from sqlalchemy.exc import DBAPIError

        if isinstance(error, DBAPIError):
            sys.exit(
                "The database does not answer, or is not set up: run `returndesk migrate`, and see that "
                "RETURNDESK_DATABASE_URL is right where it is set."
            )
        from returndesk.logs import place

        sys.exit(f"Something unexpected went wrong: {type(error).__name__} at {place(error)}.")


def _installation() -> Any:
    from returndesk.installation import Installation
    from returndesk.logs import set_up
    from returndesk.settings import read_settings

    set_up()
    return Installation(read_settings())


def _run(work: Coroutine[Any, Any, None]) -> None:
    if sys.platform != "win32":
        import uvloop

        uvloop.run(work)
    else:
        asyncio.run(work)


@app.command()
def worker() -> None:
    """Run a worker: the returns' workflows and their activities."""
    import worker as root

    _run(root.run(_installation()))


@app.command()
def api() -> None:
    """Run the API and the pages."""
    from returndesk.running import serve_api

    _run(serve_api(_installation()))


@app.command()
def sandbox() -> None:
    """Run the stand-ins for Stripe and for a mail server."""
    from returndesk.running import serve_sandbox

    _run(serve_sandbox(_installation()))


@app.command()
def migrate() -> None:
    """Bring the database to this version."""
    from returndesk.store import migrate as migrations

    installation = _installation()
    installation.data.mkdir(parents=True, exist_ok=True)
    applied = migrations.upgrade(installation.database)
    typer.echo(f"Migrated: {', '.join(applied)}." if applied else "The database is up to date.")


@token_app.command("create")
def token_create(
    role: Annotated[Role, typer.Option(help="What the token may do.")],
    actor: Annotated[str | None, typer.Option(help="Whose it is: an id, no name or address.")] = None,
) -> None:
    """Make a bearer token. It is shown once; only its hash is kept."""
    from returndesk.store import tokens

    installation = _installation()
    with installation.database.write() as session:
        secret = tokens.create(session, role, actor or f"{role}-1", installation.clock.now())
    typer.echo(secret)


UserId = Annotated[str, typer.Argument(help="An id such as rep-7: no name, no address.", metavar="ID")]
Generate = Annotated[
    bool, typer.Option(help="Make a password, print it once, and have it changed at the first sign-in.")
]


@user_app.command("add")
def user_add(
    user_id: UserId,
    role: Annotated[Role, typer.Option(help="What they may do.")],
    generate: Generate = False,
) -> None:
    """Let somebody sign in. Only a hash of the password is kept."""
    from returndesk.store import accounts

    installation = _installation()
    accounts.check_id(user_id)
    password = _new_password(user_id, generate=generate)
    with installation.database.write() as session:
        accounts.add(
            session,
            user_id,
            role,
            accounts.new_hash(password, user_id),
            must_change=generate,
            now=installation.clock.now(),
        )
    typer.echo(f"{user_id} may sign in, as {role}, at {installation.links.public_url}/sign-in", err=True)
    if generate:
        typer.echo(password)


@user_app.command("password")
def user_password(user_id: UserId, generate: Generate = False) -> None:
    """Set somebody's password anew. All their sign-ins end."""
    from returndesk.store import accounts

    installation = _installation()
    with installation.database.read() as session:
        accounts.account(session, user_id)
    password = _new_password(user_id, generate=generate)
    fresh, now = accounts.new_hash(password, user_id), installation.clock.now()
    with installation.database.write() as session:
        accounts.set_password(session, user_id, fresh, must_change=generate, now=now)
    typer.echo(f"{user_id} has another password, and is signed out everywhere.", err=True)
    if generate:
        typer.echo(password)


@user_app.command("disable")
def user_disable(user_id: UserId) -> None:
    """Let somebody in no more: their sign-ins end, and the tokens of the same id."""
    from returndesk.store import accounts

    installation = _installation()
    with installation.database.write() as session:
        ended = accounts.disable(session, user_id, installation.clock.now())
    typer.echo(f"{user_id} may not sign in any more. Tokens ended: {ended}.")


@user_app.command("enable")
def user_enable(user_id: UserId) -> None:
    """Let somebody in again, with the password they had. Their tokens stay ended."""
    from returndesk.store import accounts

    installation = _installation()
    with installation.database.write() as session:
        accounts.enable(session, user_id)
    typer.echo(f"{user_id} may sign in again. Tokens that were ended stay so: make new ones.")


@user_app.command("list")
def user_list() -> None:
    """Everybody who was ever let in, with their role and how it stands."""
    from returndesk.store import accounts

    installation = _installation()
    with installation.database.read() as session:
        everybody = accounts.all_accounts(session)
    for one in everybody:
        stands = "disabled" if one.disabled_at else "to take a password" if one.must_change else "may sign in"
        typer.echo(f"{one.id:<20} {one.role:<10} {stands:<20} since {one.created_at:%Y-%m-%d}")
    if not everybody:
        typer.echo("Nobody yet: returndesk user add rep-1 --role rep")


def _new_password(user_id: str, *, generate: bool) -> str:
    """A generated password, or one that is typed twice. Raises `InvalidInput` where it will not do."""
    from returndesk.domain.passwords import check_password
    from returndesk.store.accounts import generated_password

    if generate:
        return generated_password()
    password: str = typer.prompt("Password", hide_input=True, confirmation_prompt="Once more", err=True)
    check_password(password, user_id)
    return password


@app.command()
def roles() -> None:
    """Print which role may call what, as the program itself has it."""
    from api.role_matrix import printed

    for line in printed():
        typer.echo(line)


@orders_app.command("import")
def orders_import(
    file: Annotated[Path, typer.Argument(help="A CSV file; examples/orders.csv shows the columns.")],
) -> None:
    """Import orders. An order with a mistake is refused whole; the others are imported."""
    from rich.progress import Progress

    from returndesk.order_files import import_orders

    installation = _installation()
    with Progress(transient=True) as bar:
        task = bar.add_task(f"Importing {file.name}", total=None)
        report = import_orders(
            installation.database,
            file,
            now=installation.clock.now(),
            secret=installation.keyring.secret,
            zone=ZoneInfo(installation.policy.shop.zone),
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    for line, reason in report.refused:
        typer.echo(f"Line {line}: {reason}", err=True)
    typer.echo(
        f"Imported {report.imported} orders, {report.unchanged} were here already, "
        f"{len(report.refused)} rows refused."
    )
    if report.refused:
        raise typer.Exit(1)


@app.command()
def up(once: Annotated[bool, typer.Option(help="End after the sample run.")] = False) -> None:
    """Start everything, run the sample returns, and stay up until Ctrl-C."""
    from returndesk.up import run

    _run(run(_installation(), once=once))


@clock_app.command("advance")
def clock_advance(by: Annotated[str, typer.Argument(help="How far: 5d, 36h, 1d12h.")]) -> None:
    """Move the embedded clock, and every open return with it."""
    from returndesk.clock_moving import advance, read_duration

    async def move() -> None:
        stuck = await advance(_installation(), read_duration(by), typer.echo)
        for rma in stuck:
            typer.echo(f"{rma} could not be moved along: something of it is being tried again.", err=True)
        if stuck:
            raise typer.Exit(1)

    _run(move())


@policy_app.command("show")
def policy_show() -> None:
    """Print the policy that new returns begin under."""
    policy = _installation().policy
    typer.echo(f"# {policy.version}")
    typer.echo(policy.text)


@policy_app.command("check")
def policy_check(
    file: Annotated[Path | None, typer.Argument(help="Default: the policy in force.")] = None,
) -> None:
    """Say what is wrong with a policy file, or that nothing is."""
    from returndesk.domain.policy import read_policy

    installation = _installation()
    policy = installation.policy if file is None else read_policy(file.read_text())
    installation.policies.calendar(policy)
    typer.echo(f"{policy.version}: this policy can be used.")


@audit_app.command("verify")
def audit_verify() -> None:
    """Check every return: its audit chain for edits, gaps and truncation, its refunds and ledger against it."""
    from returndesk.rendering import plural
    from returndesk.store.audit_verification import WHAT_TO_DO, verified

    returns = records = wrong = 0
    for progress in verified(_installation().database):
        returns, records = progress.returns_done, progress.records_done
        wrong += len(progress.found)
        for finding in progress.found:
            typer.echo(str(finding), err=True)
    seen = f"{returns} {plural(returns, 'return', 'returns')}"
    read = f"{records} {plural(records, 'record', 'records')}"
    if not wrong:
        typer.echo(
            f"Everything written down is whole: {seen}, {read}; refunds and ledger are what the audit chains say."
        )
        return
    things = plural(wrong, "thing is", "things are")
    typer.echo(f"\n{wrong} {things} wrong in {seen} and {read}. Nothing was changed by looking.", err=True)
    typer.echo("What to do now:", err=True)
    for number, step in enumerate(WHAT_TO_DO, start=1):
        typer.echo(f"{number}. {step}", err=True)
    raise typer.Exit(1)


@app.command()
def doctor(repair: Annotated[bool, typer.Option(help="Start what should be running.")] = False) -> None:
    """Say for each part what was found and whether it answers; with --repair also what was done about it."""
    from rich.console import Console
    from rich.progress import Progress

    from returndesk import doctor as surgery
    from returndesk.repair import repair as start_what_stopped

    async def examine() -> None:
        installation = _installation()
        with Progress(transient=True, console=Console(stderr=True)) as bar:
            looking = bar.add_task("Looking for the open returns", total=None)
            findings = await surgery.examine(
                installation, lambda done, of: bar.update(looking, completed=done, total=of)
            )
        for finding in findings:
            typer.echo(f"{'ok ' if finding.answers else '-- '} {finding.part}: {finding.what}")
            if finding.advice and not (repair and finding.advice == surgery.REPAIR):
                typer.echo(f"    {finding.advice}")
        if repair:
            with Progress(transient=True, console=Console(stderr=True)) as bar:
                starting = bar.add_task("Starting what does not run", total=None)
                done = await start_what_stopped(
                    installation, lambda done, of: bar.update(starting, completed=done, total=of)
                )
            for sentence in done:
                typer.echo(sentence)
        elif not all(finding.answers for finding in findings):
            raise typer.Exit(1)

    _run(examine())
