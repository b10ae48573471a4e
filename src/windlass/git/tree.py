"""A git tree for the planner: one `git ls-tree` for all paths, blobs read when they are asked for."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence

from windlass.git.repository import Repository
from windlass.plan.interface import FileEntry

_SUBMODULE = "160000 commit "


class GitFiles:
    """The files of one tree object of a repository (the driver of `plan.interface.Files`)."""

    def __init__(self, repository: Repository, tree: str) -> None:
        self._repository = repository
        listed = repository.list_tree(tree)
        # Lines stay as git gave them until one is asked for: a plan looks at few of a large repository's files.
        self._lines = listed.split("\0")
        self._lines.pop()
        self._paths = _paths(self._lines, listed)
        if "\ufffd" in listed:  # names that are not UTF-8 were replaced, and may be out of order now
            order = sorted(range(len(self._lines)), key=self._paths.__getitem__)
            self._lines = [self._lines[at] for at in order]
            self._paths = [self._paths[at] for at in order]
        self._texts: dict[str, str | None] = {}
        self._submodules = _SUBMODULE in listed
        self._joined: str | None = None

    def move(self, changes: Sequence[tuple[str, str | None]]) -> GitFiles:
        """Make it another tree, given what `Repository.changes` says of the way there."""
        self._joined = None
        for path, line in changes:
            self._submodules = self._submodules or (line or "").startswith(_SUBMODULE)
            at = bisect_left(self._paths, path)
            there = at < len(self._paths) and self._paths[at] == path
            self._paths[at : at + there] = [path] if line is not None else []
            self._lines[at : at + there] = [line] if line is not None else []
        return self

    @property
    def paths(self) -> Sequence[str]:
        return self._paths

    @property
    def submodules(self) -> bool:
        return self._submodules

    def containing(self, word: str) -> list[str]:
        if self._joined is None:
            self._joined = "\0".join(self._paths)
        text, found = self._joined, []
        at = text.find(word)  # far quicker than a look at each of many paths
        while at >= 0:
            end = text.find("\0", at)
            end = end if end >= 0 else len(text)
            found.append(text[text.rfind("\0", 0, at) + 1 : end])
            at = text.find(word, end)
        return found

    def entry(self, index: int) -> FileEntry:
        head, _, path = self._lines[index].partition("\t")
        mode, _, oid = head.split(" ")
        return FileEntry(path, mode, oid)

    def listing(self, low: int, high: int) -> str:
        return "\0".join(self._lines[low:high])

    def read(self, path: str) -> str | None:
        oid = self._oid(path)
        if oid is None:
            return None
        if oid not in self._texts:
            self._texts.update(zip([oid], self._repository.read_many([oid]), strict=True))
        return self._texts[oid]

    def prepare(self, paths: Sequence[str]) -> None:
        oids = list(dict.fromkeys(oid for oid in map(self._oid, paths) if oid is not None and oid not in self._texts))
        self._texts.update(zip(oids, self._repository.read_many(oids), strict=True))

    def lfs(self) -> Mapping[str, bool]:
        from windlass.git.lfs import lfs_files

        return lfs_files(self._repository, self._lines)

    def _oid(self, path: str) -> str | None:
        at = bisect_left(self._paths, path)
        if at == len(self._paths) or self._paths[at] != path:
            return None
        mode, _, rest = self._lines[at].partition(" ")
        return None if mode == "160000" else rest.partition(" ")[2].partition("\t")[0]


def _paths(lines: list[str], listed: str) -> list[str]:
    if not lines or _SUBMODULE in listed:
        return [line[line.index("\t") + 1 :] for line in lines]
    start = lines[0].index("\t") + 1  # the same in every line: modes and ids have one length, and all are blobs
    return [line[start:] for line in lines]
