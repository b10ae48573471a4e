"""Ways to the engine that lead through another host's front door: an SSH server, and TLS with client certificates."""

from __future__ import annotations

import os
import selectors
import shlex
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.ports import free_port
from windlass import process
from windlass.waiting import wait_for

SOCKET = "/var/run/docker.sock"
SSH_HOST = "127.0.0.2"


@dataclass(frozen=True)
class SshHost:
    """`known_hosts` knows its key, `identity` is one that it accepts; `strange` is one that it does not."""

    folder: Path
    port: int

    @property
    def address(self) -> str:
        return f"ssh://{SSH_HOST}:{self.port}"

    @property
    def keys(self) -> dict[str, Any]:
        return {"identity": str(self.folder / "id"), "known_hosts": str(self.folder / "known_hosts")}

    @property
    def logins(self) -> int:
        """How often somebody has logged in."""
        return (self.folder / "log").read_text(errors="replace").count("Accepted publickey")


@contextmanager
def ssh_host(folder: Path, **environ: str) -> Iterator[SshHost]:
    """An SSH server with keys and settings of its own. `environ` is what commands see there."""
    folder.mkdir(parents=True)
    for name in ("host", "id", "strange"):
        process.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)], check=True)
    port = free_port()
    (folder / "authorized_keys").write_text((folder / "id.pub").read_text())
    (folder / "known_hosts").write_text(f"[{SSH_HOST}]:{port} {(folder / 'host.pub').read_text()}")
    seen = {"PATH": os.environ["PATH"], "DOCKER_HOST": f"unix://{SOCKET}"} | environ
    told = " ".join(shlex.quote(f"{name}={value}") for name, value in seen.items())
    (folder / "config").write_text(
        f"Port {port}\nListenAddress {SSH_HOST}\nHostKey {folder}/host\nPidFile none\nStrictModes no\nUsePAM no\n"
        f"AuthorizedKeysFile {folder}/authorized_keys\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n"
        f"SetEnv {told}\n"
    )
    with ExitStack() as stack:
        if os.getuid() == 0:  # sshd insists on the folder that its package makes at each start of the system
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        program = shutil.which("sshd") or "sshd"  # it starts itself again for every connection, by its whole path
        argv = [program, "-D", "-f", str(folder / "config"), "-E", str(folder / "log")]
        server = subprocess.Popen(argv, stderr=subprocess.DEVNULL)
        stack.callback(server.wait)
        stack.callback(server.terminate)
        wait_for(lambda: _answers(SSH_HOST, port), bool, seconds=20)
        yield SshHost(folder, port)


def _answers(address: str, port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((address, port)) == 0


@dataclass(frozen=True)
class TlsHost:
    """`certificates` holds what its authority has signed for a client; `strange` what another one has."""

    port: int
    certificates: Path
    strange: Path

    @property
    def address(self) -> str:
        return f"tcp://127.0.0.1:{self.port}"


@contextmanager
def tls_host(folder: Path) -> Iterator[TlsHost]:
    """The engine's socket behind TLS; client certificates are asked for and checked."""
    for name in ("own", "strange"):
        authority(folder / name)
    own = folder / "own"
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(own / "ca.pem"))
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_cert_chain(own / "server.pem", own / "server-key.pem")
    mixed = folder / "mixed"  # trusts the right authority, shows what another one has signed
    mixed.mkdir()
    shutil.copy(own / "ca.pem", mixed)
    for name in ("cert.pem", "key.pem"):
        shutil.copy(folder / "strange" / name, mixed)
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listening:
        threading.Thread(target=_serve, args=(listening, context), daemon=True).start()
        yield TlsHost(listening.getsockname()[1], own, mixed)
        listening.shutdown(socket.SHUT_RDWR)


def authority(folder: Path) -> None:
    """An authority, and what it has signed for a server on loopback (server.pem) and a client (cert.pem)."""
    folder.mkdir(parents=True)
    key = ["-newkey", "rsa:2048", "-nodes", "-days", "2"]

    def make(name: str, own_key: str, *words: str) -> None:
        argv = ["openssl", "req", "-x509", *key, "-keyout", str(folder / own_key), "-out", str(folder / name), *words]
        process.run(argv, check=True)

    signed = ["-CA", str(folder / "ca.pem"), "-CAkey", str(folder / "ca-key.pem"), "-addext", "basicConstraints=CA:FALSE"]  # fmt: skip
    make("ca.pem", "ca-key.pem", "-subj", f"/CN={folder.name} authority")
    make("server.pem", "server-key.pem", *signed, "-subj", "/CN=engine", "-addext", "subjectAltName=IP:127.0.0.1")
    make("cert.pem", "key.pem", *signed, "-subj", "/CN=client", "-addext", "extendedKeyUsage=clientAuth")


def _serve(listening: socket.socket, context: ssl.SSLContext) -> None:
    while True:
        try:
            connection, _ = listening.accept()
        except OSError:
            return
        threading.Thread(target=_forward, args=(connection, context), daemon=True).start()


def _forward(connection: socket.socket, context: ssl.SSLContext) -> None:
    """Both ways until both ends have said their last: a client may end its half and still listen, as `docker exec` does."""
    with ExitStack() as stack:
        stack.callback(connection.close)
        try:
            connection.settimeout(20)
            client = stack.enter_context(context.wrap_socket(connection, server_side=True))
            engine = stack.enter_context(socket.socket(socket.AF_UNIX))
            engine.connect(SOCKET)
            client.settimeout(None)
            watched = stack.enter_context(selectors.DefaultSelector())
            watched.register(client, selectors.EVENT_READ)
            watched.register(engine, selectors.EVENT_READ)
            while True:
                for ready, _ in watched.select():
                    if ready.fileobj is client:
                        data = client.recv(65536)
                        while data and client.pending():
                            data += client.recv(65536)
                        if data:
                            engine.sendall(data)
                        else:
                            engine.shutdown(socket.SHUT_WR)
                            watched.unregister(client)
                    elif data := engine.recv(65536):
                        client.sendall(data)
                    else:
                        return
        except OSError:
            return
