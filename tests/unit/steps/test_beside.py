"""What is asked of a release before users reach it."""

from __future__ import annotations

from windlass.deploy.interface import Change, Checked, Prepared
from windlass.model.events import Event, Notice, ServiceFinished, ServiceProgress, ServiceStarted
from windlass.model.release import BEFORE_SWITCH, Release, ReleasedService
from windlass.steps.beside import beside_only, quietly


def test_only_what_stands_beside_the_old_one_is_asked() -> None:
    services = tuple(ReleasedService(name, f"host/{name}", "sha256:1") for name in ("web", "api", "left"))
    release = Release(
        "r1", "staging", "c", "t", ("compose.yml",), services, "", excluded=(("left", "it did not build"),)
    )
    changes = (Change("web", "recreate"), Change("api", "recreate"), Change("db", "keep"))
    asked = beside_only(Checked(Prepared(release, changes), beside=True, services=("web",)))
    assert [service.name for service in asked.services] == ["web"]
    assert [name for name, _ in asked.excluded] == ["left", "api", "db", BEFORE_SWITCH]
    assert asked.tree == release.tree


def test_its_checks_are_told_as_part_of_the_deployment_without_a_verdict_of_their_own() -> None:
    heard: list[Event] = []
    emit = quietly(heard.append)
    for event in (
        ServiceStarted("verify", "web"),
        ServiceProgress("verify", "web", "status 503"),
        ServiceFinished("verify", "web", "ok", 1.0),
        Notice("said"),
    ):
        emit(event)
    assert heard == [ServiceProgress("deploy", "web", "before the switch: status 503"), Notice("said")]
