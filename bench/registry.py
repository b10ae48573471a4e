# ruff: noqa: T201
"""The embedded registry beside Debian's docker-registry, and publishing beside `skopeo copy`.

Both servers run at once with their data on the same disk, and are asked in turns; what is compared are medians, the spread
is half the distance between the quartiles of the ratios. The embedded one syncs to the disk before it answers, as always.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from bench import publish, transfers
from bench.servers import distribution, embedded, have
from windlass.model.artifacts import LayoutImage
from windlass.oci.manifest import OCI_INDEX, OCI_MANIFEST, canonical
from windlass.testing.proxy import Proxy

MIB = 1024 * 1024
LAYERS, LAYER = 10, 5 * MIB
_CONFIG = "application/vnd.oci.image.config.v1+json"
_PACKED = "application/vnd.oci.image.layer.v1.tar+gzip"


@dataclass(frozen=True)
class Row:
    """Figures of Windlass and of the other, in rounds; `ratio` says how often Windlass is as good."""

    what: str
    unit: str
    goal: float
    ours: tuple[float, ...]
    theirs: tuple[float, ...]
    less_is_better: bool = False

    @property
    def ratios(self) -> list[float]:
        pairs = zip(self.ours, self.theirs, strict=True)
        return [theirs / ours if self.less_is_better else ours / theirs for ours, theirs in pairs]

    @property
    def ratio(self) -> float:
        ours, theirs = statistics.median(self.ours), statistics.median(self.theirs)
        return theirs / ours if self.less_is_better else ours / theirs

    def line(self) -> str:
        low, _, high = statistics.quantiles(self.ratios, n=4)
        ours, theirs = statistics.median(self.ours), statistics.median(self.theirs)
        met = "" if self.ratio >= self.goal * 0.9 else "  below the goal"
        return (
            f"{self.what:28}{ours:9.3g}{theirs:9.3g} {self.unit:9}{self.ratio:8.2f}{self.goal:7.1f}"
            f"{(high - low) / 2:9.2f}{met}"
        )


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="script/bench registry", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9, help="runs of each (default: 9)")
    parser.add_argument("--folder", type=Path, metavar="DIR", help="where the data is kept while it runs")
    parser.add_argument("--only", metavar="WORD", default="", help="only what has this word in its name")
    arguments = parser.parse_args(words)
    rounds = max(2, arguments.rounds)
    if not have("docker-registry", "skopeo", "wrk"):
        return 7
    with tempfile.TemporaryDirectory(prefix="windlass-bench-", dir=arguments.folder) as name, ExitStack() as stack:
        folder = Path(name)
        ours = stack.enter_context(embedded(folder / "embedded"))
        theirs = stack.enter_context(distribution(folder / "distribution"))
        print(f"medians of {rounds} alternating runs; a goal counts as met from 0.9 of it")
        print(f"{'':28}{'windlass':>9}{'other':>9} {'':9}{'ratio':>8}{'goal':>7}{'spread':>9}")
        bench = Bench(ours, theirs, rounds, folder)
        for what, work in bench.subjects.items():
            if arguments.only in what:
                print(work(what).line(), flush=True)
        if arguments.only in "requests":
            _requests(folder, ours)
    return 0


class Bench:
    def __init__(self, ours: int, theirs: int, rounds: int, folder: Path) -> None:
        self._ports = (ours, theirs)
        self._rounds = rounds
        self._folder = folder
        self.subjects: dict[str, Callable[[str], Row]] = {
            "GET 100 MiB": self.get_large,
            "GET 1 MiB × 8": self.get_small,
            "GET manifest × 32": self.get_manifest,
            "PUT 100 MiB": self.put_large,
            "publish 10 layers": self.publish,
        }

    def get_large(self, what: str) -> Row:
        data = transfers.noise(100 * MIB)
        digest = self._everywhere("bench/large", data)
        seen = self._alternate(lambda port: 0.1 / 1.024 / transfers.get_blob(port, "bench/large", digest))
        return Row(what, "GB/s", 1.0, *seen)

    def get_small(self, what: str) -> Row:
        digest = self._everywhere("bench/small", transfers.noise(MIB))
        path = f"/v2/bench/small/blobs/{digest}"
        seen = self._alternate(lambda port: transfers.wrk(port, path, threads=2, connections=8)[1] / 1e9)
        return Row(what, "GB/s", 2.0, *seen)

    def get_manifest(self, what: str) -> Row:
        config = {"mediaType": _CONFIG, "digest": self._everywhere("bench/manifest", b"{}"), "size": 2}
        body = canonical({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": []})
        for port in self._ports:
            transfers.put_manifest(port, "bench/manifest", "one", body, OCI_MANIFEST)
        path = "/v2/bench/manifest/manifests/one"
        seen = self._alternate(
            lambda port: transfers.wrk(port, path, threads=2, connections=32, accept=OCI_MANIFEST)[0]
        )
        return Row(what, "/s", 8.0, *seen)

    def put_large(self, what: str) -> Row:
        seen = self._alternate(lambda port: transfers.put_blob(port, "bench/put", transfers.noise(100 * MIB)))
        return Row(what, "s", 1.5, *seen, less_is_better=True)

    def publish(self, what: str) -> Row:
        """Both in a process of their own, with an image that the registry has never seen."""
        port = self._ports[0]
        times: tuple[list[float], list[float]] = ([], [])
        for number in range(self._rounds + 1):
            for place, (name, command) in enumerate((("windlass", _windlass), ("skopeo", _skopeo))):
                image = make_image(self._folder / f"image-{name}-{number}")
                argv = command(image, f"127.0.0.1:{port}", f"bench/{name}-{number}")
                began = time.perf_counter()
                subprocess.run(argv, check=True, stdout=subprocess.DEVNULL)
                if number:
                    times[place].append(time.perf_counter() - began)
                subprocess.run(["rm", "-rf", str(image.layout)], check=True)
        return Row(what, "s", 1.0, tuple(times[0]), tuple(times[1]), less_is_better=True)

    def _everywhere(self, name: str, data: bytes) -> str:
        for port in self._ports:
            transfers.put_blob(port, name, data)
        return f"sha256:{hashlib.sha256(data).hexdigest()}"

    def _alternate(self, work: Callable[[int], float]) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Each once a round, the first after the other in every second round; the first round warms up."""
        seen: dict[int, list[float]] = {port: [] for port in self._ports}
        for number in range(self._rounds + 1):
            for port in self._ports if number % 2 else reversed(self._ports):
                figure = work(port)
                if number:
                    seen[port].append(figure)
        return tuple(seen[self._ports[0]]), tuple(seen[self._ports[1]])


