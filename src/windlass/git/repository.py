"""One git repository: snapshots, trees and blobs to read, checkouts to make, refs to compare and swap.

Everything is plumbing (git's own word for the stable, scriptable commands), so a user's configuration cannot change it.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from windlass import process
from windlass.errors import EnvironmentUnusable, UsageError
from windlass.model.source import Source

EPOCH = 315532800
"""1980-01-01 UTC, seconds: SOURCE_DATE_EPOCH, and the time of every materialised folder. A constant, because a commit's
own time would give one fingerprint two digests; not 0, because zip files cannot hold it."""

PLAIN: Mapping[str, str] = {"LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0"}
"""The environment in which git's words and questions are those that are expected here."""

_PRIVATE = (":(top,exclude,glob)**/.env", ":(top,exclude,glob)**/.env.*")

_ALIKE = tuple(
    word
    for setting in ("autocrlf=false", "eol=lf", "symlinks=true", f"attributesFile={os.devnull}")
    for word in ("-c", f"core.{setting}")
)
"""What a user's configuration may not decide of a file's content: the same tree gives the same files on every machine."""


_NO_LFS = ("-c", "filter.lfs.process=", "-c", "filter.lfs.smudge=", "-c", "filter.lfs.required=false")
"""For a machine whose configuration still names a git LFS that is not installed any more."""


@dataclass(frozen=True, slots=True)
class TreeEntry:
    """A line of `git ls-tree`: mode is six octal digits ("100644", "100755", "120000" symlink, "160000" submodule, "040000" tree)."""

    mode: str
    kind: str
    oid: str
    path: str


