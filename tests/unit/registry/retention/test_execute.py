"""Carrying out a plan while the registry is in use, in trouble, or interrupted."""

from __future__ import annotations

from pathlib import Path

import pytest

from windlass.model.retention import RetentionPolicy
from windlass.oci.client import RegistryClient
from windlass.oci.integrity import damage
from windlass.oci.manifest import OCI_INDEX, Index, canonical, to_document
from windlass.oci.push import push
from windlass.registry.retention.ages import dated
from windlass.registry.retention.deletion import DeletionPlan
from windlass.registry.retention.execute import Execution
from windlass.registry.retention.model import Inventory
from windlass.registry.retention.policy import plan
from windlass.registry.retention.protected import Protected
from windlass.registry.retention.report import document
from windlass.registry.retention.scope import Scope
from windlass.registry.retention.survey import survey
from windlass.testing.images import make_image
from windlass.testing.registry import FakeRegistry, refuse, reply

SCOPE = Scope(frozenset({"api"}), "windlass/fingerprints", "windlass/tests", "windlass/cache")
COMMITS = {f"{number:07x}": 1.7e9 + number for number in range(100)}


class Shelf:
    """A registry with images of main, the last one the newest, and a plan that keeps one."""

    def __init__(self, folder: Path, count: int) -> None:
        self.registry = FakeRegistry()
        self.client: RegistryClient = self.registry.client()
        self.images = []
        for number in range(count):
            image = make_image(folder / str(number), name=f"image {number}", layers=1, size=50)
            push(image, self.client, "api", [f"main-{number:07x}"])
            self.images.append(image.digest)

    def judge(self) -> tuple[Inventory, DeletionPlan]:
        inventory = dated(survey(self.client, SCOPE.repositories), SCOPE, COMMITS)
        return inventory, plan(inventory, Protected(), RetentionPolicy(keep=1, idle=None), SCOPE, 1.8e9)

    def execution(self) -> Execution:
        inventory, made = self.judge()
        return Execution(made, inventory, self.client)

    def whole(self) -> bool:
        """Whether everything that has a name can be pulled."""
        return all(damage(self.client, "api", to) is None for to in self.registry.repositories["api"].tags.values())


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path, 4)


def test_each_manifest_is_asked_for_once_and_each_list_too(shelf: Shelf) -> None:
    shelf.registry.requests.clear()
    inventory, made = shelf.judge()
    lines = [line for line in shelf.registry.lines() if "/acr/" not in line]
    assert len([line for line in lines if line.startswith("GET /v2/api/manifests/")]) == 4 * 3
    assert len([line for line in lines if "/referrers/" in line]) == 4 * 3 + 1
    assert len(lines) == 4 * 3 + 4 * 3 + 1 + 4
    assert [one.name for one in inventory.repositories] == ["api"]
    assert len(made.deletions) == 3 + 3 * 3


def test_an_image_pushed_meanwhile_keeps_the_platform_it_shares(shelf: Shelf) -> None:
    execution = shelf.execution()
    old = shelf.client.get_manifest("api", shelf.images[0]).content
    assert isinstance(old, Index)
    shared = old.manifests[0]
    body = canonical({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [to_document(shared)]})
    shelf.client.put_manifest("api", "main-00000ff", body, OCI_INDEX)
    done = execution.run()
    assert [left.item.digest for left in done.skipped] == [shared.digest]
    assert "main-00000ff" in done.skipped[0].why
    assert not done.failed
    assert shelf.whole()


def test_when_the_registry_goes_away_it_stops_and_says_what_is_left(shelf: Shelf) -> None:
    execution = shelf.execution()
    shelf.registry.fail(lambda: refuse(503, "UNAVAILABLE"), when="DELETE", times=10_000)
    done = execution.run()
    assert done.stopped
    assert done.failed
    assert len(done.failed) + len(done.skipped) == 9
    assert not done.done
    assert shelf.whole()


def test_a_registry_that_deletes_nothing_is_not_asked_for_ever(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path, 40)
    execution = shelf.execution()
    shelf.registry.fail(lambda: refuse(405, "UNSUPPORTED"), when="DELETE", times=10_000)
    done = execution.run()
    assert done.stopped
    assert 20 <= len(done.failed) < 30
    assert "nothing can be deleted here" in done.skipped[-1].why


def test_stopped_at_any_deletion_every_name_is_whole_and_the_rest_is_in_the_report(tmp_path: Path) -> None:
    for count in range(9):
        shelf = Shelf(tmp_path / str(count), 4)
        inventory, made = shelf.judge()
        seen = 0

        def told(item: object, stop: int = count) -> None:
            nonlocal seen
            seen += 1
            if seen > stop:
                raise KeyboardInterrupt

        execution = Execution(made, inventory, shelf.client, parallel=1, told=told)
        with pytest.raises(KeyboardInterrupt):
            execution.run()
        execution.break_off("interrupted")
        assert shelf.whole()
        outcome = execution.outcome
        assert len(outcome.done) + len(outcome.skipped) == 9
        said = document(made, RetentionPolicy(), Protected(), outcome)
        assert {one["why"] for one in said["skipped"]} <= {"interrupted"}


def test_what_somebody_else_deleted_is_no_failure(shelf: Shelf) -> None:
    execution = shelf.execution()
    shelf.client.delete_manifest("api", shelf.images[1])
    done = execution.run()
    assert not done.failed
    assert not done.skipped
    assert list(shelf.registry.repositories["api"].tags) == ["main-0000003"]


def test_what_cannot_be_read_stays_and_so_does_what_may_be_part_of_it(shelf: Shelf) -> None:
    for pointer in ("main-0000000", shelf.images[0]):
        answer = reply(200, "{", content_type=OCI_INDEX, docker_content_digest=shelf.images[0])
        shelf.registry.fail(lambda answer=answer: answer, when=f"GET /v2/api/manifests/{pointer}")  # type: ignore[misc]
    _, made = shelf.judge()
    reasons = {item.name: item.reason.because for item in made.kept}
    assert (reasons["main-0000000"], reasons[shelf.images[0]]) == ("name", "damaged")
    assert shelf.images[1] in {item.digest for item in made.deletions}
