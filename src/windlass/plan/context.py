"""Build contexts inside the source tree, and which of their files an instruction reads."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

from windlass.plan.chosen import Ranges, ranges_of
from windlass.plan.ignore import IgnoreRules, read_patterns
from windlass.plan.patterns import BadPattern, has_wildcards, matches
from windlass.plan.tree import Tree, join, rooted

_Gone: TypeAlias = Callable[[str], bool]


class Selection:
    """Files that were read: indexes into the tree, and folders that are there though nothing in them is."""

    def __init__(self) -> None:
        self.spans: set[tuple[int, int]] = set()
        self.indexes: set[int] = set()
        self.folders: set[str] = set()

    def ranges(self) -> Ranges:
        """All of them, as ranges of indexes."""
        return ranges_of(self.spans, self.indexes)


class Context:
    """A folder of the tree (`root`, "" the repository's) without what its ignore file takes away.

    Paths given to its methods are as in a Dockerfile: relative to the context, which cannot be left.
    """

    def __init__(self, tree: Tree, root: str, ignore_file: str | None = None) -> None:
        """Args:
            ignore_file: the path of the ignore file in the tree; None for the context's own `.dockerignore`.

        Raises:
            BadPattern: the ignore file has a malformed pattern.
        """
        self.tree = tree
        self.root = root
        self.ignore_file = ignore_file or join(root, ".dockerignore")
        text = tree.read(tree.follow("", self.ignore_file)[0] or "")
        self.rules = IgnoreRules(read_patterns(text) if text else ())

    def everything(self, into: Selection) -> None:
        """The whole context."""
        self._below(self.root, (), into)

    def copy(self, source: str, into: Selection, *, excludes: Sequence[str] = (), parents: bool = False) -> None:
        """What COPY, ADD or a bind mount reads for one source."""
        if parents:
            self._copy_parents(source, excludes, into)
            return
        for path in self._resolve(rooted(source), into):
            self._take(path, excludes, into)

    def _relative(self, path: str) -> str:
        return path[len(self.root) + 1 :] if self.root else path

    def _resolve(self, path: str, into: Selection) -> Iterator[str]:
        """Paths in the tree that a source stands for, wildcards and symlinks resolved; links on the way are read too."""
        parts = path.split("/") if path else []
        literal = next((n for n, part in enumerate(parts) if has_wildcards(part)), len(parts))
        start = self._follow("/".join(_unescape(part) for part in parts[:literal]), into)
        if start is None:
            return
        found = [start]
        for pattern in parts[literal:]:
            found = [
                join(folder, name) for folder in found for name in self.tree.names(folder) if matches(pattern, name)
            ]
        for match in found:
            if literal == len(parts):
                yield match
            elif not self.rules.ignores(self._relative(match)) or self.tree.is_folder(match):
                followed = self._follow(self._relative(match), into)
                if followed is not None:
                    yield followed

    def _follow(self, path: str, into: Selection) -> str | None:
        place, links = self.tree.follow(self.root, path)
        into.indexes.update(link for link in links if not self.rules.ignores(self._relative(self.tree.paths[link])))
        return place

    def _take(self, path: str, excludes: Sequence[str], into: Selection) -> None:
        index = self.tree.index(path) if path else None
        if index is not None:
            # A source that is a file is copied whatever --exclude says: its patterns start below the source.
            if not self.rules.ignores(self._relative(path)):
                into.indexes.add(index)
            return
        self._below(path, excludes, into)

    def _below(self, folder: str, excludes: Sequence[str], into: Selection) -> None:
        low, high = self.tree.span(folder)
        if not excludes and (not self.rules or not self.rules.concern(self.tree.listing(low, high))):
            if low < high:
                into.spans.add((low, high))
            return
        left_out = _rules(excludes)
        start = len(folder) + 1 if folder else 0

        def gone(path: str) -> bool:
            return self.rules.ignores(self._relative(path)) or left_out.ignores(path[start:])

        self._sift(folder, range(low, high), gone, into)

    def _sift(self, folder: str, indexes: range, gone: _Gone, into: Selection) -> None:
        bare: set[str] = set()
        full: set[str] = set()
        for index in indexes:
            path = self.tree.paths[index]
            parent = path.rpartition("/")[0]
            if not gone(path):
                into.indexes.add(index)
                full.add(parent)
            elif parent not in full:
                bare.add(parent)
        for parent in bare - full:
            # The nearest folder that is not ignored itself arrives in the build, if only as an empty one.
            while len(parent) > len(folder) and gone(parent):
                parent = parent.rpartition("/")[0]
            if len(parent) > len(folder) and not any(other.startswith(parent + "/") for other in full):
                into.folders.add(parent)

    def _copy_parents(self, source: str, excludes: Sequence[str], into: Selection) -> None:
        """`COPY --parents`: the source is a pattern with `**`; what stands before `/./` is not kept, and may hold wildcards."""
        pivot, dotted, pattern = source.partition("/./")
        if not dotted:
            pivot, pattern = "", source
        pattern = rooted(pattern)
        left_out = _rules(excludes)
        for base in list(self._resolve(rooted(pivot), into)):
            parts = pattern.split("/") if pattern else []
            literal = next((n for n, part in enumerate(parts) if has_wildcards(part)), len(parts))
            prefix = join(base, "/".join(parts[:literal]))
            if literal == len(parts):
                followed = self._follow(self._relative(prefix), into)
                for path in {prefix, followed or prefix}:
                    self._take(path, (), into) if not excludes else self._pick(path, base, None, left_out, into)
                continue
            try:
                wanted = IgnoreRules([pattern])
            except BadPattern:
                return  # it fails the build
            self._pick(prefix, base, wanted, left_out, into)

    def _pick(self, prefix: str, base: str, wanted: IgnoreRules | None, left_out: IgnoreRules, into: Selection) -> None:
        start = len(base) + 1 if base else 0

        def gone(path: str) -> bool:
            below = path[start:]
            return (
                self.rules.ignores(self._relative(path))
                or (wanted is not None and not wanted.ignores(below))
                or left_out.ignores(below)
            )

        low, high = self.tree.span(prefix)
        index = self.tree.index(prefix) if prefix else None
        if index is not None and not gone(prefix):
            into.indexes.add(index)
        self._sift(prefix, range(low, high), gone, into)


class Contexts:
    """The contexts of one tree, with what was found out about them shared by all builds that use them."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self._open: dict[tuple[str, str | None], Context] = {}

    def open(self, root: str, ignore_file: str | None = None) -> Context:
        """Raises BadPattern when the ignore file is malformed."""
        key = (root, ignore_file)
        if key not in self._open:
            self._open[key] = Context(self.tree, root, ignore_file)
        return self._open[key]


def _rules(patterns: Sequence[str]) -> IgnoreRules:
    """`--exclude` patterns; one with a variable in it is not expanded by BuildKit, and a malformed one fails the build."""
    try:
        return IgnoreRules(patterns)
    except BadPattern:
        return IgnoreRules(())


def _unescape(part: str) -> str:
    if "\\" not in part:
        return part
    out = []
    escaped = False
    for char in part:
        if char == "\\" and not escaped:
            escaped = True
        else:
            out.append(char)
            escaped = False
    return "".join(out)
