"""The embedded registry in the background: started when nothing answers, recognised when it does, stopped when asked."""

from __future__ import annotations

import fcntl
import http.client
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from windlass.errors import RegistryUnavailable, UsageError
from windlass.process import detach
from windlass.registry.server.listen import IDENTITY, Listen, parse_listen
from windlass.registry.server.storage.root_lock import holder
from windlass.waiting import DeadlinePassed, wait_for

_START_SECONDS = 20.0
_STOP_SECONDS = 10.0
_PROBE_SECONDS = 3.0
_LOG_LINES = 12
_TLS_ALERT = "\x15\x03"
"""How a TLS server's answer to plain HTTP begins (RFC 8446, section 5.1: an alert, legacy version 3)."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What is at an address: nothing, a Windlass registry (and its version), or somebody else (and what was seen)."""

    kind: Literal["nobody", "windlass", "other"]
    detail: str = ""


def ensure_running(host: str, root: Path, log: Path) -> None:
    """Make sure the embedded registry answers at `host`, starting it detached when nothing does.

    Several processes may call this at once: one server comes of it.

    Args:
        host: `localhost:5077` or a loopback address with a port.
        root: the folder its content is in; created when missing.
        log: the file the server's output is appended to.

    Raises:
        RegistryUnavailable: the port is taken by something else, or the server does not come up; with its last log lines.
    """
    address = _loopback(host)
    if _is_ours(probe(address), address):
        return
    argv = [sys.executable, "-m", "windlass.registry.server", "--listen", str(address), "--root", str(root.absolute())]
    with _starting(root):
        if _is_ours(probe(address), address):
            return  # another process started it while this one waited its turn
        offset = log.stat().st_size if log.exists() else 0
        try:
            pid = detach(argv, log=log)
        except OSError as error:
            raise RegistryUnavailable(
                f"the registry cannot be started: {error}", remedy=f"make {log.parent} writable"
            ) from error
        try:
            _, answer = wait_for(
                lambda: (_ended(pid) and not _coming_up(root, address), probe(address)),
                lambda seen: (
                    seen[0] or seen[1].kind == "windlass"
                ),  # where somebody else has the port, the new one ends
                seconds=_START_SECONDS,
                every=0.05,
            )
        except DeadlinePassed:
            os.kill(pid, signal.SIGTERM)
            raise _not_up(log, offset, f"it did not answer within {_START_SECONDS:.0f} s") from None
        if not _is_ours(answer, address):
            raise _not_up(log, offset, "it ended at once")


def stop(root: Path) -> bool:
    """End the server that serves `root`, wherever it listens; False when none does.

    Raises:
        RegistryUnavailable: it does not end.
    """
    found = holder(root)
    if found is None:
        return False
    try:
        os.kill(found.pid, signal.SIGTERM)
        wait_for(lambda: holder(root), lambda seen: seen is None, seconds=_STOP_SECONDS, every=0.02)
    except ProcessLookupError:
        return True
    except PermissionError as error:
        raise RegistryUnavailable(
            f"the registry (process {found.pid}) belongs to another user", remedy="stop it as that user"
        ) from error
    except DeadlinePassed as error:
        raise RegistryUnavailable(
            f"the registry (process {found.pid}) did not end within {_STOP_SECONDS:.0f} s",
            remedy=f"end it with: kill -9 {found.pid}",
        ) from error
    return True


def probe(address: Listen) -> Answer:
    """Ask `/v2/` who is there."""
    connection = http.client.HTTPConnection(address.host, address.port, timeout=_PROBE_SECONDS)
    try:
        connection.request("GET", "/v2/")
        response = connection.getresponse()
        version = response.getheader(IDENTITY)
        if version is not None:
            return Answer("windlass", version)
        return Answer("other", f"HTTP {response.status} from {response.getheader('server') or 'an unknown server'}")
    except ConnectionRefusedError:
        return Answer("nobody")
    except http.client.BadStatusLine as error:
        tls = str(error.args[0]).startswith(_TLS_ALERT)
        return Answer("other", "a server that speaks TLS only" if tls else f"no HTTP answer ({error})")
    except (OSError, http.client.HTTPException) as error:
        return Answer("other", f"no HTTP answer ({error or type(error).__name__})")
    finally:
        connection.close()


def _loopback(host: str) -> Listen:
    remedy = "name a loopback address and a port, like localhost:5077"
    try:
        address = parse_listen(host)
    except UsageError as error:
        raise RegistryUnavailable(f"the embedded registry cannot run at '{host}': {error}", remedy=remedy) from error
    if not address.loopback:
        raise RegistryUnavailable(f"the embedded registry does not run at {address} by itself", remedy=remedy)
    return address


def _is_ours(answer: Answer, address: Listen) -> bool:
    if answer.kind == "other":
        raise RegistryUnavailable(
            f"port {address.port} on {address.host} is taken by something else: {answer.detail}",
            remedy="end what uses the port, or write another one in windlass.yaml (registry: {host: localhost:PORT})",
        )
    return answer.kind == "windlass"


@contextmanager
def _starting(root: Path) -> Iterator[None]:
    """Only one process starts a server for this root at a time; the others wait their turn."""
    try:
        root.mkdir(parents=True, exist_ok=True)
        handle = os.open(root / "starting", os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise RegistryUnavailable(
            f"the registry cannot write to {root}: {error.strerror}",
            remedy="make the folder writable and free some space",
        ) from error
    try:
        wait_for(lambda: _locked(handle), bool, seconds=_START_SECONDS * 2, every=0.05)
        yield
    except DeadlinePassed as error:
        raise RegistryUnavailable(
            "another process has been starting the registry for too long", remedy="try again"
        ) from error
    finally:
        os.close(handle)


def _locked(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _ended(pid: int) -> bool:
    try:
        return os.waitpid(pid, os.WNOHANG)[0] != 0
    except ChildProcessError:
        return True  # somebody else in this process has collected it


def _coming_up(root: Path, address: Listen) -> bool:
    """Whether a server that somebody else started is on its way to this address."""
    found = holder(root)
    return found is not None and found.listen == str(address)


def _not_up(log: Path, offset: int, reason: str) -> RegistryUnavailable:
    lines: list[str] = []
    try:
        with log.open("rb") as file:
            file.seek(offset)
            lines = file.read().decode(errors="replace").splitlines()[-_LOG_LINES:]
    except OSError:
        pass
    said = "".join(f"\n  {line}" for line in lines)
    return RegistryUnavailable(f"the embedded registry did not start: {reason}{said}", remedy=f"see {log}")
