"""A small HTTP client of the API, as the sample run needs it: JSON in and out, and a restarting server is waited for."""

import asyncio
import http.client
import json
import time
from dataclasses import dataclass
from typing import Any

from returndesk.domain.errors import ReturndeskError

PATIENCE_SECONDS = 30.0
_CALL_SECONDS = 30.0
_PAUSE_SECONDS = 0.2


class ApiSilent(ReturndeskError):
    """Nobody answered within `PATIENCE_SECONDS`."""


@dataclass(frozen=True)
class Answer:
    """What came back: the status and the JSON body."""

    status: int
    body: Any


@dataclass(frozen=True)
class ApiClient:
    """Calls one server on this machine. Every call is safe to repeat: reads, and writes with a fixed key."""

    host: str
    port: int
    token: str | None = None

    async def get(self, path: str) -> Answer:
        """Read something."""
        return await asyncio.to_thread(self._call, "GET", path, None, None)

    async def put(self, path: str, body: Any) -> Answer:
        """Bring something to what it is now."""
        return await asyncio.to_thread(self._call, "PUT", path, body, None)

    async def post(self, path: str, body: Any, key: str) -> Answer:
        """Ask for something, once for each key."""
        return await asyncio.to_thread(self._call, "POST", path, body, key)

    def _call(self, method: str, path: str, body: Any, key: str | None) -> Answer:
        patience_ends = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                return self._once(method, path, body, key)
            except (OSError, http.client.HTTPException):
                if time.monotonic() > patience_ends:
                    raise ApiSilent(
                        "api_silent", f"Nobody answers at {self.host}:{self.port}: its log says why."
                    ) from None
                time.sleep(_PAUSE_SECONDS)

    def _once(self, method: str, path: str, body: Any, key: str | None) -> Answer:
        connection = http.client.HTTPConnection(self.host, self.port, timeout=_CALL_SECONDS)
        headers = {"Content-Type": "application/json"}
        if self.token is not None:
            headers["Authorization"] = f"Bearer {self.token}"
        if key is not None:
            headers["Idempotency-Key"] = key
        try:
            content = None if body is None else json.dumps(body)
            connection.request(method, path, content, headers)
            response = connection.getresponse()
            return Answer(response.status, json.loads(response.read() or b"null"))
        finally:
            connection.close()
