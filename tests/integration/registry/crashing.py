"""Killing a registry while clients push and delete and while it collects and scrubs, and looking at what is left.

`script/bench crash` runs hundreds of rounds of this, the tests a few.
"""

from __future__ import annotations

import json
import os
import random
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import cycle, islice
from pathlib import Path

import urllib3

from tests.integration.registry.serving import Server
from windlass.registry.server.names import Digest, digest_of
from windlass.registry.server.storage.crash import POINTS
from windlass.registry.server.storage.manifests import OCI_MANIFEST
from windlass.registry.server.upkeep.check import check
from windlass.registry.server.upkeep.control import Refused, ask
from windlass.waiting import DeadlinePassed, wait_for

RANDOM = "at random"
PUSHERS = 3
_SECONDS = 6.0
"""How long a round goes on when its point is never passed."""


@dataclass(frozen=True)
class Case:
    """Where to kill: a point's name, passed so often; or at random after so many seconds."""

    point: str
    passages: int = 1
    seconds: float = _SECONDS


@dataclass
class Outcome:
    """`hit` says that the server died at the point, and not because the round was over; `wrong` is what must not be."""

    case: Case
    hit: bool
    acknowledged: int
    wrong: list[str] = field(default_factory=list)


def cases(count: int, seed: int = 7) -> list[Case]:
    """Half of them at each of the fixed points in turn, half at random; mixed."""
    chance = random.Random(seed)
    found = [Case(point, _passages(point, chance)) for point in islice(cycle(POINTS), count - count // 2)]
    found += [Case(RANDOM, seconds=chance.uniform(0.05, 1.2)) for _ in range(count // 2)]
    chance.shuffle(found)
    return found


def _passages(point: str, chance: random.Random) -> int:
    """Some points are passed once a scrub, others several times while the server starts and many times a second then."""
    if point.startswith("scrub"):
        return 1
    return chance.randint(1, 6) if point.startswith("collect") else chance.randint(4, 30)


class Trial:
    """One root, through many crashes."""

    def __init__(self, server: Server, seed: int = 7) -> None:
        self.server = server
        self._chance = random.Random(seed)
        self._acknowledged: dict[str, Digest] = {}
        self._count = self._accepted = 0
        self._stop = threading.Event()
        self._unexpected: list[str] = []

    def round(self, case: Case) -> Outcome:
        """The server must not run; it does not run afterwards."""
        self._stop.clear()
        before = self._accepted
        self._start(case)
        workers = [*(self._push for _ in range(PUSHERS)), self._delete, self._collect, self._scrub]
        threads = [threading.Thread(target=self._until_stopped, args=(work,)) for work in workers]
        for thread in threads:
            thread.start()
        process = self.server.process
        assert process is not None
        try:
            wait_for(process.poll, lambda code: code is not None, seconds=case.seconds, every=0.005)
            hit = True
        except DeadlinePassed:
            hit = False
        self.server.end(signal.SIGKILL)
        self._stop.set()
        for thread in threads:
            thread.join()
        outcome = Outcome(case, hit, self._accepted - before, self._unexpected)
        self._unexpected = []
        self.server.start()
        self._scrub()  # content that a round spoilt is moved aside
        outcome.wrong += self._served()
        self.server.end(signal.SIGKILL)
        outcome.wrong += [f"{each.kind} {each.what}" for each in check(self.server.root).findings if not each.harmless]
        return outcome

    def _start(self, case: Case) -> None:
        if case.point != RANDOM:
            os.environ["WINDLASS_CRASH_AT"] = f"{case.point}:{case.passages}"
        try:
            self.server.start()
        finally:
            os.environ.pop("WINDLASS_CRASH_AT", None)

    def _until_stopped(self, work: Callable[[], None]) -> None:
        while not self._stop.is_set():
            try:
                work()
            except (urllib3.exceptions.HTTPError, Refused, OSError):
                time.sleep(0.01)  # the server is gone; the round ends in a moment
            except Exception as error:
                self._unexpected.append(f"{work.__name__}: {error!r}")
                return

    def _push(self) -> None:
        self._count += 1
        number = self._count
        tag = f"{threading.get_ident()}-{number}"
        layer = f"{tag} ".encode() * self._chance.randrange(10, 8000)
        config = json.dumps({"tag": tag}).encode()
        descriptors = [{"mediaType": "m", "digest": digest_of(data), "size": len(data)} for data in (config, layer)]
        manifest = json.dumps(
            {
                "schemaVersion": 2,
                "mediaType": OCI_MANIFEST,
                "config": descriptors[0],
                "layers": [descriptors[1]],
            }
        ).encode()
        self._upload(layer, chunked=number % 2 == 0)
        self._upload(config, chunked=False)
        answer = self._ask("PUT", f"manifests/{tag}", body=manifest, headers={"content-type": OCI_MANIFEST})
        if answer.status == 201:
            self._acknowledged[tag] = digest_of(manifest)
            self._accepted += 1
        elif answer.status != 404:  # a collection without a grace period may take a blob before its manifest comes
            raise AssertionError(answer.data)

    def _upload(self, data: bytes, chunked: bool) -> None:
        if not chunked:
            self._ask("POST", f"blobs/uploads/?digest={digest_of(data)}", body=data)
            return
        where = self._ask("POST", "blobs/uploads/").headers["location"]
        middle = len(data) // 2
        self.server.request("PATCH", where, body=data[:middle])
        self.server.request("PUT", f"{where}?digest={digest_of(data)}", body=data[middle:])

    def _delete(self) -> None:
        self._stop.wait(0.02)
        tags = list(self._acknowledged)
        if len(tags) < 5:
            return
        digest = self._acknowledged.pop(self._chance.choice(tags))
        self._ask("DELETE", f"manifests/{digest}")

    def _collect(self) -> None:
        self._stop.wait(0.03)
        ask(self.server.root, {"do": "collect", "grace": self._chance.choice((0, 120, 120, 120)), "dry_run": False})

    def _scrub(self) -> None:
        self._stop.wait(0.05)
        digest = self.server.push_blob("spoilt", b"spoilt")
        path = self.server.root / "blobs/sha256" / digest.partition(":")[2]
        if path.exists():
            path.write_bytes(b"SPOILT")
        ask(self.server.root, {"do": "scrub", "rate": None})

    def _served(self) -> list[str]:
        wrong = []
        tags = set(self._ask("GET", "tags/list").json().get("tags") or ())
        wrong += [f"lost {tag}" for tag in set(self._acknowledged) - tags]
        for tag in sorted(tags):
            answer = self._ask("GET", f"manifests/{tag}")
            if answer.status != 200 or self._acknowledged.get(tag, digest_of(answer.data)) != digest_of(answer.data):
                wrong.append(f"wrong manifest {tag}")
                continue
            document = answer.json()
            for need in (document["config"], *document["layers"]):
                blob = self._ask("GET", f"blobs/{need['digest']}")
                if blob.status != 200 or digest_of(blob.data) != need["digest"]:
                    wrong.append(f"wrong blob {need['digest']} of {tag}")
        return wrong

    def _ask(self, method: str, path: str, **options: object) -> urllib3.BaseHTTPResponse:
        return self.server.request(method, f"/v2/pushed/{path}", **options)


def trial(folder: Path, port: int, seed: int = 7) -> Trial:
    return Trial(Server(folder / "root", port), seed)
