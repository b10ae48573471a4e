"""Where an engine is, and what `docker` must be told to talk to that one. Pure.

Docker's own order is kept: `DOCKER_HOST`, then `DOCKER_CONTEXT`, then what `docker context use` wrote (docs.docker.com,
"Docker contexts"). What an environment declares comes before all of these.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import SplitResult, urlsplit

from windlass.errors import ConfigError
from windlass.model.project import EngineSpec

CONTEXT = "context:"
_REMOTE = ("tcp", "http", "https", "ssh")
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_DEFAULT = ("", "default")
_NOTHING = {"DOCKER_HOST": "", "DOCKER_CONTEXT": "", "DOCKER_TLS_VERIFY": "", "DOCKER_CERT_PATH": ""}
"""Docker takes an empty variable as one that is not there."""


@dataclass(frozen=True, slots=True)
class Login:
    """A host that is reached by `ssh`. `identity` and `known_hosts` are files, "" for those of `ssh` itself."""

    host: str
    user: str = ""
    port: int | None = None
    identity: str = ""
    known_hosts: str = ""

    @property
    def words(self) -> list[str]:
        """The words that name the host in an `ssh` command."""
        user = ["-l", self.user] if self.user else []
        port = ["-p", str(self.port)] if self.port else []
        return [*user, *port, "--", self.host]


@dataclass(frozen=True, slots=True)
class Reach:
    """An engine: on this machine (`here`), or elsewhere by `ssh` or `tcp`.

    `environ` is what `docker` is to be told; `engine` and `port` are where the engine itself is; `host` is the name
    under which published ports are reached; `shown` is for messages. `lent` says that this machine's loopback registries are reached from there without our doing.
    """

    kind: Literal["here", "ssh", "tcp"] = "here"
    environ: Mapping[str, str] = field(default_factory=dict)
    host: str = "localhost"
    engine: str = ""
    port: int | None = None
    shown: str = ""
    login: Login | None = None
    lent: bool = False

    @property
    def remote(self) -> bool:
        return self.kind != "here"


def resolve(
    spec: EngineSpec | None, environ: Mapping[str, str], current: str, endpoint_of: Callable[[str], str]
) -> Reach:
    """Find out where the engine is.

    Args:
        spec: what the environment declares; None takes the user's own.
        current: the context that `docker context use` wrote, or "".
        endpoint_of: the address in a context, as `docker context inspect` tells it.

    Raises:
        ConfigError: an address cannot be read.
    """
    if spec is not None and not spec.host.startswith(CONTEXT):
        return _declared(spec)
    if spec is not None:
        name = spec.host.removeprefix(CONTEXT)
        return _at(endpoint_of(name), spec, {**_NOTHING, "DOCKER_CONTEXT": name}, shown=f"the context {name}")
    if address := environ.get("DOCKER_HOST"):
        return _own(address)
    name = environ.get("DOCKER_CONTEXT") or current
    return Reach() if name in _DEFAULT else _own(endpoint_of(name), shown=f"the context {name}")


def _declared(spec: EngineSpec) -> Reach:
    told = {**_NOTHING, "DOCKER_HOST": spec.host}
    if spec.host.startswith("tcp://"):
        told["DOCKER_TLS_VERIFY"] = "1"
        if spec.certificates:
            told["DOCKER_CERT_PATH"] = spec.certificates
        else:
            del told["DOCKER_CERT_PATH"]  # the user's own, or Docker's folder
    return _at(spec.host, spec, told)


def _own(address: str, shown: str = "") -> Reach:
    """The user's own engine. One on a loopback port is taken for this machine's: it sees the same files."""
    found = _at(address, EngineSpec(address), {}, shown=shown)
    return Reach() if found.kind == "tcp" and found.host in _LOOPBACK else found


def _at(address: str, spec: EngineSpec, told: Mapping[str, str], shown: str = "") -> Reach:
    split, port = _split(address)
    if split.scheme not in _REMOTE:
        return Reach(environ=told, shown=shown or address)
    if not split.hostname:
        raise ConfigError(f"the engine's address {address} has no host", remedy="write ssh://user@host or tcp://host:2376")  # fmt: skip
    login = None
    if split.scheme == "ssh":
        login = Login(split.hostname, split.username or "", port, spec.identity, spec.known_hosts)
    return Reach(
        "ssh" if login else "tcp",
        told,
        spec.address or split.hostname,
        split.hostname,
        port,
        shown or address,
        login,
        spec.registry_reachable,
    )


def _split(address: str) -> tuple[SplitResult, int | None]:
    try:
        split = urlsplit(address)
        return split, split.port
    except ValueError as error:
        raise ConfigError(f"the engine's address {address} cannot be read: {error}") from error


def loopback_ports(references: Iterable[str]) -> list[int]:
    """The ports of registries that only the machine itself reaches, among the hosts of image references."""
    ports = set()
    for reference in references:
        host, _, port = reference.partition("/")[0].rpartition(":")
        if (host in _LOOPBACK or host.startswith("127.")) and port.isdigit():
            ports.add(int(port))
    return sorted(ports)


def why(said: str, reach: Reach) -> tuple[str, str]:
    """(what is wrong, what to do) for what `ssh` or `docker` said about an engine elsewhere."""
    lines = [line.strip() for line in said.strip().splitlines() if line.strip()]
    last = lines[-1] if lines else "no answer"
    at = reach.shown
    for words, message, remedy in _TROUBLES:
        if any(word in said for word in words):
            return message.format(at=at), remedy.format(host=reach.login.host if reach.login else reach.host)
    return f"the container engine at {at} does not answer: {last}", "look whether Docker runs there"


_TROUBLES = (
    (
        ("REMOTE HOST IDENTIFICATION HAS CHANGED",),
        "the host key at {at} is not the known one",
        "find out why; if it is right, ssh-keygen -R {host}, connect once by hand and compare the fingerprint",
    ),
    (
        ("Host key verification failed", "host key is known for"),
        "the host key at {at} is not known",
        "connect once by hand (ssh {host}) and compare the fingerprint, or name a file: engine: {{known_hosts: …}}",
    ),
    (
        ("not accessible", "invalid format", "UNPROTECTED PRIVATE KEY"),
        "the key for {at} cannot be used",
        "check the file that engine: {{identity: …}} names; only its owner may read it",
    ),
    (
        ("Permission denied (", "Too many authentication failures"),
        "the login at {at} is refused",
        "give ssh a key that {host} accepts: by ssh-agent, ~/.ssh/config or engine: {{identity: …}}; passwords are not asked for",
    ),
    (
        ("Could not resolve hostname", "no such host", "Name or service not known", "Temporary failure in name"),
        "the host of {at} is not known",
        "check the name under engine",
    ),
    (
        ("command not found", "docker: not found", "executable file not found", "No such file or directory: docker"),
        "there is no docker program at {at}",
        "install Docker there, on the PATH of a login without a terminal",
    ),
    (
        ("permission denied while trying to connect",),
        "the engine at {at} refuses this user",
        "add the user to the docker group there",
    ),
    (
        ("Cannot connect to the Docker daemon",),
        "the engine at {at} does not run",
        "start it there: sudo systemctl start docker",
    ),
    (
        ("Connection refused", "connection refused", "timed out", "i/o timeout", "No route to host", "unreachable", "closed by remote host", "Connection reset"),
        "{at} is not reached",
        "check the address, that the machine is up, and what a firewall lets through",
    ),
    (
        ("no such file or directory", "could not read CA certificate", "could not load X509 key pair"),
        "certificates for {at} are missing",
        "engine: {{certificates: FOLDER}} needs ca.pem, cert.pem and key.pem",
    ),
    (
        ("bad certificate", "certificate required", "unknown certificate authority"),
        "the engine at {at} does not accept the client certificate",
        "use one that its authority (--tlscacert of the engine) has signed",
    ),
    (
        # TLS 1.3 judges it after the handshake: its refusal may be overtaken by the end of the connection.
        ("connection reset by peer", "broken pipe"),
        "{at} ended the connection, as an engine does that does not accept the client certificate",
        "use one that its authority (--tlscacert of the engine) has signed; otherwise look whether the engine runs",
    ),
    (
        ("x509:", "certificate signed by", "failed to verify certificate"),
        "the certificate of {at} is not trusted",
        "ca.pem must be the authority that signed it, and it must name the host {host}",
    ),
    (
        ("server gave HTTP response", "malformed HTTP", "first record does not look like a TLS"),
        "what answers at {at} does not speak TLS",
        "start the engine with --tlsverify, or reach it by ssh://",
    ),
)  # fmt: skip
