"""HTTP/1.1 over one kept connection, as little as it takes: a full client costs more CPU than what is measured."""

import asyncio
import json
from typing import Any, Self
from uuid import uuid4


class Connection:
    """One connection to the API; requests on it one after the other."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, port: int) -> Self:
        """Connect to 127.0.0.1."""
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def send(
        self, method: str, path: str, token: str, key: str, body: dict[str, Any]
    ) -> dict[str, Any]:
        """The answer to one request. Raises `RuntimeError` unless it is a 200 or 201."""
        return _granted(method, path, *await self._exchange(method, path, token, key, body))

    async def ask(self, path: str, token: str, body: dict[str, Any]) -> dict[str, Any]:
        """The outcome of a command: while there is none (202), it is sent again under its key. Raises as `send`."""
        key, status, answer = uuid4().hex, 202, b""
        while status == 202:
            status, answer = await self._exchange("POST", path, token, key, body)
        return _granted("POST", path, status, answer)

    async def _exchange(
        self, method: str, path: str, token: str, key: str, body: dict[str, Any]
    ) -> tuple[int, bytes]:
        content = json.dumps(body).encode()
        head = (
            f"{method} {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {token}\r\n"
            f"idempotency-key: {key}\r\ncontent-type: application/json\r\ncontent-length: {len(content)}\r\n\r\n"
        )
        self._writer.write(head.encode() + content)
        answered = (await self._reader.readuntil(b"\r\n\r\n")).lower()
        length = int(answered.partition(b"content-length:")[2].partition(b"\r\n")[0])
        return int(answered.split(b" ", 2)[1]), await self._reader.readexactly(length)

    def close(self) -> None:
        """Hang up."""
        self._writer.close()


def _granted(method: str, path: str, status: int, answer: bytes) -> dict[str, Any]:
    if status not in (200, 201):
        raise RuntimeError(f"{method} {path}: {status} {answer.decode()}")
    said: dict[str, Any] = json.loads(answer)
    return said
