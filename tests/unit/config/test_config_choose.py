"""What `init` decides from a survey, without asking any program."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from windlass.compose.images import registry_of, repository_of
from windlass.config import choose
from windlass.config.init import decide
from windlass.config.survey import Candidate, Kind, Missing, Survey, Variable, variables


def file(path: str, *built: str, kind: Kind = "builds", missing: tuple[Missing, ...] = (), **images: str) -> Candidate:
    services: dict[str, Any] = {name: {"build": {"context": "/r"}} for name in built}
    services.update({name: {"image": image} for name, image in images.items()})
    return Candidate(path, kind, services, missing=missing)


GONE = (Missing("a", "gone"),)


@pytest.mark.parametrize(
    ("candidates", "chosen"),
    [
        ([file("compose.dev.yml", "a"), file("docker-compose.yml", "a")], "docker-compose.yml"),
        ([file("compose.dev.yml", "a", "b"), file("compose.prod.yml", "a")], "compose.dev.yml"),
        ([file("compose.dev.yml", "a"), file("compose.prod.yml", "a")], "compose.prod.yml"),
        ([file("compose.yml", "a", missing=GONE), file("compose.dev.yml", "a")], "compose.dev.yml"),
        ([file("compose.yml", "a", "b", missing=GONE), file("x/compose.yml", "c", missing=GONE)], "compose.yml"),
        ([file("examples/compose.yml", "a", "b", "c"), file("deploy/all/compose.yml", "a")], "deploy/all/compose.yml"),
        ([file("a/b/compose.yml", "a", "b"), file("z/compose.yml", "a")], "z/compose.yml"),
    ],
)
def test_the_file_to_build_from_works_is_near_and_builds_most(candidates: list[Candidate], chosen: str) -> None:
    for order in (candidates, candidates[::-1]):
        found = choose.builds_from(order)
        assert found is not None
        assert found.path == chosen


def test_there_is_nothing_to_build_from_without_builds() -> None:
    assert choose.builds_from([file("compose.yml", kind="images", a="x")]) is None


def names(chosen: Candidate, *others: Candidate) -> dict[str, str]:
    return dict(choose.image_names(chosen, Survey("shop", (), (chosen, *others))).images)


def test_an_ending_is_dropped_only_when_all_services_share_it() -> None:
    assert names(file("c.yml", "a-dev", "b-dev")) == {"a-dev": "a", "b-dev": "b"}
    assert names(file("c.yml", "a-dev", "b")) == {"a-dev": "a-dev", "b": "b"}
    assert names(file("c.yml", "a_local")) == {"a_local": "a"}


def test_a_file_of_ready_made_images_names_them_and_their_registry() -> None:
    chosen = file("c.yml", "platform", "mail")
    ready = file("cloud.yml", kind="images", platform="r.io/shop-platform:1", mail="r.io/shop-mail", db="postgres")
    named = choose.image_names(chosen, Survey("shop", (), (chosen, ready)))
    assert named.images == {"platform": "shop-platform", "mail": "shop-mail"}
    assert (named.registry, named.source) == ("r.io", "cloud.yml")


def test_a_file_of_other_peoples_images_names_nothing() -> None:
    assert names(file("c.yml", "db"), file("x.yml", kind="images", db="postgres", a="b", c="d")) == {"db": "db"}


@pytest.mark.parametrize(
    ("moving", "staying", "shift"),
    [
        (set(), set(), choose.Shift()),
        ({80}, {443}, choose.Shift()),
        ({80, 8443}, {80, 8443}, choose.Shift(10000)),
        ({80, 60000}, {80, 60000}, choose.Shift(1000)),
        ({80}, {80, 10080}, choose.Shift(20000)),
        ({5077}, {80}, choose.Shift(10000)),
    ],
)
def test_ports_move_as_little_as_needed(moving: set[int], staying: set[int], shift: choose.Shift) -> None:
    assert choose.shift(moving, staying, {5077}) == shift


@given(ports=st.sets(st.integers(1, 65535), max_size=40), others=st.sets(st.integers(1, 65535), max_size=40))
@settings(derandomize=True, max_examples=100, deadline=None)
def test_moved_ports_never_collide_and_stay_ports(ports: set[int], others: set[int]) -> None:
    room = choose.shift(ports, others, {5077})
    single = dict(room.ports)
    moved = [single.get(port, port + room.offset) for port in ports]
    assert all(1 <= port <= 65535 for port in moved)
    assert len(set(moved)) == len(ports)
    assert not set(moved) & (others | {5077})


@pytest.mark.parametrize(
    ("branches", "default", "staging", "production"),
    [
        (("develop", "main", "master"), "main", ("develop", True), ("main", True)),
        (("master",), "master", ("develop", False), ("master", True)),
        (("dev", "trunk"), "trunk", ("dev", True), ("trunk", True)),
        (("stable",), "stable", ("develop", False), ("stable", True)),
        ((), None, ("develop", False), ("main", False)),
    ],
)
def test_environments_follow_the_branches_that_exist(
    branches: tuple[str, ...], default: str | None, staging: tuple[str, bool], production: tuple[str, bool]
) -> None:
    survey = Survey("shop", (), (), branches=branches, default_branch=default)
    assert choose.branch_for("staging", survey) == staging
    assert choose.branch_for("production", survey) == production


@pytest.mark.parametrize("name", ["API_TOKEN", "KEY", "DB_PASSWORD", "SECRET_KEY", "aws_secret"])
def test_names_that_look_private(name: str) -> None:
    assert choose.looks_private(name)


@pytest.mark.parametrize("name", ["PORT", "PUBLIC_KEY", "KEYCLOAK_URL", "TOKEN_URL", "SECRET_FILE", "MONKEY", "KEY_ID"])
def test_names_that_do_not(name: str) -> None:
    assert not choose.looks_private(name)


def test_variables_are_found_as_compose_interpolates_them() -> None:
    text = "a: ${A} $B ${C:-x} ${D:?why} ${E-${F}} $$G $${H} ${A:-again}\n# ${COMMENT}\n"
    assert variables(text) == (
        Variable("A", False),
        Variable("B", False),
        Variable("C", True),
        Variable("D", False),
        Variable("E", True),
        Variable("F", False),
    )


@pytest.mark.parametrize(
    ("image", "registry", "repository"),
    [
        ("redis", None, "redis"),
        ("team/app:1", None, "team/app"),
        ("ghcr.io/team/app:1", "ghcr.io", "team/app"),
        ("localhost/app", "localhost", "app"),
        ("localhost:5077/app@sha256:00", "localhost:5077", "app"),
        ("r.io:1/a/b/c:2@sha256:00", "r.io:1", "a/b/c"),
        ("", None, ""),
    ],
)
def test_image_references_are_taken_apart(image: str, registry: str | None, repository: str) -> None:
    assert registry_of(image) == registry
    assert repository_of(image) == repository


def test_a_file_with_missing_dockerfiles_is_taken_when_there_is_no_better_one_and_said() -> None:
    chosen = file("compose.yml", "a", "b", missing=GONE)
    derived = decide(Survey("shop", ("compose.yml",), (chosen,), branches=("main",)))
    assert "compose: [compose.yml]" in derived.text
    assert derived.warnings == ("a cannot be built: gone does not exist",)


def test_a_health_check_with_a_query_is_not_written_down() -> None:
    """A query may hold an interpolated secret; the check itself comes from Compose all the same."""
    service = {
        "build": {"context": "/r"},
        "ports": [{"target": 80, "published": "80"}],
        "healthcheck": {"test": ["CMD", "curl", "-f", "http://localhost/up?token=hunter2"]},
    }
    derived = decide(Survey("shop", ("compose.yml",), (Candidate("compose.yml", "builds", {"a": service}),)))
    assert "hunter2" not in derived.text
