from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from windlass.build.failure import explain
from windlass.build.log import BuildahReader, PlainReader, RawJsonReader, Reader, StepSeen, Transcript, short_step
from windlass.errors import BuildFailed, EngineUnavailable, EnvironmentUnusable, TestsFailed
from windlass.model.events import Event, ServiceLog, ServiceProgress

RUN = "[linux/amd64 base 2/2] RUN make all"


def vertex(name: str = RUN, digest: str = "sha256:1", **fields: Any) -> dict[str, Any]:
    return {"vertexes": [{"digest": digest, "name": name, **fields}]}


def output(text: str, digest: str = "sha256:1") -> dict[str, Any]:
    return {"logs": [{"vertex": digest, "stream": 1, "data": base64.b64encode(text.encode()).decode()}]}


STARTED, DONE = {"started": "t"}, {"started": "t", "completed": "t"}


def follow(
    *lines: str | dict[str, Any], reader: Reader | None = None, indent: int | None = None, **args: str
) -> tuple[Transcript, list[Event]]:
    transcript = Transcript("web", "build", reader or RawJsonReader(), args)
    events: list[Event] = []
    for line in lines:
        text = line if isinstance(line, str) else json.dumps(line, indent=indent)
        for part in text.split("\n"):
            events += transcript.feed(part)
    events += transcript.finish()
    return transcript, events


@pytest.mark.parametrize("indent", [None, 2], ids=["one line", "many lines"])
def test_steps_become_progress_and_output_becomes_log(indent: int | None) -> None:
    _, events = follow(vertex(**STARTED), output("hello\nwor"), output("ld\n"), vertex(**DONE), indent=indent)
    assert events == [
        ServiceProgress("build", "web", RUN),
        ServiceLog("build", "web", "[linux/amd64 base 2/2] hello"),
        ServiceLog("build", "web", "[linux/amd64 base 2/2] world"),
    ]


def test_a_last_line_without_an_end_is_not_lost() -> None:
    _, events = follow(vertex(**STARTED), output("no newline"))
    assert events[-1] == ServiceLog("build", "web", "[linux/amd64 base 2/2] no newline")


def test_a_build_for_one_platform_has_no_prefix() -> None:
    _, events = follow(vertex("[2/2] RUN make all", **STARTED), output("hello\n"))
    assert events[-1] == ServiceLog("build", "web", "hello")


def test_cached_steps_are_silent_and_no_work() -> None:
    transcript, events = follow(vertex(**DONE, cached=True))
    assert (events, transcript.worked) == ([], False)


@pytest.mark.parametrize(
    ("name", "worked"),
    [
        (RUN, True),
        ("[2/3] COPY . .", True),
        ("[linux/amd64 1/3] FROM docker.io/library/busybox:1", False),
        ("[internal] load build context", False),
        ("[linux/arm64 internal] load metadata for docker.io/library/busybox:1", False),
        ("exporting to oci image format", False),
    ],
)
def test_only_instructions_of_the_dockerfile_are_work(name: str, worked: bool) -> None:
    assert follow(vertex(name, **DONE))[0].worked is worked


def test_a_cache_that_is_not_there_yet_is_noticed() -> None:
    name = "importing cache manifest from localhost:5077/windlass/cache:web"
    transcript, events = follow(vertex(name, **STARTED), vertex(name, **DONE, error="not found"))
    assert transcript.missed_cache and not transcript.failed and not events


def test_values_of_arguments_go_back_to_their_names() -> None:
    _, events = follow(vertex("[2/2] RUN login sesame-open && echo sesame", **STARTED), TOKEN="sesame-open", SHORT="se")
    assert events == [ServiceProgress("build", "web", "[2/2] RUN login $TOKEN && echo sesame")]


@pytest.mark.parametrize(
    ("name", "short"),
    [
        ("[2/3] RUN --mount=type=cache,target=/x   pip\n install  .", "[2/3] RUN pip install ."),
        ("[1/3] FROM docker.io/library/python:3.12@sha256:" + "0" * 64, "[1/3] FROM python:3.12"),
        ("[internal] load build context", "load build context"),
        ("[2/3] RUN " + "x" * 100, "[2/3] RUN " + "x" * 61 + "…"),
    ],
)
def test_steps_are_named_on_one_short_line(name: str, short: str) -> None:
    assert short_step(name) == short


FAILED: list[str | dict[str, Any]] = [
    vertex(**STARTED),
    output("".join(f"line {i}\n" for i in range(30))),
    vertex(**DONE, error='process "/bin/sh -c make all" did not complete successfully: exit code: 2'),
    vertex("[linux/arm64 base 2/2] RUN make all", "sha256:2", **DONE, error="context canceled: context canceled"),
    "Dockerfile:6\n--------------------\n   6 | >>> RUN make all\n--------------------",
    'ERROR: failed to solve: process "/bin/sh -c make all" did not complete successfully: exit code: 2',
]


