"""Base images, pinned as the builder would see them (the driver of `plan.interface.BaseImages`)."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeAlias
from urllib.parse import urlsplit

from windlass.errors import EnvironmentUnusable, WindlassError
from windlass.model.plan import BaseImage
from windlass.oci import reference as references
from windlass.oci.auth import login_remedy
from windlass.oci.client import RegistryClient
from windlass.oci.credentials import Credentials
from windlass.oci.layout import Stored
from windlass.oci.manifest import Manifest, Platform, parse_platform
from windlass.oci.mirrors import Mirrors, engine_mirrors
from windlass.oci.push import gather
from windlass.oci.reference import Reference
from windlass.oci.session import Patience

Connect: TypeAlias = Callable[[str, bool | None], RegistryClient]
"""Makes a client for (host, insecure)."""

SCRATCH = "scratch"
_CONFIG_LIMIT = 8 * 1024 * 1024
# A mirror that is down must not hold up a plan for a minute: the next place may have the image.
_MIRROR_PATIENCE = Patience(total=10.0, refused=1.0)


class RegistryBaseImages:
    """Asks the engine's mirrors first and the image's own registry last, as the builder does.

    Args:
        mirrors: what `engine_mirrors` gives, or the function itself, then called at the first image that needs it.
        connect: makes clients; replaced in tests.
    """

    def __init__(
        self,
        mirrors: Mirrors | Callable[[], Mirrors] = engine_mirrors,
        *,
        credentials: Credentials | None = None,
        connect: Connect | None = None,
    ) -> None:
        self._ask_mirrors = mirrors
        self._known_mirrors: Mirrors | None = mirrors if isinstance(mirrors, Mirrors) else None
        self._credentials = credentials
        self._connect = connect or self._plain_connect
        self._clients: dict[tuple[str, bool | None], RegistryClient] = {}
        self._answers: dict[tuple[str, tuple[str, ...]], BaseImage] = {}
        self._turns: dict[str, threading.Lock] = {}
        self._guard = threading.Lock()

    def resolve(self, name: str, platforms: Sequence[str]) -> BaseImage:
        """Pin a base image; `digest` is that of its index, or of its manifest where it has but one.

        A name that carries a digest keeps it; then only the platforms' manifests are looked up.

        Raises:
            EnvironmentUnusable: no registry has it, or not for all platforms; says what each place answered.
            InvalidReference: the name is none.
        """
        if name == SCRATCH:
            return BaseImage(SCRATCH, "", {})
        wanted = (name, tuple(platforms))
        with self._guard:
            turn = self._turns.setdefault(name, threading.Lock())
        with turn:  # one question per image, however many services start from it
            if wanted not in self._answers:
                self._answers[wanted] = self._resolve(name, references.parse(name), wanted[1])
            return self._answers[wanted]

    def _resolve(self, name: str, reference: Reference, platforms: tuple[str, ...]) -> BaseImage:
        said: list[str] = []
        causes: list[WindlassError] = []
        for place, host, insecure, repository in self._places(reference):
            try:
                client = self._client(host, insecure)
                stored = client.get_manifest(repository, reference.pointer)
                return self._pin(client, repository, name, stored, platforms)
            except _Lacks as error:
                said.append(f"{place}: it has no image for {error.platform}{error.instead}")
            except WindlassError as error:
                said.append(f"{place}: {error.message}")
                causes.append(error)
        if problem := self._mirrors().problem:
            said.append(problem)
        raise EnvironmentUnusable(
            f"the base image {name} cannot be resolved\n" + "\n".join(f"  {line}" for line in said),
            remedy=(
                f"check the name and the network, log in ({login_remedy(reference.host)}), or name an image that a registry "
                "has; one that exists only in the local engine cannot be pinned: push it to the registry first"
            ),
        ) from (causes[0] if causes else None)

    def _pin(
        self, client: RegistryClient, repository: str, name: str, stored: Stored, platforms: Sequence[str]
    ) -> BaseImage:
        if isinstance(stored.content, Manifest):
            # One manifest for all: BuildKit takes it for every platform, whatever its configuration says (tried, 0.13).
            children = dict.fromkeys(platforms, stored.descriptor.digest)
            triggers = _onbuild(client, repository, stored.content)
            return BaseImage(name, stored.descriptor.digest, children, triggers)
        children = {}
        for text in platforms:
            child = stored.content.find(parse_platform(text))
            if child is None:
                raise _Lacks(
                    text, sorted({str(one.platform) for one in stored.content.manifests if _runs(one.platform)})
                )
            children[text] = child.digest

        def look(digest: str) -> tuple[str, ...] | None:
            content = client.get_manifest(repository, digest).content
            return _onbuild(client, repository, content) if isinstance(content, Manifest) else None

        unique = list(dict.fromkeys(children.values()))
        with ThreadPoolExecutor(max(1, len(unique)), thread_name_prefix="windlass-base") as pool:
            found = gather(pool, look, unique)
        return BaseImage(name, stored.descriptor.digest, children, _joined(found))

    def _places(self, reference: Reference) -> list[tuple[str, str, bool | None, str]]:
        """Where to ask, in order: a name for people, the host, whether it speaks plain http, the repository there."""
        mirrors = self._mirrors()
        found: list[tuple[str, str, bool | None, str]] = []
        for url in mirrors.of(reference.host):
            parts = urlsplit(url)
            below = parts.path.strip("/")
            repository = f"{below}/{reference.repository}" if below else reference.repository
            found.append((f"mirror {url}", parts.netloc, parts.scheme == "http", repository))
        insecure = True if reference.host in mirrors.insecure else None
        found.append((reference.host, reference.host, insecure, reference.repository))
        return found

    def _mirrors(self) -> Mirrors:
        with self._guard:
            if self._known_mirrors is None:
                assert callable(self._ask_mirrors)
                self._known_mirrors = self._ask_mirrors()
            return self._known_mirrors

    def _client(self, host: str, insecure: bool | None) -> RegistryClient:
        with self._guard:
            return self._clients.setdefault((host, insecure), self._connect(host, insecure))

    def _plain_connect(self, host: str, insecure: bool | None) -> RegistryClient:
        return RegistryClient(host, insecure=insecure, credentials=self._credentials, patience=_MIRROR_PATIENCE)


class _Lacks(Exception):
    def __init__(self, platform: str, others: Sequence[str]) -> None:
        super().__init__(platform)
        self.platform = platform
        self.instead = f", only {', '.join(others)}" if others else ""


def _runs(platform: Platform | None) -> bool:
    """Attestations stand in an index as platform unknown/unknown."""
    return platform is not None and platform.os != "unknown"


def _onbuild(client: RegistryClient, repository: str, manifest: Manifest) -> tuple[str, ...] | None:
    """The `OnBuild` of an image's configuration; None when it is no image configuration."""
    body = client.read_blob(repository, manifest.config.digest, _CONFIG_LIMIT)
    try:
        triggers = (json.loads(body).get("config") or {}).get("OnBuild") or []
        return tuple(str(one) for one in triggers)
    except (ValueError, TypeError, AttributeError, RecursionError):
        return None


def _joined(found: Sequence[tuple[str, ...] | None]) -> tuple[str, ...] | None:
    """The triggers of all platforms: usually the same ones, else those of any; None when one platform's are not known."""
    known = [triggers for triggers in found if triggers is not None]
    if len(known) < len(found):
        return None
    if len(set(known)) <= 1:
        return known[0] if known else ()
    return tuple(dict.fromkeys(trigger for triggers in known for trigger in triggers))
