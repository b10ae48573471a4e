"""BuildKit as the judge of change detection: the digest of the image that a case's files give."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from windlass import process
from windlass.errors import BuildFailed
from windlass.git.repository import EPOCH, Repository
from windlass.model.project import BuildSpec
from windlass.testing.contracts.change_case import BUSYBOX, Case, entries

BOTH = ("linux/amd64", "linux/arm64")


class Judge:
    """Builds with `docker buildx`, from git trees as Windlass writes them, and with nothing of the planner's.

    Args:
        folder: an empty folder, for a repository, trees and layouts.
        platforms: those of images that run nothing; what runs something is built for the first one alone.
    """

    def __init__(self, folder: Path, platforms: tuple[str, ...] = BOTH) -> None:
        self.folder = folder
        self.platforms = platforms
        process.run(["git", "init", "-q", str(folder / "repository")], check=True)
        self.repository = Repository(folder / "repository")

    def changes(self, case: Case) -> bool:
        """Whether the image changes. Raises BuildFailed when there is none on one of the sides."""
        return self.digest(case, "before") != self.digest(case, "after")

    def digest(self, case: Case, side: Literal["before", "after"]) -> str:
        """The image of one side of a case. Raises BuildFailed."""
        tree = self.folder / side
        after = side == "after"
        self.materialise(case.edited if after else case.files, tree)
        places: dict[str, str] = {}
        for name, dockerfiles in case.images.items():
            inline = BuildSpec(".", "Dockerfile", dockerfile_inline=dockerfiles[after])
            places[name] = self._built(inline, tree, self.folder / f"{side}-{name}", {})
        for name, other in case.others.items():
            places[name] = self._built(other, tree, self.folder / f"{side}-{name}", places)
        spec = case.after if after and case.after is not None else case.before
        return self._built(spec, tree, self.folder / f"{side}.oci", places).partition("@")[2]

    def snapshot(self, files: Mapping[str, str]) -> str:
        """The git tree of some files."""
        root = self.repository.root
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
        self.repository.git("add", "--all", "--force", ".")
        return self.repository.git("write-tree").strip()

    def materialise(self, files: Mapping[str, str], tree: Path) -> None:
        """Write a tree as a build gets it, in place of what is there."""
        shutil.rmtree(tree, ignore_errors=True)
        self.repository.materialise(self.snapshot(files), tree)

    def _built(self, spec: BuildSpec, tree: Path, out: Path, places: Mapping[str, str]) -> str:
        """Build into a layout; returns what a named context calls the image. `places` are the images that names stand for."""
        dockerfile = tree / spec.dockerfile
        if spec.dockerfile_inline is not None:
            dockerfile = out.with_suffix(".Dockerfile")
            dockerfile.write_text(spec.dockerfile_inline)
        alone = BUSYBOX in dockerfile.read_text()
        platforms = spec.platforms or (self.platforms[:1] if alone else self.platforms)
        argv = ["--file", str(dockerfile), "--platform", ",".join(sorted(platforms))]
        argv += [word for key, value in spec.args.items() for word in ("--build-arg", f"{key}={value}")]
        argv += [word for key, value in spec.labels.items() for word in ("--label", f"{key}={value}")]
        contexts = {**places, **{key: _place(value, tree, places) for key, value in spec.contexts.items()}}
        argv += [word for key, value in contexts.items() for word in ("--build-context", f"{key}={value}")]
        argv += [word for one in spec.secrets for word in ("--secret", f"id={one.id},env={one.environment}")]
        argv += ["--target", spec.target] if spec.target else []
        context = spec.context if "://" in spec.context else str(tree / spec.context)
        return f"oci-layout://{out}@{buildx([*argv, context], out)}"


def _place(value: str, tree: Path, places: Mapping[str, str]) -> str:
    name = value.removeprefix("service:").removeprefix("docker-image://")
    return places[name] if name in places else str(tree / value)


def buildx(words: list[str], out: Path) -> str:
    """Build into a layout of its own and return the image's digest. Raises BuildFailed."""
    shutil.rmtree(out, ignore_errors=True)
    argv = ["docker", "buildx", "build", "--provenance=false", "--output", f"type=oci,tar=false,dest={out}", *words]
    done = process.run(argv, env={"SOURCE_DATE_EPOCH": str(EPOCH)}, timeout=300)
    if not done.ok:
        raise BuildFailed(done.stderr[-2000:])
    return str(json.loads((out / "index.json").read_text())["manifests"][0]["digest"])
