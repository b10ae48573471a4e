"""What a good windlass.yaml becomes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck as Check
from hypothesis import given, settings
from hypothesis import strategies as st

from windlass.compose import load as compose
from windlass.config.load import load_project
from windlass.config.yaml import parse
from windlass.errors import ConfigError
from windlass.model.project import HealthCheck, Project, TestSpec


@pytest.fixture
def loads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Load a windlass.yaml beside Compose services given as Compose prints them."""
    (tmp_path / "docker-compose.yml").write_text("services: {}\n")

    def load(text: str, **services: dict[str, Any]) -> Project:
        (tmp_path / "windlass.yaml").write_text(text)
        for service in services.values():
            if "build" in service:
                service["build"].setdefault("context", str(tmp_path))
        monkeypatch.setattr(
            compose, "read", lambda *args, **kwargs: compose.Loaded({"services": services}, ("beware",))
        )
        return load_project(tmp_path)

    return load


def test_one_key_is_enough(loads: Any, tmp_path: Path) -> None:
    project: Project = loads("project: crank\n", app={"build": {"dockerfile": "Dockerfile"}})
    assert project.registry.host == "localhost:5077"
    assert project.registry.embedded and project.registry.insecure
    assert project.platforms == ("linux/amd64", "linux/arm64")
    assert project.compose == ("docker-compose.yml",)
    assert project.root == tmp_path
    assert project.warnings == ("beware",)


def test_the_embedded_registry_can_be_moved_to_another_port(loads: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WINDLASS_REGISTRY_PORT", "6001")
    assert loads("project: x\n", app={"build": {}}).registry.host == "localhost:6001"


@pytest.mark.parametrize(
    ("registry", "host", "prefix", "insecure"),
    [
        ("x.azurecr.io", "x.azurecr.io", "", False),
        ("localhost:6000", "localhost:6000", "", True),
        ("127.0.0.1", "127.0.0.1", "", True),
        ("'[::1]:6000'", "[::1]:6000", "", True),
        ("{host: x.io, prefix: team/a}", "x.io", "team/a", False),
        ("{host: 10.0.0.1:5001, insecure: true}", "10.0.0.1:5001", "", True),
        ("{host: localhost, insecure: false}", "localhost", "", False),
    ],
)
def test_a_registry_is_a_host_or_a_mapping(loads: Any, registry: str, host: str, prefix: str, insecure: bool) -> None:
    spec = loads(f"project: x\nregistry: {registry}\n", app={"build": {}}).registry
    assert (spec.host, spec.prefix, spec.insecure, spec.embedded) == (host, prefix, insecure, False)


def test_an_environment_starts_from_the_projects_compose_files(loads: Any) -> None:
    text = "project: x\nenvironments:\n  a:\n  b: {branch: main, ports: {80: 8080}, ready_timeout: 1h30m}\n"
    a, b = loads(text, app={"build": {}}).environments
    assert (a.branch, a.compose, a.tags) == (None, ("docker-compose.yml",), ("{branch}-{sha}",))
    assert (b.branch, b.ports, b.ready_timeout, b.verify_timeout) == ("main", {80: 8080}, 5400.0, 60.0)


@pytest.mark.parametrize(
    ("services", "compose_service", "image"),
    [
        ("{app: {image: ours}}", {"image": "reg.io/a:1", "x-windlass": {"image": "extra"}}, "ours"),
        ("{}", {"image": "reg.io/a:1", "x-windlass": {"image": "extra"}}, "extra"),
        ("{}", {"image": "reg.io:5000/team/a:1@sha256:00"}, "team/a"),
        ("{}", {"image": "team/a"}, "team/a"),
        ("{}", {}, "app"),
    ],
)
def test_an_image_is_named_by_the_nearest_who_says_so(
    loads: Any, services: str, compose_service: dict[str, Any], image: str
) -> None:
    project = loads(f"project: x\nservices: {services}\n", app={"build": {}, **compose_service})
    assert project.service("app").image == image
    assert project.service("app").reference == compose_service.get("image")


def test_what_windlass_yaml_says_wins_key_by_key(loads: Any) -> None:
    project = loads(
        "project: x\nservices:\n  app: {heavy: false}\n",
        app={"build": {}, "x-windlass": {"heavy": True, "test": {"target": "test"}, "health": [{"port": 80}]}},
    )
    service = project.service("app")
    assert service.heavy is False
    assert service.test == TestSpec(target="test")
    assert service.health == (HealthCheck("app", 80),)


@pytest.mark.parametrize(
    ("project", "own", "seconds"),
    [
        ("", "", None),
        ("refresh: 7d\n", "", 7 * 86400),
        ("refresh: 7d\n", "refresh: 12h", 12 * 3600),
        ("refresh: 7d\n", "refresh: never", None),
        ("refresh: never\n", "refresh: 1d", 86400),
    ],
)
def test_a_service_is_refreshed_as_it_says_or_as_the_project_does(
    loads: Any, project: str, own: str, seconds: float | None
) -> None:
    loaded = loads(f"project: x\n{project}services:\n  app: {{{own}}}\n", app={"build": {}}, store={"image": "redis:7"})
    assert loaded.service("app").refresh == seconds
    assert loaded.service("store").refresh is None


def test_no_health_checks_can_be_written_down(loads: Any) -> None:
    service = {
        "build": {},
        "ports": [{"target": 80, "published": "80"}],
        "healthcheck": {"test": ["CMD", "curl", "-f", "http://localhost/up"]},
    }
    assert loads("project: x\n", app=dict(service)).service("app").health == (HealthCheck("app", 80, "/up"),)
    assert loads("project: x\nservices: {app: {health: []}}\n", app=dict(service)).service("app").health == ()


def test_extras_in_a_compose_file_are_judged_like_those_in_windlass_yaml(loads: Any, tmp_path: Path) -> None:
    (tmp_path / "docker-compose.yml").write_text("services:\n  app:\n    build: .\n    x-windlass:\n      hevy: true\n")
    with pytest.raises(ConfigError) as caught:
        loads("project: x\n", app={"build": {}, "x-windlass": {"hevy": True}})
    assert str(caught.value) == "docker-compose.yml:5: services.app.x-windlass.hevy: unknown key; did you mean 'heavy'?"


def test_two_services_may_share_an_image_only_when_they_build_the_same(loads: Any) -> None:
    web = {"build": {"target": "a"}, "image": "x"}
    assert len(loads("project: x\n", web=dict(web), worker=dict(web)).buildable) == 2
    with pytest.raises(ConfigError) as caught:
        loads(
            "project: x\n", web={"build": {"target": "a"}, "image": "x"}, job={"build": {"target": "b"}, "image": "x"}
        )
    assert str(caught.value) == (
        "windlass.yaml:1: services.job.image: the services web and job build different images named x; "
        "write services: {job: {image: NAME}}"
    )


def test_a_compose_file_without_builds_is_said_to_have_none(loads: Any) -> None:
    with pytest.raises(ConfigError) as caught:
        loads("project: x\n", redis={"image": "redis"})
    assert str(caught.value) == (
        "docker-compose.yml: services: none of its 1 services has a build section; "
        "name the Compose file that declares your builds"
    )


def test_aliases_and_merges_work_as_in_yaml(loads: Any) -> None:
    text = (
        "project: x\nenvironments:\n  a: &a {branch: a, secrets: [T], port_offset: 5}\n"
        "  b:\n    <<: *a\n    branch: b\n"
    )
    b = loads(text, app={"build": {}}).environment("b")
    assert (b.branch, b.secrets, b.port_offset) == ("b", ("T",), 5)


_SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12)
_KNOWN = (
    "project registry host services app image test health port environments tags branch ports 8443 state scan fail_on "
    "compose ready_timeout secrets <<"
)
_KEYS = st.sampled_from(_KNOWN.split()) | st.text(max_size=6)
_DOCUMENTS = st.recursive(
    _SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=4), max_leaves=12
)


