"""A git tree for the planner: one `git ls-tree` for all paths, blobs read when they are asked for."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from pathlib import Path

from windlass import process
from windlass.git.repository import Repository
from windlass.plan.interface import FileEntry

_PLAIN = {"LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0"}


class GitFiles:
    """The files of one tree object of a repository (the driver of `plan.interface.Files`)."""

    def __init__(self, repository: Repository, tree: str) -> None:
        self._root: Path = repository.root
        listed = repository.git("ls-tree", "-r", "-z", "--full-tree", tree)
        # Lines stay as git gave them until one is asked for: a plan looks at few of a large repository's files.
        self._lines = listed.split("\0")[:-1]
        self._paths = [line[line.index("\t") + 1 :] for line in self._lines]
        if "\ufffd" in listed:  # names that are not UTF-8 were replaced, and may be out of order now
            order = sorted(range(len(self._lines)), key=self._paths.__getitem__)
            self._lines = [self._lines[at] for at in order]
            self._paths = [self._paths[at] for at in order]
        self._texts: dict[str, str | None] = {}

    @property
    def paths(self) -> Sequence[str]:
        return self._paths

    def entry(self, index: int) -> FileEntry:
        head, _, path = self._lines[index].partition("\t")
        mode, _, oid = head.split(" ")
        return FileEntry(path, mode, oid)

    def read(self, path: str) -> str | None:
        oid = self._oid(path)
        if oid is None:
            return None
        if oid not in self._texts:
            self._texts[oid] = self._blob(oid)
        return self._texts[oid]

    def prepare(self, paths: Sequence[str]) -> None:
        oids = dict.fromkeys(oid for oid in map(self._oid, paths) if oid is not None and oid not in self._texts)
        if len(oids) < 2:
            return
        argv = ["git", "cat-file", "--batch"]
        done = process.run(argv, cwd=self._root, env=_PLAIN, input="".join(f"{oid}\n" for oid in oids))
        if done.ok and "\ufffd" not in done.stdout:  # otherwise bytes were replaced, and sizes no longer add up
            self._texts.update(parse_batch(done.stdout.encode()))

    def _oid(self, path: str) -> str | None:
        at = bisect_left(self._paths, path)
        if at == len(self._paths) or self._paths[at] != path:
            return None
        mode, _, rest = self._lines[at].partition(" ")
        return None if mode == "160000" else rest.partition(" ")[2].partition("\t")[0]

    def _blob(self, oid: str) -> str | None:
        done = process.run(["git", "cat-file", "blob", oid], cwd=self._root, env=_PLAIN)
        return done.stdout if done.ok else None


def parse_batch(out: bytes) -> dict[str, str]:
    """Texts by object id from what `git cat-file --batch` prints; missing objects are left out."""
    texts: dict[str, str] = {}
    at = 0
    while at < len(out):
        end = out.index(b"\n", at)
        header = out[at:end].decode().split(" ")
        at = end + 1
        if len(header) == 3:
            size = int(header[2])
            texts[header[0]] = out[at : at + size].decode()
            at += size + 1
    return texts
