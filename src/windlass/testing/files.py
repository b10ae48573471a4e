"""A source tree in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from windlass.plan.interface import FileEntry

_MARK = "\x00"
_POINTER = "version https://git-lfs.github.com/spec/v1\n"


class FakeFiles:
    """Files by path. A value is the text; `link("target")`, `executable("text")` and `submodule("commit")` make the others."""

    def __init__(self, files: Mapping[str, str]) -> None:
        self._files = {path: files[path] for path in sorted(files)}
        self._paths = list(self._files)

    @property
    def paths(self) -> Sequence[str]:
        return self._paths

    @property
    def submodules(self) -> bool:
        return any(value.startswith(submodule("")) for value in self._files.values())

    def containing(self, word: str) -> list[str]:
        return [path for path in self._paths if word in path]

    def entry(self, index: int) -> FileEntry:
        path = self._paths[index]
        mode, text = _taken_apart(self._files[path])
        content = text.encode("utf-8", "surrogateescape")
        oid = text if mode == "160000" else hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
        return FileEntry(path, mode, oid)

    def listing(self, low: int, high: int) -> str:
        entries = [self.entry(index) for index in range(low, high)]
        return "\0".join(
            f"{one.mode} {'commit' if one.mode == '160000' else 'blob'} {one.oid}\t{one.path}" for one in entries
        )

    def read(self, path: str) -> str | None:
        value = self._files.get(path)
        if value is None:
            return None
        mode, text = _taken_apart(value)
        return None if mode == "160000" else text

    def prepare(self, paths: Sequence[str]) -> None:
        pass

    def lfs(self) -> Mapping[str, bool]:
        """Of attributes, it knows lines such as `*.bin filter=lfs` at the root. No content is ever here."""
        words = (line.split() for line in (self.read(".gitattributes") or "").splitlines())
        endings = [word[0].removeprefix("*") for word in words if word[1:] and "filter=lfs" in word[1:]]
        return {
            path: False
            for path in self._paths
            if any(path.endswith(ending) for ending in endings) and (self.read(path) or "").startswith(_POINTER)
        }


def link(target: str) -> str:
    """A symlink's value."""
    return f"{_MARK}120000{_MARK}{target}"


def executable(text: str) -> str:
    """An executable file's value."""
    return f"{_MARK}100755{_MARK}{text}"


def submodule(commit: str) -> str:
    """A submodule's value."""
    return f"{_MARK}160000{_MARK}{commit}"


def _taken_apart(value: str) -> tuple[str, str]:
    """Mode and content."""
    if not value.startswith(_MARK):
        return "100644", value
    _, mode, text = value.split(_MARK, 2)
    return mode, text