def _one_line_or_project(loads: Any, text: str) -> None:
    try:
        loads(text, app={"build": {}})
    except ConfigError as error:
        assert "\n" not in str(error)
        assert str(error).startswith(("windlass.yaml", "there is no", "docker-compose.yml"))


@given(document=_DOCUMENTS | st.dictionaries(_KEYS, _DOCUMENTS, max_size=6).map(lambda d: {"project": "x", **d}))
@settings(derandomize=True, max_examples=80, deadline=None, suppress_health_check=[Check.function_scoped_fixture])
def test_any_yaml_document_loads_or_is_refused_in_one_line(loads: Any, document: Any) -> None:
    import yaml

    _one_line_or_project(loads, yaml.safe_dump(document, allow_unicode=True))


@given(text=st.text(alphabet=st.sampled_from("project: x\n-[]{}&*!|>'\"#%@`,?\t<~0189ab"), max_size=40))
@settings(derandomize=True, max_examples=150, deadline=None, suppress_health_check=[Check.function_scoped_fixture])
def test_any_text_loads_or_is_refused_in_one_line(loads: Any, text: str) -> None:
    _one_line_or_project(loads, text)


@given(data=st.binary(max_size=60))
@settings(derandomize=True, max_examples=80, deadline=None)
def test_any_bytes_parse_or_are_refused(data: bytes) -> None:
    try:
        parse(data, "windlass.yaml")
    except ConfigError as error:
        assert "\n" not in str(error)
