"""A builder that needs no engine: a tiny but valid OCI layout, decided by the request alone."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import re
import tarfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from windlass.build import layout
from windlass.build.interface import BuildRequest
from windlass.build.secrets import check_secrets
from windlass.errors import BuildFailed, EngineUnavailable, StageFailed, TestsFailed
from windlass.git.repository import EPOCH
from windlass.model.artifacts import LayoutImage
from windlass.model.events import Emit, ServiceLog, ServiceProgress, StageName

_STAGE = re.compile(r"^FROM\s+(?P<base>\S+)(?:\s+AS\s+(?P<name>\S+))?\s*$", re.IGNORECASE)
_ECHO = re.compile(r"\becho ([\w ]+)")
_FAILS = re.compile(r"\bexit [1-9]|\bfalse\b")


@dataclass
class FakeBuilder:
    """Understands FROM, and RUN that echoes words or exits; every other instruction only counts as content.

    `failing` maps a service to the log its build fails with. `built` and `executed` hold the requests in order, `cached` the services whose layer caches were written.
    `packages` stands for what builds without a cache fetch: other packages make another image of the same request.
    """

    failing: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    platforms: tuple[str, ...] = ("linux/amd64", "linux/arm64")
    built: list[BuildRequest] = field(default_factory=list)
    executed: list[BuildRequest] = field(default_factory=list)
    cached: list[str] = field(default_factory=list)
    name: str = "fake"
    packages: str = ""

    def prepare(self, platforms: tuple[str, ...], emit: Emit) -> None:
        if missing := [platform for platform in platforms if platform not in self.platforms]:
            raise EngineUnavailable(f"cannot build {', '.join(missing)}", remedy="register an emulator")

    def build(self, request: BuildRequest, emit: Emit) -> LayoutImage:
        self.built.append(request)
        self._run(request, emit, "build", BuildFailed)
        seed = _content(request) + (self.packages if request.fresh else "")
        manifests = [_image(request, platform, seed) for platform in sorted(request.platforms)]
        index = layout.write_index(request.layout, manifests)
        layout.name_only(request.layout, index)
        return LayoutImage(request.layout, index)

    def execute(self, request: BuildRequest, emit: Emit, stage: StageName = "test") -> None:
        self.executed.append(request)
        self._run(request, emit, stage, TestsFailed)

    def write_caches(self) -> None:
        self.cached += [request.service for request in self.built if request.service not in self.cached]

    def _run(self, request: BuildRequest, emit: Emit, stage: StageName, error: type[StageFailed]) -> None:
        check_secrets(request)
        if request.service in self.failing:
            raise error("the step failed", where=request.service, log=self.failing[request.service])
        log: list[str] = []
        for step in _steps(request, error):
            emit(ServiceProgress(stage, request.service, step))
            if step.upper().startswith("RUN "):
                for words in _ECHO.findall(step):
                    log.append(words.strip())
                    emit(ServiceLog(stage, request.service, words.strip()))
                if _FAILS.search(step):
                    raise error(f"{step} failed", where=request.service, log=tuple(log[-20:]))


def _steps(request: BuildRequest, error: type[StageFailed]) -> Iterable[str]:
    """The instructions of the wanted stage and of the stages it starts from."""
    try:
        text = request.dockerfile.read_text()
    except OSError as problem:
        raise error(f"the Dockerfile cannot be read: {problem.strerror}", where=request.service) from problem
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    stages: dict[str, list[str]] = {}
    last = ""
    for line in lines:
        if found := _STAGE.match(line):
            last = found["name"] or str(len(stages))
            stages[last] = [*stages.get(found["base"], [line])]
        elif not stages or not line.split()[0].isalpha() or line.split()[0].upper() not in _INSTRUCTIONS:
            raise error(f"dockerfile parse error: {line}", where=request.service, log=(line,))
        else:
            stages[last].append(line)
    wanted = request.target or last
    if wanted not in stages:
        raise error(f"target stage {wanted!r} could not be found", where=request.service)
    return stages[wanted]


_INSTRUCTIONS = frozenset(
    [
        "ADD",
        "ARG",
        "CMD",
        "COPY",
        "ENTRYPOINT",
        "ENV",
        "EXPOSE",
        "HEALTHCHECK",
        "LABEL",
        "ONBUILD",
        "RUN",
        "SHELL",
        "STOPSIGNAL",
        "USER",
        "VOLUME",
        "WORKDIR",
    ]
)


def _content(request: BuildRequest) -> str:
    """A hash over everything the image is made from. Layouts count by their digest: where they lie is of no meaning."""
    context = Path(request.context)
    files = {
        path.relative_to(context).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(context.rglob("*"))
        if path.is_file()
    }
    contexts = {name: place.rpartition("@")[2] or place for name, place in request.contexts.items()}
    document = [
        files,
        request.dockerfile.read_text(),
        request.target,
        dict(request.args),
        contexts,
        dict(request.labels),
    ]
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()


def _image(request: BuildRequest, platform: str, seed: str) -> str:
    content = f"{platform} {seed}\n".encode()
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        entry = tarfile.TarInfo("content")
        entry.size, entry.mtime = len(content), EPOCH
        tar.addfile(entry, io.BytesIO(content))
    layer = gzip.compress(archive.getvalue(), mtime=0)
    system, architecture, *variant = platform.split("/")
    config = {
        "created": "1980-01-01T00:00:00Z",
        "architecture": architecture,
        "os": system,
        **({"variant": variant[0]} if variant else {}),
        "config": {"Labels": dict(request.labels)},
        "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(archive.getvalue()).hexdigest()]},
        "history": [{"created": "1980-01-01T00:00:00Z", "created_by": "windlass fake"}],
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": layout.MANIFEST,
        "config": _store(request.layout, "application/vnd.oci.image.config.v1+json", json.dumps(config).encode()),
        "layers": [_store(request.layout, "application/vnd.oci.image.layer.v1.tar+gzip", layer)],
    }
    return layout.write_blob(request.layout, json.dumps(manifest).encode())


def _store(folder: Path, media_type: str, data: bytes) -> dict[str, object]:
    return {"mediaType": media_type, "digest": layout.write_blob(folder, data), "size": len(data)}
