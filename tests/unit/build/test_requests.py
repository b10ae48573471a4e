from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from windlass.build.interface import BuildRequest
from windlass.build.requests import build_request, cache_reference
from windlass.build.unit_tests import run_unit_tests, unit_test_dockerfile, unit_test_request
from windlass.errors import BuildFailed, TestsFailed
from windlass.model.artifacts import Built, LayoutImage
from windlass.model.events import silent
from windlass.model.plan import BaseImage, Fingerprint, ServicePlan
from windlass.model.project import BuildSecret, BuildSpec, Project, RegistrySpec, Service, TestSpec
from windlass.testing.builder import FakeBuilder

D1, D2, D3 = (f"sha256:{n * 64}" for n in "123")
BASE = Service("base", "team/base", BuildSpec("base", "base/Dockerfile"))


def project_of(*services: Service, **fields: Any) -> Project:
    registry = fields.pop("registry", RegistrySpec("localhost:5077", embedded=True))
    return Project("crank", Path("/checkout"), registry, ("linux/amd64", "linux/arm64"), (), services, (), **fields)


def plan_of(service: Service, **fields: Any) -> ServicePlan:
    return ServicePlan(service, "build", (), Fingerprint(D1, ()), **fields)


def requested(
    tmp_path: Path, spec: BuildSpec, project: Project | None = None, images: Any = None, **plan: Any
) -> BuildRequest:
    service = Service("web", "web", spec)
    return build_request(
        project or project_of(service, BASE),
        plan_of(service, **plan),
        tree=Path("/tree"),
        layout=Path("/layouts/web"),
        scratch=tmp_path / "scratch",
        images=images or {},
    )


def test_paths_become_those_of_the_materialised_tree(tmp_path: Path) -> None:
    got = requested(tmp_path, BuildSpec("services/web", "services/web/Dockerfile.prod", contexts={"lib": "shared/lib"}))
    assert got.context == "/tree/services/web"
    assert got.dockerfile == Path("/tree/services/web/Dockerfile.prod")
    assert got.contexts == {"lib": "/tree/shared/lib"}
    assert got.secret_root == Path("/checkout")


def test_a_context_outside_of_the_repository_stays_where_it_is(tmp_path: Path) -> None:
    assert requested(tmp_path, BuildSpec("/elsewhere", "/elsewhere/Dockerfile")).context == "/elsewhere"


@pytest.mark.parametrize(
    "context", ["https://example.org/x.git#main", "git@example.org:x.git", "ssh://git@example.org/x"]
)
def test_a_remote_context_is_left_to_the_builder(tmp_path: Path, context: str) -> None:
    got = requested(tmp_path, BuildSpec(context, "docker/Dockerfile"))
    assert (got.context, got.dockerfile) == (context, Path("docker/Dockerfile"))


def test_an_inline_dockerfile_is_written_outside_of_the_context(tmp_path: Path) -> None:
    got = requested(tmp_path, BuildSpec(".", "Dockerfile", dockerfile_inline="FROM scratch\n"))
    assert got.dockerfile.read_text() == "FROM scratch\n"
    assert got.dockerfile.is_relative_to(tmp_path / "scratch")


def test_base_images_are_pinned_under_the_name_the_dockerfile_has(tmp_path: Path) -> None:
    bases = (BaseImage("python:3.12-slim", D1, {}), BaseImage(f"busybox@{D2}", D2, {}))
    got = requested(tmp_path, BuildSpec(".", "Dockerfile"), bases=bases)
    assert got.contexts == {"python:3.12-slim": f"docker-image://python:3.12-slim@{D1}"}


def test_a_named_context_that_is_an_image_is_pinned_too(tmp_path: Path) -> None:
    spec = BuildSpec(
        ".", "Dockerfile", contexts={"tools": "docker-image://alpine:3", "other": "docker-image://alpine:2"}
    )
    got = requested(tmp_path, spec, bases=(BaseImage("alpine:3", D1, {}),))
    assert got.contexts["tools"] == f"docker-image://alpine:3@{D1}"
    assert got.contexts["other"] == "docker-image://alpine:2"


@pytest.mark.parametrize(
    ("image", "place"),
    [
        (LayoutImage(Path("/layouts/base"), D2), f"oci-layout:///layouts/base@{D2}"),
        (D3, f"docker-image://localhost:5077/team/base@{D3}"),
    ],
    ids=["just built", "in the registry"],
)
def test_another_services_image_stands_for_its_names(tmp_path: Path, image: Any, place: str) -> None:
    spec = BuildSpec(".", "Dockerfile", contexts={"lib": "service:base"})
    got = requested(
        tmp_path, spec, images={"base": image}, needs=("base",), links=(("team/base:dev", "base"), ("lib", "base"))
    )
    assert got.contexts == {"lib": place, "team/base:dev": place}


def test_a_needed_image_that_is_missing_is_said(tmp_path: Path) -> None:
    with pytest.raises(BuildFailed, match="'base'"):
        requested(tmp_path, BuildSpec(".", "Dockerfile"), needs=("base",), links=(("team/base", "base"),))


