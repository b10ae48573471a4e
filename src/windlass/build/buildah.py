"""The second driver: buildah, for machines without a container engine.

One run a platform, then one index over the results. Layers are cached in buildah's own storage on this machine; base
layers keep their content (diff ids) and are compressed anew, because that storage holds them uncompressed.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from windlass import process
from windlass.build import layout
from windlass.build.buildah_command import (
    OCI_LAYOUT,
    buildah_command,
    buildah_contexts,
    buildah_environment,
    pull_command,
    push_command,
    split_layout,
)
from windlass.build.failure import explain
from windlass.build.interface import BuildRequest
from windlass.build.log import BuildahReader, Transcript
from windlass.build.secrets import check_secrets
from windlass.errors import BuildFailed, EngineUnavailable, WindlassError
from windlass.model.artifacts import LayoutImage
from windlass.model.events import Emit, Notice, StageName

_BINFMT = Path("/proc/sys/fs/binfmt_misc")
_EMULATORS = {"amd64": "x86_64", "arm64": "aarch64", "386": "i386", "riscv64": "riscv64", "ppc64le": "ppc64le"}
_RUNS_NATIVELY = {("amd64", "386"), ("arm64", "arm")}


class BuildahBuilder:
    """Builds with `buildah build`.

    Args:
        options: global options of buildah, such as `--root FOLDER` and `--storage-driver vfs`.
        isolation: how RUN is kept apart; `chroot` needs no privileges of its own. BUILDAH_ISOLATION wins over it.
    """

    def __init__(self, options: Sequence[str] = (), isolation: str = "chroot") -> None:
        self._options = tuple(options)
        self._isolation = isolation
        self._native: str | None = None

    @property
    def name(self) -> str:
        return "buildah"

    def prepare(self, platforms: tuple[str, ...], emit: Emit) -> None:
        try:
            found = process.run(["buildah", *self._options, "info"])
        except process.ProgramMissing as error:
            raise EngineUnavailable("buildah is not installed", remedy="apt install buildah") from error
        if not found.ok:
            raise EngineUnavailable(
                f"buildah cannot work here: {(found.stderr.strip().splitlines() or ['no reason given'])[-1]}",
                remedy="run as root, or give this user a range in /etc/subuid and /etc/subgid",
            )
        self._native = parse_native(found.stdout)
        if self._isolated_by() == "chroot":
            emit(Notice("buildah runs build steps and tests with this machine's own network (isolation: chroot)"))
        emulated = {path.name for path in _BINFMT.iterdir()} if _BINFMT.is_dir() else set()
        if missing := missing_emulators(platforms, self._native, emulated):
            raise EngineUnavailable(
                f"no emulator is registered for {', '.join(missing)}",
                remedy="apt install qemu-user-static (binfmt_misc must be mounted)",
            )

    def build(self, request: BuildRequest, emit: Emit) -> LayoutImage:
        check_secrets(request)
        with tempfile.TemporaryDirectory(prefix="windlass-build-") as folder:
            scratch = Path(folder)
            manifests = []
            for platform in sorted(request.platforms):
                image = self._run(request, platform, scratch, emit, "build")
                manifests.append(self._export(request, image, scratch))
        index = layout.write_index(request.layout, manifests)
        layout.name_only(request.layout, index)
        return LayoutImage(request.layout, index)

    def execute(self, request: BuildRequest, emit: Emit, stage: StageName = "test") -> None:
        check_secrets(request)
        native = self._native
        platform = native if native in request.platforms or not request.platforms else request.platforms[0]
        with tempfile.TemporaryDirectory(prefix="windlass-build-") as folder:
            self._run(request, platform or "linux/amd64", Path(folder), emit, stage)

    def write_caches(self) -> None:
        """Nothing: layers are cached in buildah's own storage."""

    def _run(self, request: BuildRequest, platform: str, scratch: Path, emit: Emit, stage: StageName) -> str:
        """Build one platform and return the image's id in buildah's storage."""
        places = {place for place in request.contexts.values() if place.startswith(OCI_LAYOUT)}
        pulled = {place: self._pull(place, platform, request.service) for place in sorted(places)}
        iidfile = scratch / "iid"
        iidfile.unlink(missing_ok=True)
        argv = buildah_command(
            request,
            platform,
            iidfile=iidfile,
            contexts=buildah_contexts(request.contexts, pulled),
            isolation=self._isolated_by(),
            options=self._options,
        )
        transcript = Transcript(request.service, stage, BuildahReader(platform), request.args)

        def on_line(line: str) -> None:
            for event in transcript.feed(line):
                emit(event)

        code = process.stream(argv, on_line, env=buildah_environment(request))
        if code != 0:
            raise explain(transcript, service=request.service, stage=stage, code=code)
        try:
            return iidfile.read_text().strip()
        except OSError as error:
            raise BuildFailed("buildah did not say which image it made", where=request.service) from error

    def _isolated_by(self) -> str:
        return os.environ.get("BUILDAH_ISOLATION") or self._isolation

    def _export(self, request: BuildRequest, image: str, scratch: Path) -> str:
        """Copy an image into the layout and return its manifest's digest."""
        request.layout.mkdir(parents=True, exist_ok=True)
        digest = scratch / "digest"
        process.run(push_command(image, request.layout, digestfile=digest, options=self._options), check=True)
        return digest.read_text().strip()

    def _pull(self, place: str, platform: str, service: str) -> str:
        """Bring an image that another build left in a layout into buildah's storage.

        buildah names images of a layout through its index.json only, so it is shown a layout that names this one image.
        """
        folder, digest = split_layout(place)
        with tempfile.TemporaryDirectory(prefix="windlass-layout-") as temporary:
            view = Path(temporary) / "windlass-layout"
            view.mkdir()
            (view / "blobs").symlink_to(folder / "blobs", target_is_directory=True)
            try:
                layout.name_only(view, digest)
                pulled = process.run(
                    pull_command(view.name, platform, options=self._options), cwd=view.parent, check=True
                )
            except (OSError, WindlassError) as error:
                raise BuildFailed(f"the image {place} cannot be read: {error}", where=service) from error
        return pulled.stdout.strip().splitlines()[-1]


def parse_native(info: str) -> str:
    """`buildah info` as `os/architecture`."""
    host = json.loads(info).get("host", {})
    return f"{host.get('os', 'linux')}/{host.get('arch', 'amd64')}"


def missing_emulators(platforms: Sequence[str], native: str, registered: set[str]) -> tuple[str, ...]:
    """The platforms that neither run natively nor have a `qemu-*` entry in binfmt_misc."""
    own = native.split("/")[1]
    missing = []
    for platform in platforms:
        architecture = platform.split("/")[1]
        if architecture == own or (own, architecture) in _RUNS_NATIVELY:
            continue
        if f"qemu-{_EMULATORS.get(architecture, architecture)}" not in registered:
            missing.append(platform)
    return tuple(missing)
