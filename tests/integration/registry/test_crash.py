"""`kill -9` while many push: nothing acknowledged is lost, nothing half-pushed is served."""

from __future__ import annotations

import json
import os
import random
import signal
import threading
from functools import partial
from operator import le

import urllib3

from tests.integration.registry.serving import Server
from windlass.registry.manifests import OCI_MANIFEST
from windlass.registry.names import digest_of
from windlass.waiting import wait_for

ROUNDS = int(os.environ.get("WINDLASS_CRASH_ROUNDS", "4"))
PUSHERS = 3


def test_killed_under_concurrent_pushes(server: Server) -> None:
    chance = random.Random(7)
    acknowledged: dict[str, str] = {}
    for number in range(ROUNDS):
        goal = len(acknowledged) + chance.randrange(3, 12)
        stop = threading.Event()
        threads = [
            threading.Thread(target=_push, args=(server.port, f"{number}-{who}", acknowledged, stop))
            for who in range(PUSHERS)
        ]
        for thread in threads:
            thread.start()
        wait_for(lambda: len(acknowledged), partial(le, goal), seconds=60, every=0.003)
        server.end(signal.SIGKILL)
        stop.set()
        for thread in threads:
            thread.join()
        server.start()
        _check(server, acknowledged)


def _push(port: int, who: str, acknowledged: dict[str, str], stop: threading.Event) -> None:
    pool = urllib3.PoolManager(retries=False, timeout=20)
    base, count = f"http://127.0.0.1:{port}/v2/pushed", 0
    while not stop.is_set():
        count += 1
        layer = f"{who} {count} ".encode() * 40_000
        config = json.dumps({"who": who, "count": count}).encode()
        document = {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": {"mediaType": "c", "digest": digest_of(config), "size": len(config)},
            "layers": [{"mediaType": "l", "digest": digest_of(layer), "size": len(layer)}],
        }
        data, tag = json.dumps(document).encode(), f"{who}-{count}"
        try:
            for blob in (layer, config):
                assert pool.request("POST", f"{base}/blobs/uploads/?digest={digest_of(blob)}", body=blob).status == 201
            headers = {"content-type": OCI_MANIFEST}
            if pool.request("PUT", f"{base}/manifests/{tag}", body=data, headers=headers).status == 201:
                acknowledged[tag] = digest_of(data)
        except urllib3.exceptions.HTTPError:
            return


def _check(server: Server, acknowledged: dict[str, str]) -> None:
    tags = server.request("GET", "/v2/pushed/tags/list").json()["tags"]
    assert set(acknowledged) <= set(tags)
    for tag in tags:
        answer = server.request("GET", f"/v2/pushed/manifests/{tag}")
        assert answer.status == 200
        assert acknowledged.get(tag, digest_of(answer.data)) == digest_of(answer.data)
        document = answer.json()
        for need in (document["config"], *document["layers"]):
            blob = server.request("GET", f"/v2/pushed/blobs/{need['digest']}")
            assert digest_of(blob.data) == need["digest"]
    for file in (server.root / "blobs/sha256").iterdir():
        assert digest_of(file.read_bytes()) == f"sha256:{file.name}"
