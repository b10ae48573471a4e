"""What holds for every Dockerfile and every edit."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from windlass.errors import WindlassError
from windlass.model.plan import Plan
from windlass.model.project import BuildSpec, Project, RegistrySpec, Service
from windlass.model.source import Source
from windlass.plan.planner import make_plan
from windlass.testing.bases import FakeBaseImages
from windlass.testing.files import FakeFiles
from windlass.testing.memory import FakeMemory

SOURCE = Source("c" * 40, "t" * 40, "main", False, 0)


def _plan(files: dict[str, str], *services: Service) -> Plan:
    registry = RegistrySpec("localhost:5077")
    project = Project("shop", Path("/nowhere"), registry, ("linux/amd64", "linux/arm64"), (), services, ())
    return make_plan(project, SOURCE, FakeFiles(files), FakeMemory(), FakeBaseImages())


def _app(name: str = "app", dockerfile: str = "Dockerfile") -> Service:
    return Service(name, name, BuildSpec(".", dockerfile))


_PATHS = ["a", "b.txt", "c/a", "c/b.txt", "c/d/a", "c/d/b.md", "d/a", "d/d/d", "e"]
_SOURCES = st.sampled_from(
    [".", "a", "c", "c/d", "c/*", "*.txt", "*/a", "c/d/*.md", "[a-c]*", "./c/../d", "d/d", "?", "/e", "nothing", "c/*/a"]
)  # fmt: skip
_IGNORE = st.lists(
    st.sampled_from(["a", "**/a", "*.txt", "c", "!c/d", "c/*", "!**/a", "**/*.md", "d/d", "!d", "e", "*", "!e"]),
    max_size=4,
)
_INSTRUCTION = st.one_of(
    st.builds("COPY {} /x/".format, _SOURCES),
    st.builds("ADD {} /y/".format, _SOURCES),
    st.builds("RUN --mount=source={},target=/m true".format, _SOURCES),
    st.builds("COPY --parents {} /z/".format, _SOURCES),
    st.builds("COPY --exclude=**/a {} /z/".format, _SOURCES),
)


@settings(derandomize=True, max_examples=250, deadline=None)
@given(st.lists(_INSTRUCTION, min_size=1, max_size=3), _IGNORE, st.sampled_from(_PATHS))
def test_an_edit_counts_exactly_when_the_file_is_an_input(body: list[str], ignore: list[str], edited: str) -> None:
    files = {
        **dict.fromkeys(_PATHS, "1"),
        "Dockerfile": "FROM scratch\n" + "\n".join(body),
        ".dockerignore": "\n".join(ignore),
    }
    before = _plan(files, _app()).services[0].fingerprint
    after = _plan({**files, edited: "2"}, _app()).services[0].fingerprint

    counted = edited in {item.name for item in before.inputs if item.kind == "file"}
    assert (before.digest != after.digest) == counted


@settings(derandomize=True, max_examples=100, deadline=None)
@given(st.lists(_INSTRUCTION, min_size=1, max_size=3), _IGNORE, st.sampled_from(["zz", "f/new", "g/h/i"]))
def test_a_new_file_nothing_reads_changes_nothing(body: list[str], ignore: list[str], new: str) -> None:
    files = {
        **dict.fromkeys(_PATHS, "1"),
        "Dockerfile": "FROM scratch\n" + "\n".join(body),
        ".dockerignore": "\n".join([*ignore, new.split("/")[0]]),
    }

    assert _plan(files, _app()).services[0].fingerprint == _plan({**files, new: "x"}, _app()).services[0].fingerprint


@settings(derandomize=True, max_examples=60, deadline=None)
@given(st.permutations(["one", "two", "three", "four"]), st.permutations(_PATHS))
def test_order_of_services_and_files_means_nothing(names: list[str], paths: list[str]) -> None:
    files = {**dict.fromkeys(paths, "1"), "Dockerfile": "FROM scratch\nCOPY c *.txt /\n"}

    prints = {item.service.name: item.fingerprint for item in _plan(files, *map(_app, names)).services}

    assert prints == {item.service.name: item.fingerprint for item in _plan(files, *map(_app, sorted(names))).services}


_WORDS = st.sampled_from(
    ["FROM", "COPY", "ADD", "RUN", "ARG", "ENV", "ONBUILD", "LABEL", "AS", "x", "$X", "${X", "${X:-y}", "--from=x", "--parents", "[", "[[", "**",
     "--mount=type=bind", "--mount=from=x,\"", "--exclude=[", "--platform=$T", "--platform=//", "<<E", "E", "'", '"', "\\", "\n", "\n", " ", " ",
     "https://x/y", "git@x:y.git#z", "=", "a\x00", "\ufffd", "é", "# syntax=", "scratch", ".", "..", "/", "a=1"]
)  # fmt: skip


@settings(derandomize=True, max_examples=600, deadline=None)
@given(st.lists(_WORDS, max_size=14).map("".join), st.lists(_WORDS, max_size=4).map("".join))
def test_no_dockerfile_ends_in_anything_but_a_plan_or_a_reason(text: str, ignore: str) -> None:
    files = {
        "Dockerfile": f"FROM scratch\n{text}",
        "other": text,
        ".dockerignore": ignore,
        **dict.fromkeys(_PATHS, "1"),
    }
    try:
        plan = _plan(files, _app(), _app("second", "other"))
    except WindlassError:
        return

    assert {item.service.name for item in plan.services} | set(plan.failed) == {"app", "second"}
    assert all(reason and "\n" not in reason for reason in plan.failed.values())
