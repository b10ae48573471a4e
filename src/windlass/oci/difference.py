"""What differs between two images: which layer, from which instruction, which files. Times of files are set aside.

Sources: OCI image-spec, config.md (history, rootfs), layer.md.
"""

from __future__ import annotations

import hashlib
import json
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import IO, Any, Protocol

_MOST = 3
_NOT_CONTENT = ("rootfs", "history", "created", "moby.buildkit.buildinfo.v1")


class Content(Protocol):
    """The blobs of an image. Drivers: `LayoutContent` and `oci.content.RegistryContent`."""

    def document(self, digest: str) -> Mapping[str, Any]:
        """An index, a manifest or a configuration."""

    def open(self, digest: str) -> AbstractContextManager[IO[bytes]]:
        """A layer as it is stored."""


class LayoutContent:
    """An OCI image layout on disk."""

    def __init__(self, layout: Path) -> None:
        self._layout = layout

    def document(self, digest: str) -> Mapping[str, Any]:
        found: Mapping[str, Any] = json.loads(self._blob(digest).read_bytes())
        return found

    @contextmanager
    def open(self, digest: str) -> Iterator[IO[bytes]]:
        with self._blob(digest).open("rb") as stream:
            yield stream

    def _blob(self, digest: str) -> Path:
        algorithm, _, value = digest.partition(":")
        return self._layout / "blobs" / algorithm / value


def differences(before: Content, old: str, after: Content, new: str) -> tuple[str, ...]:
    """How the image `new` differs from `old`, a sentence for each platform; none where only times of files differ.

    Only the first layer that differs is told: those above it may differ because of it.

    Raises:
        OSError, ValueError, KeyError: a blob is missing or is not what it should be.
    """
    if old == new:
        return ()
    ours, theirs = _platforms(before, old), _platforms(after, new)
    found = [f"{platform} is in one of them only" for platform in sorted({*ours} ^ {*theirs})]
    for platform in sorted({*ours} & {*theirs}):
        said = _of_platform(before, ours[platform], after, theirs[platform])
        found += [f"{platform}: {said}"] if said else []
    return tuple(found)


def _platforms(content: Content, digest: str) -> dict[str, str]:
    """The manifest of each platform."""
    document = content.document(digest)
    if "manifests" not in document:
        return {_platform(content.document(document["config"]["digest"])): digest}
    found = {}
    for entry in document["manifests"]:
        platform = entry.get("platform") or {}
        if platform.get("os") != "unknown":
            found[_platform(platform)] = str(entry["digest"])
    return found


def _platform(document: Mapping[str, Any]) -> str:
    parts = [document.get("os"), document.get("architecture"), document.get("variant")]
    return "/".join(str(part) for part in parts if part)


def _of_platform(before: Content, old: str, after: Content, new: str) -> str | None:
    ours, theirs = before.document(old), after.document(new)
    if ours == theirs:
        return None
    mine, its = (content.document(one["config"]["digest"]) for content, one in ((before, ours), (after, theirs)))
    steps = _steps(its)
    layers = [list(config["rootfs"]["diff_ids"]) for config in (mine, its)]
    for number, (left, right) in enumerate(zip(*layers, strict=False)):
        if left == right:
            continue
        paths = _paths(
            _files(before, ours["layers"][number]["digest"]), _files(after, theirs["layers"][number]["digest"])
        )
        if paths:
            return f"layer {number + 1} differs, from {_step(steps, number)}: {_some(paths)}"
    if len(layers[0]) != len(layers[1]):
        return f"it has {len(layers[1])} layers, not {len(layers[0])}"
    for key in sorted({*mine, *its} - {*_NOT_CONTENT}):
        if mine.get(key) != its.get(key):
            return f"its configuration differs: {_some(_keys(mine.get(key), its.get(key), key))}"
    texts = [[entry.get("created_by") for entry in config.get("history") or ()] for config in (mine, its)]
    changed = [str(right) for left, right in zip(*texts, strict=False) if left != right]
    if changed or len(texts[0]) != len(texts[1]):
        return f"its instructions differ: {_shortened(changed[0]) if changed else 'one has more of them'}"
    return None


def _steps(config: Mapping[str, Any]) -> list[str]:
    """The instruction of each layer."""
    history = config.get("history") or ()
    return [str(entry.get("created_by", "")) for entry in history if not entry.get("empty_layer")]


def _step(steps: Sequence[str], number: int) -> str:
    return _shortened(steps[number]) if number < len(steps) and steps[number] else "an instruction that is not named"


def _shortened(text: str) -> str:
    words = " ".join(text.removesuffix("# buildkit").split())
    return f"{words[:77]}..." if len(words) > 80 else words


def _files(content: Content, digest: str) -> dict[str, tuple[Any, ...]]:
    """What a layer does, by path: all of an entry but its times."""
    found: dict[str, tuple[Any, ...]] = {}
    with content.open(digest) as stream, tarfile.open(fileobj=stream, mode="r|*") as archive:
        for entry in archive:
            data = archive.extractfile(entry) if entry.isreg() else None
            told = _hash(data) if data is not None else ""
            device = (entry.devmajor, entry.devminor) if entry.isdev() else ()
            name = "/" + entry.name.removeprefix("./").strip("/")
            found[name] = (entry.type, entry.mode, entry.uid, entry.gid, entry.linkname, told, device)
    return found


def _hash(stream: IO[bytes]) -> str:
    found = hashlib.sha256()
    while chunk := stream.read(1 << 20):
        found.update(chunk)
    return found.hexdigest()


def _paths(ours: Mapping[str, object], theirs: Mapping[str, object]) -> list[str]:
    return sorted(path for path in {*ours, *theirs} if ours.get(path) != theirs.get(path))


def _keys(ours: object, theirs: object, key: str) -> list[str]:
    if isinstance(ours, Mapping) and isinstance(theirs, Mapping):
        return [name for name in sorted({*ours, *theirs}) if ours.get(name) != theirs.get(name)]
    return [key]


def _some(names: Sequence[str]) -> str:
    rest = len(names) - _MOST
    return ", ".join(names[:_MOST]) + (f" and {rest} more" if rest > 0 else "")
