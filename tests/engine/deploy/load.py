"""Users of a service, in a process of their own, so that what they measure is not slowed by what deploys.

    python -m tests.engine.deploy.load PORT RATE [SECONDS_IN_FLIGHT]

Commands come as lines on standard input: `go NAME` begins a window, `rest` pauses, `end` (or the end of the input) prints one
JSON document, window → `Window`, and ends. Half of the requests go over connections that are kept, half over fresh ones;
with SECONDS_IN_FLIGHT a few more are always under way for so long. The service answers `/` and `/slow` with one line
`NAME VERSION`, and `/peer` with two such pairs.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

KEPT, FRESH, SLOW = 10, 10, 4
_TIMEOUT = 10.0
_BODY = re.compile(r"\w+ [\w.-]+( \w+ [\w.-]+)?\n")


@dataclass
class Window:
    """What users saw: `versions` counts answers by text, `failures` are (seconds into the window, what happened), `quick`
    and `slow` the seconds that answers took."""

    began: float = field(default_factory=time.monotonic)
    seconds: float = 0.0
    versions: Counter[str] = field(default_factory=Counter)
    failures: list[tuple[float, str]] = field(default_factory=list)
    quick: list[float] = field(default_factory=list)
    slow: list[float] = field(default_factory=list)

    @property
    def requests(self) -> int:
        return len(self.failures) + sum(self.versions.values())


class Users:
    def __init__(self, port: int, rate: float, in_flight: float) -> None:
        self._port, self._every, self._in_flight = port, (KEPT + FRESH) / rate, in_flight
        self.windows: dict[str, Window] = {}
        self.window: Window | None = None
        self._open = asyncio.Event()
        self._asking = 0

    def go(self, name: str) -> None:
        self.window = self.windows[name] = Window()
        self._open.set()

    def rest(self) -> None:
        self._open.clear()
        if self.window is not None and not self.window.seconds:
            self.window.seconds = time.monotonic() - self.window.began

    async def serve(self) -> None:
        users = [self._user(True, number / KEPT) for number in range(KEPT)]
        users += [self._user(False, number / FRESH) for number in range(FRESH)]
        if self._in_flight:
            users += [self._waiter(bool(number % 2), number) for number in range(SLOW)]
        tasks = [asyncio.create_task(user) for user in users]
        await asyncio.to_thread(self._commands, asyncio.get_running_loop())
        self.rest()
        while self._asking:  # requests under way count too; every one ends in time
            await asyncio.sleep(0.05)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _commands(self, loop: asyncio.AbstractEventLoop) -> None:
        for line in sys.stdin:
            word, _, name = line.strip().partition(" ")
            if word == "end":
                break
            loop.call_soon_threadsafe(*((self.go, name) if word == "go" else (self.rest,)))
            print("ok", flush=True)  # noqa: T201

    async def _user(self, kept: bool, offset: float) -> None:
        await asyncio.sleep(offset * self._every)
        line = _Line(self._port)
        due = time.monotonic()
        number = 0
        while True:
            await self._open.wait()
            due = max(due + self._every, time.monotonic() - 1.0)  # late ones are made up for, a second's worth at most
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            number += 1
            await self._ask(line, "/peer" if number % 20 == 0 else "/", kept)

    async def _waiter(self, kept: bool, offset: float) -> None:
        await asyncio.sleep(offset * self._in_flight / SLOW)
        line = _Line(self._port)
        while True:
            await self._open.wait()
            await self._ask(line, f"/slow?{self._in_flight:g}", kept, self._in_flight)
            await asyncio.sleep(0.2)

    async def _ask(self, line: _Line, path: str, kept: bool, takes: float = 0.0) -> None:
        window = self.window
        assert window is not None
        began = time.monotonic()
        how = "kept" if kept else "fresh"
        self._asking += 1
        try:
            async with asyncio.timeout(_TIMEOUT + takes):
                status, body = await line.get(path, kept)
            if status != 200 or not _BODY.fullmatch(body):
                raise OSError(f"status {status}, {body[:40]!r}")
        except (OSError, EOFError, ValueError, TimeoutError) as error:
            line.close()
            window.failures.append(
                (round(began - window.began, 2), f"{how} {path} {type(error).__name__} {error}".strip())
            )
        else:
            window.versions[body.strip()] += 1
            (window.slow if takes else window.quick).append(time.monotonic() - began)
        finally:
            self._asking -= 1


class _Line:
    """A client that keeps its connection, and opens another only when it was told that it is closed."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def get(self, path: str, kept: bool) -> tuple[int, str]:
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = self._streams
        connection = "keep-alive" if kept else "close"
        writer.write(
            f"GET {path} HTTP/1.1\r\nHost: bench\r\nUser-Agent: load\r\nConnection: {connection}\r\n\r\n".encode()
        )
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        length = re.search(r"content-length: *(\d+)", head)
        body = await reader.readexactly(int(length.group(1)) if length else 0)
        if not kept or "connection: close" in head:
            self.close()
        return int(head.split(" ", 2)[1]), body.decode()

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
        self._streams = None


def document(windows: dict[str, Window]) -> dict[str, Any]:
    return {name: vars(window) for name, window in windows.items()}


def from_document(document: dict[str, Any]) -> dict[str, Window]:
    return {
        name: Window(
            one["began"],
            one["seconds"],
            Counter(one["versions"]),
            [(float(at), str(what)) for at, what in one["failures"]],
            one["quick"],
            one["slow"],
        )
        for name, one in document.items()
    }


async def main(words: list[str]) -> None:
    users = Users(int(words[0]), float(words[1]), float(words[2]) if words[2:] else 0.0)
    await users.serve()
    print(json.dumps(document(users.windows)), flush=True)  # noqa: T201


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
