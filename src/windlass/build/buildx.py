"""The first driver: docker buildx (BuildKit), which Docker Desktop and CI runners have."""

from __future__ import annotations

import json
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from windlass import process
from windlass.build import layout
from windlass.build.buildx_command import CacheUse, buildx_command, buildx_environment
from windlass.build.buildx_setup import choose_builder, find_version
from windlass.build.failure import collided, explain
from windlass.build.interface import BuildRequest
from windlass.build.log import PlainReader, RawJsonReader, Transcript
from windlass.build.secrets import check_secrets
from windlass.errors import BuildFailed
from windlass.model.artifacts import LayoutImage
from windlass.model.events import Emit, StageName

_RAWJSON_SINCE = (0, 13)
_TRIES = 3


class BuildxBuilder:
    """Builds with `docker buildx build`.

    Args:
        builder: a builder instance by name; None uses the current one, or makes one where that cannot serve.
        insecure: registry hosts that a builder made here must speak plain http to.
    """

    def __init__(self, builder: str | None = None, *, insecure: tuple[str, ...] = ()) -> None:
        self._builder = builder
        self._insecure = insecure
        self._native: str | None = None
        self._version: tuple[int, int] | None = None
        self._unwritten: list[BuildRequest] = []

    @property
    def name(self) -> str:
        return "buildx"

    def prepare(self, platforms: tuple[str, ...], emit: Emit) -> None:
        with ThreadPoolExecutor(1) as beside:  # each takes the docker program longer to start than to answer
            choosing = beside.submit(choose_builder, self._builder, platforms, emit, insecure=self._insecure)
            self._version = find_version()
            self._builder, state = choosing.result()
        self._native = next(iter(state.platforms), None)

    def build(self, request: BuildRequest, emit: Emit) -> LayoutImage:
        request.layout.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="windlass-build-") as folder:
            metadata = Path(folder) / "metadata.json"
            transcript = self._run(request, emit, "build", metadata=metadata)
            digest = _result(metadata, request.service)
        # Writing the layer cache costs a whole pass over all layers; where every step came from it, nothing is new.
        if request.cache and request.keep_cache and (transcript.worked or transcript.missed_cache):
            self._unwritten.append(request)
        index = layout.as_index(request.layout, digest)
        if index != digest:
            layout.name_only(request.layout, index)
        _check_platforms(request, index)
        return LayoutImage(request.layout, index)

    def execute(self, request: BuildRequest, emit: Emit, stage: StageName = "test") -> None:
        native = self._native
        platforms = (native,) if native in request.platforms else request.platforms[:1]
        self._run(request, emit, stage, export=False, platforms=platforms)

    def _run(
        self,
        request: BuildRequest,
        emit: Emit,
        stage: StageName,
        *,
        metadata: Path | None = None,
        export: bool = True,
        platforms: tuple[str, ...] | None = None,
        cache: CacheUse = "import",
    ) -> Transcript:
        check_secrets(request)
        if self._version is None:
            self._version = find_version()
        transcript, code = self._once(request, emit, stage, metadata, export, platforms, cache)
        tries = 1
        while code != 0 and tries < _TRIES and collided(transcript):
            transcript, code = self._once(request, emit, stage, metadata, export, platforms, cache)
            tries += 1
        if code != 0:
            raise explain(transcript, service=request.service, stage=stage, code=code)
        return transcript

    def _once(
        self,
        request: BuildRequest,
        emit: Emit,
        stage: StageName,
        metadata: Path | None,
        export: bool,
        platforms: tuple[str, ...] | None,
        cache: CacheUse,
    ) -> tuple[Transcript, int]:
        assert self._version is not None
        raw = self._version >= _RAWJSON_SINCE
        transcript = Transcript(request.service, stage, RawJsonReader() if raw else PlainReader(), request.args)
        argv = buildx_command(
            request,
            builder=self._builder,
            metadata=metadata,
            progress="rawjson" if raw else "plain",
            export=export,
            platforms=platforms,
            cache=cache,
        )

        def on_line(line: str) -> None:
            for event in transcript.feed(line):
                emit(event)

        code = process.stream(argv, on_line, env=buildx_environment(request))
        for event in transcript.finish():
            emit(event)
        return transcript, code

    def write_caches(self) -> None:
        """A second pass for each, all of it cached by now."""
        while self._unwritten:
            request = self._unwritten.pop(0)
            argv = buildx_command(request, builder=self._builder, export=False, cache="export")
            argv = [word for word in argv if word != "--no-cache"]
            process.run(argv, env=buildx_environment(request))


def _result(metadata: Path, service: str) -> str:
    """The digest buildx reports; the layout's own index.json may name several images by then."""
    try:
        digest = json.loads(metadata.read_text())["containerimage.digest"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BuildFailed("buildx did not say which image it made", where=service) from error
    return str(digest)


def _check_platforms(request: BuildRequest, index: str) -> None:
    missing = set(request.platforms) - set(layout.platforms_in(request.layout, index))
    if missing:
        raise BuildFailed(f"the image lacks {', '.join(sorted(missing))}", where=request.service)
