"""The embedded Temporal server: how it is run on one SQLite file, and when it is ready.

Guarantees: every answered write is on disk (WAL, synchronous FULL), so a kill -9 loses nothing and the next
start on the same folder finds every workflow; all ports are on loopback; a first start that was cut off while
it made its tables begins afresh, as Temporal does not make them in one transaction.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

from google.protobuf.duration_pb2 import Duration
from temporalio.api.namespace.v1 import NamespaceConfig
from temporalio.api.workflowservice.v1 import (
    DescribeNamespaceRequest,
    GetSystemInfoRequest,
    RegisterNamespaceRequest,
    UpdateNamespaceRequest,
)
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from returndesk.domain.errors import ConfigurationError
from returndesk.embedded.listening import free_ports
from returndesk.embedded.temporal_find import TemporalBinary

RETENTION = timedelta(days=7)

# What differs from Temporal's defaults, and why:
# - time skipping is off by default; the demo and the tests move clocks with it;
# - one partition per task queue: a single node gains nothing from four, and pays polls between them;
# - no update limits: a long case may get more than Temporal's 2,000 updates and ten at a time;
# - the states of 2,000 returns in memory: ten thousand, of the default's 128,000, filled the memory it is given
#   below, and each further return cost it three times the processor time (benchmarks/parked.py);
# - the scanners walk over the whole database for clean-up that a shop's file does not need.
DYNAMIC_CONFIG: Mapping[str, bool | int | str] = {
    "frontend.WorkflowTimeSkippingEnabled": True,
    "frontend.WorkflowTimeSkippingMaxSkipPerSession": 10_000,
    "matching.numTaskqueueReadPartitions": 1,
    "matching.numTaskqueueWritePartitions": 1,
    "history.hostLevelCacheMaxSize": 2_000,
    "history.maxInFlightUpdates": 100,
    "history.maxTotalUpdates": 0,
    "worker.taskQueueScannerEnabled": False,
    "worker.historyScannerEnabled": False,
}


@dataclass(frozen=True)
class TemporalServer:
    """One Temporal server on `state_dir`, its frontend on 127.0.0.1:`port`; a supervisor runs `command()`."""

    binary: TemporalBinary
    state_dir: Path
    port: int
    namespace: str = "default"

    @property
    def address(self) -> str:
        """Where clients reach it."""
        return f"127.0.0.1:{self.port}"

    @property
    def database(self) -> Path:
        """The one file that holds every workflow."""
        return self.state_dir / "temporal.sqlite"

    def prepare(self) -> None:
        """Write the configuration; call it once before the first start of `command()`."""
        self.state_dir.mkdir(parents=True, exist_ok=True)
        if self._schema_unfinished():
            for leftover in self.state_dir.glob("temporal.sqlite*"):
                leftover.unlink()
        if self.database.exists():
            self._forget_members()
        if self.binary.kind == "server":
            dynamic = {name: [{"value": value}] for name, value in DYNAMIC_CONFIG.items()}
            self._dynamic_file.write_text(json.dumps(dynamic, indent=1), encoding="utf-8")
            self._config_file.write_text(json.dumps(self._config(), indent=1), encoding="utf-8")

    def command(self) -> list[str]:
        """Arguments that run the server in the foreground until SIGTERM."""
        if self.binary.kind == "server":
            return [
                str(self.binary.path),
                "--config-file",
                str(self._config_file),
                "--allow-no-auth",
                "start",
            ]
        dynamic = [f"{name}={json.dumps(value)}" for name, value in DYNAMIC_CONFIG.items()]
        return [
            *(str(self.binary.path), "server", "start-dev", "--headless", "--log-level", "error"),
            *("--ip", "127.0.0.1", "--port", str(self.port), "--namespace", self.namespace),
            *("--db-filename", str(self.database)),
            *("--sqlite-pragma", "journal_mode=WAL", "--sqlite-pragma", "synchronous=2"),
            *(argument for setting in dynamic for argument in ("--dynamic-config-value", setting)),
        ]

    def environment(self) -> dict[str, str]:
        """Variables to add to the child's environment: fewer collections while small, a firm lid when not."""
        return {"GOGC": "400", "GOMEMLIMIT": "256MiB"}

    async def wait_ready(self, timeout_seconds: float = 60) -> None:
        """Return once the server answers real calls and the namespace is there.

        Raises ConfigurationError when that takes longer than `timeout_seconds`.
        """
        await _wait_ready(self.address, self.namespace, timeout_seconds, register=True)

    @property
    def _config_file(self) -> Path:
        return self.state_dir / "temporal.yaml"

    @property
    def _dynamic_file(self) -> Path:
        return self.state_dir / "temporal-dynamic.yaml"

    def _schema_unfinished(self) -> bool:
        """Whether a first start was cut off: Temporal enters its own namespace once all tables are there."""
        if not self.database.exists():
            return False
        with closing(sqlite3.connect(self.database)) as database:
            tables = database.execute("SELECT 1 FROM sqlite_master WHERE name = 'namespaces'")
            return not tables.fetchone() or not database.execute("SELECT 1 FROM namespaces").fetchone()

    def _forget_members(self) -> None:
        """Remove the last run's entries: after a kill -9 the server would send calls to their old ports."""
        with closing(sqlite3.connect(self.database)) as database, database:
            database.execute("DELETE FROM cluster_membership")

    def _config(self) -> dict[str, Any]:
        """The server's configuration; JSON is YAML, so no YAML library is needed to write it."""
        store = {
            "sql": {
                "pluginName": "sqlite",
                "databaseName": quote(str(self.database)),
                "connectAddr": "localhost",
                "connectProtocol": "tcp",
                "connectAttributes": {
                    "cache": "private",
                    "setup": "true",
                    "journal_mode": "wal",
                    "synchronous": "2",
                },
                "maxConns": 1,
                "maxIdleConns": 1,
            }
        }
        ports = iter(free_ports(7))
        services = {
            "frontend": {
                "rpc": {"grpcPort": self.port, "membershipPort": next(ports), "bindOnLocalHost": True}
            }
        }
        for name in ("history", "matching", "worker"):
            rpc = {"grpcPort": next(ports), "membershipPort": next(ports), "bindOnLocalHost": True}
            services[name] = {"rpc": rpc}
        return {
            "log": {"stdout": True, "level": "error"},
            "persistence": {
                "defaultStore": "sqlite",
                "visibilityStore": "sqlite",
                "numHistoryShards": 1,
                "datastores": {"sqlite": store},
            },
            "global": {"membership": {"maxJoinDuration": "30s", "broadcastAddress": "127.0.0.1"}},
            "services": services,
            "clusterMetadata": {
                "enableGlobalNamespace": False,
                "failoverVersionIncrement": 10,
                "masterClusterName": "active",
                "currentClusterName": "active",
                "clusterInformation": {
                    "active": {
                        "enabled": True,
                        "initialFailoverVersion": 1,
                        "rpcName": "frontend",
                        "rpcAddress": self.address,
                    }
                },
            },
            "publicClient": {"hostPort": self.address},
            "archival": {"history": {"state": "disabled"}, "visibility": {"state": "disabled"}},
            "namespaceDefaults": {
                "archival": {"history": {"state": "disabled"}, "visibility": {"state": "disabled"}}
            },
            "dynamicConfigClient": {"filepath": str(self._dynamic_file), "pollInterval": "1h"},
        }


