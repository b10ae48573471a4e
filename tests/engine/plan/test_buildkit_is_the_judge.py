"""The verdicts of the table of edits, by BuildKit itself: built before and after, is it the same image?"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from windlass import process
from windlass.git.repository import EPOCH, Repository
from windlass.git.tree import GitFiles
from windlass.model.project import BuildSpec
from windlass.testing.contracts.change_case import BUSYBOX, Case, entries
from windlass.testing.contracts.changes import CASES

JUDGED = [case for case in CASES if case.judged]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    process.run(["git", "init", "-q", str(tmp_path / "repository")], check=True)
    return tmp_path


def _write(files: Mapping[str, str], root: Path) -> None:
    for path in root.iterdir():
        if path.name != ".git":
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    for name, mode, text in entries(files):
        place = root / name
        place.parent.mkdir(parents=True, exist_ok=True)
        if mode == "120000":
            place.symlink_to(text)
            continue
        place.write_bytes(text.encode())
        place.chmod(0o755 if mode == "100755" else 0o644)


def _snapshot(files: Mapping[str, str], folder: Path) -> str:
    root = folder / "repository"
    _write(files, root)
    repository = Repository(root)
    repository.git("add", "--all", "--force", ".")
    return repository.git("write-tree").strip()


def _build(case: Case, spec: BuildSpec, folder: Path, side: str) -> str:
    """The digest of the image that a side of a case gives."""
    tree = folder / side
    files = case.edited if side == "after" else case.files
    Repository(folder / "repository").materialise(_snapshot(files, folder), tree)
    places: dict[str, str] = {}
    for name, dockerfiles in case.images.items():
        inline = BuildSpec(".", "Dockerfile", dockerfile_inline=dockerfiles[side == "after"])
        places[name] = _made(inline, tree, folder / f"{side}-{name}", {})
    for name, other in case.others.items():
        places[name] = _made(other, tree, folder / f"{side}-{name}", places)
    return _made(spec, tree, folder / f"{side}.oci", places).partition("@")[2]


def _made(spec: BuildSpec, tree: Path, out: Path, places: Mapping[str, str]) -> str:
    """Build into a layout; returns what a named context calls the image. `places` are the images that names stand for."""
    dockerfile = tree / spec.dockerfile
    if spec.dockerfile_inline is not None:
        dockerfile = out.with_suffix(".Dockerfile")
        dockerfile.write_text(spec.dockerfile_inline)
    both = ("linux/amd64",) if BUSYBOX in dockerfile.read_text() else ("linux/amd64", "linux/arm64")
    argv = ["--file", str(dockerfile), "--platform", ",".join(sorted(spec.platforms or both))]
    argv += [word for key, value in spec.args.items() for word in ("--build-arg", f"{key}={value}")]
    argv += [word for key, value in spec.labels.items() for word in ("--label", f"{key}={value}")]
    contexts = {**places, **{key: _place(value, tree, places) for key, value in spec.contexts.items()}}
    argv += [word for key, value in contexts.items() for word in ("--build-context", f"{key}={value}")]
    argv += [word for one in spec.secrets for word in ("--secret", f"id={one.id},env={one.environment}")]
    argv += ["--target", spec.target] if spec.target else []
    return f"oci-layout://{out}@{_buildx([*argv, str(tree / spec.context)], out)}"


def _place(value: str, tree: Path, places: Mapping[str, str]) -> str:
    name = value.removeprefix("service:").removeprefix("docker-image://")
    return places[name] if name in places else str(tree / value)


def _buildx(words: list[str], out: Path) -> str:
    argv = ["docker", "buildx", "build", "--provenance=false", "--output", f"type=oci,tar=false,dest={out}", *words]
    done = process.run(argv, env={"SOURCE_DATE_EPOCH": str(EPOCH)}, timeout=300)
    assert done.ok, done.stderr[-2000:]
    return str(json.loads((out / "index.json").read_text())["manifests"][0]["digest"])


@pytest.mark.parametrize("case", JUDGED, ids=[case.name for case in JUDGED])
def test_buildkit_agrees(case: Case, folder: Path) -> None:
    before = _build(case, case.before, folder, "before")
    after = _build(case, case.after or case.before, folder, "after")

    assert (before != after) == case.changes


def test_an_edit_that_keeps_a_files_size_reaches_the_image(folder: Path) -> None:
    digests = set()
    for number, text in enumerate(("one\n", "two\n")):
        tree = folder / str(number) / "windlass-test-plan-size"
        dockerfile = f"FROM scratch\nCOPY file /\nLABEL run={folder.name}\n"
        files = {"Dockerfile": dockerfile, "file": text}
        Repository(folder / "repository").materialise(_snapshot(files, folder), tree)
        digests.add(_buildx(["--platform", "linux/amd64", str(tree)], folder / f"{number}.oci"))

    assert len(digests) == 2


def test_the_tree_that_is_planned_is_the_tree_that_is_built(folder: Path) -> None:
    files = next(case for case in CASES if "symlinked folder on the way" in case.name).files
    tree = _snapshot(files, folder)
    Repository(folder / "repository").materialise(tree, folder / "built")

    planned = GitFiles(Repository(folder / "repository"), tree)

    built = sorted(
        str((Path(parent) / name).relative_to(folder / "built"))
        for parent, folders, names in os.walk(folder / "built")
        for name in [*names, *(one for one in folders if (Path(parent) / one).is_symlink())]
    )
    assert list(planned.paths) == built
