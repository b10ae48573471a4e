"""Windlass's own client against a registry with users, asked for tokens and asked for the password."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.registry.guarded import ACCESS, PASSWORD, GuardedServer, write_users
from tests.integration.registry.serving import free_port
from windlass.errors import CredentialsMissing
from windlass.model.secret import Secret
from windlass.oci.client import RegistryClient
from windlass.oci.credentials import Credential
from windlass.oci.push import push
from windlass.registry.server.names import digest_of
from windlass.testing.images import make_image


class As:
    def __init__(self, user: str, password: str = PASSWORD) -> None:
        self._found = Credential("a test", user, Secret(password))

    def find(self, host: str) -> Credential:
        return self._found


@pytest.fixture(params=["bearer", "basic"])
def server(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[GuardedServer]:
    root = tmp_path / "root"
    write_users(root, "alice", "bob")
    (root / "access.yaml").write_text(ACCESS)
    found = GuardedServer(root, free_port(), options=("--challenge", request.param))
    found.start()
    yield found
    found.end()


def test_it_pushes_copies_and_lists_what_it_may(server: GuardedServer, tmp_path: Path) -> None:
    host = f"127.0.0.1:{server.port}"
    image = make_image(tmp_path / "image", name="app", layers=2, size=1000)
    for name in ("team/app", "other/app"):
        push(image, RegistryClient(host, credentials=As("alice")), name)
    bob = RegistryClient(host, credentials=As("bob"))
    push(image, bob, "team/copy")
    assert sorted(bob.repositories()) == ["team/app", "team/copy"]
    assert digest_of(bob.get_manifest("team/app", image.digest).body) == image.digest
    for name in ("other/app", "other/new"):
        with pytest.raises(CredentialsMissing) as caught:
            push(image, bob, name)
        assert caught.value.remedy
    with pytest.raises(CredentialsMissing):
        RegistryClient(host, credentials=As("bob", "wrong")).get_manifest("team/app", image.digest)
