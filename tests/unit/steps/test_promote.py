"""What one environment runs, as a release of another one that may call its services differently."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from windlass.errors import Refused
from windlass.model.project import BuildSpec, Environment, Project, RegistrySpec, Service
from windlass.model.release import Record, Release, ReleasedService
from windlass.steps.promote import left_behind, promoted

COMMIT, TREE = "abc1234" + "0" * 33, "def5678" + "0" * 33
NOW = datetime(2026, 1, 1, tzinfo=UTC)
PROJECT = Project(
    name="shop",
    root=Path("/nowhere"),
    registry=RegistrySpec("localhost:5077", prefix="team"),
    platforms=("linux/amd64",),
    compose=("compose.yml",),
    services=tuple(Service(name, f"shop-{name}", BuildSpec(".", "Dockerfile")) for name in ("api", "web")),
    environments=(),
)
PRODUCTION = Environment("production", "main", ("prod.yml",), ("main-{sha}", "latest"), profiles=("metrics",))


def image(name: str, digit: str, called: str | None = None) -> ReleasedService:
    return ReleasedService(
        called or name, f"localhost:5077/team/shop-{name}", "sha256:" + digit * 64, ("develop-abc1234",)
    )


def release(environment: str, *services: ReleasedService, excluded: tuple[tuple[str, str], ...] = ()) -> Release:
    return Release(
        f"{environment}-1",
        environment,
        COMMIT,
        TREE,
        ("compose.yml",),
        services,
        NOW.isoformat(),
        (),
        excluded,
        "develop",
    )


def serves(one: Release) -> tuple[Record, ...]:
    return (Record(1, one, "healthy", NOW.isoformat(), "dev@host", one.id),)


def test_images_go_to_the_services_that_run_them_there() -> None:
    staging = release("staging", image("api", "1", "api-dev"), image("web", "2", "web-dev"))
    made = promoted(staging, PRODUCTION, PROJECT, {"api": "api", "front": "web"}, (), NOW)
    assert {service.name: service.digest[7] for service in made.services} == {"api": "1", "front": "2"}
    assert {service.tags for service in made.services} == {("main-abc1234",)}
    assert (made.id, made.environment, made.compose, made.profiles) == (
        "main-abc1234", "production", ("prod.yml",), ("metrics",),
    )  # fmt: skip
    assert (made.commit, made.tree, made.branch) == (COMMIT, TREE, "main")


def test_a_service_that_runs_there_is_not_lost_without_a_word() -> None:
    staging = release("staging", image("api", "1"))
    production = serves(release("production", image("api", "0"), image("web", "0")))
    with pytest.raises(Refused, match="has no image of web, which production runs"):
        promoted(staging, PRODUCTION, PROJECT, {"api": "api", "web": "web"}, production, NOW)


def test_what_never_ran_there_is_left_out_with_the_reason() -> None:
    staging = release("staging", image("api", "1"))
    made = promoted(staging, PRODUCTION, PROJECT, {"api": "api", "web": "web"}, (), NOW)
    assert made.excluded == (("web", "staging has no image of it"),)


def test_what_staging_left_out_is_left_out_for_the_same_reason() -> None:
    staging = release("staging", image("api", "1"), excluded=(("web", "no such package"),))
    production = serves(release("production", image("api", "0"), image("web", "0")))
    made = promoted(staging, PRODUCTION, PROJECT, {"api": "api", "web": "web"}, production, NOW)
    assert made.excluded == (("web", "no such package"),)


def test_what_does_not_run_in_staging_is_not_taken_to_be_idle_elsewhere() -> None:
    staging = replace(release("staging", image("api", "1")), inactive=("api",))
    assert promoted(staging, PRODUCTION, PROJECT, {"api": "api"}, (), NOW).inactive == ()


def test_a_service_that_production_runs_and_would_not_get_is_named_and_refused() -> None:
    staging = release("staging", image("api", "1"), image("web", "2"))
    production = serves(release("production", image("api", "0"), image("web", "0", "front")))
    with pytest.raises(Refused, match="web of staging-1 would be lost: no service of production runs it"):
        promoted(staging, PRODUCTION, PROJECT, {"api": "api"}, production, NOW)


def test_a_service_lost_from_the_compose_files_that_were_built_from_is_refused_wherever_it_ran() -> None:
    staging = release("staging", image("api", "1"), image("legacy", "2"))
    with pytest.raises(Refused, match="legacy of staging-1 would be lost"):
        promoted(staging, replace(PRODUCTION, compose=PROJECT.compose), PROJECT, {"api": "api"}, (), NOW)


def test_compose_files_of_its_own_may_leave_out_what_production_never_ran() -> None:
    staging = release("staging", image("api", "1"), image("web", "2"))
    made = promoted(staging, PRODUCTION, PROJECT, {"api": "api"}, serves(release("production", image("api", "0"))), NOW)
    assert [one.name for one in made.services] == ["api"]
    assert [one.name for one in left_behind(staging, made)] == ["web"]


def test_two_services_of_one_image_may_become_one() -> None:
    staging = release("staging", image("api", "1"), image("api", "1", "worker"))
    production = serves(release("production", image("api", "0")))
    made = promoted(staging, PRODUCTION, PROJECT, {"api": "api"}, production, NOW)
    assert left_behind(staging, made) == ()
