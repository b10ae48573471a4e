"""An audit builds some of what would be reused, publishes nothing, and says what differs."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from tests.unit.delivery.world import World

from windlass.model.plan import Plan
from windlass.model.source import Source
from windlass.oci.difference import LayoutContent
from windlass.steps.audit import Audited, audit, sample

SOURCE = Source("c" * 40, "t" * 40, "main", False, 0)


@pytest.fixture
def world(tmp_path: Path) -> World:
    found = World(tmp_path)
    found.run()
    shutil.copytree(tmp_path / "cache" / "layouts" / "shop", tmp_path / "published")
    found.builder.built.clear()
    return found


def _plan(world: World) -> Plan:
    return world.tools.plan(SOURCE, None)


def _audit(world: World, plan: Plan, count: int = 9) -> dict[str, Audited]:
    with world.tools.materialise(SOURCE.tree) as folder:
        done = audit(
            plan,
            count,
            world.tools,
            world.builder,
            lambda repository: LayoutContent(world.folder / "published" / repository),
            folder,
            world.events.append,
        )
    return {one.service: one for one in done}


def test_an_image_that_is_what_its_inputs_give_does_not_differ(world: World) -> None:
    done = _audit(world, _plan(world))

    assert set(done) == {"api", "web", "batch"}
    assert all(one.rebuilt == one.remembered and not one.differences for one in done.values())


def test_nothing_is_published_and_no_cache_is_written(world: World) -> None:
    before = set(world.images.published), dict(world.memory.records)
    _audit(world, _plan(world))

    assert (set(world.images.published), world.memory.records) == before
    assert not world.images.moves[len(world.images.moves) :]
    assert not any(request.keep_cache or request.fresh for request in world.builder.built)


def test_only_as_many_as_asked_for_and_only_what_would_be_reused(world: World) -> None:
    world.edit("web/app.py", "edited")
    plan = _plan(world)

    assert len(_audit(world, plan, 1)) == 1
    assert set(_audit(world, plan)) == {"api", "batch"}


def test_other_services_are_looked_at_at_other_commits_and_the_same_on_every_machine(world: World) -> None:
    plan = _plan(world)
    commits = [replace(plan, source=replace(SOURCE, commit=f"{number:040d}")) for number in range(12)]
    chosen = [sample(one, 1)[0].service.name for one in commits]

    assert set(chosen) == {"api", "web", "batch"}
    assert chosen == [sample(one, 1)[0].service.name for one in commits]


def test_a_change_that_was_missed_names_service_layer_and_file(world: World) -> None:
    plan = _plan(world)
    world.edit("api/app.py", "an input that the plan does not know of")

    done = _audit(world, plan)

    assert done["api"].differences == tuple(
        f"{platform}: layer 1 differs, from windlass fake: /content" for platform in ("linux/amd64", "linux/arm64")
    )
    assert done["api"].rebuilt not in (None, done["api"].remembered)


def test_an_image_that_cannot_be_built_any_more_is_a_difference(world: World) -> None:
    world.builder.failing = {"api": ("no such package",)}

    done = _audit(world, _plan(world))

    assert done["api"].rebuilt is None
    assert done["api"].differences == ("it cannot be built any more: the step failed",)


def test_an_image_whose_blobs_are_lost_is_a_difference(world: World) -> None:
    plan = _plan(world)
    world.edit("api/app.py", "edited")
    shutil.rmtree(world.folder / "published" / "api" / "blobs")

    assert "the two cannot be compared" in _audit(world, plan)["api"].differences[0]
