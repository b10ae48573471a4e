"""Files that git LFS keeps elsewhere: what git has of them is a pointer, a small text with the id of the content.

Source: the specification of git LFS (https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md), "The Pointer".
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from windlass.git.repository import Repository

_POINTER = re.compile(r"version https://git-lfs\.github\.com/spec/v1\n(?:.*\n)*?oid sha256:([0-9a-f]{64})\n")


def lfs_files(repository: Repository, lines: Sequence[str]) -> dict[str, bool]:
    """Paths that `.gitattributes` gives to git LFS and that hold a pointer → whether a checkout here gives their content.

    Args:
        lines: a tree, as `Repository.list_tree` has it.
    """
    files = {path: head for head, _, path in (line.partition("\t") for line in lines) if head.startswith("100")}
    given = _given(repository, files)
    texts = repository.read_many([files[path].split(" ")[2] for path in given])
    found = {path: _POINTER.match(text or "") for path, text in zip(given, texts, strict=True)}
    filtered = bool(found) and _filtered(repository)
    store = _store(repository) if filtered else Path()
    return {
        path: filtered and (store / match[1][:2] / match[1][2:4] / match[1]).is_file()
        for path, match in found.items()
        if match is not None
    }


def _given(repository: Repository, files: Mapping[str, str]) -> list[str]:
    """Paths with `filter=lfs`, by the attributes of the tree and of this repository, as a checkout sees them."""
    with tempfile.TemporaryDirectory(prefix="windlass-") as folder:
        env = {"GIT_INDEX_FILE": str(Path(folder) / "index"), "GIT_ATTR_NOSYSTEM": "1"}
        attributes = [
            f"{head}\t{path}\0" for path, head in files.items() if path.rpartition("/")[2] == ".gitattributes"
        ]
        repository.git("update-index", "-z", "--index-info", env=env, input="".join(attributes))
        asked = ("-c", f"core.attributesFile={os.devnull}", "check-attr", "--cached", "--stdin", "-z", "filter")
        told = repository.git(*asked, env=env, input="".join(f"{path}\0" for path in files)).split("\0")
    return [path for path, value in zip(told[0::3], told[2::3], strict=False) if value == "lfs"]


def _filtered(repository: Repository) -> bool:
    """Whether a checkout would run git LFS: it is installed, and not told to leave pointers alone."""
    if os.environ.get("GIT_LFS_SKIP_SMUDGE", "").lower() in ("1", "true", "yes", "on"):
        return False
    return bool(repository.git("config", "--get-regexp", r"^filter\.lfs\.(process|smudge)$", check=False).strip())


def _store(repository: Repository) -> Path:
    common = Path(repository.root, repository.git("rev-parse", "--git-common-dir").strip())
    named = repository.git("config", "lfs.storage", check=False).strip()
    return common / (named or "lfs") / "objects"
