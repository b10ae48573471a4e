"""Lines to real registries that are cut in the middle: nothing is sent or fetched twice, and what arrives is whole."""

from __future__ import annotations

import urllib.request
from pathlib import Path

import pytest

from windlass.oci import digest as digests
from windlass.oci.client import RegistryClient
from windlass.oci.credentials import Fixed
from windlass.oci.faults import Malformed
from windlass.oci.images import RegistryImages
from windlass.oci.integrity import damage
from windlass.oci.layout import Layout
from windlass.oci.manifest import Descriptor
from windlass.oci.push import push
from windlass.oci.session import Patience
from windlass.oci.upload import file_source
from windlass.testing.images import make_image
from windlass.testing.proxy import Proxy

MIB = 1024 * 1024
DATA = bytes(range(251)) * (20 * MIB // 251)
BLOB = Descriptor("application/x", digests.of(DATA), len(DATA))
QUICK = Patience(total=10.0, refused=1.0, first=0.01, longest=0.05)


def through(proxy: Proxy) -> RegistryClient:
    return RegistryClient(proxy.host, credentials=Fixed(), patience=QUICK)


def port(host: str) -> int:
    return int(host.rpartition(":")[2])


@pytest.mark.parametrize("cuts", [(5 * MIB,), (100,), (MIB, 3 * MIB, 8 * MIB), (len(DATA) - 50_000,)], ids=str)
def test_an_upload_goes_on_from_what_the_registry_has(
    registry_host: str, tmp_path: Path, cuts: tuple[int, ...]
) -> None:
    name = f"cut/upload-{abs(hash((registry_host, cuts)))}"
    file = tmp_path / "blob"
    file.write_bytes(DATA)
    told: list[int] = []
    with Proxy(port(registry_host), cut_sent=cuts) as proxy:
        assert through(proxy).upload(name, BLOB, file_source(file), sent=told.append) is True
    assert proxy.cuts == len(cuts)
    assert sum(told) == len(DATA)
    stored = RegistryClient(registry_host, credentials=Fixed()).read_blob(name, BLOB.digest, len(DATA))
    assert stored == DATA


@pytest.mark.parametrize("registry_host", ["embedded"], indirect=True)  # distribution drops what broke
def test_what_arrived_before_the_cut_is_not_sent_again(registry_host: str) -> None:
    name = "cut/resumed"
    with Proxy(port(registry_host), cut_sent=[12 * MIB]) as proxy:
        # Time enough for any registry to notice that the first connection is gone.
        patient = RegistryClient(proxy.host, credentials=Fixed(), patience=Patience(first=2.0, longest=2.0))
        patient.upload(name, BLOB, lambda offset: iter([DATA[offset:][:MIB], DATA[offset:][MIB:]]))
    asked = [method for method, _ in proxy.requests]
    assert asked[:3] == ["POST", "PUT", "HEAD"] and asked[-3:] == ["GET", "PATCH", "PUT"]
    assert asked.count("POST") == 1  # no second session: what had arrived was used
    assert RegistryClient(registry_host, credentials=Fixed()).read_blob(name, BLOB.digest, len(DATA)) == DATA


@pytest.mark.parametrize("cuts", [(5 * MIB,), (10,), (MIB, 3 * MIB, 8 * MIB)], ids=str)
def test_a_download_goes_on_where_it_was_cut_and_is_verified(
    registry_host: str, client: RegistryClient, cuts: tuple[int, ...]
) -> None:
    client.upload("cut/download", BLOB, lambda offset: iter((DATA[offset:],)))
    with Proxy(port(registry_host), cut_received=cuts) as proxy:
        assert through(proxy).read_blob("cut/download", BLOB.digest, len(DATA)) == DATA
    assert len(proxy.requests) == len(cuts) + 1


def test_an_image_is_published_whole_over_a_bad_line(
    registry_host: str, client: RegistryClient, tmp_path: Path
) -> None:
    image = make_image(tmp_path, name="bad line", layers=5, size=MIB)
    with Proxy(port(registry_host), cut_sent=(2 * MIB, 300_000, 3 * MIB, 10_000), cut_received=(700, 900)) as proxy:
        push(image, through(proxy), "cut/image", ["one"])
    assert proxy.cuts > 2
    assert damage(client, "cut/image", image.digest) is None
    found = client.head_manifest("cut/image", "one")
    assert found is not None and found.digest == image.digest


def test_an_unchanged_image_costs_one_request_and_one_a_tag(registry_host: str, tmp_path: Path) -> None:
    image = make_image(tmp_path, name="again", layers=10, size=100)
    with Proxy(port(registry_host)) as proxy:
        push(image, through(proxy), "cut/again", ["one"])
        for tags in ([], ["one"], ["a", "b", "c"]):
            before = len(proxy.requests)
            done = push(image, through(proxy), "cut/again", tags)
            assert (done.uploaded_bytes, len(proxy.requests) - before) == (0, 1 + len(tags))


@pytest.mark.parametrize("registry_host", ["embedded"], indirect=True)
def test_windlass_s_own_registry_says_in_that_one_request_that_the_image_is_whole(
    registry_host: str, client: RegistryClient, tmp_path: Path
) -> None:
    image = make_image(tmp_path, name="whole", layers=1, size=100)
    with Proxy(port(registry_host)) as proxy:
        RegistryImages(through(proxy)).push(image, "cut/whole", ["one"])
        before = len(proxy.requests)
        RegistryImages(through(proxy)).push(image, "cut/whole", ["a", "b"])
        assert len(proxy.requests) - before == 1 + 2
        child = client.get_manifest("cut/whole", "one").content.manifests[0].digest  # type: ignore[union-attr]
        client.delete_manifest("cut/whole", child)
        RegistryImages(through(proxy)).push(image, "cut/whole", [])
    assert damage(client, "cut/whole", image.digest) is None
    layer = Layout(image.layout).blobs(image.digest)[-1]
    delete = urllib.request.Request(f"http://{registry_host}/v2/cut/whole/blobs/{layer.digest}", method="DELETE")
    with urllib.request.urlopen(delete):
        assert client.head_blob("cut/whole", layer.digest) is None
    RegistryImages(client).push(image, "cut/whole", [])
    assert client.head_blob("cut/whole", layer.digest) == layer.size


def test_a_part_that_begins_elsewhere_is_refused() -> None:
    from windlass.oci.transport import Answer
    from windlass.testing.registry import FakeRegistry

    registry = FakeRegistry()
    registry.fail(lambda: Answer(206, {"content-range": "bytes 0-9/20"}, iter((b"0123456789",))), when="blobs")
    with pytest.raises(Malformed, match="other bytes"):
        list(registry.client().blob("app", BLOB.digest, 10))
