"""Fill a registry as if every service of a repository had been published: `python -m bench.remembered REPOSITORY`.

Images are tiny, everything about them is real: an index, a manifest for each platform, and the fingerprint record.
"""

from __future__ import annotations

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from windlass import wiring
from windlass.model.plan import Plan, ServicePlan
from windlass.oci.client import RegistryClient
from windlass.oci.manifest import OCI_INDEX, OCI_MANIFEST
from windlass.plan.fingerprint import built_on

BASES = ("base/python", "base/debian")
PLATFORMS = ("amd64", "arm64")
_CONFIG = "application/vnd.oci.image.config.v1+json"
_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"


def main(root: Path) -> None:
    repository = wiring.open_repository(root)
    source = repository.snapshot()
    project = wiring.load_project(repository, source, from_checkout=True)
    client = wiring.registry_client(project)
    for name in BASES:
        publish(client, name, name, ["1"])
    tools = wiring.tools(project, repository, source.tree)

    images: dict[str, str] = {}

    def upload(service: ServicePlan) -> None:
        name = project.registry.repository(service.service.image)
        images[service.service.name] = publish(client, name, service.service.name, [])

    def remember(service: ServicePlan) -> None:
        name = project.registry.repository(service.service.image)
        assert service.fingerprint.digest is not None
        key = built_on(service.fingerprint.digest, {need: images[need] for need in service.needs})
        tools.memory.remember(name, key, images[service.service.name], service.fingerprint.inputs, source.branch)

    plan: Plan = tools.plan(source, None)
    with ThreadPoolExecutor(4) as pool:
        for step in (upload, remember):
            list(pool.map(step, plan.services))


def publish(client: RegistryClient, repository: str, text: str, tags: list[str]) -> str:
    """Upload an image for all platforms; returns its index digest."""
    children = []
    layer = client.upload_bytes(repository, text.encode(), _LAYER)
    for architecture in PLATFORMS:
        config = {
            "architecture": architecture,
            "os": "linux",
            "config": {},
            "rootfs": {"type": "layers", "diff_ids": []},
        }
        stored = client.upload_bytes(repository, json.dumps(config).encode(), _CONFIG)
        manifest = {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": {"mediaType": _CONFIG, "digest": stored.digest, "size": stored.size},
            "layers": [{"mediaType": _LAYER, "digest": layer.digest, "size": layer.size}],
        }
        body = json.dumps(manifest).encode()
        digest = client.put_manifest(repository, _digest(body), body, OCI_MANIFEST)
        children.append(
            {
                "mediaType": OCI_MANIFEST,
                "digest": digest,
                "size": len(body),
                "platform": {"os": "linux", "architecture": architecture},
            }
        )
    index = json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": children}).encode()
    for reference in tags or [_digest(index)]:
        client.put_manifest(repository, reference, index, OCI_INDEX)
    return _digest(index)


def _digest(body: bytes) -> str:
    from windlass.oci import digest

    return digest.of(body)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