class Repository:
    """A checkout at `root` (the top of the work tree, absolute)."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @classmethod
    def discover(cls, start: Path) -> Repository:
        """The repository that `start` is in.

        Raises:
            EnvironmentUnusable: there is none.
            UsageError: `start` is no folder.
        """
        if not start.is_dir():
            raise UsageError(
                f"{start} is {'not a folder' if start.exists() else 'not there'}",
                remedy="name a folder of a repository",
            )
        found = process.run(["git", "rev-parse", "--show-toplevel"], cwd=start, env=PLAIN)
        if not found.ok:
            if "dubious ownership" in found.stderr:
                raise EnvironmentUnusable(
                    "git does not trust this repository: another user owns it",
                    where=str(start),
                    remedy=f"git config --global --add safe.directory {start}",
                )
            raise EnvironmentUnusable(
                "this is not a git repository",
                where=str(start),
                remedy="run windlass inside a repository, or start one: git init && git add -A && git commit -m start",
            )
        return cls(Path(found.stdout.strip()))

    def git(
        self, *args: str, env: Mapping[str, str] | None = None, input: str | None = None, check: bool = True
    ) -> str:
        """Run git here and return its output.

        Raises:
            ProgramFailed: it failed and `check` is set.
        """
        done = process.run(["git", *args], cwd=self.root, env={**PLAIN, **(env or {})}, input=input, check=check)
        return done.stdout

    # -- what is being delivered ------------------------------------------------------------------------------------

    def snapshot(self, ref: str | None = None) -> Source:
        """A commit (`ref`), or without one the working tree as it is: tracked changes and untracked files that are not ignored.

        Untracked dotenv files (`.env`, `.env.*`) are left out, ignored or not: they hold secrets, and what is in the tree
        is recorded with the release and pushed with it.

        Raises:
            UsageError: no such commit.
            EnvironmentUnusable: the repository has no commit yet, or git cannot read its working tree.
        """
        return self._at(ref) if ref is not None else self.worktree(self._at(None))

    def head(self) -> Source:
        """The commit that the working tree has gone on from. Raises EnvironmentUnusable as `snapshot`."""
        return self._at(None)

    def worktree(self, head: Source) -> Source:
        """The working tree as it is, on top of what `head` gave."""
        tree = self._write_worktree(head.tree)
        return replace(head, tree=tree, dirty=tree != head.tree)

    def _at(self, ref: str | None) -> Source:
        commit = self.resolve(ref or "HEAD")
        if commit is None:
            if ref is not None and self.resolve("HEAD") is not None:
                raise UsageError(f"there is no commit '{ref}' here", remedy="fetch it, or name one that git log shows")
            raise EnvironmentUnusable(
                "this repository has no commit yet", where=str(self.root), remedy="git add -A && git commit -m start"
            )
        tree, stamp = _commit(self.git("cat-file", "commit", commit))
        return Source(commit, tree, self._branch(ref, commit), False, stamp)

    def resolve(self, rev: str) -> str | None:
        """The full commit id of a revision, or None."""
        done = process.run(
            ["git", "rev-parse", "--verify", "--quiet", "--end-of-options", f"{rev}^{{commit}}"],
            cwd=self.root,
            env=PLAIN,
        )
        return done.stdout.strip() if done.ok else None

    def _branch(self, ref: str | None, commit: str) -> str | None:
        """The branch being delivered: the one named, or the current one while it points at this commit."""
        if ref is not None and ref != "HEAD" and self.resolve(f"refs/heads/{ref}") == commit:
            return ref
        current = self.git("symbolic-ref", "--quiet", "--short", "HEAD", check=False).strip()
        if current and (ref in (None, "HEAD") or self.resolve("HEAD") == commit):
            return current
        # A CI checkout is usually detached; the branch is in the runner's environment then.
        named = os.environ.get("GITHUB_REF_NAME") if os.environ.get("GITHUB_REF_TYPE") == "branch" else None
        return named if named and os.environ.get("GITHUB_SHA") == commit else None

    def _write_worktree(self, head: str | None = None) -> str:
        """The working tree as a tree object; `head` is the tree it has gone on from, if that is known."""
        changed, untracked = self._touched()
        if head is not None and not changed and not untracked and self._staged_nothing(head):
            return head
        index = self.root / self.git("rev-parse", "--git-path", "index").strip()
        with tempfile.TemporaryDirectory(prefix="windlass-") as folder:
            copy = Path(folder) / "index"
            if index.exists():
                # Keeps git's record of unchanged files, so only changed ones are hashed; and its time, by which git knows that
                # a file may have changed in the moment in which the record was made (gitformat-index, "racy-git").
                shutil.copy2(index, copy)
            env = {"GIT_INDEX_FILE": str(copy)}
            listed = ("--pathspec-from-file=-", "--pathspec-file-nul")
            for words, paths in ((("--update", *listed), changed), (listed, untracked)):
                if not paths:
                    continue
                added = process.run(
                    ["git", "--literal-pathspecs", "add", *words],
                    cwd=self.root,
                    env={**PLAIN, **env},
                    input=os.fsdecode(b"\0".join(paths)),
                )
                if not added.ok:
                    said = next((line for line in added.stderr.splitlines() if line.startswith("error:")), None)
                    raise EnvironmentUnusable(
                        f"git cannot read the working tree: {said or reason(added.stderr)}",
                        where=str(self.root),
                        remedy="write what does not belong to the project into .gitignore, "
                        "or deliver a commit: --commit HEAD",
                    )
            return self.git("write-tree", env=env).strip()

    def _touched(self) -> tuple[list[bytes], list[bytes]]:
        """Tracked files that may have changed (those that git's record of the checkout does not vouch for), and untracked ones.

        Asked side by side, and only these are given to `git add`: it would look at every file of the checkout by itself.
        """

        def ask(*words: str) -> list[bytes]:
            found = process.run_bytes(["git", *words], cwd=self.root, env=PLAIN)
            return list(dict.fromkeys(found.split(b"\0")[:-1]))

        with ThreadPoolExecutor(1) as pool:
            untracked = pool.submit(ask, "ls-files", "-z", "--others", "--exclude-standard", "--", ":/", *_PRIVATE)
            changed = ask("diff-files", "-z", "--name-only", "--ignore-submodules=dirty")
            return changed, untracked.result()

    def _staged_nothing(self, tree: str) -> bool:
        return process.run(["git", "diff-index", "--cached", "--quiet", tree, "--"], cwd=self.root, env=PLAIN).ok

    def checked_out(self, tree: str) -> bool:
        """Whether the work tree, uncommitted changes included, holds exactly these files."""
        return self._write_worktree(tree) == tree

    # -- reading trees ----------------------------------------------------------------------------------------------

    def list_tree(self, tree: str) -> str:
        """What `git ls-tree -r -z` prints for a tree: `MODE TYPE OID<TAB>PATH`, each ended by NUL."""
        return self.git("ls-tree", "-r", "-z", "--full-tree", tree)

    def changes(self, before: str, after: str) -> list[tuple[str, str | None]]:
        """Paths at which two trees differ, each with its line of `list_tree` in the second one, or None where it is gone."""
        out = self.git("diff-tree", "-r", "-z", "--raw", "--no-renames", "--full-index", before, after)
        fields = iter(out.split("\0")[:-1])
        found: list[tuple[str, str | None]] = []
        for head, path in zip(fields, fields, strict=True):
            _, mode, _, oid, letter = head.split(" ")
            kind = "commit" if mode == "160000" else "blob"
            found.append((path, None if letter == "D" else f"{mode} {kind} {oid}\t{path}"))
        return found

    def entries(self, tree: str, paths: Sequence[str] = ()) -> list[TreeEntry]:
        """All files of a tree, recursively (no directories), sorted by path; `paths` limits them to some folders or files."""
        command = ["git", "ls-tree", "-r", "-z", "--full-tree", tree, "--", *paths]
        # Names need not be UTF-8: what cannot be decoded comes as surrogates, which give the same bytes back.
        out = process.run_bytes(command, cwd=self.root, env=PLAIN).decode(errors="surrogateescape")
        return [_entry(line) for line in out.split("\0") if line]

    def entry(self, tree: str, path: str) -> TreeEntry | None:
        """The file or folder at exactly this path ("." is the tree itself), or None."""
        if path in ("", "."):
            return TreeEntry("040000", "tree", tree, ".")
        out = self.git("ls-tree", "-z", "--full-tree", tree, "--", path.rstrip("/"), check=False)
        return next((_entry(line) for line in out.split("\0") if line), None)

    def kind(self, oid: str) -> str | None:
        """What an object is ("tree", "commit", "blob"), or None when it is not here."""
        return self.git("cat-file", "-t", oid, check=False).strip() or None

    def read(self, tree: str, path: str) -> str | None:
        """The text of a file in a tree, or None when it is not there."""
        done = process.run(["git", "cat-file", "blob", f"{tree}:{path}"], cwd=self.root, env=PLAIN)
        return done.stdout if done.ok else None

    def read_many(self, names: Sequence[str]) -> list[str | None]:
        """The texts of many objects (`TREE:path` or ids) in one call, in their order; None where there is no such thing."""
        if not names:
            return []
        done = process.run_bytes(
            ["git", "cat-file", "--batch"], cwd=self.root, env=PLAIN, input="".join(f"{name}\n" for name in names)
        )
        return list(_batch(done))

    def materialise(self, tree: str, destination: Path, paths: Iterable[str] = ()) -> None:
        """Write a tree's files (or those at or below `paths`) to a folder, as a checkout would: filters applied.

        Modes are 644 and 755. Times follow from content (see `file_time`), so the same tree gives the same files wherever
        and whenever it is written.
        """
        blobs = [entry for entry in self.entries(tree, list(paths)) if entry.kind == "blob"]
        self._check_out(blobs, destination, ("read-tree", tree))

    def materialise_few(self, tree: str, destination: Path, paths: Sequence[str]) -> None:
        """The same for few files of a large tree, without looking at the others."""
        attributes = {"/".join([*parts, ".gitattributes"]) for path in paths for parts in _folders(path)}
        listed = self.entries(tree, sorted({*paths, *attributes})) if paths else []
        if any(entry.mode == "120000" for entry in listed):  # what it points to is wanted too
            self.materialise(tree, destination)
            return
        blobs = [entry for entry in listed if entry.kind == "blob"]
        lines = "".join(f"{entry.mode} {entry.kind} {entry.oid}\t{entry.path}\0" for entry in blobs)
        self._check_out(blobs, destination, ("update-index", "-z", "--index-info"), lines)

    def _check_out(
        self, blobs: Sequence[TreeEntry], destination: Path, fill: Sequence[str], lines: str | None = None
    ) -> None:
        destination.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="windlass-") as folder:
            env = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
            self.git(*fill, env=env, input=lines)
            names = "\0".join(entry.path for entry in blobs)
            # With the checkout as the work tree, its .gitattributes, edits included, would win over those of the tree.
            env |= {"GIT_DIR": self._git_folder(), "GIT_WORK_TREE": folder, "GIT_ATTR_NOSYSTEM": "1"}
            # Content that git LFS cannot bring leaves its pointer: that is the trouble of the services that need it.
            env |= {"GIT_LFS_SKIP_DOWNLOAD_ERRORS": "1"}
            write = ("checkout-index", "-f", "-z", "--stdin", f"--prefix={destination}/")
            try:
                self.git(*_ALIKE, *write, env=env, input=names)
            except process.ProgramFailed:
                if shutil.which("git-lfs"):
                    raise
                self.git(*_ALIKE, *_NO_LFS, *write, env=env, input=names)
        _settle(destination, blobs)

    def _git_folder(self) -> str:
        usual = self.root / ".git"
        return str(usual) if usual.is_dir() else self.git("rev-parse", "--absolute-git-dir").strip()

    # -- writing objects --------------------------------------------------------------------------------------------

    def write_blob(self, text: str) -> str:
        return self.git("hash-object", "-w", "--stdin", input=text).strip()

    def write_tree(self, entries: Iterable[TreeEntry]) -> str:
        """Write one folder. Its entries' objects must exist."""
        lines = "".join(f"{entry.mode} {entry.kind} {entry.oid}\t{entry.path}\0" for entry in entries)
        return self.git("mktree", "-z", input=lines).strip()

    def write_commit(self, tree: str, parent: str | None, message: str) -> str:
        name = self.git("config", "user.name", check=False).strip() or "windlass"
        email = self.git("config", "user.email", check=False).strip() or "windlass@localhost"
        who = {
            f"GIT_{role}_{what}": value
            for role in ("AUTHOR", "COMMITTER")
            for what, value in (("NAME", name), ("EMAIL", email))
        }
        return self.git("commit-tree", tree, *(["-p", parent] if parent else []), input=message, env=who).strip()


def _commit(text: str) -> tuple[str, int]:
    """The tree and the time of a commit object. (`git show` reads far more of a large repository to say the same.)"""
    head = dict(line.partition(" ")[::2] for line in text.partition("\n\n")[0].splitlines())
    return head["tree"], int(head["committer"].split(" ")[-2])


def _folders(path: str) -> list[list[str]]:
    """The folders a path is in, as their parts: `a/b/c` → [], [a], [a, b]."""
    parts = path.split("/")
    return [parts[:depth] for depth in range(len(parts))]


def _entry(line: str) -> TreeEntry:
    head, _, path = line.partition("\t")
    mode, kind, oid = head.split()
    return TreeEntry(mode, kind, oid, path)


def _batch(output: bytes) -> Iterator[str | None]:
    """Split the output of `git cat-file --batch`: a header line, then as many bytes as it says, then a line end."""
    start = 0
    while start < len(output):
        end = output.index(b"\n", start)
        fields = output[start:end].split()
        if fields[-1] in (b"missing", b"ambiguous"):
            yield None
            start = end + 1
            continue
        size = int(fields[-1])
        yield output[end + 1 : end + 1 + size].decode(errors="replace")
        start = end + 1 + size + 1


def file_time(oid: str) -> int:
    """The time of a materialised file, seconds since 1970: between 1980 and mid-1988, decided by its content.

    Builders take a file of the same size and time for the same file and do not read it again (BuildKit's local source,
    buildah's layer cache): a constant would make them miss `VERSION=1` becoming `VERSION=2`.
    """
    return EPOCH + int(oid[:7], 16)


def _settle(folder: Path, blobs: Iterable[TreeEntry]) -> None:
    """Fix modes and times below a folder: the user's umask and the hour must not reach an image."""
    for entry in blobs:
        path = folder / entry.path
        if not path.is_symlink():
            path.chmod(0o755 if entry.mode == "100755" else 0o644)
        os.utime(path, (file_time(entry.oid),) * 2, follow_symlinks=False)
    for parent, _, _ in os.walk(folder, topdown=False):
        Path(parent).chmod(0o755)
        os.utime(parent, (EPOCH, EPOCH))


def reason(text: str) -> str:
    """What git gives as its reason: its `fatal:` line where there is one, its last line otherwise."""
    lines = text.strip().splitlines() or ["no answer"]
    return next((line.removeprefix("fatal: ") for line in lines if line.startswith("fatal:")), lines[-1])
