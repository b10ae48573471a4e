"""How further APIs are answered beside `/v2/`: an extension for each prefix of paths."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Protocol

from windlass.registry.server.access.caller import Caller
from windlass.registry.server.access.interface import Access
from windlass.registry.server.storage.storage import Storage
from windlass.registry.server.wire import Reply, Request


@dataclass(frozen=True, slots=True)
class Services:
    """What an extension works with.

    Args:
        pool: threads for whatever waits for the disk.
        forget: to be called with a repository's name after its manifests or tags changed: their ready answers are dropped.
    """

    storage: Storage
    pool: Executor
    access: Access
    forget: Callable[[str], None]


class Extension(Protocol):
    async def answer(self, request: Request, caller: Caller) -> Reply:
        """Answer a request whose path begins with the extension's prefix. Who asks is known, what they may do is not checked.

        Raises:
            Problem
            OSError: becomes the storage's problem.
        """
