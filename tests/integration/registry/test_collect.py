"""Collecting while clients push to a real server, and what the commands say."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.integration.registry.serving import Server
from windlass.cli.main import main
from windlass.registry.server.names import Digest, digest_of
from windlass.registry.server.storage.manifests import OCI_MANIFEST
from windlass.registry.server.storage.uploads import SESSION_LIFETIME
from windlass.registry.server.upkeep.control import Refused, ask
from windlass.waiting import wait_for

SHARED = b"shared by all images" * 1000


def manifest(*layers: bytes) -> bytes:
    descriptors = [{"mediaType": "m", "digest": digest_of(data), "size": len(data)} for data in (b"{}", *layers)]
    return json.dumps({"schemaVersion": 2, "config": descriptors[0], "layers": descriptors[1:]}).encode()


def put(server: Server, name: str, tag: str, data: bytes) -> int:
    headers = {"content-type": OCI_MANIFEST}
    return server.request("PUT", f"/v2/{name}/manifests/{tag}", body=data, headers=headers).status


def push_image(server: Server, name: str, tag: str, *layers: bytes) -> Digest:
    for data in (b"{}", *layers):
        server.push_blob(name, data)
    data = manifest(*layers)
    assert put(server, name, tag, data) == 201
    return digest_of(data)


def command(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, Any]:
    capsys.readouterr()
    code = main(["registry", *words, "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_no_push_fails_or_breaks_while_collections_run_without_pause(server: Server) -> None:
    """Clients ask for a shared layer, get 200, and push a manifest that needs it, as they delete what others pushed."""
    stop, failures = threading.Event(), []
    server.push_blob("a", SHARED)

    def collect() -> None:
        while not stop.is_set():
            ask(server.root, {"do": "collect", "grace": 120, "dry_run": False})

    def client(who: int) -> None:
        for number in range(25):
            own = f"{who} {number}".encode()
            if server.request("HEAD", f"/v2/a/blobs/{digest_of(SHARED)}").status != 200:
                failures.append("the shared layer is gone")
            server.push_blob("a", b"{}")
            server.push_blob("a", own)
            data = manifest(SHARED, own)
            if put(server, "a", f"t{who}", data) != 201:
                failures.append(f"push {who} {number} refused")
            for digest in (digest_of(SHARED), digest_of(own)):
                if server.request("GET", f"/v2/a/blobs/{digest}").status != 200:
                    failures.append(f"{digest} is gone")
            server.request("DELETE", f"/v2/a/manifests/{digest_of(data)}")

    collector = threading.Thread(target=collect)
    clients = [threading.Thread(target=client, args=(who,)) for who in range(3)]
    for thread in (collector, *clients):
        thread.start()
    for thread in clients:
        thread.join()
    stop.set()
    collector.join()
    assert failures == []


@pytest.mark.parametrize("serving", [True, False])
def test_gc_says_what_it_freed_with_and_without_a_server(
    server: Server, capsys: pytest.CaptureFixture[str], serving: bool
) -> None:
    kept = push_image(server, "a", "one", SHARED)
    gone = push_image(server, "b", "one", SHARED, b"only here")
    assert server.request("DELETE", f"/v2/b/manifests/{gone}").status == 202
    if not serving:
        server.end()
    words = ("gc", "--grace", "0", "--root", str(server.root))
    code, said = command(capsys, *words, "--dry-run")
    assert (code, said["dry_run"]) == (0, True)
    code, done = command(capsys, *words)
    assert (code, said["blobs"]) == (0, done["blobs"])
    assert done["blobs"] == {"count": 2, "size": 9 + len(manifest(SHARED, b"only here"))}
    code, again = command(capsys, *words)
    assert (code, again["blobs"]["count"]) == (0, 0)
    if not serving:
        server.start()
    assert server.request("GET", f"/v2/a/manifests/{kept}").status == 200
    assert server.request("GET", f"/v2/a/blobs/{digest_of(SHARED)}").data == SHARED
    assert server.request("HEAD", f"/v2/b/blobs/{digest_of(b'only here')}").status == 404
    assert main(["registry", *words]) == 0
    assert "freed 0 B" in capsys.readouterr().out


def test_what_was_pushed_just_now_is_kept_and_said(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    server.push_blob("a", SHARED)
    code, done = command(capsys, "gc", "--root", str(server.root))
    assert (code, done["blobs"]["count"], done["recent"]) == (0, 0, {"count": 1, "size": len(SHARED)})


def test_an_upload_that_was_given_up_is_removed(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    where = server.begin("a")
    server.request("PATCH", where, body=b"part")
    file = next((server.root / "uploads").iterdir())
    import os

    then = file.stat().st_mtime - SESSION_LIFETIME - 1
    os.utime(file, (then, then))
    _, done = command(capsys, "gc", "--root", str(server.root))
    assert done["uploads"] == {"count": 1, "size": 4}
    assert server.request("GET", where).status == 404


def test_a_root_that_is_none_is_a_wrong_word(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for action in ("gc", "check", "scrub"):
        assert main(["registry", action, "--root", str(tmp_path / "nowhere")]) == 64
        assert "holds no registry" in capsys.readouterr().err


def test_only_the_owner_may_ask_and_nonsense_is_refused(server: Server) -> None:
    assert (server.root / "control").stat().st_mode & 0o777 == 0o600
    for question in ({}, {"do": "collect"}, {"do": "explode"}, {"do": "collect", "grace": "x", "dry_run": 0}):
        with pytest.raises(Refused):
            ask(server.root, question)
    assert server.request("GET", "/v2/").status == 200


def test_the_server_of_a_root_with_a_very_long_path_can_be_asked(tmp_path: Path) -> None:
    from tests.integration.registry.serving import free_port

    far = Server(tmp_path / ("long" * 20) / ("path" * 20) / "root", free_port())
    far.root.parent.mkdir(parents=True)
    far.start()
    try:
        answer = ask(far.root, {"do": "collect", "grace": 0, "dry_run": True})
        assert answer is not None
        assert answer["blobs"] == {"count": 0, "size": 0}
    finally:
        far.end()


def test_index_json_follows_the_tags(server: Server) -> None:
    first = push_image(server, "a/b", "one", SHARED)
    push_image(server, "c", "two", SHARED)

    def tags() -> dict[str, str]:
        entries = json.loads((server.root / "index.json").read_text())["manifests"]
        return {entry["annotations"]["org.opencontainers.image.ref.name"]: entry["digest"] for entry in entries}

    assert wait_for(tags, lambda found: set(found) == {"a/b:one", "c:two"}, seconds=60)["a/b:one"] == first
    server.request("DELETE", "/v2/c/manifests/two")
    wait_for(tags, lambda found: set(found) == {"a/b:one"}, seconds=60)
    (server.root / "index.json").write_text("{}")
    server.restart()
    wait_for(tags, lambda found: set(found) == {"a/b:one"}, seconds=60)