async def wait_ready(address: str, namespace: str, timeout_seconds: float = 60) -> None:
    """Return once the server at `address` answers real calls in `namespace`, which must be there already.

    Raises ConfigurationError with a sentence when that takes longer than `timeout_seconds`.
    """
    await _wait_ready(address, namespace, timeout_seconds, register=False)


async def ensure_namespace(client: Client) -> None:
    """Register the client's namespace where it is missing, and have it keep histories for at least 7 days."""
    name, retention = client.namespace, Duration()
    retention.FromTimedelta(RETENTION)
    try:
        known = await client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace=name))
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        await client.workflow_service.register_namespace(
            RegisterNamespaceRequest(namespace=name, workflow_execution_retention_period=retention)
        )
        return
    if known.config.workflow_execution_retention_ttl.ToTimedelta() < RETENTION:
        config = NamespaceConfig(workflow_execution_retention_ttl=retention)
        await client.workflow_service.update_namespace(UpdateNamespaceRequest(namespace=name, config=config))


async def _wait_ready(address: str, namespace: str, timeout_seconds: float, *, register: bool) -> None:
    try:
        async with asyncio.timeout(timeout_seconds):
            while True:
                with suppress(RPCError, RuntimeError):
                    await _answer(address, namespace, register=register)
                    return
                await asyncio.sleep(0.1)
    except TimeoutError:
        raise ConfigurationError(
            "temporal_silent",
            f"The Temporal server at {address} did not answer for the namespace {namespace!r} within "
            f"{timeout_seconds:g} s: look into its log, or set TEMPORAL_ADDRESS to a server that runs.",
        ) from None


async def _answer(address: str, namespace: str, *, register: bool) -> None:
    """Ask what a client will ask; the count goes through the frontend's list of namespaces, which lags."""
    client = await Client.connect(address, namespace=namespace)
    await client.workflow_service.get_system_info(GetSystemInfoRequest())
    if register:
        await ensure_namespace(client)
    await client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace=namespace))
    await client.count_workflows()
