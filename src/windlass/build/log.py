"""A build's progress: what BuildKit reports, turned into events, and what to say when it failed.

Two readers of the same facts: `RawJsonReader` for `--progress=rawjson` (buildx 0.13 and later), `PlainReader` for
`--progress=plain`. Nothing here reads or writes anything.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol, TypeAlias

from windlass.model.events import Event, ServiceLog, ServiceProgress, StageName

TAIL = 20
"""Log lines of the failing step that an error carries."""

_WIDTH = 72
_STEP = re.compile(r"^\[(?P<place>[^\]]+)\] (?P<instruction>.*)$", re.DOTALL)
_INTERNAL = re.compile(r"\binternal\b|^context ")
"""BuildKit's own steps: reading files, resolving names, and taking a pinned base image from its named context."""
_CANCELLED = re.compile(r"context canceled|\bCANCELED\b")


@dataclass(frozen=True, slots=True)
class StepSeen:
    """A step began, ended or failed. `cached`: its result was there already."""

    step: str
    name: str
    state: Literal["started", "done", "failed"]
    cached: bool = False
    error: str = ""


@dataclass(frozen=True, slots=True)
class StepOutput:
    """Text a step printed; not necessarily whole lines."""

    step: str
    text: str


@dataclass(frozen=True, slots=True)
class Remark:
    """A line of the builder itself, outside of any step."""

    line: str


Seen: TypeAlias = StepSeen | StepOutput | Remark


class Reader(Protocol):
    def feed(self, line: str) -> tuple[Seen, ...]: ...


def parse_rawjson(document: Mapping[str, Any]) -> tuple[Seen, ...]:
    """One `SolveStatus` of BuildKit (client/graph.go): `vertexes`, `statuses` and `logs`, of which statuses (bytes moved) are not used."""
    seen: list[Seen] = []
    for vertex in document.get("vertexes") or ():
        step, name = str(vertex.get("digest", "")), str(vertex.get("name", ""))
        error, cached = str(vertex.get("error") or ""), bool(vertex.get("cached"))
        if error:
            seen.append(StepSeen(step, name, "failed", error=error))
        elif vertex.get("completed"):
            seen.append(StepSeen(step, name, "done", cached))
        elif vertex.get("started"):
            seen.append(StepSeen(step, name, "started", cached))
    for entry in document.get("logs") or ():
        try:
            text = base64.b64decode(str(entry.get("data", ""))).decode(errors="replace")
        except (binascii.Error, ValueError):
            continue
        seen.append(StepOutput(str(entry.get("vertex", "")), text))
    return tuple(seen)


class RawJsonReader:
    """Collects the documents of `--progress=rawjson`: one a line, or (buildx 0.13) spread over lines with indentation."""

    def __init__(self) -> None:
        self._open: list[str] = []

    def feed(self, line: str) -> tuple[Seen, ...]:
        if not self._open and not line.startswith("{"):
            return (Remark(line),) if line.strip() else ()
        self._open.append(line)
        if not line.endswith("}") or (len(self._open) > 1 and line != "}"):
            return ()
        text = "\n".join(self._open)
        self._open = []
        try:
            document = json.loads(text)
        except ValueError:
            return (Remark(text),)
        return parse_rawjson(document) if isinstance(document, dict) else (Remark(text),)


class PlainReader:
    """`--progress=plain`: `#7 [base 3/3] RUN …`, `#7 0.159 output`, then `#7 DONE 0.2s`, `#7 CACHED` or `#7 ERROR: …`."""

    _NUMBERED = re.compile(r"^#(\d+) (.*)$")
    _OUTPUT = re.compile(r"^\d+\.\d+ ?(.*)$")

    def __init__(self) -> None:
        self._names: dict[str, str] = {}

    def feed(self, line: str) -> tuple[Seen, ...]:
        numbered = self._NUMBERED.match(line)
        if numbered is None:
            return (Remark(line),) if line.strip() else ()
        step, rest = numbered.groups()
        name = self._names.get(step)
        if name is None or _STEP.match(rest) or rest == name:
            self._names[step] = rest
            return (StepSeen(step, rest, "started"),) if name is None else ()
        if rest == "CACHED" or rest.startswith("DONE "):
            return (StepSeen(step, name, "done", rest == "CACHED"),)
        if rest.startswith("ERROR: "):
            return (StepSeen(step, name, "failed", error=rest.removeprefix("ERROR: ")),)
        output = self._OUTPUT.match(rest)
        return (StepOutput(step, output.group(1) + "\n"),) if output else ()