def test_a_failure_names_the_step_the_line_and_the_last_output() -> None:
    transcript, _ = follow(*FAILED)
    error = explain(transcript, service="web", stage="build", code=1)
    assert isinstance(error, BuildFailed)
    assert error.message == "[linux/amd64 base 2/2] RUN make all failed: exit code: 2"
    assert error.where == "web (Dockerfile line 6)"
    assert error.log == tuple(f"line {i}" for i in range(10, 30))


def test_a_failure_in_the_test_stage_is_failed_tests() -> None:
    assert isinstance(explain(follow(*FAILED)[0], service="web", stage="test", code=1), TestsFailed)


def test_an_error_before_any_step_shows_what_the_builder_said() -> None:
    excerpt = "D:2\n--------------------\n   2 | >>> RUNX foo\n--------------------"
    transcript, _ = follow(
        excerpt, "ERROR: failed to solve: dockerfile parse error on line 2: unknown instruction: RUNX"
    )
    error = explain(transcript, service="web", stage="build", code=1)
    assert isinstance(error, BuildFailed)
    assert error.message == "dockerfile parse error on line 2: unknown instruction: RUNX"
    assert "   2 | >>> RUNX foo" in error.log


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("ERROR: Cannot connect to the Docker daemon at unix:///x. Is the docker daemon running?", EngineUnavailable),
        ("ERROR: failed to solve: write /var/lib/x: no space left on device", EnvironmentUnusable),
        ("ERROR: failed to solve: busybox:9: not found", BuildFailed),
        ("", BuildFailed),
    ],
)
def test_troubles_of_the_machine_are_not_blamed_on_the_dockerfile(said: str, kind: type[Exception]) -> None:
    error = explain(follow(said)[0], service="web", stage="build", code=1)
    assert type(error) is kind
    assert error.message


@pytest.mark.parametrize(
    ("reason", "remedy"),
    [
        ('failed to calculate checksum of ref a::b: "/x": not found', ".dockerignore"),
        ("dial tcp: lookup registry-1.docker.io: no such host", "network"),
        ("pull access denied, repository does not exist", "docker login"),
        ("exec /bin/sh: exec format error", "emulator"),
        ("no match for platform in manifest", "variant"),
    ],
)
def test_known_reasons_come_with_a_remedy(reason: str, remedy: str) -> None:
    error = explain(follow(f"ERROR: failed to solve: {reason}")[0], service="web", stage="build", code=1)
    assert remedy in str(error.remedy)


def test_plain_progress_is_understood_too() -> None:
    lines = """#1 [internal] load build definition from Dockerfile
#1 DONE 0.0s
#5 [base 2/3] COPY a.txt /a.txt
#5 CACHED
#6 [base 3/3] RUN make all
#6 0.159 one
#6 0.160 two words
#6 ERROR: process "/bin/sh -c make all" did not complete successfully: exit code: 3
Dockerfile:6
--------------------
ERROR: failed to solve: process "/bin/sh -c make all" did not complete successfully: exit code: 3"""
    transcript, events = follow(lines, reader=PlainReader())
    assert [e.line for e in events if isinstance(e, ServiceLog)] == ["one", "two words"]
    assert transcript.failed and transcript.tail() == ("one", "two words")
    error = explain(transcript, service="web", stage="build", code=1)
    assert error.message == "[base 3/3] RUN make all failed: exit code: 3"


def test_buildah_is_understood_too() -> None:
    lines = """[1/2] STEP 1/2: FROM busybox:1 AS base
Trying to pull docker.io/library/busybox:1...
[1/2] STEP 2/2: COPY a.txt /a.txt
--> Using cache 171310bad8bb
[2/2] STEP 1/1: RUN echo one && exit 3
one
subprocess exited with status 3
Error: building at STEP "RUN echo one && exit 3": exit status 3"""
    transcript, events = follow(lines, reader=BuildahReader("linux/arm64"))
    assert ServiceLog("build", "web", "[linux/arm64 stage-2 1/1] one") in events
    assert not transcript.worked
    error = explain(transcript, service="web", stage="build", code=3)
    assert isinstance(error, BuildFailed)
    assert error.message == "[linux/arm64 stage-2 1/1] RUN echo one && exit 3 failed: exit status 3"
    assert error.log == ("one",)


def test_logs_that_are_no_base64_are_left_out() -> None:
    assert follow({"logs": [{"vertex": "x", "data": "***"}]})[1] == []


@settings(derandomize=True, max_examples=300)
@given(
    st.lists(st.text(alphabet=st.characters(exclude_characters="\n\r")), max_size=8),
    st.sampled_from(["raw", "plain", "buildah"]),
)
def test_no_output_of_a_builder_makes_a_reader_fail(lines: list[str], kind: str) -> None:
    reader: Reader = RawJsonReader() if kind == "raw" else PlainReader()
    if kind == "buildah":
        reader = BuildahReader("linux/amd64")
    follow(*lines, reader=reader)


def test_a_failed_step_after_the_first_does_not_take_its_place() -> None:
    transcript, _ = follow(vertex(**DONE, error="first"), vertex("[x 1/1] RUN b", "sha256:9", **DONE, error="second"))
    assert transcript.failed == StepSeen("sha256:1", RUN, "failed", error="first")