def _windlass(image: LayoutImage, host: str, repository: str) -> Sequence[str]:
    return (sys.executable, "-m", "bench.publish", str(image.layout), image.digest, host, repository, "one")


def _skopeo(image: LayoutImage, host: str, repository: str) -> Sequence[str]:
    options = ("--quiet", "--all", "--preserve-digests", "--dest-tls-verify=false")
    return ("skopeo", "copy", *options, f"oci:{image.layout}", f"docker://{host}/{repository}:one")


def _requests(folder: Path, port: int) -> None:
    """How many requests arrive at the server for an image that it has."""
    image = make_image(folder / "again")
    for what, tags, goal in (
        ("again, no tag", [], 1),
        ("again, the same tag", ["one"], 2),
        ("again, 3 new tags", ["a", "b", "c"], 4),
    ):
        publish.main(str(image.layout), image.digest, f"127.0.0.1:{port}", "bench/again", "one")
        with Proxy(port) as proxy:
            publish.main(str(image.layout), image.digest, proxy.host, "bench/again", *tags)
        met = "" if len(proxy.requests) <= goal else "  below the goal"
        print(f"{'publish ' + what:28}{len(proxy.requests):9} {'':8} requests {'':8}{goal:7}{met}")


def make_image(folder: Path) -> LayoutImage:
    """An image of one platform whose layers are compressed archives of noise."""
    place = folder / "blobs" / "sha256"
    place.mkdir(parents=True)

    def blob(data: bytes, media_type: str) -> dict[str, object]:
        value = hashlib.sha256(data).hexdigest()
        (place / value).write_bytes(data)
        return {"mediaType": media_type, "digest": f"sha256:{value}", "size": len(data)}

    layers = [gzip.compress(transfers.noise(LAYER), 0) for _ in range(LAYERS)]
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}" for layer in layers]},
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": blob(canonical(config), _CONFIG),
        "layers": [blob(layer, _PACKED) for layer in layers],
    }
    child = {**blob(canonical(manifest), OCI_MANIFEST), "platform": {"os": "linux", "architecture": "amd64"}}
    index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [child]}
    top = blob(canonical(index), OCI_INDEX)
    (folder / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
    (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [top]}))
    return LayoutImage(folder, str(top["digest"]))
