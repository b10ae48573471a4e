from __future__ import annotations

import pytest

from windlass import process
from windlass.build.buildx_setup import (
    choose_builder,
    create_command,
    find_version,
    insecure_registries,
    parse_inspect,
    parse_version,
    stores_images_in_containerd,
)
from windlass.errors import EngineUnavailable
from windlass.model.events import Event, Notice, silent

INSPECT = """\
Name:          {name}
Driver:        {driver}
Last Activity: 2026-11-23 14:57:57 +0000 UTC
{error}
Nodes:
Name:             {name}0
Endpoint:         default
Status:           {status}
BuildKit version: v0.13.2
Platforms:        {platforms}
Labels:
 org.mobyproject.buildkit.worker.executor: containerd
"""
BOTH = ("linux/amd64", "linux/arm64")


def inspect(
    name: str = "default",
    driver: str = "docker",
    status: str = "running",
    platforms: str = "linux/amd64, linux/amd64/v2, linux/arm64",
    error: str = "",
) -> str:
    return INSPECT.format(name=name, driver=driver, status=status, platforms=platforms, error=error)


class Programs:
    """Answers of docker by the words of the command; anything else is an error."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, answers: dict[str, str | process.Completed]) -> None:
        self.calls: list[str] = []
        self.answers = answers
        monkeypatch.setattr(process, "run", self.run)

    def run(self, argv: list[str], **_: object) -> process.Completed:
        words = " ".join(argv)
        self.calls.append(words)
        for prefix, answer in self.answers.items():
            if words.startswith(prefix):
                return (
                    answer if isinstance(answer, process.Completed) else process.Completed(tuple(argv), 0, answer, "")
                )
        return process.Completed(tuple(argv), 1, "", "ERROR: unexpected")


CONTAINERD = '[["driver-type","io.containerd.snapshotter.v1"]]\n'
CLASSIC = '[["Backing Filesystem","extfs"],["Supports d_type","true"]]\n'


def test_inspect_is_read_with_the_native_platform_first() -> None:
    state = parse_inspect(inspect())
    assert (state.name, state.driver, state.status) == ("default", "docker", "running")
    assert state.platforms == ("linux/amd64", "linux/amd64/v2", "linux/arm64")


def test_several_nodes_offer_what_each_of_them_offers() -> None:
    text = inspect(driver="remote", platforms="linux/amd64*") + inspect(platforms="linux/arm64")
    assert parse_inspect(text).platforms == BOTH


def test_an_empty_inspect_says_nothing() -> None:
    assert parse_inspect("").platforms == ()


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("github.com/docker/buildx 0.13.1+ds1 0.13.1+ds1-3", (0, 13)),
        ("github.com/docker/buildx v0.17.1 257815a", (0, 17)),
        ("github.com/docker/buildx v0.11.2-desktop.5 abc", (0, 11)),
        ("", (0, 0)),
    ],
)
def test_versions_of_buildx(text: str, version: tuple[int, int]) -> None:
    assert parse_version(text) == version


@pytest.mark.parametrize(("status", "verdict"), [(CONTAINERD, True), (CLASSIC, False), ("", False), ("null", False)])
def test_only_the_containerd_store_exports(status: str, verdict: bool) -> None:
    assert stores_images_in_containerd(status) is verdict


def test_the_current_builder_serves_where_it_can(monkeypatch: pytest.MonkeyPatch) -> None:
    Programs(monkeypatch, {"docker buildx inspect": inspect(), "docker info": CONTAINERD})
    seen: list[Event] = []
    builder, state = choose_builder(None, BOTH, seen.append)
    assert (builder, state.name, seen) == (None, "default", [])


def test_a_classic_image_store_gets_a_builder_of_its_own_and_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    made = inspect("windlass", "docker-container")
    programs = Programs(
        monkeypatch,
        {
            "docker buildx inspect --bootstrap windlass": made,
            "docker buildx inspect windlass": process.Completed((), 1, "", 'ERROR: no builder "windlass" found'),
            "docker buildx inspect": inspect(),
            "docker buildx create": "windlass\n",
            "docker info": CLASSIC,
        },
    )
    seen: list[Event] = []
    builder, _ = choose_builder(None, BOTH, seen.append, insecure=("registry.lan:5000",))
    assert builder == "windlass"
    assert isinstance(seen[0], Notice) and "windlass" in seen[0].text
    (created,) = [call for call in programs.calls if "create" in call]
    assert "--driver docker-container" in created and "--config" in created


def test_a_builder_made_before_is_used_again(monkeypatch: pytest.MonkeyPatch) -> None:
    own = inspect("windlass", "docker-container", "inactive")
    answers: dict[str, str | process.Completed] = {
        "docker buildx inspect --bootstrap windlass": inspect("windlass", "docker-container"),
        "docker buildx inspect windlass": own,
        "docker buildx inspect": inspect(),
        "docker info": CLASSIC,
    }
    programs = Programs(monkeypatch, answers)
    assert choose_builder(None, BOTH, silent)[0] == "windlass"
    assert not any("create" in call for call in programs.calls)


def test_a_container_builder_that_sleeps_is_started(monkeypatch: pytest.MonkeyPatch) -> None:
    answers: dict[str, str | process.Completed] = {
        "docker buildx inspect --bootstrap ci": inspect("ci", "docker-container"),
        "docker buildx inspect ci": inspect("ci", "docker-container", "inactive", ""),
    }
    Programs(monkeypatch, answers)
    assert choose_builder("ci", BOTH, silent)[1].platforms[-1] == "linux/arm64"


def test_a_missing_emulator_is_named_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    Programs(monkeypatch, {"docker buildx inspect": inspect(platforms="linux/amd64"), "docker info": CONTAINERD})
    with pytest.raises(EngineUnavailable, match="linux/arm64") as caught:
        choose_builder(None, BOTH, silent)
    assert "--install arm64" in str(caught.value.remedy)


def test_no_daemon_says_what_to_start(monkeypatch: pytest.MonkeyPatch) -> None:
    said = "Error:         Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?"
    Programs(monkeypatch, {"docker buildx inspect": inspect(driver="", error=said)})
    with pytest.raises(EngineUnavailable, match="does not answer") as caught:
        choose_builder(None, BOTH, silent)
    assert "start" in str(caught.value.remedy)


def test_a_builder_image_that_cannot_be_pulled_is_said_and_the_new_builder_removed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    failed = process.Completed((), 1, "", "#1 booting\nERROR: dial tcp: lookup registry-1.docker.io: no such host\n")
    programs = Programs(
        monkeypatch,
        {
            "docker buildx inspect --bootstrap windlass": failed,
            "docker buildx inspect windlass": process.Completed((), 1, "", "ERROR: no builder"),
            "docker buildx inspect": inspect(),
            "docker buildx create": "windlass\n",
            "docker buildx rm windlass": "",
            "docker info": CLASSIC,
        },
    )
    with pytest.raises(EngineUnavailable, match="no such host") as caught:
        choose_builder(None, BOTH, silent)
    assert "moby/buildkit" in str(caught.value.remedy)
    assert programs.calls[-1] == "docker buildx rm windlass"


def test_no_docker_and_no_plugin_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: object, **__: object) -> process.Completed:
        raise process.ProgramMissing("docker")

    monkeypatch.setattr(process, "run", missing)
    with pytest.raises(EngineUnavailable, match="docker is not installed"):
        find_version()
    Programs(monkeypatch, {})
    with pytest.raises(EngineUnavailable, match="no buildx plugin"):
        find_version()


def test_a_new_builder_reaches_registries_on_loopback_and_over_http() -> None:
    assert "network=host" in create_command("windlass", None)
    assert insecure_registries(["a.lan:5000"]) == '[registry."a.lan:5000"]\n  http = true\n'
