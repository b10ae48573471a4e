"""Refs as a store that several write to: one moves when nobody else has moved it since it was looked at, here or on a remote.

git-update-ref(1), git-push(1) `--force-with-lease`.
"""

from __future__ import annotations

from contextlib import suppress

from windlass import process
from windlass.errors import EnvironmentUnusable, Locked
from windlass.git.repository import PLAIN, Repository, reason
from windlass.waiting import DeadlinePassed, wait_for

_BUSY = ("cannot lock ref", "Unable to create", "File exists")
_PATIENCE = 5.0


class Refs:
    """The refs of a repository, and of its remotes."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository

    def ref(self, name: str) -> str | None:
        """The commit a full ref name (`refs/heads/…`) points at here, or None."""
        return self._repository.git("rev-parse", "--verify", "--quiet", name, check=False).strip() or None

    def refs(self, below: str, remote: str | None = None) -> list[str]:
        """Full names of refs below a place (`refs/heads/…/`), sorted: those of a remote, or those known here where there is
        none or it does not answer."""
        if remote is not None:
            listed = process.run(["git", "ls-remote", remote, f"{below}*"], cwd=self._repository.root, env=PLAIN)
            if listed.ok:
                return sorted(line.partition("\t")[2] for line in listed.stdout.splitlines())
        return self._repository.git("for-each-ref", "--format=%(refname)", below).split()

    def fetch_ref(self, remote: str, name: str) -> str | None:
        """Bring a ref from a remote, set the local one to it, and return its commit.

        Where the remote has none yet, the local one stays what it is: a history that began here goes to the remote with
        the next `compare_and_swap`.

        Raises:
            EnvironmentUnusable: the remote does not answer.
        """
        listed = process.run(["git", "ls-remote", remote, name], cwd=self._repository.root, env=PLAIN)
        if not listed.ok:
            raise EnvironmentUnusable(
                f"the git remote '{remote}' does not answer: {reason(listed.stderr)}",
                remedy=f"check git remote -v and your access to '{remote}'",
            )
        seen = _seen(remote, name)
        if not listed.stdout.strip():
            self._change("update-ref", "-d", seen)
            return self.ref(name)
        fetched = self._change("fetch", "--no-tags", "--no-write-fetch-head", "--quiet", remote, f"+{name}:{seen}")
        if not fetched.ok:
            raise EnvironmentUnusable(
                f"cannot fetch {name} from '{remote}': {reason(fetched.stderr)}",
                remedy=f"check git remote -v and your access to '{remote}'",
            )
        found = self.ref(seen)
        if found is not None:
            self._change("update-ref", name, found)
        return found

    def _change(self, *words: str) -> process.Completed:
        """Run a git command that moves refs; while another process holds one of them for a moment, again."""
        last: list[process.Completed] = []

        def attempt() -> bool:
            last[:] = [process.run(["git", *words], cwd=self._repository.root, env=PLAIN)]
            return last[0].ok or not any(sign in last[0].stderr for sign in _BUSY)

        with suppress(DeadlinePassed):
            wait_for(attempt, bool, seconds=_PATIENCE, every=0.05)
        return last[0]

    def compare_and_swap(self, name: str, new: str, old: str | None, remote: str | None = None) -> None:
        """Point a ref at `new` if it still points at `old` (None: does not exist).

        With a remote, what counts is that the remote's ref is what `fetch_ref` saw last.

        Raises:
            Locked: somebody else moved it first.
            EnvironmentUnusable: the remote, or this repository, does not let it be written.
        """
        if remote is not None:
            seen = self.ref(_seen(remote, name))
            if seen is not None and seen != old:
                raise _moved(name)  # another process here has seen more: what it saw must not be written over
            lease = f"--force-with-lease={name}:{seen or ''}"
            pushed = process.run(
                ["git", "push", "--no-verify", "--quiet", lease, remote, f"{new}:{name}"],
                cwd=self._repository.root,
                env=PLAIN,
            )
            if not pushed.ok:
                raise _refused_push(name, remote, pushed.stderr)
            self._change("update-ref", name, new)
            self._change("update-ref", _seen(remote, name), new)
            return
        done = process.run(
            ["git", "update-ref", name, new, old or "0" * len(new)], cwd=self._repository.root, env=PLAIN
        )
        if not done.ok:
            if any(words in done.stderr for words in ("but expected", "already exists", "File exists")):
                raise _moved(name)
            raise EnvironmentUnusable(
                f"cannot write {name}: {reason(done.stderr)}",
                where=str(self._repository.root),
                remedy="check who owns .git",
            )

    def history(self, name: str, limit: int, *, without: str = "") -> list[str]:
        """Commits of a ref, or from a commit on, newest first; without those of which a line of the message matches a pattern (extended)."""
        left_out = ["--invert-grep", "--extended-regexp", f"--grep={without}"] if without else []
        return self._repository.git(
            "rev-list", "--first-parent", f"--max-count={limit}", *left_out, name, "--", check=False
        ).split()


def _seen(remote: str, name: str) -> str:
    """Where it is kept what a remote's ref was when it was looked at last; never shown as a branch."""
    return f"refs/windlass/seen/{remote}/{name.removeprefix('refs/heads/')}"


def _moved(name: str) -> Locked:
    return Locked(f"{name} was moved by someone else", remedy="look at windlass history, then run again")


def _refused_push(name: str, remote: str, said: str) -> Locked | EnvironmentUnusable:
    """A race that waiting ends, or a refusal (of a hook, a branch rule, a missing right) that it does not."""
    if any(words in said for words in ("stale info", "cannot lock ref", "failed to lock", "fetch first")):
        return _moved(name)
    line = next((line.strip() for line in said.splitlines() if "rejected]" in line), reason(said))
    return EnvironmentUnusable(
        f"cannot push {name} to '{remote}': {line}",
        remedy="check your access to the remote, and its rules for branches named windlass/env/*",
    )
