"""A body on its way to the disk: hashed and written in two threads while the next bytes arrive."""

from __future__ import annotations

import asyncio
from concurrent.futures import Executor

from windlass.registry.server.storage.uploads import Upload

_BATCH = 2 * 1024 * 1024
"""Bytes handed to a thread at once: enough that the hand-over costs nothing, little enough to keep memory flat."""
_FLUSH_EVERY = 16 * 1024 * 1024


class Incoming:
    """Gathers chunks into batches. At most two batches of an upload are in memory."""

    def __init__(self, upload: Upload, pool: Executor) -> None:
        self._upload = upload
        self._pool = pool
        self._loop = asyncio.get_running_loop()
        self._batch: list[bytes] = []
        self._gathered = self._unflushed = 0
        self._working: tuple[asyncio.Future[None], ...] = ()
        self._flushing: asyncio.Future[None] | None = None

    def add(self, chunk: bytes) -> bool:
        """Take a chunk; true when a batch is full and wants to be passed on."""
        self._batch.append(chunk)
        self._gathered += len(chunk)
        return self._gathered >= _BATCH

    async def pass_on(self) -> None:
        """Start on this batch when the one before is done.

        Raises:
            OSError: of the batch before.
        """
        await self._settle()
        self._working = (
            self._loop.run_in_executor(self._pool, self._upload.write, self._batch),
            self._loop.run_in_executor(self._pool, self._upload.hash, self._batch),
        )
        self._unflushed += self._gathered
        self._batch, self._gathered = [], 0
        if self._unflushed >= _FLUSH_EVERY and (self._flushing is None or self._flushing.done()):
            self._flushing = self._loop.run_in_executor(self._pool, self._upload.flush)
            self._unflushed = 0

    async def finish(self) -> None:
        """Wait until all of it is written and hashed; nothing runs afterwards, also when it raises.

        Raises:
            OSError: the disk is full or broken.
        """
        try:
            await self._settle()
            if self._batch:
                await self.pass_on()
                await self._settle()
        finally:
            if self._flushing is not None:
                await asyncio.wait((self._flushing,))
        if self._flushing is not None:
            self._flushing.result()

    async def _settle(self) -> None:
        working, self._working = self._working, ()
        if working:
            await asyncio.wait(working)
            for each in working:
                each.result()
