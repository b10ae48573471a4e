"""Serving in the foreground until SIGTERM or SIGINT."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import threading
from pathlib import Path
from typing import Any

from windlass.errors import EnvironmentUnusable, Locked
from windlass.registry.application import Application
from windlass.registry.listen import Listen, check_exposure, parse_listen
from windlass.registry.lock import RootInUse, RootLock
from windlass.registry.storage import Storage

_BACKLOG = 1024
_EXPIRE_EVERY = 3600.0
_GRACE_SECONDS = 2.0
"""How long requests under way may go on after SIGTERM. Cutting them off is safe: what was acknowledged is on disk."""
_log = logging.getLogger(__name__)


def serve(listen: str, root: Path, *, open_to_everyone: bool = False) -> None:
    """Serve the registry under `root` until SIGTERM or SIGINT. Blocks; call it in the main thread.

    Args:
        listen: see `parse_listen`.
        root: created when missing.
        open_to_everyone: allow an address that is not loopback although there are neither TLS nor users.

    Raises:
        UsageError: the address is wrong, or not loopback without being told so.
        Locked: another process serves this root.
        EnvironmentUnusable: the port is taken, or the disk is full or read-only.
    """
    address = parse_listen(listen)
    check_exposure(address, open_to_everyone)
    storage = Storage(root.absolute())
    try:
        root.mkdir(parents=True, exist_ok=True)
        lock = RootLock(root, str(address))
        storage.prepare()
    except RootInUse as error:
        by = f" by process {error.holder.pid}, listening on {error.holder.listen}" if error.holder else ""
        raise Locked(
            f"{root} is already served{by}", remedy="stop that registry first, or use another --root"
        ) from None
    except OSError as error:
        raise EnvironmentUnusable(
            f"the registry cannot write to {root}: {error.strerror}",
            remedy="make the folder writable and free some space, or use another --root",
        ) from error
    try:
        asyncio.run(_serve(_bind(address), address, storage))
    finally:
        lock.release()


def _bind(address: Listen) -> socket.socket:
    """A listening socket that nobody shares: two servers on one port would answer in turns."""
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address.host, address.port))
        listener.listen(_BACKLOG)
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        raise EnvironmentUnusable(
            f"cannot listen on {address}: {error.strerror}",
            remedy="end what uses that port, or choose another with --listen",
        ) from error
    return listener


async def _serve(listener: socket.socket, address: Listen, storage: Storage) -> None:
    server: Any = _server(listener, address, Application(storage))
    loop = asyncio.get_running_loop()

    def end() -> None:
        server.stop()
        timer = threading.Timer(_GRACE_SECONDS, os._exit, (0,))
        timer.daemon = True
        timer.start()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end)
    expiry = loop.create_task(_expire(storage))
    _log.info("serving %s on %s", storage.root, address)
    try:
        await server.serve()
    finally:
        expiry.cancel()


def _server(listener: socket.socket, address: Listen, application: Application) -> Any:
    from granian import _granian
    from granian.http import HTTP1Settings
    from granian.server.embed import Server

    holder: Any = _granian.SocketHolder  # takes a descriptor, whether it is a Unix socket, and a backlog

    class OwnSocketServer(Server):
        """Granian binds with SO_REUSEPORT, which lets a second server steal half of the requests; this one is given its socket."""

        _sfd: Any
        _shd: Any

        def _init_shared_socket(self) -> None:
            self._sfd = listener.detach()  # the server closes it
            self._shd = holder(self._sfd, False, _BACKLOG)

    return OwnSocketServer(
        application,
        address=address.host,
        port=address.port,
        backlog=_BACKLOG,
        websockets=False,
        log_enabled=False,
        http1_settings=HTTP1Settings(header_read_timeout=30_000),
    )


async def _expire(storage: Storage) -> None:
    while True:
        await asyncio.sleep(_EXPIRE_EVERY)
        await asyncio.to_thread(storage.uploads.expire)
