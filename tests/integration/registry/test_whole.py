"""One question about many images, asked of a real server."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.integration.registry.serving import Server
from windlass.oci.client import RegistryClient
from windlass.oci.images import RegistryImages
from windlass.oci.memory import RegistryMemory
from windlass.oci.push import push
from windlass.plan.interface import Remembered
from windlass.registry.server.wire import WHOLE
from windlass.testing.contracts.memory import INPUTS, ONE, TWO
from windlass.testing.images import make_image


@pytest.fixture
def client(server: Server) -> RegistryClient:
    return RegistryClient(f"127.0.0.1:{server.port}")


def publish(client: RegistryClient, folder: Path, name: str) -> str:
    image = make_image(folder / name, name=name, layers=1, size=10)
    push(image, client, name)
    return image.digest


def asked(server: Server, images: list[Any]) -> Any:
    answer = server.request("POST", WHOLE, body=json.dumps({"images": images}).encode())
    return answer.status, json.loads(answer.data)


def test_images_that_can_be_pulled_are_told_from_those_that_cannot(
    server: Server, client: RegistryClient, tmp_path: Path
) -> None:
    whole, gone, lost, damaged = (publish(client, tmp_path, name) for name in ("whole", "gone", "lost", "damaged"))
    client.delete_manifest("gone", gone)
    child = json.loads(client.get_manifest("lost", lost).body)["manifests"][0]["digest"]
    client.delete_manifest("lost", child)
    for place in server.root.glob(f"blobs/**/{damaged.removeprefix('sha256:')}*"):
        place.write_bytes(b"{}")
    images = [("whole", whole), ("other", whole), ("gone", gone), ("lost", lost), ("damaged", damaged)]
    assert asked(server, [list(one) for one in images]) == (200, {"whole": [True, False, False, False, False]})


@pytest.mark.parametrize(
    "images", [5, [5], [["app"]], [["app", "latest"]], [["../app", ONE]], [["app", "sha256:1"]], {"a": 1}]
)
def test_other_questions_are_refused(server: Server, images: Any) -> None:
    status, answer = asked(server, images)
    assert status == 400
    assert answer["errors"]


def test_only_posts_are_questions(server: Server) -> None:
    assert server.request("GET", WHOLE).status == 405


def test_a_memory_asks_once_and_looks_closely_at_what_is_not_whole(client: RegistryClient, tmp_path: Path) -> None:
    memory = RegistryMemory(client)
    app, web = publish(client, tmp_path, "app"), publish(client, tmp_path, "web")
    memory.remember("app", ONE, app, INPUTS, "main")
    memory.remember("web", TWO, web, INPUTS, "main")
    client.delete_manifest("web", web)
    assert memory.recall([("app", ONE), ("web", TWO)]) == {
        ONE: Remembered(app),
        TWO: "its image is gone from the registry",
    }
    memory.prepare()
    assert memory.recall([("app", ONE)]) == {ONE: Remembered(app)}


def test_an_image_that_lost_a_layer_is_not_remembered_and_publishing_repairs_it(
    server: Server, client: RegistryClient, tmp_path: Path
) -> None:
    memory = RegistryMemory(client)
    image = make_image(tmp_path / "app", name="app", layers=2, size=1000)
    publisher = RegistryImages(client)
    digest = publisher.push(image, "app", ["v1"]).digest
    memory.remember("app", ONE, digest, INPUTS, "main")
    child = json.loads(client.get_manifest("app", digest).body)["manifests"][0]["digest"]
    layer = json.loads(client.get_manifest("app", child).body)["layers"][-1]["digest"]
    (lost,) = server.root.glob(f"blobs/sha256/{layer.removeprefix('sha256:')}")
    lost.unlink()
    assert memory.recall([("app", ONE)]) == {ONE: "its image in the registry has lost a layer"}
    publisher.push(image, "app", ["v1"])
    assert memory.recall([("app", ONE)]) == {ONE: Remembered(digest)}
