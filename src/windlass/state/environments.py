"""The histories of all environments there are records of, also of those that windlass.yaml no longer names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from windlass import process
from windlass.errors import EnvironmentUnusable, WindlassError
from windlass.git.refs import Refs
from windlass.git.repository import Repository
from windlass.model.release import Record, Release
from windlass.state.approvals import APPROVALS, GitApprovals
from windlass.state.git_ref import GitState, ref_name
from windlass.state.quarantine import Content, content, quarantined

_REFS = "refs/heads/windlass/env/"
_ALL = 1_000_000


def histories(repository: Repository, remote: str | None) -> dict[str, tuple[Record, ...]]:
    """Each environment's records, newest first, whole: who deletes what nobody needs must know it all.

    Environments are named as their refs are (`ref_name` replaces what git refuses).

    Args:
        remote: the git remote the refs live on (`state.remote`); None: they are in this repository alone.

    Raises:
        EnvironmentUnusable: a history cannot be read whole: the remote does not answer, a record is unknown or damaged,
            or the clone is shallow.
    """
    names = sorted(_here(repository) | (_there(repository, remote) if remote is not None else set()))
    state = GitState(repository, remote)
    found = {name: _records(state, name) for name in names}
    cut = _shallow(repository)
    for name in names:
        commits = Refs(repository).history(ref_name(name), _ALL)
        if cut.intersection(commits):
            raise EnvironmentUnusable(
                f"the history of {name} is not whole: this clone is shallow",
                where=ref_name(name),
                remedy=f"git fetch --unshallow {remote or ''}".rstrip() + ", or check out with the whole history",
            )
    return found


def waiting(
    repository: Repository, remote: str | None, histories: Mapping[str, Sequence[Record]]
) -> dict[str, tuple[Release, ...]]:
    """Environments to the releases that were proposed there and wait for approvals, or for a deployment after these; the
    latest first. What was healthy there, or is in quarantine, waits no more.

    Args:
        histories: as `histories` gives them.

    Raises:
        EnvironmentUnusable: proposals cannot be read, or the remote does not answer.
    """
    approvals = GitApprovals(repository, remote)
    found: dict[str, tuple[Release, ...]] = {}
    for ref in Refs(repository).refs(APPROVALS, remote):
        name = ref.removeprefix(APPROVALS)
        records = tuple(histories.get(name, ()))
        done = {content(record.release) for record in records if record.outcome == "healthy"}
        done |= {content(one.release) for one in quarantined(records)}
        try:
            entries = approvals.entries(name)
        except EnvironmentUnusable:
            raise
        except WindlassError as error:
            raise EnvironmentUnusable(
                f"what waits on {name} cannot be known: {error.message}", where=error.where, remedy=error.remedy
            ) from error
        releases: dict[Content, Release] = {}
        for one in entries:
            if one.proposed:
                releases.setdefault(content(one.release), one.release)
        latest = tuple(release for key, release in releases.items() if key not in done)
        if latest:
            found[name] = latest
    return found


def _records(state: GitState, name: str) -> tuple[Record, ...]:
    try:
        records = state.records(name, _ALL)
    except EnvironmentUnusable:
        raise
    except WindlassError as error:
        raise EnvironmentUnusable(
            f"what {name} needs cannot be known: {error.message}", where=error.where, remedy=error.remedy
        ) from error
    if state.stale is not None:
        raise EnvironmentUnusable(
            f"what {name} needs cannot be known: {state.stale}", remedy="run again when the git remote answers"
        )
    if not records:
        raise EnvironmentUnusable(
            f"what {name} needs cannot be known: its ref holds no record",
            where=ref_name(name),
            remedy="git log shows who wrote it; delete the ref if the environment is gone",
        )
    return records


def _here(repository: Repository) -> set[str]:
    listed = repository.git("for-each-ref", "--format=%(refname)", _REFS)
    return {line.removeprefix(_REFS) for line in listed.split()}


def _there(repository: Repository, remote: str) -> set[str]:
    listed = process.run(
        ["git", "ls-remote", remote, f"{_REFS}*"],
        cwd=repository.root,
        env={"LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0"},
    )
    if not listed.ok:
        lines = listed.stderr.strip().splitlines() or ["no answer"]
        said = next((line.removeprefix("fatal: ") for line in lines if line.startswith("fatal:")), lines[-1])
        raise EnvironmentUnusable(
            f"the git remote '{remote}' does not answer, so what runs cannot be known: {said}",
            remedy=f"check git remote -v and your access to '{remote}'",
        )
    return {line.split("\t")[1].removeprefix(_REFS) for line in listed.stdout.splitlines() if "\t" in line}


def _shallow(repository: Repository) -> set[str]:
    """Commits whose parents this clone does not have."""
    name = repository.git("rev-parse", "--git-path", "shallow").strip()
    try:
        return set((repository.root / Path(name)).read_text().split())
    except FileNotFoundError:
        return set()
