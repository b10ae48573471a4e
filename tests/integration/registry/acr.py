"""A registry with TLS, with or without users, and Microsoft's own client for it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import urllib3
from azure.containerregistry import ContainerRegistryClient
from azure.core.credentials import AccessToken
from azure.core.exceptions import HttpResponseError

from tests.integration.registry.serving import Server
from windlass.registry.server.names import Digest, digest_of
from windlass.registry.server.self_signed import self_signed
from windlass.registry.server.storage.manifests import OCI_INDEX, OCI_MANIFEST
from windlass.waiting import wait_for

IMAGE_CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar"


class Credential:
    """What the SDK asks for a token of Azure Active Directory."""

    def __init__(self, token: str) -> None:
        self.token = token
        self.asked: list[tuple[str, ...]] = []

    def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        self.asked.append(scopes)
        return AccessToken(self.token, 2**31)


@dataclass
class TlsServer(Server):
    """`access` is the text of access.yaml, by which the server gets users; `users` maps them to hashed passwords."""

    users: Mapping[str, str] = field(default_factory=dict)
    access: str | None = None

    def start(self) -> None:
        self.root.mkdir(exist_ok=True)
        if self.users:
            (self.root / "htpasswd").write_text("".join(f"{user}:{hashed}\n" for user, hashed in self.users.items()))
        if self.access is not None:
            (self.root / "access.yaml").write_text(self.access)
        argv = [sys.executable, "-m", "windlass.registry.server", "--listen", f"127.0.0.1:{self.port}"]
        tls = self_signed(self._folder, ["127.0.0.1"])
        argv += ["--root", str(self.root), "--tls-cert", str(tls.cert), "--tls-key", str(tls.key)]
        with (self.root.parent / "registry.log").open("ab") as log:
            self.process = subprocess.Popen(argv, stderr=log)
        wait_for(self._answers, bool, seconds=60, every=0.05)
        self.pool = urllib3.PoolManager(retries=False, timeout=20, ca_certs=str(self.authority))

    @property
    def authority(self) -> Path:
        return self._folder / "tls/ca.crt"

    @property
    def _folder(self) -> Path:
        """Of the certificates, which the server is given as if somebody had brought them."""
        return self.root.parent / "authority"

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    def _answers(self) -> bool:
        try:
            with urllib3.PoolManager(retries=False, timeout=5, ca_certs=str(self.authority)) as pool:
                return pool.request("GET", f"https://{self.host}/v2/").status in (200, 401)
        except (urllib3.exceptions.HTTPError, OSError):
            return False

    def request(self, method: str, path: str, **options: Any) -> urllib3.BaseHTTPResponse:
        return self.pool.request(method, f"https://{self.host}{path}", redirect=False, **options)

    @contextmanager
    def client(self, credential: Credential | None = None) -> Iterator[ContainerRegistryClient]:
        with ContainerRegistryClient(
            f"https://{self.host}", credential, connection_verify=str(self.authority), retry_total=0
        ) as client:
            yield client


def refusal(work: Callable[[], object]) -> HttpResponseError:
    """What the SDK raises. It leaves answers that it did not read open, so they are closed here."""
    with pytest.raises(HttpResponseError) as caught:
        work()
    answer: Any = caught.value.response
    answer.close()
    return caught.value


def push(
    client: ContainerRegistryClient, name: str, tag: str | None, layer: bytes, architecture: str = "amd64"
) -> Digest:
    """An image of one layer, pushed by the SDK alone."""
    config = json.dumps({"architecture": architecture, "os": "linux", "rootfs": {"type": "layers"}}).encode()
    parts = []
    for data, kind in ((config, IMAGE_CONFIG), (layer, LAYER_TYPE)):
        digest, size = client.upload_blob(name, BytesIO(data))
        assert (digest, size) == (digest_of(data), len(data))
        parts.append({"mediaType": kind, "digest": digest, "size": size})
    manifest = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": parts[0], "layers": parts[1:]}
    return Digest(client.set_manifest(name, manifest, tag=tag))


def push_index(client: ContainerRegistryClient, name: str, tag: str, children: Mapping[str, Digest]) -> Digest:
    """An index of manifests by architecture."""
    entries = []
    for architecture, digest in children.items():
        size = len(json.dumps(client.get_manifest(name, digest).manifest).encode())
        platform = {"architecture": architecture, "os": "linux"}
        entries.append({"mediaType": OCI_MANIFEST, "digest": digest, "size": size, "platform": platform})
    index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}
    return Digest(client.set_manifest(name, index, tag=tag, media_type=OCI_INDEX))
