"""One SSH connection to an engine's host, shared by everything that goes there.

`docker` starts `ssh` for each of its connections. It is given one, first on its PATH, that uses the connection opened here
(OpenSSH: ControlMaster), so that a call costs no handshake. The connection ends by itself, a minute after its last use.
Host keys are checked as the user's own settings say, and nothing is ever asked on a terminal.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shlex
import shutil
import socket
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from windlass import process
from windlass.deploy.docker.reach import Login
from windlass.errors import EngineUnavailable

CONNECT = 10
"""Seconds to reach a host."""

_KEPT = 60


def options(login: Login, control: Path) -> list[str]:
    """What every `ssh` is told."""
    words = ["-o", "BatchMode=yes", "-o", f"ConnectTimeout={CONNECT}", "-o", f"ControlPath={control}"]
    if login.identity:
        words += ["-i", login.identity, "-o", "IdentitiesOnly=yes"]
    if login.known_hosts:
        words += ["-o", f'UserKnownHostsFile="{login.known_hosts}"']
    return words


def shim(program: str, login: Login, control: Path) -> str:
    """The `ssh` that `docker` finds."""
    return f'#!/bin/sh\nexec {shlex.join([program, "-o", "ControlMaster=no", *options(login, control)])} "$@"\n'


def parse_hostname(printed: str, default: str) -> str:
    """The name behind an alias of the user's settings, from what `ssh -G` prints."""
    found = (line.partition(" ")[2].strip() for line in printed.splitlines() if line.startswith("hostname "))
    return next(found, default) or default


class Connection:
    """Args: login: who goes where."""

    def __init__(self, login: Login) -> None:
        program = shutil.which("ssh")
        if program is None:
            raise EngineUnavailable("there is no ssh program", remedy="install the OpenSSH client")
        self._program, self._login = program, login
        self.folder = _private(Path(tempfile.gettempdir()) / f"windlass-ssh-{os.getuid()}") / _short(login)
        self.folder.mkdir(mode=0o700, exist_ok=True)
        self._control = self.folder / "c"
        self._ways: dict[tuple[str, int], tuple[str, int]] = {}
        self._standing: dict[str, bool] = {}

    def open(self) -> str:
        """Connect, or find that another run has; "" or what `ssh` said against it."""
        script = self.folder / "ssh"
        draft = self.folder / f".ssh-{os.getpid()}"
        draft.write_text(shim(self._program, self._login, self._control))
        draft.chmod(0o700)
        draft.replace(script)
        with tempfile.TemporaryDirectory(dir=self.folder) as room:  # a pipe would stay open as long as the connection
            said = Path(room) / "said"
            words = [self._program, "-o", "ControlMaster=auto", "-o", f"ControlPersist={_KEPT}"]
            argv = [*words, *options(self._login, self._control), "-T", *self._login.words, "true"]
            done = process.run(["sh", "-c", 'said=$1; shift; exec "$@" >/dev/null 2>"$said"', "sh", str(said), *argv])
            # 255 is ssh's own; a login that may do nothing but run docker may well refuse `true`.
            return said.read_text(errors="replace") or "no answer" if done.code == 255 else ""

    def hostname(self) -> str:
        done = process.run([self._program, "-G", *self._login.words])
        return parse_hostname(done.stdout, self._login.host)

    @contextmanager
    def lent(self, port: int, *, local: int | None = None) -> Iterator[bool]:
        """While it lasts, `127.0.0.1:PORT` there is `127.0.0.1:LOCAL` (the same port unless told) here. False says that the
        port is taken there, by something else than another run of this machine: those lend it together, and the last of
        them takes it back."""
        words = ["-R", f"127.0.0.1:{port}:127.0.0.1:{local or port}"]
        with _Share(self.folder / f"lent-{port}-{local or port}") as share:
            done = self._tell("forward", words)  # one that is there already is as good
            try:
                yield done.ok
            finally:
                if done.ok and share.last():
                    self._tell("cancel", words)

    def stands_among(self, gateways: tuple[str, ...]) -> bool:
        """Whether one of the engine's addresses on its networks is the host's own: it reaches containers directly then, and
        not where the engine is in a virtual machine."""
        for gateway in gateways:
            if ":" in gateway:
                continue
            if gateway not in self._standing:
                done = self._run("grep", "-qwF", gateway, "/proc/net/fib_trie")
                self._standing[gateway] = done.ok
            if self._standing[gateway]:
                return True
        return False

    def way_to(self, address: str, port: int) -> tuple[str, int] | None:
        """Where an address of the host's networks is reached from here; None where the host does not forward."""
        if (address, port) not in self._ways:
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                own = int(probe.getsockname()[1])
            if not self._tell("forward", ["-L", f"127.0.0.1:{own}:{address}:{port}"]).ok:
                return None
            self._ways[address, port] = ("127.0.0.1", own)
        return self._ways[address, port]

    def close_ways(self) -> None:
        """End what `way_to` opened."""
        for (address, port), (_, own) in self._ways.items():
            self._tell("cancel", ["-L", f"127.0.0.1:{own}:{address}:{port}"])
        self._ways.clear()

    def _tell(self, verb: str, words: list[str]) -> process.Completed:
        return process.run(
            [self._program, *options(self._login, self._control), "-O", verb, *words, *self._login.words]
        )

    def _run(self, *command: str) -> process.Completed:
        words = [self._program, "-o", "ControlMaster=no", *options(self._login, self._control), "-T"]
        return process.run([*words, *self._login.words, shlex.join(command)])


class _Share:
    """One of several, in other processes too, that hold a file. `last` says whether nobody else holds it any more; who comes
    from then on waits for the end of the block."""

    def __init__(self, file: Path) -> None:
        self._handle = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)

    def __enter__(self) -> _Share:
        try:
            fcntl.flock(self._handle, fcntl.LOCK_SH)
        except BaseException:
            os.close(self._handle)
            raise
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._handle)

    def last(self) -> bool:
        """Gives the share up. Of several that do so at once, one is the last: whoever asks after the others have given up."""
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            fcntl.flock(self._handle, fcntl.LOCK_UN)
            return False
        return True


def _short(login: Login) -> str:
    """A control path must fit into a socket's address, about 100 characters."""
    told = "\0".join((login.host, login.user, str(login.port), login.identity, login.known_hosts))
    return hashlib.sha256(told.encode()).hexdigest()[:12]


def _private(folder: Path) -> Path:
    """A folder that nobody else may put anything into. Raises EngineUnavailable."""
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise EngineUnavailable(
            f"the folder {folder} is open to others, so that no connection is kept in it", remedy=f"remove {folder}"
        )
    return folder
