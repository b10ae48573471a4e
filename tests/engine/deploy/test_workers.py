"""Services that nobody connects to: the new one works beside the old one before that is asked to end."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from windlass import process
from windlass.deploy.docker import engine
from windlass.deploy.docker.containers import Container
from windlass.deploy.docker.ending import Ending
from windlass.errors import DeploymentFailed
from windlass.model.project import EdgeSpec
from windlass.waiting import wait_for

COMPOSE = """
services:
  worker:
    image: busybox:1
    command: ["sh", "-c", "trap 'echo ending; sleep 1; exit 0' TERM; echo at work {version}; {work}"]
    stop_grace_period: {grace}
    restart: always
    {more}
  other:
    image: busybox:1
    command: sleep 1000
    stop_signal: SIGKILL
    expose: ["80"]
    environment: {{V: "{other}"}}
"""
WORKS = "while :; do sleep 0.1; done"
QUICK = EdgeSpec(drain=1.0, watch=0.5, warm=3600.0)


def release(
    world: Any, id: str, *, work: str = WORKS, other: str = "1", more: str = "", version: str = "", grace: str = "20s"
) -> Any:
    text = COMPOSE.format(version=version or id, work=work, other=other, more=more, grace=grace)
    return world.release(id, world.write({"compose.yml": text}))


def workers(target: Any) -> list[Container]:
    there = [c for c in engine.containers(target.name) if c.service == "worker"]
    return sorted(there, key=lambda c: c.created)


def started_beside(world: Any, target: Any, made: Any, sequence: int) -> Any:
    prepared = target.prepare(made, world.events.append)
    (change,) = [change for change in prepared.changes if change.service == "worker"]
    assert "stopped and started" not in change.reason
    return target.check(prepared, world.events.append, sequence)


def alone(target: Any) -> Container:
    wait_for(lambda: len(workers(target)), lambda count: count == 1, seconds=30)
    return workers(target)[0]


def test_the_old_one_works_until_the_switch_is_then_asked_politely_and_the_way_back_is_the_same(world: Any) -> None:
    target = world.target(edge=QUICK)
    world.deploy(target, release(world, "r1"))
    first = alone(target)
    checked = started_beside(world, target, release(world, "r2"), 2)
    old, new = workers(target)
    assert (old.id, old.status, new.status) == (first.id, "running", "running")
    assert world.containers(target)["worker"] == first.id
    deployed = target.switch(checked, 2, world.events.append)
    assert world.containers(target)["worker"] == new.id
    target.watch(deployed, world.events.append)
    target.retire(deployed, world.events.append)
    assert alone(target).id == new.id
    assert target.observe().service("worker").release == "r2"

    back = target.restore(release(world, "r1"), 3, world.events.append)
    assert back.observation.service("worker").release == "r1"
    assert "at work r1" in "\n".join(engine.tail(alone(target).id, 5))


def test_one_that_does_not_come_up_replaces_nothing_and_goes(world: Any) -> None:
    target = world.target(edge=QUICK)
    world.deploy(target, release(world, "r1"))
    first = alone(target)
    with pytest.raises(DeploymentFailed, match="crash loop"):
        started_beside(world, target, release(world, "r2", work="exit 3"), 2)
    assert world.containers(target)["worker"] == first.id
    target.restore(release(world, "r1"), 3, world.events.append)
    there = alone(target)
    assert (there.id, there.started, there.restarts) == (first.id, first.started, 0)


def test_one_that_was_well_beside_when_another_service_failed_is_asked_politely(world: Any) -> None:
    target = world.target(edge=QUICK)
    world.deploy(target, release(world, "r1"))
    first = alone(target)
    started_beside(world, target, release(world, "r2"), 2)
    (beside,) = [c for c in workers(target) if c.id != first.id]
    said: list[str] = []
    follow = threading.Thread(target=process.stream, args=(["docker", "logs", "--follow", beside.id], said.append))
    follow.start()
    target.restore(release(world, "r1"), 3, world.events.append)
    assert alone(target).id == first.id
    follow.join(30)
    assert "ending" in said


def test_replicas_stand_beside_replicas(world: Any) -> None:
    target, three = world.target(edge=QUICK), "deploy: {replicas: 3}"
    world.deploy(target, release(world, "r1", more=three))
    checked = started_beside(world, target, release(world, "r2", more=three), 2)
    assert len(workers(target)) == 6
    target.switch(checked, 2, world.events.append)
    wait_for(lambda: len(workers(target)), lambda count: count == 3, seconds=30)
    again = target.prepare(release(world, "r3", version="r2", more=three), world.events.append)
    assert again.nothing_to_do


def test_a_singleton_and_one_with_a_volume_of_its_own_are_stopped_first_and_it_is_said(world: Any) -> None:
    target = world.target(edge=QUICK)
    owns = "volumes: ['/jobs']"
    world.deploy(target, release(world, "r1", more=owns))
    (first,) = workers(target)
    prepared = target.prepare(release(world, "r2", more=owns), world.events.append)
    (change,) = [change for change in prepared.changes if change.service == "worker"]
    assert "it is stopped and started: it owns the volume /jobs" in change.reason
    checked = target.check(prepared, world.events.append, 2)
    assert [c.id for c in workers(target)] == [first.id]
    target.switch(checked, 2, world.events.append)
    (second,) = workers(target)
    assert second.id != first.id


def test_moving_from_in_place_and_to_an_edge_and_away_leaves_one(world: Any) -> None:
    target = world.target(edge=QUICK)
    world.deploy(target, release(world, "r1", more="volumes: ['/jobs']"))
    for number, more in enumerate(("", "expose: ['7000']", "", "volumes: ['/jobs']"), 2):
        world.deploy(target, release(world, f"r{number}", more=more), number)
        serving = world.containers(target)["worker"]
        wait_for(lambda s=serving: [c.id for c in workers(target)] == [s], bool, seconds=40)  # type: ignore[misc]
        assert target.observe().service("worker").release == f"r{number}"


@pytest.mark.parametrize(("killed", "then"), [("checked", "r3"), ("turned", "r2"), ("turned", "r1")])
def test_a_deployer_that_dies_in_between_leaves_two_and_the_next_run_one(
    world: Any, monkeypatch: pytest.MonkeyPatch, killed: str, then: str
) -> None:
    target = world.target(edge=QUICK)
    world.deploy(target, release(world, "r1"))
    checked = started_beside(world, target, release(world, "r2"), 2)

    def dies(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    if killed == "turned":
        with monkeypatch.context() as at_work:
            at_work.setattr(Ending, "end_replaced", dies)
            with pytest.raises(KeyboardInterrupt):
                target.switch(checked, 2, world.events.append)
    assert len(workers(target)) == 2
    next_one = world.target(edge=QUICK)
    world.deploy(next_one, release(world, then), 3)
    there = alone(next_one)
    assert f"at work {then}" in "\n".join(engine.tail(there.id, 5))
    assert next_one.observe().service("worker").release == then
    assert next_one.prepare(release(world, then), world.events.append).nothing_to_do


def test_one_that_was_started_while_its_twin_was_about_to_go_is_known_when_that_is_gone(world: Any) -> None:
    """Back and forth in quick succession, and later a release of something else: the worker stays as it is."""
    target = world.target(edge=QUICK)
    stubborn = {"work": f"trap '' TERM; {WORKS}", "grace": "600s"}
    world.deploy(target, release(world, "r1", **stubborn))
    world.deploy(target, release(world, "r2"), 2)
    world.deploy(target, release(world, "r1", **stubborn), 3)
    assert len({c.key for c in workers(target)}) > 1
    serves = world.containers(target)["worker"]
    for container in workers(target):  # nobody waits ten minutes for it
        if container.id != serves:
            process.run(["docker", "kill", container.id])
    stays = alone(target)
    later = release(world, "r4", **stubborn, version="r1", other="2")
    prepared = target.prepare(later, world.events.append)
    assert {c.service: c.action for c in prepared.changes}["worker"] == "keep"
    world.deploy(target, later, 4)
    assert alone(target).id == stays.id
    target.restore(release(world, "r1", **stubborn), 5, world.events.append)
    assert alone(target).id == stays.id


def test_one_that_the_release_no_longer_has_works_until_that_has_proved_well(world: Any) -> None:
    target = world.target(edge=QUICK)
    world.deploy(target, release(world, "r1"))
    first = alone(target)
    before, _, rest = COMPOSE.partition("  worker:")
    text = (before + "  other:" + rest.partition("  other:")[2]).format(other="1")
    without = world.release("r2", world.write({"compose.yml": text}))
    prepared = target.prepare(without, world.events.append)
    deployed = target.switch(target.check(prepared, world.events.append, 2), 2, world.events.append)
    assert (alone(target).id, alone(target).status) == (first.id, "running")
    assert "ending" not in engine.tail(first.id, 5)
    target.watch(deployed, world.events.append)
    target.retire(deployed, world.events.append)
    wait_for(lambda: workers(target), lambda left: not left, seconds=30)
    assert target.prepare(without, world.events.append).nothing_to_do