def test_the_users_own_build_section_is_passed_on(tmp_path: Path) -> None:
    spec = BuildSpec(
        ".",
        "Dockerfile",
        target="final",
        args={"A": "1"},
        secrets=(BuildSecret("s", environment="S"),),
        ssh=("default",),
        labels={"l": "1"},
        network="host",
        platforms=("linux/amd64",),
    )
    got = requested(tmp_path, spec)
    assert (got.target, got.args, got.secrets, got.ssh) == ("final", {"A": "1"}, spec.secrets, ("default",))
    assert (got.labels, got.network, got.platforms) == ({"l": "1"}, "host", ("linux/amd64",))


def test_a_pinned_frontend_is_the_one_used(tmp_path: Path) -> None:
    got = requested(tmp_path, BuildSpec(".", "Dockerfile"), frontend=BaseImage("docker/dockerfile:1", D1, {}))
    assert got.args == {"BUILDKIT_SYNTAX": f"docker/dockerfile:1@{D1}"}


def test_layers_are_cached_in_the_registry_under_its_prefix() -> None:
    plain, prefixed = project_of(), project_of(registry=RegistrySpec("reg.example", prefix="team"))
    assert cache_reference(plain, "web") == "localhost:5077/windlass/cache:web"
    assert cache_reference(prefixed, "group/web") == "reg.example/team/windlass/cache:group.web"


def test_plain_http_is_only_spoken_where_the_project_says_so(tmp_path: Path) -> None:
    spec = BuildSpec(".", "Dockerfile")
    assert requested(tmp_path, spec).insecure == ("localhost:5077",)
    assert requested(tmp_path, spec, project_of(registry=RegistrySpec("reg.example"))).insecure == ()


def asked(tmp_path: Path, test: TestSpec | None, image: LayoutImage | None = None) -> BuildRequest | None:
    service = Service("web", "web", BuildSpec(".", "Dockerfile", labels={"l": "1"}), test=test)
    built = Built(plan_of(service), D3, image)
    (tmp_path / "tree" / "tests").mkdir(parents=True, exist_ok=True)
    return unit_test_request(
        project_of(service), built, folder=tmp_path / "tree", layout=tmp_path / "l", scratch=tmp_path / "s", images={}
    )


def test_a_service_without_tests_asks_for_nothing(tmp_path: Path) -> None:
    assert asked(tmp_path, None) is None
    assert asked(tmp_path, TestSpec()) is None


def test_a_target_is_built_like_the_service_itself(tmp_path: Path) -> None:
    got = asked(tmp_path, TestSpec(target="test"))
    assert got is not None
    assert (got.target, got.dockerfile) == ("test", tmp_path / "tree" / "Dockerfile")


def test_a_command_runs_in_the_image_with_its_files_without_network_and_fresh(tmp_path: Path) -> None:
    image = LayoutImage(Path("/layouts/web"), D3)
    got = asked(tmp_path, TestSpec(command="pytest", files="tests"), image)
    assert got is not None
    assert got.contexts == {
        "windlass-image-under-test": f"oci-layout:///layouts/web@{D3}",
        "tests": str(tmp_path / "tree" / "tests"),
    }
    assert (got.network, got.fresh, got.cache) == ("none", True, None)
    assert list(Path(got.context).iterdir()) == []


def test_a_known_image_is_tested_from_the_registry(tmp_path: Path) -> None:
    got = asked(tmp_path, TestSpec(command="pytest"))
    assert got is not None
    assert got.contexts == {"windlass-image-under-test": f"docker-image://localhost:5077/web@{D3}"}


def test_the_generated_dockerfile_keeps_the_command_as_it_is_written() -> None:
    text = unit_test_dockerfile(TestSpec(command='echo "a $HOME" \\\n  && true # no', files="tests"))
    assert text.splitlines() == [
        "FROM windlass-image-under-test",
        "RUN --mount=type=bind,from=tests,source=/,target=/tests,ro "
        '["/bin/sh", "-c", "echo \\"a $HOME\\" \\\\\\n  && true # no"]',
    ]


def test_a_missing_folder_of_tests_is_said(tmp_path: Path) -> None:
    with pytest.raises(TestsFailed, match="nowhere"):
        asked(tmp_path, TestSpec(command="pytest", files="nowhere"))


def test_the_builder_executes_and_its_verdict_is_the_tests(tmp_path: Path) -> None:
    service = Service("web", "web", BuildSpec(".", "Dockerfile"), test=TestSpec(command="echo broken && exit 1"))
    built = Built(plan_of(service), D3, None)
    where: dict[str, Any] = {
        "folder": tmp_path,
        "layout": tmp_path / "l",
        "scratch": tmp_path / "s",
        "fresh": {},
        "reused": {},
    }
    builder = FakeBuilder()
    with pytest.raises(TestsFailed):
        run_unit_tests(builder, project_of(service), built, **where, emit=silent)
    without = replace(built, plan=plan_of(replace(service, test=None)))
    run_unit_tests(builder, project_of(service), without, **where, emit=silent)
    assert len(builder.executed) == 1
