"""The registry on loopback that serves the images, and pushing to it.

OCI distribution specification 1.1, "Push"; OCI image specification 1.1.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from base_images.programs import PROGRAMS, STATE, CannotMake, run

PORT = int(os.environ.get("WINDLASS_MIRROR_PORT", "5055"))
REGISTRY = f"http://127.0.0.1:{PORT}"
PLATFORMS = {"amd64", "arm64"}
INDEX = "application/vnd.oci.image.index.v1+json"
DOCKER_INDEX = "application/vnd.docker.distribution.manifest.list.v2+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
EPOCH = "1970-01-01T00:00:00Z"

Descriptor = dict[str, Any]


@dataclass(frozen=True)
class Layer:
    """A packed layer in the registry: its digest and size, and the digest of what it unpacks to."""

    digest: str
    size: int
    diff_id: str


def answers() -> bool:
    try:
        with urlopen(f"{REGISTRY}/v2/", timeout=5):
            return True
    except (URLError, OSError):
        return False


def present(name: str) -> bool:
    """Is the image there, for both platforms?"""
    repository, _, tag = name.partition(":")
    url = f"{REGISTRY}/v2/library/{repository}/manifests/{tag}"
    try:
        with urlopen(Request(url, headers={"Accept": f"{INDEX}, {DOCKER_INDEX}"}), timeout=5) as answer:
            entries = json.load(answer).get("manifests", [])
    except (URLError, OSError, ValueError):
        return False
    return {entry.get("platform", {}).get("architecture") for entry in entries} >= PLATFORMS


def start() -> None:
    """Start the registry; it outlives this program."""
    program = shutil.which("docker-registry") or str(PROGRAMS / "usr/bin/docker-registry")
    if not Path(program).exists():  # unpacked, not installed: the package would start a service of its own
        with tempfile.TemporaryDirectory() as folder:
            run("apt-get", "download", "-qq", "-o", "APT::Sandbox::User=root", "docker-registry", cwd=folder)
            run("dpkg", "-x", str(next(Path(folder).glob("*.deb"))), str(PROGRAMS))
    STATE.mkdir(parents=True, exist_ok=True)
    settings = {
        "version": 0.1,
        "log": {"accesslog": {"disabled": True}, "level": "error"},
        "storage": {"filesystem": {"rootdirectory": str(STATE / "registry")}, "delete": {"enabled": True}},
        "http": {"addr": f"127.0.0.1:{PORT}"},
    }
    file = STATE / "registry.yml"
    file.write_text(json.dumps(settings))
    with (STATE / "registry.log").open("ab") as log:
        argv = [program, "serve", str(file)]
        child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
    (STATE / "registry.pid").write_text(str(child.pid))
    deadline = time.monotonic() + 30
    while not answers():
        if time.monotonic() > deadline or child.poll() is not None:
            raise CannotMake(f"the registry for base images did not start; see {STATE / 'registry.log'}")
        time.sleep(0.1)


def upload_layer(packed: bytes, diff_id: str) -> Layer:
    """Into a repository that images mount their layers from."""
    return Layer(_upload_blob("layers", packed), len(packed), diff_id)


def upload_manifest(
    repository: str, architecture: str, layers: Sequence[Layer], command: Sequence[str], environment: Mapping[str, str]
) -> Descriptor:
    variables = [f"{name}={value}" for name, value in environment.items()]
    config = {
        "architecture": architecture,
        "os": "linux",
        "created": EPOCH,
        "config": {"Env": variables, "Cmd": list(command)},
        "rootfs": {"type": "layers", "diff_ids": [layer.diff_id for layer in layers]},
        "history": [{"created": EPOCH, "created_by": "script/base-images"} for _ in layers],
    }
    data = json.dumps(config).encode()
    for layer in layers:
        status, _ = _send("POST", f"{_at(repository)}/blobs/uploads/?mount={layer.digest}&from=library/layers", b"")
        if status != 201:
            raise CannotMake(f"the registry did not mount {layer.digest}")
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": {"mediaType": CONFIG, "digest": _upload_blob(repository, data), "size": len(data)},
        "layers": [{"mediaType": LAYER, "digest": layer.digest, "size": layer.size} for layer in layers],
    }
    body = json.dumps(manifest).encode()
    digest = _digest(body)
    _send("PUT", f"{_at(repository)}/manifests/{digest}", body, MANIFEST)
    described = {"os": "linux", "architecture": architecture}
    return {"mediaType": MANIFEST, "digest": digest, "size": len(body), "platform": described}


def upload_index(names: Iterable[str], manifests: Sequence[Descriptor]) -> None:
    body = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": list(manifests)}).encode()
    for name in names:
        repository, _, tag = name.partition(":")
        _send("PUT", f"{_at(repository)}/manifests/{tag}", body, INDEX)


def _upload_blob(repository: str, data: bytes) -> str:
    digest = _digest(data)
    _, headers = _send("POST", f"{_at(repository)}/blobs/uploads/", b"")
    place = headers["Location"]
    _send("PUT", f"{place}{'&' if '?' in place else '?'}digest={digest}", data, "application/octet-stream")
    return digest


def _at(repository: str) -> str:
    return f"{REGISTRY}/v2/library/{repository}"


def _digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def _send(method: str, url: str, body: bytes, kind: str = "application/json") -> tuple[int, dict[str, str]]:
    target = url if url.startswith("http") else REGISTRY + url
    try:
        with urlopen(Request(target, body, {"Content-Type": kind}, method=method), timeout=120) as answer:
            return answer.status, dict(answer.headers)
    except HTTPError as error:
        raise CannotMake(f"{method} {url}: {error.code} {error.read()[:200].decode(errors='replace')}") from error
