"""A source tree, indexed: files below a folder and names in a folder are found by bisection, never by a look at all paths."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence

from windlass.plan.interface import FileEntry, Files

_SYMLINK = "120000"
_MOST_LINKS = 255


class Tree:
    """Lookups in a `Files`. Folders and files are named relative to the repository root; "" is the root."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self.paths: Sequence[str] = files.paths
        self._entries: dict[int, FileEntry] = {}
        self._texts: dict[str, str | None] = {}
        self.listing = files.listing
        self.containing = files.containing
        self.submodules = files.submodules
        self.digests: dict[tuple[tuple[int, int], ...], str] = {}

    def span(self, folder: str) -> tuple[int, int]:
        """The half-open range of indexes of all files below a folder."""
        if not folder:
            return 0, len(self.paths)
        low = bisect_left(self.paths, folder + "/")
        # "0" is the character after "/": everything that starts with "folder/" sorts before "folder0".
        return low, bisect_left(self.paths, folder + "0", low)

    def index(self, path: str) -> int | None:
        """The index of the file at exactly this path."""
        at = bisect_left(self.paths, path)
        return at if at < len(self.paths) and self.paths[at] == path else None

    def is_folder(self, path: str) -> bool:
        low, high = self.span(path)
        return low < high

    def entry(self, index: int) -> FileEntry:
        found = self._entries.get(index)
        if found is None:
            found = self._entries[index] = self._files.entry(index)
        return found

    def prepare(self, paths: Sequence[str]) -> None:
        """These are about to be read, if they exist."""
        self._files.prepare(paths)

    def read(self, path: str) -> str | None:
        if path not in self._texts:
            self._texts[path] = self._files.read(path) if self.index(path) is not None else None
        return self._texts[path]

    def names(self, folder: str) -> Iterator[str]:
        """Names of the files and folders directly in a folder, each once."""
        low, high = self.span(folder)
        start = len(folder) + 1 if folder else 0
        while low < high:
            path = self.paths[low]
            slash = path.find("/", start)
            if slash < 0:
                yield path[start:]
                low += 1
            else:
                yield path[start:slash]
                low = bisect_left(self.paths, path[:slash] + "0", low, high)

    def link_target(self, path: str) -> str | None:
        """Where the symlink at exactly this path points; None when it is not one."""
        at = self.index(path)
        if at is None or self.entry(at).mode != _SYMLINK:
            return None
        return self.read(path) or ""

    def follow(self, root: str, path: str) -> tuple[str | None, tuple[int, ...]]:
        """Resolve every symlink on the way to `root/path`, with `root` as the file system's root, as BuildKit does.

        Returns the path in the repository (None for a chain without end) and the indexes of the links that were followed.
        """
        links: list[int] = []
        done: list[str] = []
        todo = [part for part in path.split("/") if part not in ("", ".")][::-1]
        while todo:
            part = todo.pop()
            if part == "..":
                if done:
                    done.pop()
                continue
            here = join(root, "/".join([*done, part]))
            target = self.link_target(here)
            if target is None:
                done.append(part)
                continue
            if len(links) >= _MOST_LINKS:
                return None, tuple(links)
            at = self.index(here)
            if at is not None:
                links.append(at)
            if target.startswith("/"):
                done = []
            todo.extend([piece for piece in target.split("/") if piece not in ("", ".")][::-1])
        return join(root, "/".join(done)), tuple(links)


def join(folder: str, path: str) -> str:
    """Two POSIX paths put together; either may be empty."""
    return f"{folder}/{path}" if folder and path else folder or path


def clean(path: str) -> str | None:
    """A path without ".", ".." and doubled slashes, "" for the root; None when it leaves the root or is absolute."""
    if path.startswith("/"):
        return None
    parts: list[str] = []
    for part in path.split("/"):
        if part in ("", "."):
            continue
        if part == "..":
            if not parts:
                return None
            parts.pop()
        else:
            parts.append(part)
    return "/".join(parts)


def rooted(path: str) -> str:
    """A path as seen from a root that cannot be left: `/a`, `a` and `../a` are all `a`; "" is the root."""
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            del parts[-1:]
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts)
