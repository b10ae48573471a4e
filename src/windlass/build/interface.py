"""What a builder is: it turns a context and a Dockerfile into an image in an OCI layout."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from windlass.model.artifacts import LayoutImage
from windlass.model.events import Emit, StageName
from windlass.model.project import BuildSecret


@dataclass(frozen=True, slots=True)
class BuildRequest:
    """One image to build.

    `context` and `dockerfile` are absolute paths inside a materialised source tree (or `context` a remote URL).
    `contexts` maps a named build context to what replaces it, in buildx's own notation: an absolute path,
    `docker-image://name@sha256:…` or `oci-layout:///abs/path@sha256:…`; pinned base images arrive this way too.
    `layout` is the OCI layout folder to write to (created when missing; blobs that are there are kept). `cache` is a
    registry reference that layer caches are imported from and written to (`Builder.write_caches`), or None. `insecure` lists registry hosts
    that speak plain http. `secret_root` is the checkout that `BuildSecret.file` paths are relative to. `fresh` runs every
    step again instead of taking it from a cache. Without `keep_cache` nothing is written to `cache`.
    """

    service: str
    context: str
    dockerfile: Path
    layout: Path
    platforms: tuple[str, ...]
    target: str | None = None
    args: Mapping[str, str] = field(default_factory=dict)
    contexts: Mapping[str, str] = field(default_factory=dict)
    secrets: tuple[BuildSecret, ...] = ()
    ssh: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    network: str | None = None
    options: tuple[tuple[str, str], ...] = ()
    cache: str | None = None
    insecure: tuple[str, ...] = ()
    secret_root: Path | None = None
    fresh: bool = False
    keep_cache: bool = True


class Builder(Protocol):
    """Drivers: `buildx.BuildxBuilder`, `buildah.BuildahBuilder`, and `testing.builder.FakeBuilder`. One contract suite for all."""

    @property
    def name(self) -> str: ...

    def prepare(self, platforms: tuple[str, ...], emit: Emit) -> None:
        """Make sure these platforms can be built and exported as OCI; create a suitable builder where the current one cannot, and say so.

        Raises:
            EngineUnavailable: with a remedy.
        """

    def build(self, request: BuildRequest, emit: Emit) -> LayoutImage:
        """Build one image for all platforms into the layout and return the digest of its *index* (also for one platform).

        The same inputs give the same digest. Emits ServiceProgress and ServiceLog for stage "build".

        Raises:
            BuildFailed: with the last lines of the log.
            EngineUnavailable: the engine went away.
        """

    def execute(self, request: BuildRequest, emit: Emit, stage: StageName = "test") -> None:
        """Build `request.target` for the native platform and throw the result away: a Dockerfile's `test` target, run for its exit code.

        Raises:
            TestsFailed: with the last lines of the log.
        """

    def write_caches(self) -> None:
        """Write the layer caches of what was built since the last call, for other machines: nothing here waits for them,
        so this is done beside what comes after the build. Contexts and Dockerfiles must still be there. That one cannot be
        written costs others time, and is no error."""
