"""Where a bind mount's files come from, so that they follow the release and nothing restarts unless they changed.

Deciding is pure; `provide` does the copying. Copies are content-addressed by git object id: a release with the same
files gets the same path (and so the same configuration hash), and a rollback finds the old files again.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from windlass.compose.load import ComposeModel, unescape
from windlass.errors import ConfigError
from windlass.git.repository import Repository, TreeEntry
from windlass.model.events import Emit, Notice

_PLACEHOLDERS = (".gitkeep", ".gitignore", ".keep")


@dataclass(frozen=True, slots=True)
class Source:
    """A path that containers of the environment see.

    `loaded` is the path as it stands in the loaded model (`$` escaped), `relative` the one from the repository's root,
    or None outside of it. `creatable` says that an empty folder may take its place, as Compose would make one.
    """

    loaded: str
    relative: str | None
    writable: bool
    creatable: bool
    user: str


@dataclass(frozen=True, slots=True)
class Decision:
    """`kind`: a copy of the release's own files, the checkout's path, an empty folder, or the path as it is."""

    source: Source
    kind: Literal["copy", "checkout", "empty", "as it is"]
    entry: TreeEntry | None = None


def sources(model: ComposeModel, services: tuple[str, ...], root: Path, base: Path) -> list[Source]:
    """All bind mounts, and secrets and configs from files, that these services use.

    Args:
        root: the folder that stood for the repository's root when the model was loaded.
        base: the folder around it that means nothing outside (equal to `root` when that is the checkout: what is outside of
            it is taken as it is then, also where it was written relative to it).
    """
    found: dict[str, Source] = {}

    def add(loaded: str, writable: bool, creatable: bool, user: str) -> None:
        path = str(unescape(loaded))
        relative = os.path.relpath(path, root) if Path(path).is_relative_to(base) else None
        before = found.get(loaded)
        writable = writable or (before is not None and before.writable)
        found[loaded] = Source(loaded, relative, writable, creatable, before.user if before else user)

    for name in services:
        service = model["services"][name]
        for mount in service.get("volumes") or ():
            if mount.get("type") == "bind":
                creatable = bool((mount.get("bind") or {}).get("create_host_path"))
                add(mount["source"], not mount.get("read_only"), creatable, f"services.{name}.volumes")
        for kind in ("secrets", "configs"):
            for used in service.get(kind) or ():
                resource: Mapping[str, Any] = (model.get(kind) or {}).get(used["source"]) or {}
                if "file" in resource:
                    add(resource["file"], False, False, f"{kind}.{used['source']}.file")
    return list(found.values())


def decide(source: Source, entry: TreeEntry | None, *, substantial: bool, in_checkout: bool) -> Decision:
    """Choose what to mount.

    Args:
        entry: what the release's tree has at the path.
        substantial: it is a folder there that holds more than placeholders.
        in_checkout: the path exists in the checkout.

    Raises:
        ConfigError: it is nowhere, and Compose would not have made a folder for it.
    """
    if source.relative is None:
        return Decision(source, "as it is")
    if source.relative.split("/")[0] == "..":
        return Decision(source, "checkout")  # outside the repository, though written relative to it
    if entry is not None and (
        (entry.kind == "blob" and entry.mode != "120000")
        or (entry.kind == "tree" and (substantial or not source.writable))
    ):
        return Decision(source, "copy", entry)
    if in_checkout:
        return Decision(source, "checkout")
    if source.creatable or entry is not None:
        return Decision(source, "empty")
    raise ConfigError(
        f"the file {source.relative} does not exist, in the release or in the checkout",
        where=source.user,
        remedy="create it, or commit it",
    )


def refuse_elsewhere(sources: Iterable[Source], engine: str) -> None:
    """An engine elsewhere does not see this machine's files, and would mount empty folders in their place.

    Raises:
        ConfigError: names every path that a release would bring.
    """
    lost = [source for source in sources if source.relative is not None]
    if lost:
        named = ", ".join(f"{source.relative} ({source.user})" for source in lost)
        raise ConfigError(
            f"{named}: not mounted, because these files are on this machine and not at {engine}",
            where=lost[0].user,
            remedy="copy them into the image, keep them in a volume, or give configs and secrets by content: or "
            "environment:, which Compose sends; an absolute path is one of the other machine",
        )


def has_content(repository: Repository, tree: str, path: str) -> bool:
    """Whether a folder of a tree holds more than placeholders."""
    return any(Path(e.path).name not in _PLACEHOLDERS for e in repository.entries(tree, () if path == "." else (path,)))


def provide(decision: Decision, repository: Repository, tree: str, *, home: Path, own: Path, emit: Emit) -> str:
    """Make the path of a decision exist and return it, absolute (and `$` escaped for Compose).

    Args:
        home: where read-only copies are, shared by all environments.
        own: a folder of this environment alone, for what its containers may write to.
    """
    source = decision.source
    if decision.kind == "as it is":
        return source.loaded
    assert source.relative is not None
    checkout = os.path.normpath(repository.root / source.relative)
    if decision.kind == "checkout":
        return _escape(checkout)
    if decision.kind == "empty":
        folder = own / "empty" / source.relative.replace("../", "_/")
        if not folder.exists():
            folder.mkdir(parents=True)
            emit(Notice(f"{source.relative} is in no commit and not in the checkout: mounted as an empty folder"))
        return _escape(str(folder))
    assert decision.entry is not None
    copies = own / "mounts" if source.writable else home / "mounts"
    return _escape(str(_copy(repository, tree, source, decision.entry, copies, emit)))


def _copy(repository: Repository, tree: str, source: Source, entry: TreeEntry, copies: Path, emit: Emit) -> Path:
    assert source.relative is not None
    name = Path(source.relative).name if source.relative != "." else "tree"
    # A blob's id does not tell its mode; an entry point that lost its x bit would not start.
    final = copies / (f"{entry.oid}-x" if entry.mode == "100755" else entry.oid) / name
    if final.exists():
        return final
    copies.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=".draft-", dir=copies))
    try:
        repository.materialise(tree, draft, () if source.relative == "." else (source.relative,))
        final.parent.mkdir(exist_ok=True)
        if not final.exists():
            (draft / source.relative).rename(final)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    if source.writable and entry.kind == "tree":
        emit(
            Notice(
                f"{source.relative} is mounted as a copy of the release's files: what containers write there stays only until these files change"
            )
        )
    return final


def _escape(path: str) -> str:
    return path.replace("$", "$$")
