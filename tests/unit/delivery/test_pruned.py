"""Going back to a release whose images are gone is refused beforehand, and what can be gone back to is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.delivery.world import World
from windlass.errors import Refused, RegistryUnavailable
from windlass.model.release import Release
from windlass.testing.target import FakeTarget


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Four releases of "api" were healthy, the fourth serves."""
    world = World(tmp_path)
    for text in ("one", "two", "three", "four"):
        world.edit("api/app.py", text)
        world.run()
    return world


def release(world: World, number: int) -> Release:
    records = world.state.records("production")
    return next(one.release for one in records if one.release.id == f"main-000000{number}")


def prune(world: World, number: int, *, registry: bool = True, engine: bool = True, name: str = "api") -> None:
    service = release(world, number).service(name)
    assert service is not None
    if registry:
        world.images.published.discard(("api", service.digest))
    if engine:
        world.target.pruned.add(service.digest)


def test_a_named_release_whose_images_are_gone_is_refused_and_nothing_touched(world: World) -> None:
    prune(world, 2)
    world.target.calls.clear()
    before = len(world.state.records("production"))
    with pytest.raises(Refused) as refusal:
        world.roll_back("main-0000002")
    assert "its image api (localhost:5077/api@sha256:" in refusal.value.message
    assert "web" not in refusal.value.message
    assert "one of these: main-0000003, main-0000001" in str(refusal.value.remedy)
    assert world.target.calls == []
    assert len(world.state.records("production")) == before


def test_without_a_name_the_release_before_is_refused_too_and_none_is_passed_over_in_silence(world: World) -> None:
    prune(world, 3)
    with pytest.raises(Refused, match="main-0000003 cannot run any more") as refusal:
        world.roll_back()
    assert "one of these: main-0000002, main-0000001" in str(refusal.value.remedy)


def test_where_none_is_left_it_says_what_brings_one_back(world: World) -> None:
    for number in (1, 2, 3):
        prune(world, number)
    with pytest.raises(Refused) as refusal:
        world.roll_back("main-0000002")
    assert str(refusal.value.remedy).startswith("no other earlier release")
    assert "windlass run --commit 0000002" in str(refusal.value.remedy)


@pytest.mark.parametrize("place", ["registry", "engine"])
def test_images_that_are_in_one_of_the_two_places_will_do(world: World, place: str) -> None:
    prune(world, 3, registry=place == "engine", engine=place == "registry")
    if place == "engine":  # it moves tags afterwards, which need the registry
        world.change("production", tags=("main-{sha}",))
    assert world.roll_back().outcome == "healthy"


def test_a_registry_that_is_away_is_asked_only_about_what_the_engine_lacks(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> frozenset[tuple[str, str]]:
        raise RegistryUnavailable("the registry does not answer")

    monkeypatch.setattr(world.images, "missing", away)
    prune(world, 2, registry=False)
    world.target.calls.clear()
    with pytest.raises(RegistryUnavailable):
        world.roll_back("main-0000002")
    assert world.target.calls == []
    assert world.roll_back("main-0000003").outcome == "healthy"


@pytest.mark.parametrize("registry", [True, False])
def test_an_image_that_the_environment_does_not_run_is_no_reason_not_to_go_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, registry: bool
) -> None:
    world = World(tmp_path, target=FakeTarget(inactive=("batch",)))
    for text in ("one", "two"):
        world.edit("batch/app.py", text)
        world.edit("api/app.py", text)
        world.run()
    prune(world, 1, name="batch")
    if not registry:

        def away(*_: object) -> frozenset[tuple[str, str]]:
            raise RegistryUnavailable("the registry does not answer")

        monkeypatch.setattr(world.images, "missing", away)
        world.change("production", tags=("main-{sha}",))  # moving tags need the registry
    assert world.roll_back().outcome == "healthy"
    assert "batch" not in world.target.running


def test_another_deployment_of_a_release_whose_images_are_gone_is_refused_too(world: World) -> None:
    prune(world, 2)
    with pytest.raises(Refused, match="main-0000002 cannot run any more") as refusal:
        world.bring(release(world, 2), "deploy")
    assert "windlass run --commit" in str(refusal.value.remedy)


def test_a_release_in_quarantine_is_not_named_as_a_way_back(world: World) -> None:
    world.roll_back()
    prune(world, 2)
    with pytest.raises(Refused) as refusal:
        world.roll_back("main-0000002")
    assert "one of these: main-0000001;" in str(refusal.value.remedy)
