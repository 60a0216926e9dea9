"""Both sides of the comparison as something to drive: each does one whole return when it is told to.

Both wait for the end in the same way, by the run's result, so that knowing costs both the same.
"""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from time import perf_counter
from typing import Any, Protocol
from uuid import uuid4

import stripe
from temporalio.client import Client

from benchmarks import skeleton
from benchmarks.desk import GOODS, WORTH_MINOR, Desk, open_desk, order_body, request_body
from benchmarks.http_client import Connection
from returndesk.installation import SANDBOX_KEY, Installation
from returndesk.messages import return_workflow_id


class Side(Protocol):
    """What is measured. `seconds` collects each command's time to its answer; `ran` the workflows' ids."""

    seconds: list[float]
    ran: list[str]

    async def lane(self, work: Iterator[int]) -> None:
        """Do returns, one after the other, as long as there is work."""


@dataclass
class SkeletonSide:
    """The skeleton, driven by the SDK's client."""

    client: Client
    seconds: list[float] = field(default_factory=list)
    ran: list[str] = field(default_factory=list)

    async def lane(self, work: Iterator[int]) -> None:
        """Do returns, one after the other, as long as there is work."""
        for _ in work:
            rma = f"skeleton/{uuid4().hex}"
            for kind in skeleton.COMMANDS:
                started = perf_counter()
                await skeleton.command(self.client, rma, kind)
                self.seconds.append(perf_counter() - started)
            await self.client.get_workflow_handle(rma).result()
            self.ran.append(rma)


@dataclass
class ProductSide:
    """The product, driven over HTTP: five commands, each asked for by a person with a token of their own."""

    client: Client
    desk: Desk
    orders: Iterator[str]
    seconds: list[float] = field(default_factory=list)
    ran: list[str] = field(default_factory=list)

    async def lane(self, work: Iterator[int]) -> None:
        """Do returns, one after the other, as long as there is work."""
        connection = await Connection.open(self.desk.port)
        for _ in work:
            rma = await self._commands(connection, next(self.orders))
            await self.client.get_workflow_handle(return_workflow_id(rma)).result()
            self.ran.append(return_workflow_id(rma))
        connection.close()

    async def _commands(self, connection: Connection, order: str) -> str:
        rep, warehouse = self.desk.rep, self.desk.warehouse
        seen = {"items": [{**GOODS, "condition": "original", "packaging": "original"}], "decide": False}
        answer = await self._timed(connection, "/api/v1/returns", rep, request_body(order))
        rma = str(answer["rma"])
        commands: tuple[tuple[str, str, dict[str, Any]], ...] = (
            ("authorization", rep, {}),
            ("receipts", warehouse, {"items": [GOODS]}),
            ("inspections", warehouse, seen),
            ("decision", rep, {}),
        )
        for path, token, body in commands:
            await self._timed(connection, f"/api/v1/returns/{rma}/{path}", token, body)
        return rma

    async def _timed(
        self, connection: Connection, path: str, token: str, body: dict[str, Any]
    ) -> dict[str, Any]:
        started = perf_counter()
        answer = await connection.send("POST", path, token, uuid4().hex, body)
        self.seconds.append(perf_counter() - started)
        return answer


async def product_side(installation: Installation, client: Client, returns: int) -> ProductSide:
    """The product with so many paid orders to return."""
    desk = open_desk(installation)
    orders = [f"BENCH-{number}" for number in range(returns)]
    connection = await Connection.open(desk.port)
    payments = await asyncio.to_thread(_pay, installation, returns)
    bought = (installation.clock.now() - timedelta(days=10)).isoformat()
    for order, payment in zip(orders, payments, strict=True):
        await connection.send(
            "PUT", f"/api/v1/orders/{order}", desk.rep, "order", order_body(payment, bought)
        )
    connection.close()
    return ProductSide(client, desk, iter(orders))


def _pay(installation: Installation, count: int) -> list[str]:
    processor = stripe.StripeClient(SANDBOX_KEY, base_addresses={"api": installation.stripe_base})
    payment: stripe.params.PaymentIntentCreateParams = {
        "amount": WORTH_MINOR,
        "currency": "gbp",
        "confirm": True,
        "payment_method": "pm_card_visa",
    }
    return [processor.v1.payment_intents.create(payment).id for _ in range(count)]