class BuildahReader:
    """buildah's own lines: `[1/2] STEP 3/4: RUN …`, `--> Using cache …`, `Error: …`; all else is what a step prints.

    Steps get a name as BuildKit's have, with the platform, because each platform is a run of its own.
    """

    _STEP = re.compile(r"^(?:\[(\d+)/\d+\] )?STEP (\d+/\d+): (.*)$")
    _OWN = re.compile(
        r"^(--> |COMMIT|\[\d+/\d+\] COMMIT|\[Warning\]|Error: |error |Resolved \"|Trying to pull|Getting image source|"
        r"Copying |Writing manifest|Storing signatures|Successfully tagged|time=\"|WARN|subprocess exited with)"
    )

    def __init__(self, platform: str) -> None:
        self._platform = platform
        self._current: StepSeen | None = None

    def feed(self, line: str) -> tuple[Seen, ...]:
        if step := self._STEP.match(line):
            stage, place, instruction = step.groups()
            name = f"[{self._platform} {f'stage-{stage} ' if stage else ''}{place}] {instruction}"
            return (*self._done(), self._start(StepSeen(name, name, "started")))
        if line.startswith("--> Using cache"):
            return self._done(cached=True)
        if line.startswith("Error: "):
            reason = re.sub(r'^Error: (building at STEP ".*?": )?', "", line)
            failed = () if self._current is None else (replace(self._current, state="failed", error=reason),)
            return (*failed, Remark(f"Error: {reason}"))
        if self._current is None or self._OWN.match(line):
            return (Remark(line),) if line.strip() else ()
        return (StepOutput(self._current.step, line + "\n"),)

    def _start(self, step: StepSeen) -> StepSeen:
        self._current = step
        return step

    def _done(self, cached: bool = False) -> tuple[Seen, ...]:
        step, self._current = self._current, None
        return () if step is None else (replace(step, state="done", cached=cached),)


def short_step(name: str) -> str:
    """A step's name on one short line: mounts, digests and Docker Hub's default prefix are left out."""
    text = " ".join(name.split())
    text = re.sub(r" --mount=\S+", "", text)
    text = re.sub(r"@sha256:[0-9a-f]{64}", "", text)
    text = text.replace("docker.io/library/", "").replace("[internal] ", "").replace(" internal]", "]")
    return text if len(text) <= _WIDTH else text[: _WIDTH - 1] + "…"


class Transcript:
    """Follows one build: `feed` each line of the builder's output, get the events to emit.

    `worked` is true once a step of the Dockerfile did something new; `missed_cache` once the imported cache was not there.
    `args` are the build arguments: BuildKit puts their values into step names, and they go back to `$NAME` here.
    """

    def __init__(self, service: str, stage: StageName, reader: Reader, args: Mapping[str, str] | None = None) -> None:
        self.worked = False
        self.missed_cache = False
        self.failed: StepSeen | None = None
        self.remarks: deque[str] = deque(maxlen=200)
        self._service, self._stage, self._reader = service, stage, reader
        self._args = sorted(((v, f"${k}") for k, v in (args or {}).items() if len(v) > 3), key=lambda a: -len(a[0]))
        self._names: dict[str, str] = {}
        self._announced: set[str] = set()
        self._rest: dict[str, str] = {}
        self._tails: dict[str, deque[str]] = {}

    def feed(self, line: str) -> Iterator[Event]:
        for seen in self._reader.feed(line):
            if isinstance(seen, StepSeen):
                yield from self._step(seen)
            elif isinstance(seen, StepOutput):
                yield from self._output(seen)
            else:
                self.remarks.append(seen.line)

    def finish(self) -> Iterator[Event]:
        """The last lines that came without a line end."""
        for step in [step for step, rest in self._rest.items() if rest]:
            yield from self._output(StepOutput(step, "\n"))

    def tail(self) -> tuple[str, ...]:
        """The last lines of the failing step, or what the builder said when no step of its own failed."""
        if self.failed is not None and (lines := self._tails.get(self.failed.step)):
            return tuple(lines)
        return tuple(self.remarks)[-TAIL:]

    def _step(self, seen: StepSeen) -> Iterator[Event]:
        name = self._hide(seen.name)
        self._names[seen.step] = name
        if name.startswith("importing cache manifest"):
            self.missed_cache = self.missed_cache or seen.state == "failed"
            return
        if seen.state == "failed" and self.failed is None and not _CANCELLED.search(seen.error):
            self.failed = StepSeen(seen.step, name, "failed", error=seen.error)
        if seen.cached:
            return
        instruction = _STEP.match(name)
        if (
            seen.state == "done"
            and instruction
            and not _INTERNAL.search(instruction["place"])
            and not instruction["instruction"].startswith("FROM ")
        ):
            self.worked = True
        if seen.state == "started" and seen.step not in self._announced:
            self._announced.add(seen.step)
            if not name.startswith("[auth]"):
                yield ServiceProgress(self._stage, self._service, short_step(name))

    def _output(self, seen: StepOutput) -> Iterator[Event]:
        *lines, rest = (self._rest.get(seen.step, "") + seen.text).split("\n")
        self._rest[seen.step] = rest
        where = _STEP.match(self._names.get(seen.step, ""))
        prefix = f"[{where['place']}] " if where and "linux/" in where["place"] else ""
        tail = self._tails.setdefault(seen.step, deque(maxlen=TAIL))
        for line in lines:
            line = line.rstrip("\r").rpartition("\r")[2]  # a progress bar: what a terminal would show in the end
            tail.append(line)
            yield ServiceLog(self._stage, self._service, prefix + line)

    def _hide(self, text: str) -> str:
        for value, name in self._args:
            text = text.replace(value, name)
        return text
