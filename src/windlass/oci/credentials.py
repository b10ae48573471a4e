"""Credentials that Docker keeps: its configuration file, and the helper programs it names.

Source: docker/cli `cli/config`, docker/docker-credential-helpers. `docker login` and `az acr login` both write there.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from windlass import process
from windlass.errors import WindlassError
from windlass.model.secret import Secret
from windlass.oci.reference import DOCKER_HUB

_HUB_KEY = "https://index.docker.io/v1/"
_TOKEN_USER = "<token>"
_HELPER_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Credential:
    """What to log in with. Exactly one kind is set, or none: then nobody is logged in.

    `password` belongs to `username`; `identity` is a refresh token of the registry's token server (ACR writes one);
    `bearer` is sent as it is; `azure` is an Azure access token, to be exchanged at an ACR. `origin` says, for people,
    where it came from, or why there is none.
    """

    origin: str
    username: str = ""
    password: Secret | None = None
    identity: Secret | None = None
    bearer: Secret | None = None
    azure: Secret | None = None
    tenant: str = ""

    @property
    def present(self) -> bool:
        return any((self.password, self.identity, self.bearer, self.azure))

    @property
    def who(self) -> str:
        """For error messages: the user and the origin, never the secret."""
        if not self.present:
            return self.origin
        user = f"user '{self.username}'" if self.username else "a token"
        return f"{user} from {self.origin}"


class Credentials(Protocol):
    """Where credentials are looked up, once a registry asks for them."""

    def find(self, host: str) -> Credential:
        """The credential for a registry host (`docker.io`, `localhost:5077`); one that is not `present` when there is none."""


@dataclass(frozen=True, slots=True)
class Fixed:
    """The same credential for every host: for tests and for callers that know it."""

    credential: Credential = field(default=Credential("no credentials given"))

    def find(self, host: str) -> Credential:
        return self.credential


def basic(username: str, password: str, origin: str = "the command") -> Fixed:
    return Fixed(Credential(origin, username, Secret(password)))


class DockerCredentials:
    """Docker's own configuration: `credHelpers`, then `credsStore`, then `auths`.

    The file is `$DOCKER_CONFIG/config.json` or `~/.docker/config.json`. Nothing is cached: a login during a long run counts.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder

    @property
    def file(self) -> Path:
        if self._folder is not None:
            return self._folder / "config.json"
        own = os.environ.get("DOCKER_CONFIG")
        return (Path(own) if own else Path.home() / ".docker") / "config.json"

    def find(self, host: str) -> Credential:
        file = self.file
        try:
            config = json.loads(file.read_bytes())
        except FileNotFoundError:
            return Credential(f"no credentials: {file} does not exist")
        except (OSError, ValueError) as error:
            return Credential(f"no credentials: {file} cannot be read ({error})")
        if not isinstance(config, dict):
            return Credential(f"no credentials: {file} is not a JSON object")
        problem = ""
        if helper := helper_for(config, host):
            answer = _ask(helper, host)
            if isinstance(answer, Credential):
                return answer
            problem = answer
        found = from_auths(config, host, str(file))
        if found is not None:
            return found
        return Credential(problem or f"no credentials: {file} has none for {host}")


def helper_for(config: dict[str, Any], host: str) -> str | None:
    """The name of the helper (`docker-credential-NAME`) that keeps this host's credentials, if one does."""
    helpers = config.get("credHelpers")
    if isinstance(helpers, dict):
        for key, name in helpers.items():
            if _same(str(key), host) and isinstance(name, str) and name:
                return name
    store = config.get("credsStore")
    return store if isinstance(store, str) and store else None


def from_auths(config: dict[str, Any], host: str, origin: str) -> Credential | None:
    """The entry of `auths` for a host."""
    auths = config.get("auths")
    if not isinstance(auths, dict):
        return None
    for key, entry in auths.items():
        if _same(str(key), host) and isinstance(entry, dict):
            found = _entry(entry, origin)
            if found is not None:
                return found
    return None


def _entry(entry: dict[str, Any], origin: str) -> Credential | None:
    username, password = _text(entry, "username"), _text(entry, "password")
    if encoded := _text(entry, "auth"):
        try:
            username, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return Credential(f"no credentials: an 'auth' entry in {origin} is not base64")
        password = password.rstrip("\0")
    if identity := _text(entry, "identitytoken"):
        return Credential(origin, username, identity=Secret(identity))
    if bearer := _text(entry, "registrytoken"):
        return Credential(origin, username, bearer=Secret(bearer))
    return _login(origin, username, password) if username and password else None


def _login(origin: str, username: str, password: str) -> Credential:
    if username == _TOKEN_USER:
        return Credential(origin, identity=Secret(password))
    return Credential(origin, username, password=Secret(password))


def helper_command(helper: str) -> list[str]:
    return [f"docker-credential-{helper}", "get"]


def parse_helper(stdout: str, origin: str) -> Credential | str:
    """What a helper printed: `{"ServerURL": …, "Username": …, "Secret": …}`; a reason when that is unusable."""
    try:
        answer = json.loads(stdout)
        username, password = answer["Username"], answer["Secret"]
    except (ValueError, KeyError, TypeError):
        return f"no credentials: {origin} gave no answer that can be read"
    if not isinstance(username, str) or not isinstance(password, str) or not password:
        return f"no credentials: {origin} gave an empty answer"
    return _login(origin, username, password)


def _ask(helper: str, host: str) -> Credential | str:
    origin = f"docker-credential-{helper}"
    if not helper.replace("-", "").replace("_", "").replace(".", "").isalnum():
        return f"no credentials: '{helper}' is not the name of a credential helper"
    key = _HUB_KEY if host == DOCKER_HUB else host
    try:
        done = process.run(helper_command(helper), input=key, timeout=_HELPER_SECONDS)
    except process.ProgramTimedOut:
        return f"no credentials: {origin} did not answer within {_HELPER_SECONDS:g} s"
    except (WindlassError, OSError) as error:
        return f"no credentials: {error}"
    if not done.ok:
        said = (done.stdout or done.stderr).strip().splitlines()[:1] or ["no reason given"]
        return f"no credentials: {origin} says {said[0][:120]}"
    return parse_helper(done.stdout, origin)


def _same(key: str, host: str) -> bool:
    """Whether a key of Docker's configuration (`host`, `https://host`, `https://host/v1/`) means this host."""
    bare = key.removeprefix("https://").removeprefix("http://").partition("/")[0].lower()
    if host == DOCKER_HUB:
        return bare in (DOCKER_HUB, "index.docker.io", "registry-1.docker.io")
    return bare == host.lower()


def _text(entry: dict[str, Any], key: str) -> str:
    value = entry.get(key)
    return value if isinstance(value, str) else ""
