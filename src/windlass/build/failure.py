"""What to tell a person when a build failed: the step, the Dockerfile's line, the reason, and what to do about it."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence

from windlass.build.log import Transcript, short_step
from windlass.errors import (
    BuildFailed,
    EngineUnavailable,
    EnvironmentUnusable,
    StageFailed,
    TestsFailed,
    WindlassError,
)
from windlass.model.events import StageName

_LINE = re.compile(r"^(?P<file>\S[^:]*):(?P<line>\d+)$")
_EXIT = re.compile(r"did not complete successfully: (exit code: \d+)")
_NOISE = re.compile(
    r"^(ERROR: |error: |Error: |failed to solve: |failed to compute cache key: |failed to calculate checksum of ref \S+: |"
    r"failed to build: |failed to read dockerfile: )+"
)
_NO_DAEMON = re.compile(
    r"Cannot connect to the Docker daemon|error during connect|Is the docker daemon running|"
    r"no such host.*docker\.sock|permission denied while trying to connect",
    re.IGNORECASE,
)
_REMEDIES: tuple[tuple[str, str], ...] = (
    (r"exec format error", "the emulator for this platform is missing; `windlass doctor` says how to install it"),
    (
        r"no such host|i/o timeout|connection refused|TLS handshake|network is unreachable",
        "a registry or download server cannot be reached from the builder: check the network, the proxy or the mirror",
    ),
    (
        r"pull access denied|insufficient_scope|401 Unauthorized|authorization failed",
        "the base image does not exist or needs a login: check its name, then docker login",
    ),
    (r"no match for platform|no matching manifest", "the base image has no variant for every platform that is built"),
    (r'": not found$|no such file or directory', "check the path, and that .dockerignore lets it through"),
)


def daemon_unreachable(text: str) -> bool:
    return _NO_DAEMON.search(text) is not None


def collided(transcript: Transcript) -> bool:
    """Whether the export ran into itself: two platforms with an identical layer wrote it to the layout at one moment.

    containerd's content store refuses the second writer for a while ("ref layer-… locked for …: unavailable"), and buildx
    0.13 gives up before that has passed. Everything is cached by then: a second try takes a moment.
    """
    said = (*transcript.remarks, transcript.failed.error if transcript.failed else "")
    return any("locked for" in line and "unavailable" in line for line in said)


def explain(transcript: Transcript, *, service: str, stage: StageName, code: int) -> WindlassError:
    """The error for a builder that exited with `code` after what `transcript` has seen."""
    remarks = tuple(transcript.remarks)
    reason = (
        _reason(remarks) or (transcript.failed.error if transcript.failed else "") or f"the builder exited with {code}"
    )
    if daemon_unreachable(reason):
        return EngineUnavailable(
            f"the container engine went away: {reason}", where=service, remedy="start Docker, then run this again"
        )
    if "no space left on device" in reason or any("no space left on device" in line for line in transcript.tail()):
        return EnvironmentUnusable(
            "the disk is full",
            where=service,
            remedy="free some space: docker system df shows what the engine holds, docker builder prune frees its cache",
        )
    step = short_step(transcript.failed.name) if transcript.failed else ""
    exit_code = _EXIT.search(reason)
    reason = exit_code.group(1) if exit_code else reason
    message = f"{step} failed: {reason}" if step else reason
    kind: type[StageFailed] = TestsFailed if stage == "test" else BuildFailed
    return kind(
        message,
        where=service + _location(remarks),
        remedy=_remedy(reason, transcript.tail()),
        log=transcript.tail(),
    )


def _reason(remarks: Sequence[str]) -> str:
    for line in reversed(remarks):
        if line.startswith(("ERROR: ", "error: ", "Error: ")):
            return _NOISE.sub("", line)
    return ""


def _location(remarks: Sequence[str]) -> str:
    """BuildKit prints `Dockerfile:6` above an excerpt whose rule is made of dashes."""
    for line, following in itertools.pairwise(remarks):
        found = _LINE.match(line.strip())
        if found and set(following) == {"-"}:
            return f" ({found['file']} line {found['line']})"
    return ""


def _remedy(reason: str, tail: Sequence[str]) -> str | None:
    said = "\n".join((reason, *tail[-3:]))
    return next((remedy for pattern, remedy in _REMEDIES if re.search(pattern, said, re.MULTILINE)), None)
