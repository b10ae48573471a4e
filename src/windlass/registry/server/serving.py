"""Serving in the foreground until SIGTERM or SIGINT."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import threading
import time
from typing import Any

from windlass.errors import EnvironmentUnusable, Locked
from windlass.registry.server.access.control import UserAccess
from windlass.registry.server.access.files import AccessFiles
from windlass.registry.server.access.interface import Access
from windlass.registry.server.access.open import OpenAccess
from windlass.registry.server.application import Application
from windlass.registry.server.listen import Listen, check_exposure, parse_listen
from windlass.registry.server.self_signed import self_signed
from windlass.registry.server.settings import Settings, parse_url
from windlass.registry.server.storage.root_lock import RootInUse, RootLock
from windlass.registry.server.storage.storage import Storage
from windlass.registry.server.tls import Tls, check_tls, warnings
from windlass.registry.server.upkeep.background import Upkeep

_BACKLOG = 1024
_GRACE_SECONDS = 2.0
"""How long requests under way may go on after SIGTERM. Cutting them off is safe: what was acknowledged is on disk."""
_HEADER_MILLISECONDS = 30_000
_HEADER_BYTES = 64 * 1024
_ANY = ("0.0.0.0", "::")
_log = logging.getLogger(__name__)


def serve(settings: Settings) -> None:
    """Serve the registry under a root until SIGTERM or SIGINT. Blocks; call it in the main thread.

    Raises:
        UsageError: the address is wrong, or not loopback without TLS and users and without being told so.
        ConfigError: users, grants, tokens or the certificate are wrong.
        Locked: another process serves this root.
        EnvironmentUnusable: the port is taken, or the disk is full or read-only.
    """
    address, root = parse_listen(settings.listen), settings.root
    url = parse_url(settings.url)
    files = AccessFiles.of(root.absolute(), settings.users, settings.access)
    enforced = settings.users is not None or files.present()
    people = files.read() if enforced else None
    check_exposure(
        address,
        settings.open_to_everyone,
        tls=settings.tls is not None or settings.self_signed,
        users=people is not None and people.anybody,
        plain_http=settings.plain_http,
    )
    storage = Storage(root.absolute(), settings.limits)
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
        tls = _certificate(settings, address, url.hostname if url else None)
        access: Access = OpenAccess()
        if enforced:
            # With an authority of its own: Docker's image store fetches tokens without it (moby#52361), but sends passwords.
            bearer = not settings.self_signed if settings.bearer is None else settings.bearer
            access = UserAccess(files, secure=tls is not None, bearer=bearer, url=settings.url)
            if people is None or not people.anybody:
                _log.warning("nobody can log in: windlass registry users add NAME")
        application = Application(storage, access)
        listener = _bind(address)
        with Upkeep(storage):
            asyncio.run(_serve(listener, address, storage, application, tls))
    finally:
        lock.release()


def _certificate(settings: Settings, address: Listen, url_host: str | None) -> Tls | None:
    """The certificate to serve with, examined; None for plain HTTP."""
    tls = settings.tls
    if settings.self_signed:
        names = ["localhost", "127.0.0.1", "::1", socket.gethostname(), address.host, url_host or "localhost"]
        tls = self_signed(settings.root.absolute(), [name for name in dict.fromkeys(names) if name not in _ANY])
        _log.info("clients trust this registry by %s", settings.root.absolute() / "tls" / "ca.crt")
    if tls is not None:
        for said in warnings(check_tls(tls), address, url_host, time.time()):
            _log.warning("%s: %s", tls.cert, said)
    return tls


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


async def _serve(
    listener: socket.socket, address: Listen, storage: Storage, application: Application, tls: Tls | None
) -> None:
    server: Any = _server(listener, address, application, tls)
    loop = asyncio.get_running_loop()

    def end() -> None:
        server.stop()
        timer = threading.Timer(_GRACE_SECONDS, os._exit, (0,))
        timer.daemon = True
        timer.start()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end)
    _log.info("serving %s on %s%s", storage.root, address, " with TLS" if tls else "")
    await server.serve()


def _server(listener: socket.socket, address: Listen, application: Application, tls: Tls | None) -> Any:
    from granian import _granian
    from granian.constants import SSLProtocols
    from granian.http import HTTP1Settings, HTTP2Settings
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
        http1_settings=HTTP1Settings(header_read_timeout=_HEADER_MILLISECONDS),
        http2_settings=HTTP2Settings(max_headers_size=_HEADER_BYTES),
        ssl_cert=tls.cert if tls else None,
        ssl_key=tls.key if tls else None,
        ssl_protocol_min=SSLProtocols.tls12,
    )
